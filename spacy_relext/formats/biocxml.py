"""BioC XML: collections of documents, read and written by the library bioc. What is read and written is in biocmodel.py."""

# Of the library, `load` makes a whole collection, or fails as a whole and without a line; its reader by document ends where the file is cut
# off as if it were complete. So lxml, on which it is built, cuts the file into documents, whose lines are then known (beyond line
# 65,535, libxml2 may be off by one).

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from bioc import BioCDocument, biocxml
from lxml import etree

from spacy_relext.errors import DataError
from spacy_relext.formats.biocmodel import Origin, collection, count_unsupported, to_bioc
from spacy_relext.formats.biocread import read_all
from spacy_relext.formats.files import find_files, whole_file
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.limits import read_whole
from spacy_relext.formats.reading import OnError, Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import Document

# Attributes that may be missing, and that the library wants.
NEEDED = {"annotation": ("id",), "node": ("role",)}


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .xml files of a folder and the folders in it."""
    yield from distinct(read_all(_documents(find_files(path, (".xml",)), reading.on_error, path), reading), reading.on_error)


def _documents(files: list[Path], on_error: OnError, root: Path) -> Iterator[tuple[Callable[[], BioCDocument], Origin]]:
    for file in files:
        try:
            elements = _elements(file)
        except DataError as error:
            on_error(error)
            continue
        for number, element in enumerate(elements, start=1):
            yield partial(_parse, element), (file, element.sourceline, Place(file, number=number, root=root).default_id, number)


def _elements(file: Path) -> list[etree._Element]:
    # Without comments: the library would end a text at the first one. No DTD or entity is fetched, from the disk or elsewhere.
    parser = etree.XMLParser(remove_comments=True, remove_pis=True, resolve_entities=False, load_dtd=False, no_network=True)
    try:
        root = etree.fromstring(read_whole(file), parser)
    except etree.XMLSyntaxError as error:
        raise DataError(
            f"no well-formed XML: {error.msg}. Is the file truncated, or not UTF-8?", path=file, line=error.lineno or 1
        ) from error
    found = list(root.iter("document"))
    if root.tag != "collection" and not found:
        raise DataError(
            f"expected <collection> with <document> elements, and saw <{root.tag}>. Is this BioC?", path=file, line=root.sourceline
        )
    return found


def _parse(element: etree._Element) -> BioCDocument:
    """The library's document of an element.

    RAISES: ValueError for what the library would pass over; whatever the library raises.
    """
    for parent in element.iter():
        if not isinstance(parent.tag, str):
            raise ValueError(f"line {parent.sourceline}: it refers to the entity {parent.text}, which is not read")
        keys = Counter(child.get("key") for child in parent.findall("infon"))
        if keys and max(keys.values()) > 1:
            raise ValueError(f"line {parent.sourceline}: <{parent.tag}> has several infons {keys.most_common(1)[0][0]!r}")
        for name in NEEDED.get(parent.tag, ()):
            if name not in parent.attrib:
                parent.attrib[name] = ""
    shell = etree.Element("collection")
    shell.append(element)
    return biocxml.loads(etree.tostring(shell, encoding="unicode")).documents[0]


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a file.

    RETURNS: What the format cannot hold, counted.
    """
    lost: Counter[str] = Counter()

    def checked() -> Iterator[Document]:
        for document in documents:
            try:
                biocxml.encoder.encode_document(to_bioc(document, document.id))
            except ValueError as error:
                raise document.error(f"XML cannot hold it: {error} Export to biocjson.") from error
            lost.update(count_unsupported(document))
            yield document

    made = collection(checked())
    with whole_file(path) as file:
        biocxml.dump(made, file)
    return lost
