"""`Relation` and `Relations`: what `doc._.relations` gives and takes. Import them from `spacy_relext.relations`, which registers it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, SupportsIndex, overload

from spacy.tokens import Doc, Span

from spacy_relext.errors import RelextError
from spacy_relext.extras import extra
from spacy_relext.mentions import kb_id_of, long_form_of
from spacy_relext.notices import counted_name
from spacy_relext.values import (
    ASSERTED,
    CALLER,
    Sources,
    check_keys,
    check_mention,
    check_text,
    checked_attributes,
    checked_long_forms,
    checked_score,
    checked_sources,
    checked_status,
    details,
)

PUBLIC = "spacy_relext.relations"
KEYS = {"head", "tail", "label", "score", "raw_score", "sources", "status", "attributes"}
MENTION_KEYS = {"start", "end", "type", "text", "kb_id", "long_form"}
# Of a flat dictionary, for head and tail: as in the columns of CSV and Parquet.
FLAT = {"": "text", "_type": "type", "_start": "start", "_end": "end", "_kb_id": "kb_id", "_long_form": "long_form"}

_set: Callable[[Any, str, Any], None] = object.__setattr__


class Relation:
    """A labelled relation between two mentions of a Doc. It cannot be changed: `replace` makes another one.

    head (Span), tail (Span): The mentions. `MECHANISM(head, tail)` reads *head has this effect on tail*.
    label (str): The label.
    score (float): Its probability, between 0 and 1: 1.0 unless given, or the highest of its sources.
    long_forms (Tuple[str, str]): What head and tail abbreviate, an empty string where they do not. None: as `doc._.abbreviations` says.
    sources (str | Iterable[str] | Mapping[str, float]): Who says so: names of components, a mapping with the score of each. An empty name
        is the caller, or an annotation.
    status (str): What the pipeline says of it: "asserted" or "uncertain".
    attributes (Iterable[str]): What an annotation says of it: "speculated", "novel".
    raw_score (float): What the model says, where the score of a calibrated pipeline is another; else the same as the score.
    RAISES: RelextError for what is none of this.
    """

    # Pickles look for the class there, which registers `doc._.relations`.
    __module__ = PUBLIC
    __slots__ = ("_sources", "attributes", "head", "label", "long_forms", "raw_score", "score", "status", "tail")

    head: Span
    tail: Span
    label: str
    score: float
    long_forms: tuple[str, str]
    status: str
    attributes: tuple[str, ...]
    raw_score: float
    _sources: Sources

    def __init__(
        self,
        head: Span,
        tail: Span,
        label: str,
        score: float | None = None,
        long_forms: tuple[str, str] | None = None,
        *,
        sources: str | Iterable[str] | Mapping[str, float] = CALLER,
        status: str = ASSERTED,
        attributes: Iterable[str] = (),
        raw_score: float | None = None,
    ) -> None:
        check_mention(head, "head", label)
        check_mention(tail, "tail", label)
        if not isinstance(label, str) or not label.strip():
            raise RelextError(
                f"the relation between {head.text!r:.60} and {tail.text!r:.60} has the label {label!r}. A label is a str that is not empty."
            )
        check_text(label, "the label")
        if isinstance(sources, str):
            check_text(sources, f"{label}: the source")
            score = 1.0 if score is None else checked_score(score, label)
            named: Sources = ((sources, score),)
        else:
            score, named = checked_sources(sources, score, label)
        _set(self, "head", head)
        _set(self, "tail", tail)
        _set(self, "label", label)
        _set(self, "score", score)
        _set(self, "raw_score", score if raw_score is None else checked_score(raw_score, label, "raw score"))
        _set(self, "long_forms", (long_form_of(head), long_form_of(tail)) if long_forms is None else checked_long_forms(long_forms, label))
        _set(self, "_sources", named)
        _set(self, "status", status if status == ASSERTED else checked_status(status, label))
        _set(self, "attributes", checked_attributes(attributes, label) if attributes else ())

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"a Relation cannot be changed. Make another one, relation.replace({name}=…), and set doc._.relations anew.")

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)

    def __str__(self) -> str:
        said = [f"{self.score:.2f}", *([] if self.status == ASSERTED else [self.status]), *self.attributes]
        return f"{_one_line(self.head.text)} --{_one_line(self.label)}--> {_one_line(self.tail.text)} ({', '.join(said)})"

    def __repr__(self) -> str:
        return f"<Relation {self}>"

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Relation) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[Any, ...]:
        return self.head, self.tail, self.label, self.score, self.long_forms, self._sources, self.status, self.attributes, self.raw_score

    def __reduce__(self) -> tuple[Any, ...]:
        # Spans cannot be pickled; a pickle, or a deep copy, holds each Doc once, however many relations it has.
        places = [
            value for span in (self.head, self.tail) for value in (span.doc, (span.start, span.end, span.label_, span.kb_id_, span.id_))
        ]
        return Relation._restored, (*places, *self._values()[2:])

    @classmethod
    def _restored(cls, head_doc: Doc, head: tuple[Any, ...], tail_doc: Doc, tail: tuple[Any, ...], *values: Any) -> "Relation":
        label, score, long_forms, sources, status, attributes, *raw = values  # pickles of earlier versions have no raw score
        spans = (
            Span(doc, start, end, label=kind, kb_id=kb_id, span_id=id_)
            for doc, (start, end, kind, kb_id, id_) in ((head_doc, head), (tail_doc, tail))
        )
        more = {"sources": dict(sources), "status": status, "attributes": attributes, "raw_score": raw[0] if raw else None}
        return cls(next(spans), next(spans), label, score, long_forms, **more)

    @property
    def key(self) -> tuple[int, int, int, int, str]:
        """Character offsets of head and tail, and the label: what makes two relations the same."""
        return (self.head.start_char, self.head.end_char, self.tail.start_char, self.tail.end_char, self.label)

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the components that found it, in alphabetical order; an empty one is a caller or an annotation."""
        return tuple(name for name, _ in self._sources)

    @property
    def source_scores(self) -> dict[str, float]:
        """The score that each of its sources gives."""
        return dict(self._sources)

    def replace(self, **changes: Any) -> "Relation":
        """Another relation with other values, which are those of the constructor. A new score is that of all its sources.

        The raw score stays with the score that it belongs to: without one in `changes`, that of another score is the score itself.
        """
        kept: dict[str, Any] = {name: getattr(self, name) for name in ("head", "tail", "label", "long_forms", "status", "attributes")}
        made = Relation(**({**kept, "sources": self.sources if "score" in changes else dict(self._sources)} | changes))
        if "raw_score" not in changes and made.score == self.score:
            _set(made, "raw_score", self.raw_score)
        return made

    def without(self, source: str) -> "Relation | None":
        """What its other sources say; None where there are none."""
        kept = {name: score for name, score in self._sources if name != source}
        return (self.replace(sources=kept) if len(kept) < len(self._sources) else self) if kept else None

    def to_dict(self) -> dict[str, Any]:
        """The relation as JSON-serialisable data, with character offsets into the Doc's text.

        Head and tail have a `kb_id` where their concept is known, and a `long_form` where they are an abbreviation that was resolved; the
        relation has a `raw_score` where it is not the score, `sources` where they are others than the caller, `status` where it is not
        "asserted", and `attributes` where there are any.
        """
        head, tail = (_mention_dict(*mention) for mention in zip((self.head, self.tail), self.long_forms, strict=True))
        said = details(self.source_scores, self.status, self.attributes, self.score, self.raw_score)
        return {"head": head, "tail": tail, "label": self.label, "score": self.score, **said}

    @classmethod
    def from_dict(cls, doc: Doc, data: Mapping[str, Any]) -> "Relation":
        """A relation of a Doc from what `to_dict` gives, of which `start` and `end` of the mentions and the label are required.

        RAISES: RelextError for what is no such data, and mentions that are not in the text of the Doc or read otherwise there.
        """
        what = "the data of a relation"
        if not isinstance(doc, Doc):
            raise RelextError(f"{what}: expected the Doc whose text they are of, and saw {type(doc).__name__}, {doc!r:.60}.")
        if not isinstance(data, Mapping):
            raise RelextError(f"{what}: expected a dict as Relation.to_dict() gives it, and saw {type(data).__name__}, {data!r:.60}.")
        check_keys(data, KEYS, {"head", "tail", "label"}, what)
        spans, long_forms = [], []
        for end in ("head", "tail"):
            mention = data[end]
            if not isinstance(mention, Mapping):
                raise RelextError(f"{what}: {end} is {mention!r:.60}; expected a dict with start and end, characters of the Doc's text.")
            check_keys(mention, MENTION_KEYS, {"start", "end"}, f"{what}, {end}")
            start, stop = mention["start"], mention["end"]
            if type(start) is not int or type(stop) is not int or start >= stop:
                saw = f"{start!r:.20} and {stop!r:.20}"
                raise RelextError(f"{what}: start and end of {end} are {saw}; expected whole numbers, the end behind the start.")
            for name in ("type", "kb_id", "long_form"):
                check_text(mention.get(name, ""), f"{what}: the {name} of {end}")
            span = span_at(doc, start, stop, mention.get("type", ""), mention.get("kb_id", ""))
            text = doc.text[start:stop]
            if mention.get("text", text) != text:
                said = mention["text"]
                raise RelextError(f"{what}: characters {start}-{stop} of the Doc are {text!r:.60}, and the {end} is {said!r:.60}.")
            spans.append(span)
            long_forms.append(mention["long_form"] if "long_form" in mention else long_form_of(span))
        optional = {name: data[name] for name in ("score", "raw_score", "sources", "status", "attributes") if name in data}
        return cls(spans[0], spans[1], data["label"], long_forms=(long_forms[0], long_forms[1]), **optional)


