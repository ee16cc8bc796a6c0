"""The content of inputs: read once while it is planned, and in stretches afterwards; packed files as what they hold."""

import hashlib
import io
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from spacy_relext.formats.files import names_in
from spacy_relext.formats.limits import CHUNK
from spacy_relext.formats.unpacking import Unpacked, is_packed, opened_content, unreadable

# Of a piece that is read, in memory; the rest is in a temporary file.
MOST_HELD = 64 * 2**20


class _Open(threading.local):
    """The packed file that a thread read last: what it is known by, the process that opened it, and it."""

    key: tuple[object, ...] = ()
    process = 0
    file: "_Forward | None" = None


_open = _Open()


@contextmanager
def content_from(path: Path, start: int) -> Iterator[BinaryIO]:
    """A file, unpacked, from an offset on.

    A packed one that is read in stretches, one behind the other, is unpacked once: it stays open in this thread until another one is read.
    RAISES: DataError for what cannot be read.
    """
    if not is_packed(path):
        with opened_content(path) as file:
            file.seek(start)
            yield file
        return
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(error, path) from error
    key = (str(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    before, process = _open.file, os.getpid()
    # A forked process would move the file of the one that it comes from.
    is_usable = before is not None and _open.key == key and _open.process == process and before.tell() <= start
    packed = before if is_usable and before is not None else _Forward(path)
    _open.file = None
    try:
        packed.skip_to(start)
        yield cast(BinaryIO, packed)
    except BaseException:
        packed.close()
        raise
    _open.key, _open.process, _open.file = key, process, packed


class _Forward(io.BufferedReader):
    """What a packed file holds, read forward."""

    def __init__(self, path: Path):
        super().__init__(Unpacked(path), CHUNK)
        self._at = 0

    def tell(self) -> int:
        """How many bytes have been read."""
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, or fewer at the end."""
        found = super().read(size)
        self._at += len(found)
        return found

    def skip_to(self, offset: int) -> None:
        """Read up to an offset."""
        while self._at < offset and self.read(min(CHUNK, offset - self._at)):
            pass


def stretch(path: Path, start: int, end: int, *, is_last: bool) -> Iterator[bytes]:
    """The content between two offsets, and the first byte behind it where it is to be the last of the file."""
    with content_from(path, start) as file:
        left = end - start
        while left and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
        if is_last and (more := file.read(1)):
            yield more


def raw_content(path: Path, suffixes: tuple[str, ...]) -> Iterator[bytes]:
    """The bytes of a file as they are on the disk, or of those in a folder with these suffixes, with their names.

    What cannot be read is left out: it is an error of whoever reads it as documents.
    """
    try:
        yield from _raw_file(path)
    except IsADirectoryError:
        for name in names_in(path):
            if Path(name).suffix.lower() in suffixes:
                yield os.fsencode(name) + b"\0"
                with suppress(OSError):
                    yield from _raw_file(path / name)
    except OSError:
        pass


def _raw_file(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def hashed(chunks: Iterable[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    """The same, which the digest is of, too."""
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


@contextmanager
def held(chunks: Iterable[bytes]) -> Iterator[BinaryIO]:
    """What is read, to be read again: in memory, or in a temporary file where it is long."""
    memory = io.BytesIO()
    rest = iter(chunks)
    for chunk in rest:
        memory.write(chunk)
        if memory.tell() > MOST_HELD:
            break
    else:
        memory.seek(0)
        yield memory
        return
    with TemporaryFile() as file:
        file.write(memory.getbuffer())
        memory = io.BytesIO()
        for chunk in rest:
            file.write(chunk)
        file.seek(0)
        yield cast(BinaryIO, file)
