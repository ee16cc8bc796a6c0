"""What the report of a conversion says of pairs."""

from collections import Counter
from itertools import combinations

from spacy.tokens import Doc

from spacy_relext.candidates import has_sentences, sentence_bounds
from spacy_relext.mentions import SPANS_KEY
from spacy_relext.relations import get_relations

PAIRS = "pairs of mentions in a sentence"
RELATED = "… of types that have relations"
SAME_PLACE = "… and at the same characters, no candidates"
ACROSS = "relations across sentences, no candidates"

# Two types, in no order; one, of two mentions of it.
Types = frozenset[str]


class PairCounts:
    """Counts the unordered pairs of mentions within the sentences of Docs, and the relations that are not among them.

    Pairs are counted by the numbers of mentions of each type, since a sentence may have more of them than fit in memory.
    """

    def __init__(self) -> None:
        self._pairs: Counter[Types] = Counter()
        self._same_place: Counter[Types] = Counter()
        self._related: set[Types] = set()
        self._across = 0

    def add(self, doc: Doc) -> None:
        """Count those of one Doc."""
        relations = get_relations(doc)
        self._related.update(frozenset((relation.head.label_, relation.tail.label_)) for relation in relations)
        if not len(doc) or not has_sentences(doc):
            return
        starts, _ = sentence_bounds(doc)
        sentences: dict[int, Counter[str]] = {}
        places: dict[tuple[int, int], Counter[str]] = {}
        for mention in doc.spans.get(SPANS_KEY, ()):
            sentences.setdefault(int(starts.searchsorted(mention.start, "right")), Counter())[mention.label_] += 1
            places.setdefault((mention.start, mention.end), Counter())[mention.label_] += 1
        for counter, groups in ((self._pairs, sentences), (self._same_place, places)):
            for types in groups.values():
                counter.update(_pairs_of(types))
        ends = [(r.head.start, r.tail.start) for r in relations]
        self._across += sum(bool(starts.searchsorted(a, "right") != starts.searchsorted(b, "right")) for a, b in ends)

    def total(self) -> Counter[str]:
        """What was counted.

        RELATED: Pairs of two types between which there is some relation, as chemical and gene; left out where that is all pairs.
        SAME_PLACE: Pairs of such types that are no candidates because both mentions are the same characters.
        """
        apart = self._pairs - self._same_place
        counts = Counter({PAIRS: apart.total()})
        related = sum(apart[types] for types in self._related)
        if related not in (0, counts[PAIRS]):
            counts[RELATED] = related
        counts[SAME_PLACE] = sum(self._same_place[types] for types in self._related)
        counts[ACROSS] = self._across
        return counts


def _pairs_of(types: Counter[str]) -> Counter[Types]:
    """How many pairs of each two types some mentions make."""
    pairs = Counter({frozenset((a, b)): types[a] * types[b] for a, b in combinations(types, 2)})
    pairs.update({frozenset((a,)): n * (n - 1) // 2 for a, n in types.items()})
    return pairs
