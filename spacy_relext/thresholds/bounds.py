"""Lower bounds of the precision of what is written above a threshold, and the thresholds that they certify.

A bound at confidence 0.9 lies above the true precision in at most one of ten samples of documents. Two kinds of dependence stand between a
count of right relations and such a bound.

*Relations of a document are not independent*: a document that the model misreads holds several wrong ones. Clopper and Pearson's bound is exact
for independent relations. For clustered ones Korn and Graubard (Survey Methodology 24, 1998; the standard of the US National Center for
Health Statistics for proportions) take the same bound with as many relations as would be worth as much if they were independent: their number
divided by the design effect, the variance of the precision between documents by that between independent relations. The bound used here
is the lower of the two, so documents that happen to agree more than chance gain nothing. Two corrections keep it honest where
it would be estimated from too little:

- The design effect is estimated with one more document, of mean size, that is wrong throughout. Where no relation is wrong, the variance
  between documents is unknown; each document then counts as one relation, however many it holds.
- The variance is an estimate of its own, from as many values as there are documents: the number is multiplied by the squared ratio of Student's
  quantiles for relations and for documents, as Korn and Graubard do.

The first bound is exact; the second rests on this estimate, so that its coverage is checked by simulation (`python -m research thresholds`).

*Many thresholds are looked at.* They are tested in an order that is fixed before anything is known of what is right, from the strictest down, each
at the full confidence, until one fails (fixed-sequence testing, the form of Learn-then-Test of Angelopoulos et al., arXiv:2110.01052). A
threshold without the target is passed only if the first such one of the sequence is: with a probability of at most 1 - confidence.
The sequence may depend on the scores, whose distribution tells nothing of what is right; here it begins where enough is written for a few
errors to be borne.
"""

from dataclasses import dataclass
from typing import Any

import numpy

from spacy_relext.extras import extra
from spacy_relext.types import Floats1d, Ints1d

# Steps of the sequence: with more of them, one is more likely to fail by chance, and the last that holds is found more exactly.
STEPS = 40


def clopper_pearson(right: Any, written: Any, confidence: float) -> Any:
    """The exact one-sided lower bound of a proportion, of numbers or arrays, which need not be whole; 0 where nothing is right."""
    right, written = numpy.asarray(right, dtype="float64"), numpy.asarray(written, dtype="float64")
    safe = numpy.where(right > 0, right, 1.0)
    bound = extra("scipy.stats").beta.ppf(1 - confidence, safe, numpy.maximum(written - right, 0) + 1)
    return numpy.where(right > 0, bound, 0.0)


def effective_sizes(right: Floats1d, written: Floats1d, confidence: float) -> Floats1d:
    """How many independent relations those of some documents are worth, at the most as many as there are.

    right, written: `[n_thresholds, n_documents]`, counts of relations. RETURNS: `[n_thresholds]`.
    """
    student = extra("scipy.stats").t.ppf
    n, n_documents = written.sum(axis=1), (written > 0).sum(axis=1)
    size = n / n_documents.clip(min=1)
    total = n + size
    share = right.sum(axis=1) / total.clip(min=1)
    residuals = ((right - share[:, None] * written) ** 2).sum(axis=1) + (share * size) ** 2
    independent = (share * (1 - share) * total).clip(min=1e-12)
    # One more document: (d + 1) / d.
    effect = numpy.maximum(residuals / independent * (n_documents + 1) / n_documents.clip(min=1), 1)
    known = n_documents > 1
    quantiles = [student(confidence, numpy.where(known, degrees, 2) - 1) for degrees in (n, n_documents)]
    found: Floats1d = numpy.where(known, n / effect * (quantiles[0] / quantiles[1]) ** 2, numpy.minimum(n, 1))
    return numpy.minimum(found, n)


def lower_bounds(right: Floats1d, written: Floats1d, confidence: float) -> Floats1d:
    """Lower bounds of the precision, the lower one of that of relations and that of documents. right, written: As above."""
    n_right, n = right.sum(axis=1), written.sum(axis=1)
    precision = n_right / n.clip(min=1)
    effective = effective_sizes(right, written, confidence)
    found: Floats1d = numpy.minimum(clopper_pearson(n_right, n, confidence), clopper_pearson(precision * effective, effective, confidence))
    return found
