"""`relext debug-data`: what is to be known of annotated data before something is trained on it."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from thinc.api import Config
from wasabi import msg

from spacy_relext.cli.crossval import overrides_of
from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import LANG, tokenizer_of
from spacy_relext.cli.tables import print_table
from spacy_relext.diagnosis.data import N_EXAMPLES, Finding
from spacy_relext.diagnosis.diagnosing import diagnose
from spacy_relext.diagnosis.suggestions import Suggestions
from spacy_relext.diagnosis.summary import Cells
from spacy_relext.formats.files import whole_file

TELL: dict[str, Callable[..., Any]] = {"error": msg.fail, "warning": msg.warn, "info": msg.info, "good": msg.good}
DATA_HELP = "Training data: a .spacy file or a folder; a folder of folds (fold-0.spacy …) is checked fold by fold."
DEV = typer.Option(None, "--dev", help="Development data.")
TEST = typer.Option(None, "--test", help="Test data.")
ENCODER = typer.Option(
    None, help="Hugging Face name or folder of the encoder, whose word pieces are counted; they are estimated without one."
)
COMPONENT = typer.Option(None, help="Which relation extractor of the config, where there are several.")
SPANS_KEY = typer.Option(
    None,
    help="The mentions: doc.spans of this key, or 'ents' for doc.ents. Otherwise where `relext convert` puts them, if there are any.",
)


def debug_data(
    ctx: typer.Context,
    train_path: Path = typer.Argument(..., help=DATA_HELP),
    dev: Path = DEV,
    test: Path = TEST,
    config_path: Path = typer.Option(
        None,
        "--config",
        help="A config to hold the data against: the settings of its relation extractor. Its settings can be overridden.",
    ),
    encoder: str = ENCODER,
    component: str = COMPONENT,
    spans_key: str = SPANS_KEY,
    tokenizer: str = typer.Option(
        None, help="A language code, 'scispacy', or a pipeline whose tokenizer predicts: 'en', if left out; a config has its own."
    ),
    lang: str = LANG,
    output: Path = typer.Option(None, "--output", "-o", help="Also write findings, suggestions and tables to this JSON file."),
    verbose: bool = typer.Option(False, "--verbose", "-V", help="Show all examples of a finding."),
):
    """Look annotated data over before training: counts, faults, leaks between parts, settings that fit. Errors end with status 1."""
    with reported_errors():
        found = diagnose(
            train_path,
            dev,
            test,
            config=config_path,
            overrides=overrides_of(ctx.args),
            component=component,
            encoder=encoder,
            spans_key=spans_key,
            tokenizer=tokenizer_of(tokenizer, lang),
        )
        _print(found.tables, found.suggestions, found.findings, verbose=verbose)
        if output is not None:
            with whole_file(output) as file:
                file.write(json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n")
            msg.good(f"All of it in {output}")
        if found.has_errors:
            raise SystemExit(1)


def _print(tables: dict[str, Cells], suggested: Suggestions | None, findings: list[Finding], *, verbose: bool) -> None:
    for title, (header, *rows) in tables.items():
        msg.divider(title)
        print_table([str(name) for name in header], rows)
    if suggested is not None:
        msg.divider("Suggested settings")
        typer.echo(Config(suggested.to_config()).to_str())
    msg.divider("Findings")
    for finding in findings:
        TELL[finding.severity](f"{finding.name}: {finding.message}")
        for example in finding.examples if verbose else finding.examples[:N_EXAMPLES]:
            typer.echo(f"    {example}")
    counts = Counter(finding.severity for finding in findings)
    TELL["error" if counts["error"] else "good"](
        f"Errors: {counts['error']}. Warnings: {counts['warning']}. For your information: {counts['info']}."
    )
