"""doccano: both versions of its export, offsets inside characters, and what is wrong with a line."""

import json
from collections import Counter

import pytest

from spacy_relext.errors import DataError
from spacy_relext.formats import doccano
from spacy_relext.formats.denials import without_denials
from spacy_relext.formats.docs import INSIDE, to_doc
from spacy_relext.formats.offsets import UNCHECKED
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.types import UNKNOWN, UNNAMED, AnnotatedRelation, Document, Mention

TEXT = "Teal spares CYP1."
ENTITIES = [
    {"id": 31, "label": "DRUG", "start_offset": 0, "end_offset": 4},
    {"id": 32, "label": "GENE", "start_offset": 12, "end_offset": 16},
]
RELATION = {"id": 5, "from_id": 31, "to_id": 32, "type": "SPARES"}
GOOD = {"id": 7, "text": TEXT, "entities": ENTITIES, "relations": [RELATION], "Comments": [], "source": "metadata"}


def raise_it(error):
    raise error


def read(tmp_path, *records, on_error=raise_it, counts=None, **options):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")
    return list(doccano.read(path, Reading(on_error, Counter() if counts is None else counts, Options(**options))))


def test_export_is_read(tmp_path):
    [document] = read(tmp_path, GOOD)
    assert (document.id, document.text, document.sentences) == ("7", TEXT, None)
    assert document.mentions == [Mention("31", 0, 4, "DRUG"), Mention("32", 12, 16, "GENE")]
    assert document.relations == [AnnotatedRelation("31", "32", "SPARES")]


@pytest.mark.parametrize(("text", "labels"), [("text", "label"), ("data", "label"), ("text", "labels")])
def test_older_versions_have_no_relations(text, labels, tmp_path):
    [document] = read(tmp_path, {text: TEXT, labels: [[0, 4, "DRUG"], [12, 16, "GENE"]], "meta": {}, "annotation_approver": None})
    assert document.mentions == [Mention("T1", 0, 4, "DRUG"), Mention("T2", 12, 16, "GENE")]
    assert (document.id, document.relations) == ("a-1", None)


def test_denied_relations_are_none(tmp_path):
    [document] = read(tmp_path, {**GOOD, "relations": [{**RELATION, "type": "NO RELATION"}]})
    document = without_denials(document)
    assert document.relations == []
    assert [relation.label for relation in document.denied] == ["NO RELATION"]


# Each text, the offsets of a mention in code points, and whether they part what is seen as one character.
@pytest.mark.parametrize(
    ("text", "start", "end", "inside"),
    [
        ("e\u0301phedrine", 0, 10, 0),
        ("e\u0301phedrine", 0, 1, 1),
        ("e\u0301phedrine", 1, 10, 1),
        ("👩🏽‍⚕️ x", 0, 5, 0),
        ("👩🏽‍⚕️ x", 0, 1, 1),
        ("👩🏽‍⚕️ x", 0, 2, 1),
        ("👩🏽‍⚕️ x", 3, 5, 1),
        ("👩🏽‍⚕️ x", 6, 7, 0),
        ("🙂🙂", 1, 2, 0),
        ("a\r\nb", 2, 4, 1),
        ("a\r\nb", 3, 4, 0),
    ],
)
def test_offsets_are_code_points_and_those_inside_a_character_are_kept_and_counted(text, start, end, inside, nlp, tmp_path):
    counts = Counter()
    [document] = read(tmp_path, {"text": text, "label": [[start, end, "X"]]})
    assert document.mentions == [Mention("T1", start, end, "X")]
    to_doc(document, nlp, counts)
    assert counts[INSIDE] == inside


