"""The XML of five corpora of protein interactions: AIMed, BioInfer, HPRD50, IEPA, LLL (Pyysalo et al., BMC Bioinformatics 9:S6, 2008).

    <corpus source="HPRD50"><document id="X.d0"><sentence id="X.d0.s0" text="AbcA binds AbcB.">
      <entity id="X.d0.s0.e0" charOffset="0-3" text="AbcA" type="protein"/> <entity id="X.d0.s0.e1" charOffset="11-14" …/>
      <pair id="X.d0.s0.p0" e1="X.d0.s0.e0" e2="X.d0.s0.e1" interaction="True"/></sentence></document></corpus>

The files of Airola et al. (BMC Bioinformatics 9:S2, 2008) have a `pair` for each two entities of a sentence, and inclusive
ends. The interaction XML of TEES (Björne and Salakoski, BioNLP Shared Task, 2011) has an `interaction` with a `type` for those that
interact, and exclusive ends. Offsets count characters of the sentence. Which ends a document has is what makes its entities read as their
`text` says: the reading that fits most of them; an entity that it does not fit is left out with its relations, and counted. Where no
entity has a `text`, ends are inclusive.

`,` or `;` joins the parts of a discontinuous entity, which is kept as one stretch (offsets.py). The text of a document is that of its
sentences with a space between them. A relation has no direction; its head is `e1`. It is called as its `type` says, or else PPI. Pairs
with interaction="False", and interactions of the type neg, are negatives. Syntactic analyses are counted, and not read.

Files are read a document at a time: memory does not grow with them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from spacy_relext.errors import DataError
from spacy_relext.formats.corpora import UNTYPED, relate
from spacy_relext.formats.denials import is_denial
from spacy_relext.formats.files import find_files, read_errors
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.limits import CHUNK, limits, too_large
from spacy_relext.formats.offsets import one_stretch
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import MISPLACED, UNKNOWN, Document, Mention

LABEL, NEGATIVE = "PPI", "neg"
OFFSETS = re.compile(r"\d{1,18}-\d{1,18}(?:[,;]\d{1,18}-\d{1,18})*")
# What is added to the end of an offset that is inclusive, or exclusive.
ENDS = (1, 0)
READINGS = {1: "documents with inclusive ends of mentions", 0: "documents with exclusive ends of mentions"}
ANALYSES = ("parse", "parses", "tokenization")
TRUTHS = {"true": True, "1": True, "false": False, "0": False}

Element = ElementTree.Element
Parts = list[tuple[int, int]]


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read an XML file, or all .xml files of a folder and the folders in it."""
    return distinct(_documents(path, reading), reading.on_error)


def _documents(path: Path, reading: Reading) -> Iterator[Document]:
    for file in find_files(path, (".xml",)):
        try:
            for number, element in enumerate(_elements(file), start=1):
                try:
                    yield parse(element, file, number)
                except DataError as error:
                    reading.on_error(error)
        except DataError as error:  # of the file, which ends here
            reading.on_error(error)


def _elements(file: Path) -> Iterator[Element]:
    """The <document> elements of a file, each forgotten when the next one is asked for."""
    parser: Any = ElementTree.XMLPullParser(("start", "end"))
    root: Element | None = None
    n_bytes = 0
    with read_errors(file):
        opened = file.open("rb")
    with opened:
        is_open = True
        while is_open:
            with read_errors(file):
                chunk = opened.read(CHUNK)
            n_bytes += len(chunk)
            if n_bytes > limits().record:
                raise too_large("a <document>", file)
            is_open = bool(chunk)
            for event, element in _events(parser, chunk, file):
                root = element if root is None else root
                if root.tag not in ("corpus", "document"):
                    raise DataError(f"expected <corpus> with <document> elements, and saw <{root.tag}>.", path=file)
                if event == "end" and element.tag == "document":
                    yield element
                    n_bytes = 0
                    root.clear()


def _events(parser: Any, chunk: bytes, file: Path) -> Iterator[tuple[str, Element]]:
    """What begins and ends in a part of a file; an empty part ends it."""
    try:
        if chunk:
            parser.feed(chunk)
        else:
            parser.close()
        yield from parser.read_events()
    except ElementTree.ParseError as error:
        raise DataError(f"no well-formed XML: {error}. From there on nothing is read.", path=file, line=error.position[0]) from error
    except (LookupError, ValueError) as error:
        raise DataError(f"XML in an encoding that cannot be read: {error}. Convert the file to UTF-8.", path=file) from error


