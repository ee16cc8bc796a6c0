"""`relext debug-data`: what is to be known of annotated data before something is trained on it."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import spacy
import typer
from thinc.api import Config
from wasabi import msg

from spacy_relext.cli.crossval import overrides_of
from spacy_relext.cli.errors import reported_errors
from spacy_relext.conversion.sentences import make_tokenizer
from spacy_relext.corpus import read_docs
from spacy_relext.diagnosis.checks import diagnose
from spacy_relext.diagnosis.data import N_EXAMPLES, Data, Finding, find_spans_key, make_data
from spacy_relext.diagnosis.lengths import load_encoder
from spacy_relext.diagnosis.settings import Settings, read_settings
from spacy_relext.diagnosis.suggestions import Suggestions, suggest
from spacy_relext.diagnosis.summary import Table, candidate_table, gap_table, label_table, part_table, type_table
from spacy_relext.errors import RelextError
from spacy_relext.experiments.crossval import find_folds
from spacy_relext.experiments.training import read_config
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
        "-c",
        help="A config to hold the data against: the settings of its relation extractor. Its settings can be overridden.",
    ),
    encoder: str = ENCODER,
    component: str = COMPONENT,
    spans_key: str = SPANS_KEY,
    tokenizer: str = typer.Option("en", help="A language code, 'scispacy', or a pipeline whose tokenizer predicts; a config has its own."),
    output: Path = typer.Option(None, "--output", "-o", help="Also write findings, suggestions and tables to this JSON file."),
    verbose: bool = typer.Option(False, "--verbose", "-V", help="Show all examples of a finding."),
):
    """Look annotated data over before training: counts, faults, leaks between parts, settings that fit. Errors end with status 1."""
    with reported_errors():
        settings = _settings(ctx, config_path, component)
        if settings is not None and spans_key is None:
            spans_key = settings.pipe.cfg["spans_key"] or "ents"
        data = load_data(train_path, dev, test, spans_key)
        nlp = make_tokenizer(tokenizer) if settings is None else settings.nlp
        name = encoder or (settings.encoder if settings is not None else None)
        suggested = suggest(data) if any(text.relations for text in data.train) else None
        findings = diagnose(data, nlp, encoder=load_encoder(name) if name else None, settings=settings, suggested=suggested)
        tables = _tables(data, suggested)
        _print(tables, suggested, findings, verbose=verbose)
        if output is not None:
            report = {
                "findings": [asdict(finding) for finding in findings],
                "suggestions": suggested and asdict(suggested),
                "tables": tables,
            }
            with whole_file(output) as file:
                file.write(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
            msg.good(f"All of it in {output}")
        if any(finding.severity == "error" for finding in findings):
            raise SystemExit(1)


def load_data(train: Path, dev: Path | None, test: Path | None, spans_key: str | None) -> Data:
    """The parts of a corpus; those of a folder of folds are all trained on."""
    nlp = spacy.blank("xx")
    folds = find_folds(train) if (train / "fold-0.spacy").is_file() else []
    if folds and (dev or test):
        raise RelextError(f"{train} is a folder of folds, which are test data in turn. Leave --dev and --test out.")
    paths = {fold.stem: fold for fold in folds} or {
        name: path for name, path in (("train", train), ("dev", dev), ("test", test)) if path is not None
    }
    docs = {name: list(read_docs(path, nlp)) for name, path in paths.items()}
    detected = find_spans_key(doc for part in docs.values() for doc in part)
    return make_data(docs, list(paths) if folds else ["train"], spans_key={None: detected, "ents": None}.get(spans_key, spans_key))


def _settings(ctx: typer.Context, config_path: Path | None, component: str | None) -> Settings | None:
    overrides = overrides_of(ctx)
    if config_path is None:
        if component is not None:
            raise RelextError(f"--component {component}: an extractor of a config, and there is none. Give it with --config.")
        if overrides:
            raise RelextError(
                f"{', '.join(f'--{name}' for name in overrides)}: settings of a config, and there is none. Give it with --config."
            )
        return None
    return read_settings(read_config(config_path, overrides), str(config_path), component)


def _tables(data: Data, suggested: Suggestions | None) -> dict[str, Table]:
    tables = {"Parts": part_table(data)}
    if suggested is not None:
        pairs = {"Pairs in a sentence, by types": type_table(data.train), "Pairs in a sentence, by distance": gap_table(data.train)}
        tables |= {"Relations": label_table(data), **pairs, "Candidates": candidate_table(data, suggested)}
    return tables


def _print(tables: dict[str, Table], suggested: Suggestions | None, findings: list[Finding], *, verbose: bool) -> None:
    for title, (header, *rows) in tables.items():
        msg.divider(title)
        shown = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows]
        aligns = ["r" if rows and isinstance(cell, int) else "l" for cell in (rows or [header])[0]]
        msg.table(shown, header=header, aligns=aligns, divider=True, max_col=100)
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
