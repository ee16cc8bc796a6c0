"""What teachers are asked, and the mean of what they say."""

import logging

import numpy
import pytest
import spacy
import torch
from scipy.special import log_softmax, logsumexp
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_relext.distillation import asking
from spacy_relext.distillation.asking import ask, mean, open_teachers
from spacy_relext.errors import RelextError
from spacy_relext.pipeline.preparing import prepare
from spacy_relext.taught import Place, Taught, get_taught
from tests.conftest import TRAIN_DATA, make_doc, with_entities
from tests.pipeline.test_encodings import marked_pipeline
from tests.pipeline.test_teaching import MODEL
from tests.pipeline.test_with_transformer import add_extractor, initialize, transformer_config, transformer_pipeline

LABELS = ("ADVISE", "INHIBITS", "MECHANISM")


def make_teacher(seed=0, *, labels=LABELS, sentencizer=True, name="teacher", initialised=True, **settings):
    """An untrained teacher says something, too."""
    nlp = spacy.blank("en", meta={"name": name})
    if sentencizer:
        nlp.add_pipe("sentencizer")
    pipe = nlp.add_pipe("relation_extractor", config={"model": MODEL, **settings})
    if initialised:
        examples = [Example(nlp.make_doc(doc.text), doc) for doc in (make_doc(nlp, *data) for data in TRAIN_DATA)]
        fix_random_seed(seed)
        pipe.initialize(lambda: examples, nlp=nlp, labels=list(labels))
        weights = numpy.random.default_rng(seed)
        # Fresh heads all say that there is no relation.
        head = pipe.model.get_ref("head").shims[0]._model
        for parameter in head.parameters():
            parameter.data += parameter.data.new_tensor(weights.normal(size=tuple(parameter.shape)))
    return nlp


def make_docs(nlp, *, sentences=True):
    docs = [make_doc(nlp, *data) for data in TRAIN_DATA]
    if not sentences:
        docs = [spacy.tokens.Doc(nlp.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc]) for doc in docs]
        for doc, data in zip(docs, TRAIN_DATA, strict=True):
            doc.set_ents([doc.char_span(s.start_char, s.end_char, label=s.label_) for s in make_doc(nlp, *data).ents])
    return docs


def logits_by_pair(nlp, doc):
    """The logits of the ordered pairs of a Doc, as the model itself gives them, by the labels' names."""
    pipe = nlp.get_pipe("relation_extractor")
    pairs = [(head, tail) for head in range(len(doc.ents)) for tail in range(len(doc.ents)) if head != tail]
    candidates = prepare(pipe, doc, list(doc.ents), numpy.asarray(pairs)).candidates
    logits = pipe.model.predict(([doc], [candidates], None))
    return {pair: dict(zip(["", *pipe.labels], row, strict=True)) for pair, row in zip(pairs, logits, strict=True)}


def test_the_mean_of_probabilities_before_rules_and_symmetric_labels(nlp):
    """Of two teachers with other orders of labels, other rules and symmetric labels, by hand from the logits of their models."""
    first = make_teacher(0, symmetric_labels=["ADVISE"], type_rules={"MECHANISM": [["DRUG", "GENE"]]})
    second = make_teacher(1, labels=LABELS[::-1])
    docs = make_docs(nlp)
    asked = list(ask(open_teachers([first, second]), docs))
    assert asked == docs
    n = 0
    for doc in docs:
        taught, of_pairs = get_taught(doc), [logits_by_pair(teacher, doc) for teacher in (first, second)]
        assert taught.labels == LABELS
        assert taught.log_p.dtype == numpy.float32
        mentions = [Place.of(span) for span in doc.ents]
        assert len(taught.pairs) == len(of_pairs[1])
        for pair in of_pairs[0]:
            log_p = [log_softmax([of_one[pair][column] for column in ("", *LABELS)]) for of_one in of_pairs]
            expected = logsumexp(log_p, axis=0) - numpy.log(2)
            numpy.testing.assert_allclose(taught.log_p[taught.rows[mentions[pair[0]], mentions[pair[1]]]], expected, rtol=1e-4, atol=1e-5)
            n += 1
    assert n == 18


def test_pairs_that_the_rules_of_a_teacher_exclude_are_asked_about(nlp):
    teacher = make_teacher(0, type_rules={label: [["DRUG", "GENE"]] for label in LABELS}, max_pairs=1)
    [doc] = list(ask(open_teachers([teacher]), make_docs(nlp)[:1]))
    assert len(get_taught(doc).pairs) == 2


def test_docs_without_sentences_get_those_of_the_teacher(nlp):
    docs = make_docs(nlp, sentences=False)
    assert not docs[0].has_annotation("SENT_START")
    list(ask(open_teachers([make_teacher()]), docs))
    assert [len(list(doc.sents)) for doc in docs] == [1] * 6
    assert [len(get_taught(doc).pairs) for doc in docs] == [2, 6, 2, 2, 6, 0]


def test_the_encoder_runs_where_there_may_be_a_pair(nlp, monkeypatch):
    read, inner = [], asking.predict

    def noted(nlp, docs, **settings):
        read.extend(doc.text for doc in docs)
        return inner(nlp, docs, **settings)

    monkeypatch.setattr(asking, "predict", noted)
    bare = nlp.make_doc("Tea is bare. No sentences.")
    docs = [*make_docs(nlp)[3:], nlp.make_doc(""), bare]
    asked = list(ask(open_teachers([make_teacher()]), docs))
    assert read == [TRAIN_DATA[3][0], TRAIN_DATA[4][0], bare.text]
    assert [None if (taught := get_taught(doc)) is None else len(taught.pairs) for doc in asked] == [2, 6, 0, None, 0]
    assert len(list(bare.sents)) == 2


