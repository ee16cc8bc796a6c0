"""Means of word pieces: what spacy-transformers gives, whatever the Docs."""

import warnings

import numpy
import pytest
from spacy_transformers.data_classes import TransformerData
from spacy_transformers.layers.trfs2arrays import trfs2arrays
from thinc.api import Model, chain, noop, reduce_max, reduce_mean
from thinc.types import Ragged
from transformers.utils import ModelOutput

from spacy_relext.ml.pooling import pool_in_one_pass

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
