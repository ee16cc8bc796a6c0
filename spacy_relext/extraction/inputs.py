"""From paths to documents: files, folders, patterns and standard input, in any format that is read, packed by gzip or not."""

import glob
import gzip
import os
import shlex
import shutil
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spacy.tokens import Doc

from spacy_relext.conversion.converting import check_options
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats import datasets, texts, texts_parquet
from spacy_relext.formats.arrow import EMPTY_FILES
from spacy_relext.formats.catalogue import OURS, READABLE, by_suffix, readable
from spacy_relext.formats.docs import from_doc
from spacy_relext.formats.files import files_in, is_to_be_read
from spacy_relext.formats.ids import default_id, distinct
from spacy_relext.formats.limits import bounded_lines, count_lines, limits, reported, unpack_into
from spacy_relext.formats.reading import SUPERSEDED, FileVersions, OnError, Options, Reading, Superseded, listed
from spacy_relext.formats.roles import Roles
from spacy_relext.formats.types import Document
from spacy_relext.formats.unpacking import PACKED, is_packed
from spacy_relext.formats.versions import VersionCutter, last_versions

# Standard input, as a path and as errors call it.
STDIN, STDIN_NAME = "-", "<stdin>"
# The suffixes that leave no doubt about the format. An .a2 file is a part of a document, whose text is in a .txt file beside it.
KNOWN_SUFFIXES = tuple(suffix for made in OURS.values() if made.reads and made.name != "bionlp" for suffix in made.own_suffixes)
# Those of texts, and of other formats that a folder is searched for file by file; the others read folders themselves.
TEXTS = {name: OURS[name].suffixes for name in ("txt", "lines", "texts-csv", "texts-tsv", "jsonl", "texts-parquet")}
ROWS = "texts-parquet"
BY_FILE = TEXTS | {name: made.suffixes for name, made in OURS.items() if made.unpacks}


@dataclass(frozen=True)
class Source:
    """A file, a folder that its format reads as a whole, or standard input.

    name: The id of the document, where the file is one: its place among the inputs, without suffix.
    """

    path: Path
    format: str
    name: str

    @property
    def is_stdin(self) -> bool:
        """Whether it is standard input."""
        return str(self.path) == STDIN

    @property
    def plain(self) -> Path:
        """Its path, without the suffix of a packed file."""
        return _plain(self.path)

    @property
    def is_packed(self) -> bool:
        """Whether it is a gzip file."""
        return is_packed(self.path)

    @property
    def place(self) -> str:
        """What errors call it."""
        return STDIN_NAME if self.is_stdin else str(self.path)


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
        # By suffix, the files in folders that are not read.
        self.ignored: Counter[str] = Counter()
        # What the formats leave out that is no error, and what the documents cannot hold of their files, as far as it has been read.
        self.left_out: Counter[str] = Counter()
        found = [pair for path in paths for pair in _files(path, format, self.ignored)]
        roots = [root.absolute() for path, root in found if str(path) != STDIN]
        common = Path(os.path.commonpath(roots)) if roots else Path()
        self.sources = [Source(path, format or _format_of(path), _name_of(path, common)) for path, _ in found]
        check_options(self.options, [readable(name) for name in dict.fromkeys(source.format for source in self.sources)])

    def read(self, on_error: OnError) -> Iterator[Document]:
        """The documents, whose ids differ, of one source after the other.

        on_error: Is given what is wrong with a document or a file, and may raise it; if it does not, the document or file is left out.
        """
        self.left_out.clear()
        roles = Roles(self.options.roles)
        versions = versions_of(self.sources, self.options)
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
            except (OSError, EOFError, zlib.error, DataError):
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


