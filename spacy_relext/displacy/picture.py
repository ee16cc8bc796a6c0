"""What is drawn, as plain data: a text, its mentions, and the relations between them. All offsets are characters of the text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from spacy_relext.displacy.links import NONE, checked_url
from spacy_relext.errors import RelextError
from spacy_relext.values import check_keys, check_text

Status = Literal["", "right", "missed", "wrong"]
STATUSES = get_args(Status)
Direction = Literal["ltr", "rtl"]


@dataclass(frozen=True)
class PicturedMention:
    """A mention. kb_url: The address of its concept, "#" where there is none."""

    start: int
    end: int
    type: str
    kb_id: str = ""
    kb_url: str = NONE


@dataclass(frozen=True)
class PicturedRelation:
    """A relation between two mentions, by their numbers.

    score: None where it has none, as an annotated one. status: Beside an annotation: right, missed or wrong; empty without one.
    uncertain: The pipeline says so. attention: What was read for it: start, end and weight of words, from -1 to 1; below 0, what speaks
        against it.
    note: What else its tooltip says. sources: Who found it, where this is worth a column. attributes: What an annotation says of it.
    """

    head: int
    tail: int
    label: str
    score: float | None = None
    symmetric: bool = False
    status: Status = ""
    uncertain: bool = False
    attention: tuple[tuple[int, int, float], ...] = ()
    note: str = ""
    sources: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A text, its mentions in the order of the text, its relations, and its sentences, which cover the text.

    notes: What the picture says of itself: what was asked not to be shown, what is not known.
    """

    text: str
    mentions: tuple[PicturedMention, ...]
    relations: tuple[PicturedRelation, ...]
    sentences: tuple[tuple[int, int], ...]
    title: str = ""
    lang: str = ""
    direction: Direction = "ltr"
    notes: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Picture":
        """A picture of what `parse_rels` gives, or a caller with `manual=True`.

        data: With text, ents (start, end, label) and rels (head, tail, label); the rest may be left out.
        RAISES: RelextError for what is no such data: what was seen, at which place, and what was expected.
        """
        _keys(data, "the data of a picture", ("text", "ents", "rels"), ("sents", "title", "settings", "notes"))
        text = _text(data["text"], "text")
        ents = [_mention(ent, f"ents[{i}]", len(text)) for i, ent in enumerate(_list(data["ents"], "ents"))]
        order = sorted(range(len(ents)), key=lambda i: (ents[i].start, -ents[i].end))
        place = {i: number for number, i in enumerate(order)}
        relations = [_relation(rel, f"rels[{i}]", ents, place, len(text)) for i, rel in enumerate(_list(data["rels"], "rels"))]
        sents = [_extent(sent, f"sents[{i}]", len(text)) for i, sent in enumerate(_list(data.get("sents") or [], "sents"))]
        settings = data.get("settings") or {}
        _keys(settings, "settings", (), ("lang", "direction"))
        direction = settings.get("direction", "ltr")
        if direction not in get_args(Direction):
            raise RelextError(f'settings: the direction is {direction!r:.40}; expected "ltr" or "rtl".')
        return cls(
            text=text,
            mentions=tuple(ents[i] for i in order),
            relations=tuple(relations),
            sentences=covering(sents, len(text)),
            title="" if data.get("title") is None else _text(data["title"], "title"),
            lang=_text(settings.get("lang", ""), "settings: the lang"),
            direction=direction,
            notes=tuple(_text(note, "a note") for note in _list(data.get("notes") or [], "notes")),
        )


def covering(sentences: Iterable[tuple[int, int]], length: int) -> tuple[tuple[int, int], ...]:
    """Sentences that cover a text: each begins where the one before it ends."""
    starts = sorted({0, *(start for start, _ in sentences if 0 < start < length)})
    return tuple(zip(starts, [*starts[1:], length], strict=True))


