"""What Ray costs per shard, and whether the process that hands shards out grows with their number."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from benchmarks.peers.protocol import peak_mb
from spacy_relext.batch.leases import owner_name
from spacy_relext.batch.manifest import Piece, Shard, write_plan
from spacy_relext.batch.ray_engine import Actor, Cluster, Reply, hand_out
from spacy_relext.batch.results import Results
from spacy_relext.batch.working import Outcome


class EmptyActor(Actor):
    """An actor whose pipeline does nothing. It stores nothing, either."""

    def load(self) -> Reply:
        """Nothing is loaded."""
        return Reply()

    def run(self, number: int) -> Reply:
        """Nothing is computed."""
        return Reply(Outcome(number, documents=256))


def ray_shards(
    sizes: str = typer.Option("1000,10000,100000", help="Numbers of shards."),
    actors: int = typer.Option(1, help="Actors."),
):
    """Time per shard, and memory of the driver, of Ray alone: more and more shards through actors that do nothing, on this machine.

    Time is that from the first shard to the last, per shard. Each number of shards is a process of its own.
    """
    for n_shards in map(int, sizes.split(",")):
        command = [sys.executable, "-m", "benchmarks", "one-handing-out", str(n_shards), str(actors)]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1], flush=True)


def one_handing_out(n_shards: int, actors: int):
    """One measurement of `ray-shards`."""
    with TemporaryDirectory() as name:
        plan = write_plan(Path(name), planned(n_shards), {}, {"device": "cpu", "beat": 10.0}, {})
        results = Results(plan, owner_name(), lambda text: None)
        results.begin()
        begin, memory = 0.0, 0

        def note(outcome: Outcome, n_finished: int) -> None:
            nonlocal begin, memory
            if n_finished == 1:
                begin, memory = time.perf_counter(), peak_mb()

        hand_out(plan, Cluster(actors=actors), results, on_outcome=note, actor=EmptyActor)
        seconds = time.perf_counter() - begin
        each = 1000 * seconds / max(1, n_shards - 1)
        figures = {"shards": n_shards, "actors": actors, "ms_per_shard": round(each, 2), "peak_mb": peak_mb(), "mb_at_first": memory}
        print(json.dumps(figures))


def planned(n_shards: int) -> Iterator[Shard]:
    """Shards of a file that nobody reads."""
    for number in range(n_shards):
        piece = Piece("/corpus/abstracts.jsonl", "jsonl", "abstracts", number << 16, number + 1 << 16, 256 * number + 1, 256 * number, 256)
        yield Shard(number, (piece,), f"{number:064x}")
