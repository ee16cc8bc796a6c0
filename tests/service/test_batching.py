"""Documents of several requests in batches: in which order, and what becomes of those that fail or that nobody waits for."""

import os
import threading
import time
from concurrent.futures import wait
from types import SimpleNamespace

import pytest

from spacy_relext.service.batching import Batcher, ClosedError, FullError
from spacy_relext.service.settings import Settings


def item(text):
    return SimpleNamespace(text=text)


class Held:
    """Computes batches, the first of which waits until it is let go."""

    def __init__(self, **settings):
        self.batches, self.threads = [], set()
        self.is_begun, self.goes_on = threading.Event(), threading.Event()
        self.batcher = Batcher(self.compute, Settings(**{"batch_wait": 0.0, **settings}))

    def compute(self, items):
        self.batches.append([i.text for i in items])
        self.threads.add(threading.get_ident())
        if len(self.batches) == 1:
            self.is_begun.set()
            self.goes_on.wait(20)
        if any(i.text == "bad" for i in items):
            raise MemoryError
        return [i.text.upper() for i in items]

    def begin(self):
        future = self.batcher.submit([item("first")])
        self.is_begun.wait(20)
        return future

    def submit(self, *texts):
        return self.batcher.submit([item(text) for text in texts])


@pytest.fixture
def held(request):
    held = Held(**getattr(request, "param", {}))
    yield held
    held.goes_on.set()
    assert held.batcher.close(20)


@pytest.mark.parametrize("held", [{"batch_size": 4}], indirect=True)
def test_requests_take_turns(held):
    first = held.begin()
    futures = [held.submit("a1", "a2", "a3", "a4"), held.submit("b1"), held.submit("c1", "c2")]
    held.goes_on.set()
    assert [future.result(20) for future in futures] == [["A1", "A2", "A3", "A4"], ["B1"], ["C1", "C2"]]
    assert first.result() == ["FIRST"]
    assert held.batches == [["first"], ["a1", "b1", "c1", "a2"], ["c2", "a3", "a4"]]
    assert len(held.threads) == 1


@pytest.mark.parametrize("held", [{"batch_characters": 10}], indirect=True)
def test_a_batch_has_so_many_characters_at_the_most(held):
    held.begin()
    futures = [held.submit(text * 6) for text in "abc"] + [held.submit("d" * 30)]
    held.goes_on.set()
    wait(futures, 20)
    assert [len(batch) for batch in held.batches] == [1, 1, 1, 1, 1]


@pytest.mark.parametrize("held", [{"batch_wait": 0.5}], indirect=True)
def test_a_first_document_waits_a_moment_for_others(held):
    held.goes_on.set()
    wait([held.submit("a"), held.submit("b")], 20)
    assert held.batches == [["a", "b"]]


@pytest.mark.parametrize("held", [{"batch_wait": 3.0, "batch_size": 2}], indirect=True)
def test_a_batch_waits_for_as_many_as_the_one_before_had(held):
    """Clients that were answered together ask again one after the other; one that is alone does not wait for others."""
    held.goes_on.set()
    wait([held.submit("a"), held.submit("b")], 20)
    again = held.submit("a")
    time.sleep(0.1)
    wait([again, held.submit("b")], 20)
    assert held.batches == [["a", "b"], ["a", "b"]]
    held.submit("alone").result(20)
    begin = time.monotonic()
    held.submit("alone").result(20)
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize("held", [{"max_waiting": 3}], indirect=True)
def test_more_than_may_wait_are_refused(held):
    held.begin()
    held.submit("a", "b")
    assert held.batcher.n_waiting == 2
    with pytest.raises(FullError):
        held.submit("c", "d")
    held.submit("c")


def test_what_nobody_waits_for_is_not_computed(held):
    held.begin()
    gone, stays = held.submit("a"), held.submit("b")
    assert gone.cancel()
    held.goes_on.set()
    assert stays.result(20) == ["B"]
    assert held.batches == [["first"], ["b"]]


@pytest.mark.parametrize("held", [{"batch_wait": 0.3}], indirect=True)
def test_it_goes_on_where_all_that_waited_was_taken_back(held):
    held.goes_on.set()
    gone = held.submit("a")
    time.sleep(0.1)
    assert gone.cancel()
    time.sleep(0.4)
    assert held.submit("b").result(20) == ["B"]


@pytest.mark.parametrize("held", [{"batch_size": 1}], indirect=True)
def test_a_batch_that_fails_fails_alone(held, caplog):
    held.begin()
    bad, good = held.submit("bad", "x"), held.submit("good")
    held.goes_on.set()
    with pytest.raises(MemoryError):
        bad.result(20)
    assert good.result(20) == ["GOOD"]
    assert "a batch of 1 documents fails" in caplog.text


def test_at_the_end_what_waits_is_refused_and_what_is_begun_is_finished(held):
    first = held.begin()
    waiting = held.submit("a")
    held.batcher.refuse()
    with pytest.raises(ClosedError):
        waiting.result(20)
    with pytest.raises(ClosedError):
        held.submit("b")
    held.goes_on.set()
    assert first.result(20) == ["FIRST"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fork_has_a_thread_of_its_own(held):
    held.goes_on.set()
    assert held.submit("a").result(20) == ["A"]
    pid = os.fork()
    if not pid:
        try:
            os._exit(0 if held.submit("b").result(20) == ["B"] else 1)
        finally:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
