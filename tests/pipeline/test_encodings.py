"""Every (encoding, summary) combination of the paper: it learns, survives storage, and is one config away from the others."""

import numpy
import pytest
import spacy
from spacy.util import load_model

from spacy_relext.errors import RelextError
from tests.pipeline.test_with_transformer import (
    WINDOWS,
    add_extractor,
    changed,
    initialize,
    make_examples,
    scores_of,
    train,
    transformer_config,
    weights_of,
)

SUMMARIES = {
    "cls": {"@relext_summaries": "spacy-relext.cls.v1"},
    "pooled cls": {"@relext_summaries": "spacy-relext.cls.v1", "pooled": True},
    "attention": {"@relext_summaries": "spacy-relext.attention.v1"},
    "attention without cls": {"@relext_summaries": "spacy-relext.attention.v1", "beside": "nothing"},
    "projected attention": {"@relext_summaries": "spacy-relext.attention.v1", "projections": True},
    "lstm": {"@relext_summaries": "spacy-relext.lstm.v1"},
    "lstm without cls": {"@relext_summaries": "spacy-relext.lstm.v1", "beside": "nothing"},
    "bilstm": {"@relext_summaries": "spacy-relext.lstm.v1", "bidirectional": True},
    "mlp": {"@relext_summaries": "spacy-relext.mlp.v1", "length": 64},
    "attention over layers": {"@relext_summaries": "spacy-relext.layers.v1"},
    "lstm over layers": {"@relext_summaries": "spacy-relext.layers.v1", "by": "lstm"},
    "mentions": {"@relext_summaries": "spacy-relext.mentions.v1"},
    "between": {"@relext_summaries": "spacy-relext.between.v1"},
    "piecewise": {"@relext_summaries": "spacy-relext.piecewise.v1"},
    "pair attention": {"@relext_summaries": "spacy-relext.pair_attention.v1", "n_heads": 2},
}
BESIDE_MENTIONS = ("attention", "projected attention", "lstm", "bilstm", "mlp")
TAGS = {"@misc": "spacy-relext.pair_tags.v1", "numbered": True}
MARKERS = {"@misc": "spacy-relext.pair_markers.v1"}


