"""Data sets of the library `datasets` on disk (Lhoest et al., EMNLP demonstrations, 2021): what `Dataset.save_to_disk` writes.

    dataset_info.json, state.json, data-00000-of-00002.arrow …    one data set: state.json lists its files, in order
    dataset_dict.json, train/…, validation/…, test/…              one with several splits: each a folder as above

The .arrow files are Arrow's streaming format (or its file format), and need pyarrow (the extra `formats`): the library itself is not
used. Rows of BigBio's schema (`passages`, `entities`, `relations`) become documents as bigbio.py makes them. Of other rows, the column
`text`, or `--text-column`, is a text that is not annotated for relations; `id` or `--id-column` is its id, else file and row. Columns that
`--meta-columns` names go to `meta` (arrow.py); others are counted, and not read. Splits are read together; name the folder of one to read
it alone. What `Dataset.map` keeps beside the files (cache-….arrow) is no part of the data set.

Rows are read batch by batch: memory does not grow with the files. They may be cut between any two rows, as texts_parquet.py has it.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from spacy_relext.errors import DataError
from spacy_relext.extras import extra
from spacy_relext.formats import bigbio
from spacy_relext.formats.arrow import EMPTY_FILES, SLICE, Columns, Row, arrow_errors, document_of, plain_row
from spacy_relext.formats.files import find_files, read_errors
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.texts_parquet import RowCutter
from spacy_relext.formats.types import Document

MAGIC = b"ARROW1"
STATE, SPLITS = "state.json", "dataset_dict.json"
CACHE = "cache-"


def files_of(folder: Path) -> list[Path]:
    """The files of a data set, or of all in a folder. RAISES: DataError where there is none, or one cannot be read from its files."""
    found = find_files(folder, (".arrow",), "Expected one that Dataset.save_to_disk has written.")
    listed = {place: _listed(place / STATE) for place in dict.fromkeys(file.parent for file in found) if (place / STATE).is_file()}
    files: list[Path] = []
    for file in found:
        names = listed.get(file.parent, [])
        if not names and not file.name.startswith(CACHE):
            files.append(file)
        elif names and file.parent / names[0] not in files:
            # One that is not there is an error when it is read.
            files += [file.parent / name for name in names]
    if not files:
        raise DataError("the folder holds no .arrow file of a data set, only what Dataset.map has kept there.", path=folder)
    return files


def _listed(path: Path) -> list[str]:
    with read_errors(path):
        raw = path.read_bytes()
    state = Place(path).decode(raw, "the state of a data set")
    if not isinstance(state, dict):
        raise DataError(f"expected the state of a data set, and saw {type(state).__name__}.", path=path)
    if state.get("_indices_files") or state.get("_indices_data_files"):
        raise DataError("the data set is a selection of the rows of its files. Write it with Dataset.save_to_disk of today.", path=path)
    entries = state.get("_data_files") or []
    said = [entry.get("filename") if isinstance(entry, dict) else None for entry in entries]
    names = [name for name in said if isinstance(name, str) and Path(name).name == name]
    if len(names) != len(said):
        raise DataError(f"expected names of files in its folder, and saw {said!r:.80}.", path=path)
    return names


def root_of(path: Path) -> Path:
    """The folder within which a file is called: above its split, whose files may have the same names."""
    folder = path.absolute().parent
    return folder.parent if (folder.parent / SPLITS).is_file() else path


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read an .arrow file, or all of a folder and the folders in it."""
    return distinct(_documents(path, reading), reading.on_error)


def _documents(path: Path, reading: Reading) -> Iterator[Document]:
    for file in files_of(path) if path.is_dir() else [path]:
        try:
            with read_errors(file), file.open("rb") as opened:
                table = Table(opened, file, reading.options)
                rows = table.rows()
                first = next(rows, None)
                if first is None:
                    reading.leave_out(EMPTY_FILES, str(file))
                    continue
                yield from documents_of(
                    chain([first], rows), file, reading, others=table.columns.others, root=path if path.is_dir() else None
                )
        except DataError as error:  # of the file, which ends here
            reading.on_error(error)


def documents_of(
    rows: Iterator[Row], file: Path, reading: Reading, *, first: int = 0, others: list[str], root: Path | None = None
) -> Iterator[Document]:
    """The documents of rows. first: How many rows stand before them. others: Columns of which nothing is read."""
    root = root or root_of(file)
    place = file if root in (file, *file.parents) else file.absolute()
    for number, row in enumerate(rows, start=first + 1):
        attempt = reading.attempt()
        try:
            document = parse(row, Place(place, number=number, root=root), attempt, others)
        except DataError as error:
            reading.on_error(error)
            continue
        document.source = file
        reading.keep(attempt)
        yield document


class _AllColumns:
    """Those of BigBio's rows."""

    def __init__(self) -> None:
        self.others: list[str] = []

    def rows(self, batches: Iterator[Any]) -> Iterator[Row]:
        for batch in batches:
            for start in range(0, batch.num_rows, SLICE):
                yield from map(plain_row, batch.slice(start, SLICE).to_pylist())


class Table:
    """A file of Arrow that is open. RAISES: DataError for one that is none of Arrow's, or lacks a column."""

    def __init__(self, file: BinaryIO, path: Path, options: Options):
        self.path = path
        ipc = extra("pyarrow.ipc")
        self._is_file = file.read(len(MAGIC)) == MAGIC
        file.seek(0)
        with self._errors():
            self._opened = ipc.open_file(file) if self._is_file else ipc.open_stream(file)
        schema = self._opened.schema
        self.columns: Any = _AllColumns() if set(schema.names) >= bigbio.KEYS else Columns(schema, options, path)

    def _errors(self) -> Any:
        return arrow_errors(self.path, "no whole file of Arrow")

    def rows(self, start: int = 0, end: int | None = None) -> Iterator[Row]:
        """The rows from one number on, counted from 0, to before another."""
        with self._errors():
            yield from self.columns.rows(self._batches(start, end))

    def _batches(self, start: int, end: int | None) -> Iterator[Any]:
        opened, first = self._opened, 0
        for batch in (opened.get_batch(i) for i in range(opened.num_record_batches)) if self._is_file else opened:
            if end is not None and first >= end:
                return
            size = batch.num_rows
            if start < first + size:
                # Of all columns, texts too, where a value that cannot be read is not that of one row alone.
                batch.validate(full=isinstance(self.columns, _AllColumns))
                begin = max(start - first, 0)
                yield batch.slice(begin, None if end is None else end - first - begin)
            first += size


CUTTER = RowCutter(Table, documents_of)


def parse(row: dict[str, Any], at: Place, reading: Reading, others: list[str]) -> Document:
    """Make a document of a row."""
    if set(row) >= bigbio.KEYS:
        return bigbio.parse(row, at, reading)
    return document_of(row, at, reading, others)
