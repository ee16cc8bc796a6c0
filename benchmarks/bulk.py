"""`relext extract` beside `nlp.pipe` of the same pipeline: what reading, storing and writing cost, and what a second process gains."""

import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import typer

import spacy_relext
from benchmarks.measuring import in_turn
from spacy_relext.evaluation import load_pipeline
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.shards import remove
from spacy_relext.formats.jsonl import line_of
from spacy_relext.formats.reading import raise_error

PIPE = "nlp.pipe"


def bulk(
    model: str = typer.Argument(..., help="A pipeline, e.g. en_relext_demo."),
    data: Path = typer.Argument(..., help="Documents, of which the texts alone are taken: a file that `relext extract` reads."),
    copies: int = typer.Option(3, help="How often each text occurs, each time under another id."),
    to: list[str] = typer.Option(["jsonl", "csv"], help="A format to write; may be given several times."),
    n_process: list[int] = typer.Option([1, 2], help="Processes of `extract`; may be given several times."),
    repeats: int = typer.Option(5, help="Runs of each way, in turn."),
    limit: int = typer.Option(None, help="So many of the documents."),
):
    """Documents per second of `extract`, from one file to another, beside `nlp.pipe` over the same texts: one torch thread per process.

    The pipeline is loaded once, for all. Seconds are those of the processor, of all processes together, and of the clock.
    """
    torch.set_num_threads(1)
    nlp = load_pipeline(model)
    documents = list(Inputs([str(data)]).read(raise_error))[:limit]
    texts = [document.text for document in documents] * copies
    with TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "texts.jsonl"
        source.write_text("".join(line_of({"id": f"d{i}", "text": text}) for i, text in enumerate(texts)), encoding="utf8")

        def pipe() -> None:
            for _ in nlp.pipe(texts):
                pass

        def extraction(format: str, number: int) -> Callable[[], None]:
            def run() -> None:
                report = spacy_relext.extract(source, nlp, n_process=number).write(folder / "out", format, overwrite=True)
                if report.documents != len(texts):
                    raise SystemExit(f"{format}: {report.documents:,} documents of {len(texts):,}.")
                remove(folder / "out")

            return run

        ways = {PIPE: pipe, **{f"{format}, {number}": extraction(format, number) for format in to for number in n_process}}
        for _ in nlp.pipe(texts[: len(documents)]):  # what torch makes when it first sees a length
            pass
        seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for way in in_turn(ways, repeats):
            before = _seconds()
            ways[way]()
            seconds[way].append((_seconds()[0] - before[0], _seconds()[1] - before[1]))
    rows = {way: _row(times, seconds[PIPE], len(texts)) for way, times in seconds.items()}
    print(json.dumps({"documents": len(texts), "characters": sum(map(len, texts)), "format, processes": rows}, indent=2))


def _row(times: list[tuple[float, float]], pipe: list[tuple[float, float]], n_documents: int) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for i, clock in enumerate(("processor", "clock")):
        ratios = [theirs[i] / ours[i] for ours, theirs in zip(times, pipe, strict=True)]
        median = statistics.median(time[i] for time in times)
        row[clock] = {"seconds": round(median, 2), "documents per second": round(n_documents / median, 2)}
        row[clock] |= {f"times {PIPE}": round(statistics.median(ratios), 3), "of each turn": [round(ratio, 3) for ratio in ratios]}
    return row


def _seconds() -> tuple[float, float]:
    """Of the processor, of this process and those that it started and that have ended; and of the clock."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used), time.perf_counter()
