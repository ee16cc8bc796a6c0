"""Parquet in and out: rows per second, and the most memory, which is not to grow with the rows."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow
import typer
from pyarrow import parquet as pyarrow_parquet

from benchmarks.peers.protocol import peak_mb
from spacy_relext.formats import datasets, parquet, texts_parquet
from spacy_relext.formats.cutting import Part
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention

KINDS = ("write", "write-by-label", "write-by-journal", "read", "read-set", "plan", "read-parts")
# Rows of a part that is read apart.
PART = 256


def parquet_files(
    kinds: str = typer.Option(",".join(KINDS), help="What is measured."),
    sizes: str = typer.Option("1000,10000,100000", help="Rows, or documents."),
    seed: int = typer.Option(0, help="Of the texts."),
) -> None:
    """Rows per second and peak memory of Parquet that is written and read, each in a process of its own.

    Texts are as long as abstracts: 239 words. Those that are read stand in one group of rows, as pandas writes them.
    """
    for kind in kinds.split(","):
        for size in map(int, sizes.split(",")):
            with TemporaryDirectory() as folder:
                path = Path(folder) / "texts"
                if not kind.startswith("write"):
                    _make(path, size, seed, as_set=kind == "read-set")
                command = [sys.executable, "-m", "benchmarks", "one-parquet", kind, str(path), str(size), str(seed)]
                print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1], flush=True)


def one_parquet(kind: str, path: Path, size: int, seed: int) -> None:
    """One of them, in this process."""
    list(_documents(10, seed))
    # A process begins with the peak of the one that started it: not this one.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = peak_mb()
    begin, made = time.process_time(), 0.0
    if kind.startswith("write"):
        n = size
        for _ in _documents(size, seed):
            pass
        made = time.process_time() - begin
        by = {"write": (), "write-by-label": ("label",), "write-by-journal": ("journal",)}[kind]
        parquet.write(_documents(size, seed), path, partition_by=by)
        made *= 2
    elif kind == "plan":
        with path.open("rb") as file:
            n = sum(cut.documents for cut in texts_parquet.CUTTER.cut(file, path, Options()))
    elif kind == "read-parts":
        n = sum(sum(1 for _ in _part(path, start, min(start + PART, size))) for start in range(0, size, PART))
    else:
        n = sum(1 for _ in (datasets if kind == "read-set" else texts_parquet).read(path, Reading()))
    seconds = time.process_time() - begin - made
    print(json.dumps({"kind": kind, "rows": n, "rows_per_second": round(n / seconds), "peak_mb": peak_mb(), "peak_mb_before": before}))


def _part(path: Path, start: int, end: int) -> Iterator[Document]:
    with path.open("rb") as file:
        head, *rows = texts_parquet.CUTTER.content(file, path, start, end, Options())
    part = Part(path, start, end, first_number=start, documents=end - start, head=head)
    return texts_parquet.CUTTER.read(BytesIO(b"".join(rows)), part, Reading())


def _documents(n: int, seed: int) -> Iterator[Document]:
    """Documents with a relation each, of 20 labels and 5,000 journals."""
    draw = random.Random(seed)
    words = [f"w{i}" for i in range(20_000)]
    mentions = [Mention("1", 0, 10, "CHEMICAL", "D002927"), Mention("2", 18, 26, "CHEMICAL")]
    for i in range(n):
        text = f"Cimetidine raised warfarin {' '.join(draw.choices(words, k=20))}."
        meta = {"year": draw.randrange(1950, 2026), "journal": f"Journal {draw.randrange(5000)}"}
        relation = AnnotatedRelation("1", "2", f"LABEL{draw.randrange(20)}", round(draw.random(), 4))
        yield Document(f"{i}", text, mentions, [relation], [(0, len(text))], meta=meta)


def _make(path: Path, n: int, seed: int, *, as_set: bool) -> None:
    draw = random.Random(seed)
    words = [f"w{i}" for i in range(20_000)]
    texts = [" ".join(draw.choices(words, k=239)) for _ in range(n)]
    table = pyarrow.table({"id": list(map(str, range(n))), "text": texts, "vector": [[0.0] * 64] * n})
    if not as_set:
        pyarrow_parquet.write_table(table, path)
        return
    path.mkdir()
    with pyarrow.ipc.new_stream(str(path / "data-00000-of-00001.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
