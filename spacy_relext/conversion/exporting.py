"""From Docs to files of any format."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from spacy.tokens import Doc

from spacy_relext.errors import RelextError
from spacy_relext.formats.arrow import NO_VALUE
from spacy_relext.formats.catalogue import Format, formats, writable
from spacy_relext.formats.delimited import FORMULAS
from spacy_relext.formats.docs import from_doc
from spacy_relext.formats.files import refuse_existing
from spacy_relext.formats.records import refuse_denials
from spacy_relext.formats.types import Document
from spacy_relext.notices import counted_name
from spacy_relext.relations import annotated_labels, has_relations, register_extensions


def export(
    docs: Iterable[Doc],
    path: str | Path,
    format: str | None = None,
    *,
    spans_key: str | None = None,
    overwrite: bool = False,
    **settings: Any,
) -> Counter[str]:
    """Write Docs, with mentions and relations, as a file or folder: whole, or not at all.

    format: A name of the catalogue; None: by the suffix. settings: Of the format: base_iri of rdf; spreadsheet_safe of csv; partition_by,
        documents_table and provenance of parquet.
    spans_key: Where other mentions are than those of `doc.spans["mentions"]` (or else `doc.ents`) and of relations.
    overwrite: Replace a file that is there. A folder that holds something is never replaced.
    RETURNS: What the format could not hold, counted.
    RAISES: RelextError for settings that do not fit, DataError for documents that the format cannot hold.
    """
    register_extensions()
    target = Path(path)
    chosen = writable(format or written_by_suffix(target))
    check_settings(chosen, settings)
    refuse_existing(target, overwrite=overwrite)
    annotated: set[frozenset[str] | None] = set()
    documents = _documents(docs, spans_key, annotated)
    if chosen.reads:
        documents = _without_denials(documents)
    lost = chosen.write(documents, target, **settings)
    if len(annotated) > 1 and chosen.name != "jsonl":
        # Where all are annotated for the same, `convert` will find so again.
        lost[f"sets of labels that documents are annotated for, {_sets(annotated)}"] = len(annotated)
    return +lost


def written_by_suffix(path: Path, setting: str = "`format`") -> str:
    """The name of the format that a file to be written has by its suffix. setting: What says it otherwise."""
    suffix = path.suffix.lower()
    name = suffix.removeprefix(".")
    written = [found for found in formats() if found.writes]
    # That of another package by its own suffix.
    others = [found.name for found in written if suffix and suffix == found.suffix in found.own_suffixes]
    if name not in [found.name for found in written] and len(others) != 1:
        raise RelextError(
            f"{path}: the suffix does not say the format. Name it with {setting}, one of: {', '.join(found.name for found in written)}."
        )
    return others[0] if len(others) == 1 else name


def check_settings(format: Format, settings: Iterable[str]) -> None:
    """RAISES: RelextError for settings that a format does not know."""
    for name in settings:
        if name not in format.settings:
            raise RelextError(f"`{name}` is not for {format.name}. Leave it out.")


def unsupported_lines(lost: Mapping[str, int], format: str) -> Iterator[str]:
    """A line for each thing that a format could not hold, or that is to be known of what was written."""
    for what, count in lost.items():
        if count:
            told = counted_name(count, what)
            yield f"{told}." if what == FORMULAS or NO_VALUE in what else f"{told}: not in {format}."


def _sets(annotated: set[frozenset[str] | None]) -> str:
    return " and ".join(sorted("all" if labels is None else "/".join(sorted(labels)) for labels in annotated))


def _without_denials(documents: Iterable[Document]) -> Iterator[Document]:
    for document in documents:
        refuse_denials(document)
        yield document


def _documents(docs: Iterable[Doc], spans_key: str | None, annotated: set[frozenset[str] | None]) -> Iterator[Document]:
    """annotated: Is added to: the labels that documents with relation annotation are annotated for."""
    groups: set[str] = set()
    for doc in docs:
        groups.update(doc.spans)
        if has_relations(doc):
            annotated.add(annotated_labels(doc))
        yield from_doc(doc, doc.spans.get(spans_key, ()) if spans_key is not None else ())
    if spans_key is not None and spans_key not in groups:
        there = f"there are {', '.join(sorted(groups))}" if groups else "there are none"
        raise RelextError(f"`spans_key` is {spans_key!r}, and no document has spans of this name; {there}.")
