"""Where relations stand in an annotated text: the lines of a division that each is in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from spacy.tokens import Doc, Span

from spacy_relext.assertion import GROUPS as ASSERTIONS
from spacy_relext.candidates import has_sentences, sentence_bounds
from spacy_relext.report.analysis import Division
from spacy_relext.types import Ints1d

Extent = tuple[int, int]
# The lines of a division that counts something: the largest number of each, and its name. What is more is in the last one.
Bins = Sequence[tuple[float, str]]
DISTANCES: Bins = ((2, "0–2"), (5, "3–5"), (10, "6–10"), (20, "11–20"), (50, "21–50"), (float("inf"), "more than 50"))
LENGTHS: Bins = ((10, "1–10"), (20, "11–20"), (30, "21–30"), (50, "31–50"), (100, "51–100"), (float("inf"), "more than 100"))
MENTIONS: Bins = ((2, "2 or fewer"), (3, "3"), (5, "4–5"), (10, "6–10"), (20, "11–20"), (float("inf"), "more than 20"))
OVERLAPPING = "overlapping"
SENTENCES: Bins = ((1, "the same"), (2, "the next"), (float("inf"), "further apart"))
# In the order of a table.
NAMES: dict[Division, tuple[str, ...]] = {
    "distance": (OVERLAPPING, *(name for _, name in DISTANCES)),
    "sentence_length": tuple(name for _, name in LENGTHS),
    "mentions": tuple(name for _, name in MENTIONS),
    "sentences": tuple(name for _, name in SENTENCES),
    "assertion": ASSERTIONS,
}


@dataclass(frozen=True)
class Layout:
    """Tokens, sentences and mentions of an annotated text, in characters, so that found mentions have a place in it, too.

    starts, ends (Ints1d): Of tokens. sentence_starts, sentence_ends (Ints1d): Of sentences; the whole text where there are none.
    mentions (Ints1d): The starts of the annotated mentions, ascending.
    """

    starts: Ints1d
    ends: Ints1d
    sentence_starts: Ints1d
    sentence_ends: Ints1d
    mentions: Ints1d

    @classmethod
    def of(cls, reference: Doc, doc: Doc, mentions: Sequence[Span]) -> "Layout":
        """reference: The annotated Doc. doc: One of the same text, whose sentences are taken where the other one has none."""
        starts = numpy.asarray([token.idx for token in reference], dtype="int64")
        ends = starts + numpy.asarray([len(token) for token in reference], dtype="int64")
        sentences = next((d for d in (reference, doc) if len(d) and has_sentences(d)), None)
        if sentences is None:
            bounds = numpy.asarray([0]), numpy.asarray([len(reference.text)])
        else:
            first, end = sentence_bounds(sentences)
            bounds = (
                numpy.asarray([sentences[int(i)].idx for i in first]),
                numpy.asarray([sentences[int(i) - 1].idx + len(sentences[int(i) - 1]) for i in end]),
            )
        return cls(starts, ends, *bounds, numpy.sort(numpy.asarray([span.start_char for span in mentions], dtype="int64")))

    def sentences_of(self, head: Extent, tail: Extent) -> Extent:
        """The sentences from that of the first mention to that of the last: the number of the first one, and one after the last."""
        first = self.sentence_starts.searchsorted(min(head[0], tail[0]), side="right") - 1
        last = self.sentence_starts.searchsorted(max(head[1], tail[1]) - 1, side="right") - 1
        return max(int(first), 0), int(last) + 1

    def context(self, head: Extent, tail: Extent) -> Extent:
        """The characters of these sentences."""
        first, end = self.sentences_of(head, tail)
        return int(self.sentence_starts[first]), int(max(self.sentence_ends[end - 1], head[1], tail[1]))

    def lines(self, head: Extent, tail: Extent) -> dict[Division, str]:
        """The lines that a relation between two mentions is in, but for those of label and types."""
        one, other = sorted((head, tail))
        between = int(self.ends.searchsorted(other[0], side="right") - self.starts.searchsorted(one[1], side="left"))
        start, stop = self.context(head, tail)
        length = int(self.starts.searchsorted(stop) - self.starts.searchsorted(start))
        n_mentions = int(self.mentions.searchsorted(stop) - self.mentions.searchsorted(start))
        # The sentence of a mention is that in which it begins.
        begins = self.sentence_starts.searchsorted([one[0], other[0]], side="right")
        return {
            "distance": OVERLAPPING if other[0] < one[1] else _bin(DISTANCES, max(between, 0)),
            "sentence_length": _bin(LENGTHS, length),
            "mentions": _bin(MENTIONS, n_mentions),
            "sentences": _bin(SENTENCES, int(begins[1] - begins[0]) + 1),
        }


def _bin(bins: Bins, n: int) -> str:
    return next(name for most, name in bins if n <= most)
