r"""brat standoff: a folder with a .txt and an .ann file per document (Stenetorp et al., EACL demonstrations, 2012).

    T1	DRUG 0 7	Aspirin                   a mention: type, offsets (several with ; between), text
    R1	RAISES Arg1:T1 Arg2:T2            a relation: head, tail, by their roles
    E1	INHIBITS:T4 Agent:T1 Theme:T2     an event: its type and trigger, and arguments with their roles
    N1	Reference T1 MESH:D001241	aspirin   an identifier of the concept of a mention
    #1	Score R1	0.87                      ours: the score of a relation that is not 1

The id of a document is its place in the folder without .txt. Offsets count characters of the file as it is, with both of CR LF; ends are
exclusive. A .txt without .ann is a document that is not annotated for relations; with an .ann, an empty one too, it is.

A discontinuous mention is kept as ddi.py keeps it, and counted unless white space alone is left out: brat itself cuts a mention at a line
end, and so do we. Which argument of a relation is its head is decided by the roles (roles.py). An event with exactly two mentions as
arguments is a relation between them, whose roles are not held, nor is which mention was its trigger. Other events, and relations to
relations or events, are errors. Attributes (A, M), notes (#), equivalences (*), and the names of N are not held, which is counted.

Written are T, R, N and scores. Ids of mentions are given anew. brat knows no sentences, long forms and relations between concepts; a
document with mentions that is not annotated for relations becomes one that has none; an id that is no file name is changed. All this is
counted. Types, labels and identifiers must be free of white space.
"""

# bioc.brat is not used to read: it asserts instead of raising errors, names no line, translates line ends before it counts, skips lines
# of kinds that it does not know (N among them), and of two arguments with one role keeps one.

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats.concepts import concepts_of
from spacy_relext.formats.files import files_in, whole_folder
from spacy_relext.formats.identifiers import join
from spacy_relext.formats.ids import NewFiles, named
from spacy_relext.formats.offsets import check_parts, stretch
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.texts import whole_text
from spacy_relext.formats.types import DETAILS, AnnotatedRelation, Document, Mention

