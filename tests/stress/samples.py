"""A small valid sample of each format that is read: what the writers make, and files of the formats that are not written."""

import io
import json
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from random import Random

import pyarrow
import pyarrow.parquet

from spacy_relext.formats.catalogue import Format, formats, get_format
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from tests.formats.test_jats import ARTICLE
from tests.stress.pubmed import HEAD, TAIL, Records, deletions
from tests.stress.shapes import SHAPES

# The files of an input by name, and the name of the input: a file, or "." for the folder.
Sample = tuple[dict[str, bytes], str]

TEXT = "Cimetidine 🙂 raised warfarin levels.\nKein Effekt von Ätzkali auf Zink, however."


def documents() -> list[Document]:
    """Three documents: with concepts and a score, without relations, and short."""
    first = Document("case-7", TEXT, sentences=[(0, 36), (37, len(TEXT))])
    for i, (word, kind, concept) in enumerate([("Cimetidine", "CHEMICAL", "D002927"), ("warfarin", "CHEMICAL", "D014859"),
                                               ("Ätzkali", "CHEMICAL", "D1|D2"), ("Zink", "GENE", "7")], start=1):  # fmt: skip
        start = TEXT.index(word)
        first.mentions.append(Mention(f"T{i}", start, start + len(word), kind, concept))
    first.relations = [AnnotatedRelation("T1", "T2", "MECHANISM", 0.5), AnnotatedRelation("T4", "T3", "EFFECT")]
    second = Document("case-8", "Tea and milk.", [Mention("a", 0, 3, "FOOD", "F1"), Mention("b", 8, 12, "FOOD", "F2")], [], [(0, 13)])
    third = Document("9", "A b.", [Mention("x", 0, 1, "X", "C1"), Mention("y", 2, 3, "Y", "C2")], sentences=[(0, 4)])
    third.relations = [AnnotatedRelation("y", "x", "R")]
    return [first, second, third]


def _pair(number: int, relation: str, first: tuple[str, int], second: tuple[str, int]) -> str:
    relations = {"relation_type": relation}
    for name, (text, start) in (("entity_1", first), ("entity_2", second)):
        relations |= {name: text, f"{name}_idx": [[start, start + len(text)]], f"{name}_type": "protein"}  # type: ignore[dict-item]
    return json.dumps({"id": f"AIMed.d1.s0_AIMed.d1.s0.p{number}", "text": "Abc1 binds Xyz, not Q.", "relation": [relations]})


