"""Rows of Arrow's tables, as Parquet files and data sets on disk have them: of each, the columns that a document is made of.

A column is named as it is, or within a struct, with dots: "article.abstract". Partitions are columns, too: files in `year=2020/` have the
year 2020, as Hive and Spark write them.
"""

import datetime
import decimal
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from spacy_relext.errors import DataError
from spacy_relext.extras import extra
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import Document

# A row: the values of its columns, as JSON has them; or `BROKEN` alone, and what is wrong with it.
Row = dict[str, Any]
BROKEN = ""
# Rows that are Python's objects at a time.
SLICE = 100
PARTITION = re.compile(r"([^=/\\]+)=(.*)", re.DOTALL)
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
EMPTY_FILES = "files without any row"


class Columns:
    """The columns of a table that documents are made of.

    options: text_column, id_column, meta_columns. RAISES: DataError for a column that is not there, or holds something else.
    """

    def __init__(self, schema: Any, options: Options, path: Path):
        self._schema, self._path = schema, path
        self.partitions = partitions_of(path)
        self.text = options.text_column or "text"
        self._check(self.text, "text_column", _is_text, "texts")
        named = options.id_column is not None
        self.id = options.id_column or ("id" if "id" in schema.names else None)
        if self.id is not None:
            self._check(self.id, "id_column", _is_id if named else lambda kind: True, "texts or whole numbers")
        self.meta = [name for name in options.meta_columns if self._find(name) is not None or name not in self.partitions]
        for name in self.meta:
            self._check(name, "meta_columns", lambda kind: True, "")
        self.names = list(dict.fromkeys([self.text, *([self.id] if self.id is not None else []), *self.meta]))
        # Those of which nothing is read.
        read = {self._find(name)[0] for name in self.names}  # type: ignore[index]
        self.others = [name for name in dict.fromkeys(schema.names) if name not in read]

    def _find(self, name: str) -> list[str] | None:
        """The fields on the way to a column."""
        if name in self._schema.names:
            return [name]
        first, *inner = name.split(".")
        return [first, *inner] if inner and first in self._schema.names and _inner_type(self._schema.field(first).type, inner) else None

    def _check(self, name: str, option: str, fits: Any, what: str) -> None:
        found = self._find(name)
        if found is None or self._schema.names.count(found[0]) != 1:
            if {"head", "label", "tail"} <= set(self._schema.names):
                raise DataError(
                    "this is a table of relations, which holds no whole texts. `relext extract` writes them as JSONL: read that.",
                    path=self._path,
                )
            seen = ", ".join(f"{name!r:.40}" for name in self._schema.names[:20])
            raise DataError(f"expected a column {name!r}, once, and saw {seen}. Name it with `{option}`.", path=self._path)
        kind = _inner_type(self._schema.field(found[0]).type, found[1:])
        if not fits(kind):
            raise DataError(f"the column {name!r} is of type {kind}; expected {what}. Name another with `{option}`.", path=self._path)

    def rows(self, batches: Iterable[Any]) -> Iterator[Row]:
        """The rows of Arrow's record batches. A value that cannot be read is that of one row alone."""
        places = [self._find(name) or [name] for name in self.names]
        for batch in batches:
            for start in range(0, batch.num_rows, SLICE):
                part = batch.slice(start, SLICE)
                columns = [_values(_field(part, place)) for place in places]
                for values in zip(*columns, strict=True):
                    yield _row(self.names, values)


def _inner_type(kind: Any, names: Sequence[str]) -> Any:
    """The type of a field within structs; None where there is none."""
    types = extra("pyarrow").types
    for name in names:
        if not types.is_struct(kind) or kind.get_field_index(name) < 0:
            return None
        kind = kind.field(name).type
    return kind


def _field(batch: Any, place: list[str]) -> Any:
    array = batch.column(batch.schema.get_field_index(place[0]))
    return extra("pyarrow.compute").struct_field(array, place[1:]) if place[1:] else array


def _plain_type(kind: Any) -> Any:
    return kind.value_type if extra("pyarrow").types.is_dictionary(kind) else kind


