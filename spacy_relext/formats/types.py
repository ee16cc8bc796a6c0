"""What an annotated document is made of."""

from dataclasses import dataclass


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
    """A relation between the mentions with the ids `head` and `tail`, or between the concepts with these identifiers."""

    head: str
    tail: str
    label: str
    score: float = 1.0
