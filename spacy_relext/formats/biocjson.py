"""BioC JSON: collections of documents, read and written by the library bioc. What is read and written is in biocmodel.py.

JSON has no lines to speak of: errors name the document, by its id or, where it has none that can be read, by its number.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bioc import BioCDocument, biocjson
from bioc.biocjson.decoder import parse_doc

from spacy_relext.errors import DataError
from spacy_relext.formats.biocmodel import Place, collection, losses, read_all
from spacy_relext.formats.files import find_files, whole_file
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.limits import read_whole
from spacy_relext.formats.reading import OnError, Reading
from spacy_relext.formats.records import Place as Record
from spacy_relext.formats.records import load_json
from spacy_relext.formats.types import Document


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .json files of a folder and the folders in it."""
    yield from distinct(read_all(_documents(find_files(path, (".json",)), reading.on_error), reading.on_error), reading.on_error)


def _documents(files: list[Path], on_error: OnError) -> Iterator[tuple[Callable[[], BioCDocument], Place]]:
    for file in files:
        try:
            entries = _entries(file)
        except DataError as error:
            on_error(error)
            continue
        for number, entry in enumerate(entries, start=1):
            yield partial(_parse, entry, number, file), (file, None)


def _entries(file: Path) -> list[Any]:
    try:
        made, _ = load_json(read_whole(file).decode("utf8"))
    except DataError:
        raise
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise DataError(f"not UTF-8 (byte {error.start} of the file). Convert the file to UTF-8.", path=file, line=line) from error
    except json.JSONDecodeError as error:
        raise DataError(f"not JSON ({error.msg}, column {error.colno}). Is the file truncated?", path=file, line=error.lineno) from error
    except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
        raise DataError(f"JSON that cannot be read ({error}).", path=file) from error
    entries = made.get("documents") if isinstance(made, dict) else None
    if not isinstance(entries, list):
        raise DataError("expected a collection: an object with a list 'documents'. Is this BioC?", path=file)
    return entries


def _parse(entry: Any, number: int, file: Path) -> BioCDocument:
    Record(file, number=number).check_keys(entry)
    try:
        return parse_doc(entry)
    except (KeyError, TypeError, AttributeError) as error:
        name = entry.get("id") if isinstance(entry, dict) else None
        raise ValueError(f"document {number}, id {name!r}: {type(error).__name__} {error}") from error


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
