"""Whether scores are the probability of being right, as the template of the report takes it: plots, words and tables."""

from collections.abc import Mapping
from typing import Any

from spacy_relext.calibration.figures import in_words
from spacy_relext.report.plots import reliability_diagram, risk_coverage

# Of the table beside the risk-coverage curve.
KEPT = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def calibration_of(figures: Mapping[str, Any]) -> dict[str, Any] | None:
    """figures: Those of `evaluate`, of which those under `rel_calibration` are shown; None where nothing is written."""
    found = figures.get("rel_calibration")
    if found is None:
        return None
    kept = found["coverage"]
    points = [(share, risk) for share, risk in kept["points"]]
    return {
        "words": in_words(found),
        "n": found["n"],
        "reliability": reliability_diagram(found["bins"], label="The share of relations that is right, by score. The table below has it."),
        "coverage": risk_coverage(points, kept["risk"], label="The share that is wrong, by how many are kept. The table below has it."),
        "bins": [{"range": f"{one['low']:.2f} to {one['high']:.2f}", **one} for one in found["bins"]],
        "kept": [{"kept": share, "risk": next(risk for at, risk in points if at >= share - 1e-9)} for share in KEPT],
        "labels": [{"name": label, **of_label} for label, of_label in found["per_type"].items()],
    }
