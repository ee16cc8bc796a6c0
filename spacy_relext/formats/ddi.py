"""DDIExtraction 2013: a folder of XML files, one document each (Herrero-Zazo et al., J. Biomed. Inform. 46:914, 2013).

In the files, `charOffset` is relative to the sentence and its end is inclusive; `;` joins the parts of a discontinuous mention, which is
kept as the stretch from its first to its last character; where another mention has that stretch ("A and B salts"), its longest part is
kept; both are counted. A `pair` with ddi="true" is a relation between e1 and e2, without a direction; that of an entity that is not there
is left out, and counted. One such pair of the training part has no type: it is read as `int`, the corpus's label for an interaction without
detail.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

from spacy_relext.errors import DataError
from spacy_relext.formats.files import find_files, whole_folder
from spacy_relext.formats.ids import NewFiles, distinct, named
from spacy_relext.formats.limits import read_whole
from spacy_relext.formats.offsets import one_stretch
from spacy_relext.formats.reading import OnError, Reading
from spacy_relext.formats.types import DETAILS, METADATA, AnnotatedRelation, Document, Mention
from spacy_relext.notices import counted_name

UNTYPED = "int"
NO_SPACE = "sentences without white space after them (now with a space)"


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read an XML file, or all XML files of a folder and the folders in it."""
    yield from distinct(_documents(path, reading.on_error), reading.on_error)


def _documents(path: Path, on_error: OnError) -> Iterator[Document]:
    for file in find_files(path, (".xml",), "Expected a folder such as DDICorpus/Train."):
        try:
            yield parse(file)
        except DataError as error:
            on_error(error)


def parse(file: Path) -> Document:
    """Make a document of one XML file. Its text is that of its sentences, each with a space after it where it has no white space."""
    raw = read_whole(file)
    try:
        root = ElementTree.fromstring(raw)
    except ElementTree.ParseError as error:
        raise DataError(f"no well-formed XML: {error}.", path=file, line=error.position[0]) from error
    except (LookupError, ValueError) as error:
        raise DataError(f"XML in an encoding that cannot be read: {error}. Convert the file to UTF-8.", path=file) from error
    if root.tag != "document" or root.find("sentence") is None:
        raise DataError(f"expected <document> with <sentence> elements, and saw <{root.tag}>. Is this a file of DDICorpus?", path=file)
    document = Document(root.get("id", file.stem), "", relations=[], sentences=[], source=file)
    assert document.relations is not None
    assert document.sentences is not None
    for sentence in root.iter("sentence"):
        text = _attribute(sentence, "text", file)
        offset = len(document.text)
        document.sentences.append((offset, offset + len(text)))
        document.text += text if text[-1:].isspace() or not text else text + " "
        entities = [(entity, _parts(entity, file)) for entity in sentence.iter("entity")]
        taken = {parts[0] for _, parts in entities if len(parts) == 1}
        for entity, parts in entities:
            start, end = one_stretch(document, parts, taken)
            if end > len(text):
                name, place = entity.get("id"), entity.get("charOffset")
                raise DataError(
                    f"entity {name!r}: charOffset is {place!r}, and its sentence has {counted_name(len(text), 'characters')}.",
                    path=file,
                )
            document.mentions.append(
                Mention(_attribute(entity, "id", file), offset + start, offset + end, _attribute(entity, "type", file))
            )
        for pair in sentence.iter("pair"):
            if _attribute(pair, "ddi", file) == "true":
                head, tail = _attribute(pair, "e1", file), _attribute(pair, "e2", file)
                document.relations.append(AnnotatedRelation(head, tail, pair.get("type", UNTYPED)))
    document.sentences = document.sentences if document.text else []
    return document


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write one XML file per document into a new folder. Pairs are all unordered pairs of mentions of a sentence, as in the corpus.

    RETURNS: What the format cannot hold, counted.
    """
    lost: Counter[str] = Counter()
    with whole_folder(path) as folder:
        files = NewFiles(folder, ".xml")
        for name, document in named(documents):
            root = _element(document, name, lost)
            ElementTree.indent(root)
            ElementTree.ElementTree(root).write(files.add(document, name), encoding="UTF-8", xml_declaration=True)
            lost += document.count_unsupported(
                "scores of relations",
                "concept identifiers",
                "long forms of abbreviations",
                "relations between concepts",
                "documents not annotated for relations (now with none)",
                METADATA,
                *DETAILS,
            )
    return lost


def _element(document: Document, name: str, lost: Counter[str]) -> ElementTree.Element:
    """The element of a document. RAISES: DataError for what the format cannot hold."""
    if document.sentences is None and document.text:
        raise document.error("it has no sentences, and the DDI format is by sentence. Add a sentencizer to the pipeline.")
    control = re.search(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", document.text)
    if control:
        raise document.error(f"XML cannot hold the character {control[0]!r} at {control.start()}. Export to biocjson.")
    relations = {frozenset((r.head, r.tail)): r for r in document.relations or ()}
    root = ElementTree.Element("document", id=name)
    written = 0
    # What stands before the first sentence becomes part of it, and what stands after one part of that.
    bounds = [0, *(start for start, _ in (document.sentences or ())[1:]), len(document.text)]
    for i, (start, end) in enumerate(pairwise(bounds)):
        sentence_id = f"{name}.s{i}"
        # A space after what is no white space is what reading adds.
        text = re.sub(r"(?<=\S) \Z", "", document.text[start:end])
        lost[NO_SPACE] += len(text) == end - start > 0 and not text[-1].isspace()
        sentence = ElementTree.SubElement(root, "sentence", id=sentence_id, text=text)
        mentions = [m for m in document.mentions if start <= m.start < end]
        ids = {m.id: f"{sentence_id}.e{j}" for j, m in enumerate(mentions)}
        for m in mentions:
            if m.end > start + len(text):
                raise document.error(
                    f"the mention {document.text[m.start : m.end]!r:.60} runs across sentences: the DDI format cannot hold it."
                )
            place = f"{m.start - start}-{m.end - start - 1}"
            ElementTree.SubElement(sentence, "entity", id=ids[m.id], charOffset=place, type=m.type, text=document.text[m.start : m.end])
        for j, (a, b) in enumerate(combinations(mentions, 2)):
            relation = relations.get(frozenset((a.id, b.id)))
            written += relation is not None
            head, tail = (a.id, b.id) if relation is None else (relation.head, relation.tail)
            pair = ElementTree.SubElement(sentence, "pair", id=f"{sentence_id}.p{j}", e1=ids[head], e2=ids[tail], ddi="false")
            if relation is not None:
                pair.attrib.update(ddi="true", type=relation.label)
    if written != len(document.relations or ()):
        raise document.error(
            f"{len(document.relations or ()) - written} of its relations run across sentences, or share a pair with another: the DDI "
            "format cannot hold them."
        )
    return root


def _attribute(element: ElementTree.Element, name: str, file: Path) -> str:
    value = element.get(name)
    if value is None:
        raise DataError(f"<{element.tag} id={element.get('id')!r}> has no attribute {name!r}.", path=file)
    return value


def _parts(entity: ElementTree.Element, file: Path) -> list[tuple[int, int]]:
    text = _attribute(entity, "charOffset", file)
    if not re.fullmatch(r"\d{1,18}-\d{1,18}(;\d{1,18}-\d{1,18})*", text):
        raise DataError(f'entity {entity.get("id")!r}: charOffset is {text!r:.60}; expected e.g. "10-19" or "10-14;20-25".', path=file)
    parts = [part.split("-") for part in text.split(";")]
    return sorted((int(start), int(end) + 1) for start, end in parts)
