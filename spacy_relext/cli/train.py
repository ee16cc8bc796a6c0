"""`relext train`: `spacy train` that goes on where it was stopped."""

from pathlib import Path

import typer
from spacy.util import load_config
from wasabi import msg

from spacy_relext.cli.crossval import CONFIG, overrides_of
from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import GPU_ID, OVERWRITE, setup_gpu
from spacy_relext.experiments.training import FACTORY
from spacy_relext.notices import counted
from spacy_relext.training.training import MINUTES
from spacy_relext.training.training import train as train_into


def train(
    ctx: typer.Context,
    config_path: Path = CONFIG,
    output: Path = typer.Option(
        ..., "--output", "-o", help="The folder to write: model-best and model-last, and until it is finished a checkpoint."
    ),
    code: Path = typer.Option(None, "--code", "-c", help="A Python file with registered functions, as in `spacy train`."),
    checkpoint_minutes: float = typer.Option(
        MINUTES, min=0, help="How often a checkpoint is written. It takes three times the space of the weights."
    ),
    checkpoint_steps: int = typer.Option(None, min=1, help="Write one after so many updates instead."),
    overwrite: bool = OVERWRITE,
    gpu_id: int = GPU_ID,
):
    """Train a config as `spacy train` does. A run that was stopped or killed goes on from its last checkpoint, with the same results."""
    with reported_errors():
        overrides = overrides_of(ctx.args)
        setup_gpu(gpu_id)
        made = train_into(
            config_path,
            output,
            overrides=overrides,
            code=code,
            checkpoint_minutes=checkpoint_minutes,
            checkpoint_steps=checkpoint_steps,
            overwrite=overwrite,
            gpu_id=gpu_id,
        )
        if not made.trained:
            msg.info(f"{output} is finished: skipped. Train again: --overwrite")
        msg.good(f"{made.model_best} and {made.model_last}, after {counted(made.steps, 'update', 'updates')}")
        if any(block.get("factory") == FACTORY for block in load_config(made.model_last / "config.cfg")["components"].values()):
            typer.echo(f"Next: python -m spacy relext threshold {made.model_best} DEV.spacy")
