"""What it costs to plan a run of many documents, and to read its shards."""

import gzip
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from benchmarks.measuring import now
from benchmarks.peers.protocol import peak_mb
from spacy_relext.batch.manifest import write_plan
from spacy_relext.batch.planning import plan_shards, read_shard
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.formats.reading import Options
from spacy_relext.formats.unpacking import PACKED

WORDS_PER_TEXT, TEXTS_PER_FOLDER = 150, 1000
# Shards that are read, of all.
READ = 100


def plan(
    kinds: str = typer.Option("lines,lines.gz,txt", help="How the texts are stored: lines of one file, packed or not, or a file each."),
    documents: str = typer.Option("10000,1000000", help="Numbers of documents."),
    shard_size: int = typer.Option(10, help="Documents per shard."),
):
    """Time and peak memory of planning texts of 1,040 characters, and the time of reading shards, one behind the other.

    Each measurement is a process of its own, whose memory is that of the libraries at first.
    """
    with TemporaryDirectory() as name:
        for kind in kinds.split(","):
            for n_documents in map(int, documents.split(",")):
                source = Path(name) / f"{n_documents}.{kind}"
                _write_texts(source, kind, n_documents)
                command = [sys.executable, "-m", "benchmarks", "one-plan", str(source), kind, str(shard_size)]
                figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
                print(json.dumps({"kind": kind, "documents": n_documents, **figures}), flush=True)


def one_plan(source: Path, kind: str, shard_size: int):
    """One measurement of `plan`."""
    before = peak_mb()
    start = now()
    inputs = Inputs([str(source)], "txt" if kind == "txt" else "lines")
    with TemporaryDirectory() as folder:
        made = write_plan(Path(folder), plan_shards(inputs, shard_size), {}, {}, {})
        seconds = now() - start
        peak = peak_mb()
        start = now()
        numbers = range(min(READ, made.shards))
        n_read = sum(sum(1 for _ in read_shard(made.shard(number), Options(), _fail, Counter())) for number in numbers)
        reading = now() - start
    figures = {
        "shards": made.shards,
        "seconds": round(float(seconds[0]), 1),
        "processor": round(float(seconds[1]), 1),
        "mb_before": before,
        "peak_mb": peak,
        "ms_per_shard_read": round(1000 * float(reading[1]) / len(numbers), 2),
        "documents_per_shard_read": n_read / len(numbers),
    }
    print(json.dumps(figures))


def _fail(error: Exception) -> None:
    raise error


def _write_texts(place: Path, kind: str, n_documents: int) -> None:
    rng = random.Random(0)
    words = [f"w{rng.randrange(16**5):05x}" for _ in range(5000)]
    texts = (" ".join(rng.choices(words, k=WORDS_PER_TEXT)) for _ in range(n_documents))
    if kind == "txt":
        for number, text in enumerate(texts):
            folder = place / f"{number // TEXTS_PER_FOLDER:06}"
            if number % TEXTS_PER_FOLDER == 0:
                folder.mkdir(parents=True)
            (folder / f"{number}.txt").write_text(text)
        return
    with gzip.open(place, "wt", compresslevel=1) if kind.endswith(PACKED) else place.open("w") as file:
        file.writelines(f"{text}\n" for text in texts)
