"""A picture as one SVG file that needs nothing else: for papers, slides, and pages that show images.

It is the wide layout on a white ground. Colours are attributes, since many programs know no style sheets. Words are `<text>`, each as wide
as its box, in one element a line, so that lines are selected and copied.
"""

import re
from collections.abc import Iterator, Mapping

from spacy_relext.displacy.arcs import Arcs
from spacy_relext.displacy.colors import LABEL_COLORS, TYPE_LOOKS, Palette, checked_color, registered_colors
from spacy_relext.displacy.drawing import Drawing
from spacy_relext.displacy.layout import Layout, Plan, lay_out
from spacy_relext.displacy.legend import NO_DIRECTION, SIGNS, UNCERTAIN_SIGN, read_entries
from spacy_relext.displacy.options import Options
from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.texts import escape
from spacy_relext.displacy.widths import text_width

GROUND, INK, MUTED = "#ffffff", "#1c2026", "#5b6470"
_FONT = "Arial, Liberation Sans, Helvetica, Arimo, sans-serif"
_PAD, _LEGEND_ROW, _LEGEND_SIZE, _SWATCH, _GAP = 8, 20, 12.0, 22, 16
# What XML has no place for.
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CLASS = re.compile(r' class="([^"]*)"')
_DASHES = {"d": "5 3", "o": "1.5 2.5", "q": "6 2 1.5 2"}
_PLAIN = {
    "w0": ' stroke-width="0.8"',
    "w2": ' stroke-width="1.7"',
    "l": ' font-size="10.5" text-anchor="middle" stroke="none"',
    **{name: f' stroke-dasharray="{dashes}"' for name, dashes in _DASHES.items()},
    **{f"y{weight}": f' fill="{INK}" fill-opacity="{opacity}"' for weight, opacity in enumerate((0.2, 0.4, 0.65))},
    **{
        f"g{weight}": f' fill="none" stroke="{INK}" stroke-width="0.8" stroke-opacity="{opacity}"'
        for weight, opacity in enumerate((0.2, 0.4, 0.65))
    },
}


def svg_of(picture: Picture, options: Options, palette: Palette | None = None) -> str:
    """A picture as the text of an SVG file, in the widest of the widths.

    palette: Gives labels and types the same colours in several pictures. None: this one alone.
    """
    colors = _Colors(palette or Palette.of([picture], options.colors), options.colors)
    layout = lay_out(Plan.of(picture), max(options.widths), options.max_lanes)
    drawn = _shapes(layout, colors.palette)
    legend, y = _legend(picture, layout, colors)
    parts = [legend]
    for block, found in zip(layout.blocks, drawn, strict=True):
        shapes = "".join(colors.plain(shape, block.height) for shape in found)
        words = "".join(_words(layout, row) for row in block.rows)
        parts.append(f'<g transform="translate({layout.left:g} {y})">{shapes}{words}</g>\n')
        y += block.height
    n_hidden = sum(len(comb.relations) for comb in layout.hidden)
    if n_hidden:
        y += _LEGEND_ROW
        parts.append(
            f'<text x="{layout.total - _PAD}" y="{y - 6}" font-size="12" text-anchor="end" fill="{MUTED}">+ {n_hidden:,} more</text>\n'
        )
    for note in picture.notes:
        y += _LEGEND_ROW
        parts.append(f'<text x="{_PAD}" y="{y - 6}" font-size="12" fill="{MUTED}">{escape(note)}</text>\n')
    height = y + _PAD
    title = f"<title>{escape(picture.title)}</title>\n" if picture.title else ""
    size = f'width="{layout.total}" height="{height}" viewBox="0 0 {layout.total} {height}"'
    made = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{_FONT}" font-size="15" fill="{INK}">\n'
        f'{title}<rect width="100%" height="100%" fill="{GROUND}"/>\n{"".join(parts)}</svg>\n'
    )
    return _NO_XML.sub("\ufffd", made)


class _Arcs(Arcs):
    """A comb without the ways that a pointer finds: a file has none."""

    def draw_ways(self) -> Iterator[tuple[int, str]]:
        """Nothing."""
        return iter(())


def _shapes(layout: Layout, palette: Palette) -> list[list[str]]:
    """What is drawn in each block."""
    drawing = Drawing(layout, palette.types)
    drawing.draw_mentions()
    drawing.draw_read()
    for comb in layout.branches:
        for block, shape in _Arcs(layout, comb, palette.labels[layout.plan.combs[comb].label]).shapes():
            drawing.shapes[block].append(shape)
    return drawing.shapes


