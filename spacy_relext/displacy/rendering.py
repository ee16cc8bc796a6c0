"""`render` and `serve`, with displaCy's parameters, names and defaults."""

import secrets
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server

from spacy import displacy
from spacy.errors import Warnings
from spacy.tokens import Doc, Span
from spacy.util import find_available_port, is_in_jupyter

from spacy_relext.displacy.colors import Palette
from spacy_relext.displacy.drawing import draw
from spacy_relext.displacy.legend import legend
from spacy_relext.displacy.options import NARROW, WIDE, Options
from spacy_relext.displacy.page import CONTENT_SECURITY_POLICY, html_page, language_of
from spacy_relext.displacy.parsing import parse, per_doc
from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.style import style_sheet
from spacy_relext.displacy.table import relation_table
from spacy_relext.displacy.terminal import ascii_lines, terminal_width
from spacy_relext.errors import RelextError
from spacy_relext.notices import logger

__all__ = ["figure", "html_of", "pictures_of", "render", "serve", "style_sheet"]

STYLE, TERMINAL = "rel", "ascii"
# Those of spaCy's displaCy, which draws them.
OTHERS = ("dep", "ent", "span")
Drawable = Doc | Span | dict[str, Any]


def render(
    docs: Iterable[Drawable] | Drawable,
    style: str = STYLE,
    page: bool = False,
    minify: bool = False,
    jupyter: bool | None = None,
    options: dict[str, Any] = {},  # noqa: B006 - displaCy's signature
    manual: bool = False,
) -> str:
    """Draw the relations of Docs, as `spacy.displacy.render` draws entities.

    docs (Doc | Span | Iterable): What is drawn; dictionaries, as `parse_rels` gives them, with `manual`.
    style (str): "rel"; "ascii" draws text for a terminal. "dep", "ent" and "span" are drawn by spaCy's displaCy.
    page (bool): A whole page, for wide and narrow screens unless a width is given. If left out: figures, and the style before them.
    minify (bool): Without line breaks between the parts. There is no other blank that a text does not have.
    jupyter (bool | None): Show it in a notebook; if left out, where there is one.
    options (Dict[str, Any]): How it is drawn: the names of `Options`.
    manual (bool): docs are dictionaries.
    RETURNS: HTML, without a script or anything from elsewhere, or with "ascii" lines of text. In a notebook it is shown: None.
    RAISES: RelextError for what is none of this.
    """
    if style in OTHERS:
        return displacy.render(docs, style=style, page=page, minify=minify, jupyter=jupyter, options=options, manual=manual)
    if style not in (STYLE, TERMINAL):
        known = ", ".join(map(repr, (STYLE, TERMINAL, *OTHERS)))
        raise RelextError(f"there is no style {style!r:.40}. There are: {known}.")
    # A page is read on telephones, too.
    chosen = Options.of({"width": (WIDE, NARROW), **options} if page and isinstance(options, Mapping) else options)
    pictures = pictures_of(docs, chosen, manual=manual)
    if style == TERMINAL:
        return "\n\n".join("\n".join(ascii_lines(picture, terminal_width())) for picture in pictures)
    html = html_of(pictures, chosen, page=page, minify=minify)
    if displacy.RENDER_WRAPPER is not None:
        html = displacy.RENDER_WRAPPER(html)
    if jupyter or (jupyter is None and is_in_jupyter()):
        from IPython.display import HTML, display

        # Without the class, notebooks take what is between two dollars for mathematics.
        shown: Any = HTML(f'<span class="tex2jax_ignore mathjax_ignore">{html}</span>')  # type: ignore[no-untyped-call]
        return display(shown)  # type: ignore[no-any-return, no-untyped-call]
    return html


