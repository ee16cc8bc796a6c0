"""Parquet files that are written row by row, in groups of bounded size."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from spacy_relext.extras import extra

# Rows and characters of a group; and of those in it that are Python's objects, which take more memory.
GROUP, GROUP_CHARACTERS = 20_000, 2**26
PART, PART_CHARACTERS = 1_000, 2**22
Row = tuple[Any, ...]


class Group:
    """Rows that are to be a group of a file: Python's objects, then Arrow's."""

    def __init__(self, schema: Any):
        self.schema = schema
        self._clear()

    def _clear(self) -> None:
        self.n_rows = self._n_characters = self._n_packed = 0
        self._rows: list[Row] = []
        self._tables: list[Any] = []

    @property
    def is_full(self) -> bool:
        """Whether it is as large as groups are."""
        return self.n_rows >= GROUP or self._n_characters >= GROUP_CHARACTERS

    def add(self, row: Row) -> None:
        """Add a row, its values in the order of the columns."""
        self._rows.append(row)
        self.n_rows += 1
        self._n_characters += sum(len(value) for value in row if isinstance(value, str))
        if len(self._rows) == PART or self._n_characters - self._n_packed >= PART_CHARACTERS:
            self._pack()

    def add_table(self, table: Any) -> None:
        """Add rows that are Arrow's already."""
        self._pack()
        self._tables.append(table)
        self.n_rows += table.num_rows
        self._n_characters += table.nbytes
        self._n_packed = self._n_characters

    def _pack(self) -> None:
        if self._rows:
            pyarrow = extra("pyarrow")
            columns = map(list, zip(*self._rows, strict=True))
            arrays = [pyarrow.array(values, kind) for values, kind in zip(columns, self.schema.types, strict=True)]
            self._tables.append(pyarrow.Table.from_arrays(arrays, schema=self.schema))
            self._rows, self._n_packed = [], self._n_characters

    def take(self) -> Any:
        """The rows, as a table of Arrow's. None is left."""
        self._pack()
        table = extra("pyarrow").concat_tables(self._tables or [self.schema.empty_table()])
        self._clear()
        return table


class Rows:
    """A Parquet file that rows are added to. Within `with`: it is whole at its end, when `finish` was called.

    metadata: Of the file.
    """

    def __init__(self, path: Path, schema: Any, metadata: Mapping[str, str]):
        self._path, self._metadata, self.group = path, metadata, Group(schema)

    def __enter__(self) -> Self:
        schema = self.group.schema.with_metadata(self._metadata)
        self._writer = extra("pyarrow.parquet").ParquetWriter(self._path, schema, compression="zstd")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._writer.close()
        # What it keeps takes 70 kB, of each file.
        del self._writer

    def add(self, row: Row) -> None:
        """Add a row, its values in the order of the columns."""
        self.group.add(row)
        if self.group.is_full:
            self.write()

    def add_table(self, table: Any) -> None:
        """Add rows that are Arrow's already."""
        self.group.add_table(table)
        if self.group.is_full:
            self.write()

    def write(self) -> None:
        """Write the rows that were added as a group."""
        n_rows = self.group.n_rows
        self._writer.write_table(self.group.take(), row_group_size=n_rows or None)

    def finish(self) -> None:
        """Write what is left."""
        if self.group.n_rows:
            self.write()
