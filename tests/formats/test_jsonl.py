"""JSON lines: what goes out comes back, and everything that is wrong is reported with file and line."""

import io
import json
from collections import Counter

import pytest

from spacy_relext.errors import DataError
from spacy_relext.formats import jsonl
from spacy_relext.formats.docs import from_doc, to_doc
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import UNKNOWN, UNNAMED, AnnotatedRelation, Document, Mention
from spacy_relext.relations import annotated_labels, get_denied, get_relations

#       0         1         2         3
#       0123456789012345678901234567890123
TEXT = "Cimetidine raised warfarin levels."
GOOD = {
    "id": "case-7",
    "text": TEXT,
    "sentences": [[0, 34]],
    "mentions": [
        {"id": "T1", "start": 0, "end": 10, "type": "CHEMICAL", "text": "Cimetidine"},
        {"id": "T2", "start": 18, "end": 26, "type": "CHEMICAL", "text": "warfarin"},
    ],
    "relations": [{"head": "T1", "tail": "T2", "label": "MECHANISM"}],
}


def raise_it(error):
    raise error


def read_all(path, on_error=raise_it):
    return list(jsonl.read(path, Reading(on_error)))


def write_records(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")
    return path


def changed(**values):
    """The good record with some keys replaced, as one line."""
    return json.dumps({**GOOD, **values})


def test_line_of_the_description_is_read(tmp_path):
    [document] = read_all(write_records(tmp_path / "a.jsonl", GOOD))
    assert document == Document(
        "case-7",
        TEXT,
        [Mention("T1", 0, 10, "CHEMICAL"), Mention("T2", 18, 26, "CHEMICAL")],
        [AnnotatedRelation("T1", "T2", "MECHANISM", 1.0)],
        [(0, 34)],
        source=tmp_path / "a.jsonl",
        line=1,
    )


def test_text_alone_is_enough_and_file_and_line_are_the_id(tmp_path):
    [first, second] = read_all(write_records(tmp_path / "a.jsonl", {"text": "One."}, {"text": "Two.", "id": 5, "meta": {"any": [1]}}))
    assert (first.id, first.mentions, first.relations, first.sentences) == ("a-1", [], None, None)
    assert (second.id, first.meta, second.meta) == ("5", {}, {"any": [1]})


def test_no_relations_differs_from_not_annotated(tmp_path):
    documents = read_all(
        write_records(tmp_path / "a.jsonl", {"text": "x"}, {"text": "x", "relations": None}, {"text": "x", "relations": []})
    )
    assert [document.relations for document in documents] == [None, None, []]


def test_mentions_without_id_are_numbered(tmp_path):
    mentions = [{"start": 0, "end": 10, "type": "A"}, {"id": 7, "start": 18, "end": 26, "type": "A"}]
    [document] = read_all(write_records(tmp_path / "a.jsonl", {"text": TEXT, "mentions": mentions}))
    assert [mention.id for mention in document.mentions] == ["T1", "7"]


def test_write_then_read_gives_the_same(tmp_path):
    documents = [
        Document(
            "a",
            "Ré—👩🏽‍⚕️ gave e\u0301phedrine\nwith \u2028 tea.",
            [Mention("x", 0, 2, "P"), Mention("y", 13, 24, "C")],
            [AnnotatedRelation("y", "x", "L", 0.25)],
            [(0, 36)],
        ),
        Document("b", "", [], None, None),
        Document("c", "t", [], [], []),
    ]
    path = tmp_path / "out.jsonl"
    jsonl.write(documents, path)
    assert len(path.read_bytes().splitlines()) == 3
    back = read_all(path)
    assert [(d.id, d.text, d.mentions, d.relations, d.sentences) for d in back] == [
        (d.id, d.text, d.mentions, d.relations, d.sentences) for d in documents
    ]


def test_written_line_has_the_mentions_text_and_leaves_scores_of_one_out():
    file = io.StringIO()
    relations = [AnnotatedRelation("a", "b", "L"), AnnotatedRelation("b", "a", "L", 0.123456)]
    jsonl.write_line(Document("d", "ä b", [Mention("a", 0, 1, "T"), Mention("b", 2, 3, "T")], relations), file)
    record = json.loads(file.getvalue())
    assert "ä" in file.getvalue()
    assert "sentences" not in record
    assert [mention["text"] for mention in record["mentions"]] == ["ä", "b"]
    assert record["relations"] == [{"head": "a", "tail": "b", "label": "L"}, {"head": "b", "tail": "a", "label": "L", "score": 0.1235}]


def test_round_trip_through_a_doc(nlp, tmp_path):
    [document] = read_all(write_records(tmp_path / "a.jsonl", GOOD))
    file = io.StringIO()
    jsonl.write_line(from_doc(to_doc(document, nlp)), file)
    assert json.loads(file.getvalue()) == GOOD


def test_offsets_count_characters_not_bytes_or_utf16_units(nlp, tmp_path):
    # 👩🏽‍⚕️ is five code points, e + combining acute two.
    text = "👩🏽‍⚕️ gave e\u0301phedrine."
    assert text[11:21] == "e\u0301phedrine"
    record = {
        "text": text,
        "mentions": [{"start": 11, "end": 21, "type": "C", "text": "e\u0301phedrine"}, {"start": 0, "end": 5, "type": "P"}],
    }
    for raw in (json.dumps(record), json.dumps(record, ensure_ascii=False)):
        path = tmp_path / "a.jsonl"
        path.write_text(raw, encoding="utf8")
        [document] = read_all(path)
        doc = to_doc(document, nlp)
        assert doc.text == text
        assert [span.text for span in doc.spans["mentions"]] == ["e\u0301phedrine", "👩🏽‍⚕️"]


def test_windows_line_ends_and_blank_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b"\r\n\r\n  \n" + b'{"text": "Two."}\r\n')
    first, second = read_all(path)
    assert (first.text, second.text) == (TEXT, "Two.")
    assert (second.line, second.id) == (4, "a-4")


