"""What a pipeline would write of annotated documents if there were no threshold, with what of it is right."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy

from spacy_relext.types import Bools1d, Floats1d, Floats2d, Ints1d
from spacy_relext.written import Written


@dataclass(frozen=True)
class Scored:
    """Relations with their scores, descending.

    scores, right: `[n_relations]`. labels: Their label, as an index of `names`. documents: `[n_relations]`, the number of the document.
    names: The labels of the extractor. annotated: `[n_labels]`, how many relations are annotated. n_documents: Of those that count.
    """

    scores: Floats1d
    right: Bools1d
    labels: Ints1d
    documents: Ints1d
    names: Sequence[str]
    annotated: Ints1d
    n_documents: int

    def of(self, names: Iterable[str]) -> "Scored":
        """The relations of some labels."""
        chosen = [self.names.index(name) for name in names]
        annotated = numpy.where(numpy.isin(numpy.arange(len(self.names)), chosen), self.annotated, 0)
        return replace(self._of(numpy.isin(self.labels, chosen)), annotated=annotated)

    def reaching(self, thresholds: Sequence[float]) -> "Scored":
        """The relations that reach the threshold of their label. thresholds: By label, in the order of `names`."""
        return self._of(self.scores >= numpy.asarray(thresholds)[self.labels])

    def _of(self, rows: Bools1d) -> "Scored":
        chosen = {name: getattr(self, name)[rows] for name in ("scores", "right", "labels", "documents")}
        return replace(self, **chosen)

    @cached_property
    def ends(self) -> Ints1d:
        """How many relations a threshold can write, ascending from 1: those of one score are written together."""
        found: Ints1d = numpy.flatnonzero(numpy.append(self.scores[1:] < self.scores[:-1], True)[: len(self.scores)]) + 1
        return found

    def by_document(self, ends: Ints1d) -> tuple[Floats2d, Floats2d]:
        """Right relations, and all, of the first so many, by document: `[n_ends, n_documents]`."""
        written, right = (
            numpy.stack([numpy.bincount(self.documents[:end], weights[:end], self.n_documents) for end in ends])
            for weights in (numpy.ones(len(self.scores)), self.right.astype("float64"))
        )
        return right, written

    def threshold(self, end: int) -> float:
        """A threshold that writes the first so many relations: a short number, as far from the scores beside it as such a number can be."""
        lower, upper = (self.scores[end] if end < len(self.scores) else 0.0), (self.scores[end - 1] if end else 1.0)
        for digits in range(2, 12):
            found = round(float((lower + upper) / 2), digits)
            # Scores that are not calibrated are compared in single precision.
            if lower < found <= upper and lower < numpy.float32(found) <= numpy.float32(upper):
                return found
        return float(upper)


def scored_relations(written: Written) -> Scored:
    """What an extractor has written, descending by score."""
    sample, names = written.sample(), written.pipe.labels
    order = numpy.argsort(-sample.scores, kind="stable")
    labels = numpy.asarray([names.index(label) for label in sample.labels[order].tolist()], dtype="int64")
    annotated = numpy.asarray([written.annotated.get(name, 0) for name in names], dtype="int64")
    return Scored(sample.scores[order], sample.right[order], labels, sample.documents[order], names, annotated, written.documents)
