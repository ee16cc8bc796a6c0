"""Thresholds on another scale: the same raw scores reach them as before, to the last bit of float32."""

import numpy
import pytest

from spacy_relext.calibration.maps import ScoreMap, ScoreMaps
from spacy_relext.pipeline.rescaling import moved, rescaled

MAPS = [
    ScoreMap("temperature", (1.7,)),
    ScoreMap("sigmoid", (0.6, -0.8)),
    ScoreMap("beta", (0.5, 2.0, 0.3)),
    ScoreMap("isotonic", (0.0, 0.3, 0.30001, 1.0, 0.1, 0.11, 0.6, 0.9)),
]


@pytest.mark.parametrize("scale", MAPS, ids=lambda found: found.method)
@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.3, 0.5, 0.7, 0.123456, 0.95, 1.0])
def test_the_same_raw_scores_reach_a_threshold_that_moves(scale, threshold):
    # Those about the threshold, each the next number of float32.
    raw = [numpy.float32(threshold)]
    for direction in (-1, 2):
        at = raw[0]
        for _ in range(3):
            at = numpy.nextafter(at, numpy.float32(direction))
            raw.append(at)
    raw = numpy.clip(numpy.asarray([*raw, *numpy.linspace(0, 1, 101)], dtype="float32"), 0, 1)
    there = moved(threshold, None, scale)
    assert numpy.array_equal(scale(raw.astype("float64")) >= there, raw >= numpy.float32(threshold))
    back = moved(there, scale, None)
    assert numpy.array_equal(raw >= numpy.float32(back), raw >= numpy.float32(threshold))
    assert back == threshold
    elsewhere = moved(there, scale, MAPS[0])
    assert numpy.array_equal(MAPS[0](raw.astype("float64")) >= elsewhere, raw >= numpy.float32(threshold))


def test_a_threshold_has_as_few_digits_as_it_can():
    assert moved(0.5, None, MAPS[0]) == 0.5
    assert len(str(moved(0.3, None, MAPS[0]))) <= len("0.12345678")
    assert moved(0.3, MAPS[0], MAPS[0]) == 0.3


CFG = {"labels": ["A", "B", "C"], "threshold": 0.5, "label_thresholds": {"B": 0.7}, "uncertain_below": 0.8}


def test_labels_with_maps_of_their_own_get_thresholds_of_their_own():
    maps = ScoreMaps({"A": MAPS[1], "B": MAPS[2]}, MAPS[0])
    found = rescaled(CFG, None, maps)
    assert found["threshold"] == 0.5
    assert found["label_thresholds"] == {"A": moved(0.5, None, MAPS[1]), "B": moved(0.7, None, MAPS[2])}
    # One number of all labels, whose maps differ.
    assert found["uncertain_below"] == 0.8
    assert rescaled({**CFG, **found}, maps, None) == {name: CFG[name] for name in found}
    pooled = rescaled(CFG, None, ScoreMaps({}, MAPS[1]))
    assert pooled == {name: moved(CFG[name], None, MAPS[1]) for name in ("threshold", "uncertain_below")} | {
        "label_thresholds": {"B": moved(0.7, None, MAPS[1])}
    }


def test_labels_without_a_map_keep_their_thresholds():
    found = rescaled(CFG, None, ScoreMaps({"A": MAPS[1]}))
    assert found == {"threshold": 0.5, "label_thresholds": {"A": moved(0.5, None, MAPS[1]), "B": 0.7}, "uncertain_below": 0.8}
