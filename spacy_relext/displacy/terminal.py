"""Relations as text: lines as wide as a terminal, with arcs above them in plain ASCII.

Relations of one label that share a head or a tail are one comb, as in the picture. Those whose mentions stand in different lines, or for
which a line has no room, are listed below the text, so that none is left out.
"""

import shutil
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from spacy_relext.displacy.columns import Cell, cells, columns_of, cut_to, in_one_line, lines_of
from spacy_relext.displacy.combs import Comb, gather
from spacy_relext.displacy.layout import AGAINST, read_levels
from spacy_relext.displacy.picture import Picture, PicturedRelation

LEAST_WIDTH = 20
# What was read, or speaks for a relation, in three weights, and what speaks against one.
_READ = ".:#-=x"
# The most arcs above a line, and how often they are placed anew to find room for all labels.
MOST_ARCS, TRIES = 24, 60


def terminal_width() -> int:
    """The columns of the terminal, or 80 where there is none."""
    return shutil.get_terminal_size().columns


def ascii_lines(picture: Picture, width: int) -> list[str]:
    """The lines of a picture. width: Columns of the terminal, 20 at the least."""
    width = max(width, LEAST_WIDTH)
    lines = list(lines_of(picture.text, width, _begins(picture)))
    places = [_places(picture, line) for line in lines]
    here = _where(places)
    found = [cut_to(picture.title, width)] if picture.title else []
    inside: dict[int | None, list[int]] = defaultdict(list)
    for i, relation in enumerate(picture.relations):
        inside[here.get(relation.head) if here.get(relation.head) == here.get(relation.tail) else None].append(i)
    listed = inside[None]
    for number, line in enumerate(lines):
        arcs = _Arcs([picture.relations[i] for i in inside[number]], places[number], width)
        listed += [inside[number][i] for i in arcs.left_out]
        found += [*arcs.rows(), "".join(cell.shown for cell in line).rstrip(), *_read(picture, line), *_underlines(picture, places[number])]
    found += [_listed(picture, picture.relations[i], width) for i in sorted(listed)]
    found += [f"{''.join(_READ[start : start + 3])} {said}" for start, said in _read_signs(picture)]
    return [*found, *(f"({in_one_line(note)})" for note in picture.notes)]


def _read_signs(picture: Picture) -> list[tuple[int, str]]:
    """The first of the signs of what was read, and what they say."""
    levels = {level for *_, level in read_levels(picture)}
    if any(level >= AGAINST for level in levels):
        return [(0, "speaks for a relation, the more, the heavier"), (AGAINST, "speaks against one")]
    return [(0, "read for a relation, the more, the heavier")] if levels else []


def _read(picture: Picture, line: Sequence[Cell]) -> list[str]:
    """A row of what was read in a line; none where nothing was."""
    row: list[str] = []
    for start, end, level in read_levels(picture):
        for cell in line:
            if start <= cell.start < end and cell.width and cell.shown != " ":
                row += [" "] * (cell.column + cell.width - len(row))
                row[cell.column : cell.column + cell.width] = _READ[level] * cell.width
    return ["".join(row).rstrip()] if row else []


def _begins(picture: Picture) -> set[int]:
    """Where a line begins: with a sentence that has a relation, or the one after it."""
    related = sorted({picture.mentions[i].start for relation in picture.relations for i in (relation.head, relation.tail)})
    has = [bisect_left(related, start) < bisect_left(related, end) for start, end in picture.sentences]
    return {start for i, (start, _) in enumerate(picture.sentences) if i and (has[i] or has[i - 1])}


# By mention, its first column in a line and one after its last.
Places = dict[int, tuple[int, int]]


def _places(picture: Picture, line: Sequence[Cell]) -> Places:
    found: Places = {}
    if not line:
        return found
    first, last = line[0].start, line[-1].start
    for number, mention in enumerate(picture.mentions):
        if mention.start > last or mention.end <= first:
            continue
        inside = [cell for cell in line if mention.start <= cell.start < mention.end and cell.width]
        while inside and inside[-1].shown == " ":
            inside.pop()
        if inside:
            found[number] = inside[0].column, inside[-1].column + inside[-1].width
    return found


def _where(places: Sequence[Places]) -> dict[int, int]:
    """The line in which arcs meet a mention: that with its longest part."""
    found: dict[int, tuple[int, int]] = {}
    for line, of_line in enumerate(places):
        for mention, (first, end) in of_line.items():
            if mention not in found or end - first > found[mention][0]:
                found[mention] = end - first, line
    return {mention: line for mention, (_, line) in found.items()}


