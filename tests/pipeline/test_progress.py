"""A training that learns nothing says so."""

import logging
import math

import numpy
import pytest
from spacy.util import fix_random_seed

from spacy_relext.notices import Notices
from spacy_relext.pipeline.progress import EARLY, SEVERAL, WINDOW, Progress, entropy
from tests.conftest import TRAIN_DATA
from tests.pipeline.test_relation_extractor import constant, make_examples, make_pipeline

# Of 4 pairs, one with the label.
TARGETS = numpy.asarray([[1, 0], [1, 0], [1, 0], [0, 1]], dtype="float32")
ALLOWED = numpy.ones((4, 2), dtype=bool)
# Nats of them all.
CONSTANT = 4 * (0.75 * math.log(4 / 3) + 0.25 * math.log(4))


def run(progress, n, loss, *, allowed=ALLOWED, targets=TARGETS, exclusive=True, notices=None):
    notices = notices or Notices()
    for _ in range(n):
        progress.update("x", notices, loss, allowed, targets, exclusive=exclusive)


def test_entropy_by_hand():
    assert entropy(4, TARGETS.sum(axis=0), exclusive=True) == pytest.approx(CONSTANT)
    # Two columns, each yes or no.
    assert entropy(4, numpy.asarray([1.0, 1.0]), exclusive=False) == pytest.approx(2 * CONSTANT)
    assert entropy(4, numpy.asarray([4.0, 0.0]), exclusive=True) == entropy(4, numpy.asarray([4.0, 0.0]), exclusive=False) == 0


def test_loss_at_the_entropy_of_the_labels(caplog):
    run(Progress(), SEVERAL * WINDOW - 1, CONSTANT)
    assert not caplog.messages
    notices, progress = Notices(), Progress()
    run(progress, SEVERAL * WINDOW, CONSTANT, notices=notices)
    [message] = caplog.messages
    assert message.startswith(
        "x: nothing is learned. After 300 updates the loss of a pair is 0.562, and the frequencies of the labels alone"
    )
    assert "learn_rate_scale" in message
    run(progress, SEVERAL * WINDOW, CONSTANT, notices=notices)
    assert len(caplog.messages) == 1


def test_pairs_count_by_their_weights(caplog):
    """Those that only teachers say something of, of weight 0, do not count."""
    weights = numpy.asarray([0.5, 0, 0, 0.5])
    for loss, of_pairs in ((0.99, weights), (0.9, weights), (0.0, 0 * weights)):
        progress = Progress()
        for _ in range(SEVERAL * WINDOW):
            # Half a pair without the label, and half a pair with it.
            progress.update("x", Notices(), loss * math.log(2), ALLOWED, TARGETS, of_pairs, exclusive=True)
        assert (progress.n_bad_windows == SEVERAL) == (loss == 0.99)


@pytest.mark.parametrize("losses", [[0.9], [1, 1, 0.9], [0.9, 1, 1]])
def test_loss_that_falls(caplog, losses):
    notices, progress = Notices(), Progress()
    for _ in range(2):
        for part in losses:
            run(progress, WINDOW, part * CONSTANT, notices=notices)
    assert not caplog.messages


def test_masked_labels_and_few_relations_say_nothing(caplog):
    # What type rules forbid costs nothing: the loss is that of the pairs that may have the label, one of two.
    allowed = ALLOWED.copy()
    allowed[:2, 1] = False
    run(Progress(), SEVERAL * WINDOW, 0.9 * 2 * math.log(2), allowed=allowed)
    assert not caplog.messages
    run(Progress(), SEVERAL * WINDOW, 2 * math.log(2), allowed=allowed)
    assert len(caplog.messages) == 1
    run(Progress(), SEVERAL * WINDOW, 1.0, targets=TARGETS[:3], allowed=ALLOWED[:3])
    run(Progress(), SEVERAL * WINDOW, 0.0, targets=TARGETS[:0], allowed=ALLOWED[:0])
    assert len(caplog.messages) == 1


def test_evaluations_without_a_relation(caplog):
    progress, notices = Progress(), Notices()

    def evaluate(n_updates, *, found=False, n_annotated=7):
        run(progress, n_updates, 0.0)
        progress.evaluation("x", notices, n_annotated, found=found)

    # Early, at step 0 too, and where there is nothing to find.
    for _ in range(SEVERAL + 1):
        evaluate(0)
    evaluate(EARLY, n_annotated=0)
    for _ in range(SEVERAL - 1):
        evaluate(1)
    # One that finds something begins anew.
    evaluate(1, found=True)
    for _ in range(SEVERAL - 1):
        evaluate(1)
    assert not caplog.messages
    evaluate(1)
    [message] = caplog.messages
    assert message.startswith(
        f"x: nothing is learned. None of 7 annotated relations was predicted in 3 evaluations, after {EARLY + 6} updates."
    )


@pytest.mark.parametrize(
    ("settings", "rate", "warns"), [({}, 0.0, True), ({"exclusive": False, "reduction": "mean"}, 0.0, True), ({}, 0.005, False)]
)
def test_component_that_does_not_learn(caplog, monkeypatch, settings, rate, warns):
    monkeypatch.setattr("spacy_relext.pipeline.progress.WINDOW", 10)
    caplog.set_level(logging.WARNING)
    fix_random_seed(0)
    nlp, _ = make_pipeline(**settings)
    examples = make_examples(nlp, TRAIN_DATA)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = rate
    for _ in range(10 * SEVERAL):
        nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    assert any("the frequencies of the labels alone" in m for m in caplog.messages) is warns


def test_component_that_predicts_nothing(caplog, monkeypatch):
    monkeypatch.setattr("spacy_relext.pipeline.progress.EARLY", 1)
    nlp, pipe, _ = constant([9, 0], ["A"])
    data = [("Ritonavir inhibits CYP3A4.", [("Ritonavir", "DRUG"), ("CYP3A4", "GENE")], [(0, 1, "A")])]
    optimizer = nlp.create_optimizer()
    optimizer.learn_rate = 0.0
    for _ in range(SEVERAL):
        nlp.update(make_examples(nlp, data), sgd=optimizer, annotates=["sentencizer"])
        pipe.score(make_examples(nlp, data))
    assert any("None of 1 annotated relation was predicted in 3 evaluations" in m for m in caplog.messages)
