"""The files of inputs: of folders, patterns and paths, each found anew whenever it is asked for. So no list of a million names is kept."""

import glob
import os
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats import datasets, texts_parquet
from spacy_relext.formats.arrow import is_hidden
from spacy_relext.formats.catalogue import OURS, READABLE, by_suffix
from spacy_relext.formats.files import files_in, is_to_be_read, names_in
from spacy_relext.formats.unpacking import PACKED, is_packed

# Standard input, as a path and as errors call it.
STDIN, STDIN_NAME = "-", "<stdin>"
STDIN_FORMAT = "lines"
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
        return self.path.with_suffix("") if is_packed(self.path) else self.path

    @property
    def is_packed(self) -> bool:
        """Whether it is a gzip file."""
        return is_packed(self.path)

    @property
    def place(self) -> str:
        """What errors call it."""
        return STDIN_NAME if self.is_stdin else str(self.path)


class Finding:
    """What some paths, patterns and `-` stand for.

    format: Of all of them; None: by the suffix. ignored: By suffix, the files in folders that are not read. formats: Those that are read.
    RAISES: DataError for what is not there, or has no known format.
    """

    def __init__(self, given: Sequence[str], format: str | None):
        self.ignored: Counter[str] = Counter()
        self._format = format
        self._found = [_find(one, format, self.ignored) for one in given]
        self.formats = list(dict.fromkeys(format or _format_of(path) for one in self._found for path in one.examples()))
        roots = [one.root.absolute() for one in self._found if not one.is_stdin]
        self._common = os.path.commonpath(roots) if roots else ""

    @property
    def has_stdin(self) -> bool:
        """Whether standard input is among them."""
        return any(one.is_stdin for one in self._found)

    def sources(self) -> Iterator[Source]:
        """In the order in which they are given; the files of folders and patterns by name."""
        for one in self._found:
            yield from self._sources(one, one.root)

    def by_name(self) -> Iterator[Source]:
        """The same in the order of their absolute paths, whatever the order in which they are given."""
        each = [self._sources(one.sorted(), one.root if one.is_stdin else Path(os.path.abspath(one.root))) for one in self._found]
        return each[0] if len(each) == 1 else merge(*each, key=lambda source: source.path.parts)

    def _sources(self, one: "_Found", root: Path) -> Iterator[Source]:
        if one.is_stdin:
            yield Source(root, self._format or STDIN_FORMAT, "stdin")
            return
        prefix = os.path.relpath(one.root, self._common)
        before = "" if prefix == os.curdir else Path(prefix).as_posix() + "/"
        formats: dict[str, str] = {}
        for name in one.names():
            path, suffix = root / name, _suffix(name)
            format = self._format or formats.get(suffix) or formats.setdefault(suffix, _format_of(path))
            yield Source(path, format, before + _stem(name))


@dataclass(frozen=True)
class _Found:
    """What one input stands for: files within a folder, whose names begin there, or the folder itself (an empty name).

    listed: These files; None: all in the folder and the folders in it with some suffixes.
    """

    root: Path
    listed: tuple[str, ...] | None = None
    suffixes: tuple[str, ...] = ()

    @property
    def is_stdin(self) -> bool:
        """Whether it is standard input."""
        return str(self.root) == STDIN

    def names(self) -> Iterable[str]:
        """The files."""
        if self.listed is not None:
            return self.listed
        return (name for name in names_in(self.root) if _suffix(name) in self.suffixes and not _is_left_out(name))

    def sorted(self) -> "_Found":
        """The same in the order of names."""
        return self if self.listed is None else replace(self, listed=tuple(sorted(self.listed, key=lambda name: name.split("/"))))

    def examples(self) -> Iterable[Path]:
        """A path of each kind that there is."""
        if self.listed is None:
            return [self.root / f"*{suffix}" for suffix in self.suffixes]
        return {_suffix(name): self.root / name for name in reversed(self.listed)}.values()


