"""Precision, recall and F of relations."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy
from spacy.training import Example

from spacy_relext.assertion import GROUPS, Assertions
from spacy_relext.relations import Relation, annotated_labels, covers, get_relations, has_relations

# First character, end, and type of a mention; the type is empty where it does not count.
End = tuple[int, int, str]
# Label, head and tail.
Key = tuple[str, End, End]
COUNTS = ("right", "predicted", "annotated")
DENIALS = ("pairs", "related", "found")


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
    intervals: bool = False,
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
    score_prefix: What the names of the figures begin with. intervals: Also those of 95 % of what is denied and speculated, by document.
    RETURNS: `rel_micro_p`, `rel_micro_r`, `rel_micro_f` over all labels, `rel_macro_f` (mean of F over the labels that are annotated or
        predicted), `rel_per_type` (p, r, f and support per label). All None where nothing is annotated. With `labels` also
        `rel_unknown_labels`: how many annotated relations have a label that no component has, and are in none of these figures. Where the
        annotation denies relations, or puts some as possible only, also what `_of_assertions` gives.
    """
    right: Counter[str] = Counter()
    predicted: Counter[str] = Counter()
    annotated: Counter[str] = Counter()
    seen, unknown = False, 0
    told: list[Counter[tuple[str, str]]] = []
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
        told.append(_told(Assertions(example.reference, symmetric_labels), gold, guess))
        right.update(key[0] for key in gold & guess)
        predicted.update(key[0] for key in guess)
        annotated.update(key[0] for key in gold)
    names = {name: f"{score_prefix}_{name}" for name in ("micro_p", "micro_r", "micro_f", "macro_f", "per_type")}
    beside = {} if labels is None else {f"{score_prefix}_unknown_labels": unknown}
    beside |= {f"{score_prefix}_{name}": value for name, value in _of_assertions(told, intervals=intervals).items()}
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
    gold = {relation_key(relation, symmetric_labels, strict=strict) for relation in get_relations(example.reference)}
    predicted = (relation for relation in get_relations(example.predicted) if source is None or source in relation.sources)
    return gold, {relation_key(relation, symmetric_labels, strict=strict) for relation in predicted}


def relation_key(relation: Relation, symmetric_labels: Collection[str] = (), *, strict: bool = False) -> Key:
    """What is equal for a predicted and an annotated relation where the former is right: `relation_keys` of one relation."""
    ends = [(span.start_char, span.end_char, span.label_ if strict else "") for span in (relation.head, relation.tail)]
    head, tail = sorted(ends) if relation.label in symmetric_labels else ends
    return relation.label, head, tail


def _told(said: Assertions, gold: set[Key], guess: set[Key]) -> Counter[tuple[str, str]]:
    """Counts of one document, by name: relations by group, and denied pairs by label (`Assertions.denials`)."""
    counts = said.denials(guess - gold)
    for key in gold | guess:
        group = said.group_of(key, annotated=key in gold)
        for name, is_one in (("right", key in gold and key in guess), ("predicted", key in guess), ("annotated", key in gold)):
            counts[group, name] += is_one
    counts["", "speculated"] = len(said.speculated)
    return counts


def _of_assertions(documents: Sequence[Counter[tuple[str, str]]], *, intervals: bool) -> dict[str, Any]:
    """Nothing without denied pairs or speculated relations; with them, figures of each group.

    `per_group`: p, r, f, support and predicted of relations that are asserted, that are speculated, and of denied pairs. A wrong relation
    is in the group of its pair. Where some are denied, also `denied`: how many pairs; `denied_related`: for how many of them a relation
    was predicted that is not annotated; `denied_per_type`: by label, pairs of which it is denied, how many of these are related, and how
    many denied pairs got this very label. intervals: Also `denied_interval`, of the share that is related, and `intervals` of p, r and f.
    """
    total = sum(documents, Counter[tuple[str, str]]())
    n_denied = total["", "pairs"]
    if not n_denied and not total["", "speculated"]:
        return {}
    per_group: dict[str, dict[str, Any]] = {}
    for group in GROUPS:
        right, predicted, annotated = (total[group, name] for name in COUNTS)
        if predicted or annotated:
            per_group[group] = {**prf(right, predicted, annotated), "support": annotated, "predicted": predicted}
    figures: dict[str, Any] = {"per_group": per_group}
    if n_denied:
        labels = sorted({label for label, name in total if label and name in DENIALS})
        figures |= {"denied": n_denied, "denied_related": total["", "related"]}
        figures["denied_per_type"] = {label: {name: total[label, name] for name in DENIALS} for label in labels}
    if intervals:
        # Here, since it is part of the report, which is made of what is scored.
        from spacy_relext.report.bootstrap import draw_sums, interval, share_interval, shares

        for name, of_group in per_group.items():
            low, high = interval(shares(draw_sums(numpy.array([[counts[name, kind] for kind in COUNTS] for counts in documents]))))
            of_group["intervals"] = {key: [float(low[i]), float(high[i])] for i, key in enumerate("prf")}
        if n_denied:
            pairs = numpy.array([[counts["", name] for name in ("related", "pairs")] for counts in documents])
            figures["denied_interval"] = list(share_interval(pairs))
    return figures


def prf(right: int, predicted: int, annotated: int) -> dict[str, float]:
    """Precision, recall and F from counts; 0 where there is nothing to divide by."""
    precision = right / predicted if predicted else 0.0
    recall = right / annotated if annotated else 0.0
    f = 2 * right / (predicted + annotated) if predicted + annotated else 0.0
    return {"p": precision, "r": recall, "f": f}
