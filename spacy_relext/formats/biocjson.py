"""BioC JSON: collections of documents, read and written by the library bioc. What is read and written is in biocmodel.py.

A file is a collection, a list of collections or documents, one document, a document or collection per line, or an object that has one of
these under some key, as the answers of PubTator3 do. It is read document by document. Errors name the document, by its id or, where it has
none that can be read, by its number.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bioc import BioCAnnotation, BioCDocument, BioCLocation, BioCNode, BioCPassage, BioCRelation, BioCSentence, biocjson

from spacy_relext.errors import DataError
from spacy_relext.formats.biocmodel import Origin, collection, count_unsupported
from spacy_relext.formats.biocread import read_all
from spacy_relext.formats.files import find_files, whole_file
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.jsonstream import JsonStream, ManyDigits, Twice, read_values
from spacy_relext.formats.reading import OnError, Reading
from spacy_relext.formats.records import Place, whole_number
from spacy_relext.formats.types import Document

EXPECTED = "a collection: an object with a list 'documents'; or a document, or a list of either"
# Those of a document that are read.
KEYS = {"id", "infons", "passages", "annotations", "relations"}
# A document, and its line.
Entry = tuple[Any, int]
# In how many lists and objects a document may stand.
DEEPEST = 4


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .json files of a folder and the folders in it."""
    yield from distinct(read_all(_documents(find_files(path, (".json",)), reading.on_error, path), reading), reading.on_error)


def _documents(files: list[Path], on_error: OnError, root: Path) -> Iterator[tuple[Callable[[], BioCDocument], Origin]]:
    for file in files:
        entries = read_values(file, EXPECTED, partial(_entries, file=file, on_error=on_error), on_error)
        for number, (entry, line) in enumerate(entries, start=1):
            yield partial(_parse, entry, number, file), (file, line, Place(file, number=number, root=root).default_id, number)


def _entries(stream: JsonStream, file: Path, on_error: OnError) -> Iterator[Entry]:
    """The documents of a value. RAISES: DataError where there is none that could be one."""
    stream.peek()
    line = stream.line
    found = yield from _find(stream, on_error, file)
    if found is None:
        raise DataError("there is no document in it, but an empty list.", path=file, line=line)
    if not found:
        raise DataError(f"expected {EXPECTED}. Is this BioC?", path=file, line=line)


def _find(stream: JsonStream, on_error: OnError, file: Path, depth: int = 0) -> Generator[Entry, None, bool | None]:
    """The documents of a collection, of a list, or of an object around one. RETURNS: Whether there was one; None: an empty list."""
    kind = stream.peek()
    line = stream.line
    if kind == "{" and depth <= DEEPEST:
        return (yield from _find_in_object(stream, on_error, file, depth))
    if kind != "[" or depth >= DEEPEST:
        stream.value()
        return False
    others: list[int] = []
    n_found = 0
    for line in stream.places():
        if (yield from _find(stream, on_error, file, depth + 1)):
            n_found += 1
        else:
            others.append(line)
    for line in others if n_found else ():
        on_error(DataError(f"expected {EXPECTED}, in a list, and saw something else. It is left out.", path=file, line=line))
    return n_found > 0 if n_found or others else None


def _find_in_object(stream: JsonStream, on_error: OnError, file: Path, depth: int) -> Generator[Entry, None, bool | None]:
    line = stream.line
    pairs: list[tuple[str, Any]] = []
    n_found = n_empty = n_members = 0
    for key in stream.members():
        n_members += 1
        if key in KEYS:
            pairs.append((key, stream.value()[0]))
        elif key == "documents" and stream.peek() == "[":
            n_found += 1
            for place in stream.places():
                yield stream.value()[0], place
        elif depth < DEEPEST and stream.peek() in "[{":
            found = yield from _find(stream, on_error, file, depth + 1)
            n_found += found is True
            n_empty += found is None
    made = dict(pairs)
    if "passages" in made:
        yield made if len(made) == len(pairs) else Twice(pairs), line
        return True
    if n_found > 1:
        raise DataError(f"expected {EXPECTED}, and saw {n_found} lists of documents in one object.", path=file, line=line)
    return None if 0 < n_empty == n_members else n_found == 1


def _parse(entry: Any, number: int, file: Path) -> BioCDocument:
    Place(file, number=number).check_keys(entry)
    name = entry.get("id") if isinstance(entry, dict) else None
    try:
        return _document(entry)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else f"{type(error).__name__} {error}"
        raise ValueError(f"document {number}, id {name!r}: {reason}") from error


# Of the library, `parse_doc` wants every list and object that may be empty to be there, and takes numbers for texts.


def _document(entry: dict[str, Any]) -> BioCDocument:
    made = BioCDocument()
    made.id = _id(entry.get("id"))
    _fill(made, entry)
    for passage in entry.get("passages") or ():
        made.add_passage(_passage(passage))
    return made


def _passage(entry: dict[str, Any]) -> BioCPassage:
    made = BioCPassage()
    if "text" not in entry and not entry.get("sentences"):
        raise KeyError("text")
    made.offset, made.text = _number(entry["offset"]), _text(entry.get("text"))
    _fill(made, entry)
    for sentence in entry.get("sentences") or ():
        inner = BioCSentence()
        inner.offset, inner.text = _number(sentence["offset"]), _text(sentence["text"])
        _fill(inner, sentence)
        made.add_sentence(inner)
    return made


def _fill(made: Any, entry: dict[str, Any]) -> None:
    """Add infons, annotations and relations."""
    made.infons = _infons(entry)
    for given in entry.get("annotations") or ():
        annotation = BioCAnnotation()
        annotation.id, annotation.text, annotation.infons = _id(given.get("id")), _text(given.get("text")), _infons(given)
        for location in given.get("locations") or ():
            annotation.add_location(BioCLocation(_number(location["offset"]), _number(location["length"])))
        made.add_annotation(annotation)
    for given in entry.get("relations") or ():
        relation = BioCRelation()
        relation.id, relation.infons = given.get("id"), _infons(given)
        for node in given.get("nodes") or ():
            relation.add_node(BioCNode(str(node["refid"]), _text(node.get("role")) or ""))
        made.add_relation(relation)


def _infons(entry: dict[str, Any]) -> dict[str, str]:
    return {key: _infon(value) for key, value in (entry.get("infons") or {}).items() if value is not None}


def _infon(value: Any) -> str:
    """An infon, which is a text in XML. PubTator3 has objects for the concepts of a relation."""
    if isinstance(value, dict):
        return str(value.get("identifier") or "")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, ManyDigits):
        raise TypeError(f"expected a text or a number, and saw {value!r}")
    return "|".join(map(_infon, value)) if isinstance(value, list) else str(value)


def _id(value: Any) -> str | None:
    return None if value is None else _infon(value)


def _number(value: Any) -> int:
    if isinstance(value, str):
        return whole_number(value)
    if type(value) is not int:
        raise TypeError(f"expected a whole number, and saw {value!r:.60}")
    return value


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"expected a text, and saw {value!r:.60}")
    return value


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a file.

    RETURNS: What the format cannot hold, counted.
    """
    lost: Counter[str] = Counter()

    def counted() -> Iterator[Document]:
        for document in documents:
            lost.update(count_unsupported(document))
            yield document

    made = collection(counted())
    with whole_file(path) as file:
        biocjson.dump(made, file, ensure_ascii=False, indent=1)
        file.write("\n")
    return lost
