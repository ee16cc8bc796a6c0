"""Requests that a service should not be harmed by, and what it may answer to each."""

import gzip
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What an answer must never hold: a trace, a place in the file system, a name of what is inside.
LEAKS = (
    "Traceback",
    'File "',
    "site-packages",
    ".py",
    "/usr/",
    "/home/",
    f"{Path.home()}/",
    "spacy_relext.",
    "0x",
    "starlette",
    "pydantic",
)
TEXT = "Aspirin increases warfarin levels."


@dataclass(frozen=True)
class Hostile:
    """A request.

    raw: Its bytes. statuses: What it may be answered with; 0: the connection is closed without an answer.
    hangs_up: The client closes the connection when it has sent them.
    """

    name: str
    raw: bytes
    statuses: frozenset[int]
    hangs_up: bool = False


def request(method: str, path: str, body: bytes = b"", host: str = "127.0.0.1", **headers: str) -> bytes:
    """The bytes of a request. headers: Underscores stand for hyphens; an empty one is left out."""
    said = {"host": host, "content-type": "application/json" if body else "", "content-length": str(len(body)) if body else ""}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode("utf8") + body


def post(said: Any, path: str = "/extract", **headers: str) -> bytes:
    """A request with JSON."""
    return request("POST", path, said if isinstance(said, bytes) else json.dumps(said).encode(), **headers)


def mentions(*places: tuple[int, int]) -> dict[str, Any]:
    """A text with mentions."""
    return {"text": TEXT, "mentions": [{"start": start, "end": end, "type": "DRUG"} for start, end in places]}


def chunked(n_chunks: int, size: int) -> bytes:
    """A body in chunks, whose size no header says."""
    head = request("POST", "/extract", content_type="application/json", transfer_encoding="chunked")
    chunk = f"{size:x}\r\n".encode() + b"x" * size + b"\r\n"
    return head + chunk * n_chunks + b"0\r\n\r\n"


