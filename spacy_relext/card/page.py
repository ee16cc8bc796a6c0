"""The README of a pipeline as Markdown."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import jinja2
from spacy.language import Language
from spacy.tokens import Doc

import spacy_relext
from spacy_relext.card import MARKER, sections
from spacy_relext.card.about import About
from spacy_relext.card.metadata import MENTIONS, header, package_name
from spacy_relext.pipeline.checks import mention_finders
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.relations import get_relations
from spacy_relext.report.words import percent

Figures = dict[str, Any]


def make_page(
    nlp: Language,
    pipes: Sequence[RelationExtractor],
    meta: Mapping[str, Any],
    about: About,
    figures: Mapping[str, Figures | None],
    doc: Doc | None,
    picture: str,
) -> tuple[str, list[str]]:
    """The README, and what it says is not stated or not measured.

    meta: As `metadata.filled` gives it. figures: By extractor. doc: The example, as the pipeline has read it. picture: The file of it.
    """
    extractors = [sections.extractor_section(nlp, pipe, figures[pipe.name]) for pipe in pipes]
    measured_on = next((found["data"] for found in figures.values() if found is not None), "")
    test = about.test or measured_on
    context = {
        "header": header(meta, about, figures, test),
        "name": package_name(meta),
        "meta": meta,
        "about": about,
        "picture": f"{about.files_url.rstrip('/')}/{picture}" if about.files_url and picture else picture,
        "example": about.example,
        "relations": [] if doc is None else get_relations(doc),
        "finders": mention_finders(nlp),
        "extractors": extractors,
        "sources": (*about.data, *((about.encoder,) if about.encoder else ())),
        "mentions": MENTIONS,
        "test": test,
        "not_tested": sections.not_tested(nlp, extractors, about.not_tested),
        "made_of": sections.made_of(nlp, meta),
        "version": spacy_relext.__version__,
        "marker": f"{MARKER} {spacy_relext.__version__}",
    }
    return _template().render(context), sections.missing(about, meta, extractors)


@cache
def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("spacy_relext.card")
    environment = jinja2.Environment(
        loader=loader, autoescape=False, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {
        "cell": cell,
        "linked": linked,
        "percent": percent,
        "interval": lambda estimate: f"{percent(estimate['low'])}–{percent(estimate['high'])}",
        "documents": sections.documents,
        "tojson_text": lambda text: json.dumps(text, ensure_ascii=False),
        "versions": lambda versions: ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    return environment.get_template("card.md")


def cell(text: str) -> str:
    """A text in a cell of a table: one line, without what ends the cell."""
    return " ".join(str(text).split()).replace("|", "\\|")


def linked(text: str, url: str) -> str:
    """The same, with a link where there is an address."""
    return f"[{cell(text)}]({url})" if url else cell(text)
