"""The markup of a laid-out picture: an ordinary paragraph, and behind it SVG of lines and marks.

A picture is a `div.P` with a paragraph `p.T`. A block of lines is a `span.B` in it: for each line a spacer as wide as the line, which
forces the break and is as high as the lanes, and a box a word. No element stands between the lines, so nothing but the text is selected,
copied, found and read out. The SVG of each block, as high as it is, stands in `div.L`. Classes are of one letter, for there are many:

    m u            rectangle and underline of a mention, with m3 for its number and t1 for its type; n3 its words
    y g            bar of what was read or speaks for a relation, in the weights y0, y1, y2; and of what speaks against one, g0, g1, g2
    S z            a word in a script whose widths differ between fonts, drawn to fit, and the transparent one over it
    j              what has no width, and so must not have a height
    c k1           a comb, and its colour; v its lines, x its arrowheads and dots, l a label
    d o q  w0 w2   lines of what is missed, wrong, uncertain; thin and thick ones, by the score
    e3 a7          the way of a relation, which the pointer finds, with its number and those of its mentions
    f              the switch of lines that can be folded; more: the number of relations for which there was no room
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spacy_relext.displacy.arcs import Arcs
from spacy_relext.displacy.layout import AGAINST, READ_BAR, ROW, Layout, Plan, Row, lay_out
from spacy_relext.displacy.lines import UNSURE, Box
from spacy_relext.displacy.options import Options
from spacy_relext.displacy.paths import horizontal, number
from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.style import LAYOUTS
from spacy_relext.displacy.texts import escape

_VERY_LONG = 50_000  # characters from which words of folded lines have no boxes of their own, which are three quarters of the markup
_PLAIN = re.compile(rf"(?:(?!{UNSURE})[^&<>\r\n\0])*")  # what is written as it is


@dataclass(frozen=True)
class Drawn:
    """A picture. markup: A `div` for each width. folded: The numbers of relations that are left out in one of them at least."""

    markup: str
    folded: tuple[int, ...]


def draw(
    picture: Picture,
    options: Options,
    *,
    labels: Mapping[str, int],
    types: Mapping[str, int],
    more: str = "",
) -> Drawn:
    """Draw a picture in the widths of the options.

    labels, types: The numbers of their classes, as in k3 and t1.
    more: The address to which "+ 7 more" leads.
    """
    plan = Plan.of(picture)
    names = [f"P {name}".rstrip() for name in LAYOUTS[len(options.widths)]]
    layouts = [lay_out(plan, width, options.max_lanes, options.compact) for width in options.widths]
    drawings = [Drawing(layout, types).markup(labels, name, more) for layout, name in zip(layouts, names, strict=True)]
    folded = sorted({relation for layout in layouts for comb in layout.hidden for relation in comb.relations})
    return Drawn("".join(drawings), tuple(folded))


def joined(boxes: Sequence[Box], marked: Mapping[int, list[int]]) -> tuple[list[Box], dict[int, list[int]]]:
    """The words of a line with those between two mentions in one box."""
    runs: list[Box] = []
    marks: dict[int, list[int]] = {}
    for k, box in enumerate(boxes):
        if runs and k not in marked and len(runs) - 1 not in marks:
            last = runs[-1]
            runs[-1] = last._replace(end=box.end, width=last.width + box.width, ink=last.width + box.ink)
            continue
        if k in marked:
            marks[len(runs)] = marked[k]
        runs.append(box)
    return runs, marks


class Drawing:
    """The markup of one layout, block by block."""

    def __init__(self, layout: Layout, types: Mapping[str, int]):
        self.layout, self.plan, self.text = layout, layout.plan, layout.plan.picture.text
        self.types = [types.get(mention.type, 0) for mention in self.plan.picture.mentions]
        self.titles = [f' title="{escape(mention.type)}"' for mention in self.plan.picture.mentions]
        self.plain = not self.plan.rtl and bool(_PLAIN.fullmatch(self.text))
        self.shapes: list[list[str]] = [[] for _ in layout.blocks]
        self.mentioned: list[list[int]] = [[] for _ in layout.rows]
        for mention, found in enumerate(layout.pieces):
            for piece in found:
                self.mentioned[piece.line].append(mention)

    def markup(self, labels: Mapping[str, int], name: str, more: str) -> str:
        """The whole picture. name: The classes of its layout."""
        layout = self.layout
        self.draw_mentions()
        self.draw_read()
        for comb in layout.branches:
            for block, shape in Arcs(layout, comb, labels.get(self.plan.combs[comb].label, 0)).shapes():
                self.shapes[block].append(shape)
        paragraph = "".join(map(self.block, range(len(layout.blocks))))
        direction = ' dir="rtl"' if self.plan.rtl else ""
        margins = f"0 {number(layout.total - layout.left - layout.width)}px 0 {number(layout.left)}px"
        hidden = sum(len(comb.relations) for comb in layout.hidden)
        address = f' href="{escape(more)}"' if more else ""
        rest = f'<a class="more"{address}>+ {hidden:,} more</a>' if hidden else ""
        paragraph = f'<p class="T"{direction} style="margin:{margins}">{paragraph}</p>'
        # Words of some scripts are drawn, too: after the paragraph is made.
        drawn = "".join(map(self.block_of_shapes, range(len(layout.blocks))))
        drawn = f'<div class="L" aria-hidden="true" style="left:{number(layout.left)}px;width:{number(layout.width)}px">{drawn}</div>'
        return f'<div class="{name}" style="width:{layout.total}px">{self.folding()}{drawn}{paragraph}{rest}</div>'

    def block(self, place: int) -> str:
        """Lines. A newline at the end of the text is copied where something stands behind it."""
        block = self.layout.blocks[place]
        words = "".join(map(self.line, block.rows))
        fold = f'<input class="f f{place}" type="checkbox" aria-label="{len(block.rows)} lines without a relation">' if block.folds else ""
        if place == len(self.layout.blocks) - 1 and self.plan.picture.text.endswith("\n"):
            words += "<i style=height:1px></i>"
        return f'{fold}<span class="B" style="height:{block.height}px">{words}</span>'

    def block_of_shapes(self, place: int) -> str:
        """What is drawn behind lines. It stands beside the text: a text of SVG between two words would be copied as a newline."""
        shapes = "".join(self.shapes[place])
        return f'<div class="s{place}" style="height:{self.layout.blocks[place].height}px"><svg>{shapes}</svg></div>'

    def folding(self) -> str:
        """The rules by which the switch of lines folds what is drawn behind them, too."""
        folds = [f".P:has(.f{place}:not(:checked)) .s{place}" for place, block in enumerate(self.layout.blocks) if block.folds]
        return f"<style>{','.join(folds)}{{height:40px!important;overflow-y:clip}}</style>" if folds else ""

    def draw_mentions(self) -> None:
        """Rectangles and underlines, outer ones first."""
        layout = self.layout
        for mention in sorted(range(len(layout.pieces)), key=self.plan.depths.__getitem__):
            depth, kind = self.plan.depths[mention], self.types[mention]
            inset = min(depth, 2) * 1.5
            for piece in layout.pieces[mention]:
                row = layout.rows[piece.line]
                # As much at the sides, but for words that are too narrow for it.
                beside = min(inset, (piece.right - piece.left) / 2 + 0.5) - 1.5
                left, right = piece.left + beside, piece.right - beside
                top, bottom = row.top + 2 + inset, row.underline(depth)
                self.shapes[row.block].append(
                    f'<rect class="m m{mention} t{kind}" x="{number(left)}" y="{number(top)}" width="{number(right - left)}" '
                    f'height="{number(bottom - top)}" rx="2.5"/><path class="u t{kind}" d="{horizontal(left, right, bottom)}"/>'
                )

    def draw_read(self) -> None:
        """Bars under all underlines, so that they are not taken for types of mentions."""
        for piece, weight in self.layout.read:
            row = self.layout.rows[piece.line]
            place = f'x="{number(piece.left)}" y="{number(row.underline(0) + 2.5)}" width="{number(piece.right - piece.left)}"'
            kind = f"y y{weight}" if weight < AGAINST else f"g g{weight - AGAINST}"
            self.shapes[row.block].append(f'<rect class="{kind}" {place} height="{READ_BAR - 1}"/>')

    def line(self, place: int) -> str:
        """What forces a line to begin, and its words."""
        row, text, plain = self.layout.rows[place], self.text, self.plain
        boxes = self.layout.lines.boxes(place)
        marked = self.marked(place, boxes)
        if self.layout.blocks[row.block].folds and len(text) > _VERY_LONG and not self.plan.rtl:
            boxes, marked = joined(boxes, marked)
        # Boxes without a width stand beside the spacer: of a line of such ones it is the height, too.
        parts = [f"<i style=height:{row.spacer if any(box.width for box in boxes) else row.spacer + ROW}px></i>"]
        for k, box in enumerate(boxes):
            start, end, _, width, _, run = box
            if run and run[0] == k:
                parts.append(f'<span dir="ltr" style="width:{sum(other.width for other in boxes[k : run[1] + 1])}px">')
            part = text[start:end]
            if width and k not in marked and (plain or _PLAIN.fullmatch(part)):
                parts.append(f"<b style=width:{width}px>{part}</b>")
            else:
                parts.append(self.word(row, box, part, marked.get(k, ())))
            if run and run[1] == k:
                parts.append("</span>")
        return "".join(parts)

    def marked(self, place: int, boxes: Sequence[Box]) -> dict[int, list[int]]:
        """The mentions of each word of a line, for those that are in one."""
        if not self.mentioned[place]:
            return {}
        found = defaultdict(list)
        starts = [box.start for box in boxes]
        for number_ in self.mentioned[place]:
            mention = self.plan.picture.mentions[number_]
            for k in range(max(bisect_right(starts, mention.start) - 1, 0), bisect_left(starts, mention.end)):
                found[k].append(number_)
        return found

    def word(self, row: Row, box: Box, part: str, mentions: Sequence[int]) -> str:
        """A word with what marks it. Newlines of the text stand between the boxes."""
        seen = part.rstrip("\r\n") if part.endswith("\n") else part
        classes = [f"n{mention}" for mention in mentions]
        if seen and not seen.isspace() and re.search(UNSURE, seen):
            classes.append("z")
            self.draw_word(row, box, seen.rstrip())
        if not box.width:
            classes.append("j")
        names = f" class={classes[0]}" if len(classes) == 1 else f' class="{" ".join(classes)}"' if classes else ""
        title = self.titles[mentions[-1]] if mentions else ""
        return f"<b{names}{title} style=width:{box.width}px>{escape(seen)}</b>{escape(part[len(seen) :])}"

    def draw_word(self, row: Row, box: Box, part: str) -> None:
        """A word of a script whose widths differ between fonts, as wide as its box."""
        rtl = self.plan.rtl and not box.run
        left = self.layout.width - box.x - box.width if self.plan.rtl else box.x
        place = f'x="{number(left + box.width if rtl else left)}" y="{row.base}"{" direction=rtl" if rtl else ""}'
        self.shapes[row.block].append(
            f'<text class="S" {place} textLength="{box.ink}" lengthAdjust="spacingAndGlyphs">{escape(part)}</text>'
        )
