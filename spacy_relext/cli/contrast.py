"""`relext contrast`: what a pipeline does where sentences differ in little and mean something else."""

from pathlib import Path
from typing import Any

import typer
from wasabi import msg

from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import GPU_ID, THRESHOLD, setup_gpu
from spacy_relext.cli.outputs import progress_bar, write_figures
from spacy_relext.cli.tables import print_table
from spacy_relext.contrasts.asking import Answer
from spacy_relext.contrasts.contrasting import Contrast
from spacy_relext.contrasts.contrasting import contrast as ask_set
from spacy_relext.contrasts.figures import HEADLINE, Figures
from spacy_relext.contrasts.intervals import Share
from spacy_relext.contrasts.sets import HALVES, HELD_OUT, OPEN
from spacy_relext.errors import RelextError
from spacy_relext.evaluation import NO_FOLDER, load_pipeline
from spacy_relext.findings import keep
from spacy_relext.formats.files import require_writable
from spacy_relext.notices import counted
from spacy_relext.storing import require_storable, store

SAID = {
    "co-occurring": "that merely occur together",
    "negated": "whose relation is denied",
    "hedged": "whose relation is under study or unknown",
}


def contrast(
    model: str = typer.Argument(..., help="Name or folder of a pipeline."),
    contrast_set: Path = typer.Argument(
        None, metavar="[SET]", help="A contrast set: a JSONL file or a folder of them. Left out: the one that comes with the package."
    ),
    half: str = typer.Option(
        None,
        help=f"Test this half alone, {' or '.join(HALVES)}. To improve a model, look at the open one; test the other once, at the end.",
    ),
    guideline: str = typer.Option(
        None,
        help="What the pipeline calls the set's labels and types: demo, ddi, chemprot or a JSON file. Left out: the one that fits best.",
    ),
    errors: bool = typer.Option(False, "--errors", help="Show the sentences of the open half that fail, and what was found."),
    show_held_out: bool = typer.Option(
        False, "--show-held-out", help="With --errors: those of the held-out half, too, which is then seen."
    ),
    output: Path = typer.Option(None, "--output", "-o", help="Write the figures, and which lines fail, to this JSON file."),
    keep_figures: bool = typer.Option(False, "--store", help="Keep the figures in the meta.json of the model's folder, for its card."),
    component: str = typer.Option(None, help="Which relation extractor of the pipeline, where there are several."),
    threshold: float = THRESHOLD,
    gpu_id: int = GPU_ID,
):
    """Test what a pipeline does with sentences that differ in little: one is related, the other denied, or in other words.

    Each minimal pair asks for the relation of two given mentions. Intervals are those of 95 %.
    """
    with reported_errors():
        if keep_figures:
            if not Path(model).is_dir():
                raise RelextError(f"--store keeps the figures in the model's folder, and {model!r} is none. {NO_FOLDER}")
            require_storable(Path(model))
        if keep_figures and threshold is not None:
            raise RelextError("--store keeps what the pipeline does at its own threshold. Leave --threshold out.")
        if show_held_out and not errors:
            raise RelextError("--show-held-out says which errors are shown, and none are to be. Add --errors.")
        if output is not None:
            require_writable(output)
        setup_gpu(gpu_id)
        nlp = load_pipeline(model)
        found = ask_set(
            nlp,
            contrast_set,
            half=half,
            guideline=guideline,
            component=component,
            threshold=threshold,
            progress=progress_bar("sentences"),
        )
        _print(found)
        if errors:
            _print_errors(found, held_out=show_held_out)
        failures = [answer.to_dict() for answer in found.failures(held_out=True)]
        write_figures(output, {**found.to_dict(), "model": model, "failures": failures})
        if keep_figures:
            keep(nlp, "contrast", found.to_dict(), component=found.component)
            store(nlp, Path(model))
            msg.good(f"Figures kept in {model}")


