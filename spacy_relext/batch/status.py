"""How far a run is, over all workers: looked at from anywhere, at any moment, without disturbing anybody.

Times are those of the file system alone, of when results and signs of life were written: clocks of machines may differ.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from spacy_relext.batch.beginning import PLANNING, has_plan
from spacy_relext.batch.leases import LEASES, Sign, block_of, signs
from spacy_relext.batch.manifest import Plan
from spacy_relext.batch.merging import MERGING, finished, report_of
from spacy_relext.batch.results import Failure, Results, n_blocks, shards_of
from spacy_relext.extraction.resuming import Report

# Seconds over which the rate is taken, up to the last result.
WINDOW = 600.0
# What a run is doing.
NOTHING, PLANS, PLANNED, MERGES, FINISHED = "not begun", "planning", "planned", "making the output", "finished"
# With a worker that has a lease, and without one: --shard has none.
RUNS, STARTED = "running", "begun"


@dataclass
class Status:
    """How far a run is.

    state: One of the constants above. shards, finished, failed: Shards of the plan; with a result; without one, for what is wrong in them.
    documents: Of the plan; None: only reading tells. documents_finished: Of finished shards, those that were left out too.
    left_out: Documents with errors in finished shards. per_second: Documents, lately; None: it cannot be said.
    workers: Who is at work, or was and has given no sign of life. beat: Seconds between two signs of life.
    last_sign: When the last one was written, by the clock of the file system, in seconds since 1970.
    report: What came of a finished run. difference: Of two results of one shard, for which nobody goes on.
    """

    state: str = NOTHING
    shards: int = 0
    finished: int = 0
    failed: int = 0
    documents: int | None = 0
    documents_finished: int = 0
    left_out: int = 0
    per_second: float | None = None
    workers: list[Sign] = field(default_factory=list)
    beat: float = 0.0
    last_sign: float | None = None
    report: Report | None = None
    difference: str | None = None

    @property
    def seconds_left(self) -> float | None:
        """For the shards that are left, at this rate."""
        if not self.per_second:
            return None
        return self.documents_finished / self.finished * (self.shards - self.finished - self.failed) / self.per_second

    def silent(self, sign: Sign) -> float:
        """Seconds between the last sign of life of a worker and the last of anybody."""
        return max(0.0, (self.last_sign or 0.0) - sign.written)


def status(folder: Path) -> Status:
    """How far the run is whose plan is in a folder. RAISES: DataError for a folder that is none of ours."""
    try:
        if has_plan(folder):
            return _of_plan(Plan.read(folder))
    except OSError:  # its last worker has deleted it meanwhile
        if folder.exists():
            raise
    said = finished(folder, tidies=False)
    if said is not None:
        return Status(FINISHED, report=report_of(said))
    workers = [sign for sign in signs(folder / LEASES) if sign.name == PLANNING]
    return Status(PLANS if workers else NOTHING, workers=workers, last_sign=max((sign.written for sign in workers), default=None))


def _of_plan(plan: Plan) -> Status:
    found = Status(RUNS, plan.shards, documents=plan.documents, beat=plan.computed["beat"])
    results, written = _results(plan), array("d")
    difference = results.difference()
    found.difference = None if difference is None else difference.message
    shards = iter(plan)
    for block in range(n_blocks(plan)):
        finished, failed = results.finished(block), results.failed(block)
        for shard in islice(shards, len(shards_of(plan, block))):
            if shard.number in finished:
                written.append(results.place(shard.number).stat().st_mtime)
                found.documents_finished += results.header(shard.number)["read"] if shard.documents is None else shard.documents
        found.finished += len(finished)
        found.failed += len(failed - finished)
        found.left_out += sum(len(results.failure(number).errors) for number in failed & finished)
        open_ones = {f"shard-{number}" for number in set(shards_of(plan, block)) - finished - failed}
        if open_ones:
            leases = signs(plan.folder / LEASES / block_of(shards_of(plan, block)[0]))
            found.workers += [sign for sign in leases if sign.name in open_ones]
    merging = [replace(sign, name=MERGES) for sign in signs(plan.folder / LEASES) if sign.name == MERGING]
    if merging:
        found.state, found.workers = MERGES, merging
    elif not found.workers:
        found.state = STARTED if found.finished or found.failed else PLANNED
    last = max(written, default=0.0)
    found.last_sign = max([last, *(sign.written for sign in found.workers)]) or None
    lately = sorted(time for time in written if time >= last - WINDOW)
    # Workers that begin together end together: the first result of each says nothing of how long a shard takes.
    first = max(1, len(found.workers))
    if len(lately) >= 2 * first and lately[-1] > lately[first - 1]:
        per_shard = found.documents_finished / found.finished
        found.per_second = per_shard * (len(lately) - first) / (lately[-1] - lately[first - 1])
    return found


def failures(folder: Path) -> Iterator[tuple[Failure, bool]]:
    """What is wrong in the shards of a run, by number, each with whether there is a result without these documents."""
    if has_plan(folder):
        yield from _results(Plan.read(folder)).failures()


def _results(plan: Plan) -> Results:
    return Results(plan, "nobody", lambda text: None)
