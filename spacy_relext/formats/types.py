"""What an annotated document is made of."""

from dataclasses import dataclass
from typing import Any

from spacy_relext.values import ASSERTED, CALLER, Sources, details


@dataclass(frozen=True)
class Mention:
    """A mention: its id in the document, first character and (exclusive) end, and type.

    kb_id: The identifier of its concept, e.g. "D003000"; several are joined with "|". Empty where it has none.
    long_form: What it abbreviates. Empty where it is no abbreviation, or one that nobody resolved.
    """

    id: str
    start: int
    end: int
    type: str
    kb_id: str = ""
    long_form: str = ""


@dataclass(frozen=True)
class AnnotatedRelation:
    """A relation between the mentions with the ids `head` and `tail`, or between the concepts with these identifiers.

    sources: The components that found it, by name, with their scores. Empty: an annotation, or a file that does not say.
    status, attributes: What the pipeline, and an annotation, say of it.
    """

    head: str
    tail: str
    label: str
    score: float = 1.0
    sources: Sources = ()
    status: str = ASSERTED
    attributes: tuple[str, ...] = ()

    @property
    def source_names(self) -> tuple[str, ...]:
        """The names of its sources; an empty one is an annotation."""
        return tuple(name for name, _ in self.sources) or (CALLER,)

    @property
    def details(self) -> dict[str, Any]:
        """What JSON says of it beyond its score: nothing of what it is taken for without."""
        return details(dict(self.sources) or {CALLER: self.score}, self.status, self.attributes)
