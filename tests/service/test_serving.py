"""The service on a real port: hostile requests among ordinary ones, clients that go away or are slow, and the end."""

import asyncio
import json
import socket
import threading
import time

import pytest

from benchmarks.hostile import TEXT, all_kinds, leaks, post
from benchmarks.serving import Connection, ask
from spacy_relext.errors import RelextError
from spacy_relext.service import serving
from spacy_relext.service.app import make_app
from spacy_relext.service.settings import Settings


@pytest.fixture(scope="module")
def server(trained):
    """A server in a thread. Its port, and what ends it."""
    listening, is_there = serving.listen("127.0.0.1", 0), threading.Event()
    server = serving.Server(make_app(trained, Settings(max_pairs=1000, max_characters=20_000)), is_there.set)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    is_there.wait()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()
    assert not server.config.app.state.service.is_open


async def send(port, raw, **settings):
    async with Connection(port) as connection:
        return await connection.send(raw, timeout=20, **settings)


KINDS = list(all_kinds())


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_hostile_requests_get_an_answer_that_tells_nothing_of_what_is_inside(server, kind, caplog):
    status, body = asyncio.run(send(server, kind.raw, hangs_up=kind.hangs_up))
    assert status in kind.statuses, body
    if status >= 400 and body.startswith(b"{"):
        assert set(json.loads(body)["error"]) <= {"status", "message", "where"}
    assert status < 400 or not leaks(body.decode())
    assert "Traceback" not in caplog.text


def test_ordinary_requests_are_answered_among_hostile_ones(server):
    plan = [request for kind in KINDS if len(kind.raw) < 100_000 for request in (kind, post({"text": TEXT}))]
    run = asyncio.run(ask(server, plan, 8))
    [right] = {body for (status, body), request in zip(run.answers, plan, strict=True) if isinstance(request, bytes)}
    assert json.loads(right)["documents"][0]["relations"] == [{"head": "T1", "tail": "T2", "label": "MECHANISM"}]


@pytest.mark.parametrize("sent", [b"", b"POST /extract HT", b"POST /extract HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_who_does_not_finish_the_headers_is_not_waited_for(server, monkeypatch, sent):
    monkeypatch.setattr(serving, "HEADERS", 0.2)
    with socket.create_connection(("127.0.0.1", server), timeout=10) as client:
        client.sendall(sent)
        assert client.recv(1) == b""


def test_who_keeps_a_connection_may_ask_again(server, monkeypatch):
    monkeypatch.setattr(serving, "HEADERS", 0.3)

    async def twice():
        async with Connection(server) as connection:
            first = await connection.send(post({"text": TEXT}))
            await asyncio.sleep(0.5)
            return first, await connection.send(post({"text": TEXT}))

    first, second = asyncio.run(twice())
    assert first == second
    assert first[0] == 200


def test_a_port_that_is_taken_is_told():
    with serving.listen("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RelextError, match=f"port {port} of 127.0.0.1 is taken by another program"):
            serving.listen("127.0.0.1", port)
    with pytest.raises(RelextError, match="is no address of a machine"):
        serving.listen("no.such.machine.invalid", 0)


def test_what_is_being_computed_is_answered_at_the_end_and_what_waits_is_refused(trained):
    app = make_app(trained, Settings(batch_size=1, batch_wait=0))
    service = app.state.service
    compute, goes_on, is_begun = service._compute, threading.Event(), threading.Event()

    def slowly(documents):
        is_begun.set()
        goes_on.wait(20)
        return compute(documents)

    service._batcher._compute = slowly
    listening, is_there = serving.listen("127.0.0.1", 0), threading.Event()
    server = serving.Server(app, is_there.set)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    is_there.wait()
    port, answers = listening.getsockname()[1], {}

    def client(name):
        answers[name] = asyncio.run(send(port, post({"text": TEXT})))

    clients = [threading.Thread(target=client, args=(name,)) for name in ("first", "second")]
    clients[0].start()
    is_begun.wait(20)
    clients[1].start()
    while not service.n_waiting:
        time.sleep(0.01)
    server.should_exit = True
    clients[1].join()
    assert answers["second"][0] == 503
    assert b"ending" in answers["second"][1]
    goes_on.set()
    clients[0].join()
    assert answers["first"][0] == 200
    thread.join()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
