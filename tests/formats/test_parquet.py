"""Relations as Parquet: what is written is read back with the libraries that users have."""

import json
import os
import random
from collections import Counter

import pandas
import pyarrow.dataset
import pytest
from pyarrow import parquet

from spacy_relext import __version__
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats import partitions
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.parquet import COLUMNS, DOCUMENTS
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention

PIPELINE = {"name": "en_toy", "version": "1.2", "sha256": "0" * 64}
PROVENANCE = {"pipeline": PIPELINE, "packages": {"spacy": "3"}, "settings": {"threshold": 0.5}}
TEXT = "Teal helps pain."
MENTIONS = [Mention("1", 0, 4, "ACID", "C1|C2"), Mention("2", 11, 15, "PAIN")]
HELPS = AnnotatedRelation("1", "2", "HELPS", 0.75, (("a", 0.75), ("b", 0.25)), "negated", ("novel",))
META = {"year": 2020, "journal": "J: «x»/y", "mesh": ["D1"]}
DOCUMENTS_OF = [
    Document("a", TEXT, MENTIONS, [HELPS, AnnotatedRelation("2", "1", "NOT")], [(0, 16)], meta=META),
    Document("none", "Nothing.", [], [], meta={"year": 2021}),
    Document("b", TEXT, MENTIONS, [AnnotatedRelation("1", "2", "HELPS")], meta={"year": None}),
]


def write(path, documents=DOCUMENTS_OF, **settings):
    return get_format("parquet").write(iter(documents), path, **settings)


