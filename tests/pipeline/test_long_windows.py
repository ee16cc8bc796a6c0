"""Texts that are longer than the encoder reads, through the component: shared and own encoders, training, packaged pipelines."""

import numpy
import pytest
import spacy
from spacy.tokens import Span
from spacy.training import Example
from spacy_transformers.layers.transformer_model import forward as stock_forward

from tests.conftest import TRAIN_DATA, make_doc
from tests.pipeline.test_with_transformer import LISTENER, WINDOWS, add_extractor, initialize, transformer_config, transformer_pipeline

END = "Aspirin increases warfarin levels."
# 64 word pieces are what the encoder reads: these sentences have some 500 and 300.
LONG = [f"We tested {'trifluoromethylquinazoline, ' * 20}and {END}", f"Medications {'-' * 300} {END}"]
OWN = {
    "@architectures": "spacy-relext.Tok2VecTransformer.v1",
    "get_spans": WINDOWS,
    "pooling": {"@layers": "reduce_mean.v1"},
    "tokenizer_config": {"use_fast": True},
    "transformer_config": {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
}
TAGS = {"@misc": "spacy-relext.mention_tags.v1"}


def with_own_encoder(folder, **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    add_extractor(nlp, {**OWN, "name": str(folder)}, **settings)
    return nlp


def long_doc(nlp, text):
    """A long text with three mentions: one at its beginning, two behind what the encoder reads at once."""
    doc = nlp.get_pipe("sentencizer")(nlp.make_doc(text))
    start = text.rindex("Aspirin")
    places = [(0, len(text.split()[0])), (start, start + 7), (start + 18, start + 26)]
    doc.set_ents([doc.char_span(first, end, label="DRUG") for first, end in places])
    return doc


def told_of_windows(caplog):
    return [message for message in caplog.messages if "has windows" in message]


def scores(nlp, docs):
    with nlp.select_pipes(disable=["sentencizer", "relation_extractor"]):
        docs = list(nlp.pipe(docs))
    return [prediction.scores for prediction in nlp.get_pipe("relation_extractor").predict(docs)]


@pytest.mark.parametrize("marking", [None, TAGS])
@pytest.mark.parametrize("text", LONG)
def test_pairs_behind_the_limit_are_told_apart(tiny_bert, text, marking):
    """Zeros for every token would give the same to every pair."""
    nlp = with_own_encoder(tiny_bert, marking=marking)
    initialize(nlp)
    (found,) = scores(nlp, [long_doc(nlp, text)])
    assert len(found) == 6
    assert len(numpy.unique(found.round(5), axis=0)) == 6
    # The windows that are read are the same, whichever sentences are skipped.
    short = long_doc(nlp, f"Aspirin. {END}")
    longer = long_doc(nlp, f"Warfarin was. {'Nothing is said here. ' * 5}{text}")
    together = scores(nlp, [short, longer, long_doc(nlp, text)])
    numpy.testing.assert_allclose(together[2], found, atol=1e-4)


def test_shared_and_own_encoder_give_the_same(tiny_bert):
    shared = transformer_pipeline(tiny_bert)
    initialize(shared)
    shared.to_bytes()
    docs = [long_doc(shared, text) for text in LONG]
    expected = scores(shared, docs)
    shared.replace_listeners("transformer", "relation_extractor", ["model.tok2vec"])
    found = scores(shared, [long_doc(shared, text) for text in LONG])
    for a, b in zip(expected, found, strict=True):
        numpy.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("rdrop_weight", [0.0, 1.0])
def test_training_learns_a_relation_behind_the_limit(tiny_bert, rdrop_weight):
    nlp = with_own_encoder(tiny_bert, rdrop_weight=rdrop_weight)
    data = [*TRAIN_DATA[1:4], (LONG[0], [("Aspirin", "DRUG"), ("warfarin", "DRUG")], [(0, 1, "MECHANISM")])]
    examples = [Example(nlp.make_doc(text), make_doc(nlp, text, *rest)) for text, *rest in data]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.003
    losses = [nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])["relation_extractor"] for _ in range(25)]
    assert losses[-1] < losses[0] / 4
    doc = nlp.make_doc(LONG[0])
    doc.ents = [Span(doc, e.start, e.end, label=e.label_) for e in examples[-1].reference.ents]
    assert [r.label for r in nlp(doc)._.relations] == ["MECHANISM"]


