"""Shares with their intervals of 95 %: the wider one of two, at each end.

That of Clopper and Pearson (Biometrika 26, 1934) is exact for sentences that are independent, and has a width where no sentence fails.
Those of a frame are not independent: a model that misreads the frame fails in all of them. So the other one is the bootstrap over frames.
Where all sentences come out alike, it has no width, and nothing says that those of a frame are independent: the exact one is then that
of frames.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy

from spacy_relext.report.bootstrap import draw_sums, interval

# Outside of an interval, at each end.
TAIL = 0.025


@dataclass(frozen=True)
class Share:
    """How many of how many, and the interval of 95 % of the share. Without any, the share is None."""

    count: int
    n: int
    share: float | None = None
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, float | int | None]:
        """All of it, for JSON."""
        return asdict(self)


def share_of(outcomes: Iterable[tuple[str, bool]]) -> Share:
    """The share of those that hold. outcomes: The frame of each, and whether it holds."""
    counts: dict[str, list[int]] = {}
    for frame, holds in outcomes:
        of_frame = counts.setdefault(frame, [0, 0])
        of_frame[0] += holds
        of_frame[1] += 1
    count, n = (sum(column) for column in zip(*counts.values(), strict=True)) if counts else (0, 0)
    if not n:
        return Share(0, 0)
    if count in (0, n):
        low, high = exact_interval(len(counts) if count else 0, len(counts))
    else:
        low, high = exact_interval(count, n)
    if len(counts) > 1:
        drawn = draw_sums(numpy.asarray(list(counts.values())))
        between = interval(drawn[:, 0] / drawn[:, 1])
        low, high = min(low, float(between[0])), max(high, float(between[1]))
    return Share(count, n, *(round(value, 4) for value in (count / n, low, high)))


def exact_interval(count: int, n: int) -> tuple[float, float]:
    """Clopper and Pearson's interval of 95 %, without scipy, which not everyone has."""
    return 1 - _upper(n - count, n), _upper(count, n)


def _upper(count: int, n: int) -> float:
    """The share by which so few, or fewer, come out in one of forty draws."""
    if count == n:
        return 1.0
    i = numpy.arange(count + 1)
    choices = numpy.concatenate([[0.0], numpy.log((n - i[:-1]) / i[1:]).cumsum()])
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        at_most = numpy.exp(choices + i * numpy.log(middle) + (n - i) * numpy.log1p(-middle)).sum()
        low, high = (middle, high) if at_most > TAIL else (low, middle)
    return high
