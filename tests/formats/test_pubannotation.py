"""PubAnnotation's JSON."""

import json

import pytest

from spacy_relext.errors import DataError
from spacy_relext.formats import pubannotation
from spacy_relext.formats.offsets import BEYOND, DISCONTINUOUS
from spacy_relext.formats.reading import OTHER_ANNOTATORS, Options, Reading
from spacy_relext.formats.types import RELATED, UNKNOWN, AnnotatedRelation, Document, Mention
from tests.formats.test_ddi import raise_it

ANN = {
    "text": "Ann lives in Rome.",
    "denotations": [
        {"id": "T1", "span": {"begin": 0, "end": 3}, "obj": "Person"},
        {"id": "T2", "span": {"begin": 13, "end": 17}, "obj": "Place"},
    ],
    "relations": [{"id": "R1", "pred": "livesIn", "subj": "T1", "obj": "T2"}],
    "sourceid": "1",
}


def read(value, folder, **options):
    file = folder / "a.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf8")
    return list(pubannotation.read(file, Reading(raise_it, options=Options(**options))))


@pytest.mark.parametrize("shape", ["one", "indented", "list", "lines", "mark"])
def test_shapes_of_files(shape, tmp_path):
    other = ANN | {"sourcedb": "PubMed", "divid": 0}
    value = {
        "one": ANN,
        "indented": json.dumps(ANN, indent=1),
        "list": [ANN, other],
        "lines": f"{json.dumps(ANN)}\n{json.dumps(other)}\n",
        "mark": f"\ufeff{json.dumps(ANN)}",
    }[shape]
    found = read(value, tmp_path)
    assert [d.id for d in found] == ["1", "PubMed:1-0"][: 2 if shape in ("list", "lines") else 1]
    for document in found:
        assert document.mentions == [Mention("T1", 0, 3, "Person"), Mention("T2", 13, 17, "Place")]
        assert document.relations == [AnnotatedRelation("T1", "T2", "livesIn")]


def test_attributes_modifications_and_tracks(tmp_path):
    track = {
        "project": "p",
        "denotations": [{"id": "T1", "span": [{"begin": 0, "end": 3}, {"begin": 13, "end": 17}], "obj": "Both"}],
        "relations": [{"id": "R1", "pred": "x", "subj": "T1", "obj": "T1"}],
    }
    record = ANN | {
        "attributes": [
            {"id": "A1", "subj": "T1", "pred": "identifier", "obj": "Q1"},
            {"id": "A2", "subj": "T2", "pred": "size", "obj": "big"},
            {"id": "A3", "subj": "R1", "pred": "score", "obj": 0.5},
        ],
        "modifications": [{"id": "M1", "pred": "Speculation", "obj": "R1"}],
        "relations": [*ANN["relations"], {"id": "R2", "pred": "hates", "subj": "T1", "obj": "T2"}],
        "tracks": [track],
    }
    record["modifications"].append({"id": "M2", "pred": "Negation", "obj": "R2"})
    with pytest.raises(DataError, match="another one has the id 'T1'"):
        read(record | {"denotations": [ANN["denotations"][0]] * 2}, tmp_path)
    [document] = read(record | {"tracks": [track, track]}, tmp_path)
    assert [m.id for m in document.mentions] == ["T1", "T2", "1.T1"]
    assert document.mentions[0].kb_id == "Q1"
    assert document.relations[0] == AnnotatedRelation("T1", "T2", "livesIn", 0.5, attributes=("speculated",))
    assert document.denied == [AnnotatedRelation("T1", "T2", "hates")]
    assert +document.unsupported == {pubannotation.OF_MENTIONS: 1, DISCONTINUOUS: 1, pubannotation.SAME_MENTION: 1}
    # With one track, too, names of the document and the track differ.
    assert [m.id for m in read(record | {"tracks": [track]}, tmp_path)[0].mentions] == ["T1", "T2", "1.T1"]


