"""Label Studio: which annotation is read, directions, offsets in either unit, and what is wrong with a task."""

import json
from collections import Counter

import pytest

from spacy_relext.errors import DataError
from spacy_relext.formats import label_studio
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import AnnotatedRelation, Mention

TEXT = "Teal spares CYP1."


def region(name, start, end, text=None, *labels, **values):
    value = {"start": start, "end": end, "labels": list(labels or ("X",))} | ({} if text is None else {"text": text})
    return {"id": name, "type": "labels", "from_name": "label", "to_name": "text", "value": value, **values}


def arrow(**values):
    return {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right", "labels": ["SPARES"], **values}


TEAL, CYP = region("a", 0, 4, "Teal", "DRUG"), region("b", 12, 16, "CYP1", "GENE")


def task(*results, text=TEXT, **values):
    annotation = {"id": 1, "was_cancelled": False, "ground_truth": False, "result": list(results)}
    return {"id": 7, "data": {"text": text}, "annotations": [annotation], **values}


def raise_it(error):
    raise error


def read(tmp_path, *tasks, on_error=raise_it, counts=None):
    (tmp_path / "a.json").write_text(json.dumps(tasks), encoding="utf8")
    return list(label_studio.read(tmp_path / "a.json", Reading(on_error, Counter() if counts is None else counts)))


def test_export_is_read(tmp_path):
    [document] = read(tmp_path, task(TEAL, CYP, arrow()))
    assert (document.id, document.text, document.sentences) == ("7", TEXT, None)
    assert document.mentions == [Mention("a", 0, 4, "DRUG"), Mention("b", 12, 16, "GENE")]
    assert document.relations == [AnnotatedRelation("a", "b", "SPARES")]


AB, BA = ("a", "b"), ("b", "a")


@pytest.mark.parametrize(("direction", "ends"), [("right", [AB]), ("left", [BA]), ("bi", [AB, BA])])
def test_direction(direction, ends, tmp_path):
    [document] = read(tmp_path, task(TEAL, CYP, arrow(direction=direction, labels=["L", "M"])))
    assert [(r.head, r.tail, r.label) for r in document.relations] == [(*end, label) for label in "LM" for end in ends]


def test_no_relation_is_annotated_unless_the_task_says_otherwise(tmp_path):
    unknown = {"relations_annotated": False, "document_id": "d"}
    documents = read(
        tmp_path,
        task(TEAL, CYP),
        task(TEAL, CYP, meta=unknown),
        task(TEAL, CYP, arrow(), meta={**unknown, "document_id": "e"}),
        task(TEAL, CYP, arrow(labels=["No-rel"]), meta={**unknown, "document_id": "f"}),
    )
    assert [document.id for document in documents] == ["7", "d", "e", "f"]
    assert [document.relations for document in documents] == [[], None, [AnnotatedRelation("a", "b", "SPARES")], []]
    assert [document.denied for document in documents] == [[], [], [], [AnnotatedRelation("a", "b", "No-rel")]]


# Whether each annotation of a task is cancelled and ground truth, the label of the one that is read, and what is counted.
CHOICES = {
    "cancelled": ([(True, False), (False, False)], "1", {"cancelled annotations, left out": 1}),
    "ground truth": (
        [(False, False), (False, False), (False, True)],
        "2",
        {"annotations beside the ground truth, left out": 2},
    ),
    "cancelled ground truth": ([(True, True), (False, False)], "1", {"cancelled annotations, left out": 1}),
    "only cancelled": ([(True, False)], None, {"cancelled annotations, left out": 1, "tasks without annotation, left out": 1}),
    "none": ([], None, {"tasks without annotation, left out": 1}),
}


def choice(flags):
    return [
        {"was_cancelled": cancelled, "ground_truth": truth, "result": [region("a", 0, 4, "Teal", str(i))]}
        for i, (cancelled, truth) in enumerate(flags)
    ]


@pytest.mark.parametrize(("flags", "label", "expected"), CHOICES.values(), ids=CHOICES)
def test_annotation_that_is_read(flags, label, expected, tmp_path):
    counts = Counter()
    documents = read(tmp_path, task(annotations=choice(flags)), counts=counts)
    assert [mention.type for document in documents for mention in document.mentions] == ([] if label is None else [label])
    assert +counts == expected


@pytest.mark.parametrize("flags", [[(False, False)] * 2, [(False, True)] * 2])
def test_several_annotations_are_no_choice(flags, tmp_path):
    with pytest.raises(DataError, match=r"record 1: 2 annotations could be meant\. Mark one as ground truth"):
        read(tmp_path, task(annotations=choice(flags)))


#        code points  0123456789
#        UTF-16 units 0 2345 789
EMOJIS = "🙂 ab🙂cd\nef"
UTF16 = "tasks with offsets in UTF-16 units"
UNCHECKED = "tasks whose offsets nothing checks, read as code points"


@pytest.mark.parametrize(
    ("regions", "places", "expected"),
    [
        ([(2, 4, "ab"), (5, 7, "cd")], [(2, 4), (5, 7)], {}),
        ([(3, 5, "ab"), (7, 9, "cd")], [(2, 4), (5, 7)], {UTF16: 1}),
        # One region decides for those without text.
        ([(3, 5, None), (7, 9, "cd")], [(2, 4), (5, 7)], {UTF16: 1}),
        ([(0, 2, "🙂"), (5, 7, "🙂")], [(0, 1), (4, 5)], {UTF16: 1}),
        ([(2, 4, None), (5, 7, None)], [(2, 4), (5, 7)], {UNCHECKED: 1}),
        # Line breaks as they are, and as a backslash and an n.
        ([(5, 10, "cd\nef")], [(5, 10)], {}),
        ([(5, 10, "cd\\nef")], [(5, 10)], {}),
    ],
)
def test_offsets_in_either_unit(regions, places, expected, tmp_path):
    counts = Counter()
    [document] = read(tmp_path, task(*(region(i, *values) for i, values in enumerate(regions)), text=EMOJIS), counts=counts)
    assert [(m.start, m.end) for m in document.mentions] == places
    assert +counts == expected


def test_region_with_two_labels_and_results_of_other_types(tmp_path):
    counts = Counter()
    results = [region("a", 0, 4, "Teal", "DRUG", "COLOUR"), {"type": "choices", "value": {}}, {"type": "choices", "value": {}}]
    [document] = read(tmp_path, task(*results), counts=counts)
    assert document.mentions == [Mention("a", 0, 4, "DRUG"), Mention("a.2", 0, 4, "COLOUR")]
    assert +counts == {"results of the type 'choices', not read": 2}


BAD_TASKS = {
    "no object": (1, "record 2: expected a JSON object, and saw int"),
    "no annotations": ({"data": {"text": TEXT}}, "record 2: document: expected 'annotations' to be a list"),
    "no data": ({**task(TEAL), "data": None}, "expected 'data' to be an object"),
    "two strings": ({**task(TEAL), "data": {"a": "x", "b": "y"}}, "expected 'data' to have 'text', or one string alone"),
    "text a number": ({**task(TEAL), "data": {"text": 3}}, "expected 'text' to be a string"),
    "half an emoji": (task(text="\ud83d"), "character 0 of the text .* half of a surrogate pair"),
    "result a string": (task("x"), "result 1: expected an object"),
    "no value": (task({"id": "a", "type": "labels"}), "result 1: expected 'value' to be an object"),
    "start a string": (task(region("a", "0", 4)), "result 1: expected 'start' to be a whole number, and saw '0'"),
    "no label": (task(region("a", 0, 4, None, 3)), r"expected 'labels' to be one or more strings, and saw \[3\]"),
    "id twice": (task(TEAL, TEAL), "result 2: another result has the id 'a'"),
    "other text": (task(region("a", 0, 4, "Tea")), "characters 0-4 of the text are 'Teal', and its 'text' is 'Tea'\\."),
    "neither unit": (
        task(region("a", 3, 5, "ab"), region("b", 5, 7, "cd"), text=EMOJIS),
        r"result 1: .* its 'text' is 'ab' \(nor in UTF-16 units\)",
    ),
    # The first region makes it UTF-16 units.
    "half a pair": (task(region("a", 3, 5, "ab"), region("b", 6, 8), text=EMOJIS), "result 2: the offsets 6-8 are inside a surrogate pair"),
    "two texts": (task(TEAL, {**CYP, "to_name": "other"}), r"labels are of several texts: \['other', 'text'\]"),
    "unknown id": (task(TEAL, arrow()), "result 2: 'to_id' is 'b', which is no labelled region"),
    "a relation's id": (task(TEAL, CYP, arrow(id="r"), arrow(to_id="r")), "result 4: 'to_id' is 'r', which is no labelled region"),
    "region of two": (task(region("a", 0, 4, None, "X", "Y"), CYP, arrow()), r"'from_id' is 'a', which has the labels \['X', 'Y'\]"),
    "relation unlabelled": (task(TEAL, CYP, arrow(labels=[])), r"expected 'labels' .* saw \[\]\. Give the relation a label"),
    "direction": (task(TEAL, CYP, arrow(direction="up")), "expected 'direction' to be right, left or bi, and saw 'up'"),
    "direction a list": (task(TEAL, CYP, arrow(direction=[])), r"right, left or bi, and saw \[\]"),
}


@pytest.mark.parametrize(("bad", "message"), BAD_TASKS.values(), ids=BAD_TASKS)
def test_bad_task_is_left_out_alone(bad, message, tmp_path):
    first, last = task(TEAL, id=1), task(TEAL, id=2)
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, first, bad, last)
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}: record 2: ")
    errors = []
    assert [document.id for document in read(tmp_path, first, bad, last, on_error=errors.append)] == ["1", "2"]
    assert len(errors) == 1


def test_offsets_beyond_the_text(nlp, tmp_path):
    [document] = read(tmp_path, task(region("a", 12, 18)))
    with pytest.raises(DataError, match="offsets 12-18; the text has 17 characters"):
        to_doc(document, nlp)
