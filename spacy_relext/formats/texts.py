"""Texts without annotation: a file as one document, a line as one, or a row of a table as one.

A line that begins with { is a document of our JSONL, which may bring mentions. Blank lines and rows are no documents. A table has a header,
commas or tabs between its fields, and quotes around those that hold such, or quotes, or line ends (RFC 4180). A byte order mark before the
header is left out. A document without an id of its own is named after its file, a line or row also by its number ("my-1"). Ids differ.

All is UTF-8. Offsets count the characters of the text as it stands, both of CR LF too; the line end is no part of a line.
"""

import csv
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats import jsonl
from spacy_relext.formats.cutting import LineCutter
from spacy_relext.formats.files import find_files, read_errors
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.limits import Line, is_blank, limits, read_line, read_whole, reported_lines, too_large
from spacy_relext.formats.reading import OnError, Reading
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
    text_column, id_column, on_error = reading.options.text_column or "text", reading.options.id_column, reading.on_error
    csv.field_size_limit(min(FIELD_LIMIT, limits().record))
    # What is not UTF-8 becomes half surrogates, so that it is an error of its row alone.
    with closing(_table_lines(path)) as lines:
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        header: list[str] | None = None
        while True:
            # A row may run over several lines.
            at = Place(path, rows.line_num + 1, root=root)
            try:
                row = next(rows, None)
                if row is None:
                    return
                if row and header is None:
                    header = _checked_header(row, text_column, id_column, at)
                elif row and header is not None:
                    yield _parse_row(row, header, text_column, id_column, at)
            except csv.Error as error:
                on_error(at.fail(f"no row of a table: {error}. Is a quote open, or the file cut off?"))
            except DataError as error:
                on_error(error)
                if header is None:
                    return


def _table_lines(path: Path) -> Generator[str, None, None]:
    """RAISES: DataError where the file cannot be read, or a line of it is too long."""
    most = limits().record
    with read_errors(path), path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        while line := file.readline(most + 1):
            if len(line) > most:
                raise too_large("a line", path)
            yield line


def _checked_header(header: list[str], text_column: str, id_column: str | None, at: Place) -> list[str]:
    if header and header[0].startswith("#FORMAT=WebAnno TSV"):
        raise at.fail("this is WebAnno TSV, and no table of texts. Name the format: webanno.")
    for option, column in (("text_column", text_column), ("id_column", id_column)):
        if column is not None and header.count(column) != 1:
            if {"head", "label", "tail"} <= set(header):
                raise at.fail("this is a table of relations, which holds no whole texts. `relext extract` writes them as JSONL: read that.")
            seen = ", ".join(f"{name!r:.40}" for name in header[:20])
            raise at.fail(
                f"expected one column {column!r}, and saw {seen}. Name it with `{option}`. Is the file a UTF-8 table with a header?"
            )
    return header


def _parse_row(row: list[str], header: list[str], text_column: str, id_column: str | None, at: Place) -> Document:
    if len(row) != len(header):
        raise at.fail(f"a row of {len(row)} fields, and the header has {len(header)}. Put quotes around fields that hold the delimiter.")
    fields = dict(zip(header, row, strict=True))
    text, name = fields[text_column], fields.get(id_column or "id", at.default_id)
    try:
        (text + name).encode("utf8")
    except UnicodeEncodeError as error:
        raise at.fail("not UTF-8. Convert the file to UTF-8.") from error
    if not name:
        raise at.fail(f"the column {id_column or 'id'!r} is empty; it holds the ids of the documents.")
    return Document(name, text, source=at.path, line=at.line)


def whole_text(path: Path) -> str:
    """The text of a file, with all its characters."""
    raw = read_whole(path)  # not read_text, which makes LF of CR LF
    try:
        return raw.decode("utf8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"not UTF-8 (byte {error.start} of the file). Convert the file to UTF-8.", path=path, line=line) from error
