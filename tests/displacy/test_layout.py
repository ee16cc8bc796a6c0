"""Where everything of a picture goes."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_relext.displacy.layout import Plan, lay_out
from spacy_relext.displacy.picture import Picture, PicturedMention, PicturedRelation

SENTENCE = "Warfarin is given with aspirin and not with ibuprofen since bleeding of the stomach is more frequent ."


def picture(n_words, mentions, relations, sentence=12, **more):
    """A text of words, of which some are mentions. mentions: First and last word of each."""
    known = SENTENCE.split()
    words = [known[k % len(known)] for k in range(n_words)]
    begins = [sum(len(word) + 1 for word in words[:k]) for k in range(n_words + 1)]
    spans = [(begins[first], begins[last + 1] - 1) for first, last in mentions]
    ends = [*begins[sentence:n_words:sentence], begins[-1] - 1]
    return Picture(
        " ".join(words),
        tuple(PicturedMention(start, end, "drug") for start, end in spans),
        tuple(PicturedRelation(head, tail, label, **more) for head, tail, label in relations),
        tuple(zip([0, *ends], ends, strict=False)),
    )


@st.composite
def pictures(draw):
    n_words = draw(st.integers(5, 80))
    word = st.integers(0, n_words - 1)
    mentions = draw(st.lists(st.tuples(word, st.integers(0, 3)).map(lambda m: (m[0], min(sum(m), n_words - 1))), min_size=2, max_size=12))
    mention = st.integers(0, len(mentions) - 1)
    pairs = st.tuples(mention, mention, st.sampled_from(["INT", "EFFECT"])).filter(lambda pair: pair[0] != pair[1])
    return picture(n_words, sorted(mentions), draw(st.lists(pairs, max_size=20, unique=True)))


@settings(deadline=None, max_examples=40)
@given(pictures(), st.sampled_from([200, 344, 900]), st.integers(1, 5), st.booleans())
def test_every_relation_is_drawn_or_counted(pictured, width, max_lanes, folds):
    layout = lay_out(Plan.of(pictured), width, max_lanes, folds)
    drawn = [relation for comb in layout.branches for relation in layout.plan.combs[comb].relations]
    assert sorted([*drawn, *(relation for comb in layout.hidden for relation in comb.relations)]) == list(range(len(pictured.relations)))
    assert all(row.n_lanes <= max_lanes for row in layout.rows)
    for comb, branches in layout.branches.items():
        met = {port.mention for branch in branches for port in branch.ports}
        assert met == {*layout.plan.combs[comb].heads, *layout.plan.combs[comb].tails}
        assert (comb in layout.rails) == (len({branch.line for branch in branches}) > 1)
    rows = [row for block in layout.blocks for row in block.rows]
    assert rows == list(range(len(layout.rows)))
    for block in layout.blocks:
        assert not (block.folds and any(layout.rows[row].n_lanes for row in block.rows))
        tops = [layout.rows[row].top for row in block.rows]
        assert all(after - before >= 26 for before, after in pairwise(tops))
    left = -layout.left
    for rail in layout.rails.values():
        assert left <= layout.rail_x(rail) <= layout.width + layout.total - layout.width - layout.left


def test_rails_of_one_margin_are_apart():
    """Three combs over several lines, nested in each other."""
    pictured = picture(90, [(k, k) for k in (0, 1, 2, 60, 61, 62)], [(0, 3, "A"), (1, 4, "B"), (2, 5, "C")])
    layout = lay_out(Plan.of(pictured), 344, 14)
    places = [layout.rail_x(rail) for rail in layout.rails.values()]
    assert len(places) == len(set(places)) == 3


def test_sentences_without_a_relation_are_folded_where_this_is_wanted():
    pictured = picture(120, [(0, 0), (4, 4), (112, 112), (113, 113)], [(0, 1, "INT"), (2, 3, "INT")])
    assert not any(block.folds for block in lay_out(Plan.of(pictured), 344, 14).blocks)
    assert [block.folds for block in lay_out(Plan.of(pictured), 344, 14, folds=True).blocks] == [False, True, False]


def test_blocks_are_short_enough_for_a_printed_page():
    pictured = picture(400, [(0, 0), (396, 396)], [(0, 1, "INT")])
    blocks = lay_out(Plan.of(pictured), 900, 14).blocks
    assert max(len(block.rows) for block in blocks) <= 6
    assert [row for block in blocks for row in block.rows] == list(range(blocks[-1].rows.stop))


def test_long_texts_are_folded_without_being_asked_for():
    pictured = picture(1200, [(0, 0), (4, 4)], [(0, 1, "INT")])
    assert [block.folds for block in lay_out(Plan.of(pictured), 344, 14).blocks] == [False, True]


def test_an_outer_mention_is_met_beside_its_inner_one():
    """Of "Warfarin is given with", the arc to it does not end at "Warfarin", which is another mention."""
    pictured = picture(16, [(0, 3), (0, 0), (9, 9)], [(0, 2, "INT"), (1, 2, "EFFECT")])
    layout = lay_out(Plan.of(pictured), 900, 14)
    inner = layout.pieces[1][0]
    outer_ports = [port.x for branches in layout.branches.values() for branch in branches for port in branch.ports if port.mention == 0]
    assert all(x > inner.right for x in outer_ports)


def test_what_was_read_lies_under_all_underlines():
    pictured = picture(16, [(0, 0), (4, 4)], [(0, 1, "INT")], attention=((9, 11, 0.6), (12, 17, 0.25), (18, 22, 0.01)))
    layout = lay_out(Plan.of(pictured), 900, 14)
    assert [weight for _, weight in layout.read] == [2, 1]
    row = layout.rows[0]
    assert row.has_read
    assert row.below >= row.underline(0) - row.top - 26


def test_ten_thousand_relations_are_bounded():
    chance = random.Random(1)
    relations = {(chance.randrange(150), chance.randrange(150), f"L{chance.randrange(5)}") for _ in range(10_000)}
    pictured = picture(600, [(4 * k, 4 * k) for k in range(150)], sorted(r for r in relations if r[0] != r[1]))
    layout = lay_out(Plan.of(pictured), 900, 14)
    n_hidden = sum(len(comb.relations) for comb in layout.hidden)
    n_drawn = sum(len(layout.plan.combs[comb].relations) for comb in layout.branches)
    assert n_hidden + n_drawn == len(pictured.relations)
    assert n_drawn <= 800


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\r\n"])
def test_texts_without_words(text):
    layout = lay_out(Plan.of(Picture(text, (), (), ((0, len(text)),))), 900, 14)
    assert not layout.branches
