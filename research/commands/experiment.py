"""`research experiment`: one run: trained and scored; what is finished is not run again."""

from pathlib import Path

import typer

from spacy_relext.cli.crossval import (
    CHECKPOINT,
    CONFIG,
    KEEP,
    LABEL,
    THRESHOLD,
    Checkpoint,
    labels_of,
    overrides_of,
    run_experiment,
)
from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import GPU_ID
from spacy_relext.errors import RelextError
from spacy_relext.experiments.training import Experiment


def experiment(
    ctx: typer.Context,
    config_path: Path = CONFIG,
    train: Path = typer.Option(..., help="Training data: a .spacy file or a folder of them."),
    dev: Path = typer.Option(None, help="Development data, which the threshold is chosen on."),
    test: Path = typer.Option(..., help="Test data: scored once, with annotated mentions."),
    output: Path = typer.Option(..., "--output", "-o", help="The JSON file to write. If it is there, nothing is trained."),
    label: list[str] = LABEL,
    threshold: float = THRESHOLD,
    checkpoint: Checkpoint = CHECKPOINT,
    keep: bool = KEEP,
    gpu_id: int = GPU_ID,
):
    """Train as `spacy train` does, choose the threshold on development data, score the test data once, and write all that as JSON."""
    with reported_errors():
        planned = Experiment(
            config_path=config_path,
            train=(train,),
            dev=dev,
            test=test,
            labels=labels_of(label),
            overrides=overrides_of(ctx.args),
            threshold=threshold,
            checkpoint=checkpoint.value,
            gpu_id=gpu_id,
        )
        if output.suffix != ".json":
            raise RelextError(f"the output is {output}; expected a file that ends in .json.")
        run_experiment(planned, output, keep=keep)
