"""How far scores are from the probability of being right: losses, the reliability diagram, the risk-coverage curve.

All are functions of the scores of some relations, `[n]`, and of whether each is right, bool `[n]`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Bins of equal width, as in Guo et al. (2017), "On Calibration of Modern Neural Networks".
N_BINS = 15
# Of the band of a perfectly calibrated model.
N_DRAWS = 1000
BAND = (0.025, 0.975)
# Relations whose outcomes are drawn at a time.
BLOCK = 2_000_000
# Of a score of 0 or 1, the logarithm is that of the nearest number that float32 has: it may be wrong, and no loss is infinite.
SMALLEST = float(np.finfo(np.float32).eps)
# What a curve is drawn with at the most.
N_POINTS = 100


def log_losses(scores: ArrayLike, right: ArrayLike) -> Floats:
    """The negative log-likelihood of each, in nats, `[n]`."""
    clipped = np.clip(np.asarray(scores, dtype=np.float64), SMALLEST, 1 - SMALLEST)
    return np.asarray(-np.where(right, np.log(clipped), np.log1p(-clipped)))


def squared_errors(scores: ArrayLike, right: ArrayLike) -> Floats:
    """The squared difference of each score and 1 or 0, `[n]`; their mean is the Brier score."""
    return (np.asarray(scores, dtype=np.float64) - np.asarray(right, dtype=np.float64)) ** 2


def bins_of(scores: Floats, n_bins: int = N_BINS) -> NDArray[np.int64]:
    """The bin of each score, `[n]`; 1 is in the last one."""
    return np.asarray(np.minimum((scores * n_bins).astype(np.int64), n_bins - 1))


def calibration_error(scores: Floats, right: Bools, n_bins: int = N_BINS) -> float:
    """The expected calibration error: the mean over relations of the difference of mean score and precision in their bin; 0 of none."""
    return float(np.abs(np.bincount(bins_of(scores, n_bins), scores - right, minlength=n_bins)).sum() / max(len(scores), 1))


@dataclass(frozen=True)
class Bin:
    """The relations whose scores are in one bin.

    low, high: Its ends. n: How many. score: Their mean score. right: The share of them that is right.
    band: The share of 95 % of perfectly calibrated models with such scores.
    """

    low: float
    high: float
    n: int
    score: float
    right: float
    band: tuple[float, float]


@dataclass(frozen=True)
class Reliability:
    """Whether scores are the probability of being right.

    n: How many relations. score: Their mean score. right: The share that is right: their precision. nll: The mean negative log-likelihood,
        in nats. brier: The mean squared difference.
    error: The expected calibration error, over bins of equal width. perfect: That of a perfectly calibrated model with these scores, which
        is not 0 for so few relations: its mean. band: What 95 % of such models are below.
    bins: Those that are not empty, by score.
    """

    n: int
    score: float
    right: float
    nll: float
    brier: float
    error: float
    perfect: float
    band: float
    bins: tuple[Bin, ...]


def reliability(scores: ArrayLike, right: ArrayLike, *, n_bins: int = N_BINS, n_draws: int = N_DRAWS, seed: int = 0) -> Reliability | None:
    """The reliability diagram and its figures; None where there is no relation.

    The band is by consistency resampling (Bröcker & Smith, "Increasing the Reliability of Reliability Diagrams", 2007): scores are drawn
    from these with replacement, and each is right with the probability that it says.
    """
    p, y = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=bool)
    if not len(p):
        return None
    n, total, n_right = (np.bincount(bins_of(p, n_bins), of, minlength=n_bins) for of in (None, p, y.astype(np.float64)))
    differences, sizes = _draws(p, n_bins, n_draws, seed)
    errors = np.abs(differences).sum(axis=1) / len(p)
    bins = []
    for i in np.flatnonzero(n):
        drawn = sizes[:, i] > 0
        band = np.quantile(differences[drawn, i] / sizes[drawn, i], BAND) + total[i] / n[i]
        low, high = np.clip(band, 0, 1).tolist()
        bins.append(Bin(int(i) / n_bins, (int(i) + 1) / n_bins, int(n[i]), total[i] / n[i], n_right[i] / n[i], (low, high)))
    return Reliability(
        n=len(p),
        score=float(p.mean()),
        right=float(y.mean()),
        nll=float(log_losses(p, y).mean()),
        brier=float(squared_errors(p, y).mean()),
        error=calibration_error(p, y, n_bins),
        perfect=float(errors.mean()),
        band=float(np.quantile(errors, 0.95)),
        bins=tuple(bins),
    )


def _draws(scores: Floats, n_bins: int, n_draws: int, seed: int) -> tuple[Floats, Floats]:
    """Perfectly calibrated models. RETURNS: by how many more of each bin are right than scores say, and its size, `[n_draws, n_bins]`."""
    random = np.random.default_rng(seed)
    bins, n = bins_of(scores, n_bins), len(scores)
    at_a_time = max(1, BLOCK // n)
    found = []
    for first in range(0, n_draws, at_a_time):
        size = min(at_a_time, n_draws - first)
        rows = random.integers(n, size=(size, n))
        cells = (bins[rows] + n_bins * np.arange(size)[:, None]).ravel()
        drawn = scores[rows]
        more = (random.random((size, n)) < drawn) - drawn
        found.append([np.bincount(cells, of, minlength=size * n_bins).reshape(size, n_bins) for of in (more.ravel(), np.ones(n * size))])
    differences, sizes = (np.concatenate(of) for of in zip(*found, strict=True))
    return differences, sizes


@dataclass(frozen=True)
class Coverage:
    """What is wrong among the relations with the highest scores.

    points: Coverage and risk: the share of the relations that is kept, and the share of these that is wrong; from few to all.
    area: The mean risk over all coverages (AURC). best: That of scores that put all that is right first.
    risk, half: With all of them, and with the half that has the highest scores.
    """

    points: tuple[tuple[float, float], ...]
    area: float
    best: float
    risk: float
    half: float


def coverage(scores: ArrayLike, right: ArrayLike) -> Coverage | None:
    """The risk-coverage curve; None where there is no relation. Of relations with the same score, as many are wrong as on average."""
    p, y = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=bool)
    if not len(p):
        return None
    risks = risks_of(p, y)
    n = len(p)
    kept = np.unique(np.linspace(0, n - 1, min(n, N_POINTS)).round().astype(np.int64))
    points = tuple((float((i + 1) / n), float(risks[i])) for i in kept)
    best = risks_of(y.astype(np.float64), y)
    return Coverage(points, float(risks.mean()), float(best.mean()), float(risks[-1]), float(risks[half_of(n)]))


def half_of(n: int) -> int:
    """The place in `risks_of` where half of the relations are kept."""
    return max(0, (n + 1) // 2 - 1)


def risks_of(scores: Floats, right: Bools) -> Floats:
    """The share that is wrong among the 1, 2, … n relations with the highest scores, `[n]`."""
    order = np.argsort(-scores, kind="stable")
    ranked, wrong = scores[order], (~right[order]).cumsum()
    kept = np.arange(1, len(scores) + 1)
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(scores) - 1)
    # Between the ends of equal scores, the number of wrong ones grows evenly.
    return np.asarray(np.interp(kept, np.append(0, last + 1), np.append(0, wrong[last])) / kept)


Measure = Callable[[Floats, Bools], float]


def drawn_by_document(
    scores: Floats, right: Bools, documents: NDArray[np.int64], measure: Measure, *, n_draws: int = N_DRAWS, seed: int = 0
) -> Floats:
    """A figure of draws of documents, as many as there are, with replacement, `[n_draws]`. documents: `[n]`, that of each relation."""
    random = np.random.default_rng(seed)
    order = np.argsort(documents, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(documents[order])) + 1)
    found = np.empty(n_draws)
    for draw in range(n_draws):
        rows = np.concatenate([parts[i] for i in random.integers(len(parts), size=len(parts))])
        found[draw] = measure(scores[rows], right[rows])
    return found