BAD_RECORDS = {
    "no text": (
        {"entities": [], "Title": "x"},
        "expected 'text' to be a string; those that are: 'Title'. Name one with `text_column`",
    ),
    "no entities": ({"text": TEXT}, r"expected one of 'entities' and, of older versions, 'label', and saw \['text'\]"),
    "two lists": ({**GOOD, "label": [[0, 1, "X"]]}, "expected one of 'entities' and.* with labels: entities, label. Name one"),
    "entity a list": ({**GOOD, "entities": [[0, 4, "DRUG"]]}, "entity 1: expected an object"),
    "label an object": ({"text": TEXT, "label": [{"start": 0}]}, r"entity 1: expected \[start, end, label\]"),
    "label of truth values": ({"text": TEXT, "label": [[False, True, "X"]]}, r"expected \[start, end, label\]"),
    "no id": ({**GOOD, "entities": [{"label": "X", "start_offset": 0, "end_offset": 4}]}, "expected 'id' to be a string or a whole number"),
    "start a fraction": ({**GOOD, "entities": [{**ENTITIES[0], "start_offset": 0.0}]}, "expected 'start_offset' to be a whole number"),
    "label a number": ({**GOOD, "entities": [{**ENTITIES[0], "label": 3}]}, "expected 'label' to be a string, and saw 3"),
    "relations an object": ({**GOOD, "relations": {}}, "expected 'relations' to be a list"),
    "score": ({**GOOD, "relations": [{**RELATION, "score": 2}]}, "'score' is 2;"),
    "half an emoji": ({**GOOD, "text": "\ud83d" + TEXT}, "character 0 of the text .* half of a surrogate pair"),
}


@pytest.mark.parametrize(("record", "message"), BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_bad_line_is_left_out_alone(record, message, tmp_path):
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, GOOD, record)
    assert caught.value.line == 2
    errors = []
    assert [document.id for document in read(tmp_path, {**GOOD, "id": 1}, record, {**GOOD, "id": 2}, on_error=errors.append)] == ["1", "2"]
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"entities": [{**ENTITIES[0], "end_offset": 18}, ENTITIES[1]]}, "offsets 0-18; the text has 17 characters"),
        ({"entities": [ENTITIES[0], {**ENTITIES[1], "id": 31}], "relations": []}, "two mentions have the id '31'"),
    ],
)
def test_impossible_annotation(values, message, nlp, tmp_path):
    [document] = read(tmp_path, {**GOOD, **values})
    with pytest.raises(DataError, match=message):
        to_doc(document, nlp)


def test_ids_differ_over_a_written_file(tmp_path):
    mentions = [Mention("T1", 0, 4, "DRUG"), Mention("T2", 12, 16, "GENE")]
    relations = [AnnotatedRelation("T1", "T2", "SPARES"), AnnotatedRelation("T2", "T1", "X")]
    doccano.write([Document(name, TEXT, mentions, relations) for name in "ab"], tmp_path / "a.jsonl")
    records = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf8").splitlines()]
    assert [[entity["id"] for entity in record["entities"]] for record in records] == [[1, 2], [3, 4]]
    assert [[relation["id"] for relation in record["relations"]] for record in records] == [[1, 2], [3, 4]]
    assert [relation["from_id"] for relation in records[1]["relations"]] == [3, 4]


def test_relations_of_relations_are_left_out(tmp_path):
    [document] = read(tmp_path, {**GOOD, "relations": [RELATION, {**RELATION, "id": 6, "from_id": 5}]})
    assert document.relations == [AnnotatedRelation("31", "32", "SPARES")]
    assert document.unsupported == {"relations of relations": 1}
    assert document.examples == {"relations of relations": f"{tmp_path / 'a.jsonl'}:1"}


def test_text_of_another_column_and_relations_without_a_type(tmp_path):
    record = {"Body": TEXT, "entities": ENTITIES, "relations": [{**RELATION, "type": None}]}
    [document] = read(tmp_path, record, text_column="Body", default_label="REL")
    assert (document.text, document.relations) == (TEXT, [AnnotatedRelation("31", "32", "REL")])


