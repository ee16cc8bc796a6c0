"""The way of an annotated document into a spaCy Doc, and back."""

import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans
from spacy.vocab import Vocab

from spacy_relext.errors import RelextError
from spacy_relext.formats.concepts import concepts_of, mention_relations
from spacy_relext.formats.denials import without_asserted, without_denials
from spacy_relext.formats.identifiers import UNKNOWN as UNKNOWN_CONCEPTS
from spacy_relext.formats.offsets import Stretch, is_inside, trim
from spacy_relext.formats.types import SAME_PLACE, SELF, UNKNOWN, UNNAMED, AnnotatedRelation, Document, Mention
from spacy_relext.mentions import SPANS_KEY, kb_id_of, long_form_of, set_long_form
from spacy_relext.notices import counted_name
from spacy_relext.relations import (
    Relation,
    annotated_labels,
    get_denied,
    get_relations,
    has_relations,
    set_annotated_labels,
    set_denied,
    set_relations,
    sources_of,
    span_at,
)
from spacy_relext.values import CALLER

# Filed as spaCy files span extensions, so that it survives what relations survive.
ID = "document_id"
CONCEPT_RELATIONS = "concept_relations"
META = "document_meta"
ACROSS = "mentions across sentences"
INSIDE = "mentions that begin or end inside a character"
OVERLAPPING = "overlapping mentions (in doc.spans only)"
# What `to_doc` counts of what is in the Doc.
FIGURES = frozenset(
    {
        *("documents", "sentences", "mentions", "relations", "relations between concepts"),
        *("cut tokens", "trimmed mentions", OVERLAPPING, ACROSS, INSIDE),
    }
)
GIVEN_TWICE = "relations given twice (kept once)"


def to_doc(document: Document, nlp: Language, counts: Counter[str] | None = None, *, make_doc: Callable[[str], Doc] | None = None) -> Doc:
    """Make a Doc with `doc.spans["mentions"]`, `doc.ents`, sentences and relations.

    Denied relations, those whose label says so too, are stored beside them (`relations.get_denied`). A document that has
    some is annotated for relations.

    nlp: Gives the tokenizer. Where a mention begins or ends inside a token, the token is cut, so that every mention is whole tokens.
    counts: Is added to: documents, sentences, mentions, cut tokens, trimmed mentions, mentions across sentences and inside characters, what
        does not fit `doc.ents`, denied relations, what the document could not hold of its file, and relations that are left out: those
        between the same characters, those without a label, and those of mentions or concepts that the document does not have.
    make_doc: Gives what `nlp.make_doc` would.
    RAISES: DataError for annotation that cannot be right.
    """
    counts = counts if counts is not None else Counter()
    document = without_denials(document)
    check_readable(document, nlp)
    stretches = _stretches(document, counts)
    starts = _sentence_starts(document)
    bounds = sorted(starts or ())
    counts[ACROSS] += sum(bisect_right(bounds, start) < bisect_left(bounds, end) for start, end in stretches)
    doc = _tokenize(document.text, nlp.vocab, make_doc or nlp.make_doc, stretches, starts, counts)
    _store(doc, ID, document.id)
    if document.meta:
        # As text: a DocBin makes tuples of lists, and has no place for long numbers.
        _store(doc, META, _meta_text(document))
    placed = _add_mentions(doc, document, stretches, counts)
    counts["documents"] += 1
    counts["sentences"] += len(starts) if starts else 0
    _add_relations(doc, document, placed, counts)
    counts.update(document.unsupported)
    return doc


