"""Relations on a Doc: what the user sees, and the plain form in which they are kept.

`doc._.relations` and `span._.relations` give and take `Relation` objects. What is stored is plain data with character offsets,
filed in `doc.user_data` under the head's span with the tail given relative to it. spaCy shifts such entries in `Doc.from_docs` and
`Span.as_doc(copy_user_data=True)`, and writes them in `to_bytes`, `DocBin(store_user_data=True)`, pickles and
`doc.to_json(underscore=["relation_data"])`; character offsets stay right when tokens are merged or split. This is the only module
that knows any of this.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from spacy.tokens import Doc, Span

from spacy_relext.errors import RelextError
from spacy_relext.mentions import kb_id_of, long_form_of

# The name of the stored form: ("._.", DATA, start of head, end of head) in `doc.user_data`, as spaCy files span extensions.
DATA = "relation_data"
# The name under which the first token has the labels that the Doc is annotated for.
LABELS = "annotated_labels"


@dataclass(frozen=True)
class Relation:
    """A labelled relation between two mentions of a Doc.

    head (Span), tail (Span): The mentions. `MECHANISM(head, tail)` reads *head has this effect on tail*.
    label (str): The label.
    score (float): Its probability, between 0 and 1. Annotated relations have 1.0.
    long_forms (Tuple[str, str]): What head and tail abbreviate, an empty string where they do not. None: as `doc._.abbreviations` says.
    """

    head: Span
    tail: Span
    label: str
    score: float = 1.0
    long_forms: tuple[str, str] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.long_forms is None:
            # The dataclass is frozen.
            object.__setattr__(self, "long_forms", (long_form_of(self.head), long_form_of(self.tail)))

    def __str__(self) -> str:
        return f"{self.head.text} --{self.label}--> {self.tail.text} ({self.score:.2f})"

    @property
    def key(self) -> tuple[int, int, int, int, str]:
        """Character offsets of head and tail, and the label: what makes two relations the same."""
        return (self.head.start_char, self.head.end_char, self.tail.start_char, self.tail.end_char, self.label)

    def to_dict(self) -> dict[str, Any]:
        """The relation as JSON-serialisable data, with character offsets into the Doc's text.

        Head and tail have a `kb_id` where their concept is known, and a `long_form` where they are an abbreviation that was resolved.
        """
        head, tail = (_mention_dict(*mention) for mention in zip((self.head, self.tail), self.long_forms, strict=True))
        return {
            "head": head,
            "tail": tail,
            "label": self.label,
            "score": self.score,
        }


def _mention_dict(span: Span, long_form: str) -> dict[str, Any]:
    known = {"kb_id": kb_id_of(span), "long_form": long_form}
    return {"start": span.start_char, "end": span.end_char, "type": span.label_, "text": span.text} | {k: v for k, v in known.items() if v}


def has_relations(doc: Doc) -> bool:
    """Whether relations were ever set on the Doc, be it to an empty list."""
    return any(_is_entry(key) for key in doc.user_data)


def get_relations(doc: Doc) -> list[Relation]:
    """The relations of a Doc, in order of their head, then tail."""
    found: list[tuple[tuple[int, int, int, int, str], Relation]] = []
    text = doc.text
    spans: dict[tuple[int, int, str, str], Span] = {}  # one for each mention, however many relations it has

    def mention(*place: Any) -> Span:
        if place not in spans:
            spans[place] = span_at(doc, *place)
        return spans[place]

    for key, entries in _user_data(doc).items():
        if not _is_entry(key):
            continue
        start, end = key[2], key[3]
        for entry in entries:
            tail_start, tail_end = start + entry["tail"][0], start + entry["tail"][1]
            # `as_doc` keeps entries whose mentions lie outside the excerpt, and `from_docs` may then move them into another text.
            if min(start, tail_start) < 0 or list(entry["texts"]) != [text[start:end], text[tail_start:tail_end]]:
                continue
            head_kb_id, tail_kb_id = entry.get("kb_ids", ("", ""))
            relation = Relation(
                head=mention(start, end, entry["head_type"], head_kb_id),
                tail=mention(tail_start, tail_end, entry["tail_type"], tail_kb_id),
                label=entry["label"],
                score=entry["score"],
                long_forms=tuple(entry["long_forms"]) if "long_forms" in entry else None,  # type: ignore[arg-type]
            )
            found.append((relation.key, relation))
    return [relation for _, relation in sorted(found, key=lambda pair: pair[0])]


def n_unreadable(doc: Doc) -> int:
    """The number of stored relations that `get_relations` leaves out: their mentions do not lie in this text, or read otherwise there."""
    return sum(len(entries) for key, entries in _user_data(doc).items() if _is_entry(key)) - len(get_relations(doc))


class _Mention(NamedTuple):
    """What is stored of a head or tail, and the span, which must live as long as its address is asked for."""

    span: Span
    start: int
    end: int
    type: str
    text: str
    kb_id: str


def set_relations(doc: Doc, relations: Iterable[Relation]) -> None:
    """Replace the relations of a Doc.

    relations: Their head and tail may belong to another Doc of the same text.
    RAISES: RelextError for a mention related to itself, an empty one, and one that does not lie in the Doc.
    """
    entries: dict[tuple, dict[tuple, dict[str, Any]]] = {}
    user_data = _user_data(doc)
    mentions: dict[int, _Mention] = {}

    def mention(span: Span, label: str) -> _Mention:
        # Asked once for each: a text with 50,000 relations has some hundred mentions.
        if id(span) not in mentions:
            mentions[id(span)] = _stored(span, doc, label)
        return mentions[id(span)]

    for relation in relations:
        head, tail = mention(relation.head, relation.label), mention(relation.tail, relation.label)
        if (head.start, head.end) == (tail.start, tail.end):
            raise RelextError(f"{relation.label}: {head.text!r} is head and tail at once. A relation needs two mentions.")
        # A relation given twice is one relation; the higher score stands.
        same_head = entries.setdefault(("._.", DATA, head.start, head.end), {})
        key = (tail.start, tail.end, relation.label)
        other = same_head.get(key)
        if other is None or other["score"] < relation.score:
            same_head[key] = entry = {
                "tail": [tail.start - head.start, tail.end - head.start],
                "label": str(relation.label),
                "score": float(relation.score),
                "head_type": head.type,
                "tail_type": tail.type,
                "texts": [head.text, tail.text],
            }
            # Kept, so that they do not depend on the components that found them.
            if head.kb_id or tail.kb_id:
                entry["kb_ids"] = [head.kb_id, tail.kb_id]
            if any(relation.long_forms):
                entry["long_forms"] = list(relation.long_forms)
    for key in [key for key in user_data if _is_entry(key)]:
        del user_data[key]
    # Filed anew: in an excerpt, they may lie before its first token.
    set_annotated_labels(doc, annotated_labels(doc))
    if len(doc):
        # The first token carries an entry even where there is no relation: "none" is not "never set".
        user_data[("._.", DATA, 0, len(doc[0]))] = []
    for key, same_head in entries.items():
        user_data[key] = list(same_head.values())


def _stored(span: Span, doc: Doc, label: str) -> _Mention:
    if span.start >= span.end:
        raise RelextError(
            f"{label}: an empty mention before token {span.start} of the Doc {doc.text[:60]!r}…. "
            "Head and tail need at least one token each."
        )
    found = _Mention(span, span.start_char, span.end_char, span.label_, span.text, kb_id_of(span))
    if span.doc is not doc and doc.text[found.start : found.end] != found.text:
        raise RelextError(
            f"The mention {found.text!r} at characters {found.start}-{found.end} is not in the Doc "
            f"{doc.text[:60]!r}…. Take head and tail from the Doc whose relations are set."
        )
    return found


def span_at(doc: Doc, start: int, end: int, label: str, kb_id: str = "") -> Span:
    """The span at some characters of the text, widened to whole tokens where it begins or ends inside one."""
    span = doc.char_span(start, end, label=label, kb_id=kb_id, alignment_mode="expand")
    if span is None:
        raise RelextError(f"The characters {start}-{end} are not in the Doc {doc.text[:60]!r}…, whose text has {len(doc.text)} characters.")
    return span


def annotated_labels(doc: Doc) -> frozenset[str] | None:
    """The labels that a Doc is annotated for, whether they occur or not. None: all labels that there are, or it is not annotated at all.

    A Doc that was joined of several is annotated for what all of them are.
    """
    stored = [frozenset(labels) for key, labels in _user_data(doc).items() if _is_entry(key, LABELS)]
    return frozenset.intersection(*stored) if stored else None


def set_annotated_labels(doc: Doc, labels: Iterable[str] | None) -> None:
    """Say which labels a Doc is annotated for. None: all that there are. Setting relations leaves it as it is."""
    user_data = _user_data(doc)
    for key in [key for key in user_data if _is_entry(key, LABELS)]:
        del user_data[key]
    if labels is not None and len(doc):
        user_data[("._.", LABELS, 0, len(doc[0]))] = sorted(set(labels))


def covers(doc: Doc, labels: Collection[str]) -> bool:
    """Whether a Doc teaches these labels, and can be scored for them: it is annotated for all of them, or for some and no others.

    The latter is a part of a corpus in which some labels do not occur. One that has other labels instead is of another corpus, where these
    were not looked for: all its pairs would be negatives.
    """
    annotated = annotated_labels(doc)
    return annotated is None or annotated.issuperset(labels) or (bool(annotated) and annotated.issubset(labels))


def get_span_relations(span: Span) -> list[Relation]:
    """The relations in which a span is head or tail."""
    return [relation for relation in get_relations(span.doc) if _takes_part(span, relation)]


def set_span_relations(span: Span, relations: Iterable[Relation]) -> None:
    """Replace the relations in which a span is head or tail; those of other spans stay."""
    relations = list(relations)
    for relation in relations:
        if not _takes_part(span, relation):
            raise RelextError(f"{relation} does not involve {span.text!r}. Set relations between other mentions through doc._.relations.")
    others = [relation for relation in get_relations(span.doc) if not _takes_part(span, relation)]
    set_relations(span.doc, [*others, *relations])


def register_extensions() -> None:
    """Create `doc._.relations`, `span._.relations` and the stored form; harmless when they exist already."""
    if not Doc.has_extension("relations"):
        Doc.set_extension("relations", getter=get_relations, setter=set_relations)
    if not Span.has_extension("relations"):
        Span.set_extension("relations", getter=get_span_relations, setter=set_span_relations)
    if not Span.has_extension(DATA):
        Span.set_extension(DATA, default=None)


def _user_data(doc: Doc) -> dict[Any, Any]:
    # spaCy declares the keys as str; those of extensions are tuples.
    return doc.user_data


def _is_entry(key: Any, name: str = DATA) -> bool:
    return isinstance(key, tuple) and len(key) == 4 and key[0] == "._." and key[1] == name


def _takes_part(span: Span, relation: Relation) -> bool:
    place = (span.start_char, span.end_char)
    return place in ((m.start_char, m.end_char) for m in (relation.head, relation.tail))
