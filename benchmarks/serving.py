"""The service under many clients at once: documents per second beside `nlp.pipe`, and hostile requests among ordinary ones."""

import asyncio
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import spacy
import torch
import typer
from spacy.language import Language
from spacy.tokens import Doc

import spacy_relext
from benchmarks.hostile import Hostile, drawn, leaks, post
from benchmarks.measuring import in_turn
from spacy_relext.callbacks import keep_to_itself

DEMO = Path(__file__).parent.parent / "assets" / "demo"
STARTING = 300.0
# Records have four digits of a score.
TOLERANCE = 1.01e-4


def serve(
    model: str = typer.Argument("en_relext_demo", help="Name or folder of a pipeline."),
    data: Path = typer.Option(None, help="Texts, in any format that is read; those of the demonstration, if left out."),
    n_texts: int = typer.Option(200, help="Texts, evenly from all of them."),
    requests: int = typer.Option(1000, help="Requests of each run."),
    clients: int = typer.Option(16, help="Clients at a time."),
    repeats: int = typer.Option(3, help="Runs of each kind, taken in turn."),
    threads: int = typer.Option(2, help="Threads of torch, of the service and of `nlp.pipe`."),
):
    """Documents per second of the service, beside those of `nlp.pipe` with the same texts and threads, and how long requests take."""
    keep_to_itself()
    torch.set_num_threads(threads)
    nlp, texts = spacy.load(model), _texts(data, n_texts)
    texts = (texts * (requests // len(texts) + 1))[:requests]
    list(nlp.pipe(texts[:64]))
    runs: list[Run] = []
    seconds: list[float] = []
    with _service(model, threads) as (port, _):
        asyncio.run(ask(port, [post({"text": text}) for text in texts[:64]], clients))
        for kind in in_turn(["service", "pipe"], repeats):
            if kind == "service":
                runs.append(asyncio.run(ask(port, [post({"text": text}) for text in texts], clients)))
                assert all(status == 200 for status, _ in runs[-1].answers), Counter(status for status, _ in runs[-1].answers)
            else:
                start = time.perf_counter()
                for _ in nlp.pipe(texts):
                    pass
                seconds.append(time.perf_counter() - start)
    speeds = {"service": [requests / run.seconds for run in runs], "pipe": [requests / time for time in seconds]}
    waited = sorted(wait for run in runs for wait in run.waited)
    figures = {
        "requests": requests,
        "clients": clients,
        "threads": threads,
        "characters": round(statistics.mean(map(len, texts))),
        "documents per second": {kind: round(statistics.median(values), 1) for kind, values in speeds.items()},
        "ratio": round(statistics.median(a / b for a, b in zip(speeds["service"], speeds["pipe"], strict=True)), 3),
        "ratios": [round(a / b, 3) for a, b in zip(speeds["service"], speeds["pipe"], strict=True)],
        "milliseconds": _percentiles(waited),
    }
    print(json.dumps(figures, indent=2))


def serve_hostile(
    model: str = typer.Argument("en_relext_demo", help="Name or folder of a pipeline; it computes in float32."),
    data: Path = typer.Option(None, help="Texts, in any format that is read; those of the demonstration, if left out."),
    n_texts: int = typer.Option(100, help="Texts, evenly from all of them."),
    requests: int = typer.Option(10_000, help="Requests."),
    hostile: float = typer.Option(0.1, help="The share of those that are hostile."),
    clients: int = typer.Option(16, help="Clients at a time."),
    threads: int = typer.Option(2, help="Threads of torch."),
    seed: int = typer.Option(0, help="Seed of what is hostile, and when."),
):
    """Ordinary requests get what `nlp(text)` gives, also with hostile ones among them; none is told of what is inside; memory stays."""
    keep_to_itself()
    torch.set_num_threads(threads)
    with TemporaryDirectory() as folder:
        nlp = spacy.load(model, config=_float32(model))
        nlp.to_disk(folder)
        nlp, texts = spacy.load(folder), _texts(data, n_texts)
        expected = [relations_of(nlp(text)) for text in texts]
        with _service(folder, threads) as (port, pid):
            outcome = asyncio.run(attack(port, pid, texts, expected, requests, round(requests * hostile), clients, seed))
    print(json.dumps(outcome, indent=2))
    if outcome["other answers"] or outcome["leaks"] or outcome["unexpected"]:
        raise SystemExit(1)


# Clients


@dataclass
class Run:
    """What some requests came to: status and body of each, in their order, and the seconds that it took."""

    answers: list[tuple[int, bytes]] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    seconds: float = 0.0


class Connection:
    """A connection that is kept alive, and opened again where it was closed."""

    def __init__(self, port: int):
        self.port = port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, raw: bytes, *, hangs_up: bool = False, timeout: float = 120.0) -> tuple[int, bytes]:
        """Send a request. RETURNS: status and body; 0 where the connection was closed."""
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        try:
            writer.write(raw)
            if hangs_up:
                await writer.drain()
                return 0, b""
            async with asyncio.timeout(timeout):
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                body = await (reader.readexactly(int(length[1])) if length else reader.read())
        except (ConnectionError, asyncio.IncompleteReadError):
            hangs_up = True
            return 0, b""
        finally:
            if hangs_up:
                await self.close()
        if not length or b"connection: close" in head.lower():
            await self.close()
        return int(head.split(None, 2)[1]), body

    async def close(self) -> None:
        """Close it."""
        if self.streams is not None:
            _, writer = self.streams
            self.streams = None
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def __aenter__(self) -> "Connection":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def ask(port: int, raw: Sequence[bytes | Hostile], n_clients: int) -> Run:
    """Send requests by so many clients, each of which waits for an answer before it sends the next."""
    run = Run([(0, b"")] * len(raw), [0.0] * len(raw))
    numbers = iter(range(len(raw)))

    async def client() -> None:
        async with Connection(port) as connection:
            for i in numbers:
                request = raw[i]
                begin = time.perf_counter()
                if isinstance(request, Hostile):
                    run.answers[i] = await connection.send(request.raw, hangs_up=request.hangs_up)
                else:
                    run.answers[i] = await connection.send(request)
                run.waited[i] = time.perf_counter() - begin

    begin = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(n_clients)))
    run.seconds = time.perf_counter() - begin
    return run


