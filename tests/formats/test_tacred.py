"""TACRED: an example is a sentence with a pair."""

import re

import pytest

from spacy_relext.formats.denials import without_denials
from tests.formats.given import read, write

ONE = {
    "id": "e1",
    "docid": "d",
    "token": ["Ann", "-LRB-", "34", "-rrb-", "lives", "in", "Rome", "."],
    "subj_start": 0,
    "subj_end": 0,
    "subj_type": "PERSON",
    "obj_start": 6,
    "obj_end": 6,
    "obj_type": "CITY",
    "relation": "per:cities_of_residence",
}


@pytest.mark.parametrize("lines", [[[ONE]], [ONE]], ids=["list", "lines"])
def test_example_is_a_document(lines, tmp_path):
    found = read("tacred", write(tmp_path / "train.json", *lines))
    assert found.errors == []
    [document] = found.documents
    assert (document.id, document.text, document.sentences) == ("e1", "Ann ( 34 ) lives in Rome .", [(0, 26)])
    assert [(m.id, document.text[m.start : m.end], m.type) for m in document.mentions] == [("T1", "Ann", "PERSON"), ("T2", "Rome", "CITY")]
    assert found.relations == [("Ann", "per:cities_of_residence", "Rome")]
    assert found.left_out == {"tokens for brackets (-LRB-, …), written as brackets": 2}


def test_head_is_the_subject_wherever_it_stands(tmp_path):
    record = ONE | {"subj_start": 6, "subj_end": 6, "obj_start": 0, "obj_end": 0, "relation": "x"}
    assert read("tacred", write(tmp_path / "a.json", [record])).relations == [("Rome", "x", "Ann")]


def test_no_relation_is_a_negative_and_an_example_without_is_not_annotated(tmp_path):
    without = {key: value for key, value in ONE.items() if key != "relation"} | {"id": "e2"}
    found = read("tacred", write(tmp_path / "a.json", [ONE | {"relation": "no_relation"}, without])).documents
    first, second = map(without_denials, found)
    assert (first.relations, [r.label for r in first.denied], second.relations) == ([], ["no_relation"], None)
    assert len(first.mentions) == len(second.mentions) == 2


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (ONE | {"obj_end": 8}, r"tokens 6-8 \(inclusive\) are the object; the sentence has 8 tokens"),
        (ONE | {"subj_start": "0"}, "expected 'subj_start' to be a whole number"),
        (ONE | {"token": ["a", ""]}, "token 1: expected a string that is not empty"),
        (ONE | {"token": None}, "expected 'token' to be a list"),
        (ONE | {"relation": 1}, "expected 'relation' to be a string"),
    ],
)
def test_bad_record_is_left_out_alone(record, message, tmp_path):
    found = read("tacred", write(tmp_path / "a.json", [record, ONE | {"id": "good"}]))
    assert [document.id for document in found.documents] == ["good"]
    [error] = found.errors
    assert re.search(f"record 1.*{message}", str(error)), str(error)


def test_ids_of_two_files_differ(tmp_path):
    write(tmp_path / "a.json", [ONE])
    write(tmp_path / "b.json", [ONE])
    found = read("tacred", tmp_path)
    assert len(found.documents) == 1
    assert "already" in str(found.errors[0])
