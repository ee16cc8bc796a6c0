"""Texts in Parquet: types of columns, partitions, row groups, part files as Spark writes them, and what is wrong in them."""

import datetime
import decimal
import io
import json
import re
from collections import Counter

import pyarrow
import pytest
from pyarrow import parquet

from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.formats.catalogue import by_suffix, readable
from spacy_relext.formats.cutting import Part
from spacy_relext.formats.reading import Options, Reading
from tests.formats.given import read

TEXTS = ["Aspirin helps.", "Ünïcode 💊\r\nline.", "", "last"]


def save(path, columns=None, *, size=None, **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.table(columns if columns is not None else {"id": ["a", "b", "c", "d"], "text": TEXTS})
    parquet.write_table(table, path, row_group_size=size, **settings)
    return path


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
@pytest.mark.parametrize("size", [1, 3, None])
def test_row_groups_and_codecs(compression, size, tmp_path):
    path = save(tmp_path / "a.parquet", size=size, compression=compression)
    found = read("texts-parquet", path)
    assert [(d.id, d.text, d.source, d.relations, d.mentions_given) for d in found.documents] == [
        (name, text, path, None, False) for name, text in zip("abcd", TEXTS, strict=True)
    ]
    assert found.errors == []
    assert by_suffix(".parquet").name == "texts-parquet"


DICTIONARY = pyarrow.array(TEXTS).dictionary_encode()
NESTED = pyarrow.array([{"body": {"text": text}, "n": i} for i, text in enumerate(TEXTS)])


@pytest.mark.parametrize(
    ("text", "column"),
    [
        (pyarrow.array(TEXTS, pyarrow.large_string()), "text"),
        (DICTIONARY, "text"),
        (DICTIONARY.cast(pyarrow.dictionary(pyarrow.int8(), pyarrow.large_string())), "text"),
        (NESTED, "text.body.text"),
        (pyarrow.chunked_array([TEXTS[:1], TEXTS[1:]]), "text"),
    ],
)
@pytest.mark.parametrize("ids", [pyarrow.array([1, 2, 3, 2**62]), pyarrow.array(["1", "2", "3", str(2**62)]).dictionary_encode()])
def test_types_of_columns(text, column, ids, tmp_path):
    path = save(tmp_path / "a.parquet", {"pmid": ids, "text": text})
    found = read("texts-parquet", path, text_column=column, id_column="pmid")
    assert [(d.id, d.text) for d in found.documents] == list(zip(["1", "2", "3", str(2**62)], TEXTS, strict=True))
    # A column whose name has a dot is that one.
    path = save(tmp_path / "b.parquet", {"text.body.text": TEXTS})
    assert [d.text for d in read("texts-parquet", path, text_column="text.body.text").documents] == TEXTS


def test_rows_that_are_errors(tmp_path):
    texts = pyarrow.array([b"One.", b"\xff\xfe", None, b"Two.", b"Three."]).view(pyarrow.string())
    path = save(tmp_path / "a.parquet", {"text": texts, "id": ["a", "b", "c", None, "a"]}, size=2)
    found = read("texts-parquet", path, id_column="id")
    assert [d.id for d in found.documents] == ["a"]
    assert [re.sub(r"^.*a\.parquet: ", "", str(error)) for error in found.errors] == [
        "record 2: the column 'text' is not UTF-8 (byte 0).",
        "record 3: document: expected 'text' to be a string, and saw None.",
        "record 4: document: expected 'id' to be a string or a whole number, and saw None.",
        f"document 'a' (number 5 of the file): a document with this id is in {path} (number 1 of the file) already. "
        "Expected ids that differ.",
    ]
    assert all(str(path) in str(error) for error in found.errors)
    # An id that is not asked for, and not there, is the place.
    assert [d.id for d in read("texts-parquet", path).documents] == ["a", "a-4"]


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"abstract": TEXTS}, {}, "expected a column 'text', once, and saw 'abstract'. Name it with `text_column`."),
        ({"text": [1, 2]}, {}, "the column 'text' is of type int64; expected texts. Name another with `text_column`."),
        ({"text": [["a"], ["b"]]}, {}, "the column 'text' is of type list<element: string>; expected texts."),
        ({"text": TEXTS, "x": [0.5] * 4}, {"id_column": "x"}, "the column 'x' is of type double; expected texts or whole numbers."),
        ({"text": TEXTS}, {"id_column": "x"}, "expected a column 'x', once, and saw 'text'. Name it with `id_column`."),
        ({"text": TEXTS}, {"meta_columns": ("year",)}, "expected a column 'year', once, and saw 'text'. Name it with `meta_columns`."),
        ({"text": NESTED}, {"text_column": "text.body"}, "the column 'text.body' is of type struct<text: string>; expected texts."),
        ({"head": ["a"], "label": ["b"], "tail": ["c"]}, {}, "this is a table of relations, which holds no whole texts."),
    ],
)
def test_columns_that_cannot_be_right(columns, options, message, tmp_path):
    path = save(tmp_path / "a.parquet", columns)
    found = read("texts-parquet", path, **options)
    assert found.documents == []
    [error] = found.errors
    assert message in str(error)
    assert str(path) in str(error)


