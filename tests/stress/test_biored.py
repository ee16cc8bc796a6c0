"""Documents in the shape of BioRED: the three formats say the same."""

from random import Random

from tests.stress import biored


def test_the_three_formats_say_the_same(tmp_path):
    random = Random(1)
    documents = [biored.make(random, number) for number in range(12)]
    assert any("|" in head for made in documents for _, head, _, _ in made.relations)
    assert biored.check(documents, tmp_path) == []


def test_what_differs_is_seen(tmp_path, monkeypatch):
    made = biored.make(Random(1), 0)
    assert made.relations
    monkeypatch.setattr(biored, "expected", lambda made: ())
    assert len(biored.check([made], tmp_path)) == len(biored.FORMATS)
