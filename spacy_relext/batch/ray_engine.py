"""The shards of a plan in actors of Ray, on one machine or a cluster: `relext extract --engine ray`. Needs the extra `ray`.

An actor is a process that loads the pipeline once, and is given numbers of shards; it stores what comes of each as a worker does. So Ray
moves numbers and counts alone, and whatever it loses or does twice, a shard has one result: the first one. The driver knows the shards that
are being run; all else is in the folder of the plan, which all machines must see under the same path. It may be killed and started again.
"""

import os
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from spacy_relext.batch.asking import prepared
from spacy_relext.batch.leases import LEASES, Leases, owner_name
from spacy_relext.batch.manifest import Plan
from spacy_relext.batch.merging import finished_elsewhere, merged
from spacy_relext.batch.results import DOCUMENTS, ENDS, Failure, Results, n_blocks, shards_of
from spacy_relext.batch.working import MOST_BEGUN, Outcome, run_shard
from spacy_relext.callbacks import keep_to_itself
from spacy_relext.errors import RelextError
from spacy_relext.extraction.resuming import Report
from spacy_relext.extras import extra
from spacy_relext.formats.reading import OnError
from spacy_relext.notices import Gathered, logger

# Seconds without a result, after which somebody is told.
QUIET = 120.0
LOCAL = "local"


@dataclass(frozen=True)
class Cluster:
    """Where actors run.

    address: Of a cluster of Ray; None: that of RAY_ADDRESS, or this machine alone. actors: How many; None: as many as fit.
    cpus, gpus: What each needs, for Ray's book-keeping.
    """

    address: str | None = None
    actors: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0


@dataclass
class Reply:
    """What an actor says: what came of a shard, or why nobody should go on; and what it warns of."""

    outcome: Outcome | None = None
    error: str | None = None
    warnings: Gathered = field(default_factory=Gathered)


class Actor:
    """A process that runs shards by number. model: See `asking.prepared`."""

    def __init__(self, folder: str, model: str | None, *, skip_errors: bool, gpu: bool):
        self.folder, self.model, self.skip_errors, self.gpu = Path(folder), model, skip_errors, gpu

    def load(self) -> Reply:
        """Make ready. An error here is told, not raised: an actor that cannot be made is only dead."""
        try:
            keep_to_itself()
            self.plan = Plan.read(self.folder)
            self.runner = prepared(self.plan, model=self.model, gpu_id=0 if self.gpu else -1)
            self.results = Results(self.plan, owner_name(), lambda text: logger.warning("%s", text))
        except (RelextError, OSError) as error:
            return Reply(error=_here(error))
        return Reply()

    def run(self, number: int) -> Reply:
        """Run a shard, and store its result."""
        try:
            difference = self.results.difference()
            if difference is not None:
                raise difference
            outcome = run_shard(self.plan, self.runner, number, skip_errors=self.skip_errors, results=self.results)
        except (RelextError, OSError) as error:
            return Reply(error=_here(error))
        warnings, self.runner.warnings = self.runner.warnings, Gathered()
        return Reply(outcome, warnings=warnings)


def _here(error: Exception) -> str:
    return f"on {socket.gethostname()}: {error}"


def run(
    plan: Plan,
    cluster: Cluster,
    *,
    model: str | None = None,
    skip_errors: bool = False,
    on_error: OnError | None = None,
    on_outcome: Callable[[Outcome, int], None] = lambda outcome, n_finished: None,
    tell: Callable[[str], None] = lambda text: logger.warning("%s", text),
    overwrite: bool = False,
    actor: type[Actor] = Actor,
) -> tuple[Report, Gathered]:
    """Run all shards that have no result in actors, and make the output.

    model: See `asking.prepared`. skip_errors, on_error, on_outcome, tell, overwrite: See `working.work`. actor: What runs shards.
    RETURNS: What came of the run, and what the actors warn of.
    RAISES: RelextError where Ray is not installed or there is no such cluster, and as `working.work`.
    """
    _check_gpus(plan, cluster)
    with Leases(plan.folder / LEASES, plan.computed["beat"]) as leases:
        results = Results(plan, leases.owner, tell)
        try:
            with finished_elsewhere(plan) as elsewhere:
                results.begin()
                how: dict[str, Any] = {"model": model, "skip_errors": skip_errors, "on_outcome": on_outcome, "actor": actor}
                warnings = hand_out(plan, cluster, results, **how)
                return merged(plan, leases, results, on_error=on_error, overwrite=overwrite), warnings
            return elsewhere[0], Gathered()
        finally:
            results.end()


