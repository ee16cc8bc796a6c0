"""From what is kept of the documents to figures: lines with intervals, the confusion matrix, the curve, the histogram."""

from collections import Counter
from collections.abc import Sequence

import numpy

from spacy_relext.assertion import GROUPS
from spacy_relext.report.analysis import DIVISIONS, Confusion, Curve, Denied, DeniedLine, Division, Estimate, Histogram, Line
from spacy_relext.report.bootstrap import Array, draw_sums, interval, share_interval
from spacy_relext.report.bootstrap import shares as shares_of
from spacy_relext.report.collecting import Document, confused
from spacy_relext.report.layout import NAMES
from spacy_relext.scorer import prf
from spacy_relext.types import Bools1d, Floats1d

N_BINS = 20
# What a curve is drawn with at the most.
N_POINTS = 300


def lines_of(documents: Sequence[Document], seed: int) -> tuple[Line, Estimate, dict[Division, tuple[Line, ...]], Array]:
    """The line over all labels, macro F, the lines of all divisions, and `Results.counts`."""
    names = {division: _names(documents, division) for division in DIVISIONS}
    order = [(division, name) for division in DIVISIONS for name in names[division]]
    counts = numpy.zeros((len(documents), len(order), 4), dtype="int64")
    for i, document in enumerate(documents):
        for line, n in document.lines.items():
            counts[i, order.index(line)] = n
    n_labels = len(names["label"])
    with_micro = numpy.concatenate([counts[:, :n_labels].sum(axis=1, keepdims=True), counts], axis=1)
    drawn = draw_sums(with_micro[..., :3], seed=seed)  # [n_draws, 1 + n_lines, 3]
    shares = shares_of(drawn)
    low, high = interval(shares)  # [1 + n_lines, 3] each
    sums = with_micro.sum(axis=0)
    made = [_line(name, sums[i], low[i], high[i]) for i, name in enumerate(["micro", *(name for _, name in order)])]
    of_labels = drawn[:, 1 : 1 + n_labels]
    present = (of_labels[..., 1:].sum(axis=-1) > 0).sum(axis=1)
    macro = shares[:, 1 : 1 + n_labels, 2].sum(axis=1) / present.clip(min=1)
    macro_low, macro_high = interval(macro)
    mean = sum(line.f.value for line in made[1 : 1 + n_labels]) / max(n_labels, 1)
    lines = {division: tuple(m for m, (d, _) in zip(made[1:], order, strict=True) if d == division) for division in DIVISIONS}
    return made[0], Estimate(mean, float(macro_low), float(macro_high)), lines, counts[:, :n_labels, :3]


def group_counts(documents: Sequence[Document]) -> Array:
    """`Results.group_counts`."""
    counts = [[d.lines.get(("assertion", group), [0] * 4)[:3] for group in GROUPS] for d in documents]
    return numpy.array(counts, dtype="int64").reshape(-1, len(GROUPS), 3)


def denied_of(documents: Sequence[Document], seed: int) -> tuple[Denied | None, Array]:
    """What became of pairs that the annotation denies, and `Results.denied_counts`."""
    counts = numpy.array([[d.denials["", name] for name in ("related", "pairs")] for d in documents], dtype="int64").reshape(-1, 2)
    total = sum((document.denials for document in documents), Counter[tuple[str, str]]())
    if not total["", "pairs"]:
        return None, counts
    labels = sorted({label for label, _ in total if label})
    lines = (DeniedLine(label, *(total[label, name] for name in ("pairs", "related", "found"))) for label in labels)
    n_related, n_pairs = map(int, counts.sum(axis=0))
    share = Estimate(n_related / n_pairs, *share_interval(counts, seed=seed))
    return Denied(n_pairs, n_related, share, tuple(lines)), counts


def _names(documents: Sequence[Document], division: Division) -> list[str]:
    found = {name for document in documents for d, name in document.lines if d == division}
    return [name for name in NAMES[division] if name in found] if division in NAMES else sorted(found)


