"""From a Doc to the dictionary that is drawn, in the form that `manual=True` takes."""

from collections.abc import Iterable, Sequence
from typing import Any

from spacy.displacy import get_doc_settings
from spacy.tokens import Doc, Span

from spacy_relext.displacy.attending import Words, read_words
from spacy_relext.displacy.comparing import MISSED, Judged, compared, unjudged
from spacy_relext.displacy.links import url_of
from spacy_relext.displacy.options import Options
from spacy_relext.errors import RelextError
from spacy_relext.mentions import SPANS_KEY, kb_id_of
from spacy_relext.notices import counted
from spacy_relext.pipeline.several import symmetric_labels_of
from spacy_relext.relations import Relation, get_relations, n_unreadable
from spacy_relext.values import CALLER, UNCERTAIN

# Start and end, characters of the Doc, and type.
Place = tuple[int, int, str]


def parse_rels(doc: Doc | Span, options: dict[str, Any] = {}) -> dict[str, Any]:  # noqa: B006 - displaCy's signature
    """The mentions and relations of a Doc, as `render(…, manual=True)` takes them.

    RETURNS: text; ents: start, end, label, kb_id, kb_url, as displaCy has them; rels: head and tail (numbers of ents), label, score,
        symmetric, status, uncertain, attention, note, sources, attributes; sents: start and end; title; settings: lang and direction;
        notes: what is not shown.
    RAISES: RelextError for options that are none, and Docs and attention of another text.
    """
    chosen = Options.of(options)
    return parse(doc, chosen, *per_doc(chosen, 1)[0])


def per_doc(options: Options, n_docs: int) -> list[tuple[Doc | None, Sequence[Any] | None]]:
    """The annotated Doc and the attention of each Doc. RAISES: RelextError where these are of another number of Docs."""
    gold = [options.compare] if isinstance(options.compare, Doc) else options.compare
    attention = None if options.attention is None else list(options.attention)
    if attention and n_docs == 1 and not isinstance(attention[0], (list, tuple)):
        attention = [attention]
    for name, given in (("compare", gold), ("attention", attention)):
        if given is not None and len(given) != n_docs:
            raise RelextError(f"the option {name} is of {counted(len(given), 'Doc', 'Docs')}, and {n_docs:,} are drawn.")
    nothing: list[None] = [None] * n_docs
    return list(zip(nothing if gold is None else gold, nothing if attention is None else attention, strict=True))


def parse(given: Doc | Span, options: Options, gold: Doc | None = None, attention: Sequence[Any] | None = None) -> dict[str, Any]:
    """What `parse_rels` gives. gold: The annotation. attention: What was read for the pairs of the Doc."""
    if not isinstance(given, (Doc, Span)):
        raise RelextError(f"expected a Doc or a Span, and saw {type(given).__name__}, {given!r:.60}. Dictionaries need manual=True.")
    doc = given if isinstance(given, Doc) else given.doc
    start, end = (0, len(doc.text)) if isinstance(given, Doc) else (given.start_char, given.end_char)
    symmetric = frozenset(symmetric_labels_of(doc) if options.symmetric_labels is None else options.symmetric_labels)
    relations, notes = _asked(doc, options)
    judged = unjudged(relations)
    if gold is not None:
        judged, not_known = compared(doc, relations, gold, symmetric, options.labels)
        notes += not_known
    inside = [found for found in judged if start <= min(found.key[0], found.key[2]) and max(found.key[1], found.key[3]) <= end]
    if len(inside) < len(judged):
        notes.append(f"{len(judged) - len(inside):,} not shown: with a mention outside of this part")
    ends = [span for found in inside for span in (found.relation.head, found.relation.tail)]
    ents, numbers = _mentions([*_spans(doc, options.spans_key), *ends], start, end, options.kb_url_template)
    with_sources = len({found.relation.sources for found in inside if found.status != MISSED}) > 1
    words = read_words(doc, attention)
    return {
        "text": doc.text[start:end],
        "ents": ents,
        "rels": [_rel(found, numbers, found.relation.label in symmetric, words, (start, end), with_sources) for found in inside],
        "sents": _sentences(doc, start, end),
        "title": doc.user_data.get("title") if isinstance(given, Doc) else None,
        "settings": _settings(doc, options),
        "notes": notes,
    }