def parse(element: Element, file: Path, number: int) -> Document:
    """Make a document of its element.

    RAISES: DataError for anything that is not as the module's description says.
    """
    document = Document(element.get("id") or f"{file.stem}-{number}", "", relations=[], sentences=[], source=file, number=number)
    assert document.sentences is not None
    entities: list[tuple[Element, str, int, Parts]] = []
    for sentence in element.iter("sentence"):
        text = _attribute(sentence, "text", document)
        start = len(document.text) + bool(document.text)
        document.text += " " * bool(document.text) + text
        document.sentences.append((start, len(document.text)))
        entities += [(entity, text, start, _parts(entity, document)) for entity in sentence.iter("entity")]
    mentions = _mentions(document, entities, _ends(document, entities))
    for pair in (found for found in element.iter() if found.tag in ("pair", "interaction")):
        ends = [_attribute(pair, end, document) for end in ("e1", "e2")]
        head, tail = (mentions.get(end) for end in ends)
        label = _label(pair, document)
        if label and head and tail:
            relate(document, head, tail, label)
        elif label:
            document.leave_out(UNKNOWN)
    document.unsupported["syntactic analyses"] += sum(bool(len(found)) for name in ANALYSES for found in element.iter(name))
    return document


def _ends(document: Document, entities: list[tuple[Element, str, int, Parts]]) -> int:
    """What is to be added to the ends of the entities of a document."""
    named = [(name, text, parts) for entity, text, _, parts in entities if (name := entity.get("text")) is not None]
    fitting = {more: sum(_fits(name, text, parts, more) for name, text, parts in named) for more in ENDS}
    if not named:
        return ENDS[0]
    if fitting[0] == fitting[1]:
        name, text, parts = named[0]
        seen = " or ".join(repr(" ".join(text[a : b + more] for a, b in parts)) for more in ENDS)
        raise document.error(
            f"are the ends of its offsets inclusive or exclusive? In either way, {fitting[1]} of {len(named)} entities read as their text "
            f"says. The first is {name!r:.60}, and its characters are {seen:.130}."
        )
    more = max(ENDS, key=fitting.__getitem__)
    document.unsupported[READINGS[more]] += 1
    return more


def _mentions(document: Document, entities: list[tuple[Element, str, int, Parts]], more: int) -> dict[str, Mention | None]:
    """The mentions of a document, which it is given, by their ids; None for those that are left out."""
    mentions: dict[str, Mention | None] = {}
    taken = {(offset + a, offset + b + more) for _, _, offset, parts in entities if len(parts) == 1 for a, b in parts}
    for entity, text, offset, parts in entities:
        name = _attribute(entity, "id", document)
        if name in mentions:
            raise document.error(f"two entities have the id {name!r}.")
        mentions[name] = None
        if not _fits(entity.get("text"), text, parts, more):
            document.leave_out(MISPLACED)
            continue
        start, end = one_stretch(document, sorted((offset + a, offset + b + more) for a, b in parts), taken)
        mention = mentions[name] = Mention(name, start, end, entity.get("type") or UNTYPED)
        document.mentions.append(mention)
    return mentions


def _fits(name: str | None, text: str, parts: Parts, more: int) -> bool:
    """Whether the characters of an entity, whose ends are read so, are in its sentence, and what it is said to read."""
    if not all(0 <= start < end + more <= len(text) for start, end in parts):
        return False
    pieces = [text[start : end + more] for start, end in parts]
    whole = text[min(start for start, _ in parts) : max(end for _, end in parts) + more]
    # To an attribute of XML, a line end is a space.
    said = {re.sub(r"\s", " ", seen) for seen in (" ".join(pieces), "".join(pieces), whole)}
    return name is None or re.sub(r"\s", " ", name) in said


def _label(pair: Element, document: Document) -> str:
    """The label of a relation; an empty string for a negative."""
    said = pair.get("interaction", "true" if pair.tag == "interaction" else "")
    label = pair.get("type") or LABEL
    if said.lower() not in TRUTHS:
        raise document.error(
            f"<{pair.tag} id={pair.get('id')!r}>: interaction is {said!r:.60}; expected True or False. Is it of the format ddi?"
        )
    return "" if not TRUTHS[said.lower()] or label.lower() == NEGATIVE or is_denial(label) else label


def _attribute(element: Element, name: str, document: Document) -> str:
    value = element.get(name)
    if value is None:
        raise document.error(f"<{element.tag} id={element.get('id')!r}> has no attribute {name!r}.")
    return value


def _parts(entity: Element, document: Document) -> Parts:
    """First and last characters as they stand there."""
    text = _attribute(entity, "charOffset", document)
    if not OFFSETS.fullmatch(text):
        raise document.error(f'entity {entity.get("id")!r}: charOffset is {text!r:.60}; expected e.g. "10-19" or "10-14,20-25".')
    parts = [part.split("-") for part in re.split("[,;]", text)]
    return [(int(start), int(end)) for start, end in parts]
