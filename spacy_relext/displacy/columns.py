"""A text in lines of a terminal: what each character takes of them, and where lines are broken."""

import unicodedata
from collections.abc import Collection, Iterator
from typing import NamedTuple

_JOINER = "\u200d"
_REGIONAL = range(0x1F1E6, 0x1F200)
_SKIN_TONES = range(0x1F3FB, 0x1F400)
# What orders the letters of a line, and would move what is drawn above it.
_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Cell(NamedTuple):
    """A character with those that are joined to it: where it begins in the text, what is shown, and from which column on, how wide."""

    start: int
    shown: str
    column: int
    width: int


def cells(text: str) -> Iterator[tuple[int, str, int]]:
    """The start, what is shown and the width of each character of a text and what is joined to it.

    A control character is a question mark, since terminals obey them; blanks are spaces; a newline stays.
    """
    start, shown, width, joins, regional = 0, "", 0, False, False
    for i, character in enumerate(text):
        own = _width(character)
        is_regional = ord(character) in _REGIONAL
        joined = shown not in ("", "\n") and character != "\n" and (own == 0 or joins or (regional and is_regional))
        if not joined and shown:
            yield start, shown, width
            start, shown, width = i, "", 0
        if joined and character == "\ufe0f":  # an emoji, not a sign of the text
            own, width = 0, 2
        shown += _shown(character)
        width = width if joined else own
        joins, regional = character == _JOINER, is_regional and not joined
    if shown:
        yield start, shown, width


def _shown(character: str) -> str:
    if character in _BIDIRECTIONAL:
        return ""
    if character != "\n" and character.isspace():
        return " "
    return "?" if unicodedata.category(character) in ("Cc", "Cs") and character != "\n" else character


def _width(character: str) -> int:
    """0 for what is joined to the character before it, 2 for wide ones."""
    if " " <= character <= "~":
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf") and character != "\xad":
        return 0
    if ord(character) in _SKIN_TONES:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" or ord(character) in _REGIONAL else 1


def columns_of(text: str) -> int:
    """How many columns a text takes in one line."""
    return sum(width for _, _, width in cells(text))


def in_one_line(text: str) -> str:
    """A text as it is shown in one line, however long: without what a terminal obeys."""
    return "".join(shown for _, shown, _ in cells(" ".join(text.split())))


def cut_to(text: str, width: int) -> str:
    """A text as it is shown in one line, of a width at the most, with an ellipsis where it is longer."""
    kept = [(shown, own) for _, shown, own in cells(" ".join(text.split()))]
    if sum(own for _, own in kept) <= width:
        return "".join(shown for shown, _ in kept)
    while kept and sum(own for _, own in kept) > width - 3:
        kept = kept[: max(width - 3, 0)] if len(kept) > width else kept[:-1]
    return f"{''.join(shown for shown, _ in kept)}..."[: max(width, 0)]


def lines_of(text: str, width: int, begins: Collection[int]) -> Iterator[list[Cell]]:
    """The lines of a text, each a list of its cells. begins: Characters with which a line begins in any case.

    A line is broken at a blank or beside a wide character; in a word only where it is wider than a line. Blanks at the end of a line may
    lie beyond its width.
    """
    line: list[Cell] = []
    broken = 0  # how many cells of the line are before the last place where it may be broken
    for start, shown, own in cells(text):
        if start in begins and line:
            yield line
            line, broken = [], 0
        if shown == "\n":
            yield line
            line, broken = [], 0
            continue
        column = line[-1].column + line[-1].width if line else 0
        if line and (own == 2 or line[-1].width == 2 or (line[-1].shown == " " and shown != " ")):
            broken = len(line)
        if column + own > width and shown != " " and line:
            kept, rest = line[: broken or len(line)], line[broken or len(line) :]
            yield kept
            first = rest[0].column if rest else 0
            line, broken = [cell._replace(column=cell.column - first) for cell in rest], 0
            column = line[-1].column + line[-1].width if line else 0
        line.append(Cell(start, shown, column, own))
    if line:
        yield line
