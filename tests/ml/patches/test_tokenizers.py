"""Tokenizers that several threads share: they are brought to one state."""

import pytest
from transformers import AutoTokenizer

from spacy_relext.ml.patches.tokenizers import settle


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


def test_padding_is_still_a_state_of_fast_tokenizers(tiny_bert):
    """Where it is none any more, `settle` is not needed."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    before = tokenizer.backend_tokenizer.padding
    tokenizer(["a", "a b"], padding="longest")
    assert tokenizer.backend_tokenizer.padding != before
