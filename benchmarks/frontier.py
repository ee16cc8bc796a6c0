"""F against the time of the processor: what each kind of model costs in prediction and training, and what it finds."""

import json
import statistics
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import typer
from spacy.language import Language
from spacy.tokens import Doc

from benchmarks.measuring import evenly, given_mentions, in_turn, now, untrained
from benchmarks.speed.contenders import all_contenders
from benchmarks.speed.environments import ENVIRONMENTS
from benchmarks.speed.measuring import Worker
from benchmarks.speed.workloads import Workload, from_docs
from benchmarks.train_peers import OTHERS, trained_on
from research.plots import STYLES, axes_of
from research.report import markdown, write_section
from spacy_relext.experiments.cells import Cell, find_cells
from spacy_relext.formats.files import whole_file
from spacy_relext.relations import register_extensions

BEGIN = "<!-- frontier: made by `python -m benchmarks frontier`; what is changed here is lost -->"
END = "<!-- frontier: end -->"
Model = tuple[str, str]  # view, summary


def frontier(
    data: Path = typer.Argument(..., help="The test data of the cells, e.g. corpus/ddi/test.spacy."),
    cells: Path = typer.Option(Path("metrics/cells"), help="Finished experiments: what was found, and how long training took."),
    corpus: str = typer.Option("ddi", help="The corpus of the cells."),
    peers: Path = typer.Option(None, help="JSON of `train-peers`: other libraries, measured too."),
    environments: Path = typer.Option(ENVIRONMENTS, help="Where `peers` made their environments."),
    encoder: Path = typer.Option(Path("assets/encoder"), help="The encoder; models are untrained, since their weights make no difference."),
    documents: int = typer.Option(48, help="About so many of the documents, evenly from all of them."),
    repeats: int = typer.Option(3, help="Runs of each model, taken in turn."),
    threads: int = typer.Option(1, help="Threads of torch."),
    output: Path = typer.Option(Path("metrics/frontier.json"), help="JSON of all figures."),
    page: Path = typer.Option(None, help="A Markdown file for the table and the plot, e.g. docs/results/benchmarks.md."),
):
    """Test F of finished experiments against the processor time of prediction, measured here side by side, and of training."""
    torch.set_num_threads(threads)
    register_extensions()
    by_model: dict[Model, list[Cell]] = {}
    for cell in find_cells(cells).values():
        if cell.labels["corpus"] == corpus and cell.fold is None:
            by_model.setdefault((cell.labels["view"], cell.labels["summary"]), []).append(cell)
    if not by_model:
        raise SystemExit(f"{cells} has no cell of the corpus {corpus!r}.")
    references = evenly(data, documents)
    workload = from_docs(references, len(references))
    trained = {model: [(c.test["rel_micro_f"], c.training_seconds["processor"]) for c in of] for model, of in by_model.items()}
    runs: dict[Model, Callable[[], float]] = {}
    for model, (first, *_) in by_model.items():
        nlp = untrained(first.config_path, {**first.overrides, "paths.encoder": str(encoder)}, references)
        runs[model] = partial(_predict, nlp, references)
    with ExitStack() as stack:
        if peers is not None:
            found = _trained_peers(peers, corpus)
            trained |= found
            runs |= _workers(found, workload, encoder, environments, threads, stack)
        seconds: dict[Model, list[float]] = {model: [] for model in runs}
        for model in in_turn(runs, repeats):
            seconds[model].append(runs[model]())
    rows = [_row(model, trained[model], seconds[model]) for model in runs]
    for row in rows:
        # Whoever finds more takes longer.
        row["frontier"] = all(other["seconds"] > row["seconds"] for other in rows if other["f"] > row["f"])
    rows.sort(key=lambda row: row["seconds"])
    sizes = {"documents": len(references), "pairs": workload.n_pairs}
    figures = {"corpus": corpus, **sizes, "repeats": repeats, "threads": threads, "models": rows}
    with whole_file(output) as file:
        json.dump(figures, file, indent=2)
    print(_table(rows))
    if page is not None:
        plot = page.with_name(f"{page.stem}-frontier.svg")
        _plot(rows, plot)
        write_section(_section(figures, plot.name), page, begin=BEGIN, end=END)


def _predict(nlp: Language, references: list[Doc]) -> float:
    """Seconds of the processor."""
    docs = given_mentions(nlp, references)
    start = now()
    for _ in nlp.pipe(docs, batch_size=nlp.batch_size):
        pass
    return float((now() - start)[1])


def _trained_peers(path: Path, corpus: str) -> dict[Model, list[tuple[float, float]]]:
    """F and seconds of training of other libraries that were trained on a corpus; not of those that were stopped in an epoch."""
    found: dict[Model, list[tuple[float, float]]] = {}
    for record in trained_on(path, corpus):
        if record["curve"][-1]["epoch"] % 1:
            continue
        found.setdefault((OTHERS, record["name"]), []).append((record["test"]["rel_micro_f"], record["curve"][-1]["processor"]))
    return found


def _workers(
    models: Collection[Model], workload: Workload, encoder: Path, environments: Path, threads: int, stack: ExitStack
) -> dict[Model, Callable[[], float]]:
    """How to run other libraries, in processes of their own that end with the stack: each gives its seconds of the processor."""
    folder = Path(stack.enter_context(TemporaryDirectory()))
    path = workload.write(folder)
    contenders = {(OTHERS, contender.name): contender for contender in all_contenders(encoder, environments, path, threads)}
    runs: dict[Model, Callable[[], float]] = {}
    for model in models:
        contender = contenders[model]
        if contender.missing:
            raise SystemExit(f"{contender.name}: {contender.missing}")
        worker = Worker(contender.command, threads, folder / f"{contender.name}.log")
        stack.callback(worker.close)
        worker.ready()

        def run(worker: Worker = worker) -> float:
            return worker.measure(path, 0)["processor"]

        runs[model] = run
    return runs


def _row(model: Model, trained: Sequence[tuple[float, float]], seconds: Sequence[float]) -> dict[str, Any]:
    """trained: F and seconds of training, of each seed."""
    return {
        "view": model[0],
        "summary": model[1],
        "seeds": len(trained),
        "f": statistics.fmean(f for f, _ in trained),
        "training minutes": statistics.fmean(processor for _, processor in trained) / 60,
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
        f"Test F of the finished experiments on {figures['corpus']} (docs/results.md), mean of their seeds, against the processor time of\n"
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
