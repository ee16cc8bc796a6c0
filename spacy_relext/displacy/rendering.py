"""`render` and `serve`, with displaCy's parameters, names and defaults."""

from collections.abc import Iterable
from typing import Any

from spacy.tokens import Doc, Span

from spacy_relext.displacy.drawing import draw
from spacy_relext.displacy.options import Options
from spacy_relext.displacy.parsing import parse_rels
from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.style import style_sheet

__all__ = ["figure", "render", "serve", "style_sheet"]


def render(
    docs: Iterable[Doc | Span | dict[str, Any]] | Doc | Span | dict[str, Any],
    style: str = "rel",
    page: bool = False,
    minify: bool = False,
    jupyter: bool | None = None,
    options: dict[str, Any] = {},  # noqa: B006 - displaCy's signature
    manual: bool = False,
) -> str:
    """Draw the relations of Docs, as `spacy.displacy.render` draws entities.

    RETURNS: HTML; in a notebook it is shown.
    """
    listed = [docs] if isinstance(docs, (Doc, Span, dict)) else list(docs)
    pictures = [Picture.from_dict(doc if isinstance(doc, dict) else parse_rels(doc, options)) for doc in listed]
    chosen = Options.of(options)
    return "".join(figure(picture, chosen) for picture in pictures)


def serve(
    docs: Iterable[Doc] | Doc,
    style: str = "rel",
    page: bool = True,
    minify: bool = False,
    options: dict[str, Any] = {},  # noqa: B006 - displaCy's signature
    manual: bool = False,
    port: int = 5000,
    host: str = "127.0.0.1",
    auto_select_port: bool = False,
) -> None:
    """Show the relations of Docs in a browser, as `spacy.displacy.serve` does."""
    raise NotImplementedError


def figure(picture: Picture, options: Options) -> str:
    """The markup of one picture: a figure, without the style that all of them share."""
    return f'<figure class="rx">{draw(picture, options).markup}</figure>'
