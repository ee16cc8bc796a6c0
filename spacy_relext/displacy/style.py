"""The style of all pictures of a page."""

LABEL_COLOURS = ("#0b62a8", "#a8480a", "#0a7355", "#8a3580", "#806000", "#b0203f", "#4a5568", "#4b4fc0")
DARK_LABEL_COLOURS = ("#79bdf5", "#f5a263", "#52cba4", "#e09ad6", "#dcbc4a", "#ff93a5", "#b3bccb", "#aeb1ff")
TYPE_COLOURS = ("#3d7dd8", "#d98a00", "#2e9e6b", "#b0529e", "#7a8290", "#c94f4f")
TYPE_DASHES = ("", "7 1.5", "5 2", "1.5 2", "8 2 2 2", "3 3")

_COMMON = """
@font-face{font-family:relext-dejavu;src:local("DejaVu Sans");size-adjust:86.5%}
.rx{--bg:#fff;--fg:#1c2026;--mut:#5b6470;--rule:#dfe3e8;--tint:.13;LIGHT;container-type:inline-size;background:var(--bg);color:var(--fg);
font:15px/1.5 Arial,"Liberation Sans",Helvetica,Arimo,relext-dejavu,sans-serif;padding:14px 0;margin:0;text-align:left}
@media screen and (prefers-color-scheme:dark){.rx{--bg:#15181d;--fg:#e4e7eb;--mut:#9aa4b1;--rule:#333a44;--tint:.3;DARK}}
.rx .P{position:relative;margin:0 auto;direction:ltr}.rx .N{display:none}
@container (max-width:899px){.rx .V{zoom:.9}}@container (max-width:809px){.rx .V{zoom:.81}}
@container (max-width:728px){.rx .V{display:none}.rx .N{display:block}}
.rx .T{position:relative;padding:0;line-height:0;white-space:pre-wrap;pointer-events:none;text-align:start;text-indent:0;word-spacing:0;
letter-spacing:0;
font-size:15px;font-weight:400;font-kerning:none;font-variant-ligatures:none;font-size-adjust:none;
font-family:Arial,"Liberation Sans",Helvetica,Arimo,relext-dejavu,sans-serif!important}
.rx .B{display:inline-block;position:relative;z-index:0;width:100%;vertical-align:top}
.rx .B>svg{position:absolute;z-index:-1;left:0;top:0;width:100%;height:100%;overflow:visible;direction:ltr;max-width:none}
.rx .T b,.rx .T span span,.rx .B>span{display:inline-block;line-height:26px;height:26px;white-space:pre;pointer-events:auto;font-weight:400}
.rx .T i{display:inline-block;width:100%;vertical-align:top}.rx .T .z{color:transparent}
.rx .f{appearance:none;display:inline-block;position:relative;z-index:1;width:100%;height:14px;margin:0 0 -14px;vertical-align:top;border:0;
pointer-events:auto;cursor:pointer;font:11px/14px Arial,"Liberation Sans",sans-serif;color:var(--mut)}
.rx .f::before{content:"▾ " attr(aria-label)}.rx .f:not(:checked)::before{content:"▸ " attr(aria-label)}
.rx .f:not(:checked)+.B{height:40px!important;overflow-y:clip;overflow-x:visible}
.rx .B text{font-size:10.5px;text-anchor:middle;user-select:none;-webkit-user-select:none;fill:currentColor}.rx .l{pointer-events:none}
.rx .l rect{fill:var(--bg)}
.rx .B .S{font-size:15px;text-anchor:start;fill:var(--fg);white-space:pre}
.rx .B :is(path,line){fill:none;stroke:currentColor;stroke-width:1.25;stroke-linejoin:round}.rx .B .w2{stroke-width:1.7}
.rx .B .w0{stroke-width:.8}
.rx .d{stroke-dasharray:5 3}.rx .o{stroke-dasharray:1.5 2.5}.rx .q{stroke-dasharray:6 2 1.5 2}
.rx .B .x{stroke:none;fill:currentColor}.rx .B .e{stroke:transparent;stroke-width:9;pointer-events:stroke}
.rx .B .e:hover{stroke:currentColor;stroke-width:2.6}
.rx .m{fill:var(--t);fill-opacity:var(--tint)}.rx .B .u{stroke:var(--t);stroke-width:2}
.rx .y{fill:var(--fg);fill-opacity:.65}.rx .y0{fill-opacity:.2}.rx .y1{fill-opacity:.4}
.rx:has(.e:is(:hover,:focus)) :is(.v,.x,.h,.l){opacity:.25}
.rx .g{display:block;font-size:12px;line-height:18px;text-align:right;color:var(--mut);user-select:none;-webkit-user-select:none}
"""


def style_sheet(n_mentions: int, n_relations: int) -> str:
    """The style of all figures of a page. n_mentions, n_relations: The most that one of them has."""
    light = ";".join(f"--r{number}:{colour}" for number, colour in enumerate(LABEL_COLOURS))
    dark = ";".join(f"--r{number}:{colour}" for number, colour in enumerate(DARK_LABEL_COLOURS))
    rules = [_COMMON.replace("LIGHT", light).replace("DARK", dark)]
    rules += [f".rx .k{number}{{color:var(--r{number})}}" for number in range(len(LABEL_COLOURS))]
    for number, (colour, dash) in enumerate(zip(TYPE_COLOURS, TYPE_DASHES, strict=True)):
        rules.append(f".rx .t{number}{{--t:{colour}}}" + (f".rx .u.t{number}{{stroke-dasharray:{dash}}}" if dash else ""))
    for number in range(n_mentions):
        rules.append(f".rx:has(.a{number}:is(:hover,:focus)) .m{number}{{fill-opacity:.42}}")
        rules.append(f".rx:has(.n{number}:hover) .B .a{number}{{stroke:currentColor;stroke-width:2.4}}")
    rules += [
        f".rx:has(.e{number}:is(:hover,:focus)) .B .e{number}{{stroke:currentColor;stroke-width:2.6}}" for number in range(n_relations)
    ]
    return "".join(rules)