LINES = {
    "T": (re.compile(r"(T\S+)\t(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*)\t(.*)"), "T1, tab, type, start and end, tab, text"),
    "R": (re.compile(r"(R\S+)\t(\S+) ([^\s:]+):(\S+) ([^\s:]+):(\S+)\s*"), "R1, tab, label, Arg1:T1, Arg2:T2"),
    "E": (re.compile(r"(E\S+)\t([^\s:]+):(\S+)((?: [^\s:]+:\S+)*)\s*"), "E1, tab, type:trigger, and Role:T1 for each argument"),
    "N": (re.compile(r"(N\S+)\t\S+ (\S+) (\S+)(?:\t(.*))?"), "N1, tab, Reference, T1, DATABASE:ID, tab, name"),
    "#": (re.compile(r"(#\S*)\t(\S+) (\S+)(?:\t(.*))?"), "#1, tab, type of note, T1, tab, note"),
}
# What else there is, and its name in reports.
NOT_HELD = {"A": "brat attributes (A, M)", "M": "brat attributes (A, M)", "*": "brat equivalences (*)"}
SCORE = "Score"


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read the .txt and .ann file of a document, of which either is named, or all of a folder and the folders in it."""
    folder, found = (path, files_in(path)) if path.is_dir() else (path.parent, iter([path]))
    files = sorted({file.with_name(file.name[:-4] + ".txt") for file in found if file.suffix in (".txt", ".ann")})
    if not files:
        raise DataError("expected a folder with .txt and .ann files, or one of them; there is none.", path=path)
    for file in files:
        try:
            yield parse(file, folder, reading)
        except DataError as error:
            reading.on_error(error)


def parse(file: Path, folder: Path, reading: Reading) -> Document:
    """Make a document of a .txt file and the .ann file beside it.

    RAISES: DataError with file and line for anything that is not as the module's description says.
    """
    stem = file.name[:-4]
    annotation = file.with_name(stem + ".ann")
    if not file.exists():
        raise DataError(f"there is no {file.name} beside it, with the text that it annotates.", path=annotation)
    document = Document((file.parent.relative_to(folder) / stem).as_posix(), whole_text(file), source=file)
    if annotation.exists():
        document.source = annotation
        _annotate(document, whole_text(annotation), annotation, reading)
    elif file.with_name(stem + ".a1").exists():
        raise DataError(f"{stem}.a1 is beside it, and no .ann. Join {stem}.a1 and {stem}.a2 to {stem}.ann.", path=file)
    return document


def _annotate(document: Document, text: str, file: Path, reading: Reading) -> None:
    """Add what an .ann file says. Lines may refer to later ones, so mentions are made first, then relations, then what is said of both."""
    rows: dict[str, dict[int, tuple[str, ...]]] = {kind: {} for kind in LINES}
    ids: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        kind = line[:1]
        if not line.strip():
            continue
        if kind in NOT_HELD:
            document.not_held[NOT_HELD[kind]] += 1
            continue
        if kind not in LINES:
            raise DataError(f"saw {line!r:.60}; expected a line that begins with T, R, E, N, A, M, # or *.", path=file, line=number)
        pattern, form = LINES[kind]
        match = pattern.fullmatch(line)
        if match is None:
            raise DataError(f"saw {line!r:.80}; expected {form}. Relations have two arguments.", path=file, line=number)
        if kind in "TRE" and ids.setdefault(match[1], number) != number:
            raise DataError(f"{match[1]} is in line {ids[match[1]]} already.", path=file, line=number)
        rows[kind][number] = match.groups(default="")

    def checked(name: str, number: int, *kinds: str) -> str:
        if name not in ids:
            raise DataError(f"it refers to {name!r}, and there is no such line.", path=file, line=number)
        if name[0] not in kinds:
            raise DataError(f"it refers to {name}; expected a mention (T). Relations to relations cannot be held.", path=file, line=number)
        return name

    taken: set[tuple[int, int]] = set()
    mentions: dict[str, Mention] = {}
    for number, (name, kind, offsets, expected) in rows["T"].items():
        parts = sorted((int(start), int(end)) for start, end in (part.split() for part in offsets.split(";")))
        wrong = check_parts(document, name, parts, expected)
        if wrong:
            raise DataError(wrong, path=file, line=number)
        start, end = stretch(parts, taken)
        taken.add((start, end))
        gaps = (document.text[a[1] : b[0]] for a, b in pairwise(parts))
        document.not_held["discontinuous mentions (kept as one stretch)"] += any(gap.strip() for gap in gaps)
        mentions[name] = Mention(name, start, end, kind)
    relations: dict[str, AnnotatedRelation] = {}
    for number, (name, label, *said) in rows["R"].items():
        ends = [(role, checked(argument, number, "T")) for role, argument in (said[:2], said[2:])]
        relations[name] = AnnotatedRelation(*reading.roles.direct(label, ends, file, number), label)
    for number, (name, label, trigger, arguments) in rows["E"].items():
        checked(trigger, number, "T")
        ends = [(role, checked(to, number, "T")) for role, _, to in (argument.partition(":") for argument in arguments.split())]
        if len(ends) != 2:
            raise DataError(
                f"the event {name} has {len(ends)} arguments. An event is read as a relation, which has two.", path=file, line=number
            )
        relations[name] = AnnotatedRelation(*reading.roles.direct(label, ends, file, number), label)
        document.not_held["triggers of events"] += 1
    concepts: dict[str, list[str]] = {}
    for number, (_, name, concept, title) in rows["N"].items():
        concepts.setdefault(checked(name, number, "T"), []).append(concept)
        document.not_held["names of concepts (N)"] += bool(title) and title != _name(document, mentions[name])
    for number, (_, kind, name, note) in rows["#"].items():
        if kind != SCORE or name not in relations:
            document.not_held["brat notes (#)"] += 1
            continue
        if not re.fullmatch(r"0(\.\d+)?|1(\.0+)?|\d(\.\d+)?e-\d+", note):
            raise DataError(f"the score of {name} is {note!r:.60}; expected a number between 0 and 1.", path=file, line=number)
        relations[name] = AnnotatedRelation(relations[name].head, relations[name].tail, relations[name].label, float(note))
    document.mentions = [Mention(m.id, m.start, m.end, m.type, join(concepts.get(m.id, ()))) for m in mentions.values()]
    document.relations = list(relations.values())


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a .txt and an .ann file per document into a new folder; the .ann is left out where there is nothing to say.

    RETURNS: What the format cannot hold, counted.
    """
    lost: Counter[str] = Counter()
    with whole_folder(path) as folder:
        files = NewFiles(folder, ".txt")
        for identifier, document in named(documents):
            file = files.add(document, identifier)
            lines = _lines(document)
            file.write_bytes(document.text.encode("utf8"))
            annotated = document.relations is not None or document.concept_relations is not None
            if annotated or lines:
                file.with_name(f"{file.name[:-4]}.ann").write_bytes("".join(line + "\n" for line in lines).encode("utf8"))
            lost += document.losses("sentences", "long forms of abbreviations", "relations between concepts", *DETAILS)
            if lines:
                lost += document.losses("documents not annotated for relations (now with none)")
            lost += document.losses("documents without mentions (read as not annotated)")
            lost["document ids that are no file names"] += file.name[:-4] != identifier
    return lost


def _lines(document: Document) -> list[str]:
    def word(value: str, what: str) -> str:
        if not value or re.search(r"\s", value):
            raise document.error(
                f"the {what} {value!r} is empty or has white space, which brat does not allow. Rename it before exporting."
            )
        return value

    lines: list[str] = []
    references: list[str] = []
    scores: list[str] = []
    ids = {mention.id: f"T{i}" for i, mention in enumerate(document.mentions, start=1)}
    for mention in document.mentions:
        # brat has no line end inside an offset pair.
        parts = [match.span() for match in re.compile(r"[^\r\n]+").finditer(document.text, mention.start, mention.end)]
        if not parts:
            raise document.error(f"the mention {mention.id!r} at {mention.start}-{mention.end} is empty.")
        offsets = ";".join(f"{start} {end}" for start, end in parts)
        name = _name(document, mention)
        lines.append(f"{ids[mention.id]}\t{word(mention.type, 'type')} {offsets}\t{name}")
        for concept in concepts_of(mention):
            references.append(f"N{len(references) + 1}\tReference {ids[mention.id]} {word(concept, 'concept')}\t{name}")
    for i, relation in enumerate(document.relations or (), start=1):
        lines.append(f"R{i}\t{word(relation.label, 'label')} Arg1:{ids[relation.head]} Arg2:{ids[relation.tail]}")
        if relation.score != 1:
            scores.append(f"#{len(scores) + 1}\t{SCORE} R{i}\t{relation.score}")
    return [*lines, *references, *scores]


def _name(document: Document, mention: Mention) -> str:
    """The text of a mention on one line: as brat writes it, a space for each line end."""
    return " ".join(re.findall(r"[^\r\n]+", document.text[mention.start : mention.end]))
