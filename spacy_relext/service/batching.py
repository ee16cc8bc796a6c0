"""Documents of requests that come at the same time, in batches: one thread computes them, whatever the number of requests."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from contextvars import copy_context
from threading import Condition, Thread
from time import monotonic
from typing import Generic, Protocol, TypeVar

from spacy_relext.notices import logger
from spacy_relext.service.settings import Settings


class HasText(Protocol):
    """What is computed."""

    text: str


Item = TypeVar("Item", bound=HasText)
Result = TypeVar("Result")


class ClosedError(Exception):
    """The service takes no more documents, since it ends."""


class FullError(Exception):
    """So many documents wait that one more would wait too long."""


class _Job(Generic[Item, Result]):
    """The documents of one request, and their results as far as they are there."""

    def __init__(self, items: Sequence[Item]):
        self.items = items
        self.results: dict[int, Result] = {}
        self.n_taken = 0
        self.future: Future[list[Result]] = Future()


class Batcher(Generic[Item, Result]):
    """A queue of documents, and the thread that takes batches from it. Requests take turns: a document of each, then the next of each.

    compute: Gives the result of each document of a batch. It is called in this one thread alone, which has the context (contextvars) in
        which the batcher was made.
    The thread begins with the first document, so that a batcher may be made before a fork.
    """

    def __init__(self, compute: Callable[[Sequence[Item]], Sequence[Result]], settings: Settings):
        self._compute, self._settings = compute, settings
        self._context = copy_context()
        self._jobs: deque[_Job[Item, Result]] = deque()
        self._changed = Condition()
        self._thread: Thread | None = None
        self._pid = os.getpid()
        # So many documents as the last batch had are likely to come again; the first batch waits for all that may come.
        self._expected = settings.batch_size
        self.is_closed = False

    @property
    def n_waiting(self) -> int:
        """The documents that wait."""
        with self._changed:
            return self._count()

    def submit(self, items: Sequence[Item]) -> "Future[list[Result]]":
        """Let documents be computed. To cancel the future takes those back that are not begun.

        RAISES: FullError, ClosedError.
        """
        job: _Job[Item, Result] = _Job(items)
        if not items:
            job.future.set_result([])
            return job.future
        if self._pid != os.getpid():  # a fork has neither the thread nor whoever waits
            self.__init__(self._compute, self._settings)  # type: ignore[misc]
        with self._changed:
            if self.is_closed:
                raise ClosedError
            n_waiting = self._count()
            # One request alone is taken whatever its size, which has a limit of its own.
            if n_waiting and n_waiting + len(items) > self._settings.max_waiting:
                raise FullError
            if self._thread is None:
                self._thread = Thread(target=self._context.run, args=(self._work,), name="relext-serve", daemon=True)
                self._thread.start()
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def refuse(self) -> None:
        """Take no more documents. Those that wait are refused, those that are computed get their results."""
        with self._changed:
            self.is_closed = True
            refused = list(self._jobs)
            self._jobs.clear()
            self._changed.notify()
        for job in refused:
            _fail(job, ClosedError())

    def close(self, timeout: float | None = None) -> bool:
        """Refuse what waits, and wait for the end of the thread. RETURNS: Whether it has ended."""
        self.refuse()
        if self._thread is None or self._pid != os.getpid():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _count(self) -> int:
        return sum(len(job.items) - job.n_taken for job in self._jobs if not job.future.cancelled())

    def _work(self) -> None:
        while batch := self._next_batch():
            try:
                results = self._compute([job.items[i] for job, i in batch])
            except BaseException as error:  # nobody else would tell of it, and others wait
                logger.exception("a batch of %d documents fails", len(batch))
                for job in {id(job): job for job, _ in batch}.values():
                    _fail(job, error)
                continue
            for (job, i), result in zip(batch, results, strict=True):
                job.results[i] = result
                if len(job.results) == len(job.items):
                    _finish(job)

    def _next_batch(self) -> list[tuple[_Job[Item, Result], int]]:
        """Documents by their request and number; none where the service ends."""
        batch: list[tuple[_Job[Item, Result], int]] = []
        with self._changed:
            # All of those that waited may have been taken back meanwhile.
            while not batch and not self.is_closed:
                while not self._count() and not self.is_closed:
                    self._jobs.clear()
                    self._changed.wait()
                # Clients that were just answered ask again, one after the other: without the last of them, batches would be small.
                until = monotonic() + self._settings.batch_wait
                while not self.is_closed and self._count() < self._expected and (left := until - monotonic()) > 0:
                    self._changed.wait(left)
                batch = self._take()
            self._expected = len(batch)
        return batch

    def _take(self) -> list[tuple[_Job[Item, Result], int]]:
        batch: list[tuple[_Job[Item, Result], int]] = []
        n_characters = 0
        while self._jobs and len(batch) < self._settings.batch_size:
            job = self._jobs[0]
            if job.future.cancelled() or job.future.done():
                self._jobs.popleft()
                continue
            n_characters += len(job.items[job.n_taken].text)
            if batch and n_characters > self._settings.batch_characters:
                break
            batch.append((job, job.n_taken))
            job.n_taken += 1
            self._jobs.popleft()
            if job.n_taken < len(job.items):
                self._jobs.append(job)
        return batch


def _finish(job: _Job[Item, Result]) -> None:
    with suppress(InvalidStateError):  # nobody waits any more
        job.future.set_result([job.results[i] for i in range(len(job.items))])


def _fail(job: _Job[Item, Result], error: BaseException) -> None:
    with suppress(InvalidStateError):
        job.future.set_exception(error)
