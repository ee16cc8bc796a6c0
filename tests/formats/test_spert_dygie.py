"""The formats by token: indices into offsets and back, and what is wrong with a document."""

import json
from collections import Counter

import pytest

from spacy_relext.errors import DataError
from spacy_relext.formats import dygie, spert
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import SEVERAL_TYPES, UNKNOWN, AnnotatedRelation, Document, Mention

#       0         1         2         3
#       012345678901234567890123456789012345
TEXT = "Teal acid spares CYP1 . Ochre does ."
FIRST, SECOND = ["Teal", "acid", "spares", "CYP1", "."], ["Ochre", "does", "."]
SPERT = {
    "tokens": FIRST + SECOND,
    "entities": [{"type": "DRUG", "start": 0, "end": 2}, {"type": "GENE", "start": 3, "end": 4}, {"type": "DRUG", "start": 5, "end": 6}],
    "relations": [{"type": "SPARES", "head": 0, "tail": 1}],
    "orig_id": 7,
}
DYGIE = {
    "doc_key": "7",
    "sentences": [FIRST, SECOND],
    "ner": [[[0, 1, "DRUG"], [3, 3, "GENE"]], [[5, 5, "DRUG"]]],
    "relations": [[[0, 1, 3, 3, "SPARES"]], []],
}
MENTIONS = [Mention("T1", 0, 9, "DRUG"), Mention("T2", 17, 21, "GENE"), Mention("T3", 24, 29, "DRUG")]
RELATIONS = [AnnotatedRelation("T1", "T2", "SPARES")]


def raise_it(error):
    raise error


def read(name, tmp_path, *records, on_error=raise_it, counts=None):
    path = tmp_path / "a.json"
    path.write_text("\n".join(map(json.dumps, records)) if name == "dygie" else json.dumps(records), encoding="utf8")
    return list(get_format(name).read(path, Reading(on_error, Counter() if counts is None else counts)))


@pytest.mark.parametrize(("name", "record"), [("spert", SPERT), ("dygie", DYGIE)])
def test_tokens_become_a_text(name, record, tmp_path):
    counts = Counter()
    [document] = read(name, tmp_path, {**record, "clusters": []}, counts=counts)
    assert (document.id, document.text, document.mentions, document.relations) == ("7", TEXT, MENTIONS, RELATIONS)
    assert document.sentences == (None if name == "spert" else [(0, 23), (24, 36)])
    assert counts == {"documents with 'clusters', not read": 1}


@pytest.mark.parametrize(("name", "record", "key"), [("spert", SPERT, "text"), ("dygie", DYGIE, "_text")])
def test_text_as_it_was(name, record, key, tmp_path):
    text = "\tTeal acid spares  CYP1.\r\n\nOchre does. "
    [document] = read(name, tmp_path, {**record, key: text})
    assert document.text == text
    assert [text[m.start : m.end] for m in document.mentions] == ["Teal acid", "CYP1", "Ochre"]
    for wrong, message in (
        ("Teal acid blocks CYP1", "token 2 is 'spares', and the text goes on with 'blocks"),
        (TEXT + " x", "after the last token"),
    ):
        with pytest.raises(DataError, match=message):
            read(name, tmp_path, {**record, key: wrong})


@pytest.mark.parametrize(("name", "record"), [("spert", SPERT), ("dygie", DYGIE)])
def test_without_relations_is_not_annotated(name, record, tmp_path):
    [document] = read(name, tmp_path, {key: value for key, value in record.items() if key != "relations"})
    assert (document.mentions, document.relations) == (MENTIONS, None)


def test_written_tokens_are_cut_at_mentions(tmp_path):
    document = Document("a", "CYP1s\n\nrise.", [Mention("x", 0, 4, "GENE"), Mention("y", 7, 11, "RISE")], [], [(0, 12)])
    spert.write([document], tmp_path / "a.json")
    [record] = json.loads((tmp_path / "a.json").read_text(encoding="utf8"))
    assert record["tokens"] == ["CYP1", "s", "rise", "."]
    assert record["entities"] == [{"type": "GENE", "start": 0, "end": 1}, {"type": "RISE", "start": 2, "end": 3}]
    dygie.write([document], tmp_path / "b.json")
    record = json.loads((tmp_path / "b.json").read_text(encoding="utf8"))
    assert (record["sentences"], record["ner"]) == ([["CYP1", "s", "rise", "."]], [[[0, 0, "GENE"], [2, 2, "RISE"]]])
    assert record["relations"] == [[]]
    assert "_scores" not in record


