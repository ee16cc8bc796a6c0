"""What an annotation says of pairs, on a text of four mentions."""

import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.assertion import Assertions
from spacy_relext.relations import Relation, set_denied, set_relations
from spacy_relext.scorer import score_relations

VOCAB = spacy.blank("en").vocab


def doc_of(relations=(), denied=()):
    """Relations are (label, head, tail), and attributes where there are any."""
    doc = Doc(VOCAB, words=list("abcd"))

    def made(label, head, tail, *attributes):
        spans = (Span(doc, "abcd".index(word), "abcd".index(word) + 1, "T") for word in (head, tail))
        return Relation(*spans, label, attributes=attributes)

    set_relations(doc, [made(*r) for r in relations])
    set_denied(doc, [made(*r) for r in denied])
    return doc


GOLD = [("X", "b", "a", "speculated"), ("X", "a", "c"), ("Y", "a", "b"), ("X", "c", "d", "novel")]
DENIED = [("X", "a", "d"), ("Y", "d", "a"), ("Y", "b", "d"), ("Y", "d", "c")]


def test_each_relation_is_in_a_group():
    said = Assertions(doc_of(GOLD, DENIED), ["X"])
    a, b, c, d = ((0, 1), (2, 3), (4, 5), (6, 7))
    # A label without a direction is found in the order of the text.
    assert said.group_of(("X", a, b), annotated=True) == "speculated"
    assert said.group_of(("Y", a, b), annotated=True) == "asserted"
    # What is wrong is in the group of its pair, whatever its label and direction; types of mentions count for nothing.
    assert said.group_of(("Z", (*b, "T"), (*a, "U")), annotated=False) == "speculated"
    assert said.group_of(("Z", d, b), annotated=False) == "denied"
    assert said.group_of(("Z", b, c), annotated=False) == "asserted"
    # Asserted in spite of another label of its pair that is denied.
    assert said.group_of(("X", c, d), annotated=True) == "denied"


def test_denied_pairs_count_once_and_in_each_of_their_labels():
    said = Assertions(doc_of(GOLD, DENIED))
    a, b, c, d = ((0, 1), (2, 3), (4, 5), (6, 7))
    counts = said.denials([("X", d, a), ("Z", a, d), ("X", b, d), ("X", b, c)])
    assert (counts["", "pairs"], counts["", "related"]) == (3, 2)
    assert [counts["X", name] for name in ("pairs", "related", "found")] == [1, 1, 2]
    assert [counts["Y", name] for name in ("pairs", "related", "found")] == [3, 2, 0]
    assert [counts["Z", name] for name in ("pairs", "related", "found")] == [0, 0, 1]


def test_groups_sum_to_all_and_have_intervals_where_asked_for():
    guess = [("X", "a", "b"), ("X", "a", "d"), ("X", "a", "c"), ("Z", "b", "c")]
    examples = [Example(doc_of(guess), doc_of(GOLD, DENIED)) for _ in range(3)]
    examples.append(Example(doc_of(), doc_of([("X", "a", "b", "speculated")])))
    scores = score_relations(examples, symmetric_labels=["X"])
    groups = scores["rel_per_group"]
    assert {name: (s["predicted"], s["support"]) for name, s in groups.items()} == {
        "asserted": (6, 6),
        "speculated": (3, 4),
        "denied": (3, 3),
    }
    assert [groups[name]["p"] for name in groups] == [0.5, 1.0, 0.0]
    assert (groups["speculated"]["r"], scores["rel_denied"], scores["rel_denied_related"]) == (0.75, 9, 3)
    assert "rel_denied_interval" not in scores
    assert all("intervals" not in group for group in groups.values())
    with_intervals = score_relations(examples, symmetric_labels=["X"], intervals=True)
    low, high = with_intervals["rel_denied_interval"]
    # Every document with denied pairs has one related of three, so draws do not differ: the interval is that of nine pairs.
    assert low < 1 / 3 < high
    low, high = with_intervals["rel_per_group"]["speculated"]["intervals"]["r"]
    assert low < 0.75 < high


def test_nothing_where_all_is_asserted():
    doc = doc_of([("X", "a", "b")])
    assert not {"rel_per_group", "rel_denied"} & score_relations([Example(doc, doc)], intervals=True).keys()
