"""The figures of a report, as its template takes them: tables, and plots with the words and tables beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from spacy_relext.notices import counted
from spacy_relext.report import words
from spacy_relext.report.analysis import GROUPS, Analysis, Comparison, Confusion, Curve, Histogram, Line, Results
from spacy_relext.report.cases import anchor_of
from spacy_relext.report.plots import Bars, histogram, precision_recall
from spacy_relext.report.plots import Line as Drawn

# Labels that a confusion matrix has room for.
MOST_LABELS = 16
# Of the table beside the curve.
STEPS = tuple(round(0.05 * i, 2) for i in range(1, 20))


def in_words(line: Line, threshold: str) -> str:
    """What was found and what is wrong, in a sentence. threshold: Those of labels too."""
    annotated, predicted = counted(line.annotated, "annotated relation", "annotated relations"), line.predicted
    found = f"Of {annotated}, {line.right:,} {'is' if line.right == 1 else 'are'} found with a threshold of {threshold}"
    return f"{found}; of {predicted:,} predicted, {predicted - line.right:,} {'is' if predicted - line.right == 1 else 'are'} wrong."


def subtitle(analysis: Analysis) -> str:
    """How much was scored."""
    n, line = len(analysis.documents), analysis.gold_mentions.micro
    return f"{counted(n, 'document', 'documents')}, {counted(line.annotated, 'annotated relation', 'annotated relations')}"


def notes_of(analysis: Analysis) -> list[str]:
    """What a reader has to know beside the figures."""
    notes = list(analysis.notes)
    if (denied := analysis.gold_mentions.denied) is not None:
        notes.append(words.denied_in_words(denied))
    return notes


def steps_of(results: Results) -> list[dict[str, Any]]:
    """The groups of errors and what F would be without them, the largest gain first."""
    line = results.micro
    steps = []
    for group in GROUPS:
        errors = results.errors.groups.get(group, ())
        if not errors:
            continue
        missed, wrong = (
            sum(claim is not None for claim in claims) for claims in zip(*((e.annotated, e.predicted) for e in errors), strict=True)
        )
        f = 2 * (line.right + missed) / (line.predicted - wrong + missed + line.annotated)
        kind = words.KINDS[group]
        steps.append(
            {
                "anchor": anchor_of(group),
                "name": kind.name,
                "helps": kind.helps,
                "n": len(errors),
                "f": f,
                "gain": f - line.f.value,
                "commonest": words.commonest(errors),
            }
        )
    return sorted(steps, key=lambda step: -step["gain"])


def divisions_of(gold: Results, found: Results | None) -> list[dict[str, Any]]:
    """The tables of what relations are divided by."""
    return [
        {"title": title, "head": head, "lines": gold.lines[name], "found": None if found is None else found.lines[name]}
        for name, (title, head) in words.DIVISIONS.items()
        if gold.lines.get(name) and (name != "assertion" or _is_divided(gold, found))
    ]


def _is_divided(gold: Results, found: Results | None) -> bool:
    """Whether there is more than what the annotation asserts."""
    return any(line.name != "asserted" for results in (gold, found) if results is not None for line in results.lines["assertion"])


def denied_of(gold: Results, found: Results | None) -> list[dict[str, Any]]:
    """What became of denied pairs: a table with annotated mentions, and one with predicted ones."""
    both = (("annotated", gold.denied), ("predicted", None if found is None else found.denied))
    return [
        {"caption": f"Denied pairs by label, {name} mentions", "words": words.denied_in_words(denied), "lines": denied.lines}
        for name, denied in both
        if denied is not None
    ]


def matrix_of(confusion: Confusion) -> dict[str, Any]:
    """A confusion matrix as cells with their shade: that of a share of the row."""
    labels, counts, note = list(confusion.labels), [list(row) for row in confusion.counts], ""
    direction, unreachable = list(confusion.direction), list(confusion.unreachable)
    if len(labels) > MOST_LABELS:
        order = sorted(range(len(labels)), key=lambda i: -sum(counts[i]) - unreachable[i] - direction[i])
        kept, rest = sorted(order[:MOST_LABELS]), sorted(order[MOST_LABELS:])
        groups = [[i] for i in kept] + [rest, [len(labels)]]
        counts = [[sum(counts[i][j] for i in rows for j in columns) for columns in groups] for rows in groups]
        direction, unreachable = ([sum(of[i] for i in rows) for rows in groups[:-1]] for of in (direction, unreachable))
        note = f"The {len(rest):,} other labels are one here, also where one of them was predicted for another."
        labels = [labels[i] for i in kept] + [f"{len(rest):,} other labels"]
    columns = [*labels, "no relation"]
    more: list[tuple[str, list[int]]] = [
        (name, values) for name, values in (("other direction", direction), ("no candidate", unreachable)) if any(values)
    ]
    rows = []
    for i, name in enumerate(columns):
        is_none = i == len(labels)
        extra = [None if is_none else values[i] for _, values in more]
        total = sum(counts[i][:-1] if is_none else counts[i]) + sum(value or 0 for value in extra)
        cells = [_cell(count, total, right=i == j, shaded=not (is_none and i == j)) for j, count in enumerate(counts[i])]
        rows.append({"name": name, "cells": cells + [_cell(value, total, right=False, shaded=True) for value in extra]})
    return {"columns": [*columns, *(name for name, _ in more)], "rows": rows, "note": note}


def _cell(count: int | None, total: int, *, right: bool, shaded: bool) -> dict[str, Any]:
    if not count:
        return {"count": count, "kind": "zero", "weight": 0}
    return {"count": count, "kind": "yes" if right else "no", "weight": 0.06 + 0.4 * count / max(total, 1) if shaded else 0}


def curve_of(analysis: Analysis, comparison: Comparison | None) -> dict[str, Any]:
    """The plot, and the table of some of its thresholds."""
    curve = analysis.gold_mentions.curve
    lines = [_drawn(curve, "")]
    if comparison is not None:
        lines = [_drawn(curve, comparison.one), _drawn(comparison.gold_mentions.other_curve, comparison.other)]
    rows = []
    for threshold in sorted({*STEPS, curve.threshold}):
        # Points come from the highest threshold to the lowest.
        reached = [point for point in curve.points if point[0] >= threshold - 1e-9]
        if threshold == curve.threshold:
            p, r = curve.p, curve.r
        elif reached:
            _, p, r = reached[-1]
        else:
            continue
        rows.append({"threshold": f"{threshold:g}", "p": p, "r": r, "f": _f(p, r), "is_used": threshold == curve.threshold})
    best = max(curve.points, key=lambda point: _f(*point[1:]), default=None)
    said = f"Precision and recall at every threshold; average precision {words.percent(curve.average_precision)}."
    if best is not None:
        said += (
            f" The best F of these documents is {words.percent(_f(*best[1:]))}, at {best[0]:.2f}: choose a threshold on other documents."
        )
    label = f"Precision over recall. {'; '.join(line.text for line in lines)}. The table below has the figures."
    return {"svg": precision_recall(lines, label=label), "words": said, "rows": rows}


def _drawn(curve: Curve, name: str) -> Drawn:
    p, r, f = (words.percent(share) for share in (curve.p, curve.r, _f(curve.p, curve.r)))
    text = (
        f"{words.shortened(name, 20)}, {curve.threshold:g}: P {p}, R {r}, F {f}"
        if name
        else f"threshold {curve.threshold:g}: P {p}, R {r}, F {f}"
    )
    return Drawn([(recall, precision) for _, precision, recall in curve.points], (curve.r, curve.p), text)


def _f(p: float, r: float) -> float:
    return 2 * p * r / (p + r) if p + r else 0.0


def histogram_of(found: Histogram, threshold: float) -> dict[str, Any]:
    """The plot of the scores, and the table beside it."""
    right, wrong = Bars("Right", found.right), Bars("Wrong", found.wrong)
    label = f"Scores of the best labels of pairs: {sum(found.right):,} right above, {sum(found.wrong):,} wrong below. The table has them."
    edges = [f"{edge:g}" for edge in found.edges]
    rows = [
        {"range": f"{low} to {high}", "right": n_right, "wrong": n_wrong}
        for low, high, n_right, n_wrong in zip(edges[:-1], edges[1:], found.right, found.wrong, strict=True)
    ]
    return {"svg": histogram(right, wrong, threshold, label=label), "rows": rows}


def comparison_of(analysis: Analysis, comparison: Comparison, groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Another pipeline beside this one. groups: The sections of errors that are mended, and new."""
    said, tables = [], []
    for name, compared, results in (
        ("annotated", comparison.gold_mentions, analysis.gold_mentions),
        ("predicted", comparison.predicted_mentions, analysis.predicted_mentions),
    ):
        if compared is None or results is None:
            continue
        said.append(f"With {name} mentions: {words.outcome(comparison.one, comparison.other, compared.micro)}")
        caption = f"F with {name} mentions, in %, and the difference with its interval of 95 %"
        tables.append({"caption": caption, "rows": [*compared.labels, replace(compared.micro, name="all")], "of": "label", "total": True})
        if compared.groups:
            caption = f"F by what the annotation says of the pair, {name} mentions"
            tables.append({"caption": caption, "rows": compared.groups, "of": "the annotation", "total": False})
        if compared.denied is not None and (denied := results.denied) is not None:
            said.append(words.outcome_of_denied(comparison.one, comparison.other, denied.pairs, compared.denied))
    gold = comparison.gold_mentions
    said.append(
        f"{counted(gold.mended.n, 'error of the other pipeline is', 'errors of the other pipeline are')} mended, "
        f"{counted(gold.new.n, 'is', 'are')} new, and {counted(gold.kept, 'error is', 'errors are')} made by both."
    )
    return {"one": comparison.one, "other": comparison.other, "words": said, "tables": tables, "groups": groups}
