"""What is told of the words that a model reads: right words, right kinds, right weights, whatever is computed together."""

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc, Span
from transformers import AutoModel, AutoTokenizer

from spacy_relext.candidates import make_candidates, sentence_pairs
from spacy_relext.errors import RelextError
from spacy_relext.ml.attention import AttentionWeights, attention_to_tokens, by_word
from spacy_relext.ml.contexts import make_batch
from spacy_relext.ml.head import PairScorer
from spacy_relext.ml.marking import MarkedText, pair_markers, pair_tags
from spacy_relext.ml.pair_texts import marked_pairs, words_of
from spacy_relext.ml.per_pair import PerPairEncoder
from spacy_relext.ml.summaries import Attention, Lstm, PairAttention

NLP = spacy.blank("en")
WIDTH = 6


def make_doc(text, mentions, sentence_starts=(0,)):
    """A Doc of the words of a text, and the candidates of its mentions, given as (first token, end)."""
    words = text.split()
    doc = Doc(NLP.vocab, words=words, sent_starts=[i in sentence_starts for i in range(len(words))])
    spans = [Span(doc, *place, "DRUG") for place in mentions]
    return doc, make_candidates(doc, spans, [2] * len(spans), sentence_pairs(ordered=True, overlapping=True)(doc, spans))


# Two sentences; overlapping mentions, and one of the same tokens as the pair's; no pair; no token; a crowded sentence.
DOCS = [
    make_doc(
        "aspirin raises warfarin . warfarin and low dose aspirin or ketamine", [(0, 1), (2, 3), (4, 5), (6, 9), (8, 9), (10, 11)], (0, 4)
    ),
    make_doc("nothing but aspirin here", [(2, 3)]),
    make_doc("", []),
    make_doc("a b c d e f g h i j k l", [(i, i + 1) for i in range(0, 12, 2)]),
]


def test_the_largest_weights_first():
    reading = AttentionWeights(
        ["a", "b", "c", "d"], ["head", "text", "text", "tail"], numpy.asarray([0.1, 0.4, 0.1, 0.4]), numpy.zeros((4, 2))
    )
    assert reading.top(3) == [("b", 0.4), ("d", 0.4), ("a", 0.1)]
    assert len(reading.top(9)) == 4


def test_pieces_count_for_their_words():
    #         0    5    10
    text = "cannot  go \u200b."
    words = numpy.asarray([(0, 3), (3, 6), (8, 10), (11, 12), (12, 13)])
    # A piece over two words, half and half; one over a word and the space before it; a space alone, for the word behind it; the end.
    pieces = numpy.asarray([(0, 6), (7, 9), (9, 10), (10, 11), (12, 13), (13, 13)])
    weights, read = by_word(numpy.asarray([0.4, 0.1, 0.1, 0.05, 0.2, 0.15]), pieces, words)
    assert [text[a:b] for a, b in words] == ["can", "not", "go", "\u200b", "."]
    assert weights.tolist() == pytest.approx([0.2, 0.2, 0.2, 0.05, 0.35])
    weights, read = by_word(numpy.asarray([0.4, 0.6]), pieces[[0, 4]], words)
    assert weights.tolist() == pytest.approx([0.2, 0.2, 0, 0, 0.6])
    assert read.tolist() == [True, True, False, False, True]


# Tokens


def scorer(summary, width=WIDTH, max_cells=2**20):
    torch.manual_seed(0)
    made = PairScorer(summary, hidden_width=0, max_cells=max_cells)
    made.build(width=width, n_types=4, n_labels=3)
    return made.eval()


def read_tokens(made, vectors, docs=DOCS):
    batch = make_batch([len(doc) for doc, _ in docs], [candidates for _, candidates in docs])
    readings = {}
    places = numpy.arange(2 * len(vectors)).reshape(-1, 2)
    with torch.no_grad():
        made(vectors, batch, on_weights=attention_to_tokens(readings.__setitem__, [doc for doc, _ in docs], batch, places))
    assert sorted(readings) == list(range(len(batch.pairs)))
    return [readings[i] for i in range(len(readings))]


def token_vectors():
    return torch.tensor(numpy.random.default_rng(0).normal(size=(sum(len(doc) for doc, _ in DOCS), WIDTH)), dtype=torch.float32)


