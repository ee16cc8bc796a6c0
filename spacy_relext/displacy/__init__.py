"""Relations as pictures: text in wrapped lines with arcs above them, as HTML and SVG without a script.

Used as spaCy's displaCy is:

    from spacy_relext import displacy
    displacy.render(doc)

The way of a picture: a Doc → `parsing` → a dictionary → `picture` → lines, combs, lanes → `layout` → `drawing` → markup.
"""

from spacy_relext.displacy.parsing import parse_rels
from spacy_relext.displacy.rendering import render, serve

__all__ = ["parse_rels", "render", "serve"]
