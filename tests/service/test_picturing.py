"""What a picture is given of a record."""

import pytest

from spacy_relext.displacy.options import Options
from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.rendering import figure
from spacy_relext.errors import RelextError
from spacy_relext.service.picturing import pictured

MENTIONS = [{"id": name, "start": start, "end": start + 1, "type": "T"} for start, name in enumerate("abc")]
RELATIONS = [
    {"head": "a", "tail": "b", "label": "L", "score": 0.5, "sources": {"x": 0.5}, "status": "uncertain", "attributes": ["speculated"]},
    {"head": "c", "tail": "a", "label": "M", "sources": {"x": 0.5, "": 1.0}},
]


def test_what_is_said_of_relations_is_drawn():
    record = {"text": "abc", "mentions": MENTIONS, "relations": RELATIONS}
    data = pictured(record, ["M"], "en", "ltr", [{"head": "a", "tail": "c", "words": [(1, 2, 0.75)]}])
    first, second = Picture.from_dict(data).relations
    assert (first.head, first.tail, first.score, first.uncertain, first.sources, first.attributes) == (
        0,
        1,
        0.5,
        True,
        ("x",),
        ("speculated",),
    )
    # What was read is told for a direction, and a symmetric label is written in one of the two.
    assert (second.symmetric, second.sources, second.attention) == (True, ("x", "caller"), ((1, 2, 0.75),))
    assert first.attention == ()
    drawn = figure(Picture.from_dict(data), Options())
    assert "found by" in drawn
    assert "x, caller" in drawn


def test_one_source_of_all_is_not_worth_a_column():
    data = pictured({"text": "abc", "mentions": MENTIONS, "relations": RELATIONS[:1]}, [], "en", "ltr")
    assert data["rels"][0]["sources"] == []


def test_a_mention_that_is_not_there():
    record = {"text": "abc", "mentions": MENTIONS[:1], "relations": RELATIONS[:1]}
    with pytest.raises(RelextError, match=r"relation 1 is of the mentions \['b'\], which the document does not have"):
        pictured(record, [], "en", "ltr")
