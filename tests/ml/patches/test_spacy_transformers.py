"""Means of word pieces: what spacy-transformers gives, whatever the Docs. Its shims stay in evaluation mode."""

import pickle
import tracemalloc
import warnings

import numpy
import pytest
import spacy
from spacy_transformers.data_classes import HFObjects, TransformerData
from spacy_transformers.layers.hf_shim import HFShim
from spacy_transformers.layers.trfs2arrays import trfs2arrays
from thinc.api import Model, chain, noop, reduce_max, reduce_mean
from thinc.types import Ragged
from transformers import AutoTokenizer
from transformers.utils import ModelOutput

from spacy_relext.ml.patches.spacy_transformers import EncoderShim, SteadyHFShim, pool_in_one_pass
from spacy_relext.ml.transformer import create_transformer_model
from spacy_relext.ml.windows import sentence_windows
from tests.ml.patches.test_thinc import modes_of
from tests.pipeline.test_encoders import make_encoder
from tests.pipeline.test_with_transformer import CNN_INSIDE, LISTENER, add_extractor, initialize, transformer_config

WIDTH = 8


def make_doc(rng, n_tokens, n_windows=3, longest=10):
    """Tokens of 0 to 4 pieces, some of which are of two tokens, or of a second window."""
    lengths = rng.integers(0, 5, size=n_tokens).astype("i")
    indices = rng.integers(0, n_windows * longest, size=int(lengths.sum())).astype("i")
    hidden = rng.normal(size=(n_windows, longest, WIDTH)).astype("f")
    return TransformerData(None, ModelOutput(last_hidden_state=hidden), Ragged(indices, lengths))


def make_docs(seed=0):
    rng = numpy.random.default_rng(seed)
    return [make_doc(rng, n_tokens) for n_tokens in (7, 1, 40)]


def layers(pooling=reduce_mean, grad_factor=0.5):
    """The layer as it comes, and as it is put in its place."""
    stock = chain(noop(), trfs2arrays(pooling(), grad_factor))
    ours = chain(noop(), trfs2arrays(pooling(), grad_factor))
    before = ours.layers[1]
    pool_in_one_pass(ours)
    assert ours.layers[1] is not before
    return stock, ours


def assert_same(found, expected):
    assert [v.shape for v in found] == [v.shape for v in expected]
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype == numpy.float32
        numpy.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_means_are_those_of_the_stock_layer(seed):
    stock, ours = layers()
    docs = make_docs(seed)
    assert_same(ours.predict(docs), stock.predict(docs))


def test_docs_without_tokens():
    stock, ours = layers()
    nothing = TransformerData.empty()
    no_tokens = TransformerData.zeros(0, WIDTH)
    docs = [nothing, *make_docs(), no_tokens]
    assert_same(ours.predict(docs), stock.predict(docs))
    assert [v.shape for v in ours.predict([nothing, no_tokens])] == [(0, 0), (0, 0)]


def test_docs_that_were_not_encoded_have_zeros():
    stock, ours = layers()
    docs = [TransformerData.zeros(4, WIDTH)]
    assert_same(ours.predict(docs), stock.predict(docs))


def test_arrays_that_must_not_be_written_are_read_without_a_warning():
    stock, ours = layers()
    docs = make_docs()
    for doc in docs:
        doc.model_output.last_hidden_state.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ours.predict(docs)
    assert_same(found, stock.predict(docs))


@pytest.mark.parametrize("is_train", [True, False])
def test_gradients_are_those_of_the_stock_layer(is_train):
    stock, ours = layers()
    docs = make_docs()
    rng = numpy.random.default_rng(1)
    (found, backprop), (expected, stock_backprop) = ours(docs, is_train), stock(docs, is_train)
    assert_same(found, expected)
    gradients = [rng.normal(size=v.shape).astype("f") for v in expected]
    of_ours, of_stock = backprop([g.copy() for g in gradients]), stock_backprop([g.copy() for g in gradients])
    for a, b in zip(of_ours, of_stock, strict=True):
        numpy.testing.assert_array_equal(a.model_output.last_hidden_state, b.model_output.last_hidden_state)


def test_another_pooling_stays_what_it_is():
    stock, ours = layers(pooling=reduce_max)
    rng = numpy.random.default_rng(0)
    hidden = rng.normal(size=(2, 5, WIDTH)).astype("f")
    # No token without pieces: there is no maximum of nothing.
    docs = [
        TransformerData(None, ModelOutput(last_hidden_state=hidden), Ragged(numpy.arange(10, dtype="i"), numpy.asarray([3, 7], dtype="i")))
    ]
    assert_same(ours.predict(docs), stock.predict(docs))
    assert (ours.predict(docs)[0][0] == hidden[0, :3].max(axis=0)).all()


