"""`relext distill`: a pipeline that learns from others what they say of every candidate pair."""

from itertools import takewhile
from pathlib import Path

import typer
from wasabi import msg

from spacy_relext.cli.crossval import overrides_of
from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import GPU_ID, OVERWRITE, setup_gpu
from spacy_relext.cli.outputs import progress_bar
from spacy_relext.distillation.distilling import distill as distill_into
from spacy_relext.errors import RelextError
from spacy_relext.notices import counted_name


def distill(
    arguments: list[str] = typer.Argument(
        ...,
        metavar="TEACHER... CONFIG TRAIN",
        help="TEACHER: a trained pipeline, or several, the mean of whose probabilities is learned. CONFIG: that of the pipeline that is to "
        "learn; settings of it can be overridden after the arguments, as in `spacy train`: --training.max_steps 1000. TRAIN: annotated "
        "documents, a .spacy file or a folder of them.",
    ),
    output: Path = typer.Option(..., "--output", "-o", help="The folder to write: labelled documents, model-best and model-last."),
    unlabelled: list[Path] = typer.Option(
        [], "--unlabelled", "-u", help="More documents, with mentions; their annotation is not used. A .spacy file or a folder. Repeatable."
    ),
    dev: Path = typer.Option(None, "--dev", help="Development data, in the place of [paths] dev of the config."),
    code: Path = typer.Option(None, "--code", "-c", help="A Python file with registered functions, as in `spacy train`."),
    component: str = typer.Option(None, help="Which relation extractor of the teachers, where there are several."),
    label_only: bool = typer.Option(False, "--label-only", help="Train nothing. Several trainings can share the labelled documents."),
    overwrite: bool = OVERWRITE,
    gpu_id: int = GPU_ID,
):
    """Let trained pipelines label documents, and train a config on what they say of every candidate pair. Goes on where it was stopped.

    A large model on a GPU as the teacher, a small one for a CPU as the one that learns; or several, for one that is as good as their mean.
    """
    with reported_errors():
        positional = list(takewhile(lambda argument: not argument.startswith("--"), arguments))
        if len(positional) < 3:
            raise RelextError(
                f"expected TEACHER, CONFIG and TRAIN, then settings of the config, and saw {' '.join(positional) or 'no argument'}."
            )
        *teachers, config, train = positional
        setup_gpu(gpu_id)
        made = distill_into(
            teachers,
            config,
            train,
            output,
            unlabelled=unlabelled,
            dev=dev,
            code=code,
            component=component,
            overrides=overrides_of(arguments[len(positional) :]),
            label_only=label_only,
            overwrite=overwrite,
            gpu_id=gpu_id,
            progress=progress_bar(),
        )
        for name, n in made.counts.items():
            msg.info(counted_name(n, name))
        if label_only:
            msg.good(f"{made.corpus}")
            typer.echo(f"Next: python -m spacy train {config} --output OUTPUT --paths.train {made.corpus}")
            return
        if not made.trained:
            msg.info(f"{output} is finished: skipped")
        msg.good(f"{made.model_best} and {made.model_last}, trained on {made.corpus}")
        typer.echo(f"Next: python -m spacy relext threshold {made.model_last} DEV.spacy")