def _stretches(document: Document, counts: Counter[str]) -> list[Stretch]:
    """The characters of each mention, without white space at its ends. RAISES: DataError for one outside the text, or with no character."""
    text, found = document.text, []
    for mention in document.mentions:
        if not 0 <= mention.start < mention.end <= len(text):
            raise document.error(
                f"mention {mention.id!r} has the offsets {mention.start}-{mention.end}; the text has "
                f"{counted_name(len(text), 'characters')}, and a mention at least one. Offsets count characters from 0, and the end is "
                "exclusive."
            )
        start, end = trim(text, mention.start, mention.end)
        if start == end:
            raise document.error(f"mention {mention.id!r} at {mention.start}-{mention.end} is nothing but white space.")
        counts["trimmed mentions"] += (start, end) != (mention.start, mention.end)
        counts[INSIDE] += is_inside(text, mention.start) or is_inside(text, mention.end)
        found.append((start, end))
    return found


def _tokenize(
    text: str, vocab: Vocab, make_doc: Callable[[str], Doc], stretches: list[Stretch], starts: set[int] | None, counts: Counter[str]
) -> Doc:
    """A Doc whose tokens are cut where mentions begin and end, and at the starts of sentences."""
    tokenized = make_doc(text)
    if not stretches and starts is None:
        return tokenized
    cuts = sorted({offset for stretch in stretches for offset in stretch} | set(starts or ()))
    words, spaces, offsets = [], [], []
    for token in tokenized:
        token_end = token.idx + len(token)
        pieces = [token.idx, *cuts[bisect_right(cuts, token.idx) : bisect_left(cuts, token_end)], token_end]
        counts["cut tokens"] += len(pieces) > 2
        for start, end in pairwise(pieces):
            words.append(text[start:end])
            spaces.append(end == pieces[-1] and bool(token.whitespace_))
            offsets.append(start)
    sent_starts: list[bool | int | None] | None = None if starts is None else [offset in starts for offset in offsets]
    return Doc(vocab, words=words, spaces=spaces, sent_starts=sent_starts)


def _add_mentions(doc: Doc, document: Document, stretches: list[Stretch], counts: Counter[str]) -> dict[str, Span]:
    """Put the mentions into `doc.spans` and, as far as they do not overlap, `doc.ents`. RETURNS: Their spans by id."""
    placed: dict[str, Span] = {}
    for mention, (start, end) in zip(document.mentions, stretches, strict=True):
        if mention.id in placed:
            raise document.error(f"two mentions have the id {mention.id!r}.")
        placed[mention.id] = span_at(doc, start, end, mention.type)
        placed[mention.id].kb_id_ = mention.kb_id
        if mention.long_form:
            set_long_form(placed[mention.id], mention.long_form)
    doc.spans[SPANS_KEY] = list(placed.values())
    doc.set_ents(filter_spans(placed.values()))
    counts["mentions"] += len(placed)
    counts[OVERLAPPING] += len(placed) - len(doc.ents)
    return placed


def _add_relations(doc: Doc, document: Document, placed: dict[str, Span], counts: Counter[str]) -> None:
    """Store the relations: between concepts, between mentions, and those that are denied."""
    relations = document.relations
    if document.concept_relations is not None:
        between = _between_concepts(document, counts)
        stored = [{"head": r.head, "tail": r.tail, "label": r.label, "score": r.score, **r.details} for r in between]
        _store(doc, CONCEPT_RELATIONS, stored)
        counts["relations between concepts"] += len(between)
        if relations is None:
            relations = mention_relations(document.mentions, between, document.sentences, counts)
    denied = without_asserted(document, counts)
    if denied:
        own: Counter[str] = Counter()
        set_denied(doc, _relations(document, denied, placed, own))
        counts["denied relations (read as none)"] += own["relations"]
        counts.update({name: own[name] for name in (SAME_PLACE, SELF, UNKNOWN, UNNAMED, GIVEN_TWICE)})
    if relations is not None or denied:
        set_relations(doc, _relations(document, relations or [], placed, counts))
        set_annotated_labels(doc, document.annotated_labels)


