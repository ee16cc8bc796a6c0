import json
import pickle

import numpy as np
import pytest
import srsly

from spacy_relext.calibration.maps import ScoreMap, ScoreMaps
from spacy_relext.errors import RelextError

MAPS = [
    ScoreMap("temperature", (1.5,)),
    ScoreMap("temperature", (0.4,)),
    ScoreMap("sigmoid", (2.5, -4.0)),
    ScoreMap("sigmoid", (0.1, 1.0)),
    ScoreMap("sigmoid", (0.8853269639670127, -0.1394025361043334)),
    ScoreMap("beta", (0.6, 1.7, -0.3)),
    ScoreMap("isotonic", (0, 0.3, 0.31, 1, 0.05, 0.2, 0.8, 0.95)),
]
NAMES = [f"{found.method}-{found.numbers[0]}" for found in MAPS]


def test_the_numbers_mean_what_their_formulas_say():
    p = np.array([0.2, 0.5, 0.9])
    logit = np.log(p / (1 - p))
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    assert ScoreMap("temperature", (2,))(p) == pytest.approx(sigmoid(logit / 2), abs=1e-3)
    assert ScoreMap("sigmoid", (2, 1))(p) == pytest.approx(sigmoid(2 * logit + 1), abs=1e-3)
    assert ScoreMap("beta", (2, 0.5, 1))(p) == pytest.approx(sigmoid(2 * np.log(p) - 0.5 * np.log(1 - p) + 1), abs=1e-3)
    assert ScoreMap("isotonic", (0, 0.5, 1, 0, 0.2, 1))(p) == pytest.approx([0.08, 0.2, 0.84])


@pytest.mark.parametrize("found", MAPS, ids=NAMES)
def test_a_map_is_strictly_increasing_and_finite_up_to_the_ends(found):
    ends = np.nextafter(np.float32([0, 1]), np.float32([1, 0]))
    scores = np.concatenate([[0.0], np.linspace(1e-6, 1 - 1e-6, 10_001), ends[1:], [1.0]])
    mapped = found(scores)
    assert mapped.dtype == np.float64
    assert (np.diff(mapped) > 0).all()
    assert 0 <= mapped[0] < mapped[-1] <= 1


@pytest.mark.parametrize("found", MAPS, ids=NAMES)
def test_the_inverse_gives_the_raw_scores_back(found):
    scores = np.linspace(0, 1, 101).reshape(1, 101)
    assert found.inverse(found(scores)) == pytest.approx(scores, abs=1e-9)
    assert found.inverse([-0.1, 1.1]) == pytest.approx([0, 1])
    assert float(found.inverse(float(found(0.3)))) == pytest.approx(0.3, abs=1e-9)


@pytest.mark.parametrize("found", MAPS, ids=NAMES)
def test_a_map_survives_json_and_pickles(found):
    assert ScoreMap.from_dict(srsly.json_loads(srsly.json_dumps(found.to_dict()))) == found
    assert ScoreMap.from_dict(srsly.msgpack_loads(srsly.msgpack_dumps(found.to_dict()))) == found
    assert ScoreMap.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert pickle.loads(pickle.dumps(found)) == found
    assert np.isnan(found(np.nan))
    assert np.isnan(found.inverse(np.nan))


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"method": "platt", "slope": 1.0, "intercept": 0.0},
        {"method": ["temperature"], "temperature": 1.0},
        {"method": "temperature"},
        {"method": "temperature", "temperature": 0.0},
        {"method": "temperature", "temperature": "warm"},
        {"method": "temperature", "temperature": float("inf")},
        {"method": "sigmoid", "slope": -1.0, "intercept": 0.0},
        {"method": "beta", "a": 1.0, "b": 0.0, "c": 0.0},
        {"method": "isotonic", "raw": [0.0, 1.0], "calibrated": [0.5, 0.5]},
        {"method": "isotonic", "raw": [0.1, 1.0], "calibrated": [0.1, 0.5]},
        {"method": "isotonic", "raw": [0.0, 1.0], "calibrated": [0.1, 1.5]},
        {"method": "isotonic", "raw": [0.0, 0.5, 1.0], "calibrated": [0.1]},
        {"method": "isotonic", "raw": 1.0, "calibrated": 1.0},
    ],
)
def test_what_is_no_map_is_an_error(data):
    with pytest.raises(RelextError, match="calibration"):
        ScoreMap.from_dict(data)


def test_a_label_without_a_map_takes_the_pooled_one_or_none():
    own, pooled = MAPS[0], MAPS[2]
    maps = ScoreMaps({"EFFECT": own}, pooled)
    assert maps.of("EFFECT") is own
    assert maps.of("ADVISE") is pooled
    assert maps.calibrated("EFFECT", 0.7) == float(own(0.7))
    assert maps.raw("EFFECT", maps.calibrated("EFFECT", 0.7)) == pytest.approx(0.7)
    assert ScoreMaps({"EFFECT": own}).calibrated("ADVISE", 0.7) == 0.7
    assert ScoreMaps.from_dict(json.loads(json.dumps(maps.to_dict()))) == maps
    assert ScoreMaps.from_dict({**ScoreMaps().to_dict(), "documents": []}) == ScoreMaps()


@pytest.mark.parametrize("data", [3, {"labels": {}}, {"labels": [], "pooled": None}, {"labels": {"EFFECT": 1}, "pooled": None}])
def test_what_is_no_calibration_is_an_error(data):
    with pytest.raises(RelextError, match="calibration"):
        ScoreMaps.from_dict(data)
