"""Label Studio: which annotation is read, directions, offsets in either unit, and what is wrong with a task."""

import json
from collections import Counter

import pytest

from spacy_relext.errors import DataError
from spacy_relext.formats import label_studio
from spacy_relext.formats.denials import without_denials
from spacy_relext.formats.offsets import UNCHECKED
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.types import UNKNOWN, UNNAMED, AnnotatedRelation, Mention

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


def read(tmp_path, *tasks, on_error=raise_it, counts=None, **options):
    (tmp_path / "a.json").write_text(json.dumps(tasks), encoding="utf8")
    return list(label_studio.read(tmp_path / "a.json", Reading(on_error, Counter() if counts is None else counts, Options(**options))))


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
@pytest.mark.parametrize("indent", [None, 2])
def test_one_task_alone_and_a_task_per_line(indent, suffix, tmp_path):
    tasks = [task(TEAL, CYP, arrow()), task(TEAL) | {"id": 8}]
    file = tmp_path / f"a{suffix}"
    if indent is None:
        file.write_text("\n".join(map(json.dumps, [*tasks, 3, tasks[0] | {"id": 9}])))
        errors = []
        found = list(label_studio.read(tmp_path, Reading(errors.append)))
        assert [(d.id, d.line) for d in found] == [("7", 1), ("8", 2), ("9", 4)]
        assert [(error.path, error.line) for error in errors] == [(file, 3)]
    file.write_text(json.dumps(tasks[0], indent=indent))
    [document] = label_studio.read(file, Reading(raise_it))
    assert (document.id, len(document.mentions), len(document.relations)) == ("7", 2, 1)


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
    documents = [without_denials(document) for document in documents]
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
    "only cancelled": ([(True, False)], None, {"cancelled annotations, left out": 1}),
    "none": ([], None, {}),
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
UTF16 = "documents whose offsets count UTF-16 units"


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


def test_labels_of_several_sets_are_results_of_one_id(tmp_path):
    counts = Counter()
    results = [TEAL, region("a", 0, 4, "Teal", "COLOUR", from_name="more"), TEAL, CYP, arrow()]
    [document] = read(tmp_path, task(*results), counts=counts)
    assert [(m.id, m.start, m.end) for m in document.mentions] == [("a", 0, 4), ("a.2", 0, 4), ("b", 12, 16)]
    assert document.mentions[1].type == "COLOUR"
    assert +counts == {"relations of regions with several labels": 1}


@pytest.mark.parametrize("labels", [{"labels": []}, {"labels": [""]}, {}])
def test_region_without_a_label_is_left_out(labels, tmp_path):
    counts = Counter()
    bare = region("c", 5, 11)
    bare["value"] = {key: value for key, value in bare["value"].items() if key != "labels"} | labels
    [document] = read(tmp_path, task(TEAL, CYP, bare, arrow(), arrow(to_id="c")), counts=counts)
    assert [m.id for m in document.mentions] == ["a", "b"]
    assert document.relations == [AnnotatedRelation("a", "b", "SPARES")]
    assert +counts == {"mentions without a type": 1, "relations of what is no mention": 1}


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
    "no label": (task(region("a", 0, 4, None, 3)), r"expected 'labels' to be strings, and saw \[3\]"),
    "id twice": (task(TEAL, region("a", 5, 11)), "result 2: result 1 has the id 'a' too, and other offsets or text"),
    "other text": (task(region("a", 0, 4, "Tea")), "characters 0-4 of the text are 'Teal', and its 'text' is 'Tea' "),
    "neither unit": (
        task(region("a", 3, 5, "ab"), region("b", 5, 7, "cd"), text=EMOJIS),
        r"result 1: .* its 'text' is 'ab' \(nor in UTF-16 units",
    ),
    # The first region makes it UTF-16 units.
    "half a pair": (
        task(region("a", 3, 5, "ab"), region("b", 6, 8), text=EMOJIS),
        "result 1: characters 3-5 of the text are",
    ),
    "two texts": (task(TEAL, {**CYP, "to_name": "other"}), r"labels are of several texts: \['other', 'text'\]"),
    "label of a relation": (task(TEAL, CYP, arrow(labels=[3])), r"result 3: expected 'labels' to be strings, and saw \[3\]"),
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


def test_offsets_beyond_the_text(tmp_path):
    with pytest.raises(DataError, match=r"characters 12-18 of the text are 'CYP1\.', and its 'text' is None"):
        read(tmp_path, task(region("a", 12, 18)))


def test_relations_of_what_is_no_single_mention_are_left_out(tmp_path):
    counts = Counter()
    two = region("c", 5, 11, None, "X", "Y")
    [document] = read(tmp_path, task(TEAL, CYP, two, arrow(id="r"), arrow(to_id="r"), arrow(to_id="c")), counts=counts)
    assert document.relations == [AnnotatedRelation("a", "b", "SPARES")]
    assert +counts == {"relations of what is no mention": 1, "relations of regions with several labels": 1}


def test_relations_of_missing_regions_or_without_a_label_are_left_out(tmp_path):
    counts = Counter()
    [document] = read(tmp_path, task(TEAL, CYP, arrow(to_id="c"), arrow(labels=[]), arrow(labels=[""]), arrow()), counts=counts)
    assert document.relations == [AnnotatedRelation("a", "b", "SPARES")]
    assert +counts == {UNKNOWN: 1, UNNAMED: 2}


