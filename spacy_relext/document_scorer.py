"""Precision, recall and F of relations between concepts, which are annotated for a document as a whole, as in BC5CDR.

A relation that is found between two mentions says that every concept of its head is so related to every concept of its tail, in this
document; found between several pairs of mentions, it is one relation with the highest of their scores. So two concepts are related where
any pair of their mentions reaches the threshold. A mention without a concept says nothing of concepts.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import compress
from typing import Any

from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.concepts import ConceptRelation, Key, identifiers, keys
from spacy_relext.formats.docs import concept_relations
from spacy_relext.formats.types import AnnotatedRelation
from spacy_relext.pipeline.preparing import Prepared
from spacy_relext.relations import annotated_labels, between_concepts, covers
from spacy_relext.scorer import prf


def score_concept_relations(
    examples: Iterable[Example],
    *,
    labels: Collection[str] | None = None,
    other_labels: Collection[str] = (),
    symmetric_labels: Collection[str] = (),
    source: str | None = None,
) -> dict[str, Any]:
    """Compare relations between concepts: those annotated with those that follow from the predicted relations between mentions.

    Documents are compared one by one, as sets of (head, tail, label). Those without annotated relations between concepts are left out.
    The concepts of a predicted mention are those of the predicted Doc.

    labels: Those of the component: other relations are left out, and documents that are annotated for other labels. None: all.
    other_labels: Those of other components.
    symmetric_labels: Labels for which (head, tail) and (tail, head) are the same relation.
    source: The name of the component whose relations are scored. None: all predicted relations, whoever found them.
    RETURNS: `doc_rel_micro_p`, `doc_rel_micro_r`, `doc_rel_micro_f` over all labels, `doc_rel_per_type` (p, r, f, support per label), and
        `doc_rel_unlinked`: how many predicted relations are with a mention that has no concept; with `labels` also
        `doc_rel_unknown_labels`: how many annotated ones have a label that no component has. Empty where nothing is annotated.
    """
    counts: dict[str, Counter[str]] = {"right": Counter(), "predicted": Counter(), "annotated": Counter()}
    unlinked, unknown, seen = 0, 0, False
    for example in examples:
        if labels is not None:
            unknown += sum(r.label not in labels and r.label not in other_labels for r in concept_relations(example.reference) or ())
        gold = annotated_keys(example.reference, symmetric_labels, labels)
        if gold is None:
            continue
        seen = True
        found, left = between_concepts(example.predicted, source, labels)
        guess = {_key(relation, symmetric_labels) for relation in found}
        unlinked += len(left)
        for name, found_keys in (("right", gold & guess), ("predicted", guess), ("annotated", gold)):
            counts[name].update(label for _, _, label in found_keys)
    if not seen:
        return {}
    right, predicted, annotated = counts.values()
    micro = prf(right.total(), predicted.total(), annotated.total())
    return {
        **{f"doc_rel_micro_{name}": value for name, value in micro.items()},
        "doc_rel_per_type": {
            label: {**prf(right[label], predicted[label], annotated[label]), "support": annotated[label]}
            for label in sorted(annotated | predicted)
        },
        "doc_rel_unlinked": unlinked,
        **({} if labels is None else {"doc_rel_unknown_labels": unknown}),
    }


def annotated_keys(reference: Doc, symmetric_labels: Collection[str] = (), labels: Collection[str] | None = None) -> set[Key[str]] | None:
    """The annotated relations between concepts, those of a symmetric label in one direction; None where they were not annotated.

    labels: Relations with others are left out; None where the document is annotated for others.
    """
    relations = concept_relations(reference)
    if relations is None or (labels is not None and not covers(annotated_labels(reference), labels)):
        return None
    return {_key(r, symmetric_labels) for r in relations if labels is None or r.label in labels}


def candidate_keys(
    prepared: Prepared, mentions: Sequence[Span], labels: Sequence[str], symmetric_labels: Collection[str], *, exclusive: bool
) -> set[Key[str]]:
    """All relations between concepts that candidate pairs can express.

    prepared: The pairs, and the labels that each may have. mentions: Those of the pairs, with their concepts.
    """
    concepts = [identifiers(span.kb_id_) for span in mentions]
    return {
        key
        for (i, j), allowed in zip(prepared.candidates.pairs.tolist(), prepared.allowed[:, int(exclusive) :].tolist(), strict=True)
        for label in compress(labels, allowed)
        for key in keys(concepts[i], concepts[j], label, symmetric_labels)
    }


def _key(relation: AnnotatedRelation | ConceptRelation, symmetric_labels: Collection[str]) -> Key[str]:
    return keys([relation.head], [relation.tail], relation.label, symmetric_labels)[0]
