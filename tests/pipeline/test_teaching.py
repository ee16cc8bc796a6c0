"""An extractor learns from what teachers say of its pairs, from annotation, or from both."""

import logging
import math

import numpy
import pytest
import spacy
from spacy.tokens import Span
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_relext.errors import RelextError
from spacy_relext.pipeline.preparing import annotated_pairs
from spacy_relext.pipeline.teaching import Matches
from spacy_relext.relations import remove_annotation, set_annotated_labels
from spacy_relext.taught import Place, Taught, get_taught, set_taught
from tests.conftest import TRAIN_DATA, make_doc

LABELS = ("ADVISE", "INHIBITS", "MECHANISM")
MODEL = {
    "@architectures": "spacy-relext.PairClassifier.v1",
    "hidden_width": 16,
    "dropout": 0.0,
    "tok2vec": {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 16,
        "depth": 1,
        "embed_size": 200,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": False,
    },
    "summary": {"@relext_summaries": "spacy-relext.mentions.v1"},
}


def teach(doc, labels=LABELS, *, exclusive=True, sure=0.97, only=None):
    """File on a Doc what a sure teacher says, who knows its relations. only: Of so many pairs."""
    relations = {(Place.of(r.head)[:2], Place.of(r.tail)[:2]): r.label for r in doc._.relations}
    mentions = [Place.of(span) for span in doc.ents]
    pairs = [(head, tail) for head in mentions for tail in mentions if head != tail][:only]
    p = numpy.full((len(pairs), len(labels) + exclusive), (1 - sure) / len(labels))
    for row, (head, tail) in enumerate(pairs):
        label = relations.get((head[:2], tail[:2]))
        if label is not None or exclusive:
            p[row, 0 if label is None else labels.index(label) + exclusive] = sure
    set_taught(doc, Taught(labels, exclusive, pairs, numpy.log(p)))


def make_examples(nlp, *, annotated=False, **settings):
    references = [make_doc(nlp, *data) for data in TRAIN_DATA]
    for reference in references:
        teach(reference, **settings)
        if not annotated:
            remove_annotation(reference)
    return [Example(nlp.make_doc(reference.text), reference) for reference in references]


def started(examples, *, labels=None, **settings):
    fix_random_seed(0)
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor", config={"model": MODEL, **settings})
    pipe.initialize(lambda: examples, nlp=nlp, labels=labels)
    return nlp, pipe


def trained(examples, steps=60, **settings):
    nlp, pipe = started(examples, **settings)
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.02
    losses = {}
    for _ in range(steps):
        losses = pipe.update(examples, sgd=optimizer, losses={})
    return nlp, pipe, losses[pipe.name]


@pytest.mark.parametrize("settings", [{}, {"teacher_temperature": 2.0, "rdrop_weight": 0.5}, {"exclusive": False}])
def test_without_annotation_it_learns_what_teachers_say(nlp, settings):
    exclusive = settings.get("exclusive", True)
    examples = make_examples(nlp, exclusive=exclusive)
    _, pipe, loss = trained(examples, **settings)
    assert pipe.labels == LABELS
    assert pipe.cfg["mention_types"] == ["DRUG", "GENE"]
    assert loss < 0.5
    for example in examples:
        found = annotated_pairs(pipe, example, learning=True)
        assert not found.annotated
        [scores] = pipe.score_prepared([example.predicted], [found.prepared])
        taught = get_taught(example.reference)
        for (head, tail), row in zip(found.prepared.candidates.pairs.tolist(), scores, strict=True):
            places = [Place.of(span) for span in example.reference.ents]
            expected = numpy.exp(taught.log_p[taught.rows[places[head], places[tail]]])
            numpy.testing.assert_allclose(row, expected, atol=0.2)
    # On what it has learned, no threshold is chosen.
    assert pipe.cfg["seen"]["sentences"]


