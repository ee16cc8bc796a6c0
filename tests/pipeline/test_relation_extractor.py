"""The component: settings, labels, prediction, training, scoring, storage, and input that nobody wants to see."""

import copy
import logging
import math

import numpy
import pytest
import spacy
import torch
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.util import fix_random_seed, load_config_from_str, load_model, load_model_from_config
from thinc.config import ConfigValidationError

from spacy_relext.errors import RelextError
from spacy_relext.relations import Relation, set_relations
from tests.conftest import TRAIN_DATA, make_doc, with_entities

# A small model, so that a step takes milliseconds.
SMALL = {
    "hidden_width": 32,
    "dropout": 0.0,
    "tok2vec": {"width": 32, "depth": 1, "embed_size": 300, "maxout_pieces": 2},
    "summary": {"n_heads": 2},
}
ORDERED = {"@misc": "spacy-relext.sentence_pairs.v1", "ordered": True, "overlapping": False}
NESTED = {"@misc": "spacy-relext.sentence_pairs.v1", "ordered": True, "overlapping": True}
PAIR = ("Ritonavir inhibits CYP3A4.", [("Ritonavir", "DRUG"), ("CYP3A4", "GENE")])


def make_pipeline(**settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    return nlp, nlp.add_pipe("relation_extractor", config={"model": SMALL, **settings})


def make_examples(nlp, data=TRAIN_DATA):
    references = [make_doc(nlp, *entry) for entry in data]
    return [Example(nlp.make_doc(reference.text), reference) for reference in references]


def train(nlp, examples, steps=40, optimizer=None):
    if optimizer is None:
        fix_random_seed(0)
        optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.005
    losses = {}
    for _ in range(steps):
        losses = nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    return losses["relation_extractor"]


def say_always(extractor, *biases):
    """Make the model give every pair the same logits."""
    output = extractor.model.get_ref("head").shims[0]._model.output
    with torch.no_grad():
        output.weight.zero_()
        output.bias.copy_(torch.tensor(biases, dtype=torch.float32))


def constant(biases, labels, data=PAIR, **settings):
    """An initialised pipeline whose every pair has the same logits, and a Doc with two entities."""
    nlp, extractor = make_pipeline(**settings)
    nlp.initialize(lambda: make_examples(nlp, [(*data, [(0, 1, label)]) for label in labels]))
    say_always(extractor, *biases)
    return nlp, extractor, make_doc(nlp, *data, [])


def found(doc):
    return {(r.head.text, r.tail.text, r.label) for r in doc._.relations}


def gold(data):
    _, mentions, relations = data
    return {(mentions[head][0], mentions[tail][0], label) for head, tail, label in relations}


def scores_of(nlp, docs):
    return [p.scores for p in nlp.get_pipe("relation_extractor").predict([nlp.get_pipe("sentencizer")(doc) for doc in docs])]


@pytest.fixture(scope="module")
def trained_once():
    nlp, _ = make_pipeline()
    train(nlp, make_examples(nlp), steps=60)
    return nlp, nlp.to_bytes()


@pytest.fixture
def trained(trained_once):
    """A pipeline that knows the six sentences by heart; what a test does to it does not reach the next one."""
    nlp, data = trained_once
    nlp.from_bytes(data)
    return nlp


# Creation and labels


def test_defaults_are_a_complete_component(nlp, examples):
    nlp.add_pipe("sentencizer")
    extractor = nlp.add_pipe("relation_extractor")
    assert extractor.labels == ()
    assert extractor.is_trainable
    assert nlp.get_pipe_meta("relation_extractor").assigns == ["doc._.relations"]
    optimizer = nlp.initialize(lambda: examples)
    assert nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])["relation_extractor"] > 0
    assert 0 <= nlp.evaluate(examples)["rel_micro_f"] <= 1


def test_loss_is_filed_under_the_name_of_the_component(nlp, examples):
    nlp.add_pipe("relation_extractor", name="facts", config={"model": SMALL})
    nlp.initialize(lambda: examples)
    losses = {"facts": 100.0}
    nlp.get_pipe("facts").update(examples, losses=losses)
    assert 100 < losses["facts"] < 150


@pytest.mark.parametrize("text", ["Aspirin raises warfarin.", ""])
def test_prediction_without_training_is_an_error(text):
    nlp, _ = make_pipeline()
    with pytest.raises(RelextError, match=r"relation_extractor has no trained model.*nlp.initialize"):
        nlp(text)


def test_update_without_initialisation_is_an_error(examples):
    _, extractor = make_pipeline()
    with pytest.raises(RelextError, match="has no trained model"):
        extractor.update(examples)


def test_initialisation_without_labels_is_an_error():
    nlp, _ = make_pipeline()
    examples = make_examples(nlp, [("Nothing is said here.", [], [])])
    with pytest.raises(RelextError, match="there are no labels"):
        nlp.initialize(lambda: examples)


def test_initialisation_wants_a_function():
    _, extractor = make_pipeline()
    with pytest.raises(TypeError, match="E930"):
        extractor.initialize(None)


def test_labels_and_mention_types_are_learned(examples):
    nlp, extractor = make_pipeline()
    nlp.initialize(lambda: examples)
    assert extractor.labels == ("ADVISE", "INHIBITS", "MECHANISM")
    assert extractor.label_data == ["ADVISE", "INHIBITS", "MECHANISM"]
    assert extractor.cfg["mention_types"] == ["DRUG", "GENE"]
    assert extractor.cfg["type_rules"] == {}


