"""Relations as pictures: text in wrapped lines with arcs above them, as HTML and SVG without a script.

Used as spaCy's displaCy is:

    from spacy_relext import displacy
    displacy.render(doc)

The way of a picture: a Doc → `parsing` → a dictionary → `picture` → lines, combs, lanes → `layout` → `drawing` → markup.
"""

from spacy.displacy import set_render_wrapper as set_render_wrapper

from spacy_relext.displacy.options import Options
from spacy_relext.displacy.parsing import parse_rels
from spacy_relext.displacy.rendering import render, serve

__all__ = ["Options", "parse_rels", "render", "serve"]