_AIMED = "\n".join(
    [
        _pair(0, "positive", ("Abc1", 0), ("Xyz", 11)),
        _pair(1, "negative", ("Abc1", 0), ("Q", 20)),
        _pair(2, "negative", ("Xyz", 11), ("Q", 20)),
    ]
)
# Of the formats that are read only, and further shapes of others.
MADE: dict[str, list[Sample]] = {
    "jats": [({"a.nxml": ARTICLE.encode()}, ".")],
    "pubmed": [({"n1.xml": (HEAD + Records().article(1) + Records(1).book(2) + deletions([3]) + TAIL).encode()}, ".")],
    "aimed": [({"test_0.json": _AIMED.encode()}, ".")],
    "chemprot": [
        (
            {
                "x_abstracts.tsv": b"1\tTea and ABC1.\tTea raised ABC1 today.\n2\tNo.\tNothing here.\n",
                "x_entities.tsv": b"1\tT1\tCHEMICAL\t0\t3\tTea\n1\tT2\tGENE-Y\t8\t12\tABC1\n1\tT3\tGENE-N\t25\t29\tABC1\n",
                "x_relations.tsv": b"1\tCPR:3\tY \tACTIVATOR\tArg1:T1\tArg2:T2\n1\tCPR:4\tY \tINHIBITOR\tArg1:T1\tArg2:T3\n",
                "x_gold_standard.tsv": b"1\tCPR:3\tArg1:T1\tArg2:T2\n1\tCPR:4\tArg1:T1\tArg2:T3\n",
            },
            ".",
        )
    ],
    "webanno": [
        (
            {
                "doc.tsv": b"#FORMAT=WebAnno TSV 3.3\n#T_SP=custom.Span|label\n#T_RL=custom.Relation|label|BT_custom.Span\n\n\n"
                b"#Text=Cimetidine raised warfarin .\n1-1\t0-10\tCimetidine\tCHEM\t_\t_\t\n1-2\t11-17\traised\tX[1]|Y[2]\t_\t_\t\n"
                b"1-3\t18-26\twarfarin\tCHEM\tX\t1-1\t\n1-4\t27-28\t.\t_\t_\t_\t\n"
            },
            ".",
        )
    ],
    "txt": [({"a.txt": TEXT.encode(), "b.txt": b"Short."}, ".")],
    "lines": [({"a.txt": ("One text.\n\nAnother – text.\n" + json.dumps({"text": "Tea.", "mentions": []}) + "\n").encode()}, "a.txt")],
    "texts-csv": [({"a.csv": b'id,text,note\n1,"Tea, and ""milk"".",x\n2,"Two\nlines.",y\n'}, "a.csv")],
    "texts-tsv": [({"a.tsv": b"id\ttext\n1\tTea and milk.\n2\tMore.\n"}, ".")],
}
for _shape in SHAPES.values():
    _made = _shape(Random(0), 3)
    MADE.setdefault(_made.format, []).append(({name: text.encode() for name, text in _made.files.items()}, _made.target))
PROJECT = json.dumps(
    {
        "source_documents": [{"name": document.id, "state": "CURATION_FINISHED"} for document in documents()],
        "annotation_documents": [{"name": "a", "user": "ann", "state": "FINISHED"}],
    }
).encode()


def samples() -> dict[str, list[Sample]]:
    """The samples of each format of the catalogue that is read; of one without, an empty list."""
    found = {}
    for made in formats():
        if made.reads:
            found[made.name] = ([_written(made, documents())] if made.writes else []) + MADE.get(made.name, [])
    found["datasets"] = [_data_set()]
    found["texts-parquet"] = [_table()]
    if "inception" in found:
        files = found["inception"][0][0]
        found["inception"].append(({"all.zip": _zipped(files)}, "all.zip"))
        # Without mentions, what the project says of documents is looked for.
        empty = _written(get_format("inception"), [replace(document, mentions=[], relations=[]) for document in documents()])[0]
        empty["exportedproject1.json"] = PROJECT
        found["inception"] += [(empty, "."), ({"all.zip": _zipped(empty)}, "all.zip")]
    if "biocjson" in found:
        entries = json.loads(found["biocjson"][0][0]["sample.json"])["documents"]
        lines = "".join(json.dumps(entry) + "\n" for entry in entries)
        found["biocjson"] += [({"a.json": lines.encode()}, "a.json"), ({"a.json": json.dumps({"PubTator3": [entries]}).encode()}, "a.json")]
    return found


def _written(made: Format, given: list[Document]) -> Sample:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sample{made.suffix}"
        made.write(given, path)
        if path.is_file():
            return {path.name: path.read_bytes()}, path.name
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}, "."


def _table() -> Sample:
    """Texts in two row groups."""
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table({"id": ["a", "b", "c"], "text": ["One.", "Two 💊.", ""]}), sink, row_group_size=2)
    return {"a.parquet": sink.getvalue().to_pybytes()}, "a.parquet"


def _data_set() -> Sample:
    """BigBio's rows in two batches, as `Dataset.save_to_disk` writes them."""
    [text] = SHAPES["BigBio"](Random(0), 3).files.values()
    table = pyarrow.Table.from_pylist([json.loads(line) for line in text.splitlines()])
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return {"data-00000-of-00001.arrow": sink.getvalue().to_pybytes(), "state.json": b"{}", "dataset_info.json": b"{}"}, "."


def _zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()
