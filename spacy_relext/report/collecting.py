"""What is kept of the predictions of each document: counts, scores, errors. Of the encoder's output, nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.assertion import Assertions
from spacy_relext.pipeline.decoding import Predictions, allowed_by_types, decode
from spacy_relext.pipeline.gold import GoldKey, make_targets
from spacy_relext.pipeline.preparing import Extractor, learns_from, symmetric_labels
from spacy_relext.relations import Relation, get_relations
from spacy_relext.report.analysis import Claim, Division, Place
from spacy_relext.report.layout import Extent, Layout
from spacy_relext.report.matching import Match, match
from spacy_relext.report.reasons import why_no_candidate
from spacy_relext.types import Bools2d, Floats1d

# Why a missed or a wrong relation is one, besides those of `reasons`.
OTHER_LABEL, TAKEN_BACK = "another label of the pair is more probable", "a later component took it back"
DENIED, UNKNOWN_MENTION, BESIDE = "the annotation denies it", "a mention is not annotated", "the pair has another label, which is right"
SWAPPED = "the direction is wrong, too"


class Found(NamedTuple):
    """An error as it was found.

    pairs: The candidate pairs that the model judged, as indices of the mentions of the Doc; None where there is none.
    """

    document: int
    match: Match
    why: str
    annotated: Claim | None
    predicted: Claim | None
    certainty: float | None
    context: Extent
    pairs: tuple[tuple[int, int] | None, tuple[int, int] | None]


@dataclass
class Document:
    """What is kept of one document.

    lines: Right, predicted, annotated and reachable relations by division and line. confused: Pairs of annotated and predicted label, of
        what is right too. n_unrelated: Candidate pairs that rightly have no relation.
    scores, right: Of what a threshold of 0 would predict.
    mentions: Those of which the pairs are. denials: As in `Assertions.denials`.
    """

    lines: dict[tuple[Division, str], list[int]] = field(default_factory=dict)
    errors: list[Found] = field(default_factory=list)
    n_unrelated: int = 0
    scores: Floats1d = field(default_factory=lambda: numpy.zeros(0))
    right: Floats1d = field(default_factory=lambda: numpy.zeros(0, dtype=bool))
    mentions: tuple[Place, ...] = ()
    denials: Counter[tuple[str, str]] = field(default_factory=Counter)


class Collector:
    """Is told what the model says of each document, in their order: see `OnScored`.

    layouts: Of the documents that were scored before, and of those that are scored now.
    """

    def __init__(self, pipe: Extractor, layouts: list[Layout] | None = None):
        self.pipe = pipe
        self.layouts = [] if layouts is None else layouts
        self.documents: list[Document] = []
        # The numbers of the scored ones among all that were told.
        self.scored: list[int] = []
        self.n_told = 0

    def __call__(self, example: Example, doc: Doc, spans: Sequence[Span], predictions: Predictions) -> None:
        """Take in one document; one without relation annotation, or annotated for other labels, is passed over."""
        self.n_told += 1
        if not learns_from(self.pipe, example.reference):
            return
        number = len(self.documents)
        self.scored.append(self.n_told - 1)
        if number == len(self.layouts):
            self.layouts.append(Layout.of(example.reference, doc, self.pipe.mentions(example.reference)))
        self.documents.append(_Reading(self.pipe, number, self.layouts[number], example, doc, spans, predictions).document())


class _Reading:
    """One document, while it is taken in."""

    def __init__(
        self,
        pipe: Extractor,
        number: int,
        layout: Layout,
        example: Example,
        doc: Doc,
        spans: Sequence[Span],
        predictions: Predictions,
    ):
        self.pipe, self.number, self.layout, self.doc, self.predictions = pipe, number, layout, doc, predictions
        self.reference = example.reference
        self.exclusive, self.symmetric, self.decision = pipe.cfg["exclusive"], symmetric_labels(pipe), pipe.decision()
        self.column = {label: i for i, label in enumerate(pipe.labels, start=int(self.exclusive))}
        self.places: list[Extent] = [(span.start_char, span.end_char) for span in spans]
        self.spans = spans
        self.at: dict[Extent, list[int]] = {}
        for i, place in enumerate(self.places):
            self.at.setdefault(place, []).append(i)
        self.rows: dict[tuple[Extent, Extent], list[int]] = {}
        for row, (head, tail) in enumerate(predictions.pairs.tolist()):
            self.rows.setdefault((self.places[head], self.places[tail]), []).append(row)
        self.gold = self._keyed(get_relations(example.reference))
        self.said = self._keyed(r for r in get_relations(example.predicted) if pipe.name in r.sources)
        self.assertions = Assertions(example.reference, self.symmetric)
        self.allowed = self._allowed()
        self.reached = self._reached()

    def document(self) -> Document:
        """What is kept."""
        document = Document(mentions=tuple(dict.fromkeys(_place(span) for span in self.spans)))
        best = self._best()
        document.scores = numpy.asarray(list(best.values()), dtype="float32")
        document.right = numpy.asarray([key in self.gold for key in best], dtype=bool)
        related = {row for key in self.gold | self.said for row in self._rows_of(key)}
        document.n_unrelated = len(self.predictions.pairs) - len(related)
        self._count(document)
        missed, wrong = self.gold.keys() - self.said.keys(), self.said.keys() - self.gold.keys()
        reachable = {key for key in missed if any(self.allowed[row, self.column[key[0]]] for row in self._rows_of(key))}
        scores = {key: self.said[key].score for key in wrong}
        document.denials = self.assertions.denials(wrong)
        document.errors = [self._error(found) for found in match(missed, scores, reachable, self.symmetric)]
        return document

    def _keyed(self, relations: Iterable[Relation]) -> dict[GoldKey, Relation]:
        """Relations with labels of the extractor by what the scorer compares; of those that are given twice, one."""
        found: dict[GoldKey, Relation] = {}
        for r in relations:
            if r.label in self.column:
                ends = [(span.start_char, span.end_char) for span in (r.head, r.tail)]
                head, tail = sorted(ends) if r.label in self.symmetric else ends
                found.setdefault((r.label, head, tail), r)
        return found

    def _allowed(self) -> Bools2d:
        kinds, rules = [span.label_ for span in self.predictions.spans], self.pipe.cfg["type_rules"]
        return allowed_by_types(kinds, self.predictions.pairs, self.pipe.labels, rules, self.symmetric, exclusive=self.exclusive)

    def _reached(self) -> set[GoldKey]:
        """What a model would find that decides every candidate pair rightly."""
        pairs = self.predictions.pairs
        targets, _ = make_targets(
            pairs, self.allowed, self.spans, set(self.gold), self.pipe.labels, self.symmetric, exclusive=self.exclusive
        )
        perfect = Predictions(list(self.spans), pairs, targets)
        return set(self._keyed(self.pipe.decode(perfect, self.spans, threshold=0.0))) & self.gold.keys()

    def _best(self) -> dict[GoldKey, float]:
        """What would be predicted with a threshold of 0, and its score."""
        best: dict[GoldKey, float] = {}
        found = decode(self.predictions.pairs, self.predictions.scores, self.places, self.pipe.decision(0.0))
        for head, tail, label, score, *_ in found:
            key = (label, self.places[head], self.places[tail])
            if key[1] != key[2]:
                best[key] = max(score, best.get(key, 0.0))
        return best

    def _rows_of(self, key: GoldKey) -> list[int]:
        """The candidate pairs at the place of a relation."""
        label, head, tail = key
        return [*self.rows.get((head, tail), ()), *(self.rows.get((tail, head), ()) if label in self.symmetric else ())]

    def _count(self, document: Document) -> None:
        for key in self.gold.keys() | self.said.keys():
            relation = self.gold[key] if key in self.gold else self.said[key]
            lines = {
                "label": key[0],
                "types": _types(relation, ordered=key[0] not in self.symmetric),
                **self.layout.lines(key[1], key[2]),
                "assertion": self.assertions.group_of(key, annotated=key in self.gold),
            }
            is_gold, is_said = key in self.gold, key in self.said
            for division, name in lines.items():
                counts = document.lines.setdefault((division, name), [0, 0, 0, 0])
                for i, one in enumerate((is_gold and is_said, is_said, is_gold, key in self.reached)):
                    counts[i] += one

    def _error(self, found: Match) -> Found:
        annotated, annotated_pair = self._claim(found.annotated, self.gold)
        predicted, predicted_pair = self._claim(found.predicted, self.said)
        certainty = predicted.score if predicted is not None else None
        if annotated is not None and predicted is None and annotated.score is not None:
            certainty = 1.0 - annotated.score
        places = [(place.start, place.end) for claim in (annotated, predicted) if claim is not None for place in (claim.head, claim.tail)]
        context = self.layout.context(min(places), max(places, key=lambda place: place[1]))
        pairs = (annotated_pair, predicted_pair)
        return Found(self.number, found, self._why(found, annotated), annotated, predicted, certainty, context, pairs)

    def _claim(self, key: GoldKey | None, relations: dict[GoldKey, Relation]) -> tuple[Claim | None, tuple[int, int] | None]:
        """A relation, and the candidate pair of it that has the highest score."""
        if key is None:
            return None, None
        label, relation = key[0], relations[key]
        symmetric = label in self.symmetric
        ends = [_place(span) for span in (relation.head, relation.tail)]
        head, tail = sorted(ends, key=lambda place: (place.start, place.end)) if symmetric else ends
        rows, column = self._rows_of(key), self.column[label]
        if not rows:
            return Claim(label, head, tail, symmetric, relation.score if relations is self.said else None), None
        row = max(rows, key=lambda row: self.predictions.scores[row, column])
        scores, no_relation = self.pipe.distribution(self.predictions.scores[row].tolist())
        one, other = self.predictions.pairs[row].tolist()
        score = self.decision.score(label, scores[label])
        return Claim(label, head, tail, symmetric, score, scores, no_relation), (one, other)

    def _why(self, found: Match, annotated: Claim | None) -> str:
        if found.group == "no_candidate" and found.annotated is not None:
            label, head, tail = found.annotated
            heads, tails = self.at.get(head, ()), self.at.get(tail, ())
            return why_no_candidate(self.pipe, self.doc, list(self.predictions.spans), label, heads, tails)
        if found.group == "below_threshold" and annotated is not None and annotated.scores is not None:
            best = max(annotated.scores, key=annotated.scores.__getitem__)
            if self.exclusive and annotated.scores[best] > annotated.scores[annotated.label]:
                return OTHER_LABEL if self.decision.reaches(best, annotated.scores[best]) else ""
            return TAKEN_BACK if self.decision.reaches(annotated.label, annotated.scores[annotated.label]) else ""
        if found.group == "spurious" and found.predicted is not None:
            return self._why_spurious(found.predicted)
        return SWAPPED if found.group == "wrong_label" and found.swapped else ""

    def _why_spurious(self, key: GoldKey) -> str:
        pair = frozenset(key[1:])
        if pair in self.assertions.denied:
            return DENIED
        if not pair <= {(span.start_char, span.end_char) for span in self.pipe.mentions(self.reference)}:
            return UNKNOWN_MENTION
        return BESIDE if any(pair == frozenset(other[1:]) for other in self.gold.keys() & self.said.keys()) else ""


def confused(documents: Iterable[Document]) -> Counter[tuple[str, str]]:
    """How often which label was predicted for which annotated one, in the errors that are both."""
    errors = (error for document in documents for error in document.errors if error.match.group == "wrong_label")
    return Counter((e.annotated.label, e.predicted.label) for e in errors if e.annotated is not None and e.predicted is not None)


def _place(span: Span) -> Place:
    return Place(span.start_char, span.end_char, span.label_, span.text)


def _types(relation: Relation, *, ordered: bool) -> str:
    types = [relation.head.label_ or "no type", relation.tail.label_ or "no type"]
    return " → ".join(types) if ordered else " – ".join(sorted(types))
