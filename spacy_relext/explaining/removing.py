"""Texts from which words are removed, deleted or masked: with the same mentions, sentences and pair."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy
from spacy.tokens import Doc, Span

from spacy_relext.candidates import has_sentences
from spacy_relext.ml.attention import Kind
from spacy_relext.pipeline.gold import VIEW_ATTRIBUTES
from spacy_relext.types import Bools1d, Ints1d

Removal = Literal["delete", "mask"]
# Where the encoder has no word of its own for what is masked.
UNKNOWN = "_"


@dataclass(frozen=True)
class Place:
    """What is removed as one: a word, or a mention that is neither head nor tail; its tokens."""

    first: int
    end: int
    kind: Kind


@dataclass(frozen=True)
class Part:
    """A text, or a part of one, and the pair that is asked about.

    spans (List[Span]): The mentions. pair (Tuple[int, int]): Head and tail, as indices of them. context (Tuple[int, int]): The tokens that
    the pair reads. shift (int): The characters before it in the Doc that it is of.
    """

    doc: Doc
    spans: list[Span]
    pair: tuple[int, int]
    context: tuple[int, int]
    shift: int = 0

    def places(self) -> list[Place]:
        """What can be removed: all that the pair reads but head, tail and blanks. Mentions that overlap go together."""
        inside = numpy.zeros(len(self.doc), dtype="int64")  # the number of the stretch of mentions that a token is in; 0: none
        bounds: list[tuple[int, int]] = []
        for span in sorted(self.spans, key=lambda span: (span.start, -span.end)):
            if bounds and span.start < bounds[-1][1]:
                bounds[-1] = bounds[-1][0], max(bounds[-1][1], span.end)
            else:
                bounds.append((span.start, span.end))
        for number, (first, end) in enumerate(bounds, start=1):
            inside[first:end] = number
        kept = {int(inside[self.spans[i].start]) for i in self.pair}
        found: list[Place] = []
        for i in range(*self.context):
            number = int(inside[i])
            if number in kept or (not number and self.doc[i].is_space):
                continue
            if not number:
                found.append(Place(i, i + 1, "text"))
            elif not found or found[-1].first != bounds[number - 1][0]:
                # As a whole, also where a context ends within it.
                found.append(Place(*bounds[number - 1], "mention"))
        return found

    def without(self, places: Collection[Place], mask: str | None) -> "Part":
        """The same part without some places. mask: A word in the place of each; None: they are deleted."""
        keep, masked = numpy.ones(len(self.doc), dtype=bool), numpy.zeros(len(self.doc), dtype=bool)
        for place in places:
            keep[place.first : place.end] = False
            if mask is not None:
                keep[place.first] = masked[place.first] = True
        source = numpy.flatnonzero(keep)
        number = numpy.append(0, keep.cumsum())
        doc = _copied(self.doc, source, masked, mask or "")
        gone = {token for place in places for token in range(place.first, place.end)}
        stay = [i for i, span in enumerate(self.spans) if span.start not in gone]
        spans = [Span(doc, number[self.spans[i].start], number[self.spans[i].end], label=self.spans[i].label) for i in stay]
        pair = (stay.index(self.pair[0]), stay.index(self.pair[1]))
        context = (int(number[self.context[0]]), int(number[self.context[1]]))
        return Part(doc, spans, pair, context, self.shift)

    def cut(self) -> "Part":
        """What the pair reads alone, with the mentions that lie in it."""
        return self._between(*self.context)

    def near(self, margin: int) -> "Part":
        """What the pair reads from so many tokens before head and tail to as many behind them."""
        first, end = min(self.spans[i].start for i in self.pair), max(self.spans[i].end for i in self.pair)
        return self._between(max(first - margin, self.context[0]), min(end + margin, self.context[1]))

    def _between(self, first: int, end: int) -> "Part":
        stay = [i for i, span in enumerate(self.spans) if first <= span.start and span.end <= end]
        doc = _copied(self.doc, numpy.arange(first, end), numpy.zeros(len(self.doc), dtype=bool), "")
        spans = [Span(doc, self.spans[i].start - first, self.spans[i].end - first, label=self.spans[i].label) for i in stay]
        pair = (stay.index(self.pair[0]), stay.index(self.pair[1]))
        return Part(doc, spans, pair, (0, end - first), self.shift + self.doc[first].idx)


def whole(doc: Doc, spans: Sequence[Span], pair: tuple[int, int], context: tuple[int, int]) -> Part:
    """A Doc as a part, of which the Doc itself is left alone."""
    copied = _copied(doc, numpy.arange(len(doc)), numpy.zeros(len(doc), dtype=bool), "")
    return Part(copied, [Span(copied, s.start, s.end, label=s.label) for s in spans], pair, context)


def _copied(doc: Doc, source: Ints1d, masked: Bools1d, mask: str) -> Doc:
    """A Doc of some tokens of another one, with what the pipeline made of them. masked: bool `[n_tokens]`, those that become `mask`."""
    tokens = [doc[int(i)] for i in source]
    # Words that were apart stay apart.
    ends = numpy.append(source[1:] != source[:-1] + 1, False)
    starts = None
    if has_sentences(doc):
        # The sentence of a token, so that one begins with the first of its tokens that is left.
        sentence = numpy.cumsum([bool(token.is_sent_start) for token in doc])[source]
        starts = numpy.append(True, sentence[1:] != sentence[:-1]).tolist()[: len(source)]
    words = [mask if masked[token.i] else token.text for token in tokens]
    spaces = [bool(token.whitespace_) or bool(end) for token, end in zip(tokens, ends, strict=True)]
    copied = Doc(doc.vocab, words=words, spaces=spaces, sent_starts=starts)
    attributes = doc.to_array(VIEW_ATTRIBUTES)[source]
    if masked.any():
        attributes[masked[source]] = 0
        attributes[masked[source], VIEW_ATTRIBUTES.index("NORM")] = doc.vocab[mask].norm
    copied.from_array(VIEW_ATTRIBUTES, attributes)
    return copied
