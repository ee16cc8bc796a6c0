"""Shards through a pipeline: one by its number, or all that nobody else has, until all are finished."""

import random
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from spacy_relext.batch.asking import PRECISION, limits_of, options_of, output_of
from spacy_relext.batch.leases import FREE, GIVEN_UP, LEASES, PER_FOLDER, Leases, owner_name, shard_name
from spacy_relext.batch.manifest import Plan
from spacy_relext.batch.merging import failed, finished_elsewhere, merged
from spacy_relext.batch.planning import read_shard, roles_of
from spacy_relext.batch.results import (
    DOCUMENTS,
    ENDS,
    ID_BYTES,
    INPUT,
    POLLS,
    Failure,
    LostError,
    Results,
    n_blocks,
    refuse_dropped,
    shards_of,
)
from spacy_relext.errors import DataError
from spacy_relext.extraction.lines import InBatches
from spacy_relext.extraction.resuming import Report
from spacy_relext.extraction.running import Runner
from spacy_relext.formats.limits import limited
from spacy_relext.formats.reading import OnError
from spacy_relext.ml.precision import decided_precision
from spacy_relext.notices import logger

# A shard that was begun so often, and never ended, ends those who run it.
MOST_BEGUN = 10


@dataclass(frozen=True)
class Outcome:
    """What came of a shard.

    documents, relations: How many are in its result. errors: What was wrong with documents of it. is_failed: There is no result, and the
    failure is recorded, since documents with errors are not to be skipped. is_new: It was run now; otherwise its result was there.
    """

    number: int
    documents: int = 0
    relations: int = 0
    errors: tuple[str, ...] = ()
    is_failed: bool = False
    is_new: bool = True


def run_shard(
    plan: Plan,
    runner: Runner,
    number: int,
    *,
    skip_errors: bool = False,
    results: Results | None = None,
    is_ours: Callable[[], bool] = lambda: True,
) -> Outcome:
    """Run a shard and store its result, whoever else may do the same: the first result wins, and a later one must be equal.

    For engines that hand out numbers by themselves; it holds no lease, and may be called again for a shard that is finished.

    runner: Of `asking.prepared(plan)`. number: From 0 to `plan.shards` - 1. skip_errors: Documents with errors are left out, and are in the
    result's first line; otherwise the failure of the shard is recorded, and no result is stored.
    results: Where it is stored; None: as by a worker that has this shard alone. is_ours: Asked between batches whether to go on.
    RETURNS: What came of it.
    RAISES: LostError where `is_ours` says no; RelextError where nobody should go on: two results that differ, a disk that stays full.
    """
    if results is None:
        results = Results(plan, owner_name(), lambda text: logger.warning("%s", text))
        results.begin()
        try:
            return run_shard(plan, runner, number, skip_errors=skip_errors, results=results, is_ours=is_ours)
        finally:
            results.end()
    if results.place(number).exists():
        header = results.header(number)
        return Outcome(number, header["documents"], header["relations"], tuple(header["errors"]), is_new=False)
    try:
        header, lines = _made(plan, runner, number, results, is_ours)
    except DataError as error:
        results.put_failure(Failure(number, (str(error),), INPUT))
        return Outcome(number, errors=(str(error),), is_failed=True)
    errors = tuple(header["errors"])
    if errors:
        results.put_failure(Failure(number, errors, DOCUMENTS))
        if not skip_errors:
            return Outcome(number, errors=errors, is_failed=True)
    if not is_ours():
        raise LostError(f"shard {number} is another's.")
    results.put(number, header, lines)
    return Outcome(number, header["documents"], header["relations"], errors)


def _made(plan: Plan, runner: Runner, number: int, results: Results, is_ours: Callable[[], bool]) -> tuple[dict[str, Any], list[str]]:
    """What the first line of a shard says, and its documents as lines of our JSONL."""
    shard, errors, counts = plan.shard(number), list[str](), Counter[str]()

    def note(error: DataError) -> None:
        errors.append(str(error))

    with limited(limits_of(plan)), decided_precision(plan.computed[PRECISION]):
        options = options_of(plan)
        documents = list(runner.accepted(read_shard(shard, options, note, counts, roles_of(plan, options)), note))
        batches = InBatches(documents, runner.settings.batch_size)
        for batch in batches:
            if not is_ours():
                raise LostError(f"shard {number} is another's.")
            batches.add(runner.lines(batch))
    output = output_of(plan)
    stored = results.patiently(lambda: batches.lines(output, results.folder))
    errors += map(str, stored.errors)
    lines = stored.lines
    ids = [blake2b(d.id.encode("utf8", "surrogatepass"), digest_size=ID_BYTES).digest() for d in stored.documents]
    refuse_dropped(shard, len(lines), len(errors))
    return {
        "read": len(documents),
        "documents": len(lines),
        "relations": stored.relations,
        "errors": errors,
        "left out": dict(sorted(counts.items())),
        "ids": b64encode(b"".join(ids)).decode("ascii"),
        "digest": shard.checksum,
    }, lines


