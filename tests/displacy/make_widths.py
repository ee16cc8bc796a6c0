"""The table of `spacy_relext/displacy/widths.py`, from the fonts of this machine: python -m tests.displacy.make_widths."""

import shutil
import subprocess
import textwrap
import unicodedata
from pathlib import Path

# Liberation Sans has Arial's advance widths. Hebrew and Arabic, which it draws otherwise or not at all, are DejaVu Sans'.
LIBERATION = [(0x20, 0x250), (0x370, 0x530), (0x1E00, 0x1F00), (0x2010, 0x2040), (0x2070, 0x20D0), (0x2100, 0x2260)]
DEJAVU = [(0x590, 0x5F5), (0x600, 0x700)]
ARABIC_FORMS = (0xFE70, 0xFF00)


def font_file(name: str) -> Path | None:
    """The file of a font, None if this very font is not installed."""
    if shutil.which("fc-match") is None:
        return None
    found = subprocess.run(["fc-match", "-f", "%{family}|%{file}", name], capture_output=True, text=True, check=True).stdout
    family, _, file = found.partition("|")
    return Path(file) if name.partition(":")[0] in family else None


def advances(file: Path) -> dict[int, int]:
    """The advance width of each character of a font, in thousandths of its size."""
    from fontTools.ttLib import TTFont

    font = TTFont(file)
    metrics, units = font["hmtx"], font["head"].unitsPerEm
    return {code: round(metrics[glyph][0] * 1000 / units) for code, glyph in font.getBestCmap().items()}


def medial_forms(widths: dict[int, int]) -> dict[int, int]:
    """The widths of Arabic letters within a word: isolated forms are 1.4 times as wide."""
    forms: dict[int, dict[str, int]] = {}
    for code in range(*ARABIC_FORMS):
        kind, *letters = unicodedata.decomposition(chr(code)).split() or [""]
        if len(letters) == 1 and code in widths:
            forms.setdefault(int(letters[0], 16), {})[kind] = widths[code]
    return {letter: found.get("<medial>", found.get("<final>", found.get("<isolated>", 0))) for letter, found in forms.items()}


def make_table(liberation: Path, dejavu: Path) -> str:
    """Runs of characters of equal width: first-last:width, in hexadecimal and thousandths."""
    latin, other = advances(liberation), advances(dejavu)
    widths = {code: latin[code] for low, high in LIBERATION for code in range(low, high) if code in latin}
    widths |= {code: other[code] for low, high in DEJAVU for code in range(low, high) if code in other} | medial_forms(other)
    runs: list[list[int]] = []
    for code, width in sorted(widths.items()):
        if unicodedata.category(chr(code)) in ("Mn", "Me", "Cf"):
            continue
        if runs and runs[-1][1] == code - 1 and runs[-1][2] == width:
            runs[-1][1] = code
        else:
            runs.append([code, code, width])
    return " ".join(f"{first:x}{f'-{last:x}' if last > first else ''}:{width}" for first, last, width in runs)


if __name__ == "__main__":
    files = font_file("Liberation Sans:style=Regular"), font_file("DejaVu Sans:style=Book")
    print("\n".join(textwrap.wrap(make_table(*files), 136)))  # type: ignore[arg-type]
