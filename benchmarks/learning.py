"""How long a model has to be trained to find so much on development data: processor time until a given F, evaluation not counted."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import typer
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training.initialize import init_nlp
from spacy.training.loop import create_train_batches, train_while_improving
from spacy.util import load_config
from thinc.api import fix_random_seed
from tqdm import tqdm

from benchmarks.measuring import evenly, now, training_of
from benchmarks.train_peers import OTHERS, trained_on
from research.commands.grid import chosen
from research.grid import Planned, read_grid
from research.plots import STYLES, axes_of
from research.report import markdown, write_section
from spacy_relext.devices import device_name
from spacy_relext.evaluation import THRESHOLDS, best_threshold, extractor_of, predict, score_thresholds
from spacy_relext.formats.files import whole_file
from spacy_relext.pipeline.scoring import with_gold_mentions
from spacy_relext.relations import register_extensions

BEGIN = "<!-- learning: made by `python -m benchmarks learning`; what is changed here is lost -->"
END = "<!-- learning: end -->"


class Point(NamedTuple):
    """Where a training stands: updates, their processor time, and F on development data at the best threshold."""

    step: int
    seconds: float
    f: float


def learning(
    grid: Path = typer.Argument(Path("configs/minilm.yml"), help="The experiments, as for `research grid`."),
    only: list[str] = typer.Option(["corpus=ddi", "seed=0"], help="Which of them, as for `research grid`."),
    target: float = typer.Option(0.7, help="The F to reach; a training ends there."),
    every: int = typer.Option(20, help="F is taken so many times in a whole training, at even distances."),
    documents: int = typer.Option(48, help="About so many of the development documents, evenly from all of them."),
    threads: int = typer.Option(1, help="Threads of torch."),
    peers: Path = typer.Option(None, help="JSON of `train-peers`: other libraries that learned the same corpora."),
    output: Path = typer.Option(Path("metrics/learning.json"), help="JSON of all figures; what it has of other experiments stays."),
    page: Path = typer.Option(None, help="A Markdown file for the table and the plot, e.g. docs/results/benchmarks.md."),
):
    """Processor time of training until F on development data reaches a target, one experiment after the other."""
    if not 0 < target <= 1 or every < 1:
        raise SystemExit(f"--target is {target}, and must lie in (0, 1]; --every is {every}, and must be positive.")
    torch.set_num_threads(threads)
    register_extensions()
    # Times of two processors do not belong in one table.
    settings = {"target": target, "documents": documents, "threads": threads, "processor": device_name(-1)}
    rows = _measured(output, settings)
    for planned in chosen(read_grid(grid), only):
        if "folds" in planned.data:
            raise SystemExit(f"{planned.names} is a cross-validation, which has no development data. Choose others with --only.")
        references = evenly(planned.data["dev"], documents)
        curve = []
        with tqdm(desc=", ".join(planned.names.values()), unit=" updates") as bar:
            for point in learn(planned, references, every):
                curve.append(point)
                bar.update(point.step - bar.n)
                bar.set_postfix(f=f"{point.f:.3f}")
                if point.f >= target:
                    break
        rows = [row for row in rows if {**row, **planned.names} != row]
        rows.append({**planned.names, "curve": [point._asdict() for point in curve]})
        # After each of them: they take long.
        _write({**settings, "models": rows}, peers, output, page)
    print(_table([*rows, *_others(peers, rows)], target))


def _measured(output: Path, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """What was measured before, and can stand in one table with what is measured with these settings."""
    if not output.exists():
        return []
    figures = json.loads(output.read_text(encoding="utf8"))
    others = {name: figures.get(name) for name in settings}
    if others != settings:
        raise SystemExit(f"{output} has figures with {others}, and these would be with {settings}. Give another --output.")
    return figures["models"]


def _others(peers: Path | None, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of other libraries; their steps are epochs."""
    records = [record for corpus in dict.fromkeys(row["corpus"] for row in rows) for record in trained_on(peers, corpus)] if peers else []
    return [
        {
            "encoding": OTHERS,
            "summary": record["name"],
            "curve": [{"step": point["epoch"], "seconds": point["processor"], "f": point["f"]} for point in record["curve"]],
        }
        for record in records
    ]


