"""Which pairs of mentions are scored, and which tokens each pair is judged by.

Candidate functions are pure: from a Doc and its mentions to pairs of indices into those mentions. The component asks for the
mentions, the pairs and their contexts once and hands the same `Candidates` to the forward pass, the targets and the annotation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy
from spacy.attrs import SENT_START
from spacy.tokens import Doc, Span

from spacy_relext.errors import RelextError
from spacy_relext.types import Bools1d, Bools2d, Ints1d, Ints2d

# One that is a closure cannot be sent to other processes where these are not forked.
CandidateFunction = Callable[[Doc, list[Span]], Ints2d]

# How far a pair reads to the left and right of its two mentions where the Doc has no sentences.
MARGIN = 32
# More pairs than this, each counted once, would fill some gigabytes before any of them is judged.
MOST_PAIRS = 10_000_000


@dataclass(frozen=True)
class Candidates:
    """The candidate pairs of one Doc as arrays, ready for the model.

    mentions (Ints2d): `[n_mentions, 3]`: first token, end token (exclusive), type (0 is reserved for *no mention*).
    labels (List[str]): `[n_mentions]`: the types' names.
    pairs (Ints2d): `[n_pairs, 2]`: indices of head and tail in `mentions`.
    contexts (Ints2d): `[n_pairs, 2]`: the tokens that each pair reads, first and end.
    """

    mentions: Ints2d
    labels: list[str]
    pairs: Ints2d
    contexts: Ints2d


def make_candidates(doc: Doc, spans: Sequence[Span], types: Sequence[int], pairs: Ints2d) -> Candidates:
    """Bring mentions and pairs of a Doc into the model's form."""
    mentions = numpy.asarray([(span.start, span.end, kind) for span, kind in zip(spans, types, strict=True)], dtype="int64").reshape(-1, 3)
    pairs = numpy.asarray(pairs, dtype="int64").reshape(-1, 2)
    return Candidates(mentions, [span.label_ for span in spans], pairs, context_spans(doc, mentions, pairs))


def context_spans(doc: Doc, mentions: Ints2d, pairs: Ints2d) -> Ints2d:
    """The tokens that each pair reads: from the sentence of its first mention to the sentence of its last.

    Without sentence boundaries: `MARGIN` tokens to either side of the two mentions.
    RETURNS: `[n_pairs, 2]`, first token and end.
    """
    if not len(pairs):
        return numpy.zeros((0, 2), dtype="int64")
    first = mentions[pairs, 0].min(axis=1)
    end = mentions[pairs, 1].max(axis=1)
    if not has_sentences(doc):
        return numpy.stack([(first - MARGIN).clip(min=0), (end + MARGIN).clip(max=len(doc))], axis=1)
    starts, ends = sentence_bounds(doc)
    contexts = numpy.empty((len(pairs), 2), dtype="int64")
    contexts[:, 0] = starts[sentence_of(starts, first)]
    contexts[:, 1] = ends[sentence_of(starts, end - 1)]
    return contexts


def has_sentences(doc: Doc) -> bool:
    """Whether the Doc has sentence boundaries; a single token is a sentence by itself."""
    return len(doc) <= 1 or doc.has_annotation("SENT_START")


def sentence_bounds(doc: Doc) -> tuple[Ints1d, Ints1d]:
    """First tokens and (exclusive) ends of the sentences."""
    begins = doc.to_array(SENT_START) == 1
    begins[:1] = True
    starts = begins.nonzero()[0] if len(begins) else numpy.zeros(1, dtype="int64")
    return starts, numpy.append(starts[1:], len(doc))


def sentence_index(starts: Ints1d, n_tokens: int) -> Ints1d:
    """The number of the sentence that each token of a Doc is in."""
    return sentence_of(starts, numpy.arange(n_tokens))


def sentence_of(starts: Ints1d, tokens: Ints1d) -> Ints1d:
    """The number of the sentence that each of some tokens is in."""
    return starts.searchsorted(tokens, side="right") - 1


def sentence_pairs(ordered: bool = True, overlapping: bool = False, types: list[list[str]] | None = None) -> CandidateFunction:
    """Candidates: the pairs of mentions within one sentence. Registered as `spacy-relext.sentence_pairs.v1`.

    ordered (bool): Both (a, b) and (b, a), so that the model decides the direction. Otherwise each pair once, first mention first.
    overlapping (bool): Also pairs whose mentions share tokens.
    types (List[List[str]] | None): Only pairs of these types, e.g. [["CHEMICAL", "GENE"]]: head first, or in either order where
        `ordered` is false.
    """
    return partial(_sentence_pairs, ordered=ordered, overlapping=overlapping, types=types)


def _sentence_pairs(doc: Doc, mentions: list[Span], *, ordered: bool, overlapping: bool, types: list[list[str]] | None) -> Ints2d:
    if len(mentions) < 2:
        return numpy.zeros((0, 2), dtype="int64")
    if not has_sentences(doc):
        raise RelextError(
            f"sentence_pairs needs sentence boundaries, and the Doc {doc.text[:60]!r}… has none. Put a component that sets "
            'them before the relation extractor, e.g. nlp.add_pipe("sentencizer", first=True), or set its candidates to '
            "spacy-relext.distance_pairs.v1. In training, add that component to [training] annotating_components."
        )
    places = _places(mentions)
    # A mention that runs over a sentence boundary belongs to the sentence in which it begins.
    sentence = sentence_of(sentence_bounds(doc)[0], places[:, 0])
    pairs = _pairs(places, sentence, None, ordered, overlapping)
    return pairs if types is None else _of_types(pairs, mentions, types, ordered)


