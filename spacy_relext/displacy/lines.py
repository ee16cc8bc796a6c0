"""A text in lines: words in boxes of whole pixels, and where a mention lies in them."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from spacy_relext.displacy.widths import is_wide, text_width

# Texts whose characters stand one after the other, none of them wide: they are cut by one expression.
_PLAIN = re.compile(r"[\0-\u02ff\u0370-\u0482\u048a-\u052f\u1e00-\u1fff\u2000-\u200a\u2010-\u2027\u202f-\u205f\u2070-\u20cf\u2100-\u22ff]*")
_BREAKS = re.compile(r"[^\S\n\xa0\u2007\u202f]*\n|[^\S\n\xa0\u2007\u202f]+(?=\S)|[-/–](?=\w)")
_TIED = "\xa0\u2007\u202f"  # blanks at which no line is broken
# Scripts of which fonts are alike: Latin, Greek, Cyrillic, punctuation, mathematics, Chinese, Japanese, Korean.
_SURE = re.compile(r"[\0-\u052f\u1e00-\u25ff\u27c0-\u2bff\u3000-\u9fff\uac00-\ud7a3\uff00-\uffef]*")


class Atom(NamedTuple):
    """What is never broken but if it is longer than a line: a word with the blanks that follow it, or a part of one.

    breaks: Whether a line may end after it. width, ink: In pixels, with and without the blanks at its end.
    """

    start: int
    end: int
    breaks: bool
    width: int
    ink: int


class Box(NamedTuple):
    """A part of a line.

    x: Its left edge; in a line from right to left, the distance of its right edge from the right end. width: As it is in the markup.
    ink: Without the blanks at its end. run: First and last index of the boxes of a run in the other direction, if it is in one.
    """

    start: int
    end: int
    x: int
    width: int
    ink: int
    run: tuple[int, int] | None = None


Line = list[Box]


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


def is_unsure(text: str) -> bool:
    """Whether a text is in a script whose widths differ between fonts."""
    return not (text.isascii() or _SURE.fullmatch(text))


def box_width(text: str) -> int:
    """The width of the box of a text in whole pixels."""
    return round(text_width(text))


def cut(text: str, bounds: Iterable[int], rtl: bool = False) -> list[Atom]:
    """The text in atoms. bounds: Further places to cut it."""
    places = _plain_places(text, bounds) if not rtl and _PLAIN.fullmatch(text) else _places(text, set(bounds), rtl)
    atoms, start = [], 0
    for end, breaks in places:
        part = text[start:end]
        width = round(text_width(part))
        bare = part.rstrip()
        atoms.append(Atom(start, end, breaks, width, width if len(bare) == len(part) else round(text_width(bare))))
        start = end
    return atoms


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
        if (breaks or bare or place in bounds) and not (after and _is_joined(before, after)):
            places.append((place, breaks))
    return places


def _breaks_between(before: str, after: str) -> bool:
    """Whether a line may end between two characters of a word: after hyphens, and between wide characters but before punctuation."""
    if before in "-/–":
        return after.isalnum()
    if is_wide(after):
        return not unicodedata.category(after).startswith("P") and unicodedata.category(before) != "Ps"
    return is_wide(before) and after.isalnum() and unicodedata.category(before) != "Ps"


def _is_joined(before: str, after: str) -> bool:
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
        self.atoms = cut(text, {bound for mention in mentions for bound in mention} if rtl else (), rtl)
        # A mention without a blank or the like in it is no place to break a line anyway.
        ends = [atom.end for atom in self.atoms if atom.breaks]
        self.whole = [
            (start, end, round(text_width(text[start:end].rstrip())))
            for start, end in mentions
            if bisect_left(ends, end) > bisect_right(ends, start)
        ]
        self._chunks: dict[tuple[tuple[int, int], ...], list[list[Atom]]] = {}

    def chunks(self, width: int) -> list[list[Atom]]:
        """Atoms between which no line of a width is broken."""
        held = tuple((start, end) for start, end, needed in self.whole if needed <= width)
        if held not in self._chunks:
            inside = {place for start, end in held for place in range(start + 1, end)}
            chunks: list[list[Atom]] = []
            chunk: list[Atom] = []
            for atom in self.atoms:
                chunk.append(atom)
                if (atom.breaks and atom.end not in inside) or self.text[atom.end - 1] == "\n":
                    chunks.append(chunk)
                    chunk = []
            self._chunks[held] = [*chunks, chunk] if chunk else chunks
        return self._chunks[held]

    def lines(self, width: int) -> list[Line]:
        """The text in lines of a width: as many words as fit, as a paragraph has them."""
        lines: list[Line] = []
        line: Line = []
        x = 0
        for chunk in self.chunks(width):
            visible = chunk[-1].ink if len(chunk) == 1 else sum(atom.width for atom in chunk[:-1]) + chunk[-1].ink
            if line and (x + visible > width or chunk[0].start in self.starts):
                lines.append(line)
                line, x = [], 0
            if visible > width:
                line, x = self._split(chunk, width, line, x, lines)
            else:
                for start, end, _, wide, ink in chunk:
                    line.append(Box(start, end, x, wide, ink))
                    x += wide
            if line and self.text[line[-1].end - 1] == "\n":
                lines.append(line)
                line, x = [], 0
        if line:
            lines.append(line)
        for line in lines:
            last = line[-1]
            line[-1] = last._replace(width=last.ink)  # a blank at the end of a line takes no room
        return [_with_runs(line, self.text) for line in lines] if self.rtl else lines

    def _split(self, chunk: list[Atom], width: int, line: Line, x: int, lines: list[Line]) -> tuple[Line, int]:
        """A chunk that is longer than a line: at blanks, else at characters."""
        for start, end, _, wide, ink in chunk:
            while x + ink > width and end > start:
                stop = self._fitting(start, end, width - x, bool(line))
                if stop > start:
                    line.append(self._box(start, stop, x))
                lines.append(line)
                line, x, start = [], 0, stop
                wide, ink = box_width(self.text[start:end]), box_width(self.text[start:end].rstrip())
            if end > start:
                line.append(Box(start, end, x, wide, ink))
                x += wide
        return line, x

    def _fitting(self, start: int, end: int, room: int, begun: bool) -> int:
        """The end of the longest beginning that fits, rather at a blank; at least a character if the line has none yet."""
        stop, used = start, 0.0
        while stop < end and used + text_width(self.text[stop]) <= room - 0.5:
            used += text_width(self.text[stop])
            stop += 1
        blank = self.text.rfind(" ", start, stop)
        if stop < end and blank >= 0:
            stop = blank + 1
        while start < stop < end and _is_joined(self.text[stop - 1], self.text[stop]):
            stop -= 1
        if stop == start and not begun:
            stop = start + 1
            while stop < end and _is_joined(self.text[stop - 1], self.text[stop]):
                stop += 1
        return stop

    def _box(self, start: int, end: int, x: int) -> Box:
        part = self.text[start:end]
        return Box(start, end, x, box_width(part), box_width(part.rstrip()))


def _with_runs(line: Line, text: str) -> Line:
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


def pieces(text: str, lines: Sequence[Line], firsts: Sequence[int], start: int, end: int, width: int, rtl: bool) -> list[Piece]:
    """Where a stretch of text lies, line by line. firsts: The first character of each line. width: Of a line, in pixels."""
    found = []
    for number in range(max(bisect_right(firsts, start) - 1, 0), len(lines)):
        line = lines[number]
        if line[0].start >= end:
            break
        spans = [_within(text, box, start, end) for box in line if box.start < end and start < box.end]
        spans = [(left, right) for left, right in spans if right > left]
        if spans:
            left, right = min(left for left, _ in spans), max(right for _, right in spans)
            found.append(Piece(number, width - right, width - left) if rtl else Piece(number, left, right))
    return found


def _within(text: str, box: Box, start: int, end: int) -> tuple[float, float]:
    """Left and right end of the part of a box that lies in a stretch of text."""
    if start <= box.start and box.end <= end:
        return box.x, box.x + box.ink
    before = text_width(text[box.start : max(start, box.start)])
    covered = text_width(text[max(start, box.start) : min(end, box.end)].rstrip())
    return box.x + before, box.x + min(before + covered, box.width)
