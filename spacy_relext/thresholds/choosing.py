"""The choice of a threshold for some relations: for F, for what errors cost, for a precision that is guaranteed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from spacy_relext.errors import RelextError
from spacy_relext.notices import counted
from spacy_relext.pipeline.settings import told_threshold
from spacy_relext.thresholds.bounds import MANY, beginning, effective_sizes, lower_bounds, n_certified, needed, sequence
from spacy_relext.thresholds.scored import Scored

# The precision of fewer relations says nothing. And how many thresholds are looked at to tell how many documents are needed.
FEWEST, MOST_ENDS = 20, 100


@dataclass(frozen=True)
class Guaranteed:
    """A threshold whose precision is guaranteed: with how many relations, and the lower bound of their precision."""

    threshold: float
    end: int
    bound: float


def best_cut(scored: Scored, right_weight: float, written_weight: float) -> tuple[int, float]:
    """How many relations to write, so that the weighted right ones less the weighted written ones are most, and how much that is.

    Of equally good numbers the middle one: its neighbours are good too.
    """
    ends = numpy.append(0, scored.ends)
    # Nothing cannot be written where a relation has score 1.
    ends = ends[1:] if len(scored.scores) and scored.scores[0] >= 1 else ends
    right = numpy.append(0, scored.right.cumsum())[ends]
    value = right_weight * right - written_weight * ends
    best = numpy.flatnonzero(value >= value.max() - 1e-9)
    place = best[len(best) // 2]
    return int(ends[place]), float(value[place])


def thresholds_for_f(groups: Sequence[Scored]) -> list[float]:
    """The threshold of each group of labels, so that the micro F of all is best.

    F is a ratio, 2 right / (written + annotated). It is at least f where 2 right - f written, summed over the groups, is at least f
    annotated: so each group can be chosen for itself, and f is raised as far as that goes (Dinkelbach, Management Science 13, 1967).
    """
    annotated = sum(int(scored.annotated.sum()) for scored in groups)
    f, ends = 0.0, [0] * len(groups)
    while True:
        ends = [best_cut(scored, 2.0, f)[0] for scored in groups]
        right = sum(int(scored.right[:end].sum()) for scored, end in zip(groups, ends, strict=True))
        reached = 2 * right / max(sum(ends) + annotated, 1)
        if reached <= f + 1e-12:
            return [scored.threshold(end) for scored, end in zip(groups, ends, strict=True)]
        f = reached


def thresholds_for_costs(groups: Sequence[Scored], cost_ratio: float) -> list[float]:
    """The threshold of each group of labels with the lowest costs, where a wrong relation costs so many missed ones."""
    return [scored.threshold(best_cut(scored, cost_ratio + 1, cost_ratio)[0]) for scored in groups]


def guaranteed(scored: Scored, target: float, confidence: float) -> Guaranteed | None:
    """The lowest threshold whose precision reaches the target with this confidence (see `bounds`); None where there is none."""
    if not len(scored.scores):
        return None
    ends = sequence(scored.ends, target, confidence)
    bounds = lower_bounds(*scored.by_document(ends), confidence)
    n = n_certified(bounds, target)
    return Guaranteed(scored.threshold(ends[n - 1]), int(ends[n - 1]), float(bounds[n - 1])) if n else None


def best_target(scored: Scored, confidence: float, below: float) -> tuple[float, Guaranteed] | None:
    """The highest target in percent, below another one, that can be had, and its threshold."""
    for percent in range(int(numpy.ceil(100 * below)) - 1, 0, -1):
        found = guaranteed(scored, percent / 100, confidence)
        if found is not None:
            return percent / 100, found
    return None


def documents_needed(scored: Scored, target: float, confidence: float) -> int | None:
    """How many documents more would be needed for the target, estimated; None where the precision reaches it at no threshold with `FEWEST`.

    At each threshold the precision and the number of independent relations per document are taken to stay as they are. Then the bound
    reaches the target with so many relations, and so many documents; of all thresholds the fewest. Those with which the sequence does not
    begin yet count, too: with more documents it does. It is about as likely as not that so many are enough.
    """
    ends = scored.ends[scored.ends >= min(FEWEST, len(scored.scores))]
    if not len(ends):
        return None
    ends = ends[numpy.unique(numpy.linspace(0, len(ends) - 1, MOST_ENDS).round().astype("int64"))]
    right, written = scored.by_document(ends)
    sizes = effective_sizes(right, written, confidence)
    numbers = [needed(p, target, confidence) for p in right.sum(axis=1) / ends]
    first = beginning(target, confidence)
    factors = [max(n / size, first / end) for n, size, end in zip(numbers, sizes, ends, strict=True) if n < MANY and size > 0]
    # Where a later test of the sequence came out well already, but one before it did not: a tenth.
    # Rounded: a tenth of 250 is 25, and to a computer a little more.
    return int(numpy.ceil(round(scored.n_documents * (max(min(factors), 1.1) - 1), 6))) if factors else None


def why_not(scored: Scored, what: str, target: float, confidence: float) -> str:
    """Why the target cannot be had, the best that can, and what it would take, in a line. what: "relations" or "ADVISE"."""
    pairs = counted(len(scored.scores), "candidate pair", "candidate pairs")
    documents = counted(scored.n_documents, "document", "documents")
    said = f"{what}: no threshold has precision {short(target)} with confidence {short(confidence, 100)} % on {documents} ({pairs})"
    best = best_target(scored, confidence, target)
    if best is not None:
        recall = scored.right[: best[1].end].sum() / max(scored.annotated.sum(), 1)
        said += f"; the best that can be had is {best[0]:g}, with recall {recall:.2f}"
    more = documents_needed(scored, target, confidence)
    if more is None:
        few = counted(max(1, min(FEWEST, len(scored.scores))), "relation", "relations")
        said += f". No threshold that writes {few} or more has that precision on these documents"
        return f"{said}: a better model helps more than documents."
    needed_more = counted(more, "annotated document", "annotated documents")
    return f"{said}. About {needed_more} more would be needed, if the precision stays as it is."


def short(share: float, whole: int = 1) -> str:
    """A share, of 1 or of 100, in few digits, and in more where it would be all of it with these, but is not."""
    texts = (f"{whole * share:.{digits}g}" for digits in range(6 if whole == 1 else 4, 18))
    return next((text for text in texts if text != str(whole)), str(whole))


def review_threshold(scored: Scored, threshold: float, share: float) -> float:
    """A threshold below another one, so that what lies between them is at most this share of all that is written."""
    asserted = int((scored.scores >= threshold).sum())
    most = asserted / (1 - share)
    ends = scored.ends[(scored.ends >= asserted) & (scored.ends <= most)]
    if not len(ends) or ends[-1] == asserted:
        raise RelextError(
            f"a share of {share:g} of what is written is less than one relation below the threshold {told_threshold(threshold)}: "
            f"{asserted:,} are asserted on these documents. Give a larger share, or more documents."
        )
    return scored.threshold(int(ends[-1]))
