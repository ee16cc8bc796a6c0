"""Fit maps from raw scores to the probability of being right, and choose among them on documents that they were not fitted to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spacy_relext.calibration.curves import Bools, log_losses, squared_errors
from spacy_relext.calibration.maps import MARGIN, METHODS, Floats, ScoreMap, ScoreMaps, logarithms

# A label with so many written relations has a map of its own.
OWN_MAP = 100
# What cross-fitting needs at least: each tenth of the documents is left out once.
N_FOLDS = MIN_DOCUMENTS = 10
MIN_RELATIONS = 50
# Slopes that are fitted: less, and two scores could not be told apart in floating point; more, and neither could two near 1.
SLOPES = (0.02, 3.0)
# The precision of the prior around the map that changes nothing: a standard deviation of 1 for each number. It decides where data does
# not: where all are right, or all scores are the same.
PRIOR = 1.0
STEPS, TOLERANCE = 50, 1e-7
# Between knots of isotonic regression.
NEAREST = 1e-8
# What is tried beside the methods: the raw scores; and the map that changes nothing.
NONE = "none"
IDENTITY = ScoreMap("isotonic", (0.0, 1.0, 0.0, 1.0))


@dataclass(frozen=True)
class Sample:
    """Written relations of annotated documents.

    scores: `[n]`. right: `[n]`, whether the same pair has the same label in the annotation. labels: `[n]`, the label of each.
    documents: `[n]`, the number of the document of each.
    """

    scores: Floats
    right: Bools
    labels: NDArray[np.str_]
    documents: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)

    def of(self, rows: NDArray[Any]) -> "Sample":
        """Some of them."""
        return Sample(self.scores[rows], self.right[rows], self.labels[rows], self.documents[rows])

    def mapped(self, maps: ScoreMaps | None, *, back: bool = False) -> "Sample":
        """The same with calibrated scores, or, from these, back to raw ones. None: as they are."""
        scores = self.scores.copy()
        for label in np.unique(self.labels).tolist():
            scale, rows = maps.of(label) if maps else None, self.labels == label
            if scale is not None:
                scores[rows] = scale.inverse(scores[rows]) if back else scale(scores[rows])
        return replace(self, scores=scores)


@dataclass(frozen=True)
class Trial:
    """Scores against what was right, on documents that their map was not fitted to. Means over relations.

    nll: The negative log-likelihood, in nats. brier: The squared difference. gain, gain_error: How much lower the negative log-likelihood
        is than that of the raw scores, and the standard error of it: that of a sum over documents.
    """

    nll: float
    brier: float
    gain: float
    gain_error: float


@dataclass(frozen=True)
class Choice:
    """What was tried for the relations of a label, or of all.

    label: None for all. relations, right: How many. trials: By method; those of "none" are of the raw scores.
    method: The one with the lowest negative log-likelihood of those that help: both losses are lower than those of the raw scores, the
        negative log-likelihood by more than the standard error of the gain. None: none does.
    """

    label: str | None
    relations: int
    right: int
    trials: Mapping[str, Trial]
    method: str | None


def fit(method: str, scores: Floats, right: Bools) -> ScoreMap:
    """The map of a method that fits best: the maximum of likelihood and of a weak prior around leaving the scores as they are.

    scores: `[n]`, raw. right: `[n]`. Any data has a map, also where all scores are the same, or all are right.
    """
    if method == "isotonic":
        return _fit_isotonic(scores, right)
    log_right, log_wrong = logarithms(scores)
    ones = np.ones_like(log_right)
    columns = {"temperature": [log_right - log_wrong], "sigmoid": [log_right - log_wrong, ones], "beta": [log_right, -log_wrong, ones]}
    slopes = {"temperature": 1, "sigmoid": 1, "beta": 2}[method]
    numbers = _fit_logistic(np.column_stack(columns[method]), right.astype(np.float64), slopes)
    if method == "temperature":
        numbers = 1 / numbers
    return ScoreMap(method, tuple(numbers.tolist()))


def _fit_logistic(columns: Floats, right: Floats, slopes: int) -> Floats:
    """A logistic regression by Newton's method. columns: `[n, k]`; the coefficients of the first `slopes` are within `SLOPES`."""
    neutral = np.concatenate([np.ones(slopes), np.zeros(columns.shape[1] - slopes)])
    found, free = neutral.copy(), np.ones(len(neutral), dtype=bool)
    while True:
        _descend(columns, right, found, free, neutral)
        outside = free & (np.arange(len(found)) < slopes) & ((found < SLOPES[0]) | (found > SLOPES[1]))
        if not outside.any():
            return found
        found[outside] = found[outside].clip(*SLOPES)
        free &= ~outside


