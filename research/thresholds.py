"""How often the guarantee of a threshold holds: on simulated documents of known truth, and from one half of test documents to the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy

from spacy_relext.thresholds.bounds import clopper_pearson, n_certified, sequence
from spacy_relext.thresholds.choosing import guaranteed, thresholds_for_f
from spacy_relext.thresholds.scored import Scored
from spacy_relext.thresholds.tuning import MICRO, figures_at

# Of a law of documents so many are drawn to know the truth.
TRUTH = 100_000


@dataclass(frozen=True)
class Law:
    """How documents come: relations per document, their scores, and how likely each is right.

    size: Relations per document, their mean; they are distributed geometrically. between: How much documents differ, the standard
    deviation of their shift of the log odds of being right. trust: What the log odds of the scores are multiplied by: 1 for calibrated
    scores, less where they promise too much. longer_is_worse: How much the log odds fall per mean size.
    """

    name: str
    size: float = 5.0
    between: float = 0.0
    trust: float = 1.0
    longer_is_worse: float = 0.0

    def draw(self, rng: numpy.random.Generator, n_documents: int) -> Scored:
        """Some documents."""
        sizes = rng.geometric(1 / (self.size + 1), n_documents) - 1
        documents = numpy.repeat(numpy.arange(n_documents), sizes)
        shifts = rng.normal(0, self.between, n_documents) - self.longer_is_worse * (sizes / self.size - 1)
        scores = rng.beta(2.0, 0.8, len(documents))
        odds = self.trust * numpy.log(scores / (1 - scores)) + shifts[documents]
        right = rng.uniform(size=len(documents)) < 1 / (1 + numpy.exp(-odds))
        order = numpy.argsort(-scores)
        labels = numpy.zeros(len(documents), dtype="int64")
        return Scored(scores[order], right[order], labels, documents[order], ["A"], numpy.array([right.sum()]), n_documents)


LAWS = (
    Law("independent relations"),
    Law("documents differ", between=1.0),
    Law("documents differ much", between=2.0),
    Law("scores promise too much", between=1.0, trust=0.6),
    Law("longer documents are worse", between=1.0, longer_is_worse=0.3),
)


def simulate(law: Law, n_documents: int, target: float, confidence: float, draws: int, seed: int) -> dict[str, Any]:
    """How often the true precision at the threshold that is chosen reaches the target, and how much it finds.

    RETURNS: the shares of draws with a threshold (found), of these those whose true precision is at least the target (reached), and of all
    of them those that are not wrong (held); the mean share of the right relations that is found (recall); and the share reached by the
    bound over relations alone (relations_reached).
    """
    truth = law.draw(numpy.random.default_rng(seed), TRUTH)
    precision, recall = truth.right.cumsum() / numpy.arange(1, len(truth.scores) + 1), truth.right.cumsum() / truth.right.sum()
    rng = numpy.random.default_rng(seed + 1)
    recalls, reached, alone = [], [], []
    for _ in range(draws):
        sample = law.draw(rng, n_documents)
        found = guaranteed(sample, target, confidence)
        if found is not None:
            place = numpy.searchsorted(-truth.scores, -found.threshold, side="right") - 1
            reached.append(bool(precision[place] >= target))
            recalls.append(float(recall[place]))
        threshold = by_relations_alone(sample, target, confidence)
        if threshold is not None:
            alone.append(bool(precision[numpy.searchsorted(-truth.scores, -threshold, side="right") - 1] >= target))
    return {
        "law": law.name,
        "documents": n_documents,
        "target": target,
        "found": len(reached) / draws,
        "reached": sum(reached) / max(len(reached), 1),
        "held": 1 - (len(reached) - sum(reached)) / draws,
        "recall": float(numpy.mean(recalls)) if recalls else 0.0,
        "relations_reached": sum(alone) / max(len(alone), 1),
    }


def by_relations_alone(scored: Scored, target: float, confidence: float) -> float | None:
    """The threshold where all relations are taken to be independent."""
    ends = sequence(scored.ends, target, confidence)
    n = n_certified(clopper_pearson(scored.right.cumsum()[ends - 1], ends, confidence), target)
    return scored.threshold(int(ends[n - 1])) if n else None


def halves(scored: Scored, splits: int, seed: int) -> Iterator[tuple[Scored, Scored]]:
    """Two halves of the documents, drawn at random."""
    rng = numpy.random.default_rng(seed)
    for _ in range(splits):
        chosen = numpy.zeros(scored.n_documents, dtype=bool)
        chosen[rng.permutation(scored.n_documents)[: scored.n_documents // 2]] = True
        yield part(scored, chosen), part(scored, ~chosen)


def label_splits(scored: Scored, splits: int, seed: int) -> dict[str, Any]:
    """What a threshold for each label is worth beside one for all, chosen on one half of some documents for the best micro F.

    RETURNS: the mean F of the other half with one, and with one for each label, and the share of splits in which the latter is better.
    """
    found = []
    for one, other in halves(scored, splits, seed):
        of_all = thresholds_for_f([one]) * len(scored.names)
        by_label = thresholds_for_f([one.of([name]) for name in scored.names])
        found.append([figures_at(other, thresholds)[MICRO]["f"] for thresholds in (of_all, by_label)])
    one_f, label_f = numpy.array(found).T
    return {"one": float(one_f.mean()), "per label": float(label_f.mean()), "better": float((label_f > one_f).mean())}


def half_splits(scored: Scored, target: float, confidence: float, splits: int, seed: int) -> dict[str, Any]:
    """What becomes of a threshold that is chosen on one half of some documents on the other half.

    RETURNS: the shares of splits with a threshold (found), and of these those where the other half has the target (reached); the mean
        precision and recall there, the same of the worst tenth, and what a point estimate in the place of the bound gives.
    """
    outcomes, points = [], []
    for one, other in halves(scored, splits, seed):
        found = guaranteed(one, target, confidence)
        if found is not None:
            outcomes.append(precision_and_recall(other, found.threshold))
        ends = one.ends[one.right.cumsum()[one.ends - 1] / one.ends >= target]
        if len(ends):
            points.append(precision_and_recall(other, one.threshold(int(ends[-1]))))
    p, r = numpy.array(outcomes).T if outcomes else (numpy.zeros(1), numpy.zeros(1))
    return {
        "found": len(outcomes) / splits,
        "reached": float((p >= target).mean()),
        "precision": float(p.mean()),
        "precision_10": float(numpy.quantile(p, 0.1)),
        "recall": float(r.mean()),
        "point_reached": float(numpy.mean([p >= target for p, _ in points])) if points else 0.0,
        "point_recall": float(numpy.mean([r for _, r in points])) if points else 0.0,
    }


def part(scored: Scored, chosen: numpy.ndarray) -> Scored:
    """Some of the documents. Annotated relations that nothing is written for are shared out by documents."""
    rows = chosen[scored.documents]
    number = numpy.cumsum(chosen) - 1
    arrays = (scored.scores[rows], scored.right[rows], scored.labels[rows], number[scored.documents[rows]])
    found = int(scored.right[rows].sum())
    missed = (int(scored.annotated.sum()) - int(scored.right.sum())) * chosen.mean()
    annotated = numpy.array([round(found + missed)] + [0] * (len(scored.names) - 1))
    return Scored(*arrays, names=scored.names, annotated=annotated, n_documents=int(chosen.sum()))


def precision_and_recall(scored: Scored, threshold: float) -> tuple[float, float]:
    """Of what reaches a threshold."""
    found = scored.reaching([threshold] * len(scored.names))
    right = int(found.right.sum())
    return right / max(len(found.scores), 1), right / max(int(scored.annotated.sum()), 1)
