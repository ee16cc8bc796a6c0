"""What the report of `relext convert` says of pairs, and what is told of outputs that could not hold all."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from spacy.tokens import Doc

from spacy_relext.candidates import has_sentences, sentence_bounds, sentence_index, sentence_pairs
from spacy_relext.formats.delimited import FORMULAS
from spacy_relext.formats.document import SPANS_KEY
from spacy_relext.relations import get_relations

PAIRS = "pairs of mentions in a sentence"
RELATED = "… of types that have relations"
SAME_PLACE = "… and at the same characters, no candidates"
ACROSS = "relations across sentences, no candidates"


def losses(lost: Mapping[str, int], format: str) -> Iterator[str]:
    """A line for each thing that a format could not hold, or that is to be known of what was written."""
    for what, count in lost.items():
        if count:
            yield f"{count:,} {what}." if what == FORMULAS else f"{count:,} {what}: not in {format}."


def pair_counts(docs: Sequence[Doc]) -> Counter[str]:
    """Count the unordered pairs of mentions within the sentences of some Docs, and the relations that are not among them.

    RELATED: Pairs of two types between which there is some relation, as chemical and gene; left out where that is all pairs.
    SAME_PLACE: Pairs of such types that `sentence_pairs` leaves out because both mentions are the same characters.
    """
    types = {frozenset((relation.head.label, relation.tail.label)) for doc in docs for relation in get_relations(doc)}
    get_pairs = sentence_pairs(ordered=False, overlapping=True)
    counts: Counter[str] = Counter()
    for doc in docs:
        if not len(doc) or not has_sentences(doc):
            continue
        labels = [mention.label for mention in doc.spans[SPANS_KEY]]
        pairs = [frozenset((labels[i], labels[j])) for i, j in get_pairs(doc, list(doc.spans[SPANS_KEY]))]
        counts[PAIRS] += len(pairs)
        counts[RELATED] += sum(pair in types for pair in pairs)
        places: dict[tuple[int, int], list[int]] = {}
        for mention in doc.spans[SPANS_KEY]:
            places.setdefault((mention.start, mention.end), []).append(mention.label)
        counts[SAME_PLACE] += sum(frozenset(pair) in types for same in places.values() for pair in combinations(same, 2))
        sentence = sentence_index(sentence_bounds(doc)[0], len(doc))
        counts[ACROSS] += sum(sentence[relation.head.start] != sentence[relation.tail.start] for relation in get_relations(doc))
    if counts[RELATED] in (0, counts[PAIRS]):
        del counts[RELATED]
    return counts