def _print(found: Contrast) -> None:
    groups = counted(found.all.consistent.n, "minimal pair", "minimal pairs")
    msg.text(f"{groups}, {counted(len(found.answers), 'sentence', 'sentences')} of {found.set}; names of the guideline {found.guideline}.")
    if found.not_asked:
        sentences = sum(lines for _, lines in found.left_out.values())
        left_out = f"{counted(found.not_asked, 'minimal pair', 'minimal pairs')}, {counted(sentences, 'sentence', 'sentences')}"
        msg.text(f"Not asked, and in no figure: {left_out}.")
        print_table(("why", "pairs", "sentences"), [(why, *numbers) for why, numbers in found.left_out.items()])
    msg.divider("Found related, though the text does not say so")
    for name in HEADLINE:
        if name in found.phenomena and found.phenomena[name].false_positives.n:
            share = found.phenomena[name].false_positives
            msg.text(f"{_percent(share)} % of {counted(share.n, 'pair', 'pairs')} {SAID[name]} are found related.")
    msg.divider("By phenomenon, in per cent")
    header = ("phenomenon", "pairs", "consistent", "not related", "false positives", "related", "failures", "compared", "changed")
    rows = [_row(name, figures) for name, figures in found.phenomena.items()]
    halves = [_row(f"half: {name}", figures) for name, figures in found.halves.items()] if len(found.halves) > 1 else []
    print_table(header, [*rows, _row("all", found.all), *halves], figures=1)
    msg.text("Consistent: minimal pairs of which every sentence passes. Failures: missed, with another label, or in the other direction.")
    msg.text("Compared: sentences that are to be taken as another one of their pair is, or as less or more probable.")


def _row(name: str, figures: Figures) -> tuple[str | int, ...]:
    shares = (figures.false_positives, figures.failures, figures.changed)
    cells = [cell for share in shares for cell in (f"{share.n:,}" if share.n else "", _percent(share))]
    return (name, figures.consistent.n, _percent(figures.consistent), *cells)


def _percent(share: Share) -> str:
    if share.share is None or share.low is None or share.high is None:
        return ""
    return f"{100 * share.share:.1f} ({100 * share.low:.1f}–{100 * share.high:.1f})"


def _print_errors(found: Contrast, *, held_out: bool) -> None:
    failures = found.failures(held_out=held_out)
    msg.divider("Sentences that fail")
    for answer in failures:
        msg.text(
            f"{answer.question.id} ({answer.question.phenomenon}): {answer.failure}, probability {answer.probability:.2f}. {_said(answer)}"
        )
        typer.echo(f"  {_marked(answer)}")
    hidden = len(found.failures(held_out=True)) - len(failures)
    if hidden:
        msg.info(
            f"{counted(hidden, 'sentence', 'sentences')} of the half {HELD_OUT!r} that {'fails' if hidden == 1 else 'fail'} not shown."
        )
    if not failures:
        msg.good(f"None of the half {OPEN!r}." if hidden else "None.")


def _said(answer: Answer) -> str:
    """What is expected, and what was found."""
    expected = " or ".join(sorted(answer.expected)) if answer.expected else "not related"
    found = ", ".join(f"{label} {score:.2f}{'' if forward else ', reversed'}" for (label, forward), score in answer.found.items())
    compared = ", ".join(f"{key.replace('_', ' ')} {name}" for key, name in answer.question.references.items())
    said = [compared] if compared else []
    if answer.expected is not None:
        said.insert(0, expected)
    return f"Expected: {'; '.join(said)}. Found: {found or 'not related'}."


def _marked(answer: Answer) -> str:
    """The text with head and tail in brackets."""
    document: Any = answer.question.document
    ends = {mention.id: mention for mention in document.mentions}
    text = document.text
    for mark, name in sorted((("head", answer.question.head), ("tail", answer.question.tail)), key=lambda end: -ends[end[1]].start):
        mention = ends[name]
        text = f"{text[: mention.start]}[{text[mention.start : mention.end]}]({mark}){text[mention.end :]}"
    return text
