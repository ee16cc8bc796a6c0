"""The bootstrap by document: what the choice of test documents makes of a figure, and of the difference of two.

Documents are drawn with replacement, as many as there are. Counts of right, wrong and missed relations are summed over each draw, with the
same draws for all figures: those of two pipelines are paired (Efron & Tibshirani, An Introduction to the Bootstrap, 1993).
"""

from collections.abc import Iterator
from math import prod, sqrt
from typing import Any

import numpy

from spacy_relext.types import Floats1d, Floats2d, Ints1d

# Of any number of dimensions.
Array = numpy.ndarray[Any, numpy.dtype[Any]]

N_DRAWS = 10_000
# Documents that are drawn at a time.
BLOCK = 2_000_000
QUANTILES = (0.025, 0.975)
# Of the normal distribution, at the higher of them.
Z = 1.959964


def draw_weights(folds: Ints1d, *, n_draws: int = N_DRAWS, seed: int = 0) -> Iterator[Floats2d]:
    """How often each document is in each draw of as many documents, with replacement, as its fold has.

    folds: `[n_documents]`, any number of each fold. YIELDS: `[n, n_documents]`, blocks of the draws, which are always the same.
    """
    random = numpy.random.default_rng(seed)
    n_documents = len(folds)
    at_a_time = max(1, BLOCK // max(n_documents, 1))
    members = [numpy.flatnonzero(folds == fold) for fold in numpy.unique(folds)]
    for first in range(0, n_draws, at_a_time):
        n = min(at_a_time, n_draws - first)
        row = n_documents * numpy.arange(n)[:, None]
        drawn = [random.integers(len(m), size=(n, len(m))) for m in members]
        cells = numpy.concatenate([((d if len(members) == 1 else m[d]) + row).ravel() for m, d in zip(members, drawn, strict=True)])
        # Counts below 2^24 are whole numbers in float32 as well.
        yield numpy.bincount(cells, minlength=n * n_documents).reshape(n, n_documents).astype("float32")


def draw_sums(counts: Array, *, n_draws: int = N_DRAWS, seed: int = 0) -> Array:
    """Sums over drawn documents: `[n_draws, …]` of counts `[n_documents, …]`."""
    flat = counts.reshape(len(counts), prod(counts.shape[1:])).astype("float32")
    sums = [weights @ flat for weights in draw_weights(numpy.zeros(len(counts), dtype="int64"), n_draws=n_draws, seed=seed)]
    found: Array = numpy.concatenate(sums).reshape(n_draws, *counts.shape[1:])
    return found


def interval(drawn: Array) -> tuple[Array, Array]:
    """Where 95 % of the draws lie: of `[n_draws, …]`."""
    low, high = numpy.quantile(drawn, QUANTILES, axis=0)
    return low, high


def shares(counts: Array) -> Array:
    """Precision, recall and F of right, predicted and annotated, `[…, 3]` each; 0 where there is nothing to divide by."""
    right, predicted, annotated = numpy.moveaxis(counts, -1, 0)
    of = numpy.stack([predicted, annotated, (predicted + annotated) / 2], axis=-1)
    return numpy.divide(right[..., None], of, out=numpy.zeros(of.shape), where=of > 0)


def share_interval(counts: Array, *, n_draws: int = N_DRAWS, seed: int = 0) -> tuple[float, float]:
    """Where 95 % of the draws of a share lie, widened to the score interval of Wilson (1927).

    The bootstrap of none of 20 says that there will never be one. counts: `[n_documents, 2]`, how many of how many.
    """
    k, n = (int(value) for value in counts.sum(axis=0))
    if not n:
        return 0.0, 1.0
    drawn = draw_sums(counts, n_draws=n_draws, seed=seed)
    some = drawn[drawn[:, 1] > 0]
    low, high = interval(some[:, 0] / some[:, 1])
    middle, z2 = k / n, Z * Z
    around, half = (middle + z2 / (2 * n)) / (1 + z2 / n), Z * sqrt(middle * (1 - middle) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return min(float(low), max(0.0, around - half)), max(float(high), min(1.0, around + half))


def p_of_no_difference(differences: Floats1d) -> float:
    """Two-sided: twice the share of draws that are on the other side of zero, or on it."""
    return min(1.0, float(2 * min((differences <= 0).mean(), (differences >= 0).mean())))