def hand_out(
    plan: Plan,
    cluster: Cluster,
    results: Results,
    *,
    model: str | None = None,
    skip_errors: bool = False,
    on_outcome: Callable[[Outcome, int], None] = lambda outcome, n_finished: None,
    actor: type[Actor] = Actor,
) -> Gathered:
    """Run all shards that have no result in actors. See `run`. RETURNS: What the actors warn of."""
    warnings = Gathered()
    numbers = _open(plan, results, skip_errors=skip_errors)
    first = next(numbers, None)
    if first is None:
        return warnings
    with connected(cluster) as ray:
        # One that dies is made anew by us, who know what it was doing.
        needs = {"num_cpus": cluster.cpus, "num_gpus": cluster.gpus, "max_restarts": 0, "max_task_retries": 0}
        remote = ray.remote(actor).options(**needs, scheduling_strategy="SPREAD")
        make = partial(remote.remote, str(plan.folder), model, skip_errors=skip_errors, gpu=cluster.gpus > 0)
        running = _Run(ray, cluster, make, chain([first], numbers), results, warnings)
        for outcome in running.outcomes():
            on_outcome(outcome, running.n_finished)
    return warnings


def _check_gpus(plan: Plan, cluster: Cluster) -> None:
    device = plan.computed["device"]
    if (device == "cuda") != (cluster.gpus > 0):
        cure = "Give each actor one: --gpus-per-actor 1." if device == "cuda" else "Leave --gpus-per-actor out, or plan with --gpu-id 0."
        raise RelextError(f"{plan.folder}: it is planned for the {'GPU' if device == 'cuda' else 'CPU'}. {cure}")


def _open(plan: Plan, results: Results, *, skip_errors: bool) -> Iterator[int]:
    """The shards without a result that may get one, block by block."""
    for block in range(n_blocks(plan)):
        numbers = set(shards_of(plan, block)) - results.finished(block)
        for number in numbers & results.failed(block):
            reason = results.failure(number).reason
            if reason == ENDS or (reason == DOCUMENTS and not skip_errors):
                numbers.remove(number)
        yield from sorted(numbers)


