from itertools import product

import numpy
import pytest

from spacy_relext.errors import RelextError
from spacy_relext.thresholds import choosing
from spacy_relext.thresholds.choosing import (
    best_target,
    documents_needed,
    guaranteed,
    review_threshold,
    short,
    thresholds_for_costs,
    thresholds_for_f,
    why_not,
)
from spacy_relext.thresholds.scored import Scored


def scored_of(scores, right, *, labels=None, documents=None, annotated=None):
    order = numpy.argsort(-numpy.asarray(scores), kind="stable")
    labels = numpy.zeros(len(scores), dtype="int64") if labels is None else numpy.asarray(labels)
    documents = numpy.arange(len(scores)) if documents is None else numpy.asarray(documents)
    right = numpy.asarray(right, dtype=bool)
    names = ["A", "B"][: labels.max(initial=0) + 1]
    if annotated is None:
        annotated = numpy.bincount(labels, right, len(names)).astype("int64") + 2
    n_documents = int(documents.max(initial=-1)) + 1
    return Scored(numpy.asarray(scores)[order], right[order], labels[order], documents[order], names, numpy.asarray(annotated), n_documents)


@pytest.fixture
def many():
    """Relations of documents, as a calibrated model scores them."""
    rng = numpy.random.default_rng(1)
    scores = rng.beta(2, 0.7, size=600).astype("float32").astype(float)
    return scored_of(scores, rng.uniform(size=600) < scores, labels=rng.integers(2, size=600), documents=numpy.repeat(range(150), 4))


def figures(scored, thresholds):
    found = scored.reaching(thresholds)
    return found.right.sum(), len(found.scores), scored.annotated.sum()


def micro_f(scored, thresholds):
    right, written, annotated = figures(scored, thresholds)
    return 2 * right / (written + annotated)


def test_thresholds_for_f_are_the_best(many):
    (one,) = thresholds_for_f([many])
    grid = numpy.linspace(0, 1, 201)
    assert micro_f(many, [one, one]) >= max(micro_f(many, [t, t]) for t in grid)
    several = thresholds_for_f([many.of(["A"]), many.of(["B"])])
    assert micro_f(many, several) >= max(micro_f(many, pair) for pair in product(grid[::4], repeat=2))
    assert micro_f(many, several) >= micro_f(many, [one, one])


def test_thresholds_for_costs_are_the_cheapest(many):
    def costs(threshold):
        right, written, annotated = figures(many, [threshold] * 2)
        return ratio * (written - right) + annotated - right

    found = []
    for ratio in (0.2, 1, 5):
        found += thresholds_for_costs([many], ratio)
        assert costs(found[-1]) <= min(map(costs, numpy.linspace(0, 1, 201)))
    assert found == sorted(found)
    # That of a calibrated model: wrong with 1 - score, which costs as much as to miss it with score.
    assert found == pytest.approx([0.2 / 1.2, 0.5, 5 / 6], abs=0.12)


def test_thresholds_are_short_numbers_between_scores():
    scored = scored_of([0.9, 0.8, 0.8, 0.3], [1, 1, 1, 0])
    assert scored.ends.tolist() == [1, 3, 4]
    assert [scored.threshold(end) for end in (0, 1, 3, 4)] == [0.95, 0.85, 0.55, 0.15]
    near = float(numpy.float32(0.8) + numpy.float32(1e-6))
    threshold = scored_of([near, float(numpy.float32(0.8))], [1, 0]).threshold(1)
    assert numpy.float32(0.8) < numpy.float32(threshold) <= numpy.float32(near)


def test_labels_without_relations_are_not_written(many):
    nothing = scored_of([0.4, 0.7], [0, 0], annotated=[0])
    assert thresholds_for_f([many, nothing])[1] == 0.85
    assert thresholds_for_f([many, scored_of([], [], annotated=[0])])[1] == 0.5
    assert thresholds_for_costs([nothing], 1) == [0.85]
    # Above 1 there is no threshold.
    assert thresholds_for_f([many, scored_of([1.0, 0.4], [0, 0], annotated=[0])])[1] == 0.7


