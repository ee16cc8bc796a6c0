import numpy as np
import pytest

from spacy_relext.calibration.curves import (
    calibration_error,
    coverage,
    drawn_by_document,
    half_of,
    log_losses,
    reliability,
    risks_of,
    squared_errors,
)

# By hand: two bins of ten, [0.2, 0.2] of which one is right, and [0.9, 0.9, 1] of which two are.
SCORES, RIGHT = np.array([0.2, 0.2, 0.9, 0.9, 1.0]), np.array([True, False, True, True, False])


def test_the_calibration_error_is_the_mean_difference_over_relations():
    # |0.2 - 0.5| * 2 / 5, |1 - 0| * 1 / 5 with |0.9 - 1| * 2 / 5 in the same bin: |2.8 - 2| / 5.
    assert calibration_error(SCORES, RIGHT, 10) == pytest.approx((2 * 0.3 + 0.8) / 5)
    assert calibration_error(np.zeros(0), np.zeros(0, dtype=bool)) == 0.0


def test_losses_of_certain_scores_that_are_wrong_are_finite():
    assert squared_errors([0.2, 1.0], [True, False]) == pytest.approx([0.64, 1.0])
    assert log_losses([0.2, 0.9], [True, False]) == pytest.approx([-np.log(0.2), -np.log(0.1)])
    assert np.isfinite(log_losses([1.0, 0.0], [False, True])).all()


def test_a_reliability_diagram_has_the_bins_that_are_not_empty():
    found = reliability(SCORES, RIGHT, n_bins=10)
    assert found is not None
    assert [(b.low, b.high, b.n) for b in found.bins] == [(0.2, 0.3, 2), (0.9, 1.0, 3)]
    assert [b.score for b in found.bins] == pytest.approx([0.2, 2.8 / 3])
    assert [b.right for b in found.bins] == pytest.approx([0.5, 2 / 3])
    assert (found.n, found.score, found.right) == (5, pytest.approx(0.64), pytest.approx(0.6))
    assert found.error == pytest.approx(1.4 / 5)
    assert found.brier == pytest.approx((0.64 + 0.04 + 0.01 + 0.01 + 1) / 5)
    assert reliability([], []) is None


def test_the_band_holds_95_percent_of_perfectly_calibrated_models():
    random = np.random.default_rng(0)
    below = inside = n_bins = 0
    for _ in range(60):
        scores = random.random(300)
        found = reliability(scores, random.random(300) < scores, n_draws=200)
        assert found is not None
        assert 0 < found.perfect < found.band
        below += found.error <= found.band
        inside += sum(b.band[0] <= b.right <= b.band[1] for b in found.bins)
        n_bins += len(found.bins)
    assert below >= 54
    assert inside / n_bins > 0.9


def test_a_model_that_is_too_sure_is_outside_of_the_band():
    random = np.random.default_rng(0)
    scores = random.uniform(0.8, 1, 400)
    found = reliability(scores, random.random(400) < 0.6)
    assert found is not None
    assert found.error > found.band
    assert all(b.right < b.band[0] for b in found.bins if b.n > 50)


def test_draws_are_the_same_in_blocks(monkeypatch):
    scores = np.random.default_rng(0).random(50)
    whole = reliability(scores, scores > 0.5, n_draws=100)
    monkeypatch.setattr("spacy_relext.calibration.curves.BLOCK", 1000)
    parts = reliability(scores, scores > 0.5, n_draws=100)
    assert whole is not None
    assert parts is not None
    assert parts.perfect == pytest.approx(whole.perfect, abs=0.01)


def test_the_risk_is_the_share_that_is_wrong_among_the_highest_scores():
    # From the highest: wrong, then right, right (the same score), then one of two (the same score, so half of one each).
    assert risks_of(SCORES, RIGHT) == pytest.approx([1, 1 / 2, 1 / 3, 1.5 / 4, 2 / 5])
    found = coverage(SCORES, RIGHT)
    assert found is not None
    assert found.area == pytest.approx(np.mean([1, 1 / 2, 1 / 3, 1.5 / 4, 2 / 5]))
    assert found.best == pytest.approx(np.mean([0, 0, 0, 1 / 4, 2 / 5]))
    assert (found.risk, found.half) == (pytest.approx(0.4), pytest.approx(1 / 3))
    assert found.points[-1] == (1.0, pytest.approx(0.4))
    assert coverage([], []) is None


def test_the_order_of_relations_with_one_score_does_not_matter():
    right = np.array([True, False, True, True, False])
    same = np.full(5, 1.0)
    assert risks_of(same, right) == pytest.approx(np.full(5, 0.4))
    assert half_of(1) == 0


def test_draws_take_documents_as_a_whole():
    documents = np.array([3, 3, 8, 8, 8])
    found = drawn_by_document(np.ones(5), documents == 8, documents, lambda scores, right: len(scores) + right.mean(), n_draws=50)
    assert set(found.tolist()) == {4.0, 5.6, 7.0}
