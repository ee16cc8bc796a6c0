"""Docs with relations for the tests of pictures."""

import re

import spacy
from spacy.tokens import Doc, Span

from spacy_relext.relations import Relation, set_relations

NLP = spacy.blank("en")


def make(text: str, relations: list[tuple], **more) -> Doc:
    """A Doc of a text in which mentions are marked, [aspirin|DRUG], and relations: head and tail by number, label, score, or what else."""
    plain, places, end = "", [], 0
    for mark in re.finditer(r"\[([^|\]]*)\|([^\]]*)\]", text):
        plain += text[end : mark.start()]
        places.append((len(plain), len(plain) + len(mark[1]), mark[2]))
        plain += mark[1]
        end = mark.end()
    doc = NLP(plain + text[end:])
    for token in doc:
        token.is_sent_start = token.i == 0 or doc[token.i - 1].text == "."
    spans = [doc.char_span(start, stop, label=kind, alignment_mode="expand") for start, stop, kind in places]
    doc.ents = spans
    set_relations(doc, [Relation(spans[head], spans[tail], label, **dict(*rest)) for head, tail, label, *rest in relations])
    doc.user_data.update(more)
    return doc


TEXT = "[Rifampicin|DRUG] lowers [warfarin|DRUG] and [digoxin|DRUG]. It induces [CYP3A4|GENE]."


def example() -> Doc:
    """Three relations of three scores, one of them uncertain, and one across sentences."""
    return make(
        TEXT,
        [
            (0, 1, "LOWERS", {"score": 0.9, "sources": "ours"}),
            (0, 2, "LOWERS", {"score": 0.4, "sources": "ours", "status": "uncertain"}),
            (0, 3, "INDUCES", {"score": 0.7, "sources": ["ours", "rules"], "attributes": ["novel"]}),
        ],
    )


def span(doc: Doc, text: str, label: str = "DRUG") -> Span:
    """The first mention of a text."""
    start = doc.text.index(text)
    return doc.char_span(start, start + len(text), label=label)