def serve(
    docs: Iterable[Doc] | Doc,
    style: str = STYLE,
    page: bool = True,
    minify: bool = False,
    options: dict[str, Any] = {},  # noqa: B006 - displaCy's signature
    manual: bool = False,
    port: int = 5000,
    host: str = "127.0.0.1",
    auto_select_port: bool = False,
) -> None:
    """Show the relations of Docs in a browser, as `spacy.displacy.serve` does, until it is interrupted (Ctrl+C).

    docs, style, page, minify, options, manual: As in `render`. auto_select_port (bool): Take another port where this one is taken.
    host (str): displaCy's is "0.0.0.0", which whoever is in the network can see; here that has to be said.
    RAISES: RelextError as `render` does; ValueError, spaCy's, for a port that is taken.
    """
    if style in OTHERS:
        displacy.serve(docs, style, page, minify, options, manual, port, host, auto_select_port)
        return
    if is_in_jupyter():
        warnings.warn(Warnings.W011, stacklevel=2)
    shown = render(docs, style=style, page=page, minify=minify, jupyter=False, options=options, manual=manual)
    port = find_available_port(port, host, auto_select_port)
    with make_server(host, port, answering(shown, "html" if style == STYLE else "plain"), server_class=_Server) as server:
        # A warning, since whoever serves has to see it.
        logger.warning("Serving relations on http://%s:%s until it is interrupted (Ctrl+C).", host, port)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            logger.warning("Shutting down the server on port %s.", port)


class _Server(ThreadingMixIn, WSGIServer):
    """Answers a browser that opens several connections at once."""

    daemon_threads = True


def answering(text: str, kind: str) -> Callable[..., list[bytes]]:
    """A WSGI application that answers with one text. kind: "html" or "plain"."""
    body = text.encode("utf8")

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        found = environ.get("PATH_INFO", "/") == "/"
        headers = [
            ("Content-Type", f"text/{kind}; charset=utf-8"),
            ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
            ("X-Content-Type-Options", "nosniff"),
        ]
        start_response("200 OK" if found else "404 Not Found", headers)
        return [body if found else b""]

    return answer


def pictures_of(docs: Iterable[Drawable] | Drawable, options: Options, *, manual: bool = False) -> list[Picture]:
    """What is drawn of Docs, or of dictionaries. RAISES: RelextError for what cannot be drawn."""
    if not isinstance(docs, (Doc, Span, dict)) and (isinstance(docs, str) or not isinstance(docs, Iterable)):
        raise RelextError(f"expected a Doc, a Span or several, and saw {type(docs).__name__}, {docs!r:.60}.")
    given = [docs] if isinstance(docs, (Doc, Span, dict)) else list(docs)
    if manual:
        return [Picture.from_dict(data) for data in given]  # type: ignore[arg-type]
    return [
        Picture.from_dict(parse(doc, options, gold, attention))  # type: ignore[arg-type]
        for doc, (gold, attention) in zip(given, per_doc(options, len(given)), strict=True)
    ]


def html_of(pictures: Sequence[Picture], options: Options, *, page: bool = False, minify: bool = False) -> str:
    """Pictures with their style, as a page or a part of one."""
    palette = Palette.of(pictures, options.colors)
    n_mentions = max((len(picture.mentions) for picture in pictures), default=0)
    n_relations = max((len(picture.relations) for picture in pictures), default=0)
    style = style_sheet(n_mentions, n_relations, options.widths)
    between = "" if minify else "\n"
    figures = between.join(figure(picture, options, palette) for picture in pictures)
    return html_page(figures, style, pictures) if page else f"<style>{style}</style>{between}{figures}"


def figure(picture: Picture, options: Options, palette: Palette | None = None, *, bare: bool = False) -> str:
    """The markup of one picture: a figure, without the style that all of them share.

    palette: Gives labels and types the same colours in all pictures of a page. None: this one alone.
    bare: Without title, legend and table, where the page says the same. A table stays where not all is drawn.
    """
    palette = palette or Palette.of([picture], options.colors)
    own, rules = (f' style="{palette.own}"', f"<style>{palette.rules}</style>") if palette.own else ("", "")
    lang = f' lang="{language}"' if (language := language_of(picture)) else ""
    # Two pictures of a page must not have one id: one is there only where something refers to it.
    anchor = f"relations-{secrets.token_hex(4)}"
    drawn = draw(picture, options, labels=palette.labels, types=palette.types, more=f"#{anchor}")
    title = f'<figcaption class="h">{escape(picture.title)}</figcaption>' if picture.title else ""
    before = "" if bare else f"{title}{legend(picture, palette)}"
    table = "" if bare and not drawn.folded else relation_table(picture, anchor if drawn.folded else "")
    return f'<figure class="rx"{own}{lang} dir="{picture.direction}">{rules}{before}{drawn.markup}{table}</figure>'