def _find(given: str, format: str | None, ignored: Counter[str]) -> _Found:
    path = Path(given)
    if given == STDIN:
        return _Found(path, ("",))
    if os.path.isdir(given) and (format is None or format in BY_FILE):
        return _find_in_folder(path, KNOWN_SUFFIXES if format is None else BY_FILE[format], ignored)
    if os.path.isdir(given) and format == "datasets":
        return _Found(path, tuple(file.relative_to(path).as_posix() for file in datasets.files_of(path)))
    if os.path.isdir(given):
        packed = next((file for file in files_in(path) if is_packed(file)), None)
        if packed is not None:
            raise DataError(
                f"it is packed, and {format} reads folders of plain files. Name such files: '{path}/**/*{PACKED}'.", path=packed
            )
        return _Found(path, ("",))
    if os.path.lexists(path):
        return _Found(path.parent, (path.name,))
    if glob.has_magic(given):
        files = [file for file in map(Path, glob.glob(given, recursive=True)) if is_to_be_read(file)]
        if files:
            fixed = next(parent for parent in path.parents if not glob.has_magic(str(parent)))
            return _Found(fixed, tuple(file.relative_to(fixed).as_posix() for file in files)).sorted()
        raise DataError(f"the pattern fits no file.{_hint(given)}", path=path)
    raise DataError(f"there is no such file or folder.{_hint(given)}", path=path)


def _find_in_folder(folder: Path, suffixes: tuple[str, ...], ignored: Counter[str]) -> _Found:
    found = Counter(f"hidden {_suffix(name)}" if _is_left_out(name) else _suffix(name) for name in names_in(folder))
    if found.keys() & {texts_parquet.SUFFIX} & set(suffixes):
        texts_parquet.refuse_lakes(folder)
    ignored.update({suffix or "without suffix": n for suffix, n in found.items() if suffix not in suffixes})
    kinds = tuple(suffix for suffix in suffixes if suffix in found)
    if not kinds and _suffix(folder.name) in suffixes:
        # Named as a text is, perhaps by a pattern of the shell: an error of this one, when it is read.
        return _Found(folder.parent, (folder.name,))
    if not kinds:
        others = [name for name, made in OURS.items() if made.reads and found.keys() & set(made.suffixes)]
        hint = f": {' or '.join(others)} may fit" if others else ""
        raise DataError(f"the folder holds no {' or '.join(suffixes)} file. Other formats are named with `format`{hint}.", path=folder)
    return _Found(folder, None, kinds)


def _hint(given: str) -> str:
    """How a text is given, where this looks like one."""
    if len(given.split()) < 3 or by_suffix(_suffix(Path(given).name)) is not None:
        return ""
    return f" If it is a text, pipe it, and name - as the input: printf '%s' {shlex.quote(given)} | python -m spacy relext extract MODEL -"


def _format_of(path: Path) -> str:
    if str(path) == STDIN:
        return STDIN_FORMAT
    found = by_suffix(_suffix(path.name))
    if found is None:
        suffixes = ", ".join(KNOWN_SUFFIXES)
        raise DataError(
            f"expected {suffixes}, or {PACKED} after them, and saw {path.suffix or 'no suffix'}. Name the format with `format`, one of: "
            f"{', '.join(READABLE)}.",
            path=path,
        )
    return found.name


def _is_left_out(name: str) -> bool:
    """Whether it is a hidden file of a table, which other tools do not read either."""
    return name.lower().endswith(texts_parquet.SUFFIX) and is_hidden(Path(name))


def _stem(name: str) -> str:
    """A name without its suffix, as pathlib has it, and without the .gz behind it; much faster, since there may be a million."""
    return _parted(_parted(name)[0] if _parted(name)[1].lower() == PACKED else name)[0]


def _suffix(name: str) -> str:
    """The suffix of a name, in small letters, or that before .gz."""
    stem, suffix = _parted(name)
    return (_parted(stem)[1] if suffix.lower() == PACKED else suffix).lower()


def _parted(name: str) -> tuple[str, str]:
    at = name.rfind(".")
    return (name[:at], name[at:]) if name.rfind("/") + 1 < at < len(name) - 1 else (name, "")
