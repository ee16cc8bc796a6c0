"""What other components know of a mention: its concept, and what it abbreviates. None of them need be installed or imported."""

from typing import Any

from spacy.tokens import Span

# What spaCy's entity_linker calls an entity for which it finds no concept.
NIL = "NIL"
# The extensions in which scispaCy's pipes leave their results, filed in `doc.user_data` as spaCy files those of spans.
KB_ENTS, LONG_FORM = "kb_ents", "long_form"


def kb_id_of(span: Span) -> str:
    """The identifier of a mention's concept, or an empty string.

    The first of: its own `kb_id_`, or that of the entity of its type at its place (spaCy's entity_linker); the best of `span._.kb_ents`
    (scispaCy's EntityLinker); the `id_` of the mention, or of that entity (the `id` of an entity ruler's pattern).
    """
    token = span.doc[span.start] if _is_entity(span) else None
    linked = _extension(span, KB_ENTS)
    found = [
        span.kb_id_,
        token.ent_kb_id_ if token else "",
        linked[0][0] if linked else "",
        span.id_,
        token.ent_id_ if token else "",
    ]
    return next((kb_id for kb_id in found if kb_id and kb_id != NIL), "")


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
