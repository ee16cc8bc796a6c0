"""Where relations stand in a text."""

import pytest
from spacy.tokens import Doc, Span

from spacy_relext.report.layout import Layout


@pytest.fixture
def doc(nlp):
    """Two sentences, 6 and 5 tokens: mentions at tokens 0, 3 (two tokens), 6, 10."""
    words = ["Aspirin", "raises", "the", "warfarin", "level", ".", "Ketamine", "is", "spared", "by", "quinine"]
    return Doc(nlp.vocab, words=words, spaces=[True] * 10 + [False], sent_starts=[i in (0, 6) for i in range(len(words))])


def mentions(doc):
    return [Span(doc, *place, label="DRUG") for place in ((0, 1), (3, 5), (6, 7), (10, 11))]


def extent(span):
    return span.start_char, span.end_char


def test_lines_of_a_relation(doc):
    a, b, c, d = spans = mentions(doc)
    layout = Layout.of(doc, doc, spans)
    assert layout.lines(extent(a), extent(b)) == {
        "distance": "0–2",
        "sentence_length": "1–10",
        "mentions": "2 or fewer",
        "sentences": "the same",
    }
    # The order does not matter, and the two sentences are one.
    assert layout.lines(extent(d), extent(a)) == layout.lines(extent(a), extent(d))
    assert layout.lines(extent(a), extent(d)) == {
        "distance": "6–10",
        "sentence_length": "11–20",
        "mentions": "4–5",
        "sentences": "the next",
    }
    assert layout.context(extent(a), extent(b)) == (0, doc[5].idx + 1)
    assert layout.context(extent(c), extent(a)) == (0, len(doc.text))
    assert layout.context(extent(c), extent(d)) == (doc[6].idx, len(doc.text))


def test_overlapping_mentions_have_no_distance(doc):
    layout = Layout.of(doc, doc, [])
    assert layout.lines(extent(doc[3:5]), extent(doc[3:4]))["distance"] == "overlapping"
    assert layout.lines(extent(doc[3:4]), extent(doc[4:5]))["distance"] == "0–2"


def test_found_mentions_need_not_end_with_tokens(doc):
    """Another tokenizer cuts words: a mention in the middle of a token, or over the end of a sentence."""
    layout = Layout.of(doc, doc, mentions(doc))
    assert layout.lines((2, 5), (7, 9))["distance"] == "0–2"
    assert layout.context((2, 5), (doc[5].idx, doc[6].idx + 3)) == (0, len(doc.text))


def test_sentences_are_those_of_the_other_doc_where_the_annotated_one_has_none(doc, nlp):
    without = Doc(nlp.vocab, words=[token.text for token in doc], spaces=[True] * 10 + [False])
    a, b, c, _ = spans = mentions(without)
    assert Layout.of(without, doc, spans).context(extent(a), extent(b)) == (0, doc[5].idx + 1)
    # Nobody has any: the text is one.
    neither = Layout.of(without, without, spans)
    assert neither.context(extent(a), extent(b)) == (0, len(doc.text))
    assert neither.lines(extent(a), extent(c))["sentences"] == "the same"