def check_readable(document: Document, nlp: Language) -> None:
    """Refuse a text that is longer than the pipeline reads, and halves of surrogate pairs, which JSON can spell, and no file can hold."""
    if len(document.text) > nlp.max_length:
        raise document.error(
            f"the text has {len(document.text):,} characters, and the tokenizer reads {nlp.max_length:,} at the most. Cut the text, or "
            "raise `nlp.max_length`."
        )

    strings = {
        "id": [document.id],
        "text": [document.text],
        "mentions": [value for m in document.mentions for value in (m.id, m.type, m.kb_id, m.long_form)],
        "relations": [
            value
            for r in [*document.all_relations, *document.denied]
            for value in (r.head, r.tail, r.label, r.status, *r.source_names, *r.attributes)
        ],
        "labels": list(document.annotated_labels or ()),
        "metadata": [_meta_text(document)] if document.meta else [],
    }
    for what, values in strings.items():
        try:
            "".join(values).encode("utf8")
        except UnicodeEncodeError as error:
            raise document.error(
                f"its {what} hold {error.object[error.start]!r}, half of a surrogate pair, which is no character, or a byte of the name "
                "of a file that is not UTF-8. Write the character whole, or rename the file."
            ) from error


def _meta_text(document: Document) -> str:
    try:
        return json.dumps(document.meta, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise document.error(f"its metadata cannot be written as JSON: {error}.") from error


def from_doc(doc: Doc, others: Iterable[Span] = (), *, sources: bool | None = None) -> Document:
    """The annotation of a Doc: mentions of `doc.spans["mentions"]`, or of `doc.ents` where there are none, and those of its relations.

    others: Are mentions as well, e.g. those that a pipeline keeps under another name.
    sources: Whether relations have theirs. None: where the Doc has more than the one component that found all, or than its annotation.
    """
    named = len(sources_of(doc)) > 1 if sources is None else sources
    relations, denied = get_relations(doc), get_denied(doc)
    mentions = _mentions(doc, others, [*relations, *denied])
    ids: dict[tuple[Any, ...], str] = {}
    for mention in mentions:
        ids.setdefault((mention.start, mention.end, mention.type), mention.id)
        # For a relation that gives its mention another type than the Doc does.
        ids.setdefault((mention.start, mention.end), mention.id)

    def id_of(span: Span) -> str:
        place = (span.start_char, span.end_char)
        return ids.get((*place, span.label_), ids[place])

    def annotated(r: Relation) -> AnnotatedRelation:
        sources = tuple(r.source_scores.items()) if named and r.sources != (CALLER,) else ()
        raw_score = r.raw_score if r.raw_score != r.score else None
        return AnnotatedRelation(id_of(r.head), id_of(r.tail), r.label, r.score, sources, r.status, r.attributes, raw_score)

    return Document(
        id=document_id(doc),
        text=doc.text,
        mentions=mentions,
        relations=[annotated(r) for r in relations] if has_relations(doc) else None,
        sentences=[(s.start_char, s.end_char) for s in doc.sents] if doc.has_annotation("SENT_START") else None,
        concept_relations=concept_relations(doc),
        annotated_labels=annotated_labels(doc),
        denied=[annotated(r) for r in denied],
        meta=metadata(doc),
    )


def _mentions(doc: Doc, others: Iterable[Span], relations: Iterable[Relation]) -> list[Mention]:
    """Those of a Doc, others, and those of relations."""
    # Two mentions may stand at the same place and differ in type.
    found = {_values(span) for span in (doc.spans.get(SPANS_KEY) or doc.ents)}
    kinds = {values[:3] for values in found}
    found |= {values for values in map(_values, others) if values[:3] not in kinds}
    places = {values[:2] for values in found}
    for relation in relations:
        for span, long_form in zip((relation.head, relation.tail), relation.long_forms, strict=True):
            if (span.start_char, span.end_char) not in places:
                found.add((*_values(span)[:4], long_form))
    return [Mention(f"T{i}", *values) for i, values in enumerate(sorted(found), start=1)]


def _values(span: Span) -> tuple[int, int, str, str, str]:
    return span.start_char, span.end_char, span.label_, kb_id_of(span), long_form_of(span)


def document_id(doc: Doc) -> str:
    """The id that the Doc was read with, or an empty string."""
    return str(_stored(doc, ID, ""))


def metadata(doc: Doc) -> dict[str, Any]:
    """What the Doc was read with beside its annotation (`Document.meta`), or nothing."""
    found: dict[str, Any] = json.loads(_stored(doc, META, "{}"))
    return found


def concept_relations(doc: Doc) -> list[AnnotatedRelation] | None:
    """The relations between concepts that the Doc was read with: those of the whole document. None if none were annotated."""
    stored = _stored(doc, CONCEPT_RELATIONS, None)
    if stored is None:
        return None
    # Tuples, whatever a file has made of them.
    lists = ({"sources": tuple(e.get("sources", {}).items()), "attributes": tuple(e.get("attributes", ()))} for e in stored)
    return [AnnotatedRelation(**{**entry, **more}) for entry, more in zip(stored, lists, strict=True)]


def _store(doc: Doc, name: str, value: Any) -> None:
    user_data: dict[Any, Any] = doc.user_data
    user_data[("._.", name, 0, len(doc[0]) if len(doc) else 0)] = value


def _stored(doc: Doc, name: str, default: Any) -> Any:
    for key, value in doc.user_data.items():
        if isinstance(key, tuple) and len(key) == 4 and key[1] == name:
            return value
    return default


def _sentence_starts(document: Document) -> set[int] | None:
    """First characters of the sentences, at which tokens are cut."""
    if document.sentences is None:
        return None
    starts, last = set(), 0
    for start, end in document.sentences:
        if not last <= start <= end <= len(document.text):
            raise document.error(
                f"the sentence {start}-{end} overlaps the one before it or runs beyond the text of "
                f"{counted_name(len(document.text), 'characters')}."
            )
        last = end
        start, end = trim(document.text, start, end)
        if start < end:
            starts.add(start)
    return starts


def is_left_out(what: str) -> bool:
    """Whether a count of `to_doc` is of what the Doc does not hold, and no figure of what it does."""
    return what not in FIGURES and not what.startswith("relations: ")


def _leave_out(what: str, document: Document, counts: Counter[str]) -> None:
    counts[what] += 1
    document.examples.setdefault(what, document.place)


def _between_concepts(document: Document, counts: Counter[str]) -> list[AnnotatedRelation]:
    """Its relations between concepts, without those of concepts that no mention has."""
    known = {concept for mention in document.mentions for concept in concepts_of(mention)}
    relations = []
    for relation in document.concept_relations or ():
        if {relation.head, relation.tail} <= known and relation.label:
            relations.append(relation)
        else:
            _leave_out(UNKNOWN_CONCEPTS if relation.label else UNNAMED, document, counts)
    return relations


def _relations(document: Document, given: list[AnnotatedRelation], placed: dict[str, Span], counts: Counter[str]) -> list[Relation]:
    relations: dict[tuple[Any, ...], Relation] = {}
    for relation in given:
        if not {relation.head, relation.tail} <= placed.keys() or not relation.label:
            _leave_out(UNKNOWN if relation.label else UNNAMED, document, counts)
            continue
        head, tail = placed[relation.head], placed[relation.tail]
        if (head.start, head.end) == (tail.start, tail.end):
            _leave_out(SELF if relation.head == relation.tail else SAME_PLACE, document, counts)
            continue
        said: dict[str, Any] = {name: getattr(relation, name) for name in ("status", "attributes", "raw_score")}
        try:
            made = Relation(head, tail, relation.label, relation.score, sources=dict(relation.sources) or CALLER, **said)
        except RelextError as error:
            raise document.error(str(error)) from error
        if made.key in relations:
            counts[GIVEN_TWICE] += 1
            continue
        relations[made.key] = made
        counts["relations"] += 1
        counts[f"relations: {relation.label}"] += 1
    return list(relations.values())
