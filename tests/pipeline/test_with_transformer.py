"""The component behind a transformer or a tok2vec component: who learns, who is missing, and what survives storage."""

import importlib

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed, load_model
from thinc.config import ConfigValidationError

from spacy_relext.errors import RelextError
from spacy_relext.ml.patches import spacy_transformers as patches
from tests.conftest import TRAIN_DATA, make_doc, with_entities

LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "grad_factor": 1.0,
    "pooling": {"@layers": "reduce_mean.v1"},
    "upstream": "*",
}
TOK2VEC_LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
WINDOWS = {"@span_getters": "spacy-relext.sentence_windows.v1", "max_tokens": 20}
CNN = {"width": 32, "depth": 1, "embed_size": 300, "maxout_pieces": 2, "window_size": 1, "subword_features": True}


CNN_INSIDE = {"@architectures": "spacy.HashEmbedCNN.v2", "pretrained_vectors": None, **CNN}


def transformer_config(folder, precision="float32", get_spans=WINDOWS):
    return {
        "@architectures": "spacy-relext.TransformerModel.v1",
        "name": str(folder),
        "get_spans": get_spans,
        "tokenizer_config": {"use_fast": True},
        "cpu_precision": precision,
    }


def add_extractor(nlp, tok2vec, *, rdrop_weight=0.0, **settings):
    model = {
        "@architectures": "spacy-relext.PairClassifier.v1",
        "hidden_width": 32,
        "dropout": 0.0,
        "tok2vec": tok2vec,
        "summary": {"@relext_summaries": "spacy-relext.pair_attention.v1", "n_heads": 2},
        **settings,
    }
    return nlp.add_pipe("relation_extractor", config={"model": model, "rdrop_weight": rdrop_weight})


