"""`python -m tests.stress.cluster`: workers that share one run, of which some are killed or stopped, on a disk that is full for a while.

Each round is a run from the beginning. Its output must be that of one worker that was left alone, byte for byte; every worker that was not
killed must end well; and a kill, or a stop, may cost the work on one shard at the most.
"""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from benchmarks.extraction import write_documents, write_pipeline
from spacy_relext.batch import beginning, working
from spacy_relext.batch.beginning import PLANNING
from spacy_relext.batch.leases import LEASES, STILL
from spacy_relext.batch.merging import MERGING
from spacy_relext.cli import relext_cli

# What happens to a round, each as often as another.
EVENTS = ("kill", "stop", "full")
FULL, BALLAST = "full", "ballast"
DISK = "64m"
DAY = 86400


@dataclass
class Round:
    """One run, and what happens to it.

    folder: Of its own, where it works. log: A folder on another disk. seed: Of what happens, and when. seconds: It may take so many.
    is_mounted: The folder is a small disk. to_kill: Whose holders are killed: PLANNING, MERGING; None: as it comes.
    """

    folder: Path
    log: Path
    model: str
    inputs: list[Path]
    seed: int
    n_workers: int = 5
    n_events: int = 8
    beat: float = 0.5
    shard_size: int = 20
    seconds: float = 600
    is_mounted: bool = False
    to_kill: set[str] | None = None
    events: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.output = self.folder / "relations.jsonl"
        self.work = Path(f"{self.output}.work")
        self.running: list[int] = []
        self.stopped: dict[int, float] = {}
        self.full_until = 0.0
        if self.to_kill is None:
            self.to_kill = {name for name in (PLANNING, MERGING) if self.rng.random() < 0.5}

    def start(self) -> None:
        """A worker in a process of its own, with the libraries loaded, a clock that is wrong, and the files in another order."""
        files = self.rng.sample(self.inputs, len(self.inputs))
        wrong = self.rng.uniform(-DAY, DAY)
        pid = os.fork()
        if pid:
            self.running.append(pid)
            return
        try:
            self._work(list(map(str, files)), wrong)
        except SystemExit as end:
            os._exit(int(end.code or 0))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(1)

    def _work(self, files: list[str], wrong: float) -> None:
        with (self.log / f"worker-{os.getpid()}").open("w") as log:
            os.dup2(log.fileno(), 2)
            os.dup2(log.fileno(), 1)
        beginning.BEAT = self.beat
        now = time.time
        time.time = lambda: now() + wrong
        read_shard, begun = working.read_shard, self.log / "begun"

        def read(shard, *args):
            with begun.open("a") as log:
                log.write(f"{os.getpid()} {shard.number}\n")
            return read_shard(shard, *args)

        working.read_shard = read
        if not self.is_mounted:
            sys.addaudithook(self._refuse)
        options = f"--shard-size {self.shard_size} --worker --skip-errors".split()
        relext_cli(["extract", self.model, *files, "--output", str(self.output), *options])

    def _refuse(self, event: str, arguments: tuple) -> None:
        """Where no disk of the round's own can be had: what is written there fails as it would on a full one."""
        writes = event in ("os.mkdir", "os.link", "os.rename") or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if writes and str(arguments[0]).startswith(str(self.folder)) and (self.log / FULL).exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def run(self) -> None:
        """Start the workers, let things happen to them, and wait for the end of all."""
        deadline = time.monotonic() + self.seconds
        n_shards = sum(file.read_bytes().count(b"\n") for file in self.inputs) // self.shard_size
        # How many results there are when something happens.
        moments = sorted(self.rng.randrange(max(1, n_shards)) for _ in range(self.n_events))
        try:
            for _ in range(self.n_workers):
                self.start()
            while self.running:
                now = time.monotonic()
                assert now < deadline, f"it does not come to an end: {sorted(self.running)}, of which are stopped {sorted(self.stopped)}"
                self._reap()
                self._go_on(now)
                for name in (PLANNING, MERGING):
                    self._kill_holder(name)
                if moments and self._n_finished() >= moments[0]:
                    moments.pop(0)
                    self._happen(self.rng.choice(EVENTS), now)
                time.sleep(0.01)
        finally:
            self._make_room()
            for pid in self.running:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def _n_finished(self) -> int:
        return len(list(self.work.glob("results/*/shard-*")))

    def _reap(self) -> None:
        """Workers that were left alone end well."""
        for pid in list(self.running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self.running.remove(pid)
                assert status == 0, f"worker {pid} failed ({status}): {(self.log / f'worker-{pid}').read_text()[-2000:]}"

    def _go_on(self, now: float) -> None:
        """What was stopped goes on when its time has come."""
        for pid, until in list(self.stopped.items()):
            if now >= until:
                del self.stopped[pid]
                os.kill(pid, signal.SIGCONT)
        if self.full_until and now >= self.full_until:
            self._make_room()

    def _happen(self, event: str, now: float) -> None:
        awake = [pid for pid in self.running if pid not in self.stopped]
        if event == "full" and not self.full_until:
            self._fill()
            self.full_until = now + self.rng.uniform(1, STILL) * self.beat
        elif event == "stop" and len(awake) > 1:
            pid = self.rng.choice(awake)
            os.kill(pid, signal.SIGSTOP)
            self.stopped[pid] = now + self.rng.uniform(1, 3) * STILL * self.beat
        elif event == "kill" and awake:
            self._kill(self.rng.choice(awake))
        else:
            return
        self.events[event] += 1

    def _kill(self, pid: int) -> None:
        """Kill a worker, and start another one."""
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.running.remove(pid)
        self.stopped.pop(pid, None)
        self.start()

    def _kill_holder(self, name: str) -> None:
        """Kill who plans or merges, sometimes, at any moment of it."""
        if name not in self.to_kill:
            return
        for lease in self.work.glob(f"{LEASES}/{name}.lease.*"):
            words = lease.read_text().split() if lease.exists() else []
            pid = int(words[2].split("-")[-2]) if len(words) > 2 else 0
            if pid in self.running:
                self.to_kill.remove(name)
                time.sleep(self.rng.uniform(0, 0.3))
                # It may have come to its end.
                self._reap()
                if pid in self.running:
                    self._kill(pid)
                    self.events[f"kill of who holds {name}"] += 1
                return

    def _fill(self) -> None:
        if not self.is_mounted:
            (self.log / FULL).touch()
            return
        with suppress(OSError), (self.folder / BALLAST).open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def _make_room(self) -> None:
        self.full_until = 0.0
        (self.log / FULL).unlink(missing_ok=True)
        (self.folder / BALLAST).unlink(missing_ok=True)

    def contents(self) -> dict[str, bytes]:
        """All files that are there at the end."""
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def n_again(self) -> int:
        """How many shards were begun again. RAISES: AssertionError where they are more than may be."""
        begun = Counter(line.split()[1] for line in (self.log / "begun").read_text().splitlines())
        n_shards = json.loads((self.folder / f"{self.output.name}.manifest.json").read_text())["counts"]["shards"]
        assert len(begun) == n_shards, f"{len(begun)} of {n_shards} shards were begun"
        n_again, n_disturbed = begun.total() - n_shards, self.events.total() - self.events["full"]
        assert n_again <= n_disturbed, f"{n_again} shards were done again after {n_disturbed} kills and stops"
        return n_again


@contextmanager
def disk(folder: Path, *, mounts: bool) -> Iterator[bool]:
    """A small disk in a folder, where one is to be mounted and this process may do it. YIELDS: whether there is one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    may = mounts and sys.platform == "linux" and os.geteuid() == 0
    mounted = may and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def run_round(
    parent: Path, name: str, model: str, inputs: list[Path], *, mounts: bool = True, counts_again: bool = True, **settings
) -> tuple[dict[str, bytes], Round, int]:
    """One round in a folder of its own.

    mounts: The folder is a small disk, where this process may mount one.
    counts_again: Where machines are busy and beats short, who is alive may be taken for dead, which costs a shard.
    RETURNS: its files, the round, and how many shards were done again.
    """
    log = parent / f"{name}.log"
    log.mkdir()
    with disk(parent / name, mounts=mounts) as is_mounted:
        one = Round(parent / name, log, model, inputs, is_mounted=is_mounted, **settings)
        one.run()
        return one.contents(), one, one.n_again() if counts_again else 0


def split(source: Path, folder: Path) -> list[Path]:
    """The lines of a file in several files."""
    lines = source.read_text(encoding="utf8").splitlines(keepends=True)
    files = [folder / f"{name}.jsonl" for name in "abc"]
    for i, file in enumerate(files):
        file.write_text("".join(lines[i * len(lines) // len(files) : (i + 1) * len(lines) // len(files)]), encoding="utf8")
    return files


def cluster(
    rounds: int = typer.Option(50, help="Runs, each of which begins anew."),
    documents: int = typer.Option(5000, help="Documents of a run."),
    workers: int = typer.Option(5, help="Workers of a run."),
    events: int = typer.Option(8, help="What happens in a run, beside kills of who plans and who merges."),
    model: str = typer.Option(None, help="A pipeline; an untrained one without word pieces, if left out."),
    shard_size: int = typer.Option(20, help="Documents of a shard."),
    beat: float = typer.Option(0.5, help="Seconds between two signs of life of a worker."),
    seconds: float = typer.Option(600, help="What a run may take."),
    seed: int = typer.Option(0, help="Of documents, and of what happens when."),
):
    """Runs that several workers share, of which some are killed or stopped, and what they leave."""
    with TemporaryDirectory() as name:
        parent = Path(name)
        if model is None:
            model = str(parent / "model")
            write_pipeline(Path(model))
        write_documents(parent / "in.jsonl", documents, random.Random(seed))
        inputs = split(parent / "in.jsonl", parent)
        settings = {"shard_size": shard_size, "beat": beat, "seconds": seconds}
        whole, *_ = run_round(parent, "whole", model, inputs, seed=seed, n_workers=1, n_events=0, to_kill=set(), **settings)
        total, n_again = Counter[str](), 0
        for number in range(rounds):
            begin = time.monotonic()
            found, one, again = run_round(
                parent, f"round-{number}", model, inputs, seed=seed + number, n_workers=workers, n_events=events, **settings
            )
            assert found == whole, f"round {number} (seed {seed + number}) differs: {sorted(found)}, {sorted(whole)}"
            total += one.events
            n_again += again
            told = {"round": number, "seconds": round(time.monotonic() - begin, 1), **one.events, "shards done again": again}
            print(json.dumps(told), flush=True)
        size = len(whole["relations.jsonl"])
        figures = {"rounds": rounds, "documents": documents, "workers": workers, "bytes": size, **total, "shards done again": n_again}
        print(json.dumps(figures | {"small disk": one.is_mounted, "identical": True}))


if __name__ == "__main__":
    typer.run(cluster)
