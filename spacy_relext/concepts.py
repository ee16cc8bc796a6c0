r"""Concepts of mentions: their identifiers in one string; and the relations between concepts that relations between mentions say.

In `Mention.kb_id`, several are joined with "|". A "|" of an identifier has a backslash before it, as has a backslash before a separator;
an identifier that stands alone and has the form of tmVar's (`c|DEL|12_14|`, `p|SUB|R|12|H`) needs none. So "D01|D02" are two,
"c|DEL|12_14|" is one, "c\|DEL\|12_14\||D01" are two. "", "-", "-1", "None", "NULL" and "NIL" say that there is none, with a database
before them too: "Wikidata:NULL".

A relation between two mentions says that every concept of its head is so related to every concept of its tail, in this document. Said of
several pairs of mentions, it is one relation with the highest of their scores; of a label without direction, one for both directions.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, TypeVar

from spacy_relext.relation import Relation

# A concept: its identifier, or whatever else can be sorted.
C = TypeVar("C")
R = TypeVar("R")
# Head, tail, label.
Key = tuple[C, C, str]

SEPARATOR = "|"
# What a file writes for a mention, or for a part of it, that has no concept; all that say the same.
NO_CONCEPT = "-1"
NO_CONCEPTS = frozenset(["", "-", NO_CONCEPT, "None", "none", "null", "NULL", "NIL"])
# The same with the name of a database before it: Wikidata:NULL (NEREL), MESH:-1.
NO_ENTRY = re.compile(r"[A-Za-z]\w*:(?:-|-1|None|none|null|NULL|NIL)")
# Before a list in which nothing but backslashes keeps separators from being some. (Empty parts of a list are left out.)
OURS = 2 * SEPARATOR
VARIANT = re.compile(r"(?:tmVar:)?[a-z]?\|[A-Za-z]{2,}\|.*", re.DOTALL)


@dataclass(frozen=True)
class ConceptRelation:
    """A relation between two concepts.

    head, tail: Their identifiers. score: The highest of `relations`, the relations between mentions that say so, in order of the text.
    """

    head: str
    tail: str
    label: str
    score: float
    relations: tuple[Relation, ...]

    @property
    def attributes(self) -> tuple[str, ...]:
        """Those of the relation with the highest score."""
        return strongest(self.relations).attributes

    def __str__(self) -> str:
        return f"{self.head} --{self.label}--> {self.tail} ({self.score:.2f})"


def keys(heads: Iterable[C], tails: Iterable[C], label: str, symmetric_labels: Collection[str] = ()) -> list[Key[C]]:
    """What a relation between two mentions says of their concepts. symmetric_labels: Without direction; the smaller concept comes first."""
    pairs: Iterable[Any] = product(heads, tails)
    return [(*(sorted(pair) if label in symmetric_labels else pair), label) for pair in pairs]


def grouped(
    relations: Iterable[R], concepts: Callable[[Any], Sequence[C]], *, known: Collection[Key[C]] = ()
) -> tuple[dict[Key[C], list[R]], list[R]]:
    """Relations between mentions by the relations between concepts that they say.

    relations: Each with `head`, `tail` and `label`. concepts: Gives those of a head or tail.
    known: What is said already: a relation that says any of it is in no group.
    RETURNS: The groups, and the relations with a head or tail without concept, which say nothing of concepts.
    """
    groups: dict[Key[C], list[R]] = {}
    left = []
    for relation in relations:
        ends: Any = relation
        said = keys(concepts(ends.head), concepts(ends.tail), ends.label)
        if not said:
            left.append(relation)
        if not any(key in known for key in said):
            for key in said:
                groups.setdefault(key, []).append(relation)
    return groups, left


def strongest(relations: Iterable[R]) -> R:
    """The first relation with the highest score."""
    return max(relations, key=lambda relation: relation.score)  # type: ignore[attr-defined]


def identifiers(kb_id: str) -> list[str]:
    """The identifiers that are joined in a `kb_id`, each once, without those that say that there is none."""
    return list(_identifiers(kb_id))


# The same few stand in many documents, and writing a table asks for each several times.
@lru_cache(4096)
def _identifiers(kb_id: str) -> tuple[str, ...]:
    if VARIANT.fullmatch(kb_id) and "\\|" not in kb_id:
        return (kb_id,)
    return tuple(some(unescape(part) for part, _ in parts(kb_id, SEPARATOR)))


def join(found: Iterable[str]) -> str:
    """The `kb_id` of some identifiers: what `identifiers` reads as these."""
    return _joined(tuple(found))


@lru_cache(4096)
def _joined(found: tuple[str, ...]) -> str:
    wanted = some(found)
    if len(wanted) == 1 and identifiers(wanted[0]) == wanted:
        return wanted[0]
    joined = SEPARATOR.join(escape(one, SEPARATOR) for one in wanted)
    # Short ones may look like one variant together: "c|DEL|x".
    return joined if identifiers(joined) == wanted else OURS + joined


def is_none(one: str) -> bool:
    """Whether an identifier says that there is no concept."""
    return one in NO_CONCEPTS or NO_ENTRY.fullmatch(one) is not None


def escape(one: str, separators: str) -> str:
    """An identifier with backslashes before separators, and before backslashes that would be taken for such."""
    return re.sub(rf"\\(?=[\\,;|]|$)|[{separators}]", r"\\\g<0>", one)


def unescape(part: str) -> str:
    """A part of a string without its backslashes."""
    return re.sub(r"\\([\\,;|])", r"\1", part) if "\\" in part else part


def parts(text: str, separators: str) -> list[tuple[str, str]]:
    """The parts of a text, as they are written there, each with the separator after it."""
    found = re.findall(rf"((?:\\[\\,;|]|[^{separators}])*)([{separators}]|\Z)", text)
    return found[:-1] if len(found) > 1 and found[-2][1] == "" else found


def some(found: Iterable[str]) -> list[str]:
    """Identifiers, each once, without those that say that there is none."""
    return list(dict.fromkeys(one for one in found if not is_none(one)))
