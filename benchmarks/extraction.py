"""`relext extract` under `kill -9`, and its memory as documents grow many."""

import json
import os
import random
import resource
import signal
import string
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import spacy
import typer
from spacy.training import Example

from spacy_relext.conversion import convert
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention

DRUGS = ("aspirin", "warfarin", "ketamine", "rifampicin", "digoxin", "quinine")
VERBS = ("raises", "lowers", "does not alter", "is given with")
EXTRACTOR = "relation_extractor"
# In the kill test, one document in so many cannot be read.
BAD = 97


def kills(
    n_kills: int = typer.Option(50, help="How often a run is killed."),
    n_documents: int = typer.Option(5000, help="Documents."),
    shard_size: int = typer.Option(20, help="Documents that are stored at a time."),
    to: str = typer.Option("jsonl", help="Format of the output."),
    n_process: int = typer.Option(1, help="Processes of the run."),
    seed: int = typer.Option(0, help="Seed of documents and moments."),
):
    """Kill an extraction at random moments, start it again each time, and compare its output with that of a run that was left alone."""
    from spacy_relext.cli import extract, relext_cli  # noqa: F401 (imported before the forks)

    rng = random.Random(seed)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_pipeline(folder / "model")
        write_documents(folder / "in.jsonl", n_documents, rng)

        def start(output: Path) -> int:
            """The command in a process of its own, which has loaded the libraries."""
            pid = os.fork()
            if pid:
                return pid
            options = f"--to {to} --skip-errors --shard-size {shard_size} --n-process {n_process}".split()
            with open(os.devnull, "w") as quiet:
                os.dup2(quiet.fileno(), 2)
            try:
                relext_cli(["extract", str(folder / "model"), str(folder / "in.jsonl"), "--output", str(output), *options])
            except SystemExit as end:
                os._exit(int(end.code or 0))
            finally:
                os._exit(1)

        begin = time.perf_counter()
        _, status = os.waitpid(start(folder / "whole"), 0)
        assert status == 0, "the run that is left alone fails"
        seconds = time.perf_counter() - begin
        n_killed = n_runs = 0
        output, work = folder / "killed", folder / "killed.work"
        while n_runs == 0 or n_killed < n_kills:
            pid = start(output)
            # So many more shards that about `n_kills` of them are all there are; or at any moment, also before anything is stored.
            n_more = rng.randrange(max(2, 2 * n_documents // (shard_size * n_kills)))
            target, latest = len(_shards(work)) + n_more, time.perf_counter() + (rng.uniform(0, 2) if n_more == 0 else seconds)
            while n_killed < n_kills and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                if (n_more and len(_shards(work)) >= target) or time.perf_counter() > latest:
                    time.sleep(rng.uniform(0, 0.05))
                    os.kill(pid, signal.SIGKILL)
                    break
                time.sleep(0.001)
            _, status = os.waitpid(pid, 0)
            if os.WIFSIGNALED(status):
                n_killed += 1
                print(f"\rkilled {n_killed} times, {len(_shards(work))} shards", end="", file=sys.stderr, flush=True)
                continue
            assert status == 0, "a run that goes on fails"
            assert _contents(output) == _contents(folder / "whole"), f"the output differs after {n_killed} kills"
            assert [path.name for path in folder.glob("killed*")] == ["killed"]
            n_runs += 1
            output.rename(folder / f"run-{n_runs}")
        print(file=sys.stderr)
        size = sum(map(len, _contents(folder / "whole").values()))
        figures = {"kills": n_killed, "runs that came through": n_runs, "documents": n_documents, "bytes": size, "identical": True}
        print(json.dumps(figures | {"seconds of a run": round(seconds, 1)}))


def extraction_memory(
    model: str = typer.Option(None, help="A pipeline; an untrained one without word pieces, if left out."),
    sizes: str = typer.Option("1000,10000", help="Numbers of documents."),
    n_process: int = typer.Option(1, help="Processes of the extraction, each with a peak of its own."),
):
    """Peak memory of extractions of more and more documents, in which every tenth word is a new one.

    Peaks are of the process that reads and writes, and of the largest of those that it starts.
    """
    with TemporaryDirectory() as name:
        if model is None:
            model = str(Path(name) / "model")
            write_pipeline(Path(model))
        for n_documents in map(int, sizes.split(",")):
            source = Path(name) / f"{n_documents}.jsonl"
            write_documents(source, n_documents, random.Random(0))
            begin = time.perf_counter()
            output = Path(name) / f"{n_documents}.out"
            command = [sys.executable, "-m", "benchmarks", "one-extraction", model, str(source), str(output), str(n_process)]
            peaks = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
            figures = {"documents": n_documents, **json.loads(peaks), "seconds": round(time.perf_counter() - begin, 1)}
            print(json.dumps(figures), flush=True)


def one_extraction(model: str, source: Path, output: Path, n_process: int):
    """One measurement of `extraction-memory`."""
    from spacy_relext.cli import relext_cli

    options = ["--to", "jsonl", "--output", str(output), "--skip-errors", "--n-process", str(n_process)]
    relext_cli(["extract", model, str(source), *options], standalone_mode=False)
    peak, of_others = (resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"peak_mb": peak} | ({"peak_mb_of_a_process": of_others} if n_process > 1 else {})))