def files(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_columns_beyond_those_of_tables(tmp_path):
    path = tmp_path / "a.parquet"
    assert +write(path, provenance=PROVENANCE) == {"whole texts": 3, "documents without relations": 1}
    rows = parquet.read_table(path).to_pylist()
    assert list(rows[0]) == list(COLUMNS)
    assert {name: rows[0][name] for name in COLUMNS[16:]} == {
        "head_concepts": ["C1", "C2"],
        "tail_concepts": [],
        "sources": [{"source": "a", "score": 0.75}, {"source": "b", "score": 0.25}],
        "status": "negated",
        "attributes": ["novel"],
        "model": "en_toy",
        "model_version": "1.2",
        "meta": json.dumps(META, ensure_ascii=False),
    }
    assert (rows[1]["sources"], rows[1]["status"], rows[1]["attributes"]) == ([], "asserted", [])
    metadata = parquet.read_metadata(path)
    assert json.loads(metadata.metadata[b"spacy_relext"]) == PROVENANCE
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    write(tmp_path / "b.parquet")
    table = parquet.read_table(tmp_path / "b.parquet")
    assert table["model"].to_pylist() == [None] * 3
    assert json.loads(table.schema.metadata[b"spacy_relext"]) == {"packages": {"spacy-relext": __version__}}


def test_duckdb_and_pandas_read_it(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "a.parquet"
    write(path, provenance=PROVENANCE)
    query = "SELECT meta->>'year', head, label, len(head_concepts), sources[1].score FROM read_parquet(?) WHERE score > 0.5 ORDER BY 1, 3"
    assert duckdb.execute(query, [str(path)]).fetchall() == [
        ("2020", "Teal", "HELPS", 2, 0.75),
        ("2020", "pain", "NOT", 0, None),
        (None, "Teal", "HELPS", 2, None),
    ]
    frame = pandas.read_parquet(path)
    assert frame.groupby("label")["score"].count().to_dict() == {"HELPS": 2, "NOT": 1}
    assert list(frame["head_concepts"][0]) == ["C1", "C2"]


def test_partitions_and_the_table_of_the_documents(tmp_path):
    folder = tmp_path / "out"
    lost = write(folder, provenance=PROVENANCE, partition_by=("label", "journal", "year"))
    none = "__HIVE_DEFAULT_PARTITION__"
    assert +lost == {
        "whole texts": 3,
        f"relations without 'journal', in the folder {none}": 1,
        f"relations without 'year', in the folder {none}": 1,
    }
    assert list(files(folder)) == [
        "documents/part-00000.parquet",
        "relations/label=HELPS/journal=J%3A %C2%ABx%C2%BB%2Fy/year=2020/part-00000.parquet",
        f"relations/label=HELPS/journal={none}/year={none}/part-00000.parquet",
        "relations/label=NOT/journal=J%3A %C2%ABx%C2%BB%2Fy/year=2020/part-00000.parquet",
    ]
    for made in folder.rglob("*.parquet"):
        assert json.loads(parquet.read_metadata(made).metadata[b"spacy_relext"]) == PROVENANCE
    expected = [("a", "HELPS", "J: «x»/y", 2020), ("a", "NOT", "J: «x»/y", 2020), ("b", "HELPS", None, None)]
    source = f"read_parquet('{folder}/relations/**/*.parquet', hive_partitioning=true)"
    query = f"SELECT document, label, journal, year FROM {source} ORDER BY 1, 2"
    assert pytest.importorskip("duckdb").execute(query).fetchall() == expected
    table = pyarrow.dataset.dataset(folder / "relations", partitioning="hive").to_table().to_pylist()
    assert sorted((row["document"], row["label"], row["journal"], row["year"]) for row in table) == expected
    # By itself it makes categories of the names, which pyarrow cannot join where one is missing.
    frame = pandas.read_parquet(folder / "relations", partitioning=pyarrow.dataset.partitioning(flavor="hive"))
    assert sorted(frame["label"].astype(str)) == ["HELPS", "HELPS", "NOT"]
    documents = parquet.read_table(folder / "documents").to_pylist()
    assert list(documents[0]) == list(DOCUMENTS)
    assert [tuple(row.values())[:7] for row in documents] == [
        ("a", 16, 1, 2, 2, "en_toy", "1.2"),
        ("none", 8, None, 0, 0, "en_toy", "1.2"),
        ("b", 16, None, 2, 1, "en_toy", "1.2"),
    ]
    assert [json.loads(row["meta"])["year"] for row in documents] == [2020, 2021, None]


def test_table_of_the_documents_without_partitions(tmp_path):
    write(tmp_path / "out", documents_table=True)
    assert list(files(tmp_path / "out")) == ["documents/part-00000.parquet", "relations/part-00000.parquet"]
    assert parquet.read_table(tmp_path / "out" / "relations").num_rows == 3
    write(tmp_path / "empty", [], documents_table=True)
    assert parquet.read_table(tmp_path / "empty" / "relations" / "part-00000.parquet").column_names == list(COLUMNS)
    write(tmp_path / "none", [DOCUMENTS_OF[1]], partition_by=("label",))
    assert list(files(tmp_path / "none")) == ["documents/part-00000.parquet"]
    assert (tmp_path / "none" / "relations").is_dir()


def test_more_folders_than_files_that_are_open(tmp_path, monkeypatch):
    """Rows of each folder are whole and in order, and the same however many are held or open."""
    random.seed(0)
    meta = [{"year": random.choice([2020, 2021, *range(1900, 1915)])} for _ in range(200)]
    documents = [Document(f"{i}", TEXT, MENTIONS, [HELPS] * (i % 3), meta=meta[i]) for i in range(200)]
    monkeypatch.setattr(partitions, "MOST_HELD", 20)
    for n_open in (3, 1000):
        monkeypatch.setattr(partitions, "MOST_OPEN", n_open)
        write(tmp_path / f"{n_open}", documents, partition_by=("year",))
        open_files = len(os.listdir("/proc/self/fd"))
        assert not list(tmp_path.rglob(".relext*"))
        found = Counter()
        for file in (tmp_path / f"{n_open}" / "relations").rglob("*.parquet"):
            rows = parquet.ParquetFile(file).read().to_pylist()
            assert [int(row["document"]) for row in rows] == sorted(int(row["document"]) for row in rows)
            found.update((row["document"], file.parent.name) for row in rows)
        assert found == Counter({(d.id, f"year={d.meta['year']}"): len(d.relations) for d in documents if d.relations})
        assert open_files < 100
    write(tmp_path / "again", documents, partition_by=("year",))
    assert files(tmp_path / "again") == files(tmp_path / "1000")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("label", "`partition_by` is 'label'; expected a list of names"),
        (("sentence",), "`partition_by`: 'sentence'. Expected, once each, label, head_type, tail_type, status, or keys"),
        (("year", "year"), "`partition_by`: 'year'"),
        (("",), "`partition_by`: ''"),
    ],
)
def test_names_that_nothing_is_partitioned_by(names, message, tmp_path):
    with pytest.raises(RelextError) as raised:
        write(tmp_path / "a", partition_by=names)
    assert message in str(raised.value)


@pytest.mark.parametrize(("value", "message"), [(["D1"], "and its meta has ['D1'] there"), ("x" * 201, "is too long for the name")])
def test_values_that_no_folder_is_called_after(value, message, tmp_path):
    with pytest.raises(DataError) as raised:
        write(tmp_path / "a", [Document("z", TEXT, MENTIONS, [HELPS], meta={"mesh": value})], partition_by=("mesh",))
    assert "document 'z': partitions are named by 'mesh'" in str(raised.value)
    assert message in str(raised.value)
    assert not list(tmp_path.iterdir())
