"""Triples of strings: where their names stand in the text."""

import re

import pytest

from spacy_relext.formats.denials import without_denials
from spacy_relext.formats.docs import SELF
from spacy_relext.formats.strings import NAME_NOT_THERE, NOT_THERE, SEVERAL
from tests.formats.given import read, write

TEXT = "Ann lives in Rome."
ONE = [("Ann", "livesIn", "Rome")]


@pytest.mark.parametrize(
    "record",
    [
        {"text": TEXT, "triple_list": [["Ann", "livesIn", "Rome"]]},
        {"text": TEXT, "spo_list": [{"subject": "Ann", "predicate": "livesIn", "object": "Rome"}]},
        {
            "id": "x",
            "text": TEXT,
            "relation_list": [{"subject": "Ann", "predicate": "livesIn", "object": "Rome", "subj_char_span": [0, 3]}],
        },
        {"sentText": TEXT, "relationMentions": [{"em1Text": "Ann", "em2Text": "Rome", "label": "livesIn"}]},
        {"sentence": TEXT, "triples": [{"head": "Ann", "relation": "livesIn", "tail": "Rome"}]},
    ],
)
@pytest.mark.parametrize("as_list", [True, False])
def test_shapes(record, as_list, tmp_path):
    found = read("strings", write(tmp_path / "a.json", [record] if as_list else record))
    assert (found.errors, found.left_out, found.relations) == ([], {}, ONE)
    [document] = found.documents
    assert document.id == record.get("id", "a-1")
    assert [(m.start, m.end, m.type) for m in document.mentions] == [(0, 3, "ENTITY"), (13, 17, "ENTITY")]


def places(text, head, tail, tmp_path):
    found = read("strings", write(tmp_path / "a.json", {"text": text, "triple_list": [[head, "r", tail]]}))
    assert found.errors == []
    by_id = {m.id: (m.start, m.end) for m in found.documents[0].mentions}
    return [(by_id[r.head], by_id[r.tail]) for r in found.documents[0].relations], found


def test_nearest_pair_of_names_that_stand_several_times(tmp_path):
    #       0         1         2         3
    #       0123456789012345678901234567890123456789
    text = "Rome. Ann, Ann of Rome, and Ann in Oslo."
    found, report = places(text, "Ann", "Rome", tmp_path)
    # Of the pairs with as many characters between them, none is nearer than "Rome. Ann".
    assert found == [((6, 9), (0, 4))]
    assert report.left_out == {SEVERAL: 1}
    # Its other places are no mentions, which would be negatives.
    assert len(report.documents[0].mentions) == 2
    assert places(text, "Ann", "Oslo", tmp_path)[0] == [((28, 31), (35, 39))]


def test_names_within_each_other_are_taken_where_they_do_not_overlap(tmp_path):
    #       0         1         2         3
    #       0123456789012345678901234567890123456789
    text = "Aarhus Airport serves Aarhus."
    assert places(text, "Aarhus Airport", "Aarhus", tmp_path)[0] == [((0, 14), (22, 28))]
    assert places(text, "Aarhus", "Aarhus Airport", tmp_path)[0] == [((22, 28), (0, 14))]
    assert places("Rome. Rome of new Rome", "new Rome", "Rome", tmp_path)[0] == [((14, 22), (6, 10))]
    # Where they stand within each other alone, they are taken so.
    assert places("Aarhus Airport", "Aarhus Airport", "Aarhus", tmp_path)[0] == [((0, 14), (0, 6))]


def test_whole_words_go_before_parts_of_words_and_other_letters(tmp_path):
    assert places("Annex of Ann", "Ann", "of", tmp_path)[0] == [((9, 12), (6, 8))]
    assert places("Annex of it", "Ann", "of", tmp_path)[0] == [((0, 3), (6, 8))]
    assert places("ANN  SMITH of it", "Ann Smith", "of", tmp_path)[0] == [((0, 10), (11, 13))]


def test_what_is_not_there_is_counted(tmp_path):
    record = {
        "sentText": "Ann of Rome",
        "relationMentions": [
            {"em1Text": "Ann", "em2Text": "Oslo", "label": "in"},
            {"em1Text": "Ann", "em2Text": "Ann", "label": "is"},
            {"em1Text": "Ann", "em2Text": "Rome", "label": "None"},
        ],
        "entityMentions": [{"text": "Rome", "label": "LOCATION", "start": 1}, {"text": "of", "label": "X"},
                           {"text": "Bob", "label": "PERSON"}],
    }  # fmt: skip
    found = read("strings", write(tmp_path / "a.json", record))
    assert found.errors == []
    assert found.left_out == {NOT_THERE: 1, SELF: 1, NAME_NOT_THERE: 1, "denied relations (read as none)": 1}
    [document] = found.documents
    assert [r.label for r in without_denials(document).relations] == ["is"]
    assert found.relations == []
    assert [(document.text[m.start : m.end], m.type) for m in document.mentions] == [("Ann", "ENTITY"), ("of", "X"), ("Rome", "LOCATION")]


def test_record_without_triples_is_not_annotated(tmp_path):
    first, second = read("strings", write(tmp_path / "a.json", [{"text": TEXT}, {"text": TEXT, "triples": []}])).documents
    assert (first.relations, second.relations) == (None, [])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": TEXT, "triples": [["Ann", "livesIn"]]}, r"triple 1: expected \[head, label, tail\]"),
        ({"text": TEXT, "triples": [{"head": "Ann", "relation": "r"}]}, "triple 1: expected 'object' to be a string"),
        ({"text": TEXT, "triples": "Ann"}, "expected 'triples' to be a list"),
        ({"text": TEXT, "triples": [], "spo_list": []}, "expected one list of triples, and saw spo_list and triples"),
        # The shape of OpenNRE.
        ({"text": TEXT, "relation": "in", "h": {"name": "Ann", "pos": [0, 3]}, "t": {"name": "Rome"}}, "expected a list of triples.* h, t"),
        ({"text": TEXT, "relations": [["Ann", "livesIn", "Rome"]]}, "expected a list of triples.* relations"),
        ({"triples": []}, "expected 'text' to be a string"),
    ],
)
def test_bad_record_is_left_out_alone(record, message, tmp_path):
    found = read("strings", write(tmp_path / "a.jsonl", record, {"id": "good", "text": TEXT}))
    assert [document.id for document in found.documents] == ["good"]
    [error] = found.errors
    assert error.line == 1
    assert re.search(message, str(error)), str(error)


def test_many_places_of_both_names_take_no_time(tmp_path):
    found, _ = places("a b " * 20_000, "a", "b", tmp_path)
    assert found == [((0, 1), (2, 3))]
