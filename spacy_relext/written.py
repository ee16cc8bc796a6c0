"""The relations that a pipeline writes for annotated documents, with their scores, and whether they are right."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_relext.calibration.fitting import Sample
from spacy_relext.errors import RelextError
from spacy_relext.evaluation import Progress, extractors_of, predict
from spacy_relext.formats.docs import document_id
from spacy_relext.pipeline.checks import mention_finders
from spacy_relext.pipeline.preparing import Extractor, learns_from, symmetric_labels
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.pipeline.scoring import with_gold_mentions
from spacy_relext.relations import get_relations
from spacy_relext.scorer import Key, relation_key
from spacy_relext.thresholds.seen import digest


@dataclass
class Written:
    """Takes in documents one by one, and keeps none of them. Those that are not annotated for the labels of the extractor are passed over.

    annotated: How many relations are annotated, by label.
    """

    pipe: Extractor
    annotated: dict[str, int] = field(default_factory=dict)
    _rows: list[tuple[float, bool, str, int]] = field(default_factory=list)
    _numbers: dict[str | bytes, int] = field(default_factory=dict)
    _next: int = 0

    @property
    def documents(self) -> int:
        """How many there are. Sentences of one document, which are Docs of their own, count as one, and so do Docs of the same text."""
        return self._next

    def add(self, example: Example) -> None:
        """example: Its predicted Doc has the relations that were found, its reference those that are right."""
        if not learns_from(self.pipe, example.reference):
            return
        number = self._number(example.reference)
        name, labels, symmetric = self.pipe.name, self.pipe.labels, symmetric_labels(self.pipe)
        gold = {relation_key(relation, symmetric) for relation in get_relations(example.reference) if relation.label in labels}
        for label, _, _ in gold:
            self.annotated[label] = self.annotated.get(label, 0) + 1
        # By key, as in `evaluate`: mentions at the same place are one end.
        scores: dict[Key, float] = {}
        for relation in get_relations(example.predicted):
            if name in relation.sources and relation.label in labels:
                key = relation_key(relation, symmetric)
                scores[key] = max(relation.source_scores[name], scores.get(key, 0.0))
        self._rows += [(score, key in gold, key[0], number) for key, score in scores.items()]

    def _number(self, doc: Doc) -> int:
        """That of the document. The same text under another id, or without one, tells nothing new: it is no document of its own."""
        keys = [key for key in (document_id(doc), digest(doc.text, 8)) if key]
        known = [self._numbers[key] for key in keys if key in self._numbers]
        number = known[0] if known else self._next
        self._next = max(self._next, number + 1)
        for key in keys:
            self._numbers.setdefault(key, number)
        return number

    def told(self, example: Example, *_: Any) -> None:
        """The same, as `OnScored`."""
        self.add(example)

    @classmethod
    def of(cls, pipe: Extractor, examples: Iterable[Example]) -> "Written":
        """What some examples have."""
        written = cls(pipe)
        for example in examples:
            written.add(example)
        return written

    def sample(self) -> Sample:
        """What was taken in, with the scores that were written."""
        scores, right, labels, documents = (np.asarray([row[i] for row in self._rows]) for i in range(4))
        return Sample(scores.astype(np.float64), right.astype(bool), labels.astype(str), documents.astype(np.int64))


def written_relations(
    nlp: Language,
    pipe: RelationExtractor,
    references: Sequence[Doc],
    *,
    predicted_mentions: bool = False,
    progress: Progress = lambda examples, total, task: examples,
) -> Written:
    """What an extractor of a pipeline writes for annotated Docs, between annotated mentions or those that the pipeline finds.

    RAISES: RelextError where it is to find mentions, and has nothing that does.
    """
    if predicted_mentions:
        if not mention_finders(nlp):
            raise RelextError(f"{pipe.name}: the pipeline finds no mentions by itself. Take the annotated ones.")
        examples: Iterable[Example] = predict(nlp, references, annotated=False)
    else:
        # Between annotated mentions, relations are found anew.
        extractors = [other.name for other in extractors_of(nlp, pipe.name)]
        examples = with_gold_mentions(pipe, predict(nlp, references, annotated=True, disable=extractors))
    return Written.of(pipe, progress(examples, len(references), "Predicting"))