def test_mean_by_hand():
    a, b, c = (Place(i, i + 1, "DRUG") for i in range(3))
    one = Taught(("X",), True, [(a, b), (b, a)], numpy.log([[0.5, 0.5], [0.9, 0.1]]))
    other = Taught(("X",), True, [(a, c), (b, a), (a, b)], numpy.log([[0.1, 0.9], [0.5, 0.5], [0.1, 0.9]]))
    found = mean([one, other])
    assert found.pairs == [(a, b), (b, a)]
    numpy.testing.assert_allclose(numpy.exp(found.log_p), [[0.3, 0.7], [0.7, 0.3]], rtol=1e-6)
    assert found.log_p.dtype == numpy.float32


def test_pairs_of_some_teachers_are_an_error_or_left_out(nlp, caplog):
    ordered, unordered = make_teacher(), make_teacher(candidates={"@misc": "spacy-relext.sentence_pairs.v1", "ordered": False})
    with pytest.raises(RelextError, match="teacher, teacher: of 18 candidate pairs, there are 9 that only some of the teachers have"):
        list(ask(open_teachers([ordered, unordered]), make_docs(nlp)))
    # One of a thousand.
    near = make_teacher(candidates={"@misc": "spacy-relext.distance_pairs.v1", "max_distance": 4})
    far = make_teacher(candidates={"@misc": "spacy-relext.distance_pairs.v1", "max_distance": 9})
    data = [("Ritonavir", "DRUG"), ("CYP3A4", "GENE")]
    docs = [make_doc(nlp, "Ritonavir inhibits CYP3A4.", data, []) for _ in range(150)]
    docs.append(make_doc(nlp, "Ritonavir, as it was found here, inhibits CYP3A4.", data, []))
    with caplog.at_level(logging.WARNING, logger="spacy.relext"):
        list(ask(open_teachers([far, near]), docs))
    assert "of 302 candidate pairs, there are 2 that only some of the teachers have" in caplog.text
    assert len(get_taught(docs[-1]).pairs) == 0


def test_teachers_that_cannot_be_asked():
    with pytest.raises(RelextError, match="there is no teacher"):
        open_teachers([])
    with pytest.raises(RelextError, match="has no relation extractor"):
        open_teachers([spacy.blank("en")])
    with pytest.raises(RelextError, match="has no trained model"):
        open_teachers([make_teacher(initialised=False)])
    with pytest.raises(RelextError, match=r"a has the labels .*, and b .*: not the same are EFFECT\. Teachers are averaged"):
        open_teachers([make_teacher(name="a"), make_teacher(name="b", labels=[*LABELS, "EFFECT"])])
    with pytest.raises(RelextError, match="exclusive is True for a, and False for b"):
        open_teachers([make_teacher(name="a"), make_teacher(name="b", exclusive=False)])
    several = make_teacher()
    several.add_pipe("relation_extractor", "other", config={"score_prefix": "other"})
    with pytest.raises(RelextError, match="has the relation extractors relation_extractor, other, and none was named"):
        open_teachers([several])
    assert open_teachers([several], "relation_extractor")[0].pipe.name == "relation_extractor"


def initialised(nlp):
    """With weights that say something."""
    initialize(nlp)
    for parameter in nlp.get_pipe("relation_extractor").model.get_ref("head").shims[0]._model.parameters():
        torch.nn.init.normal_(parameter)
    return nlp


def test_teachers_of_any_encoding_say_what_they_predict(nlp, tiny_bert):
    """One pass per pair, one pass per text, a shared transformer: what a pipeline says of a text is what it says as a teacher."""
    mentions = {"@misc": "spacy-relext.mention_tags.v1"}
    own = {**transformer_config(tiny_bert), "@architectures": "spacy-relext.Tok2VecTransformer.v1", "grad_factor": 1.0}
    blinded = spacy.blank("en", meta={"name": "blinded"})
    blinded.add_pipe("sentencizer")
    add_extractor(blinded, {**own, "pooling": {"@layers": "reduce_mean.v1"}}, marking=mentions)
    pipelines = [initialised(marked_pipeline(tiny_bert, "attention")), initialised(transformer_pipeline(tiny_bert)), initialised(blinded)]
    alone = [[get_taught(doc) for doc in ask(open_teachers([one]), make_docs(nlp))] for one in pipelines]
    for pipeline, said in zip(pipelines, alone, strict=True):
        pipe, found = pipeline.get_pipe("relation_extractor"), {}
        pipe.on_predictions = lambda doc, predictions, found=found: found.setdefault(doc.text, predictions)
        list(pipeline.pipe(with_entities(pipeline)))
        for taught, doc in zip(said, make_docs(nlp), strict=True):
            predictions = found[doc.text]
            places = [Place.of(span) for span in predictions.spans]
            rows = [taught.rows[places[head], places[tail]] for head, tail in predictions.pairs.tolist()]
            assert sorted(rows) == list(range(len(taught.pairs)))
            columns = [0, *(1 + LABELS.index(label) for label in pipe.labels)]
            numpy.testing.assert_allclose(numpy.exp(taught.log_p[rows][:, columns]), predictions.scores, atol=1e-5)
    together = [get_taught(doc) for doc in ask(open_teachers(pipelines), make_docs(nlp))]
    for taught, *said in zip(together, *alone, strict=True):
        numpy.testing.assert_allclose(numpy.exp(taught.log_p), sum(numpy.exp(one.log_p) for one in said) / 3, atol=1e-6)
