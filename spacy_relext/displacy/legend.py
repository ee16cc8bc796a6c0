"""The legend of a picture: types of mentions, and the signs that say how relations stand to an annotation."""

from collections.abc import Iterator
from html import escape

from spacy_relext.displacy import combs
from spacy_relext.displacy.colors import Palette
from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.table import cell

# The sign before a label, and the class of its lines. Line style and sign say what the colour does not.
SIGNS = {status: (combs.SIGNS[status], dash) for status, dash in (("right", ""), ("missed", "d"), ("wrong", "o"))}
UNCERTAIN_SIGN = (combs.UNCERTAIN_SIGN, "q")
# A filled dot at one side and a hollow one at the other, in the place of an arrowhead.
NO_DIRECTION = '<path class="x" d="M3 6a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0-4.4 0"/><path class="v" d="M14 6a2 2 0 1 0 4 0a2 2 0 1 0-4 0"/>'


def legend(picture: Picture, palette: Palette) -> str:
    """The legend; nothing where there is nothing to say."""
    entries = "".join(f"<span>{entry}</span>" for entry in _entries(picture, palette))
    return f'<div class="K">{entries}</div>' if entries else ""


def _entries(picture: Picture, palette: Palette) -> Iterator[str]:
    for kind in sorted({mention.type for mention in picture.mentions}):
        number = palette.types[kind]
        box = f'<rect class="m t{number}" width="22" height="10" rx="2.5"/><path class="u t{number}" d="M0 11H22"/>'
        yield f"{_swatch(box)}{cell(kind, 40) or '(no type)'}"
    statuses = {relation.status for relation in picture.relations}
    for status, (sign, classes) in SIGNS.items():
        if status in statuses:
            yield f"{_line(classes)}{sign} {escape(status)}"
    if any(relation.uncertain for relation in picture.relations):
        yield f"{_line(UNCERTAIN_SIGN[1])}{UNCERTAIN_SIGN[0]} uncertain"
    if any(relation.symmetric for relation in picture.relations):
        yield f"{_swatch(NO_DIRECTION)}without a direction"
    for bars, said in read_entries(picture):
        yield f"{_swatch(bars)}{said}"


def read_entries(picture: Picture) -> list[tuple[str, str]]:
    """Bars of what was read for relations, or speaks for and against them, and what they say."""
    weights = [weight for relation in picture.relations for *_, weight in relation.attention]

    def bars(kind: str) -> str:
        return "".join(f'<rect class="{kind} {kind}{i}" x="{8 * i}" y="6" width="6" height="3"/>' for i in range(3))

    if any(weight < 0 for weight in weights):
        return [(bars("y"), "speaks for a relation: the more, the darker"), (bars("g"), "speaks against one")]
    return [(bars("y"), "read for a relation: the more, the darker")] if weights else []


def _line(classes: str) -> str:
    return _swatch(f'<path class="v {classes}" d="M0 6H22"/>'.replace(' "', '"'))


def _swatch(drawn: str) -> str:
    return f'<svg width="22" height="12" aria-hidden="true">{drawn}</svg>'