class Relations(tuple[Relation, ...]):
    """The relations of a Doc or a span: a tuple, since a list could be changed without the Doc knowing of it.

    `doc._.relations += [relation]` adds to those of a Doc. Printed, they are one line per relation.
    """

    __module__ = PUBLIC
    __slots__ = ()

    def __new__(cls, relations: Iterable[Relation] = ()) -> "Relations":
        """Make them of relations. RAISES: RelextError for what is no Relation."""
        made = super().__new__(cls, listed(relations))
        for other in made:
            if not isinstance(other, Relation):
                raise RelextError(
                    f"Relations are made of Relation objects, and one is a {type(other).__name__}, {other!r:.60}. Make it one: "
                    "Relation(head, tail, label) of two Spans and a str, or Relation.from_dict(doc, data)."
                )
        return made

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    def _repr_html_(self) -> str:
        """A table, as notebooks show it."""
        # Imported where it is needed: whoever reads a pipeline's relations need not draw them.
        from spacy_relext.displacy.table import notebook_table

        return notebook_table(self)

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, tuple(other) if isinstance(other, list) else other)

    def __ne__(self, other: object) -> bool:
        return tuple.__ne__(self, tuple(other) if isinstance(other, list) else other)

    __hash__ = tuple.__hash__

    def __add__(self, other: Iterable[Relation]) -> "Relations":  # type: ignore[override]
        return Relations((*self, *listed(other)))

    def __radd__(self, other: Iterable[Relation]) -> "Relations":
        return Relations((*listed(other), *self))

    @overload
    def __getitem__(self, index: SupportsIndex) -> Relation: ...
    @overload
    def __getitem__(self, index: slice) -> "Relations": ...
    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Relations(found) if isinstance(index, slice) else found

    def __getattr__(self, name: str) -> NoReturn:
        cure = " They cannot be changed in place. Assign them anew: doc._.relations += [relation]." if hasattr(list, name) else ""
        raise AttributeError(f"Relations, a tuple, have no attribute {name!r}.{cure}")

    def to_dicts(self, flat: bool = False) -> list[dict[str, Any]]:
        """The relations as JSON-serialisable data.

        flat: Not as `Relation.to_dict` gives them, but without dictionaries in dictionaries, and all with the same keys: `head`,
            `head_type`, `head_start`, `head_end`, `head_kb_id`, `head_long_form`, the same of `tail`, `label`, `score`, `raw_score`,
            `sources`, `status`, `attributes`. Sources and attributes are joined with |; what is not known is an empty string.
        """
        return [_flat(relation) if flat else relation.to_dict() for relation in self]

    def to_pandas(self) -> Any:
        """A DataFrame with one row per relation, whose columns are the keys of `to_dicts(flat=True)`. Needs pandas (extra `analysis`)."""
        head, tail = ([f"{end}{name}" for name in FLAT] for end in ("head", "tail"))
        columns = [*head, "label", *tail, "score", "raw_score", "sources", "status", "attributes"]
        return extra("pandas").DataFrame(self.to_dicts(flat=True), columns=columns)


