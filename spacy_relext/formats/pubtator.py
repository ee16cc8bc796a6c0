r"""PubTator: title, abstract, mentions and relations of documents, an empty line after each (Wei et al., Nucleic Acids Res. 41:W518, 2013).

    101|t|Aspirin and headache.
    101|a|It was given often.
    101	0	7	Aspirin	Chemical	D001241
    101	12	20	headache	Disease	D006261
    101	CID	D001241	D006261

A mention has start, end, text, type and identifier, which may be left out; several identifiers, and those in which "|" stands, are told
apart by identifiers.py. Offsets count the characters of title, one character (here a space), abstract; ends are exclusive; where the
abstract is empty, the title alone is the text. Files that count otherwise are known by the texts of their mentions (offsets.py). Relations
hold between concepts, for the document as a whole: they become `concept_relations`, and those between mentions follow from them
(concepts.py). In a fifth field they are Novel or not (BioRED), which makes the attribute `novel`. A document without relations is one that
is annotated as having none: the format cannot tell. A label as No-rel denies one, between the mentions of
its concepts.

A line belongs to the document that its first field names, and a document ends where another one begins: empty lines do not count, and what
follows title and abstract may stand in any order. Left out, line by line, and counted: mentions beyond the text, relations with concepts
that no mention has, lines of other documents; of a folder, files without any such line, as a README.txt. The names of the parts of a
composite mention (a seventh field) and what else stands after the concepts of a relation are not held, which is counted. A file that is cut
off between two lines looks like a shorter file.

It writes the relations between concepts, and those between mentions that do not follow from them, as relations between the concepts of
their mentions; a mention without a concept is an error then. Of a document with relations of both kinds, those between mentions that do not
follow from the ones between concepts are counted, and so are pairs that follow and have none. Title is the first sentence, or all where
sentences are not known. Tabs and line ends become spaces, sentences, scores, long forms, ids of mentions and whether relations were
annotated are lost, which is counted (but for the ids).
"""

# bioc.pubtator is not used to read: it prints lines that it cannot read and goes on, strips lines and so moves offsets, keeps documents
# apart by empty lines alone, compares no text with its offsets, and names no line.

import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from pathlib import Path
from typing import BinaryIO

from spacy_relext.errors import DataError
from spacy_relext.formats.concepts import concepts_of, mention_relations, related_concepts
from spacy_relext.formats.cutting import Cut, Part, raw_lines
from spacy_relext.formats.files import find_files, whole_file
from spacy_relext.formats.identifiers import Stated, settle, to_field
from spacy_relext.formats.ids import distinct, named
from spacy_relext.formats.limits import Line, bounded_lines, is_blank, read_line, reported, reported_lines
from spacy_relext.formats.offsets import BEYOND, OffsetError, Said, fit_offsets, is_beyond
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.records import files_with, whole_number
from spacy_relext.formats.types import DETAILS, METADATA, NOVEL, AnnotatedRelation, Document, Mention