def _files(given: str, format: str | None, ignored: Counter[str]) -> list[tuple[Path, Path]]:
    """The files of one input, each with the folder within which its document is named."""
    path = Path(given)
    if given == STDIN:
        return [(path, path)]
    if os.path.isdir(given) and (format is None or format in BY_FILE):
        suffixes = KNOWN_SUFFIXES if format is None else BY_FILE[format]
        files = sorted(files_in(path))
        if any(_suffix(file) == texts_parquet.SUFFIX for file in files) and texts_parquet.SUFFIX in suffixes:
            shown = set(texts_parquet.files_of(path, ignored))
            files = [file for file in files if file in shown or _suffix(file) != texts_parquet.SUFFIX]
        ignored.update(_suffix(file) or "without suffix" for file in files if _suffix(file) not in suffixes)
        files = [file for file in files if _suffix(file) in suffixes]
        if not files and _suffix(path) in suffixes:
            # Named as a text is, perhaps by a pattern of the shell: an error of this one, when it is read.
            return [(path, path.parent)]
        if not files:
            raise DataError(f"the folder holds no {' or '.join(suffixes)} file. Other formats are named with `format`.", path=path)
        return [(file, path) for file in files]
    if os.path.isdir(given) and format == "datasets":
        return [(file, path) for file in datasets.files_of(path)]
    if os.path.isdir(given):
        packed = next((file for file in sorted(files_in(path)) if is_packed(file)), None)
        if packed is not None:
            raise DataError(
                f"it is packed, and {format} reads folders of plain files. Name such files: '{path}/**/*{PACKED}'.", path=packed
            )
        return [(path, path)]
    if os.path.lexists(path):
        return [(path, path.parent)]
    if glob.has_magic(given):
        files = sorted(file for file in map(Path, glob.glob(given, recursive=True)) if is_to_be_read(file))
        if files:
            fixed = next(parent for parent in path.parents if not glob.has_magic(str(parent)))
            return [(file, fixed) for file in files]
        raise DataError(f"the pattern fits no file.{_hint(given)}", path=path)
    raise DataError(f"there is no such file or folder.{_hint(given)}", path=path)


def _hint(given: str) -> str:
    """How a text is given, where this looks like one."""
    if len(given.split()) < 3 or by_suffix(_suffix(Path(given))) is not None:
        return ""
    return f" If it is a text, pipe it, and name - as the input: printf '%s' {shlex.quote(given)} | python -m spacy relext extract MODEL -"


def _format_of(path: Path) -> str:
    if str(path) == STDIN:
        return "lines"
    found = by_suffix(_suffix(path))
    if found is None:
        suffixes = ", ".join(KNOWN_SUFFIXES)
        raise DataError(
            f"expected {suffixes}, or {PACKED} after them, and saw {path.suffix or 'no suffix'}. Name the format with `format`, one of: "
            f"{', '.join(READABLE)}.",
            path=path,
        )
    return found.name


def _plain(path: Path) -> Path:
    return path.with_suffix("") if is_packed(path) else path


def _suffix(path: Path) -> str:
    return _plain(path).suffix.lower()


def _name_of(path: Path, folder: Path) -> str:
    return "stdin" if str(path) == STDIN else Path(os.path.relpath(_plain(path).with_suffix(""), folder)).as_posix()


def versions_of(sources: Sequence[Source], options: Options) -> FileVersions:
    """What is not to be read of some sources, because of others: of formats with records that are revised, whose files are read for it."""
    found: dict[Path, Superseded | DataError] = {}
    for name in dict.fromkeys(source.format for source in sources):
        cutter = readable(name).cutter
        if isinstance(cutter, VersionCutter):
            files = [source.path for source in sources if source.format == name and not source.is_stdin]
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
        told = DataError(error.message, path=source.place if inner else error.path, line=error.line)
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
        path = Path(folder) / ("stdin" if source.is_stdin else _plain(source.path).name)
        with path.open("wb") as file:
            if source.is_stdin:
                shutil.copyfileobj(sys.stdin.buffer, file)
            else:
                with gzip.open(source.path) as packed:
                    unpack_into(packed, file, source.path)
        yield path


def _count_rows(source: Source) -> int | None:
    return None if source.is_packed else texts_parquet.count(source.path)


def _count_lines(source: Source) -> int | None:
    """Lines that are not blank, None for too many; rows of tables with line ends in fields are counted too often."""
    with gzip.open(source.path) if source.is_packed else source.path.open("rb") as file:
        n_lines = count_lines(file, limits().unpacked if source.is_packed else None)
    return None if n_lines is None else n_lines - (source.format in ("texts-csv", "texts-tsv"))
