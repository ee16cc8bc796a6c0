"""BigBio's records, from JSON and from data sets on disk."""

import copy
import json
import re

import pytest

from spacy_relext.formats.bigbio import NO_TRIGGER
from spacy_relext.formats.offsets import DISCONTINUOUS
from spacy_relext.formats.standoff import EVENTS_OF_EVENTS, OF_EVENTS
from spacy_relext.formats.types import UNKNOWN
from tests.formats.given import read, write

ONE = {
    "id": "0",
    "document_id": "d1",
    "passages": [
        {"id": "p1", "type": "title", "text": ["IL-4 and STAT6."], "offsets": [[0, 15]]},
        {"id": "p2", "type": "abstract", "text": ["IL-4 binds STAT6 and 7."], "offsets": [[17, 40]]},
    ],
    "entities": [
        {"id": "e1", "type": "Protein", "text": ["IL-4"], "offsets": [[17, 21]], "normalized": [{"db_name": "NCBI", "db_id": "3565"}]},
        {"id": "e2", "type": "Protein", "text": ["STAT6"], "offsets": [[28, 33]],
         "normalized": [{"db_name": "", "db_id": "P4"}, {"db_name": "", "db_id": "P5"}]},
        {"id": "e3", "type": "Protein", "text": ["STAT", "7"], "offsets": [[28, 32], [38, 39]], "normalized": []},
    ],
    "relations": [{"id": "r1", "type": "binds", "arg1_id": "e2", "arg2_id": "e1", "normalized": []}],
    "events": [
        {"id": "E1", "type": "Phosphorylation", "trigger": {"text": ["binds"], "offsets": [[22, 27]]},
         "arguments": [{"role": "Theme", "ref_id": "e2"}, {"role": "Cause", "ref_id": "e1"}]},
        {"id": "E2", "type": "Regulation", "trigger": {"text": ["binds"], "offsets": [[22, 27]]},
         "arguments": [{"role": "Theme", "ref_id": "E1"}]},
    ],
    "coreferences": [{"id": "c", "entity_ids": ["e1", "e2"]}],
}  # fmt: skip


def changed(**values):
    return {**copy.deepcopy(ONE), **values}


@pytest.mark.parametrize("lines", [[[ONE]], [ONE]], ids=["list", "lines"])
def test_record_is_a_document(lines, tmp_path):
    found = read("bigbio", write(tmp_path / "a.json", *lines))
    assert found.errors == []
    [document] = found.documents
    assert (document.id, document.text, document.sentences) == ("d1", "IL-4 and STAT6.  IL-4 binds STAT6 and 7.", None)
    assert [(m.id, document.text[m.start : m.end], m.kb_id) for m in document.mentions] == [
        ("T1", "IL-4", "NCBI:3565"),
        ("T2", "STAT6", "P4|P5"),
        ("T3", "STAT6 and 7", ""),
    ]
    # The head is arg1, and the cause.
    assert found.relations == [("IL-4", "Phosphorylation", "STAT6"), ("STAT6", "binds", "IL-4")]
    assert found.left_out == {
        DISCONTINUOUS: 1,
        EVENTS_OF_EVENTS: 1,
        "triggers of events": 1,
        "coreferences": 1,
        "overlapping mentions (in doc.spans only)": 1,
    }


def test_relations_of_what_is_no_entity_are_counted(tmp_path):
    relations = [{"id": "r", "type": "x", "arg1_id": "p1", "arg2_id": "e1", "normalized": [{"db_name": "a", "db_id": "b"}]}]
    found = read("bigbio", write(tmp_path / "a.json", changed(relations=relations, events=[], coreferences=[])))
    assert (found.documents[0].relations, found.counts[UNKNOWN], found.counts["identifiers of relations"]) == ([], 1, 1)
    # Of an event, it is held where events are taken.
    record = changed(relations=[{**relations[0], "type": "of", "arg1_id": "E1"}])
    found = read("bigbio", write(tmp_path / "a.json", record))
    assert (found.counts[OF_EVENTS], found.counts[UNKNOWN]) == (1, 0)
    found = read("bigbio", tmp_path / "a.json", events="roles")
    assert ("binds", "of", "IL-4") in found.relations


def test_events_become_relations(tmp_path):
    record = changed(relations=[])
    record["events"][1]["trigger"] = {"text": [], "offsets": []}
    path = write(tmp_path / "a.json", record)
    found = read("bigbio", path, events="roles")
    assert (found.errors, found.relations) == ([], [("binds", "Cause", "IL-4"), ("binds", "Theme", "STAT6")])
    assert found.counts[NO_TRIGGER] == 1
    assert [m.type for m in found.documents[0].mentions].count("Phosphorylation") == 1
    assert read("bigbio", path, events="pairs").relations == [("IL-4", "Phosphorylation", "STAT6")]