def test_labels_of_teachers_in_another_order(nlp):
    examples = make_examples(nlp)
    _, pipe = started(examples, labels=["MECHANISM", "ADVISE", "INHIBITS"])
    found = annotated_pairs(pipe, examples[0], learning=True)
    # (Aspirin, warfarin) is a MECHANISM, whose column is the second one here and the fourth of the teachers.
    numpy.testing.assert_allclose(numpy.exp(found.taught.logits[0]), [0.01, 0.97, 0.01, 0.01], rtol=1e-5)


def test_weights_of_annotation_and_teachers(nlp):
    """The loss of the first update, by hand: all pairs are annotated, and teachers say something of all."""
    examples = make_examples(nlp, annotated=True)
    losses = {}
    for weight in (0.0, 0.25, 1.0):
        _, pipe = started(examples, teacher_weight=weight)
        losses[weight] = pipe.update(examples)[pipe.name]
    assert losses[0.25] == pytest.approx(0.75 * losses[0.0] + 0.25 * losses[1.0], rel=1e-6)
    bare = [make_doc(nlp, *data) for data in TRAIN_DATA]
    _, pipe = started([Example(nlp.make_doc(doc.text), doc) for doc in bare])
    assert losses[0.0] == pytest.approx(pipe.update([Example(nlp.make_doc(doc.text), doc) for doc in bare])[pipe.name], rel=1e-6)
    # Without annotation the weight does not matter.
    taught = make_examples(nlp)
    _, pipe = started(taught, teacher_weight=0.0)
    assert pipe.update(taught)[pipe.name] == pytest.approx(losses[1.0], rel=1e-6)


def test_of_another_corpus_only_what_teachers_say_is_learned(nlp, caplog):
    examples = make_examples(nlp, annotated=True)
    for example in examples[:3]:
        set_annotated_labels(example.reference, ["OTHER"])
    _, pipe, _ = trained(examples, steps=2)
    assert [annotated_pairs(pipe, eg, learning=True).annotated for eg in examples] == [False] * 3 + [True] * 3
    assert [len(annotated_pairs(pipe, eg).targets) for eg in examples] == [0, 0, 0, 2, 6, 0]
    assert "not learned from" not in caplog.text


def test_other_labels_than_the_teachers_are_an_error(nlp):
    examples = make_examples(nlp, annotated=True)
    message = (
        "the labels of the teachers are .*, and its own are .*: EFFECT is not known to the teachers. Labels are matched by their names"
    )
    with pytest.raises(RelextError, match=message):
        started(examples, labels=[*LABELS, "EFFECT"])
    with pytest.raises(RelextError, match="MECHANISM is not its own"):
        started(make_examples(nlp), labels=["ADVISE", "INHIBITS"])
    with pytest.raises(RelextError, match="exclusive = false, and true for the teachers"):
        started(examples, exclusive=False)


def test_pairs_without_a_counterpart_are_an_error_or_counted(nlp, caplog):
    examples = make_examples(nlp)
    teach_less = examples[1].reference
    references = [make_doc(nlp, *data) for data in TRAIN_DATA]
    teach(references[1], only=5)
    set_taught(teach_less, get_taught(references[1]))
    with pytest.raises(RelextError, match="of 18 candidate pairs, there is 1 of this component, on which its teachers say nothing"):
        started(examples)
    # Half of what teachers say is of no candidate: each pair counts once here.
    with pytest.raises(RelextError, match="there are 9 of its teachers, which are no candidates of this component"):
        started(make_examples(nlp), candidates={"@misc": "spacy-relext.sentence_pairs.v1", "ordered": False})
    # One of many is counted, at initialisation and while it learns.
    many = [*examples, *[example for _ in range(6) for example in make_examples(nlp)]]
    with caplog.at_level(logging.WARNING, logger="spacy.relext"):
        _, pipe = started(many)
        assert "of 126 candidate pairs, there is 1 of this component" in caplog.text
    found = annotated_pairs(pipe, examples[1], learning=True)
    assert (found.taught.known.sum(), len(found.taught.known), found.n_unasked) == (5, 6, 0)
    assert math.isfinite(pipe.update(many)[pipe.name])


