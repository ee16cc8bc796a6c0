"""The options of `render`: what they may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from spacy_relext.errors import RelextError

# A picture is laid out for one width or two; a page shows the one that fits.
WIDE, NARROW = 900, 344


@dataclass(frozen=True)
class Options:
    """How relations are drawn.

    colors (Dict[str, str]): Colours of labels and of types of mentions, as CSS writes them.
    labels (Sequence[str]): Only relations with these labels.
    width (int | Sequence[int]): The width in pixels for which a picture is laid out, or two, of which the one is shown that fits.
    min_score (float): Only relations with this score at least. Those without one are drawn.
    max_lanes (int): The most arcs above each other; the weakest beyond are counted and stand in the table.
    kb_url_template (str): The address of a concept, with {} in the place of its identifier.
    compact (bool): Sentences without a relation are folded to a line.
    lang (str), direction (str): In the place of those of the Doc.
    spans_key (str): Mentions are `doc.spans[spans_key]`, not `doc.ents`.
    symmetric_labels (Sequence[str]): Labels without a direction; those of the extractor that ran over the Doc, if left out.
    compare (Doc | Sequence[Doc]): Annotated Docs of the same texts: relations are right, missed or wrong.
    attention (Sequence): What `RelationExtractor.attention` gives for each Doc: what was read for each relation.
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

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths for which it is laid out, the widest first."""
        return (self.width,) if isinstance(self.width, int) else tuple(sorted(self.width, reverse=True))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Options":
        """Options from a dictionary. RAISES: RelextError for a name that is none, with those that there are."""
        names = [f.name for f in fields(cls)]
        unknown = sorted(set(given) - set(names))
        if unknown:
            raise RelextError(f"there are no options {', '.join(unknown)} of the picture of relations. There are: {', '.join(names)}.")
        return cls(**given)
