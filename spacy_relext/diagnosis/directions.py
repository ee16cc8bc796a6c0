"""Which labels have no direction: what the relations of a corpus say, where the types of head and tail do not tell which is which.

Relations between mentions are looked at as they run in the text. Where relations between concepts are annotated, these are looked at, since
those between mentions only follow from them: the order of the two may be that of the text, of the identifiers, or none at all, so that the
same two concepts stand in one direction in this document and in the other direction in that.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from spacy.tokens import Span

from spacy_relext.diagnosis.data import Text, arrow, place

TypePair = tuple[str, str]

# A label seems to have no direction if so many relations, and this share of them, run from left to right. Where that is wrong, as many
# directions are right all the same: those of a label without direction are written from left to right.
ONE_WAY, ONE_WAY_SHARE = 20, 0.95
# The same two concepts stand in several documents: so many of these pairs, and this share of them, in both directions.
TURNED, TURNED_SHARE = 5, 0.2


@dataclass(frozen=True)
class Directed:
    """An annotated relation between two mentions, or between two concepts of a document.

    head, tail: Equal where they are the same in this document. types: Those of head and tail. forward: The (first mention of the) head
    stands first. by_id: The identifier of the head comes first in the alphabet. pair: The two concepts, to be found again in other
    documents, by identifier and name, the lower first; None of mentions. shown: For people.
    """

    label: str
    head: Hashable
    tail: Hashable
    types: TypePair
    forward: bool
    by_id: bool
    pair: Hashable | None
    shown: str


@dataclass(frozen=True)
class Way:
    """How relations of a label run where the types of their ends do not tell head from tail.

    n: These relations. forward: Those whose head stands first. mirrored: Those that are annotated in the other direction as well, in
    the same document. The others between concepts, as different pairs whatever the document: pairs: those of one type, since
    identifiers of two types differ in form. by_id: Those of them whose head is always the one with the lower identifier. recurring:
    Pairs, also of two types, that stand in several documents. turned: Those that do in both directions.
    """

    n: int
    forward: int
    mirrored: int
    pairs: int = 0
    by_id: int = 0
    recurring: int = 0
    turned: int = 0

    @property
    def is_mirrored(self) -> bool:
        """Most relations stand in both directions."""
        return 2 * self.mirrored >= self.n > 0

    @property
    def is_forward(self) -> bool:
        """The head stands first (nearly) always."""
        return self.n >= ONE_WAY and self.forward >= ONE_WAY_SHARE * self.n and not self.mirrored

    @property
    def is_by_id(self) -> bool:
        """The head is (nearly) always the concept whose identifier comes first."""
        return self.pairs >= ONE_WAY and self.by_id >= ONE_WAY_SHARE * self.pairs and not self.mirrored

    @property
    def is_turned(self) -> bool:
        """The same concepts stand in either direction, by document."""
        return self.turned >= TURNED and self.turned >= TURNED_SHARE * self.recurring

    @property
    def is_symmetric(self) -> bool:
        """The label seems to have no direction."""
        return self.is_mirrored or self.is_forward or self.is_by_id or self.is_turned


def directed(text: Text) -> Iterator[Directed]:
    """The relations of a text: those between concepts, and those between mentions that do not follow from them."""
    between = text.concept_relations
    for r in between:
        heads, tails = (text.mentions_of.get(concept, []) for concept in (r.head, r.tail))
        if heads and tails:
            yield Directed(
                r.label,
                r.head,
                r.tail,
                (heads[0].label_, tails[0].label_),
                place(heads[0]) < place(tails[0]),
                r.head < r.tail,
                tuple(sorted([(r.head, _name(heads)), (r.tail, _name(tails))])),
                f"{r.head} --{r.label}--> {r.tail}",
            )
    labels = {r.label for r in between}
    for relation in text.relations:
        if relation.label not in labels:
            head, tail = place(relation.head), place(relation.tail)
            types = (relation.head.label_, relation.tail.label_)
            yield Directed(relation.label, head, tail, types, head < tail, False, None, arrow(relation))


def _name(mentions: list[Span]) -> str:
    """What a concept is called in a text: in some corpora identifiers count the concepts of a document, and say nothing beyond it."""
    return Counter(span.text.casefold() for span in mentions).most_common(1)[0][0]


def mirrored(text: Text) -> Iterator[tuple[Directed, bool]]:
    """The relations of a text, each with whether it is annotated in the other direction as well."""
    relations = list(directed(text))
    keys = {(r.label, r.head, r.tail) for r in relations}
    for r in relations:
        yield r, (r.label, r.tail, r.head) in keys


def directions(texts: Iterable[Text]) -> tuple[dict[str, Way], dict[str, Way]]:
    """The labels that seem to have no direction; and those that have one, but for some pairs that are annotated in both."""
    relations = [found for text in texts for found in mirrored(text)]
    seen: dict[str, set[TypePair]] = {}
    for r, _ in relations:
        seen.setdefault(r.label, set()).add(r.types)
    counts: dict[str, Counter[str]] = {label: Counter() for label in seen}
    pairs: dict[str, dict[tuple[Hashable, bool], Counter[bool]]] = {label: {} for label in seen}
    for r, is_mirrored in relations:
        if r.types[::-1] in seen[r.label]:
            counts[r.label].update(n=1, forward=r.forward, mirrored=is_mirrored)
            if r.pair is not None and not is_mirrored:
                pairs[r.label].setdefault((r.pair, r.types[0] == r.types[1]), Counter())[r.by_id] += 1
    ways = {}
    for label, count in counts.items():
        concepts = pairs[label].values()
        alike = [found for (_, is_alike), found in pairs[label].items() if is_alike]
        ways[label] = Way(
            **{name: count[name] for name in ("n", "forward", "mirrored")},
            pairs=len(alike),
            by_id=sum(list(found) == [True] for found in alike),
            recurring=sum(found.total() > 1 for found in concepts),
            turned=sum(len(found) > 1 for found in concepts),
        )
    symmetric = {label: way for label, way in ways.items() if way.is_symmetric}
    # Labels that have too few relations to tell are like the others, where these are all without direction.
    any_turned = any(way.is_turned for way in symmetric.values())
    rare = {
        label: way
        for label, way in ways.items()
        if (0 < way.n < ONE_WAY and (way.n == way.forward or 0 < way.pairs == way.by_id))
        or (way.n and way.recurring < TURNED and any_turned)
    }
    if symmetric and not ways.keys() - symmetric.keys() - rare.keys():
        symmetric |= rare
    return symmetric, {label: way for label, way in ways.items() if label not in symmetric and way.mirrored}