def _relation(rel: Any, what: str, ents: Sequence[PicturedMention], place: Mapping[int, int], length: int) -> PicturedRelation:
    """place: The number of a mention in the picture, by that in the data."""
    optional = ("score", "symmetric", "status", "uncertain", "attention", "note", "sources", "attributes")
    _keys(rel, what, ("head", "tail", "label"), optional)
    for end in ("head", "tail"):
        if type(rel[end]) is not int or rel[end] not in place:
            raise RelextError(f"{what}: the {end} is {rel[end]!r:.40}; expected the number of one of the {len(place)} ents, from 0 on.")
    head, tail = ents[rel["head"]], ents[rel["tail"]]
    if (head.start, head.end) == (tail.start, tail.end):
        raise RelextError(f"{what}: head and tail are the same place, {head.start}-{head.end}. A relation needs two mentions.")
    status: Any = rel.get("status") or ""
    if status not in STATUSES:
        raise RelextError(f"{what}: the status is {status!r:.40}; expected one of {', '.join(map(repr, STATUSES))}.")
    for name in ("symmetric", "uncertain"):
        if not isinstance(rel.get(name, False), bool):
            raise RelextError(f"{what}: {name} is {rel[name]!r:.40}; expected True or False.")
    score = rel.get("score")
    return PicturedRelation(
        head=place[rel["head"]],
        tail=place[rel["tail"]],
        label=_text(rel["label"], f"{what}: the label"),
        score=None if score is None else _number(score, f"{what}: the score"),
        symmetric=rel.get("symmetric", False),
        status=status,
        uncertain=rel.get("uncertain", False),
        attention=tuple(_attention(rel.get("attention") or [], f"{what}: attention", length)),
        note=_text(rel.get("note") or "", f"{what}: the note"),
        sources=tuple(_text(name, f"{what}: a source") for name in _list(rel.get("sources") or [], f"{what}: sources")),
        attributes=tuple(_text(name, f"{what}: an attribute") for name in _list(rel.get("attributes") or [], f"{what}: attributes")),
    )


def _mention(ent: Any, what: str, length: int) -> PicturedMention:
    _keys(ent, what, ("start", "end", "label"), ("kb_id", "kb_url"))
    start, end = _extent((ent["start"], ent["end"]), what, length)
    kb_id = _text(ent.get("kb_id") or "", f"{what}: the kb_id")
    return PicturedMention(
        start, end, _text(ent["label"], f"{what}: the label"), kb_id, checked_url(ent.get("kb_url", NONE), f"{what}: the kb_url")
    )


def _attention(words: Any, what: str, length: int) -> Iterator[tuple[int, int, float]]:
    for word in _list(words, what):
        if not isinstance(word, (list, tuple)) or len(word) != 3:
            raise RelextError(f"{what} has {word!r:.60}; expected [start, end, weight].")
        yield (*_extent(word[:2], what, length), _weight(word[2], f"{what}: the weight"))


def _extent(extent: Any, what: str, length: int) -> tuple[int, int]:
    """Start and end. RAISES: RelextError for what lies not in the text."""
    if not isinstance(extent, (list, tuple)) or len(extent) != 2 or any(type(place) is not int for place in extent):
        raise RelextError(f"{what}: start and end are {extent!r:.60}; expected two whole numbers, characters of the text.")
    start, end = extent
    if not 0 <= start < end <= length:
        raise RelextError(
            f"{what}: start and end are {start} and {end}; expected the end behind the start, in a text of {length:,} characters."
        )
    return start, end


def _weight(value: Any, what: str) -> float:
    """RAISES: RelextError for what is not between -1 and 1."""
    if isinstance(value, (bool, str)) or not hasattr(value, "__float__") or not -1.001 <= value <= 1.001:
        raise RelextError(f"{what} is {value!r:.40}; expected a number between -1 and 1.")
    return max(-1.0, min(float(value), 1.0))


def _number(value: Any, what: str) -> float:
    """RAISES: RelextError for what is not between 0 and 1."""
    if isinstance(value, (bool, str)) or not hasattr(value, "__float__") or not 0 <= value <= 1.001:
        raise RelextError(f"{what} is {value!r:.40}; expected a number between 0 and 1.")
    # The weights of float32 that sum to 1 may be more by a rounding.
    return min(float(value), 1.0)


def _text(value: Any, what: str) -> str:
    check_text(value, what)
    return str(value)


def _list(value: Any, what: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise RelextError(f"{what}: saw {value!r:.60}; expected a list.")
    return value


def _keys(data: Any, what: str, required: Sequence[str], optional: Sequence[str]) -> None:
    """RAISES: RelextError for what is no dict, or one in which keys are missing or unknown."""
    if not isinstance(data, Mapping):
        raise RelextError(f"{what}: saw {data!r:.60}; expected a dict with {', '.join([*required, *optional])}.")
    check_keys(data, {*required, *optional}, set(required), what)
