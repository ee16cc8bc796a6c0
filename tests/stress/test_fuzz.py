"""Some of the random Docs; `python -m tests.stress.fuzz` makes as many as are wanted."""

from tests.stress.fuzz import check, fuzz, fuzz_dense, make_pipelines


def test_random_docs():
    counts = fuzz(60)
    assert counts["docs"] >= 60
    assert counts["relations"] > 0


def test_a_line_end_behind_an_only_word():
    """PubTator makes it a space, and says so: the Doc that comes back has one token, which to spaCy is a sentence."""
    plan = {"words": ["\u200b", "\n"], "spaces": [False, False], "starts": None, "mentions": [], "relations": None, "spans": False}
    assert check(make_pipelines()[0], [plan], ["pubtator"])["docs"] == 1


def test_a_thousand_mentions():
    counts = fuzz_dense(1)
    assert counts["docs"] == 1
    assert counts["relations"] > 5000
