"""Attention weights: the words that the encoder reads for a pair, and the share of the summary's attention that each gets.

A model returns logits alone. Whoever wants weights too puts `on_attention`, a function that is called with those of each pair, beside Docs
and candidates in its input. Without one, nothing is computed for it.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy
from spacy.tokens import Doc

from spacy_relext.ml.contexts import PairBatch
from spacy_relext.types import Floats1d, Ints1d, Ints2d

Kind = Literal["head", "tail", "mention", "text"]


class AttentionWeights(NamedTuple):
    """The words that the encoder read for one pair, and the weight of each.

    words (List[str]): `[n_words]`. Where mentions are marked, tags or markers stand among them as words.
    kinds (List[str]): `[n_words]`: "head" and "tail" (what stands for both is "head"), "mention" for others, and "text".
    weights (Floats1d): `[n_words]`, of sum 1.
    places (Ints2d): `[n_words, 2]`, the characters of the Doc's text that each stands for: of a tag, those of its mention. Start and end
        are the same where it stands for none, as a word that a marking puts in.
    """

    words: list[str]
    kinds: list[Kind]
    weights: Floats1d
    places: Ints2d

    def top(self, n: int = 5) -> list[tuple[str, float]]:
        """The words with the largest weights, and their weights."""
        return [(self.words[i], float(self.weights[i])) for i in (-self.weights).argsort(kind="stable")[:n]]


# Is called with the weights of a pair and its index in the batch. The order is that of the computation.
OnAttention = Callable[[int, AttentionWeights], None]
# Is called with some pairs, and for each the weights of the positions that it reads, `[n_positions]`.
OnWeights = Callable[[Ints1d, list[Floats1d]], None]


def attention_to_tokens(on_attention: OnAttention, docs: Sequence[Doc], batch: PairBatch, places: Ints2d) -> OnWeights:
    """From weights of tokens to those of words.

    docs: Those that the encoder reads, and that the batch was made of. places: `[n_tokens, 2]`, as `token_places` gives them.
    """
    words = [token.text for doc in docs for token in doc]
    plain = numpy.where(batch.token_types > 0, "mention", "text")

    def report(pairs: Ints1d, weights: list[Floats1d]) -> None:
        for pair, of_pair in zip(pairs.tolist(), weights, strict=True):
            first, end = batch.spans[pair].tolist()
            kinds = plain[first:end].copy()
            # The head last: where the two overlap, it stays.
            for mention, kind in zip(batch.mentions[batch.pairs[pair]][::-1].tolist(), ("tail", "head"), strict=True):
                kinds[mention[0] - first : mention[1] - first] = kind
            on_attention(pair, AttentionWeights(words[first:end], kinds.tolist(), of_pair, places[first:end]))

    return report


def token_places(doc: Doc, mentions: Ints2d, marked: Doc, marked_mentions: Ints2d) -> Ints2d:
    """The characters of a Doc that each token of its marked form stands for, `[n_tokens, 2]`.

    mentions: `[n_mentions, …]`, first token and end of each in the Doc. marked_mentions: Of the same ones in the marked form.
    Tokens outside of mentions are the same in both, in their order. Where they are not, those of the marked form stand for nothing.
    """
    own = numpy.asarray([(token.idx, token.idx + len(token)) for token in doc], dtype="int64").reshape(-1, 2)
    if marked is doc:
        return own
    places = numpy.zeros((len(marked), 2), dtype="int64")
    outside, marked_outside = numpy.ones(len(doc), dtype=bool), numpy.ones(len(marked), dtype=bool)
    for (first, end), (marked_first, marked_end) in zip(mentions[:, :2].tolist(), marked_mentions[:, :2].tolist(), strict=True):
        outside[first:end] = marked_outside[marked_first:marked_end] = False
        places[marked_first:marked_end] = own[first, 0], own[end - 1, 1]
    texts, marked_texts = (
        [doc[i].text for i in numpy.flatnonzero(there).tolist()] for doc, there in ((doc, outside), (marked, marked_outside))
    )
    if texts == marked_texts:
        places[marked_outside] = own[outside]
    return places


def by_word(weights: Floats1d, pieces: Ints2d, words: Ints2d) -> tuple[Floats1d, numpy.ndarray]:
    """From the weights of word pieces to those of words, and which words were read at all.

    pieces: `[n_pieces, 2]`, the characters of each piece, as those of each word in `words`, which are sorted.
    RETURNS: `[n_words]` each. A piece counts for the words that it has characters of, by their number; a piece without any, as some
        tokenizers have for a space, for the next word.
    """
    overlap = numpy.minimum(pieces[:, 1:], words[:, 1]) - numpy.maximum(pieces[:, :1], words[:, 0])  # [n_pieces, n_words]
    overlap = overlap.clip(min=0)
    blank = numpy.flatnonzero(~overlap.any(axis=1))
    overlap[blank, numpy.searchsorted(words[:, 0], pieces[blank, 0]).clip(max=len(words) - 1)] = 1
    return weights @ (overlap / overlap.sum(axis=1, keepdims=True)), overlap.any(axis=0)
