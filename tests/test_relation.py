"""`Relation` and `Relations` by themselves: their values, what they refuse, dictionaries, copies and pickles."""

import copy
import json
import math
import pickle
import sys
import types

import numpy
import pytest
import spacy
from spacy.tokens import Span

from spacy_relext.errors import RelextError
from spacy_relext.mentions import set_long_form
from spacy_relext.relations import Relation, Relations, get_relations, set_relations

TEXT = "Aspirin (ASA) raises warfarin\nsodium."


@pytest.fixture
def doc():
    return spacy.blank("en")(TEXT)


@pytest.fixture
def relation(doc):
    aspirin, warfarin = Span(doc, 0, 1, "DRUG", kb_id="C1"), Span(doc, 5, 8, "DRUG")
    return Relation(aspirin, warfarin, "RAISES", 0.75, sources="ddi")


# Values


def test_what_a_relation_is_without_more(doc):
    relation = Relation(doc[0:1], doc[5:6], "RAISES")
    assert (relation.score, relation.status, relation.attributes, relation.long_forms) == (1.0, "asserted", (), ("", ""))
    assert relation.sources == ("",)
    assert relation.source_scores == {"": 1.0}


def test_sources_have_scores_of_which_the_relation_has_the_highest(doc):
    relation = Relation(doc[0:1], doc[5:6], "RAISES", sources={"b": 0.25, "a": 0.75})
    assert (relation.score, relation.sources) == (0.75, ("a", "b"))
    assert relation.source_scores == {"a": 0.75, "b": 0.25}
    assert Relation(doc[0:1], doc[5:6], "RAISES", 0.5, sources=["b", "a"]).source_scores == {"a": 0.5, "b": 0.5}
    assert relation.without("a").source_scores == {"b": 0.25}
    assert relation.without("c") is relation
    assert relation.without("a").without("b") is None


def test_a_relation_can_be_replaced_and_not_changed(relation):
    with pytest.raises(AttributeError, match=r"cannot be changed.*relation\.replace\(score=…\)"):
        relation.score = 0.5
    with pytest.raises(AttributeError, match="cannot be changed"):
        del relation.label
    with pytest.raises(AttributeError):
        relation.other = 1
    other = relation.replace(label="LOWERS", score=0.25, status="uncertain", attributes=["novel"])
    assert other.source_scores == {"ddi": 0.25}
    assert str(other) == "Aspirin --LOWERS--> warfarin sodium (0.25, uncertain, novel)"
    assert relation.replace(head=relation.tail, tail=relation.head).source_scores == {"ddi": 0.75}
    assert str(relation) == "Aspirin --RAISES--> warfarin sodium (0.75)"
    assert repr(relation) == f"<Relation {relation}>"


@pytest.mark.parametrize(
    "change",
    [
        {"label": "LOWERS"},
        {"score": 0.5},
        {"sources": {"other": 0.75}},
        {"sources": {"ddi": 0.75, "": 0.5}},
        {"status": "uncertain"},
        {"attributes": ["novel"]},
        {"long_forms": ("acetylsalicylic acid", "")},
    ],
)
def test_relations_are_equal_where_all_their_values_are(relation, change):
    same, other = relation.replace(), relation.replace(**change)
    assert same == relation
    assert hash(same) == hash(relation)
    assert other != relation
    assert {relation, same, other} == {relation, other}
    assert relation != str(relation)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": math.nan}, "RAISES: the score is nan; it is a probability"),
        ({"score": math.inf}, "score is inf"),
        ({"score": numpy.float32("nan")}, "score is .*nan"),
        ({"score": -0.001}, "score is -0.001"),
        ({"score": 1.001}, "score is 1.001"),
        ({"score": 10**400}, "score is 1000"),
        ({"score": "0.5"}, "score is '0.5'"),
        ({"sources": {"a": math.nan}}, "score is nan"),
        ({"score": 0.5, "sources": {"a": 0.75}}, "score is 0.5, and the highest of its sources 0.75"),
        ({"sources": []}, r"sources are \[\]; expected names"),
        ({"sources": 5}, "sources are 5"),
        ({"sources": [5]}, r"sources are \[5\]"),
        ({"sources": [["a"]]}, r"sources are \[\['a'\]\]"),
        ({"sources": "\ud800"}, "the source is '.ud800', with half of a surrogate pair"),
        ({"sources": ["\ud800"]}, "a source is '.ud800'"),
        ({"label": "\ud800"}, "the label is '.ud800', with half of a surrogate pair, which cannot be stored"),
        ({"attributes": ["\ud800"]}, "an attribute is '.ud800'"),
        ({"long_forms": "ab"}, "the long forms are 'ab'; expected those of head and tail"),
        ({"long_forms": ("a",)}, r"the long forms are \('a',\)"),
        ({"long_forms": ("a", 5)}, "a long form is 5; expected a str"),
        ({"label": ""}, "between 'Aspirin' and .* has the label ''. A label is a str that is not empty"),
        ({"label": " "}, "has the label ' '"),
        ({"label": 5}, "has the label 5"),
        ({"label": None}, "has the label None"),
        ({"status": "uncertan"}, "status is 'uncertan'; it is one of 'asserted', 'uncertain'"),
        ({"attributes": "novel"}, "attributes are 'novel'; expected a list"),
        ({"attributes": 5}, "attributes are 5"),
        ({"attributes": ["novel", ""]}, "attributes are"),
        ({"attributes": ["negated"]}, "a relation that is negated is none"),
        ({"attributes": ["Negated"]}, "a relation that is negated is none"),
        ({"head": "Aspirin"}, r"the head is a str, 'Aspirin', and no Span: doc\.char_span"),
        ({"tail": (0, 1)}, r"the tail is a tuple, \(0, 1\), and no Span: take head and tail from doc\.ents"),
        ({"tail": None}, "the tail is a NoneType"),
    ],
)
def test_values_that_cannot_be_right_are_refused(relation, change, message):
    with pytest.raises(RelextError, match=message):
        relation.replace(**change)


