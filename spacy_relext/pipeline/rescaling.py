"""Thresholds from one scale of scores to another, when a component is calibrated or no longer: the same is written as before."""

import math
from collections.abc import Mapping
from typing import Any

import numpy

from spacy_relext.calibration.maps import ScoreMap, ScoreMaps
from spacy_relext.pipeline.settings import NEVER

# Between two thresholds of float32 that are this near, nothing is looked for.
_STEPS = 8


def rescaled(cfg: Mapping[str, Any], before: ScoreMaps | None, after: ScoreMaps | None) -> dict[str, Any]:
    """The thresholds of an extractor on another scale.

    cfg: Its settings. before, after: The maps of its scores; None: scores are raw. One number for all labels that becomes several is so in
        `label_thresholds`; `threshold` goes with the map of labels that have none of their own.
    RETURNS: The settings that say which relations are written. `uncertain_below` is a number of all labels: where labels have maps of their
        own, it stays as it is.
    """
    before, after = before or ScoreMaps(), after or ScoreMaps()
    own, others = cfg["label_thresholds"], cfg["threshold"]
    threshold = moved(others, before.pooled, after.pooled)
    by_label = {label: moved(own.get(label, others), before.of(label), after.of(label)) for label in cfg["labels"]}
    # On the way back, thresholds of labels that were made of one number become this again.
    kept = own if after.labels or not before.labels else ()
    found = {label: value for label, value in by_label.items() if label in kept or value != threshold}
    limit = cfg["uncertain_below"]
    if limit is not None and not before.labels and not after.labels:
        limit = moved(limit, before.pooled, after.pooled)
    return {"threshold": threshold, "label_thresholds": found, "uncertain_below": limit}


def moved(threshold: float, before: ScoreMap | None, after: ScoreMap | None) -> float:
    """A threshold that the same raw scores reach with another map: of all that there are, the one with the fewest digits.

    One above all that `before` gives, which nothing reaches, becomes `NEVER`.
    """
    if before == after:
        return threshold
    reached = _least(threshold, before)
    if reached > 1:
        return NEVER
    if after is None:
        return float(str(reached))  # of float32, the shortest
    below = numpy.nextafter(reached, numpy.float32(-1), dtype="float32")
    return _shortest(float(after(float(below))) if below >= 0 else -1.0, float(after(float(reached))))


def _least(threshold: float, scale: ScoreMap | None) -> numpy.float32:
    """The least raw score, as the model has it, that reaches a threshold; more than 1 where none does."""
    if scale is None:
        return numpy.float32(threshold)
    if threshold > float(scale(1.0)):
        return numpy.float32(NEVER)
    found = numpy.float32(scale.inverse(threshold))
    for _ in range(_STEPS):
        lower = numpy.nextafter(found, numpy.float32(0), dtype="float32")
        if lower < found and float(scale(float(lower))) >= threshold:
            found = lower
        elif found < 1 and float(scale(float(found))) < threshold:
            found = numpy.nextafter(found, numpy.float32(1), dtype="float32")
        else:
            break
    return numpy.float32(found)


def _shortest(low: float, high: float) -> float:
    """The decimal number of the fewest digits that is above `low`, and `high` at the most."""
    for scale in (10.0**digits for digits in range(1, 16)):
        found = math.floor(high * scale) / scale
        if low < found <= high:
            return found
    return high