def test_labels_and_mention_types_can_be_given(examples):
    nlp, extractor = make_pipeline()
    given = ["MECHANISM", "NEVER_SEEN", "INHIBITS", "ADVISE"]
    nlp.config["initialize"]["components"]["relation_extractor"] = {"labels": given, "mention_types": ["DRUG"]}
    nlp.initialize(lambda: examples)
    assert extractor.labels == tuple(given)
    assert extractor.cfg["mention_types"] == ["DRUG"]
    assert scores_of(nlp, with_entities(nlp))[0].shape == (2, 5)


def test_unknown_mention_types_are_alike_and_unlike_known_ones(examples):
    nlp, _ = make_pipeline()
    nlp.initialize(lambda: examples)

    def score(kind):
        return scores_of(nlp, with_entities(nlp, [("Oranges raise levels.", [("Oranges", kind), ("levels", "DRUG")], [])]))[0]

    assert numpy.array_equal(score("FOOD"), score("PLANT"))
    assert not numpy.allclose(score("FOOD"), score("DRUG"), atol=1e-6)
    assert not numpy.allclose(score("GENE"), score("DRUG"), atol=1e-6)


@pytest.mark.parametrize("label", ["", 3, None])
def test_label_must_be_a_name(label):
    _, extractor = make_pipeline()
    with pytest.raises(RelextError, match="non-empty str"):
        extractor.add_label(label)


def test_add_label_before_initialisation():
    nlp, extractor = make_pipeline()
    assert extractor.add_label("MECHANISM") == 1
    assert extractor.add_label("MECHANISM") == 0
    assert extractor.labels == ("MECHANISM",)
    assert "MECHANISM" in nlp.vocab.strings


@pytest.mark.parametrize("exclusive", [True, False])
def test_label_added_later_keeps_scores_and_can_be_learned(exclusive):
    nlp, extractor = make_pipeline(exclusive=exclusive)
    train(nlp, make_examples(nlp))
    expected = [found(doc) for doc in nlp.pipe(with_entities(nlp))]
    before = scores_of(nlp, with_entities(nlp))
    assert extractor.add_label("SPARES") == 1
    assert extractor.add_label("SPARES") == 0
    after = scores_of(nlp, with_entities(nlp))
    n_columns = 3 + exclusive
    for old, new in zip(before, after, strict=True):
        assert new.shape[1] == n_columns + 1
        numpy.testing.assert_allclose(new[:, :n_columns], old, atol=0.005)
    # Nobody has taught the new label: it may not be found anywhere.
    assert [found(doc) for doc in nlp.pipe(with_entities(nlp))] == expected

    text, mentions, relations = TRAIN_DATA[4]
    data = [*TRAIN_DATA[:4], (text, mentions, [*relations, (0, 2, "SPARES")]), TRAIN_DATA[5]]
    train(nlp, make_examples(nlp, data), optimizer=nlp.resume_training())
    assert [found(doc) for doc in nlp.pipe(with_entities(nlp))] == [gold(entry) for entry in data]
    again = make_pipeline(exclusive=exclusive)[0].from_bytes(nlp.to_bytes())
    assert [found(doc) for doc in again.pipe(with_entities(again))] == [gold(entry) for entry in data]


def test_initialising_again_starts_anew_from_other_data(trained_once):
    trained = make_pipeline()[0].from_bytes(trained_once[1])
    data = [("Milk binds iron.", [("Milk", kind), ("iron", "METAL")], [(0, 1, "BINDS")]) for kind in ("FOOD", "DRINK", "ANIMAL")]
    examples = make_examples(trained, data)
    trained.initialize(lambda: examples)
    extractor = trained.get_pipe("relation_extractor")
    assert extractor.cfg["mention_types"] == ["ANIMAL", "DRINK", "FOOD", "METAL"]
    assert all(scores.shape == (2, 5) for scores in scores_of(trained, with_entities(trained, data)))
    assert trained.evaluate(make_examples(trained))["rel_micro_f"] < 1


# Prediction


def test_documents_are_scored_alike_alone_and_in_batches(trained):
    extractor = trained.get_pipe("relation_extractor")
    long = "Zinc was given. " + "Aspirin and warfarin and quinine were given for some days, one after the other, to all. " * 2
    mentions = [("Zinc", "DRUG")] + [("Aspirin", "DRUG"), ("warfarin", "DRUG"), ("quinine", "DRUG")] * 2
    docs = with_entities(trained, [*TRAIN_DATA, (long, mentions, [])])
    together = scores_of(trained, docs)
    assert [len(scores) for scores in together] == [2, 6, 2, 2, 6, 0, 12]
    for doc, scores in zip(docs, together, strict=True):
        numpy.testing.assert_allclose(scores_of(trained, [doc])[0], scores, atol=1e-6)
    extractor.cfg["threshold"] = 0.0
    for batch_size in (1, 3, 100):
        piped = list(trained.pipe(with_entities(trained, [*TRAIN_DATA, (long, mentions, [])]), batch_size=batch_size))
        for doc, scores in zip(piped, together, strict=True):
            relations = sorted(relation.score for relation in doc._.relations)
            numpy.testing.assert_allclose(relations, sorted(scores[:, 1:].max(axis=1, initial=0)), atol=1e-6)


def test_predict_writes_nothing(trained):
    docs = with_entities(trained)
    scores_of(trained, docs)
    assert all(not doc._.relations for doc in docs)


def test_scores_are_probabilities(trained):
    for scores in scores_of(trained, with_entities(trained)):
        numpy.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    doc = trained(with_entities(trained)[0])
    assert all(type(r.score) is float and 0.5 <= r.score <= 1 for r in doc._.relations)


