"""Where a file may be cut, so that its parts are read apart: found without parsing what is in it.

A format whose files are cut says so by `Format.cutter`; of the others a file is read whole. A cutter does two things:

    cut      reads a file once, from its beginning to its end, and gives its content in pieces, each with the number of documents that end
             with it. Behind such a piece the file may be cut.
    read     makes the documents of a part: exactly those, with the ids and places in errors, that the whole file gives there.

In this package the entry of the catalogue names it (`BuiltIn.cuts="CUTTER"`, an object of the format's module); a format of another package
returns its own from the property `cutter`. `LineCutter` does for formats with a document per line.

What stands before the first document and holds for all, as the header of a table, is the head: it is given to whoever reads a part, and
changes in it are found.

Offsets count bytes of the file, unpacked. A format whose files are no stream of documents, as Parquet, counts something else, such as rows:
its cutter is a `RangeCutter`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

from spacy_relext.formats.limits import CHUNK, MARK, Line, bounded_lines, is_blank, limits, refuse_packed, reported, too_large
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.types import Document


class Cut(NamedTuple):
    """A piece of a file's content, behind the one before.

    documents: How many documents end with it; those that turn out to be errors count, too. 0: none, so the file is not cut behind it.
    lines: How many lines end in it; None: as many as it has line feeds. length: How far it moves the offset; None: by its bytes.
    is_head: It is the head, or ends it.
    """

    content: bytes
    documents: int = 0
    lines: int | None = None
    length: int | None = None
    is_head: bool = False


@dataclass(frozen=True)
class Part:
    """Consecutive documents of a file, which are read apart.

    path: Of the file, without the .gz of a packed one: errors name it, and documents without an id are called after it.
    start, end: As `Cut` counts. first_line: The line of the file that it begins in. first_number: How many documents stand before it.
    documents: How many it has, errors included. head: Of the file.
    """

    path: Path
    start: int
    end: int
    first_line: int = 1
    first_number: int = 0
    documents: int = 0
    head: bytes = b""


class Cutter(Protocol):
    """How the files of a format are cut."""

    def cut(self, file: BinaryIO, path: Path, options: Options) -> Iterator[Cut]:
        """The whole content of a file.

        file: It, unpacked, to be read forward. path: What errors call it.
        RAISES: DataError where nothing of the file can be read. What is wrong with one document is found when it is read.
        """
        ...

    def read(self, body: BinaryIO, part: Part, reading: Reading) -> Iterator[Document]:
        """The documents of a part. body: Its content, without the head."""
        ...


@runtime_checkable
class RangeCutter(Cutter, Protocol):
    """A cutter of files in which offsets count something else than bytes: each `Cut` has a `length`.

    may_be_empty: A file without documents is none that is wrong: what `read` leaves out then says so.
    """

    may_be_empty: bool

    def content(self, file: BinaryIO, path: Path, start: int, end: int, options: Options) -> Iterator[bytes]:
        """The head, and what `cut` gave between two offsets. file: Opened anew, unpacked, at its beginning."""
        ...


def raw_lines(file: BinaryIO, path: Path) -> Iterator[tuple[bytes, Line, bool]]:
    """The content of a file line by line; of a line, as `bounded_lines` gives it, and whether it ends here.

    A line that is too long comes in several pieces, the last of which ends it.
    """
    most, is_first = limits().record, True
    while raw := file.readline(most + 1):
        if is_first:
            refuse_packed(raw, path)
        if len(raw) <= most:
            yield raw, raw.removeprefix(MARK) if is_first else raw, True
        else:
            error = too_large("the line", path)
            while not raw.endswith(b"\n") and (more := file.readline(CHUNK)):
                yield raw, error, False
                raw = more
            yield raw, error, True
        is_first = False


# Makes documents of the numbers and lines of a file, which errors name and documents without an id are called after.
ReadLines = Callable[[Iterable[tuple[int, Line]], Path, Reading], Iterator[Document]]


class LineCutter:
    """A cutter of files with a document per line that is not blank. read_lines: Makes documents of them."""

    def __init__(self, read_lines: ReadLines):
        self._read_lines = read_lines

    def cut(self, file: BinaryIO, path: Path, options: Options) -> Iterator[Cut]:
        """As `Cutter` says."""
        for raw, line, is_whole in raw_lines(file, path):
            yield Cut(raw, int(is_whole and not is_blank(line)))

    def read(self, body: BinaryIO, part: Part, reading: Reading) -> Iterator[Document]:
        """As `Cutter` says."""
        lines = bounded_lines(body, part.path, part.first_line)
        return self._read_lines(reported(lines, reading.on_error), part.path, reading)
