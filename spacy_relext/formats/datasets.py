"""Data sets of the library `datasets` on disk (Lhoest et al., EMNLP demonstrations, 2021): what `Dataset.save_to_disk` writes.

    dataset_info.json, state.json, data-00000-of-00001.arrow      one data set
    dataset_dict.json, train/…, validation/…, test/…              one with several splits: each a folder as above

The .arrow files are Arrow's streaming format (or its file format), and need pyarrow (the extra `formats`): the library itself is not
used. Rows of BigBio's schema (`passages`, `entities`, `relations`) become documents as bigbio.py makes them. Of other rows, the column
`text`, or `--text-column`, is a text that is not annotated for relations; `id` or `--id-column` is its id, else file and row. Other
columns are counted, and not read. Splits are read together; name the folder of one to read it alone.

Rows are read batch by batch: memory does not grow with the files.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spacy_relext.errors import DataError
from spacy_relext.extras import extra
from spacy_relext.formats import bigbio
from spacy_relext.formats.files import find_files, read_errors
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import Document

MAGIC = b"ARROW1"


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read an .arrow file, or all of a folder and the folders in it."""
    return distinct(_documents(path, reading), reading.on_error)


def _documents(path: Path, reading: Reading) -> Iterator[Document]:
    for file in find_files(path, (".arrow",), "Expected one that Dataset.save_to_disk has written."):
        try:
            for number, row in enumerate(_rows(file), start=1):
                attempt = reading.attempt()
                try:
                    document = parse(row, Place(file, number=number, root=path), attempt)
                except DataError as error:
                    reading.on_error(error)
                    continue
                reading.keep(attempt)
                yield document
        except DataError as error:  # of the file, which ends here
            reading.on_error(error)


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file. RAISES: DataError for one that is not whole, or none of Arrow's."""
    pyarrow, ipc = extra("pyarrow"), extra("pyarrow.ipc")
    with read_errors(file), file.open("rb") as opened:
        is_file = opened.read(len(MAGIC)) == MAGIC
    try:
        with pyarrow.memory_map(str(file)) as source:
            opened = ipc.open_file(source) if is_file else ipc.open_stream(source)
            batches = (opened.get_batch(i) for i in range(opened.num_record_batches)) if is_file else opened
            for batch in batches:
                batch.validate(full=True)
                for start in range(0, batch.num_rows, 100):
                    yield from batch.slice(start, 100).to_pylist()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"no whole file of Arrow: {error!s:.200}. From there on nothing is read.", path=file) from error


def parse(row: dict[str, Any], at: Place, reading: Reading) -> Document:
    """Make a document of a row."""
    if set(row) >= bigbio.KEYS:
        return bigbio.parse(row, at, reading)
    column, id_column = reading.options.text_column or "text", reading.options.id_column or "id"
    if column not in row:
        raise at.fail(f"expected a column {column!r}, and saw {', '.join(row)[:100]}. Name it with `text_column`.")
    for name in sorted(set(row) - {column, id_column}):
        reading.leave_out(f"documents with {name!r}, not read", str(at))
    name = at.name(row, id_column, "document") if reading.options.id_column or row.get(id_column) is not None else ""
    return Document(name or at.default_id, at.text(row, column), source=at.path, line=at.line)