def test_prediction_replaces_what_was_found_before(trained):
    doc = with_entities(trained)[3]
    set_relations(doc, [Relation(doc.ents[0], doc.ents[1], "MECHANISM", sources="relation_extractor")])
    assert trained(doc)._.relations == []


def test_dropout_is_for_training_alone(trained):
    extractor = trained.get_pipe("relation_extractor")
    before = scores_of(trained, with_entities(trained))
    examples = make_examples(trained)
    calm = [extractor.update(examples)["relation_extractor"] for _ in range(2)]
    wild = [extractor.update(examples, drop=0.5)["relation_extractor"] for _ in range(2)]
    assert calm[0] == calm[1]
    assert wild[0] != wild[1]
    for old, new in zip(before, scores_of(trained, with_entities(trained)), strict=True):
        assert numpy.array_equal(old, new)


# Training and storage


def test_overfits_and_survives_storage(trained, tmp_path):
    expected = [gold(data) for data in TRAIN_DATA]
    assert [found(doc) for doc in trained.pipe(with_entities(trained))] == expected
    assert trained.evaluate(make_examples(trained))["rel_micro_f"] == 1.0
    scores = scores_of(trained, with_entities(trained))
    trained.to_disk(tmp_path / "model")
    copies = [load_model(tmp_path / "model"), make_pipeline()[0].from_bytes(trained.to_bytes())]
    for copied in copies:
        assert copied.get_pipe("relation_extractor").cfg == trained.get_pipe("relation_extractor").cfg
        for old, new in zip(scores, scores_of(copied, with_entities(copied)), strict=True):
            assert numpy.array_equal(old, new)


def test_same_seed_gives_same_scores_and_another_others():
    def run(seed):
        nlp, _ = make_pipeline()
        fix_random_seed(seed)
        examples = make_examples(nlp)
        train(nlp, examples, steps=3, optimizer=nlp.initialize(lambda: examples))
        return numpy.concatenate(scores_of(nlp, with_entities(nlp)))

    first = run(1)
    assert numpy.array_equal(first, run(1))
    assert not numpy.allclose(first, run(2), atol=1e-6)


def test_training_can_be_resumed_from_disk(trained, tmp_path):
    trained.to_disk(tmp_path / "model")
    nlp = load_model(tmp_path / "model")
    new = ("Zinc increases quinine levels.", [("Zinc", "DRUG"), ("quinine", "DRUG")], [(0, 1, "ADVISE")])
    before = [found(doc) for doc in nlp.pipe(with_entities(nlp, [new]))]
    train(nlp, make_examples(nlp, [*TRAIN_DATA, new]), steps=40, optimizer=nlp.resume_training())
    assert before != [gold(new)]
    assert [found(doc) for doc in nlp.pipe(with_entities(nlp, [*TRAIN_DATA, new]))] == [gold(data) for data in [*TRAIN_DATA, new]]


def test_sourced_component_predicts_as_before(trained):
    nlp = spacy.blank("en", vocab=trained.vocab)
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("relation_extractor", source=trained)
    assert [found(doc) for doc in nlp.pipe(with_entities(nlp))] == [gold(data) for data in TRAIN_DATA]


def test_frozen_component_does_not_learn_while_others_do(trained):
    textcat = trained.add_pipe(
        "textcat",
        config={"model": {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "ngram_size": 1, "no_output_layer": False}},
    )
    examples = make_examples(trained, [(text, mentions, []) for text, mentions, _ in TRAIN_DATA])
    for i, example in enumerate(examples):
        example.reference.cats = {"EVEN": float(i % 2 == 0), "ODD": float(i % 2)}
    with trained.select_pipes(enable=["textcat"]):
        optimizer = trained.initialize(lambda: examples)
    frozen, learning = trained.get_pipe("relation_extractor").model.to_bytes(), textcat.model.to_bytes()
    try:
        losses = {}
        for _ in range(3):
            trained.update(
                examples, sgd=optimizer, losses=losses, annotates=["sentencizer", "relation_extractor"], exclude=["relation_extractor"]
            )
        assert "relation_extractor" not in losses
        assert trained.get_pipe("relation_extractor").model.to_bytes() == frozen
        assert textcat.model.to_bytes() != learning
        # It annotates nevertheless, for components after it; these Docs have no entities, so there is nothing to find.
        assert all(example.predicted._.relations == [] for example in examples)
    finally:
        trained.remove_pipe("textcat")


def test_scores_of_all_candidate_pairs_are_handed_on(trained):
    extractor, seen = trained.get_pipe("relation_extractor"), []
    extractor.on_predictions = lambda doc, predictions: seen.append((doc, len(doc._.relations), predictions))
    try:
        docs = list(trained.pipe(with_entities(trained)))
    finally:
        extractor.on_predictions = None
    assert [doc for doc, *_ in seen] == docs
    assert [n for _, n, _ in seen] == [len(doc._.relations) for doc in docs]
    for (*_, handed), predicted in zip(seen, extractor.predict(docs), strict=True):
        numpy.testing.assert_allclose(handed.scores, predicted.scores, atol=1e-6)