class Worker:
    """What one process does of a run: all shards that nobody else has, until each is finished or has failed.

    skip_errors: See `run_shard`. on_outcome: Is given what came of each shard that was run here, and how many are finished, of all.
    """

    def __init__(
        self,
        plan: Plan,
        runner: Runner,
        leases: Leases,
        results: Results,
        *,
        skip_errors: bool = False,
        on_outcome: Callable[[Outcome, int], None] = lambda outcome, n_finished: None,
    ):
        self.plan, self.runner, self.leases, self.results = plan, runner, leases, results
        self.skip_errors, self.on_outcome = skip_errors, on_outcome
        self.n_finished = [0] * n_blocks(plan)
        # Shards that failed here for their input.
        self.tried: set[int] = set()
        self.looked = time.monotonic()

    def run(self) -> None:
        """Run what is to be run, and wait for what others run. RAISES: RelextError where nobody should go on."""
        first = random.randrange(max(1, self.plan.shards))
        while True:
            n_open, n_run, names = 0, 0, set[str]()
            for number in self._open(first):
                n_open += 1
                names.add(shard_name(number))
                n_run += self._try(number)
            if not n_open:
                return
            self.leases.forget(names)
            if not n_run:
                time.sleep(self.plan.computed["beat"] / POLLS)

    def _open(self, first: int) -> Iterator[int]:
        """Shards without a result that may get one, from one of them on, round to it."""
        of_first, blocks = first // PER_FOLDER, range(n_blocks(self.plan))
        for block in [*blocks[of_first:], *blocks[:of_first]]:
            if self.n_finished[block] == len(shards_of(self.plan, block)):
                continue
            finished = self.results.finished(block)
            self.n_finished[block] = len(finished)
            numbers = set(shards_of(self.plan, block)) - finished
            for number in numbers & self.results.failed(block):
                if not self._is_tried_again(number):
                    numbers.remove(number)
            yield from sorted(numbers, key=lambda number: (number < first and block == of_first, number))

    def _is_tried_again(self, number: int) -> bool:
        """Whether a shard that failed is run here: its documents are left out now, or a file may be as it was again (once)."""
        reason = self.results.failure(number).reason
        return (reason == DOCUMENTS and self.skip_errors) or (reason == INPUT and number not in self.tried)

    def _try(self, number: int) -> bool:
        """Run a shard if nobody has it. RETURNS: Whether it was run."""
        difference = self.results.difference()
        if difference is not None:
            raise difference
        name = shard_name(number)
        try:
            if self.results.place(number).exists():
                return False
            with ExitStack() as stack:
                lease = self.results.patiently(lambda: stack.enter_context(self.leases.holding(name)))
                if lease is None or self.results.place(number).exists():
                    return False
                if lease.n > MOST_BEGUN and self.leases.times_begun(name, lease.n - 1) >= MOST_BEGUN:
                    error = f"shard {number} was begun {MOST_BEGUN} times and never ended: perhaps it takes more memory than there is."
                    self.results.put_failure(Failure(number, (error,), ENDS))
                    lease.beat(GIVEN_UP)
                    return True
                outcome = run_shard(
                    self.plan, self.runner, number, skip_errors=self.skip_errors, results=self.results, is_ours=lease.is_held
                )
                if outcome.is_failed:
                    self.tried.add(number)
                    lease.beat(FREE)
        except LostError:
            return True
        block = number // PER_FOLDER
        self.n_finished[block] += not outcome.is_failed
        if time.monotonic() - self.looked > self.plan.computed["beat"]:
            # What others have finished meanwhile.
            self.looked, self.n_finished[block] = time.monotonic(), len(self.results.finished(block))
        self.on_outcome(outcome, sum(self.n_finished))
        return True


def work(
    plan: Plan,
    runner: Runner,
    *,
    share: tuple[int, int] | None = None,
    skip_errors: bool = False,
    on_error: OnError | None = None,
    on_outcome: Callable[[Outcome, int], None] = lambda outcome, n_finished: None,
    tell: Callable[[str], None] = lambda text: logger.warning("%s", text),
    overwrite: bool = False,
) -> Report | None:
    """Run what nobody else runs, and when all is run make the output, or wait until another one has made it.

    runner: Of `asking.prepared(plan)`. share: (3, 64): every 64th shard from the third on, without leases, whoever else may do the same;
    None: all that nobody has, by leases. skip_errors, on_outcome: See `Worker`. on_error, overwrite: See `merging.finish`.
    tell: Is told what somebody should know.
    RETURNS: What came of the run; None where shards of other shares have no result yet.
    RAISES: DataError where shards failed, at the end of all others; RelextError where nobody should go on.
    """
    with Leases(plan.folder / LEASES, plan.computed["beat"]) as leases:
        results = Results(plan, leases.owner, tell)
        try:
            with finished_elsewhere(plan) as elsewhere:
                results.begin()
                if share is None:
                    Worker(plan, runner, leases, results, skip_errors=skip_errors, on_outcome=on_outcome).run()
                elif not _run_share(plan, runner, results, share, skip_errors, on_outcome):
                    return None
                return merged(plan, leases, results, on_error=on_error, overwrite=overwrite)
            return elsewhere[0]
        finally:
            results.end()


def _run_share(
    plan: Plan, runner: Runner, results: Results, share: tuple[int, int], skip_errors: bool, on_outcome: Callable[[Outcome, int], None]
) -> bool:
    """Run every n-th shard. RETURNS: Whether all shards of the run have a result, or failed."""
    failures = []
    for n_done, number in enumerate(range(share[0] - 1, plan.shards, share[1]), start=1):
        outcome = run_shard(plan, runner, number, skip_errors=skip_errors, results=results)
        on_outcome(outcome, n_done)
        if outcome.is_failed:
            failures.append(results.failure(number))
    if failures:
        raise failed(failures, plan.folder)
    return all(len(results.finished(block)) == len(shards_of(plan, block)) for block in range(n_blocks(plan)))