def test_offsets_in_bytes_are_found(tmp_path):
    record = changed(events=[], entities=copy.deepcopy(ONE["entities"][:2]))
    record["passages"][0]["text"] = ["IL-4 ànd STAT6."]
    for entity in record["entities"]:
        entity["offsets"][0][0] += 1
        entity["offsets"][0][1] += 1
    found = read("bigbio", write(tmp_path / "a.json", record))
    assert (found.relations, found.counts["documents whose offsets count bytes"]) == ([("STAT6", "binds", "IL-4")], 1)


BAD = [
    (changed(passages=[{"text": ["a"], "offsets": []}]), "passage 1: 1 texts and 0 offsets"),
    (changed(passages=[*ONE["passages"], {"text": ["bad"], "offsets": [[3, 6]]}]), "a passage begins at 3"),
    (changed(passages=[{"text": ["a"], "offsets": [[10**9, 10**9 + 1]]}]), "begins at 1000000000, and the one before it ends at 0"),
    (changed(entities=[{**ONE["entities"][0], "text": ["IL-5"]}]), "mention 'T1' is 'IL-5'"),
    (changed(entities=[{**ONE["entities"][0], "offsets": [[0]]}]), "expected 'offsets' to be a list"),
    (changed(entities=[ONE["entities"][0]] * 2), "the id 'e1' is that of another"),
    (changed(relations=[{"id": "r", "type": None, "arg1_id": "e1", "arg2_id": "e2"}]), "expected 'type' to be a string"),
    ({"text": "a"}, "expected the keys entities, passages, relations, and saw text"),
]


@pytest.mark.parametrize(("record", "message"), BAD)
def test_bad_record_is_left_out_alone(record, message, tmp_path):
    found = read("bigbio", write(tmp_path / "a.jsonl", record, changed(document_id="good")))
    assert [document.id for document in found.documents] == ["good"]
    [error] = found.errors
    assert error.line == 1
    assert re.search(message, str(error)), str(error)


def save(folder, rows, *, as_file=False, size=2):
    """What `Dataset.save_to_disk` writes."""
    pyarrow = pytest.importorskip("pyarrow")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "data-00000-of-00001.arrow"
    table = pyarrow.Table.from_pylist(rows)
    make = pyarrow.ipc.new_file if as_file else pyarrow.ipc.new_stream
    with make(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=size)
    (folder / "dataset_info.json").write_text(json.dumps({"dataset_name": "x", "splits": {}}), encoding="utf8")
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": path.name}], "_split": "train"}), encoding="utf8")
    return path


@pytest.mark.parametrize("as_file", [False, True])
def test_data_set_of_such_rows(as_file, tmp_path):
    save(tmp_path / "train", [changed(document_id=f"d{i}") for i in range(5)], as_file=as_file)
    save(tmp_path / "test", [changed(document_id="t")])
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}', encoding="utf8")
    found = read("datasets", tmp_path)
    assert found.errors == []
    assert {document.id for document in found.documents} == {"d0", "d1", "d2", "d3", "d4", "t"}
    assert len(found.relations) == 12
    assert len(read("datasets", tmp_path / "train").documents) == 5


def test_data_set_of_texts(tmp_path):
    path = save(tmp_path, [{"abstract": "One.", "n": 1}, {"abstract": None, "n": 2}, {"abstract": "Two.", "n": 3}])
    assert "expected a column 'text', once, and saw 'abstract', 'n'. Name it with `text_column`" in str(read("datasets", path).errors[0])
    found = read("datasets", path, text_column="abstract", id_column="n")
    assert [(document.id, document.text, document.relations) for document in found.documents] == [("1", "One.", None), ("3", "Two.", None)]
    [error] = found.errors
    assert "record 2: document: expected 'abstract' to be a string, and saw None" in str(error)
    found = read("datasets", path, text_column="abstract")
    assert [document.id for document in found.documents] == ["data-00000-of-00001-1", "data-00000-of-00001-3"]
    assert found.left_out == {"documents with 'n', not read": 2}


def test_rows_of_two_splits_have_two_ids(tmp_path):
    for split in ("train", "test"):
        save(tmp_path / split, [{"text": "One."}])
    found = read("datasets", tmp_path)
    assert [document.id for document in found.documents] == ["test/data-00000-of-00001-1", "train/data-00000-of-00001-1"]


def test_bad_row_and_file_that_is_cut_off(tmp_path):
    path = save(tmp_path, [changed(), changed(document_id="x", passages=[]), changed(document_id="y"), changed(document_id="z")])
    found = read("datasets", path)
    assert [document.id for document in found.documents] == ["d1", "y", "z"]
    assert "record 2" in str(found.errors[0])
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) * 2 // 3])
    found = read("datasets", path)
    assert [document.id for document in found.documents] == ["d1"]
    assert "no whole file of Arrow" in str(found.errors[-1])
    path.write_bytes(b"no Arrow at all")
    [error] = read("datasets", path).errors
    assert "no whole file of Arrow" in str(error)