def test_update_and_get_loss_agree(trained):
    extractor = trained.get_pipe("relation_extractor")
    examples = make_examples(trained)
    loss = extractor.update(examples)["relation_extractor"]
    predictions = extractor.predict([trained.get_pipe("sentencizer")(doc) for doc in with_entities(trained)])
    again, gradient = extractor.get_loss(examples, predictions)
    assert loss == pytest.approx(again, rel=1e-4)
    assert gradient.shape == (18, 4)
    # The sum over 18 pairs of -log p(right): written out.
    scores = numpy.concatenate([p.scores for p in predictions])
    pairs = [tuple(pair) for p in predictions for pair in p.pairs.tolist()]
    assert len(pairs) == 18
    wanted = {(0, 0, 1): 3, (1, 0, 1): 1, (1, 0, 2): 1, (2, 1, 0): 3, (4, 0, 1): 2}
    owner = [i for i, p in enumerate(predictions) for _ in p.pairs]
    right = [wanted.get((i, *pair), 0) for i, pair in zip(owner, pairs, strict=True)]
    by_hand = -sum(math.log(scores[row, column]) for row, column in enumerate(right))
    assert again == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize("use_gold_mentions", [True, False])
def test_docs_without_relation_annotation_teach_nothing(use_gold_mentions):
    nlp, extractor = make_pipeline(use_gold_mentions=use_gold_mentions)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    for example, doc in zip(examples, with_entities(nlp), strict=True):
        example.predicted = nlp.get_pipe("sentencizer")(doc)
    unannotated = [Example(doc, reference) for doc, reference in zip(with_entities(nlp), with_entities(nlp), strict=True)]
    for example in unannotated:
        nlp.get_pipe("sentencizer")(example.predicted)
    head = extractor.model.get_ref("head").shims[0]._model

    def gradients(batch):
        for parameter in head.parameters():
            parameter.grad = None
        loss = extractor.update(batch)["relation_extractor"]
        return loss, [0.0 if p.grad is None else float(p.grad.abs().sum()) for p in head.parameters()]

    loss, gradient = gradients(unannotated)
    assert loss == 0.0
    assert not any(gradient)
    alone, mixed = gradients(examples), gradients([*examples, *unannotated])
    assert any(alone[1])
    assert mixed[0] == pytest.approx(alone[0], rel=1e-5)
    assert mixed[1] == pytest.approx(alone[1], rel=1e-3, abs=1e-6)


def test_predicted_mentions_can_be_trained_on():
    """Of two annotated relations only the one between predicted mentions is learned."""
    nlp, _ = make_pipeline(use_gold_mentions=False)
    data = TRAIN_DATA[1]
    example = make_examples(nlp, [data])[0]
    nlp.initialize(lambda: [example])
    example.predicted.ents = [Span(example.predicted, 1, 2, label="DRUG"), Span(example.predicted, 3, 4, label="DRUG")]
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.005
    for _ in range(30):
        nlp.update([example], sgd=optimizer, annotates=["sentencizer"])
    assert found(nlp(with_entities(nlp, [data])[0])) >= {("ketamine", "warfarin", "ADVISE")}
    scores = nlp.evaluate([example])
    # Both mentions are predicted, and one relation of the two that are annotated can be found.
    assert (scores["rel_micro_p"], scores["rel_micro_r"]) == (1.0, 0.5)


# Tokens


def test_predicted_tokens_may_differ_from_annotated_ones():
    nlp, _ = make_pipeline()
    data = []
    for text, mentions, relations in TRAIN_DATA:
        reference = make_doc(nlp, text, mentions, relations)
        # The full stop sticks to the word before it, which can be a mention.
        words = text.split()
        predicted = Doc(nlp.vocab, words=words, spaces=[True] * (len(words) - 1) + [False])
        data.append(Example(predicted, reference))
    train(nlp, data, steps=60)
    scores = nlp.evaluate(data)
    assert (scores["rel_micro_p"], scores["rel_micro_r"]) == (1.0, 1.0)


@pytest.mark.parametrize("use_gold_mentions", [True, False])
def test_another_text_is_a_clear_error(trained, use_gold_mentions):
    extractor = trained.get_pipe("relation_extractor")
    extractor.cfg["use_gold_mentions"] = use_gold_mentions
    reference = make_doc(trained, *TRAIN_DATA[0])
    example = Example(trained.get_pipe("sentencizer")(trained.make_doc("Aspirin raises warfarin.")), reference)
    with pytest.raises(RelextError, match="same text"):
        extractor.update([example])


# Threshold


def test_threshold_is_read_from_cfg():
    # Softmax of (0, 2, 1): 0.0900, 0.6652, 0.2447.
    nlp, extractor, doc = constant([0, 2, 1], ["A", "B"])
    extractor.cfg["threshold"] = 0.66
    relations = nlp(doc.copy())._.relations
    assert [(r.head.text, r.tail.text, r.label) for r in relations] == [("Ritonavir", "CYP3A4", "A"), ("CYP3A4", "Ritonavir", "A")]
    assert [r.score for r in relations] == pytest.approx([0.66524, 0.66524], abs=1e-4)
    extractor.cfg["threshold"] = 0.67
    assert nlp(doc.copy())._.relations == []


def test_threshold_of_the_config_is_heeded():
    nlp, _, doc = constant([0, 2, 1], ["A", "B"], threshold=0.67)
    assert nlp(doc)._.relations == []


def test_no_relation_wins_where_it_is_likelier():
    nlp, extractor, doc = constant([2, 1], ["A"])
    assert nlp(doc)._.relations == []
    # 0.2689: one asked for it.
    extractor.cfg["threshold"] = 0.25
    assert len(nlp(doc)._.relations) == 2


