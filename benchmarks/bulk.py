"""Many documents on one machine: what processes and threads gain, what they cost to start, and what memory they need together."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import spacy
import typer

from benchmarks.measuring import in_turn
from benchmarks.speed.ours import make_pipeline
from spacy_relext.corpus import read_docs
from spacy_relext.formats.docs import from_doc, to_doc
from spacy_relext.formats.jsonl import line_of, read, to_record
from spacy_relext.formats.reading import Reading


@dataclass(frozen=True)
class Way:
    """A way to use the cores: so many processes, with so many threads of torch each, by `relext extract` or by spaCy's `nlp.pipe`."""

    processes: int
    threads: int
    by: Literal["extract", "nlp.pipe"] = "extract"

    def __str__(self) -> str:
        return f"{self.by}, {self.processes} x {self.threads}"

    def command(self, model: Path, documents: Path, output: Path) -> list[str]:
        """What is run."""
        if self.by == "nlp.pipe":
            return [sys.executable, "-m", "benchmarks", "one-pipe", str(model), str(documents), str(self.processes)]
        command = [sys.executable, "-m", "spacy", "relext", "extract", str(model), str(documents)]
        return [*command, "--output", str(output), "--n-process", str(self.processes)]


def bulk(
    data: Path = typer.Argument(..., help="Annotated texts: a .spacy file, e.g. corpus/ddi/test.spacy."),
    encoder: Path = typer.Option(Path("assets/encoder"), help="The encoder; the head is untrained."),
    kind: str = typer.Option("shared", help="The pipeline: shared, own or marked."),
    copies: int = typer.Option(8, help="The documents are run once, and so many times more."),
    repeats: int = typer.Option(3, help="Runs of each way, taken in turn."),
    cores: int = typer.Option(os.cpu_count(), help="Cores to use."),
):
    """`relext extract` and `nlp.pipe` with one process and one thread, with threads, and with processes: documents a second, seconds to
    start, memory.
    """
    ways = [Way(1, 1), Way(1, cores), Way(cores, 1), Way(1, 1, "nlp.pipe"), Way(cores, 1, "nlp.pipe")]
    times: dict[Way, list[tuple[float, float, int]]] = {way: [] for way in ways}
    with TemporaryDirectory() as name:
        folder = Path(name)
        nlp = make_pipeline(kind, str(encoder))
        nlp.to_disk(folder / "model")
        records = [to_record(from_doc(doc)) for doc in read_docs(data, spacy.blank("en"))]
        few, many = folder / "few.jsonl", folder / "many.jsonl"
        _write(few, records, 1)
        _write(many, records, 1 + copies)
        for way in in_turn(ways, repeats):
            short, _ = _run(folder, few, way)
            long, memory = _run(folder, many, way)
            times[way].append((copies * len(records) / (long - short), short, memory))
    rows = {}
    for way, runs in times.items():
        rates, _, memories = zip(*runs, strict=True)
        ratios = [rate / first for rate, (first, *_) in zip(rates, times[ways[0]], strict=True)]
        starts = [short - len(records) / rate for rate, short, _ in runs]
        rows[str(way)] = {
            "documents a second": round(statistics.median(rates), 1),
            f"times those of {ways[0]}": [round(ratio, 2) for ratio in ratios],
            "seconds to start": round(statistics.median(starts), 1),
            "mb": max(memories),
        }
    print(json.dumps({"documents": len(records) * (1 + copies), "by, processes x threads": rows}, indent=2))


def _write(path: Path, records: list[dict], copies: int) -> None:
    lines = (line_of({**record, "id": f"{record['id']}-{i}"}) for i in range(copies) for record in records)
    path.write_text("".join(lines), encoding="utf8")


def one_pipe(model: Path, documents: Path, n_process: int):
    """One measurement of `bulk`: the documents of a JSON Lines file through `nlp.pipe`, and nothing written."""
    nlp = spacy.load(model)
    ignored: Counter[str] = Counter()
    for _ in nlp.pipe((to_doc(document, nlp, ignored) for document in read(documents, Reading())), n_process=n_process):
        pass


def _run(folder: Path, documents: Path, way: Way) -> tuple[float, int]:
    """Seconds by the clock, and the largest memory of the processes together, in MB."""
    command = way.command(folder / "model", documents, folder / "out.jsonl")
    environment = {**os.environ, "OMP_NUM_THREADS": str(way.threads)}
    start, peak = time.perf_counter(), 0
    with (
        (folder / "log").open("w+") as log,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=environment) as process,
    ):
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(0.2)
        seconds = time.perf_counter() - start
        if process.returncode:
            log.seek(0)
            raise SystemExit(log.read())
    return seconds, peak


def _memory(pid: int) -> int:
    """Of a process and those that it started, what several share counted once, in MB (Linux)."""
    kilobytes, waiting = 0, [pid]
    while waiting:
        place = Path("/proc") / str(waiting.pop())
        try:
            fields = dict(line.split(":", 1) for line in (place / "smaps_rollup").read_text().splitlines()[1:])
            kilobytes += int(fields["Pss"].split()[0])
            waiting += [int(child) for task in (place / "task").iterdir() for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
    return kilobytes // 1024