ENTITY, RELATION = SPERT["entities"][0], SPERT["relations"][0]
BAD_SPERT = {
    "no tokens": ({"entities": []}, "expected 'tokens' to be a list"),
    "token a number": ({**SPERT, "tokens": [1]}, "token 0: expected a string that is not empty, and saw 1"),
    "token empty": ({**SPERT, "tokens": ["a", ""]}, "token 1: expected a string that is not empty, and saw ''"),
    "half an emoji": ({**SPERT, "tokens": ["\ud83d"]}, "half of a surrogate pair"),
    "beyond the tokens": ({**SPERT, "entities": [{**ENTITY, "end": 9}]}, "entity 1: tokens 0-9; there are 8"),
    "no token": ({**SPERT, "entities": [{**ENTITY, "end": 0}]}, "entity 1: tokens 0-0; there are 8"),
    "negative": ({**SPERT, "entities": [{**ENTITY, "start": -1}]}, "entity 1: tokens -1-2"),
    "no type": ({**SPERT, "entities": [{"start": 0, "end": 1}]}, "entity 1: expected 'type' to be a string"),
    "entity by name": ({**SPERT, "relations": [{**RELATION, "tail": "T1"}]}, "relation 1: expected 'tail' to be a whole number"),
    "score": ({**SPERT, "relations": [{**RELATION, "score": -1}]}, "'score' is -1;"),
    "sentences": ({**SPERT, "sentences": [3]}, r"sentence 1: expected \[start, end\]"),
}
BAD_DYGIE = {
    "no key": ({**DYGIE, "doc_key": None}, "expected 'doc_key' to be a string"),
    "one list": ({**DYGIE, "sentences": FIRST}, "expected 'sentences' to be lists of tokens"),
    "ner of one sentence": ({**DYGIE, "ner": [[]]}, "'ner' has 1 list for 2 sentences"),
    "ner no list": ({**DYGIE, "ner": [[], 3]}, "ner, sentence 1: expected a list, and saw 3"),
    "entry too long": ({**DYGIE, "ner": [[], [[5, 5, "DRUG", 1]]]}, "ner, sentence 1, entry 0: expected 2 tokens and a label"),
    "truth value": ({**DYGIE, "ner": [[[False, 1, "X"]], []]}, "expected 2 tokens and a label"),
    "other sentence": ({**DYGIE, "ner": [[[5, 5, "DRUG"]], []]}, r"tokens 5-5 \(inclusive\) are not in its sentence, 0-4 of the document"),
    "beyond the tokens": ({**DYGIE, "ner": [[], [[7, 8, "DRUG"]]]}, "tokens 7-8 .* not in its sentence, 5-7"),
    "across sentences": (
        {**DYGIE, "relations": [[[0, 1, 5, 5, "L"]], []]},
        "relations, sentence 0, entry 0: tokens 5-5 .* not in its sentence",
    ),
    "scores": ({**DYGIE, "_scores": [[], []]}, "'_scores' has other lengths than 'relations'"),
    "score a string": ({**DYGIE, "_scores": [["x"], []]}, "expected 'score' to be"),
}
BAD = [("spert", SPERT, *case) for case in BAD_SPERT.values()] + [("dygie", DYGIE, *case) for case in BAD_DYGIE.values()]


@pytest.mark.parametrize(("name", "good", "bad", "message"), BAD, ids=[*BAD_SPERT, *BAD_DYGIE])
def test_bad_document_is_left_out_alone(name, good, bad, message, tmp_path):
    key = "orig_id" if name == "spert" else "doc_key"
    records = {**good, key: "1"}, bad, {**good, key: "2"}
    with pytest.raises(DataError, match=message) as caught:
        read(name, tmp_path, *records)
    assert caught.value.line == 2 if name == "dygie" else ": record 2: " in str(caught.value)
    errors = []
    assert [document.id for document in read(name, tmp_path, *records, on_error=errors.append)] == ["1", "2"]
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("name", "record", "left_out"),
    [
        ("spert", {**SPERT, "relations": [{**RELATION, "tail": 3}, {**RELATION, "head": -1}, RELATION]}, {UNKNOWN: 2}),
        ("dygie", {**DYGIE, "relations": [[[0, 0, 3, 3, "L"], [0, 1, 3, 3, "SPARES"]], []]}, {UNKNOWN: 1}),
        (
            "dygie",
            {
                **DYGIE,
                "ner": [[[0, 1, "DRUG"], [3, 3, "GENE"], [4, 4, "A"], [4, 4, "B"]], []],
                "relations": [[[4, 4, 3, 3, "L"], [0, 1, 3, 3, "SPARES"]], []],
            },
            {SEVERAL_TYPES: 1},
        ),
    ],
)
def test_relation_without_its_mentions_is_left_out_alone(name, record, left_out, tmp_path):
    counts = Counter()
    [document] = read(name, tmp_path, record, counts=counts)
    assert (document.relations, +counts) == (RELATIONS, left_out)


SENTENCES = [(0, 23), (24, 36)]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (Document("a", TEXT, MENTIONS), "document 'a': it has no sentences, .* `sentences`"),
        (Document("", TEXT, MENTIONS, sentences=SENTENCES), "it has no id"),
        (Document("a", TEXT, [Mention("x", 17, 29, "X")], sentences=SENTENCES), "'CYP1 . Ochre' at 17 runs across sentences"),
        (Document("a", TEXT, MENTIONS, [AnnotatedRelation("T1", "T3", "L")], SENTENCES), "a relation 'L' runs across sentences"),
        (
            Document("a", TEXT, [*MENTIONS, Mention("T4", 0, 9, "ACID")], RELATIONS, SENTENCES),
            "a relation 'SPARES' is of a mention at the place of another",
        ),
    ],
)
def test_what_dygie_cannot_hold_is_not_written(document, message, tmp_path):
    with pytest.raises(DataError, match=message):
        dygie.write([document], tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []
