"""Relations that spacy-llm's task `spacy.REL.v1` has found, as ours. It need not be installed: what it leaves on a Doc is enough."""

from typing import Any

from spacy.tokens import Doc

from spacy_relext.errors import RelextError
from spacy_relext.relation import Relation
from spacy_relext.relations import register_extensions, set_relations

# What spacy-llm keeps relations under, and the keys of one: the numbers of two entities of `doc.ents`, and its label.
EXTENSION = "rel"
HEAD, TAIL, LABEL = "dep", "dest", "relation"


def relations_from_llm(doc: Doc, *, source: str = "llm") -> Doc:
    """Set `doc._.relations` to the relations of `doc._.rel`: from the entity `dep` to the entity `dest`, both numbers in `doc.ents`.

    source: The name of the component that found them, for `Relation.sources`. Of relations that are given twice, one is kept.
    RETURNS: The same Doc.
    RAISES: RelextError where there is no `doc._.rel`, and for an item that is no relation between two entities of the Doc.
    """
    register_extensions()
    if not Doc.has_extension(EXTENSION):
        raise RelextError(f"there is no doc._.{EXTENSION}. Run spacy-llm's component with the task spacy.REL.v1 before.")
    set_relations(doc, [_relation(doc, number, item, source) for number, item in enumerate(doc._.get(EXTENSION) or ())])
    return doc


def _relation(doc: Doc, number: int, item: Any, source: str) -> Relation:
    def get(key: str) -> Any:
        return item.get(key) if isinstance(item, dict) else getattr(item, key, None)

    ends = [get(HEAD), get(TAIL)]
    if not all(type(end) is int and 0 <= end < len(doc.ents) for end in ends):
        raise RelextError(
            f"relation {number} of doc._.{EXTENSION} is {item!r:.80}; expected {HEAD} and {TAIL} to be numbers of the {len(doc.ents)} "
            "entities of doc.ents, counted from 0. Were the entities changed since?"
        )
    return Relation(doc.ents[ends[0]], doc.ents[ends[1]], get(LABEL), sources=source)
