"""Relations between concepts: the rule that makes relations between mentions of them, and the way back."""

from collections import Counter

from spacy_relext.formats.concepts import NEAREST, UNPAIRED, mention_relations, related_concepts
from spacy_relext.formats.docs import concept_relations, to_doc
from spacy_relext.formats.identifiers import UNKNOWN
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.relations import get_relations

#        0         1         2         3
#        0123456789012345678901234567890123456
TEXT = "Tea and tea hurt. Pain. Tea pain ends"
MENTIONS = [
    Mention("t1", 0, 3, "FOOD", "T"),
    Mention("t2", 8, 11, "FOOD", "T"),
    Mention("p1", 18, 22, "DISEASE", "P"),
    Mention("t3", 24, 27, "FOOD", "T"),
    Mention("p2", 28, 32, "DISEASE", "P|Q"),
    Mention("e", 33, 37, "OTHER"),
]
SENTENCES = [(0, 17), (18, 23), (24, 37)]


def pairs(relations, sentences=SENTENCES, mentions=MENTIONS):
    counts = Counter()
    found = mention_relations(mentions, [AnnotatedRelation(head, tail, "R") for head, tail in relations], sentences, counts)
    return [(r.head, r.tail) for r in found], +counts


def test_all_pairs_of_a_sentence():
    assert pairs([("T", "P")]) == ([("t3", "p2")], {})
    assert pairs([("P", "T")]) == ([("p2", "t3")], {})
    # Both concepts of p2 say the same of it.
    assert pairs([("T", "P"), ("T", "Q")]) == ([("t3", "p2")], {})
    together = [(0, 37)]
    assert len(pairs([("T", "P")], together)[0]) == 6


def test_nearest_mentions_where_no_sentence_has_both():
    apart = [(0, 17), (18, 23), (24, 27), (28, 37)]
    # t3 is 2 characters from p1 and 1 from p2.
    assert pairs([("T", "P")], apart) == ([("t3", "p2")], {NEAREST: 1})
    assert pairs([("T", "P")], None) == ([("t3", "p2")], {NEAREST: 1})
    # At the same distance, all.
    even = [Mention("a", 0, 1, "X", "A"), Mention("b", 3, 4, "X", "B"), Mention("c", 6, 7, "X", "A")]
    assert pairs([("A", "B")], None, even) == ([("a", "b"), ("c", "b")], {NEAREST: 1})


def test_the_distance_of_mentions_is_what_lies_between_them():
    # The long one is 2 characters before b and begins 22 before it; the other is 17 characters behind b and begins 18 behind it.
    mentions = [Mention("long", 0, 20, "X", "A"), Mention("b", 22, 23, "X", "B"), Mention("behind", 40, 41, "X", "A")]
    assert pairs([("A", "B")], None, mentions) == ([("long", "b")], {NEAREST: 1})
    assert pairs([("B", "A")], None, mentions) == ([("b", "long")], {NEAREST: 1})


def test_mention_is_not_related_to_itself():
    assert pairs([("P", "Q")]) == ([("p1", "p2")], {NEAREST: 1})
    alone = [Mention("a", 0, 3, "X", "A|B"), Mention("b", 0, 3, "Y", "B")]
    assert pairs([("A", "B")], SENTENCES, alone) == ([], {UNPAIRED: 1})


def test_mentions_that_touch_or_overlap_have_no_distance():
    # "touching" ends where b begins, "inside" shares two characters with it, "near" is one character behind it.
    b = Mention("b", 10, 14, "X", "B")
    touching, inside, near = (Mention(name, *place, "X", "A") for name, place in {"t": (5, 10), "i": (12, 16), "n": (15, 17)}.items())
    assert pairs([("A", "B")], None, [touching, inside, near, b]) == ([("t", "b"), ("i", "b")], {NEAREST: 1})
    assert pairs([("A", "B")], None, [inside, near, b])[0] == [("i", "b")]


def test_every_relation_is_counted():
    apart = [(0, 17), (18, 23), (24, 27), (28, 37)]
    assert pairs([("T", "P"), ("T", "Q")], apart)[1] == {NEAREST: 2}
    # Nothing is a mention of Z.
    assert pairs([("T", "Z"), ("Z", "P"), ("P", "Y")]) == ([], {UNPAIRED: 3})


def test_way_back_keeps_the_highest_score():
    relations = [AnnotatedRelation("t1", "p1", "R", score) for score in (0.5, 0.75, 0.25)]
    assert related_concepts(MENTIONS, relations, [])[0] == [AnnotatedRelation("T", "P", "R", 0.75)]


def test_way_back():
    relations = [AnnotatedRelation("t1", "p2", "R"), AnnotatedRelation("t2", "p2", "R"), AnnotatedRelation("t1", "e", "R")]
    more, left = related_concepts(MENTIONS, relations, [])
    assert more == [AnnotatedRelation("T", "P", "R"), AnnotatedRelation("T", "Q", "R")]
    assert left == relations[2:]
    # A relation that is known accounts for both mentions, whatever else p2 is.
    assert related_concepts(MENTIONS, relations[:2], [AnnotatedRelation("T", "P", "R")]) == ([], [])


def test_doc_has_the_relations_of_mentions(nlp):
    between = [AnnotatedRelation("T", "P", "R", 0.5)]
    counts = Counter()
    doc = to_doc(Document("a", TEXT, MENTIONS, sentences=SENTENCES, concept_relations=between), nlp, counts)
    assert [(r.head.start_char, r.tail.start_char, r.score) for r in get_relations(doc)] == [(24, 28, 0.5)]
    assert counts["relations between concepts"] == counts["relations"] == 1
    # Relations between mentions that are given stand.
    doc = to_doc(Document("a", TEXT, MENTIONS, [], SENTENCES, concept_relations=between), nlp)
    assert get_relations(doc) == []


def test_unknown_concept(nlp):
    document = Document("a", TEXT, MENTIONS, concept_relations=[AnnotatedRelation("T", "X", "R")])
    counts = Counter()
    assert concept_relations(to_doc(document, nlp, counts)) == []
    assert counts[UNKNOWN] == 1
    assert document.examples == {UNKNOWN: "None"}