class _Colors:
    """Colours on white, as attributes in the place of classes."""

    def __init__(self, palette: Palette, given: Mapping[str, str]):
        self.palette = palette
        own = registered_colors() | {name: checked_color(color, name) for name, color in given.items()}
        self.labels = {n: own.get(name) or LABEL_COLORS[n % len(LABEL_COLORS)][0] for name, n in palette.labels.items()}
        self.types = {n: own.get(name) or TYPE_LOOKS[n % len(TYPE_LOOKS)][0][0] for name, n in palette.types.items()}

    def plain(self, shape: str, height: int) -> str:
        """A shape of a block of a height."""
        shape = shape.replace('<g class="l"><rect ', f'<g class="l"><rect fill="{GROUND}" ').replace('y2="100%"', f'y2="{height}"')
        comb = re.match(r'<g class="c k(\d+)">', shape)
        color = self.labels.get(int(comb[1]), INK) if comb else INK
        return _CLASS.sub(lambda found: self._attributes(found[1].split(), color), shape)

    def _attributes(self, classes: list[str], color: str) -> str:
        kind, *more = classes
        types = [int(name[1:]) for name in more if re.fullmatch(r"t\d+", name)]
        color = self.types.get(types[0], INK) if types else color
        if kind == "m":
            return f' fill="{color}" fill-opacity="0.15"'
        if kind == "u":
            dashes = TYPE_LOOKS[types[0] % len(TYPE_LOOKS)][1]
            return f' fill="none" stroke="{color}" stroke-width="2"' + (f' stroke-dasharray="{dashes}"' if dashes else "")
        own = {
            "c": f' fill="none" stroke="{color}" stroke-width="1.25" stroke-linejoin="round"',
            "x": f' fill="{color}" stroke="none"',
            "h": f' fill="{GROUND}"',
            "l": f' fill="{color}"',
        }
        return own.get(kind, "") + "".join(_PLAIN.get(name, "") for name in classes)


def _words(layout: Layout, row: int) -> str:
    """The words of a line, each at its place and as wide as its box, with the blanks between them for who copies the line."""
    text, spans = layout.plan.picture.text, []
    for box in layout.lines.boxes(row):
        part = text[box.start : box.end].rstrip("\r\n")
        word = part.rstrip()
        if word:
            left = layout.width - box.x - box.width if layout.plan.rtl else box.x
            fit = f' textLength="{box.ink}" lengthAdjust="spacingAndGlyphs"' if box.ink else ""
            spans.append(f'<tspan x="{left:g}"{fit}>{escape(word)}</tspan>{escape(part[len(word) :])}')
    return f'<text y="{layout.rows[row].base}" xml:space="preserve">{"".join(spans)}</text>' if spans else ""


def _legend(picture: Picture, layout: Layout, colors: _Colors) -> tuple[str, int]:
    """What colours and dashes mean, in lines as wide as the picture, and where it ends."""
    entries = []
    for kind in sorted({mention.type for mention in picture.mentions}):
        t = f"t{colors.palette.types[kind]}"
        entries.append((f'<rect class="m {t}" width="22" height="10" rx="2.5"/><path class="u {t}" d="M0 11H22"/>', kind or "(no type)"))
    statuses = {relation.status for relation in picture.relations}
    signs: list[tuple[str, str, str]] = [(sign, dash, status) for status, (sign, dash) in SIGNS.items() if status in statuses]
    if any(relation.uncertain for relation in picture.relations):
        signs.append((*UNCERTAIN_SIGN, "uncertain"))
    entries += [(f'<g class="c"><path class="v {dash}" d="M0 7H22"/></g>', f"{sign} {name}") for sign, dash, name in signs]
    if any(relation.symmetric for relation in picture.relations):
        entries.append((f'<g class="c">{NO_DIRECTION}</g>', "without a direction"))
    entries += read_entries(picture)
    first = max(round(layout.left), _PAD // 2)
    x, y, parts = first, _PAD, []
    for swatch, name in entries:
        room = _SWATCH + 5 + round(text_width(name, _LEGEND_SIZE))
        if x > first and x + room > layout.total - _PAD:
            x, y = first, y + _LEGEND_ROW
        parts.append(f'<g transform="translate({x} {y})">{colors.plain(swatch, 0)}<text x="{_SWATCH + 5}" y="10">{escape(name)}</text></g>')
        x += room + _GAP
    return f'<g font-size="12" fill="{MUTED}">{"".join(parts)}</g>\n' if parts else "", y + _LEGEND_ROW if parts else _PAD
