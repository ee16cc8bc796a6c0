"""The options of `render`: what they may be."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from spacy.tokens import Doc

from spacy_relext.displacy.links import checked_template
from spacy_relext.errors import RelextError

# A picture is laid out for one width or several; a page shows the one that fits.
WIDE, NARROW = 900, 344
# What a width may be: from that of a word on.
WIDTHS = range(120, 10_001)


@dataclass(frozen=True)
class Options:
    """How relations are drawn.

    colors (Dict[str, str]): Colours of labels and of types of mentions, as CSS writes them. They go before those that installed packages
        give, as for displaCy, and before ours.
    labels (Sequence[str]): Only relations with these labels. How many others there are is said.
    width (int | Sequence[int]): The width in pixels for which a picture is laid out, or up to three, of which the one is shown that fits.
    min_score (float): Only relations with this score at least, and those without one. How many others there are is said.
    max_lanes (int): The most arcs above each other; the weakest beyond are counted and stand in the table.
    kb_url_template (str): The address of a concept, with {} in the place of its identifier.
    compact (bool): Sentences without a relation are folded to a line. If left out, they are in texts of more than 60 lines.
    lang (str), direction (str): In the place of those of the Doc. A direction is "ltr" or "rtl".
    spans_key (str): Mentions are `doc.spans[spans_key]`. If left out: `doc.spans["mentions"]`, where every mention is, or `doc.ents`.
    symmetric_labels (Sequence[str]): Labels without a direction; those of the extractors that ran over the Doc, if left out.
    compare (Doc | Sequence[Doc]): Annotated Docs of the same texts: relations are right, missed or wrong.
    attention (Sequence): What `RelationExtractor.attention` gives for the Docs: what was read for each relation. Or explanations, as
        `RelationExtractor.explain` gives them: what speaks for each relation, and against it.
    RAISES: RelextError for a value that is none of this.
    """

    colors: Mapping[str, str] = field(default_factory=dict)
    labels: Sequence[str] | None = None
    width: int | Sequence[int] = WIDE
    min_score: float = 0.0
    max_lanes: int = 14
    kb_url_template: str | None = None
    compact: bool = False
    lang: str | None = None
    direction: str | None = None
    spans_key: str | None = None
    symmetric_labels: Sequence[str] | None = None
    compare: Any = None
    attention: Any = None

    def __post_init__(self) -> None:
        for name, (is_right, expected) in _RULES.items():
            value = getattr(self, name)
            if not is_right(value) and not (value is None and name in _NONE):
                raise RelextError(f"the option {name} is {value!r:.60}; expected {expected}.")
        if self.kb_url_template is not None:
            checked_template(self.kb_url_template)

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths for which it is laid out, the widest first."""
        return (self.width,) if isinstance(self.width, int) else tuple(sorted(set(self.width), reverse=True))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Options":
        """Options from a dictionary. RAISES: RelextError for a name that is none, with those that there are, and for a wrong value."""
        if not isinstance(given, Mapping):
            raise RelextError(f'the options are {given!r:.60}; expected a dict, as in {{"min_score": 0.5}}.')
        names = [f.name for f in fields(cls)]
        unknown = sorted(str(name) for name in given if name not in names)
        if unknown:
            raise RelextError(f"there are no options {', '.join(unknown)} of the picture of relations. There are: {', '.join(names)}.")
        return cls(**given)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, (str, Mapping)) and all(isinstance(name, str) for name in value)


def _are_widths(value: Any) -> bool:
    widths = [value] if _is_whole(value) else value
    return isinstance(widths, (list, tuple)) and 1 <= len(widths) <= 3 and all(_is_whole(width) and width in WIDTHS for width in widths)


def _are_docs(value: Any) -> bool:
    return isinstance(value, Doc) or (isinstance(value, Sequence) and all(isinstance(doc, Doc) for doc in value))


def _is_colors(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


# By option, what it may be, and how that is called.
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "colors": (_is_colors, 'colours by label or type, as {"EFFECT": "#0b62a8"}'),
    "labels": (_are_texts, 'labels, as ["EFFECT", "ADVISE"]'),
    "width": (_are_widths, f"one whole number of pixels or up to three, from {WIDTHS.start} to {WIDTHS.stop - 1:,}"),
    "min_score": (lambda value: _is_number(value) and 0 <= value <= 1, "a number between 0 and 1"),
    "max_lanes": (lambda value: _is_whole(value) and value >= 1, "a whole number from 1 on"),
    "kb_url_template": (lambda value: isinstance(value, str), "a str, with {} in the place of a concept's identifier"),
    "compact": (lambda value: isinstance(value, bool), "True or False"),
    "lang": (lambda value: isinstance(value, str), 'a str, as "en"'),
    "direction": (lambda value: value in ("ltr", "rtl"), '"ltr" or "rtl"'),
    "spans_key": (lambda value: isinstance(value, str), "the name of a group of doc.spans"),
    "symmetric_labels": (_are_texts, 'labels, as ["INTERACTS"]'),
    "compare": (_are_docs, "the annotated Doc, or a list of those of the Docs that are drawn"),
    "attention": (lambda value: isinstance(value, Iterable), "what RelationExtractor.attention gives for the Docs that are drawn"),
}
_NONE = frozenset(name for name in _RULES if name not in ("colors", "width", "min_score", "max_lanes", "compact"))
