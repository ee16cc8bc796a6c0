"""Plots of the report as SVG: nothing but paths, rectangles and text, coloured by the style sheet of the page.

Each has a label for those who do not see it, and stands beside a table of the same figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from spacy_relext.pipeline.settings import told_threshold

# Of a plot with axes, in its own units, and of the margins that hold the figures of the axes.
WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 40, 14, 42
# Letters are as wide as this at most, in shares of their height.
LETTER = 0.56
SMALL = 11.5


@dataclass(frozen=True)
class Line:
    """A line of a curve. points: Recall and precision, shares. mark: The point of the threshold. text: What stands at it in the legend."""

    points: Sequence[tuple[float, float]]
    mark: tuple[float, float] | None
    text: str


@dataclass(frozen=True)
class Bars:
    """One kind of bars of a histogram: a count for each bin."""

    name: str
    counts: Sequence[int]


def precision_recall(lines: Sequence[Line], *, label: str) -> str:
    """Precision over recall, one line for each of one or two models, the points of their thresholds, and lines of equal F.

    label: What it shows, in words.
    """
    parts = [_axes("recall (%)", "precision (%)", [(share, f"{100 * share:.0f}") for share in (0, 0.2, 0.4, 0.6, 0.8, 1)] * 2)]
    for f in (0.4, 0.6, 0.8):
        recalls = [f / (2 - f) + (1 - f / (2 - f)) * (i / 24) ** 2 for i in range(25)]
        points = [(recall, f * recall / (2 * recall - f)) for recall in recalls]
        parts.append(f'<path class="iso" d="{_path(points)}"/>')
        parts.append(_text(_x(1) + 4, _y(points[-1][1]) + 4, f"F {100 * f:.0f}", "axis"))
    for number, line in enumerate(lines):
        parts.append(f'<path class="line l{number}" d="{_path(line.points)}"/>')
    for number, line in enumerate(lines):
        if line.mark is not None:
            parts.append(_mark(_x(line.mark[0]), _y(line.mark[1]), number))
        row = _y(0) - 12 - 18 * (len(lines) - 1 - number)
        parts.append(f'<path class="line l{number}" d="M{LEFT + 10} {row - 4:g}h22"/>{_mark(LEFT + 21, row - 4, number)}')
        parts.append(_text(LEFT + 40, row, _fitted(line.text, _x(1) - LEFT - 44), "legend"))
    return _svg(parts, label)


def reliability_diagram(bins: Sequence[Mapping[str, Any]], *, label: str) -> str:
    """The share that is right over the mean score, a disc for each bin, larger for more relations, over the band of perfect models.

    bins: As `evaluate` gives them: score, right, n, band. label: What it shows, in words.
    """
    shares = [(share, f"{100 * share:.0f}") for share in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    parts = [_axes("score (%)", "right (%)", shares * 2), f'<path class="iso" d="{_path([(0, 0), (1, 1)])}"/>']
    for one in bins:
        left, right = (_x(min(max(one["score"] + side, 0), 1)) for side in (-0.02, 0.02))
        low, high = (_y(share) for share in one["band"])
        parts.append(f'<rect class="band" x="{left:.1f}" y="{high:.1f}" width="{right - left:.1f}" height="{max(low - high, 1):.1f}"/>')
    most = max((one["n"] for one in bins), default=1)
    for one in bins:
        radius = 2.5 + 5 * (one["n"] / most) ** 0.5
        parts.append(f'<circle class="mark l0" cx="{_x(one["score"]):.1f}" cy="{_y(one["right"]):.1f}" r="{radius:.1f}"/>')
    return _svg(parts, label)


def risk_coverage(points: Sequence[tuple[float, float]], best: float, *, label: str) -> str:
    """The share that is wrong over the share that is kept. best: The risk of scores that put all that is right first, at full coverage.

    label: What it shows, in words.
    """
    top = next((share for share in (0.05, 0.1, 0.2, 0.5) if share >= max(risk for _, risk in points)), 1.0)
    across = [(share, f"{100 * share:.0f}") for share in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    up = [(i / 5, f"{100 * top * i / 5:g}") for i in range(6)]
    parts = [_axes("kept, those with the highest scores first (%)", "wrong of them (%)", [*across, *up])]
    ideal = [(kept, max(0.0, 1 - (1 - best) / kept)) for kept in (i / 100 for i in range(1, 101))]
    for kind, of in (("iso", ideal), ("line l0", points)):
        parts.append(f'<path class="{kind}" d="{_path([(kept, risk / top) for kept, risk in of])}"/>')
    return _svg(parts, label)


def histogram(above: Bars, below: Bars, threshold: float, *, label: str) -> str:
    """Two histograms of scores between 0 and 1 on one axis: bars that go up, and bars that go down, each with a scale of its own.

    label: What it shows, in words.
    """
    middle = (TOP + HEIGHT - BOTTOM) / 2
    gap = 9.0
    parts = [f'<path class="grid" d="M{_x(0):g} {middle - gap:g}H{_x(1):g}M{_x(0):g} {middle + gap:g}H{_x(1):g}"/>']
    parts += [_text(_x(i / 5), middle + 4, f"{i / 5:g}", "axis", "middle") for i in range(6)]
    for bars, sign in ((above, -1), (below, 1)):
        room = middle - gap - TOP - 20
        parts += _bars(bars, sign, middle + sign * gap, room)
        edge = middle + sign * (gap + room)
        parts.append(_text(LEFT - 6, edge + 4, f"{_top(bars.counts):,}", "axis", "end"))
        parts.append(_text(LEFT - 6, middle + sign * gap + 4, "0", "axis", "end"))
        name = f"{bars.name}: {sum(bars.counts):,}"
        parts.append(_text(LEFT, edge - 10 if sign < 0 else edge + 20, _fitted(name, WIDTH - LEFT), "legend"))
    at = _x(threshold)
    parts.append(f'<path class="cut" d="M{at:.1f} {TOP + 16}V{HEIGHT - BOTTOM - 8:g}"/>')
    parts.append(_text(WIDTH / 2, HEIGHT - 6, f"score; the threshold is {told_threshold(threshold)}", "axis", "middle"))
    return _svg(parts, label)


def interval_bar(value: float | None, low: float | None, high: float | None) -> str:
    """A bar of a share, with its interval as a line, to stand in a table beside the figures."""
    if value is None:
        return ""
    parts = [f'<rect class="bg" width="100" height="10"/><rect class="ba" width="{100 * value:.1f}" height="10"/>']
    if low is not None and high is not None:
        parts.append(f'<path class="whisker" d="M{100 * low:.1f} 5H{100 * high:.1f}M{100 * low:.1f} 1.5v7M{100 * high:.1f} 1.5v7"/>')
    return f'<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'


def _top(counts: Sequence[int]) -> int:
    """The count at the end of the scale: the largest one, or where it is more than four times as large as the next one, that one.

    Most pairs have no relation and a score near 0: beside them no other bar could be seen.
    """
    first, second = [*sorted(counts, reverse=True), 0, 0][:2]
    return first if first <= 4 * second or not second else second


def _bars(bars: Bars, sign: int, base: float, room: float) -> list[str]:
    """Bars from `base` up (sign -1) or down; one that does not fit the scale is cut, with its count beside it."""
    kind = "ba" if sign < 0 else "bb"
    top = _top(bars.counts)
    parts = []
    for i, count in enumerate(bars.counts):
        if not count:
            continue
        left, right = (_x((i + k) / len(bars.counts)) for k in (0, 1))
        # A bar that is there can be seen, beside a hundred times as many.
        tall = max(1.5, room * min(1.0, count / top))
        y = base - tall if sign < 0 else base
        parts.append(f'<rect class="{kind}" x="{left + 0.7:.1f}" y="{y:.1f}" width="{right - left - 1.4:.1f}" height="{tall:.1f}"/>')
        if count > top:
            end = base + sign * room
            parts.append(f'<path class="torn" d="M{left - 1:.1f} {end - sign * 9:.1f}L{right + 1:.1f} {end - sign * 14:.1f}"/>')
            x, y = (left + right) / 2 + 4, base + sign * room / 2
            parts.append(f'<text class="on" text-anchor="middle" transform="translate({x:.1f} {y:.1f}) rotate(-90)">{count:,}</text>')
    return parts


def _svg(parts: Sequence[str], label: str) -> str:
    return f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _axes(x: str, y: str, ticks: Sequence[tuple[float, str]]) -> str:
    """The grid, the figures and the names of two axes of shares; the first half of the ticks is that of x."""
    half = len(ticks) // 2
    lines = [f"M{_x(share):g} {_y(0):g}V{_y(1):g}" for share, _ in ticks[:half]]
    lines += [f"M{_x(0):g} {_y(share):g}H{_x(1):g}" for share, _ in ticks[half:]]
    texts = [_text(_x(share), _y(0) + 16, name, "axis", "middle") for share, name in ticks[:half]]
    texts += [_text(LEFT - 6, _y(share) + 4, name, "axis", "end") for share, name in ticks[half:]]
    texts.append(_text((_x(0) + _x(1)) / 2, HEIGHT - 6, x, "axis", "middle"))
    middle = (_y(0) + _y(1)) / 2
    texts.append(f'<text class="axis" x="12" y="{middle:g}" text-anchor="middle" transform="rotate(-90 12 {middle:g})">{escape(y)}</text>')
    return f'<path class="grid" d="{"".join(lines)}"/>{"".join(texts)}'


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _path(points: Sequence[tuple[float, float]]) -> str:
    """A path along points. Those that would not be seen to be others, nearer than half a unit to the one before, are left out."""
    drawn: list[tuple[float, float]] = []
    for i, (x, y) in enumerate((_x(recall), _y(precision)) for recall, precision in points):
        last = i == len(points) - 1
        if not drawn or last or abs(x - drawn[-1][0]) + abs(y - drawn[-1][1]) >= 0.5:
            drawn.append((x, y))
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in drawn) if drawn else ""


def _mark(x: float, y: float, number: int) -> str:
    """A disc for the first line, and a square for the second."""
    if number == 0:
        return f'<circle class="mark l0" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
    return f'<rect class="mark l{number}" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'


def _text(x: float, y: float, text: str, name: str, anchor: str = "start") -> str:
    return f'<text class="{name}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _fitted(text: str, width: float) -> str:
    """A text that is cut where it would be wider."""
    most = int(width / (SMALL * LETTER))
    return text if len(text) <= most else f"{text[: most - 1]}…"
