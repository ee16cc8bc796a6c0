import numpy
import pytest

from research import thresholds
from research.thresholds import LAWS, by_relations_alone, half_splits, label_splits, part, precision_and_recall, simulate
from spacy_relext.thresholds.choosing import guaranteed
from spacy_relext.thresholds.scored import Scored


@pytest.fixture
def scored():
    return LAWS[1].draw(numpy.random.default_rng(0), 120)


def test_simulate(monkeypatch):
    monkeypatch.setattr(thresholds, "TRUTH", 2000)
    found = simulate(LAWS[0], 80, 0.7, 0.9, draws=10, seed=0)
    assert found["found"] > 0.8
    assert found["reached"] > 0.6
    assert found["held"] == pytest.approx(1 - found["found"] * (1 - found["reached"]))
    assert 0.3 < found["recall"] < 1
    assert simulate(LAWS[0], 80, 0.7, 0.9, draws=10, seed=0) == found


def test_the_bound_over_relations_alone_is_bolder(scored):
    assert by_relations_alone(scored, 0.7, 0.9) <= guaranteed(scored, 0.7, 0.9).threshold


def test_parts_are_the_whole(scored):
    chosen = numpy.arange(120) % 3 == 0
    one, other = part(scored, chosen), part(scored, ~chosen)
    assert (one.n_documents, other.n_documents) == (40, 80)
    assert len(one.scores) + len(other.scores) == len(scored.scores)
    assert one.annotated.sum() + other.annotated.sum() == scored.annotated.sum()
    assert one.documents.max() < 40
    p, r = precision_and_recall(scored, 0.0)
    assert (p, r) == (scored.right.mean(), 1.0)


def test_no_document_is_in_both_halves(scored, monkeypatch):
    halves = []
    monkeypatch.setattr(thresholds, "part", lambda of, chosen: (halves.append(chosen), part(of, chosen))[1])
    half_splits(scored, 0.6, 0.9, splits=3, seed=0)
    assert len(halves) == 6
    for one, other in zip(halves[::2], halves[1::2], strict=True):
        assert (one == ~other).all()
        assert one.sum() == 60


def test_half_splits(scored):
    found = half_splits(scored, 0.6, 0.9, splits=6, seed=0)
    assert found["found"] > 0
    assert 0 < found["precision_10"] <= found["precision"] <= 1
    assert half_splits(scored, 0.9999, 0.9, splits=2, seed=0)["found"] == 0


def test_a_threshold_for_each_label_pays_where_labels_differ():
    # Of the first label the relations above 0.5 are right, of the second those above 0.8.
    rng = numpy.random.default_rng(0)
    scores = numpy.sort(rng.random(4000))[::-1]
    labels = rng.integers(2, size=4000)
    right = scores > numpy.where(labels == 0, 0.5, 0.8)
    annotated = numpy.bincount(labels[right], minlength=2)
    scored = Scored(scores, right, labels, rng.integers(100, size=4000), ("A", "B"), annotated, 100)
    found = label_splits(scored, splits=4, seed=0)
    assert found["per label"] > 0.99 > found["one"]
    assert found["better"] == 1
    assert label_splits(scored, splits=4, seed=0) == found