def _is_text(kind: Any) -> bool:
    types = extra("pyarrow").types
    plain = _plain_type(kind)
    # Views came with later versions. A column of nothing but null has no other type.
    return types.is_string(plain) or types.is_large_string(plain) or str(plain) == "string_view" or types.is_null(plain)


def _is_id(kind: Any) -> bool:
    return _is_text(kind) or extra("pyarrow").types.is_integer(_plain_type(kind))


class _Broken(str):
    """What is wrong with a value."""


def _values(array: Any) -> list[Any]:
    try:
        return list(map(_as_json, array.to_pylist()))
    except (UnicodeDecodeError, ValueError, TypeError, OverflowError):
        return list(map(_value, array))


def _value(scalar: Any) -> Any:
    try:
        return _as_json(scalar.as_py())
    except UnicodeDecodeError as error:
        return _Broken(f"is not UTF-8 (byte {error.start})")
    except (ValueError, TypeError, OverflowError) as error:
        return _Broken(f"cannot be kept: {error}")


def _row(names: list[str], values: tuple[Any, ...]) -> Row:
    for name, value in zip(names, values, strict=True):
        if isinstance(value, _Broken):
            return {BROKEN: f"the column {name!r} {value}."}
    return dict(zip(names, values, strict=True))


def plain_row(row: Row) -> Row:
    """A row of any values, as JSON has them."""
    try:
        return {name: _as_json(value) for name, value in row.items()}
    except ValueError as error:
        return {BROKEN: f"the row cannot be kept: {error}."}


def _as_json(value: Any) -> Any:
    """A value as JSON has it: times as ISO 8601 writes them, decimals as text, what is not a number as null. RAISES: ValueError."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            raise ValueError("it is infinite, which JSON has no number for")
        return None if math.isnan(value) else value
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, datetime.timedelta)):
        return str(value)
    if isinstance(value, dict):
        return {str(name): _as_json(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(_as_json, value))
    raise ValueError(f"{type(value).__name__} is nothing that JSON has")


def document_of(row: Row, at: Place, reading: Reading, others: Iterable[str] = (), partitions: dict[str, Any] | None = None) -> Document:
    """The document of a row. others: Columns that are not read, which is counted. partitions: Of its file. RAISES: DataError."""
    if BROKEN in row:
        raise at.fail(row[BROKEN])
    options, partitions = reading.options, partitions or {}
    text = at.text(row, options.text_column or "text")
    for name in others:
        reading.leave_out(f"documents with {name!r}, not read", str(at))
    column = options.id_column or "id"
    name = at.name(row, column, "document") if options.id_column or row.get(column) is not None else ""
    meta = {column: row[column] if column in row else partitions[column] for column in options.meta_columns}
    return Document(name or at.default_id, text, source=at.path, line=at.line, number=at.number, meta=meta)


def partitions_of(path: Path) -> dict[str, Any]:
    """The columns that the folders right above a file stand for: {"year": 2020}."""
    found = [match.groups() for match in map(PARTITION.fullmatch, _partition_folders(path)) if match]
    return {unquote(name): _partition_value(unquote(value)) for name, value in found}


def _partition_folders(path: Path) -> list[str]:
    folders: list[str] = []
    for parent in path.absolute().parents:
        if not PARTITION.fullmatch(parent.name):
            break
        folders.insert(0, parent.name)
    return folders


def _partition_value(value: str) -> Any:
    if value == NO_VALUE:
        return None
    return int(value) if re.fullmatch(r"0|-?[1-9]\d{0,17}", value) else value


def root_of(path: Path) -> Path:
    """The folder within which a file is called: above its partitions, whose files may have the same names."""
    depth = len(_partition_folders(path))
    return path.absolute().parents[depth] if depth else path


def is_hidden(path: Path) -> bool:
    """Whether a file within a folder is one that Spark, Hive and Arrow pass over, too, as what a job that failed has left.

    path: Within the folder.
    """
    return any(name.startswith((".", "_")) and "=" not in name for name in path.parts)


@contextmanager
def arrow_errors(path: Path, what: str) -> Iterator[None]:
    """What Arrow says of a file that is damaged, as an error of it."""
    try:
        yield
    except (extra("pyarrow").ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{what}: {error!s:.200}. From there on nothing is read.", path=path) from error
