"""BioC JSON: collections of documents, read and written by the library bioc. What is read and written is in biocmodel.py.

A file is a collection, a list of collections or documents, one document, a document or collection per line, or an object that has one of
these under some key, as the answers of PubTator3 do. Errors name the document, by its id or, where it has none that can be read, by its
number.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bioc import BioCAnnotation, BioCDocument, BioCLocation, BioCNode, BioCPassage, BioCRelation, BioCSentence, biocjson

from spacy_relext.errors import DataError
from spacy_relext.formats.biocmodel import Place, collection, losses
from spacy_relext.formats.biocread import read_all
from spacy_relext.formats.files import find_files, whole_file
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.jsonstream import json_values
from spacy_relext.formats.reading import OnError, Reading
from spacy_relext.formats.records import Place as Record
from spacy_relext.formats.records import whole_number
from spacy_relext.formats.types import Document

EXPECTED = "a collection: an object with a list 'documents'; or a document, or a list of either"
# In how many lists and objects a document may stand.
DEEPEST = 4


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .json files of a folder and the folders in it."""
    yield from distinct(read_all(_documents(find_files(path, (".json",)), reading.on_error), reading), reading.on_error)


def _documents(files: list[Path], on_error: OnError) -> Iterator[tuple[Callable[[], BioCDocument], Place]]:
    for file in files:
        before = 0
        try:
            for value, line in json_values(file, EXPECTED, Record(file).fail):
                entries = _entries(value)
                if entries is None:
                    raise DataError(f"expected {EXPECTED}. Is this BioC?", path=file, line=line)
                for number, entry in enumerate(entries, start=before + 1):
                    yield partial(_parse, entry, number, file), (file, line)
                before += len(entries)
        except DataError as error:
            on_error(error)


def _entries(value: Any, depth: int = 0) -> list[Any] | None:
    """The documents of a collection, of a list, or of an object around one; None where there is nothing that could be one."""
    if isinstance(value, list):
        some = [_entries(entry, depth + 1) for entry in value] if depth < DEEPEST else []
        return None if not some or None in some else [entry for found in some for entry in found or ()]
    if not isinstance(value, dict):
        return None
    if "passages" in value:
        return [value]
    if isinstance(value.get("documents"), list):
        return value["documents"]
    inside = [_entries(entry, depth + 1) for entry in value.values() if isinstance(entry, (list, dict))] if depth < DEEPEST else []
    found = [entries for entries in inside if entries is not None]
    return found[0] if len(found) == 1 else None


def _parse(entry: Any, number: int, file: Path) -> BioCDocument:
    Record(file, number=number).check_keys(entry)
    name = entry.get("id") if isinstance(entry, dict) else None
    try:
        return _document(entry)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"document {number}, id {name!r}: {type(error).__name__} {error}") from error


# Of the library, `parse_doc` wants every list and object that may be empty to be there, and takes numbers for texts.


def _document(entry: dict[str, Any]) -> BioCDocument:
    made = BioCDocument()
    made.id = None if entry["id"] is None else str(entry["id"])
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
        annotation.id, annotation.text, annotation.infons = given["id"], _text(given.get("text")), _infons(given)
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
    return "|".join(map(_infon, value)) if isinstance(value, list) else str(value)


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
            lost.update(losses(document))
            yield document

    made = collection(counted())
    with whole_file(path) as file:
        biocjson.dump(made, file, ensure_ascii=False, indent=1)
        file.write("\n")
    return lost
