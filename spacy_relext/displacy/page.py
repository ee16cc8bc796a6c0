"""A page of pictures: one file, without a script or anything from elsewhere."""

import re
from collections.abc import Sequence
from html import escape

from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.style import MANY

CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
# From so many pictures on, those that are not seen are not laid out.
FEW = 8
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", flags=re.IGNORECASE)
_STYLE = """
html{color-scheme:light dark;background:light-dark(#fff,#15181d)}
@media print{html{color-scheme:light}}
body{margin:0}
main{padding:8px}
h1{font:700 18px Arial,sans-serif;margin:8px auto;max-width:900px;color:light-dark(#1c2026,#e4e7eb);overflow-wrap:anywhere;user-select:none;
-webkit-user-select:none}
""".replace("\n", "")


def language_of(picture: Picture) -> str:
    """The language of a picture as HTML names it; empty where there is none, as for spaCy's xx, which is that of several."""
    return picture.lang if _LANGUAGE.fullmatch(picture.lang) and picture.lang != "xx" else ""


def html_page(figures: str, style: str, pictures: Sequence[Picture]) -> str:
    """A page. figures, style: As HTML and CSS. pictures: Whose titles and languages it takes."""
    title = pictures[0].title if len(pictures) == 1 and pictures[0].title else "Relations"
    languages = {language_of(picture) for picture in pictures}
    start, end = page_around(title, style, len(pictures), (languages.pop() if len(languages) == 1 else "") or "en")
    return f"{start}{figures}\n{end}"


def page_around(title: str, style: str, n_pictures: int, lang: str = "en") -> tuple[str, str]:
    """What stands before the figures of a page, and behind them. lang: The language of the page."""
    start = (
        f'<!doctype html>\n<html lang="{escape(lang)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(CONTENT_SECURITY_POLICY)}">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}{MANY if n_pictures > FEW else ''}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>\n"
    )
    return start, "</main></body></html>\n"