def test_tracks_are_of_several_projects(tmp_path):
    more = ANN | {"project": "two", "relations": [{"id": "R1", "pred": "x", "subj": "T2", "obj": "T1"}]}
    more["attributes"] = [{"id": "A1", "subj": "T1", "pred": "identifier", "obj": "Q1"}]
    third = {"project": "three", "denotations": [ANN["denotations"][0] | {"obj": "Name"}]}
    record = {"text": ANN["text"], "sourceid": "1", "tracks": [ANN | {"project": "one"}, more, third]}
    [document] = read(record, tmp_path)
    assert document.mentions == [Mention("T1", 0, 3, "Person", "Q1"), Mention("T2", 13, 17, "Place"), Mention("2.T1", 0, 3, "Name")]
    assert document.relations == [AnnotatedRelation("T1", "T2", "livesIn"), AnnotatedRelation("T2", "T1", "x")]
    assert +document.unsupported == {pubannotation.SAME_MENTION: 2}
    # Another concept is another mention.
    other = more | {"attributes": [more["attributes"][0] | {"obj": "Q2"}]}
    [document] = read(record | {"tracks": [more, other]}, tmp_path)
    assert [m.kb_id for m in document.mentions] == ["Q1", "", "Q2"]
    for project, relations, n_mentions in (("two", [AnnotatedRelation("T2", "T1", "x")], 2), ("three", None, 1), ("four", None, 0)):
        [document] = read(record, tmp_path, annotator=project)
        assert (document.relations, len(document.mentions)) == (relations, n_mentions)
        assert +document.unsupported == {OTHER_ANNOTATORS: 2 + (project == "four")}


def test_blocks_and_typesettings_are_counted(tmp_path):
    span = {"span": {"begin": 0, "end": 3}}
    [document] = read(ANN | {"blocks": [span | {"obj": "sentence"}] * 2, "typesettings": [span | {"style": "bold"}]}, tmp_path)
    assert +document.unsupported == {"blocks of the text, not read": 2, "typesettings of the text, not read": 1}


def test_what_cannot_be_held_is_left_out(tmp_path):
    record = ANN | {
        "denotations": [*ANN["denotations"], {"id": "T3", "span": {"begin": 13, "end": 99}, "obj": "Place"}],
        "relations": [
            *ANN["relations"],
            {"id": "R2", "pred": "x", "subj": "T1", "obj": "R1"},
            {"id": "R3", "pred": "x", "subj": "T1", "obj": "T3"},
        ],
    }
    [document] = read(record, tmp_path)
    assert (len(document.mentions), len(document.relations)) == (2, 1)
    assert +document.unsupported == {BEYOND: 1, RELATED: 1, UNKNOWN: 1}
    assert read({"text": "Nothing."}, tmp_path)[0].relations is None


def test_what_is_written_comes_back(tmp_path):
    mentions = [Mention("T1", 0, 3, "Person", "c|DEL|1_2|"), Mention("R1", 13, 17, "Place", "a,b|D1", "Roma")]
    documents = [
        Document("1", ANN["text"], mentions, [AnnotatedRelation("R1", "T1", "x", 0.25, attributes=("novel", "speculated"))]),
        Document("2", "Not annotated.", denied=[]),
        Document("3", "None \U0001f375.", relations=[]),
        Document("4", ANN["text"], mentions, [], denied=[AnnotatedRelation("T1", "R1", "y")]),
    ]
    assert not +pubannotation.write(documents, tmp_path / "a.json")
    back = list(pubannotation.read(tmp_path / "a.json", Reading(raise_it)))
    for given, found in zip(documents, back, strict=True):
        assert (found.id, found.text, found.mentions, found.relations, found.denied) == (
            given.id,
            given.text,
            given.mentions,
            given.relations,
            given.denied,
        )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[3]", "record 1: expected a document of PubAnnotation"),
        ('{"text": 3}', "expected 'text' to be a string"),
        ('{"text": "x", "denotations": [{"id": "T1", "span": 3, "obj": "X"}]}', "denotation 1: expected 'span' to be an object"),
        ('{"text": "x", "denotations": [{"id": "T1", "span": {"begin": 1, "end": 1}, "obj": "X"}]}', "denotation 1: expected characters"),
        ('{"text": "x"', "not JSON"),
    ],
)
def test_bad_files(value, message, tmp_path):
    with pytest.raises(DataError, match=message):
        read(value, tmp_path)


def test_a_line_that_is_no_json_is_an_error_of_it_alone(tmp_path):
    lines = [json.dumps(ANN | {"sourceid": str(number)}) for number in range(1, 6)]
    lines[0], lines[2] = lines[0][:-9], lines[2][:-1]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    errors = []
    found = list(pubannotation.read(tmp_path / "a.jsonl", Reading(errors.append)))
    assert [(d.id, d.line) for d in found] == [("2", 2), ("4", 4), ("5", 5)]
    assert [error.line for error in errors] == [1, 3]