@pytest.mark.parametrize("threshold", [-0.1, 1.5])
def test_threshold_is_a_probability(nlp, threshold):
    with pytest.raises(RelextError, match="between 0 and 1"):
        nlp.add_pipe("relation_extractor", config={"threshold": threshold})


def test_find_threshold(tmp_path):
    """The constant score is 0.6652, and all pairs of the text are related: right at 0 and 0.5, nothing found at 1."""
    nlp, _, _ = constant([0, 2, 1], ["A", "B"])
    nlp.to_disk(tmp_path / "model")
    doc = make_doc(nlp, *PAIR, [(0, 1, "A"), (1, 0, "A")])
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "dev.spacy")
    best, score, scores = find_threshold(
        tmp_path / "model", tmp_path / "dev.spacy", "relation_extractor", "threshold", "rel_micro_f", n_trials=3
    )
    assert scores == {0.0: 1.0, 0.5: 1.0, 1.0: 0.0}
    assert (best, score) == (0.0, 1.0)


# Labels of a pair


def test_several_labels_a_pair():
    # Sigmoid of 2 and -1: 0.8808, 0.2689.
    nlp, extractor, doc = constant([2, -1], ["A", "B"], exclusive=False)
    assert found(nlp(doc)) == {("Ritonavir", "CYP3A4", "A"), ("CYP3A4", "Ritonavir", "A")}
    extractor.cfg["threshold"] = 0.25
    assert {(r.label, round(r.score, 4)) for r in nlp(doc)._.relations} == {("A", 0.8808), ("B", 0.2689)}
    assert len(doc._.relations) == 4


@pytest.mark.parametrize("exclusive", [True, False])
def test_pair_with_two_labels(exclusive, caplog):
    """Exclusive: each label is trained to a half, one is found and the other missed, and a warning says so."""
    data = [(*PAIR, [(0, 1, "A"), (0, 1, "B")]), (TRAIN_DATA[3][0], TRAIN_DATA[3][1], [])]
    nlp, extractor = make_pipeline(exclusive=exclusive)
    with caplog.at_level(logging.WARNING, logger="spacy"):
        train(nlp, make_examples(nlp, data), steps=40)
    assert ("1 candidate pair is annotated with several labels" in caplog.text) == exclusive
    both = {("Ritonavir", "CYP3A4", "A"), ("Ritonavir", "CYP3A4", "B")}
    if exclusive:
        extractor.cfg["threshold"] = 0.3
        [[relation], none] = [doc._.relations for doc in nlp.pipe(with_entities(nlp, data))]
        assert {(relation.head.text, relation.tail.text, relation.label)} < both
        assert relation.score == pytest.approx(0.5, abs=0.1)
        assert none == []
        scores = nlp.evaluate(make_examples(nlp, data))
        assert (scores["rel_micro_p"], scores["rel_micro_r"]) == (1.0, 0.5)
    else:
        assert [found(doc) for doc in nlp.pipe(with_entities(nlp, data))] == [gold(entry) for entry in data]


def test_label_that_the_component_does_not_know(trained, caplog):
    example = make_examples(trained, [(*PAIR, [(0, 1, "CLEAVES")])])[0]
    with pytest.raises(RelextError, match=r"CLEAVES.*does not know"):
        trained.update([example])
    scores = trained.evaluate([*make_examples(trained), example])
    assert scores["rel_unknown_labels"] == 1
    assert set(scores["rel_per_type"]) == {"ADVISE", "INHIBITS", "MECHANISM"}
    assert scores["rel_micro_r"] == 1.0
    assert caplog.text.count("1 annotated relation has a label that no component of the pipeline has (CLEAVES)") == 1
    assert trained.evaluate(make_examples(trained))["rel_unknown_labels"] == 0


# Direction


def test_direction_is_learned(trained):
    """The third sentence names the tail first."""
    doc = trained(with_entities(trained)[2])
    assert [(r.head.text, r.tail.text) for r in doc._.relations] == [("rifampicin", "Warfarin")]


def test_direction_is_learned_where_mentions_are_read_in_the_order_of_the_text_as_well(tmp_path):
    summary = {"@relext_summaries": "spacy-relext.mentions.v1"}
    nlp, extractor = make_pipeline(model={**SMALL, "summary": summary, "text_order": True})
    train(nlp, make_examples(nlp), steps=60)
    assert [found(doc) for doc in nlp.pipe(with_entities(nlp))] == [gold(data) for data in TRAIN_DATA]
    # Head and tail, first and second, 32 numbers each.
    assert extractor.model.get_ref("head").shims[0]._model.hidden.in_features == 4 * 32
    nlp.to_disk(tmp_path / "model")
    copied = load_model(tmp_path / "model")
    for old, new in zip(scores_of(nlp, with_entities(nlp)), scores_of(copied, with_entities(copied)), strict=True):
        assert numpy.array_equal(old, new)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"text_order": True}, r"hidden.weight is stored as \(32, 96\), and they ask for \(32, 160\)"),
        ({"hidden_width": 0}, "hidden.weight is stored"),
    ],
)
def test_a_trained_head_keeps_its_settings(settings, told, tmp_path, trained):
    trained.to_disk(tmp_path / "model")
    overrides = {f"components.relation_extractor.model.{name}": value for name, value in settings.items()}
    with pytest.raises(RelextError, match=rf"the weights that are stored do not fit .* {told}.* train anew"):
        load_model(tmp_path / "model", config=overrides)


