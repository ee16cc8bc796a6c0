"""What an analysis holds, as plain data. Shares and probabilities are between 0 and 1, places are characters of the text."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

from spacy_relext.evaluating import Evaluation

# In the order in which a report shows them.
Group = Literal["no_candidate", "below_threshold", "wrong_label", "wrong_direction", "spurious"]
GROUPS: tuple[Group, ...] = ("no_candidate", "below_threshold", "wrong_label", "wrong_direction", "spurious")
# What relations are divided by. Each division has every relation in one of its lines.
Division = Literal["label", "types", "distance", "sentence_length", "mentions", "sentences", "assertion"]
DIVISIONS: tuple[Division, ...] = ("label", "types", "distance", "sentence_length", "mentions", "sentences", "assertion")


@dataclass(frozen=True)
class Estimate:
    """A figure, and the 95 % interval of it: that of a bootstrap by document."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """The figures of some relations: those of a label, of a distance.

    right, predicted, annotated: How many. p, r, f: Of them. candidate_recall: The recall of a model that decides every candidate pair
        rightly; None where nothing is annotated.
    """

    name: str
    right: int
    predicted: int
    annotated: int
    p: Estimate
    r: Estimate
    f: Estimate
    candidate_recall: float | None


@dataclass(frozen=True)
class Confusion:
    """What was predicted for what is annotated. Every annotated and every predicted relation counts once.

    labels: Those that are annotated or predicted. counts: `[n_labels + 1][n_labels + 1]`, annotated by predicted; the last row and column
        are no-relation. Its last cell are the candidate pairs that rightly have no relation.
    direction: For each label, how many were predicted in the other direction. unreachable: How many are no candidate.
    A row, `direction` and `unreachable` of a label sum to its annotated relations; a column and `direction` to its predicted ones.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    direction: tuple[int, ...]
    unreachable: tuple[int, ...]


@dataclass(frozen=True)
class Curve:
    """Precision and recall at every threshold, from the scores of all candidate pairs.

    points: Threshold, precision, recall, from the highest threshold to the lowest; at most some hundred, the figures' own among them.
    average_precision: The mean of precision over recall, from all points; what candidates do not reach counts as 0.
    threshold, p, r: Where the pipeline stands. candidate_recall: Where the curve ends at the latest.
    """

    points: tuple[tuple[float, float, float], ...]
    average_precision: float
    threshold: float
    p: float
    r: float
    candidate_recall: float | None


@dataclass(frozen=True)
class Histogram:
    """The scores of what would be predicted with a threshold of 0: the best label of each pair, or all where they are not exclusive.

    edges: `[n_bins + 1]`. right, wrong: `[n_bins]`, how many of a bin are annotated, and how many are not.
    """

    edges: tuple[float, ...]
    right: tuple[int, ...]
    wrong: tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """A mention. type: Empty where it has none."""

    start: int
    end: int
    type: str
    text: str


@dataclass(frozen=True)
class Claim:
    """A relation that is annotated or predicted, and what the model says of its pair.

    head, tail: Those of a symmetric label in the order of the text. score: The probability of the label. scores: That of each label.
    no_relation: That of no-relation; None where labels are not exclusive. attention: The words that were read for the pair: start, end and
        weight; empty where nobody asked, or the model has no such weights.
    Of a pair that was no candidate, score, scores and no_relation are None.
    """

    label: str
    head: Place
    tail: Place
    symmetric: bool = False
    score: float | None = None
    scores: Mapping[str, float] | None = None
    no_relation: float | None = None
    attention: tuple[tuple[int, int, float], ...] = ()


