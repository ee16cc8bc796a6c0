"""What readers of corpora share: records as one list or one per line, relations, names found in a text."""

import re
from collections.abc import Iterator
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats.files import find_files, read_errors
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import Parse, read_lines, read_lists
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention

# What a relation is called of which a file says only that it is there.
RELATED = "related"
# The type of mentions of files that give none.
UNTYPED = "ENTITY"


def read_records(path: Path, parse: Parse, reading: Reading, skipped: str = "", *, lines: str = "") -> Iterator[Document]:
    """The documents of .json and .jsonl files, each a list of records, or a record per line: the first character says which.

    skipped: A name of files that hold no documents, which are left out where a folder is read.
    lines: A suffix of files that have a record per line, whatever their first character is.
    """

    def documents() -> Iterator[Document]:
        for file in find_files(path, (".json", ".jsonl")):
            if path.is_dir() and file.name == skipped:
                reading.leave_out(f"files named {skipped}", str(file))
                continue
            try:
                read = read_lists if file.suffix.lower() != lines and _first_character(file) == b"[" else read_lines
            except DataError as error:
                reading.on_error(error)
                continue
            yield from read(file, (), parse, reading, root=path)

    return distinct(documents(), reading.on_error)


def _first_character(file: Path) -> bytes:
    """The first byte that is no white space and of no byte order mark."""
    with read_errors(file), file.open("rb") as opened:
        while chunk := opened.read(2**16):
            text = chunk.removeprefix(b"\xef\xbb\xbf").lstrip()
            if text:
                return text[:1]
    return b""


def relate(document: Document, head: Mention, tail: Mention, label: str) -> None:
    """Add a relation to a document."""
    if document.relations is None:
        document.relations = []
    document.relations.append(AnnotatedRelation(head.id, tail.id, label))


def occurrences(name: str, text: str) -> list[tuple[int, int]]:
    """Where a name stands in a text: as whole words; else, anywhere; else, in other letters, or with other white space."""
    words = [re.escape(word) for word in name.split()]
    if not words:
        return []
    exact, loose = re.escape(name.strip()), r"\s*".join(words)
    for pattern, flags in ((rf"(?<!\w){exact}(?!\w)", 0), (exact, 0), (rf"(?<!\w){loose}(?!\w)", re.IGNORECASE), (loose, re.IGNORECASE)):
        found = [match.span() for match in re.finditer(pattern, text, flags)]
        if found:
            return found
    return []