def span_at(doc: Doc, start: int, end: int, label: str, kb_id: str = "") -> Span:
    """The span at some characters of the text, widened to whole tokens where it begins or ends inside one."""
    # spaCy fails to take a number beyond any text.
    span = doc.char_span(start, end, label=label, kb_id=kb_id, alignment_mode="expand") if end < 2**31 else None
    if span is None:
        raise RelextError(
            f"The characters {start}-{end} are not in the Doc {doc.text[:60]!r}…, whose text has "
            f"{counted_name(len(doc.text), 'characters')}."
        )
    return span


def listed(relations: Iterable[Any]) -> list[Any]:
    """Relations, or dictionaries, that may be given as any iterable. RAISES: RelextError for what is none."""
    if isinstance(relations, (Relation, Mapping, str)) or not isinstance(relations, Iterable):
        saw = f"{type(relations).__name__}, {relations!r:.60}"
        raise RelextError(f"expected relations, as in [Relation(head, tail, label)], and saw {saw}.")
    return list(relations)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _mention_dict(span: Span, long_form: str) -> dict[str, Any]:
    known = {"kb_id": kb_id_of(span), "long_form": long_form}
    return {"start": span.start_char, "end": span.end_char, "type": span.label_, "text": span.text} | {k: v for k, v in known.items() if v}


def _flat(relation: Relation) -> dict[str, Any]:
    data = relation.to_dict()
    head, tail = ({f"{end}{name}": data[end].get(key, "") for name, key in FLAT.items()} for end in ("head", "tail"))
    said = {"sources": "|".join(relation.sources), "status": relation.status, "attributes": "|".join(relation.attributes)}
    return {**head, "label": relation.label, **tail, "score": relation.score, "raw_score": relation.raw_score, **said}
