"""What other components know of a mention, whichever of them are there, and what becomes of it in relations."""

import json

import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_relext.mentions import kb_id_of, long_form_of
from spacy_relext.relations import Relation, get_relations, register_extensions, set_relations
from tests.test_relations import stored

TEXT = "Teal acid (TA) raises warfarin."


def leave(doc, name, start, end, value):
    """Set a span extension that is not registered here, as a component does that has registered it."""
    doc.user_data["._.", name, start, end] = value


@pytest.fixture
def doc():
    """Two mentions, `TA` and `warfarin`, of which nobody knows anything."""
    register_extensions()
    doc = spacy.blank("en")(TEXT)
    doc.ents = [Span(doc, 3, 4, "DRUG"), Span(doc, 6, 7, "DRUG")]
    assert [ent.text for ent in doc.ents] == ["TA", "warfarin"]
    return doc


def test_nothing_is_known(doc):
    assert [kb_id_of(ent) for ent in doc.ents] == [long_form_of(ent) for ent in doc.ents] == ["", ""]
    assert kb_id_of(doc[0:2]) == long_form_of(doc[0:2]) == ""


def test_concepts_the_surest_first(doc):
    doc.ents = [Span(doc, 3, 4, "DRUG", span_id="ruler"), doc.ents[1]]
    ta, warfarin = doc.ents
    assert kb_id_of(ta) == "ruler"
    leave(doc, "kb_ents", 11, 13, [("best", 0.9), ("other", 0.8)])
    assert kb_id_of(ta) == "best"
    leave(doc, "kb_ents", 11, 13, [])
    assert kb_id_of(ta) == "ruler"
    leave(doc, "kb_ents", 11, 13, [("best", 0.9)])
    # spaCy's linker, on the tokens of entities.
    doc[3].ent_kb_id_ = "linked"
    assert kb_id_of(doc.ents[0]) == kb_id_of(ta) == "linked"
    doc[3].ent_kb_id_ = "NIL"
    assert kb_id_of(doc.ents[0]) == "best"
    assert kb_id_of(Span(doc, 3, 4, "DRUG", kb_id="own")) == "own"
    assert kb_id_of(warfarin) == ""


def test_concepts_of_entities_are_those_of_mentions_at_their_place(doc):
    doc.ents = [Span(doc, 0, 2, "DRUG", kb_id="C1", span_id="x"), Span(doc, 6, 8, "DRUG", span_id="C2")]
    assert kb_id_of(Span(doc, 0, 2, "DRUG")) == "C1"
    assert kb_id_of(Span(doc, 6, 8, "DRUG")) == "C2"
    others = [(0, 1, "DRUG"), (1, 2, "DRUG"), (0, 3, "DRUG"), (0, 2, "GENE"), (6, 7, "DRUG"), (5, 8, "DRUG"), (3, 4, "DRUG")]
    assert [kb_id_of(Span(doc, *other)) for other in others] == [""] * len(others)
    # Two entities side by side are not one.
    doc.ents = [Span(doc, 0, 1, "DRUG", kb_id="C1"), Span(doc, 1, 2, "DRUG", kb_id="C2")]
    assert kb_id_of(Span(doc, 0, 2, "DRUG")) == ""


@pytest.mark.parametrize("serializable", [True, False])
def test_long_forms(doc, serializable):
    leave(doc, "long_form", 11, 13, "Teal acid" if serializable else doc[0:2])
    assert long_form_of(doc.ents[0]) == long_form_of(Span(doc, 3, 4, "OTHER")) == "Teal acid"
    assert long_form_of(doc.ents[1]) == long_form_of(doc[0:2]) == ""


def related(doc):
    """A relation between two mentions of which something is known."""
    doc.ents = [Span(doc, 3, 4, "DRUG", kb_id="D1"), Span(doc, 6, 7, "DRUG")]
    leave(doc, "kb_ents", 22, 30, [("D2", 0.7)])
    leave(doc, "long_form", 11, 13, "Teal acid")
    set_relations(doc, [Relation(*doc.ents, "RAISES")])
    return doc


HEAD = {"start": 11, "end": 13, "type": "DRUG", "text": "TA", "kb_id": "D1", "long_form": "Teal acid"}
TAIL = {"start": 22, "end": 30, "type": "DRUG", "text": "warfarin", "kb_id": "D2"}
KNOWN = {"head": HEAD, "tail": TAIL, "label": "RAISES", "score": 1.0}


def test_relation_carries_them(doc):
    related(doc)
    [relation] = get_relations(doc)
    assert (relation.head.kb_id_, relation.tail.kb_id_, relation.long_forms) == ("D1", "D2", ("Teal acid", ""))
    assert json.loads(json.dumps(relation.to_dict())) == KNOWN
    # Before it is set, too.
    assert Relation(*doc.ents, "RAISES").to_dict() == KNOWN


@pytest.mark.parametrize("store", ["bytes", "docbin", "pickle", "copy", "json"])
def test_they_survive_storing_without_what_the_components_left(doc, store):
    again = stored(related(doc), store)
    for key in list(again.user_data):
        if key[1] != "relation_data":
            del again.user_data[key]
    again.ents = []
    assert [relation.to_dict() for relation in get_relations(again)] == [KNOWN]
    set_relations(again, get_relations(again))
    assert [relation.to_dict() for relation in get_relations(again)] == [KNOWN]


def test_they_survive_joining_and_cutting(doc):
    joined = Doc.from_docs([related(doc), related(doc.copy())])
    assert [(r.head.kb_id_, r.tail.kb_id_, r.long_forms) for r in get_relations(joined)] == [("D1", "D2", ("Teal acid", ""))] * 2
    part = doc[3:].as_doc(copy_user_data=True)
    [relation] = get_relations(part)
    assert relation.to_dict() == {**KNOWN, "head": {**HEAD, "start": 0, "end": 2}, "tail": {**TAIL, "start": 11, "end": 19}}


def test_what_is_found_after_the_relation_was_set(doc):
    set_relations(doc, [Relation(*doc.ents, "RAISES")])
    leave(doc, "kb_ents", 22, 30, [("D2", 0.7)])
    leave(doc, "long_form", 11, 13, "Teal acid")
    [relation] = get_relations(doc)
    expected = {**KNOWN, "head": {key: value for key, value in HEAD.items() if key != "kb_id"}}
    assert relation.to_dict() == expected


def test_relations_that_were_stored_without_them_are_read(doc):
    """As an earlier version stored them."""
    doc.user_data["._.", "relation_data", 11, 13] = [
        {"tail": [11, 19], "label": "RAISES", "score": 0.5, "head_type": "DRUG", "tail_type": "DRUG", "texts": ["TA", "warfarin"]}
    ]
    [relation] = get_relations(doc)
    assert (relation.head, relation.tail, relation.long_forms) == (*doc.ents, ("", ""))
