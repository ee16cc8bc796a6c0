"""Relations between concepts, which are annotated for a whole document, and relations between mentions: from the ones to the others.

The rule: a relation between two concepts holds between every mention of its head and every mention of its tail that stand in one sentence
(a mention stands where it begins). Where no sentence has both, or the sentences are not known, it holds between the mentions that are
nearest to each other, counted in characters from the end of the one to the start of the other; at the same distance, between all of them.

- The mention of the head concept becomes the head, wherever it stands; so directions are those of the concepts.
- A mention with several concepts ("D006470|D003556") is a mention of each. It is not paired with itself, nor with a mention of the same
  characters; where that leaves no pair, the relation holds between no mentions, which is counted.
- The rule says more than the annotation does: two concepts that are related in a document may stand in a sentence that says nothing of it.
"""

from bisect import bisect_right
from collections import Counter
from dataclasses import replace

from spacy_relext.concepts import grouped, identifiers, strongest
from spacy_relext.formats.types import DENIED_UNPAIRED, AnnotatedRelation, Document, Mention

NEAREST = "relations between concepts in no common sentence (nearest mentions)"
UNPAIRED = "relations between concepts without a pair of mentions"


def concepts_of(mention: Mention) -> list[str]:
    """The identifiers of its concepts."""
    return identifiers(mention.kb_id)


def mention_relations(
    mentions: list[Mention], relations: list[AnnotatedRelation], sentences: list[tuple[int, int]] | None, counts: Counter[str]
) -> list[AnnotatedRelation]:
    """The relations between mentions that follow from relations between concepts by the rule above, each once.

    counts: Is added to: relations for which the nearest mentions were taken, and those that have no pair of mentions.
    """
    by_concept: dict[str, list[Mention]] = {}
    for mention in mentions:
        for concept in concepts_of(mention):
            by_concept.setdefault(concept, []).append(mention)
    starts = [start for start, _ in sentences or ()]
    # A mention with two concepts can have the same relation for both reasons.
    found: dict[tuple[str, str, str], AnnotatedRelation] = {}
    for relation in relations:
        pairs = [
            (head, tail)
            for head in by_concept.get(relation.head, ())
            for tail in by_concept.get(relation.tail, ())
            if (head.start, head.end) != (tail.start, tail.end)
        ]
        together = [(a, b) for a, b in pairs if bisect_right(starts, a.start) == bisect_right(starts, b.start)] if starts else []
        if not together and pairs:
            least = min(_gap(a, b) for a, b in pairs)
            together = [(a, b) for a, b in pairs if _gap(a, b) == least]
            counts[NEAREST] += 1
        counts[UNPAIRED] += not pairs
        for head, tail in together:
            found.setdefault((head.id, tail.id, relation.label), replace(relation, head=head.id, tail=tail.id))
    return list(found.values())


def related_concepts(
    mentions: list[Mention], relations: list[AnnotatedRelation], known: list[AnnotatedRelation]
) -> tuple[list[AnnotatedRelation], list[AnnotatedRelation]]:
    """The way back: relations between concepts that say what relations between mentions say, beyond those that are known.

    RETURNS: Relations between every concept of the head and every one of the tail, of each relation that none of `known` accounts for,
        each once, with the highest of the scores; and the relations that cannot be said so, because head or tail has no concept.
    """
    concepts = {mention.id: concepts_of(mention) for mention in mentions}
    groups, left = grouped(relations, concepts.__getitem__, known={(r.head, r.tail, r.label) for r in known})
    return [replace(strongest(group), head=head, tail=tail) for (head, tail, _), group in groups.items()], left


def deny(document: Document, denied: list[AnnotatedRelation]) -> None:
    """Hold relations between concepts that are denied as those between mentions that follow from them; where none do, that is counted."""
    counts: Counter[str] = Counter()
    document.denied += mention_relations(document.mentions, denied, document.sentences, counts)
    document.unsupported[NEAREST] += counts[NEAREST]
    for _ in range(counts[UNPAIRED]):
        document.leave_out(DENIED_UNPAIRED)


def _gap(a: Mention, b: Mention) -> int:
    return max(0, a.start - b.end, b.start - a.end)
