"""Relations of spacy-llm, which need not be installed."""

from types import SimpleNamespace

import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_relext import relations_from_llm
from spacy_relext.errors import RelextError


@pytest.fixture
def doc():
    if not Doc.has_extension("rel"):
        Doc.set_extension("rel", default=[])
    made = spacy.blank("en")("Laura lives in Boston")
    made.ents = [Span(made, 0, 1, "PERSON"), Span(made, 3, 4, "GPE")]
    yield made
    Doc.remove_extension("rel")


@pytest.mark.parametrize("make", [dict, SimpleNamespace])
def test_items_are_relations_between_entities(make, doc):
    doc._.rel = [make(dep=0, dest=1, relation="LivesIn")]
    assert relations_from_llm(doc) is doc
    [relation] = doc._.relations
    assert (relation.head.text, relation.label, relation.tail.text, relation.sources) == ("Laura", "LivesIn", "Boston", ("llm",))


def test_no_items_are_no_relations(doc):
    assert list(relations_from_llm(doc)._.relations) == []


@pytest.mark.parametrize(
    "item", [{"dep": 0, "dest": 2, "relation": "L"}, {"dep": "0", "dest": 1, "relation": "L"}, {"dep": -1, "dest": 1}, 3]
)
def test_what_is_no_relation_is_an_error(item, doc):
    doc._.rel = [item]
    with pytest.raises(RelextError, match=r"relation 0 of doc\._\.rel is .* numbers of the 2 entities"):
        relations_from_llm(doc)


def test_without_the_extension():
    with pytest.raises(RelextError, match=r"there is no doc\._\.rel"):
        relations_from_llm(spacy.blank("en")("Tea"))