def test_a_column_that_stands_twice(tmp_path):
    table = pyarrow.Table.from_arrays([pyarrow.array(TEXTS)] * 2, names=["text", "text"])
    parquet.write_table(table, tmp_path / "a.parquet")
    [error] = read("texts-parquet", tmp_path / "a.parquet").errors
    assert "expected a column 'text', once, and saw 'text', 'text'" in str(error)


def test_meta(tmp_path):
    columns = {
        "text": TEXTS[:2],
        "id": ["a", "b"],
        "year": [2020, None],
        "on": [datetime.date(2020, 1, 2), None],
        "price": [decimal.Decimal("1.50"), None],
        "mesh": [["D1", "D2"], []],
        "x": [{"a": 0.5, "b": float("nan")}, None],
        "vector": [[0.0] * 4] * 2,
    }
    path = save(tmp_path / "a.parquet", columns)
    found = read("texts-parquet", path, meta_columns=("year", "on", "price", "mesh", "x", "x.a"))
    meta = {"year": 2020, "on": "2020-01-02", "price": "1.50", "mesh": ["D1", "D2"], "x": {"a": 0.5, "b": None}, "x.a": 0.5}
    assert [d.meta for d in found.documents] == [meta, {**dict.fromkeys(meta), "mesh": []}]
    assert found.left_out == {"documents with 'vector', not read": 2}
    assert [d.meta for d in read("texts-parquet", path).documents] == [{}, {}]
    path = save(tmp_path / "b.parquet", {"text": TEXTS[:2], "m": [b"raw", None], "f": [float("inf"), 0.0]})
    found = read("texts-parquet", path, meta_columns=("m", "f"))
    assert [d.meta for d in found.documents] == [{"m": None, "f": 0.0}]
    assert "record 1: the column 'm' cannot be kept: bytes is nothing that JSON has." in str(found.errors[0])
    with pytest.raises(RelextError, match="`meta_columns` is 'year'; expected a list of names"):
        Options(meta_columns="year")


