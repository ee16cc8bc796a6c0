"""BioCreative VII DrugProt: a folder of tab-separated files, a row for everything (Miranda et al., BioCreative VII workshop, 2021).

    …_abstracs.tsv    document, title, abstract (spelled so, or …_abstracts.tsv)
    …_entities.tsv    document, mention (T1), CHEMICAL | GENE-Y | GENE-N, start, end, text
    …_relations.tsv   document, label, Arg1:T1, Arg2:T2

Offsets count the characters of title, one character (here a space), abstract; ends are exclusive. There are no sentences. Arg1, the head,
is the chemical, and Arg2 the gene, in the order of the table of roles (roles.py). GENE-Y and GENE-N, a gene that is or is not in a
database, both become GENE, as in ChemProt. A pair may have several labels of the thirteen (catalogue.py). A part without …_relations.tsv,
as the test part is published, is not annotated for relations. A relation with a mention that is not there is left out, and counted.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats.corpora import relate
from spacy_relext.formats.files import files_in
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.tables import Row, Table, mentions_of
from spacy_relext.formats.types import UNKNOWN, Document

TYPES = {"GENE-Y": "GENE", "GENE-N": "GENE"}
ABSTRACTS = re.compile(r"(.*)_abstract?s(.*\.(?i:tsv))")
WIDTHS = {"entities": 6, "relations": 4}


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read the set of files in a folder, such as `training`, and those in the folders in it; or that of a file of abstracts."""
    return distinct(_documents(path, reading), reading.on_error)


def _documents(path: Path, reading: Reading) -> Iterator[Document]:
    files = sorted(file for file in files_in(path) if ABSTRACTS.fullmatch(file.name)) if path.is_dir() else [path]
    if not files:
        raise DataError("expected a folder with …_abstracs.tsv, …_entities.tsv and …_relations.tsv; there is no such file.", path=path)
    for file in files:
        try:
            abstracts, tables = Table(file, 3), _tables(file)
        except DataError as error:
            reading.on_error(error)
            continue
        for name in dict.fromkeys(name for table in (abstracts, *tables.values()) for name in table):
            try:
                yield parse(name, abstracts, tables, reading)
            except DataError as error:
                reading.on_error(error)


def _tables(abstracts: Path) -> dict[str, Table]:
    match = ABSTRACTS.fullmatch(abstracts.name)
    if match is None:
        raise DataError("expected a file called …_abstracs.tsv or …_abstracts.tsv, or the folder with it.", path=abstracts)
    files = {kind: abstracts.with_name(f"{match[1]}_{kind}{match[2]}") for kind in WIDTHS}
    if not files["entities"].exists():
        raise DataError(f"there is no {files['entities'].name} beside it. Put the files of a part into one folder.", path=abstracts)
    return {kind: Table(file, WIDTHS[kind]) for kind, file in files.items() if file.exists()}


def parse(name: str, abstracts: Table, tables: dict[str, Table], reading: Reading) -> Document:
    """Make a document of its rows.

    RAISES: DataError with file and line for anything that is not as the module's description says.
    """
    texts, rows = abstracts.rows(name), {kind: table.rows(name) for kind, table in tables.items()}
    if len(texts) != 1:
        row = next(row for some in (texts, *rows.values()) for row in some[-1:])
        raise row.error(f"the document {name!r} has {len(texts)} rows in {abstracts.file.name}; expected one.")
    [row] = texts
    document = Document(name, f"{row.fields[1]} {row.fields[2]}", source=row.file, line=row.line)
    mentions = mentions_of(rows["entities"], document, TYPES)
    document.mentions = list(mentions.values())
    if "relations" in rows:
        document.relations = []
        for row in rows["relations"]:
            ends = [_argument(row, field) for field in row.fields[2:]]
            if not all(name in mentions for _, name in ends):
                document.leave_out(UNKNOWN, row.line, row.file)
                continue
            head, tail = reading.roles.direct(row.fields[1], ends, row.file, row.line)
            relate(document, mentions[head], mentions[tail], row.fields[1])
    return document


def _argument(row: Row, field: str) -> tuple[str, str]:
    """Role and mention of an argument."""
    role, _, name = field.partition(":")
    if not role or not name:
        raise row.error(f"expected Arg1: or Arg2: and the name of a mention of the document, and saw {field!r:.60}.")
    return role, name
