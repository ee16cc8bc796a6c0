"""A text in lines: words in boxes of whole pixels, and where a mention lies in them."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import sub
from typing import NamedTuple

from spacy_relext.displacy.widths import is_wide, text_width

# Texts whose characters stand one after the other, none of them wide: they are cut by one expression.
_PLAIN = re.compile(r"[\0-\u02ff\u0370-\u0482\u048a-\u052f\u1e00-\u1fff\u2000-\u200a\u2010-\u2027\u202f-\u205f\u2070-\u20cf\u2100-\u22ff]*")
_BREAKS = re.compile(r"[^\S\n\xa0\u2007\u202f]*\n|[^\S\n\xa0\u2007\u202f]+(?=\S)|[-/–](?=\w)")
_TIED = "\xa0\u2007\u202f"  # blanks at which no line is broken
# A character of a script whose widths differ between fonts: neither Latin, Greek, Cyrillic, Chinese, Japanese, Korean nor mathematics.
UNSURE = "[^\0-\u052f\u1e00-\u25ff\u27c0-\u2bff\u3000-\u9fff\uac00-\ud7a3\uff00-\uffef]"


class Box(NamedTuple):
    """A part of a line: a word with the blanks that follow it, or a part of one.

    x: Its left edge; in a line from right to left, the distance of its right edge from the right end. width: As it is in the markup.
    ink: Without the blanks at its end. run: First and last index of the boxes of a run in the other direction, if it is in one.
    """

    start: int
    end: int
    x: int
    width: int
    ink: int
    run: tuple[int, int] | None = None


class Piece(NamedTuple):
    """The part of a stretch of text that lies in one line, in pixels from the left end of the line."""

    line: int
    left: float
    right: float


def is_rtl(text: str) -> bool:
    """Whether more characters of a text are written from right to left than from left to right."""
    if text.isascii():
        return False
    kinds = Counter(map(unicodedata.bidirectional, text))
    return kinds["R"] + kinds["AL"] > kinds["L"]


@lru_cache(maxsize=1 << 14)
def measure(part: str) -> tuple[int, int]:
    """The width of the box of a word in whole pixels, and that without the blanks at its end."""
    width, bare = round(text_width(part)), part.rstrip()
    return width, width if len(bare) == len(part) else round(text_width(bare))


def cut(text: str, bounds: Iterable[int] = (), rtl: bool = False) -> list[tuple[int, bool]]:
    """The ends of the words of a text, with the blanks that follow, and whether a line may end there. bounds: Further places to cut it."""
    return _plain_places(text, bounds) if not rtl and _PLAIN.fullmatch(text) else _places(text, set(bounds), rtl)


def _plain_places(text: str, bounds: Iterable[int]) -> list[tuple[int, bool]]:
    breaks = {match.end() for match in _BREAKS.finditer(text)}
    breaks.add(len(text))
    return [(place, place in breaks) for place in sorted(breaks.union(bounds)) if 0 < place <= len(text)]


def _places(text: str, bounds: Collection[int], rtl: bool) -> list[tuple[int, bool]]:
    """Where a text is cut, character by character, and whether a line may end there."""
    places = []
    for place in range(1, len(text) + 1):
        before, after = text[place - 1], text[place : place + 1]
        blank = before.isspace() and before not in _TIED and not after.isspace()
        breaks = not after or before == "\n" or (blank and after != "\n") or _breaks_between(before, after)
        bare = rtl and after and before.isspace() != after.isspace()
        if (breaks or bare or place in bounds) and not (after and is_joined(before, after)):
            places.append((place, breaks))
    return places


def _breaks_between(before: str, after: str) -> bool:
    """Whether a line may end between two characters of a word: after hyphens, and between wide characters but before punctuation."""
    if before in "-/–":
        return after.isalnum()
    if is_wide(after):
        return not unicodedata.category(after).startswith("P") and unicodedata.category(before) != "Ps"
    return is_wide(before) and after.isalnum() and unicodedata.category(before) != "Ps"


def is_joined(before: str, after: str) -> bool:
    """Whether a character belongs to the one before it: marks, joiners, selectors, tones of skin."""
    return (
        unicodedata.category(after) in ("Mn", "Me")
        or after in "\u200d\ufe0f"
        or before == "\u200d"
        or "\U0001f3fb" <= after <= "\U0001f3ff"
    )


class Words:
    """A text ready to be put into lines of any width.

    text (str): The text.
    mentions (Sequence[Tuple[int, int]]): No line is broken within one that fits into a line.
    starts (Collection[int]): Characters that begin a new line.
    rtl (bool): Whether lines go from right to left.
    """

    def __init__(self, text: str, mentions: Sequence[tuple[int, int]], starts: Collection[int], rtl: bool):
        self.text, self.rtl, self.starts = text, rtl, starts
        # A mention and the comma after it are one word, for a screen reader, too. Only runs in the other direction need their bounds.
        self.ends = cut(text, {bound for mention in mentions for bound in mention} if rtl else (), rtl)
        breaks = [end for end, may_break in self.ends if may_break]
        # Those with a place in them at which a line could be broken.
        several = [(start, end) for start, end in mentions if bisect_left(breaks, end) > bisect_right(breaks, start)]
        self.whole = [(start, end, round(text_width(text[start:end].rstrip()))) for start, end in several]
        self._fitted: dict[tuple[object, ...], Fitted] = {}

    def lines(self, width: int) -> "Lines":
        """The text in lines of a width: as many words as fit, as a paragraph has them."""
        held = tuple((start, end) for start, end, needed in self.whole if needed <= width)
        if held not in self._fitted:
            self._fitted[held] = self._join(self.ends, held)
        fitted = self._fitted[held]
        if fitted.widest > width:
            if (held, width) not in self._fitted:
                self._fitted[held, width] = self._split(fitted, width)
            fitted = self._fitted[held, width]
        return Lines(self, fitted, width)

    def _join(self, ends: Sequence[tuple[int, bool]], held: Sequence[tuple[int, int]]) -> "Fitted":
        inside = {place for start, end in held for place in range(start + 1, end)}
        return Fitted(self.text, self.starts, [(end, breaks and end not in inside) for end, breaks in ends])

    def _split(self, fitted: "Fitted", width: int) -> "Fitted":
        """What is longer than a line can be broken at every word of it, and words that are longer at characters."""
        ends, place = [], 0
        for chunk, stop in enumerate([*fitted.chunks[1:], len(fitted.ends)]):
            fits = fitted.visible[chunk] - fitted.lefts[fitted.chunks[chunk]] <= width
            for word in range(fitted.chunks[chunk], stop):
                end = fitted.ends[word]
                while not fits and measure(self.text[place:end])[1] > width:
                    place = self._fitting(place, end, width)
                    ends.append((place, True))
                if end > place:
                    ends.append((end, not fits or word == stop - 1))
                place = end
        return Fitted(self.text, self.starts, ends)

    def _fitting(self, start: int, end: int, width: int) -> int:
        """The end of the longest beginning that fits, of one character at least."""
        stop, used = start, 0.0
        while stop < end and used + text_width(self.text[stop]) <= width - 0.5:
            used += text_width(self.text[stop])
            stop += 1
        while start < stop < end and is_joined(self.text[stop - 1], self.text[stop]):
            stop -= 1
        if stop == start:
            stop += 1
            while stop < end and is_joined(self.text[stop - 1], self.text[stop]):
                stop += 1
        return stop


class Fitted:
    """Words between which lines of a width can be broken: as arrays, for they are put into lines again and again.

    ends, lefts, inks (List[int]): Of each word: its last character, and its place if all stood in one line.
    chunks (List[int]): The first word of each stretch within which no line is broken. visible (List[int]): Where it ends, without blanks.
    forced (List[int]): For each stretch, the next one that begins a line in any case. widest (int): The width of the widest.
    """

    def __init__(self, text: str, starts: Collection[int], ends: Sequence[tuple[int, bool]]):
        self.ends = [end for end, _ in ends]
        self.begins = [0, *self.ends][: len(self.ends)]
        sizes = [measure(text[begin:end]) for begin, end in zip(self.begins, self.ends, strict=True)]
        self.inks = [ink for _, ink in sizes]
        self.lefts = [0, *accumulate(width for width, _ in sizes)]
        lasts = [word for word, (end, breaks) in enumerate(ends) if breaks or text[end - 1] == "\n" or end == len(text)]
        self.chunks = [0, *(word + 1 for word in lasts[:-1])] if lasts else []
        self.visible = [self.lefts[word] + self.inks[word] for word in lasts]
        self.widest = max((seen - self.lefts[first] for seen, first in zip(self.visible, self.chunks, strict=True)), default=0)
        self.forced = [len(lasts)] * len(lasts)
        for chunk in range(len(lasts) - 2, -1, -1):
            follows = self.begins[self.chunks[chunk + 1]]
            self.forced[chunk] = chunk + 1 if follows in starts or text[follows - 1] == "\n" else self.forced[chunk + 1]


class Lines:
    """A text in lines. firsts (List[int]): The first character of each line."""

    def __init__(self, words: Words, fitted: Fitted, width: int):
        self.text, self.rtl, self.fitted, self.width = words.text, words.rtl, fitted, width
        bounds, chunk = [], 0
        while chunk < len(fitted.visible):
            bounds.append(fitted.chunks[chunk])
            fitting = bisect_right(fitted.visible, fitted.lefts[bounds[-1]] + width, chunk)
            chunk = min(max(fitting, chunk + 1), fitted.forced[chunk])
        self._bounds = [*bounds, len(fitted.ends)]
        self.firsts = [fitted.begins[bound] for bound in bounds]

    def __len__(self) -> int:
        return len(self.firsts)

    def boxes(self, number: int) -> list[Box]:
        """The words of a line. A blank at its end takes no room."""
        fitted, first, after = self.fitted, self._bounds[number], self._bounds[number + 1]
        base = fitted.lefts[first]
        lefts = [left - base for left in fitted.lefts[first : after + 1]]
        widths = map(sub, lefts[1:], lefts)
        inks = fitted.inks[first:after]
        boxes = [*map(Box, fitted.begins[first:after], fitted.ends[first:after], lefts, widths, inks)]
        boxes[-1] = boxes[-1]._replace(width=inks[-1])
        return _with_runs(boxes, self.text) if self.rtl else boxes

    def pieces(self, start: int, end: int) -> list[Piece]:
        """Where a stretch of text lies, line by line."""
        if self.rtl:
            return self._mirrored_pieces(start, end)
        fitted = self.fitted
        first, last = bisect_right(fitted.begins, start) - 1, bisect_left(fitted.begins, end) - 1
        left = fitted.lefts[first] + (text_width(self.text[fitted.begins[first] : start]) if start > fitted.begins[first] else 0)
        covered: float = fitted.inks[last]
        if end < fitted.ends[last]:
            covered = min(text_width(self.text[fitted.begins[last] : end].rstrip()), covered)
        right = fitted.lefts[last] + covered
        line = bisect_right(self._bounds, first) - 1
        if last < self._bounds[line + 1]:
            base = fitted.lefts[self._bounds[line]]
            return [Piece(line, left - base, right - base)] if right > left else []
        found = []
        while line < len(self) and self._bounds[line] <= last:
            base, tail = fitted.lefts[self._bounds[line]], min(last, self._bounds[line + 1] - 1)
            begin, stop = max(left - base, 0), (right if tail == last else fitted.lefts[tail] + fitted.inks[tail]) - base
            if stop > begin:
                found.append(Piece(line, begin, stop))
            line += 1
        return found

    def _mirrored_pieces(self, start: int, end: int) -> list[Piece]:
        found = []
        for number in range(max(bisect_right(self.firsts, start) - 1, 0), bisect_left(self.firsts, end)):
            spans = [self._within(box, start, end) for box in self.boxes(number) if box.start < end and start < box.end]
            spans = [(near, far) for near, far in spans if far > near]
            if spans:
                found.append(Piece(number, self.width - max(far for _, far in spans), self.width - min(near for near, _ in spans)))
        return found

    def _within(self, box: Box, start: int, end: int) -> tuple[float, float]:
        """The part of a box that lies in a stretch of text, from the right end of the line."""
        if start <= box.start and box.end <= end:
            return box.x, box.x + box.ink
        before = text_width(self.text[box.start : max(start, box.start)])
        covered = text_width(self.text[max(start, box.start) : min(end, box.end)].rstrip())
        return box.x + before, box.x + min(before + covered, box.width)


def _with_runs(line: Sequence[Box], text: str) -> list[Box]:
    """A line from right to left in which runs from left to right are read as such: their boxes change places."""
    mirrored, first = list(line), 0
    while first < len(line):
        after = first
        while after < len(line) and _is_ltr(text[line[after].start : line[after].end], after > first):
            after += 1
        while after > first and not _is_ltr(text[line[after - 1].start : line[after - 1].end], False):
            after -= 1
        if after > first:
            edges = line[first].x + line[after - 1].x + line[after - 1].width
            for place in range(first, after):
                box = line[place]
                mirrored[place] = box._replace(x=edges - box.x - box.width, run=(first, after - 1))
        first = max(after, first + 1)
    return mirrored


def _is_ltr(part: str, inside: bool) -> bool:
    """Whether a part of a line is read from left to right; inside: after one that is, neutral ones are, too."""
    kinds = set(map(unicodedata.bidirectional, part))
    return not kinds & {"R", "AL"} and bool(kinds & {"L", "EN"} or (inside and kinds <= {"WS", "ON", "CS", "ES", "ET"}))