@contextmanager
def connected(cluster: Cluster) -> Iterator[Any]:
    """Ray, connected as asked for; to what is connected already, or started here and ended afterwards.

    It writes nothing to the terminal, and what is started here sends no statistics of its use.
    """
    ray = extra("ray")
    if ray.is_initialized():
        yield ray
        return
    address = cluster.address or os.environ.get("RAY_ADDRESS") or LOCAL
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    try:
        with _environment(RAY_USAGE_STATS_ENABLED="0", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0"):
            ray.init(address, **quiet, **({"include_dashboard": False} if address == LOCAL else {}))
    except Exception as error:  # Ray raises a plain one where it does not start in time
        raise RelextError(f"the cluster {address!r} cannot be reached: {error}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Variables of the environment that are not set get these values meanwhile."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@dataclass
class _Slot:
    """The place of an actor, which is made anew when it dies. reply: What is waited for. number: The shard; None: it loads, or is idle."""

    handle: Any
    reply: Any = None
    number: int | None = None


class _Run:
    """The shards of a run, on their way through actors: each has one at a time. `Cluster` and `run` describe the arguments."""

    def __init__(self, ray: Any, cluster: Cluster, make: Callable[[], Any], numbers: Iterator[int], results: Results, warnings: Gathered):
        self.ray, self.cluster, self.results, self.numbers, self.warnings = ray, cluster, results, numbers, warnings
        self.errors = extra("ray.exceptions")
        self._make = make
        self.n_finished = sum(len(results.finished(block)) for block in range(n_blocks(results.plan)))
        self.slots: list[_Slot] = []
        # Shards whose actor died, and how often they did so; how often an actor died while it loaded, since one could.
        self.again: deque[int] = deque()
        self.begun: Counter[int] = Counter()
        self.n_unloaded = 0
        self.is_exhausted = False

    def outcomes(self) -> Iterator[Outcome]:
        """What comes of the shards. RAISES: RelextError where nobody should go on."""
        try:
            self.slots = [self._loading(_Slot(None)) for _ in range(min(self._wanted(), self.results.plan.shards - self.n_finished))]
            while self.again or not self.is_exhausted or any(slot.number is not None for slot in self.slots):
                by_reply = {slot.reply: slot for slot in self.slots if slot.reply is not None}
                ready, _ = self.ray.wait(list(by_reply), timeout=QUIET)
                if not ready:
                    self._tell_waiting()
                for reply in ready:
                    yield from self._taken(by_reply[reply])
                self._assign()
        finally:
            for slot in self.slots:
                self.ray.kill(slot.handle)

    def _wanted(self) -> int:
        there, needs = self.ray.cluster_resources(), {"CPU": self.cluster.cpus, "GPU": self.cluster.gpus}
        fitting = int(min((there.get(name, 0) // n for name, n in needs.items() if n), default=1))
        wanted = self.cluster.actors or max(1, fitting)
        if wanted > fitting:
            self.results.tell(f"{wanted} actors, with {self._needs}, are more than fit: {fitting} of them run, the others wait for room.")
        return wanted

    @property
    def _needs(self) -> str:
        return f"{self.cluster.cpus:g} CPU and {self.cluster.gpus:g} GPU each"

    def _tell_waiting(self) -> None:
        n_loading = sum(slot.number is None and slot.reply is not None for slot in self.slots)
        if n_loading:
            there = {name: n for name, n in self.ray.cluster_resources().items() if name in ("CPU", "GPU", "memory")}
            self.results.tell(f"{n_loading} of {len(self.slots)} actors, with {self._needs}, are not there yet. The cluster has {there}.")

    def _loading(self, slot: _Slot) -> _Slot:
        """Make the actor of a slot, perhaps anew."""
        slot.handle, slot.number = self._make(), None
        slot.reply = slot.handle.load.remote()
        return slot

    def _assign(self) -> None:
        """Give a shard to each actor that has none."""
        for slot in self.slots:
            if slot.reply is None:
                number = self.again.popleft() if self.again else next(self.numbers, None)
                if number is None:
                    self.is_exhausted = True
                    return
                slot.number, slot.reply = number, slot.handle.run.remote(number)

    def _taken(self, slot: _Slot) -> Iterator[Outcome]:
        """What a slot replies, which is free afterwards."""
        number = slot.number
        try:
            reply = self.ray.get(slot.reply)
        except self.errors.RayTaskError:
            raise
        except self.errors.RayError as error:
            yield from self._died(slot, error)
            return
        slot.reply = slot.number = None
        if reply.error is not None:
            raise RelextError(reply.error)
        self.warnings.add(reply.warnings)
        if number is None:
            self.n_unloaded = 0
        else:
            self.begun.pop(number, None)
            self.n_finished += not reply.outcome.is_failed
            yield reply.outcome

    def _died(self, slot: _Slot, error: Exception) -> Iterator[Outcome]:
        """An actor is gone, or its machine is."""
        number = slot.number
        self.ray.kill(slot.handle)  # if it is only out of reach
        self._loading(slot)
        if number is None:
            self.n_unloaded += 1
            if self.n_unloaded >= MOST_BEGUN * len(self.slots):
                raise RelextError(f"actors die while they load the pipeline, {self.n_unloaded} times by now: {error}") from error
            return
        self.begun[number] += 1
        if self.begun[number] < MOST_BEGUN:
            self.again.append(number)
            return
        message = f"shard {number} was begun {MOST_BEGUN} times and never ended: perhaps it takes more memory than there is."
        self.results.put_failure(Failure(number, (message,), ENDS))
        del self.begun[number]
        yield Outcome(number, errors=(message,), is_failed=True)