def transformer_pipeline(folder, precision="float32", before=(), get_spans=WINDOWS, precision_of_head="float32"):
    """Sentencizer, transformer, other listeners, relation extractor."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("transformer", config={"model": transformer_config(folder, precision, get_spans)})
    for name in before:
        nlp.add_pipe(name, config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": LISTENER}})
    add_extractor(nlp, LISTENER, precision=precision_of_head)
    return nlp


def tok2vec_pipeline(before=()):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("tok2vec", config={"model": {"@architectures": "spacy.HashEmbedCNN.v2", "pretrained_vectors": None, **CNN}})
    for name in before:
        nlp.add_pipe(name, config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": TOK2VEC_LISTENER}})
    add_extractor(nlp, TOK2VEC_LISTENER)
    return nlp


def make_examples(nlp, data=TRAIN_DATA):
    references = [make_doc(nlp, *entry) for entry in data]
    for reference in references:
        for token in reference:
            token.tag_ = "NAME" if token.ent_type_ else "WORD"
    return [Example(nlp.make_doc(reference.text), reference) for reference in references]


def initialize(nlp, seed=0):
    fix_random_seed(seed)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.003
    return examples, optimizer


def train(nlp, steps=50, annotates=("sentencizer",), exclude=()):
    examples, optimizer = initialize(nlp)
    losses = []
    for _ in range(steps):
        losses.append(nlp.update(examples, sgd=optimizer, annotates=list(annotates), exclude=list(exclude))["relation_extractor"])
    return losses


def step(nlp, examples, optimizer):
    """As `spacy train` does it; `nlp.update` with an optimizer updates an upstream component before it has its gradient."""
    nlp.update(examples, sgd=False, annotates=["sentencizer"])
    for _, pipe in nlp.pipeline:
        if hasattr(pipe, "finish_update"):
            pipe.finish_update(optimizer)


def without_mentions(nlp):
    return make_examples(nlp, [(text, [], []) for text, _, _ in TRAIN_DATA])


def tok2vec_gradient(nlp):
    nodes = nlp.get_pipe("tok2vec").model.walk()
    return sum(float(abs(node.get_grad(name)).sum()) for node in nodes for name in node.grad_names)


def found(nlp):
    """All relations and their scores, over the training texts."""
    return [(i, r.key, r.score) for i, doc in enumerate(nlp.pipe(with_entities(nlp))) for r in doc._.relations]


def scores_of(nlp):
    """All scores of all pairs of the training texts."""
    extractor = nlp.get_pipe("relation_extractor")
    with nlp.select_pipes(disable=["relation_extractor"]):
        docs = list(nlp.pipe(with_entities(nlp)))
    return numpy.concatenate([p.scores for p in extractor.predict(docs)])


def encoder_of(nlp):
    return nlp.get_pipe("transformer").model.transformer


def weights_of(module):
    return {name: parameter.detach().clone().numpy() for name, parameter in module.named_parameters()}


def changed(before, after):
    return {name for name in before if not numpy.array_equal(before[name], after[name])}


@pytest.fixture(scope="module")
def trained(tiny_bert):
    """A pipeline with a transformer that knows the six sentences by heart. Tests read it and do not change it."""
    nlp = transformer_pipeline(tiny_bert)
    train(nlp)
    return nlp


# Learning through the transformer


@pytest.mark.parametrize("where", ["listener", "loaded", "replaced", "inside"])
def test_prediction_takes_means_of_pieces_in_one_pass(tiny_bert, tmp_path, monkeypatch, where):
    # The package has a function of this name, too.
    trfs2arrays = importlib.import_module("spacy_transformers.layers.trfs2arrays")
    stock, seen = trfs2arrays.forward, []
    for module, name in ((trfs2arrays, "forward"), (patches, "stock_means")):
        monkeypatch.setattr(module, name, lambda *args: seen.append(args) or stock(*args))
    if where == "inside":
        nlp = spacy.blank("en")
        nlp.add_pipe("sentencizer")
        inside = {"@architectures": "spacy-relext.Tok2VecTransformer.v1", "pooling": LISTENER["pooling"], "grad_factor": 1.0}
        add_extractor(nlp, {**transformer_config(tiny_bert), **inside})
    else:
        nlp = transformer_pipeline(tiny_bert)
    examples, optimizer = initialize(nlp)
    if where == "replaced":
        nlp.replace_listeners("transformer", "relation_extractor", ["model.tok2vec"])
    if where in ("loaded", "replaced"):
        nlp.to_disk(tmp_path)
        nlp = load_model(tmp_path)
    seen.clear()
    scores_of(nlp)
    assert not seen
    if where in ("listener", "inside"):
        step(nlp, examples, optimizer)
        assert seen


def test_overfits_through_the_listener(trained):
    assert trained.evaluate(make_examples(trained))["rel_micro_f"] == 1.0
    assert [(i, label) for i, (*_, label), _ in found(trained)] == [
        (0, "MECHANISM"),
        (1, "ADVISE"),
        (1, "ADVISE"),
        (2, "MECHANISM"),
        (4, "INHIBITS"),
    ]


def test_transformer_weights_learn(tiny_bert):
    nlp = transformer_pipeline(tiny_bert)
    examples, optimizer = initialize(nlp)
    optimizer.L2 = 0.0  # which would change weights that have learned nothing
    before = weights_of(encoder_of(nlp))
    step(nlp, examples, optimizer)
    moved = changed(before, weights_of(encoder_of(nlp)))
    assert "embeddings.word_embeddings.weight" in moved
    assert "encoder.layer.0.attention.self.value.weight" in moved
    assert "encoder.layer.1.output.dense.weight" in moved


def test_frozen_embeddings_stay_and_the_rest_learns(tiny_bert):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("transformer", config={"model": {**transformer_config(tiny_bert), "freeze_embeddings": True}})
    add_extractor(nlp, LISTENER)
    examples, optimizer = initialize(nlp)
    before = weights_of(encoder_of(nlp))
    for _ in range(3):
        step(nlp, examples, optimizer)
    names = changed(before, weights_of(encoder_of(nlp)))
    assert "embeddings.word_embeddings.weight" not in names
    assert any(name.startswith("encoder.layer.0") for name in names)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_loss_is_reduced_over_the_pairs_as_told(tiny_bert, reduction):
    nlp = transformer_pipeline(tiny_bert)
    examples, _ = initialize(nlp)
    extractor = nlp.get_pipe("relation_extractor")
    extractor.cfg["reduction"] = reduction
    n_pairs = sum(
        len(p.pairs)
        for p in extractor.predict(list(nlp.get_pipe("transformer").pipe(map(nlp.get_pipe("sentencizer"), with_entities(nlp)))))
    )
    loss = nlp.update(examples, sgd=False, annotates=["sentencizer"])["relation_extractor"]
    mean = loss / n_pairs if reduction == "sum" else loss
    # Four columns and an untrained head: about the entropy of a guess.
    assert mean == pytest.approx(numpy.log(4), rel=0.35)


@pytest.mark.parametrize("copied", ["bytes", "disk"])
def test_storage_keeps_scores(trained, tiny_bert, tmp_path, copied):
    if copied == "bytes":
        nlp = transformer_pipeline(tiny_bert).from_bytes(trained.to_bytes())
    else:
        trained.to_disk(tmp_path / "model")
        nlp = load_model(tmp_path / "model")
    assert numpy.array_equal(scores_of(nlp), scores_of(trained))


def test_texts_without_mentions_among_others(trained):
    texts = ["", " ", "\n\n", "Aspirin", "💊", "Nothing is said here."]
    docs = [doc for pair in zip(map(trained.make_doc, texts), with_entities(trained), strict=True) for doc in pair]
    for batch_size in (1, 12):
        results = list(trained.pipe([doc.copy() for doc in docs], batch_size=batch_size))
        assert not any(doc._.relations for doc in results[::2])
        assert [len(doc._.relations) for doc in results[1::2]] == [1, 2, 1, 0, 1, 0]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "Aspirin"])
def test_training_on_a_batch_without_tokens_or_mentions(tiny_bert, text):
    nlp = transformer_pipeline(tiny_bert)
    _, optimizer = initialize(nlp)
    example = make_examples(nlp, [(text, [], [])])[0]
    for batch in ([example], [example, *make_examples(nlp, TRAIN_DATA[:1]), example]):
        losses = nlp.update(batch, sgd=optimizer, annotates=["sentencizer"])
        assert numpy.isfinite(losses["relation_extractor"])


# A batch without a candidate pair


def tagger_gradients(nlp):
    """Gradients of the encoder after a batch in which only a tagger has something to learn."""
    examples, optimizer = initialize(nlp)
    step(nlp, examples, optimizer)  # a tagger's output layer begins with zeros, and sends no gradient back
    for parameter in encoder_of(nlp).parameters():
        parameter.grad = None
    nlp.update(without_mentions(nlp), sgd=False, annotates=["sentencizer"])
    return {name: p.grad.clone() for name, p in encoder_of(nlp).named_parameters() if p.grad is not None}


def test_transformer_learns_from_others_where_there_is_no_pair(tiny_bert):
    gradients = tagger_gradients(transformer_pipeline(tiny_bert, before=["tagger"]))
    assert float(gradients["encoder.layer.0.attention.self.value.weight"].abs().sum()) > 0
    assert float(gradients["embeddings.word_embeddings.weight"].abs().sum()) > 0


def test_no_listener_is_stale_after_a_batch_without_pairs(tiny_bert):
    nlp = transformer_pipeline(tiny_bert, before=["tagger"])
    tagger_gradients(nlp)
    listeners = nlp.get_pipe("transformer").listeners
    assert len(listeners) == 2
    assert all(listener._batch_id is None and listener._backprop is None for listener in listeners)


def test_tok2vec_learns_from_others_where_there_is_no_pair():
    nlp = tok2vec_pipeline(before=["tagger"])
    examples, optimizer = initialize(nlp)
    step(nlp, examples, optimizer)
    assert tok2vec_gradient(nlp) == 0.0
    nlp.update(without_mentions(nlp), sgd=False, annotates=["sentencizer"])
    assert tok2vec_gradient(nlp) > 0.0


# Frozen


def test_frozen_annotating_transformer_lets_the_head_learn(tiny_bert):
    nlp = transformer_pipeline(tiny_bert)
    examples, optimizer = initialize(nlp)
    frozen = weights_of(encoder_of(nlp))
    losses = [
        nlp.update(examples, sgd=optimizer, annotates=["sentencizer", "transformer"], exclude=["transformer"])["relation_extractor"]
        for _ in range(60)
    ]
    assert not changed(frozen, weights_of(encoder_of(nlp)))
    assert losses[-1] < losses[0] / 5


def test_frozen_transformer_that_does_not_annotate_is_an_error(tiny_bert):
    nlp = transformer_pipeline(tiny_bert)
    examples, optimizer = initialize(nlp)
    with pytest.raises(ValueError, match=r"E203.*transformer"):
        nlp.update(examples, sgd=optimizer, annotates=["sentencizer"], exclude=["transformer"])


# Sourced and replaced


def extractor_alone(source, architecture="transformer"):
    nlp = spacy.blank("en", vocab=source.vocab)
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("relation_extractor", source=source)
    assert architecture not in nlp.pipe_names
    return nlp


def test_sourced_without_its_transformer_is_a_clear_error(trained):
    nlp = extractor_alone(trained)
    with pytest.raises(RelextError, match=r"listens to a transformer.*source both, or call nlp.replace_listeners"):
        nlp(with_entities(nlp)[0])
    with pytest.raises(RelextError, match="listens to a transformer"):
        nlp.evaluate(make_examples(nlp))


def test_sourced_with_its_transformer_predicts_as_before(trained):
    nlp = spacy.blank("en", vocab=trained.vocab)
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("transformer", source=trained)
    nlp.add_pipe("relation_extractor", source=trained)
    assert numpy.array_equal(scores_of(nlp), scores_of(trained))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_replaced_listener_survives_storage(tiny_bert, tmp_path, precision):
    nlp = transformer_pipeline(tiny_bert, precision)
    train(nlp, steps=30)
    expected = scores_of(nlp)
    nlp.replace_listeners("transformer", "relation_extractor", ["model.tok2vec"])
    nlp.remove_pipe("transformer")
    assert numpy.array_equal(scores_of(nlp), expected)
    config = nlp.config["components"]["relation_extractor"]["model"]["tok2vec"]
    assert (config["@architectures"], config["cpu_precision"]) == ("spacy-relext.Tok2VecTransformer.v1", precision)
    assert config["pooling"] == {"@layers": "reduce_mean.v1"}
    nlp.to_disk(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.pipe_names == ["sentencizer", "relation_extractor"]
    assert numpy.array_equal(scores_of(again), expected)
    # The transformer inside goes on learning.
    optimizer = again.resume_training()
    before = again.get_pipe("relation_extractor").model.get_ref("tok2vec").to_bytes()
    again.update(make_examples(again), sgd=optimizer, annotates=["sentencizer"])
    assert again.get_pipe("relation_extractor").model.get_ref("tok2vec").to_bytes() != before


def test_transformer_inside_the_component(tiny_bert):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    inside = {**transformer_config(tiny_bert), "@architectures": "spacy-relext.Tok2VecTransformer.v1"}
    add_extractor(nlp, {**inside, "pooling": {"@layers": "reduce_mean.v1"}})
    train(nlp)
    assert nlp.evaluate(make_examples(nlp))["rel_micro_f"] == 1.0


# Marked text


def marked_pipeline(folder):
    """The extractor reads tags in the place of the mentions, with a transformer of its own."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    inside = {**transformer_config(folder), "@architectures": "spacy-relext.Tok2VecTransformer.v1"}
    add_extractor(nlp, {**inside, "pooling": {"@layers": "reduce_mean.v1"}}, marking={"@misc": "spacy-relext.mention_tags.v1"})
    return nlp


