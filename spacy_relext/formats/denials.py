"""How annotators say that a relation does not hold, or may not hold: by its label, or by an attribute or infon of it."""

from collections import Counter
from dataclasses import replace

from spacy_relext.formats.types import AnnotatedRelation, Document

# The attribute of a relation that an annotation puts as possible only.
SPECULATED = "speculated"
# What `said` gives for an attribute that denies. It is the name of none: `values.checked_attributes` refuses it.
NEGATED = "negated"
# What the label of a denied relation begins with where it is read as a relation. NO_LABEL follows where it denies by itself (No-rel).
NOT, NO_LABEL = "NOT_", "RELATED"

# Compared without case, hyphens, underscores and spaces.
DENYING_LABELS = {"norel", "norelation", "none"}
NAMES = {
    **dict.fromkeys(("negation", "negated", "isnegated", "negative", "denied", "rejected"), NEGATED),
    **dict.fromkeys(("speculation", "speculated", "isspeculated", "speculative", "hypothetical", "uncertain"), SPECULATED),
}
POLARITY = {"negative": NEGATED, "neg": NEGATED, "negated": NEGATED, "positive": "", "pos": "", "affirmed": ""}
YES, NO = {"", "true", "yes", "y", "1"}, {"false", "no", "n", "0", "none"}


def is_denial(label: str) -> bool:
    """Whether a label says that there is no relation, as No-rel does."""
    return _plain(label) in DENYING_LABELS


def said(name: str, value: object = "") -> str | None:
    """What an attribute or infon says: NEGATED, SPECULATED, an empty string where it says that neither is so, None for another attribute.

    Known are those of brat and the BioNLP shared tasks (Negation, Speculation), with values for yes and no, and polarity=negative.
    """
    plain, kind = _plain(str(value)), NAMES.get(_plain(name))
    if _plain(name) == "polarity":
        return POLARITY.get(plain)
    if kind is None:
        return None
    return kind if plain in YES or NAMES.get(plain) == kind else "" if plain in NO else None


def with_negated(document: Document) -> Document:
    """The document with its denied relations as relations whose labels say so: NOT_RAISES; NOT_RELATED for No-rel."""
    if not document.denied:
        return document
    relations = [replace(r, label=NOT + (NO_LABEL if is_denial(r.label) else r.label)) for r in document.denied]
    labels = document.annotated_labels
    return replace(
        document,
        relations=[*(document.relations or ()), *relations],
        denied=[],
        annotated_labels=labels and labels.union(r.label for r in relations),
    )


def without_asserted(document: Document, counts: Counter[str]) -> list[AnnotatedRelation]:
    """The denied relations but for those that the document asserts as well, which are counted."""
    asserted = {(r.head, r.tail, r.label) for r in document.relations or ()}
    denied = [r for r in document.denied if (r.head, r.tail, r.label) not in asserted]
    counts["relations denied and asserted (kept as asserted)"] += len(document.denied) - len(denied)
    return denied


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c not in "-_ ")
