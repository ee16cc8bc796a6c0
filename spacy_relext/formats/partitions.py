"""Rows in folders by their values, as Hive, Spark, DuckDB and Arrow read them: relations/label=MECHANISM/year=2020/part-00000.parquet.

A value is the folder's name alone, and no column of its files; of a key of `meta`, the files have `meta` as a whole. In names of folders
signs are written as %3A; what is not there, or empty, is called __HIVE_DEFAULT_PARTITION__.

Each folder has one file. Rows of all folders are held up to a bound; then those of the folder with the most are written. The files of the
first folders stay open; the rows of further ones wait in a file of Arrow's, beside, for their turn at the end: so there may be as many
folders as there are values. The same rows make the same files.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from spacy_relext.extras import extra
from spacy_relext.formats.arrow import NO_VALUE
from spacy_relext.formats.files import TEMPORARY
from spacy_relext.formats.rowgroups import Row, Rows
from spacy_relext.formats.types import Document

# Files that are open, each of which takes megabytes, and rows that are held.
MOST_OPEN, MOST_HELD = 32, 50_000
# Of the name of a folder; file systems allow 255.
MOST_BYTES = 200


def folder_name(name: str, value: Any, document: Document) -> str:
    """The name of the folder of a value. RAISES: DataError for a value that is no text or number, or too long."""
    if isinstance(value, (list, dict)):
        raise document.error(f"partitions are named by {name!r}, and its meta has {value!r:.60} there. Expected a text or number.")
    text = NO_VALUE if value in (None, "") else quote(json.dumps(value) if isinstance(value, (bool, float)) else str(value), safe=" ")
    if len(text) > MOST_BYTES:
        raise document.error(f"partitions are named by {name!r}, and {str(value)!r:.60} is too long for the name of a folder.")
    return f"{quote(name, safe=' ')}={text}"


class Partitions:
    """The folders of rows. Within `with`: all are whole at its end.

    names: The columns, or keys of `meta`, by whose values rows are divided; none: all rows are in one file. lost: Is added to: rows without
    such a value.
    """

    def __init__(self, folder: Path, schema: Any, metadata: Mapping[str, str], names: Sequence[str], lost: Counter[str]):
        self.folder, self.names, self.lost, self._metadata = folder, tuple(names), lost, metadata
        self._places = {name: schema.names.index(name) for name in names if name in schema.names}
        self._kept = [i for i in range(len(schema.names)) if i not in self._places.values()]
        for name in self._places:
            schema = schema.remove(schema.get_field_index(name))
        self._schema = schema
        self._files: dict[str, Rows | _Waiting] = {}
        self._n_held = 0

    def __enter__(self) -> Self:
        self.folder.mkdir()
        self._stack = ExitStack()
        self._waiting = self._stack.enter_context(TemporaryDirectory(prefix=TEMPORARY, dir=self.folder.parent))
        if not self.names:
            self._new_file("")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        with self._stack:
            if kind is None:
                for file in self._files.values():
                    file.finish()

    def add(self, row: Row, document: Document) -> None:
        """Add a row of a document to its folder."""
        name = self._name(row, document)
        file = self._files.get(name) or self._new_file(name)
        held = file.group.n_rows
        file.add(tuple(row[i] for i in self._kept))
        self._n_held += file.group.n_rows - held
        if self._n_held >= MOST_HELD:
            most = max(self._files.values(), key=lambda file: file.group.n_rows)
            self._n_held -= most.group.n_rows
            most.write()

    def _name(self, row: Row, document: Document) -> str:
        folders = []
        for name in self.names:
            value = row[self._places[name]] if name in self._places else document.meta.get(name)
            folders.append(folder_name(name, value, document))
            self.lost[f"relations without {name!r}, in the folder {NO_VALUE}"] += value in (None, "")
        return "/".join(folders)

    def _new_file(self, name: str) -> "Rows | _Waiting":
        path = self.folder / name / "part-00000.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = Rows(path, self._schema, self._metadata)
        if len(self._files) < MOST_OPEN:
            self._files[name] = self._stack.enter_context(rows)
        else:
            self._files[name] = _Waiting(rows, Path(self._waiting, str(len(self._files))))
        return self._files[name]


class _Waiting:
    """Rows of a file that is opened at the end. path: Where they wait: streams of Arrow's, each behind its length in 8 bytes."""

    def __init__(self, rows: Rows, path: Path):
        self._rows, self.group, self._path = rows, rows.group, path

    def add(self, row: Row) -> None:
        self.group.add(row)
        if self.group.is_full:
            self.write()

    def write(self) -> None:
        pyarrow, ipc = extra("pyarrow"), extra("pyarrow.ipc")
        sink, table = pyarrow.BufferOutputStream(), self.group.take()
        with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(compression="lz4")) as stream:
            stream.write_table(table)
        with self._path.open("ab") as file:
            content = sink.getvalue()
            file.write(content.size.to_bytes(8, "little"))
            file.write(content)

    def finish(self) -> None:
        if self.group.n_rows:
            self.write()
        with self._rows as rows, self._path.open("rb") as file:
            while length := file.read(8):
                rows.add_table(extra("pyarrow.ipc").open_stream(file.read(int.from_bytes(length, "little"))).read_all())
            rows.finish()
        self._path.unlink()