async def attack(
    port: int, pid: int, texts: Sequence[str], expected: Sequence[Any], n_requests: int, n_hostile: int, n_clients: int, seed: int
) -> dict[str, Any]:
    """Ordinary requests with hostile ones evenly among them, in ten parts, after each of which the memory is looked at."""
    hostile = iter(drawn(n_hostile, seed))
    every = n_requests / max(n_hostile, 1)
    plan: list[bytes | Hostile] = []
    asked: dict[int, int] = {}
    for i in range(n_requests):
        if n_hostile and int((i + 1) / every) > int(i / every):
            plan.append(next(hostile))
        else:
            asked[i] = len(asked) % len(texts)
            plan.append(post({"text": texts[asked[i]]}))
    found: dict[str, Any] = {"requests": n_requests, "hostile": n_hostile, "other answers": 0, "leaks": 0, "unexpected": Counter()}
    waited, memory, seconds = [], [], 0.0
    size = -(-n_requests // 10)
    for first in range(0, n_requests, size):
        run = await ask(port, plan[first : first + size], n_clients)
        seconds += run.seconds
        memory.append(_megabytes(pid))
        for i, ((status, body), wait) in enumerate(zip(run.answers, run.waited, strict=True), start=first):
            request = plan[i]
            text = body.decode("utf8", errors="replace")
            if isinstance(request, Hostile):
                if status not in request.statuses:
                    found["unexpected"][f"{request.name}: {status}"] += 1
                found["leaks"] += bool(status >= 400 and leaks(text))
            else:
                waited.append(wait)
                is_right = status == 200 and _is_same(json.loads(body)["documents"][0], expected[asked[i]])
                found["other answers"] += not is_right
    return {**found, "seconds": round(seconds, 1), "milliseconds": _percentiles(sorted(waited)), "megabytes": memory}


# What is right


def relations_of(doc: Doc) -> list[tuple[Any, ...]]:
    """The relations of a Doc: places, label, and score."""
    return [(r.head.start_char, r.head.end_char, r.tail.start_char, r.tail.end_char, r.label, float(r.score)) for r in doc._.relations]


def _is_same(record: dict[str, Any], expected: list[tuple[Any, ...]]) -> bool:
    places = {mention["id"]: (mention["start"], mention["end"]) for mention in record["mentions"]}
    found = sorted((*places[r["head"]], *places[r["tail"]], r["label"], r.get("score", 1.0)) for r in record["relations"])
    pairs = zip(found, sorted(expected), strict=False)
    return len(found) == len(expected) and all(a[:-1] == b[:-1] and abs(a[-1] - b[-1]) <= TOLERANCE for a, b in pairs)


def _texts(data: Path | None, n: int) -> list[str]:
    if data is not None:
        texts = [doc.text for doc in spacy_relext.read(data)]
    else:
        texts = [json.loads(line)["text"] for name in ("test", "dev") for line in (DEMO / f"{name}.jsonl").read_text("utf8").splitlines()]
    return texts[:: max(1, len(texts) // n)][:n]


def _float32(model: str) -> dict[str, Any]:
    """The settings by which the components of a pipeline compute in float32."""
    config: Language = spacy.load(model).config
    found: dict[str, Any] = {}

    def look(section: dict[str, Any], path: str) -> None:
        for key, value in section.items():
            if isinstance(value, dict):
                look(value, f"{path}.{key}")
            elif key in ("precision", "cpu_precision"):
                found[f"{path}.{key}"] = "float32"

    look(config["components"], "components")
    return found


def _percentiles(waited: Sequence[float]) -> dict[str, float]:
    def at(share: float) -> float:
        return waited[min(len(waited) - 1, int(share * len(waited)))]

    middle, late = at(0.5), at(0.95)
    return {"p50": round(1000 * middle, 1), "p95": round(1000 * late, 1), "p95 / p50": round(late / middle, 2)}


def _megabytes(pid: int) -> int:
    """The resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf8")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) // 1024  # type: ignore[index]


@contextmanager
def _service(model: str, threads: int) -> Iterator[tuple[int, int]]:
    """A service in a process of its own. YIELDS: port and process."""
    command = [sys.executable, "-m", "spacy", "relext", "serve", model, "--port", "0", "--threads", str(threads)]
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(command, stderr=file, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        try:
            until = time.monotonic() + STARTING
            while not (address := re.search(r"is at http://[^\s]+:(\d+)", log.read_text("utf8"))):
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"the service does not start: {log.read_text('utf8')}")
                time.sleep(0.1)
            yield int(address[1]), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)
            print(log.read_text("utf8")[-3000:], file=sys.stderr)