def test_line_without_line_end_is_read(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "One."}', encoding="utf8")
    assert [document.text for document in read_all(tmp_path / "a.jsonl")] == ["One."]


def test_empty_file_holds_no_document(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"")
    assert read_all(tmp_path / "a.jsonl") == []


def test_folder_is_searched_recursively(tmp_path):
    (tmp_path / "sub").mkdir()
    write_records(tmp_path / "b.jsonl", {"text": "B"})
    write_records(tmp_path / "sub" / "a.jsonl", {"text": "A"})
    (tmp_path / "other.txt").write_text("no", encoding="utf8")
    assert [document.text for document in read_all(tmp_path)] == ["B", "A"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no \.jsonl file"):
        read_all(tmp_path / "empty")


MENTION = {"start": 0, "end": 10, "type": "A"}
RELATION = {"head": "T1", "tail": "T2", "label": "L"}

# A line, and what its error says.
BAD_LINES = {
    "annotated labels no list": (changed(annotated_labels="MECHANISM"), "'annotated_labels' to be a list, and saw 'MECHANISM'"),
    "no annotated labels": (changed(annotated_labels=[]), r"list of one label or more, and saw \[\]"),
    "annotated label a number": (changed(annotated_labels=["MECHANISM", 1]), "list of one label or more"),
    "annotated for others": (changed(annotated_labels=["EFFECT"]), r"labels \['MECHANISM'\], and 'annotated_labels' names \['EFFECT'\]"),
    "annotated labels alone": (json.dumps({"text": "x", "annotated_labels": ["A"]}), "has no 'relations'"),
    "truncated": (json.dumps(GOOD)[:-20], "not JSON"),
    "not JSON": ("Cimetidine raised warfarin levels.", "not JSON"),
    "not UTF-8": (json.dumps(GOOD).encode()[:40] + b"\xe9" + json.dumps(GOOD).encode()[40:], r"not UTF-8 \(byte 40"),
    "a list": ("[1, 2]", "expected a JSON object with the key 'text', and saw list"),
    "null": ("null", "saw NoneType"),
    "foreign JSON": ('{"tokens": ["a"], "spans": []}', r"expected the key 'text', and saw \['spans', 'tokens'\]"),
    "nested too deeply": ("[" * 200_000, "JSON that cannot be read"),
    "number of 5,000 digits": ('{"text": ' + "1" * 5000 + "}", "'text' to be a string, and saw a number of 5,000 digits"),
    "meta": (changed(meta=[1]), "expected 'meta' to be an object"),
    "unknown key": (changed(entities=[]), r"unknown keys \['entities'\]; known are .*'meta'"),
    "text a number": (changed(text=5), "'text' to be a string, and saw 5"),
    "text null": (changed(text=None), "'text' to be a string, and saw None"),
    "half an emoji": ('{"text": "ab \\ud83d"}', "character 3 of the text .*surrogate"),
    "id a list": (changed(id=[]), "'id' to be a string or a whole number"),
    "id a truth value": (changed(id=True), "'id' to be .*saw True"),
    "mentions an object": (changed(mentions={}), "'mentions' to be a list"),
    "mentions null": (changed(mentions=None), "'mentions' to be a list"),
    "a mention a list": (changed(mentions=[[0, 10, "A"]]), "mention 1: expected an object"),
    "start a string": (changed(mentions=[{**MENTION, "start": "0"}]), "mention 1: expected 'start' to be a whole number, and saw '0'"),
    "start a fraction": (changed(mentions=[MENTION, {**MENTION, "start": 0.5}]), "mention 2: expected 'start'"),
    "end a truth value": (changed(mentions=[{**MENTION, "end": True}]), "expected 'end' .*saw True"),
    "no end": (changed(mentions=[{"start": 0, "type": "A"}]), "expected 'end' .*saw None"),
    "no type": (changed(mentions=[{"start": 0, "end": 10}]), "expected 'type' to be a string"),
    "unknown key of a mention": (changed(mentions=[{**MENTION, "label": "B"}]), r"mention 1: unknown keys \['label'\]"),
    "mention text mismatch": (
        changed(mentions=[{**MENTION, "text": "warfarin"}]),
        "characters 0-10 of the text are 'Cimetidine', and its 'text' is 'warfarin'",
    ),
    "relations a string": (changed(relations="none"), "'relations' to be a list"),
    "a relation a list": (changed(relations=[["T1", "T2", "L"]]), "relation 1: expected an object"),
    "no head": (changed(relations=[{"tail": "T2", "label": "L"}]), "relation 1: expected 'head'"),
    "label a number": (changed(relations=[{**RELATION, "label": 1}]), "relation 1: expected 'label' to be a string"),
    "score a string": (changed(relations=[{**RELATION, "score": "high"}]), "expected 'score' to be a whole number or a number"),
    "score above one": (changed(relations=[{**RELATION, "score": 97}]), "'score' is 97; .*between 0 and 1"),
    "raw score above one": (changed(relations=[{**RELATION, "raw_score": 97}]), "'raw_score' is 97; .*between 0 and 1"),
    "score no number": (changed(relations=[{**RELATION, "score": float("nan")}]), "'score' is nan"),
    "unknown key of a relation": (changed(relations=[{**RELATION, "type": "B"}]), r"relation 1: unknown keys \['type'\]"),
    "sentences a string": (changed(sentences="one"), "'sentences' to be a list"),
    "a sentence of three": (changed(sentences=[[0, 34, 1]]), r"sentence 1: expected \[start, end\]"),
    "a sentence of truth values": (changed(sentences=[[False, True]]), r"sentence 1: expected \[start, end\]"),
}


@pytest.mark.parametrize(("line", "message"), BAD_LINES.values(), ids=BAD_LINES)
def test_bad_line_is_reported_with_file_and_line(line, message, tmp_path):
    path = tmp_path / "bad.jsonl"
    raw = line if isinstance(line, bytes) else line.encode()
    path.write_bytes(json.dumps(GOOD).encode() + b"\n" + raw + b"\n" + json.dumps({**GOOD, "id": "case-9"}).encode() + b"\n")
    with pytest.raises(DataError, match=message) as caught:
        read_all(path)
    assert (caught.value.path, caught.value.line) == (path, 2)
    assert str(caught.value).startswith(f"{path}:2: ")
    # An on_error that does not raise leaves out this line and no other.
    errors = []
    assert [document.line for document in read_all(path, errors.append)] == [1, 3]
    assert len(errors) == 1


# A record that is well-formed, and what is wrong with its annotation.
BAD_ANNOTATION = {
    "end beyond the text": ({"mentions": [{**MENTION, "end": 35}], "relations": None}, "offsets 0-35; the text has 34 characters"),
    "negative start": ({"mentions": [{**MENTION, "start": -3}], "relations": None}, "offsets -3-10"),
    "end before start": ({"mentions": [{**MENTION, "start": 10, "end": 9}], "relations": None}, "offsets 10-9"),
    "no character": ({"mentions": [{**MENTION, "start": 10, "end": 10}], "relations": None}, "offsets 10-10"),
    "white space only": ({"mentions": [{**MENTION, "start": 10, "end": 11}], "relations": None}, "nothing but white space"),
    "duplicate ids": (
        {"mentions": [{**MENTION, "id": "T9"}, {**MENTION, "id": "T9", "start": 1}], "relations": None},
        "two mentions .*'T9'",
    ),
    "id of a mention without one": (
        {"mentions": [{**MENTION, "id": "T2"}, {**MENTION, "start": 1}], "relations": None},
        "two mentions .*'T2'",
    ),
    "sentence beyond the text": ({"sentences": [[0, 35]]}, "the sentence 0-35"),
    "sentences overlap": ({"sentences": [[0, 20], [19, 34]]}, "the sentence 19-34 overlaps"),
    "negative sentence": ({"sentences": [[-1, 34]]}, "the sentence -1-34"),
}


@pytest.mark.parametrize(("values", "message"), BAD_ANNOTATION.values(), ids=BAD_ANNOTATION)
def test_impossible_annotation_is_reported_with_file_and_line(values, message, nlp, tmp_path):
    path = write_records(tmp_path / "bad.jsonl", GOOD, {**GOOD, "id": "case-8", **values})
    good, bad = read_all(path)
    to_doc(good, nlp)
    with pytest.raises(DataError, match=message) as caught:
        to_doc(bad, nlp)
    assert (caught.value.path, caught.value.line) == (path, 2)
    assert "document 'case-8'" in str(caught.value)


@pytest.mark.parametrize("kind", ["relations", "denied_relations"])
@pytest.mark.parametrize(
    ("bad", "mentions", "kept", "left_out"),
    [
        ({**RELATION, "tail": "T3"}, GOOD["mentions"], 1, {UNKNOWN: 1}),
        ({**RELATION, "label": ""}, GOOD["mentions"], 1, {UNNAMED: 1}),
        (RELATION, [], 0, {UNKNOWN: 2}),
    ],
)
def test_relations_of_missing_mentions_or_without_a_label_are_left_out(bad, mentions, kept, left_out, kind, nlp, tmp_path):
    record = {**GOOD, "mentions": mentions, "relations": [], kind: [bad, RELATION]}
    [document] = read_all(write_records(tmp_path / "a.jsonl", record))
    counts = Counter()
    doc = to_doc(document, nlp, counts)
    assert len(get_relations(doc)) + len(get_denied(doc)) == kept
    assert {name: counts[name] for name in (UNKNOWN, UNNAMED) if counts[name]} == left_out
    assert document.examples == dict.fromkeys(left_out, f"{tmp_path / 'a.jsonl'}:1")


def test_relation_given_twice_is_counted_and_kept_once(nlp, tmp_path):
    other = {"head": "T2", "tail": "T1", "label": "MECHANISM"}
    [document] = read_all(write_records(tmp_path / "a.jsonl", {**GOOD, "relations": [*GOOD["relations"], *GOOD["relations"], other]}))
    counts = Counter()
    doc = to_doc(document, nlp, counts)
    # The other direction is another relation.
    assert [(r.head.text, r.tail.text) for r in get_relations(doc)] == [("Cimetidine", "warfarin"), ("warfarin", "Cimetidine")]
    assert counts["relations given twice (kept once)"] == 1
    assert counts["relations"] == counts["relations: MECHANISM"] == 2


def test_labels_that_a_document_is_annotated_for(nlp, tmp_path):
    record = {**GOOD, "annotated_labels": ["EFFECT", "MECHANISM"]}
    [document] = read_all(write_records(tmp_path / "a.jsonl", record))
    assert document.annotated_labels == {"EFFECT", "MECHANISM"}
    doc = to_doc(document, nlp)
    assert annotated_labels(doc) == {"EFFECT", "MECHANISM"}
    file = io.StringIO()
    jsonl.write_line(from_doc(doc), file)
    assert json.loads(file.getvalue()) == record
    [concepts] = read_all(write_records(tmp_path / "b.jsonl", {"text": "x", "concept_relations": [], "annotated_labels": ["A"]}))
    assert annotated_labels(to_doc(concepts, nlp)) == {"A"}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"sources": ["a"]}, "'sources' to be an object"),
        ({"sources": {"a": 2}}, "relation 1: the score is 2"),
        ({"sources": {"a": "x"}}, "relation 1: the score is 'x'"),
        ({"sources": {}}, "relation 1: the sources are {}"),
        ({"sources": {"a": 0.5}, "score": 0.75}, r"score is 0\.75, and the highest of its sources 0\.5"),
        ({"status": "negated"}, "status is 'negated'; it is one of 'asserted', 'uncertain'"),
        ({"status": None}, "status is None"),
        ({"attributes": "novel"}, "'attributes' to be a list"),
        ({"attributes": [5]}, r"attributes are \[5\]"),
        ({"attributes": ["negated"]}, "negated is none. Leave it out"),
    ],
)
def test_details_of_relations_that_cannot_be_right(said, message):
    mentions = [{"start": 0, "end": 1, "type": "X"}, {"start": 2, "end": 3, "type": "X"}]
    record = {"text": "a b", "mentions": mentions, "relations": [{"head": "T1", "tail": "T2", "label": "L", **said}]}
    with pytest.raises(DataError, match=rf"a\.jsonl:5: .*{message}"):
        jsonl.parse(json.dumps(record), "a.jsonl", 5)


