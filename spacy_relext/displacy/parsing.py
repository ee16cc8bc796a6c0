"""From a Doc to the dictionary that is drawn, in the form that `manual=True` takes."""

from typing import Any

from spacy.displacy import get_doc_settings
from spacy.tokens import Doc, Span

from spacy_relext.displacy.options import Options
from spacy_relext.relations import get_relations
from spacy_relext.values import UNCERTAIN


def parse_rels(doc: Doc | Span, options: dict[str, Any] = {}) -> dict[str, Any]:  # noqa: B006 - displaCy's signature
    """The mentions and relations of a Doc, as `render(…, manual=True)` takes them.

    RETURNS: text; ents: start, end, label, kb_id, kb_url, as displaCy has them; rels: head and tail (numbers of ents), label, score,
        symmetric, status, uncertain, attention, note; sents: start and end; title; settings: lang and direction.
    """
    chosen = Options.of(options)
    doc = doc.as_doc(copy_user_data=True) if isinstance(doc, Span) else doc
    relations = get_relations(doc)
    spans = doc.ents if chosen.spans_key is None else doc.spans[chosen.spans_key]
    places: dict[tuple[int, int, str], int] = {}
    ents: list[dict[str, Any]] = []
    for span in sorted(
        [*spans, *(span for r in relations for span in (r.head, r.tail))], key=lambda span: (span.start_char, -span.end_char, span.label_)
    ):
        key = (span.start_char, span.end_char, span.label_)
        if key not in places:
            places[key] = len(ents)
            url = chosen.kb_url_template.format(span.kb_id_) if chosen.kb_url_template and span.kb_id_ else "#"
            ents.append({"start": key[0], "end": key[1], "label": key[2], "kb_id": span.kb_id_, "kb_url": url})
    rels = [
        {
            "head": places[r.head.start_char, r.head.end_char, r.head.label_],
            "tail": places[r.tail.start_char, r.tail.end_char, r.tail.label_],
            "label": r.label,
            "score": r.score,
            "symmetric": r.label in (chosen.symmetric_labels or ()),
            "status": "",
            "uncertain": r.status == UNCERTAIN,
            "attention": [],
            "note": "",
        }
        for r in relations
    ]
    sents = [[sent.start_char, sent.end_char] for sent in doc.sents] if doc.has_annotation("SENT_START") else [[0, len(doc.text)]]
    return {
        "text": doc.text,
        "ents": ents,
        "rels": rels,
        "sents": sents,
        "title": doc.user_data.get("title"),
        "settings": get_doc_settings(doc),
    }
