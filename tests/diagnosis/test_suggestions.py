"""Settings that the data suggests."""

import random
from types import MappingProxyType

import pytest

from spacy_relext.diagnosis.data import make_data
from spacy_relext.diagnosis.directions import directions
from spacy_relext.diagnosis.suggestions import EXPECTED, Reach, reach, resolve, suggest, type_rules
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.relations import register_extensions
from tests.diagnosis.toy import append, make_parts

SENTENCES = {"@misc": "spacy-relext.sentence_pairs.v1", "ordered": True, "overlapping": False}


def data_of(documents, nlp):
    register_extensions()
    return make_data({"train": [to_doc(document, nlp) for document in documents]}, ["train"], spans_key="mentions")


def drawn(specification, *, seed=0):
    """Sentences in which the head is in front: (label, head type, tail type, number)."""
    draw, documents = random.Random(seed), []
    for label, head, tail, n in specification:
        for _ in range(n):
            document = Document(f"d{len(documents)}", "", [], [], [])
            append(document, label, head, tail, draw)
            if label and document.mentions[0].type == head:
                document.relations = [AnnotatedRelation("T1", "T2", label)]
            documents.append(document)
    return documents


def test_directed_labels_with_rules(nlp):
    suggested = suggest(data_of(make_parts()["train"], nlp))
    assert suggested.symmetric_labels == []
    assert suggested.type_rules == {"RAISES": [["DRUG", "DRUG"]], "LOWERS": [["DRUG", "DRUG"]], "BLOCKS": [["DRUG", "GENE"]]}
    assert suggested.candidates == SENTENCES
    assert (suggested.labels, suggested.mention_types) == (["BLOCKS", "LOWERS", "RAISES"], ["DRUG", "GENE"])
    assert suggested.tried == [(SENTENCES, Reach(360, 108, 108, 108))]


def test_labels_that_run_from_left_to_right_have_no_direction(nlp):
    """Rare ones among them as well; and unordered candidates do."""
    suggested = suggest(data_of(drawn([("MIX", "DRUG", "DRUG", 20), ("RARE", "DRUG", "DRUG", 3), ("", "DRUG", "DRUG", 10)]), nlp))
    assert suggested.symmetric_labels == ["MIX", "RARE"]
    assert suggested.candidates == {**SENTENCES, "ordered": False}


def test_nineteen_relations_are_too_few_to_tell(nlp):
    assert suggest(data_of(drawn([("MIX", "DRUG", "DRUG", 19)]), nlp)).symmetric_labels == []


def test_types_tell_the_direction(nlp):
    """All heads stand in front, and it means nothing: a gene is never the head."""
    assert (
        suggest(data_of([d for d in drawn([("BLOCKS", "DRUG", "GENE", 80)]) if d.mentions[0].type == "DRUG"], nlp)).symmetric_labels == []
    )


def test_one_relation_in_twenty_may_run_the_other_way(nlp):
    documents = drawn([("MIX", "DRUG", "DRUG", 60)])

    def turned(n):
        for document in documents[:n]:
            document.relations = [AnnotatedRelation("T2", "T1", "MIX")]
        return set(directions(data_of(documents, nlp).texts)[0])

    assert turned(3) == {"MIX"}
    assert turned(4) == set()


def test_mirrored_relations_have_no_direction(nlp):
    documents = drawn([("MIX", "DRUG", "DRUG", 12)])
    for document in documents[:6]:
        document.relations.append(AnnotatedRelation("T2", "T1", "MIX"))
    symmetric, doubtful = directions(data_of(documents, nlp).texts)
    assert (symmetric["MIX"].n, symmetric["MIX"].mirrored, doubtful) == (18, 12, {})


def test_rules_want_evidence(nlp):
    """Half of the pairs of drugs have the label: of 2 * EXPECTED pairs of drug and food as many as are wanted should have had it."""
    pairs = [("MIX", "DRUG", "DRUG", 50), ("", "DRUG", "DRUG", 50)]
    few = data_of(drawn([*pairs, ("", "DRUG", "FOOD", 2 * EXPECTED - 1)]), nlp)
    enough = data_of(drawn([*pairs, ("", "DRUG", "FOOD", 2 * EXPECTED)]), nlp)
    assert type_rules(few.texts, ["MIX"]) == {}
    assert type_rules(enough.texts, ["MIX"]) == {"MIX": [["DRUG", "DRUG"]]}


