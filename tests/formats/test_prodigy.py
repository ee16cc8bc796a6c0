"""Prodigy: answers, denied relations, what its tokens and offsets may contradict, and the counts of a real file."""

import json
from collections import Counter

import pytest

from spacy_relext.errors import DataError
from spacy_relext.formats import prodigy
from spacy_relext.formats.denials import without_denials
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.types import UNKNOWN, UNNAMED, AnnotatedRelation, Mention
from spacy_relext.relations import get_relations, has_relations

#       0         1         2
#       0123456789012345678901234567
TEXT = "Teal acid spares CYP1, ok."
WORDS = [("Teal", 0, 4), ("acid", 5, 9), ("spares", 10, 16), ("CYP1", 17, 21), (",", 21, 22), ("ok", 23, 25), (".", 25, 26)]
ACID = {"start": 0, "end": 9, "token_start": 0, "token_end": 1, "label": "DRUG"}
CYP = {"start": 17, "end": 21, "token_start": 3, "token_end": 3, "label": "GENE"}
RELATION = {"head": 1, "child": 3, "head_span": ACID, "child_span": CYP, "label": "SPARES"}
TASK = {
    "text": TEXT,
    "tokens": [{"text": word, "start": start, "end": end, "id": i, "ws": True} for i, (word, start, end) in enumerate(WORDS)],
    "spans": [{**ACID, "text": "Teal acid", "type": "span"}, CYP],
    "relations": [RELATION],
    "meta": {"source": "invented"},
    "_task_hash": -17,
    "answer": "accept",
}


def raise_it(error):
    raise error


def read(tmp_path, *tasks, on_error=raise_it, counts=None, **options):
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(json.dumps(task) + "\n" for task in tasks), encoding="utf8")
    return list(prodigy.read(path, Reading(on_error, Counter() if counts is None else counts, Options(**options))))


def without(record, *keys):
    return {key: value for key, value in record.items() if key not in keys}


def test_task_is_read(tmp_path):
    counts = Counter()
    [document] = read(tmp_path, TASK, counts=counts)
    assert (document.id, document.text, document.sentences, document.line) == ("-17", TEXT, None, 1)
    assert document.mentions == [Mention("T1", 0, 9, "DRUG"), Mention("T2", 17, 21, "GENE")]
    assert document.relations == [AnnotatedRelation("T1", "T2", "SPARES")]
    assert sum(counts.values()) == 0


# Any of them says which mentions are meant: a token of the mention, its last one or another, or the offsets.
@pytest.mark.parametrize(
    ("changes", "left_out"),
    [({}, ["head_span", "child_span"]), ({"head": 0}, ["head_span"]), ({"head": 0}, []), ({}, ["head", "child"])],
)
def test_ends_of_a_relation(changes, left_out, tmp_path):
    [document] = read(tmp_path, {**TASK, "relations": [without({**RELATION, **changes}, *left_out)]})
    assert document.relations == [AnnotatedRelation("T1", "T2", "SPARES")]


def test_answers_and_denied_relations(nlp, tmp_path):
    denied = {**TASK, "relations": [{**RELATION, "label": "No-rel"}], "_task_hash": 2}
    back = {**RELATION, "head": 3, "child": 1, "head_span": CYP, "child_span": ACID}
    other = {**TASK, "relations": [back, {**RELATION, "label": "no_relation"}], "_task_hash": 4}
    unknown = without({**TASK, "_task_hash": 3}, "relations")
    tasks = [{**TASK, "answer": "reject"}, {**TASK, "answer": "ignore"}, {"answer": "ignore"}, denied, unknown, other]
    counts = Counter()
    documents = [without_denials(document) for document in read(tmp_path, *tasks, counts=counts)]
    assert [document.id for document in documents] == ["2", "3", "4"]
    assert [document.relations for document in documents] == [[], None, [AnnotatedRelation("T2", "T1", "SPARES")]]
    assert counts == {"tasks left out, answer 'reject'": 1, "tasks left out, answer 'ignore'": 2}
    assert [[(r.head, r.tail, r.label) for r in document.denied] for document in documents] == [
        [("T1", "T2", "No-rel")],
        [],
        [("T1", "T2", "no_relation")],
    ]
    assert [has_relations(to_doc(document, nlp)) for document in documents] == [True, False, True]


def relation(**values):
    return {**TASK, "relations": [{**RELATION, **values}]}