def test_folder_of_part_files_and_partitions(tmp_path):
    for year, name in ((2020, "a%3Ab"), ("__HIVE_DEFAULT_PARTITION__", "c")):
        save(tmp_path / "t" / f"year={year}" / f"journal={name}" / "part-00000-x.c000.snappy.parquet", {"text": [f"{year}"]})
    save(tmp_path / "t" / "year=2021" / "journal=c" / "part-00000-x.c000.snappy.parquet", {"text": pyarrow.array([], pyarrow.string())})
    save(tmp_path / "t" / "_temporary" / "0" / "part-00000.parquet", {"text": ["left by a job that failed"]})
    save(tmp_path / "t" / ".part-00001.parquet", {"text": ["hidden"]})
    for name in ("_SUCCESS", "._SUCCESS.crc", ".part-00000-x.c000.snappy.parquet.crc", "_metadata"):
        (tmp_path / "t" / name).write_bytes(b"")
    errors = []
    for format in (None, "texts-parquet"):
        inputs = Inputs([str(tmp_path / "t")], format, Options(meta_columns=("year", "journal")))
        documents = list(inputs.read(errors.append))
        assert [(d.id, d.meta) for d in documents] == [
            ("year=2020/journal=a%3Ab/part-00000-x.c000.snappy-1", {"year": 2020, "journal": "a:b"}),
            ("year=__HIVE_DEFAULT_PARTITION__/journal=c/part-00000-x.c000.snappy-1", {"year": None, "journal": "c"}),
        ]
        assert inputs.ignored["hidden .parquet"] == 2
        assert inputs.left_out == {"files without any row": 1}
        assert inputs.count() == 2
    found = read("texts-parquet", tmp_path / "t")
    assert [d.id for d in found.documents] == [d.id for d in documents]
    assert errors == found.errors == []


@pytest.mark.parametrize("name", ["_delta_log", ".hoodie", "metadata"])
def test_tables_whose_files_are_listed_elsewhere(name, tmp_path):
    save(tmp_path / "t" / "part-0.parquet")
    (tmp_path / "t" / name).mkdir()
    (tmp_path / "t" / name / "v1.metadata.json").write_text("{}")
    with pytest.raises(DataError, match="whose log says which of its files count"):
        Inputs([str(tmp_path / "t")])
    with pytest.raises(DataError, match="whose log says"):
        read("texts-parquet", tmp_path / "t")


def test_files_that_are_damaged(tmp_path):
    path = save(tmp_path / "a.parquet", {"text": [f"text {i} {'x' * 200}" for i in range(2000)]}, size=500, compression="none")
    raw = path.read_bytes()
    for broken, n_documents in ((b"", 0), (b"PAR1 no", 0), (raw[:-100], 0), (raw[:4] + b"\xff" * 2000 + raw[2004:], 0)):
        path.write_bytes(broken)
        found = read("texts-parquet", path)
        assert len(found.documents) == n_documents
        [error] = found.errors
        assert "no whole Parquet file" in str(error)
        assert str(path) in str(error)
    [error] = read("texts-parquet", tmp_path / "no.parquet").errors
    assert "it cannot be read: No such file" in str(error)


@pytest.mark.parametrize("size", [1, 2, 500])
def test_cut_between_any_two_rows(size, tmp_path):
    """Parts give the documents, and the errors, that the whole file gives; content is the same however the rows are stored."""
    folder = tmp_path / "year=2020"
    columns = {"text": ["a", None, "c", "d\n", "💊"], "pmid": [1, 2, 3, 4, 5], "x": [1] * 5}
    path = save(folder / "a.parquet", columns, size=size)
    options = Options(id_column="pmid", meta_columns=("year",))
    whole = read("texts-parquet", path, id_column="pmid", meta_columns=("year",))
    cutter = readable("texts-parquet").cutter
    with path.open("rb") as file:
        head, *cuts = cutter.cut(file, path, options)
    assert head.is_head
    assert [(cut.documents, cut.length, cut.lines) for cut in cuts] == [(1, 1, 0)] * 5
    for at in range(1, 5):
        documents, errors, counts = [], [], Counter()
        for start, end in ((0, at), (at, 5)):
            with path.open("rb") as file:
                content = list(cutter.content(file, path, start, end, options))
            assert content.pop(0) == head.content
            assert content == [cut.content for cut in cuts[start:end]]
            part = Part(path, start, end, first_number=start, documents=end - start, head=head.content)
            documents += cutter.read(io.BytesIO(b"".join(content)), part, Reading(errors.append, counts, options))
        assert documents == whole.documents
        assert [(d.number, d.source, d.meta) for d in documents] == [(d.number, d.source, d.meta) for d in whole.documents]
        assert list(map(str, errors)) == list(map(str, whole.errors))
        assert counts == whole.left_out
    assert [json.loads(cut.content)["pmid"] for cut in cuts] == columns["pmid"]
