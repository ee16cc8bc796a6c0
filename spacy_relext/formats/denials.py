"""How annotators say that a relation does not hold, or may not hold: by its label, or by an attribute or infon of it."""

from collections import Counter
from dataclasses import replace

from spacy_relext.formats.concepts import deny, mention_relations
from spacy_relext.formats.types import AnnotatedRelation, Document

# The attribute of a relation that an annotation puts as possible only.
SPECULATED = "speculated"
# What `said` gives for an attribute that denies. It is the name of none: `values.checked_attributes` refuses it.
NEGATED = "negated"
# What the label of a denied relation begins with where it is read as a relation. NO_LABEL follows where it denies by itself (No-rel).
NOT, NO_LABEL = "NOT_", "RELATED"

# Compared without case, hyphens, underscores and spaces.
# NA is that of NYT10 and OpenNRE.
DENYING_LABELS = {"norel", "norelation", "none", "na", "n/a"}
NAMES = {
    **dict.fromkeys(("negation", "negated", "isnegated", "negative", "denied", "rejected"), NEGATED),
    **dict.fromkeys(("speculation", "speculated", "isspeculated", "speculative", "hypothetical", "uncertain"), SPECULATED),
}
POLARITY_NAME = "polarity"
POLARITY = {"negative": NEGATED, "neg": NEGATED, "negated": NEGATED, "positive": "", "pos": "", "affirmed": ""}
YES, NO = {"", "true", "yes", "y", "1"}, {"false", "no", "n", "0", "none"}


def is_denial(label: str) -> bool:
    """Whether a label says that there is no relation, as No-rel does."""
    return _plain(label) in DENYING_LABELS


def is_about_denial(name: str) -> bool:
    """Whether an attribute of this name says whether a relation is denied, or put as possible only."""
    return _plain(name) in {*NAMES, POLARITY_NAME}


def said(name: str, value: object = "") -> str | None:
    """What an attribute or infon says: NEGATED, SPECULATED, an empty string where it says that neither is so, None for another attribute.

    Known are those of brat and the BioNLP shared tasks (Negation, Speculation), with values for yes and no, and polarity=negative.
    """
    plain, kind = _plain(str(value)), NAMES.get(_plain(name))
    if _plain(name) == POLARITY_NAME:
        return POLARITY.get(plain)
    if kind is None:
        return None
    return kind if plain in YES or NAMES.get(plain) == kind else "" if plain in NO else None


def without_denials(document: Document) -> Document:
    """The document whose relations with labels that deny are among its denied ones, in whatever format it came.

    Denied relations between concepts become those between mentions that follow from them, by its sentences.
    """
    denied = [r for r in document.relations or () if is_denial(r.label)]
    concepts = [*document.denied_concepts, *(r for r in document.concept_relations or () if is_denial(r.label))]
    if not denied and not concepts:
        return document

    def others(relations: list[AnnotatedRelation] | None) -> list[AnnotatedRelation] | None:
        return relations and [r for r in relations if not is_denial(r.label)]

    labels = document.annotated_labels
    made = replace(
        document,
        relations=others(document.relations),
        concept_relations=others(document.concept_relations),
        denied=[*document.denied, *denied],
        denied_concepts=[],
        annotated_labels=labels and (frozenset(label for label in labels if not is_denial(label)) or None),
        unsupported=Counter(document.unsupported),
    )
    deny(made, concepts)
    return made


def with_negated(document: Document) -> Document:
    """The document with its denied relations as relations whose labels say so: NOT_RAISES; NOT_RELATED for No-rel."""
    document = without_denials(document)
    if not document.denied:
        return document
    denied = without_asserted(document, document.unsupported)
    relations = [replace(r, label=NOT + (NO_LABEL if is_denial(r.label) else r.label)) for r in denied]
    labels, affirmed = document.annotated_labels, document.relations
    if affirmed is None and document.concept_relations is not None:
        affirmed = mention_relations(document.mentions, document.concept_relations, document.sentences, document.unsupported)
    return replace(
        document,
        relations=[*(affirmed or ()), *relations],
        denied=[],
        annotated_labels=labels and labels.union(r.label for r in relations),
    )


def without_asserted(document: Document, counts: Counter[str]) -> list[AnnotatedRelation]:
    """The denied relations but for those that the document asserts as well, which are counted; No-rel denies any label of its pair."""
    asserted = {(r.head, r.tail, label) for r in document.relations or () for label in (r.label, NO_LABEL)}
    denied = [r for r in document.denied if (r.head, r.tail, NO_LABEL if is_denial(r.label) else r.label) not in asserted]
    counts["relations denied and asserted (kept as asserted)"] += len(document.denied) - len(denied)
    return denied


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c not in "-_ ")
