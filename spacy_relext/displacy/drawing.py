"""The markup of a laid-out picture: an ordinary paragraph, and behind it SVG of lines and marks.

A picture is a `div.P` with a paragraph `p.T`. A block of lines is a `span.B` in it: an SVG of its height, and for each line a spacer as
wide as the line, which forces the break and is as high as the lanes, and a box a word. No element stands between the lines, so nothing but
the text is selected, copied, found and read out. Classes are of one letter, for there are many of them:

    m u            rectangle and underline of a mention, with m3 for its number and t1 for its type; n3 its words
    y              bar of what was read, in the weights y0, y1, y2
    c k1           a comb, and its colour; v its lines, x its arrowheads and dots, h its hollow dots, l a label
    d o q  w0 w2   lines of what is missed, wrong, uncertain; thin and thick ones, by the score
    e3 a7          the way of a relation, which the pointer finds, with its number and those of its mentions
    f              the switch of lines that can be folded; g the number of relations for which there was no room
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from spacy_relext.displacy.combs import Comb, score_of
from spacy_relext.displacy.lanes import Branch, Port
from spacy_relext.displacy.layout import READ_BAR, Layout, Plan, Rail, Row, lay_out
from spacy_relext.displacy.lines import Box, is_unsure
from spacy_relext.displacy.options import Options
from spacy_relext.displacy.picture import Picture, PicturedRelation
from spacy_relext.displacy.widths import label_width, shortened

N_LABEL_COLOURS, N_TYPE_COLOURS = 8, 6
_LAYOUT_NAMES = {1: ("",), 2: (" V", " N"), 3: (" V", " M", " N")}
_STATUS_CLASSES = {"": "", "right": "", "missed": " d", "wrong": " o"}
_SURE, _UNSURE = 0.8, 0.5  # scores from which lines are thick, and below which they are thin
_CORNER = 5.0
_LEAST_LABEL = 20  # pixels; a shorter one is left out: it stands in the tooltip and in the table, and mostly on another line
_LONGEST_NAME = 60  # of a mention in a tooltip

Point = tuple[float, float]
_ESCAPES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;", ord("'"): "&#39;", ord("\r"): "&#13;", 0: "\ufffd"}


@dataclass(frozen=True)
class Drawn:
    """A picture. markup: A `div` for each width. folded: The numbers of relations that are left out in one of them at least."""

    markup: str
    folded: tuple[int, ...]


def draw(
    picture: Picture,
    options: Options,
    *,
    labels: Mapping[str, int] | None = None,
    types: Mapping[str, int] | None = None,
    more: str = "",
) -> Drawn:
    """Draw a picture in the widths of the options.

    labels, types: The numbers of their classes (k3, t1), if not by their order in the picture.
    more: The address to which "+ 7 more" leads.
    """
    plan = Plan.of(picture)
    labels = _numbered({relation.label for relation in picture.relations}, N_LABEL_COLOURS) if labels is None else labels
    types = _numbered({mention.type for mention in picture.mentions}, N_TYPE_COLOURS) if types is None else types
    names = _LAYOUT_NAMES[len(options.widths)]
    layouts = [lay_out(plan, width, options.max_lanes, options.compact) for width in options.widths]
    drawings = [_Drawing(layout, labels, types).markup(name, more) for layout, name in zip(layouts, names, strict=True)]
    folded = sorted({relation for layout in layouts for comb in layout.hidden for relation in comb.relations})
    return Drawn("".join(drawings), tuple(folded))


def _numbered(names: set[str], most: int) -> dict[str, int]:
    return {name: number % most for number, name in enumerate(sorted(names))}


def escape(text: str) -> str:
    """A text as markup, in an element or a quoted attribute. A carriage return is a reference: parsers make one newline of both."""
    return text.translate(_ESCAPES)


class _Drawing:
    """The markup of one layout, block by block."""

    def __init__(self, layout: Layout, labels: Mapping[str, int], types: Mapping[str, int]):
        self.layout, self.plan, self.labels, self.types = layout, layout.plan, labels, types
        self.shapes: list[list[str]] = [[] for _ in layout.blocks]
        self.mentioned: list[list[int]] = [[] for _ in layout.rows]
        for mention, found in enumerate(layout.pieces):
            for piece in found:
                self.mentioned[piece.line].append(mention)

    def markup(self, name: str, more: str) -> str:
        """The whole picture. name: Classes of its layout."""
        layout = self.layout
        self.draw_mentions()
        self.draw_read()
        for number in layout.branches:
            self.draw_comb(number)
        paragraph = "".join(self.block(number) for number in range(len(layout.blocks)))
        right = layout.total - layout.left - layout.width
        direction = ' dir="rtl"' if self.plan.rtl else ""
        hidden = sum(len(comb.relations) for comb in layout.hidden)
        folded = f'<a class="g"{f" href={chr(34)}{escape(more)}{chr(34)}" if more else ""}>+ {hidden:,} more</a>' if hidden else ""
        return (
            f'<div class="P{name}" style="width:{layout.total}px"><p class="T"{direction} style="margin:0 {right:g}px 0 {layout.left:g}px">'
            f"{paragraph}</p>{folded}</div>"
        )

    def block(self, number: int) -> str:
        block = self.layout.blocks[number]
        words = "".join(self.words(row) for row in block.rows)
        fold = f'<input class="f" type="checkbox" aria-label="{len(block.rows)} lines without a relation">' if block.folds else ""
        shapes = "".join(self.shapes[number])
        return f'{fold}<span class="B" style="height:{block.height}px"><svg aria-hidden="true">{shapes}</svg>{words}</span>'

    # Mentions and words

    def draw_mentions(self) -> None:
        layout = self.layout
        for mention in sorted(range(len(layout.pieces)), key=self.plan.depths.__getitem__):
            depth, kind = self.plan.depths[mention], self.types.get(self.plan.picture.mentions[mention].type, 0)
            inset = min(depth, 2) * 1.5
            for piece in layout.pieces[mention]:
                row = layout.rows[piece.line]
                left, right = piece.left - 1.5 + inset, piece.right + 1.5 - inset
                top, bottom = row.top + 2 + inset, row.underline(depth)
                self.shapes[row.block].append(
                    f'<rect class="m m{mention} t{kind}" x="{_n(left)}" y="{_n(top)}" width="{_n(right - left)}" '
                    f'height="{_n(bottom - top)}" rx="2.5"/>'
                    f'<path class="u t{kind}" d="M{_n(left)} {_n(bottom)}H{_n(right)}"/>'
                )

    def draw_read(self) -> None:
        for piece, weight in self.layout.read:
            row = self.layout.rows[piece.line]
            y, wide = row.underline(0) + 2.5, piece.right - piece.left
            self.shapes[row.block].append(
                f'<rect class="y y{weight}" x="{_n(piece.left)}" y="{_n(y)}" width="{_n(wide)}" height="{READ_BAR - 1}"/>'
            )

    def words(self, number: int) -> str:
        """A line: what forces it to begin, and its words."""
        row, text = self.layout.rows[number], self.plan.picture.text
        parts = [f"<i style=height:{row.spacer}px></i>"]
        mentions = [(self.plan.picture.mentions[m].start, self.plan.picture.mentions[m].end, m) for m in self.mentioned[number]]
        for place, box in enumerate(row.line):
            if box.run and box.run[0] == place:
                parts.append(f'<span dir="ltr" style="width:{sum(other.width for other in row.line[place : box.run[1] + 1])}px">')
            parts.append(
                self.word(row, box, text[box.start : box.end], [m for start, end, m in mentions if start < box.end and box.start < end])
            )
            if box.run and box.run[1] == place:
                parts.append("</span>")
        return "".join(parts)

    def word(self, row: Row, box: Box, part: str, mentions: Sequence[int]) -> str:
        text, part = part, part.rstrip("\r\n") if part.endswith("\n") else part
        newline = escape(text[len(part) :])
        classes = [f"n{mention}" for mention in mentions]
        if part and is_unsure(part) and not part.isspace():
            classes.append("z")
            self.draw_word(row, box, part.rstrip())
        attributes = ""
        if classes:
            attributes = f' class="{" ".join(classes)}"' if len(classes) > 1 else f" class={classes[0]}"
        if mentions:
            attributes += f' title="{escape(", ".join(dict.fromkeys(self.plan.picture.mentions[m].type for m in mentions)))}"'
        return f"<b{attributes} style=width:{box.width}px>{escape(part)}</b>{newline}"

    def draw_word(self, row: Row, box: Box, part: str) -> None:
        """A word of a script whose widths differ between fonts: drawn to fit, under a transparent one that is selected and read."""
        width, rtl = self.layout.width, self.plan.rtl
        left = width - box.x - box.width if rtl else box.x
        from_right = rtl and not box.run
        self.shapes[row.block].append(
            f'<text class="S" x="{_n(left + box.width if from_right else left)}" y="{row.base}"{" direction=rtl" if from_right else ""} '
            f'textLength="{box.ink}" lengthAdjust="spacingAndGlyphs">{escape(part)}</text>'
        )

    # Arcs

    def draw_comb(self, number: int) -> None:
        """A comb: its rail, horizontals and drops, arrowheads and dots, the ways of its relations, and its labels."""
        layout, comb = self.layout, self.plan.combs[number]
        branches, rail = layout.branches[number], layout.rails.get(number)
        weights = self.weights(comb)
        dash = _STATUS_CLASSES[comb.status] or (" q" if comb.uncertain else "")
        thickest = _weight_class(max(weights.values()))
        parts: dict[int, list[str]] = defaultdict(list)
        if rail:
            for block, shape in self.rail(rail, branches):
                parts[block].append(shape.format(f"v{dash}{thickest}"))
        by_block: dict[int, list[Branch]] = defaultdict(list)
        for branch in branches:
            by_block[layout.rows[branch.line].block].append(branch)
        for block, several in by_block.items():
            parts[block].extend(self.branches(comb, several, rail, weights, dash, thickest))
        for relation in comb.relations:
            for block, shape in self.way(relation, branches, rail):
                parts[block].append(shape)
        for block, several in by_block.items():
            parts[block].extend(filter(None, map(self.label, several, [comb] * len(several))))
        for block, shapes in parts.items():
            self.shapes[block].append(f'<g class="c k{self.labels.get(comb.label, 0)}">{"".join(shapes)}</g>')

    def weights(self, comb: Comb) -> dict[int, float]:
        """The best score of the relations of each mention."""
        best: dict[int, float] = {}
        for number in comb.relations:
            relation = self.plan.picture.relations[number]
            for mention in (relation.head, relation.tail):
                best[mention] = max(best.get(mention, 0.0), score_of(relation))
        return best

    def rail(self, rail: Rail, branches: Sequence[Branch]) -> Iterator[tuple[int, str]]:
        """The rail from the first line to the last, with a place for its class. In lines that fold it is as long as they are."""
        layout, x = self.layout, self.layout.rail_x(rail)
        inside = 0 if rail.side == "left" else layout.width
        first, last = branches[0], branches[-1]
        yield from self.pass_blocks(
            [(inside, layout.lane_y(first)), (x, layout.lane_y(first))],
            first,
            [(x, layout.lane_y(last)), (inside, layout.lane_y(last))],
            last,
            x,
        )

    def pass_blocks(self, before: list[Point], first: Branch, after: list[Point], last: Branch, x: float) -> Iterator[tuple[int, str]]:
        """A way from one line to a later one along a rail, cut at the blocks."""
        rows, blocks = self.layout.rows, self.layout.blocks
        begin, end = rows[first.line].block, rows[last.line].block
        if begin == end:
            yield begin, f'<path class="{{}}" d="{rounded(before + after)}"/>'
            return
        yield begin, f'<path class="{{}}" d="{rounded([*before, (x, blocks[begin].height)])}"/>'
        for block in range(begin + 1, end):
            yield block, f'<line class="{{}}" x1="{_n(x)}" x2="{_n(x)}" y2="100%"/>'
        yield end, f'<path class="{{}}" d="{rounded([(x, 0), *after])}"/>'

    def branches(
        self, comb: Comb, branches: Sequence[Branch], rail: Rail | None, weights: Mapping[int, float], dash: str, thickest: str
    ) -> Iterator[str]:
        """Horizontals and drops of branches, in one path for each thickness, and the marks at their ends."""
        lines: dict[str, str] = defaultdict(str)
        marks = hollow = ""
        for branch in branches:
            lines[thickest] += self.horizontal(branch, rail)
            bottom = self.bottom(branch)
            for port in branch.ports:
                open_ = comb.symmetric and port.mention in comb.tails
                lines[_weight_class(weights[port.mention])] += self.drop(branch, port, comb, 4 if port.tail else 5.2 if open_ else 0)
                if port.tail:
                    marks += f"M{port.x} {_n(bottom + 1)}l-3.4 -6.2h6.8z"
                elif open_:
                    hollow += f"M{port.x - 2} {_n(bottom - 2.6)}a2 2 0 1 0 4 0a2 2 0 1 0 -4 0"
                else:
                    marks += f"M{_n(port.x - 2.2)} {_n(bottom - 1)}a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0 -4.4 0"
        for thickness, way in lines.items():
            if way:
                yield f'<path class="v{thickness}{dash}" d="{way}"/>'
        if marks:
            yield f'<path class="x" d="{marks}"/>'
        if hollow:
            yield f'<path class="h" d="{hollow}"/>'

    def bottom(self, branch: Branch) -> float:
        """Where drops end: at the top of the mentions."""
        return self.layout.rows[branch.line].top + 1

    def horizontal(self, branch: Branch, rail: Rail | None) -> str:
        """From the outermost drop, or the rail, to the other; corners are the drops' and the rail's."""
        layout, y = self.layout, self.layout.lane_y(branch)
        begin, end = branch.low + _CORNER, branch.high - _CORNER
        if rail:
            inner = rail.first < branch.line < rail.last
            if rail.side == "left":
                begin = layout.rail_x(rail) if inner else 0
            else:
                end = layout.rail_x(rail) if inner else layout.width
        return f"M{_n(begin)} {_n(y)}H{_n(end)}" if end > begin else ""

    def drop(self, branch: Branch, port: Port, comb: Comb, shorter: float) -> str:
        """From a mention to the horizontal, and around the corner to where its partners are."""
        y = self.layout.lane_y(branch)
        xs = [other.x for other in branch.ports]
        if port.x == min(xs) and branch.side != "left":
            way = 1
        elif port.x == max(xs) and branch.side != "right":
            way = -1
        else:
            partners = [other.x for other in branch.ports if (other.mention in comb.heads) != (port.mention in comb.heads)]
            to_left = sum(partners) / len(partners) < port.x if partners else branch.side == "left"
            way = -1 if to_left else 1
        return rounded([(port.x, self.bottom(branch) - shorter), (port.x, y), (port.x + 6 * way, y)])

    def way(self, number: int, branches: Sequence[Branch], rail: Rail | None) -> Iterator[tuple[int, str]]:
        """The whole way of one relation, which the pointer finds."""
        relation = self.plan.picture.relations[number]
        where = {port.mention: (branch, port) for branch in branches for port in branch.ports}
        if relation.head not in where or relation.tail not in where:
            return
        ends = []
        for mention in (relation.head, relation.tail):
            branch, port = where[mention]
            end = self.bottom(branch) - (4 if port.tail else 0)
            ends.append((branch, [(port.x, end), (port.x, self.layout.lane_y(branch))]))
        (first, before), (last, after) = sorted(ends, key=lambda end: end[0].line)
        names = f"e e{number} a{relation.head} a{relation.tail}"
        title = f"<title>{escape(self.title(relation))}</title>"
        if first is last or rail is None:
            ways: Iterator[tuple[int, str]] = iter(
                [(self.layout.rows[first.line].block, f'<path class="{{}}" d="{rounded(before + after[::-1])}"/>')]
            )
        else:
            x = self.layout.rail_x(rail)
            ways = self.pass_blocks([*before, (x, before[-1][1])], first, [(x, after[-1][1]), *after[::-1]], last, x)
        for block, shape in ways:
            yield block, shape.format(names).replace("/>", f">{title}</{shape[1:5]}>")

    def title(self, relation: PicturedRelation) -> str:
        """What the tooltip says of a relation."""
        head, tail = (self.name(mention) for mention in (relation.head, relation.tail))
        score = "" if relation.score is None else f" ({relation.score:.2f})"
        said = [relation.status, "uncertain" if relation.uncertain else "", relation.note]
        return ", ".join(filter(None, [f"{head} {'—' if relation.symmetric else '→'} {tail}: {relation.label}{score}", *said]))

    def name(self, mention: int) -> str:
        found = self.plan.picture.mentions[mention]
        name = self.plan.picture.text[found.start : found.end]
        return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"

    def label(self, branch: Branch, comb: Comb) -> str:
        """The label of a branch, on a background that interrupts its horizontal."""
        caption, width = comb.caption, comb.caption_width
        if branch.label_room is not None:
            if branch.label_room < _LEAST_LABEL:
                return ""
            caption = shortened(caption, branch.label_room)
            if not caption:
                return ""
            width = label_width(caption)
        x, y = branch.label_x, self.layout.lane_y(branch)
        return (
            f'<g class="l"><rect x="{_n(x - width / 2 + 1)}" y="{_n(y - 7.5)}" width="{_n(width - 2)}" height="15"/>'
            f'<text x="{_n(x)}" y="{_n(y + 3.8)}" textLength="{_n(width - 9)}" lengthAdjust="spacingAndGlyphs">{escape(caption)}</text></g>'
        )


def _weight_class(score: float) -> str:
    return " w2" if score >= _SURE else " w0" if score < _UNSURE else ""


def _n(number: float) -> str:
    """A number as short as it can be, with one decimal at the most."""
    whole = round(number * 10)
    return str(whole // 10) if whole % 10 == 0 else str(whole / 10)


def rounded(points: Sequence[Point], radius: float = _CORNER) -> str:
    """A path along horizontal and vertical lines with rounded corners."""
    way = [points[0]]
    for point in points[1:]:
        if abs(point[0] - way[-1][0]) + abs(point[1] - way[-1][1]) > 0.05:
            way.append(point)
    path = [f"M{_n(way[0][0])} {_n(way[0][1])}"]
    for (x0, y0), (x1, y1), (x2, y2) in zip(way, way[1:], way[2:], strict=False):
        if (x0 == x1 == x2) or (y0 == y1 == y2):
            continue
        cut = min(radius, (abs(x1 - x0) + abs(y1 - y0)) / 2, (abs(x2 - x1) + abs(y2 - y1)) / 2)
        path.append(f"L{_n(x1 - _sign(x1 - x0) * cut)} {_n(y1 - _sign(y1 - y0) * cut)}")
        path.append(f"Q{_n(x1)} {_n(y1)} {_n(x1 + _sign(x2 - x1) * cut)} {_n(y1 + _sign(y2 - y1) * cut)}")
    if len(way) > 1:
        path.append(f"L{_n(way[-1][0])} {_n(way[-1][1])}")
    return "".join(path)


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)
