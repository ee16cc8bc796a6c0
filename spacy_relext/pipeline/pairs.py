"""Pairs and what the model says of them, and the pairs that a caller asks about."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy
from spacy.tokens import Doc, Span
from spacy.util import minibatch

from spacy_relext.errors import RelextError
from spacy_relext.ml.attention import AttentionWeights
from spacy_relext.pipeline.decoding import symmetrize
from spacy_relext.pipeline.preparing import Extractor, Prepared, candidate_pairs, prepare, symmetric_columns


@dataclass(frozen=True)
class ScoredPair:
    """A pair of mentions, and what the model says of it.

    scores (Dict[str, float]): The probability of each label, between 0 and 1.
    no_relation (float | None): The probability of no-relation; None where labels are not exclusive, and each is a question of its own.
    """

    head: Span
    tail: Span
    scores: dict[str, float]
    no_relation: float | None


@dataclass(frozen=True)
class AttendedPair(ScoredPair):
    """A candidate pair, what the model says of it, and the attention weights of the words that it read.

    context (Span): The tokens by which the pair is judged, as a rule its sentence; words are what the encoder made of them.
    """

    context: Span
    attention: AttentionWeights

    @property
    def places(self) -> list[tuple[int, int, float]]:
        """The characters of the Doc that were read: start, end and weight, in their order, of sum 1 at the most.

        The weight of what stands for a mention in the encoder's text is the mention's; that of words that a marking puts in is nobody's.
        """
        weights: dict[tuple[int, int], float] = {}
        for (start, end), weight in zip(self.attention.places.tolist(), self.attention.weights.tolist(), strict=True):
            if start < end:
                weights[start, end] = weights.get((start, end), 0.0) + weight
        return [(start, end, weight) for (start, end), weight in sorted(weights.items())]


@dataclass(frozen=True)
class AskedPairs:
    """Pairs that are asked about, by their number in the question, as indices of the mentions that are known meanwhile."""

    mentions: list[Span]
    pairs: dict[int, tuple[int, int]]


def score_pairs(pipe: Extractor, doc: Doc, pairs: Iterable[tuple[Span, Span]]) -> list[ScoredPair]:
    """What `RelationExtractor.score_pairs` gives. doc: With what the model needs."""
    columns, found = symmetric_columns(pipe), dict[int, ScoredPair]()
    for asked in ask(doc, pipe.mentions(doc), pairs):
        mirrored = [(tail, head) for head, tail in asked.pairs.values()] if columns else []
        rows = {pair: row for row, pair in enumerate(dict.fromkeys([*asked.pairs.values(), *mirrored]))}
        candidates = set(map(tuple, candidate_pairs(pipe, doc, asked.mentions).tolist()))
        prepared = prepare(pipe, doc, asked.mentions, numpy.asarray(list(rows)))
        (scores,) = pipe.score_prepared([doc], [prepared])
        scores = symmetrize(prepared.candidates.pairs, scores, columns, numpy.asarray([pair in candidates for pair in rows]))
        for number, (head, tail) in asked.pairs.items():
            found[number] = ScoredPair(asked.mentions[head], asked.mentions[tail], *pipe.distribution(scores[rows[head, tail]].tolist()))
    return [found[number] for number in sorted(found)]


def attended_pairs(pipe: Extractor, docs: Iterable[Doc], batch_size: int = 32) -> Iterator[list[AttendedPair]]:
    """What `RelationExtractor.attention` gives."""
    for batch in minibatch(docs, size=batch_size):
        yield from attended(pipe, batch, [prepare(pipe, doc, pipe.mentions(doc)) for doc in batch])


def attended(pipe: Extractor, docs: list[Doc], prepared: list[Prepared]) -> Iterator[list[AttendedPair]]:
    """The same of pairs that are prepared, by Doc."""
    weights: dict[int, AttentionWeights] = {}
    predictions = pipe.predict_prepared(docs, prepared, weights.__setitem__)
    number = count()
    for doc, p, predicted in zip(docs, prepared, predictions, strict=True):
        pairs, contexts = p.candidates.pairs.tolist(), p.candidates.contexts.tolist()
        yield [
            AttendedPair(
                p.spans[head], p.spans[tail], *pipe.distribution(scores), context=doc[first:end], attention=weights.pop(next(number))
            )
            for (head, tail), (first, end), scores in zip(pairs, contexts, predicted.scores.tolist(), strict=True)
        ]


def ask(doc: Doc, own: Sequence[Span], pairs: Iterable[tuple[Span, Span]]) -> Iterator[AskedPairs]:
    """The pairs of the Doc's own mentions, then those with other spans, which are mentions for these alone; either only if there are any.

    own: The mentions of the Doc. A span without a type stands for the first of them at its place.
    RAISES: RelextError for what is no pair of two different spans of the Doc.
    """
    if isinstance(pairs, (str, Span)) or not isinstance(pairs, Iterable):
        raise RelextError(f"expected pairs, as in [(head, tail)], and saw {type(pairs).__name__}, {pairs!r:.60}.")
    index: dict[tuple[int, ...], int] = {}
    for i, mention in enumerate(own):
        index.setdefault(_key(mention), i)
        index.setdefault((mention.start, mention.end), i)
    known: dict[int, tuple[int, int]] = {}
    others: dict[int, tuple[tuple[int, ...], ...]] = {}
    # Of the others, whose head or tail may be a mention of the Doc.
    spans: dict[tuple[int, ...], Span] = {}
    for number, pair in enumerate(pairs):
        ends = [own[index[_key(span)]] if _key(span) in index else _typed(span, number) for span in _checked(doc, pair, number)]
        head, tail = map(_key, ends)
        if head in index and tail in index:
            known[number] = (index[head], index[tail])
        else:
            others[number] = (head, tail)
            spans.update(zip((head, tail), ends, strict=True))
    if known:
        yield AskedPairs(list(own), known)
    if others:
        # What the caller says of a place goes before what the Doc says of it.
        places = {key[:2] for key in spans}
        mentions = [*spans.values(), *(mention for mention in own if (mention.start, mention.end) not in places)]
        row = {key: i for i, key in enumerate(spans)}
        yield AskedPairs(mentions, {number: (row[head], row[tail]) for number, (head, tail) in others.items()})


def _key(span: Span) -> tuple[int, ...]:
    return (span.start, span.end, span.label) if span.label else (span.start, span.end)


def _typed(span: Span, number: int) -> Span:
    if not span.label:
        raise RelextError(
            f"pair {number + 1}: {span.text!r:.60} has no type, and the Doc has no mention at its place. Give it the type that one would "
            f'have, e.g. Span(doc, {span.start}, {span.end}, label="DRUG").'
        )
    return span


def _checked(doc: Doc, pair: tuple[Span, Span], number: int) -> tuple[Span, Span]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(isinstance(span, Span) for span in pair):
        raise RelextError(f"pair {number + 1}: expected (head, tail), two Spans of the Doc, and saw {pair!r:.80}.")
    head, tail = pair
    for span in pair:
        if span.doc is not doc:
            raise RelextError(
                f"pair {number + 1}: {span.text!r:.60} is a Span of another Doc. Take head and tail from the Doc that is scored, e.g. with "
                "doc.char_span."
            )
        if not len(span):
            raise RelextError(f"pair {number + 1}: an empty Span before token {span.start}. Head and tail need at least one token each.")
    if (head.start, head.end) == (tail.start, tail.end):
        raise RelextError(f"pair {number + 1}: {head.text!r:.60} is head and tail at once. A relation needs two mentions.")
    return head, tail
