"""F against the time of the processor: what each kind of model costs in prediction and training, and what it finds."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import typer
from spacy.util import minibatch
from tqdm import tqdm

from benchmarks.measuring import evenly, given_mentions, now, untrained
from spacy_relext.evaluation import extractor_of
from spacy_relext.experiments.cells import Cell, find_cells
from spacy_relext.experiments.plots import STYLES, axes_of
from spacy_relext.experiments.report import markdown, write_section
from spacy_relext.formats.files import whole_file
from spacy_relext.relations import register_extensions

BEGIN = "<!-- frontier: made by `python -m benchmarks frontier`; what is changed here is lost -->"
END = "<!-- frontier: end -->"


def frontier(
    data: Path = typer.Argument(..., help="The test data of the cells, e.g. corpus/ddi/test.spacy."),
    cells: Path = typer.Option(Path("metrics/cells"), help="Finished experiments: what was found, and how long training took."),
    corpus: str = typer.Option("ddi", help="The corpus of the cells."),
    encoder: Path = typer.Option(Path("assets/encoder"), help="The encoder; models are untrained, since their weights make no difference."),
    documents: int = typer.Option(48, help="About so many of the documents, evenly from all of them."),
    repeats: int = typer.Option(3, help="Runs of each model, taken in turn."),
    threads: int = typer.Option(1, help="Threads of torch."),
    output: Path = typer.Option(Path("metrics/frontier.json"), help="JSON of all figures."),
    page: Path = typer.Option(None, help="A Markdown file for the table and the plot, e.g. docs/benchmarks.md."),
):
    """Test F of finished experiments against the processor time of prediction, measured here side by side, and of training."""
    torch.set_num_threads(threads)
    register_extensions()
    by_model: dict[tuple[str, str], list[Cell]] = {}
    for cell in find_cells(cells).values():
        if cell.labels["corpus"] == corpus and cell.fold is None:
            by_model.setdefault((cell.labels["view"], cell.labels["summary"]), []).append(cell)
    if not by_model:
        raise SystemExit(f"{cells} has no cell of the corpus {corpus!r}.")
    references = evenly(data, documents)
    pipelines = {
        model: untrained(first.config_path, {**first.overrides, "paths.encoder": str(encoder)}, references)
        for model, (first, *_) in by_model.items()
    }
    seconds: dict[tuple[str, str], list[float]] = {model: [] for model in pipelines}
    n_pairs = 0
    for repeat in tqdm(range(repeats), desc="Measuring"):
        for model in list(pipelines)[:: 1 if repeat % 2 == 0 else -1]:
            nlp = pipelines[model]
            docs = given_mentions(nlp, references)
            pipe = extractor_of(nlp, str(model))
            start = now()
            n_pairs = sum(len(p.pairs) for batch in minibatch(docs, nlp.batch_size) for p in pipe.predict(batch))
            seconds[model].append(float((now() - start)[1]))
    rows = [_row(model, by_model[model], seconds[model]) for model in by_model]
    for row in rows:
        # Whoever finds more takes longer.
        row["frontier"] = all(other["seconds"] > row["seconds"] for other in rows if other["f"] > row["f"])
    rows.sort(key=lambda row: row["seconds"])
    figures = {"corpus": corpus, "documents": len(references), "pairs": n_pairs, "repeats": repeats, "threads": threads, "models": rows}
    with whole_file(output) as file:
        json.dump(figures, file, indent=2)
    print(_table(rows))
    if page is not None:
        plot = page.with_name(f"{page.stem}-frontier.svg")
        _plot(rows, plot)
        write_section(_section(figures, plot.name), page, begin=BEGIN, end=END)


def _row(model: tuple[str, str], cells: Sequence[Cell], seconds: Sequence[float]) -> dict[str, Any]:
    return {
        "view": model[0],
        "summary": model[1],
        "seeds": len(cells),
        "f": statistics.fmean(cell.test["rel_micro_f"] for cell in cells),
        "training minutes": statistics.fmean(cell.training_seconds["processor"] for cell in cells) / 60,
        "seconds": statistics.median(seconds),
        "from": min(seconds),
        "to": max(seconds),
    }


def _table(rows: Sequence[dict[str, Any]]) -> str:
    header = ("view", "summary", "seeds", "F", "prediction, s", "÷ the least", "training, min", "on the frontier")
    least = min(row["seconds"] for row in rows)
    return markdown(
        header,
        [
            (
                row["view"],
                f"`{row['summary']}`",
                str(row["seeds"]),
                f"{100 * row['f']:.1f}",
                f"{row['seconds']:.2f} ({row['from']:.2f} to {row['to']:.2f})",
                f"{row['seconds'] / least:.1f}",
                f"{row['training minutes']:.0f}",
                "yes" if row["frontier"] else "",
            )
            for row in rows
        ],
    )


def _section(figures: dict[str, Any], plot: str) -> str:
    return (
        f"Test F of the finished experiments on {figures['corpus']} (results.md), mean of their seeds, against the processor time of\n"
        f"prediction: {figures['documents']} documents, {figures['pairs']:,} pairs, medians of {figures['repeats']} runs in turn (least to "
        f"most), torch threads: {figures['threads']}.\nTraining: mean processor time of the experiments. On the frontier: what finds more "
        f"takes longer.\n\n{_table(figures['models'])}\n![F against time]({plot})\n"
    )


def _plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """A point a model; the axis of time is logarithmic."""
    with axes_of(path, size=(7, 4.5), grid="both", legend="small") as axes:
        for i, row in enumerate(rows):
            name = f"{row['view']}, {row['summary']}"
            axes.plot(row["seconds"], 100 * row["f"], STYLES[i % len(STYLES)][0], label=name, markersize=8 if row["frontier"] else 5)
        axes.set_xscale("log")
        axes.set_xlabel("seconds of the processor, prediction")
        axes.set_ylabel("micro F, test data (%)")
