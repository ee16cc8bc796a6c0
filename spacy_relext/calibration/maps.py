"""Maps of a raw score to the probability that what is written with it is right.

The names of the methods are those of scikit-learn's `CalibratedClassifierCV`, and *beta* of Kull et al. (2017),
"Beta calibration". All are maps of one probability, and strictly increasing: none changes which of two relations of a
label has the higher score.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spacy_relext.errors import RelextError

Floats = NDArray[np.float64]

# What the numbers of each method are called in `to_dict`.
NUMBERS = {"temperature": ("temperature",), "sigmoid": ("slope", "intercept"), "beta": ("a", "b", "c")}
METHODS = (*NUMBERS, "isotonic")
# A score of 0 or 1, as float32 has it for what is nearly so, has no logarithm: scores are drawn this much towards the middle first. No
# sample that is fitted to could tell 0.9999 from 1, and the maps stay strictly increasing in floating point up to the ends.
MARGIN = 1e-4
# Of the numbers of a map. srsly stores ten, so that one with more of them would be another map when it is loaded.
DIGITS = 9
# Bisections of an inverse: to 2 ** -52.
HALVINGS = 52


def logarithms(scores: ArrayLike) -> tuple[Floats, Floats]:
    """The logarithms of the probabilities of being right and of being wrong, both finite."""
    inner = MARGIN + (1 - 2 * MARGIN) * np.asarray(scores, dtype=np.float64)
    return np.log(inner), np.log1p(-inner)


@dataclass(frozen=True)
class ScoreMap:
    """A strictly increasing map of [0, 1] into itself.

    method (str): "temperature", "sigmoid" (Platt's), "beta" or "isotonic".
    numbers (tuple[float, ...]): For "temperature" T of sigmoid(logit(p) / T). For "sigmoid" slope and intercept of
        sigmoid(slope * logit(p) + intercept). For "beta" a, b and c of sigmoid(a * ln(p) - b * ln(1 - p) + c). For
        "isotonic" the raw scores of the knots, from 0 to 1, and then as many calibrated ones; linear between them.
    RAISES: RelextError for another method, and for numbers whose map is not strictly increasing.
    """

    method: str
    numbers: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise RelextError(f"The method of calibration is {self.method!r:.40}; expected one of {', '.join(METHODS)}.")
        try:
            numbers = tuple(float(f"{float(number):.{DIGITS}g}") for number in self.numbers)
        except (TypeError, ValueError):
            numbers = (np.nan,)
        object.__setattr__(self, "numbers", numbers)
        right = bool(np.isfinite(numbers).all()) and (self._knots_increase() if self.method == "isotonic" else self._increases())
        if not right:
            raise RelextError(
                f"The calibration has numbers of no strictly increasing map: {self.method} with {self.numbers!r:.100}. "
                "Calibrate again, with `relext calibrate`."
            )

    def _increases(self) -> bool:
        positive = 2 if self.method == "beta" else 1
        return len(self.numbers) == len(NUMBERS[self.method]) and min(self.numbers[:positive]) > 0

    def _knots_increase(self) -> bool:
        if len(self.numbers) < 4 or len(self.numbers) % 2:
            return False
        raw, calibrated = self._knots()
        steps = np.concatenate([np.diff(raw), np.diff(calibrated)])
        return bool((steps > 0).all()) and (raw[0], raw[-1]) == (0, 1) and calibrated[0] >= 0 and calibrated[-1] <= 1

    def _knots(self) -> tuple[Floats, Floats]:
        raw, calibrated = np.reshape(self.numbers, (2, -1))
        return raw, calibrated

    def __call__(self, scores: ArrayLike) -> Floats:
        """Raw scores (any shape) as calibrated ones (float64, the same shape). Not a number stays so."""
        if self.method == "isotonic":
            return np.asarray(np.interp(np.asarray(scores, dtype=np.float64), *self._knots()))
        right, wrong = logarithms(scores)
        a, b, c = self._abc()
        return np.asarray(1 / (1 + np.exp(b * wrong - a * right - c)))

    def _abc(self) -> tuple[float, float, float]:
        """The numbers as those of "beta", which has the other two within."""
        if self.method == "temperature":
            return 1 / self.numbers[0], 1 / self.numbers[0], 0.0
        if self.method == "sigmoid":
            return self.numbers[0], self.numbers[0], self.numbers[1]
        a, b, c = self.numbers
        return a, b, c

    def inverse(self, scores: ArrayLike) -> Floats:
        """The raw scores of calibrated ones; 0 below all that the map gives, 1 above."""
        wanted = np.asarray(scores, dtype=np.float64)
        if self.method == "isotonic":
            raw, calibrated = self._knots()
            return np.asarray(np.interp(wanted, calibrated, raw))
        low, high = np.zeros_like(wanted), np.ones_like(wanted)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = self(middle) < wanted
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(np.where(np.isnan(wanted), wanted, np.where(self(0.0) >= wanted, 0.0, high)))

    def to_dict(self) -> dict[str, Any]:
        """The method and its numbers by name, as JSON has them."""
        if self.method == "isotonic":
            raw, calibrated = self._knots()
            return {"method": self.method, "raw": raw.tolist(), "calibrated": calibrated.tolist()}
        return {"method": self.method, **dict(zip(NUMBERS[self.method], self.numbers, strict=True))}

    @classmethod
    def from_dict(cls, data: Any) -> "ScoreMap":
        """The map that `to_dict` told of. RAISES: RelextError for what is none."""
        method = data.get("method") if isinstance(data, Mapping) else None
        keys = NUMBERS.get(method, ("raw", "calibrated")) if isinstance(method, str) else ()
        if method not in METHODS or not isinstance(data, Mapping) or set(data) != {"method", *keys}:
            raise RelextError(
                f"The calibration of a label is {data!r:.100}; expected a dict of its method, {', '.join(METHODS)}, and its numbers."
            )
        values = [data[key] for key in keys]
        if method == "isotonic":
            lists = [value if isinstance(value, Iterable) and not isinstance(value, str) else [value] for value in values]
            values = [number for knots in lists for number in knots] if len({len(list(knots)) for knots in lists}) == 1 else []
        return cls(method, tuple(values))


@dataclass(frozen=True)
class ScoreMaps:
    """The maps of a pipeline's labels.

    labels (dict[str, ScoreMap]): The maps of labels that have one of their own.
    pooled (ScoreMap | None): That of all others; None: their scores stay as they are.
    """

    labels: Mapping[str, ScoreMap] = field(default_factory=dict)
    pooled: ScoreMap | None = None

    def of(self, label: str) -> ScoreMap | None:
        """The map of a label; None where its scores stay as they are."""
        return self.labels.get(label, self.pooled)

    def calibrated(self, label: str, score: float) -> float:
        """A raw score of a label, calibrated."""
        return self._mapped(label, score, ScoreMap.__call__)

    def raw(self, label: str, score: float) -> float:
        """A calibrated score of a label, as the raw one."""
        return self._mapped(label, score, ScoreMap.inverse)

    def _mapped(self, label: str, score: float, way: Callable[[ScoreMap, ArrayLike], Floats]) -> float:
        found = self.of(label)
        return score if found is None else float(way(found, score))

    def to_dict(self) -> dict[str, Any]:
        """The keys "labels" and "pooled" of a stored calibration."""
        return {
            "labels": {label: found.to_dict() for label, found in self.labels.items()},
            "pooled": self.pooled.to_dict() if self.pooled else None,
        }

    @classmethod
    def from_dict(cls, data: Any) -> "ScoreMaps":
        """The maps of a stored calibration; its other keys are not looked at. RAISES: RelextError for what is none."""
        if not isinstance(data, Mapping) or not isinstance(data.get("labels"), Mapping) or "pooled" not in data:
            raise RelextError(f'The calibration is {data!r:.100}; expected a dict with the keys "labels", maps by label, and "pooled".')
        pooled = data["pooled"]
        labels = {str(label): ScoreMap.from_dict(found) for label, found in data["labels"].items()}
        return cls(labels, None if pooled is None else ScoreMap.from_dict(pooled))
