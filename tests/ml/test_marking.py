"""Marked text: what the encoder reads, and where the pairs are in it."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_relext.candidates import make_candidates, sentence_pairs
from spacy_relext.ml.marking import mention_tags

NLP = spacy.blank("en")


def annotated(words, mentions, starts=None, spaces=None):
    """A Doc, and the candidates of its mentions (first token, end, label), all pairs of a sentence in both directions."""
    doc = Doc(NLP.vocab, words=words, spaces=spaces, sent_starts=[i in (starts or {0}) for i in range(len(words))])
    spans = [Span(doc, start, end, label=label) for start, end, label in mentions]
    pairs = sentence_pairs(overlapping=True)(doc, spans)
    return doc, make_candidates(doc, spans, range(2, 2 + len(spans)), pairs)


def test_a_tag_stands_for_each_mention():
    doc, candidates = annotated(
        ["Vitamin", "K", "lowers", "non", "-", "warfarin", "INR", "."],
        [(0, 2, "FOOD"), (5, 6, "DRUG")],
        spaces=[True, True, True, False, False, True, False, False],
    )
    marked, moved = mention_tags(numbered=False)(doc, candidates)
    assert marked.text == "@FOOD$ lowers non-@DRUG$ INR."
    assert [token.text for token in marked] == ["@FOOD$", "lowers", "non", "-", "@DRUG$", "INR", "."]
    assert moved.mentions.tolist() == [[0, 1, 2], [4, 5, 3]]
    assert moved.pairs.tolist() == candidates.pairs.tolist() == [[0, 1], [1, 0]]
    assert moved.contexts.tolist() == [[0, 7], [0, 7]]
    # The Doc itself stays what it is.
    assert doc.text == "Vitamin K lowers non-warfarin INR."
    assert candidates.mentions.tolist() == [[0, 2, 2], [5, 6, 3]]


def test_a_name_keeps_its_number_within_a_sentence():
    words = ["Aspirin", "and", "aspirin", "or", "St", "John", ".", "Warfarin", "or", "ASPIRIN", "or", "warfarin"]
    mentions = [(0, 1, "DRUG"), (2, 3, "BRAND"), (4, 6, "HERB"), (7, 8, "DRUG"), (9, 10, "DRUG"), (11, 12, "DRUG")]
    doc, candidates = annotated(words, mentions, {0, 7})
    marked, _ = mention_tags()(doc, candidates)
    assert marked.text.split() == ["@DRUG1$", "and", "@BRAND1$", "or", "@HERB2$", ".", "@DRUG1$", "or", "@DRUG2$", "or", "@DRUG1$"]


def test_sentences_and_attributes_stay():
    doc, candidates = annotated(["a", "b", "c", ".", "d", "e", "f", "g"], [(1, 3, "X"), (4, 6, "Y"), (7, 8, "X")], {0, 4})
    for token in doc:
        token.tag_, token.pos_, token.lemma_ = token.text.upper(), "NOUN", token.text * 2
    marked, moved = mention_tags()(doc, candidates)
    assert [sentence.text.split() for sentence in marked.sents] == [["a", "@X1$", "."], ["@Y1$", "f", "@X2$"]]
    assert [token.tag_ for token in marked] == ["A", "C", ".", "E", "F", "G"]
    assert [token.lemma_ for token in marked] == ["aa", "cc", "..", "ee", "ff", "gg"]
    assert moved.contexts.tolist() == [[3, 6], [3, 6]]


def test_tags_of_overlapping_mentions_stand_side_by_side():
    mentions = [(1, 2, "IN"), (1, 4, "OUT"), (3, 5, "NEXT"), (5, 6, "OTHER"), (1, 4, "OUT"), (1, 4, "TOO")]
    doc, candidates = annotated(list("abcdefg"), mentions, spaces=[True, True, True, True, False, False, True])
    for token in doc:
        token.tag_ = token.text.upper()
    marked, moved = mention_tags()(doc, candidates)
    # The same tokens with another label are another mention, of the same name; with the same label they are the same.
    assert marked.text == "a @OUT1$ @TOO1$ @IN2$ @NEXT3$@OTHER4$g "
    assert [token.text for token in marked] == ["a", "@OUT1$", "@TOO1$", "@IN2$", "@NEXT3$", "@OTHER4$", "g"]
    assert [token.tag_ for token in marked] == ["A", "D", "D", "B", "E", "F", "G"]
    assert moved.mentions[:, :2].tolist() == [[3, 4], [1, 2], [4, 5], [5, 6], [1, 2], [2, 3]]
    assert moved.mentions[:, 2].tolist() == candidates.mentions[:, 2].tolist()
    assert moved.labels == ["IN", "OUT", "NEXT", "OTHER", "OUT", "TOO"]


def test_what_pairs_read_ends_with_all_tags_of_a_stretch():
    """Without sentences, a pair reads some tokens to either side, and these may begin or end within overlapping mentions."""
    doc = Doc(NLP.vocab, words=list("abcdef"))
    spans = [Span(doc, 0, 3, label="X"), Span(doc, 1, 4, label="Y"), Span(doc, 5, 6, label="Z")]
    candidates = make_candidates(doc, spans, [2, 3, 4], numpy.asarray([[1, 2], [0, 1]]))
    candidates.contexts[:] = [[2, 6], [0, 2]]
    marked, moved = mention_tags()(doc, candidates)
    assert [token.text for token in marked] == ["@X1$", "@Y2$", "e", "@Z3$"]
    assert moved.contexts.tolist() == [[0, 4], [0, 2]]


def test_a_mention_over_a_sentence_boundary_joins_the_sentences():
    doc, candidates = annotated(list("abcdef"), [(0, 1, "X"), (2, 4, "Y"), (5, 6, "X")], {0, 3})
    marked, moved = mention_tags()(doc, candidates)
    assert [token.text for token in marked] == ["@X1$", "b", "@Y2$", "e", "@X3$"]
    assert [token.is_sent_start for token in marked] == [True, False, False, False, False]
    # The first pair reads both sentences.
    assert moved.contexts.tolist()[0] == [0, 5]


@pytest.mark.parametrize(("words", "mentions"), [([], []), (["alone"], []), (["alone"], [(0, 1, "X")]), (["  "], [])])
def test_nothing_to_mark(words, mentions):
    doc, candidates = annotated(words, mentions)
    marked, moved = mention_tags()(doc, candidates)
    assert len(marked) == len(doc)
    assert moved.mentions.tolist() == candidates.mentions.tolist()
    assert moved.contexts.shape == (0, 2)
    assert [token.text for token in marked] == (["@X1$"] if mentions else words)


def test_text_without_sentences():
    doc = Doc(NLP.vocab, words=list("abcd"))
    spans = [Span(doc, 0, 2, label="X"), Span(doc, 3, 4, label="Y")]
    marked, moved = mention_tags()(doc, make_candidates(doc, spans, [2, 3], numpy.asarray([[0, 1]])))
    assert not marked.has_annotation("SENT_START")
    assert moved.contexts.tolist() == [[0, 3]]


def test_random_documents_token_by_token():
    """Every token outside mentions is found again, and every pair stands where its mentions went."""
    for seed in range(40):
        rng = numpy.random.default_rng(seed)
        words = [f"w{i}" for i in range(int(rng.integers(1, 30)))]
        mentions = []
        for _ in range(int(rng.integers(0, 8))):
            start = int(rng.integers(0, len(words)))
            mentions.append((start, min(start + int(rng.integers(1, 4)), len(words)), f"L{len(mentions)}"))
        doc, candidates = annotated(words, mentions, {0, *rng.integers(0, len(words), 3).tolist()})
        marked, moved = mention_tags()(doc, candidates)
        inside = {i for start, end, _ in mentions for i in range(start, end)}
        kept = [token.text for token in marked if not token.text.startswith("@")]
        assert kept == [word for i, word in enumerate(words) if i not in inside], seed
        tags = {token.i for token in marked if token.text.startswith("@")}
        assert {i for start, end, _ in moved.mentions for i in range(start, end)} == tags, seed
        for (start, end, _), label in zip(moved.mentions, candidates.labels, strict=True):
            assert end == start + 1, seed
            assert marked[int(start)].text.startswith(f"@{label}"), seed
        for (head, tail), (first, end) in zip(moved.pairs, moved.contexts, strict=True):
            assert first <= min(moved.mentions[head, 0], moved.mentions[tail, 0]), seed
            assert end >= max(moved.mentions[head, 1], moved.mentions[tail, 1]), seed