def _descend(columns: Floats, right: Floats, found: Floats, free: Bools, neutral: Floats) -> None:
    """Change the free ones of the coefficients to those of the least loss, in place."""

    def loss(numbers: Floats) -> float:
        logits = columns @ numbers
        return float((np.logaddexp(0, logits) - right * logits).sum() + PRIOR / 2 * ((numbers - neutral) ** 2).sum())

    now, used = loss(found), columns[:, free]
    for _ in range(STEPS if free.any() else 0):
        p = 1 / (1 + np.exp(-columns @ found))
        gradient = used.T @ (p - right) + PRIOR * (found - neutral)[free]
        curvature = (used * (p * (1 - p))[:, None]).T @ used + PRIOR * np.eye(used.shape[1])
        step = np.zeros_like(found)
        step[free] = np.linalg.solve(curvature, gradient)
        while (then := loss(found - step)) > now and np.abs(step).max() > TOLERANCE:
            step /= 2
        if then <= now:
            found -= step
        if now - then < TOLERANCE:
            return
        now = then


def _fit_isotonic(scores: Floats, right: Bools) -> ScoreMap:
    """Isotonic regression, with lines between the centres of its blocks (Oron & Flournoy, "Centered isotonic regression", 2017).

    Each block has one more observation, which says that its raw score is right: so no block is certain, and a small one moves little.
    """
    inner = np.clip(scores, MARGIN, 1 - MARGIN)
    order = np.argsort(inner, kind="stable")
    raw, first = np.unique(inner[order], return_index=True)
    n = np.diff(np.append(first, len(inner))).astype(np.float64)
    blocks = _pooled(raw, np.add.reduceat(right[order].astype(np.float64), first) / n, n)
    n = blocks[:, 2]
    raw, value, n = _pooled(blocks[:, 0], (blocks[:, 1] * n + blocks[:, 0]) / (n + 1), n).T
    knots = [(0.0, 0.0), *zip(raw.tolist(), value.tolist(), strict=True), (1.0, float(value[-1] + (1 - value[-1]) / (n[-1] + 1)))]
    kept = knots[:1]
    for knot in knots[1:]:
        # Those that are too near to be told apart when they are stored.
        if min(knot[0] - kept[-1][0], knot[1] - kept[-1][1]) > NEAREST:
            kept.append(knot)
    if kept[-1][0] < 1:
        kept[-1] = (1.0, kept[-1][1])
    return ScoreMap("isotonic", tuple(number for axis in zip(*kept, strict=True) for number in axis))


def _pooled(raw: Floats, value: Floats, n: Floats) -> Floats:
    """Neighbours whose values do not increase, as one (pool adjacent violators). RETURNS: their centres, values, sizes, `[n_blocks, 3]`."""
    blocks: list[tuple[float, float, float]] = []
    for block in zip(raw.tolist(), value.tolist(), n.tolist(), strict=True):
        while blocks and blocks[-1][1] >= block[1]:
            x, y, size = blocks.pop()
            both = size + block[2]
            block = ((x * size + block[0] * block[2]) / both, (y * size + block[1] * block[2]) / both, both)
        blocks.append(block)
    return np.asarray(blocks)


