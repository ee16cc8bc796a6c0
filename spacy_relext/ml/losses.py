"""From logits to probabilities, and the losses on them with their gradients."""

from dataclasses import dataclass
from typing import Literal

import numpy

from spacy_relext.types import Bools2d, Floats1d, Floats2d


@dataclass(frozen=True)
class Teaching:
    """What teachers say of the pairs of a batch, and how much each pair learns from whom.

    logits (Floats2d): `[n_pairs, n_columns]`, the teachers'; any number where a pair has none. temperature (float): By which both sides'
        logits are divided.
    annotation, teachers (Floats1d): `[n_pairs]`, the weights of the cross-entropy with the annotation, and of the divergence from the
        teachers.
    """

    logits: Floats2d
    temperature: float
    annotation: Floats1d
    teachers: Floats1d


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


def log_probabilities(logits: Floats2d, *, exclusive: bool) -> Floats2d:
    """From logits to the logarithms of probabilities, `[n_pairs, n_columns]`, float64: of all columns, whatever type rules say."""
    logits = logits.astype("float64")
    # Not as a difference, in which what is left of a probability near 1 would be lost.
    return logits - numpy.logaddexp.reduce(logits, axis=1, keepdims=True) if exclusive else -numpy.logaddexp(0, -logits)


def logits_of(log_p: Floats2d, *, exclusive: bool) -> Floats2d:
    """Logits with these log-probabilities, `[n_pairs, n_columns]`, float64."""
    log_p = log_p.astype("float64")
    # A probability of 1 has a logit that is infinite.
    return log_p if exclusive else log_p - numpy.log(-numpy.expm1(log_p.clip(max=-1e-22)))


def cross_entropy(
    scores: Floats2d,
    targets: Floats2d,
    *,
    exclusive: bool,
    reduction: Literal["sum", "mean"] = "mean",
    weights: Floats1d | None = None,
) -> tuple[float, Floats2d]:
    """Cross-entropy of the pairs, and its gradient with respect to the logits.

    scores: Probabilities of all columns, `[n_pairs, n_columns]`, as `probabilities` gives them.
    targets: `[n_pairs, n_columns]`, 0 or 1; with exclusive labels a distribution, a row of sum 1.
    reduction: The sum over the pairs, or their mean. weights: `[n_pairs]`, of each pair. None: 1.
    RETURNS: loss, gradient `[n_pairs, n_columns]`. Softmax and sigmoid have the same gradient, p - y, divided by the pairs for a mean.
    """
    n = max(len(scores), 1) if reduction == "mean" else 1
    likelihood = scores if exclusive else numpy.where(targets > 0, scores, 1 - scores)
    log_likelihood = numpy.log(likelihood.clip(min=1e-12))
    losses, gradient = log_likelihood * targets if exclusive else log_likelihood, scores - targets
    if weights is not None:
        losses, gradient = losses * weights[:, None], gradient * weights[:, None]
    return -float(losses.sum()) / n, (gradient / n).astype("float32")


def distillation_loss(
    logits: Floats2d, allowed: Bools2d, teaching: Teaching, *, exclusive: bool, reduction: Literal["sum", "mean"] = "mean"
) -> tuple[float, Floats2d]:
    """How far the pairs are from what teachers say of them (Hinton, Vinyals and Dean, arXiv:1503.02531).

    logits, allowed: `[n_pairs, n_columns]`. Type rules are those of the student for both sides.
    RETURNS: T² KL(teacher‖student), of probabilities at the temperature T, in nats, summed over the pairs with their weights, or their
        mean; and its gradient with respect to the logits. With T², gradients are about as large at any temperature.
    """
    n = max(len(logits), 1) if reduction == "mean" else 1
    temperature, weights = teaching.temperature, teaching.teachers[:, None] / n
    of_teacher, of_student = teaching.logits / temperature, logits.astype("float64") / temperature
    p, q = (probabilities(given, allowed, exclusive=exclusive).astype("float64") for given in (of_teacher, of_student))
    tiny = 1e-12
    divergence = p * (numpy.log(p.clip(min=tiny)) - numpy.log(q.clip(min=tiny)))
    if not exclusive:
        divergence += (1 - p) * (numpy.log((1 - p).clip(min=tiny)) - numpy.log((1 - q).clip(min=tiny)))
    return temperature**2 * float((weights * divergence).sum()), (temperature * weights * (q - p)).astype("float32")


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
    teaching: Teaching | None = None,
) -> tuple[float, float, Floats2d]:
    """The loss of a batch that was run once, or, with an `rdrop_weight`, twice.

    logits: `[n_times * n_pairs, n_columns]`, one run after the other. allowed, targets: `[n_pairs, n_columns]`.
    teaching: What teachers say of the pairs, and the weights of both. None: there is the annotation alone.
    RETURNS: loss, the mean of the runs' cross-entropies, which is a part of it, and the gradient with respect to the logits.
    """
    runs = numpy.split(logits, 2 if rdrop_weight else 1)
    scores = [probabilities(part, allowed, exclusive=exclusive) for part in runs]
    weights = None if teaching is None else teaching.annotation
    entropies = [cross_entropy(part, targets, exclusive=exclusive, reduction=reduction, weights=weights) for part in scores]
    entropy = loss = sum(value for value, _ in entropies) / len(runs)
    gradients = [gradient / len(runs) for _, gradient in entropies]
    if teaching is not None:
        taught = [distillation_loss(part, allowed, teaching, exclusive=exclusive, reduction=reduction) for part in runs]
        loss += sum(value for value, _ in taught) / len(runs)
        gradients = [gradient + other / len(runs) for gradient, (_, other) in zip(gradients, taught, strict=True)]
    if rdrop_weight:
        divergence, *more = rdrop_loss(*scores, exclusive=exclusive, reduction=reduction)
        loss += rdrop_weight * divergence
        gradients = [gradient + rdrop_weight * other for gradient, other in zip(gradients, more, strict=True)]
    return loss, entropy, numpy.concatenate(gradients)
