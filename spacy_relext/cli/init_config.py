"""`relext init-config`: a config that trains, from annotated data."""

import shlex
import sys
from pathlib import Path

import typer
from wasabi import msg

from spacy_relext.cli.debug_data import SPANS_KEY, TELL
from spacy_relext.cli.errors import put_out, reported_errors
from spacy_relext.cli.options import LANG, OVERWRITE, tokenizer_of
from spacy_relext.conversion.sentences import make_tokenizer
from spacy_relext.diagnosis.checks import run_checks
from spacy_relext.diagnosis.diagnosing import load_data
from spacy_relext.diagnosis.settings import read_settings
from spacy_relext.diagnosis.suggestions import suggest
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.files import target_of, whole_file
from spacy_relext.quickstart.config import ENCODERS, Choice, Optimize, depth_first, make_config


def init_config(
    train_path: Path = typer.Argument(..., help="Training data: a .spacy file or a folder of them."),
    output_path: Path = typer.Argument(..., help="The config to write; - for standard output.", allow_dash=True),
    dev: Path = typer.Option(None, "--dev", help="Development data, to stand in the config. Otherwise: --paths.dev in training."),
    optimize: Optimize = typer.Option(
        Optimize.cpu,
        help="cpu: a small encoder, one pass per sentence. gpu: one of the size of BERT-base, one pass per sentence. "
        "accuracy: such a one, and one pass per pair, as in the paper.",
    ),
    ner: bool = typer.Option(False, "--ner", help="Also train an entity recogniser, on the same encoder: from raw text to relations."),
    encoder: str = typer.Option(
        None, help=f"Hugging Face name or folder of the encoder. Otherwise {ENCODERS['cpu']} (cpu) or {ENCODERS['gpu']}."
    ),
    tokenizer: str = typer.Option(None, help="A language code, 'scispacy', or a pipeline whose tokenizer is copied: 'en', if left out."),
    lang: str = LANG,
    sentences: str = typer.Option("sentencizer", help="What sets the sentences of new texts: 'sentencizer' or 'scispacy'."),
    spans_key: str = SPANS_KEY,
    overwrite: bool = OVERWRITE,
):
    """Write a filled config that trains on annotated data: candidates, labels, types and steps are the data's."""
    with reported_errors():
        to_stdout = str(output_path) == "-"
        if not to_stdout and target_of(output_path).is_file and not overwrite:
            raise RelextError(f"{output_path} is there. Name another file, or replace it with --overwrite.")
        data = load_data(train_path, dev, None, spans_key)
        if not any(text.relations for text in data.train):
            raise DataError("no document has a relation, so there is nothing to train on.", path=train_path)
        tokenizer = tokenizer_of(tokenizer, lang)
        lang = str(make_tokenizer(tokenizer).lang)
        choice = Choice(optimize, ner, encoder, lang, None if tokenizer == lang else tokenizer, sentences)
        suggested = suggest(data)
        start = make_config(data, suggested, choice, train=train_path, dev=dev)
        text = f"# Made by `{_command()}`.\n\n{depth_first(start.config)}"
        if to_stdout:
            put_out(text)
            return
        with whole_file(output_path) as file:
            file.write(text)
        for reason in start.reasons:
            msg.info(reason)
        settings = read_settings(start.config.interpolate(), str(output_path))
        findings = [f for f in run_checks(data, settings.nlp, settings=settings, suggested=suggested) if f.severity != "info"]
        for finding in findings:
            TELL[finding.severity](f"{finding.name}: {finding.message}")
        msg.good(f"{output_path}")
        if findings:
            parts = [str(train_path), *(("--dev", str(dev)) if dev else ())]
            typer.echo(f"Where: {shlex.join(['python', '-m', 'spacy', 'relext', 'debug-data', *parts, '--config', str(output_path)])}")
        gpu = "" if optimize is Optimize.cpu else " --gpu-id 0"
        paths = "" if dev else " --paths.dev DEV.spacy"
        typer.echo(f"Next: python -m spacy train {output_path} --output training{paths}{gpu}")


def _command() -> str:
    """As it was given: what a config is made of is to be seen in it."""
    return shlex.join(["python", "-m", "spacy", *sys.argv[1:]])
