"""`relext threshold`: the thresholds of a pipeline for a purpose: F, what errors cost, or a precision that is guaranteed."""

from pathlib import Path
from typing import Any

import typer
from wasabi import msg

from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import GPU_ID, setup_gpu
from spacy_relext.cli.outputs import progress_bar, write_figures
from spacy_relext.cli.tables import print_table
from spacy_relext.errors import RelextError
from spacy_relext.formats.files import require_writable
from spacy_relext.notices import counted
from spacy_relext.pipeline.settings import told_threshold
from spacy_relext.thresholds.tuning import MICRO, ThresholdChoice, choose_threshold


def threshold(
    model: str = typer.Argument(..., help="The folder of a pipeline; the thresholds are stored in it."),
    data_path: Path = typer.Argument(
        ..., help="A .spacy file or a folder of them: development data, which the pipeline was not trained on."
    ),
    best_f: bool = typer.Option(False, "--best-f", help="The best micro F; the default."),
    cost_ratio: float = typer.Option(
        None, min=0.0, help="The lowest costs, where a wrong relation costs as much as this many missed ones."
    ),
    target_precision: float = typer.Option(
        None,
        min=0.0,
        max=1.0,
        help="The lowest threshold that has this precision, with --confidence: not on this data alone, but on documents like these.",
    ),
    confidence: float = typer.Option(None, min=0.5, max=1.0, help="The confidence of --target-precision; 0.9 if left out."),
    per_label: bool = typer.Option(
        False, "--per-label", help="A threshold for each label. A target is reached by each label, and by all at once."
    ),
    labels: list[str] = typer.Option([], "--label", help="With --per-label: for this label alone. Repeatable."),
    review_share: float = typer.Option(
        None,
        min=0.0,
        max=1.0,
        help="Write more relations below the threshold, as uncertain, for review: they make up this share of all that are written.",
    ),
    predicted_mentions: bool = typer.Option(
        False, "--predicted-mentions", help="Use the mentions that the pipeline finds, not the annotated ones."
    ),
    component: str = typer.Option(None, help="Which relation extractor of the pipeline, where there are several."),
    output: Path = typer.Option(None, "--output", "-o", help="Write the figures to this JSON file."),
    gpu_id: int = GPU_ID,
):
    """Choose the thresholds of a pipeline for a purpose, on documents that it has not seen, and store them in its folder.

    Use development data, never the test part.
    """
    with reported_errors():
        given = {"--best-f": best_f, "--cost-ratio": cost_ratio is not None, "--target-precision": target_precision is not None}
        purposes = [name for name, is_given in given.items() if is_given]
        if len(purposes) > 1:
            raise RelextError(f"{' and '.join(purposes)} exclude each other: there is one purpose at a time.")
        if confidence is not None and target_precision is None:
            raise RelextError("--confidence is that of a target: give --target-precision, too.")
        if output is not None:
            require_writable(output)
        setup_gpu(gpu_id)
        choice = choose_threshold(
            model,
            data_path,
            component=component,
            cost_ratio=cost_ratio,
            target_precision=target_precision,
            confidence=0.9 if confidence is None else confidence,
            per_label=per_label,
            labels=labels,
            review_share=review_share,
            predicted_mentions=predicted_mentions,
            progress=progress_bar(),
        )
        _print(choice)
        write_figures(output, {**choice.to_dict(), "model": model}, data=data_path)
        msg.good(f"{_told(choice)}, stored in {model}")


def _print(choice: ThresholdChoice) -> None:
    """The figures of the data that the thresholds were chosen on."""
    msg.divider(f"{choice.purpose[0].upper()}{choice.purpose[1:]}, {choice.mentions} mentions")
    limit = choice.threshold if choice.uncertain_below is None else choice.uncertain_below
    rows = []
    for name, scores in choice.figures.items():
        own = told_threshold(choice.label_thresholds.get(name, limit)) if name != MICRO or not choice.label_thresholds else ""
        bound = choice.bounds.get(name)
        cells = ("" if bound is None else f"{100 * bound:.1f}",) if choice.bounds else ()
        rows.append(
            (
                name,
                own,
                *(_percent(scores[key]) for key in "prf"),
                *cells,
                f"{choice.before[name]['f'] * 100:.1f}",
                f"{scores['support']:,}",
            )
        )
    header = ("label", "threshold", "P", "R", "F", *(("P at least",) if choice.bounds else ()), "F before", "n")
    print_table(header, rows, figures=1)
    if choice.review is not None:
        review = {name: _percent(value) for name, value in choice.review.items()}
        msg.text(
            f"Uncertain: {review['share']} % of what is written; {review['p']} % of it is right. With it, recall is {review['r']}.",
        )
    documents = counted(choice.documents, "document", "documents")
    but = ", but for the bound of the precision" if choice.bounds else ""
    msg.text(f"These are figures of the {documents} that the threshold was chosen on, and too good for others{but}.")


def _told(choice: ThresholdChoice) -> str:
    """The settings, in a line."""
    told: list[Any] = [f"threshold {told_threshold(choice.threshold)}"]
    if choice.label_thresholds:
        told.append("label_thresholds " + ", ".join(f"{label} {told_threshold(value)}" for label, value in choice.label_thresholds.items()))
    if choice.uncertain_below is not None:
        told.append(f"uncertain_below {told_threshold(choice.uncertain_below)}")
    text = "; ".join(told)
    return text[0].upper() + text[1:]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
