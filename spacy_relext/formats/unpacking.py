"""Files, packed by gzip or not, as a stream of what they hold, whose errors name the file."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from spacy_relext.errors import DataError
from spacy_relext.formats.limits import CHUNK, limits, unpacks_to_more

PACKED = ".gz"


def is_packed(path: Path) -> bool:
    """Whether it is a gzip file, by its name."""
    return path.suffix.lower() == PACKED


@contextmanager
def opened_content(path: Path) -> Iterator[BinaryIO]:
    """A file, unpacked, at its beginning. RAISES: DataError for what cannot be read, or unpacks to too much."""
    raw: io.RawIOBase = Unpacked(path) if is_packed(path) else _Plain(path)
    with io.BufferedReader(raw, CHUNK if is_packed(path) else io.DEFAULT_BUFFER_SIZE) as file:
        yield cast(BinaryIO, file)


class _Plain(io.FileIO):
    """A file, whose errors name it."""

    def __init__(self, path: Path):
        try:
            super().__init__(path)
        except OSError as error:
            raise unreadable(error, path) from error
        self._path = path

    def readinto(self, buffer: memoryview, /) -> int | None:  # type: ignore[override]
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise unreadable(error, self._path) from error


class Unpacked(io.RawIOBase):
    """What a packed file holds."""

    def __init__(self, path: Path):
        try:
            self._file = gzip.GzipFile(path)
        except OSError as error:
            raise unreadable(error, path) from error
        self._path, self._n_bytes = path, 0

    def readable(self) -> bool:
        """As of every file."""
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """As of every file. RAISES: DataError where it is damaged, or unpacks to too much."""
        try:
            n_bytes = self._file.readinto(buffer)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"no whole gzip file: {error}. Is it truncated? Nothing of it is read.", path=self._path) from error
        self._n_bytes += n_bytes
        if self._n_bytes > limits().unpacked:
            raise unpacks_to_more("it", self._path)
        return n_bytes

    def close(self) -> None:
        """As of every file."""
        if not self.closed:
            self._file.close()
        super().close()


def unreadable(error: OSError, path: Path) -> DataError:
    """What the system says of a file, as an error of it."""
    return DataError(f"it cannot be read: {error.strerror or error}.", path=path)