def test_a_token_is_no_mention_and_the_error_says_how_to_make_one(doc):
    with pytest.raises(RelextError, match=r"the tail is a Token, warfarin, and no Span: Span\(doc, 5, 6, label=…\)"):
        Relation(doc[0:1], doc[5], "RAISES")


def test_scores_of_numpy_are_plain_floats(relation):
    assert type(relation.replace(score=numpy.float32(0.5)).score) is float
    assert relation.replace(score=1).score == 1.0


def test_attributes_are_sorted_and_each_there_once(relation):
    assert relation.replace(attributes=["speculated", "novel", "novel"]).attributes == ("novel", "speculated")


# Dictionaries


def test_dictionaries_say_what_is_not_taken_for_granted_and_come_back(doc, relation):
    plain = relation.replace(sources="")
    assert set(plain.to_dict()) == {"head", "tail", "label", "score"}
    assert relation.to_dict() == {
        "head": {"start": 0, "end": 7, "type": "DRUG", "text": "Aspirin", "kb_id": "C1"},
        "tail": {"start": 21, "end": 36, "type": "DRUG", "text": "warfarin\nsodium"},
        "label": "RAISES",
        "score": 0.75,
        "sources": {"ddi": 0.75},
    }
    full = relation.replace(status="uncertain", attributes=["novel"], sources={"ddi": 0.75, "": 1.0}, long_forms=("aspirin", ""))
    for one in (plain, relation, full):
        assert Relation.from_dict(doc, json.loads(json.dumps(one.to_dict()))) == one


def test_a_dictionary_needs_places_and_a_label(doc):
    set_long_form(doc[0:1], "acetylsalicylic acid")
    relation = Relation.from_dict(doc, {"head": {"start": 0, "end": 7}, "tail": {"start": 9, "end": 12}, "label": "IS"})
    assert (relation.head.text, relation.tail.text, relation.score) == ("Aspirin", "ASA", 1.0)
    assert relation.long_forms == ("acetylsalicylic acid", "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": ""}, "has the label ''"),
        ({"kind": "X"}, "saw the keys .*'kind'.*expected head, label, tail, and perhaps attributes"),
        ({"head": "Aspirin"}, "head is 'Aspirin'; expected a dict with start and end"),
        ({"head": {"start": 0}}, r"head: saw the keys \['start'\]; expected end, start"),
        ({"head": {"start": "0", "end": 7}}, "start and end of head are '0' and 7"),
        ({"head": {"start": 0, "end": 7, "text": "Tea"}}, "characters 0-7 of the Doc are 'Aspirin', and the head is 'Tea'"),
        ({"head": {"start": 0, "end": 700}}, "The characters 0-700 are not in the Doc"),
        ({"head": {"start": 0, "end": 10**30}}, "are not in the Doc"),
        ({"head": {"start": 5, "end": 5}}, "start and end of head are 5 and 5; expected whole numbers, the end behind the start"),
        ({"head": {"start": 0, "end": 7, "type": 5}}, "the type of head is 5; expected a str"),
        ({"head": {"start": 0, "end": 7, "type": "\ud800"}}, "the type of head is '.ud800', with half of a surrogate pair"),
        ({"tail": {"start": 21, "end": 36, "kb_id": None}}, "the kb_id of tail is None"),
        ({"tail": {"start": 21, "end": 36, "long_form": 5}}, "the long_form of tail is 5"),
        ({"score": 2}, "score is 2"),
        ({"sources": {"a": "b"}}, "score is 'b'"),
    ],
)
def test_dictionaries_that_cannot_be_right_are_refused(doc, relation, changes, message):
    with pytest.raises(RelextError, match=message):
        Relation.from_dict(doc, {**relation.to_dict(), **changes})
    with pytest.raises(RelextError, match="expected a dict"):
        Relation.from_dict(doc, [relation])
    with pytest.raises(RelextError, match="expected the Doc whose text they are of, and saw str"):
        Relation.from_dict(doc.text, relation.to_dict())


