"""`relext calibrate`: scores that are the probability of being right."""

from dataclasses import asdict
from pathlib import Path

import typer
from wasabi import msg

from spacy_relext.calibration.calibrating import Calibration, remove_calibration
from spacy_relext.calibration.calibrating import calibrate as calibrate_pipeline
from spacy_relext.calibration.curves import Reliability
from spacy_relext.calibration.figures import error_in_words
from spacy_relext.calibration.fitting import NONE, OWN_MAP
from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import GPU_ID, setup_gpu
from spacy_relext.cli.outputs import progress_bar, write_figures
from spacy_relext.cli.tables import print_table
from spacy_relext.errors import RelextError
from spacy_relext.formats.files import require_writable
from spacy_relext.pipeline.settings import told_threshold


def calibrate(
    model: str = typer.Argument(..., help="Folder of a pipeline. The calibration is stored in it."),
    data_path: Path = typer.Argument(None, help="A .spacy file or a folder of them: documents that it was not trained on."),
    output: Path = typer.Option(None, "--output", "-o", help="Write what was tried and found to this JSON file."),
    remove: bool = typer.Option(False, "--remove", help="Put the raw scores back, and the thresholds with them."),
    predicted_mentions: bool = typer.Option(
        False, help="Calibrate the relations between the mentions that the pipeline finds, and not between the annotated ones."
    ),
    component: str = typer.Option(None, help="Which relation extractor of the pipeline, where there are several."),
    seed: int = typer.Option(0, help="Seed of the division of documents into parts."),
    gpu_id: int = GPU_ID,
):
    """Make scores the probability that a written relation is right, from development data. The same relations are written as before.

    Maps of the scores are tried on documents that they were not fitted to. If none helps, scores are the raw ones.
    """
    with reported_errors():
        if remove:
            if data_path is not None or output is not None:
                raise RelextError("--remove needs no data, and writes no figures. Leave them out.")
            removed = remove_calibration(model, component)
            msg.good(f"Raw scores and thresholds, stored in {model}") if removed else msg.info(f"{model} is not calibrated.")
            return
        if data_path is None:
            raise RelextError("no data is named: relext calibrate MODEL DEV, or relext calibrate MODEL --remove.")
        if output is not None:
            require_writable(output)
        setup_gpu(gpu_id)
        found = calibrate_pipeline(
            model,
            data_path,
            component=component,
            predicted_mentions=predicted_mentions,
            seed=seed,
            progress=progress_bar(),
        )
        _print(found)
        if found.maps is None:
            now = "are the raw ones again, and so are thresholds" if found.removed else "stay as they are, and no calibration is stored"
            msg.info(
                f"No map helps on documents that it was not fitted to: the scores {now}. The figures are kept in {model}, for its card."
            )
        else:
            msg.good(f"Calibration stored in {model}")
        write_figures(output, {**found.to_dict(), "model": model}, data=data_path)


def _print(found: Calibration) -> None:
    msg.divider("Written relations, tried on documents that maps were not fitted to")
    rows = []
    for choice in found.choices:
        raw, tried = choice.trials[NONE], choice.trials[choice.method or NONE]
        losses = (f"{raw.nll:.4f}", f"{tried.nll:.4f}", f"{raw.brier:.4f}", f"{tried.brier:.4f}")
        share = f"{100 * choice.right / choice.relations:.1f}"
        rows.append((choice.label or "all labels", f"{choice.relations:,}", share, choice.method or NONE, *losses))
    print_table(("label", "n", "right (%)", "map", "NLL, raw", "NLL", "Brier, raw", "Brier"), rows, figures=4)
    msg.text(f"A label with {OWN_MAP} written relations or more has a map of its own; the others have that of all labels.")
    msg.text(f"Raw scores: {_error(found.before)}")
    if found.maps is not None:
        msg.text(f"Calibrated, by maps that a document is no part of: {_error(found.after)}")
        msg.text(f"Thresholds: {_thresholds(found.raw_thresholds)} on raw scores, {_thresholds(found.thresholds)} on calibrated ones.")
    for note in found.notes:
        msg.warn(note)


def _error(of: Reliability) -> str:
    return f"{100 * of.score:.1f} % on average, {100 * of.right:.1f} % are right; calibration error {error_in_words(asdict(of))}"


def _thresholds(of: object) -> str:
    assert isinstance(of, dict)
    return ", ".join(
        [told_threshold(of["threshold"]), *(f"{label} {told_threshold(value)}" for label, value in of["label_thresholds"].items())]
    )