def test_type_rules_of_the_one_who_learns_are_no_mismatch(nlp):
    """Teachers say something of all pairs. What the rules forbid is masked on both sides."""
    examples = make_examples(nlp)
    rules = {label: [["DRUG", "GENE"]] for label in LABELS}
    _, pipe = started(examples, type_rules=rules)
    found = annotated_pairs(pipe, examples[4], learning=True)
    assert (len(found.targets), found.n_unasked) == (2, 0)
    assert math.isfinite(pipe.update(examples)[pipe.name])


def test_an_update_without_initialisation_counts_too(nlp):
    examples = make_examples(nlp)
    _, pipe = started(examples)
    pipe.matches.add(1000, 12, 0)
    with pytest.raises(RelextError, match="of 1,030 candidate pairs, there are 12 of this component"):
        pipe.update(examples)


def test_predicted_mentions_that_teachers_do_not_know_are_no_mismatch(nlp):
    """They learn nothing, where nothing is annotated; those at the same place learn what is said of them."""
    examples = make_examples(nlp)
    for example in examples[:2]:
        doc = example.predicted
        for token in doc:
            token.is_sent_start = token.i == 0
        doc.ents = [Span(doc, i, i + 1, label="DRUG") for i in (0, 2)]
    _, pipe = started(examples, use_gold_mentions=False)
    # "Aspirin increases warfarin …", whose mentions are right, and "Avoid ketamine with …", whose mentions are not.
    found = [annotated_pairs(pipe, example, learning=True) for example in examples]
    assert [p.taught.known.tolist() for p in found] == [[True, True], [False, False], [], [], [], []]
    losses = [pipe.update([example])[pipe.name] for example in examples]
    assert losses[0] > 0
    assert losses[1:] == [0.0] * 5


def test_what_is_said_for_another_extractor_is_not_its_own(nlp):
    """Two on one pipeline, and teachers of the first one's labels."""
    examples = make_examples(nlp)
    fix_random_seed(0)
    pipeline = spacy.blank("en")
    one = pipeline.add_pipe("relation_extractor", "one", config={"model": MODEL, "score_prefix": "one"})
    two = pipeline.add_pipe("relation_extractor", "two", config={"model": MODEL, "score_prefix": "two"})
    pipeline.config["training"]["score_weights"].update({"one_micro_f": 0.5, "two_micro_f": 0.5})
    for label in LABELS:
        one.add_label(label)
    two.add_label("OTHER")
    annotated = make_doc(nlp, TRAIN_DATA[0][0], TRAIN_DATA[0][1], [(1, 0, "OTHER")])
    set_annotated_labels(annotated, ["OTHER"])
    examples.append(Example(nlp.make_doc(annotated.text), annotated))
    one.initialize(lambda: examples, nlp=pipeline, labels=list(LABELS))
    two.initialize(lambda: examples, nlp=pipeline, labels=["OTHER"])
    assert [len(annotated_pairs(one, eg, learning=True).targets) for eg in examples] == [2, 6, 2, 2, 6, 0, 0]
    assert [len(annotated_pairs(two, eg, learning=True).targets) for eg in examples] == [0, 0, 0, 0, 0, 0, 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"teacher_temperature": 0.0}, "teacher_temperature is 0.0; logits are divided by it, so it is more than 0"),
        ({"teacher_temperature": -1.0}, "teacher_temperature is -1.0"),
        ({"teacher_weight": 1.5}, "teacher_weight is 1.5; it is the teachers' share of the loss of a pair, between 0 and 1"),
        ({"teacher_weight": -0.1}, "teacher_weight is -0.1"),
    ],
)
def test_settings_that_cannot_be_meant(nlp, settings, message):
    with pytest.raises(RelextError, match=message):
        nlp.add_pipe("relation_extractor", config=settings)


def test_matches_are_judged_when_they_are_many():
    matches = Matches(("of one", "of the other"))
    matches.add(10, 1, 2)
    matches.check("x", None, final=False)
    with pytest.raises(RelextError, match="x: of 13 candidate pairs, there are 1 of one and 2 of the other"):
        matches.check("x", None)
