"""What a worker costs per shard beside the pipeline, and whether its memory grows with their number."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import typer

from benchmarks.peers.protocol import peak_mb
from spacy_relext.batch.leases import LEASES, Leases
from spacy_relext.batch.manifest import write_plan
from spacy_relext.batch.merging import finish
from spacy_relext.batch.planning import plan_shards
from spacy_relext.batch.results import Results
from spacy_relext.batch.working import Outcome, Worker
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.running import Line
from spacy_relext.formats.types import Document

# What `plan.asked` must say for a run to JSONL.
ASKED = {
    "format of the output": "jsonl",
    "documents per file": None,
    "safe for spreadsheets": False,
    "partitions": [],
    "table of the documents": False,
    "options": {},
    "limits": {},
    "settings": {},
    "documents per shard": 1,
}


class EmptyRunner:
    """A pipeline that finds nothing, at once."""

    settings = SimpleNamespace(batch_size=32, keep_relations=False)

    def accepted(self, documents: Iterator[Document], on_error: Any) -> Iterator[Document]:
        """All of them."""
        return documents

    def lines(self, batch: Sequence[Document]) -> list[Line]:
        """Lines without relations."""
        return [Line(json.dumps({"id": d.id, "text": d.text, "mentions": [], "relations": []}) + "\n", 0) for d in batch]


def worker_shards(
    sizes: str = typer.Option("1000,10000,100000", help="Numbers of shards."),
    folder: Path = typer.Option(None, help="Where files are written, for the file system; the one of temporary files, if left out."),
):
    """Time per shard, and memory, of one worker whose pipeline does nothing: shards of one text, leased, read, stored, and merged."""
    for n_shards in map(int, sizes.split(",")):
        with TemporaryDirectory(dir=folder) as name:
            command = [sys.executable, "-m", "benchmarks", "one-worker", str(n_shards), name]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1], flush=True)


def one_worker(n_shards: int, name: Path):
    """One measurement of `worker-shards`."""
    source = name / "texts.jsonl"
    with source.open("w", encoding="utf8") as file:
        file.writelines(json.dumps({"id": f"d{i}", "text": "Aspirin raises warfarin."}) + "\n" for i in range(n_shards))
    computed = {"beat": 10.0, "overwrite": False, "precision": None, "pipeline": {}, "packages": {}, "threads": 1}
    plan = write_plan(name / "out.jsonl.work", plan_shards(Inputs([str(source)]), 1), ASKED, computed, {})
    before, begin = peak_mb(), time.perf_counter()
    with Leases(plan.folder / LEASES, computed["beat"]) as leases:
        (plan.folder / LEASES).mkdir()
        results = Results(plan, leases.owner, lambda text: None)
        results.begin()
        outcomes: list[float] = []

        def note(outcome: Outcome, n_finished: int) -> None:
            outcomes[:] = [time.perf_counter()]

        Worker(plan, EmptyRunner(), leases, results, on_outcome=note).run()  # type: ignore[arg-type]
        ran = (outcomes[0] - begin) / n_shards
        of_worker, begin = peak_mb(), time.perf_counter()
        report = finish(plan, results=results)
        results.end()
    if report.documents != n_shards:
        raise SystemExit(f"{report.documents:,} documents of {n_shards:,}.")
    merged = (time.perf_counter() - begin) / n_shards
    figures = {"shards": n_shards, "ms_per_shard": round(1000 * ran, 2), "ms_per_shard_of_merge": round(1000 * merged, 2)}
    print(json.dumps(figures | {"peak_mb": of_worker, "peak_mb_of_merge": peak_mb(), "mb_before": before}))
