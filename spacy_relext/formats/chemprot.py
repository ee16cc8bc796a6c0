"""BioCreative VI ChemProt: a folder of tab-separated files, a row for everything (Krallinger et al., BioCreative VI workshop, 2017).

    …_abstracts.tsv       document, title, abstract
    …_entities.tsv        document, mention (T1), CHEMICAL | GENE-Y | GENE-N, start, end, text
    …_relations.tsv       document, group (CPR:3), Y | N (evaluated or not), name of the relation, Arg1:T1, Arg2:T2
    …_gold_standard.tsv   document, group, Arg1:T1, Arg2:T2: the evaluated rows of …_relations.tsv, each once

Offsets count the characters of title, one character (here a space), abstract; ends are exclusive. There are no sentences. The head of a
relation is the chemical, the tail the gene. GENE-Y and GENE-N, a gene that is or is not in a database, both become GENE: the task does
not tell them apart, and neither does a recogniser in whose output relations are to be found.

The labels are the five groups that are evaluated. A pair of another group (CPR:2, …) has no relation: to the task it is a negative. A
pair that is in a group under two names of relations has that label once; a pair in two groups has both labels. One of `…_relations.tsv`
and `…_gold_standard.tsv` is enough; where both are there, they must agree. A relation with a mention that is not there is left out, and
counted.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats.files import files_in
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.reading import OnError, Reading
from spacy_relext.formats.tables import Row, Table, mentions_of
from spacy_relext.formats.types import UNKNOWN, AnnotatedRelation, Document, Mention

# The groups that are evaluated.
EVALUATED = ("CPR:3", "CPR:4", "CPR:5", "CPR:6", "CPR:9")
TYPES = {"CHEMICAL": "CHEMICAL", "GENE-Y": "GENE", "GENE-N": "GENE"}
NOT_EVALUATED = "relations of groups that are not evaluated"
WIDTHS = {"abstracts": 3, "entities": 6, "relations": 6, "gold_standard": 4}


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read the set of files in a folder, such as chemprot_training, and those in the folders in it."""
    yield from distinct(_documents(path, reading.on_error), reading.on_error)


def _documents(path: Path, on_error: OnError) -> Iterator[Document]:
    # By its entities too, so that a set without abstracts is not passed over.
    found = [(file, kind) for file in files_in(path) for kind in ("abstracts", "entities") if fnmatch(file.name, f"*_{kind}*.[tT][sS][vV]")]
    files = sorted({file.with_name(file.name.replace(f"_{kind}", "_abstracts")) for file, kind in found})
    if not files:
        raise DataError("expected a folder with …_abstracts.tsv, …_entities.tsv and …_gold_standard.tsv; there is no such file.", path=path)
    for file in files:
        try:
            tables = read_tables(file)
        except DataError as error:
            on_error(error)
            continue
        for name in dict.fromkeys(name for table in tables.values() for name in table):
            try:
                yield parse(name, tables)
            except DataError as error:
                on_error(error)


def read_tables(abstracts: Path) -> dict[str, Table]:
    """Read the file of abstracts and those beside it.

    RAISES: DataError for a missing file, and for a row whose document cannot be known.
    """
    tables: dict[str, Table] = {}
    for kind, width in WIDTHS.items():
        name = abstracts.name.replace("_abstracts", f"_{kind}")
        # Among files of the test part, upstream's gold standard alone has no "_gs" at the end of its name.
        file = next(
            (
                f
                for f in (abstracts.with_name(name), abstracts.with_name(re.sub(r"_gs(?=\.tsv$)", "", name, flags=re.IGNORECASE)))
                if f.exists()
            ),
            None,
        )
        if file is not None:
            tables[kind] = Table(file, width)
        elif kind == "abstracts":
            raise DataError("there is no such file beside the others of its part.", path=abstracts)
        elif kind == "entities" or (kind == "gold_standard" and "relations" not in tables):
            raise DataError(f"there is no {name} beside it. Put the files of a part of ChemProt into one folder.", path=abstracts)
    return tables


def parse(name: str, tables: dict[str, Table]) -> Document:
    """Make a document of its rows.

    RAISES: DataError with file and line for anything that is not as the module's description says.
    """
    rows = {kind: table.rows(name) for kind, table in tables.items()}
    if len(rows["abstracts"]) != 1:
        row = next(row for some in rows.values() for row in some[-1:])
        raise row.error(f"the document {name!r} has {len(rows['abstracts'])} rows in the file of abstracts; expected one.")
    [row] = rows["abstracts"]
    document = Document(name, f"{row.fields[1]} {row.fields[2]}", source=row.file, line=row.line)
    for row in rows["entities"]:
        if row.fields[2] not in TYPES:
            raise row.error(f"mention {row.fields[1]!r} has the type {row.fields[2]!r}; expected one of {', '.join(TYPES)}.")
    mentions = mentions_of(rows["entities"], document, TYPES)
    document.mentions = list(mentions.values())
    for row in rows.get("relations", []):
        if row.fields[1] not in EVALUATED:
            document.leave_out(NOT_EVALUATED, row.line, row.file)
    # A pair that is in a group under two names is in it once.
    found = {
        kind: {relation: row for row in rows[kind] if (relation := _relation(row, mentions)) is not None}
        for kind in ("gold_standard", "relations")
        if kind in rows
    }
    for kind, relations in found.items():
        for other in found:
            for relation, row in relations.items():
                if relation not in found[other]:
                    raise row.error(
                        f"{relation.label} of {relation.head} and {relation.tail} is evaluated in the file {kind}, and not in {other}. "
                        "Are the files of one version, and complete?"
                    )
    document.relations = []
    for relation, row in next(iter(found.values())).items():
        if {relation.head, relation.tail} <= set(mentions):
            document.relations.append(relation)
        else:
            document.leave_out(UNKNOWN, row.line, row.file)
    return document


def _relation(row: Row, mentions: dict[str, Mention]) -> AnnotatedRelation | None:
    """The relation of a row of either file, or None where the row is not evaluated."""
    group, *fields, head, tail = row.fields[1:]
    # The field of …_relations.tsv is "Y " or "N ".
    evaluated = fields[0].strip() if fields else "Y"
    if not re.fullmatch(r"CPR:\d+", group) or evaluated != ("Y" if group in EVALUATED else "N"):
        raise row.error(f"saw the group {group!r}, evaluated {evaluated!r}; expected Y for {', '.join(EVALUATED)}, and N for other groups.")
    relation = AnnotatedRelation(_argument(row, "Arg1", head, mentions, "CHEMICAL"), _argument(row, "Arg2", tail, mentions, "GENE"), group)
    return relation if evaluated == "Y" else None


def _argument(row: Row, argument: str, field: str, mentions: dict[str, Mention], kind: str) -> str:
    name = field.removeprefix(f"{argument}:")
    if name == field or not name:
        raise row.error(f"expected {argument}: and the name of a mention of the document, and saw {field!r}.")
    if name in mentions and mentions[name].type != kind:
        raise row.error(f"{field} is a {mentions[name].type}; expected a {kind}.")
    return name
