"""Precision, recall and F of relations."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example

from spacy_relext.relations import Relation, annotated_labels, covers, get_denied, get_relations, has_relations

# First character, end, and type of a mention; the type is empty where it does not count.
End = tuple[int, int, str]
# Label, head and tail.
Key = tuple[str, End, End]


def make_relation_scorer() -> Callable[..., dict[str, Any]]:
    """Registered scorer `spacy-relext.relation_scorer.v1`."""
    return score_relations


def score_relations(
    examples: Iterable[Example],
    *,
    labels: Collection[str] | None = None,
    other_labels: Collection[str] = (),
    symmetric_labels: Collection[str] = (),
    strict: bool = False,
    source: str | None = None,
    score_prefix: str = "rel",
    **kwargs: Any,
) -> dict[str, Any]:
    """Compare predicted with annotated relations.

    A relation is right when the character offsets of head and tail and the label are those of an annotated one. Every annotated
    relation that was not predicted is a miss, also one whose pair was no candidate. Docs without relation annotation are left out, and so
    are those that are annotated for other labels than `labels` (`relations.covers`).

    labels: Those of the component: relations with others are left out. None: all labels. other_labels: Those of other components.
    symmetric_labels: Labels for which (head, tail) and (tail, head) are the same relation.
    strict: The types of head and tail must be right too.
    source: The name of the component whose relations are scored. None: all predicted relations, whoever found them.
    score_prefix: What the names of the figures begin with.
    RETURNS: `rel_micro_p`, `rel_micro_r`, `rel_micro_f` over all labels, `rel_macro_f` (mean of F over the labels that are annotated or
        predicted), `rel_per_type` (p, r, f and support per label). All None where nothing is annotated. With `labels` also
        `rel_unknown_labels`: how many annotated relations have a label that no component has, and are in none of these figures. Where the
        annotation denies relations, also `rel_denied`: of how many pairs, and `rel_denied_related`: how many of these pairs were predicted
        to have a relation that is not annotated.
    """
    right: Counter[str] = Counter()
    predicted: Counter[str] = Counter()
    annotated: Counter[str] = Counter()
    seen, unknown, n_denied, n_related = False, 0, 0, 0
    for example in examples:
        if not has_relations(example.reference):
            continue
        gold, guess = relation_keys(example, symmetric_labels, strict=strict, source=source)
        if labels is not None:
            unknown += sum(key[0] not in labels and key[0] not in other_labels for key in gold)
            if not covers(annotated_labels(example.reference), labels):
                continue
            gold, guess = ({key for key in keys if key[0] in labels} for keys in (gold, guess))
        seen = True
        denied = _denied_pairs(example.reference)
        n_denied, n_related = n_denied + len(denied), n_related + len(denied & {_pair(key) for key in guess - gold})
        right.update(key[0] for key in gold & guess)
        predicted.update(key[0] for key in guess)
        annotated.update(key[0] for key in gold)
    names = {name: f"{score_prefix}_{name}" for name in ("micro_p", "micro_r", "micro_f", "macro_f", "per_type")}
    beside = {} if labels is None else {f"{score_prefix}_unknown_labels": unknown}
    if n_denied:
        beside |= {f"{score_prefix}_denied": n_denied, f"{score_prefix}_denied_related": n_related}
    if not seen:
        return dict.fromkeys(names.values()) | beside
    per_type = {
        label: {**prf(right[label], predicted[label], annotated[label]), "support": annotated[label]}
        for label in sorted(annotated | predicted)
    }
    micro = prf(right.total(), predicted.total(), annotated.total())
    return {
        names["micro_p"]: micro["p"],
        names["micro_r"]: micro["r"],
        names["micro_f"]: micro["f"],
        names["macro_f"]: sum(scores["f"] for scores in per_type.values()) / len(per_type) if per_type else 0.0,
        names["per_type"]: per_type,
        **beside,
    }


def relation_keys(
    example: Example, symmetric_labels: Collection[str] = (), *, strict: bool = False, source: str | None = None
) -> tuple[set[Key], set[Key]]:
    """The annotated and the predicted relations of an example, as keys that are equal where a relation is right.

    source: Which of the predicted ones: those that this component found. None: all.
    """
    gold = {_key(relation, symmetric_labels, strict) for relation in get_relations(example.reference)}
    predicted = (relation for relation in get_relations(example.predicted) if source is None or source in relation.sources)
    return gold, {_key(relation, symmetric_labels, strict) for relation in predicted}


def _key(relation: Relation, symmetric_labels: Collection[str], strict: bool) -> Key:
    ends = [(span.start_char, span.end_char, span.label_ if strict else "") for span in (relation.head, relation.tail)]
    head, tail = sorted(ends) if relation.label in symmetric_labels else ends
    return relation.label, head, tail


def _denied_pairs(reference: Doc) -> set[frozenset[tuple[int, int]]]:
    return {_pair(_key(relation, (), strict=False)) for relation in get_denied(reference)}


def _pair(key: Key) -> frozenset[tuple[int, int]]:
    """The places of the two mentions of a key, in no order."""
    return frozenset(end[:2] for end in key[1:])


def prf(right: int, predicted: int, annotated: int) -> dict[str, float]:
    """Precision, recall and F from counts; 0 where there is nothing to divide by."""
    precision = right / predicted if predicted else 0.0
    recall = right / annotated if annotated else 0.0
    f = 2 * right / (predicted + annotated) if predicted + annotated else 0.0
    return {"p": precision, "r": recall, "f": f}