def distance_pairs(
    max_distance: int = 50, ordered: bool = True, overlapping: bool = False, max_sentences: int | None = None
) -> CandidateFunction:
    """Candidates: the pairs of mentions that are near, whatever the sentences. Registered as `spacy-relext.distance_pairs.v1`.

    max_distance (int): The largest number of tokens between the two mentions.
    ordered (bool): Both (a, b) and (b, a), so that the model decides the direction. Otherwise each pair once, first mention first.
    overlapping (bool): Also pairs whose mentions share tokens.
    max_sentences (int | None): The largest number of sentence boundaries between the two; needs sentences on the Doc.
    """
    if max_distance < 0 or (max_sentences is not None and max_sentences < 0):
        raise RelextError(f"distance_pairs: max_distance={max_distance}, max_sentences={max_sentences}: neither may be negative.")

    return partial(_distance_pairs, max_distance=max_distance, ordered=ordered, overlapping=overlapping, max_sentences=max_sentences)


def _distance_pairs(
    doc: Doc, mentions: list[Span], *, max_distance: int, ordered: bool, overlapping: bool, max_sentences: int | None
) -> Ints2d:
    if len(mentions) < 2:
        return numpy.zeros((0, 2), dtype="int64")
    places = _places(mentions)
    pairs = _pairs(places, None, max_distance, ordered, overlapping)
    if max_sentences is None:
        return pairs
    if not has_sentences(doc):
        raise RelextError(
            f"distance_pairs with max_sentences={max_sentences} needs sentence boundaries, and the Doc {doc.text[:60]!r}… has "
            'none. Add a component that sets them, e.g. nlp.add_pipe("sentencizer", first=True), or leave max_sentences out.'
        )
    sentence = sentence_of(sentence_bounds(doc)[0], places[:, 0])
    near: Ints2d = pairs[numpy.abs(sentence[pairs[:, 0]] - sentence[pairs[:, 1]]) <= max_sentences]
    return near


def nearest(places: Ints2d, pairs: Ints2d, most: int) -> Ints1d:
    """The pairs of which the two mentions are nearest: `most` at the most, as ascending indices of `pairs`.

    Of pairs at one distance, those whose mentions come first; the two directions of a pair stay or go together.

    places: `[n_mentions, 2]`, first and (exclusive) end token. pairs: `[n_pairs, 2]`, indices of them.
    """
    if len(pairs) <= most:
        return numpy.arange(len(pairs))
    starts, ends = places[pairs, 0], places[pairs, 1]
    distance = (starts.max(axis=1) - ends.min(axis=1)).clip(min=0)
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    order = numpy.lexsort((high, low, distance))
    if most and low[order[most - 1]] == low[order[most]] and high[order[most - 1]] == high[order[most]]:
        most -= 1
    return numpy.sort(order[:most])


def _of_types(pairs: Ints2d, mentions: Sequence[Span], types: list[list[str]], ordered: bool) -> Ints2d:
    wanted: Ints2d = pairs[are_of_types([span.label_ for span in mentions], pairs, types, ordered=ordered)]
    return wanted


def are_of_types(kinds: Sequence[str], pairs: Ints2d, types: Sequence[Sequence[str]], *, ordered: bool) -> Bools1d:
    """Which pairs are of one of some [head type, tail type] pairs: bool `[n_pairs]`.

    kinds: The mention types, of which `pairs` are indices. ordered: Head first; otherwise in either order.
    """
    names = sorted(set(kinds))
    kind = numpy.asarray([names.index(name) for name in kinds], dtype="int64")
    found: Bools1d = type_table(names, types, ordered=ordered)[kind[pairs[:, 0]], kind[pairs[:, 1]]]
    return found


def type_table(names: Sequence[str], types: Sequence[Sequence[str]], *, ordered: bool) -> Bools2d:
    """The same for each pair of types: bool `[n_names, n_names]`."""
    wanted = {tuple(pair) for pair in types}
    if not ordered:
        wanted |= {(b, a) for a, b in wanted}
    return numpy.asarray([[(a, b) in wanted for b in names] for a in names], dtype=bool).reshape(len(names), len(names))


def _places(mentions: Sequence[Span]) -> Ints2d:
    return numpy.asarray([(span.start, span.end) for span in mentions], dtype="int64").reshape(-1, 2)


def _pairs(places: Ints2d, group: Ints1d | None, max_distance: int | None, ordered: bool, overlapping: bool) -> Ints2d:
    """All pairs of mentions of the same group and within the distance, in the order of the text.

    Mentions are sorted by place, so that the partners of a mention are a run after it: the time is linear in the pairs.
    """
    order = numpy.lexsort((places[:, 1], places[:, 0]))
    start, end = places[order, 0], places[order, 1]
    n = len(order)
    if group is not None:
        grouped = group[order]
        last = grouped.searchsorted(grouped, side="right")
    else:
        last = numpy.searchsorted(start, end + max_distance, side="right")
    counts = (last - numpy.arange(n) - 1).clip(min=0)
    if counts.sum() > MOST_PAIRS:
        raise RelextError(
            f"{n:,} mentions make {counts.sum():,} pairs, and {MOST_PAIRS:,} are looked at in one Doc at the most. Are there sentences? "
            "Set them, or cut the text, or take spacy-relext.distance_pairs.v1 with a small max_distance."
        )
    left = numpy.repeat(numpy.arange(n), counts)
    right = numpy.arange(len(left)) - numpy.repeat(counts.cumsum() - counts, counts) + left + 1
    same = (start[left] == start[right]) & (end[left] == end[right])
    keep = ~same if overlapping else end[left] <= start[right]
    pairs = order[numpy.stack([left[keep], right[keep]], axis=1)]
    return numpy.concatenate([pairs, pairs[:, ::-1]]) if ordered else pairs
