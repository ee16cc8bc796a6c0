"""The paired bootstrap, against cases that are enumerated by hand."""

import itertools

import numpy
import pytest

from research.bootstrap import compare, mean_f
from spacy_relext.report.bootstrap import draw_weights

# Two documents: in the first the variant is right where the baseline misses, in the second it is wrong and misses, and the baseline right.
#   draws      variant (tp, fp, fn)  F      baseline (tp, fp, fn)  F      difference
#   d0 d0      4 0 0                 1      2 0 2                  2/3    +1/3
#   d0 d1 (2x) 2 1 1                 2/3    2 0 1                  4/5    -2/15
#   d1 d1      0 2 2                 0      2 0 0                  1      -1
VARIANT = numpy.asarray([[[2, 0, 0], [0, 1, 1]]])
BASELINE = numpy.asarray([[[1, 0, 1], [1, 0, 0]]])
ONE_FOLD = numpy.zeros(2, dtype=int)
# Of the four equally likely draws of two documents.
ALL_DRAWS = numpy.asarray([[2, 0], [1, 1], [1, 1], [0, 2]], dtype=float)


def drawn(folds):
    """All draws at once."""
    return numpy.concatenate(list(draw_weights(folds)))


def test_every_draw_is_the_one_worked_out_by_hand():
    assert mean_f(VARIANT, ONE_FOLD, ALL_DRAWS) == pytest.approx([1, 2 / 3, 2 / 3, 0])
    assert mean_f(BASELINE, ONE_FOLD, ALL_DRAWS) == pytest.approx([2 / 3, 4 / 5, 4 / 5, 1])


def test_difference_interval_and_p_of_all_draws():
    found = compare(VARIANT, BASELINE, ONE_FOLD, ALL_DRAWS)
    assert found.difference == pytest.approx(-2 / 15)
    # One draw of four is above zero: twice a quarter.
    assert found.p == 0.5
    # Of the four sorted differences, 2.5 % and 97.5 % lie 0.075 of a step from the ends.
    assert found.low == pytest.approx(-1 + 0.075 * (1 - 2 / 15))
    assert found.high == pytest.approx(1 / 3 - 0.075 * (1 / 3 + 2 / 15))


def test_drawn_documents_come_near_all_draws():
    found = compare(VARIANT, BASELINE, ONE_FOLD, drawn(ONE_FOLD))
    assert found.difference == pytest.approx(-2 / 15)
    # 10,000 draws: the standard error of the share is 0.0043, and of p twice that.
    assert found.p == pytest.approx(0.5, abs=0.03)
    # A quarter of the draws lies at either end.
    assert (found.low, found.high) == pytest.approx((-1, 1 / 3))


def test_three_documents_against_all_27_draws():
    variant = numpy.asarray([[[3, 1, 0], [0, 1, 2], [2, 0, 1]]])
    baseline = numpy.asarray([[[2, 1, 1], [1, 1, 1], [2, 1, 1]]])
    folds = numpy.zeros(3, dtype=int)
    draws = numpy.asarray([numpy.bincount(draw, minlength=3) for draw in itertools.product(range(3), repeat=3)], dtype=float)
    assert len(draws) == 27
    exact, found = (compare(variant, baseline, folds, weights) for weights in (draws, drawn(folds)))
    assert 0 < exact.p < 1
    assert found.p == pytest.approx(exact.p, abs=0.03)
    assert found.difference == exact.difference == pytest.approx(10 / 15 - 10 / 16)


def test_seeds_are_averaged_on_the_same_documents():
    both = numpy.concatenate([VARIANT, BASELINE])
    assert mean_f(both, ONE_FOLD, ALL_DRAWS) == pytest.approx([5 / 6, 11 / 15, 11 / 15, 1 / 2])
    # The same two runs in another order are no other experiment, draw by draw.
    assert compare(both, both[::-1], ONE_FOLD, drawn(ONE_FOLD)) == (0, 0, 0, 1)


def test_f_of_folds_is_averaged():
    folds = numpy.asarray([0, 0, 0, 1, 1])
    # F of fold 0 is 2/3, of fold 1 is 1; of all counts together it would be 6/8.
    counts = numpy.asarray([[[1, 1, 0], [1, 0, 1], [0, 0, 0], [1, 0, 0], [0, 0, 0]]])
    assert mean_f(counts, folds, numpy.ones((1, 5))) == pytest.approx([(2 / 3 + 1) / 2])


def test_nothing_annotated_and_nothing_found_is_zero():
    assert mean_f(numpy.zeros((1, 2, 3), dtype=int), ONE_FOLD, ALL_DRAWS).tolist() == [0, 0, 0, 0]
