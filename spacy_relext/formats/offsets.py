"""Offsets of mentions: what is wrong with them, and the one stretch that stands for several."""

import unicodedata

from spacy_relext.formats.types import Document

JOINER = "\u200d"


def stretch(parts: list[tuple[int, int]], taken: set[tuple[int, int]]) -> tuple[int, int]:
    """The one stretch (start, end) that stands for the sorted parts of a discontinuous mention: from the first to the last character.

    taken: Stretches of other mentions. Leading parts are left out until the stretch is none of them ("A and B salts").
    """
    end = parts[-1][1]
    stretches = [(start, end) for start, _ in parts]
    return next((found for found in stretches if found not in taken), stretches[0])


def check_parts(document: Document, name: str, parts: list[tuple[int, int]], text: str | None) -> str:
    """What is wrong with the parts of a mention, of which the file says that they read `text`; an empty string if nothing is."""
    length = len(document.text)
    if not parts:
        return f"mention {name!r} has no offsets."
    for start, end in parts:
        if not 0 <= start < end <= length:
            return f"mention {name!r} has the offsets {start}-{end}; the text has {length} characters, and a mention at least one."
    seen = " ".join(document.text[start:end] for start, end in parts)
    whole = document.text[parts[0][0] : parts[-1][1]]
    if text is not None and text not in (seen, whole):
        return (
            f"mention {name!r} is {text!r:.60}, and the characters {', '.join(f'{a}-{b}' for a, b in parts)} of the text are {seen!r:.60}. "
            "Offsets count characters (not bytes), those of line ends too."
        )
    return ""


def trim(text: str, start: int, end: int) -> tuple[int, int]:
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