def marked_pipeline(folder, summary, marking=TAGS, **settings):
    model = {
        "@architectures": "spacy-relext.MarkedPairClassifier.v1",
        "name": str(folder),
        "marking": marking,
        "summary": SUMMARIES[summary],
        "max_length": 64,
        "dropout": 0.0,
        "transformer_config": {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
        **settings,
    }
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("relation_extractor", config={"model": model})
    return nlp


def shared_pipeline(folder, summary, precision="float32", *, text_order=False):
    settings = {**SUMMARIES[summary], **({"beside": "mentions"} if summary in BESIDE_MENTIONS else {})}
    inside = {
        **transformer_config(folder, precision),
        "@architectures": "spacy-relext.Tok2VecTransformer.v1",
        "get_spans": WINDOWS,
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
        "transformer_config": {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    }
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    add_extractor(nlp, inside, summary=settings, precision=precision, text_order=text_order)
    return nlp


def transformer_of(nlp):
    return nlp.get_pipe("relation_extractor").model.get_ref("tok2vec").transformer


def overfit(nlp, limit=400):
    """Train until the sentences are known by heart."""
    examples, optimizer = initialize(nlp)
    for step in range(1, limit + 1):
        nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
        # On the annotated mentions, which the predicted Docs do not have.
        if step % 40 == 0 and nlp.evaluate(make_examples(nlp))["rel_micro_f"] == 1.0:
            return
    pytest.fail(f"not all relations were learned in {limit} updates")


def ordered_pipeline(folder, summary):
    return shared_pipeline(folder, summary, text_order=True)


COMBINATIONS = [
    *((marked_pipeline, name) for name in SUMMARIES),
    *((shared_pipeline, name) for name in (*BESIDE_MENTIONS, "mentions", "between", "piecewise")),
    (ordered_pipeline, "between"),
]


@pytest.mark.parametrize(("make", "summary"), COMBINATIONS, ids=[f"{make.__name__}-{name}" for make, name in COMBINATIONS])
def test_every_cell_overfits_and_reloads_equal(tiny_bert, tmp_path, make, summary):
    nlp = make(tiny_bert, summary)
    overfit(nlp)
    nlp.to_disk(tmp_path)
    numpy.testing.assert_allclose(scores_of(load_model(tmp_path)), scores_of(nlp), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("summary", ["mentions", "between", "piecewise", "attention", "bilstm"])
def test_scores_do_not_depend_on_white_space(tiny_bert, summary):
    nlp = ordered_pipeline(tiny_bert, summary)
    initialize(nlp)
    extractor = nlp.get_pipe("relation_extractor")

    def scores(text):
        doc = nlp.get_pipe("sentencizer")(nlp.make_doc(text))
        doc.set_ents([doc.char_span(text.index(name), text.index(name) + len(name), "DRUG") for name in ("Aspirin", "warfarin")])
        (found,) = extractor.predict([doc])
        assert len(found.scores) == 2
        return found.scores

    expected = scores("Aspirin increases warfarin levels.")
    for text in ("Aspirin  increases warfarin levels.", "Aspirin increases\nwarfarin levels.", "Aspirin increases warfarin  levels."):
        numpy.testing.assert_allclose(scores(text), expected, rtol=1e-5)


def test_markers_and_bfloat16_learn_as_well(tiny_bert, tmp_path):
    nlp = marked_pipeline(tiny_bert, "attention", MARKERS, precision="bfloat16")
    overfit(nlp)
    nlp.to_disk(tmp_path)
    numpy.testing.assert_allclose(scores_of(load_model(tmp_path)), scores_of(nlp), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("summary", ["attention over layers", "lstm over layers"])
def test_gradients_reach_every_layer_from_every_layer(tiny_bert, summary):
    """The last layer's own [CLS] is one of those that are read, and so is the first's: all layers learn."""
    nlp = marked_pipeline(tiny_bert, summary)
    examples, optimizer = initialize(nlp)
    before = weights_of(transformer_of(nlp))
    nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    moved = changed(before, weights_of(transformer_of(nlp)))
    assert any(".layer.0." in name for name in moved)
    assert any(".layer.1." in name for name in moved)


def test_only_the_pooled_vector_trains_the_pooler(tiny_bert):
    for summary, expected in (("pooled cls", True), ("cls", False)):
        nlp = marked_pipeline(tiny_bert, summary)
        examples, optimizer = initialize(nlp)
        before = weights_of(transformer_of(nlp))
        nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
        assert any("pooler" in name for name in changed(before, weights_of(transformer_of(nlp)))) is expected


def test_frozen_embeddings_stay_with_per_pair_encoding(tiny_bert):
    nlp = marked_pipeline(tiny_bert, "attention", freeze_embeddings=True)
    examples, optimizer = initialize(nlp)
    before = weights_of(transformer_of(nlp))
    nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    moved = changed(before, weights_of(transformer_of(nlp)))
    assert moved
    assert not any("word_embeddings" in name for name in moved)


def test_texts_without_pairs_with_per_pair_encoding(tiny_bert):
    nlp = marked_pipeline(tiny_bert, "attention")
    initialize(nlp)
    nothing = make_examples(nlp, [("Nothing is said here.", [], [])])
    assert nlp.update(nothing, annotates=["sentencizer"])["relation_extractor"] == 0.0
    assert [doc._.relations for doc in nlp.pipe(["Nothing.", "", "   "])] == [[], [], []]


@pytest.mark.parametrize("summary", ["cls", "pooled cls", "attention"])
def test_what_single_pass_encoding_does_not_give_is_a_clear_error(tiny_bert, summary):
    nlp = shared_pipeline(tiny_bert, "mentions")
    nlp.remove_pipe("relation_extractor")
    inside = {
        **transformer_config(tiny_bert),
        "@architectures": "spacy-relext.Tok2VecTransformer.v1",
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
    }
    add_extractor(nlp, inside, summary=SUMMARIES[summary])
    with pytest.raises(RelextError, match="MarkedPairClassifier"):
        train(nlp, steps=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_length": 65}, "max_length is 65, and the encoder reads at most 64"),
        ({"max_length": 5}, "max_length is 5; a marked pair needs 8"),
        ({"hidden_width": -1}, "hidden_width=-1"),
    ],
)
def test_impossible_settings_of_per_pair_encoding(tiny_bert, settings, message):
    with pytest.raises(RelextError, match=message):
        train(marked_pipeline(tiny_bert, "attention", **settings), steps=1)
