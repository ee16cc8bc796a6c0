"""Ids of documents: they differ within an input and within an output, and so do the files that are called after them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from spacy_relext.formats.reading import OnError, raise_error
from spacy_relext.formats.types import Document


class Ids:
    """The ids that are taken, each with its place, which a message names."""

    def __init__(self) -> None:
        self._places: dict[str, Any] = {}

    def other(self, name: str, place: Any) -> Any | None:
        """The place that has this id already; None where it was free, and is taken now."""
        taken = self._places.setdefault(name, place)
        return None if taken is place else taken


def distinct(documents: Iterable[Document], on_error: OnError = raise_error, *, unnamed: bool = False) -> Iterator[Document]:
    """The documents without those that have the id of another, which are errors: two of one id would be counted as one.

    unnamed: Several may have none, since the format does not need it.
    """
    ids = Ids()
    for document in documents:
        other = ids.other(document.id, (document.source, document.line, document.number)) if document.id or not unnamed else None
        if other is None:
            yield document
        else:
            on_error(document.error(f"{_place(*other)} Expected ids that differ."))


def named(documents: Iterable[Document]) -> Iterator[tuple[str, Document]]:
    """Documents to be written, each under its id or, where it has none, under its number: "document-0".

    RAISES: DataError for one whose name another has: a file with both could not be read again.
    """
    ids = Ids()
    for number, document in enumerate(documents):
        name = document.id or default_id(number)
        other = ids.other(name, (document.source, document.line, document.number))
        if other is not None:
            raise document.error(f"{_place(*other)} Expected ids that differ.")
        yield name, document


def default_id(number: int) -> str:
    """What a document without an id is called, counted from 0."""
    return f"document-{number}"


def _place(source: Any, line: int | None, number: int | None) -> str:
    if source is None:
        return "a document before it has the same id."
    place = f"{source}" if line is None else f"{source}:{line}"
    return f"a document with this id is in {place}{'' if number is None else f' (number {number} of the file)'} already."


class NewFiles:
    """The files of documents in a new folder, called after their ids, with _ for what is in no file name.

    suffix: Of all of them.
    """

    def __init__(self, folder: Path, suffix: str):
        self.folder, self.suffix = folder, suffix
        self._taken: Counter[str] = Counter()

    def add(self, document: Document, name: str) -> Path:
        """The file of a document. Where it is that of another one, which has another id, a number makes it differ: "a_b", "a_b-2"."""
        stem = re.sub(r"[^\w.-]", "_", name)
        while True:
            self._taken[stem] += 1
            number = self._taken[stem]
            file = self.folder / f"{stem}{'' if number == 1 else f'-{number}'}{self.suffix}"
            try:
                # Which some systems say of names that differ in case alone.
                if not file.exists():
                    return file
            except OSError as error:
                raise document.error(
                    f"a file of this name cannot be made: {error.strerror}. The id has {len(name):,} characters; as a rule, 200 are well."
                ) from error
