"""Identifiers in one string, and relations between concepts that relations between mentions say."""

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span

from spacy_relext.concepts import NO_CONCEPTS, grouped, identifiers, join, keys, strongest
from spacy_relext.errors import RelextError
from spacy_relext.formats.types import AnnotatedRelation
from spacy_relext.relations import Relation, between_concepts, register_extensions

SOME = st.lists(st.text("|\\,;:#abcDEL1 ", min_size=1).map(str.strip).filter(lambda one: one not in NO_CONCEPTS), unique=True, max_size=4)


@given(SOME)
def test_what_is_joined_is_read_as_it_was(found):
    assert identifiers(join(found)) == found


@pytest.mark.parametrize(
    ("kb_id", "expected"),
    [
        ("D01|D02", ["D01", "D02"]),
        ("c|DEL|12_14|", ["c|DEL|12_14|"]),
        ("p|SUB|R|12|H", ["p|SUB|R|12|H"]),
        ("|SUB|R|12|H", ["|SUB|R|12|H"]),
        ("c\\|DEL\\|12_14\\||D01", ["c|DEL|12_14|", "D01"]),
        ("D01|-1|D01||-|None", ["D01"]),
        ("-", []),
        ("NIL", []),
        ("Wikidata:NULL", []),
        ("MESH:-1|D01", ["D01"]),
        ("HGVS:c.-1", ["HGVS:c.-1"]),
        ("a\\b", ["a\\b"]),
    ],
)
def test_identifiers_of_a_mention(kb_id, expected):
    assert identifiers(kb_id) == expected


def test_what_a_relation_says_of_concepts():
    assert keys(["A", "B"], ["C"], "R") == [("A", "C", "R"), ("B", "C", "R")]
    assert keys(["A"], [], "R") == []
    assert keys(["B"], ["A", "C"], "R", {"R"}) == [("A", "B", "R"), ("B", "C", "R")]
    assert keys(["B"], ["A"], "R", {"S"}) == [("B", "A", "R")]


def test_relations_are_put_together():
    of = {"a": ["A"], "ab": ["A", "B"], "c": ["C"], "none": []}
    found = [AnnotatedRelation(*r) for r in (("ab", "c", "R", 0.5), ("a", "c", "R", 0.9), ("a", "none", "R"), ("a", "c", "S", 0.1))]
    groups, left = grouped(found, of.__getitem__)
    assert groups == {("A", "C", "R"): found[:2], ("B", "C", "R"): found[:1], ("A", "C", "S"): found[3:]}
    assert left == [found[2]]
    assert strongest(groups["A", "C", "R"]) is found[1]
    # What says something that is known says nothing else.
    groups, left = grouped(found, of.__getitem__, known={("A", "C", "R")})
    assert (list(groups), left) == ([("A", "C", "S")], [found[2]])


def test_the_first_of_equal_scores_is_the_strongest():
    relations = [AnnotatedRelation("a", name, "R", 0.5) for name in "bc"]
    assert strongest(relations) is relations[0]


@pytest.fixture
def doc():
    """tea (T), hurts (P and Q), milk (M), pain (P); a relation with "soothes", which has no concept."""
    doc = spacy.blank("en")("tea hurts milk soothes pain")
    spans = [Span(doc, i, i + 1, "X", kb_id=kb_id) for i, kb_id in ((0, "T"), (1, "P|Q"), (2, "M"), (4, "P"))]
    doc.ents = spans
    tea, hurts, milk, pain = spans
    doc._.relations = [
        Relation(tea, hurts, "R", 0.6, sources={"one": 0.6}),
        Relation(tea, pain, "R", 0.9, sources={"two": 0.9}, attributes=["novel"]),
        Relation(milk, pain, "S", 0.3),
        Relation(milk, Span(doc, 3, 4, "X"), "S", 0.3),
    ]
    return doc


def test_relations_between_concepts_of_a_doc(doc):
    found = doc._.concept_relations
    assert [str(relation) for relation in found] == ["T --R--> P (0.90)", "T --R--> Q (0.60)", "M --S--> P (0.30)"]
    assert [len(relation.relations) for relation in found] == [2, 1, 1]
    assert [r.tail.text for r in found[0].relations] == ["hurts", "pain"]
    assert [relation.attributes for relation in found] == [("novel",), (), ()]
    assert [len(some) for some in between_concepts(doc, labels=["S"])] == [1, 1]
    assert [r.score for r in between_concepts(doc, "one")[0]] == [0.6, 0.6]
    assert spacy.blank("en")("")._.concept_relations == ()


def test_concepts_are_those_that_the_doc_has_by_now(doc):
    """A linker may come after the relations; where a relation gives its mention another type, the place decides."""
    for token in doc:
        token.ent_kb_id_ = "L" if token.text == "milk" else token.ent_kb_id_
    assert [r.head for r in doc._.concept_relations] == ["T", "T", "L"]
    doc.spans["mentions"] = [Span(doc, 2, 3, "Y", kb_id="Z"), Span(doc, 4, 5, "X")]
    assert [(r.head, r.tail) for r in doc._.concept_relations] == [("T", "P"), ("T", "Q"), ("Z", "P")]


def test_they_survive_what_relations_survive(doc):
    again = Doc(doc.vocab).from_bytes(doc.to_bytes())
    assert list(map(str, again._.concept_relations)) == list(map(str, doc._.concept_relations))


def test_they_are_not_set(doc):
    with pytest.raises(RelextError, match=r"follow from doc\._\.relations"):
        doc._.concept_relations = []


def test_the_name_of_somebody_else_is_an_error():
    Doc.set_extension("concept_relations", default=None, force=True)
    try:
        with pytest.raises(RelextError, match=r"doc\._\.concept_relations is registered with the default None.*remove_extension"):
            register_extensions()
    finally:
        Doc.remove_extension("concept_relations")
        register_extensions()