@pytest.mark.parametrize("max_cells", [1, 2**20])
def test_weights_of_tokens_are_those_of_the_formula(max_cells):
    made, vectors = scorer(Attention(beside="mentions"), max_cells=max_cells), token_vectors()
    readings = read_tokens(made, vectors)
    w = made.summary.score.weight[0].detach().numpy()
    n = offset = 0
    for doc, candidates in DOCS:
        for first, end in candidates.contexts:
            scores = vectors[offset + first : offset + end].numpy() @ w
            numpy.testing.assert_allclose(readings[n].weights, numpy.exp(scores) / numpy.exp(scores).sum(), rtol=1e-5)
            assert readings[n].words == [token.text for token in doc[int(first) : int(end)]]
            n += 1
        offset += len(doc)
    assert n == len(readings) == 2 + 12 + 30


def test_weights_of_several_heads_do_not_depend_on_what_is_read_together():
    made, vectors = scorer(PairAttention(n_heads=2)), token_vectors()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn_like(parameter))
    together = read_tokens(made, vectors)
    made.max_cells = 1
    apart = [
        r for part in (slice(0, 1), slice(3, 4)) for r in read_tokens(made, vectors[:11] if part.start == 0 else vectors[15:], DOCS[part])
    ]
    for one, other in zip(together, apart, strict=True):
        assert one[:2] == other[:2]
        numpy.testing.assert_allclose(one.weights, other.weights, rtol=1e-4, atol=1e-7)
        assert one.weights.sum() == pytest.approx(1, abs=1e-5)
    assert len({tuple(r.weights.round(5)) for r in together}) == len(together)


def test_kinds_of_tokens():
    readings = read_tokens(scorer(PairAttention(n_heads=2)), token_vectors())
    _, candidates = DOCS[0]
    by_pair = dict(zip(map(tuple, candidates.pairs.tolist()), readings, strict=False))
    assert by_pair[0, 1].kinds == ["head", "text", "tail", "text"]
    assert by_pair[1, 0].kinds == ["tail", "text", "head", "text"]
    # warfarin and [low dose [aspirin]] or ketamine
    assert by_pair[2, 5].kinds == ["head", "text", "mention", "mention", "mention", "text", "tail"]
    assert by_pair[3, 4].kinds == ["mention", "text", "head", "head", "head", "text", "mention"]
    assert by_pair[4, 3].kinds == ["mention", "text", "tail", "tail", "head", "text", "mention"]


def test_a_summary_without_weights():
    with pytest.raises(RelextError, match=r"the summary lstm has no weight for each word .* Train with spacy-relext\.attention\.v1"):
        read_tokens(scorer(Lstm(beside="mentions")), token_vectors())


# Marked texts


def marked(marking, doc, candidates, pair):
    return list(marked_pairs([doc], [candidates], marking))[pair][0]


def spelled(marking, doc, candidates, pair):
    text = marked(marking, doc, candidates, pair)
    places, kinds, _ = words_of(text, doc, candidates, pair)
    return [(text.text[a:b], kind) for (a, b), kind in zip(places.tolist(), kinds, strict=True)]


def pair_of(candidates, head, tail):
    return candidates.pairs.tolist().index([head, tail])


def test_words_of_a_text_with_tags():
    doc, candidates = DOCS[0]
    assert spelled(pair_tags(), doc, candidates, pair_of(candidates, 1, 0)) == [
        ("@DRUG$", "tail"),
        ("raises", "text"),
        ("@DRUG$", "head"),
        (".", "text"),
    ]
    # In the second sentence; all other mentions are told apart, those that share tokens with the pair are gone.
    assert spelled(pair_tags(), doc, candidates, pair_of(candidates, 2, 4)) == [
        ("@DRUG$", "head"),
        ("and", "text"),
        ("low", "mention"),
        ("dose", "mention"),
        ("@DRUG$", "tail"),
        ("or", "text"),
        ("ketamine", "mention"),
    ]
    assert spelled(pair_tags(), doc, candidates, pair_of(candidates, 3, 5)) == [
        ("warfarin", "mention"),
        ("and", "text"),
        ("@DRUG$", "head"),
        ("or", "text"),
        ("@DRUG$", "tail"),
    ]


def test_words_of_a_text_with_tags_for_overlapping_mentions():
    doc, candidates = DOCS[0]
    outside = [("warfarin", "mention"), ("and", "text")], [("or", "text"), ("ketamine", "mention")]
    found = spelled(pair_tags(), doc, candidates, pair_of(candidates, 4, 3))
    assert found == [*outside[0], ("@DRUG$", "tail"), ("@DRUG$", "head"), *outside[1]]


