"""Several threads in one model: windows of one thread are not another's, and where a second one is not safe it is told."""

import logging
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy
from spacy.tokens import Doc, Span
from thinc.api import Model, PyTorchShim

from spacy_relext.candidates import make_candidates
from spacy_relext.ml.threads import OneThread
from spacy_relext.ml.windows import sentence_windows, skip_unused_windows
from tests.pipeline.test_with_transformer import initialize, transformer_pipeline


def in_a_thread(function, *args):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result()


def windows_model():
    return Model("encoder", lambda model, X, is_train: (model.attrs["get_spans"](X), None), attrs={"get_spans": sentence_windows(4)})


def test_what_one_thread_reads_is_not_what_another_reads(nlp):
    model = windows_model()
    original = model.attrs["get_spans"]
    given = []
    for sentence in (0, 1):
        doc = Doc(nlp.vocab, words=list("abcdef"), sent_starts=[True, False, False] * 2)
        spans = [doc[3 * sentence : 3 * sentence + 1], doc[3 * sentence + 2 : 3 * sentence + 3]]
        given.append(skip_unused_windows(model, [doc], [make_candidates(doc, spans, [2, 2], numpy.asarray([[0, 1]]))]))
    # The first one reads after the second one has asked.
    windows = [model.predict(docs) for docs, _, _ in given]
    assert [[(span.start, span.end) for span in of_doc] for (of_doc,) in windows] == [[(0, 3)], [(3, 6)]]
    plain = model.predict(list(given[0][0]))
    assert [[(span.start, span.end) for span in of_doc] for of_doc in plain] == [[(0, 3), (3, 6)]]
    assert model.attrs["get_spans"].get_spans is original


class Unknown(PyTorchShim):
    """A shim of somebody else's, with its own way to predict."""

    def predict(self, inputs):
        return super().predict(inputs)


def test_behind_a_model_that_nobody_knows_a_second_thread_is_told_once(tiny_bert, caplog):
    nlp = transformer_pipeline(tiny_bert)
    initialize(nlp)
    nlp.get_pipe("transformer").model.layers[0].shims[0].__class__ = Unknown
    extractor = nlp.get_pipe("relation_extractor")
    extractor.checks.models(extractor, nlp)
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