def test_what_is_stored_stays_the_same():
    stock, ours = layers()
    assert [node.name for node in ours.walk()] == [node.name for node in stock.walk()]
    ours.from_bytes(stock.to_bytes())
    assert isinstance(ours.layers[1], Model)
    assert ours.layers[1].attrs["grad_factor"] == 0.5


# Models of its own


def stock_pipeline(folder):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    model = {**transformer_config(folder), "@architectures": "spacy-transformers.TransformerModel.v3"}
    del model["cpu_precision"]
    nlp.add_pipe("transformer", config={"model": {**model, "get_spans": {"@span_getters": "spacy-transformers.sent_spans.v1"}}})
    return nlp


def test_a_transformer_of_spacy_transformers_stays_in_evaluation_mode(tiny_bert):
    nlp = stock_pipeline(tiny_bert)
    add_extractor(nlp, LISTENER)
    examples, _ = initialize(nlp)
    model = nlp.get_pipe("transformer").model
    assert type(model.layers[0].shims[0]) is SteadyHFShim
    nlp(examples[0].reference.text)
    assert modes_of(model.transformer) == {False}
    again = stock_pipeline(tiny_bert)
    add_extractor(again, LISTENER)
    again.from_bytes(nlp.to_bytes())
    assert type(again.get_pipe("transformer").model.layers[0].shims[0]) is SteadyHFShim
    pickle.dumps(again.get_pipe("transformer").model.layers[0].shims[0].__class__)


def test_a_transformer_that_came_later_is_found_at_initialisation(tiny_bert):
    nlp = spacy.blank("en")
    add_extractor(nlp, LISTENER)
    nlp.add_pipe("sentencizer", first=True)
    config = stock_pipeline(tiny_bert).get_pipe_config("transformer")
    nlp.add_pipe("transformer", config={"model": config["model"]}, after="sentencizer")
    initialize(nlp)
    assert type(nlp.get_pipe("transformer").model.layers[0].shims[0]) is SteadyHFShim
    assert nlp.get_pipe("relation_extractor").checks.one_thread is None


def test_models_of_other_components_stay_in_evaluation_mode(tiny_bert):
    """Mentions come from some of them."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    config = {**transformer_config(tiny_bert), "@architectures": "spacy-transformers.Tok2VecTransformer.v3", "pooling": LISTENER["pooling"]}
    del config["cpu_precision"]
    nlp.add_pipe("tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": config}})
    extractor = add_extractor(nlp, CNN_INSIDE)
    shims = [shim for node in nlp.get_pipe("tagger").model.walk() for shim in node.shims]
    assert [type(shim) for shim in shims] == [SteadyHFShim]
    assert extractor.checks.one_thread is None


# What it does without us. Where one of these fails, its patch is not needed any more.


def test_it_still_copies_what_it_takes_means_of():
    rng = numpy.random.default_rng(0)
    docs = [make_doc(rng, 500, n_windows=50, longest=100)]
    peaks = []
    for layer in layers():
        tracemalloc.start()
        layer.predict(docs)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    pieces, tokens = docs[0].align.dataXd.size * 4 * WIDTH, 500 * 4 * WIDTH
    assert peaks[0] > 2 * pieces + tokens
    assert peaks[1] < pieces + tokens


def stored(folder):
    """The shim of an encoder that was loaded from its folder."""
    model = create_transformer_model(str(folder), sentence_windows(20))
    model.initialize()
    return model.layers[0].shims[0]


def test_it_still_rounds_the_configuration_that_it_stored(tiny_bert):
    shim = stored(tiny_bert)
    data = shim.to_bytes()
    assert shim._hfmodel.transformer.config.layer_norm_eps == 1e-12
    loaded = [kind(HFObjects(None, None, None)).from_bytes(data) for kind in (HFShim, EncoderShim)]
    epsilons = [of_kind._hfmodel.transformer.config.layer_norm_eps for of_kind in loaded]
    assert epsilons == [0.0, 1e-12]


def test_it_still_needs_the_file_that_a_tokenizer_was_made_of(tmp_path):
    # Of a tokenizer.json alone.
    shim = stored(make_encoder("XLM-R", tmp_path))
    shim.to_bytes()
    shim._hfmodel.tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    with pytest.raises(TypeError, match="NoneType"):
        shim.to_bytes()