# Names, and what makes each: bytes and statuses. Those that send megabytes are drawn seldom.
KINDS: dict[str, tuple[Callable[[], bytes], tuple[int, ...]]] = {
    "no JSON": (lambda: post(b"{"), (400,)),
    "no object": (lambda: post([]), (422,)),
    "no body": (lambda: request("POST", "/extract", content_type="application/json", content_length="0"), (422,)),
    "JSON within JSON": (lambda: post(b"[" * 100_000), (400,)),
    "objects within objects": (lambda: post(b'{"a":' * 50_000 + b"1" + b"}" * 50_000), (400,)),
    "NaN": (lambda: post(b'{"text": "a", "threshold": NaN}'), (400,)),
    "Infinity": (lambda: post(b'{"text": "a", "threshold": -Infinity}'), (400,)),
    "1e999": (lambda: post(b'{"text": "a", "threshold": 1e999}'), (422,)),
    "many digits": (lambda: post(b'{"text": "a", "threshold": ' + b"9" * 100_000 + b"}"), (400, 422)),
    "many keys": (lambda: post({f"k{i}": i for i in range(50_000)}), (400,)),
    "a key twice": (lambda: post(b'{"text": "a", "text": "b"}'), (400,)),
    "not UTF-8": (lambda: post(b'{"text": "\xff\xfe"}'), (400,)),
    "UTF-16": (lambda: post('{"text": "a"}'.encode("utf-16")), (400,)),
    "half a surrogate pair": (lambda: post(b'{"text": "a \\ud83d b"}'), (422,)),
    "null characters": (lambda: post({"text": "a\0b\0" * 20}), (200,)),
    "no text": (lambda: post({"text": None}), (422,)),
    "text of a number": (lambda: post({"text": 3}), (422,)),
    "an empty text": (lambda: post({"text": ""}), (200,)),
    "white space": (lambda: post({"text": " \n\t\u2028" * 50}), (200,)),
    "unknown key": (lambda: post({"text": "a", "__class__": {"__init__": 1}}), (422,)),
    "no documents": (lambda: post({"documents": []}), (200,)),
    "many documents": (lambda: post({"documents": [{"text": "a"}] * 5_000}), (413, 422)),
    "ids twice": (lambda: post({"documents": [{"id": "a", "text": "a"}, {"id": "a", "text": "b"}]}), (422,)),
    "documents of anything": (lambda: post({"documents": [1, None, [], "a", {}]}), (422,)),
    "threshold of 2": (lambda: post({"text": TEXT, "threshold": 2}), (422,)),
    "mention outside": (lambda: post(mentions((0, 7), (30, 99))), (422,)),
    "mention backwards": (lambda: post(mentions((7, 0))), (422,)),
    "mention below 0": (lambda: post(mentions((-7, 7))), (422,)),
    "mention of 1e30": (lambda: post(b'{"text": "a", "mentions": [{"start": 0, "end": 1e30, "type": "A"}]}'), (422,)),
    "mention of 10^30": (lambda: post(b'{"text": "a", "mentions": [{"start": 0, "end": 1' + b"0" * 30 + b', "type": "A"}]}'), (422,)),
    "mentions that cross": (lambda: post(mentions((0, 12), (8, 26))), (200,)),
    "mentions twice": (lambda: post(mentions((0, 7), (0, 7))), (200, 422)),
    "a mention of white space": (lambda: post(mentions((7, 8))), (422,)),
    "too many pairs": (lambda: post({"text": "a " * 400, **{"mentions": [_mention(2 * i) for i in range(400)]}}), (422,)),
    "one long word": (lambda: post({"text": "a" * 10_000}), (200,)),
    "combining characters": (lambda: post({"text": "a" + "\u0301" * 3_000}), (200,)),
    "text too long": (lambda: post({"text": "a " * 100_000}), (413,)),
    "body too large": (lambda: post(b" " * 6_000_000), (413, 0)),
    "chunks too large": (lambda: chunked(60, 100_000), (413, 0)),
    "a size that is none": (lambda: request("POST", "/extract", content_type="application/json", content_length="-1"), (400, 0)),
    "other type": (lambda: post({"text": "a"}, content_type="text/plain"), (415,)),
    "a form": (lambda: request("POST", "/extract", b"text=a", content_type="application/x-www-form-urlencoded"), (415,)),
    "packed": (lambda: post(gzip.compress(b'{"text": "a"}'), content_encoding="gzip"), (415,)),
    "a page of another": (lambda: post({"text": "a"}, origin="http://evil.example"), (403,)),
    "a name of another": (lambda: post({"text": "a"}, host="evil.example"), (403,)),
    "a name within": (lambda: request("GET", "/model", host="127.0.0.1.evil.example:80"), (403,)),
    "no name": (lambda: b"GET /model HTTP/1.0\r\n\r\n", (403,)),
    "an address outside": (lambda: request("GET", "/../../../../etc/passwd"), (404,)),
    "an address packed": (lambda: request("GET", "/%2e%2e/%2e%2e/etc/passwd%00"), (404,)),
    "other method": (lambda: request("DELETE", "/extract"), (405,)),
    "a question of others": (lambda: request("OPTIONS", "/extract", origin="http://evil.example"), (403, 405)),
    "no HTTP": (lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n", (400, 0)),
    "a large header": (lambda: request("GET", "/health", x="y" * 200_000), (400, 431, 0)),
    "an upgrade": (lambda: request("GET", "/", connection="upgrade", upgrade="websocket"), (200, 400, 404, 0)),
    "a picture of nothing": (lambda: post({"document": {"text": "a", "relations": [_relation("x")]}}, "/render"), (422,)),
    "scores of another": (lambda: post({"document": {"text": "a", "pairs": [], "mentions": []}, "threshold": 0.5}, "/render"), (200, 422)),
    "scores of nothing": (lambda: post({"document": {"text": "a", "pairs": [_pair("x")]}, "threshold": 0.5}, "/render"), (422,)),
    "markup": (lambda: post({"document": _marked('"><script>alert(1)</script>')}, "/render"), (200,)),
    "attention of nothing": (lambda: post({"document": {"text": "a"}, "head": "T1", "tail": "T2"}, "/attention"), (422,)),
    "attention to itself": (lambda: post({"document": mentions((0, 7)), "head": "T1", "tail": "T1"}, "/attention"), (422,)),
}
# Of clients that go away: in the middle of a request, or as soon as they have asked.
GONE: dict[str, Callable[[], bytes]] = {
    "gone in the first line": lambda: b"POST /extr",
    "gone in the headers": lambda: b"POST /extract HTTP/1.1\r\nhost: 127.0.0.1\r\n",
    "gone in the body": lambda: post({"text": TEXT * 100})[:-50],
    "gone before the answer": lambda: post({"documents": [{"text": TEXT * 5}] * 8}),
    "nothing at all": lambda: b"",
}
SELDOM = frozenset({"body too large", "chunks too large", "many keys", "many documents", "one long word", "too many pairs"})


def all_kinds() -> Iterator[Hostile]:
    """One of each."""
    for name, (make, statuses) in KINDS.items():
        yield Hostile(name, make(), frozenset(statuses))
    for name, cut in GONE.items():
        yield Hostile(name, cut(), frozenset({0}), hangs_up=True)


def drawn(n: int, seed: int = 0) -> list[Hostile]:
    """So many of them; those that send megabytes are a tenth as frequent as others."""
    kinds = list(all_kinds())
    weights = [0.1 if kind.name in SELDOM else 1.0 for kind in kinds]
    return random.Random(seed).choices(kinds, weights, k=n)


def leaks(answer: str) -> list[str]:
    """What an answer says of what is inside."""
    return [leak for leak in LEAKS if leak in answer]


def _mention(start: int) -> dict[str, Any]:
    return {"start": start, "end": start + 1, "type": "DRUG"}


def _relation(end: str) -> dict[str, Any]:
    return {"head": end, "tail": end, "label": "A"}


def _pair(end: str) -> dict[str, Any]:
    return {"head": end, "tail": end, "scores": {"A": 0.5}}


def _marked(text: str) -> dict[str, Any]:
    ends = [{"id": text * i, "start": i, "end": i + 3, "type": text} for i in (1, 4)]
    return {"id": text, "text": text * 3, "mentions": ends, "relations": [{"head": text, "tail": text * 4, "label": text}]}
