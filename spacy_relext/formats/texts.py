"""Texts without annotation: a file as one document, a line as one, or a row of a table as one.

A line that begins with { is a document of our JSONL, which may bring mentions. Blank lines and rows are no documents. A table has a header,
commas or tabs between its fields, and quotes around those that hold such, or quotes, or line ends (RFC 4180). A byte order mark before the
header is left out. A document without an id of its own is named after its file, a line or row also by its number ("my-1"). Ids differ.

All is UTF-8. Offsets count the characters of the text as it stands, both of CR LF too; the line end is no part of a line.
"""

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from spacy_relext.errors import DataError
from spacy_relext.formats import jsonl
from spacy_relext.formats.cutting import Cut, LineCutter, Part
from spacy_relext.formats.files import find_files, read_errors
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.limits import CHUNK, Line, is_blank, limits, read_line, read_whole, reported_lines, too_large
from spacy_relext.formats.reading import OnError, Options, Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import Document

# The csv module refuses fields of more than 131,072 characters. This is the most that fits its C long everywhere.
FIELD_LIMIT = 2**31 - 1


def read_text(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or each .txt file of a folder and the folders in it, as one document."""
    for file in find_files(path, (".txt",)):
        name = file.relative_to(path) if path.is_dir() else Path(file.name)
        try:
            yield Document(name.with_suffix("").as_posix(), whole_text(file), source=file)
        except DataError as error:
            reading.on_error(error)


def read_lines(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .txt files of a folder and the folders in it, with a text, or a JSON object, a line."""
    files = find_files(path, (".txt",))
    lines = (parse_lines(reported_lines(file, reading.on_error), file, reading.on_error, path) for file in files)
    return distinct(chain.from_iterable(lines), reading.on_error)


def parse_lines(lines: Iterable[tuple[int, Line]], path: Path | str, on_error: OnError, root: Path | None = None) -> Iterator[Document]:
    """The documents of lines with their numbers, which may still be being written. root: What is read, which the file is in."""
    for number, line in lines:
        if not is_blank(line):
            try:
                yield _parse_line(read_line(line), Place(path, number, root=root))
            except DataError as error:
                on_error(error)


LINES = LineCutter(lambda lines, path, reading: parse_lines(lines, path, reading.on_error, path))


def _parse_line(raw: bytes, at: Place) -> Document:
    if raw.lstrip().startswith(b"{"):
        return jsonl.parse(raw, at.path, at.line or 0, at.root)
    try:
        return Document(at.default_id, raw.decode("utf8").rstrip("\r\n"), source=at.path, line=at.line)
    except UnicodeDecodeError as error:
        raise at.fail(f"not UTF-8 (byte {error.start} of the line). Convert the file to UTF-8.") from error


def read_csv(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all of a folder and the folders in it, with a text per row."""
    return _tables(path, ".csv", ",", reading)


def read_tsv(path: Path, reading: Reading) -> Iterator[Document]:
    """Read such files with tabs between the fields."""
    return _tables(path, ".tsv", "\t", reading)


def _tables(path: Path, suffix: str, delimiter: str, reading: Reading) -> Iterator[Document]:
    documents = chain.from_iterable(_table(file, reading, delimiter, path) for file in find_files(path, (suffix,)))
    return distinct(documents, reading.on_error)


def _table(path: Path, reading: Reading, delimiter: str, root: Path) -> Iterator[Document]:
    try:
        with read_errors(path):
            file = path.open("rb")
    except DataError as error:
        reading.on_error(error)
        return
    with closing(_Text(file, path)) as text:
        yield from _parse_rows(_rows(text, delimiter, Place(path, root=root)), None, reading.options, reading.on_error)


class _Text:
    """The lines of a table with their ends: LF, CR LF or CR. What is not UTF-8 becomes half surrogates: an error of its row alone.

    It may be iterated over once, and closes its file. is_reading: It was asked for more bytes, and did not get them.
    RAISES: DataError, while it is, where the file cannot be read, or a line of it is too long.
    """

    def __init__(self, file: BinaryIO, path: Path, *, is_begin: bool = True):
        self._text = io.TextIOWrapper(file, encoding="utf8", errors="surrogateescape", newline="")
        self._path, self._is_begin = path, is_begin
        self._taken: list[str] = []
        self.is_reading = False

    def __iter__(self) -> Iterator[str]:
        most = limits().record
        while True:
            self.is_reading = True
            with read_errors(self._path):
                line = self._text.readline(most + 1)
            self.is_reading = False
            if not line:
                return
            self._taken.append(line)
            if len(line) > most:
                raise too_large("a line", self._path)
            yield line.removeprefix("\ufeff") if self._is_begin else line
            self._is_begin = False

    def close(self) -> None:
        """Close the file."""
        self._text.close()

    def taken(self) -> tuple[bytes, int]:
        """What was read since this was asked last, as it stands in the file, and in how many lines."""
        raw, n_lines = "".join(self._taken).encode("utf8", "surrogateescape"), len(self._taken)
        self._taken.clear()
        return raw, n_lines

    def rest(self) -> Iterator[bytes]:
        """What was not read."""
        while chunk := self._text.read(CHUNK):
            yield chunk.encode("utf8", "surrogateescape")


# A row, which is empty where a line is, or what is wrong with it; and its place.
_Row = tuple[Place, list[str] | DataError]


def _rows(lines: Iterable[str], delimiter: str, at: Place) -> Iterator[_Row]:
    """The rows of the lines of a table. at: Of the first line, if it is not the first of the file."""
    csv.field_size_limit(min(FIELD_LIMIT, limits().record))
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        # A row may run over several lines.
        place = replace(at, line=(at.line or 1) + rows.line_num)
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield place, place.fail(f"no row of a table: {error}. Is a quote open, or the file cut off?")
        except DataError as error:
            yield place, error
            return
        else:
            if row is None:
                return
            yield place, row


def _parse_rows(rows: Iterable[_Row], header: list[str] | None, options: Options, on_error: OnError) -> Iterator[Document]:
    """The documents of the rows of a table. header: None: It is among the rows."""
    for at, row in rows:
        try:
            if isinstance(row, DataError):
                raise row
            if not row:
                continue
            if header is not None:
                document = _parse_row(row, header, options, at)
        except DataError as error:
            on_error(error)
            continue
        if header is not None:
            yield document
            continue
        try:
            header = _checked_header(row, options, at)
        except DataError as error:
            on_error(error)
            return


class _TableCutter:
    """Cuts a table behind its rows, and none in a field with line ends; its head is all up to its header."""

    def __init__(self, delimiter: str):
        self._delimiter = delimiter

    def cut(self, file: BinaryIO, path: Path, options: Options) -> Iterator[Cut]:
        """As `Cutter` says."""
        with closing(_Text(file, path)) as text:
            rows = self._whole_rows(text, path)
            yield from self._cut_head(text, rows, options)
            for _, row in rows:
                raw, n_lines = text.taken()
                yield Cut(raw, int(bool(row)), n_lines)
            yield Cut(text.taken()[0])
            for chunk in text.rest():
                yield Cut(chunk)

    def _whole_rows(self, text: _Text, path: Path) -> Iterator[_Row]:
        """The rows of a file that can be read to its end. RAISES: DataError for one that cannot."""
        for at, row in _rows(text, self._delimiter, Place(path)):
            if text.is_reading and isinstance(row, DataError):
                raise row
            yield at, row

    @staticmethod
    def _cut_head(text: _Text, rows: Iterator[_Row], options: Options) -> Iterator[Cut]:
        """What stands up to the header, or all where there is none. What is wrong in it is told with the first part."""
        n_errors = 0
        for at, row in rows:
            raw, n_lines = text.taken()
            yield Cut(raw, lines=n_lines, is_head=True)
            if isinstance(row, DataError):
                n_errors += 1
            elif row:
                try:
                    _checked_header(row, options, at)
                    break
                except DataError:
                    if not n_errors:
                        raise
                    n_errors += 1
                    deque(rows, maxlen=0)
        if n_errors:
            yield Cut(b"", n_errors)

    def read(self, body: BinaryIO, part: Part, reading: Reading) -> Iterator[Document]:
        """As `Cutter` says."""
        with closing(_Text(io.BytesIO(part.head), part.path)) as head:
            header = self._header(head, part, reading)
        if header is not None:
            with closing(_Text(body, part.path, is_begin=False)) as text:
                rows = _rows(text, self._delimiter, Place(part.path, part.first_line))
                yield from _parse_rows(rows, header, reading.options, reading.on_error)

    def _header(self, head: _Text, part: Part, reading: Reading) -> list[str] | None:
        header = None
        for at, row in _rows(head, self._delimiter, Place(part.path)):
            try:
                if isinstance(row, DataError):
                    raise row
                if row:
                    header = _checked_header(row, reading.options, at)
            except DataError as error:
                if not part.first_number:
                    reading.on_error(error)
        return header


CSV, TSV = _TableCutter(","), _TableCutter("\t")


def _checked_header(header: list[str], options: Options, at: Place) -> list[str]:
    if header and header[0].startswith("#FORMAT=WebAnno TSV"):
        raise at.fail("this is WebAnno TSV, and no table of texts. Name the format: webanno.")
    asked = ("text_column", options.text_column or "text"), ("id_column", options.id_column)
    for option, column in (*asked, *(("meta_columns", name) for name in options.meta_columns)):
        if column is not None and header.count(column) != 1:
            if {"head", "label", "tail"} <= set(header):
                raise at.fail("this is a table of relations, which holds no whole texts. `relext extract` writes them as JSONL: read that.")
            seen = ", ".join(f"{name!r:.40}" for name in header[:20])
            raise at.fail(
                f"expected one column {column!r}, and saw {seen}. Name it with `{option}`. Is the file a UTF-8 table with a header?"
            )
    return header


def _parse_row(row: list[str], header: list[str], options: Options, at: Place) -> Document:
    if len(row) != len(header):
        raise at.fail(f"a row of {len(row)} fields, and the header has {len(header)}. Put quotes around fields that hold the delimiter.")
    fields = dict(zip(header, row, strict=True))
    id_column = options.id_column or "id"
    text, name = fields[options.text_column or "text"], fields.get(id_column, at.default_id)
    meta = {column: fields[column] for column in options.meta_columns}
    try:
        "".join((text, name, *meta.values())).encode("utf8")
    except UnicodeEncodeError as error:
        raise at.fail("not UTF-8. Convert the file to UTF-8.") from error
    if not name:
        raise at.fail(f"the column {id_column!r} is empty; it holds the ids of the documents.")
    return Document(name, text, source=at.path, line=at.line, meta=meta)


def whole_text(path: Path) -> str:
    """The text of a file, with all its characters."""
    raw = read_whole(path)  # not read_text, which makes LF of CR LF
    try:
        return raw.decode("utf8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"not UTF-8 (byte {error.start} of the file). Convert the file to UTF-8.", path=path, line=line) from error
