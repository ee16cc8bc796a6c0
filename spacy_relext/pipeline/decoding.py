"""From scores to relations: type rules, symmetric labels, calibration, thresholds."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Span

from spacy_relext.calibration.maps import ScoreMap, ScoreMaps
from spacy_relext.candidates import type_table
from spacy_relext.mentions import long_form_of
from spacy_relext.relations import Relation
from spacy_relext.types import Bools1d, Bools2d, Floats1d, Floats2d, Ints1d, Ints2d
from spacy_relext.values import ASSERTED, UNCERTAIN


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


@dataclass(frozen=True)
class Decision:
    """What is written of a distribution over labels, and with which score.

    labels (Tuple[str, ...]), exclusive (bool): Those of the columns; with exclusive labels, column 0 is no-relation.
    thresholds (Floats1d): `[n_labels]`, float64: the score that each label must reach. Raw scores are float32: 0.7 is reached by what
        is 0.7 there, and this is written as 0.7, so that nothing is below the threshold that is shown.
    symmetric (Collection[str]): Labels without a direction.
    maps (Tuple[ScoreMap | None, ...] | None): From the raw score of each label to its score. None: scores are raw.
    uncertain_below (float | None): A relation with a lower score is uncertain. None: all are asserted.
    """

    labels: tuple[str, ...]
    exclusive: bool
    thresholds: Floats1d
    symmetric: Collection[str] = ()
    maps: tuple[ScoreMap | None, ...] | None = None
    uncertain_below: float | None = None

    @classmethod
    def of(cls, cfg: Mapping[str, Any], maps: ScoreMaps | None, threshold: float | None = None) -> "Decision":
        """That of an extractor. cfg: Its settings. threshold: In the place of all its thresholds."""
        labels = tuple(cfg["labels"])
        own = cfg["label_thresholds"] if threshold is None else {}
        others = cfg["threshold"] if threshold is None else threshold
        by_label = None if maps is None else tuple(maps.of(label) for label in labels)
        thresholds = numpy.asarray([own.get(label, others) for label in labels], dtype="float64")
        return cls(labels, cfg["exclusive"], thresholds, frozenset(cfg["symmetric_labels"]), by_label, cfg["uncertain_below"])

    @property
    def compared(self) -> Floats1d:
        """The thresholds for scores that were written at a lower one: those of raw scores as float32 has them, `[n_labels]`."""
        return numpy.where(self.unmapped, self.thresholds.astype("float32"), self.thresholds)

    def scores(self, columns: Ints1d, raw: Floats1d) -> Floats1d:
        """The scores, float64, of raw ones. columns, raw: `[n]`, the index of the label, and its raw score."""
        scores = raw.astype("float64")
        limits = (
            [self.thresholds] if self.uncertain_below is None else [self.thresholds, numpy.full(len(self.labels), self.uncertain_below)]
        )
        for limit in limits:
            same = raw == limit.astype("float32")[columns]
            scores[same] = limit[columns[same]]
        for column, calibrated in enumerate(self.maps or ()):
            at = columns == column
            if calibrated is not None and at.any():
                scores[at] = calibrated(raw[at].astype("float64"))
        return scores

    @property
    def unmapped(self) -> Bools1d:
        """bool `[n_labels]`, those whose scores are the raw ones."""
        return numpy.asarray([found is None for found in self.maps or [None] * len(self.labels)], dtype=bool)

    def score(self, label: str, raw_score: float) -> float:
        """The score of a raw one of a label."""
        return float(self.scores(numpy.asarray([self.labels.index(label)]), numpy.asarray([raw_score], dtype="float32"))[0])

    def reaches(self, label: str, raw_score: float) -> bool:
        """Whether a label with this raw score would be written, were it the most probable one."""
        return self.score(label, raw_score) >= float(self.thresholds[self.labels.index(label)])

    def status(self, score: float) -> str:
        """The status of a relation with this score."""
        return UNCERTAIN if self.uncertain_below is not None and score < self.uncertain_below else ASSERTED


class Found(NamedTuple):
    """What is written: head and tail as numbers of mentions, the label, and what is said of it."""

    head: int
    tail: int
    label: str
    score: float
    raw_score: float
    status: str


def decode(pairs: Ints2d, scores: Floats2d, places: Sequence[tuple[int, int]], decision: Decision) -> Iterator[Found]:
    """What reaches its threshold. With exclusive labels, that can be the most probable one of a pair alone.

    pairs: `[n_pairs, 2]`, indices of `places`, the mentions' first and last characters. scores: `[n_pairs, n_columns]`, float32, as the
        model gives them; those of symmetric labels are the same in both directions.
    """
    rows: Ints1d
    if decision.exclusive:
        rows, columns = numpy.arange(len(scores)), scores[:, 1:].argmax(axis=1) if len(scores) else numpy.zeros(0, dtype="int64")
        raw = scores[rows, columns + 1]
    else:
        rows, columns = numpy.nonzero(scores > 0)
        raw = scores[rows, columns]
    found = decision.scores(columns, raw)
    # A forbidden label has probability 0 and is not written whatever the threshold.
    kept = numpy.flatnonzero((found >= decision.thresholds[columns]) & (raw > 0))
    same = decision.unmapped[columns[kept]]
    written = pairs[rows[kept]].tolist(), columns[kept].tolist(), found[kept].tolist(), numpy.where(same, found[kept], raw[kept]).tolist()
    for (head, tail), column, score, raw_score in zip(*written, strict=True):
        label = decision.labels[column]
        if label in decision.symmetric and places[tail] < places[head]:
            head, tail = tail, head
        yield Found(head, tail, label, score, raw_score, decision.status(score))


def decode_relations(predictions: Predictions, spans: Sequence[Span], decision: Decision, *, source: str) -> Iterator[Relation]:
    """The relations that are written, between `spans`, which correspond to the predictions' mentions, as of a source."""
    places = [(span.start_char, span.end_char) for span in spans]
    # Asked once for each mention of a relation, of which there are few.
    long_forms: dict[int, str] = {}
    for head, tail, label, score, raw_score, status in decode(predictions.pairs, predictions.scores, places, decision):
        for i in (head, tail):
            if i not in long_forms:
                long_forms[i] = long_form_of(spans[i])
        long = long_forms[head], long_forms[tail]
        yield Relation(spans[head], spans[tail], label, score, long, sources=source, status=status, raw_score=raw_score)
