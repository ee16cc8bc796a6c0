"""Bounds against figures from tables, what must hold for any counts, and another implementation."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_relext.thresholds.bounds import (
    MANY,
    beginning,
    clopper_pearson,
    effective_sizes,
    lower_bounds,
    n_certified,
    needed,
    sequence,
)


def test_clopper_pearson():
    # Without an error: the n-th root of 0.1.
    assert clopper_pearson(10, 10, 0.9) == pytest.approx(0.1 ** (1 / 10))
    assert clopper_pearson(0, 10, 0.9) == 0
    # The lower end of a two-sided interval of 95 %, as tables give it for 8 of 10.
    assert clopper_pearson(8, 10, 0.975) == pytest.approx(0.4439, abs=1e-4)
    assert clopper_pearson([10, 8, 0], 10, 0.975) == pytest.approx([0.6915, 0.4439, 0], abs=1e-4)


def test_without_an_error_each_document_counts_as_one_relation():
    right = numpy.array([[5.0] * 20])
    assert effective_sizes(right, right, 0.9) == pytest.approx(20, rel=0.15)
    assert lower_bounds(right, right, 0.9) == pytest.approx(0.1 ** (1 / 20), abs=0.02)


def test_documents_that_agree_more_than_chance_gain_nothing():
    written = numpy.full((1, 30), 10.0)
    assert effective_sizes(0.9 * written, written, 0.9) < 300
    assert lower_bounds(0.9 * written, written, 0.9) <= clopper_pearson(270, 300, 0.9)


def test_wrong_documents_count_for_less():
    written = numpy.full((2, 30), 10.0)
    right = numpy.vstack([numpy.full(30, 9.0), numpy.repeat([10.0, 0.0], [27, 3])])
    scattered, together = lower_bounds(right, written, 0.9)
    assert together < scattered
    assert effective_sizes(right, written, 0.9)[1] < 40


def test_few_documents_say_little_of_how_documents_differ():
    """The same documents several times: each is worth less where there are few, since their variance is an estimate, too."""
    worth = []
    for times in (2, 5, 20):
        right = numpy.array([[10.0, 6.0] * times])
        worth.append(float(effective_sizes(right, numpy.full_like(right, 10.0), 0.9)[0]) / (2 * times))
    assert worth == pytest.approx([0.87, 1.76, 2.99], abs=0.01)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12), st.floats(0.55, 0.99))
def test_what_holds_for_any_counts(counts, confidence):
    right = numpy.array([[float(min(pair)) for pair in counts]])
    written = numpy.array([[float(max(pair)) for pair in counts]])
    (bound,) = lower_bounds(right, written, confidence)
    precision = right.sum() / max(written.sum(), 1)
    assert 0 <= bound <= precision + 1e-9
    assert bound <= clopper_pearson(right.sum(), written.sum(), confidence)


def test_needed():
    assert needed(1, 0.9, 0.9) == 22
    assert 0.9**21 > 0.1 > 0.9**22
    assert needed(0.8, 0.9, 0.9) == MANY


def test_sequence():
    first = beginning(0.8, 0.9)
    assert clopper_pearson(numpy.floor(0.9 * first), first, 0.9) >= 0.8
    ends = numpy.arange(1, 1001)
    found = sequence(ends, 0.8, 0.9)
    assert (found[0], found[-1]) == (first, 1000)
    assert (numpy.diff(found) > 0).all()
    # Where there are ties, and where there is less than that.
    assert set(sequence(ends[9::10], 0.8, 0.9)) <= set(ends[9::10])
    assert sequence(numpy.array([3]), 0.8, 0.9).tolist() == [3]


def test_it_ends_with_the_first_test_that_fails():
    assert n_certified(numpy.array([0.9, 0.85, 0.7, 0.9]), 0.8) == 2
    assert n_certified(numpy.array([0.7, 0.9]), 0.8) == 0
    assert n_certified(numpy.array([0.9, 0.8]), 0.8) == 2


def test_beside_mapie():
    """MAPIE tests by the bound of Hoeffding and Bentkus, which is e times the exact p at the most, and never less."""
    risk_control = pytest.importorskip("mapie.risk_control")
    rng = numpy.random.default_rng(0)
    scores = rng.uniform(size=600)
    right = rng.uniform(size=600) < scores**0.3
    thresholds = numpy.linspace(0.1, 0.95, 30)
    controller = risk_control.BinaryClassificationController(
        lambda X: numpy.hstack([1 - X, X]), "precision", 0.85, 0.9, list_predict_params=thresholds, fwer_method="bonferroni"
    )
    controller.calibrate(scores[:, None], right.astype(int))
    theirs = controller.p_values.ravel() <= 0.1
    n_right, n = (numpy.array([(of & (scores >= t)).sum() for t in thresholds]) for of in (right, right | True))
    exact, stricter = (clopper_pearson(n_right, n, confidence) >= 0.85 for confidence in (0.9, 1 - 0.1 / numpy.e))
    assert 0 < stricter.sum() <= theirs.sum() <= exact.sum() < 30
    assert (exact >= theirs).all()
    assert (theirs >= stricter).all()