@pytest.mark.parametrize("ordered", [True, False])
def test_symmetric_label_is_written_once_first_mention_first(ordered):
    data = [(text, mentions, [(tail, head, label) for head, tail, label in relations]) for text, mentions, relations in TRAIN_DATA[:4]]
    nlp, _ = make_pipeline(symmetric_labels=["ADVISE", "MECHANISM"], candidates={**ORDERED, "ordered": ordered})
    train(nlp, make_examples(nlp, data), steps=60)
    docs = list(nlp.pipe(with_entities(nlp, data)))
    in_order = [
        {(*sorted((mentions[i][0] for i in (head, tail)), key=text.index), label) for head, tail, label in relations}
        for text, mentions, relations in data
    ]
    assert [found(doc) for doc in docs] == in_order
    assert nlp.evaluate(make_examples(nlp, data))["rel_micro_f"] == 1.0


def test_symmetric_probability_is_the_mean_of_both_directions(examples):
    data = with_entities
    nlp, extractor = make_pipeline()
    nlp.initialize(lambda: examples)
    plain = extractor.predict([nlp.get_pipe("sentencizer")(doc) for doc in data(nlp)])[1]
    extractor.cfg["symmetric_labels"] = ["MECHANISM"]
    balanced = extractor.predict([nlp.get_pipe("sentencizer")(doc) for doc in data(nlp)])[1]
    place = {tuple(pair): row for row, pair in enumerate(plain.pairs.tolist())}
    assert len(place) == 6
    column = 1 + extractor.labels.index("MECHANISM")
    for (i, j), row in place.items():
        mean = (plain.scores[row, column] + plain.scores[place[j, i], column]) / 2
        assert balanced.scores[row, column] == pytest.approx(mean, rel=1e-5)
        assert balanced.scores[row, :column] == pytest.approx(plain.scores[row, :column])
    assert abs(plain.scores[place[0, 1], column] - plain.scores[place[1, 0], column]) > 1e-6


# Type rules


def test_type_rules_are_masked_before_the_best_label_is_chosen():
    """A is likelier, but forbidden between a drug and a gene: B has e / (1 + e) then."""
    nlp, _, doc = constant([0, 2, 1], ["A", "B"], type_rules={"A": [["GENE", "DRUG"]]})
    relations = {(r.head.text, r.label): r.score for r in nlp(doc)._.relations}
    assert relations == {
        ("Ritonavir", "B"): pytest.approx(math.e / (1 + math.e), abs=1e-5),
        ("CYP3A4", "A"): pytest.approx(0.66524, abs=1e-4),
    }


def test_type_rules_are_masked_in_training():
    """Of B, in (no, B) = (0, 1), the loss is 0.3133; of no relation, in (no, A, B) = (0, 2, 1), it is 2.4076."""
    nlp, extractor, _ = constant([0, 2, 1], ["A", "B"], type_rules={"A": [["GENE", "DRUG"]]})
    loss = extractor.update(make_examples(nlp, [(*PAIR, [(0, 1, "B")])]))["relation_extractor"]
    assert loss == pytest.approx(0.3133 + 2.4076, abs=2e-3)


def test_pairs_that_may_have_no_label_are_not_scored():
    rules = {"A": [["DRUG", "GENE"]], "B": [["DRUG", "GENE"]]}
    _, extractor, doc = constant([0, 2, 1], ["A", "B"], type_rules=rules)
    assert extractor.predict([doc])[0].pairs.tolist() == [[0, 1]]


def test_type_rules_of_symmetric_labels_hold_both_ways():
    _, extractor, doc = constant([0, 2], ["A"], type_rules={"A": [["GENE", "DRUG"]]}, symmetric_labels=["A"])
    assert sorted(extractor.predict([doc])[0].pairs.tolist()) == [[0, 1], [1, 0]]


@pytest.mark.parametrize("threshold", [0.5, 0.0])
def test_type_rules_with_several_labels_a_pair(threshold):
    nlp, _, doc = constant([2, 1], ["A", "B"], exclusive=False, type_rules={"A": [["GENE", "DRUG"]]}, threshold=threshold)
    assert found(nlp(doc)) == {("Ritonavir", "CYP3A4", "B"), ("CYP3A4", "Ritonavir", "A"), ("CYP3A4", "Ritonavir", "B")}


def test_type_rules_can_be_learned_and_given_ones_stand(examples):
    nlp, extractor = make_pipeline(learn_type_rules=True, type_rules={"ADVISE": [["DRUG", "FOOD"]]})
    nlp.initialize(lambda: examples)
    assert extractor.cfg["type_rules"] == {
        "ADVISE": [["DRUG", "FOOD"]],
        "INHIBITS": [["DRUG", "GENE"]],
        "MECHANISM": [["DRUG", "DRUG"]],
    }
    pairs = extractor.predict([nlp.get_pipe("sentencizer")(doc) for doc in with_entities(nlp)])[4].pairs.tolist()
    # Ritonavir, CYP3A4, quinine: drug-gene and drug-drug, but nothing may come from the gene.
    assert sorted(pairs) == [[0, 1], [0, 2], [2, 0], [2, 1]]


@pytest.mark.parametrize(
    "setting", [{"symmetric_labels": ["ADVICE"]}, {"type_rules": {"ADVICE": [["DRUG", "DRUG"]]}}], ids=lambda s: next(iter(s))
)
def test_unknown_labels_in_settings_are_an_error(examples, setting):
    nlp, _ = make_pipeline(**setting)
    with pytest.raises(RelextError, match=rf"{next(iter(setting))} names \['ADVICE'\].*'ADVISE'"):
        nlp.initialize(lambda: examples)


# Where mentions come from