def test_marked_text_trains_and_survives_storage(tiny_bert, tmp_path):
    nlp = marked_pipeline(tiny_bert)
    train(nlp)
    # On the annotated mentions, which the predicted Docs do not have.
    assert nlp.evaluate(make_examples(nlp))["rel_micro_f"] == 1.0
    nlp.to_disk(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert numpy.array_equal(scores_of(again), scores_of(nlp))


def test_marked_text_hides_the_names(tiny_bert):
    nlp = marked_pipeline(tiny_bert)
    train(nlp, steps=2)
    texts = ["Aspirin increases warfarin levels.", "Ketamine increases quinine levels."]
    docs = []
    for text in texts:
        doc = nlp.get_pipe("sentencizer")(nlp.make_doc(text))
        doc.ents = [Span(doc, 0, 1, "DRUG"), Span(doc, 2, 3, "DRUG")]
        docs.append(doc)
    first, second = nlp.get_pipe("relation_extractor").predict(docs)
    assert len(first.scores) == 2
    numpy.testing.assert_allclose(first.scores, second.scores, atol=1e-6)


def test_marked_text_cannot_come_from_a_listener(tiny_bert):
    nlp = transformer_pipeline(tiny_bert)
    nlp.remove_pipe("relation_extractor")
    with pytest.raises(RelextError, match="Tok2VecTransformer"):
        add_extractor(nlp, LISTENER, marking={"@misc": "spacy-relext.mention_tags.v1"})


# Two passes per batch


def test_rdrop_trains_and_runs_the_encoder_twice(tiny_bert):
    losses = {}
    for rdrop_weight in (1.0, 10.0):
        nlp = spacy.blank("en")
        nlp.add_pipe("sentencizer")
        inside = {**transformer_config(tiny_bert), "@architectures": "spacy-relext.Tok2VecTransformer.v1"}
        fix_random_seed(0)
        add_extractor(nlp, {**inside, "pooling": {"@layers": "reduce_mean.v1"}}, rdrop_weight=rdrop_weight)
        losses[rdrop_weight] = train(nlp)
        assert nlp.evaluate(make_examples(nlp))["rel_micro_f"] == 1.0, rdrop_weight
    # The encoder's dropout makes the same two passes differ, which costs.
    assert losses[1.0][0] < losses[10.0][0]


def test_rdrop_needs_an_encoder_of_its_own(tiny_bert):
    nlp = transformer_pipeline(tiny_bert)
    nlp.remove_pipe("relation_extractor")
    with pytest.raises(RelextError, match="runs the encoder twice"):
        add_extractor(nlp, LISTENER, rdrop_weight=1.0)
    with pytest.raises(RelextError, match="negative"):
        add_extractor(nlp, CNN_INSIDE, rdrop_weight=-1.0)


# Precision


def test_bfloat16_trains_and_survives_storage(tiny_bert, tmp_path):
    nlp = transformer_pipeline(tiny_bert, "bfloat16")
    losses = train(nlp)
    assert losses[-1] < losses[0] / 5
    assert nlp.evaluate(make_examples(nlp))["rel_micro_f"] == 1.0
    nlp.to_disk(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.get_pipe("transformer").model.cpu_precision == "bfloat16"
    assert numpy.array_equal(scores_of(again), scores_of(nlp))
    # The weights are ordinary ones: in float32 they say nearly, and not exactly, the same.
    full = load_model(tmp_path / "model", config={"components.transformer.model.cpu_precision": "float32"})
    assert full.get_pipe("transformer").model.cpu_precision == "float32"
    assert not numpy.array_equal(scores_of(full), scores_of(nlp))
    numpy.testing.assert_allclose(scores_of(full), scores_of(nlp), atol=0.1)


def test_head_in_bfloat16_predicts_almost_the_same_and_trains_in_float32(trained, tiny_bert):
    """The same weights, the other setting."""
    nlp, same = transformer_pipeline(tiny_bert, precision_of_head="bfloat16"), transformer_pipeline(tiny_bert)
    for pipeline in (nlp, same):
        train(pipeline, steps=1)
        pipeline.from_bytes(trained.to_bytes())
    difference = abs(scores_of(nlp) - scores_of(trained)).max()
    assert 0 < difference < 0.05
    gradients = []
    for pipeline in (nlp, same):
        head = pipeline.get_pipe("relation_extractor").model.get_ref("head")
        scorer = head.shims[0]._model
        scorer.zero_grad()
        fix_random_seed(0)
        pipeline.update(make_examples(pipeline), sgd=False, annotates=["sentencizer"])
        gradients.append(scorer.output.weight.grad.clone().numpy())
    assert numpy.array_equal(*gradients)


def test_unknown_precision_is_rejected_by_the_config(nlp, tiny_bert):
    with pytest.raises(ConfigValidationError):
        nlp.add_pipe("transformer", config={"model": transformer_config(tiny_bert, "float16")})


# Windows


def test_every_token_of_a_long_sentence_has_a_vector(tiny_bert):
    """The encoder reads 64 pieces, whatever the windows."""
    words = ["warfarin"] * 100

    def n_vectors(get_spans):
        nlp = transformer_pipeline(tiny_bert, get_spans=get_spans)
        initialize(nlp)
        doc = nlp.get_pipe("transformer")(Doc(nlp.vocab, words=words, sent_starts=[True] + [False] * 99))
        return int((doc._.trf_data.align.lengths > 0).sum())

    assert n_vectors(WINDOWS) == 100
    assert n_vectors({"@span_getters": "spacy-transformers.sent_spans.v1"}) == 100


def test_pairs_in_a_long_sentence_and_in_text_without_sentences_are_scored(trained):
    words = ["Aspirin", *["increases"] * 98, "warfarin"]
    for starts in ([True] + [False] * 99, None):
        doc = Doc(trained.vocab, words=words, sent_starts=starts)
        doc.ents = [Span(doc, 0, 1, label="DRUG"), Span(doc, 99, 100, label="DRUG")]
        doc = trained.get_pipe("transformer")(doc)
        assert len(doc._.trf_data.wordpieces) == 5
        if starts:
            scores = trained.get_pipe("relation_extractor").predict([doc])[0].scores
            assert scores.shape == (2, 4)
            assert numpy.isfinite(scores).all()


# A tok2vec component


@pytest.fixture(scope="module")
def trained_tok2vec():
    nlp = tok2vec_pipeline()
    train(nlp)
    return nlp


def test_overfits_through_a_tok2vec_listener(trained_tok2vec, tmp_path):
    assert trained_tok2vec.evaluate(make_examples(trained_tok2vec))["rel_micro_f"] == 1.0
    trained_tok2vec.to_disk(tmp_path / "model")
    assert numpy.array_equal(scores_of(load_model(tmp_path / "model")), scores_of(trained_tok2vec))


def test_tok2vec_learns():
    nlp = tok2vec_pipeline()
    examples, _ = initialize(nlp)
    nlp.update(examples, sgd=False, annotates=["sentencizer"])
    assert tok2vec_gradient(nlp) > 0.0


def test_sourced_without_its_tok2vec_is_a_clear_error(trained_tok2vec):
    nlp = extractor_alone(trained_tok2vec, "tok2vec")
    with pytest.raises(RelextError, match=r"listens to a tok2vec.*source both, or call nlp.replace_listeners"):
        nlp(with_entities(nlp)[0])


def test_replaced_tok2vec_listener_survives_storage(tmp_path):
    nlp = tok2vec_pipeline()
    train(nlp, steps=10)
    expected = scores_of(nlp)
    nlp.replace_listeners("tok2vec", "relation_extractor", ["model.tok2vec"])
    nlp.remove_pipe("tok2vec")
    assert numpy.array_equal(scores_of(nlp), expected)
    nlp.to_disk(tmp_path / "model")
    assert numpy.array_equal(scores_of(load_model(tmp_path / "model")), expected)


def test_listener_without_anything_to_listen_to_is_an_error_at_initialisation():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    add_extractor(nlp, LISTENER)
    with pytest.raises(RelextError, match="transformer or tok2vec component that it listens to"):
        initialize(nlp)


@pytest.mark.parametrize("shared", [True, False])
def test_a_doc_that_stands_twice_in_a_batch(tiny_bert, shared):
    nlp = transformer_pipeline(tiny_bert)
    if not shared:
        nlp = spacy.blank("en")
        nlp.add_pipe("sentencizer")
        add_extractor(
            nlp,
            {
                **transformer_config(tiny_bert),
                "@architectures": "spacy-relext.Tok2VecTransformer.v1",
                "pooling": {"@layers": "reduce_mean.v1"},
            },
        )
    initialize(nlp)
    nlp.get_pipe("relation_extractor").threshold = 0.0
    first, second, third = with_entities(nlp)[:3]
    expected = [[(r.key, pytest.approx(r.score, abs=1e-6)) for r in nlp(doc.copy())._.relations] for doc in (first, second, third)]
    for batch, numbers in (([first, first], [0, 0]), ([first, second, first, third, first], [0, 1, 0, 2, 0])):
        got = [[(r.key, r.score) for r in doc._.relations] for doc in nlp.pipe(batch)]
        assert got == [expected[number] for number in numbers]
