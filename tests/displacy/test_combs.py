"""Relations that are drawn as one."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from spacy_relext.displacy.combs import gather, sign_of
from spacy_relext.displacy.picture import PicturedRelation

RELATIONS = st.lists(
    st.builds(
        PicturedRelation,
        st.integers(0, 6),
        st.integers(7, 12),
        st.sampled_from(["INDUCES", "INHIBITS"]),
        score=st.sampled_from([None, 0.2, 0.9]),
        symmetric=st.booleans(),
        status=st.sampled_from(["", "right", "wrong"]),
        uncertain=st.booleans(),
    ),
    max_size=30,
)


def kind(relation):
    return relation.label, relation.status, relation.uncertain, relation.symmetric


@given(RELATIONS)
def test_each_relation_is_in_one_comb_of_its_kind_and_a_comb_says_nothing_that_is_in_no_relation(relations):
    combs = gather(relations)
    assert sorted(number for comb in combs for number in comb.relations) == list(range(len(relations)))
    for comb in combs:
        members = [relations[number] for number in comb.relations]
        assert {kind(relation) for relation in members} == {(comb.label, comb.status, comb.uncertain, comb.symmetric)}
        assert {(relation.head, relation.tail) for relation in members} == set(product(comb.heads, comb.tails))
    assert [comb.worth for comb in combs] == sorted((comb.worth for comb in combs), reverse=True)


def test_relations_that_share_a_tail_and_then_a_head_are_combs():
    """1, 2, 3 → 4 is one comb; 4 → 5 another."""
    relations = [PicturedRelation(head, 4, "INHIBITS") for head in (1, 2, 3)] + [PicturedRelation(4, 5, "INHIBITS")]
    assert sorted((comb.heads, comb.tails) for comb in gather(relations)) == [([1, 2, 3], [4]), ([4], [5])]


def test_the_same_tails_of_several_heads_are_one_comb():
    relations = [PicturedRelation(head, tail, "ACTIVATES") for head, tail in product((0, 1, 2), (5, 6))]
    (comb,) = gather(relations)
    assert (comb.heads, comb.tails) == ([0, 1, 2], [5, 6])


def test_captions_have_the_sign_of_their_status():
    captions = {
        gather([PicturedRelation(0, 1, "INT", status=status, uncertain=uncertain)])[0].caption
        for status in ("", "right", "missed", "wrong")
        for uncertain in (False, True)
    }
    assert captions == {"INT", "? INT", "✓ INT", "✓? INT", "− INT", "−? INT", "+ INT", "+? INT"}
    assert sign_of("wrong", True) == "+?"


def test_long_labels_are_shortened():
    (comb,) = gather([PicturedRelation(0, 1, "L" * 10_000)])
    assert comb.caption == "L" * 25 + "…"
    assert comb.label == "L" * 10_000
