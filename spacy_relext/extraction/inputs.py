"""From paths to documents: files, folders, patterns and standard input, in any format that is read, packed by gzip or not."""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spacy.tokens import Doc

from spacy_relext.conversion.converting import check_options
from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.finding import ROWS, STDIN_NAME, TEXTS, Finding, Source
from spacy_relext.formats import texts, texts_parquet
from spacy_relext.formats.arrow import EMPTY_FILES
from spacy_relext.formats.catalogue import readable
from spacy_relext.formats.docs import from_doc
from spacy_relext.formats.ids import default_id, distinct
from spacy_relext.formats.limits import Bytes, bounded_lines, count_lines, reported
from spacy_relext.formats.reading import SUPERSEDED, FileVersions, OnError, Options, Reading, Superseded, listed
from spacy_relext.formats.roles import Roles, RolesError
from spacy_relext.formats.types import Document
from spacy_relext.formats.unpacking import opened_content
from spacy_relext.formats.versions import VersionCutter, last_versions


class Inputs:
    """The inputs of a command: where their documents are, in order, the files of folders and patterns by name.

    paths: Files, folders, patterns with `*`, `?` or `[…]` (`**`: also in folders in folders), `-` for standard input.
    format: Of all of them; None: by the suffix, and lines on standard input.
    RAISES: RelextError for inputs that are not there or have no known format, and for options that no format of them knows.
    """

    def __init__(self, paths: Sequence[str], format: str | None = None, options: Options | None = None):
        if format is not None:
            readable(format)
        self.format = format
        self.options = options or Options()
        # By id, those of documents of jsonl that come without.
        self.texts: Mapping[str, str] | None = None
        # What the formats leave out that is no error, and what the documents cannot hold of their files, as far as it has been read.
        self.left_out: Counter[str] = Counter()
        self.finding = Finding(paths, format)
        # By suffix, the files in folders that are not read.
        self.ignored = self.finding.ignored
        check_options(self.options, [readable(name) for name in self.finding.formats])

    @property
    def sources(self) -> Iterator[Source]:
        """The inputs as they are given, found anew."""
        return self.finding.sources()

    def read(self, on_error: OnError) -> Iterator[Document]:
        """The documents, whose ids differ, of one source after the other.

        on_error: Is given what is wrong with a document or a file, and may raise it; if it does not, the document or file is left out.
        """
        self.left_out.clear()
        roles = Roles(self.options.roles)
        versions = versions_of(self.finding.formats, self.finding.sources, self.options)
        reading = Reading(on_error, self.left_out, self.options, texts=self.texts, versions=versions, roles=roles)
        documents = (read_source(source, replace(reading, examples={})) for source in self.sources)
        for document in distinct(chain.from_iterable(documents), on_error):
            self.left_out.update(document.unsupported)
            yield document

    def count(self) -> int | None:
        """How many documents there are, errors included, or None where only reading them would tell: for bars of progress."""
        total = 0
        for source in self.sources:
            if source.is_stdin or source.format not in TEXTS:
                return None
            try:
                n_documents = 1 if source.format == "txt" else _count_rows(source) if source.format == ROWS else _count_lines(source)
            except (OSError, DataError):
                return None
            if n_documents is None:
                return None
            total += n_documents
        return total


class Given(Inputs):
    """Texts, Docs and documents that are given as such. Those without an id are called by their number: "document-0"."""

    def __init__(self, given: Iterable[Any]):
        super().__init__([])
        self._given = given

    def read(self, on_error: OnError) -> Iterator[Document]:
        """As of files. RAISES: RelextError for what is neither text, Doc nor document, and for the name of a file."""
        named = (replace(one, id=one.id or default_id(number)) for number, one in enumerate(map(_document, self._given)))
        yield from distinct(named, on_error)

    def count(self) -> int | None:
        """How many there are, or None where only reading them would tell."""
        return len(self._given) if isinstance(self._given, Sized) else None


def _document(given: Any) -> Document:
    if isinstance(given, Document):
        return given
    if isinstance(given, Doc):
        return from_doc(given)
    if not isinstance(given, str):
        raise RelextError(f"expected texts, Docs, documents, or paths as Path, and saw {type(given).__name__}, {given!r:.60}.")
    if not given.count(" ") and os.path.lexists(given):
        raise RelextError(f"the text {given!r:.60} is the name of a file or folder. Give it as a path: Path({given!r:.60}).")
    return Document("", given)