# Several of them


def test_relations_are_a_tuple_that_prints_a_line_a_relation(relation):
    relations = Relations([relation, relation.replace(score=0.5)])
    assert str(relations) == "Aspirin --RAISES--> warfarin sodium (0.75)\nAspirin --RAISES--> warfarin sodium (0.50)"
    assert isinstance(relations, tuple)
    assert type(relations[:1]) is Relations
    assert relations[0] is relation
    assert relations == list(relations)
    assert relations == tuple(relations)
    assert (relations != list(relations)) is False
    assert relations != list(relations)[:1]
    assert relations != str(relations)
    assert Relations() == []
    assert str(Relations()) == ""
    more = relations + (relation for _ in range(2))
    assert type(more) is Relations
    assert len(more) == 4
    more = [relation] + relations  # noqa: RUF005
    assert type(more) is Relations
    assert len(more) == 3
    assert str(relation.replace(label="A\nB")).count("\n") == 0


@pytest.mark.parametrize("name", ["append", "extend", "remove", "sort", "clear"])
def test_changing_relations_in_their_place_fails_with_the_cure(relation, name):
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'.*doc\._\.relations \+= \[relation\]"):
        getattr(Relations([relation]), name)
    with pytest.raises(AttributeError, match=r"no attribute 'other'\.$"):
        getattr(Relations([relation]), "oth" + "er")


def test_flat_dictionaries_have_all_keys(relation):
    relations = Relations([relation, relation.replace(sources={"b": 0.5, "a": 0.25}, attributes=["novel", "x"])])
    assert relations.to_dicts() == [one.to_dict() for one in relations]
    first, second = relations.to_dicts(flat=True)
    assert relations.to_dicts(True) == [first, second]
    assert relations.to_dicts(False) == relations.to_dicts()
    expected = {"head": "Aspirin", "head_type": "DRUG", "head_start": 0, "head_end": 7, "head_kb_id": "C1", "head_long_form": ""}
    expected |= {"label": "RAISES"}
    expected |= {"tail": "warfarin\nsodium", "tail_type": "DRUG", "tail_start": 21, "tail_end": 36, "tail_kb_id": "", "tail_long_form": ""}
    expected |= {"score": 0.75, "raw_score": 0.75, "sources": "ddi", "status": "asserted", "attributes": ""}
    assert first == expected
    assert list(first) == list(expected)
    assert second == expected | {"score": 0.5, "raw_score": 0.5, "sources": "a|b", "attributes": "novel|x"}


def test_data_frames_have_their_columns_also_without_rows(relation, monkeypatch):
    # pandas in small: what it is given is what there is to test.
    pandas = types.ModuleType("pandas")
    pandas.DataFrame = lambda rows, columns: (rows, columns)
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    relations = Relations([relation])
    rows, columns = relations.to_pandas()
    assert rows == relations.to_dicts(flat=True)
    assert columns == list(rows[0])
    assert Relations().to_pandas() == ([], columns)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(RelextError, match=r"pandas cannot be imported.*analysis"):
        relations.to_pandas()


def test_data_frames_of_pandas_itself(relation):
    pandas = pytest.importorskip("pandas")
    relations = Relations([relation, relation.replace(label="ADVISE", score=0.25)])
    frame = relations.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.to_dict("records") == relations.to_dicts(flat=True)
    assert list(Relations().to_pandas()) == list(frame)


# Raw scores