def test_what_fits_is_what_it_was_for_others_too(tiny_bert):
    """The output of `ner` and of the extractor, to the bit, on the transformer as spacy-transformers would run it."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("transformer", config={"model": transformer_config(tiny_bert)})
    parser = {"@architectures": "spacy.TransitionBasedParser.v2", "state_type": "ner", "extra_state_tokens": False, "hidden_width": 16,
              "maxout_pieces": 2, "use_upper": False, "tok2vec": LISTENER}  # fmt: skip
    nlp.add_pipe("ner", config={"model": parser})
    add_extractor(nlp, LISTENER)
    examples, optimizer = initialize(nlp)
    for _ in range(15):
        nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])

    def found():
        docs = list(nlp.pipe([text for text, _, _ in TRAIN_DATA] + ["", " ", "\u200b"]))
        entities = [(i, e.start, e.end, e.label_) for i, doc in enumerate(docs) for e in doc.ents]
        return entities, [scores.tolist() for scores in (p.scores for p in nlp.get_pipe("relation_extractor").predict(docs))]

    entities, relations = found()
    assert entities
    transformer = nlp.get_pipe("transformer").model
    transformer._func = stock_forward
    assert found() == (entities, relations)


def test_a_transformer_of_spacy_transformers_is_told_once(tiny_bert, tmp_path, caplog):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    config = transformer_config(tiny_bert)
    del config["cpu_precision"]
    nlp.add_pipe("transformer", config={"model": {**config, "@architectures": "spacy-transformers.TransformerModel.v3"}})
    add_extractor(nlp, LISTENER)
    initialize(nlp)
    nlp("Warfarin.")
    (message,) = told_of_windows(caplog)
    assert message.startswith("transformer has windows of spacy-relext.sentence_windows.v1 in a model of spacy-transformers'")
    assert "Use spacy-relext.TransformerModel.v1" in message
    # What it says: the weights are those of our model.
    expected = scores(nlp, [long_doc(nlp, f"Aspirin was. {END}")])
    nlp.to_disk(tmp_path)
    caplog.clear()
    path = tmp_path / "config.cfg"
    path.write_text(path.read_text("utf8").replace("spacy-transformers.TransformerModel.v3", "spacy-relext.TransformerModel.v1"), "utf8")
    again = spacy.load(tmp_path)
    assert not told_of_windows(caplog)
    numpy.testing.assert_allclose(scores(again, [long_doc(again, f"Aspirin was. {END}")])[0], expected[0], atol=1e-5)
    assert len(numpy.unique(scores(again, [long_doc(again, LONG[1])])[0].round(5), axis=0)) == 6


def test_an_own_encoder_of_spacy_transformers_is_told(tiny_bert, caplog):
    nlp = spacy.blank("en")
    add_extractor(nlp, {**OWN, "name": str(tiny_bert), "@architectures": "spacy-transformers.Tok2VecTransformer.v3"})
    (message,) = told_of_windows(caplog)
    assert message.startswith("relation_extractor has windows")
    assert "Use spacy-relext.Tok2VecTransformer.v1" in message


@pytest.mark.parametrize("get_spans", [WINDOWS, {"@span_getters": "spacy-transformers.doc_spans.v1"}])
def test_our_models_are_not_told_of(tiny_bert, get_spans, caplog):
    transformer_pipeline(tiny_bert, get_spans=get_spans)
    with_own_encoder(tiny_bert)
    assert not told_of_windows(caplog)
