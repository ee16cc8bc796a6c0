"""A function of batches of documents, for engines that have the documents already: Ray Data, Hugging Face datasets, pandas, Spark.

    extract = Extract("en_relext_demo")
    extract(frame)                                                             # pandas
    dataset.map_batches(Extract, fn_constructor_args=["en_relext_demo"])       # Ray Data
    dataset.map(extract, batched=True, remove_columns=dataset.column_names)    # Hugging Face datasets
    frame.mapInPandas(extract, schema=extract.spark_schema)                    # Spark

Engines make it in one process, and send it to others: so an `Extract` holds only what it was given. What computes is loaded in the process
that calls it, once for all objects that ask for the same.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import isnan
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy
import torch

from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.lines import InBatches
from spacy_relext.extraction.running import Result, Runner, Settings
from spacy_relext.extras import extra
from spacy_relext.formats.delimited import COLUMNS, Fields, rows
from spacy_relext.formats.jsonl import from_record, line_of
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import Document
from spacy_relext.notices import logger

ERROR = "error"
# The columns of each kind of rows. A `record` is a line of our JSONL.
KINDS: dict[str, dict[str, type]] = {
    "relations": {**COLUMNS, ERROR: str},
    "documents": {"document": str, "relations": int, "record": str, ERROR: str},
}
# Settings of a run that say something of single documents.
SETTINGS = {"threshold", "labels", "batch_size", "gpu_id", "max_pairs", "max_pieces", "max_characters"}
# The types of columns, each of which may lack a value.
FRAME = {str: "string", int: "Int64", float: "Float64"}
ARROW, SPARK = {str: "string", int: "int64", float: "float64"}, {str: "string", int: "bigint", float: "double"}
# So many pipelines stay loaded in a process, those that were used last: engines make the function anew for every part of the data.
MOST_LOADED = 2


class Extract:
    """Relations of batches of documents: columns of texts and ids in, a row per relation or per document out.

        Extract("en_relext_demo")({"id": ["a"], "text": ["Rifampicin induces CYP3A4."]})

    What comes back is of the kind of what is given: a mapping of lists or of numpy arrays, a `pandas.DataFrame`, a `pyarrow.Table`, or an
    iterator of any of these. Rows are in the order of the documents. It can be pickled, and called by several threads, of which one
    computes at a time. The pipeline is loaded by the first call in a process.

    A document that fails (no text, mentions outside of it, too long, an error of a component) is never left out: it has a row with its id,
    the message in the column `error`, and nothing else; in all other rows `error` is missing (None, NA).

    pipeline (str | Path): Name or folder of a pipeline, which every process can load.
    text_column, id_column (str): The columns with texts and with ids, which may be whole numbers.
    mentions_column (str): The column with mentions: lists of {"start": 0, "end": 10, "type": "CHEMICAL"}, as in our JSONL, or JSON of
        such a list. A document that has none there (None) is searched for mentions. None: all are.
    rows (str): "relations": a row for each, with the columns of our CSV; a document without relations has none. "documents": a
        row for each document: `document`, `relations` (how many), `record` (a line of our JSONL).
    on_error (str): "row", as above; "raise": a document that fails stops the call.
    threads (int): Of torch, in each process that computes, for all that runs there; None: as many as the process has. Engines that run a
        process per core want 1.
    settings: Of `spacy_relext.extract`: threshold, labels, batch_size, gpu_id, max_pairs, max_pieces, max_characters.
    RAISES: RelextError for settings that cannot be right, and for a batch without these columns; DataError for documents where told to.
    """

    def __init__(
        self,
        pipeline: str | Path,
        *,
        text_column: str = "text",
        id_column: str = "id",
        mentions_column: str | None = None,
        rows: Literal["relations", "documents"] = "relations",
        on_error: Literal["row", "raise"] = "row",
        threads: int | None = None,
        **settings: Any,
    ):
        if rows not in KINDS:
            raise RelextError(f"rows is {rows!r}; expected one of {', '.join(KINDS)}.")
        if on_error not in ("row", "raise"):
            raise RelextError(f"on_error is {on_error!r}; expected 'row' or 'raise'.")
        unknown = sorted(settings.keys() - SETTINGS)
        if unknown:
            raise RelextError(f"unknown settings {unknown}; known are {sorted(SETTINGS)}.")
        self.pipeline = str(pipeline)
        self.text_column, self.id_column, self.mentions_column = text_column, id_column, mentions_column
        self.rows, self.on_error, self.threads = rows, on_error, threads
        if settings.get("labels") is not None:
            settings["labels"] = tuple(settings["labels"])
        self.settings: dict[str, Any] = settings
        # Engines that keep results by what the function is (Hugging Face's do) should not take up those of a pipeline that was changed.
        self.files = _files(self.pipeline)

    @property
    def columns(self) -> dict[str, type]:
        """The columns of its rows, with the types of their values; each may be None."""
        return KINDS[self.rows]

    @property
    def schema(self) -> Any:
        """The columns as a `pyarrow.Schema`."""
        return extra("pyarrow").schema([(name, ARROW[kind]) for name, kind in self.columns.items()])

    @property
    def spark_schema(self) -> str:
        """The columns as Spark takes them."""
        return ", ".join(f"{name} {SPARK[kind]}" for name, kind in self.columns.items())

    def __call__(self, batch: Any) -> Any:
        """The rows of a batch of documents."""
        if isinstance(batch, Mapping):
            found = self._extract(batch, batch)
            is_numpy = hasattr(batch[self.text_column], "dtype")
            return {name: _array(values) for name, values in found.items()} if is_numpy else found
        if _is(batch, "pandas", "DataFrame"):
            found, pandas = self._extract(batch, batch.columns), extra("pandas")
            return pandas.DataFrame({name: pandas.array(found[name], dtype=FRAME[kind]) for name, kind in self.columns.items()})
        if _is(batch, "pyarrow", "Table"):
            wanted = [name for name in self._wanted if name in batch.column_names]
            given = {name: batch.column(name).to_pylist() for name in wanted}
            return extra("pyarrow").table(self._extract(given, batch.column_names), schema=self.schema)
        if isinstance(batch, Iterator):
            return map(self, batch)
        raise RelextError(f"expected a mapping of columns, a DataFrame, a Table or an iterator of such, and saw {type(batch).__name__}.")

    @property
    def _wanted(self) -> list[str]:
        return [self.id_column, self.text_column] + ([self.mentions_column] if self.mentions_column is not None else [])

    def _extract(self, batch: Any, names: Iterable[str]) -> dict[str, list[Any]]:
        """The columns of the rows of a batch whose columns have these names."""
        missing = [name for name in self._wanted if name not in names]
        if missing:
            raise RelextError(f"expected the columns {self._wanted}, and saw {sorted(map(str, names))}. Name them, as `text_column` does.")
        if isinstance(batch[self.text_column], str):
            raise RelextError("expected columns of several documents, and saw one document. In Hugging Face datasets: batched=True.")
        ids, texts, *mentions = (list(batch[name]) for name in self._wanted)
        read = [self._read(i, *values) for i, values in enumerate(zip(ids, texts, *mentions, strict=True))]
        results = _loaded(self).run([document for document in read if isinstance(document, Document)])
        found: list[Fields] = []
        for identifier, document in zip(ids, read, strict=True):
            result = document if isinstance(document, DataError) else next(results)
            if isinstance(result, DataError):
                if self.on_error == "raise":
                    raise result
                name = document.id if isinstance(document, Document) else _text_of(identifier)
                found.append((name, *[None] * (len(self.columns) - 2), str(result)))
            else:
                found += self._rows(result)
        return dict(zip(self.columns, map(list, zip(*found, strict=True)) if found else [[] for _ in self.columns], strict=True))

    def _rows(self, record: dict[str, Any]) -> Iterator[Fields]:
        if self.rows == "documents":
            yield record["id"], len(record["relations"]), line_of(record).rstrip("\n"), None
        else:
            for fields in rows([from_record(record, Place(None))], Counter()):
                yield *fields, None

    def _read(self, number: int, identifier: Any, text: Any, mentions: Any = None) -> Document | DataError:
        """A row as a document."""
        name = _text_of(identifier)
        try:
            if not name:
                raise DataError(f"row {number} of the batch: expected an id, and saw {identifier!r:.60}.")
            record = {"id": name, "text": str(text) if isinstance(text, str) else None if _is_missing(text) else text}
            if isinstance(mentions, str):
                mentions = Place(None, 1).decode(mentions, "a list of mentions")
            if not _is_missing(mentions):
                record["mentions"] = _plain(mentions)
            return from_record(record, Place(None))
        except DataError as error:
            return DataError(f"document {name!r}: {error.message.removeprefix('document: ')}" if name else error.message)


@dataclass
class _Pipeline:
    """What computes in this process."""

    runner: Runner
    lock: Lock = field(default_factory=Lock)
    told: set[str] = field(default_factory=set)

    def run(self, documents: Sequence[Document]) -> Iterator[Result]:
        """The result of each document, in their order."""
        with self.lock:
            errors: list[DataError] = []
            accepted: list[Document] = []
            results: dict[int, Result] = {}
            for document in documents:
                found = list(self.runner.accepted([document], errors.append))
                accepted += found
                if not found:
                    results[id(document)] = errors[-1]
            for batch in InBatches(accepted, self.runner.settings.batch_size):
                results.update(zip(map(id, batch), self.runner(batch), strict=True))
            for text, notice in self.runner.warnings.items():
                if text not in self.told:
                    self.told.add(text)
                    logger.warning("%s", notice.fill(text))
            self.runner.warnings.clear()
            return iter([results[id(document)] for document in documents])


# By process, since a fork has what another thread was just about to do; then by what is asked for, the one that was used last at the end.
_pipelines: dict[int, dict[Any, _Pipeline]] = {}
_locks: dict[int, Lock] = {}


def _loaded(asked: Extract) -> _Pipeline:
    """The pipeline of this process that does what is asked for."""
    key = (asked.pipeline, _files(asked.pipeline), tuple(sorted(asked.settings.items())))
    process = os.getpid()
    with _locks.setdefault(process, Lock()):
        known = _pipelines.setdefault(process, {})
        pipeline = known.pop(key, None) or _load(asked)
        known[key] = pipeline
        while len(known) > MOST_LOADED:
            del known[next(iter(known))]
    return pipeline


def _load(asked: Extract) -> _Pipeline:
    if asked.threads is not None:
        torch.set_num_threads(asked.threads)
    return _Pipeline(Runner(Settings(asked.pipeline, **asked.settings)))


def _files(pipeline: str) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of the files of a pipeline that is in a folder or installed; nothing where it is neither."""
    folder = Path(pipeline)
    if not folder.is_dir():
        spec = find_spec(pipeline) if pipeline.isidentifier() else None
        if spec is None or spec.origin is None:
            return ()
        folder = Path(spec.origin).parent
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return tuple((path.relative_to(folder).as_posix(), path.stat().st_size, path.stat().st_mtime_ns) for path in files)


def _is(value: Any, module: str, name: str) -> bool:
    """Whether it is one of a library that is imported only by who has made it."""
    return module in sys.modules and isinstance(value, getattr(sys.modules[module], name))


def _is_missing(value: Any) -> bool:
    """Whether it is what a table has in the place of a value."""
    return value is None or (isinstance(value, float) and isnan(value)) or type(value).__name__ in ("NAType", "NaTType")


def _text_of(identifier: Any) -> str | None:
    return None if _is_missing(identifier) else str(identifier)


def _plain(value: Any) -> Any:
    """Lists and dictionaries out of the values that engines make of nested columns; without what is missing."""
    if hasattr(value, "asDict"):
        value = value.asDict()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items() if not _is_missing(item)}
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _array(values: list[Any]) -> Any:
    """A numpy array of values: numbers where none is missing, objects otherwise."""
    is_number = values and all(type(value) in (int, float) for value in values)
    array = numpy.empty(len(values), dtype=type(values[0]) if is_number else object)
    array[:] = values
    return array
