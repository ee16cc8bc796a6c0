"""Two pipelines on the same documents."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy

from spacy_relext.assertion import GROUPS as GROUPS_OF_PAIRS
from spacy_relext.errors import RelextError
from spacy_relext.report.analysis import GROUPS, Analysis, Compared, Comparison, Difference, Error, Errors, Estimate, Results
from spacy_relext.report.bootstrap import Array, draw_sums, interval, p_of_no_difference
from spacy_relext.scorer import prf


def compare(one: Analysis, other: Analysis, *, seed: int = 0) -> Comparison:
    """What `one` does better or worse than `other`: differences of F by a paired bootstrap, and the errors that only one of them makes.

    seed: Of the documents that are drawn.
    RAISES: RelextError where the documents, or what is annotated in them, differ.
    """
    for number, (a, b) in enumerate(zip_longest(one.documents, other.documents), start=1):
        if a is None or b is None or a.digest != b.digest:
            saw = f"{len(one.documents):,} and {len(other.documents):,} documents" if a is None or b is None else f"{a.id} and {b.id}"
            raise RelextError(
                f"{one.model} and {other.model} were scored on different data: {saw}, the first that differs is number {number}. "
                "Two pipelines are compared on the same documents, in the same order and with the same annotation; documents that are "
                "annotated for other labels than those of a pipeline are not scored."
            )
    _require_same_annotation(one, other)
    both_found = None
    if one.predicted_mentions is not None and other.predicted_mentions is not None:
        both_found = _compared(one.predicted_mentions, other.predicted_mentions, seed)
    return Comparison(one.model, other.model, _compared(one.gold_mentions, other.gold_mentions, seed), both_found)


def _require_same_annotation(one: Analysis, other: Analysis) -> None:
    """What is annotated counts for nothing where a pipeline does not know its label: F of other relations is no F to compare with."""
    counted = [{line.name: line.annotated for line in of.gold_mentions.lines["label"] if line.annotated} for of in (one, other)]
    if counted[0] != counted[1]:
        differ = sorted(name for name in counted[0].keys() | counted[1].keys() if counted[0].get(name) != counted[1].get(name))
        raise RelextError(
            f"{one.model} and {other.model} are scored on other relations: they do not have the same labels of those that are annotated. "
            f"Only one of them knows {', '.join(differ)}. Compare pipelines that were trained for the same labels."
        )


def _compared(one: Results, other: Results, seed: int) -> Compared:
    labels = sorted({line.name for results in (one, other) for line in results.lines["label"]})
    counts = numpy.stack([_counts(results, labels) for results in (one, other)], axis=1)  # [n_documents, 2, 1 + n_labels, 3]
    f = _f(draw_sums(counts, seed=seed))  # [n_draws, 2, 1 + n_labels]
    sums = counts.sum(axis=0)
    rows = [_difference(name, sums[:, i], f[:, 0, i] - f[:, 1, i]) for i, name in enumerate(["micro", *labels])]
    new, mended = _only(one.errors, other.errors), _only(other.errors, one.errors)
    said = _of_assertions(one, other, seed)
    return Compared(rows[0], tuple(rows[1:]), **said, mended=mended, new=new, kept=one.errors.n - new.n, other_curve=other.curve)


def _of_assertions(one: Results, other: Results, seed: int) -> dict[str, Any]:
    """`Compared.groups` and `Compared.denied`."""
    counts = numpy.stack([one.group_counts, other.group_counts], axis=1)  # [n_documents, 2, n_groups, 3]
    sums = counts.sum(axis=0)
    groups: list[Difference] = []
    if sums[:, GROUPS_OF_PAIRS.index("speculated")].any():
        f = _f(draw_sums(counts, seed=seed))
        some = [i for i, name in enumerate(GROUPS_OF_PAIRS) if name != "denied" and sums[:, i].any()]
        groups = [_difference(GROUPS_OF_PAIRS[i], sums[:, i], f[:, 0, i] - f[:, 1, i]) for i in some]
    denied = None
    if one.denied is not None and other.denied is not None:
        drawn = draw_sums(numpy.stack([one.denied_counts, other.denied_counts], axis=1), seed=seed)  # [n_draws, 2, 2]
        share = drawn[..., 0] / drawn[..., 1].clip(min=1)
        differences = share[:, 0] - share[:, 1]
        low, high = interval(differences)
        own, its = one.denied.share.value, other.denied.share.value
        denied = Difference("denied", own, its, Estimate(own - its, float(low), float(high)), p_of_no_difference(differences))
    return {"groups": tuple(groups), "denied": denied}


def _only(errors: Errors, others: Errors) -> Errors:
    """Errors of which neither what was missed nor what is wrong is in one of the others."""
    made = {claim for group in others.groups.values() for error in group for claim in _claims(error)}
    return Errors({group: tuple(e for e in errors.groups[group] if made.isdisjoint(_claims(e))) for group in GROUPS})


def _claims(error: Error) -> Iterator[tuple[Any, ...]]:
    for claim, missed in ((error.annotated, True), (error.predicted, False)):
        if claim is not None:
            yield missed, error.document, claim.label, claim.head.start, claim.head.end, claim.tail.start, claim.tail.end


def _counts(results: Results, labels: Sequence[str]) -> Array:
    """Right, predicted and annotated over all labels and of each: `[n_documents, 1 + n_labels, 3]`."""
    found = numpy.zeros((len(results.counts), 1 + len(labels), 3), dtype="int64")
    found[:, 0] = results.counts.sum(axis=1)
    for i, line in enumerate(results.lines["label"]):
        found[:, 1 + labels.index(line.name)] = results.counts[:, i]
    return found


def _f(counts: Array) -> Array:
    right, predicted, annotated = numpy.moveaxis(counts, -1, 0)
    f: Array = 2 * right / numpy.maximum(predicted + annotated, 1)
    return f


def _difference(name: str, counts: Array, drawn: Array) -> Difference:
    one, other = (prf(*map(int, of))["f"] for of in counts)
    low, high = interval(drawn)
    return Difference(name, one, other, Estimate(one - other, float(low), float(high)), p_of_no_difference(drawn))