def test_words_of_a_text_with_markers():
    doc, candidates = DOCS[0]
    found = spelled(pair_markers(), doc, candidates, pair_of(candidates, 5, 2))
    assert found[0] == ("# ^ drug ^ warfarin #", "tail")
    assert found[-2:] == [("or", "text"), ("@ * drug * ketamine @", "head")]
    found = spelled(pair_markers(), doc, candidates, pair_of(candidates, 4, 3))
    assert found == [
        ("warfarin", "mention"),
        ("and", "text"),
        ("# ^ drug ^ low dose @ * drug * aspirin @ #", "tail"),
        ("@ * drug * aspirin @", "head"),
        ("or", "text"),
        ("ketamine", "mention"),
    ]


def test_words_between_mentions_that_touch():
    doc, candidates = make_doc("x aspirin warfarin x", [(1, 2), (2, 3)])
    for marking in (pair_tags(), pair_markers()):
        assert [kind for _, kind in spelled(marking, doc, candidates, 0)] == ["text", "head", "tail", "text"]


def test_a_marking_that_changes_other_text():
    doc, candidates = DOCS[0]

    def upper(text, head, tail, *types):
        return MarkedText(text.upper(), head, tail)

    with pytest.raises(RelextError, match=r"the marking changes more of .aspirin raises warfarin \.."):
        spelled(upper, doc, candidates, 0)


# Word pieces


@pytest.fixture
def hf(tiny_bert):
    class Encoder:
        tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
        transformer = AutoModel.from_pretrained(tiny_bert).eval()

    return Encoder


def read_pieces(hf, made, *, docs=DOCS, max_length=64):
    readings = {}
    inputs = ([doc for doc, _ in docs], [candidates for _, candidates in docs])
    with torch.no_grad():
        encoder = PerPairEncoder(pair_tags(), max_length=max_length)
        encoder.logits(*inputs, hf, made, on_attention=readings.__setitem__, dropout=0.0, lower=False)
    assert sorted(readings) == list(range(sum(len(candidates.pairs) for _, candidates in docs)))
    return [readings[i] for i in range(len(readings))]


@pytest.fixture
def planted():
    """A summary that looks at some words much more than at others."""
    made = scorer(Attention(), width=32)
    with torch.no_grad():
        made.summary.score.weight.copy_(torch.randn(1, 32))
    return made


def test_weights_of_words_are_sums_over_their_pieces(hf, planted, monkeypatch):
    """Against the encoder run on each text alone, whatever is encoded together."""
    w = planted.summary.score.weight[0].detach()
    texts = [text.text for text, _, _ in marked_pairs(*zip(*DOCS, strict=True), pair_tags())]
    expected = []
    for text in texts:
        encoded = hf.tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
        places = encoded.pop("offset_mapping")[0, 1:-1].tolist()
        with torch.no_grad():
            weights = (hf.transformer(**encoded).last_hidden_state[0, 1:-1] @ w).softmax(dim=0).tolist()
        # Words stand between spaces here, and no piece has one.
        sums = [0.0] * len(text.split())
        for (first, _), weight in zip(places, weights, strict=True):
            sums[text[:first].count(" ")] += weight
        expected.append(sums)
    # More pieces than words, and weights that differ.
    assert any(len(hf.tokenizer.tokenize(text)) > len(text.split()) for text in texts)
    assert max(max(sums) * len(sums) for sums in expected) > 2
    for block, cost in ((4096, 100), (5, 100), (4096, -1)):
        monkeypatch.setattr("spacy_relext.ml.per_pair.BLOCK", block)
        monkeypatch.setattr("spacy_relext.ml.transformer.RUN_COST", cost)
        for reading, text, sums in zip(read_pieces(hf, planted), texts, expected, strict=True):
            assert reading.words == text.split()
            assert reading.weights.tolist() == pytest.approx(sums, rel=1e-3, abs=1e-6)
            assert reading.weights.sum() == pytest.approx(1, abs=1e-5)


def test_words_that_were_cut_were_not_read(hf, planted):
    doc = make_doc("warfarin " + "or " * 30 + "aspirin levels", [(0, 1), (31, 32)])
    (reading, _) = read_pieces(hf, planted, docs=[doc], max_length=16)
    # Seven pieces around each mark of six: @ d ##r ##u ##g $
    assert reading.words == ["@DRUG$", "or", "@DRUG$", "levels"]
    assert reading.kinds == ["head", "text", "tail", "text"]
    assert reading.weights.sum() == pytest.approx(1, abs=1e-5)
