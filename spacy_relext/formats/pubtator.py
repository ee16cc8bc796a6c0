r"""PubTator: title, abstract, mentions and relations of documents, an empty line after each (Wei et al., Nucleic Acids Res. 41:W518, 2013).

    101|t|Aspirin and headache.
    101|a|It was given often.
    101	0	7	Aspirin	Chemical	D001241
    101	12	20	headache	Disease	D006261
    101	CID	D001241	D006261

A mention has start, end, text, type and identifier; identifiers of several concepts are joined with |, and -1 says that there is none.
Offsets count the characters of title, one character (here a space), abstract; ends are exclusive; where the abstract is empty, the title
alone is the text. Relations hold between concepts, for the document as a whole: they become `concept_relations`, and those between mentions
follow from them (concepts.py). A document without relations is one that is annotated as having none: the format cannot tell.

The names of the parts of a composite mention (a seventh field) and what stands after the concepts of a relation are not held, which is
counted. A file that is cut off between two lines looks like a shorter file.

Written are the relations between concepts, and those between mentions that do not follow from them, as relations between the concepts of
their mentions; where a mention has none, that is an error. Title is the first sentence, or all where sentences are not known. Tabs and line
ends become spaces, sentences, scores, long forms, ids of mentions and whether relations were annotated are lost, which is counted (but
for the ids).
"""

# bioc.pubtator is not used to read: it prints lines that it cannot read and goes on, strips lines and so moves offsets, keeps documents
# apart by empty lines alone, compares no text with its offsets, and names no line.

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats.concepts import NO_CONCEPT, concepts_of, related_concepts
from spacy_relext.formats.files import find_files, whole_file
from spacy_relext.formats.ids import distinct, named
from spacy_relext.formats.limits import Line, is_blank, read_line, reported_lines
from spacy_relext.formats.offsets import check_parts
from spacy_relext.formats.reading import OnError, Reading
from spacy_relext.formats.records import whole_number
from spacy_relext.formats.types import DETAILS, AnnotatedRelation, Document, Mention