def nested_doc(nlp, relations=True):
    text = "Calcium channel blockers raise digoxin levels."
    doc = nlp.make_doc(text)
    doc[0].is_sent_start = True
    for token in doc[1:]:
        token.is_sent_start = False
    group, inner, drug = Span(doc, 0, 3, label="GROUP"), Span(doc, 0, 1, label="DRUG"), Span(doc, 4, 5, label="DRUG")
    doc.spans["found"] = [group, inner, drug]
    if relations:
        set_relations(doc, [Relation(group, drug, "MECHANISM"), Relation(inner, group, "PART_OF")])
    return doc


@pytest.mark.parametrize(("candidates", "n_pairs", "recall"), [(NESTED, 6, 1.0), (ORDERED, 4, 0.5)], ids=["nested", "apart"])
def test_mentions_from_spans_may_be_nested(candidates, n_pairs, recall):
    nlp, extractor = make_pipeline(spans_key="found", candidates=candidates)
    reference = nested_doc(nlp)
    train(nlp, [Example(nlp.make_doc(reference.text), reference)], steps=40)
    doc = nested_doc(nlp, relations=False)
    doc.set_ents([Span(doc, 3, 4, label="DRUG")])  # entities play no part
    assert len(extractor.predict([doc])[0].pairs) == n_pairs
    scores = nlp.evaluate([Example(nlp.make_doc(reference.text), reference)])
    assert (scores["rel_micro_p"], scores["rel_micro_r"]) == (1.0, recall)
    assert ("Calcium channel blockers", "digoxin", "MECHANISM") in found(nlp(doc))


def test_mentions_of_a_doc_without_the_spans_are_its_entities():
    nlp, extractor = make_pipeline(spans_key="found")
    doc = nlp.make_doc("Calcium channel blockers raise digoxin levels.")
    assert extractor.mentions(doc) == []
    doc.set_ents([Span(doc, 4, 5, label="DRUG")])
    assert [span.text for span in extractor.mentions(doc)] == ["digoxin"]
    doc.spans["found"] = []  # looked for, and none found
    assert extractor.mentions(doc) == []


# Evaluation


def test_evaluation_uses_annotated_mentions_whatever_was_predicted(trained):
    ruler = trained.add_pipe("entity_ruler", first=True)
    ruler.add_patterns([{"label": "WRONG", "pattern": "levels"}, {"label": "WRONG", "pattern": "increases"}])
    extractor = trained.get_pipe("relation_extractor")
    try:
        assert trained.evaluate(make_examples(trained))["rel_micro_f"] == 1.0
        extractor.cfg["use_gold_mentions"] = False
        scores = trained.evaluate(make_examples(trained))
        assert scores["rel_micro_r"] == 0.0
    finally:
        trained.remove_pipe("entity_ruler")


def test_scoring_leaves_the_predicted_docs_alone(trained):
    examples = make_examples(trained)
    for example in examples:
        example.predicted = trained(example.predicted)
    trained.get_pipe("relation_extractor").score(examples)
    assert all(example.predicted._.relations == [] and not example.predicted.ents for example in examples)


def test_relations_beyond_the_candidates_are_misses(trained, caplog):
    """Five relations within sentences, all found, and one across: recall 5/6, F = 2·5 / (5 + 6)."""
    data = ("Zinc was given. Quinine was not.", [("Zinc", "DRUG"), ("Quinine", "DRUG")], [(0, 1, "ADVISE")])
    across = make_examples(trained, [data])[0]
    across.reference[4].is_sent_start = True
    examples = [*make_examples(trained), across]
    scores = trained.evaluate(examples)
    assert scores["rel_micro_p"] == 1.0
    assert scores["rel_micro_r"] == pytest.approx(5 / 6)
    assert scores["rel_micro_f"] == pytest.approx(10 / 11)
    nlp, _ = make_pipeline()
    with caplog.at_level(logging.WARNING, logger="spacy"):
        nlp.initialize(lambda: examples)
    assert "1 of 6 annotated relations is between no candidate pair" in caplog.text


def test_relation_between_spans_that_are_no_mentions_is_a_miss(trained):
    example = make_examples(trained, [TRAIN_DATA[0]])[0]
    doc = example.reference
    set_relations(doc, [*doc._.relations, Relation(doc[0:1], doc[3:4], "MECHANISM")])
    scores = trained.evaluate([example])
    assert (scores["rel_micro_p"], scores["rel_micro_r"]) == (1.0, 0.5)
    assert numpy.isfinite(trained.get_pipe("relation_extractor").update([example])["relation_extractor"])


def test_no_scorer_no_scores(examples):
    nlp, extractor = make_pipeline(scorer=None)
    nlp.initialize(lambda: examples)
    assert extractor.score(examples) == {}


# Config


def test_config_round_trip(trained):
    nlp, extractor = make_pipeline(
        threshold=0.3,
        exclusive=False,
        symmetric_labels=["ADVISE"],
        type_rules={"INHIBITS": [["DRUG", "GENE"]]},
        learn_type_rules=True,
        spans_key="found",
        use_gold_mentions=False,
    )
    again = load_model_from_config(load_config_from_str(nlp.config.to_str()), auto_fill=False)
    assert again.get_pipe("relation_extractor").cfg == extractor.cfg
    assert again.config.to_str() == nlp.config.to_str()
    assert extractor.cfg["threshold"] == 0.3
    assert extractor.cfg["spans_key"] == "found"


