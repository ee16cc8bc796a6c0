"""From logits to probabilities, and the losses on them with their gradients."""

from typing import Literal

import numpy

from spacy_relext.types import Bools2d, Floats2d


def probabilities(logits: Floats2d, allowed: Bools2d, *, exclusive: bool) -> Floats2d:
    """From logits to probabilities.

    logits, allowed: `[n_pairs, n_columns]`; `allowed` is false where the type rules forbid a label. A forbidden label has probability
        0, and the others share what it would have had.
    exclusive: Softmax over the columns, the first of which is no-relation; otherwise a sigmoid for each column.
    """
    if not exclusive:
        return numpy.where(allowed, 1 / (1 + numpy.exp(-logits.clip(-50, 50))), 0.0).astype("float32")
    masked = numpy.where(allowed, logits, -numpy.inf)
    exponentials = numpy.exp(masked - masked.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def cross_entropy(
    scores: Floats2d, targets: Floats2d, *, exclusive: bool, reduction: Literal["sum", "mean"] = "mean"
) -> tuple[float, Floats2d]:
    """Cross-entropy of the pairs, and its gradient with respect to the logits.

    scores: Probabilities of all columns, `[n_pairs, n_columns]`, as `probabilities` gives them.
    targets: `[n_pairs, n_columns]`, 0 or 1; with exclusive labels a distribution, a row of sum 1.
    reduction: The sum over the pairs, or their mean.
    RETURNS: loss, gradient `[n_pairs, n_columns]`. Softmax and sigmoid have the same gradient, p - y, divided by the pairs for a mean.
    """
    n = max(len(scores), 1) if reduction == "mean" else 1
    likelihood = scores if exclusive else numpy.where(targets > 0, scores, 1 - scores)
    log_likelihood = numpy.log(likelihood.clip(min=1e-12))
    loss = -(log_likelihood * targets).sum() if exclusive else -log_likelihood.sum()
    return float(loss) / n, ((scores - targets) / n).astype("float32")


def rdrop_loss(
    p: Floats2d, q: Floats2d, *, exclusive: bool, reduction: Literal["sum", "mean"] = "mean"
) -> tuple[float, Floats2d, Floats2d]:
    """How much two passes over the same pairs, with other units dropped, differ: R-Drop's loss (Liang et al., arXiv:2106.14448).

    p, q: Probabilities of all columns, `[n_pairs, n_columns]`, as `probabilities` gives them. Columns that are 0 in both do not count.
    RETURNS: ½(KL(p‖q) + KL(q‖p)), summed over the pairs or their mean, and its gradients with respect to the logits of p and of q.
    """
    n = max(len(p), 1) if reduction == "mean" else 1
    p, q = p.astype("float64"), q.astype("float64")
    tiny = 1e-12
    log_ratio = numpy.log(p.clip(min=tiny)) - numpy.log(q.clip(min=tiny))
    if exclusive:
        value = ((p - q) * log_ratio).sum()
        d_p = p * (log_ratio - (p * log_ratio).sum(axis=1, keepdims=True)) + p - q
        d_q = -q * (log_ratio - (q * log_ratio).sum(axis=1, keepdims=True)) + q - p
    else:
        # Each column is a distribution of its own, over yes and no. The logit's slope is p(1 - p).
        log_odds = log_ratio - numpy.log((1 - p).clip(min=tiny)) + numpy.log((1 - q).clip(min=tiny))
        log_odds[(p == 0) & (q == 0)] = 0.0
        value = ((p - q) * log_odds).sum()
        d_p = p * (1 - p) * log_odds + p - q
        d_q = -q * (1 - q) * log_odds + q - p
    return float(value) / (2 * n), (d_p / (2 * n)).astype("float32"), (d_q / (2 * n)).astype("float32")


def training_loss(
    logits: Floats2d,
    allowed: Bools2d,
    targets: Floats2d,
    *,
    exclusive: bool,
    reduction: Literal["sum", "mean"],
    rdrop_weight: float = 0.0,
) -> tuple[float, float, Floats2d]:
    """The loss of a batch that was run once, or, with an `rdrop_weight`, twice.

    logits: `[n_times * n_pairs, n_columns]`, one run after the other. allowed, targets: `[n_pairs, n_columns]`.
    RETURNS: loss, the mean of the runs' cross-entropies, which is a part of it, and the gradient with respect to the logits.
    """
    runs = numpy.split(logits, 2 if rdrop_weight else 1)
    scores = [probabilities(part, allowed, exclusive=exclusive) for part in runs]
    entropies = [cross_entropy(part, targets, exclusive=exclusive, reduction=reduction) for part in scores]
    entropy = loss = sum(value for value, _ in entropies) / len(runs)
    gradients = [gradient / len(runs) for _, gradient in entropies]
    if rdrop_weight:
        divergence, *more = rdrop_loss(*scores, exclusive=exclusive, reduction=reduction)
        loss += rdrop_weight * divergence
        gradients = [gradient + rdrop_weight * other for gradient, other in zip(gradients, more, strict=True)]
    return loss, entropy, numpy.concatenate(gradients)
