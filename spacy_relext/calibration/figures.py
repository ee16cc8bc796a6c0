"""What `evaluate` says of the scores of what is written."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from spacy_relext.calibration.curves import coverage, reliability
from spacy_relext.calibration.fitting import Sample

# What is said of a label: all but the bins.
FIGURES = ("n", "score", "right", "nll", "brier", "error", "perfect", "band")


def calibration_figures(sample: Sample) -> dict[str, Any] | None:
    """Plain values of `Reliability` and, under "coverage", of `Coverage`; under "per_type" some of each label. None: of nothing."""
    of_all, kept = reliability(sample.scores, sample.right), coverage(sample.scores, sample.right)
    if of_all is None or kept is None:
        return None
    per_type = {}
    for label in np.unique(sample.labels).tolist():
        rows = sample.labels == label
        of_label, kept_of_label = reliability(sample.scores[rows], sample.right[rows]), coverage(sample.scores[rows], sample.right[rows])
        if of_label is not None and kept_of_label is not None:
            per_type[label] = {**{name: getattr(of_label, name) for name in FIGURES}, "area": kept_of_label.area}
    # As JSON has it: lists, no tuples.
    found: dict[str, Any] = json.loads(json.dumps({**asdict(of_all), "coverage": asdict(kept), "per_type": per_type}))
    return found


def in_words(figures: Mapping[str, Any]) -> list[str]:
    """Two sentences of what `calibration_figures` gives."""
    kept = figures["coverage"]
    return [
        f"Scores: {100 * figures['score']:.1f} % on average, and {100 * figures['right']:.1f} % are right; calibration error "
        f"{error_in_words(figures)}.",
        f"Wrong: {100 * kept['risk']:.1f} % of all that is written, {100 * kept['half']:.1f} % of the half with the highest scores; area "
        f"under the risk-coverage curve (AURC) {kept['area']:.3f}.",
    ]


def error_in_words(figures: Mapping[str, Any]) -> str:
    """The calibration error beside that of a perfectly calibrated model, which no model of so few relations is sure to fall below."""
    return f"{figures['error']:.3f} (a perfectly calibrated model: {figures['perfect']:.3f}, 95 % of such below {figures['band']:.3f})"