# How a line begins: of title or abstract, or of a mention.
SIGN = re.compile(rb"[^|\t]+(\|[ta]\||\t\d+\t\d+\t)")
HEADER = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
BY_CONCEPT = "documents annotated for relations between mentions alone (now between concepts)"
BETWEEN_MENTIONS = "relations between mentions (now between their concepts)"
FOLLOWING = "pairs of mentions without a relation whose concepts have one (now related)"
TITLES, CLOSE = "documents without a line for the abstract", "documents whose offsets count no character between title and abstract"
STRAY = "lines of other documents than the one before them"
# What the fifth field of a relation says of it.
NOVELTY = {"novel": True, "yes": True, "true": True, "no": False, "none": False, "false": False, "": False}
# Numbers of lines, and the lines.
Block = list[tuple[int, Line]]


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .txt and .pubtator files of a folder and the folders in it."""
    files = files_with(SIGN, find_files(path, (".txt", ".pubtator")), path, reading.leave_out)
    yield from distinct(_documents(files, reading), reading.on_error)


def _documents(files: Iterable[Path], reading: Reading) -> Iterator[Document]:
    for file in files:
        yield from _parse_lines(reported_lines(file, reading.on_error), file, reading)


def _parse_lines(lines: Iterable[tuple[int, Line]], file: Path, reading: Reading) -> Iterator[Document]:
    for block in _blocks(lines, file, reading):
        try:
            yield parse(block, file)
        except DataError as error:
            reading.on_error(error)


class _Kind(Enum):
    """What a line is.

    BLANK: Of no document. STRAY: Of another one than that before it. HEADER, BEGIN: With it one begins, and it is a header, or is none.
    PART: Of the one that has begun.
    """

    BLANK = auto()
    STRAY = auto()
    HEADER = auto()
    BEGIN = auto()
    PART = auto()


class _Sorter:
    """Which document a line belongs to: one begins at a header with another id, or at a second title or abstract."""

    def __init__(self) -> None:
        self._name, self._seen = b"", set[bytes]()
        self._is_begun = self._after_empty = False

    def sort(self, line: Line) -> _Kind:
        """What a line, without its end, is."""
        if is_blank(line):
            self._after_empty = True
            return _Kind.BLANK
        header = re.match(rb"([^|\t]+)\|([ta])\|", line) if isinstance(line, bytes) else None
        is_other = isinstance(line, bytes) and not header and b"\t" not in line and self._after_empty
        begins = not self._is_begun or is_other or (header is not None and (header[1] != self._name or header[2] in self._seen))
        self._after_empty = False
        if begins:
            self._seen, self._is_begun = set(), False
        if header:
            self._name = header[1]
            self._seen.add(header[2])
        elif isinstance(line, bytes) and b"\t" in line and (not self._seen or line.split(b"\t")[0] != self._name):
            return _Kind.STRAY
        self._is_begun = True
        return _Kind.PART if not begins else _Kind.HEADER if header else _Kind.BEGIN


def _stripped(raw: Line) -> Line:
    """A line without its end, and without the byte order mark that each of several files may have had that were put together."""
    return raw.removeprefix(BOM_UTF8).removesuffix(b"\n").removesuffix(b"\r") if isinstance(raw, bytes) else raw


def _blocks(lines: Iterable[tuple[int, Line]], file: Path, reading: Reading) -> Iterator[Block]:
    """The lines of each document."""
    block: Block = []
    sorter = _Sorter()
    for number, raw in lines:
        line = _stripped(raw)
        kind = sorter.sort(line)
        if kind is _Kind.STRAY:
            reading.leave_out(STRAY, f"{file}:{number}")
        elif kind is not _Kind.BLANK:
            if kind is not _Kind.PART and block:
                yield block
                block = []
            block.append((number, line))
    if block:
        yield block


class _PubTatorCutter:
    """Cuts a file before the headers of documents: what a header begins does not depend on what stands before it."""

    def cut(self, file: BinaryIO, path: Path, options: Options) -> Iterator[Cut]:
        """As `Cutter` says."""
        sorter, n_documents, is_begin = _Sorter(), 0, True
        for raw, line, is_whole in raw_lines(file, path):
            if is_begin:
                kind = sorter.sort(_stripped(line))
                if kind is _Kind.HEADER and n_documents:
                    yield Cut(b"", n_documents)
                    n_documents = 0
                n_documents += kind in (_Kind.HEADER, _Kind.BEGIN)
            yield Cut(raw)
            is_begin = is_whole
        if n_documents:
            yield Cut(b"", n_documents)

    def read(self, body: BinaryIO, part: Part, reading: Reading) -> Iterator[Document]:
        """As `Cutter` says."""
        return _parse_lines(reported(bounded_lines(body, part.path, part.first_line), reading.on_error), part.path, reading)


CUTTER = _PubTatorCutter()


def parse(block: Block, file: Path) -> Document:
    """Make a document of its lines.

    RAISES: DataError with file and line for anything that is not as the module's description says.
    """
    lines: list[tuple[int, str]] = []
    for number, raw in block:
        try:
            lines.append((number, read_line(raw).decode("utf8")))
        except UnicodeDecodeError as error:
            raise DataError(f"not UTF-8 (byte {error.start} of the line). Convert the file.", path=file, line=number) from error
    first = lines[0][0]
    headers = {match[2]: match for _, line in lines if (match := HEADER.fullmatch(line))}
    if "t" not in headers:
        raise DataError(
            f"expected 101|t|title and 101|a|abstract, of one document, and saw {lines[0][1]!r:.60}. Is the file truncated?",
            path=file,
            line=first,
        )
    title, abstract = (headers[key][3] if key in headers else "" for key in "ta")
    document = Document(next(iter(headers.values()))[1], title, source=file, line=first, concept_relations=[])
    document.unsupported[TITLES] += "a" not in headers
    mentions: list[tuple[int, list[str]]] = []
    stated: list[Stated] = []
    for number, line in lines:
        try:
            if re.search(r"\r[^|\t\r]+(\|a\||\t)", line):
                raise ValueError("its lines end with CR alone, and not with LF. Convert the ends of lines.")
            if not HEADER.fullmatch(line):
                _sort(line.split("\t"), number, mentions, stated, document)
        except ValueError as error:
            raise DataError(f"document {document.id!r}: {error}", path=file, line=number) from error
    document.text = f"{title} {abstract}" if abstract else title
    _add_mentions(document, mentions, [document.text, *([title + abstract] if abstract else [])])
    fields = [by_id[5] if len(by_id) > 5 else "" for by_id in (fields for _, fields in mentions)]
    document.concept_relations, _ = settle(document, fields, stated)
    return document


def _sort(fields: list[str], number: int, mentions: list[tuple[int, list[str]]], stated: list[Stated], document: Document) -> None:
    """Add a line to the mentions or to the relations.

    RAISES: ValueError for what cannot be right.
    """
    if len(fields) >= 4 and fields[1].isdecimal() and fields[2].isdecimal():
        if len(fields) > 7:
            raise ValueError(
                f"saw {len(fields)} fields; a mention has 5 to 7: document, start, end, text, type, identifier, names of its parts."
            )
        if not any(fields[4:5]):
            raise ValueError(f"the mention {fields[3]!r} has no type.")
        mentions.append((number, fields))
        document.unsupported["names of the parts of composite mentions"] += len(fields) == 7
    elif len(fields) >= 4 and all(fields[:2]):
        novel = NOVELTY.get(fields[4].strip().casefold()) if len(fields) > 4 else False
        document.unsupported["fields after the concepts of a relation"] += novel is None or len(fields) > 5
        relation = AnnotatedRelation(fields[2], fields[3], fields[1], attributes=(NOVEL,) if novel else ())
        stated.append(Stated(relation, number))
    else:
        raise ValueError(
            f"saw {len(fields)} fields; expected document, start, end, text, type, identifier of a mention, or document, label, head, tail "
            "of a relation, with tabs between them. Is the file truncated?"
        )


def _add_mentions(document: Document, mentions: list[tuple[int, list[str]]], texts: list[str]) -> None:
    """Add the mentions of their lines to a document, and leave out those beyond the text; of these texts, its own is the one that fits.

    RAISES: DataError where no text and no way of counting fits.
    """
    for number, fields in mentions:
        try:
            whole_number(fields[1]), whole_number(fields[2])
        except ValueError as error:
            raise DataError(f"document {document.id!r}: {error}", path=document.source, line=number) from error
    said = [Said(f"T{i}", [(int(fields[1]), int(fields[2]))], fields[3]) for i, (_, fields) in enumerate(mentions, start=1)]
    failed: OffsetError | None = None
    for text in texts:
        for taken in (said, [one for one in said if not is_beyond(text, one)]):
            try:
                fit = fit_offsets(text, taken)
            except OffsetError as error:
                failed = failed or error
                continue
            break
        else:
            continue
        break
    else:
        assert failed is not None
        raise DataError(f"document {document.id!r}: {failed}", path=document.source, line=mentions[failed.index][0])
    document.unsupported[CLOSE] += text != document.text
    document.text = text
    document.unsupported.update(fit.counts)
    places = {one.name: parts[0] for one, parts in zip(taken, fit.places, strict=True)}
    kept = []
    for one, (number, fields) in zip(said, mentions, strict=True):
        if one.name in places:
            document.mentions.append(Mention(one.name, *places[one.name], fields[4]))
            kept.append((number, fields))
        else:
            document.leave_out(BEYOND, number)
    mentions[:] = kept


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
            lost += document.count_unsupported(
                "sentences",
                "scores of relations",
                "long forms of abbreviations",
                "documents not annotated for relations (now with none)",
                METADATA,
                *DETAILS,
            )
            # Novelty is held.
            lost["attributes of relations"] -= sum(r.attributes == (NOVEL,) for r in document.all_relations)
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
        concept = field(to_field(concepts_of(m)), "identifier")
        lines.append("\t".join([name, str(m.start), str(m.end), text[m.start : m.end], field(m.type, "type"), concept]))
    known = document.concept_relations or []
    more, left = related_concepts(document.mentions, document.relations or [], known)
    if left:
        raise document.error(
            f"{len(left)} of its relations are with a mention that has no concept identifier, and PubTator relates concepts. Give mentions "
            "a kb_id, or export to brat, biocxml or biocjson."
        )
    if document.concept_relations is None:
        lost[BETWEEN_MENTIONS] += len(document.relations or ())
        lost[BY_CONCEPT] += document.relations is not None
    related = [*known, *more]
    if document.relations is not None and document.concept_relations is not None:
        # Those that follow from relations between concepts come back, and no others.
        own = {(r.head, r.tail, r.label) for r in document.relations}
        following, all_following = (
            {(r.head, r.tail, r.label) for r in mention_relations(document.mentions, some, document.sentences, Counter())}
            for some in (known, related)
        )
        lost[BETWEEN_MENTIONS] += len(own - following)
        lost[FOLLOWING] += len(all_following - own)
    tells = any(NOVEL in relation.attributes for relation in related)
    for relation in related:
        novelty = ["Novel" if NOVEL in relation.attributes else "No"] if tells else []
        ends = [field(to_field([end]), "concept") for end in (relation.head, relation.tail)]
        lines.append("\t".join([name, field(relation.label, "label"), *ends, *novelty]))
    return lines
