"""XML files that are a long list of records, as PubMed's: a file is cut between records without being parsed, and each is parsed alone.

So memory does not grow with the file, a record that is not well-formed is an error of it alone, and parts of a file can be read apart. No
DTD is read and nothing is fetched: entities that a file declares are refused, and those of a DTD are errors of the records that use them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from spacy_relext.errors import DataError
from spacy_relext.formats.cutting import Cut, Part
from spacy_relext.formats.files import files_in
from spacy_relext.formats.limits import CHUNK, MARK, limits, refuse_packed, too_large
from spacy_relext.formats.reading import SUPERSEDED, FileVersions, Options, Reading, Superseded
from spacy_relext.formats.types import Document
from spacy_relext.formats.unpacking import is_packed, opened_content
from spacy_relext.formats.versions import VersionCutter, last_versions

_ENCODING = re.compile(rb"<\?xml[^>]*\sencoding\s*=\s*[\"']([^\"']*)")
_ELEMENT = re.compile(rb"<([A-Za-z_][\w.:-]*)")
_SPACES = re.compile(r"[ \t\r\n]+")
_AFTER_NAME, _LONGEST_TAG = (b">", b" ", b"\n", b"\t", b"\r"), 100
# What a root may declare for its records, which are parsed without it.
_PREFIXES = {
    "mml": "http://www.w3.org/1998/Math/MathML",
    "xlink": "http://www.w3.org/1999/xlink",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "ali": "http://www.niso.org/schemas/ali/1.0/",
    "oasis": "http://docs.oasis-open.org/ns/oasis-exchange/table",
}
_UNBOUND_PREFIX = 27
_BEFORE = "<r " + " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in _PREFIXES.items()) + ">"


class Found(NamedTuple):
    """A piece of a file.

    content: Its bytes, with the white space before it. name: Of the element, where it is a record. start: Where the record begins in it.
    problem: What is wrong with the record, or with what stands between two of them: an error in the place of a document.
    """

    content: bytes
    name: str = ""
    start: int = 0
    problem: str = ""


class Origin(NamedTuple):
    """Where a record stands. number: Which document of its file it is, counted from 1."""

    path: Path
    line: int
    number: int


class Sections:
    """The text of a document, made section by section with a line end between two. places: Where each is, with what is said of it."""

    def __init__(self) -> None:
        self.places: list[dict[str, Any]] = []
        self._texts: list[str] = []
        self._end = -1

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self._texts)

    def add(self, text: str, **said: Any) -> None:
        """Add a section, unless there is nothing in it. said: Values of None are left out."""
        if text:
            start, self._end = self._end + 1, self._end + 1 + len(text)
            self._texts.append(text)
            self.places.append({name: value for name, value in said.items() if value is not None} | {"start": start, "end": self._end})


def text_of(element: Element | None) -> str:
    """The text in an element and those in it, in which white space of XML is one space."""
    if element is None:
        return ""
    return collapsed("".join(element.itertext()) if len(element) else element.text or "")


def collapsed(text: str) -> str:
    """A text in which white space of XML is one space, and none at its ends."""
    if "\n" in text or "  " in text or "\t" in text or "\r" in text:
        text = _SPACES.sub(" ", text)
    return text.strip(" ")


# Makes the document of a record.
Make = Callable[[Element, Origin], Document]


@dataclass(frozen=True)
class RecordCutter:
    """How such files are cut (`cutting.Cutter`).

    about: What they are, for errors. roots: The names of elements that hold records. records: The names of those, with what makes a
        document of each; None: it holds none, and is not parsed. name_of: What errors call a record, of its bytes. suffixes: Of files that
        are looked for in folders, packed by gzip or not.
    """

    about: str
    roots: tuple[str, ...]
    records: Mapping[str, Make | None]
    name_of: Callable[[bytes], str]
    suffixes: tuple[str, ...] = (".xml",)

    def cut(self, file: BinaryIO, path: Path, options: Options) -> Iterator[Cut]:
        """As `Cutter` says: a piece for each record."""
        for found in self.scan(file, path):
            yield Cut(found.content, int(self.is_document(found)))

    def read(self, body: BinaryIO, part: Part, reading: Reading) -> Iterator[Document]:
        """As `Cutter` says."""
        for found, origin in self.located(body, part):
            try:
                document = self.document(found, origin)
            except DataError as error:
                reading.on_error(error)
            else:
                yield document

    def read_files(self, path: Path, reading: Reading) -> Iterator[Document]:
        """The documents of a file, or of all files of a folder and the folders in it: of their last versions, where they have versions."""
        files = self.files(path)
        known: FileVersions = {file: found for file in files if (found := reading.versions.get(file)) is not None}
        if isinstance(self, VersionCutter):
            known = {**known, **last_versions([file for file in files if file not in known], self, reading.options)}
        for file in files:
            try:
                yield from self._read_file(file, known.get(file, Superseded()), reading)
            except DataError as error:
                reading.on_error(error)

    def _read_file(self, file: Path, versions: Superseded | DataError, reading: Reading) -> Iterator[Document]:
        if isinstance(versions, DataError):
            raise versions
        superseded = frozenset(versions.numbers)
        with opened_content(file) as body:
            part = Part(file, 0, 0, documents=versions.documents)
            # Where the file was read before, it is known how it ends.
            for number, (found, origin) in enumerate(self.located(body, part, is_whole=not isinstance(self, VersionCutter))):
                if number in superseded:
                    reading.leave_out(SUPERSEDED, f"{file}:{origin.line}")
                    continue
                try:
                    document = self.document(found, origin)
                except DataError as error:
                    reading.on_error(error)
                else:
                    yield document

    def files(self, path: Path) -> list[Path]:
        """The file itself, or those of a folder and the folders in it, packed ones too."""
        if not path.is_dir():
            return [path]
        found = sorted(
            file for file in files_in(path) if (file.with_suffix("") if is_packed(file) else file).suffix.lower() in self.suffixes
        )
        if not found:
            raise DataError(f"the folder holds no {' or '.join(self.suffixes)} file, packed or not.", path=path)
        return found

    def is_document(self, found: Found) -> bool:
        """Whether a piece is a document, or an error in its place."""
        return bool(found.problem) or self.records.get(found.name) is not None

    def scan(self, file: BinaryIO, path: Path, *, is_begin: bool = True, is_whole: bool = True) -> Iterator[Found]:
        """The pieces of a file that is open, to its end: joined, they are the file.

        is_begin: It is read from its beginning. is_whole: It is to end with the end of its root.
        RAISES: DataError for what is no such file.
        """
        return _Scan(file, path, self).pieces(is_begin=is_begin, is_whole=is_whole)

    def located(self, body: BinaryIO, part: Part, *, is_whole: bool = False) -> Iterator[tuple[Found, Origin]]:
        """The documents of a part, and errors in the place of one, each with where it stands. is_whole: It is a whole file."""
        line, n_seen = part.first_line, 0
        for found in self.scan(body, part.path, is_begin=not part.start, is_whole=is_whole):
            if self.is_document(found):
                n_seen += 1
                yield found, Origin(part.path, line + found.content.count(b"\n", 0, found.start), part.first_number + n_seen)
            line += found.content.count(b"\n")
        if n_seen < part.documents:
            yield Found(b"", problem=self.truncated), Origin(part.path, line, part.first_number + n_seen + 1)

    @property
    def truncated(self) -> str:
        """What is wrong with a file that ends before its root does."""
        return "the file ends before its first element does. Is it truncated?"

    def document(self, found: Found, origin: Origin) -> Document:
        """The document of a record. RAISES: DataError for what is wrong with it."""
        make = self.records.get(found.name)
        if found.problem or make is None:
            raise DataError(found.problem, path=origin.path, line=origin.line)
        try:
            element = _parsed(found.content[found.start :])
        except (ElementTree.ParseError, ValueError) as error:
            line, reason = origin.line, str(error)
            if isinstance(error, ElementTree.ParseError):
                line += error.position[0] - 1
                reason = reason.partition(": line")[0]
            raise DataError(f"{self.name_of(found.content)} is no well-formed XML: {reason}.", path=origin.path, line=line) from error
        return make(element, origin)


def _parsed(content: bytes) -> Element:
    """The element of a record, whose prefixes its root may have declared. RAISES: ParseError where it is not well-formed."""
    try:
        return ElementTree.fromstring(content, ElementTree.XMLParser(encoding="utf-8"))
    except ElementTree.ParseError as error:
        if error.code != _UNBOUND_PREFIX:
            raise
    parser = ElementTree.XMLParser(encoding="utf-8")
    for piece in (_BEFORE, content, b"</r>"):
        parser.feed(piece)
    found: Element = parser.close()[0]
    return found


class _Scan:
    """A file that is read forward. at: How far of what is in the buffer has been given."""

    def __init__(self, file: BinaryIO, path: Path, of: RecordCutter):
        self.file, self.path, self.of = file, path, of
        self.buffer, self.at, self.is_read = b"", 0, False
        self.openings = [f"<{name}".encode() for name in of.records]
        self.closings = {name.encode(): f"</{name}>".encode() for name in of.records}
        names, roots = "|".join(map(re.escape, of.records)), "|".join(map(re.escape, of.roots))
        self.opening = re.compile(rf"<({names})[\s>]".encode())
        self.root = re.compile(rf"<(/?)(?:{roots})(?:\s[^>]*)?>".encode())
        self.between = re.compile(
            rf"(?:\xef\xbb\xbf)?(?:\s|<!--.*?-->|<\?.*?\?>|<!DOCTYPE[^\[>]*>|</?(?:{roots})(?:\s[^>]*)?>)*".encode("latin-1"), re.DOTALL
        )
        # Whether a root has begun and not ended; whether the file ends in a record.
        self.is_open = self.is_cut_off = False

    def pieces(self, *, is_begin: bool, is_whole: bool) -> Iterator[Found]:
        """All of them."""
        self._fill()
        if is_begin:
            self._check_begin()
        while True:
            opening = self._next_opening()
            between = self.buffer[self.at : len(self.buffer) if opening is None else opening.start()]
            if opening is None or (not between.isspace() and between):
                yield self._between(between)
            if opening is None:
                break
            found = self._plain_record(opening)
            if found is not None:
                yield found
            else:
                yield from self._record(opening)
        if is_whole and self.is_open and not self.is_cut_off:
            yield Found(b"", problem=self.of.truncated)

    def _fill(self) -> None:
        """Read on, at least as much as there is: what is found late is not copied many times."""
        rest = self.buffer[self.at :]
        more = self.file.read(max(CHUNK, len(rest)))
        self.buffer, self.at, self.is_read = rest + more, 0, not more

    def _check_begin(self) -> None:
        """RAISES: DataError for a file that is another one, or not in UTF-8."""
        refuse_packed(self.buffer, self.path)
        begin = self.buffer[:CHUNK].removeprefix(MARK)
        encoding = _ENCODING.match(begin)
        name = encoding[1].decode(errors="replace") if encoding else "UTF-16 or UTF-32" if b"\0" in begin[:8] else "UTF-8"
        if name.lower() not in ("utf-8", "utf8", "us-ascii"):
            raise DataError(f"it is in {name}; expected UTF-8. Convert the file.", path=self.path)
        prolog = re.sub(rb"<!--.*?-->", b"", begin, flags=re.DOTALL)
        element = _ELEMENT.search(prolog)
        if re.search(rb"<!DOCTYPE[^>]*\[", prolog[: element.start() if element else None]):
            raise DataError("its DOCTYPE declares entities or elements, which are not read. Take the declarations out.", path=self.path)
        name = element[1].decode() if element else ""
        if name not in (*self.of.roots, *self.of.records):
            seen = f"<{name}>" if name else "no XML"
            raise DataError(f"expected {self.of.about}, and saw {seen}.", path=self.path)

    def _next_opening(self) -> "re.Match[bytes] | None":
        after = self.at
        while (found := self.opening.search(self.buffer, after)) is None and not self.is_read:
            seen = self._seen
            if seen > limits().record:
                raise too_large("what stands between two records", self.path)
            self._fill()
            after = seen
        return found

    @property
    def _seen(self) -> int:
        """How much of what has not been given is searched: a tag may be cut where the buffer ends."""
        return max(0, len(self.buffer) - self.at - _LONGEST_TAG)

    def _between(self, content: bytes) -> Found:
        """What stands between two records."""
        self.at += len(content)
        known = self.between.match(content)
        start = known.end() if known else 0
        if start == len(content):
            for root in self.root.finditer(content):
                self.is_open = not root[1]
            return Found(content)
        seen = content[start : start + 60].decode(errors="replace").strip()
        return Found(content, start=start, problem=f"expected <{next(iter(self.of.records))}>, and saw {seen!r}. It is passed over.")

    def _plain_record(self, opening: "re.Match[bytes]") -> Found | None:
        """A record that is in the buffer as a whole, unless another one may begin before its end."""
        start, close = opening.start(), self.closings[opening[1]]
        end = self.buffer.find(close, start)
        if end < 0:
            return None
        for one in self.openings:
            if self.buffer.find(one, start + 1, end) >= 0:
                return None
        end += len(close)
        if end - self.at > limits().record:
            return None
        found = Found(self.buffer[self.at : end], opening[1].decode(), start - self.at)
        self.at = end
        return found

    def _record(self, opening: "re.Match[bytes]") -> Iterator[Found]:
        """A record, in one piece unless it is longer than any that is read."""
        name, start = opening[1].decode(), opening.start() - self.at
        close = self.closings[opening[1]]
        seen, problem, no_end = start + 1, "", f"it has no end, </{name}>. Is the file truncated?"
        while True:
            end = self.buffer.find(close, self.at + seen)
            following = self._other_opening(self.at + seen, len(self.buffer) if end < 0 else end)
            if following >= 0:
                end, problem = following, problem or no_end
            elif end >= 0:
                end += len(close)
            elif self.is_read:
                end, self.is_cut_off = len(self.buffer), True
                problem = problem or no_end
            else:
                seen = max(seen, self._seen)
                if seen > limits().record:
                    problem = problem or too_large("it", None).message
                    yield Found(self.buffer[self.at : self.at + seen])
                    self.at += seen
                    seen = start = 0
                self._fill()
                continue
            break
        content = self.buffer[self.at : end]
        self.at = end
        yield Found(content, name, start, problem and f"{self.of.name_of(content)}: {problem}")

    def _other_opening(self, begin: int, end: int) -> int:
        """Where another record begins, or -1."""
        found = []
        for opening in self.openings:
            at = begin
            while (at := self.buffer.find(opening, at, end)) >= 0 and self.buffer[
                at + len(opening) : at + len(opening) + 1
            ] not in _AFTER_NAME:
                at += 1
            found += [at] if at >= 0 else []
        return min(found, default=-1)
