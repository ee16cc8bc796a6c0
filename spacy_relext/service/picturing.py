"""From a record to its picture."""

from collections.abc import Iterable
from typing import Any

from spacy_relext.errors import RelextError
from spacy_relext.values import UNCERTAIN

Record = dict[str, Any]


def pictured(record: Record, symmetric: Iterable[str], lang: str, direction: str, attention: Iterable[Record] = ()) -> Record:
    """What `displacy.render(…, manual=True)` draws of a record. RAISES: RelextError for a relation of a mention that is not there.

    attention: What was read for pairs: head, tail, words; in either direction, since a symmetric label is written in one of them.
    """
    read = {frozenset((str(one["head"]), str(one["tail"]))): one["words"] for one in attention}
    numbers = {mention["id"]: i for i, mention in enumerate(record["mentions"])}
    rels, symmetric = [], set(symmetric)
    with_sources = len({frozenset(relation.get("sources") or ()) for relation in record.get("relations") or []}) > 1
    for number, relation in enumerate(record.get("relations") or [], start=1):
        missing = {relation["head"], relation["tail"]} - numbers.keys()
        if missing:
            raise RelextError(f"relation {number} is of the mentions {sorted(missing)}, which the document does not have.")
        rels.append(
            {
                "head": numbers[relation["head"]],
                "tail": numbers[relation["tail"]],
                "label": relation["label"],
                "score": relation.get("score", 1.0),
                "symmetric": relation["label"] in symmetric,
                "attention": read.get(frozenset((relation["head"], relation["tail"])), []),
                "uncertain": relation.get("status") == UNCERTAIN,
                "sources": [name or "caller" for name in relation.get("sources") or ()] if with_sources else [],
                "attributes": relation.get("attributes") or [],
                "note": "; ".join(relation.get("attributes") or []),
            }
        )
    return {
        "text": record["text"],
        "ents": [
            {"start": m["start"], "end": m["end"], "label": m["type"], "kb_id": m.get("kb_id", ""), "kb_url": "#"}
            for m in record["mentions"]
        ],
        "rels": rels,
        "sents": record.get("sentences") or [[0, len(record["text"])]],
        "title": None,
        "settings": {"lang": lang, "direction": direction},
    }