def _underlines(picture: Picture, places: Places) -> Iterator[str]:
    """Mentions of a line, with their types where there is room; one row a level of nesting."""
    rows: list[list[str]] = []
    for mention, (first, end) in sorted(places.items(), key=lambda item: (item[1][0] - item[1][1], item[1][0]), reverse=True):
        kind = cut_to(picture.mentions[mention].type, 60)
        width = columns_of(kind)
        left = (end - first - width) // 2
        shown = f"{'~' * left}{kind}{'~' * (end - first - width - left)}" if 0 < width <= end - first else "~" * (end - first)
        row = next((row for row in rows if not any(cell != " " for cell in row[max(first - 1, 0) : end + 1])), None)
        if row is None:
            row = []
            rows.append(row)
        row += [" "] * (end - len(row))
        row[first:end] = _columned(shown)
    yield from ("".join(row).rstrip() for row in rows)


def _columned(text: str) -> list[str]:
    """A text by columns: behind a wide character there is an empty one."""
    return [part for _, shown, width in cells(text) for part in [shown, *[""] * (width - 1)] if width]


def _listed(picture: Picture, relation: PicturedRelation, width: int) -> str:
    head, tail = (picture.text[picture.mentions[i].start : picture.mentions[i].end] for i in (relation.head, relation.tail))
    said = [*([f"{relation.score:.2f}"] if relation.score is not None else []), *_said(relation.status, relation.uncertain)]
    arrow = "--" if relation.symmetric else "-->"
    room = max(width // 3, 12)
    name = f"{cut_to(head, room)} --{cut_to(relation.label, room)}{arrow} {cut_to(tail, room)}"
    return f"* {name} ({', '.join(said)})" if said else f"* {name}"


def _said(status: str, uncertain: bool) -> list[str]:
    return [word for word in (status, "uncertain" * uncertain) if word]


@dataclass(eq=False)
class _Arc:
    """A comb above a line.

    caption: Its label, column by column, which stands from `at` on. ports: The column of each mention. low, high: The columns that its
    lane needs. side: Where the label stands: between the ports (0), right (1) or left of them (2).
    """

    comb: Comb
    mentions: list[int]
    caption: list[str]
    ports: dict[int, int] = field(default_factory=dict)
    low: int = 0
    high: int = 0
    lane: int = 0
    at: int = 0
    side: int = 0


class _Arcs:
    """The arcs above one line: lanes, ports and labels as in `lanes`, in whole columns."""

    def __init__(self, relations: Sequence[PicturedRelation], places: Places, width: int):
        self.places, self.width = places, width
        self.left_out: list[int] = []
        self.arcs: list[_Arc] = []
        for comb in gather(relations):
            label = f" {' '.join([cut_to(comb.label, max(width // 2, 8)), *(f'[{word}]' for word in _said(comb.status, comb.uncertain))])} "
            if len(comb.relations) == 1 and relations[comb.relations[0]].score is not None:
                label += f"{relations[comb.relations[0]].score:.2f} "
            self.arcs.append(_Arc(comb, list(dict.fromkeys(comb.heads + comb.tails)), _columned(label)))
        for arc in self.arcs[MOST_ARCS:]:
            self._leave_out(arc)
        while (without := self._solve()) is not None:
            self._leave_out(without)

    def _leave_out(self, arc: _Arc) -> None:
        self.arcs.remove(arc)
        self.left_out += arc.comb.relations

    def _solve(self) -> _Arc | None:
        """Set lanes, ports and places of labels. RETURNS: one for which there is no room."""
        for arc in self.arcs:
            arc.side = 0
            self._set_extent(arc)
        order = sorted(self.arcs, key=lambda arc: (arc.high - arc.low, arc.low))
        stuck = None
        for _ in range(TRIES):
            for i, arc in enumerate(order):
                below = [other.lane for other in order[:i] if other.low <= arc.high + 1 and arc.low <= other.high + 1]
                arc.lane = max(below, default=-1) + 1
            without = self._set_ports()
            if without is not None:
                return without
            stuck = next((arc for arc in order if not self._set_label(arc)), None)
            if stuck is None:
                return None
            # Above whatever crosses it; or its label goes beside it, where nothing does.
            crossing = [i for i, other in enumerate(order) if self._crosses(other, stuck)]
            if crossing:
                order.insert(max(crossing), order.pop(order.index(stuck)))
            elif stuck.side < 2:
                stuck.side += 1
                self._set_extent(stuck)
            else:
                break
        return stuck

    def _set_extent(self, arc: _Arc) -> None:
        """The columns of an arc, before its ports are known."""
        first, last = (edge(sum(self.places[mention]) // 2 for mention in arc.mentions) for edge in (min, max))
        needed = len(arc.caption) + 1
        if arc.side == 0:
            missing = max(needed + 1 - (last - first), 0)
            arc.high = min(last + missing, self.width - 1)
            arc.low = max(min(first, arc.high - needed), 0)
        elif arc.side == 1:
            arc.low, arc.high = first, min(last + needed + 4, self.width - 1)
        else:
            arc.low, arc.high = max(first - needed - 4, 0), last

    def _set_ports(self) -> _Arc | None:
        """A column of its own for each arc at a mention: those to the left by rising lane, those to the right by falling lane.

        RETURNS: one for which there is none.
        """
        at: dict[int, list[tuple[int, int, int, _Arc]]] = defaultdict(list)
        for i, arc in enumerate(self.arcs):
            for mention in arc.mentions:
                centre = sum(self.places[mention]) // 2
                others = [sum(self.places[other]) // 2 for other in arc.mentions if other != mention]
                side = 0 if max(others) < centre else 2 if min(others) > centre else 1
                at[mention].append((side, arc.lane if side == 0 else -arc.lane, i, arc))
        taken: set[int] = set()
        # Short mentions first: those that are around them have more columns.
        for mention in sorted(at, key=lambda mention: self.places[mention][1] - self.places[mention][0]):
            first, end = self.places[mention]
            free = [column for column in range(first, end) if column not in taken]
            if len(free) < len(at[mention]):
                return min((arc for *_, arc in at[mention]), key=lambda arc: arc.comb.worth)
            step = min(4, max(len(free) // len(at[mention]), 1))
            begin = (len(free) - (len(at[mention]) - 1) * step - 1) // 2
            for i, (*_, arc) in enumerate(sorted(at[mention], key=lambda entry: entry[:3])):
                arc.ports[mention] = free[begin + i * step]
                taken.add(arc.ports[mention])
        for arc in self.arcs:
            arc.low, arc.high = min(arc.low, *arc.ports.values()), max(arc.high, *arc.ports.values())
        return None

    def _crosses(self, other: _Arc, arc: _Arc) -> bool:
        return other.lane > arc.lane and any(arc.low <= column <= arc.high for column in other.ports.values())

    def _set_label(self, arc: _Arc) -> bool:
        """Put the label into the gap between drops that is nearest to the middle; whether there is one."""
        crossing = {column for other in self.arcs if other.lane > arc.lane for column in other.ports.values()}
        blocked = sorted({arc.low - 1, arc.high + 1, *arc.ports.values(), *(c for c in crossing if arc.low <= c <= arc.high)})
        middle = (arc.low + arc.high - len(arc.caption) + 1) // 2
        found = [
            min(max(middle, before + 1), after - len(arc.caption))
            for before, after in pairwise(blocked)
            if after - before - 1 >= len(arc.caption)
        ]
        arc.at = min(found, key=lambda column: abs(column - middle), default=-1)
        return bool(found)

    def rows(self) -> Iterator[str]:
        """What stands above the line: a row a lane, and one of the ends."""
        if not self.arcs:
            return
        n_lanes = max(arc.lane for arc in self.arcs) + 1
        grid = [[" "] * self.width for _ in range(n_lanes + 1)]
        for arc in sorted(self.arcs, key=lambda arc: arc.lane):
            row = grid[n_lanes - 1 - arc.lane]
            columns = arc.ports.values()
            low, high = min(*columns, arc.at), max(*columns, arc.at + len(arc.caption) - 1)
            row[low : high + 1] = "-" * (high - low + 1)
            for mention, column in arc.ports.items():
                row[column] = "." if column in (min(columns), max(columns)) else "+"
                for below in grid[n_lanes - arc.lane : n_lanes]:
                    below[column] = "|"
                is_tail = mention in arc.comb.tails
                grid[n_lanes][column] = "o" if arc.comb.symmetric else "v" if is_tail else "|"
            row[arc.at : arc.at + len(arc.caption)] = arc.caption
        yield from ("".join(row).rstrip() for row in grid)