@pytest.mark.parametrize(
    "setting",
    [
        {"threshold": "high"},
        {"exclusive": 1},
        {"exclusive": "yes"},
        {"symmetric_labels": "ADVISE"},
        {"type_rules": [["DRUG", "GENE"]]},
        {"type_rules": {"INHIBITS": ["DRUG", "GENE"]}},
        {"learn_type_rules": "no"},
        {"spans_key": 3},
        {"treshold": 0.5},
        {"model": {"hidden_width": "large"}},
    ],
    ids=str,
)
def test_settings_of_a_wrong_type_are_rejected(nlp, setting):
    with pytest.raises(ConfigValidationError):
        nlp.add_pipe("relation_extractor", config=setting)


def test_type_rules_are_pairs(nlp):
    with pytest.raises(RelextError, match=r"'INHIBITS'.*head type, tail type"):
        nlp.add_pipe("relation_extractor", config={"type_rules": {"INHIBITS": [["DRUG", "GENE", "DRUG"]]}})


# Storage of Docs


def test_several_processes_keep_relations(trained):
    texts = with_entities(trained)
    alone = [doc._.relations for doc in trained.pipe([doc.copy() for doc in texts])]
    together = [doc._.relations for doc in trained.pipe([doc.copy() for doc in texts], n_process=2, batch_size=2)]
    assert [[(r.key, r.score) for r in relations] for relations in together] == [
        [(r.key, pytest.approx(r.score, abs=1e-6)) for r in relations] for relations in alone
    ]
    assert sum(len(relations) for relations in together) == 5


# Bad input


BAD_TEXTS = ["", " ", " \n\n\t ", "Aspirin", ".", "💊", "e\u0301", "Nobody is mentioned here."]


@pytest.mark.parametrize("text", BAD_TEXTS, ids=repr)
def test_texts_without_mentions(trained, text):
    doc = trained(text)
    assert doc.text == text
    assert doc._.relations == []


def test_texts_with_and_without_mentions_in_a_batch(trained):
    docs = [doc for pair in zip(map(trained.make_doc, BAD_TEXTS), with_entities(trained), strict=False) for doc in pair]
    for batch_size in (1, 4, 100):
        results = list(trained.pipe([doc.copy() for doc in docs], batch_size=batch_size))
        assert [found(doc) for doc in results[1::2]] == [gold(data) for data in TRAIN_DATA]
        assert not any(found(doc) for doc in results[::2])


def test_one_mention_and_one_token(trained):
    for data in [("Aspirin falls.", [("Aspirin", "DRUG")], []), ("Aspirin", [("Aspirin", "DRUG")], [])]:
        assert trained(with_entities(trained, [data])[0])._.relations == []


def test_no_docs(trained):
    assert list(trained.pipe([])) == []
    assert trained.get_pipe("relation_extractor").predict([]) == []


def test_training_on_bad_texts(trained):
    """Neither empty texts nor texts without mentions stop a batch, or all of one."""
    examples = make_examples(trained, [(text, [], []) for text in BAD_TEXTS if text] + [TRAIN_DATA[0]])
    empty = Example(trained.make_doc(""), trained.make_doc(""))
    optimizer = trained.resume_training()
    for batch in ([empty], [empty, *examples], examples[:-1]):
        losses = trained.update(batch, sgd=optimizer, annotates=["sentencizer"])
        assert numpy.isfinite(losses["relation_extractor"])
    assert trained.update([empty], sgd=optimizer)["relation_extractor"] == 0.0
    assert trained.evaluate([empty, *examples])["rel_micro_r"] >= 0


def test_emoji_and_combining_characters_keep_their_places():
    text = "💊👩🏽‍🔬 Aspirine\u0301 increases wa\u0308rfarin 🩸."
    data = (text, [("Aspirine\u0301", "DRUG"), ("wa\u0308rfarin", "DRUG")], [(0, 1, "MECHANISM")])
    nlp, _ = make_pipeline()
    train(nlp, make_examples(nlp, [data, TRAIN_DATA[3]]), steps=40)
    relation = nlp(with_entities(nlp, [data])[0])._.relations[0].to_dict()
    for end, name in (("head", "Aspirine\u0301"), ("tail", "wa\u0308rfarin")):
        assert relation[end]["text"] == name
        assert text[relation[end]["start"] : relation[end]["end"]] == name


def test_very_long_text(trained):
    """20,000 tokens in sentences of 20, and in one in 40 the sentence that is known by heart."""
    filler = ["word"] * 19 + ["."]
    known = ["Aspirin", "increases", "warfarin", "levels", "."]
    words = (filler * 39 + known) * 25
    doc = Doc(trained.vocab, words=words)
    doc.ents = [Span(doc, i, i + 1, label="DRUG") for i, word in enumerate(words) if word in ("Aspirin", "warfarin")]
    assert len(doc) == 19_625
    doc = trained(doc)
    assert [r.head.start for r in doc._.relations] == [780 + 785 * i for i in range(25)]
    assert found(doc) == {("Aspirin", "warfarin", "MECHANISM")}


def test_no_sentences_is_an_error_that_says_the_cure(trained):
    doc = with_entities(trained)[0]
    with pytest.raises(RelextError, match=r"nlp\.add_pipe\(.sentencizer"):
        trained.get_pipe("relation_extractor")(doc)


def test_copy_of_the_settings_is_not_shared():
    """A pipeline's settings do not change with the list that they were made from."""
    labels = ["ADVISE"]
    settings = {"symmetric_labels": labels}
    before = copy.deepcopy(settings)
    _, extractor = make_pipeline(**settings)
    extractor.cfg["symmetric_labels"].append("OTHER")
    assert settings == before