def conversion_memory(sizes: str = typer.Option("1000,10000,100000", help="Numbers of documents.")):
    """Peak memory of `relext convert` to a folder, of more and more documents, in which every tenth word is a new one."""
    with TemporaryDirectory() as name:
        for n_documents in map(int, sizes.split(",")):
            source, output = Path(name) / f"{n_documents}.jsonl", Path(name) / str(n_documents)
            write_documents(source, n_documents, random.Random(0), related=True)
            begin = time.perf_counter()
            command = [sys.executable, "-m", "benchmarks", "one-conversion", str(source), str(output)]
            peaks = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
            figures = {"documents": n_documents, **json.loads(peaks), "seconds": round(time.perf_counter() - begin, 1)}
            print(json.dumps(figures), flush=True)


def one_conversion(source: Path, output: Path):
    """One measurement of `conversion-memory`."""
    report = convert(source, output, on_error="skip")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"peak_mb": peak, "files": len(report.written), "relations": report.total["relations"]}))


def write_pipeline(folder: Path) -> None:
    """A cheap pipeline that finds something in every document: untrained, with a threshold that every pair reaches."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler")
    tok2vec = {"width": 32, "depth": 1, "embed_size": 500}
    nlp.add_pipe(EXTRACTOR, config={"threshold": 0.0, "model": {"hidden_width": 32, "tok2vec": tok2vec, "summary": {"n_heads": 2}}})
    text = f"{DRUGS[0]} raises {DRUGS[1]}."
    mentions = [Mention(name, text.index(name), text.index(name) + len(name), "DRUG") for name in DRUGS[:2]]
    relations = [AnnotatedRelation(*DRUGS[:2], "RAISES"), AnnotatedRelation(*DRUGS[1::-1], "LOWERS")]
    reference = to_doc(Document("d", text, mentions, relations, [(0, len(text))]), nlp)
    nlp.initialize(lambda: [Example(nlp.make_doc(text), reference)])
    ruler.add_patterns([{"label": "DRUG", "pattern": drug} for drug in DRUGS])
    nlp.to_disk(folder)


def write_documents(path: Path, n_documents: int, rng: random.Random, *, related: bool = False) -> None:
    """related: With two mentions, and a relation between them."""
    with path.open("w", encoding="utf8") as file:
        for number in range(n_documents):
            if number % BAD == BAD - 1:
                file.write(f'{{"id": "d{number}", "text": "cut off\n')
                continue
            words = ["".join(rng.choices(string.ascii_lowercase, k=9)) for _ in range(4)]
            sentences = [f"In {word}, {rng.choice(DRUGS)} {rng.choice(VERBS)} {rng.choice(DRUGS)} as it was before." for word in words]
            record: dict[str, Any] = {"id": f"d{number}", "text": " ".join(sentences)}
            if related:
                record["mentions"] = [{"start": 0, "end": 2, "type": "A"}, {"start": 3, "end": 12, "type": "B"}]
                record["relations"] = [{"head": "T1", "tail": "T2", "label": "R"}]
            file.write(json.dumps(record) + "\n")


def _shards(work: Path) -> list[Path]:
    return list(work.glob("part-*.jsonl"))


def _contents(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}
