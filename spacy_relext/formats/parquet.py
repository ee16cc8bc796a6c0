"""Triples as Parquet: the columns of delimited.py, and what a table of text has no place for. Only written.

    document … sentence                      as delimited.py has them; whole numbers are 64 bits, what is not known is null
    head_concepts, tail_concepts             list<string>: the identifiers that head_kb_id and tail_kb_id join; empty where there is none
    sources                                  list<struct<source: string, score: double>>: the components that found it; empty: one extractor
    status, attributes                       string, list<string>: what the pipeline, and an annotation, say of it
    model, model_version                     string: the pipeline, where it is known
    meta                                     string: the document's `meta`, such as year and journal, as a JSON object; null: it has none

A folder is written where partitions or the table of the documents are asked for (partitions.py):

    relations/label=MECHANISM/part-00000.parquet       a folder per value; without partitions, relations/part-00000.parquet
    documents/part-00000.parquet                       a row per document, those without relations too: DOCUMENTS

The metadata of each file has `spacy_relext`: what it was made with, as JSON. Compressed by zstd, with dictionaries. It needs pyarrow (the
extra `formats`). Rows are written in groups of bounded size: memory does not grow with the documents.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from spacy_relext import __version__
from spacy_relext.errors import RelextError
from spacy_relext.extras import extra
from spacy_relext.formats.delimited import COLUMNS as OF_TEXT
from spacy_relext.formats.delimited import values_of
from spacy_relext.formats.files import whole_folder, whole_path
from spacy_relext.formats.partitions import Partitions, folder_name
from spacy_relext.formats.rowgroups import Row, Rows
from spacy_relext.formats.triples import prepared, triples
from spacy_relext.formats.types import Document

KEY = "spacy_relext"
TYPES = {str: "string", int: "int64", float: "float64"}
MORE = ("head_concepts", "tail_concepts", "sources", "status", "attributes", "model", "model_version", "meta")
COLUMNS = (*OF_TEXT, *MORE)
# Of the table of the documents: how many of each there are, and null sentences where they are not known.
DOCUMENTS: dict[str, type] = {
    "document": str,
    "characters": int,
    "sentences": int,
    "mentions": int,
    "relations": int,
    "model": str,
    "model_version": str,
    "meta": str,
}
NOT_HELD = ("whole texts", "mentions in no relation")
# The columns whose values are few, and short enough for names of folders.
PARTITIONS = ("label", "head_type", "tail_type", "status")


def relations_schema() -> Any:
    """The columns of the relations, as Arrow has them."""
    pyarrow = extra("pyarrow")
    strings = pyarrow.list_(pyarrow.string())
    sources = pyarrow.list_(pyarrow.struct([("source", pyarrow.string()), ("score", pyarrow.float64())]))
    kinds = {"head_concepts": strings, "tail_concepts": strings, "sources": sources, "attributes": strings}
    return pyarrow.schema([(name, TYPES[OF_TEXT[name]] if name in OF_TEXT else kinds.get(name, "string")) for name in COLUMNS])


def documents_schema() -> Any:
    """The columns of the documents, as Arrow has them."""
    return extra("pyarrow").schema([(name, TYPES[kind]) for name, kind in DOCUMENTS.items()])


def write(
    documents: Iterable[Document],
    path: Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    partition_by: Sequence[str] = (),
    documents_table: bool = False,
) -> Counter[str]:
    """Write a file or, with partitions or the table of the documents, a folder.

    provenance: What they were made with (`extraction.provenance`). partition_by: Columns of the relations, or keys of `meta`.
    documents_table: Also a row per document.
    RETURNS: What the format cannot hold, counted.
    """
    check_partitions(partition_by)
    lost: Counter[str] = Counter()
    made = Maker(provenance, lost)
    if not partition_by and not documents_table:
        with whole_path(path) as partial, Rows(partial, relations_schema(), made.metadata) as rows:
            for document in prepared(documents, lost, *NOT_HELD, "documents without relations", details=("denied relations",)):
                for row in made.relations(document):
                    rows.add(row)
            rows.finish()
        return lost
    with whole_folder(path) as folder, ExitStack() as stack:
        relations = stack.enter_context(Partitions(folder / "relations", relations_schema(), made.metadata, partition_by, lost))
        (folder / "documents").mkdir()
        table = stack.enter_context(Rows(folder / "documents" / "part-00000.parquet", documents_schema(), made.metadata))
        for document in prepared(documents, lost, *NOT_HELD, details=("denied relations",)):
            found = list(made.relations(document))
            for row in found:
                relations.add(row, document)
            table.add(made.document(document, len(found)))
        table.finish()
    return lost


def check_partitions(names: Sequence[str]) -> None:
    """RAISES: RelextError for names that relations cannot be partitioned by."""
    if isinstance(names, str):
        raise RelextError(f"`partition_by` is {names!r}; expected a list of names.")
    for name in names:
        if not name or (name in COLUMNS and name not in PARTITIONS) or list(names).count(name) > 1:
            raise RelextError(f"`partition_by`: {name!r}. Expected, once each, {', '.join(PARTITIONS)}, or keys of the documents' meta.")


def check_document(document: Document, partition_by: Iterable[str]) -> None:
    """RAISES: DataError for a document whose `meta` has something under a name that no folder can be called after."""
    for name in partition_by:
        if name not in COLUMNS:
            folder_name(name, document.meta.get(name), document)


class Maker:
    """Makes rows of documents. lost: Is added to: what no row holds."""

    def __init__(self, provenance: Mapping[str, Any] | None, lost: Counter[str]):
        said = provenance or {"packages": {"spacy-relext": __version__}}
        self.metadata = {KEY: json.dumps(said, ensure_ascii=False)}
        pipeline = said.get("pipeline") or {}
        self.model = pipeline.get("name"), pipeline.get("version")
        self.lost = lost

    def relations(self, document: Document) -> Iterator[Row]:
        """The rows of the relations of a document."""
        meta = _json(document)
        for triple in triples(document, self.lost):
            sources = [{"source": name, "score": score} for name, score in triple.sources]
            more = list(triple.head.concepts), list(triple.tail.concepts), sources, triple.status, list(triple.attributes)
            yield (*values_of(triple), *more, *self.model, meta)

    def document(self, document: Document, n_relations: int) -> Row:
        """The row of a document."""
        sentences = None if document.sentences is None else len(document.sentences)
        return (document.id, len(document.text), sentences, len(document.mentions), n_relations, *self.model, _json(document))


def _json(document: Document) -> str | None:
    return json.dumps(document.meta, ensure_ascii=False) if document.meta else None