def versions_of(formats: Iterable[str], sources: Callable[[], Iterable[Source]], options: Options) -> FileVersions:
    """What is not to be read of some sources, because of others: of formats with records that are revised, whose files are read for it."""
    found: dict[Path, Superseded | DataError] = {}
    for name in formats:
        cutter = readable(name).cutter
        if isinstance(cutter, VersionCutter):
            files = [source.path for source in sources() if source.format == name and not source.is_stdin]
            found |= last_versions(files, cutter, options)
    return found


def read_source(source: Source, reading: Reading) -> Iterator[Document]:
    """The documents of one source, which name it as their place. A file without any is an error."""
    if source.is_stdin and source.format == "lines":
        # Line by line as they come, and none is no error: a command before this one may have found nothing.
        yield from texts.parse_lines(reported(bounded_lines(sys.stdin.buffer, STDIN_NAME), reading.on_error), STDIN_NAME, reading.on_error)
        return

    def read(reading: Reading) -> Iterator[Document]:
        with at_hand(source) as path:
            yield from readable(source.format).read(path, reading)

    yield from named_by(source, reading, read)


def named_by(
    source: Source, reading: Reading, read: Callable[[Reading], Iterator[Document]], *, may_be_empty: bool = False
) -> Iterator[Document]:
    """The documents that a function reads of a source, and its errors, which name it as their place.

    may_be_empty: That there is none is no error.
    """
    n_seen, raising = 0, False
    before = Counter(reading.counts)

    def report(error: DataError) -> None:
        nonlocal n_seen, raising
        n_seen += 1
        inner = source.is_stdin or source.is_packed or error.path is None
        raising = True
        kind = RolesError if isinstance(error, RolesError) else DataError
        told = kind(error.message, path=source.place if inner else error.path, line=error.line)
        told.__cause__ = error.__cause__
        reading.on_error(told)
        raising = False

    try:
        for document in read(replace(reading, on_error=report)):
            n_seen += 1
            if source.format == "txt":
                document.id = source.name
            if source.is_stdin or source.is_packed:
                document.source = source.place
            yield document
    except DataError as error:
        if raising:
            raise
        report(error)
    except OSError as error:
        report(DataError(f"it cannot be read: {error.strerror or error}."))
    left_out = Counter(reading.counts) - before
    if not n_seen and not may_be_empty and not left_out[EMPTY_FILES] and not left_out[SUPERSEDED]:
        listing = listed(left_out)
        report(DataError("there is no document in it." + (f" Left out: {listing}." if listing else "")))


@contextmanager
def at_hand(source: Source) -> Iterator[Path]:
    """A source as a file or folder on the disk: for what is in a packed file, and for standard input, a temporary one."""
    if not source.is_stdin and (readable(source.format).unpacks or not source.is_packed):
        yield source.path
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / ("stdin" if source.is_stdin else source.plain.name)
        with path.open("wb") as file:
            if source.is_stdin:
                shutil.copyfileobj(sys.stdin.buffer, file)
            else:
                with opened_content(source.path) as packed:
                    shutil.copyfileobj(packed, file)
        yield path


def _count_rows(source: Source) -> int | None:
    return None if source.is_packed else texts_parquet.count(source.path)


def _count_lines(source: Source) -> int:
    """Lines that are not blank; of tables the rows below the header."""
    with opened_content(source.path) as file:
        return count_lines(_Unquoted(file)) - 1 if source.format in ("texts-csv", "texts-tsv") else count_lines(file)


class _Unquoted:
    """A table without what stands between quotation marks, where line ends are those of a field."""

    def __init__(self, file: Bytes):
        self._file, self._is_quoted = file, False

    def read(self, size: int) -> bytes:
        chunk = self._file.read(size)
        pieces = chunk.split(b'"')
        outside = pieces[self._is_quoted :: 2]
        self._is_quoted ^= len(pieces) % 2 == 0
        # Empty at the end alone.
        return b"".join(outside) or (b'"' if chunk else b"")
