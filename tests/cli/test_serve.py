"""`relext serve`, from its start to its end."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
import time

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from benchmarks.hostile import TEXT, post, request
from benchmarks.serving import Connection
from spacy_relext.cli import relext_cli
from spacy_relext.service import serving  # noqa: F401 (imported before the fork)
from spacy_relext.service.app import make_app  # noqa: F401
from tests.cli.toy import relext


def started(log, *arguments):
    """The command in a process of its own, which has loaded the libraries, and the port that it says."""
    pid = os.fork()
    if not pid:
        sys.stderr, status = log.open("w", encoding="utf8", buffering=1), 1
        try:
            relext_cli(["serve", *map(str, arguments)])
        except SystemExit as end:
            status = int(end.code or 0)
        finally:
            os._exit(status)
    until = time.monotonic() + 120
    while not (log.exists() and (address := re.search(r"http://\S+?:(\d+) ", log.read_text("utf8")))):
        assert time.monotonic() < until, log.read_text("utf8") if log.exists() else "nothing is said"
        time.sleep(0.05)
    return pid, int(address[1])


async def send(port, raw):
    async with Connection(port) as connection:
        return await connection.send(raw, timeout=60)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_until_it_is_told_to_end(model, tmp_path, sign):
    pid, port = started(tmp_path / "log", model, "--port", 0, "--threads", 1)
    status, body = asyncio.run(send(port, post({"text": TEXT})))
    os.kill(pid, sign)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert status == 200
    assert json.loads(body)["documents"][0]["relations"] == [{"head": "T1", "tail": "T2", "label": "MECHANISM"}]
    said = (tmp_path / "log").read_text("utf8")
    assert f"en_pipeline is at http://127.0.0.1:{port} (its API: http://127.0.0.1:{port}/api). Ctrl-C ends it." in said
    assert said.endswith("The service has ended.\n")
    assert "Traceback" not in said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_host_that_is_open_to_others_says_so(model, tmp_path):
    pid, port = started(tmp_path / "log", model, "--host", "0.0.0.0", "--port", 0, "--allow-host", "relations.example")
    hosts = ("10.0.0.1", "relations.example", "evil.example")
    statuses = [asyncio.run(send(port, request("GET", "/health", host=host)))[0] for host in hosts]
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    assert statuses == [200, 200, 403]
    assert "0.0.0.0: every machine that reaches this one can send texts" in (tmp_path / "log").read_text("utf8")


def test_what_cannot_be_served_is_a_message(model, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = relext("serve", model, "--port", port)
    assert result.exit_code == 1
    assert f"port {port} of 127.0.0.1 is taken by another program. Take another one (--port), or 0 for any." in " ".join(
        result.output.split()
    )
    result = relext("serve", tmp_path / "nothing", "--port", 0)
    assert result.exit_code == 1
    assert "cannot be loaded" in " ".join(result.output.split())
