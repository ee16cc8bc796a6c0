"""Options that bound how much is read, and say how it is written, for the commands that read and write texts."""

import typer

from spacy_relext.formats.limits import MEGABYTE, Limits

_DEFAULT = Limits()
MAX_CHARACTERS: int = typer.Option(
    None, min=1, help=f"The most characters of a text; {_DEFAULT.characters:,}, or what the pipeline says, if left out."
)
MAX_RECORD: float = typer.Option(
    _DEFAULT.record / MEGABYTE, min=0, help="The most megabytes that are read at once: a line, or a file that is not read line by line."
)
MAX_UNPACKED: float = typer.Option(_DEFAULT.unpacked / MEGABYTE, min=0, help="The most megabytes that a packed file may unpack to.")
OVERWRITE: bool = typer.Option(False, "--overwrite", help="Replace the output file if it exists.")
SPREADSHEET_SAFE: bool = typer.Option(
    False, "--spreadsheet-safe", help="csv: put ' before fields that spreadsheets take for formulas (=, +, -, @, tab, line end)."
)


def chosen_limits(max_characters: int | None, max_record: float, max_unpacked: float) -> Limits:
    """The limits of some options."""
    return Limits(int(max_record * MEGABYTE), int(max_unpacked * MEGABYTE), max_characters or _DEFAULT.characters)
