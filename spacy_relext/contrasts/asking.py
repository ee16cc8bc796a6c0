"""Contrast sets asked of a pipeline: what it writes for each pair, and how sure it is that there is something."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span

from spacy_relext.contrasts.guidelines import Guideline
from spacy_relext.contrasts.sets import Question
from spacy_relext.evaluation import Progress, predict
from spacy_relext.formats.docs import to_doc
from spacy_relext.mentions import SPANS_KEY
from spacy_relext.pipeline.decoding import Predictions
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.pipeline.scoring import with_gold_mentions
from spacy_relext.relations import get_relations

# What a pipeline says of a pair: its labels, each with whether it is from head to tail.
Said = dict[tuple[str, bool], float]
# First character and (exclusive) end of a mention.
Place = tuple[int, int]
RIGHT = "right"


@dataclass(frozen=True)
class Answer:
    """What a pipeline says of the pair of a question, and whether that is what is expected.

    found: The relations of the pair, as (label, whether from head to tail), with their scores; without a direction, from head to tail.
    probability: That the pair is related, by the most probable direction; 0 where it is no candidate. candidate: Whether it is one.
    expected: The labels of the pipeline that are right; empty: not related; None: nobody knows.
    outcome: "right", "false positive", "missed", "other label" or "other direction"; None where nothing is expected.
    as_compared: Whether that is as it should be beside the line that it is compared with; None: it is compared with none.
    """

    question: Question
    found: Said
    probability: float
    candidate: bool
    expected: frozenset[str] | None
    outcome: str | None
    as_compared: bool | None

    @property
    def passes(self) -> bool:
        """Whether all that is expected holds."""
        return self.outcome in (None, RIGHT) and self.as_compared is not False

    @property
    def failure(self) -> str:
        """What is wrong; empty where it passes."""
        if self.outcome not in (None, RIGHT):
            return str(self.outcome)
        return "" if self.passes else "not " + " ".join(next(iter(self.question.references)).split("_"))

    def to_dict(self) -> dict[str, Any]:
        """All of it but the text, for JSON."""
        question = self.question
        return {
            "id": question.id,
            "group": question.group,
            "phenomenon": question.phenomenon,
            "half": question.half,
            "failure": self.failure,
            "expected": None if self.expected is None else sorted(self.expected),
            "found": [
                {"label": label, "from": question.head if forward else question.tail, "score": round(score, 4)}
                for (label, forward), score in self.found.items()
            ],
            "probability": round(self.probability, 4),
        }


@dataclass(frozen=True)
class _Said:
    """What a pipeline says of a pair, before it is compared with anything."""

    found: Said
    probability: float
    candidate: bool


def ask(
    nlp: Language,
    pipe: RelationExtractor,
    guideline: Guideline,
    questions: Sequence[Question],
    *,
    threshold: float | None = None,
    progress: Progress = lambda examples, total, task: examples,
) -> list[Answer]:
    """The answers of a pipeline, in the order of the questions. The mentions are given, and so are tokens and sentences."""
    references = [_reference(nlp, pipe, guideline, question) for question in questions]
    extractors = [name for name, other in nlp.pipeline if isinstance(other, RelationExtractor)]
    examples = progress(predict(nlp, references, annotated=True, disable=extractors), len(references), "Asking")
    # Of the one example that is looked at.
    seen: list[tuple[Sequence[Span], Predictions]] = []
    found = with_gold_mentions(
        pipe, examples, threshold=threshold, on_scored=lambda scored, view, spans, predictions: seen.append((spans, predictions))
    )
    said: dict[str, _Said] = {}
    for question, example in zip(questions, found, strict=True):
        said[question.id] = _of_pair(pipe, _ends(question, guideline, example.reference), example.predicted, *seen.pop())
    return [_answer(question, said, guideline) for question in questions]


def _reference(nlp: Language, pipe: RelationExtractor, guideline: Guideline, question: Question) -> Doc:
    doc = to_doc(guideline.document(question.document), nlp)
    if pipe.cfg["spans_key"] is not None:
        doc.spans[pipe.cfg["spans_key"]] = list(doc.spans[SPANS_KEY])
    return doc


def _ends(question: Question, guideline: Guideline, reference: Doc) -> list[Place]:
    """The characters of head and tail, as the Doc has them."""
    ids = [mention.id for mention in guideline.document(question.document).mentions]
    return [_place(reference.spans[SPANS_KEY][ids.index(name)]) for name in (question.head, question.tail)]


def _place(span: Span) -> Place:
    return span.start_char, span.end_char


def _of_pair(pipe: RelationExtractor, ends: list[Place], doc: Doc, spans: Sequence[Span], predictions: Predictions) -> _Said:
    found: Said = {}
    for relation in get_relations(doc):
        pair = [_place(relation.head), _place(relation.tail)]
        if pair in (ends, ends[::-1]):
            found[relation.label, relation.label in pipe.cfg["symmetric_labels"] or pair == ends] = relation.score
    places = list(map(_place, spans))
    rows = [row for row, pair in enumerate(predictions.pairs.tolist()) if [places[i] for i in pair] in (ends, ends[::-1])]
    scores = predictions.scores[rows]
    related = 1 - scores[:, 0] if pipe.cfg["exclusive"] else scores.max(axis=1)
    return _Said(found, float(related.max(initial=0.0)), bool(rows))


def _answer(question: Question, said: dict[str, _Said], guideline: Guideline) -> Answer:
    mine, expected = said[question.id], guideline.expected(question)
    outcome = None if expected is None else _outcome(mine.found, expected)
    compared = [_holds(key, mine, said[name]) for key, name in question.references.items()]
    return Answer(question, mine.found, mine.probability, mine.candidate, expected, outcome, compared[0] if compared else None)


def _outcome(found: Said, expected: frozenset[str]) -> str:
    if not expected:
        return "false positive" if found else RIGHT
    if not found:
        return "missed"
    if any(label not in expected for label, _ in found):
        return "other label"
    return RIGHT if all(forward for _, forward in found) else "other direction"


def _holds(key: str, mine: _Said, other: _Said) -> bool:
    if key == "same_as":
        return mine.found.keys() == other.found.keys()
    return mine.probability < other.probability if key == "lower_than" else mine.probability > other.probability
