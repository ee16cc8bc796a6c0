"""Whatever labels, types, titles, identifiers and texts say: no element and no attribute that is not ours."""

import random
import re

from lxml import html

from spacy_relext.displacy.options import Options
from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.rendering import html_of

TAG_NAMES = (
    "html head meta title style body main h1 figure figcaption div p b i span svg g rect path line text a input details summary table "
    "thead tbody tr th td wbr bdi"
)
ATTRIBUTES = set(
    "class style id dir lang width height x y x1 x2 y1 y2 rx d title aria-hidden aria-label type tabindex scope href rel textLength "
    "lengthAdjust direction text-anchor charset name content http-equiv viewBox".lower().split()
)
PARTS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '" onmouseover="alert(1)', "' onclick='alert(1)'", "</style><script>",
    "--></p></figure>", "<svg/onload=alert(1)>", "&lt;b&gt;", "&#60;b&#62;", "]]>", "<!--", "\x00", "\x0b", "\x7f", "\r\n", "\t", "\u2028",
    "\u202e", "\ufeff", "javascript:alert(1)", "{{7*7}}", "${x}", "%s", "}</style>", "url(//x)", "\\", "`", "aspirin", "café", "药物", "💊",
    "وارفارين", "א", "e\u0301", "\u200d", "  ", "</title>", "<b", "=", "/>", "'", '"', "<", ">", "&",
]  # fmt: skip


def hostile(chance: random.Random, most: int = 4) -> str:
    return "".join(chance.choice(PARTS) for _ in range(chance.randint(1, most)))


def hostile_picture(chance: random.Random) -> Picture:
    """A picture all of whose strings are hostile."""
    words = [hostile(chance, 2) for _ in range(chance.randint(2, 12))]
    text, places = "", []
    for word in words:
        places.append((len(text), len(text) + len(word)))
        text += word + chance.choice(["", " ", "\n"])
    ents = [
        {"start": start, "end": end, "label": hostile(chance), "kb_id": hostile(chance), "kb_url": "https://x.org/" if i % 2 else "#"}
        for i, (start, end) in enumerate(places)
    ]
    pairs = [chance.sample(range(len(ents)), 2) for _ in range(chance.randint(1, 6))]
    rels = [
        {
            "head": head,
            "tail": tail,
            "label": hostile(chance) * chance.choice([1, 1, 200]),
            "score": chance.choice([None, 0.5]),
            "status": chance.choice(["", "right", "missed", "wrong"]),
            "uncertain": chance.random() < 0.3,
            "attention": [[*places[0], 0.5]],
            "note": hostile(chance),
            "sources": [hostile(chance)],
            "attributes": [hostile(chance)],
        }
        for head, tail in pairs
    ]
    settings = {"lang": hostile(chance), "direction": chance.choice(["ltr", "rtl"])}
    data = {"text": text, "ents": ents, "rels": rels, "title": hostile(chance), "settings": settings, "notes": [hostile(chance)]}
    return Picture.from_dict(data)


def foreign(markup: str) -> set[str]:
    """The elements and attributes of a page that are not ours."""
    tree = html.document_fromstring(markup.encode("utf8"))
    found = {str(element.tag) for element in tree.iter()} - set(TAG_NAMES.split())
    found |= {f"@{name}" for element in tree.iter() for name in element.attrib if name.lower() not in ATTRIBUTES}
    found |= {link for link in tree.xpath("//@href") if not re.fullmatch(r"https://x\.org/|#relations-[0-9a-f]{8}", link)}
    # Style is written by us alone.
    ours = re.compile(r"(?:--[rt]\d+|width|height|line-height|left|margin|color|--t)$")
    found |= {
        name for style in tree.xpath("//@style") for name in (part.partition(":")[0] for part in style.split(";")) if not ours.match(name)
    }
    return found


def test_nothing_foreign_gets_into_a_page():
    """A thousand pictures: `python -c "from tests.displacy.test_hostile import run; run(1000)"`; here less."""
    run(60)


def run(n: int) -> None:
    chance = random.Random(0)
    for i in range(n):
        options = Options(
            width=(900, 344) if i % 5 == 0 else chance.choice([300, 900]), compact=i % 3 == 0, max_lanes=chance.choice([1, 14])
        )
        assert not foreign(html_of([hostile_picture(chance)], options, page=True)), i


def test_what_is_foreign():
    assert foreign('<p onclick="x" style="background:red"><a href="//x">a</a><script></script>') == {
        "@onclick",
        "background",
        "//x",
        "script",
    }
