"""Offsets of mentions: how a file counts them, what is wrong with them, and the one stretch that stands for several.

Most formats count characters, and not all files of them do: some count UTF-16 units or bytes, the characters of another normal form (a
letter with its accent as one, or as two), CR LF as one character, LF as two, a byte order mark that is no part of the text, or none that
is. The texts that stand beside the offsets decide (`fit_offsets`).
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, product, repeat
from typing import Any, Literal, NamedTuple

from spacy_relext.formats.types import Document
from spacy_relext.notices import counted_name

JOINER = "\u200d"
UNCHECKED = "documents whose offsets nothing checks (read as characters)"
CHARACTERS, UTF16, BYTES = "characters", "UTF-16 units", "bytes"
COMPOSED, DECOMPOSED = "characters of composed letters (NFC)", "characters of decomposed letters (NFD)"
NORMAL_FORMS: dict[str, Literal["NFC", "NFD"]] = {COMPOSED: "NFC", DECOMPOSED: "NFD"}
UNITS = (CHARACTERS, UTF16, BYTES, *NORMAL_FORMS)
ONE, TWO = "CR LF as one character", "LF as two characters"
MARK, NO_MARKS = "a byte order mark", "no byte order mark within the text"
INNER_MARK = "\ufeff"
SPACES = "mentions that their file gives with other white space"
BEYOND = "mentions beyond the end of the text"
FORMS = "mentions that their file gives with other forms of letters"
DISCONTINUOUS, LONGEST = "discontinuous mentions (kept as one stretch)", "discontinuous mentions (kept as their longest fragment)"
Compare = Callable[[str, str], bool]
# The first character and the end, exclusive, of a mention or of a part of it.
Stretch = tuple[int, int]


class Said(NamedTuple):
    """What a file says of a mention: its name for errors, the offsets of its parts as the file counts them, and its text, or None."""

    name: str
    parts: Sequence[Stretch]
    text: str | None


class OffsetError(ValueError):
    """Offsets that no reading fits, or several do. index: That of the first mention that is not as the format has it."""

    def __init__(self, message: str, index: int):
        super().__init__(message)
        self.index = index


@dataclass(frozen=True)
class Fit:
    """Offsets in characters of the text: those of the parts of each mention, and what is counted of how they were found."""

    places: list[list[Stretch]]
    counts: Counter[str] = field(default_factory=Counter)


def fit_offsets(
    text: str, mentions: Sequence[Said], *, had_mark: bool = False, units: Collection[str] = UNITS, is_usual: bool = True
) -> Fit:
    """The offsets of the mentions of a document, in the one way of counting with which all their texts agree.

    Characters are tried first, and taken if all agree. Of the other ways, all are tried, and those that agree must lead to the same places.
    If none agrees, the same is tried again with texts that are compared without white space, case and forms of letters (NFKC).

    had_mark: The file of the text began with a byte order mark, which is not in the text and may be counted.
    units: Those that are tried. is_usual: The offsets are as the format has them, and not yet taken in another way. Only then may there be
        white space at the ends of a mention that its text does not have.
    RAISES: OffsetError where no way agrees with all mentions, or two that differ do.
    """
    for compare in (_is_same, _is_alike):
        fits: dict[str, list[list[Stretch]]] = {}
        for name, places in _readings(text, mentions, had_mark, units):
            pairs = list(zip(places, mentions, strict=True))
            if all(_agrees(text, parts, said.text, compare) for parts, said in pairs) and (
                (is_usual and not name) or not any(_has_white_ends(text, parts, said.text) for parts, said in pairs)
            ):
                if places not in fits.values():
                    fits[name] = places
                if not name:
                    break
        if len(fits) > 1:
            (one, first), (other, second) = list(fits.items())[:2]
            index = next(i for i, (a, b) in enumerate(zip(first, second, strict=True)) if a != b)
            raise OffsetError(
                f"mention {mentions[index].name!r} stands at {_spell(first[index])} if offsets count {one}, and at {_spell(second[index])} "
                f"if they count {other}; all texts agree with both. Give offsets in characters.",
                index,
            )
        for name, places in fits.items():
            counts = Counter({f"documents whose offsets count {name}": 1} if name else {})
            for parts, said in zip(places, mentions, strict=True):
                if not _agrees(text, parts, said.text, _is_same):
                    counts[SPACES if _agrees(text, parts, said.text, _has_same_letters) else FORMS] += 1
            return Fit(places, counts)
    wrong = ((i, find_fault(text, said.name, sorted(said.parts), said.text)) for i, said in enumerate(mentions))
    index, message = next(((i, message) for i, message in wrong if message), (0, "offsets that no way of counting fits."))
    raise OffsetError(message, index)


def first_of_two(text: str) -> int:
    """Where the first character of two UTF-16 units stands, behind which offsets depend on what they count; else the end."""
    return next((i for i, character in enumerate(text) if character > "\uffff"), len(text))


def is_beyond(text: str, mention: Said) -> bool:
    """Whether a mention ends after the text, in characters."""
    return max((end for _, end in mention.parts), default=0) > len(text)


def _readings(text: str, mentions: Sequence[Said], had_mark: bool, units: Collection[str]) -> Iterator[tuple[str, list[list[Stretch]]]]:
    """The ways of counting, each with its name (empty for characters) and its places; (-1, -1) for those that it cannot read."""
    if CHARACTERS in units:
        yield "", [list(said.parts) for said in mentions]
    line_ends = ["", *([ONE] if "\r\n" in text else []), *([TWO] if "\n" in text.replace("\r\n", "") else [])]
    without = ["", *([NO_MARKS] if INNER_MARK in text else [])]
    for mark, line_end, no_marks, unit in product([False, True] if had_mark else [False], line_ends, without, units):
        if (unit, line_end, no_marks, mark) == (CHARACTERS, "", "", False) or (
            unit != CHARACTERS and text.isascii() and not mark and CHARACTERS in units
        ):
            continue
        first = (3 if unit == BYTES else 1) if mark else 0
        widths = _widths(text, unit, line_end)
        if no_marks:
            widths = (0 if character == INNER_MARK else width for character, width in zip(text, widths, strict=True))
        bounds = list(accumulate(widths, initial=first))
        # Of two characters that are counted as one, the offset between them is that after the second.
        index = {offset: i for i, offset in enumerate(bounds)}
        places = [[(index.get(start, -1), index.get(end, -1)) for start, end in said.parts] for said in mentions]
        yield ", ".join(filter(None, [unit if unit != CHARACTERS else "", line_end, MARK if mark else "", no_marks])), places


def length_in(text: str, unit: str) -> int:
    """How long a text is in a unit."""
    return sum(_widths(text, unit, ""))


def _widths(text: str, unit: str, line_end: str) -> Iterator[int]:
    before = ""
    letters = _letter_widths(text, NORMAL_FORMS[unit]) if unit in NORMAL_FORMS else None
    for character in text:
        normal = next(letters) if letters else 1
        if line_end == ONE and (before, character) == ("\r", "\n"):
            yield 0
        elif line_end == TWO and character == "\n" and before != "\r":
            yield 2
        elif unit == BYTES:
            yield len(character.encode("utf8", "surrogatepass"))
        else:
            yield 2 if unit == UTF16 and character > "\uffff" else normal
        before = character


def _letter_widths(text: str, form: Literal["NFC", "NFD"]) -> Iterator[int]:
    """How many characters of a normal form each one of a text is: of those that make one letter, the first one has all."""
    start = 0
    for i in range(1, len(text) + 1):
        if i < len(text) and not text[i].isascii() and _belongs(text, start, i):
            continue
        yield len(unicodedata.normalize(form, text[start:i]))
        yield from repeat(0, i - start - 1)
        start = i


def _belongs(text: str, start: int, i: int) -> bool:
    """Whether a character is part of the letter that begins at `start`: a mark on it, or composed with it, as in a Korean syllable."""
    if unicodedata.combining(text[i]) or i - start > 3:
        return unicodedata.combining(text[i]) > 0
    return len(unicodedata.normalize("NFC", text[start : i + 1])) == len(unicodedata.normalize("NFC", text[start:i])) == 1


def _agrees(text: str, parts: Sequence[Stretch], said: str | None, compare: Compare) -> bool:
    ordered = sorted(parts)
    if not ordered or any(not 0 <= start < end <= len(text) for start, end in ordered):
        return False
    return said is None or any(compare(found, said) for found in _found(text, ordered, parts))


def _has_white_ends(text: str, parts: Sequence[Stretch], said: str | None) -> bool:
    start, end = min(parts)[0], max(end for _, end in parts)
    return said is not None and said == said.strip() and (text[start].isspace() or text[end - 1].isspace())


def _found(text: str, ordered: Sequence[Stretch], given: Sequence[Stretch]) -> set[str]:
    """What the text has at the parts of a mention: these, joined, in its order or that of the file, and the stretch that covers them."""
    joined = {" ".join(text[start:end] for start, end in parts) for parts in (ordered, given)}
    return joined | {text[ordered[0][0] : ordered[-1][1]]}


def _is_same(found: str, said: str) -> bool:
    return found == said


def _has_same_letters(found: str, said: str) -> bool:
    return "".join(found.split()) == "".join(said.split()) != ""


def _is_alike(found: str, said: str) -> bool:
    return bool(said.strip()) and _plain(found) == _plain(said)


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def _spell(parts: Sequence[Stretch]) -> str:
    return ", ".join(f"{start}-{end}" for start, end in parts)


def stretch(parts: Sequence[Stretch], taken: Collection[Stretch]) -> Stretch:
    """The one stretch that stands for the sorted parts of a discontinuous mention: from the first to the last character.

    taken: Stretches of other mentions. If it is one of them, the longest part, the last of several: the head of "A and B salts" is "salts".
        Parts with a single character between them are one.
    """
    whole = (parts[0][0], parts[-1][1])
    if whole not in taken:
        return whole
    joined = [parts[0]]
    for start, end in parts[1:]:
        if start - joined[-1][1] <= 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return max(joined, key=lambda part: (part[1] - part[0], part[0]))


def one_stretch(document: Document, parts: Sequence[Stretch], taken: set[Stretch], line: int | None = None, source: Any = None) -> Stretch:
    """The stretch that stands for the sorted parts of a mention, which is added to those that are taken.

    Parts that are several are counted, with the line of the source where it is known. taken: Holds, from the start, the stretches of the
        mentions that have one part.
    """
    place = stretch(parts, taken) if len(parts) > 1 else parts[0]
    if len(parts) > 1:
        document.leave_out(DISCONTINUOUS if place == (parts[0][0], parts[-1][1]) else LONGEST, line, source)
    taken.add(place)
    return place


def check_parts(document: Document, name: str, parts: list[tuple[int, int]], text: str | None) -> str:
    """What is wrong with the parts of a mention, of which the file says that they read `text`; an empty string if nothing is."""
    return find_fault(document.text, name, parts, text)


def find_fault(text: str, name: str, parts: Sequence[Stretch], said: str | None) -> str:
    """What is wrong with the sorted parts of a mention, of which the file says that they read `said`; an empty string if nothing is."""
    length = len(text)
    if not parts:
        return f"mention {name!r} has no offsets."
    for start, end in parts:
        if not 0 <= start < end <= length:
            return (
                f"mention {name!r} has the offsets {start}-{end}; the text has "
                f"{counted_name(length, 'characters')}, and a mention at least one."
            )
    seen = " ".join(text[start:end] for start, end in parts)
    if said is not None and said not in (seen, text[parts[0][0] : parts[-1][1]]):
        return (
            f"mention {name!r} is {said!r:.60}, and the characters {_spell(parts)} of the text are {seen!r:.60}. "
            "Offsets count characters (not bytes), those of line ends too."
        )
    return ""


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """A stretch without the white space at its ends; start and end are the same where it has nothing else."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def is_inside(text: str, offset: int) -> bool:
    """Whether an offset parts a base from its combining mark, the parts of an emoji sequence, or CR from LF."""
    if not 0 < offset < len(text):
        return False
    before, after = text[offset - 1], text[offset]
    modifier = "\U0001f3fb" <= after <= "\U0001f3ff"
    return JOINER in (before, after) or modifier or unicodedata.category(after) in ("Mn", "Me") or (before, after) == ("\r", "\n")
