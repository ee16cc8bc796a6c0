"""Some of the random Docs; `python -m tests.stress.fuzz` makes as many as are wanted."""

from tests.stress.fuzz import fuzz, fuzz_dense


def test_random_docs():
    counts = fuzz(60)
    assert counts["docs"] >= 60
    assert counts["relations"] > 0


def test_a_thousand_mentions():
    counts = fuzz_dense(1)
    assert counts["docs"] == 1
    assert counts["relations"] > 5000
