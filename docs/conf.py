"""Sphinx: `python -m sphinx -W -b html docs build/docs` builds the site, offline."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import reference_pages

import spacy_relext

project = "spacy-relext"
author = "The spacy-relext authors"
copyright = author
release = version = spacy_relext.__version__
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
# Anchors of headings as GitHub makes them, so that links lead to the same place there and here.
myst_heading_anchors = 4
# `--option` in a sentence keeps its two hyphens.
smartquotes = False
html_theme = "pydata_sphinx_theme"
html_title = "spacy-relext"
html_theme_options = {"navigation_with_keys": False, "show_prev_next": True, "secondary_sidebar_items": ["page-toc"]}
html_show_sourcelink = False
nitpicky = False


def setup(app):
    """Put what is made of the code into the pages."""
    app.connect("source-read", lambda app, name, source: source.__setitem__(0, reference_pages.resolve(source[0])))
