"""Parquet files with a text per row: `text` or `--text-column`, a column of text, within a struct too (arrow.py).

`id` or `--id-column`, text or whole number, is the id; without, file and row ("part-00000-7"). Columns that `--meta-columns` names go to
the document's `meta`, with those of partitions (`year=2020/part-00000.parquet`); others are counted, and not read. A row without a text is
an error of this row.

It needs pyarrow (the extra `formats`). Rows are read batch by batch, only of the columns that are needed: memory does not grow with the
file or its row groups. A folder holds part files, as Spark writes them: of those that failed jobs have left, nothing is read (`is_hidden`).
Tables of Delta, Iceberg and Hudi are refused: there, a log says which files count.

A file may be cut between any two rows. Offsets count rows, and the content is each row as JSON: a file that is written anew, in other row
groups or with another codec, is the same as long as its texts are.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from spacy_relext.errors import DataError
from spacy_relext.extras import extra
from spacy_relext.formats.arrow import EMPTY_FILES, Columns, Row, arrow_errors, document_of, is_hidden, partitions_of, root_of
from spacy_relext.formats.cutting import Cut, Part
from spacy_relext.formats.files import files_in, read_errors
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import Document

SUFFIX = ".parquet"
# Rows of a batch, and bytes that are read at a time.
BATCH, BUFFER = 500, 1 << 20
LAKES = {"_delta_log": "Delta Lake", ".hoodie": "Hudi", "metadata": "Iceberg"}


def files_of(folder: Path, ignored: Counter[str]) -> list[Path]:
    """The files of a folder, and of the folders in it, that hold rows.

    ignored: Is added to: hidden ones. RAISES: DataError for a table whose files are listed elsewhere.
    """
    refuse_lakes(folder)
    found = sorted(file for file in files_in(folder) if file.suffix.lower() == SUFFIX)
    shown = [file for file in found if not is_hidden(file.relative_to(folder))]
    ignored.update({f"hidden {SUFFIX}": len(found) - len(shown)} if len(shown) < len(found) else {})
    return shown


def refuse_lakes(folder: Path) -> None:
    """RAISES: DataError for a table whose files are listed elsewhere."""
    for name, kind in LAKES.items():
        if (folder / name).is_dir() and (name != "metadata" or any((folder / name).glob("*.metadata.json"))):
            raise DataError(f"it is a table of {kind}, whose log says which of its files count. Write it as Parquet first.", path=folder)


def count(path: Path) -> int:
    """How many rows a file has."""
    with arrow_errors(path, "no whole Parquet file"):
        n_rows: int = extra("pyarrow.parquet").read_metadata(path).num_rows
    return n_rows


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all of a folder and the folders in it."""
    return distinct(_documents(path, reading), reading.on_error)


def _documents(path: Path, reading: Reading) -> Iterator[Document]:
    files = files_of(path, Counter()) if path.is_dir() else [path]
    if not files:
        raise DataError(f"the folder holds no {SUFFIX} file.", path=path)
    for file in files:
        try:
            with read_errors(file), file.open("rb") as opened:
                table = Table(opened, file, reading.options)
                if not table.n_rows:
                    reading.leave_out(EMPTY_FILES, str(file))
                yield from documents_of(table.rows(), file, reading, others=table.columns.others)
        except DataError as error:  # of the file, which ends here
            reading.on_error(error)


def documents_of(rows: Iterator[Row], file: Path, reading: Reading, *, first: int = 0, others: list[str]) -> Iterator[Document]:
    """The documents of rows. first: How many rows stand before them. others: Columns of which nothing is read."""
    root, partitions = root_of(file), partitions_of(file)
    for number, row in enumerate(rows, start=first + 1):
        attempt = reading.attempt()
        try:
            at = Place(file.absolute() if root != file else file, number=number, root=root)
            document = document_of(row, at, attempt, others, partitions)
        except DataError as error:
            reading.on_error(error)
            continue
        document.source = file
        reading.keep(attempt)
        yield document


class Table:
    """A Parquet file that is open. RAISES: DataError for one that is none, or lacks a column."""

    def __init__(self, file: BinaryIO, path: Path, options: Options):
        self.path = path
        with arrow_errors(path, "no whole Parquet file"):
            self._file = extra("pyarrow.parquet").ParquetFile(file, buffer_size=BUFFER, pre_buffer=False)
            self.columns = Columns(self._file.schema_arrow, options, path)
        self.n_rows: int = self._file.metadata.num_rows

    def rows(self, start: int = 0, end: int | None = None) -> Iterator[Row]:
        """The rows from one number on, counted from 0, to before another."""
        end = self.n_rows if end is None else end
        return self.columns.rows(self._batches(start, end))

    def _batches(self, start: int, end: int) -> Iterator[Any]:
        first = 0
        for group in range(self._file.num_row_groups):
            size = self._file.metadata.row_group(group).num_rows
            if first < end and start < first + size:
                yield from self._batches_of(group, first, start, end)
            first += size

    def _batches_of(self, group: int, first: int, start: int, end: int) -> Iterator[Any]:
        with arrow_errors(self.path, "no whole Parquet file"):
            for batch in self._file.iter_batches(BATCH, row_groups=[group], columns=self.columns.names, use_threads=False):
                wanted = batch.slice(max(start - first, 0), max(end - max(first, start), 0))
                if wanted.num_rows:
                    wanted.validate()
                    yield wanted
                first += batch.num_rows
                if first >= end:
                    return


class RowCutter:
    """A cutter of files that are read by rows. table: Opens one. make: Makes documents of rows."""

    may_be_empty = True

    def __init__(self, table: Callable[..., Any] = Table, make: Callable[..., Iterator[Document]] = documents_of):
        self._table, self._make = table, make

    def cut(self, file: BinaryIO, path: Path, options: Options) -> Iterator[Cut]:
        """As `Cutter` says. The head says which columns are not read."""
        table = self._table(file, path, options)
        yield Cut(_line(table.columns.others), is_head=True, lines=0, length=0)
        for row in table.rows():
            yield Cut(_line(row), documents=1, lines=0, length=1)

    def content(self, file: BinaryIO, path: Path, start: int, end: int, options: Options) -> Iterator[bytes]:
        """As `RangeCutter` says."""
        table = self._table(file, path, options)
        yield _line(table.columns.others)
        yield from map(_line, table.rows(start, end))

    def read(self, body: BinaryIO, part: Part, reading: Reading) -> Iterator[Document]:
        """As `Cutter` says."""
        if part.start == part.end:
            reading.leave_out(EMPTY_FILES, str(part.path))
        return self._make(map(json.loads, body), part.path, reading, first=part.start, others=json.loads(part.head))


CUTTER = RowCutter()


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf8") + b"\n"
