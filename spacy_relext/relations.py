"""Relations on a Doc: what the user sees, and the plain form in which they are kept.

`doc._.relations` and `span._.relations` give and take `Relation` objects. What is stored is plain data with character offsets,
filed in `doc.user_data` under the head's span with the tail given relative to it. spaCy shifts such entries in `Doc.from_docs` and
`Span.as_doc(copy_user_data=True)`, and writes them in `to_bytes`, `DocBin(store_user_data=True)`, pickles and
`doc.to_json(underscore=["relation_data"])`; character offsets stay right when tokens are merged or split. This is the only module
that knows any of this.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from spacy.tokens import Doc, Span, Token

from spacy_relext.concepts import ConceptRelation, grouped, identifiers, strongest
from spacy_relext.errors import RelextError
from spacy_relext.mentions import concepts_in, kb_id_of
from spacy_relext.relation import Relation, Relations, listed, span_at
from spacy_relext.values import ASSERTED, CALLER, details

__all__ = [
    "Relation",
    "Relations",
    "annotated_labels",
    "between_concepts",
    "covers",
    "get_concept_relations",
    "get_denied",
    "get_relations",
    "has_relations",
    "n_unreadable",
    "register_extensions",
    "remove_annotation",
    "require_extensions",
    "set_annotated_labels",
    "set_denied",
    "set_found",
    "set_relations",
    "sources_of",
    "span_at",
]

# The name of the stored form: ("._.", DATA, start of head, end of head) in `doc.user_data`, as spaCy files span extensions.
DATA = "relation_data"
# The same for relations that an annotator denied, which are none.
DENIED = "denied_relations"
# The name under which the first token has the labels that the Doc is annotated for.
LABELS = "annotated_labels"


def has_relations(doc: Doc) -> bool:
    """Whether relations were ever set on the Doc, be it to an empty list."""
    return any(_is_entry(key) for key in _user_data(doc))


def get_relations(doc: Doc) -> Relations:
    """The relations of a Doc, in order of their head, then tail."""
    return _read(doc, list(_entries(doc)))


def n_unreadable(doc: Doc, found: Relations | None = None) -> int:
    """The number of stored relations that `get_relations` leaves out: their mentions do not lie in this text, or read otherwise there.

    found: What it gives, if that is known.
    """
    return sum(1 for _ in _entries(doc)) - len(get_relations(doc) if found is None else found)


# Where the head begins and ends, and what is stored of the relation.
_Entry = tuple[int, int, dict[str, Any]]


def _entries(doc: Doc, name: str = DATA) -> Iterator[_Entry]:
    for key, entries in _user_data(doc).items():
        if _is_entry(key, name):
            yield from ((key[2], key[3], entry) for entry in entries)


def _read(doc: Doc, entries: Iterable[_Entry]) -> Relations:
    found: list[tuple[tuple[int, int, int, int, str], Relation]] = []
    # One span for each mention, however many relations it has, and its text.
    spans: dict[tuple[int, int, str, str], tuple[Span, str]] = {}
    length = doc[-1].idx + len(doc[-1].text_with_ws) if len(doc) else 0

    def mention(*place: Any) -> tuple[Span, str]:
        if place not in spans:
            span = span_at(doc, *place)
            spans[place] = span, span.text[place[0] - span.start_char : place[1] - span.start_char]
        return spans[place]

    for start, end, entry in entries:
        tail_start, tail_end = start + entry["tail"][0], start + entry["tail"][1]
        # `as_doc` keeps entries whose mentions lie outside the excerpt, and `from_docs` may then move them into another text.
        if min(start, tail_start) < 0 or max(end, tail_end) > length:
            continue
        head_kb_id, tail_kb_id = entry.get("kb_ids", ("", ""))
        head, head_text = mention(start, end, entry["head_type"], head_kb_id)
        tail, tail_text = mention(tail_start, tail_end, entry["tail_type"], tail_kb_id)
        # Both may be one mention where their tokens were merged.
        if [head_text, tail_text] != list(entry["texts"]) or (head.start, head.end) == (tail.start, tail.end):
            continue
        relation = Relation(
            head,
            tail,
            entry["label"],
            entry["score"],
            tuple(entry["long_forms"]) if "long_forms" in entry else None,
            sources=entry.get("sources", CALLER),
            status=entry.get("status", ASSERTED),
            attributes=entry.get("attributes", ()),
            raw_score=entry.get("raw_score"),
        )
        found.append((relation.key, relation))
    return Relations(relation for _, relation in sorted(found, key=lambda pair: pair[0]))


class _Mention(NamedTuple):
    """What is stored of a head or tail, and the span, which must live as long as its address is asked for."""

    span: Span
    start: int
    end: int
    type: str
    text: str
    kb_id: str


def set_relations(doc: Doc, relations: Iterable[Any]) -> None:
    """Replace the relations of a Doc.

    relations: Their head and tail may belong to another Doc of the same text. Dictionaries are what `Relation.from_dict` makes of them.
        A relation that is given twice is one, with the sources and attributes of both, and status, mentions and raw score of the higher
        score.
    RAISES: RelextError for a mention related to itself, one that does not lie in the Doc, and what is no relation.
    """
    entries = _filed(doc, relations, DATA)
    user_data = _user_data(doc)
    for key in [key for key in user_data if _is_entry(key)]:
        del user_data[key]
    # Filed anew: in an excerpt, they may lie before its first token.
    set_annotated_labels(doc, annotated_labels(doc))
    if len(doc):
        # The first token carries an entry even where there is no relation: "none" is not "never set".
        user_data[("._.", DATA, 0, len(doc[0]))] = []
    user_data.update(entries)


def get_denied(doc: Doc) -> Relations:
    """The relations of which an annotator said that they do not hold. They are none of `doc._.relations`."""
    return _read(doc, _entries(doc, DENIED))


def set_denied(doc: Doc, relations: Iterable[Any]) -> None:
    """Replace the denied relations of a Doc, which are given and refused as in `set_relations`."""
    entries = _filed(doc, relations, DENIED)
    user_data = _user_data(doc)
    for key in [key for key in user_data if _is_entry(key, DENIED)]:
        del user_data[key]
    user_data.update(entries)


def remove_annotation(doc: Doc) -> bool:
    """Take relations from a Doc, denied ones too, and what it is annotated for, as if nobody had looked for any. RETURNS: if it had any."""
    user_data = _user_data(doc)
    found = [key for key in user_data if any(_is_entry(key, name) for name in (DATA, DENIED, LABELS))]
    for key in found:
        del user_data[key]
    return bool(found)


def _filed(doc: Doc, relations: Iterable[Any], name: str) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """What is stored of relations under a name, by the key of `doc.user_data`."""
    entries: dict[tuple[Any, ...], dict[tuple[Any, ...], dict[str, Any]]] = {}
    mentions: dict[int, _Mention] = {}

    def mention(span: Span, label: str) -> _Mention:
        # Asked once for each: a text with 50,000 relations has some hundred mentions.
        if id(span) not in mentions:
            mentions[id(span)] = _stored(span, doc, label)
        return mentions[id(span)]

    for relation in _relations(doc, relations):
        head, tail = mention(relation.head, relation.label), mention(relation.tail, relation.label)
        if (head.start, head.end) == (tail.start, tail.end):
            raise RelextError(f"{relation.label}: {head.text!r} is head and tail at once. A relation needs two mentions.")
        same_head = entries.setdefault(("._.", name, head.start, head.end), {})
        key = (tail.start, tail.end, relation.label)
        entry = _entry(relation, head, tail)
        same_head[key] = _merged(same_head[key], entry) if key in same_head else entry
    return {key: list(same_head.values()) for key, same_head in entries.items()}


def _entry(relation: Relation, head: _Mention, tail: _Mention) -> dict[str, Any]:
    entry = {
        "tail": [tail.start - head.start, tail.end - head.start],
        "label": relation.label,
        "score": relation.score,
        "head_type": head.type,
        "tail_type": tail.type,
        "texts": [head.text, tail.text],
        **details(relation.source_scores, relation.status, relation.attributes, relation.score, relation.raw_score),
    }
    # Kept, so that they do not depend on the components that found them.
    if head.kb_id or tail.kb_id:
        entry["kb_ids"] = [head.kb_id, tail.kb_id]
    if any(relation.long_forms):
        entry["long_forms"] = list(relation.long_forms)
    return entry


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """One entry of two of the same relation, which depends on their order only where their scores are equal."""
    higher = other if other["score"] > one["score"] else one
    sources: dict[str, float] = {}
    for entry in (one, other):
        for name, score in entry.get("sources", {CALLER: entry["score"]}).items():
            sources[name] = max(score, sources.get(name, 0.0))
    attributes = sorted({*one.get("attributes", ()), *other.get("attributes", ())})
    said = details(sources, higher.get("status", ASSERTED), attributes, higher["score"], higher.get("raw_score", higher["score"]))
    return {**{name: value for name, value in higher.items() if name not in ("sources", "status", "attributes", "raw_score")}, **said}


def _stored(span: Span, doc: Doc, label: str) -> _Mention:
    found = _Mention(span, span.start_char, span.end_char, span.label_, span.text, kb_id_of(span))
    if span.doc is not doc and doc.text[found.start : found.end] != found.text:
        raise RelextError(
            f"{label}: the mention {found.text!r} at characters {found.start}-{found.end} is not in the Doc "
            f"{doc.text[:60]!r}…. Take head and tail from the Doc whose relations are set."
        )
    return found


def sources_of(doc: Doc) -> set[str]:
    """The names of all sources of the relations of a Doc."""
    return {name for _, _, entry in _entries(doc) for name in entry.get("sources", (CALLER,))}


def set_found(doc: Doc, found: Iterable[Relation], source: str, labels: Sequence[str], *, overwrite: bool = False) -> int:
    """Set what a component found in the place of what it found before. Relations of other sources stay, whatever the order of components.

    source: The name of the component, which is among the sources of what it found. labels: Its labels, of which it takes back what it said.
    overwrite: All relations of the Doc go first.
    RETURNS: How many relations of no component are left, that of no source or of this one with another label.
    """
    kept: list[Relation] = []
    if not overwrite and has_relations(doc):
        others = (relation.without(source) if relation.label in labels else relation for relation in get_relations(doc))
        kept = [relation for relation in others if relation is not None]
    set_relations(doc, [*kept, *found])
    return sum(CALLER in relation.sources or source in relation.sources for relation in kept)


def annotated_labels(doc: Doc) -> frozenset[str] | None:
    """The labels that a Doc is annotated for, whether they occur or not. None: all labels that there are, or it is not annotated at all.

    A Doc that was joined of several is annotated for what all of them are.
    """
    stored = [frozenset(labels) for key, labels in _user_data(doc).items() if _is_entry(key, LABELS)]
    return frozenset.intersection(*stored) if stored else None


def set_annotated_labels(doc: Doc, labels: Iterable[str] | None) -> None:
    """Say which labels a Doc is annotated for. None: all that there are. Setting relations leaves it as it is.

    RAISES: RelextError for what are no labels.
    """
    labels = labels if labels is None or isinstance(labels, str) or not isinstance(labels, Iterable) else list(labels)
    if labels is not None and not (isinstance(labels, list) and all(isinstance(label, str) and label.strip() for label in labels)):
        raise RelextError(f'the annotated labels are {labels!r:.60}; expected several, as in ["ADVISE", "MECHANISM"], or None for all.')
    user_data = _user_data(doc)
    for key in [key for key in user_data if _is_entry(key, LABELS)]:
        del user_data[key]
    if labels is not None and len(doc):
        user_data[("._.", LABELS, 0, len(doc[0]))] = sorted(set(labels))


def covers(annotated: frozenset[str] | None, labels: Collection[str]) -> bool:
    """Whether a Doc that is annotated for some labels teaches certain ones: it is annotated for all of these, or for some and no others.

    The latter is a part of a corpus in which some labels do not occur. One that has other labels instead is of another corpus, where these
    were not looked for: all its pairs would be negatives.
    """
    return annotated is None or annotated.issuperset(labels) or (bool(annotated) and annotated.issubset(labels))


def get_span_relations(span: Span) -> Relations:
    """The relations in which a span is head or tail."""
    require_extensions()
    return Relations(relation for relation in _read(span.doc, _entries_inside(span)) if _takes_part(span, relation))


def _entries_inside(span: Span) -> Iterator[_Entry]:
    """Those whose head or tail lies inside a span. A mention is widened to its tokens, never narrowed: no other can be at its place."""
    first, end = span.start_char, span.end_char
    for key, entries in _user_data(span.doc).items():
        if _is_entry(key):
            start, stop = key[2], key[3]
            if not (first <= start and stop <= end):
                low, high = first - start, end - start
                entries = [entry for entry in entries if low <= entry["tail"][0] and entry["tail"][1] <= high]
            yield from ((start, stop, entry) for entry in entries)


def refuse_token(token: Token, *_: Any) -> NoReturn:
    """What `token._.relations` does: relations are between mentions, which are spans."""
    raise RelextError(
        f"a token, as {token.text!r:.60}, has no relations: its Doc has, and the span of a mention. Those of the mention of this one token "
        f"are doc[{token.i}:{token.i + 1}]._.relations."
    )


def set_span_relations(span: Span, relations: Iterable[Any]) -> None:
    """Replace the relations in which a span is head or tail; those of other spans stay."""
    require_extensions()
    given = list(_relations(span.doc, relations))
    for relation in given:
        if not _takes_part(span, relation):
            raise RelextError(f"{relation} does not involve {span.text!r}. Set relations between other mentions through doc._.relations.")
    others = [relation for relation in get_relations(span.doc) if not _takes_part(span, relation)]
    set_relations(span.doc, [*others, *given])


def _relations(doc: Doc, relations: Iterable[Any]) -> Iterator[Relation]:
    for given in listed(relations):
        if isinstance(given, Relation):
            yield given
        elif isinstance(given, dict):
            yield Relation.from_dict(doc, given)
        else:
            raise RelextError(
                f"expected a Relation, or a dict as Relation.to_dict() gives it, and saw {type(given).__name__}, {given!r:.60}. "
                "Make one: Relation(head, tail, label), of two Spans and a str."
            )


def get_concept_relations(doc: Doc) -> tuple[ConceptRelation, ...]:
    """The relations between the concepts of mentions that follow from `doc._.relations`, in order of the first relation that says so.

    A mention without a concept says nothing of concepts. The concepts are those of `doc.spans["mentions"]`, or of `doc.ents` where there
    are none, and those of the heads and tails that are in neither.
    """
    return tuple(between_concepts(doc)[0])


def between_concepts(
    doc: Doc, source: str | None = None, labels: Collection[str] | None = None
) -> tuple[list[ConceptRelation], list[Relation]]:
    """The same, and the relations that say nothing of concepts. source: Of which component; None: of all. labels: With these; None: all."""
    concepts = concepts_in(doc)
    relations = (
        relation
        for relation in get_relations(doc)
        if (labels is None or relation.label in labels) and (source is None or source in relation.sources)
    )
    groups, left = grouped(relations, lambda span: identifiers(concepts(span)))
    return [ConceptRelation(*key, strongest(group).score, tuple(group)) for key, group in groups.items()], left


def refuse_concept_relations(doc: Doc, *_: Any) -> NoReturn:
    """What setting `doc._.concept_relations` does."""
    raise RelextError("doc._.concept_relations follow from doc._.relations and the concepts of its mentions. Set these.")


# Name, kind, getter, setter.
EXTENSIONS: tuple[tuple[str, Any, Any, Any], ...] = (
    ("relations", Doc, get_relations, set_relations),
    ("relations", Span, get_span_relations, set_span_relations),
    ("concept_relations", Doc, get_concept_relations, refuse_concept_relations),
)


def register_extensions() -> None:
    """Create `doc._.relations`, `span._.relations`, `doc._.concept_relations` and the stored form; harmless when they exist already.

    It is called when this module is imported, if nobody else has these names.
    RAISES: RelextError where somebody else has.
    """
    require_extensions()
    for name, kind, getter, setter in EXTENSIONS:
        kind.set_extension(name, getter=getter, setter=setter, force=True)
    Span.set_extension(DATA, default=None, force=True)
    # An error that helps, in the place of spaCy's; whoever has the name for something of their own keeps it.
    if _foreign("relations", Token) is None:
        Token.set_extension("relations", getter=refuse_token, setter=refuse_token, force=True)


def require_extensions() -> None:
    """RAISES: RelextError where `doc._.relations`, `span._.relations` or `doc._.concept_relations` are those of somebody else."""
    for name, kind, _, _ in EXTENSIONS:
        if (other := _foreign(name, kind)) is not None:
            raise RelextError(
                f"{kind.__name__.lower()}._.{name} is registered with {other} by another library, or by your own code, and spacy-relext "
                f'keeps its relations under this name. Free it, {kind.__name__}.remove_extension("{name}"), and call '
                "spacy_relext.relations.register_extensions(); or use the other library in a process of its own."
            )


def _foreign(name: str, kind: Any) -> str | None:
    """What somebody else registered a name with; None where it is ours, or nobody has it."""
    if not kind.has_extension(name):
        return None
    default, method, getter, _ = kind.get_extension(name)
    if getattr(getter, "__module__", None) == __name__:  # also that of this module before it was loaded again
        return None
    function = method or getter
    return f"the default {default!r:.40}" if function is None else f"{function.__module__}.{function.__qualname__}"


def _user_data(doc: Doc) -> dict[Any, Any]:
    if not isinstance(doc, Doc):
        cure = " The relations of a mention are span._.relations." if isinstance(doc, (Span, Token)) else ""
        raise RelextError(f"expected the Doc that has the relations, and saw {type(doc).__name__}, {doc!r:.60}.{cure}")
    # spaCy declares the keys as str; those of extensions are tuples.
    return doc.user_data


def _is_entry(key: Any, name: str = DATA) -> bool:
    return isinstance(key, tuple) and len(key) == 4 and key[0] == "._." and key[1] == name


def _takes_part(span: Span, relation: Relation) -> bool:
    place = (span.start_char, span.end_char)
    return place in ((m.start_char, m.end_char) for m in (relation.head, relation.tail))


if not any(_foreign(name, kind) for name, kind, _, _ in EXTENSIONS):
    register_extensions()
