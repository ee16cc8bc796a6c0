"""Whether documents come back as they were from a format, as `relext export` writes it and `relext convert` reads it."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spacy.language import Language

from spacy_relext.errors import DataError
from spacy_relext.formats.catalogue import READABLE, WRITABLE, get_format
from spacy_relext.formats.ddi import NO_SPACE
from spacy_relext.formats.docs import from_doc, to_doc
from spacy_relext.formats.pubtator import BY_CONCEPT
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import Document

# Formats that are written and read.
BOTH_WAYS = [name for name in READABLE if name in WRITABLE]


@dataclass
class Outcome:
    """What became of the documents of a corpus in a format.

    same: How many came back as they were, but for what is in `told`. told: What the format cannot hold, as it reports it.
    refused: How many the format cannot hold, which is an error, and the first of these errors.
    changed: The ids of the others: these are lost.
    """

    same: int = 0
    refused: int = 0
    error: str = ""
    changed: list[str] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)


def read_corpus(name: str, path: Path, nlp: Language) -> list[Document]:
    """The documents of a corpus as `relext export` gets them: out of Docs. RAISES: DataError for any that cannot be read."""
    return [from_doc(to_doc(document, nlp)) for document in _read(name, path)]


def round_trip(name: str, documents: list[Document], folder: Path, nlp: Language) -> Outcome:
    """Write documents with ids in a format, all in one file or folder, and read them again."""
    outcome = Outcome()
    written = [document for i, document in enumerate(documents) if _is_written(name, document, folder / str(i), outcome)]
    path = folder / "all"
    outcome.told = +get_format(name).write(written, path)
    back = {document.id: document for document in read_corpus(name, path, nlp)} if written else {}
    for document in written:
        if document.id in back and _held(document, outcome.told) == _held(back[document.id], outcome.told):
            outcome.same += 1
        else:
            outcome.changed.append(document.id)
    return outcome


def _is_written(name: str, document: Document, path: Path, outcome: Outcome) -> bool:
    try:
        get_format(name).write([document], path)
    except DataError as error:
        outcome.refused += 1
        outcome.error = outcome.error or str(error)
        return False
    return True


def _read(name: str, path: Path) -> Iterable[Document]:
    def raise_it(error: DataError) -> None:
        raise error

    return get_format(name).read(path, Reading(raise_it))


def _held(document: Document, told: Counter[str]) -> Any:
    """A document without what a format says that it does not hold."""
    relations = None if document.relations is None else sorted(document.relations, key=repr)
    found = replace(document, relations=relations)
    if "sentences" in told or not document.text:
        found.sentences = None
    if "scores of relations" in told and found.relations is not None:
        found.relations = sorted((replace(relation, score=1.0) for relation in found.relations), key=repr)
    if "documents not annotated for relations (now with none)" in told:
        found.relations, found.concept_relations = found.relations or [], found.concept_relations or None
    if "concept identifiers" in told:
        found.mentions = [replace(mention, kb_id="") for mention in found.mentions]
    if "relations between concepts" in told or BY_CONCEPT in told:
        found.concept_relations = None
    if "tabs and line ends (now spaces)" in told:
        found.text = re.sub(r"[\t\r\n]", " ", found.text)
        # A line end that was a token is white space behind one now, and to spaCy a Doc of one token is a sentence.
        found.sentences = found.sentences if len(found.sentences or ()) > 1 else None
    if NO_SPACE in told:  # after the last one: in none of the corpora is it another
        found.text = found.text.rstrip()
    return found
