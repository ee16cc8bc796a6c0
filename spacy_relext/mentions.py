"""What other components know of a mention: its concept, and what it abbreviates. None of them need be installed or imported."""

from collections.abc import Callable
from typing import Any

from spacy.tokens import Doc, Span

# Every mention, nested and overlapping ones too, is in `doc.spans[SPANS_KEY]`; `doc.ents` holds those that do not overlap.
SPANS_KEY = "mentions"
# What spaCy's entity_linker calls an entity for which it finds no concept.
NIL = "NIL"
# The extensions in which scispaCy's pipes leave their results, filed in `doc.user_data` as spaCy files those of spans.
KB_ENTS, LONG_FORM = "kb_ents", "long_form"


def kb_id_of(span: Span) -> str:
    """The identifier of a mention's concept, or an empty string.

    The first of: its own `kb_id_`, or that of the entity of its type at its place (spaCy's entity_linker); the best of `span._.kb_ents`
    (scispaCy's EntityLinker); the `id_` of the mention, or of that entity (the `id` of an entity ruler's pattern).
    """
    first = span.doc[span.start]
    # Mostly nothing is known of the token, and whether an entity is there costs more to ask.
    token = first if (first.ent_kb_id or first.ent_id) and _is_entity(span) else None
    linked = _extension(span, KB_ENTS)
    found = [
        span.kb_id_,
        token.ent_kb_id_ if token else "",
        linked[0][0] if linked else "",
        span.id_,
        token.ent_id_ if token else "",
    ]
    return next((kb_id for kb_id in found if kb_id and kb_id != NIL), "")


def concepts_in(doc: Doc) -> Callable[[Span], str]:
    """Gives the identifier of the concept of a mention, which may be one of a stored relation, as it stands in the Doc by now.

    That is the one of `doc.spans["mentions"]`, or of `doc.ents` where there are none, at its place, and of its type if there is one;
    or its own, where none is there.
    """
    spans = doc.spans[SPANS_KEY] if doc.spans.get(SPANS_KEY) else doc.ents
    found: dict[tuple[Any, ...], str] = {}
    for start, end, kind, kb_id in sorted((span.start_char, span.end_char, span.label_, kb_id_of(span)) for span in spans):
        found.setdefault((start, end, kind), kb_id)
        found.setdefault((start, end), kb_id)

    def concept(span: Span) -> str:
        place = (span.start_char, span.end_char)
        kb_id = found.get((*place, span.label_), found.get(place))
        return kb_id_of(span) if kb_id is None else kb_id

    return concept


def long_form_of(span: Span) -> str:
    """What a mention abbreviates, where scispaCy's abbreviation detector knows it; an empty string otherwise."""
    long_form = _extension(span, LONG_FORM)
    return long_form.text if isinstance(long_form, Span) else long_form or ""


def set_long_form(span: Span, long_form: str) -> None:
    """Set what a mention abbreviates, as that detector does."""
    user_data: dict[Any, Any] = span.doc.user_data
    user_data[_key(span, LONG_FORM)] = long_form


def _key(span: Span, name: str) -> tuple[str, str, int, int]:
    return ("._.", name, span.start_char, span.end_char)


def _extension(span: Span, name: str) -> Any:
    user_data: dict[Any, Any] = span.doc.user_data
    # Mostly there are none, and the offsets that they are filed under cost more than the look.
    return user_data.get(_key(span, name)) if user_data else None


def _is_entity(span: Span) -> bool:
    """Whether an entity of its type is at its place."""
    doc, first = span.doc, span[0]
    return (
        first.ent_iob_ == "B"
        and first.ent_type == span.label
        and all(token.ent_iob_ == "I" for token in span[1:])
        and (span.end == len(doc) or doc[span.end].ent_iob_ != "I")
    )
