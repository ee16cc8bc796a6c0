"""Several threads in one model: it stays in evaluation mode, and windows and settings of one thread are not another's."""

import logging
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc, Span
from thinc.api import ArgsKwargs, Model, PyTorchShim, PyTorchWrapper
from transformers import AutoTokenizer

from spacy_relext.candidates import make_candidates
from spacy_relext.ml.threads import OneThread, SteadyShim, set_mode, settle, steady
from spacy_relext.ml.transformer import SteadyHFShim
from spacy_relext.ml.windows import only_read, sentence_windows
from tests.pipeline.test_with_transformer import CNN_INSIDE, LISTENER, add_extractor, initialize, transformer_config, transformer_pipeline


def modes_of(module):
    return {part.training for part in module.modules()}


def in_a_thread(function, *args):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result()


class Slow(torch.nn.Module):
    """Does something in the middle of its computation."""

    def __init__(self, meanwhile):
        super().__init__()
        self.dropout = torch.nn.Dropout(0.5)
        self.meanwhile = meanwhile

    def forward(self, x):
        self.meanwhile()
        return self.dropout(x)


def test_a_module_stays_in_evaluation_mode_while_another_thread_is_done():
    x = ArgsKwargs((torch.ones(100),), {})
    calls = []

    def meanwhile():
        calls.append(threading.get_ident())
        if len(calls) == 1:
            in_a_thread(shim.predict, x)

    shim = SteadyShim(Slow(meanwhile))
    assert bool((shim.predict(x) == 1).all())
    assert len(set(calls)) == 2
    assert modes_of(shim._model) == {False}


def test_a_module_that_another_thread_has_put_in_mode_in_part_only():
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sequential(torch.nn.Dropout(0.5)))
    module.training = False  # the outermost is set first
    set_mode(module, training=False)
    assert modes_of(module) == {False}
    set_mode(module, training=True)
    assert modes_of(module) == {True}


def test_training_is_in_training_mode_and_prediction_without_gradients():
    shim = SteadyShim(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.5)))
    x = ArgsKwargs((torch.ones(1, 3),), {})
    assert not shim.predict(x).requires_grad
    output, backprop = shim.begin_update(x)
    assert modes_of(shim._model) == {True}
    backprop(ArgsKwargs((output,), {"grad_tensors": torch.ones_like(output)}))
    shim.predict(x)
    assert modes_of(shim._model) == {False}


def windows_model():
    return Model("encoder", lambda model, X, is_train: (model.attrs["get_spans"](X), None), attrs={"get_spans": sentence_windows(4)})


def test_what_one_thread_reads_is_not_what_another_reads(nlp):
    model = windows_model()
    original = model.attrs["get_spans"]
    given = []
    for sentence in (0, 1):
        doc = Doc(nlp.vocab, words=list("abcdef"), sent_starts=[True, False, False] * 2)
        spans = [doc[3 * sentence : 3 * sentence + 1], doc[3 * sentence + 2 : 3 * sentence + 3]]
        given.append(only_read(model, [doc], [make_candidates(doc, spans, [2, 2], numpy.asarray([[0, 1]]))]))
    # The first one reads after the second one has asked.
    windows = [model.predict(docs) for docs, _, _ in given]
    assert [[(span.start, span.end) for span in of_doc] for (of_doc,) in windows] == [[(0, 3)], [(3, 6)]]
    plain = model.predict(list(given[0][0]))
    assert [[(span.start, span.end) for span in of_doc] for of_doc in plain] == [[(0, 3), (3, 6)]]
    assert model.attrs["get_spans"].get_spans is original


def test_a_tokenizer_is_brought_to_its_padding_once(tiny_bert, monkeypatch):
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    tokenizer("a", padding="max_length", truncation=True)  # as a tokenizer may be stored
    settle(tokenizer, padding="longest")
    state = tokenizer.backend_tokenizer.padding, tokenizer.backend_tokenizer.truncation
    tokenizer(["a", "a b"], padding="longest")
    assert (tokenizer.backend_tokenizer.padding, tokenizer.backend_tokenizer.truncation) == state
    assert state[1] is None
    monkeypatch.setattr(type(tokenizer), "__call__", lambda *_, **__: pytest.fail("settled twice"))
    settle(tokenizer, padding="longest")


# Models of others


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
    assert nlp.get_pipe("relation_extractor")._one_thread is None


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
    assert extractor._one_thread is None


def test_shims_of_thinc_stay_in_evaluation_mode():
    model = PyTorchWrapper(torch.nn.Linear(2, 2))
    assert steady(model)
    assert type(model.shims[0]) is SteadyShim
    assert steady(Model("none", lambda *_: None))


class Unknown(PyTorchShim):
    """A shim of somebody else's, with its own way to predict."""

    def predict(self, inputs):
        return super().predict(inputs)


def test_behind_a_model_that_nobody_knows_a_second_thread_is_told_once(tiny_bert, caplog):
    nlp = transformer_pipeline(tiny_bert)
    initialize(nlp)
    nlp.get_pipe("transformer").model.layers[0].shims[0].__class__ = Unknown
    extractor = nlp.get_pipe("relation_extractor")
    extractor.check_threads(nlp)
    doc = Doc(nlp.vocab, words=["Aspirin", "increases", "warfarin"], sent_starts=[True, False, False])
    doc.ents = [Span(doc, 0, 1, "DRUG"), Span(doc, 2, 3, "DRUG")]
    doc = nlp.get_pipe("transformer")(doc)
    with caplog.at_level(logging.WARNING, logger="spacy"):
        extractor.predict([doc])
        extractor.predict([doc])
        assert not caplog.records
        for _ in range(3):
            in_a_thread(extractor.predict, [doc])
    assert [record.getMessage().startswith("relation_extractor is called from several threads") for record in caplog.records] == [True]


def test_another_process_has_a_first_thread_of_its_own(monkeypatch):
    one = OneThread(["transformer"])
    assert not one.is_left()
    assert in_a_thread(one.is_left)
    one = pickle.loads(pickle.dumps(one))
    monkeypatch.setattr("os.getpid", lambda: 0x7FFFFFFF)
    assert not in_a_thread(one.is_left)
