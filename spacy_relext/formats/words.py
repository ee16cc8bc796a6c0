"""The tokens of formats whose annotation is by token: made for documents that are written, found in the text of those that are read."""

from functools import lru_cache
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span

from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import Document
from spacy_relext.mentions import SPANS_KEY


class Words:
    """The tokens of a document that are not white space: those of spaCy's blank English tokenizer, cut where a mention begins or ends.

    White space around a mention is no part of it.
    """

    def __init__(self, document: Document):
        self.doc: Doc = to_doc(document, _tokenizer())
        self.mentions: list[Span] = list(self.doc.spans[SPANS_KEY])  # in the order of `document.mentions`
        self.texts = [token.text for token in self.doc if not token.is_space]
        # The number of words before each token, and in all.
        self._before = [0]
        for token in self.doc:
            self._before.append(self._before[-1] + (not token.is_space))

    def place(self, span: Span) -> tuple[int, int]:
        """The first word of a stretch of the Doc, and the one after its last."""
        return self._before[span.start], self._before[span.end]


def check_words(words: list[Any], at: Place) -> list[str]:
    """The tokens of a record, which have to be strings of whole characters."""
    for i, word in enumerate(words):
        if not isinstance(word, str) or not word:
            raise at.fail(f"token {i}: expected a string that is not empty, and saw {word!r:.60}.")
        at.check_characters(word)
    return words


def find_words(words: list[str], text: str | None, at: Place) -> tuple[str, list[tuple[int, int]]]:
    """A text and where its words are: the given one, between whose words is white space alone, or the words with a space between them."""
    if text is None:
        text = " ".join(words)
    offsets, position = [], 0
    for i, word in enumerate(words):
        while not text.startswith(word, position) and text[position : position + 1].isspace():
            position += 1
        if not text.startswith(word, position):
            raise at.fail(f"token {i} is {word!r:.60}, and the text goes on with {text[position : position + 30]!r}.")
        offsets.append((position, position + len(word)))
        position += len(word)
    if text[position:].strip():
        raise at.fail(f"after the last token, the text goes on with {text[position : position + 30]!r}.")
    return text, offsets


@lru_cache(maxsize=1)
def _tokenizer() -> Language:
    nlp = spacy.blank("en")
    nlp.max_length = 10**9  # a tokenizer alone needs no bound
    return nlp
