"""The texts that a per-pair encoding reads: the pair marked in its context, word pieces cut around it, and the words that they are of."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc

from spacy_relext.candidates import Candidates
from spacy_relext.errors import RelextError
from spacy_relext.ml.attention import AttentionWeights, Kind, OnAttention, by_word
from spacy_relext.ml.marking import Extent, MarkedText, PairMarking
from spacy_relext.types import Floats1d, Ints2d


def marked_pairs(docs: Sequence[Doc], candidates: Sequence[Candidates], marking: PairMarking) -> Iterator[tuple[MarkedText, int, int]]:
    """The context of each pair with the pair marked in it, and the types of its head and tail."""
    for doc, of_doc in zip(docs, candidates, strict=True):
        spans = [doc[first:end] for first, end, _ in of_doc.mentions.tolist()]
        for (head, tail), (first, end) in zip(of_doc.pairs.tolist(), of_doc.contexts.tolist(), strict=True):
            context = doc[first:end]
            start = context.start_char
            places = [(spans[i].start_char - start, spans[i].end_char - start) for i in (head, tail)]
            text = marking(context.text, places[0], places[1], of_doc.labels[head], of_doc.labels[tail])
            yield text, int(of_doc.mentions[head, 2]), int(of_doc.mentions[tail, 2])


class Pieces(NamedTuple):
    """The word pieces of one marked text, special ones not among them, and those of the two marks."""

    ids: list[int]
    head: Extent
    tail: Extent
    places: Ints2d  # [n_pieces, 2], their characters in the text


class EncodedPair(NamedTuple):
    """A pair, by its number among all pairs of the Docs, and what the encoder reads for it."""

    number: int
    text: MarkedText
    pieces: Pieces


def special_pieces(tokenizer: Any) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before and after a text, e.g. [CLS] and [SEP]."""
    with_special = tokenizer("a")["input_ids"]
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    first = next(i for i in range(len(with_special)) if with_special[i : i + len(plain)] == plain)
    return with_special[:first], with_special[first + len(plain) :]


def cut(pieces: Pieces, limit: int) -> Pieces:
    """At most `limit` pieces: a window with the pair in its middle.

    Where the two marks are further apart than the limit, half of it goes to each of them, and what is between is left out. A mark that is
    itself longer than its half keeps its beginning.
    """
    n = len(pieces.ids)
    if n <= limit:
        return pieces
    (a, b), (c, d) = sorted([pieces.head, pieces.tail])
    first, end = a, max(b, d)
    windows = [(first, end, limit)] if end - first <= limit else [(a, b, limit // 2), (c, d, limit - limit // 2)]
    keep = numpy.zeros(n, dtype=bool)
    for first, end, size in windows:
        start = max(0, min(first - max(0, size - (end - first)) // 2, n - size))
        keep[start : start + size] = True
    place = numpy.append(0, keep.cumsum())
    ids = numpy.asarray(pieces.ids)[keep].tolist()
    head, tail = ((int(place[first]), int(place[end])) for first, end in (pieces.head, pieces.tail))
    return Pieces(ids, head, tail, pieces.places[keep])


def pieces_of(text: MarkedText, mark: Extent, places: Ints2d) -> Extent:
    """The first piece of some characters, and one after the last. RAISES: RelextError if there is none."""
    inside = numpy.flatnonzero((places[:, 0] < mark[1]) & (places[:, 1] > mark[0]))
    if not len(inside):
        raise RelextError(f"the encoder's tokenizer has no piece for {text.text[slice(*mark)]!r} in {text.text[:60]!r}…")
    return int(inside[0]), int(inside[-1]) + 1


def attention_to_words(
    on_attention: OnAttention, docs: Sequence[Doc], candidates: Sequence[Candidates]
) -> Callable[[Sequence[EncodedPair], list[Floats1d]], None]:
    """From weights of word pieces to those of words."""
    ends = numpy.cumsum([len(of_doc.pairs) for of_doc in candidates])

    def report(pairs: Sequence[EncodedPair], weights: list[Floats1d]) -> None:
        for pair, of_pair in zip(pairs, weights, strict=True):
            doc = int(numpy.searchsorted(ends, pair.number, side="right"))
            words, kinds, places = words_of(pair.text, docs[doc], candidates[doc], pair.number - int(ends[doc]))
            of_words, is_read = by_word(of_pair, pair.pieces.places, words)
            kept = numpy.flatnonzero(is_read).tolist()
            spelled = [pair.text.text[slice(*words[k])] for k in kept]
            on_attention(pair.number, AttentionWeights(spelled, [kinds[k] for k in kept], of_words[kept], places[kept]))

    return report


def words_of(text: MarkedText, doc: Doc, candidates: Candidates, pair: int) -> tuple[Ints2d, list[Kind], Ints2d]:
    """The words of the marked text of a pair: its two marks, and the tokens around and between the two mentions.

    pair: An index of `candidates.pairs`; may count from the end.
    RETURNS: their characters in the marked text, `[n_words, 2]`, sorted, their kinds, and their characters in the Doc, `[n_words, 2]`.
    """
    context = doc[slice(*candidates.contexts[pair].tolist())]
    mentioned = {i for first, end, _ in candidates.mentions.tolist() for i in range(first, end)}
    spans = [doc[first:end] for first, end, _ in candidates.mentions[candidates.pairs[pair]].tolist()]
    (a, b), (c, d) = sorted((span.start_char - context.start_char, span.end_char - context.start_char) for span in spans)
    marks: list[tuple[Extent, Kind]] = [(text.head, "head"), (text.tail, "tail")]
    words: list[tuple[int, int, Kind, int, int]] = [
        (*mark, kind, span.start_char, span.end_char) for (mark, kind), span in zip(marks, spans, strict=True)
    ]
    for token in context:
        start = token.idx - context.start_char
        if start >= max(b, d):
            shift = len(text.text) - len(context.text)
        elif b <= start < c:
            shift = min(text.head, text.tail)[1] - b
        elif start < a:
            shift = 0
        else:
            continue
        kind: Kind = "mention" if token.i in mentioned else "text"
        words.append((start + shift, start + shift + len(token), kind, token.idx, token.idx + len(token)))
        if text.text[slice(*words[-1][:2])] != token.text:
            raise RelextError(
                f"the marking changes more of {context.text[:60]!r}… than the two mentions, to {text.text[:60]!r}…, so nobody can say "
                "which of its words are which. A marking should leave the text around the two as it is."
            )
    words.sort()
    places = numpy.asarray([(*word[:2], *word[3:]) for word in words], dtype="int64")
    return places[:, :2], [word[2] for word in words], places[:, 2:]
