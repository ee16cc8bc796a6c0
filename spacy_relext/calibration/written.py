"""The relations that a pipeline writes for annotated documents, with their scores, and whether they are right."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from spacy.training import Example

from spacy_relext.calibration.fitting import Sample
from spacy_relext.formats.docs import document_id
from spacy_relext.pipeline.gold import gold_keys
from spacy_relext.pipeline.preparing import learns_from, symmetric_labels
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.relations import get_relations


@dataclass
class Written:
    """Takes in documents one by one, and keeps none of them.

    documents: How many are annotated for the labels of the extractor; others are passed over. annotated: Their relations, by label.
    """

    pipe: RelationExtractor
    documents: int = 0
    annotated: dict[str, int] = field(default_factory=dict)
    _rows: list[tuple[float, bool, str, int]] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, example: Example) -> None:
        """example: Its predicted Doc has the relations that were found, its reference those that are right."""
        if not learns_from(self.pipe, example.reference):
            return
        self.documents += 1
        # Sentences of one document, which are Docs of their own, count as one.
        number = self._numbers.setdefault(document_id(example.reference) or f"number {self.documents}", len(self._numbers))
        symmetric = symmetric_labels(self.pipe)
        gold = gold_keys(example.reference, self.pipe.labels, symmetric, None)
        for label, _, _ in gold:
            self.annotated[label] = self.annotated.get(label, 0) + 1
        for relation in get_relations(example.predicted):
            if self.pipe.name in relation.sources and relation.label in self.pipe.labels:
                ends = [(span.start_char, span.end_char) for span in (relation.head, relation.tail)]
                head, tail = sorted(ends) if relation.label in symmetric else ends
                right = (relation.label, head, tail) in gold
                self._rows.append((relation.source_scores[self.pipe.name], right, relation.label, number))

    def told(self, example: Example, *_: Any) -> None:
        """The same, as `OnScored`."""
        self.add(example)

    @classmethod
    def of(cls, pipe: RelationExtractor, examples: Iterable[Example]) -> "Written":
        """What some examples have."""
        written = cls(pipe)
        for example in examples:
            written.add(example)
        return written

    def sample(self) -> Sample:
        """What was taken in, with the scores that were written."""
        scores, right, labels, documents = (np.asarray([row[i] for row in self._rows]) for i in range(4))
        return Sample(scores.astype(np.float64), right.astype(bool), labels.astype(str), documents.astype(np.int64))
