"""The stretches that the transformer encodes."""

import pytest
import spacy
from spacy.tokens import Doc

from spacy_relext.ml.windows import sentence_windows


def doc_of(n_tokens, starts=None):
    sent_starts = None if starts is None else [i in starts for i in range(n_tokens)]
    return Doc(spacy.blank("en").vocab, words=["w"] * n_tokens, sent_starts=sent_starts)


def windows(doc, max_tokens):
    return [(span.start, span.end) for span in sentence_windows(max_tokens)([doc])[0]]


def test_windows_are_sentences():
    assert windows(doc_of(10, [0, 4, 9]), 6) == [(0, 4), (4, 9), (9, 10)]


def test_long_sentences_are_cut_into_equal_windows():
    # Seven tokens in windows of at most 3: three windows of 3, 3 and 1. Nine in windows of at most 8: 5 and 4.
    assert windows(doc_of(9, [0, 2]), 3) == [(0, 2), (2, 5), (5, 8), (8, 9)]
    assert windows(doc_of(9, [0]), 8) == [(0, 5), (5, 9)]


def test_text_without_sentences_is_cut():
    assert windows(doc_of(5), 2) == [(0, 2), (2, 4), (4, 5)]
    assert windows(doc_of(5), 5) == [(0, 5)]


def test_empty_and_single_token_docs():
    assert windows(doc_of(0), 4) == []
    assert windows(doc_of(1), 4) == [(0, 1)]


def test_every_doc_has_its_windows():
    result = sentence_windows(4)([doc_of(3), doc_of(0), doc_of(6, [0])])
    assert [[(span.start, span.end) for span in spans] for spans in result] == [[(0, 3)], [], [(0, 3), (3, 6)]]


def test_windows_cover_every_token_once():
    for size in (1, 2, 7, 128):
        spans = windows(doc_of(300, [0, 1, 40, 170, 299]), size)
        assert [i for start, end in spans for i in range(start, end)] == list(range(300))
        assert all(end - start <= size for start, end in spans)


def test_windows_hold_at_least_one_token():
    with pytest.raises(ValueError, match="max_tokens is 0"):
        sentence_windows(0)
