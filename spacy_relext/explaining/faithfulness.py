"""Whether explanations are faithful: what becomes of the score when the words go that are said to matter, or all others.

Comprehensiveness and sufficiency are those of ERASER (DeYoung et al., 2020), AOPC as there and in ferret: the mean over the 1, 5, 10, 20
and 50 % of the words with the largest weights, one word at least. Texts without words are none that a model was trained on, and that can be
used to inflate both (Hsia et al., 2024), so each is taken beside random orders of the same words, and with words deleted and words masked.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy

from spacy_relext.explaining.asking import Question
from spacy_relext.explaining.explanations import Explanation
from spacy_relext.explaining.removing import Place, Removal
from spacy_relext.report.bootstrap import N_DRAWS, Array, draw_sums, interval, p_of_no_difference
from spacy_relext.types import Floats1d, Floats3d

SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
REMOVALS: tuple[Removal, ...] = ("delete", "mask")
RANDOM = "random"
# What a method must reach to be called better than chance, with either removal.
LEVEL = 0.05


def place_weights(question: Question, places: Sequence[Place], explanation: Explanation) -> Floats1d:
    """The weight of each place in an explanation: that of the words in it; the words of a phrase share its weight."""
    doc, shift = question.part.doc, question.part.shift
    found = numpy.zeros(len(places))
    bounds = [(doc[p.first].idx + shift, doc[p.end - 1].idx + len(doc[p.end - 1]) + shift) for p in places]
    for word in explanation.words:
        inside = [i for i, (start, end) in enumerate(bounds) if start < word.end and word.start < end]
        for i in inside:
            found[i] += word.weight / len(inside)
    return found


def aopc(question: Question, places: Sequence[Place], orders: Sequence[Sequence[int]]) -> Floats3d:
    """Comprehensiveness and sufficiency of some orders of places, those that matter most first.

    RETURNS: float [n_orders, 2 (deleted, masked), 2 (comprehensiveness, sufficiency)].
    """
    found = numpy.zeros((len(orders), len(REMOVALS), 2))
    sizes = [max(1, ceil(share * len(places))) for share in SHARES]
    everything = frozenset(range(len(places)))
    for column, removal in enumerate(REMOVALS):
        sets = [[(frozenset(order[:k]), everything - frozenset(order[:k])) for k in sizes] for order in orders]
        # Many orders begin alike: a text is run once. Sorted, so that batches are the same in every run.
        asked = sorted({tuple(sorted(gone)) for of_order in sets for pair in of_order for gone in pair})
        scores = dict(zip(asked, question.scores([[places[i] for i in gone] for gone in asked], removal), strict=True))
        for row, of_order in enumerate(sets):
            fallen = [[question.base - scores[tuple(sorted(gone))] for gone in pair] for pair in of_order]
            found[row, column] = numpy.mean(fallen, axis=0)
    return found


def figures(values: Array, documents: Sequence[int], names: Sequence[str], *, seed: int) -> dict[str, Any]:
    """Means with intervals by document, and each method beside random orders.

    One document has no interval. p is never less than a sign test of so many documents could have: 1 of one document, 0.03 of six.
    values: float [n_pairs, n_names, 2, 2], the last of the names is that of random orders. documents: `[n_pairs]`, the document of each.
    """
    numbers = numpy.unique(documents, return_inverse=True)[1]
    n_documents = int(numbers.max()) + 1
    sums = numpy.zeros((n_documents, *values.shape[1:]))
    numpy.add.at(sums, numbers, values)
    counts = numpy.bincount(numbers, minlength=n_documents).astype("float64")
    joined = numpy.concatenate([sums.reshape(n_documents, -1), counts[:, None]], axis=1)
    drawn = draw_sums(joined, seed=seed).astype("float64")
    means = (drawn[:, :-1] / drawn[:, -1:]).reshape(len(drawn), *values.shape[1:])
    mean = values.mean(axis=0)
    return {
        name: {
            removal: _of_one(mean[i, r], means[:, i, r], mean[-1, r], means[:, -1, r], name, n_documents)
            for r, removal in enumerate(REMOVALS)
        }
        for i, name in enumerate(names)
    }


def _of_one(mean: Array, draws: Array, of_random: Array, random_draws: Array, name: str, n_documents: int) -> dict[str, Any]:
    """Figures of one method and removal. mean: [2], comprehensiveness and sufficiency. draws: [n_draws, 2]."""
    found: dict[str, Any] = {}
    # What so many draws, and so many documents, can say.
    least_p = max(2 / N_DRAWS, 2.0 ** (1 - n_documents))
    for column, (figure, sign) in enumerate((("comprehensiveness", 1), ("sufficiency", -1))):
        found[figure] = {"mean": float(mean[column]), **_bounds(draws[:, column], n_documents)}
        if name != RANDOM:
            difference = sign * (draws[:, column] - random_draws[:, column])
            found[figure]["p"] = max(p_of_no_difference(difference), least_p)
            found[figure]["least_p"] = least_p
            found[figure]["better"] = bool(sign * (mean[column] - of_random[column]) > 0)
    if name != RANDOM:
        found["times_random"] = None
        if of_random[0] > 0:
            # Of few documents, random orders may change nothing in some draws.
            times = draws[:, 0] / random_draws[:, 0] if (random_draws[:, 0] > 0).all() else None
            found["times_random"] = {"mean": float(mean[0] / of_random[0]), **_bounds(times, n_documents)}
    return found


def _bounds(drawn: Array | None, n_documents: int) -> dict[str, float | None]:
    """The ends of an interval; None where there is none, as of one document, which is the same in every draw."""
    if drawn is None or n_documents < 2:
        return {"low": None, "high": None}
    low, high = interval(drawn)
    return {"low": float(low), "high": float(high)}


def beats_chance(of_method: Mapping[str, Any]) -> bool:
    """Whether the comprehensiveness of a method is greater than that of random orders, with words deleted and with words masked."""
    return all(of_method[r]["comprehensiveness"]["better"] and of_method[r]["comprehensiveness"]["p"] < LEVEL for r in REMOVALS)


def in_words(of_method: Mapping[str, Any]) -> str:
    """What was measured of a method, in one sentence: 1.3 times random (words deleted), 1.2 times (masked)."""
    times = [of_method[removal]["times_random"] for removal in REMOVALS]
    if any(t is None for t in times):
        said = "random orders of words change nothing, so there is nothing to compare with"
    else:
        said = f"{times[0]['mean']:.1f} times random with words deleted, {times[1]['mean']:.1f} times with words masked"
    if beats_chance(of_method):
        return said
    # In figures of older versions there is none.
    if any(of_method[removal]["comprehensiveness"].get("least_p", 0.0) >= LEVEL for removal in REMOVALS):
        return f"of too few documents to be told from chance: {said}"
    return f"no better than chance here: {said}"
