"""Windows in which no pair reads anything are not encoded, and nothing but time changes."""

import random

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_relext.ml import architectures, transformer
from spacy_relext.ml.windows import skip_unused_windows
from spacy_relext.relations import Relation, register_extensions, set_relations
from tests.pipeline.test_with_transformer import CNN_INSIDE, WINDOWS, add_extractor, transformer_config

WORDS = ["aspirin", "warfarin", "ketamine", "quinine", "increases", "levels", "of", "and", "with", "nothing", "is", "said", "here"]
OVERLAPPING_WINDOWS = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 12, "stride": 8}
PAIRS = {
    "sentences": {"@misc": "spacy-relext.sentence_pairs.v1", "ordered": True, "overlapping": True},
    "distance": {"@misc": "spacy-relext.distance_pairs.v1", "max_distance": 12, "ordered": True},
}


def pipeline(folder, get_spans=WINDOWS, marking=None, pairs="sentences"):
    nlp = spacy.blank("en")
    inside = {**transformer_config(folder, get_spans=get_spans), "@architectures": "spacy-relext.Tok2VecTransformer.v1"}
    # Without dropout, two passes can be compared.
    inside["transformer_config"] = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    inside["pooling"] = {"@layers": "reduce_mean.v1"}
    add_extractor(nlp, inside, **({"marking": marking} if marking else {}))
    nlp.get_pipe("relation_extractor").get_pairs = spacy.registry.resolve({"pairs": PAIRS[pairs]})["pairs"]
    return nlp


def random_docs(vocab, seed, n_docs=6, sentences=True):
    """Docs of eight sentences, two of which have mentions; some mentions run over the end of their sentence, overlap, or stand alone."""
    register_extensions()
    draw = random.Random(seed)
    docs = []
    for _ in range(n_docs):
        lengths = [draw.randint(3, 30) for _ in range(8)]
        starts = [i == 0 for length in lengths for i in range(length)]
        doc = Doc(vocab, words=[draw.choice(WORDS) for _ in starts], sent_starts=starts if sentences else None)
        ends = numpy.cumsum(lengths)
        spans = []
        for sentence in draw.sample(range(8), 2):
            end = int(ends[sentence])
            for _ in range(draw.randint(1, 4)):
                first = draw.randrange(end - lengths[sentence], end)
                spans.append(Span(doc, first, min(first + draw.randint(1, 3), len(doc)), label=draw.choice(["DRUG", "GENE"])))
        doc.spans["all"] = spans
        set_relations(doc, [Relation(spans[0], spans[1], "RAISES"), Relation(spans[-1], spans[0], "LOWERS")] if len(spans) > 2 else [])
        docs.append(doc)
    return [*docs, Doc(vocab), Doc(vocab, words=["here"], sent_starts=[True] if sentences else None)]


def examples_of(docs):
    # The predicted Doc has the sentences alone.
    return [
        Example(Doc(doc.vocab, words=[t.text for t in doc], sent_starts=[t.is_sent_start for t in doc] if len(doc) else None), doc)
        for doc in docs
    ]


class Encoded:
    """Counts the texts that the encoder is given, and turns skipping off where told."""

    def __init__(self, patch):
        self.patch, self.n, run = patch, 0, transformer.run_module

        def counted(model, wordpieces, is_train):
            self.n += wordpieces.input_ids.shape[0]
            return run(model, wordpieces, is_train)

        patch.setattr(transformer, "run_module", counted)

    def without_skipping(self, action):
        """What an action gives, and the number of texts."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(architectures, "skip_unused_windows", lambda *args, skip: skip_unused_windows(*args, skip=False))
            return self.counted(action)

    def counted(self, action):
        self.n = 0
        return action(), self.n


TAGS = {"@misc": "spacy-relext.mention_tags.v1"}
# Settings of the pipeline, and whether the texts have sentences.
CASES = {
    "plain": ({}, True),
    "tags": ({"marking": TAGS}, True),
    "overlapping windows": ({"get_spans": OVERLAPPING_WINDOWS}, True),
    "across sentences": ({"pairs": "distance"}, True),
    "without sentences": ({"pairs": "distance"}, False),
    "overlapping windows without sentences": ({"get_spans": OVERLAPPING_WINDOWS, "pairs": "distance"}, False),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(2))
def test_scores_and_training_stay_what_they_are(case, seed, tiny_bert, monkeypatch):
    settings, sentences = CASES[case]
    encoded = Encoded(monkeypatch)

    def trained():
        """Scores before and after an update, and the encoder's weights."""
        nlp = pipeline(tiny_bert, **settings)
        pipe = nlp.get_pipe("relation_extractor")
        pipe.cfg["spans_key"] = "all"
        docs = random_docs(nlp.vocab, seed, sentences=sentences)
        examples = examples_of(docs)
        fix_random_seed(0)
        optimizer = nlp.initialize(lambda: examples)
        scores = [p.scores for p in pipe.predict(docs)]
        pipe.update(examples, sgd=optimizer)
        weights = {name: w.detach().numpy().copy() for name, w in encoder(pipe).named_parameters()}
        return scores + [p.scores for p in pipe.predict(docs)], weights

    (scores, weights), n = encoded.counted(trained)
    (expected, expected_weights), n_plain = encoded.without_skipping(trained)
    assert sum(len(s) for s in scores) > 20
    assert n < n_plain
    for ours, theirs in zip(scores, expected, strict=True):
        numpy.testing.assert_allclose(ours, theirs, atol=1e-4)
    for name in weights:
        numpy.testing.assert_allclose(weights[name], expected_weights[name], atol=1e-4, err_msg=name)


