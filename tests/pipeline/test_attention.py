"""`RelationExtractor.attention`: what was read for each pair of each Doc, and where the model looked."""

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc, Span

from spacy_relext.errors import RelextError
from spacy_relext.ml.attention import token_places
from tests.conftest import with_entities
from tests.pipeline.test_encodings import marked_pipeline, shared_pipeline
from tests.pipeline.test_with_transformer import CNN_INSIDE, add_extractor, initialize, transformer_pipeline


def cnn_pipeline(summary, marking=None):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    add_extractor(nlp, CNN_INSIDE, summary=summary, marking=marking)
    return nlp


ATTENTION = {"@relext_summaries": "spacy-relext.attention.v1", "beside": "mentions"}
TAGS = {"@misc": "spacy-relext.mention_tags.v1"}


def prepared(nlp, docs=None):
    """The extractor, initialised, and Docs that the others have run over: sentences with two, three, two, two, three and no mentions."""
    initialize(nlp)
    with nlp.select_pipes(disable=["relation_extractor"]):
        return nlp.get_pipe("relation_extractor"), list(nlp.pipe(with_entities(nlp) if docs is None else docs))


def plant(pipe, words, wanted):
    """Make the summary `attention` look at one word of a Doc alone."""
    vectors = pipe.model.get_ref("tok2vec").predict([words])[0]
    target = [30.0 * (token.text == wanted) for token in words]
    with torch.no_grad():
        weight = pipe.model.get_ref("head").shims[0]._model.summary.score.weight
        weight.copy_(torch.tensor(numpy.linalg.pinv(vectors) @ numpy.asarray(target)))


def test_planted_weight_is_found():
    pipe, docs = prepared(cnn_pipeline(ATTENTION))
    plant(pipe, docs[1], "with")
    read = list(pipe.attention(docs[:2]))
    assert [len(pairs) for pairs in read] == [2, 6]
    for pair in read[1]:
        assert pair.attention.words == [token.text for token in docs[1]]
        ((word, weight),) = pair.attention.top(1)
        assert word == "with"
        assert weight > 0.99
    assert [pair.attention.words for pair in read[0]] == [[token.text for token in docs[0]]] * 2


def test_encoder_that_reads_tags():
    pipe, docs = prepared(cnn_pipeline(ATTENTION, TAGS))
    words = ["Avoid", "@DRUG1$", "with", "@DRUG2$", "or", "@DRUG3$", "."]
    plant(pipe, Doc(pipe.vocab, words=words), "@DRUG3$")
    (pairs,) = pipe.attention([docs[1]])
    assert [pair.attention.words for pair in pairs] == [words] * 6
    kinds = {(str(pair.head), str(pair.tail)): pair.attention.kinds for pair in pairs}
    assert kinds["ketamine", "warfarin"] == ["text", "head", "text", "tail", "text", "mention", "text"]
    assert kinds["aspirin", "ketamine"] == ["text", "tail", "text", "mention", "text", "head", "text"]
    assert all(pair.attention.top(1)[0][0] == "@DRUG3$" for pair in pairs)
    assert all(str(pair.context) == "Avoid ketamine with warfarin or aspirin." for pair in pairs)
    # The tags stand for their mentions.
    for pair in pairs:
        assert [docs[1].text[start:end] for start, end in pair.attention.places.tolist()] == [token.text for token in docs[1]]
        assert max(pair.places, key=lambda place: place[2])[:2] == (32, 39)


def test_words_that_a_marking_puts_in_have_no_place():
    nlp = spacy.blank("en")
    doc, marked = nlp("Avoid low dose ketamine now."), nlp("Avoid @DRUG$ now.")
    mentions, tags = numpy.asarray([[1, 4, 2]]), numpy.asarray([[1, 2, 2]])
    assert marked[1].text == "@DRUG$"
    assert token_places(doc, mentions, marked, tags).tolist() == [[0, 5], [6, 23], [24, 27], [27, 28]]
    assert token_places(doc, mentions, doc, mentions).tolist() == [[t.idx, t.idx + len(t)] for t in doc]
    more = nlp("Do avoid @DRUG$ now.")
    assert token_places(doc, mentions, more, numpy.asarray([[2, 3, 2]])).tolist() == [[0, 0], [0, 0], [6, 23], [0, 0], [0, 0]]


MAKES = {
    "shared": lambda folder: shared_pipeline(folder, "pair attention"),
    "marked": lambda folder: marked_pipeline(folder, "attention"),
    "marked, bfloat16": lambda folder: marked_pipeline(folder, "attention", precision="bfloat16"),
    "listener": lambda folder: transformer_pipeline(folder, precision="bfloat16", precision_of_head="bfloat16"),
}


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_pairs_and_scores_are_those_of_the_prediction(tiny_bert, make):
    pipe, docs = prepared(make(tiny_bert))
    expected = pipe.predict(docs)
    for batch_size in (1, 4, 100):
        found = list(pipe.attention(iter(docs), batch_size=batch_size))
        assert [len(pairs) for pairs in found] == [2, 6, 2, 2, 6, 0]
        for doc, pairs, prediction in zip(docs, found, expected, strict=True):
            for pair, (head, tail), scores in zip(pairs, prediction.pairs, prediction.scores, strict=True):
                assert (pair.head, pair.tail) == (prediction.spans[head], prediction.spans[tail])
                assert pair.head.doc is doc
                # Column 0 is no-relation.
                assert tuple(pair.scores) == pipe.labels
                assert list(pair.scores.values()) == pytest.approx(scores[1:].tolist(), abs=0.01)
                assert pair.context.text == doc.text
                reading = pair.attention
                for word, kind, (start, end) in zip(reading.words, reading.kinds, reading.places.tolist(), strict=True):
                    assert doc.text[start:end] == {"head": pair.head.text, "tail": pair.tail.text}.get(kind, word)
                assert pair.attention.kinds.count("head") == pair.attention.kinds.count("tail") == 1
                assert pair.attention.weights.sum() == pytest.approx(1, abs=1e-3)


def test_docs_are_left_as_they_are():
    pipe, docs = prepared(cnn_pipeline(ATTENTION))
    before = [doc.to_bytes() for doc in docs]
    list(pipe.attention(docs))
    assert [doc.to_bytes() for doc in docs] == before


def test_nothing_to_read():
    nlp = cnn_pipeline(ATTENTION)
    pipe, docs = prepared(nlp, ["Nothing is said here.", "", "   "])
    assert list(pipe.attention(docs)) == [[], [], []]
    assert list(pipe.attention([])) == []


@pytest.mark.parametrize(
    ("make", "summary"),
    [(marked_pipeline, name) for name in ("cls", "lstm", "mlp", "attention over layers", "mentions")]
    + [(shared_pipeline, name) for name in ("lstm", "mentions")],
)
def test_summaries_without_weights(tiny_bert, make, summary):
    pipe, docs = prepared(make(tiny_bert, summary))
    with pytest.raises(RelextError, match=r"has no weight for each word that it reads.*spacy-relext\.attention\.v1"):
        list(pipe.attention(docs))


def test_untrained_model():
    nlp = cnn_pipeline(ATTENTION)
    doc = nlp.make_doc("Aspirin and warfarin.")
    doc.ents = [Span(doc, 0, 1, "DRUG"), Span(doc, 2, 3, "DRUG")]
    for token in doc:
        token.is_sent_start = token.i == 0
    with pytest.raises(RelextError, match="has no trained model"):
        list(nlp.get_pipe("relation_extractor").attention([doc]))
