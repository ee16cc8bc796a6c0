"""The bootstrap by document: its draws, sums and intervals."""

import itertools

import numpy
import pytest

from spacy_relext.report import bootstrap
from spacy_relext.report.bootstrap import draw_sums, draw_weights, interval, p_of_no_difference, share_interval

ONE_FOLD = numpy.zeros(2, dtype=int)


def weights_of(folds, **settings):
    return numpy.concatenate(list(draw_weights(folds, **settings)))


def test_draws_are_always_the_same():
    assert (weights_of(ONE_FOLD, n_draws=20) == weights_of(ONE_FOLD, n_draws=20)).all()
    assert (weights_of(ONE_FOLD, n_draws=20) != weights_of(ONE_FOLD, n_draws=20, seed=1)).any()


def test_as_many_documents_are_drawn_as_each_fold_has():
    folds = numpy.asarray([0, 1, 0, 1, 0])
    weights = weights_of(folds, n_draws=50)
    assert weights.shape == (50, 5)
    assert (weights[:, folds == 0].sum(axis=1) == 3).all()
    assert (weights[:, folds == 1].sum(axis=1) == 2).all()
    assert len(numpy.unique(weights, axis=0)) > 10


def test_blocks_hold_all_draws(monkeypatch):
    monkeypatch.setattr(bootstrap, "BLOCK", 7)
    blocks = list(draw_weights(ONE_FOLD, n_draws=10))
    assert [len(block) for block in blocks] == [3, 3, 3, 1]
    assert (numpy.concatenate(blocks).sum(axis=1) == 2).all()


def test_drawn_documents_come_near_all_draws():
    counts = numpy.asarray([[3, 1], [0, 2], [5, 0]])
    exact = numpy.asarray([counts[list(draw)].sum(axis=0) for draw in itertools.product(range(3), repeat=3)])
    drawn = draw_sums(counts)
    assert drawn.shape == (10_000, 2)
    assert drawn.mean(axis=0) == pytest.approx(exact.mean(axis=0), abs=0.15)
    assert numpy.stack(interval(drawn)) == pytest.approx(numpy.stack(interval(exact.repeat(100, axis=0))))


def test_sums_keep_the_other_dimensions():
    counts = numpy.arange(2 * 3 * 4).reshape(2, 3, 4)
    drawn = draw_sums(counts, n_draws=30)
    assert drawn.shape == (30, 3, 4)
    assert {tuple(sums.ravel()) for sums in drawn} == {
        tuple(sums.ravel()) for sums in (2 * counts[0], counts[0] + counts[1], 2 * counts[1])
    }


def test_p_is_twice_the_share_beyond_zero():
    assert p_of_no_difference(numpy.asarray([1, 2, 3, -1])) == 0.5
    assert p_of_no_difference(numpy.asarray([-1, -2, -3, -1])) == 0.0
    assert p_of_no_difference(numpy.zeros(4)) == 1.0


def test_the_interval_of_none_of_twenty_is_more_than_none():
    low, high = share_interval(numpy.array([[0, 5]] * 4))
    # Wilson: z² / (n + z²).
    assert (low, high) == (0.0, pytest.approx(3.8415 / 23.8415, rel=1e-3))
    assert share_interval(numpy.array([[0, 0]])) == (0.0, 1.0)
    # Documents that differ: their draws are wider than pairs that know nothing of each other.
    low, high = share_interval(numpy.array([[20, 20], [0, 20], [20, 20], [0, 20]]))
    assert (low, high) == (0.0, 1.0)
