"""DocRED: entities become concepts, relations hold between these and keep their evidence."""

import copy
import re

import pytest

from spacy_relext.formats.docred import OTHER_NAMES, RENAMED, WITH_ITSELF
from spacy_relext.formats.docs import from_doc
from spacy_relext.formats.identifiers import UNKNOWN
from spacy_relext.formats.types import AnnotatedRelation
from tests.formats.given import read, write

ONE = {
    "title": "Ann|of Rome",
    "sents": [["Ann", "lives", "in", "Rome", "."], ["She", "likes", "it", "."]],
    "vertexSet": [
        [{"name": "Ann", "sent_id": 0, "pos": [0, 1], "type": "PER"}, {"name": "She", "sent_id": 1, "pos": [0, 1], "type": "PER"}],
        [{"name": "Rome", "sent_id": 0, "pos": [3, 4], "type": "LOC"}],
    ],
    "labels": [{"h": 0, "t": 1, "r": "P551", "evidence": [0, 1]}, {"h": 0, "t": 1, "r": "P19", "evidence": []}],
}


def changed(**values):
    return {**copy.deepcopy(ONE), **values}


@pytest.mark.parametrize("lines", [[[ONE]], [ONE]], ids=["list", "lines"])
def test_relations_hold_between_entities(lines, tmp_path):
    found = read("docred", write(tmp_path / "dev.json", *lines))
    assert (found.errors, found.left_out) == ([], {})
    [document] = found.documents
    assert (document.id, document.text) == ("Ann|of Rome", "Ann lives in Rome . She likes it .")
    assert document.sentences == [(0, 19), (20, 34)]
    assert [(document.text[m.start : m.end], m.type, m.kb_id) for m in document.mentions] == [
        ("Ann", "PER", "Ann_of_Rome#0"),
        ("She", "PER", "Ann_of_Rome#0"),
        ("Rome", "LOC", "Ann_of_Rome#1"),
    ]
    assert document.concept_relations == [
        AnnotatedRelation("Ann_of_Rome#0", "Ann_of_Rome#1", "P551", attributes=("evidence:0", "evidence:1")),
        AnnotatedRelation("Ann_of_Rome#0", "Ann_of_Rome#1", "P19"),
    ]
    # What follows for mentions, in the sentence that has both; evidence stays on the Doc.
    assert found.relations == [("Ann", "P19", "Rome"), ("Ann", "P551", "Rome")]
    assert from_doc(found.docs[0]).concept_relations == document.concept_relations


def test_part_without_labels_is_not_annotated(tmp_path):
    record = changed()
    del record["labels"]
    [document] = read("docred", write(tmp_path / "test.json", [record])).documents
    assert (document.relations, document.concept_relations) == (None, None)
    [document] = read("docred", write(tmp_path / "test.json", [changed(labels=[])])).documents
    assert document.concept_relations == []


def test_what_is_left_out_is_counted(tmp_path):
    record = changed(labels=[{"h": 1, "t": 1, "r": "P1", "evidence": []}], url="x")
    record["vertexSet"][1][0]["name"] = "Roma"
    write(tmp_path / "rel_info.json", {"P551": "residence"})
    write(tmp_path / "dev.json", [record, ONE])
    found = read("docred", tmp_path)
    assert found.errors == []
    assert [document.id for document in found.documents] == ["Ann|of Rome", "Ann|of Rome-2"]
    expected = {OTHER_NAMES: 1, WITH_ITSELF: 1, RENAMED: 1, "documents with 'url', not read": 1, "files named rel_info.json": 1}
    assert found.left_out == expected
    # Entities of two documents are two.
    assert found.documents[1].mentions[0].kb_id == "Ann_of_Rome-2#0"


def test_relations_of_entities_that_are_not_there_are_left_out_by_one(tmp_path):
    labels = [{"h": 0, "t": end, "r": "P1", "evidence": []} for end in (7, -1, 2)]
    found = read("docred", write(tmp_path / "dev.json", [changed(labels=[*labels, *ONE["labels"]], vertexSet=[*ONE["vertexSet"], []])]))
    assert (found.errors, len(found.documents[0].concept_relations), found.left_out) == ([], 2, {UNKNOWN: 3})


def with_mention(**values):
    record = changed()
    record["vertexSet"][1][0] |= values
    return record


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (with_mention(sent_id=2), "entity 1, mention 1: 'sent_id' is 2, and the document has 2 sentences"),
        (with_mention(pos=[3, 9]), r"'pos' is \[3, 9\].*has 5 tokens"),
        (with_mention(pos=[3]), r"'pos' is \[3\]; expected"),
        (with_mention(type=None), "expected 'type' to be a string"),
        (changed(labels=[{"h": 0, "t": 1, "r": "P1", "evidence": [2]}]), r"'evidence' is \[2\].*there are 2"),
        (changed(sents=["Ann"]), "expected 'sents' to be lists of tokens"),
        (changed(title=None), "expected 'title' to be"),
        (changed(vertexSet=[[1]]), "entity 0, mention 1: expected an object"),
        (["x"], "expected a JSON object"),
    ],
)
def test_bad_record_is_left_out_alone(record, message, tmp_path):
    found = read("docred", write(tmp_path / "dev.json", [record, changed(title="good")]))
    assert [document.id for document in found.documents] == ["good"]
    [error] = found.errors
    assert re.search(f"record 1.*{message}", str(error)), str(error)
