"""Several workers on one machine, which share the weights in memory where processes can be forked."""

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import current_thread, main_thread
from typing import Any

from spacy_relext.batch.asking import conform, prepared
from spacy_relext.batch.leases import LEASES, Leases
from spacy_relext.batch.manifest import Plan
from spacy_relext.batch.merging import finished_elsewhere
from spacy_relext.batch.results import POLLS, Results
from spacy_relext.batch.working import Outcome, Worker
from spacy_relext.callbacks import keep_to_itself
from spacy_relext.errors import RelextError
from spacy_relext.extraction.running import Runner, follow_parent

TERMINATED = 128 + signal.SIGTERM
# Seconds in which a worker ends that is asked to.
PATIENCE = 10.0


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Inside, SIGTERM, with which Slurm and Kubernetes ask for the end, ends as an exception does: leases are given back at once."""
    if current_thread() is not main_thread():
        yield
        return

    def end(*_: Any) -> None:
        sys.exit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_in_processes(
    plan: Plan,
    runner: Runner,
    number: int,
    *,
    skip_errors: bool = False,
    on_outcome: Callable[[Outcome, int], None] = lambda outcome, n_finished: None,
    tell: Callable[[str], None],
) -> None:
    """Run the shards of a plan in several processes, each a worker as any other, until none is left.

    One that is killed is told of; the others run its shards.
    RAISES: RelextError that ended one of them, or where all were killed.
    """
    fork = sys.platform == "linux" and runner.settings.gpu_id < 0
    context: Any = multiprocessing.get_context("fork" if fork else "spawn")
    settings = runner.settings
    running: dict[BaseProcess, Connection] = {}
    n_ended = 0
    try:
        for _ in range(number):
            here, there = context.Pipe(duplex=False)
            given = runner if fork else (settings.model, settings.gpu_id)
            process = context.Process(target=_work, args=(plan, given, skip_errors, there))
            process.start()
            there.close()
            running[process] = here
        while running:
            for process, messages in list(running.items()):
                error = _received(messages, on_outcome, tell)
                if error is not None:
                    raise RelextError(error)
                if not process.is_alive():
                    error = _received(messages, on_outcome, tell)
                    if error is not None:
                        raise RelextError(error)
                    del running[process]
                    n_ended += process.exitcode == 0
                    if process.exitcode:
                        tell(f"A worker ended with status {process.exitcode}, perhaps for want of memory. Others run its shard.")
            time.sleep(min(1.0, plan.computed["beat"] / POLLS))
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.join(PATIENCE)
            process.kill()  # where it was stopped, it does not end otherwise
            process.join()
    if not n_ended:
        raise RelextError("all workers of this machine were killed, perhaps for want of memory. Start fewer (-n).")


def _received(messages: Connection, on_outcome: Callable[[Outcome, int], None], tell: Callable[[str], None]) -> str | None:
    """Pass on what a worker says. RETURNS: The error that ended it."""
    try:
        while messages.poll():
            kind, *values = messages.recv()
            if kind == "error":
                return str(values[0])
            if kind == "outcome":
                on_outcome(*values)
            else:
                tell(values[0])
    except (EOFError, OSError):  # it was killed, perhaps while it was saying something
        pass
    return None


def _work(plan: Plan, given: Runner | tuple[str, int], skip_errors: bool, messages: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_to_itself()
    follow_parent()

    def tell(text: str) -> None:
        messages.send(("tell", text))

    with ending_on_sigterm():
        try:
            if isinstance(given, Runner):
                runner = given
                conform(plan, runner)
            else:
                runner = prepared(plan, model=given[0], gpu_id=given[1])
            with Leases(plan.folder / LEASES, plan.computed["beat"]) as leases, finished_elsewhere(plan):
                results = Results(plan, leases.owner, tell)
                results.begin()
                try:
                    Worker(
                        plan,
                        runner,
                        leases,
                        results,
                        skip_errors=skip_errors,
                        on_outcome=lambda outcome, n_finished: messages.send(("outcome", outcome, n_finished)),
                    ).run()
                finally:
                    results.end()
        except RelextError as error:
            messages.send(("error", str(error)))
