"""Tab-separated tables with the rows of many documents, whose first field names the document, as ChemProt and DrugProt have them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats.files import read_errors
from spacy_relext.formats.jsonstream import MOST_DIGITS
from spacy_relext.formats.limits import MARK, begins_with_mark, is_blank, lines_of, read_line
from spacy_relext.formats.offsets import OffsetError, Said, fit_offsets
from spacy_relext.formats.types import Document, Mention


@dataclass(frozen=True)
class Row:
    """A row of a file: its fields, and the place that errors name."""

    file: Path
    line: int
    fields: list[str]

    def error(self, message: str) -> DataError:
        """An error that says where the row stands."""
        return DataError(message, path=self.file, line=self.line)


@dataclass(frozen=True)
class RowRange:
    """Rows of one document that follow each other: the byte and line of the first, and up to which line."""

    start: int
    first: int
    stop: int


class Table:
    """The rows of a file by document. Their places are kept, and not what they say: so memory does not grow with them.

    width: How many fields a row has. RAISES: DataError for a file that cannot be read, and for a row whose document cannot be known.
    """

    def __init__(self, file: Path, width: int):
        self.file, self.width = file, width
        self._runs: dict[str, list[RowRange]] = {}
        start, last = len(MARK) * begins_with_mark(file), ""
        for number, line in lines_of(file):
            raw = read_line(line)
            if not is_blank(raw):
                row = _row(file, number, raw, first=number == 1)
                if len(row.fields) == 1:
                    raise self.wrong_width(row)
                # With a tab after it, the document's name is whole.
                runs = self._runs.setdefault(row.fields[0], [])
                if runs and last == row.fields[0]:
                    runs[-1] = RowRange(runs[-1].start, runs[-1].first, number + 1)
                else:
                    runs.append(RowRange(start, number, number + 1))
                last = row.fields[0]
            start += len(raw)

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def rows(self, document: str) -> list[Row]:
        """Those of a document. RAISES: DataError for one with another number of fields than expected."""
        found: list[Row] = []
        with read_errors(self.file), self.file.open("rb") as opened:
            for run in self._runs.get(document, ()):
                opened.seek(run.start)
                for number, raw in enumerate(islice(opened, run.stop - run.first), start=run.first):
                    if not is_blank(raw):
                        found.append(_row(self.file, number, raw, first=number == 1))
        for row in found:
            if len(row.fields) != self.width:
                raise self.wrong_width(row)
        return found

    def wrong_width(self, row: Row) -> DataError:
        """An error of a row with another number of fields."""
        return row.error(
            f"saw {len(row.fields)} fields, and expected {self.width} with tabs between them. Is the file truncated, or another one?"
        )


def _row(file: Path, number: int, raw: bytes, *, first: bool) -> Row:
    try:
        return Row(file, number, raw.decode("utf-8-sig" if first else "utf8").rstrip("\r\n").split("\t"))
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 (byte {error.start} of the line). Convert the file.", path=file, line=number) from error


def mentions_of(rows: list[Row], document: Document, types: Mapping[str, str]) -> dict[str, Mention]:
    """The mentions of rows, by their ids: document, id, type, start, end, text.

    Offsets count characters of the document, or what its texts say that they count (offsets.py).
    types: Other names of types. RAISES: DataError with file and line for a row that cannot be right.
    """
    said: dict[str, Said] = {}
    for row in rows:
        _, name, _, start, end, expected = row.fields
        if name in said:
            raise row.error(f"document {document.id!r} has a mention {name!r} already.")
        if not (start.isdecimal() and end.isdecimal() and max(len(start), len(end)) <= MOST_DIGITS):
            raise row.error(f"mention {name!r} has the offsets {start!r:.60} and {end!r:.60}; expected whole numbers.")
        said[name] = Said(name, [(int(start), int(end))], expected)
    try:
        fit = fit_offsets(document.text, list(said.values()))
    except OffsetError as error:
        raise rows[error.index].error(str(error)) from error
    document.unsupported.update(fit.counts)
    kinds = [types.get(row.fields[2], row.fields[2]) for row in rows]
    return {name: Mention(name, *place, kind) for (name, [place]), kind in zip(zip(said, fit.places, strict=True), kinds, strict=True)}
