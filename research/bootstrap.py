"""A paired bootstrap by document: whether the difference of two F is larger than what the choice of test documents makes of it.

Both are scored on the same resampled documents (within each fold, where there are folds), and so is every seed: the difference is that of
the mean F over the seeds. What the interval covers is the choice of documents; the spread over seeds is reported beside it.
"""

from typing import NamedTuple

import numpy

from spacy_relext.report.bootstrap import interval, p_of_no_difference
from spacy_relext.types import Floats2d


class Comparison(NamedTuple):
    """Difference of F between a variant and the baseline, its 95 % interval, and the p of no difference (two-sided)."""

    difference: float
    low: float
    high: float
    p: float


def compare(variant: numpy.ndarray, baseline: numpy.ndarray, folds: numpy.ndarray, weights: Floats2d) -> Comparison:
    """Compare two experiments.

    variant, baseline: int [n_seeds, n_documents, 3]: right, wrong and missed relations per document.
    folds: int [n_documents]. weights: [n_draws, n_documents], as `spacy_relext.report.bootstrap.draw_weights` draws them.
    """
    whole = numpy.ones((1, len(folds)))
    difference = (mean_f(variant, folds, whole) - mean_f(baseline, folds, whole))[0]
    differences = mean_f(variant, folds, weights) - mean_f(baseline, folds, weights)
    low, high = interval(differences)
    return Comparison(float(difference), float(low), float(high), p_of_no_difference(differences))


def mean_f(counts: numpy.ndarray, folds: numpy.ndarray, weights: Floats2d) -> numpy.ndarray:
    """Mean over seeds and folds of micro F, for documents that are counted as often as `weights` says. RETURNS: [n_draws]."""
    scores = []
    for fold in numpy.unique(folds):
        members = folds == fold
        tp, fp, fn = numpy.moveaxis(weights[:, members] @ counts[:, members].astype(float), -1, 0)  # [n_seeds, n_draws] each
        annotated_and_found = 2 * tp + fp + fn
        # Nothing annotated and nothing found: 0, as the scorer has it.
        scores.append(2 * tp / numpy.where(annotated_and_found, annotated_and_found, 1))
    return numpy.mean(scores, axis=(0, 1))
