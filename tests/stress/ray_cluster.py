"""`python -m tests.stress.ray_cluster`: a run on a cluster of Ray, of which actors, machines and drivers are killed.

Three nodes on one machine, each with room for one actor. Each round is a run from the beginning: its output must be that of one process
that was left alone, byte for byte, and a kill may cost the work on one shard per actor that it ends.
"""

import json
import multiprocessing
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import typer

from benchmarks.extraction import write_documents, write_pipeline
from spacy_relext.batch import beginning, ray_engine
from spacy_relext.batch.ray_engine import Actor, Reply
from spacy_relext.cli import relext_cli
from tests.conftest import ROOT

EVENTS = ("actor", "node", "driver")
NODES = 3
BEAT = 0.5


class CountingActor(Actor):
    """Writes down each shard that it begins, beside the folder of the plan."""

    def run(self, number: int) -> Reply:
        with begun_in(self.folder).open("a") as log:
            log.write(f"{number}\n")
        return super().run(number)


def begun_in(work: Path) -> Path:
    """Where it is written down."""
    return work.with_suffix(".begun")


def _keep(commands: Connection) -> None:
    """The process of the cluster: it adds and removes nodes as it is told. Drivers are forked from one that Ray was never in."""
    os.environ |= {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
    from ray.cluster_utils import Cluster

    room = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=room)
    nodes = [cluster.add_node(**room) for _ in range(NODES - 1)]
    commands.send(cluster.address)
    while (command := commands.recv()) is not None:
        node = nodes.pop(command % len(nodes))
        cluster.remove_node(node, allow_graceful=False)
        nodes.append(cluster.add_node(**room))
        commands.send(None)
    cluster.shutdown()


