"""What teachers say, for the pairs of an extractor that learns from it: matched by mentions, labels by their names."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc, Span

from spacy_relext.errors import RelextError
from spacy_relext.ml.losses import Teaching, logits_of
from spacy_relext.notices import Notices, counted
from spacy_relext.taught import MOST_UNMATCHED, Place, Taught, get_taught, in_columns, taught_columns
from spacy_relext.types import Bools1d, Floats2d, Ints2d

# The pairs by which it is judged before the end whether too many are without a counterpart.
ENOUGH_PAIRS = 1000
# Of the pairs of an extractor that learns: what is said of those that one side has alone.
SIDES = ("of this component, on which its teachers say nothing", "of its teachers, which are no candidates of this component")


class TaughtPairs(NamedTuple):
    """What teachers say of the pairs of one Doc.

    logits (Floats2d): `[n_pairs, n_columns]`, 0 where they say nothing. known (Bools1d): `[n_pairs]`, whether they say something.
    """

    logits: Floats2d
    known: Bools1d


@dataclass
class Matches:
    """How many pairs two sides have, and how many only one of them. sides: Their names."""

    sides: tuple[str, str]
    n_pairs: int = 0
    n_first: int = 0
    n_second: int = 0

    def add(self, n_both: int, n_first: int, n_second: int) -> None:
        """Count the pairs of a Doc: of both, and of one side alone."""
        self.n_pairs += n_both + n_first + n_second
        self.n_first += n_first
        self.n_second += n_second

    def check(self, name: str, notices: Notices, *, final: bool = True) -> None:
        """Warn of pairs that only one side has. final: All pairs are counted; otherwise nothing is said before they are many.

        RAISES: RelextError where they are more than one in a hundred.
        """
        alone = self.n_first + self.n_second
        if not alone or (not final and self.n_pairs < ENOUGH_PAIRS):
            return
        parts = {side: n for side, n in zip(self.sides, (self.n_first, self.n_second), strict=True) if n}
        told = " and ".join(f"{n:,} {side}" for side, n in parts.items())
        text = f"{name}: of {counted(self.n_pairs, 'candidate pair', 'candidate pairs')}, there {'is' if alone == 1 else 'are'} {told}."
        if alone > MOST_UNMATCHED * self.n_pairs:
            raise RelextError(
                f"{text} At most one in a hundred may be without a counterpart. Give all sides the same candidates (function, ordered, "
                "overlapping, types) and spans_key, and train on the documents, sentences and mentions that the teachers were asked for."
            )
        notices.warn("pairs of teachers", f"{text} Nothing is learned from teachers of these.")


def taught_of(name: str, cfg: dict[str, Any], doc: Doc) -> Taught | None:
    """What teachers say of the pairs of a Doc, if it is for an extractor. None: they say nothing, or their labels are other extractors'.

    cfg: The settings of the extractor.
    RAISES: RelextError for teachers of other labels, or that answer another kind of question.
    """
    columns = taught_columns(doc)
    if columns is None or is_others(columns[0], cfg):
        return None
    labels, exclusive = columns
    missing, unknown = sorted(set(cfg["labels"]).difference(labels)), sorted(set(labels).difference(cfg["labels"]))
    if missing or unknown:
        different = " and ".join(filter(None, [_named(missing, "not known to the teachers"), _named(unknown, "not its own")]))
        raise RelextError(
            f"{name}: the labels of the teachers are {list(labels)}, and its own are {sorted(cfg['labels'])}: {different}. Labels are "
            f"matched by their names: take a teacher that was trained for these, or set [initialize.components.{name}.labels]."
        )
    if exclusive != cfg["exclusive"]:
        raise RelextError(
            f"{name}: exclusive = {str(cfg['exclusive']).lower()}, and {str(exclusive).lower()} for the teachers: one is a distribution "
            "over the labels and no-relation, the other a question for each label. Set it as it is set for the teachers."
        )
    return get_taught(doc)


def is_others(labels: Collection[str], cfg: dict[str, Any]) -> bool:
    """Whether labels are those of other extractors of the pipeline. cfg: The settings of this one."""
    return not set(labels).intersection(cfg["labels"]) and set(labels).issubset(cfg["other_labels"])


def match(taught: Taught, mentions: Sequence[Span], pairs: Ints2d, labels: Sequence[str]) -> TaughtPairs:
    """What teachers say of some pairs. mentions: As they were annotated. pairs: `[n_pairs, 2]`, indices of them."""
    logits = logits_of(in_columns(taught, labels), exclusive=taught.exclusive)
    rows, places = taught.rows, [Place.of(span) for span in mentions]
    found = numpy.asarray([rows.get((places[head], places[tail]), -1) for head, tail in pairs.tolist()], dtype="int64")
    known = found >= 0
    matched = numpy.zeros((len(pairs), logits.shape[1]))
    matched[known] = logits[found[known]]
    return TaughtPairs(matched, known)


def n_unasked(taught: Taught, mentions: Sequence[Span], candidates: Ints2d) -> int:
    """The number of pairs of which teachers say something, and which are no candidates."""
    places = [Place.of(span) for span in mentions]
    own = {(places[head], places[tail]) for head, tail in candidates.tolist()}
    return sum(pair not in own for pair in taught.pairs)


def weighed(parts: Sequence[TaughtPairs | None], annotated: Sequence[bool], sizes: Sequence[int], cfg: dict[str, Any]) -> Teaching | None:
    """What teachers say of the pairs of a batch, and the weights of both sides. None: no teacher says anything.

    parts: By Doc, as `match` gives them. annotated: Whether each is annotated. sizes: The pairs of each.
    """
    if all(part is None for part in parts):
        return None
    n_columns = len(cfg["labels"]) + int(cfg["exclusive"])
    nothing = [TaughtPairs(numpy.zeros((n, n_columns)), numpy.zeros(n, dtype=bool)) for n in sizes]
    filled = [none if part is None else part for part, none in zip(parts, nothing, strict=True)]
    known = numpy.concatenate([part.known for part in filled])
    by_annotation = numpy.repeat(numpy.asarray(annotated, dtype=bool), sizes)
    share = float(cfg["teacher_weight"])
    return Teaching(
        numpy.concatenate([part.logits for part in filled]),
        float(cfg["teacher_temperature"]),
        annotation=numpy.where(by_annotation, numpy.where(known, 1 - share, 1.0), 0.0),
        teachers=numpy.where(known, numpy.where(by_annotation, share, 1.0), 0.0),
    )


def _named(labels: Sequence[str], what: str) -> str:
    return f"{', '.join(labels)} {'is' if len(labels) == 1 else 'are'} {what}" if labels else ""