def test_details_of_relations_are_written_only_where_there_are_any():
    relation = {"head": "T1", "tail": "T2", "label": "L"}
    mentions = [{"id": f"T{i}", "start": i, "end": i + 1, "type": "X", "text": text} for i, text in ((1, "b"), (2, "c"))]
    for said, expected in (
        ({"status": "asserted", "attributes": [], "sources": {"": 1.0}}, {}),
        ({"score": 0.75, "raw_score": 0.912345}, {"score": 0.75, "raw_score": 0.9123}),
        ({"score": 0.75, "raw_score": 0.75}, {"score": 0.75}),
        ({"raw_score": 0.5}, {"raw_score": 0.5}),
        ({"sources": {"a": 0.123456, "b": 0.1}}, {"score": 0.1235, "sources": {"a": 0.1235, "b": 0.1}}),
        ({"sources": {"a": 1.0}}, {"sources": {"a": 1.0}}),
        ({"status": "uncertain", "attributes": ["y", "x", "y"]}, {"status": "uncertain", "attributes": ["x", "y"]}),
    ):
        record = {"id": "d", "text": "abc", "mentions": mentions, "relations": [{**relation, **said}]}
        written = jsonl.to_record(jsonl.parse(json.dumps(record), None, 1))
        assert written["relations"] == [relation | expected]
        assert jsonl.to_record(jsonl.parse(json.dumps(written), None, 1)) == written