def learn(planned: Planned, references: Sequence[Doc], every: int) -> Iterator[Point]:
    """Train as `spacy train` does, and say from time to time what it came to."""
    overrides = {**planned.overrides, "paths.train": str(planned.data["train"]), "paths.dev": str(planned.data["dev"])}
    config = load_config(planned.config_path, overrides=overrides, interpolate=False)
    # spaCy seeds when it initialises a pipeline, and again before it trains it.
    nlp = init_nlp(config)
    fix_random_seed(planned.seed)
    resolved, corpus = training_of(nlp)
    points: list[Point] = []
    start, evaluation = now(), 0.0

    def evaluate() -> tuple[float, dict[str, Any]]:
        nonlocal evaluation
        before = now()
        f = development_f(nlp, references)
        # The first time is after the first update.
        step = len(points) * frequency + 1
        points.append(Point(step, float((before - start)[1]) - evaluation, f))
        evaluation += float((now() - before)[1])
        return f, {}

    frequency = max(1, resolved["max_steps"] // every)
    updates = train_while_improving(
        nlp,
        resolved["optimizer"],
        create_train_batches(nlp, corpus, resolved["batcher"], resolved["max_epochs"]),
        evaluate=evaluate,
        dropout=resolved["dropout"],
        accumulate_gradient=resolved["accumulate_gradient"],
        patience=0,
        max_steps=resolved["max_steps"],
        eval_frequency=frequency,
        exclude=resolved["frozen_components"],
        annotating_components=resolved["annotating_components"],
        before_update=resolved["before_update"],
    )
    n_told = 0
    for _ in updates:
        yield from points[n_told:]
        n_told = len(points)


def development_f(nlp: Language, references: Sequence[Doc]) -> float:
    """Micro F of the relations between annotated mentions, at the best threshold."""
    pipe = extractor_of(nlp, "in training")
    found = list(with_gold_mentions(pipe, predict(nlp, references, annotated=True), threshold=THRESHOLDS[0]))
    results = score_thresholds(pipe, found)
    return results[best_threshold(results)]["rel_micro_f"] or 0.0


def _write(figures: dict[str, Any], peers: Path | None, output: Path, page: Path | None) -> None:
    with whole_file(output) as file:
        json.dump(figures, file, indent=2)
    if page is not None:
        plot = page.with_name(f"{page.stem}-learning.svg")
        rows = [*figures["models"], *_others(peers, figures["models"])]
        _plot(rows, figures["target"], plot)
        write_section(_section({**figures, "models": rows}, plot.name), page, begin=BEGIN, end=END)


def _table(rows: Sequence[dict[str, Any]], target: float) -> str:
    header = ("encoding", "summary", f"minutes to F {100 * target:.0f}", "updates", "best F")
    lines = []
    for row in rows:
        reached = next((point for point in row["curve"] if point["f"] >= target), None)
        unit = " epochs" if row["encoding"] == OTHERS else ""
        minutes, step = f"not reached in {row['curve'][-1]['seconds'] / 60:.1f}", "–"
        if reached:
            minutes, step = f"{reached['seconds'] / 60:.1f}", f"{reached['step']:,}{unit}"
        lines.append((row["encoding"], f"`{row['summary']}`", minutes, step, f"{100 * max(p['f'] for p in row['curve']):.1f}"))
    return markdown(header, lines)


def _section(figures: dict[str, Any], plot: str) -> str:
    others = any(row["encoding"] == OTHERS for row in figures["models"])
    return (
        f"Processor time of training until the micro F on about {figures['documents']} development documents, at the best threshold for\n"
        f"each point, reaches {100 * figures['target']:.0f}; one run each, on {figures['processor']}\n"
        f"(torch threads: {figures['threads']}). A training ends there.\n"
        + (
            "Other libraries: F on all development documents, after each epoch, without a threshold, as they were trained.\n"
            if others
            else ""
        )
        + f"\n{_table(figures['models'], figures['target'])}\n![F while training]({plot})\n"
    )


def _plot(rows: Sequence[dict[str, Any]], target: float, path: Path) -> None:
    """One line per model; the axis of time is logarithmic."""
    with axes_of(path, size=(7, 4.5), grid="both", legend="small") as axes:
        for i, row in enumerate(rows):
            curve, name = row["curve"], f"{row['encoding']}, {row['summary']}"
            axes.plot([p["seconds"] / 60 for p in curve], [100 * p["f"] for p in curve], STYLES[i % len(STYLES)], label=name)
        axes.axhline(100 * target, color="grey", linestyle=":")
        axes.set_xscale("log")
        axes.set_xlabel("minutes of the processor, training")
        axes.set_ylabel("micro F, development data (%)")