def test_a_guarantee(many):
    found = guaranteed(many, 0.8, 0.9)
    assert found.bound >= 0.8
    assert (many.scores >= found.threshold).sum() == found.end
    assert many.right[: found.end].mean() > 0.82
    stricter = guaranteed(many, 0.8, 0.99)
    assert stricter.threshold > found.threshold
    assert guaranteed(many, 0.999, 0.9) is None
    assert guaranteed(scored_of([], []), 0.5, 0.9) is None


def test_what_can_be_had(many):
    target, found = best_target(many, 0.9, 0.999)
    assert found.bound >= target
    assert guaranteed(many, target + 0.01, 0.9) is None
    assert best_target(scored_of([0.5, 0.4], [0, 0]), 0.9, 0.9) is None


def test_documents_needed_are_about_enough():
    def sample(n):
        number = numpy.arange(2 * n)
        return scored_of(numpy.linspace(0.9, 0.5, 2 * n), (number < n) | (number % 5 != 2), documents=number % n)

    few = sample(40)
    assert guaranteed(few, 0.87, 0.9) is None
    more = documents_needed(few, 0.87, 0.9)
    assert guaranteed(sample(int(0.9 * (40 + more))), 0.87, 0.9) is None
    assert guaranteed(sample(2 * (40 + more)), 0.87, 0.9) is not None
    assert f"About {more} annotated documents more would be needed" in why_not(few, "relations", 0.87, 0.9)
    assert "with confidence 90 % on 40 documents (80 candidate pairs); the best that can be had is 0." in why_not(few, "A", 0.87, 0.9)
    wrong = scored_of(numpy.linspace(0.1, 0.9, 200), numpy.arange(200) % 2)
    assert documents_needed(wrong, 0.9, 0.9) is None
    assert "No threshold that writes 20 relations or more has that precision" in why_not(wrong, "A", 0.9, 0.9)
    assert "No threshold that writes 5 relations or more" in why_not(scored_of([0.9] * 5, [0] * 5), "A", 0.9, 0.9)


def test_more_documents_help_where_the_surest_relations_are_precise_and_too_few():
    """30 right ones are fewer than the sequence begins with for 0.97."""
    scored = scored_of(numpy.linspace(0.9, 0.5, 90), (numpy.arange(90) < 30) | (numpy.arange(90) % 2 == 0))
    assert guaranteed(scored, 0.97, 0.98) is None
    assert 90 < documents_needed(scored, 0.97, 0.98) < 2000
    assert "more would be needed" in why_not(scored, "ADVISE", 0.97, 0.98)


def test_scores_of_0_and_1():
    """All relations are written, or none is: there is one threshold."""
    scored = scored_of([1.0] * 60, [1] * 55 + [0] * 5)
    assert guaranteed(scored, 0.8, 0.9).threshold == 0.5
    assert guaranteed(scored, 0.95, 0.9) is None
    assert thresholds_for_f([scored]) == [0.5]
    assert thresholds_for_f([scored_of([0.0] * 5, [1] * 5)]) == [0.0]


def test_review_threshold(many):
    lower = review_threshold(many, 0.8, 0.1)
    n_written, n_asserted = ((many.scores >= t).sum() for t in (lower, 0.8))
    assert 0.09 < 1 - n_asserted / n_written <= 0.1
    with pytest.raises(RelextError, match=r"a share of 0.0001 .* less than one relation"):
        review_threshold(many, 0.8, 0.0001)


def test_a_share_that_is_not_1_is_not_said_to_be():
    assert [short(share) for share in (0.9, 1 - 0.1 / 3, 0.9999999, 1.0)] == ["0.9", "0.966667", "0.9999999", "1"]
    assert [short(share, 100) for share in (0.9, 1 - 0.1 / 3, 0.9999999, 1.0)] == ["90", "96.67", "99.99999", "100"]


def test_a_tenth_of_the_documents_is_not_rounded_up(monkeypatch):
    for name in ("needed", "beginning"):
        monkeypatch.setattr(choosing, name, lambda *_: 1)
    assert documents_needed(scored_of([0.9] * 250, [True] * 250), 0.5, 0.9) == 25
