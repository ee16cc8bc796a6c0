"""What teachers say of the candidate pairs of a Doc, and the form in which it is kept: for distillation.

It is stored as relations are (`relations`): plain data in `doc.user_data` under the head's span, with the tail relative to it. So it
survives bytes, DocBin, joining and cutting, whatever the tokens. Of each directed pair there are the log-probabilities of all labels, of
four bytes each, before type rules and the means of symmetric labels. The first token has the names of these columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc, Span

from spacy_relext.errors import RelextError
from spacy_relext.types import Floats2d

# ("._.", SCORES, start of head, end of head) in `doc.user_data`, and the name under which the first token has the columns.
SCORES, COLUMNS = "teacher_scores", "teacher_columns"
# The share of pairs that only the teachers or only those who learn may have.
MOST_UNMATCHED = 0.01
# The same on every machine.
FLOAT = numpy.dtype("<f4")


class Place(NamedTuple):
    """A mention: its first character, its end, and its type."""

    start: int
    end: int
    type: str

    @classmethod
    def of(cls, span: Span) -> "Place":
        """That of a span."""
        return cls(span.start_char, span.end_char, span.label_)


@dataclass(frozen=True)
class Taught:
    """What teachers say of the pairs of a Doc.

    labels (Tuple[str, ...]): Sorted, without no-relation. exclusive (bool): Whether a pair has one label at most.
    pairs (List[Tuple[Place, Place]]): Head and tail of each.
    log_p (Floats2d): `[n_pairs, n_columns]`, float32: the logarithm of the mean of the teachers' probabilities. With exclusive labels
        column 0 is no-relation, and a row is a distribution; otherwise each label is a question of its own.
    """

    labels: tuple[str, ...]
    exclusive: bool
    pairs: list[tuple[Place, Place]]
    log_p: Floats2d

    @property
    def rows(self) -> dict[tuple[Place, Place], int]:
        """The row of each pair."""
        return {pair: row for row, pair in enumerate(self.pairs)}

    def moved(self, place: Callable[[Place], Place | None]) -> "Taught":
        """The same for other places of mentions; pairs with a mention that has none are left out."""
        moved = [(place(head), place(tail)) for head, tail in self.pairs]
        kept = [row for row, pair in enumerate(moved) if None not in pair]
        pairs = [(head, tail) for head, tail in moved if head is not None and tail is not None]
        return Taught(self.labels, self.exclusive, pairs, self.log_p[kept])


def get_taught(doc: Doc) -> Taught | None:
    """What teachers say of the pairs of a Doc. None: no teacher was asked.

    Pairs that do not lie in the Doc, or read otherwise there, are left out: of a sentence that was cut out, and of what it is joined with.
    RAISES: RelextError for a Doc that was joined of several for which teachers of other labels were asked.
    """
    columns = taught_columns(doc)
    if columns is None:
        return None
    labels, exclusive = columns
    text, pairs, rows = doc.text, list[tuple[Place, Place]](), list[Floats2d]()
    for (start, end), heads in _stored(doc, SCORES).items():
        for head in heads:
            log_p = numpy.frombuffer(head["log_p"], dtype=FLOAT).reshape(len(head["tails"]), -1)
            if start < 0 or text[start:end] != head["text"]:
                continue
            found = [
                (row, Place(start + first, start + last, kind))
                for row, (first, last, kind, name) in enumerate(head["tails"])
                if start + first >= 0 and text[start + first : start + last] == name
            ]
            pairs += [(Place(start, end, head["type"]), tail) for _, tail in found]
            rows.append(log_p[[row for row, _ in found]])
    log_p = numpy.concatenate(rows) if rows else numpy.zeros((0, len(labels) + exclusive), dtype=FLOAT)
    return Taught(labels, exclusive, pairs, log_p.astype("float32"))


def taught_columns(doc: Doc) -> tuple[tuple[str, ...], bool] | None:
    """The labels of the teachers that were asked for a Doc, and whether these are exclusive. None: no teacher was asked.

    RAISES: RelextError where they are not the same in all of it.
    """
    found = {(tuple(columns["labels"]), bool(columns["exclusive"])) for columns in _stored(doc, COLUMNS).values()}
    if len(found) > 1:
        raise RelextError(
            f"{doc.text[:60]!r}… was joined of texts for which teachers of different labels were asked: "
            f"{' and '.join('/'.join(labels) for labels, _ in sorted(found))}. Ask the teachers after joining, or take those of one kind."
        )
    return found.pop() if found else None


def set_taught(doc: Doc, taught: Taught | None) -> None:
    """Replace what teachers say of the pairs of a Doc. None: as if none was asked.

    RAISES: RelextError for pairs that do not lie in the Doc.
    """
    user_data: dict[Any, Any] = doc.user_data
    for name in (SCORES, COLUMNS):
        for start, end in _stored(doc, name):
            del user_data["._.", name, start, end]
    if taught is None or not len(doc):
        return
    user_data["._.", COLUMNS, 0, len(doc[0])] = {"labels": list(taught.labels), "exclusive": taught.exclusive}
    text = doc.text
    by_head: dict[Place, list[int]] = {}
    for row, pair in enumerate(taught.pairs):
        for place in pair:
            if not 0 <= place.start < place.end <= len(text):
                raise RelextError(
                    f"the mention at characters {place.start}-{place.end} is not in the Doc {text[:60]!r}…, of {len(text):,} characters."
                )
        by_head.setdefault(pair[0], []).append(row)
    for head, rows in by_head.items():
        tails = [taught.pairs[row][1] for row in rows]
        entry = {
            "type": head.type,
            "text": text[head.start : head.end],
            "tails": [[tail.start - head.start, tail.end - head.start, tail.type, text[tail.start : tail.end]] for tail in tails],
            "log_p": taught.log_p[rows].astype(FLOAT).tobytes(),
        }
        user_data.setdefault(("._.", SCORES, head.start, head.end), []).append(entry)


def in_columns(taught: Taught, labels: Sequence[str]) -> Floats2d:
    """The log-probabilities with the columns in the order of these labels, which are the same ones."""
    first = int(taught.exclusive)
    return taught.log_p[:, [*range(first), *(first + taught.labels.index(label) for label in labels)]]


def _stored(doc: Doc, name: str) -> dict[tuple[int, int], Any]:
    """What is stored under a name, by the characters of its span."""
    user_data: dict[Any, Any] = doc.user_data
    return {(key[2], key[3]): value for key, value in user_data.items() if isinstance(key, tuple) and key[:2] == ("._.", name)}