def test_relations_without_a_label_have_the_default(tmp_path):
    unlabelled = {key: value for key, value in arrow().items() if key != "labels"}
    for result in (unlabelled, arrow(labels=[]), arrow(labels=[""])):
        [document] = read(tmp_path, task(TEAL, CYP, result), default_label="REL")
        assert document.relations == [AnnotatedRelation("a", "b", "REL")]


def by(name, *results):
    return {"completed_by": name, "result": list(results)}


def test_annotations_of_several_people(tmp_path):
    counts = Counter()
    same = [by(1, TEAL, CYP, arrow()), by({"id": 2, "email": "b@c"}, CYP | {"id": "y"}, TEAL | {"id": "x"}, arrow(from_id="x", to_id="y"))]
    [document] = read(tmp_path, task(annotations=same), counts=counts)
    assert document.relations == [AnnotatedRelation("a", "b", "SPARES")]
    assert +counts == {"annotations that say the same as another one": 1}
    differing = task(annotations=[by(1, TEAL, CYP), by({"id": 2, "email": "b@c"}, TEAL)])
    with pytest.raises(DataError, match="`annotator` whose are read; they are of 1 and 2"):
        read(tmp_path, differing)
    for name, number in (("1", 2), ("2", 1), ("b@c", 1), ("3", 0)):
        [document] = read(tmp_path, differing, annotator=name)
        assert len(document.mentions) == number


def test_annotations_that_differ_in_one_of_several_results_of_a_region(tmp_path):
    choice = {"id": "a", "type": "choices", "value": {"choices": ["sure"]}}
    differing = task(annotations=[by(1, TEAL, choice), by(2, region("a", 0, 4, "Teal", "COLOUR"), choice)])
    with pytest.raises(DataError, match="2 annotations could be meant"):
        read(tmp_path, differing)
    same = task(annotations=[by(1, TEAL, choice), by(2, choice, TEAL)])
    assert len(read(tmp_path, same)) == 1


def test_predictions_that_are_ids_are_counted(tmp_path):
    counts = Counter()
    [document] = read(tmp_path, task(annotations=[], predictions=[7, 8]), counts=counts)
    assert document.mentions == []
    assert +counts == {"predictions, not read (`use_predictions`)": 2}


def test_predictions_and_drafts(tmp_path):
    counts = Counter()
    bare = task(annotations=[], predictions=[{"result": [TEAL, CYP, arrow()]}], drafts=[{"result": [TEAL]}])
    [document] = read(tmp_path, bare, counts=counts)
    assert (document.mentions, document.relations, document.mentions_given) == ([], None, False)
    assert +counts == {"drafts, not read": 1, "predictions, not read (`use_predictions`)": 1}
    [document] = read(tmp_path, bare, use_predictions=True)
    assert document.relations == [AnnotatedRelation("a", "b", "SPARES")]


@pytest.mark.parametrize(
    ("annotation", "is_done"), [(by(3), True), ({"result": []}, False), ({**by(3), "was_cancelled": True}, False), (by(3, TEAL), False)]
)
def test_who_submits_an_empty_annotation_says_that_there_is_nothing(annotation, is_done, tmp_path):
    [document] = read(tmp_path, task(annotations=[annotation]))
    assert document.mentions_given == is_done


def test_text_among_several_strings(tmp_path):
    data = {"title": "Teal", "abstract": TEXT}
    counts = Counter()
    [document] = read(tmp_path, {**task(TEAL, CYP), "data": data}, counts=counts)
    assert document.text == TEXT
    assert +counts == {"documents whose text is the one that the regions agree with": 1}
    [document] = read(tmp_path, {**task(TEAL), "data": data}, text_column="title")
    assert document.text == "Teal"
    with pytest.raises(DataError, match="Name the text with `text_column`"):
        read(tmp_path, {**task(TEAL), "data": data})
    with pytest.raises(DataError, match=r"the string 'body', and saw \['title', 'abstract'\]"):
        read(tmp_path, {**task(TEAL), "data": data}, text_column="body")
    counts.clear()
    assert read(tmp_path, {**task(annotations=[]), "data": data}, counts=counts) == []
    assert +counts == {"tasks without annotation or a known text (`text_column`)": 1}


def test_json_min_is_named(tmp_path):
    with pytest.raises(DataError, match="JSON-MIN has no relations: export as JSON"):
        read(tmp_path, {"id": 5, "text": TEXT, "label": [], "annotator": 1})


@pytest.mark.parametrize(("start", "text"), [(0, "Tea helps & more."), (3, "   Tea helps &amp; more.    ")])
def test_labels_of_html(start, text, tmp_path):
    value = {"start": "/p[1]/text()[1]", "globalOffsets": {"start": start, "end": start + 3}, "text": "Tea", "hypertextlabels": ["FOOD"]}
    label = {"id": "a", "type": "hypertextlabels", "from_name": "ner", "to_name": "text", "value": value}
    counts = Counter()
    [document] = read(tmp_path, task(label, text="<p>Tea helps &amp; more.</p>"), counts=counts)
    assert counts[label_studio.WITHOUT_TAGS] == 1
    assert (document.text, document.mentions) == (text, [Mention("a", start, start + 3, "FOOD")])
    with pytest.raises(DataError, match="its text is HTML"):
        read(tmp_path, task(label, text="<p>Coffee helps.</p>"))
    del value["globalOffsets"]
    with pytest.raises(DataError, match="a label of HTML without 'globalOffsets'"):
        read(tmp_path, task(label))
