"""What was read for relations, or speaks for them: weights of words, as places in the text."""

from collections.abc import Sequence
from typing import Any

from spacy.tokens import Doc

from spacy_relext.errors import RelextError
from spacy_relext.explaining.explanations import Explanation
from spacy_relext.pipeline.pairs import AttendedPair

# Start and end of words, characters of the Doc, and their weights.
Words = tuple[tuple[int, int, float], ...]


def read_words(doc: Doc, pairs: Sequence[Any] | None) -> dict[tuple[int, ...], Words]:
    """What was read for each pair of a Doc, or speaks for its label, by the characters of head and tail.

    Weights of explanations are in many units; here they are shares of the greatest, from -1 to 1.
    RAISES: RelextError for what neither `RelationExtractor.attention` nor `RelationExtractor.explain` gives for this Doc.
    """
    found: dict[tuple[int, ...], Words] = {}
    for pair in pairs or ():
        if not isinstance(pair, (AttendedPair, Explanation)):
            raise RelextError(
                f"attention has {pair!r:.60}; expected what RelationExtractor.attention gives for the Docs that are drawn, or explain."
            )
        if pair.head.doc is not doc and pair.head.doc.text != doc.text:
            raise RelextError(
                f"attention is of another Doc, {pair.head.doc.text[:60]!r}…, and the Doc is {doc.text[:60]!r}…. Give "
                "that of the same Docs, in their order."
            )
        ends = (pair.head.start_char, pair.head.end_char, pair.tail.start_char, pair.tail.end_char)
        found[ends] = tuple((start, end, round(weight, 4)) for start, end, weight in _places(pair))
    return found


def _places(pair: AttendedPair | Explanation) -> list[tuple[int, int, float]]:
    if isinstance(pair, AttendedPair):
        return pair.places
    greatest = max((abs(word.weight) for word in pair.words), default=0.0) or 1.0
    return [(word.start, word.end, word.weight / greatest) for word in pair.words]
