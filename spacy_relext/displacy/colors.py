"""The colours of labels and types, as numbers of the style sheet's classes, and a caller's own, which must be plain CSS colours."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import catalogue
from spacy.util import registry

from spacy_relext.displacy.picture import Picture
from spacy_relext.errors import RelextError

# Light and dark. Labels have a contrast of 5.8 to 7.5 on white, and of 8.3 to 9.6 on the dark ground; types are tints and underlines.
LABEL_COLORS = (
    ("#0b62a8", "#79bdf5"),
    ("#a8480a", "#f5a263"),
    ("#0a7355", "#52cba4"),
    ("#8a3580", "#e09ad6"),
    ("#806000", "#dcbc4a"),
    ("#b0203f", "#ff93a5"),
    ("#4a5568", "#b3bccb"),
    ("#4b4fc0", "#aeb1ff"),
)
TYPE_COLORS = (
    ("#3d7dd8", "#5c97ea"),
    ("#d98a00", "#e8a02c"),
    ("#2e9e6b", "#3fb880"),
    ("#b0529e", "#cf72bd"),
    ("#7a8290", "#98a1b0"),
    ("#c94f4f", "#e07070"),
)
# Of the underlines of types, as `stroke-dasharray`: colour is not all that tells them apart.
TYPE_DASHES = ("", "7 1.5", "5 2", "1.5 2", "8 2 2 2", "3 3")
# By the number of a type, its colours and dashes: where a colour comes again, the dashes are others.
TYPE_LOOKS = tuple((TYPE_COLORS[i % 6], TYPE_DASHES[(i + i // 6) % 6]) for i in range(18))

_NAMED = (
    "aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue blueviolet brown burlywood cadetblue chartreuse "
    "chocolate coral cornflowerblue cornsilk crimson cyan darkblue darkcyan darkgoldenrod darkgray darkgreen darkgrey darkkhaki "
    "darkmagenta darkolivegreen darkorange darkorchid darkred darksalmon darkseagreen darkslateblue darkslategray darkslategrey "
    "darkturquoise darkviolet deeppink deepskyblue dimgray dimgrey dodgerblue firebrick floralwhite forestgreen fuchsia gainsboro "
    "ghostwhite gold goldenrod gray green greenyellow grey honeydew hotpink indianred indigo ivory khaki lavender lavenderblush lawngreen "
    "lemonchiffon lightblue lightcoral lightcyan lightgoldenrodyellow lightgray lightgreen lightgrey lightpink lightsalmon lightseagreen "
    "lightskyblue lightslategray lightslategrey lightsteelblue lightyellow lime limegreen linen magenta maroon mediumaquamarine mediumblue "
    "mediumorchid mediumpurple mediumseagreen mediumslateblue mediumspringgreen mediumturquoise mediumvioletred midnightblue mintcream "
    "mistyrose moccasin navajowhite navy oldlace olive olivedrab orange orangered orchid palegoldenrod palegreen paleturquoise "
    "palevioletred papayawhip peachpuff peru pink plum powderblue purple rebeccapurple red rosybrown royalblue saddlebrown salmon "
    "sandybrown seagreen seashell sienna silver skyblue slateblue slategray slategrey snow springgreen steelblue tan teal thistle tomato "
    "turquoise violet wheat white whitesmoke yellow yellowgreen"
)
_NAMES = frozenset(_NAMED.split())
_HEX = r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})(?![0-9a-z])"
_FUNCTION = r"(?:rgb|rgba|hsl|hsla|hwb|lab|lch|oklab|oklch)\([0-9a-z.,%/ +-]*\)"
_COLOR = re.compile(rf"{_HEX}|{_FUNCTION}|[a-z]+")
_GRADIENT = re.compile(r"(?:repeating-)?(?:linear|radial|conic)-gradient\((.*)\)", flags=re.DOTALL)


def checked_color(color: Any, name: str) -> str:
    """A colour as CSS writes it; of a gradient, as displaCy takes it for a background, the first colour.

    RAISES: RelextError for what is no colour. Nothing else gets into the style of a page.
    """
    wanted = color.strip().lower() if isinstance(color, str) else ""
    gradient = _GRADIENT.fullmatch(wanted)
    for found in _COLOR.findall(gradient[1]) if gradient else [wanted]:
        if _COLOR.fullmatch(found) and (not found.isalpha() or found in _NAMES):
            return str(found)
    raise RelextError(
        f'the colour of {name!r:.60} is {color!r:.60}; expected one that CSS knows, as "#0b62a8", "teal" or "rgb(11, 98, 168)".'
    )


# Without entry points: these are looked for once, since that takes longer than most of a picture.
_REGISTERED = catalogue.Registry(registry.displacy_colors.namespace)


@cache
def _installed_colors() -> dict[str, Any]:
    return registry.displacy_colors.get_entry_points()  # type: ignore[no-any-return]


def registered_colors() -> dict[str, str]:
    """The colours that installed packages give: entry points of the group `spacy_displacy_colors`, as for displaCy."""
    found: dict[str, str] = {}
    for package, given in (_installed_colors() | _REGISTERED.get_all()).items():
        given = given() if callable(given) else given
        if not isinstance(given, Mapping):
            raise RelextError(f"the entry point {package!r} of spacy_displacy_colors gives {given!r:.60}; expected a dict of colours.")
        found.update({name: checked_color(color, name) for name, color in given.items()})
    return found


@dataclass(frozen=True)
class Palette:
    """The colours of labels and types, which are the same in all pictures of a page.

    labels, types (Dict[str, int]): The number of the class (k3, t1) by name. Our colours come again; those of a caller have numbers beyond.
    own (str): The caller's colours, as the value of the attribute `style` of each figure. rules (str): The classes that take them.
    """

    labels: Mapping[str, int]
    types: Mapping[str, int]
    own: str = ""
    rules: str = ""

    @classmethod
    def of(cls, pictures: Iterable[Picture], colors: Mapping[str, str] | None = None) -> "Palette":
        """The palette of some pictures. colors: Of labels and types; they go before those of installed packages."""
        names = [
            (Counter(relation.label for relation in picture.relations), Counter(mention.type for mention in picture.mentions))
            for picture in pictures
        ]
        given = registered_colors() | {name: checked_color(color, name) for name, color in (colors or {}).items()}
        labels, own_labels = _numbered([labels for labels, _ in names], given, len(LABEL_COLORS))
        types, own_types = _numbered([types for _, types in names], given, len(TYPE_LOOKS))
        own = [_clamped(f"--r{i}", color, 0.52, 0.75) for i, color in own_labels.items()]
        own += [_clamped(f"--t{i}", color, 0.65, 0.6) for i, color in own_types.items()]
        rules = [f".rx .k{i}{{color:var(--r{i})}}" for i in own_labels] + [f".rx .t{i}{{--t:var(--t{i})}}" for i in own_types]
        return cls(labels, types, ";".join(own), "".join(rules))


def _numbered(pictures: Sequence[Counter[str]], given: Mapping[str, str], n_ours: int) -> tuple[dict[str, int], dict[int, str]]:
    """Numbers by name, those of the most frequent ones first, and the colours of a caller by number.

    pictures: The names in each. Where our colours come again, those of one picture differ if that can be.
    """
    names: Counter[str] = Counter()
    for found in pictures:
        names.update(found)
    ordered = sorted(names, key=lambda name: (-names[name], name))
    ours = [name for name in ordered if name not in given]
    own = [name for name in ordered if name in given]
    numbers: dict[str, int] = {}
    for i, name in enumerate(ours):
        beside = [found for found in pictures if name in found] if i >= n_ours else []
        taken = {numbers[other] for found in beside for other in found if other in numbers}
        numbers[name] = next((k % n_ours for k in range(i, i + n_ours) if k % n_ours not in taken), i % n_ours)
    numbers |= {name: n_ours + i for i, name in enumerate(own)}
    return numbers, {numbers[name]: given[name] for name in own}


def _clamped(name: str, color: str, dark: float, light: float) -> str:
    """A colour, darker on a light ground and lighter on a dark one: displaCy's colours are grounds, ours are lines and words."""
    return f"{name}:light-dark(oklch(from {color} min(l,{dark}) c h),oklch(from {color} max(l,{light}) c h))"