def _line(name: str, counts: Array, low: Array, high: Array) -> Line:
    right, predicted, annotated, reached = map(int, counts)
    values = prf(right, predicted, annotated)
    p, r, f = (Estimate(values[key], float(low[i]), float(high[i])) for i, key in enumerate("prf"))
    return Line(name, right, predicted, annotated, p, r, f, reached / annotated if annotated else None)


def confusion_of(documents: Sequence[Document], lines: Sequence[Line]) -> Confusion:
    """lines: Those of the labels."""
    labels = tuple(line.name for line in lines)
    number = {label: i for i, label in enumerate(labels)}
    none = len(labels)
    counts = numpy.zeros((none + 1, none + 1), dtype="int64")
    direction, unreachable = numpy.zeros(none, dtype="int64"), numpy.zeros(none, dtype="int64")
    counts[none, none] = sum(document.n_unrelated for document in documents)
    for line in lines:
        counts[number[line.name], number[line.name]] = line.right
    for (annotated, predicted), n in confused(documents).items():
        counts[number[annotated], number[predicted]] += n
    for error in (error for document in documents for error in document.errors):
        group = error.match.group
        label = number[error.annotated.label if error.annotated is not None else error.predicted.label]  # type: ignore[union-attr]
        if group == "spurious":
            counts[none, label] += 1
        elif group == "below_threshold":
            counts[label, none] += 1
        elif group == "wrong_direction":
            direction[label] += 1
        elif group == "no_candidate":
            unreachable[label] += 1
    return Confusion(labels, tuple(map(tuple, counts.tolist())), tuple(direction.tolist()), tuple(unreachable.tolist()))


def curve_of(documents: Sequence[Document], micro: Line, threshold: float) -> Curve:
    """micro: The line over all labels, which the curve passes through at the threshold."""
    scores, right = _scores(documents)
    order = (-scores).argsort(kind="stable")
    scores, right = scores[order], right[order]
    # One point for each score, after all that have it.
    last = numpy.flatnonzero(numpy.append(scores[1:] != scores[:-1], True)) if len(scores) else numpy.zeros(0, dtype="int64")
    n_right = right.cumsum()[last]
    precision, recall = n_right / (last + 1), n_right / max(micro.annotated, 1)
    average = float((numpy.diff(recall, prepend=0.0) * precision).sum())
    kept = _thinned(recall, precision)
    points = [(float(scores[last[i]]), float(precision[i]), float(recall[i])) for i in kept]
    own = (threshold, micro.p.value, micro.r.value)
    points = sorted([*points, own], key=lambda point: (-point[0], point[2]))
    return Curve(tuple(points), average, *own, micro.candidate_recall)


def _thinned(recall: Floats1d, precision: Floats1d) -> list[int]:
    """As many points as are drawn, evenly spread over the way that the curve goes; the first and the last are among them."""
    if len(recall) <= N_POINTS:
        return list(range(len(recall)))
    way = numpy.cumsum(numpy.abs(numpy.diff(recall, prepend=recall[0])) + numpy.abs(numpy.diff(precision, prepend=precision[0])))
    wanted = numpy.linspace(0, way[-1], N_POINTS)
    return sorted({0, len(recall) - 1, *way.searchsorted(wanted).clip(max=len(recall) - 1).tolist()})


def histogram_of(documents: Sequence[Document]) -> Histogram:
    """Of what a threshold of 0 would predict."""
    scores, right = _scores(documents)
    edges = numpy.linspace(0, 1, N_BINS + 1)
    n_right, n_wrong = (numpy.histogram(scores[of], bins=edges)[0] for of in (right, ~right))
    return Histogram(tuple(round(edge, 6) for edge in edges.tolist()), tuple(n_right.tolist()), tuple(n_wrong.tolist()))


def _scores(documents: Sequence[Document]) -> tuple[Floats1d, Bools1d]:
    scores = numpy.concatenate([numpy.zeros(0, dtype="float32"), *(document.scores for document in documents)])
    return scores, numpy.concatenate([numpy.zeros(0, dtype=bool), *(document.right for document in documents)])
