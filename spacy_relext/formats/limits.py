"""How much is read at once, and how much a packed file may unpack to: of a size alone, so that results do not depend on the machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from io import BufferedReader
from itertools import count
from pathlib import Path
from typing import Protocol

from spacy_relext.errors import DataError
from spacy_relext.formats.files import read_errors

CHUNK = 2**20
MEGABYTE = 1_000_000
# Some editors and tools put it before UTF-8; it is no part of what a file says.
MARK = b"\xef\xbb\xbf"
# What a file begins with that is packed by gzip.
GZIP = b"\x1f\x8b"
# A line that was too long, and is not read: what is wrong with it.
Line = bytes | DataError


class Chunks(Protocol):
    """What is read in chunks."""

    def read(self, size: int, /) -> bytes:
        """Read so many bytes, or fewer at the end."""
        ...


class Bytes(Chunks, Protocol):
    """A file that is open to read, packed or not."""

    def readline(self, size: int, /) -> bytes:
        """Read to the end of the line, and so many bytes at the most."""
        ...


@dataclass(frozen=True)
class Limits:
    """What is read at the most.

    record: Bytes of a line, or of a file that is read as a whole. unpacked: Bytes that a packed file holds. characters: Of a text.
    """

    record: int = 500 * MEGABYTE
    unpacked: int = 2_000 * MEGABYTE
    characters: int = 1_000_000


_limits: ContextVar[Limits | None] = ContextVar("spacy_relext_limits", default=None)


def limits() -> Limits:
    """Those that hold here."""
    return _limits.get() or Limits()


@contextmanager
def limited(chosen: Limits) -> Iterator[None]:
    """Others, for what is read inside, in this thread."""
    token = _limits.set(chosen)
    try:
        yield
    finally:
        _limits.reset(token)


def too_large(what: str, path: Path | str | None, line: int | None = None) -> DataError:
    """An error of a line or file that is not read."""
    return DataError(
        f"{what} has more than {limits().record:,} bytes, the most that is read at once. Cut it, or raise `Limits.record`.",
        path=path,
        line=line,
    )


def unpacks_to_more(what: str, path: Path) -> DataError:
    """An error of a packed file that is not read."""
    return DataError(
        f"{what} unpacks to more than {limits().unpacked:,} bytes. Is it what you expect? If so, raise `Limits.unpacked`.", path=path
    )


def read_whole(path: Path) -> bytes:
    """All of a file but a byte order mark. RAISES: DataError where it cannot be read, or is too large."""
    with read_errors(path), path.open("rb") as file:
        raw = file.read(limits().record + 1)
    if len(raw) > limits().record:
        raise too_large("the file", path)
    refuse_packed(raw, path)
    return raw.removeprefix(MARK)


def begins_with_mark(path: Path) -> bool:
    """Whether a file begins with a byte order mark. RAISES: DataError where it cannot be read."""
    with read_errors(path), path.open("rb") as file:
        return file.read(len(MARK)) == MARK


def refuse_packed(begin: bytes, path: Path) -> None:
    """Refuse a file that is packed, of which this is the begin: `extract` alone unpacks."""
    if begin.startswith(GZIP):
        raise DataError("it is packed by gzip. Unpack it first: gunzip.", path=path)


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """A file to read in pieces. RAISES: DataError where it cannot be read, or is packed."""
    with read_errors(path):
        file = path.open("rb")
    with file:
        with read_errors(path):
            begin = file.peek(len(GZIP))
        refuse_packed(begin, path)
        yield file


def lines_of(path: Path) -> Iterator[tuple[int, Line]]:
    """The numbers and lines of a file. RAISES: DataError where it cannot be read."""
    with opened(path) as file:
        yield from bounded_lines(file, path)


def reported_lines(path: Path, on_error: Callable[[DataError], None]) -> Iterator[tuple[int, Line]]:
    """The same; that it cannot be read, or cannot be read on, is told `on_error`, and ends it."""
    return reported(lines_of(path), on_error)


def reported(lines: Iterator[tuple[int, Line]], on_error: Callable[[DataError], None]) -> Iterator[tuple[int, Line]]:
    """Numbers and lines, of which an error is told `on_error`, and ends them."""
    while True:
        try:
            pair = next(lines, None)
        except DataError as error:
            on_error(error)
            return
        if pair is None:
            return
        yield pair


def bounded_lines(file: Bytes, path: Path | str, first: int = 1) -> Iterator[tuple[int, Line]]:
    """The numbers, counted from 1, and lines of a file that is open, in the place of one that is too long what is wrong with it.

    A byte order mark before the first one is left out.

    first: The number of the line that is read first, where it is not opened at its beginning.
    RAISES: DataError where it cannot be read.
    """
    most = limits().record
    for number in count(first):
        with read_errors(path):
            raw = file.readline(most + 1)
            if len(raw) > most:
                _skip_line(file, raw)
        if not raw:
            return
        if number == 1:
            raw = raw.removeprefix(MARK)
        yield number, raw if len(raw) <= most else too_large("the line", path, number)


def _skip_line(file: Bytes, read: bytes) -> None:
    while read and not read.endswith(b"\n"):
        read = file.readline(CHUNK)


def read_line(line: Line) -> bytes:
    """A line. RAISES: DataError for one that was too long."""
    if isinstance(line, DataError):
        raise line
    return line


def is_blank(line: Line) -> bool:
    """Whether a line is nothing but white space."""
    return isinstance(line, bytes) and not line.strip()


def count_lines(file: Chunks) -> int:
    """How many lines that are not blank a file has."""
    n_lines, begun = 0, False
    while chunk := file.read(CHUNK):
        first, *rest = chunk.split(b"\n")
        begun = begun or bool(first.strip())
        if rest:
            n_lines += begun + sum(bool(line.strip()) for line in rest[:-1])
            begun = bool(rest[-1].strip())
    return n_lines + begun
