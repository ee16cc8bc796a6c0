"""From scores to relations: what reaches the threshold, and in which direction it is written."""

import numpy
import pytest
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_relext.pipeline.decoding import Decision, Predictions, decode_relations, symmetrize


@pytest.fixture
def spans():
    doc = Doc(Vocab(), words=["Aspirin", "and", "warfarin"])
    return [Span(doc, 0, 1, label="DRUG"), Span(doc, 2, 3, label="DRUG")]


def decode(spans, scores, *, pairs=((0, 1),), labels=("A", "B"), symmetric=(), threshold=0.5, exclusive=True):
    predictions = Predictions(spans, numpy.asarray(pairs), numpy.asarray(scores, dtype="float32"))
    decision = Decision(tuple(labels), exclusive, numpy.full(len(labels), threshold), symmetric)
    found = decode_relations(predictions, spans, decision, source="x")
    return [(relation.head.text, relation.label, relation.tail.text, round(relation.score, 3)) for relation in found]


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_score_that_equals_the_threshold_reaches_it(spans, exclusive):
    scores = [[0.25, 0.5, 0.25]] if exclusive else [[0.5, 0.25]]
    assert decode(spans, scores, exclusive=exclusive) == [("Aspirin", "A", "warfarin", 0.5)]
    assert decode(spans, scores, exclusive=exclusive, threshold=0.51) == []


def test_of_exclusive_labels_the_best_is_written_and_of_others_all(spans):
    assert decode(spans, [[0.1, 0.4, 0.5]], threshold=0.3) == [("Aspirin", "B", "warfarin", 0.5)]
    found = decode(spans, [[0.4, 0.5]], threshold=0.3, exclusive=False)
    assert found == [("Aspirin", "A", "warfarin", 0.4), ("Aspirin", "B", "warfarin", 0.5)]


def test_a_forbidden_label_is_not_written_whatever_the_threshold(spans):
    assert decode(spans, [[1.0, 0.0, 0.0]], threshold=0.0) == []


def test_a_symmetric_label_has_the_first_mention_as_its_head(spans):
    scores, pairs = [[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]], ((1, 0), (1, 0))
    assert decode(spans, scores, pairs=pairs, symmetric=["A"]) == [("Aspirin", "A", "warfarin", 0.8), ("warfarin", "B", "Aspirin", 0.8)]


def test_no_pairs(spans):
    assert decode(spans, numpy.zeros((0, 3)), pairs=numpy.zeros((0, 2), dtype="int64")) == []


def test_symmetric_scores_are_the_mean_of_both_directions():
    pairs = numpy.asarray([(0, 1), (1, 0), (2, 1)])
    scores = numpy.asarray([[0.2, 0.8], [0.6, 0.4], [0.9, 0.1]], dtype="float32")
    # Column 1 alone is symmetric; (2, 1) has no other direction, and its mirror image is behind all pairs.
    expected = [[0.2, 0.6], [0.6, 0.6], [0.9, 0.1]]
    assert numpy.allclose(symmetrize(pairs, scores, [1]), expected)
    assert numpy.allclose(symmetrize(pairs[::-1], scores[::-1], [1]), expected[::-1])
    one_way = numpy.asarray([(1, 0), (0, 2)])
    assert numpy.array_equal(symmetrize(one_way, scores[:2], [1]), scores[:2])
    assert symmetrize(pairs, scores, [1]).dtype == "float32"


def test_the_mean_is_of_the_directions_that_count():
    pairs = numpy.asarray([(0, 1), (1, 0)])
    scores = numpy.asarray([[0.2, 0.8], [0.6, 0.4]], dtype="float32")
    counted = symmetrize(pairs, scores, [1], numpy.asarray([True, False]))
    assert numpy.allclose(counted, [[0.2, 0.8], [0.6, 0.8]])
    assert numpy.allclose(symmetrize(pairs, scores, [1], numpy.asarray([False, False])), [[0.2, 0.6], [0.6, 0.6]])


def test_relations_name_their_source(spans):
    predictions = Predictions(spans, numpy.asarray([(0, 1)]), numpy.asarray([[0.1, 0.9]], dtype="float32"))
    (relation,) = decode_relations(predictions, spans, Decision(("A",), True, numpy.asarray([0.5])), source="ddi")
    assert relation.sources == ("ddi",)