def _asked(doc: Doc, options: Options) -> tuple[list[Relation], list[str]]:
    """The relations with the labels and scores that are asked for, and what is said of the others."""
    every = get_relations(doc)
    labelled = list(every) if options.labels is None else [relation for relation in every if relation.label in options.labels]
    kept = [relation for relation in labelled if relation.score >= options.min_score]
    counts = [
        (len(every) - len(labelled), "with other labels"),
        (len(labelled) - len(kept), f"below {options.min_score:g}"),
        (n_unreadable(doc, every), "whose mentions are not in this text"),
    ]
    return kept, [f"{n:,} not shown: {what}" for n, what in counts if n]


def _spans(doc: Doc, key: str | None) -> Iterable[Span]:
    if key is None:
        return list(doc.spans.get(SPANS_KEY) or doc.ents)
    if key not in doc.spans:
        there = ", ".join(map(repr, doc.spans)) or "none"
        raise RelextError(f"spans_key: the Doc {doc.text[:60]!r}… has no doc.spans[{key!r}]. There are: {there}.")
    return list(doc.spans[key])


def _mentions(spans: Sequence[Span], start: int, end: int, template: str | None) -> tuple[list[dict[str, Any]], dict[int, int]]:
    """The mentions of a part of a text, each once, and the number of each span by its `id`.

    One without a type, as that of a relation, is the mention at its place, if there is one.
    """
    concepts: dict[Place, str] = {}
    places: dict[int, Place] = {}
    for span in {id(span): span for span in spans}.values():
        place = places[id(span)] = (span.start_char, span.end_char, span.label_)
        if start <= place[0] < place[1] <= end:
            concepts[place] = concepts.get(place) or kb_id_of(span)
    typed = {place[:2]: place for place in sorted(concepts, reverse=True) if place[2]}
    kept = sorted((place for place in concepts if place[2] or place[:2] not in typed), key=lambda place: (place[0], -place[1], place[2]))
    numbers = {place: i for i, place in enumerate(kept)}
    ents = [
        {
            "start": place[0] - start,
            "end": place[1] - start,
            "label": place[2],
            "kb_id": concepts[place],
            "kb_url": url_of(template, concepts[place]),
        }
        for place in kept
    ]
    found = {key: numbers.get(place, numbers.get(typed.get(place[:2], place), -1)) for key, place in places.items()}
    return ents, found


def _rel(
    found: Judged, numbers: dict[int, int], symmetric: bool, words: dict[tuple[int, ...], Words], part: tuple[int, int], with_sources: bool
) -> dict[str, Any]:
    relation, ends, (start, end) = found.relation, found.key[:4], part
    # A symmetric relation is written in one direction, and may have been read in the other.
    read = words.get(ends, words.get((*ends[2:], *ends[:2]), ()) if symmetric else ())
    # That of an annotation is 1 because it was not given.
    score = None if relation.sources == (CALLER,) and relation.score == 1.0 else relation.score
    return {
        "head": numbers[id(relation.head)],
        "tail": numbers[id(relation.tail)],
        "label": relation.label,
        "score": score,
        "symmetric": symmetric,
        "status": found.status,
        "uncertain": relation.status == UNCERTAIN,
        "attention": [[first - start, last - start, weight] for first, last, weight in read if start <= first and last <= end],
        "note": "; ".join([*([found.note] if found.note else []), *relation.attributes]),
        "sources": [name or "caller" for name in relation.sources] if with_sources and found.status != MISSED else [],
        "attributes": list(relation.attributes),
    }


def _sentences(doc: Doc, start: int, end: int) -> list[list[int]]:
    if not doc.has_annotation("SENT_START"):
        return []
    places = ((sent.start_char - start, sent.end_char - start) for sent in doc.sents)
    return [[max(first, 0), min(last, end - start)] for first, last in places if last > 0 and first < end - start]


def _settings(doc: Doc, options: Options) -> dict[str, Any]:
    given = {"lang": options.lang, "direction": options.direction}
    return {name: value if given[name] is None else given[name] for name, value in get_doc_settings(doc).items()}
