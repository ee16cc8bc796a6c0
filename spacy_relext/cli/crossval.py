"""`relext crossval`: train and score the folds of a corpus; what is finished is not run again."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer
from click import NoSuchOption
from filelock import Timeout
from spacy.cli._util import parse_config_overrides
from wasabi import msg

from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import GPU_ID
from spacy_relext.cli.outputs import Bar
from spacy_relext.errors import RelextError
from spacy_relext.experiments.crossval import AGGREGATE, FOLD, aggregate, find_folds, fold_experiments
from spacy_relext.experiments.runs import Run, write_run
from spacy_relext.experiments.training import Experiment, finished, train_and_score
from spacy_relext.locks import lock
from spacy_relext.notices import counted_name

CONFIG = typer.Argument(..., help="A spaCy config; settings of it can be overridden as in `spacy train`: --system.seed 1")
LABEL = typer.Option([], "--label", help="A name for the run, e.g. corpus=ddi; the report reads corpus, encoding, summary and encoder.")
THRESHOLD = typer.Option(None, min=0.0, max=1.0, help="Use this threshold, instead of the one with the best micro F on development data.")
KEEP = typer.Option(False, help="Keep the trained pipeline, beside the run in a folder that ends in .work.")


class Checkpoint(StrEnum):
    """Which of the two pipelines that `spacy train` stores."""

    last = "last"
    best = "best"


CHECKPOINT = typer.Option(Checkpoint.last, help="Score the last pipeline, or the best one on the development data.")


def crossval(
    ctx: typer.Context,
    config_path: Path = CONFIG,
    folds_path: Path = typer.Argument(..., help="The folder with fold-0.spacy, fold-1.spacy and so on."),
    output_path: Path = typer.Argument(..., help="The folder to write: a JSON file per fold, and crossval.json. What is there stays."),
    label: list[str] = LABEL,
    threshold: float = typer.Option(
        None,
        min=0.0,
        max=1.0,
        help="Use this threshold, and train on all other folds. Otherwise the next fold is held out, and the threshold is chosen on it.",
    ),
    checkpoint: Checkpoint = CHECKPOINT,
    keep: bool = KEEP,
    gpu_id: int = GPU_ID,
):
    """Cross-validation: for each fold, train on the others and score it; the mean over the folds. Goes on where it was stopped."""
    with reported_errors():
        experiments = fold_experiments(
            config_path,
            find_folds(folds_path),
            labels=labels_of(label),
            overrides=overrides_of(ctx.args),
            threshold=threshold,
            checkpoint=checkpoint.value,
            gpu_id=gpu_id,
        )
        run_crossval(experiments, output_path, keep=keep)


def run_crossval(experiments: Sequence[Experiment], folder: Path, *, keep: bool) -> Run | None:
    """Run the folds that are not finished and that no other process runs; the process that ends last writes their aggregate.

    RETURNS: The aggregate, or None while another process is at some fold.
    """
    outputs = [folder / FOLD.format(i) for i in range(len(experiments))]
    # All of them first: that a fold cannot be used is to be known before the others are trained.
    for experiment, output in zip(experiments, outputs, strict=True):
        finished(experiment, output)
    ran = [run_unless_locked(experiment, output, keep=keep) for experiment, output in zip(experiments, outputs, strict=True)]
    # What another process had may be finished meanwhile.
    found = [done or finished(experiment, output) for done, experiment, output in zip(ran, experiments, outputs, strict=True)]
    runs = [done for done in found if done is not None]
    if len(runs) < len(experiments):
        msg.info(f"{folder}: {len(runs)} of {counted_name(len(experiments), 'folds')} finished, and another process runs the rest")
        return None
    combined = aggregate(runs)
    write_run(combined, folder / AGGREGATE)
    _tell(combined, folder / AGGREGATE, f"mean of {counted_name(len(runs), 'folds')}")
    return combined


def run_unless_locked(experiment: Experiment, output: Path, *, keep: bool) -> Run | None:
    """Run an experiment unless another process does."""
    try:
        with lock(output):
            return run_experiment(experiment, output, keep=keep)
    except Timeout:
        msg.info(f"{output} is being run by another process: skipped")
        return None


def run_experiment(experiment: Experiment, output: Path, *, keep: bool) -> Run:
    """Run an experiment that is not finished, and write its JSON file."""
    done = finished(experiment, output)
    if done is not None:
        msg.info(f"{output} is finished: skipped")
        return done
    done = train_and_score(experiment, output, keep=keep, progress=Bar)
    _tell(done, output, "test data")
    return done


def _tell(run: Run, output: Path, what: str) -> None:
    p, r, f = (f"{100 * run.test[f'rel_micro_{k}']:.1f}" for k in "prf")
    threshold = "" if run.threshold is None else f", threshold {run.threshold}"
    msg.good(f"{output}: {what}, P {p}, R {r}, micro F {f}{threshold}")


def labels_of(given: list[str]) -> dict[str, str]:
    """The values of --label, one per name."""
    values = values_by_name(given, "--label")
    several = [name for name in values if len(values[name]) > 1]
    if several:
        raise RelextError(f"--label names {several[0]!r} more than once: {', '.join(values[several[0]])}. Keep one of them.")
    return {name: value for name, (value,) in values.items()}


def values_by_name(given: list[str], option: str) -> dict[str, list[str]]:
    """The values of an option that is given as name=value, as often as wanted."""
    values: dict[str, list[str]] = {}
    for text in given:
        name, _, value = text.partition("=")
        if not name or not value:
            raise RelextError(f"{option} is {text!r}; expected name=value, e.g. {option} corpus=ddi.")
        values.setdefault(name, []).append(value)
    return values


def overrides_of(args: Sequence[str]) -> dict[str, Any]:
    """The other options: settings of the config, as in `spacy train`."""
    try:
        # A copy: spaCy takes the list apart.
        return parse_config_overrides(list(args))
    except NoSuchOption as error:
        raise RelextError(f"{error} Settings of the config are given with their section: --system.seed 1.") from error