HEADER = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
BY_CONCEPT = "documents annotated for relations between mentions alone (now between concepts)"
# Numbers of lines, and the lines.
Block = list[tuple[int, Line]]


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .txt and .pubtator files of a folder and the folders in it."""
    yield from distinct(_documents(find_files(path, (".txt", ".pubtator")), reading.on_error), reading.on_error)


def _documents(files: list[Path], on_error: OnError) -> Iterator[Document]:
    for file in files:
        for block in _blocks(reported_lines(file, on_error)):
            try:
                yield parse(block, file)
            except DataError as error:
                on_error(error)


def _blocks(lines: Iterable[tuple[int, Line]]) -> Iterator[Block]:
    block: Block = []
    for number, line in lines:
        if not is_blank(line):
            block.append((number, line.removesuffix(b"\n").removesuffix(b"\r") if isinstance(line, bytes) else line))
        elif block:
            yield block
            block = []
    if block:
        yield block


def parse(block: Block, file: Path) -> Document:
    """Make a document of its lines.

    RAISES: DataError with file and line for anything that is not as the module's description says.
    """
    first = block[0][0]
    lines: list[tuple[int, str]] = []
    for number, raw in block:
        try:
            lines.append((number, read_line(raw).decode("utf8")))
        except UnicodeDecodeError as error:
            raise DataError(f"not UTF-8 (byte {error.start} of the line). Convert the file.", path=file, line=number) from error
    headers = [HEADER.fullmatch(line) for _, line in lines[:2]]
    match headers:
        case [re.Match() as title, re.Match() as abstract] if title[2] + abstract[2] == "ta" and title[1] == abstract[1]:
            pass
        case _:
            raise DataError(
                f"expected 101|t|title and 101|a|abstract, of one document, and saw {lines[0][1]!r:.60}. Is the file truncated?",
                path=file,
                line=first,
            )
    text = f"{title[3]} {abstract[3]}" if abstract[3] else title[3]
    document = Document(title[1], text, source=file, line=first, concept_relations=[])
    for number, line in lines[2:]:
        try:
            _add(document, line.split("\t"))
        except ValueError as error:
            raise DataError(f"document {document.id!r}: {error}", path=file, line=number) from error
    known = {concept for mention in document.mentions for concept in concepts_of(mention)}
    for (number, _), relation in zip(_relation_lines(lines), document.concept_relations or (), strict=True):
        for concept in (relation.head, relation.tail):
            if concept not in known:
                raise DataError(f"document {document.id!r}: no mention has the concept {concept!r}.", path=file, line=number)
    return document


def _relation_lines(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return [(number, line) for number, line in lines[2:] if not _is_mention(line.split("\t"))]


def _is_mention(fields: list[str]) -> bool:
    return len(fields) >= 5 and fields[1].isdecimal() and fields[2].isdecimal()


def _add(document: Document, fields: list[str]) -> None:
    """Add what a line says.

    RAISES: ValueError for what cannot be right.
    """
    if fields[0] != document.id:
        raise ValueError(f"saw {fields[0]!r:.60} at the start of the line; expected {document.id!r}, or an empty line between documents.")
    if _is_mention(fields):
        if len(fields) > 7:
            raise ValueError(
                f"saw {len(fields)} fields; a mention has 5 to 7: document, start, end, text, type, identifier, names of its parts."
            )
        start, end, expected, kind = whole_number(fields[1]), whole_number(fields[2]), fields[3], fields[4]
        name = f"T{len(document.mentions) + 1}"
        wrong = check_parts(document, name, [(start, end)], expected)
        if wrong:
            raise ValueError(wrong)
        if not kind:
            raise ValueError(f"mention {name!r} ({expected!r}) has no type.")
        concept = fields[5].strip() if len(fields) > 5 else ""
        document.mentions.append(Mention(name, start, end, kind, "" if concept == NO_CONCEPT else concept))
        document.not_held["names of the parts of composite mentions"] += len(fields) == 7
    elif len(fields) in (4, 5) and all(fields[:4]):
        assert document.concept_relations is not None
        document.concept_relations.append(AnnotatedRelation(fields[2].strip(), fields[3].strip(), fields[1]))
        document.not_held["fields after the concepts of a relation"] += len(fields) == 5
    else:
        raise ValueError(
            f"saw {len(fields)} fields; expected document, start, end, text, type, identifier of a mention, or document, label, head, tail "
            "of a relation, with tabs between them. Is the file truncated?"
        )


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a file.

    RETURNS: What the format cannot hold, counted.
    """
    lost: Counter[str] = Counter()
    with whole_file(path) as file:
        for name, document in named(documents):
            if re.search(r"[|\t\r\n]", name):
                raise document.error("PubTator needs ids without |, tabs and line ends. Rename the document before exporting.")
            file.write("\n".join(_lines(name, document, lost)) + "\n\n")
            lost += document.losses(
                "sentences",
                "scores of relations",
                "long forms of abbreviations",
                "documents not annotated for relations (now with none)",
                *DETAILS,
            )
    return lost


def _lines(name: str, document: Document, lost: Counter[str]) -> list[str]:
    text = re.sub(r"[\t\r\n]", " ", document.text)
    lost["tabs and line ends (now spaces)"] += sum(a != b for a, b in zip(text, document.text, strict=True))
    # The title ends with the first sentence. One character must stand between it and the abstract, which must not be empty.
    end = (document.sentences[1][0] - 1) if document.sentences and len(document.sentences) > 1 else len(text)
    if text[end : end + 1] != " " or end + 1 == len(text):
        end = len(text)
    lines = [f"{name}|t|{text[:end]}", f"{name}|a|{text[end + 1 :]}"]

    def field(value: str, what: str) -> str:
        if not value or re.search(r"[\t\r\n]", value):
            raise document.error(f"the {what} {value!r} is empty or has a tab or line end, which PubTator does not allow.")
        return value

    for m in document.mentions:
        concept = field(m.kb_id or NO_CONCEPT, "identifier")
        lines.append("\t".join([name, str(m.start), str(m.end), text[m.start : m.end], field(m.type, "type"), concept]))
    known = document.concept_relations or []
    more, left = related_concepts(document.mentions, document.relations or [], known)
    if left:
        raise document.error(
            f"{len(left)} of its relations are with a mention that has no concept identifier, and PubTator relates concepts. Give mentions "
            "a kb_id, or export to brat, biocxml or biocjson."
        )
    if document.concept_relations is None:
        lost["relations between mentions (now between their concepts)"] += len(document.relations or ())
        lost[BY_CONCEPT] += document.relations is not None
    for relation in [*known, *more]:
        lines.append("\t".join([name, field(relation.label, "label"), field(relation.head, "concept"), field(relation.tail, "concept")]))
    return lines
