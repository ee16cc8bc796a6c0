"""JSON records of files: what is taken out of them has its type, and what is wrong with them says where it stands."""

import json
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy_relext.errors import DataError
from spacy_relext.formats.denials import is_denial
from spacy_relext.formats.files import find_files
from spacy_relext.formats.ids import Ids
from spacy_relext.formats.ids import distinct as distinct
from spacy_relext.formats.jsonstream import MOST_DIGITS, JsonStream, Twice, read_values
from spacy_relext.formats.jsonstream import load_json as load_json
from spacy_relext.formats.limits import Line, is_blank, lines_of, read_line, reported_lines
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import DETAILS, UNNAMED, Document

# What annotation tools keep in a record's `meta`, and have no field for.
ID, SENTENCES, ANNOTATED = "document_id", "sentence_offsets", "annotated"

OTHER_FILES = "files that are none of the format"

# Makes a document of a record, or None of one that is left out; what is no error, and not in the document, is counted.
Parse = Callable[[dict[str, Any], "Place", Reading], Document | None]


_TWICE = "the key {!r} stands twice in one object. Expected it once: which of the two is right?"


def whole_number(text: str) -> int:
    """A whole number of a text. RAISES: ValueError for one that is longer than any that is read."""
    if len(text) > MOST_DIGITS:
        raise ValueError(f"saw a number of {len(text):,} digits; no offset has so many.")
    return int(text)