class Nodes:
    """A cluster, in a process of its own. A context."""

    def __enter__(self) -> "Nodes":
        context = multiprocessing.get_context("spawn")
        self._commands, there = context.Pipe()
        self._process = context.Process(target=_keep, args=(there,))
        self._process.start()
        self.address = self._commands.recv()
        return self

    def __exit__(self, *_: object) -> None:
        left = self._all()
        self._commands.send(None)
        self._process.join(60)
        for process in [*left, self._process]:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def replace(self, number: int) -> None:
        """Kill a node with all that runs on it, and add another one."""
        self._commands.send(number)
        self._commands.recv()

    def actors(self) -> list[psutil.Process]:
        """The processes that have become actors."""
        found = []
        for process in self._all():
            try:
                if f"ray::{CountingActor.__name__}" in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def _all(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []


@dataclass
class Round:
    """One run. log: What the drivers say. seed: Of what is killed, and when. seconds: It may take so many."""

    folder: Path
    nodes: Nodes
    model: str
    source: Path
    seed: int
    n_events: int = 4
    shard_size: int = 20
    seconds: float = 900
    events: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.output = self.folder / "relations.jsonl"
        self.work = Path(f"{self.output}.work")
        # So many shards may have been begun twice.
        self.n_lost = 0

    def _start(self) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            with (self.folder / "driver.log").open("a") as log:
                os.dup2(log.fileno(), 2)
                os.dup2(log.fileno(), 1)
            beginning.begin.__kwdefaults__["beat"] = BEAT
            ray_engine.run.__kwdefaults__["actor"] = CountingActor
            options = f"--shard-size {self.shard_size} --skip-errors --engine ray --address {self.nodes.address} --actors {NODES}".split()
            relext_cli(["extract", self.model, str(self.source), "--output", str(self.output), *options])
        except SystemExit as end:
            sys.stderr.flush()
            os._exit(int(end.code or 0))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(1)

    def run(self) -> None:
        """Start a driver, kill what is to be killed, start the driver again where it was that, and wait for the end."""
        self.folder.mkdir()
        deadline = time.monotonic() + self.seconds
        n_shards = self.source.read_bytes().count(b"\n") // self.shard_size
        moments = sorted(self.rng.randrange(max(1, n_shards)) for _ in range(self.n_events))
        driver = self._start()
        try:
            while os.waitid(os.P_PID, driver, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                assert time.monotonic() < deadline, f"it does not come to an end: {(self.folder / 'driver.log').read_text()[-2000:]}"
                if moments and self._n_finished() >= moments[0]:
                    moments.pop(0)
                    if self._kill(driver) == "driver":
                        os.waitpid(driver, 0)
                        driver = self._start()
                time.sleep(0.01)
            _, status = os.waitpid(driver, 0)
            assert status == 0, f"a driver that nobody killed fails: {(self.folder / 'driver.log').read_text()[-3000:]}"
        except BaseException:
            os.kill(driver, signal.SIGKILL)
            raise
        again = self.n_again()
        assert again <= self.n_lost, f"{again} shards were begun again, and {self.n_lost} actors were killed"

    def _kill(self, driver: int) -> str:
        event = self.rng.choice(EVENTS)
        if event == "actor":
            actors = self.nodes.actors()
            if not actors:
                return ""
            self.rng.choice(actors).kill()
        elif event == "node":
            self.nodes.replace(self.rng.randrange(NODES))
        else:
            os.kill(driver, signal.SIGKILL)
        self.events[event] += 1
        self.n_lost += NODES if event == "driver" else 1
        return event

    def _n_finished(self) -> int:
        return sum(len(list(folder.iterdir())) for folder in (self.work / "results").glob("*")) if self.work.exists() else 0

    def n_again(self) -> int:
        """How many shards were begun again."""
        numbers = begun_in(self.work).read_text().split()
        return len(numbers) - len(set(numbers))


def alone(folder: Path, model: str, source: Path, shard_size: int) -> bytes:
    """The output of one process that is left alone."""
    folder.mkdir()
    output = folder / "relations.jsonl"
    options = f"--shard-size {shard_size} --skip-errors --worker".split()
    process = multiprocessing.get_context("fork").Process(
        target=relext_cli, args=(["extract", model, str(source), "--output", str(output), *options],)
    )
    process.start()
    process.join()
    return output.read_bytes()


def run_rounds(
    parent: Path, rounds: int, documents: int, *, model: str | None = None, shard_size: int = 20, seed: int = 0, **settings: Any
) -> list[Round]:
    """Rounds that all end as they should."""
    if model is None:
        model = str(parent / "model")
        write_pipeline(Path(model))
    source = parent / "in.jsonl"
    write_documents(source, documents, random.Random(seed))
    whole = alone(parent / "whole", model, source, shard_size)
    ended = []
    with Nodes() as nodes:
        for number in range(rounds):
            begin = time.monotonic()
            one = Round(parent / f"round-{number}", nodes, model, source, seed + number, shard_size=shard_size, **settings)
            one.run()
            assert one.output.read_bytes() == whole, f"round {number} (seed {seed + number}) differs"
            ended.append(one)
            told = {"round": number, "seconds": round(time.monotonic() - begin, 1), **one.events, "shards done again": one.n_again()}
            print(json.dumps(told), flush=True)
    return ended


def ray_cluster(
    rounds: int = typer.Option(50, help="Runs, each of which begins anew."),
    documents: int = typer.Option(5000, help="Documents of a run."),
    events: int = typer.Option(4, help="Kills in a run."),
    model: str = typer.Option(None, help="A pipeline; an untrained one without word pieces, if left out."),
    shard_size: int = typer.Option(20, help="Documents of a shard."),
    seconds: float = typer.Option(900, help="What a run may take."),
    seed: int = typer.Option(0, help="Of documents, and of what is killed when."),
):
    """Runs on a cluster of Ray whose actors, nodes and drivers are killed, and what they leave."""
    with TemporaryDirectory() as name:
        settings = {"model": model, "shard_size": shard_size, "seed": seed, "n_events": events, "seconds": seconds}
        ended = run_rounds(Path(name), rounds, documents, **settings)
        total = sum((one.events for one in ended), Counter[str]())
        again = sum(one.n_again() for one in ended)
        print(json.dumps({"rounds": rounds, "documents": documents, **total, "shards done again": again, "identical": True}))


if __name__ == "__main__":
    typer.run(ray_cluster)
