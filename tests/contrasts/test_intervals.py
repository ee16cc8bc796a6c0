"""Shares and their intervals."""

import pytest

from spacy_relext.contrasts.intervals import exact_interval, share_of


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(0, 60, 0, 0.05963), (60, 60, 1 - 0.05963, 1), (1, 10, 0.00253, 0.44502), (6, 60, 0.03759, 0.20506), (650, 1300, 0.47246, 0.52754)],
)
def test_exact_intervals(count, n, low, high):
    """As the quantiles of the beta distribution say (Clopper and Pearson)."""
    assert exact_interval(count, n) == pytest.approx((low, high), abs=1e-5)


def test_as_scipy_says():
    beta = pytest.importorskip("scipy.stats").beta
    for count, n in ((3, 61), (120, 400), (399, 400)):
        assert exact_interval(count, n) == pytest.approx(
            (beta.ppf(0.025, count, n - count + 1), beta.ppf(0.975, count + 1, n - count)), abs=1e-9
        )


def test_sentences_of_a_frame_are_not_independent():
    """Of ten frames, one fails in all of its six sentences: that is one failure of ten, not six of sixty."""
    share = share_of((f"frame {i % 10}", i % 10 == 0) for i in range(60))
    assert (share.count, share.n, share.share) == (6, 60, 0.1)
    low, high = exact_interval(6, 60)
    assert share.low == 0 < low
    assert share.high == pytest.approx(0.3)
    assert high < 0.25
    # One failure of each of six frames, of ten sentences each, is what the exact interval is for.
    spread = share_of((f"frame {i % 6}", i < 6) for i in range(60))
    assert (spread.low, spread.high) == pytest.approx((low, high), abs=1e-4)


def test_nothing_is_no_share():
    assert share_of([]).to_dict() == {"count": 0, "n": 0, "share": None, "low": None, "high": None}
    assert share_of([("f", False)] * 3).to_dict() == {"count": 0, "n": 3, "share": 0.0, "low": 0.0, "high": 0.975}


@pytest.mark.parametrize("fails", [False, True])
def test_where_all_come_out_alike_frames_are_the_unit(fails):
    """Six frames of four sentences, of which none fails: a model that reads by frame has shown six things, not 24."""
    share = share_of((f"frame {i % 6}", fails) for i in range(24))
    assert (share.low, share.high) == pytest.approx(exact_interval(6 if fails else 0, 6), abs=1e-4)
    assert share.high - share.low == pytest.approx(0.459, abs=1e-3)