@dataclass(frozen=True)
class Place:
    """Where a record stands: its file, and its line there or, where the file is one list, its number, both counted from 1.

    root: What is read: the file itself, or a folder that it is in.
    """

    path: Path | str | None
    line: int | None = None
    number: int | None = None
    root: Path | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.number is None else f"record {self.number} of {self.path}"

    @property
    def default_id(self) -> str:
        """An id for a document that comes without: the place of its file in the folder that is read, and its number."""
        file = Path(self.path or "document")
        name = file.relative_to(self.root) if self.root and self.root != file else Path(file.name)
        return f"{name.with_suffix('').as_posix().strip('<>')}-{self.number or self.line}"

    def fail(self, message: str) -> DataError:
        """An error that says where the record stands."""
        return DataError(message if self.number is None else f"record {self.number}: {message}", path=self.path, line=self.line)

    def decode(self, raw: bytes | str, expected: str = "one JSON object per line") -> Any:
        """What the JSON of a line, or of a file without a line, says."""
        record, twice = self.decode_all(raw, expected)
        if twice:
            raise self.fail(_TWICE.format(twice[0]))
        return record

    def decode_all(self, raw: bytes | str, expected: str) -> tuple[Any, list[str]]:
        """The same, and the keys that stand twice in one object, for who looks for the record in which they do (`check_keys`)."""
        unit = "file" if self.line is None else "line"
        try:
            return load_json(raw if isinstance(raw, str) else raw.decode("utf8"))
        except UnicodeDecodeError as error:
            raise self.fail(f"not UTF-8 (byte {error.start} of the {unit}). Convert the file to UTF-8.") from error
        except json.JSONDecodeError as error:
            line = "" if self.line is not None else f"line {error.lineno}, "
            raise self.fail(f"not JSON ({error.msg}, {line}column {error.colno}). Expected {expected}.") from error
        except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
            raise self.fail(f"JSON that cannot be read ({error}). Expected {expected}.") from error

    def check_keys(self, record: Any) -> None:
        """Refuse an object of `decode_all` in which, or in an object of which, a key stands twice."""
        stack = [record]
        while stack:
            value = stack.pop()
            if isinstance(value, Twice):
                raise self.fail(_TWICE.format(value.key))
            stack += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()

    def take(self, record: dict[str, Any], key: str, kind: type | tuple[type, ...], what: str) -> Any:
        """The value of a key, which has to be there and of a type."""
        value = record.get(key)
        # bool is an int to Python, but no offset.
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.fail(f"{what}: expected {key!r} to be {_names(kind)}, and saw {value!r:.60}.")
        return value

    def name(self, record: dict[str, Any], key: str, what: str) -> str:
        """A name, which may be written as a number."""
        return str(self.take(record, key, (str, int), what))

    def entries(self, record: dict[str, Any], key: str, what: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The objects of a list, each with what it is called in errors: "span 1"."""
        for i, entry in enumerate(self.take(record, key, list, "document"), start=1):
            if not isinstance(entry, dict):
                raise self.fail(f"{what} {i}: expected an object, and saw {entry!r:.60}.")
            yield f"{what} {i}", entry

    def meta(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record's `meta`, empty where there is none."""
        return self.take(record, "meta", dict, "document") if record.get("meta") is not None else {}

    def is_annotated(self, meta: dict[str, Any]) -> bool:
        """Whether a `meta` says that the annotation is finished."""
        return meta.get(ANNOTATED) is True

    def text(self, record: dict[str, Any], key: str = "text") -> str:
        """A text of whole characters."""
        text: str = self.take(record, key, str, "document")
        self.check_characters(text)
        return text

    def check_characters(self, text: str) -> None:
        r"""Refuse JSON's \ud83d without its second half: a text that was cut in the middle of an emoji."""
        try:
            text.encode("utf8")
        except UnicodeEncodeError as error:
            raise self.fail(
                f"character {error.start} of the text is {text[error.start]!r}, half of a surrogate pair. Write it whole."
            ) from error

    def check_stretch(self, text: str, start: int, end: int, said: Any, what: str) -> None:
        """Refuse offsets at which the text is not what the record says of them."""
        if text[max(start, 0) : max(end, 0)] != said:
            raise self.fail(f"{what}: characters {start}-{end} of the text are {text[start:end]!r:.60}, and its 'text' is {said!r:.60}.")

    def label(self, entry: dict[str, Any], key: str, what: str, reading: Reading) -> str | None:
        """The label of a relation, or the one that is given for those without; None, which is counted, where none is."""
        if entry.get(key) in (None, "") and reading.options.default_label:
            reading.counts["relations without a label, named by `default_label`"] += 1
            return reading.options.default_label
        if entry.get(key) in (None, ""):
            reading.leave_out(UNNAMED, str(self))
            return None
        label: str = self.take(entry, key, str, what)
        return label

    def score(self, entry: dict[str, Any], what: str, key: str = "score") -> float:
        """The score of a relation, or the one under another key: 1 where it has none."""
        score = self.take(entry, key, (int, float), what) if key in entry else 1.0
        # Before it is made a float, which some whole numbers are too large for.
        if not 0 <= score <= 1:
            raise self.fail(f"{what}: {key!r} is {score!r:.60}; it is a probability, between 0 and 1.")
        return float(score)

    def sentences(self, record: dict[str, Any], key: str) -> list[tuple[int, int]] | None:
        """Offsets of sentences, or None where there are none."""
        if record.get(key) is None:
            return None
        sentences = []
        for i, entry in enumerate(self.take(record, key, list, "document")):
            if not (isinstance(entry, list) and len(entry) == 2 and all(type(x) is int for x in entry)):
                raise self.fail(f"sentence {i + 1}: expected [start, end], and saw {entry!r:.60}.")
            sentences.append((entry[0], entry[1]))
        return sentences


def files_with(sign: re.Pattern[bytes], files: list[Path], path: Path, leave_out: Callable[[str, str], None]) -> Iterator[Path]:
    """The file that is read or, of a folder, those with a line that begins as `sign` says: a suffix as .txt does not say what is in it.

    Others, as a README.txt, are left out, and told. One that cannot be read is among the files, to be an error when it is.
    RAISES: DataError where none is left.
    """
    n_found = 0
    for file in files:
        if path.is_dir() and not _has_line(sign, file):
            leave_out(OTHER_FILES, str(file))
            continue
        n_found += 1
        yield file
    if not n_found:
        raise DataError("none of its files is of this format. Is it another one?", path=path)


def _has_line(sign: re.Pattern[bytes], file: Path) -> bool:
    try:
        for _, line in lines_of(file):
            if not isinstance(line, bytes) or sign.match(line.removeprefix(BOM_UTF8)) or b"\0" in line:
                return True
    except DataError:
        return True
    return False


def read_lines(
    path: Path, suffixes: tuple[str, ...], parse: Parse, reading: Reading, *, root: Path | None = None, hint: str = ""
) -> Iterator[Document]:
    """The documents of a file, or of all files of a folder and the folders in it, that has a record per line.

    What is wrong with a record leaves out the record, and what `parse` has counted of it. Both are so in `read_lists`.

    root: What is read, if that is more than the path. hint: What to say of two documents of one id.
    """

    def records() -> Iterator[tuple[Place, Line]]:
        for file in find_files(path, suffixes):
            yield from (
                (Place(file, number, root=root or path), line)
                for number, line in reported_lines(file, reading.on_error)
                if not is_blank(line)
            )

    return _documents(records(), lambda at, line: at.decode(read_line(line)), parse, reading, hint)


def read_lists(path: Path, suffixes: tuple[str, ...], parse: Parse, reading: Reading, *, root: Path | None = None) -> Iterator[Document]:
    """The documents of files that are one list of records each, of which one is held at a time. What is wrong with a list ends it.

    One record that is in no list, and a record per line, are read too.
    """

    def values(stream: JsonStream) -> Iterator[tuple[int | None, int | None, tuple[Any, bool]]]:
        if stream.peek() == "[":
            for number, found in enumerate(stream.entries(), start=1):
                yield None, number, found
        else:
            line = stream.line
            yield line, None, stream.value()

    def records() -> Iterator[tuple[Place, Any]]:
        for file in find_files(path, suffixes):
            for line, number, found in read_values(file, "a list of objects, one object, or one per line", values, reading.on_error):
                yield Place(file, line, number, root or path), found

    def checked(at: Place, found: tuple[Any, bool]) -> Any:
        entry, to_check = found
        if to_check:
            at.check_keys(entry)
        return entry

    return _documents(records(), checked, parse, reading)


def with_distinct_ids(documents: Iterable[Document], lost: Counter[str], *unsupported: str) -> Iterator[Document]:
    """The documents, whose ids must differ where they have one: a file with two of an id could not be read again.

    lost: Is added to: concepts, which the formats that are written with this have no place for, and what is in `unsupported`.
    """
    for document in distinct(documents, unnamed=True):
        yield document
        names = ("concept identifiers", "long forms of abbreviations", "relations between concepts", *DETAILS, *unsupported)
        lost += document.count_unsupported(*names)


def refuse_denials(document: Document) -> None:
    """Refuse to write a relation whose label would be read as none."""
    for relation in document.all_relations:
        if is_denial(relation.label):
            raise document.error(f"a relation has the label {relation.label!r}, which would be read as no relation. Rename the label.")


def meta_of(document: Document) -> dict[str, Any]:
    """What of a document goes into a record's `meta`: its own, id, sentences, and of one without mentions that it is annotated.

    RAISES: DataError for metadata under one of these names.
    """
    taken = sorted({ID, SENTENCES, ANNOTATED} & document.meta.keys())
    if taken:
        raise document.error(f"its metadata has the keys {taken}, under which others are kept here. Rename them, or export to jsonl.")
    meta = document.meta | ({ID: document.id} if document.id else {})
    if not document.mentions and document.relations is not None:
        meta[ANNOTATED] = True
    if document.sentences is not None:
        meta[SENTENCES] = [list(sentence) for sentence in document.sentences]
    return meta


def meta_beside(meta: dict[str, Any]) -> dict[str, Any]:
    """What a record's `meta` holds beside what `meta_of` puts there."""
    return {key: value for key, value in meta.items() if key not in (ID, SENTENCES, ANNOTATED)}


def _documents(
    records: Iterable[tuple[Place, Any]], decode: Callable[[Place, Any], Any], parse: Parse, reading: Reading, hint: str = ""
) -> Iterator[Document]:
    ids = Ids()
    for at, raw in records:
        attempt = reading.attempt()
        try:
            record = decode(at, raw)
            if not isinstance(record, dict):
                raise at.fail(f"expected a JSON object, and saw {type(record).__name__}.")
            document = parse(record, at, attempt)
            other = ids.other(document.id, at) if document is not None else None
            if document is not None and other is not None:
                raise at.fail(f"the document id {document.id!r} is that of {other} as well. Expected ids that differ. {hint}".rstrip())
        except DataError as error:
            reading.on_error(error)
            continue
        reading.keep(attempt)
        if document is not None:
            yield document


def _names(kind: type | tuple[type, ...]) -> str:
    words = {str: "a string", int: "a whole number", float: "a number", list: "a list", dict: "an object"}
    return " or ".join(words[k] for k in (kind if isinstance(kind, tuple) else (kind,)))