def test_relations_of_missing_entities_or_without_a_type_are_left_out(tmp_path):
    reading = Reading()
    (tmp_path / "a.jsonl").write_text(
        json.dumps({**GOOD, "relations": [{**RELATION, "to_id": 99}, {**RELATION, "type": None}, RELATION]}), encoding="utf8"
    )
    [document] = doccano.read(tmp_path, reading)
    assert document.relations == [AnnotatedRelation("31", "32", RELATION["type"])]
    assert (+document.unsupported, +reading.counts) == ({UNKNOWN: 1}, {UNNAMED: 1})
    assert {**document.examples, **reading.examples} == dict.fromkeys((UNKNOWN, UNNAMED), f"{tmp_path / 'a.jsonl'}:1")


def test_offsets_in_utf16_units_where_told_to(tmp_path):
    record = {"id": 1, "text": "\U0001f375 tea", "entities": [{"id": 1, "label": "X", "start_offset": 3, "end_offset": 6}], "relations": []}
    (tmp_path / "a.jsonl").write_text(json.dumps(record), encoding="utf8")
    reading = Reading(options=Options(utf16_offsets=True))
    [document] = doccano.read(tmp_path, reading)
    assert ([(m.start, m.end) for m in document.mentions], +reading.counts) == ([(2, 5)], {})
    [document] = doccano.read(tmp_path, reading := Reading())
    assert ([(m.start, m.end) for m in document.mentions], +reading.counts) == ([(3, 6)], {UNCHECKED: 1})
    (tmp_path / "a.jsonl").write_text(json.dumps(record).replace('"start_offset": 3', '"start_offset": 1'), encoding="utf8")
    with pytest.raises(DataError, match=r"a\.jsonl:1: the offset 1 is inside a character of two UTF-16 units"):
        list(doccano.read(tmp_path, Reading(options=Options(utf16_offsets=True))))


def test_who_approved_a_text_without_entities_says_that_there_are_none(tmp_path):
    empty = {"text": TEXT, "entities": [], "relations": []}
    documents = read(tmp_path, empty, {**empty, "annotation_approver": None}, {**empty, "annotation_approver": "ann"})
    assert [document.mentions_given for document in documents] == [False, False, True]


def test_a_document_without_mentions_comes_back_as_annotated(tmp_path):
    doccano.write([Document("a", TEXT, relations=[]), Document("b", TEXT)], tmp_path / "b.jsonl")
    assert [document.mentions_given for document in doccano.read(tmp_path / "b.jsonl", Reading())] == [True, False]


def test_labels_of_another_column(tmp_path):
    spans = [[0, 4, "DRUG"], [12, 16, "GENE"]]
    for record, column in (
        ({"text": TEXT, "spans": spans}, "spans"),
        ({"text": TEXT, "Label": ENTITIES, "label": "positive"}, "Label"),
        ({"text": TEXT, "entities": [], "spans": spans}, "spans"),
        ({"text": TEXT, "entities": [], "label": spans}, "label"),
    ):
        with pytest.raises(DataError, match="`label_column`"):
            read(tmp_path, record)
        [document] = read(tmp_path, record, label_column=column)
        assert [(m.start, m.end, m.type) for m in document.mentions] == [(0, 4, "DRUG"), (12, 16, "GENE")]
    with pytest.raises(DataError, match=r"expected 'x', and saw .*; with labels: spans. Name one with `label_column`"):
        read(tmp_path, {"text": TEXT, "spans": spans}, label_column="x")


def test_json_is_a_list_or_lines(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([GOOD, {**GOOD, "id": 8}]), encoding="utf8")
    (tmp_path / "b.json").write_text(json.dumps({**GOOD, "id": 9}) + "\n" + json.dumps({**GOOD, "id": 10}) + "\n", encoding="utf8")
    assert [document.id for document in doccano.read(tmp_path, Reading(raise_it))] == ["7", "8", "9", "10"]