def test_a_role_that_a_type_never_has_is_forbidden_in_all_its_pairs(nlp):
    """Pairs of two genes are too few to tell by themselves, but no gene is ever a head."""
    documents = drawn([("BLOCKS", "DRUG", "GENE", 60), ("", "GENE", "GENE", 2), ("", "DRUG", "DRUG", 60)])
    assert type_rules(data_of(documents, nlp).texts, []) == {"BLOCKS": [["DRUG", "GENE"]]}


@pytest.fixture
def far(nlp):
    """20 documents of three sentences; in two thirds of them the relation is between the first and the last."""
    draw, documents = random.Random(0), []
    for i in range(20):
        document = Document(f"d{i}", "", [], [], [])
        for _ in range(3):
            append(document, "", "DRUG", "GENE", draw)
        tail = "T2" if i % 3 == 0 else "T6"
        document.relations = [AnnotatedRelation("T1", tail, "FAR")]
        documents.append(document)
    return data_of(documents, nlp)


def test_relations_across_sentences_want_distance(far):
    candidates = suggest(far).candidates
    assert candidates["@misc"] == "spacy-relext.distance_pairs.v1"
    tried = {block.get("max_distance", 0): r for block, r in suggest(far).tried}
    assert (tried[0].reached, tried[0].relations) == (7, 20)
    assert tried[candidates["max_distance"]].reached >= 19
    assert all(r.reached < 19 for distance, r in tried.items() if distance < candidates["max_distance"])


def test_without_sentences_candidates_are_by_distance(nlp):
    documents = make_parts()["train"]
    documents[0].sentences = None
    assert suggest(data_of(documents, nlp)).candidates["@misc"] == "spacy-relext.distance_pairs.v1"


def test_overlapping_mentions_with_a_relation_are_candidates(nlp):
    documents = make_parts()["train"]
    first = documents[0].mentions[0]
    documents[0].mentions.append(Mention("new", first.start, documents[0].mentions[1].end, "DRUG"))
    assert suggest(data_of(documents, nlp)).candidates["overlapping"] is False
    documents[0].relations.append(AnnotatedRelation(first.id, "new", "RAISES"))
    assert suggest(data_of(documents, nlp)).candidates["overlapping"] is True


def test_reach_by_hand(nlp):
    """Three mentions in a row, 1 --X--> 2 and 3 --Y--> 1: each pair once reaches the first, and the second where Y has no direction."""
    text = "Aspirin warfarin ketamine"
    mentions = [Mention(f"T{i}", text.index(name), text.index(name) + len(name), "DRUG") for i, name in enumerate(text.split())]
    document = Document("d", text, mentions, [AnnotatedRelation("T0", "T1", "X"), AnnotatedRelation("T2", "T0", "Y")], [(0, 25)])
    texts = data_of([document], nlp).texts
    once = resolve({**SENTENCES, "ordered": False})
    assert reach(texts, once, []) == Reach(3, 2, 1, 1)
    assert reach(texts, once, ["Y"]) == Reach(3, 2, 2, 2)
    assert reach(texts, resolve(SENTENCES), []) == Reach(6, 2, 2, 2)
    near = resolve({"@misc": "spacy-relext.distance_pairs.v1", "max_distance": 0, "ordered": True})
    assert reach(texts, near, []) == Reach(4, 2, 1, 1)


# Relations between concepts


def between_concepts(pairs, nlp, *, names=None):
    """A document per (head, tail, label): each two concepts, G and H, stand in it once, the lower first, as genes of these names."""
    documents = []
    for i, (head, tail, label) in enumerate(pairs):
        first, second = sorted((head, tail))
        words = [names(i, concept) if names else f"name{concept}" for concept in (first, second)]
        text = " ".join(words)
        mentions = [Mention("T1", 0, len(words[0]), "GENE", first), Mention("T2", len(words[0]) + 1, len(text), "GENE", second)]
        relations = [AnnotatedRelation(head, tail, label)]
        documents.append(Document(f"d{i}", text, mentions, None, [(0, len(text))], concept_relations=relations))
    return data_of(documents, nlp)