def encoder(pipe):
    return next(
        shim._model for node in pipe.model.get_ref("tok2vec").walk() for shim in node.shims if hasattr(shim._model, "named_parameters")
    )


def test_only_sentences_with_a_pair_are_encoded(tiny_bert, monkeypatch):
    nlp = pipeline(tiny_bert)
    pipe = nlp.get_pipe("relation_extractor")
    docs = random_docs(nlp.vocab, 0)
    pipe.cfg["spans_key"] = "all"
    nlp.initialize(lambda: examples_of(docs))
    text = "aspirin increases warfarin . nothing is said here . aspirin is said . aspirin and warfarin increases quinine ."
    starts = [i in (0, 4, 9, 13) for i in range(len(text.split()))]
    doc = Doc(nlp.vocab, words=text.split(), sent_starts=starts)
    drugs = [Span(doc, t.i, t.i + 1, label="DRUG") for t in doc if t.text in ("aspirin", "warfarin", "quinine")]
    doc.spans["all"] = drugs
    encoded = Encoded(monkeypatch)
    (prediction,), n = encoded.counted(lambda: pipe.predict([doc]))
    # Of four sentences the first and the last; that of one mention is not.
    assert (n, len(prediction.pairs)) == (2, 2 + 6)
    # Who asks for the weights of words gets all of them.
    (readings,), n = encoded.counted(lambda: list(pipe.attention([doc])))
    reading = readings[0].attention
    assert (n, [word for word, kind in zip(reading.words, reading.kinds, strict=True) if kind == "head"]) == (4, ["aspirin"])


def test_an_encoder_without_windows_reads_all(monkeypatch):
    nlp = spacy.blank("en")
    add_extractor(nlp, CNN_INSIDE)
    pipe = nlp.get_pipe("relation_extractor")
    pipe.cfg["spans_key"] = "all"
    docs = random_docs(nlp.vocab, 1)
    nlp.initialize(lambda: examples_of(docs))
    encoded = Encoded(monkeypatch)
    scores, _ = encoded.counted(lambda: [p.scores for p in pipe.predict(docs)])
    expected, _ = encoded.without_skipping(lambda: [p.scores for p in pipe.predict(docs)])
    for ours, theirs in zip(scores, expected, strict=True):
        numpy.testing.assert_array_equal(ours, theirs)


def test_an_error_leaves_the_encoder_as_it_was(tiny_bert, monkeypatch):
    nlp = pipeline(tiny_bert)
    pipe = nlp.get_pipe("relation_extractor")
    pipe.cfg["spans_key"] = "all"
    docs = random_docs(nlp.vocab, 2)
    nlp.initialize(lambda: examples_of(docs))
    expected = [p.scores for p in pipe.predict(docs)]
    with monkeypatch.context() as patch:
        patch.setattr(transformer, "run_module", lambda *_: (_ for _ in ()).throw(MemoryError))
        with pytest.raises(MemoryError):
            pipe.predict(docs)
    numpy.testing.assert_array_equal(numpy.concatenate([p.scores for p in pipe.predict(docs)]), numpy.concatenate(expected))
