"""PubMed's XML: records per second of one core, and memory as they grow many."""

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from benchmarks.peers.protocol import peak_mb
from spacy_relext.formats.cutting import Part
from spacy_relext.formats.pubmed import CUTTER, read
from spacy_relext.formats.reading import Reading, raise_error
from spacy_relext.formats.unpacking import opened_content
from tests.stress.pubmed import write


def pubmed(
    sizes: str = typer.Option("1000,10000,100000", help="Numbers of records."),
    records_per_file: int = typer.Option(25_000, help="Records of a file, at the most."),
    seed: int = typer.Option(0, help="Seed of the records."),
):
    """Read more and more records of packed files, all into documents: the time of the processor, and the peak of the memory.

    "a plan's" is the time of reading them once, as the shards of a plan do, which knows the last versions already; "whole" that of
    `relext extract` and `convert`, which look for them first.
    """
    with TemporaryDirectory() as name:
        for n_records in map(int, sizes.split(",")):
            folder = Path(name) / str(n_records)
            n_files = -(-n_records // records_per_file)
            files = write(folder, n_files, n_records // n_files, seed)
            command = [sys.executable, "-m", "benchmarks", "one-pubmed", str(folder)]
            found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
            packed = sum(file.stat().st_size for file in files)
            print(json.dumps({"records": n_records, "packed_bytes_per_record": packed // n_records, **json.loads(found)}), flush=True)


def one_pubmed(folder: Path):
    """One measurement of `pubmed`."""
    before = peak_mb()
    reading, n_bytes = Reading(raise_error), 0
    begin = time.process_time()
    n_documents = sum(1 for _ in read(folder, reading))
    whole = time.process_time() - begin
    peak = peak_mb()
    n_records, begin = 0, time.process_time()
    for file in sorted(folder.iterdir()):
        with opened_content(file) as body:
            n_records += sum(1 for _ in CUTTER.read(body, Part(file, 0, 0), reading))
    once = time.process_time() - begin
    for file in folder.iterdir():
        with opened_content(file) as body:
            n_bytes += sum(map(len, iter(lambda body=body: body.read(2**20), b"")))
    figures = {
        "documents": n_documents,
        **reading.counts,
        "bytes_per_record": n_bytes // n_records,
        "records_per_second, a plan's": round(n_records / once),
        "records_per_second, whole": round(n_records / whole),
        "peak_mb": peak,
        "of_which_before": before,
    }
    print(json.dumps(figures))