# Ten pairs of concepts, each in three documents, half of them turned in one of these.
PAIRS = [(f"{i}", f"{i + 1}") for i in range(0, 20, 2)]
TURNED = [ends[:: -1 if i % 2 and j == 2 else 1] for j in range(3) for i, ends in enumerate(PAIRS)]


def test_concepts_that_stand_in_either_direction_by_document_have_none(nlp):
    symmetric, doubtful = directions(between_concepts([(*ends, "MIX") for ends in TURNED], nlp).texts)
    way = symmetric["MIX"]
    assert (way.n, way.forward, way.pairs, way.by_id, way.recurring, way.turned, doubtful) == (30, 25, 10, 5, 10, 5, {})
    assert (way.is_turned, way.is_by_id, way.is_forward, way.is_mirrored) == (True, False, False, False)


def test_labels_with_too_few_to_tell_follow_those_that_are_turned(nlp):
    """But not one whose concepts stand in one direction in all documents."""
    mixed = [(*ends, "MIX") for ends in TURNED]
    few = [("30", "31", "FEW"), ("33", "32", "FEW")]
    assert set(directions(between_concepts([*mixed, *few], nlp).texts)[0]) == {"MIX", "FEW"}
    # Half of them have the lower identifier first, and the other half never.
    one_way = [(*ends[:: -1 if i % 2 else 1], "ONE") for i, ends in enumerate(PAIRS)] * 3
    assert set(directions(between_concepts([*mixed, *few, *one_way], nlp).texts)[0]) == {"MIX"}


def test_identifiers_that_count_the_concepts_of_a_document_are_no_evidence(nlp):
    """The same numbers, but other names in every document."""
    data = between_concepts([(*ends, "MIX") for ends in TURNED], nlp, names=lambda i, concept: f"name{i}-{concept}")
    assert directions(data.texts) == ({}, {})


def test_order_of_identifiers_is_no_direction(nlp):
    """The lower one is the head wherever it stands."""

    def way_of(pairs, types=MappingProxyType({})):
        documents = []
        for i, (head, tail) in enumerate(pairs):
            concepts = (head, tail) if i % 2 else (tail, head)
            mentions = [Mention(f"T{j}", 2 * j, 2 * j + 1, types.get(concept, "GENE"), concept) for j, concept in enumerate(concepts)]
            documents.append(Document(f"d{i}", "a a", mentions, None, [(0, 3)], concept_relations=[AnnotatedRelation(head, tail, "MIX")]))
        symmetric, _ = directions(data_of(documents, nlp).texts)
        return symmetric.get("MIX")

    way = way_of([("0", f"{i}") for i in range(1, 21)])
    assert (way.n, way.forward, way.pairs, way.by_id, way.recurring) == (20, 10, 20, 20, 0)
    # Twenty documents that say the same of the same two concepts say nothing of an order.
    assert way_of([("0", "1")] * 20) is None
    assert way_of([("0", f"{i}") for i in range(1, 20)] + [("3", "2"), ("5", "4")]) is None
    # Nor do identifiers of different types, where one relation runs the other way.
    assert way_of([("0", f"D{i}") for i in range(1, 41)] + [("D50", "0")], {"0": "DRUG"}) is None


def test_any_mentions_of_two_concepts_reach_their_relation(nlp):
    """A in the first and the third sentence, B in the second, C in the fourth."""
    text = "a. b. a. c."
    mentions = [Mention(f"T{i}", 3 * i, 3 * i + 1, "X", concept) for i, concept in enumerate("ABAC")]
    relations = [AnnotatedRelation("B", "A", "R"), AnnotatedRelation("A", "C", "R"), AnnotatedRelation("B", "C", "R")]
    sentences = [(3 * i, 3 * i + 2) for i in range(4)]
    data = data_of([Document("d", text, mentions, None, sentences, concept_relations=relations)], nlp)
    suggested = suggest(data)
    # Within a sentence nothing; with one boundary 3 of 6 pairs and two relations; with two all. B is as near to either A.
    shown = [(block.get("max_sentences", 0), r) for block, r in suggested.tried]
    assert shown == [(0, Reach(0, 3, 0, 0)), (1, Reach(6, 3, 2, 3)), (2, Reach(10, 3, 3, 4))]
    assert suggested.candidates["max_sentences"] == 2
