"""What an annotation says of a pair: a relation of it is asserted, put as possible only, or denied."""

from collections import Counter
from collections.abc import Collection
from typing import Any, Literal

from spacy.tokens import Doc

from spacy_relext.formats.denials import SPECULATED as SPECULATION
from spacy_relext.relations import Relation, get_denied, get_relations

# The assertion status of i2b2 2010 (present, possible, absent), in the words of this package. The order is that of tables.
Group = Literal["asserted", "speculated", "denied"]
GROUPS: tuple[Group, ...] = ("asserted", "speculated", "denied")
ASSERTED, SPECULATED, DENIED = GROUPS
# The places of two mentions, in no order.
Pair = frozenset[tuple[int, int]]
# Label, head and tail. An end begins with its first and last character; what follows is not looked at here.
Key = tuple[str, tuple[Any, ...], tuple[Any, ...]]


class Assertions:
    """What the annotation of a Doc says of its pairs.

    denied: The labels of what is denied, by pair; what denies by its label (No-rel) is one of them.
    """

    def __init__(self, reference: Doc, symmetric_labels: Collection[str] = ()):
        self.symmetric = symmetric_labels
        self.denied: dict[Pair, set[str]] = {}
        for relation in get_denied(reference):
            self.denied.setdefault(_pair(_key(relation)), set()).add(relation.label)
        speculated = [_key(r) for r in get_relations(reference) if SPECULATION in r.attributes]
        self.speculated = {self._plain(key) for key in speculated}
        self.speculated_pairs = set(map(_pair, speculated))

    def group_of(self, key: Key, *, annotated: bool) -> Group:
        """That of an annotated relation, or of a wrong one, which is in that of its pair.

        key: With the ends of a symmetric label in the order of the text.
        """
        if annotated and self._plain(key) in self.speculated:
            return SPECULATED
        pair = _pair(key)
        if pair in self.denied:
            return DENIED
        return SPECULATED if not annotated and pair in self.speculated_pairs else ASSERTED

    def denials(self, wrong: Collection[Key]) -> Counter[tuple[str, str]]:
        """Counts of denied pairs by label and name: `pairs`, those `related` (any wrong relation), those `found` with this very label.

        wrong: What was predicted and is not annotated. The label is empty for all pairs, each of which counts once.
        """
        counts: Counter[tuple[str, str]] = Counter()
        found: dict[Pair, set[str]] = {}
        for key in wrong:
            found.setdefault(_pair(key), set()).add(key[0])
        for pair, labels in self.denied.items():
            related = found.get(pair, set())
            for label in ("", *labels):
                counts[label, "pairs"] += 1
                counts[label, "related"] += bool(related)
            for label in related:
                counts[label, "found"] += 1
        return counts

    def _plain(self, key: Key) -> Key:
        ends = [end[:2] for end in key[1:]]
        head, tail = sorted(ends) if key[0] in self.symmetric else ends
        return key[0], head, tail


def _key(relation: Relation) -> Key:
    return relation.label, (relation.head.start_char, relation.head.end_char), (relation.tail.start_char, relation.tail.end_char)


def _pair(key: Key) -> Pair:
    return frozenset(end[:2] for end in key[1:])
