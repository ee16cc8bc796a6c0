"""Takes turns over contenders, each a process of its own, and keeps what they answer."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.speed.contenders import Contender
from benchmarks.speed.workloads import Workload

Record = dict[str, Any]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class WorkerError(Exception):
    """A worker ended, or says that it failed."""


def start(command: Sequence[str], threads: int, errors: Path) -> subprocess.Popen:
    """A process that is asked and answers over pipes, computes with so many threads, and fetches nothing.

    errors: A file for what it says beside its answers.
    """
    settings = {**dict.fromkeys(THREADS, str(threads)), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with errors.open("w") as stderr:
        return subprocess.Popen(command, **pipes, stderr=stderr, text=True, encoding="utf8", env={**os.environ, **settings})


def how_it_ended(process: subprocess.Popen, errors: Path) -> str:
    """The status of a process that has ended, and the last that it said."""
    said = errors.read_text(encoding="utf8", errors="replace").strip().splitlines() or ["it said nothing"]
    return f"ended with status {process.returncode}: {said[-1]}"


class Worker:
    """A process that answers requests (`benchmarks/peers/protocol.py`).

    errors: A file for what it says beside its answers.
    """

    def __init__(self, command: Sequence[str], threads: int, errors: Path):
        self._errors = errors
        self._process = start(command, threads, errors)

    def ready(self) -> Record:
        """What it says when it has loaded: `load_seconds`, `memory_mb`, `versions`."""
        return self._answer()

    def measure(self, path: Path, seconds: float) -> Record:
        """`wall` and `processor` seconds of a run, `runs`, `pairs`, `peak_mb`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"path": str(path), "seconds": seconds}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer, which is none, says why
        return self._answer()

    def _answer(self) -> Record:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise WorkerError(how_it_ended(self._process, self._errors))
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        # Popen's own streams; leaving them to the garbage collector is a warning.
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def measure(
    contenders: Sequence[Contender],
    workloads: Sequence[Workload],
    *,
    warm_up: Workload,
    repeats: int,
    seconds: float,
    limit: float,
    threads: int,
) -> Iterator[Record]:
    """Run every workload by every contender in turn, and all of it so many times.

    warm_up: What each process is given first; its peak memory then is that of this workload.
    seconds: Least time of a measurement, of the processor.
    limit: Processor seconds. What would take longer, as earlier runs of the series tell, is left out, as is what fails.
    YIELDS: The figures so far, before the first repeat and after each: "contenders", "left_out", "runs".
    """
    figures: Record = {"contenders": [], "left_out": [], "runs": []}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        paths = {workload.name: workload.write(folder) for workload in [*workloads, warm_up]}
        workers: dict[str, Worker] = {}
        for contender in contenders:
            record: Record = {name: getattr(contender, name) for name in ("name", "what", "precision", "batch", "missing")}
            figures["contenders"].append(record)
            if contender.missing:
                continue
            worker = Worker(contender.command, threads, folder / f"{contender.name}.log")
            stack.callback(worker.close)
            try:
                record |= worker.ready()
                record["first_peak_mb"] = record["peak_mb"] = worker.measure(paths[warm_up.name], 0)["peak_mb"]
                workers[contender.name] = worker
            except WorkerError as error:
                record["missing"] = str(error)
        yield figures

        left_out: dict[tuple[str, str], str] = {}
        for repeat in range(repeats):
            for workload in workloads:
                order = list(workers)
                # Nobody always comes first.
                shift = repeat % max(1, len(order))
                for name in order[shift:] + order[:shift]:
                    reason = left_out.get((name, workload.name)) or _too_long(name, workload, workloads, figures["runs"], limit)
                    if not reason:
                        try:
                            answer = workers[name].measure(paths[workload.name], seconds)
                            figures["runs"].append({"contender": name, "workload": workload.name, "repeat": repeat, **_rounded(answer)})
                            record = next(record for record in figures["contenders"] if record["name"] == name)
                            record["peak_mb"] = max(record["peak_mb"], answer["peak_mb"])
                        except WorkerError as error:
                            reason = str(error)
                    if reason:
                        left_out[name, workload.name] = reason
            figures["left_out"] = [{"contender": name, "workload": workload, "reason": why} for (name, workload), why in left_out.items()]
            yield figures


def _too_long(name: str, workload: Workload, workloads: Sequence[Workload], runs: Sequence[Record], limit: float) -> str:
    """Why a workload is left out: what it would take, by a line through the two longest runs of its series. Empty, where it is not."""
    pairs = {other.name: other.n_pairs for other in workloads if other.series == workload.series}
    measured = {run["workload"]: run["processor"] for run in runs if run["contender"] == name and run["workload"] in pairs}
    if workload.name in measured or len(measured) < 2:
        return ""
    (before, seconds_before), (last, seconds) = sorted(measured.items(), key=lambda item: item[1])[-2:]
    more = pairs[last] - pairs[before]
    slope = max(0.0, (seconds - seconds_before) / more) if more else 0.0
    expected = seconds + slope * (pairs[workload.name] - pairs[last])
    return f"would take about {expected:.0f} s of the processor; the limit is {limit:g} s" if expected > limit else ""


def _rounded(answer: Record) -> Record:
    kept = {"wall": round(answer["wall"], 4), "processor": round(answer["processor"], 4)}
    return {**kept, "runs": answer["runs"], "pairs": answer["pairs"]}
