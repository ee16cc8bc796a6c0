"""The markup of a comb: its rail, horizontals and drops, arrowheads and dots, the ways that the pointer finds, and its labels."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from spacy_relext.displacy.combs import Comb, score_of
from spacy_relext.displacy.lanes import Branch, Port
from spacy_relext.displacy.layout import MOST_WAYS, Layout
from spacy_relext.displacy.paths import CORNER, Point, arrowhead, dot, horizontal, number, rounded
from spacy_relext.displacy.picture import PicturedRelation
from spacy_relext.displacy.texts import escape
from spacy_relext.displacy.widths import label_width, shortened

_STATUS_CLASSES = {"": "", "right": "", "missed": " d", "wrong": " o"}
_THICK, _THIN = 0.8, 0.5  # scores from which lines are thick, and below which they are thin
_LEAST_LABEL = 20  # pixels; a shorter one is left out: it stands in the tooltip and in the table, and mostly on another line
_NEAR = 8  # blocks over which every piece of a rail has a tooltip
_LONGEST_NAME = 60  # of a mention in a tooltip
# How far above a mention drops end that have an arrowhead or a hollow dot.
_ARROW, _HOLLOW = 4.0, 5.2

# Shapes with the number of the block that they are in.
Shapes = Iterator[tuple[int, str]]


class Arcs:
    """What is drawn of one comb. colour: The number of its class."""

    def __init__(self, layout: Layout, comb: int, colour: int):
        self.layout, self.comb, self.colour = layout, layout.plan.combs[comb], colour
        self.branches, self.rail = layout.branches[comb], layout.rails.get(comb)
        self.heads, self.tails = set(self.comb.heads), set(self.comb.tails)
        self.dash = _STATUS_CLASSES[self.comb.status] or (" q" if self.comb.uncertain else "")
        self.weights = _weights(self.comb, layout.plan.picture.relations)
        self.thickest = _weight_class(max(self.weights.values()))

    def shapes(self) -> Shapes:
        """A group for each block."""
        parts: dict[int, list[str]] = defaultdict(list)
        for shapes in (self.draw_rail(), self.draw_branches(), self.draw_ways(), self.draw_labels()):
            for block, shape in shapes:
                parts[block].append(shape)
        for block, several in parts.items():
            yield block, f'<g class="c k{self.colour}">{"".join(several)}</g>'

    def block(self, branch: Branch) -> int:
        """The block of a branch."""
        return self.layout.rows[branch.line].block

    def bottom(self, branch: Branch) -> float:
        """Where drops end: at the top of the mentions."""
        return self.layout.rows[branch.line].top + 1

    def draw_rail(self) -> Shapes:
        """From the first line to the last. In lines that fold it is as long as they are."""
        if self.rail is None:
            return
        x, inside = self.layout.rail_x(self.rail), 0 if self.rail.side == "left" else self.layout.width
        first, last = self.branches[0], self.branches[-1]
        above, below = self.layout.lane_y(first), self.layout.lane_y(last)
        yield from self.pass_blocks(
            [(inside, above), (x, above)], first, [(x, below), (inside, below)], last, x, f"v{self.dash}{self.thickest}"
        )

    def pass_blocks(
        self, before: Sequence[Point], first: Branch, after: Sequence[Point], last: Branch, x: float, names: str, title: str = ""
    ) -> Shapes:
        """A way from one line to a later one along a rail, cut at the blocks."""
        begin, end = self.block(first), self.block(last)
        if begin == end:
            yield begin, _path(names, rounded([*before, *after]), title)
            return
        yield begin, _path(names, rounded([*before, (x, self.layout.blocks[begin].height)]), title)
        # Far from both ends a rail lights up without a tooltip: of relations across a whole text, these would be a sixth of the markup.
        passing = title if end - begin <= _NEAR else ""
        for block in range(begin + 1, end):
            yield block, f'<line class="{names}" x1="{number(x)}" x2="{number(x)}" y2="100%">{passing}</line>'
        yield end, _path(names, rounded([(x, 0), *after]), title)

    def draw_branches(self) -> Shapes:
        """Horizontals and drops, in one path for each thickness, and the marks at their ends."""
        by_block: dict[int, list[Branch]] = defaultdict(list)
        for branch in self.branches:
            by_block[self.block(branch)].append(branch)
        for block, branches in by_block.items():
            lines: dict[str, list[str]] = defaultdict(list)
            marks, hollow = [], []
            for branch in branches:
                lines[self.thickest].append(self.across(branch))
                bottom = self.bottom(branch)
                for port in branch.ports:
                    weight = _weight_class(self.weights[port.mention])
                    if port.tail:
                        lines[weight].append(self.drop(branch, port, bottom - _ARROW))
                        marks.append(arrowhead(port.x, bottom))
                    elif self.comb.symmetric and port.mention in self.tails:
                        lines[weight].append(self.drop(branch, port, bottom - _HOLLOW))
                        hollow.append(dot(port.x, bottom - 1.6, 2))
                    else:
                        lines[weight].append(self.drop(branch, port, bottom))
                        marks.append(dot(port.x, bottom, 2.2))
            for weight, ways in lines.items():
                way = "".join(ways)
                if way:
                    yield block, _path(f"v{weight}{self.dash}", way)
            if marks:
                yield block, _path("x", "".join(marks))
            if hollow:
                yield block, _path("v", "".join(hollow))

    def across(self, branch: Branch) -> str:
        """From the outermost drop, or the rail, to the other; corners are the drops' and the rail's."""
        begin, end = branch.low + CORNER, branch.high - CORNER
        if self.rail:
            x = self.layout.rail_x(self.rail) if self.rail.first < branch.line < self.rail.last else None
            if self.rail.side == "left":
                begin = 0 if x is None else x
            else:
                end = self.layout.width if x is None else x
        return horizontal(begin, end, self.layout.lane_y(branch))

    def drop(self, branch: Branch, port: Port, bottom: float) -> str:
        """From a mention to the horizontal, and around the corner to where its partners are."""
        y, xs = self.layout.lane_y(branch), [other.x for other in branch.ports]
        if port.x == min(xs) and branch.side != "left":
            right = True
        elif port.x == max(xs) and branch.side != "right":
            right = False
        else:
            partners = [other.x for other in branch.ports if (other.mention in self.heads) != (port.mention in self.heads)]
            right = sum(partners) > port.x * len(partners) if partners else branch.side != "left"
        return rounded([(port.x, bottom), (port.x, y), (port.x + 6 if right else port.x - 6, y)])

    def draw_ways(self) -> Shapes:
        """The whole way of each relation."""
        where = {port.mention: (branch, port) for branch in self.branches for port in branch.ports}
        for relation in self.comb.relations[:MOST_WAYS]:
            pictured = self.layout.plan.picture.relations[relation]
            (first, before), (last, after) = sorted(
                (self.end(*where[mention]) for mention in (pictured.head, pictured.tail)), key=lambda end: end[0].line
            )
            names = f"e e{relation} a{pictured.head} a{pictured.tail}"
            title = f"<title>{escape(self.title(pictured))}</title>"
            if first is last or self.rail is None:
                yield self.block(first), _path(names, rounded([*before, *reversed(after)]), title)
            else:
                x = self.layout.rail_x(self.rail)
                yield from self.pass_blocks(
                    [*before, (x, before[-1][1])], first, [(x, after[-1][1]), *reversed(after)], last, x, names, title
                )

    def end(self, branch: Branch, port: Port) -> tuple[Branch, list[Point]]:
        """Up a drop."""
        return branch, [(port.x, self.bottom(branch) - _ARROW * port.tail), (port.x, self.layout.lane_y(branch))]

    def title(self, relation: PicturedRelation) -> str:
        """What the tooltip says of a relation."""
        arrow, score = "—" if relation.symmetric else "→", "" if relation.score is None else f" ({relation.score:.2f})"
        said = f"{self.name(relation.head)} {arrow} {self.name(relation.tail)}: {relation.label}{score}"
        return ", ".join(filter(None, (said, relation.status, "uncertain" if relation.uncertain else "", relation.note)))

    def name(self, mention: int) -> str:
        """A mention as the text has it, the beginning of a long one."""
        picture = self.layout.plan.picture
        name = picture.text[picture.mentions[mention].start : picture.mentions[mention].end]
        return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"

    def draw_labels(self) -> Shapes:
        """The label of each branch, on a background that interrupts its horizontal."""
        for branch in self.branches:
            caption, width = self.comb.caption, self.comb.caption_width
            if branch.label_room is not None:
                caption = shortened(caption, branch.label_room) if branch.label_room >= _LEAST_LABEL else ""
                if not caption:
                    continue
                width = label_width(caption)
            x, y = branch.label_x, self.layout.lane_y(branch)
            yield (
                self.block(branch),
                (
                    f'<g class="l"><rect x="{number(x - width / 2 + 1)}" y="{number(y - 7.5)}" width="{number(width - 2)}" height="15"/>'
                    f'<text x="{number(x)}" y="{number(y + 3.8)}" textLength="{number(width - 9)}" lengthAdjust="spacingAndGlyphs">'
                    f"{escape(caption)}</text></g>"
                ),
            )


def _path(names: str, way: str, title: str = "") -> str:
    return f'<path class="{names}" d="{way}">{title}</path>' if title else f'<path class="{names}" d="{way}"/>'


def _weights(comb: Comb, relations: Sequence[PicturedRelation]) -> Mapping[int, float]:
    """The best score of the relations of each mention."""
    best: dict[int, float] = {}
    for number_ in comb.relations:
        relation = relations[number_]
        score = score_of(relation)
        for mention in (relation.head, relation.tail):
            best[mention] = max(best.get(mention, 0.0), score)
    return best


def _weight_class(score: float) -> str:
    return " w2" if score >= _THICK else " w0" if score < _THIN else ""