def test_a_raw_score_stays_with_its_score(relation):
    assert relation.raw_score == relation.score == 0.75
    assert "raw_score" not in relation.to_dict()
    calibrated = relation.replace(raw_score=0.9)
    assert (calibrated.score, calibrated.raw_score, calibrated != relation) == (0.75, 0.9, True)
    assert calibrated.to_dict()["raw_score"] == 0.9
    assert Relation.from_dict(relation.head.doc, calibrated.to_dict()) == calibrated
    assert (calibrated.replace(label="X").raw_score, calibrated.replace(sources={"ddi": 0.75, "b": 0.1}).raw_score) == (0.9, 0.9)
    # That of another score is not known.
    assert (calibrated.replace(score=0.5).raw_score, calibrated.replace(score=0.5, raw_score=0.4).raw_score) == (0.5, 0.4)
    both = calibrated.replace(sources={"ddi": 0.75, "b": 0.25})
    assert (both.without("b").raw_score, both.without("ddi").raw_score) == (0.9, 0.25)
    for value in (1.5, "much", float("nan")):
        with pytest.raises(RelextError, match=r"RAISES: the raw score is .*; it is a probability"):
            relation.replace(raw_score=value)


def test_pickles_of_earlier_versions_have_no_raw_score(relation):
    restore, values = relation.replace(raw_score=0.9).__reduce__()
    assert restore(*values).raw_score == 0.9
    assert restore(*values[:-1]).raw_score == 0.75


# Copies


def test_pickles_and_copies_are_equal_but_for_their_doc(doc, relation):
    full = relation.replace(status="uncertain", attributes=["novel"], sources={"ddi": 0.75, "": 1.0}, long_forms=("aspirin", ""))
    full = full.replace(raw_score=0.875)
    for again in (pickle.loads(pickle.dumps(full)), copy.deepcopy(full)):
        assert again.head.doc is again.tail.doc is not doc
        assert again.head.doc.text == TEXT
        assert again.to_dict() == full.to_dict()
        assert (again.head.label_, again.head.kb_id_, again.long_forms) == ("DRUG", "C1", ("aspirin", ""))
    assert copy.copy(full) == full
    assert copy.copy(full).head.doc is doc
    named = relation.replace(head=Span(doc, 0, 1, "DRUG", span_id="rule 7"))
    assert pickle.loads(pickle.dumps(named)).head.id_ == "rule 7"


def test_a_pickle_holds_the_doc_once(doc, relation):
    relations = Relations(relation.replace(score=i / 50) for i in range(50))
    one, many = (len(pickle.dumps(some)) for some in (relations[:1], relations))
    assert many - one < 49 * 300 < len(doc.to_bytes()) * 49
    for again in (pickle.loads(pickle.dumps(relations)), copy.deepcopy(relations)):
        assert type(again) is Relations
        assert again.to_dicts() == relations.to_dicts()
        assert len({id(span.doc) for one in again for span in (one.head, one.tail)}) == 1
    again_doc, again = pickle.loads(pickle.dumps((doc, relations)))
    assert again[0].head.doc is again_doc


def test_relations_differ_from_what_is_no_list():
    assert Relations() == []
    assert Relations() != 5
    assert (Relations() == 5, Relations() == None, Relations() == set()) == (False, False, False)  # noqa: E711
    assert Relations() != {"a": 1}


@pytest.mark.parametrize("order", [1, -1])
def test_one_relation_of_two_sources_has_what_the_surer_one_says(order):
    doc = spacy.blank("en")("Aspirin raises warfarin")
    head, tail = Span(doc, 0, 1, label="DRUG"), Span(doc, 2, 3, label="DRUG")
    sure = Relation(head, tail, "RAISES", 0.75, sources="a", status="uncertain", attributes=["novel"], raw_score=0.6)
    less = Relation(head, tail, "RAISES", 0.5, sources="b", attributes=["speculated"], raw_score=0.9)
    set_relations(doc, [sure, less][::order])
    (both,) = get_relations(doc)
    assert (both.score, both.status, both.sources, both.attributes) == (0.75, "uncertain", ("a", "b"), ("novel", "speculated"))
    assert both.raw_score == 0.6


def test_mentions_without_a_type_have_none():
    doc = spacy.blank("en")("Aspirin raises warfarin")
    relation = Relation.from_dict(doc, {"head": {"start": 0, "end": 7}, "tail": {"start": 15, "end": 23}, "label": "RAISES"})
    assert (relation.head.label_, relation.tail.label_) == ("", "")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1], r"Relations are made of Relation objects, and one is a int, 1\. Make it one: Relation\(head, tail, label\)"),
        ([("a", "b", "A")], "one is a tuple"),
        ([{"label": "A"}], r"one is a dict.*Relation\.from_dict\(doc, data\)"),
        (5, "expected relations.*saw int"),
        ("A", "expected relations.*saw str"),
    ],
)
def test_what_relations_are_made_of(given, message):
    with pytest.raises(RelextError, match=message):
        Relations(given)
    assert Relations() == Relations(()) == ()
