"""The arcs over one line: their lanes, where they meet their mentions, and where their labels stand.

Conflicts are mended by changing the order of the arcs, never by a fixed height: thirty random relations made a picture of 1,280 px, mostly
empty, with fixed heights, and of 660 px without.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Side = Literal["", "left", "right"]

GAP = 5  # between two arcs in one lane
PORT_STEP = 9.0  # between two arcs that meet one mention
BLANK = 8  # what a horizontal is longer than its label
OUTSIDE = 4.0  # how far a line with a rail reaches into the margin
TRIES = 60
_CLEAR = 3.0  # between a label and what crosses its lane
_TIGHT = 3.0  # how much of what is left blank beside a label can be done without
_EDGE = 3.0  # between the end of a mention and the arcs that meet it


@dataclass(slots=True, eq=False)
class Port:
    """Where a comb meets a mention: at x, between left and right. tail: Whether it is one of its tails."""

    mention: int
    left: float
    right: float
    tail: bool
    centre: float = 0.0
    x: int = 0

    def __post_init__(self) -> None:
        self.centre = (self.left + self.right) / 2


@dataclass(slots=True, eq=False)
class Branch:
    """A comb, by its number, in one line.

    ports (List[Port]): Its mentions in this line. side: Of the margin in which it goes on to other lines. needed: The width of its label.
    left, right: The ends of its horizontal, by the centres of the mentions. begin, end: With the room for a short one's label.
    lane: Counted from the text. low, high: The ends of the horizontal by its ports. label_x: The middle of its label.
    label_room: What is left for a label that has to be shortened, None if there is enough. crossing: Higher ones with a port over it.
    """

    comb: int
    line: int
    ports: list[Port]
    side: Side
    needed: float
    left: float = 0.0
    right: float = 0.0
    begin: float = 0.0
    end: float = 0.0
    lane: int = 0
    low: float = 0.0
    high: float = 0.0
    label_x: float = 0.0
    label_room: float | None = None
    crossing: list["Branch"] = field(default_factory=list)

    def stretch(self, width: float, reaches: Mapping[int, float]) -> None:
        """Its ends in a line of a width. reaches: How far from the middle of a mention an arc may meet it."""
        self.left, self.right = min(port.centre for port in self.ports), max(port.centre for port in self.ports)
        if self.side == "left":
            self.left = -OUTSIDE
        elif self.side == "right":
            self.right = width + OUTSIDE
        lacking = max(self.needed + BLANK - (self.right - self.left), 0) / 2
        shift = max(-OUTSIDE - (self.left - lacking), 0) - max(self.right + lacking - width - OUTSIDE, 0)
        begin, end = self.left - lacking + shift, self.right + lacking + shift
        outermost = [(port.centre - reaches[port.mention], port.centre + reaches[port.mention]) for port in self.ports]
        self.begin = max(min(begin, *(left for left, _ in outermost)), -OUTSIDE)
        self.end = min(max(end, *(right for _, right in outermost)), width + OUTSIDE)


def solve(branches: Sequence[Branch], width: float, max_lanes: int, tries: int = TRIES) -> int:
    """Give each branch of a line its lane, its ports and the place of its label. RETURNS: The number of lanes."""
    if not branches:
        return 0
    best = _improve(branches, width, frozenset(), max_lanes, tries)
    if best.stuck:
        # Apart from each other, two arcs that leave a mention for the same margin have room for the label of the lower one.
        apart = frozenset(port.mention for branch in best.stuck for port in branch.ports)
        best = min(best, _improve(branches, width, apart, max_lanes, tries), key=lambda solution: solution.rank)
        _stretch(branches, width, best.apart)
        _place(best.order, best.apart)
    return max(branch.lane for branch in branches) + 1


@dataclass(frozen=True)
class _Solution:
    """order: Of branches, from the text. apart: Mentions at which arcs are far from each other. stuck: Those without room for a label."""

    rank: tuple[int, int, int]
    order: tuple[Branch, ...]
    apart: frozenset[int]
    stuck: tuple[Branch, ...]


def _improve(branches: Sequence[Branch], width: float, apart: frozenset[int], max_lanes: int, tries: int) -> _Solution:
    """The best of several orders: each time one whose label has no room moves to just above the highest that crosses it."""
    _stretch(branches, width, apart)
    order, best = sorted(branches, key=lambda branch: (branch.end - branch.begin, branch.left)), None
    for turn in range(max(tries, 1)):
        stuck = _place(order, apart)
        n_lanes = max(branch.lane for branch in order) + 1
        rank = (max(n_lanes - max_lanes, 0), len(stuck), n_lanes)
        if best is None or rank < best.rank:
            best = _Solution(rank, tuple(order), apart, tuple(stuck))
        if not stuck:
            break
        branch = stuck[turn % len(stuck)]
        order.remove(branch)
        order.insert(max((order.index(other) + 1 for other in branch.crossing), default=len(order)), branch)
    assert best is not None
    return best


def _stretch(branches: Sequence[Branch], width: float, apart: frozenset[int]) -> None:
    """The ends of branches, wherever their arcs come to meet the mentions."""
    several = Counter(round(port.centre) for branch in branches for port in branch.ports)
    reaches = {}
    for branch in branches:
        for port in branch.ports:
            most = max((port.right - port.left) / 2 - _EDGE, 0.5)
            reaches[port.mention] = most if port.mention in apart else min(most, (several[round(port.centre)] - 1) / 2 * PORT_STEP)
    for branch in branches:
        branch.stretch(width, reaches)


def _place(order: Sequence[Branch], apart: frozenset[int]) -> list[Branch]:
    """Lanes by an order, then ports and labels. RETURNS: The branches whose label has no room."""
    _take_lanes(order)
    _place_ports(order, apart)
    return [branch for branch in sorted(order, key=lambda branch: branch.lane) if not _place_label(branch, order)]


def _take_lanes(order: Sequence[Branch]) -> None:
    """Each above all before it that it overlaps. In the lowest free lane, a long one could slip under a short one and cross it."""
    for number, branch in enumerate(order):
        begin, end = branch.begin - GAP, branch.end + GAP
        branch.lane = max((other.lane + 1 for other in order[:number] if other.begin < end and begin < other.end), default=0)


def _place_ports(branches: Sequence[Branch], apart: frozenset[int]) -> None:
    """Side by side on a mention: those that go left by rising lane, those to both sides, those that go right by falling lane.

    Then no drop crosses another of the same mention. Mentions with the same centre, as nested ones have, share the room.
    """
    shared: dict[int, list[tuple[int, int, int, Port]]] = defaultdict(list)
    for number, branch in enumerate(branches):
        for port in branch.ports:
            left, right = port.centre - branch.left > 6, branch.right - port.centre > 6
            way = 1 if left == right else 0 if left else 2
            shared[round(port.centre)].append((way, branch.lane if way == 0 else -branch.lane, number, port))
    for meeting in shared.values():
        if len(meeting) == 1:
            port = meeting[0][3]
            port.x = round(port.centre)
            continue
        meeting.sort(key=lambda entry: entry[:3])
        narrowest = min((port for *_, port in meeting), key=lambda port: port.right - port.left)
        widest = max(narrowest.right - narrowest.left - 2 * _EDGE, 1) / (len(meeting) - 1)
        step = widest if any(port.mention in apart for *_, port in meeting) else min(PORT_STEP, widest)
        for place, (*_, port) in enumerate(meeting):
            port.x = round(port.centre + (place - (len(meeting) - 1) / 2) * step)


def _place_label(branch: Branch, branches: Sequence[Branch]) -> bool:
    """Put a label into a gap between the drops that cross its lane, near the middle. RETURNS: Whether there is room."""
    xs = sorted(port.x for port in branch.ports)
    branch.low = branch.left if branch.side == "left" else xs[0]
    branch.high = branch.right if branch.side == "right" else xs[-1]
    crossed = [
        (port.x, other)
        for other in branches
        if other.lane > branch.lane
        for port in other.ports
        if branch.begin - _CLEAR < port.x < branch.end + _CLEAR
    ]
    branch.crossing = [other for _, other in crossed]
    branch.label_room = None
    roomy = branch.high - branch.low >= branch.needed + BLANK
    first, last = (branch.low + _CLEAR, branch.high - _CLEAR) if roomy else (branch.begin, branch.end)
    middle = _middle(xs, branch) if roomy else (first + last) / 2
    drops = [x for x, _ in crossed if first < x < last]
    own = [x for x in xs[1:-1] if first < x < last] if roomy else []
    for cuts in (drops + own, drops) if own else (drops,):  # rather not over own drops either
        gaps = _gaps(first, last, cuts)
        places = [_nearest(middle, gap, branch.needed) for gap in gaps if gap[1] - gap[0] >= branch.needed - _TIGHT]
        if places:
            branch.label_x = min(places, key=lambda x: abs(x - middle))
            return True
    low, high = max(((max(low, branch.low + 2), min(high, branch.high - 2)) for low, high in gaps), key=lambda gap: gap[1] - gap[0])
    branch.label_room, branch.label_x = high - low, (low + high) / 2
    return False


def _middle(xs: Sequence[int], branch: Branch) -> float:
    """Where a label is wanted: in the middle of a horizontal, between the two ports at the longer end of one with several."""
    if len(xs) > 2 and not branch.side:
        return (xs[0] + xs[1]) / 2 if xs[1] - xs[0] > xs[-1] - xs[-2] else (xs[-1] + xs[-2]) / 2
    return (branch.low + branch.high) / 2


def _gaps(first: float, last: float, cuts: Sequence[float]) -> list[tuple[float, float]]:
    edges = sorted(cuts)
    lows = [first, *(x + _CLEAR for x in edges)]
    highs = [*(x - _CLEAR for x in edges), last]
    return list(zip(lows, highs, strict=True))


def _nearest(middle: float, gap: tuple[float, float], needed: float) -> float:
    if gap[1] - gap[0] < needed:
        return (gap[0] + gap[1]) / 2
    return min(max(middle, gap[0] + needed / 2), gap[1] - needed / 2)


def colour_intervals(intervals: Sequence[tuple[int, int]], key: Callable[[int], object]) -> list[int]:
    """The lowest level for each interval, both ends included, at which it meets none before it. key: The order, by its number."""
    levels: list[list[tuple[int, int]]] = []
    found = [0] * len(intervals)
    for number in sorted(range(len(intervals)), key=key):  # type: ignore[arg-type]
        begin, end = intervals[number]
        level = next((k for k, taken in enumerate(levels) if all(end < low or begin > high for low, high in taken)), len(levels))
        if level == len(levels):
            levels.append([])
        levels[level].append((begin, end))
        found[number] = level
    return found