def folds_of(documents: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    """The fold of each relation, `[n]`: documents are dealt out by chance, those with most relations first, each to the smallest fold."""
    numbers, place, n = np.unique(documents, return_inverse=True, return_counts=True)
    shuffled = np.random.default_rng(seed).permutation(len(numbers))
    order = shuffled[np.argsort(-n[shuffled], kind="stable")]
    sizes = np.zeros(min(N_FOLDS, len(numbers)), dtype=np.int64)
    fold = np.zeros(len(numbers), dtype=np.int64)
    for document in order:
        fold[document] = sizes.argmin()
        sizes[fold[document]] += n[document]
    return fold[place]


def choose(sample: Sample, label: str | None = None, methods: Sequence[str] = METHODS, seed: int = 0) -> tuple[Choice, Floats]:
    """The method for some relations: each is fitted to nine tenths of their documents, and tried on the last one, ten times.

    RETURNS: what was tried and chosen, and the scores by what was chosen, each by a map that its document is no part of, `[n]`.
    """
    folds = folds_of(sample.documents, seed)
    tried = {NONE: sample.scores}
    for method in methods:
        tried[method] = np.empty_like(sample.scores)
        for fold in range(int(folds.max()) + 1):
            out = folds == fold
            tried[method][out] = fit(method, sample.scores[~out], sample.right[~out])(sample.scores[out])
    trials = {name: _trial(sample, scores) for name, scores in tried.items()}
    helping = [m for m in methods if trials[m].gain > trials[m].gain_error and trials[m].brier < trials[NONE].brier]
    chosen = min(helping, key=lambda method: trials[method].nll) if helping else None
    return Choice(label, len(sample), int(sample.right.sum()), trials, chosen), tried[chosen or NONE]


def _trial(sample: Sample, scores: Floats) -> Trial:
    losses = log_losses(scores, sample.right)
    gains = log_losses(sample.scores, sample.right) - losses
    # Relations of a document are right or wrong together.
    by_document = np.bincount(np.unique(sample.documents, return_inverse=True)[1], gains)
    brier = float(squared_errors(scores, sample.right).mean())
    return Trial(float(losses.mean()), brier, float(gains.mean()), float(np.sqrt((by_document**2).sum()) / len(sample)))


@dataclass(frozen=True)
class Fitted:
    """maps: None where none helps. choices: What was tried for each label with a map of its own, and for all. scores: As in `choose`."""

    maps: ScoreMaps | None
    choices: tuple[Choice, ...]
    scores: Floats


def fit_maps(sample: Sample, seed: int = 0) -> Fitted:
    """The maps of labels with `OWN_MAP` written relations or more, and one of all other labels, fitted to all relations.

    A label whose own map would not help keeps its raw scores.
    """
    own: dict[str, ScoreMap | None] = {}
    choice, scores = choose(sample, seed=seed)
    pooled, choices, scores = _fitted(choice, sample), [choice], scores.copy()
    for label in np.unique(sample.labels).tolist():
        rows = np.flatnonzero(sample.labels == label)
        of_label = sample.of(rows)
        if len(rows) >= OWN_MAP and len(np.unique(of_label.documents)) >= MIN_DOCUMENTS:
            choice, scores[rows] = choose(of_label, label, seed=seed)
            choices.insert(-1, choice)
            own[label] = _fitted(choice, of_label)
    if pooled is None and not any(own.values()):
        return Fitted(None, tuple(choices), scores)
    # Without a map of all labels, a label that has none needs none.
    labels = {label: found or IDENTITY for label, found in own.items() if found or pooled}
    return Fitted(ScoreMaps(labels, pooled), tuple(choices), scores)


def _fitted(choice: Choice, sample: Sample) -> ScoreMap | None:
    return None if choice.method is None else fit(choice.method, sample.scores, sample.right)
