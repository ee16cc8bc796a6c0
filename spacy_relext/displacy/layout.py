"""Where everything of a picture goes, in pixels: lines, mentions, arcs, and the rails in the margins that join the lines of a comb."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from spacy_relext.displacy.combs import Comb, gather
from spacy_relext.displacy.lanes import Branch, Port, Side, colour_intervals, solve
from spacy_relext.displacy.lines import Lines, Piece, Words, is_rtl
from spacy_relext.displacy.picture import Picture

LANE, ROW, ARC_GAP = 17, 26, 7  # the heights of a lane, of a line of text, and of what is left blank between them
BASELINE = 18  # from the top of a line of text
UNDERLINE, UNDERLINE_STEP = 5, 3.5  # from the baseline to the innermost underline, and to the next outer one
READ_BAR = 4  # the height of the bar of what was read
_RAIL_STEP, _LEAST_RAIL_STEP, _MARGIN = 7.0, 2.5, 5
_RAILS_SHARE = 0.12  # of the width, for the rails of both sides together
_LEAST_FREE = 12  # pixels of an outer mention beside its inner ones, for an arc to meet it there
_MOST_RELATIONS, _CHARACTERS_FOR_MORE = 600, 50  # in a picture, and how much text has room for another one
_MORE_THAN_LANES = 6  # how many more combs than lanes are tried in a line
MOST_WAYS = 400  # of the relations of a comb, that the pointer finds
_ROWS = 6  # of a block that does not fold
_FOLD_ROW = 14  # the height of the switch over lines that can be folded
_LONG, _LONG_RUN = 60, 5  # lines of a text in which runs of more than so many lines are folded without being asked for


@dataclass(frozen=True)
class Plan:
    """What does not depend on the width.

    combs (List[Comb]): The best first. left_out (List[Comb]): Those beyond the most that are drawn.
    depths (List[int]): Of each mention: how many lie over it. inner (Dict[int, List[int]]): The mentions within a mention.
    related (List[bool]): Of each sentence: whether a mention of it has a relation.
    read (List[Tuple[int, int, int]]): Stretches of the text that were read for a relation: start, end, weight from 0 to 2.
    """

    picture: Picture
    rtl: bool
    words: Words
    combs: list[Comb]
    left_out: list[Comb]
    depths: list[int]
    inner: Mapping[int, list[int]]
    related: list[bool]
    read: list[tuple[int, int, int]]

    @classmethod
    def of(cls, picture: Picture) -> "Plan":
        """The plan of a picture."""
        rtl = picture.direction == "rtl" or is_rtl(picture.text)
        combs = gather(picture.relations)
        ends = sorted({picture.mentions[m].start for r in picture.relations for m in (r.head, r.tail)})
        related = [bisect_right(ends, end - 1) > bisect_right(ends, start - 1) for start, end in picture.sentences]
        # A sentence begins a new line if it or the one before it has a relation; others run on like a paragraph.
        starts = {start for k, (start, _) in enumerate(picture.sentences) if k and (related[k] or related[k - 1])}
        depths, inner = _nesting(picture)
        words = Words(picture.text, [(mention.start, mention.end) for mention in picture.mentions], starts, rtl)
        drawn, left_out = _best(combs, _MOST_RELATIONS + len(picture.text) // _CHARACTERS_FOR_MORE)
        return cls(picture, rtl, words, drawn, left_out, depths, inner, related, read_levels(picture))


@dataclass(slots=True)
class Row:
    """A line of text with the lanes over it. top: Of its text, in its block. spacer: What is above the text, from the row before."""

    depth: int = 0
    n_lanes: int = 0
    has_read: bool = False
    block: int = 0
    top: int = 0
    spacer: int = 0

    @property
    def base(self) -> int:
        """The baseline of its text."""
        return self.top + BASELINE

    @property
    def below(self) -> int:
        """What hangs below the text: underlines of nested mentions, and the bar of what was read."""
        return 2 + round(self.depth * UNDERLINE_STEP + 0.4) + READ_BAR * self.has_read

    def underline(self, depth: int) -> float:
        """Where the underline of a mention of a depth is."""
        return self.base + UNDERLINE + (self.depth - depth) * UNDERLINE_STEP


@dataclass(slots=True)
class Block:
    """Rows that are drawn together. folds: Whether they can be folded to the first of them."""

    rows: range
    folds: bool
    height: int = 0


@dataclass(slots=True)
class Rail:
    """What joins the lines of a comb: in a margin, from one line to another. level: Counted from the text."""

    comb: int
    side: Side
    first: int
    last: int
    level: int = 0


@dataclass
class Layout:
    """A picture in one width.

    left, width, total (float): The left margin, the width of a line, and that of all.
    pieces (List[List[Piece]]): Where each mention lies. read (List[Tuple[Piece, int]]): Where what was read lies, and its weight.
    branches (Dict[int, List[Branch]]): Of each comb that is drawn, by its number. rails (Dict[int, Rail]): Of those in several lines.
    hidden (List[Comb]): For which there was no room.
    """

    plan: Plan
    total: int
    left: float
    width: int
    rail_step: float
    lines: Lines
    rows: list[Row]
    blocks: list[Block]
    pieces: list[list[Piece]]
    read: list[tuple[Piece, int]]
    branches: dict[int, list[Branch]]
    rails: dict[int, Rail]
    hidden: list[Comb] = field(default_factory=list)

    def lane_y(self, branch: Branch) -> float:
        """Where the horizontal of a branch is, in its block."""
        return self.rows[branch.line].top - ARC_GAP - branch.lane * LANE - LANE // 2 + 1.5

    def rail_x(self, rail: Rail) -> float:
        """Where a rail is, from the left end of the lines."""
        beside = 6 + rail.level * self.rail_step
        return -beside if rail.side == "left" else self.width + beside


def lay_out(plan: Plan, total: int, max_lanes: int, folds: bool = False) -> Layout:
    """A picture in a width. The rails decide the width of the lines, and these the rails: until there are no more of them."""
    n_left = n_right = 0
    for _ in range(4):
        step, left, right = _margins(n_left, n_right, total)
        width = int(total - left - right)
        lines = plan.words.lines(width)
        placed = [lines.pieces(mention.start, mention.end) for mention in plan.picture.mentions]
        branches, rails = _arcs(plan, placed, width)
        hidden = _admit(branches, rails, max_lanes + _MORE_THAN_LANES, max(10, int(total * _RAILS_SHARE / _LEAST_RAIL_STEP / 2)))
        hidden.update(number for number in range(len(plan.combs)) if number not in branches)
        needed_left, needed_right = _take_levels(rails.values(), "left"), _take_levels(rails.values(), "right")
        if needed_left <= n_left and needed_right <= n_right:
            break
        n_left, n_right = max(n_left, needed_left), max(n_right, needed_right)
    lanes = _solve_lines(plan, branches, rails, width, max_lanes, hidden)
    read = [(piece, weight) for start, end, weight in plan.read for piece in lines.pieces(start, end)]
    rows = _rows(plan, lines, placed, read, lanes)
    blocks = _blocks(plan, lines, rows, folds)
    _stack(rows, blocks)
    return Layout(
        plan,
        total,
        left,
        width,
        step,
        lines,
        rows,
        blocks,
        placed,
        read,
        branches,
        rails,
        [*plan.left_out, *(plan.combs[c] for c in sorted(hidden))],
    )


def _best(combs: Sequence[Comb], most: int) -> tuple[list[Comb], list[Comb]]:
    """The best combs, as many as have room in the markup, and the others."""
    drawn: list[Comb] = []
    left_out: list[Comb] = []
    for comb in combs:
        most -= min(len(comb.relations), MOST_WAYS)
        (drawn if most >= 0 else left_out).append(comb)
    return drawn, left_out


# Weights from here on are of words that speak against a relation.
AGAINST = 3


def _nesting(picture: Picture) -> tuple[list[int], dict[int, list[int]]]:
    """The depth of each mention, longest first, and the mentions that lie within a mention."""
    mentions = picture.mentions
    order = sorted(range(len(mentions)), key=lambda m: (mentions[m].start, -mentions[m].end))
    depths, inner = [0] * len(mentions), defaultdict(list)
    open_: list[int] = []
    for number in order:
        mention = mentions[number]
        open_ = [other for other in open_ if mentions[other].end > mention.start]
        taken = {depths[other] for other in open_}
        depths[number] = next(depth for depth in range(len(taken) + 1) if depth not in taken)
        for other in open_:
            if mention.end <= mentions[other].end:
                inner[other].append(number)
        open_.append(number)
    return depths, dict(inner)


def read_levels(picture: Picture) -> list[tuple[int, int, int]]:
    """What was read for any relation, in three weights: the thirds of the greatest; what is less than a tenth of it is not drawn.

    What speaks against one has three more, and is drawn where it speaks for none.
    """
    levels: dict[tuple[int, int], int] = {}
    for relation in picture.relations:
        greatest = max((abs(weight) for *_, weight in relation.attention), default=0.0)
        for start, end, weight in relation.attention:
            if greatest > 0 and abs(weight) >= greatest / 10:
                level = min(int(3 * abs(weight) / greatest), 2) + (AGAINST if weight < 0 else 0)
                # One that speaks for a relation goes before one that speaks against another.
                levels[start, end] = max(levels.get((start, end), level), level, key=lambda one: (one < AGAINST, one))
    return [(start, end, level) for (start, end), level in sorted(levels.items())]


def _margins(n_left: int, n_right: int, total: int) -> tuple[float, float, float]:
    """The step of the rails, and both margins: of half pixels, for lines of one pixel are crisp there."""
    n = n_left + n_right
    step = _RAIL_STEP if n * _RAIL_STEP < total * _RAILS_SHARE else max(_LEAST_RAIL_STEP, total * _RAILS_SHARE / n)
    left, right = (int(_MARGIN + count * step + 4 * (count > 0)) + 0.5 for count in (n_left, n_right))
    return step, left, right


def _arcs(plan: Plan, placed: Sequence[Sequence[Piece]], width: int) -> tuple[dict[int, list[Branch]], dict[int, Rail]]:
    """A branch of each comb in each line where it has mentions, and a rail for those in several lines."""
    meetings: dict[int, Piece | None] = {}
    branches, rails = {}, {}
    for number, comb in enumerate(plan.combs):
        tails = set() if comb.symmetric else set(comb.tails)
        by_line: dict[int, list[Port]] = defaultdict(list)
        for mention in dict.fromkeys(comb.heads + comb.tails):
            if mention not in meetings:
                meetings[mention] = _meeting(plan, mention, placed)
            piece = meetings[mention]
            if piece is not None:
                by_line[piece.line].append(Port(mention, piece.left, piece.right, mention in tails))
        if any(meetings[mention] is None for mention in comb.heads + comb.tails):
            continue  # one of blanks alone has no place
        side: Side = ""
        if len(by_line) > 1:
            to_left = sum(max(port.centre for port in ports) for ports in by_line.values())
            to_right = sum(width - min(port.centre for port in ports) for ports in by_line.values())
            side = "left" if to_left <= to_right else "right"
            rails[number] = Rail(number, side, min(by_line), max(by_line))
        branches[number] = [Branch(number, line, ports, side, comb.caption_width) for line, ports in sorted(by_line.items())]
    return branches, rails


def _meeting(plan: Plan, mention: int, placed: Sequence[Sequence[Piece]]) -> Piece | None:
    """Where arcs meet a mention: at its longest piece, and of that at the longest part that no inner mention covers."""
    if not placed[mention]:
        return None
    piece = max(placed[mention], key=lambda piece: piece.right - piece.left)
    inner = [other for number in plan.inner.get(mention, ()) for other in placed[number] if other.line == piece.line]
    if not inner:
        return piece
    free, reached = [], piece.left
    for left, right in sorted((max(other.left, piece.left), min(other.right, piece.right)) for other in inner):
        free.append((left - reached, reached, left))
        reached = max(reached, right)
    length, left, right = max([*free, (piece.right - reached, reached, piece.right)])
    return Piece(piece.line, left, right) if length >= _LEAST_FREE else piece


def _admit(branches: dict[int, list[Branch]], rails: dict[int, Rail], most_branches: int, most_rails: int) -> set[int]:
    """Take out combs beyond what a line and a margin can hold. The best come first. RETURNS: Those taken out."""
    in_line: dict[int, int] = defaultdict(int)
    beside: dict[tuple[Side, int], int] = defaultdict(int)
    hidden = set()
    for number in list(branches):
        rail = rails.get(number)
        passed = [(rail.side, line) for line in range(rail.first, rail.last + 1)] if rail else []
        lines = [branch.line for branch in branches[number]]
        if not lines or any(in_line[line] >= most_branches for line in lines) or any(beside[place] >= most_rails for place in passed):
            hidden.add(number)
            del branches[number]
            rails.pop(number, None)
            continue
        for line in lines:
            in_line[line] += 1
        for place in passed:
            beside[place] += 1
    return hidden


def _take_levels(rails: Iterable[Rail], side: Side) -> int:
    """Give the rails of a side their levels, shorter ones nearer to the text. RETURNS: How many there are."""
    here = [rail for rail in rails if rail.side == side]
    levels = colour_intervals([(rail.first, rail.last) for rail in here], key=lambda k: (here[k].last - here[k].first, here[k].first))
    for rail, level in zip(here, levels, strict=True):
        rail.level = level
    return max(levels, default=-1) + 1


def _solve_lines(
    plan: Plan, branches: dict[int, list[Branch]], rails: dict[int, Rail], width: int, max_lanes: int, hidden: set[int]
) -> dict[int, int]:
    """The lanes of every line, without the combs that are too many, which are added to `hidden`. RETURNS: The number of lanes of a line."""
    by_line: dict[int, list[Branch]] = defaultdict(list)
    for several in branches.values():
        for branch in several:
            by_line[branch.line].append(branch)
    n_lanes, todo = {}, list(by_line)
    while todo:
        line = todo.pop()
        n_lanes[line] = solve(by_line[line], width, max_lanes)
        if n_lanes[line] <= max_lanes:
            continue
        weakest = max(by_line[line], key=lambda branch: branch.comb).comb
        for branch in branches.pop(weakest):
            by_line[branch.line].remove(branch)
            todo.append(branch.line)
        rails.pop(weakest, None)
        hidden.add(weakest)
    return n_lanes


def _rows(
    plan: Plan, lines: Lines, placed: Sequence[Sequence[Piece]], read: Sequence[tuple[Piece, int]], n_lanes: Mapping[int, int]
) -> list[Row]:
    rows = [Row(n_lanes=n_lanes.get(number, 0)) for number in range(len(lines))]
    for mention, found in enumerate(placed):
        for piece in found:
            rows[piece.line].depth = max(rows[piece.line].depth, plan.depths[mention])
    for piece, _ in read:
        rows[piece.line].has_read = True
    return rows


def _blocks(plan: Plan, lines: Lines, rows: Sequence[Row], folds: bool) -> list[Block]:
    """Rows in blocks, which no end of a printed page cuts; those of sentences without a relation in blocks that can be folded."""
    if not folds and len(rows) <= _LONG:
        return list(_parted([Block(range(len(rows)), False)]))
    firsts, ends = [start for start, _ in plan.picture.sentences], [*lines.firsts[1:], len(plan.picture.text)]
    blocks: list[Block] = []
    for number, row in enumerate(rows):
        sentences = range(max(bisect_right(firsts, lines.firsts[number]) - 1, 0), bisect_right(firsts, ends[number] - 1))
        loose = not any(plan.related[sentence] for sentence in sentences) and not row.n_lanes
        if blocks and blocks[-1].folds == loose:
            blocks[-1].rows = range(blocks[-1].rows.start, number + 1)
        else:
            blocks.append(Block(range(number, number + 1), loose))
    return list(_parted(_joined(blocks, 2 if folds else _LONG_RUN + 1)))


def _joined(blocks: Iterable[Block], least: int) -> Iterator[Block]:
    """Blocks in which those that are shorter than it is worth folding are parts of their neighbours."""
    held: Block | None = None
    for block in blocks:
        if block.folds and len(block.rows) >= least:
            if held:
                yield held
            yield block
            held = None
        else:
            held = Block(range(held.rows.start if held else block.rows.start, block.rows.stop), False)
    if held:
        yield held


def _parted(blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks of which those that do not fold have few rows."""
    for block in blocks:
        step = len(block.rows) if block.folds else _ROWS
        for start in block.rows[::step] if step else ():
            yield Block(range(start, min(start + step, block.rows.stop)), block.folds)


def _stack(rows: Sequence[Row], blocks: Sequence[Block]) -> None:
    """The heights of rows and blocks."""
    for number, block in enumerate(blocks):
        y = below = 0
        for place in block.rows:
            row = rows[place]
            lanes = row.n_lanes * LANE + ARC_GAP if row.n_lanes else 0
            row.spacer = below + lanes + (_FOLD_ROW if block.folds and not y else 0)
            row.block, row.top = number, y + row.spacer
            y, below = row.top + ROW, row.below
        block.height = y + below