BAD_TASKS = {
    "no answer": (without(TASK, "answer"), "expected 'answer' to be 'accept', 'reject' or 'ignore', and saw None.*db-out"),
    "no spans": (without(TASK, "spans"), "expected 'spans' to be a list, and saw None"),
    "span of a number": ({**TASK, "spans": [1]}, "span 1: expected an object"),
    "span without label": ({**TASK, "spans": [ACID, without(CYP, "label")]}, "span 2: expected 'label' to be a string"),
    "start a string": ({**TASK, "spans": [{**ACID, "start": "0"}]}, "span 1: expected 'start' to be a whole number, and saw '0'"),
    "text of a span": (
        {**TASK, "spans": [{**ACID, "text": "Teal"}]},
        "mention 'span 1' is 'Teal', and the characters 0-9 of the text are 'Teal acid'",
    ),
    "token of a span": ({**TASK, "spans": [{**ACID, "token_end": 2}]}, "characters 0-9, and 'token_end' is token 2 at 10-16"),
    "no such token": ({**TASK, "spans": [{**ACID, "token_end": 9}]}, "refers to token 9, and there are 7"),
    "text of a token": (
        {**TASK, "tokens": [{**TASK["tokens"][0], "text": "Te"}, *TASK["tokens"][1:]]},
        "mention 'token 1' is 'Te', and the characters 0-4 of the text are 'Teal'",
    ),
    "id of a token": ({**TASK, "tokens": [{**TASK["tokens"][0], "id": 1}]}, "token 1: its id is 1; expected 0"),
    "head elsewhere": (relation(head=2), "'head' is token 2 at 10-16, and 'head_span' is at 0-9"),
    "no end": ({**TASK, "relations": [{"label": "L"}]}, "expected 'head_span', or 'head' and 'tokens', and saw"),
    "relation a list": ({**TASK, "relations": [[1, 3]]}, "relation 1: expected an object"),
    "half an emoji": ({**TASK, "text": TEXT + "\ud83d"}, "character 26 of the text .* half of a surrogate pair"),
    "meta a list": ({**TASK, "meta": []}, "expected 'meta' to be an object"),
    "sentences": ({**TASK, "meta": {"sentence_offsets": [1]}}, r"sentence 1: expected \[start, end\]"),
}


@pytest.mark.parametrize(("task", "message"), BAD_TASKS.values(), ids=BAD_TASKS)
def test_bad_task_is_left_out_alone(task, message, tmp_path):
    first, last = ({**TASK, "_task_hash": i} for i in (1, 2))
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, first, task, last)
    assert caught.value.line == 2
    errors = []
    assert [document.id for document in read(tmp_path, first, task, last, on_error=errors.append)] == ["1", "2"]
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("task", "what"),
    [(relation(head=7), UNKNOWN), (relation(child=-1), UNKNOWN), ({**TASK, "relations": [without(RELATION, "label")]}, UNNAMED)],
)
def test_relations_of_missing_tokens_or_without_a_label_are_left_out(task, what, tmp_path):
    counts = Counter()
    [document] = read(tmp_path, task, counts=counts)
    assert (document.relations, +counts) == ([], {what: 1})


@pytest.mark.parametrize(
    "task",
    [
        relation(head_span={**ACID, "end": 4}),
        relation(child_span={**CYP, "label": "DRUG"}),
        {**TASK, "relations": [without({**RELATION, "child": 2}, "child_span")]},
    ],
)
def test_relations_of_what_is_no_span_are_left_out(task, tmp_path):
    counts = Counter()
    [document] = read(tmp_path, task, counts=counts)
    assert document.relations == []
    assert +counts == {"relations of what is no mention": 1}


def test_an_accepted_task_without_spans_has_no_mentions(tmp_path):
    [document] = read(tmp_path, {**TASK, "spans": [], "relations": []})
    assert document.mentions_given


def test_tasks_of_one_annotator(tmp_path):
    counts = Counter()
    tasks = [{**TASK, "_annotator_id": "relext-ann", "_session_id": "relext-ann"}, {**TASK, "_annotator_id": "relext-bob"}]
    [document] = read(tmp_path, *tasks, counts=counts, annotator="relext-ann")
    assert len(document.relations) == 1
    assert +counts == {"tasks of other annotators, left out": 1}


def test_impossible_annotation(tmp_path):
    with pytest.raises(DataError, match="offsets 0-27; the text has 26 characters"):
        read(tmp_path, {"text": TEXT, "answer": "accept", "spans": [{**ACID, "end": 27}]})


