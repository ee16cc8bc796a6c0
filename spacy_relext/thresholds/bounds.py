"""Lower bounds of the precision of what is written, and the thresholds that they certify.

A bound at confidence 0.9 lies above the true precision in at most one of ten samples of documents. Two things stand between a count of
right relations and such a bound.

*Relations of a document are not independent*: in one that the model misreads, several are wrong. The bound of Clopper and Pearson
(Biometrika 26, 1934) is exact for independent relations, and too high for these. For clustered ones Korn and Graubard (Survey Methodology
24, 1998) take the same bound of so many relations as would be worth as much if they were independent: their number divided by the design
effect, the variance of the precision between documents by that of independent relations. The lower of the two bounds counts, so that
documents that happen to differ less than chance gain nothing. Two corrections keep the second one honest where little is known:

- The design effect is estimated with one more document, of mean size, in which all is wrong. Where no relation is wrong, the variance
  between documents is unknown; so each document counts as one relation then, however many it holds.
- The variance is itself an estimate, from as many values as there are documents: the number of relations is multiplied by the squared
  ratio of Student's quantiles for relations and for documents, as Korn and Graubard do.

The first bound is exact for independent relations. The second is an approximation; how often it holds is measured with simulated documents
of known truth (`python -m research thresholds simulate`).

*Many thresholds are looked at.* They are tested in an order that is fixed before anything is known of what is right: from the strictest
down, each at the full confidence, until one fails (fixed-sequence testing, a form of Learn-then-Test: Angelopoulos et al.,
arXiv:2110.01052). For any threshold without the target to be chosen, the first of these must have passed its test, whose probability is 1
- confidence at most. The order may depend on scores and on the number of documents, which say nothing of what is right: it begins where
enough is written for some errors to be borne, and goes down in steps that grow with what is written.
"""

from functools import lru_cache
from typing import Any

import numpy

from spacy_relext.extras import extra
from spacy_relext.types import Floats1d, Floats2d, Ints1d

# With more steps of the sequence one of them is more likely to fail by chance; with fewer, the last one that holds is less exact.
STEPS = 40
# More relations than this are enough for any target that anybody asks for.
MANY = 10**7


def clopper_pearson(right: Any, written: Any, confidence: float) -> Floats1d:
    """The exact lower bound of a proportion, one-sided. right, written: Numbers or arrays, which need not be whole."""
    right, written = numpy.broadcast_arrays(numpy.asarray(right, dtype="float64"), numpy.asarray(written, dtype="float64"))
    bounds = extra("scipy.stats").beta.ppf(1 - confidence, numpy.where(right > 0, right, 1), numpy.maximum(written - right, 0) + 1)
    return numpy.where(right > 0, bounds, 0.0)


def effective_sizes(right: Floats2d, written: Floats2d, confidence: float) -> Floats1d:
    """How many independent relations those of some documents are worth; never more than there are.

    right, written: `[n_thresholds, n_documents]`, numbers of relations. RETURNS: `[n_thresholds]`.
    """
    student = extra("scipy.stats").t
    n, n_documents = written.sum(axis=1), (written > 0).sum(axis=1)
    size = n / n_documents.clip(min=1)
    total = n + size
    share = right.sum(axis=1) / total.clip(min=1)
    residuals = ((right - share[:, None] * written) ** 2).sum(axis=1) + (share * size) ** 2
    independent = (share * (1 - share) * total).clip(min=1e-12)
    effect = numpy.maximum(residuals / independent * (n_documents + 1) / n_documents.clip(min=1), 1)
    of_relations, of_documents = (student.ppf(confidence, numpy.maximum(degrees - 1, 1)) for degrees in (n, n_documents))
    sizes: Floats1d = numpy.minimum(n, n / effect * (of_relations / of_documents) ** 2)
    return sizes


def lower_bounds(right: Floats2d, written: Floats2d, confidence: float) -> Floats1d:
    """Lower bounds of the precision: the lower one of that over relations, and that over documents.

    right, written: `[n_thresholds, n_documents]`, numbers of relations. RETURNS: `[n_thresholds]`.
    """
    n_right, n = right.sum(axis=1), written.sum(axis=1)
    effective = effective_sizes(right, written, confidence)
    of_documents = clopper_pearson(n_right / n.clip(min=1) * effective, effective, confidence)
    return numpy.minimum(clopper_pearson(n_right, n, confidence), of_documents)


@lru_cache(maxsize=64)
def beginning(target: float, confidence: float) -> int:
    """With how many relations the sequence begins: enough for half of the errors that the target allows."""
    precision = (1 + target) / 2
    n = numpy.arange(1, 2 * needed(precision, target, confidence) + 10)
    passes = clopper_pearson(numpy.floor(precision * n), n, confidence) >= target
    return int(n[passes.argmax()])


def needed(precision: float, target: float, confidence: float) -> int:
    """How many independent relations of a precision have a bound that reaches the target; `MANY` where none would do."""
    low, high = 1, MANY
    while low < high:
        n = (low + high) // 2
        low, high = (low, n) if clopper_pearson(precision * n, n, confidence) >= target else (n + 1, high)
    return low


def sequence(ends: Ints1d, target: float, confidence: float) -> Ints1d:
    """The numbers of relations that are written at the thresholds of the sequence, ascending.

    ends: All that any threshold can write, ascending.
    """
    first = min(beginning(target, confidence), int(ends[-1]))
    wanted = numpy.geomspace(first, ends[-1], STEPS)
    found: Ints1d = numpy.unique(ends[numpy.searchsorted(ends, wanted.round()).clip(max=len(ends) - 1)])
    return found


def n_certified(bounds: Floats1d, target: float) -> int:
    """How many tests of a sequence come out well before the first one fails."""
    reached = bounds >= target
    return len(reached) if reached.all() else int(reached.argmin())
