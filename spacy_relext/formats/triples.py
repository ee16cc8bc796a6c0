"""Relations out of their documents, as the formats for tables and graphs take them: each by itself, with what it relates and where.

A relation between concepts is a triple of its own where no relation between mentions of its document says it: text and type are then those
of the first mention of each concept, and there are no offsets. A document without an id is called after its number: "document-0".
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from spacy_relext.concepts import keys
from spacy_relext.formats.concepts import concepts_of
from spacy_relext.formats.ids import default_id
from spacy_relext.formats.types import DETAILS, METADATA, AnnotatedRelation, Document, Mention
from spacy_relext.values import ASSERTED, Sources

SAID = "relations between concepts that are said of mentions too"


@dataclass(frozen=True)
class End:
    """Head or tail of a triple. start, end: Characters of the text (exclusive end); None of a concept. concepts: Their identifiers."""

    text: str
    type: str
    start: int | None
    end: int | None
    concepts: tuple[str, ...]


@dataclass(frozen=True)
class Triple:
    """A relation. sentence: The text from the sentence of the first mention to that of the last, and its first character, where known.

    sources, status, attributes: As `AnnotatedRelation` has them. raw_score: That of the model, which is the score where none is calibrated.
    """

    document: str
    head: End
    label: str
    tail: End
    score: float
    sentence_start: int | None = None
    sentence: str | None = None
    sources: Sources = ()
    status: str = ASSERTED
    attributes: tuple[str, ...] = ()
    raw_score: float = 1.0


@dataclass(frozen=True, order=True)
class Entity:
    """What a triple is about: a concept; or, without identifier, all that is called the same and of one type, whatever case and space."""

    concept: str
    type: str = ""
    name: str = ""


def prepared(
    documents: Iterable[Document], lost: Counter[str], *unsupported: str, details: Sequence[str] = (METADATA, *DETAILS)
) -> Iterator[Document]:
    """The documents, all with an id.

    lost: Is added to: what they have of long forms, `details` and the `unsupported`, by names of `types.UNSUPPORTED`.
    """
    for number, document in enumerate(documents):
        lost.update(document.count_unsupported("long forms of abbreviations", *details, *unsupported))
        yield document if document.id else replace(document, id=default_id(number))


def triples(document: Document, lost: Counter[str]) -> Iterator[Triple]:
    """The relations of a document.

    lost: Is added to: relations between concepts that are no triples, since relations between mentions say the same.
    RAISES: DataError for a relation with a mention or a concept that the document does not have.
    """
    by_id = {mention.id: mention for mention in document.mentions}
    by_concept: dict[str, Mention] = {}
    for mention in document.mentions:
        for concept in concepts_of(mention):
            by_concept.setdefault(concept, mention)
    said: set[tuple[str, str, str]] = set()
    for relation in document.relations or ():
        for name in (relation.head, relation.tail):
            if name not in by_id:
                raise document.error(f"a relation {relation.label!r} refers to the mention {name!r}, and the document does not have it.")
        head, tail = by_id[relation.head], by_id[relation.tail]
        said.update(keys(concepts_of(head), concepts_of(tail), relation.label))
        ends = (_end_of(document, mention) for mention in (head, tail))
        yield _triple(document, next(ends), next(ends), relation, *_sentence(document, head, tail))
    for relation in document.concept_relations or ():
        for name in (relation.head, relation.tail):
            if name not in by_concept:
                raise document.error(f"a relation {relation.label!r} refers to the concept {name!r}, and no mention has it.")
        if (relation.head, relation.tail, relation.label) in said:
            lost[SAID] += 1
            continue
        ends = (
            replace(_end_of(document, by_concept[concept]), start=None, end=None, concepts=(concept,))
            for concept in (relation.head, relation.tail)
        )
        yield _triple(document, next(ends), next(ends), relation)


def entities(end: End) -> list[Entity]:
    """What a head or tail is: its concepts, or what it is called."""
    return [Entity(concept) for concept in end.concepts] or [Entity("", end.type, one_line(end.text).casefold())]


def one_line(text: str) -> str:
    """A text with single spaces for all its white space."""
    return " ".join(text.split())


def _triple(
    document: Document, head: End, tail: End, relation: AnnotatedRelation, start: int | None = None, sentence: str | None = None
) -> Triple:
    raw_score = relation.score if relation.raw_score is None else relation.raw_score
    said = relation.sources, relation.status, relation.attributes, raw_score
    return Triple(document.id, head, relation.label, tail, relation.score, start, sentence, *said)


def _end_of(document: Document, mention: Mention) -> End:
    return End(document.text[mention.start : mention.end], mention.type, mention.start, mention.end, tuple(concepts_of(mention)))


def _sentence(document: Document, head: Mention, tail: Mention) -> tuple[int | None, str | None]:
    """First character and text of the sentences that two mentions stand in; (None, None) where sentences are not known."""
    if not document.sentences:
        return None, None
    first, end = min(head.start, tail.start), max(head.end, tail.end)
    # A mention may stand in no sentence, or run over the end of its own.
    before = bisect_right(document.sentences, first, key=itemgetter(0))
    after = bisect_left(document.sentences, end, key=itemgetter(1))
    start = document.sentences[before - 1][0] if before else first
    return start, document.text[start : document.sentences[after][1] if after < len(document.sentences) else end]
