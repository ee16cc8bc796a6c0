"""From scores to relations: type rules, symmetric labels, the threshold."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy
from spacy.tokens import Span

from spacy_relext.candidates import type_table
from spacy_relext.mentions import long_form_of
from spacy_relext.relations import Relation
from spacy_relext.types import Bools1d, Bools2d, Floats2d, Ints2d


@dataclass(frozen=True)
class Predictions:
    """What the model says of one Doc.

    spans (List[Span]): The mentions. pairs (Ints2d): `[n_pairs, 2]`, head and tail, as indices of `spans`.
    scores (Floats2d): `[n_pairs, n_columns]`, probabilities; with exclusive labels column 0 is no-relation.
    """

    spans: list[Span]
    pairs: Ints2d
    scores: Floats2d


def allowed_by_types(
    types: Sequence[str],
    pairs: Ints2d,
    labels: Sequence[str],
    rules: Mapping[str, Sequence[Sequence[str]]],
    symmetric: Collection[str],
    *,
    exclusive: bool,
) -> Bools2d:
    """Which columns the type rules allow for each pair.

    types: The mention types, of which `pairs` are indices. rules: For a label, its [head type, tail type] pairs; any for other labels.
    RETURNS: bool `[n_pairs, n_columns]`.
    """
    kinds = sorted(set(types))
    # Asked once for the types, of which there are few, and not for the pairs.
    allowed = numpy.ones((len(kinds), len(kinds), len(labels) + int(exclusive)), dtype=bool)
    for column, label in enumerate(labels, start=int(exclusive)):
        if label in rules:
            allowed[:, :, column] = type_table(kinds, rules[label], ordered=label not in symmetric)
    kind = numpy.asarray([kinds.index(name) for name in types], dtype="int64")
    found: Bools2d = allowed[kind[pairs[:, 0]], kind[pairs[:, 1]]]
    return found


def symmetrize(pairs: Ints2d, scores: Floats2d, columns: Sequence[int], counted: Bools1d | None = None) -> Floats2d:
    """Scores in which both directions of a pair have the same probability of the symmetric labels: their mean.

    columns: Those of the symmetric labels. counted: bool `[n_pairs]`, the directions that the mean is of; where neither of the two is, it
        is of both. None: all of them.
    """
    if not columns or (pairs[:, 0] < pairs[:, 1]).all():  # with lower numbers first, no pair is there in both directions
        return scores
    n = int(pairs.max()) + 1
    codes, mirrored = pairs[:, 0] * n + pairs[:, 1], pairs[:, 1] * n + pairs[:, 0]
    order = codes.argsort()
    place = order[numpy.searchsorted(codes, mirrored, sorter=order).clip(max=len(codes) - 1)]
    partner = numpy.where(codes[place] == mirrored, place, numpy.arange(len(codes)))
    weight = numpy.ones(len(pairs), dtype="float32") if counted is None else counted.astype("float32")
    total = weight + weight[partner]
    share = numpy.divide(weight, total, out=numpy.full_like(weight, 0.5), where=total > 0)[:, None]
    scores = scores.copy()
    scores[:, columns] = share * scores[:, columns] + (1 - share) * scores[partner][:, columns]
    return scores


def decode(
    pairs: Ints2d,
    scores: Floats2d,
    places: Sequence[tuple[int, int]],
    labels: Sequence[str],
    symmetric: Collection[str],
    *,
    threshold: float,
    exclusive: bool,
) -> Iterator[tuple[int, int, str, float]]:
    """What reaches the threshold: head, tail, label, score.

    pairs: `[n_pairs, 2]`, indices of `places`, the mentions' first and last characters. scores: `[n_pairs, n_columns]`, float32.
    """
    # A forbidden label has probability 0 and is not written whatever the threshold.
    reached = (scores >= threshold) & (scores > 0)
    if exclusive:
        columns = scores[:, 1:].argmax(axis=1) + 1 if len(scores) else numpy.zeros(0, dtype="int64")
        rows = numpy.flatnonzero(reached[numpy.arange(len(scores)), columns])
        columns = columns[rows]
    else:
        rows, columns = numpy.nonzero(reached)
    for (head, tail), column, score in zip(pairs[rows].tolist(), columns.tolist(), scores[rows, columns].tolist(), strict=True):
        label = labels[column - int(exclusive)]
        if label in symmetric and places[tail] < places[head]:
            head, tail = tail, head
        yield head, tail, label, score


def decode_relations(
    predictions: Predictions,
    spans: Sequence[Span],
    labels: Sequence[str],
    symmetric: Collection[str],
    *,
    threshold: float,
    exclusive: bool,
    source: str,
) -> Iterator[Relation]:
    """The relations that reach the threshold, between `spans`, which correspond to the predictions' mentions, as of a source."""
    places = [(span.start_char, span.end_char) for span in spans]
    # Asked once for each mention of a relation, of which there are few.
    long_forms: dict[int, str] = {}
    for head, tail, label, score in decode(
        predictions.pairs, predictions.scores, places, labels, symmetric, threshold=threshold, exclusive=exclusive
    ):
        for i in (head, tail):
            if i not in long_forms:
                long_forms[i] = long_form_of(spans[i])
        yield Relation(spans[head], spans[tail], label, score, (long_forms[head], long_forms[tail]), sources=source)