def test_texts_decide_what_offsets_count(tmp_path):
    def shifted(entry):
        return {**entry, "start": entry["start"] + 2, "end": entry["end"] + 2}

    def told(text):
        tokens = [{"text": text[0], "start": 0, "end": 2, "id": 0}] + [{**shifted(t), "id": t["id"] + 1} for t in TASK["tokens"]]
        spans = [{"start": a["start"] + 2, "end": a["end"] + 2, "label": a["label"]} for a in (ACID, CYP)]
        return {
            **TASK,
            "text": text,
            "tokens": tokens,
            "spans": spans,
            "relations": [{"head_span": spans[0], "child_span": spans[1], "label": "L"}],
        }

    # An emoji is one character, and two units of UTF-16.
    [document] = read(tmp_path, told("\U0001f600" + TEXT))
    assert [document.text[m.start : m.end] for m in document.mentions] == ["Teal acid", "CYP1"]
    assert +document.unsupported == {"documents whose offsets count UTF-16 units": 1}
    assert [(r.head, r.tail) for r in document.relations] == [("T1", "T2")]
    # White space that a tool collapsed.
    spans = [{**ACID, "end": 10, "text": "Teal acid"}, {"start": 18, "end": 22, "label": "GENE"}]
    [document] = read(tmp_path, without({**TASK, "text": TEXT.replace(" acid", "  acid"), "spans": spans}, "tokens", "relations"))
    assert (document.mentions[0].end, +document.unsupported) == (10, {"mentions that their file gives with other white space": 1})


def test_answers_of_several_people_name_the_option(tmp_path):
    tasks = [{**TASK, "_annotator_id": "ann"}, {**TASK, "_annotator_id": "bob"}]
    with pytest.raises(DataError, match=r"document id '-17' is that of .*:1 as well.* several people, name one of them with `annotator`"):
        read(tmp_path, *tasks)


def test_arrow_from_a_mention_to_itself_is_left_out(nlp, tmp_path):
    [document] = read(tmp_path, relation(child=1, child_span=ACID))
    counts = Counter()
    assert not to_doc(document, nlp, counts)._.relations
    assert counts["relations of a mention to itself"] == 1


def test_written_task_has_what_prodigy_shows(tmp_path):
    [document] = read(tmp_path, TASK)
    prodigy.write([document], tmp_path / "out.jsonl")
    record = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf8"))
    assert [(t["text"], t["start"], t["end"]) for t in record["tokens"]] == WORDS
    assert [t["ws"] for t in record["tokens"]] == [True, True, True, False, True, False, False]
    assert record["relations"] == [RELATION]
    assert record["spans"] == [{"text": "Teal acid", **ACID}, {"text": "CYP1", **CYP}]
    assert (record["meta"], record["answer"], record["_view_id"]) == ({"source": "invented", "document_id": "-17"}, "accept", "relations")


def test_counts_of_the_real_file(nlp, shared_data):
    file = shared_data / "rel_component" / "annotations.jsonl"
    tasks = [json.loads(line) for line in file.read_text(encoding="utf8").splitlines()]
    given = [[r for r in task["relations"] if r["label"] != "No-rel"] for task in tasks]
    n_denied = sum(len(task["relations"]) for task in tasks) - sum(map(len, given))
    ends = [
        {(r["head_span"]["start"], r["head_span"]["end"], r["child_span"]["start"], r["child_span"]["end"], r["label"]) for r in some}
        for some in given
    ]
    labels = Counter(end[-1] for some in ends for end in some)
    total = Counter()
    documents = list(prodigy.read(file, Reading(raise_it)))
    docs = [to_doc(document, nlp, total) for document in documents]
    assert [document.text for document in documents] == [task["text"] for task in tasks]
    assert len(documents) == 149
    assert total["mentions"] == sum(len(task["spans"]) for task in tasks) == 466
    assert total["denied relations (read as none)"] == n_denied
    assert n_denied == 34
    assert [{relation.key for relation in get_relations(doc)} for doc in docs] == ends
    assert total["relations given twice (kept once)"] == sum(map(len, given)) - sum(map(len, ends))
    assert Counter(relation.label for doc in docs for relation in get_relations(doc)) == labels
    assert sum(map(len, given)) == 107 + 49 + 42 + 35
    # Those who deny every relation, or have none, are annotated all the same.
    assert all(has_relations(doc) for doc in docs)
