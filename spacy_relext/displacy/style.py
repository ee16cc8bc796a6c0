"""The style of pictures: plain CSS, which lights up a relation and its mentions, chooses the layout that fits, and follows dark themes.

| class | what has it |
|---|---|
| `rx` | a figure; the number of a mention or relation is its place in the `Picture` |
| `h` `K` `b` | directly in it: its title, legend and table |
| `P` | a layout; `V`, `M`, `N` where there are several, the widest first. What is in it: see `drawing` |
| `n3` `m3` `a3` | the words of a mention, its box, and whatever it takes part in |
| `e` `e3` | the way of a relation, and its row |
| `v` `x` `h` `l` | in a comb, `c`: lines, marks, hollow marks, labels |
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from spacy_relext.displacy.colors import LABEL_COLORS, TYPE_COLORS, TYPE_DASHES, TYPE_LOOKS
from spacy_relext.displacy.options import NARROW, WIDE

# The most mentions and relations of a picture that are lit up by their numbers. Later ones are lit by themselves alone.
MOST_LIT = 200
# The classes of layouts, by how many there are.
LAYOUTS = {1: ("",), 2: ("V", "N"), 3: ("V", "M", "N")}
# A layout shrinks to this share of its width, below which words are too small; then the next narrower one is shown.
SMALLEST = 0.8

_FONT = 'Arial,"Liberation Sans",Helvetica,Arimo,relext-dejavu,sans-serif'
_BASE = f"""
@font-face{{font-family:relext-dejavu;src:local("DejaVu Sans");size-adjust:86.5%}}
.rx{{--bg:light-dark(#fff,#15181d);--fg:light-dark(#1c2026,#e4e7eb);--mut:light-dark(#5b6470,#9aa4b1);--rule:light-dark(#dfe3e8,#333a44);
container-type:inline-size;background:var(--bg);color:var(--fg);font:15px/1.5 {_FONT};margin:0;padding:14px 0;text-align:start}}
[data-jp-theme-light=false] .rx,.vscode-dark .rx,html[theme=dark] .rx{{color-scheme:dark}}
[data-jp-theme-light=true] .rx,.vscode-light .rx,html[theme=light] .rx{{color-scheme:light}}
.rx>:is(.h,.K,.b){{max-width:900px;margin:0 auto;font-size:13px;color:var(--mut);user-select:none;-webkit-user-select:none}}
.rx>.h{{font-size:15px;font-weight:700;color:var(--fg);overflow-wrap:anywhere}}
.rx .K{{display:flex;flex-wrap:wrap;gap:2px 14px;margin-bottom:6px;font-size:12px}}
.rx .K span{{display:inline-flex;align-items:center;gap:5px;overflow-wrap:anywhere}}
.rx .K svg{{flex:none;overflow:visible}}
.rx .P{{position:relative;margin:0 auto;direction:ltr}}
.rx :is(.M,.N){{display:none}}
.rx .T{{position:relative;padding:0;line-height:0;white-space:pre-wrap;pointer-events:none;text-align:start;text-indent:0;word-spacing:0;
letter-spacing:0;hyphens:none;font-size:15px;font-weight:400;font-style:normal;font-kerning:none;font-variant-ligatures:none;
font-size-adjust:none;font-family:{_FONT}!important}}
.rx .B{{display:inline-block;position:relative;width:100%;vertical-align:top}}
.rx .L{{position:absolute;top:0}}
.rx .L svg{{display:block;width:100%;height:100%;overflow:visible;max-width:none}}
.rx .T b,.rx .T span span,.rx .B>span{{
display:inline-block;line-height:26px;height:26px;white-space:pre;pointer-events:auto;font-weight:400}}
.rx .T i{{display:inline-block;width:100%;vertical-align:top}}
.rx .T b.j{{height:0;line-height:0}}
.rx .T .z{{color:transparent;forced-color-adjust:none}}
.rx .f{{appearance:none;display:inline-block;position:relative;z-index:1;width:100%;height:14px;margin:0 0 -14px;vertical-align:top;
border:0;pointer-events:auto;cursor:pointer;font:11px/14px {_FONT};color:var(--mut)}}
.rx .f::before{{content:"▾ " attr(aria-label)}}
.rx .f:not(:checked)::before{{content:"▸ " attr(aria-label)}}
.rx .f:not(:checked)+.B{{height:40px!important;overflow-y:clip;overflow-x:visible}}
.rx .L text{{font-size:10.5px;text-anchor:middle;user-select:none;-webkit-user-select:none;fill:currentColor}}
.rx .L .S{{font-size:15px;text-anchor:start;fill:var(--fg);white-space:pre}}
.rx svg :is(path,line){{fill:none;stroke:currentColor;stroke-width:1.25;stroke-linejoin:round}}
.rx svg .w0{{stroke-width:.8}}
.rx svg .w2{{stroke-width:1.7}}
.rx .d{{stroke-dasharray:5 3}}
.rx .o{{stroke-dasharray:1.5 2.5}}
.rx .q{{stroke-dasharray:6 2 1.5 2}}
.rx svg .x{{stroke:none;fill:currentColor}}
.rx .l{{pointer-events:none}}
.rx .l rect{{fill:var(--bg)}}
.rx svg .e{{stroke:transparent;stroke-width:9;pointer-events:stroke}}
.rx svg .e:hover{{stroke:currentColor;stroke-width:2.6}}
.rx .m{{fill:var(--t);fill-opacity:.17}}
.rx svg .u{{stroke:var(--t);stroke-width:2}}
.rx .y{{fill:var(--fg)}}
.rx .g{{fill:none;stroke:var(--fg)}}
.rx :is(.y,.g){{opacity:.65}}
.rx :is(.y0,.g0){{opacity:.2}}
.rx :is(.y1,.g1){{opacity:.4}}
.rx:has(.e:is(:hover,:focus)) .c :is(.v,.x,.h,.l){{opacity:.25}}
.rx .c:hover .l{{opacity:1!important}}
.rx .more{{display:block;font-size:12px;line-height:18px;text-align:end;color:var(--mut);user-select:none;-webkit-user-select:none}}
.rx summary{{cursor:pointer;padding:4px 0}}
.rx .b a{{color:inherit}}
.rx p.s{{margin:4px 0}}
.rx table{{border-collapse:collapse;width:auto;margin:0;font-size:13px;color:var(--fg)}}
.rx :is(td,th){{padding:3px 12px 3px 0;border:0;border-bottom:1px solid var(--rule);text-align:start;vertical-align:top;
overflow-wrap:break-word;background:none}}
.rx :is(td,th):first-child{{padding-inline-start:4px}}
.rx td.s{{font-variant-numeric:tabular-nums}}
.rx .b{{overflow-x:auto}}
.rx tr.e:is(:hover,:focus) td{{background:var(--rule)}}
.rx :is(a,summary,tr,input):focus-visible{{outline:2px solid currentColor;outline-offset:-2px}}
@media print{{.rx :is(.h,.K){{break-after:avoid}}
.rx{{color-scheme:light!important;print-color-adjust:exact;-webkit-print-color-adjust:exact}}.rx tr{{break-inside:avoid}}
.rx .b::details-content{{display:block;content-visibility:visible}}.rx .f{{display:none}}}}
@media (forced-colors:active){{.rx{{--bg:Canvas;--fg:CanvasText;--mut:CanvasText;--rule:CanvasText}}.rx .c{{color:CanvasText!important}}}}
"""
# For a page with many pictures, of which the browser lays out those that are seen.
MANY = ".rx{content-visibility:auto;contain-intrinsic-size:auto 300px}"
_LIT = ":is(:hover,:focus)"


@lru_cache(maxsize=8)
def style_sheet(n_mentions: int, n_relations: int, width: int | Sequence[int] = (WIDE, NARROW)) -> str:
    """The style of all figures of a page.

    n_mentions, n_relations: The most that one of them has. width: As in the options of the figures.
    """
    return "".join(_rules(min(n_mentions, MOST_LIT), min(n_relations, MOST_LIT), width)).replace("\n", "")


def _rules(n_mentions: int, n_relations: int, width: int | Sequence[int]) -> Iterator[str]:
    yield _BASE
    for i, colors in enumerate(LABEL_COLORS):
        yield f".rx .k{i}{{color:light-dark({','.join(colors)})}}"
    for colors in TYPE_COLORS:
        alike = ",".join(f".t{i}" for i, look in enumerate(TYPE_LOOKS) if look[0] == colors)
        yield f".rx :is({alike}){{--t:light-dark({','.join(colors)})}}"
    for dashes in filter(None, TYPE_DASHES):
        alike = ",".join(f".t{i}" for i, look in enumerate(TYPE_LOOKS) if look[1] == dashes)
        yield f".rx .u:is({alike}){{stroke-dasharray:{dashes}}}"
    yield from _layouts([width] if isinstance(width, int) else sorted(set(width), reverse=True))
    yield from _joined((f".rx:has(.a{i}{_LIT}) .m{i}" for i in range(n_mentions)), "fill-opacity:.37")
    yield from _joined((f".rx:has(.n{i}:hover) svg .a{i}" for i in range(n_mentions)), "stroke:currentColor;stroke-width:2.4")
    yield from _joined((f".rx:has(.e{i}{_LIT}) svg .e{i}" for i in range(n_relations)), "stroke:currentColor;stroke-width:2.6")
    yield from _joined((f".rx:has(.e{i}{_LIT}) .e{i}~.l" for i in range(n_relations)), "opacity:1!important")


def _joined(selectors: Iterator[str], declarations: str) -> Iterator[str]:
    """One rule for many selectors."""
    joined = ",".join(selectors)
    if joined:
        yield f"{joined}{{{declarations}}}"


def _layouts(widths: Sequence[int]) -> Iterator[str]:
    """Each layout as wide as its place at the most, and of several the widest that need not shrink too much."""
    names = LAYOUTS[len(widths)]
    for name, width in zip(names, widths, strict=True):
        # The quotient of two lengths, in hundredths, which CSS has no other way to.
        yield f".rx .{name or 'P'}{{zoom:min(1,round(down,tan(atan2(100cqw + .2px,{width}px)),.01))}}"
    for wider, name, width in zip(names, names[1:], widths, strict=False):
        yield f"@container (max-width:{width * SMALLEST - 0.01:.2f}px){{.rx .{wider}{{display:none}}.rx .{name}{{display:block}}}}"
