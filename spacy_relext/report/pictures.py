"""An error as a picture: its sentence, the mentions in it, and the relations that are missed or wrong."""

from collections.abc import Sequence
from typing import Any

from spacy.displacy import get_doc_settings
from spacy.tokens import Doc

from spacy_relext.report.analysis import Claim, Place
from spacy_relext.report.layout import Extent, Layout


def picture(
    doc: Doc, title: str, layout: Layout, context: Extent, mentions: Sequence[Place], annotated: Claim | None, predicted: Claim | None
) -> dict[str, Any]:
    """What `displacy.render(…, manual=True)` takes. doc: For its text and language. context: The characters that are shown of it."""
    first, end = context
    claims = [claim for claim in (annotated, predicted) if claim is not None]
    ends = {place for claim in claims for place in (claim.head, claim.tail)}
    shown = {place for place in mentions if first <= place.start and place.end <= end} | ends
    places = sorted(shown, key=lambda place: (place.start, -place.end, place.type))
    sentences = [
        (max(int(start), first), min(int(stop), end))
        for start, stop in zip(layout.sentence_starts, layout.sentence_ends, strict=True)
        if start < end and stop > first
    ]
    return {
        "text": doc.text[first:end],
        "ents": [
            {"start": place.start - first, "end": place.end - first, "label": place.type, "kb_id": "", "kb_url": "#"} for place in places
        ],
        # What was read is shown once, for what the model said rather than for what it missed.
        "rels": [_relation(claim, places, context, missed=claim is annotated, attention=claim is claims[-1]) for claim in claims],
        "sents": [[start - first, stop - first] for start, stop in sentences],
        "title": title,
        "settings": get_doc_settings(doc),
    }


def _relation(claim: Claim, places: list[Place], context: Extent, *, missed: bool, attention: bool) -> dict[str, Any]:
    first, end = context
    read = claim.attention if attention else ()
    asked = "no candidate pair" if claim.score is None else f"probability {claim.score:.2f}"
    return {
        "head": places.index(claim.head),
        "tail": places.index(claim.tail),
        "label": claim.label,
        # An annotated relation has no score of its own.
        "score": None if missed else claim.score,
        "symmetric": claim.symmetric,
        "status": "missed" if missed else "wrong",
        "uncertain": False,
        "attention": [[start - first, stop - first, weight] for start, stop, weight in read if first <= start and stop <= end],
        "note": asked if missed else "",
    }