@dataclass(frozen=True)
class Error:
    """One error: an annotated relation that was missed, a predicted one that is wrong, or both at once: a wrong label or direction.

    group: What kind. why: More of it, as words: "other sentence"; empty where there is no more to say.
    annotated, predicted: What was missed, what is wrong; None where there is none.
    certainty: How sure the model was of what it did: the probability of what it predicted wrongly, or that of the missed label being none.
        None where it was never asked.
    document: The number of its document among `Analysis.documents`. start, end: The sentence of the two mentions, or the sentences from
        the first to the last.
    picture: The sentence with its mentions and the error, as `displacy.render(…, manual=True)` takes it.
    """

    group: Group
    why: str
    annotated: Claim | None
    predicted: Claim | None
    certainty: float | None
    document: int
    start: int
    end: int
    picture: dict[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Errors:
    """Every error once, in each group those first of which the model was surest.

    Missed relations are those of all groups but `spurious`; wrong ones those of `spurious`, `wrong_label` and `wrong_direction`.
    """

    groups: Mapping[Group, tuple[Error, ...]]

    @property
    def n(self) -> int:
        """How many there are."""
        return sum(map(len, self.groups.values()))


@dataclass(frozen=True)
class DeniedLine:
    """Pairs of which a label is denied. pairs: How many. related: As in `Denied`. found: How many denied pairs got this very label."""

    label: str
    pairs: int
    related: int
    found: int


@dataclass(frozen=True)
class Denied:
    """Pairs that the annotation denies. pairs: How many. related: For how many of them a relation was predicted that is not annotated.

    share: Of the pairs that are related, with its interval by document. lines: By label, that of denied ones and that of found ones.
    """

    pairs: int
    related: int
    share: Estimate
    lines: tuple[DeniedLine, ...]


@dataclass(frozen=True)
class Results:
    """What is known of the relations between annotated mentions, or between those that the pipeline finds.

    micro: Over all labels. macro_f: The mean of F over labels. lines: By what they are divided, of which every relation is in one line:
        label; types of head and tail; distance (tokens between the mentions); sentence_length (tokens); mentions (annotated ones in the
        sentence); sentences (the same or others); assertion (what the annotation says of the pair: `assertion.Assertions`). Of relations
        across sentences, the sentences from the first to the last are one.
    denied: None where the annotation denies nothing.
    counts: int `[n_documents, n_labels, 3]`: right, predicted and annotated relations, labels as in their lines.
    group_counts: int `[n_documents, 3, 3]`: the same of relations that are asserted, speculated, and of denied pairs.
    denied_counts: int `[n_documents, 2]`: denied pairs that are related, and all.
    """

    micro: Line
    macro_f: Estimate
    lines: Mapping[Division, tuple[Line, ...]]
    confusion: Confusion
    curve: Curve
    histogram: Histogram
    errors: Errors
    denied: Denied | None
    counts: NDArray[numpy.int64] = field(repr=False, compare=False)
    group_counts: NDArray[numpy.int64] = field(repr=False, compare=False)
    denied_counts: NDArray[numpy.int64] = field(repr=False, compare=False)


@dataclass(frozen=True)
class AnalysedDocument:
    """A document that was scored. id: Its own, or its number. digest: Of text and annotated relations."""

    id: str
    n_characters: int
    digest: str


@dataclass(frozen=True)
class Analysis:
    """All that a report shows of a pipeline.

    model: Name and version of the pipeline. component: The extractor. evaluation: The figures of `spacy_relext.evaluate`.
    labels, symmetric_labels, exclusive, threshold: Those of the extractor, as they were used.
    documents: Those that were scored; the ones without relation annotation, or annotated for other labels, are passed over.
    n_passed_over: How many.
    gold_mentions: With annotated mentions. predicted_mentions: With those that the pipeline finds; None where it finds none by itself.
    notes: What a reader has to know: what was left out, and why. seed: Of the documents that were drawn for the intervals.
    """

    model: str
    component: str
    evaluation: Evaluation
    labels: tuple[str, ...]
    symmetric_labels: tuple[str, ...]
    exclusive: bool
    threshold: float
    documents: tuple[AnalysedDocument, ...]
    n_passed_over: int
    gold_mentions: Results
    predicted_mentions: Results | None
    notes: tuple[str, ...] = ()
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {**_fields(self), "evaluation": self.evaluation.to_dict()}


@dataclass(frozen=True)
class Difference:
    """One line of two pipelines. one, other: F of each. difference: one - other, and its interval by a paired bootstrap.

    p: Two-sided, of no difference: how often resampled documents say the opposite.
    """

    name: str
    one: float
    other: float
    difference: Estimate
    p: float


@dataclass(frozen=True)
class Compared:
    """Two pipelines with the same mentions. labels: A line for each label that either has.

    mended: Errors of the other pipeline of which this one finds what was missed, and does not say what was wrong. new: The same the other
        way round. kept: How many errors of this pipeline are not new. other_curve: The curve of the other pipeline.
    groups: F of what the annotation asserts and what it puts as possible only; empty where there is none of the latter.
    denied: The share of denied pairs that are found related, of which less is better; None where none is denied.
    """

    micro: Difference
    labels: tuple[Difference, ...]
    groups: tuple[Difference, ...]
    denied: Difference | None
    mended: Errors
    new: Errors
    kept: int
    other_curve: Curve


@dataclass(frozen=True)
class Comparison:
    """A pipeline beside another one, on the same documents. one, other: What they are called.

    predicted_mentions: None where one of them finds no mentions by itself.
    """

    one: str
    other: str
    gold_mentions: Compared
    predicted_mentions: Compared | None

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return _fields(self)


def _fields(value: Any) -> dict[str, Any]:
    return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}


def _plain(value: Any) -> Any:
    """Lists, dictionaries, strings and numbers."""
    if is_dataclass(value):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, numpy.ndarray | numpy.generic) else value
