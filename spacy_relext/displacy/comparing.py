"""Relations beside an annotation: right, missed or wrong."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from spacy.tokens import Doc

from spacy_relext.displacy.picture import STATUSES, Status
from spacy_relext.errors import RelextError
from spacy_relext.notices import counted_name
from spacy_relext.relations import Relation, annotated_labels, get_denied, get_relations, has_relations

# Characters of head and tail, and the label.
Key = tuple[int, int, int, int, str]
RIGHT, MISSED, WRONG = STATUSES[1:]


class Judged(NamedTuple):
    """A relation, and what an annotation says of it. note: What else there is to say."""

    relation: Relation
    key: Key
    status: Status = ""
    note: str = ""


def unjudged(relations: Sequence[Relation]) -> list[Judged]:
    """Relations without an annotation beside them."""
    return [Judged(relation, relation.key) for relation in relations]


def compared(
    doc: Doc, relations: Sequence[Relation], gold: Doc, symmetric: Collection[str], labels: Collection[str] | None
) -> tuple[list[Judged], list[str]]:
    """The relations of a Doc and those that it misses, in the order of the text, and what is said of the annotation.

    symmetric: Labels without a direction. labels: Only these.
    RAISES: RelextError for an annotation of another text.
    """
    _require_same_text(doc, gold)
    if not has_relations(gold):
        return unjudged(relations), ["not annotated for relations"]
    covered = annotated_labels(gold)
    annotated = {_key(r, symmetric): r for r in get_relations(gold) if labels is None or r.label in labels}
    denied = {_key(relation, symmetric) for relation in get_denied(gold)}
    judged: list[Judged] = []
    for relation in relations:
        key = _key(relation, symmetric)
        if key in annotated:
            judged.append(Judged(relation, relation.key, RIGHT))
        elif covered is None or relation.label in covered:
            judged.append(Judged(relation, relation.key, WRONG, "an annotator denied it" if key in denied else ""))
        else:
            judged.append(Judged(relation, relation.key, "", "not annotated for this label"))
    predicted = {_key(relation, symmetric) for relation in relations}
    judged += [Judged(relation, relation.key, MISSED) for key, relation in annotated.items() if key not in predicted]
    return sorted(judged, key=lambda found: found.key), []


def _key(relation: Relation, symmetric: Collection[str]) -> Key:
    key = relation.key
    return (*key[2:4], *key[:2], key[4]) if relation.label in symmetric and key[2:4] < key[:2] else key


def _require_same_text(doc: Doc, gold: Doc) -> None:
    if doc.text != gold.text:
        at = next((i for i, (a, b) in enumerate(zip(doc.text, gold.text, strict=False)) if a != b), min(len(doc.text), len(gold.text)))
        raise RelextError(
            f"compare is of another text: at character {at:,} it has {gold.text[at : at + 40]!r}, and the Doc {doc.text[at : at + 40]!r} "
            f"({counted_name(len(gold.text), 'characters')} and {len(doc.text):,}). Give the annotation of the same Docs, in their order."
        )
