"""Arcs over a line: whatever the mentions, nothing that is drawn meets what it must not."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_relext.displacy.lanes import GAP, OUTSIDE, Branch, Port, colour_intervals, solve

WIDTH = 600


@st.composite
def lines(draw):
    """Mentions side by side, and branches between some of them."""
    n = draw(st.integers(1, 8))
    bounds = sorted(draw(st.lists(st.integers(0, WIDTH), min_size=2 * n, max_size=2 * n, unique=True)))
    mentions = list(zip(bounds[::2], bounds[1::2], strict=True))
    branches = []
    for comb in range(draw(st.integers(1, 10))):
        chosen = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=4, unique=True))
        side = draw(st.sampled_from(["left", "right"] if len(chosen) == 1 else ["", "left", "right"]))
        ports = [Port(mention, *mentions[mention], tail=draw(st.booleans())) for mention in chosen]
        branches.append(Branch(comb, 0, ports, side, draw(st.floats(20, 120))))
    return branches


@settings(deadline=None, max_examples=60)
@given(lines())
def test_lanes_ports_and_labels(branches):
    n_lanes = solve(branches, WIDTH, 14, tries=12)
    assert n_lanes == max(branch.lane for branch in branches) + 1
    for one, other in combinations(branches, 2):
        if one.lane == other.lane:
            assert one.end + GAP <= other.begin or other.end + GAP <= one.begin
            assert one.high <= other.low or other.high <= one.low
    for branch in branches:
        assert -OUTSIDE <= branch.begin <= branch.low + 1
        assert branch.high - 1 <= branch.end <= WIDTH + OUTSIDE
        for port in branch.ports:
            assert port.left - 1 <= port.x <= port.right + 1
        drops = [port.x for other in branches if other.lane > branch.lane for port in other.ports]
        if branch.label_room is None:
            left, right = branch.label_x - branch.needed / 2, branch.label_x + branch.needed / 2
            assert not [x for x in drops if left + 2 < x < right - 2]
            assert branch.begin - 2 <= left < right <= branch.end + 2


@settings(deadline=None, max_examples=20)
@given(lines())
def test_the_same_line_is_solved_the_same_way(branches):
    solve(branches, WIDTH, 14, tries=6)
    first = [(branch.lane, branch.label_x, [port.x for port in branch.ports]) for branch in branches]
    solve(branches, WIDTH, 14, tries=6)
    assert [(branch.lane, branch.label_x, [port.x for port in branch.ports]) for branch in branches] == first


def test_a_short_arc_is_nearer_to_the_text_than_a_long_one():
    short = Branch(0, 0, [Port(0, 200, 240, False), Port(1, 300, 340, True)], "", 60)
    long = Branch(1, 0, [Port(2, 0, 50, False), Port(3, 500, 560, True)], "", 60)
    assert solve([long, short], WIDTH, 14) == 2
    assert (short.lane, long.lane) == (0, 1)


def test_drops_of_a_mention_do_not_cross():
    """Of those that go right, the lower lane is further right."""
    near = Branch(0, 0, [Port(0, 0, 60, False), Port(1, 150, 200, True)], "", 40)
    far = Branch(1, 0, [Port(0, 0, 60, False), Port(2, 400, 450, True)], "", 40)
    solve([near, far], WIDTH, 14)
    assert near.lane < far.lane
    assert far.ports[0].x < near.ports[0].x


def test_two_arcs_to_the_same_margin_leave_room_for_the_label_of_the_lower_one():
    """Side by side at the middle of the mention, as long as 70 px, the upper one would cut the label of the lower one."""
    stubs = [Branch(comb, 0, [Port(0, 0, 70, False)], "left", 55) for comb in range(2)]
    solve(stubs, WIDTH, 14)
    assert [stub.label_room for stub in stubs] == [None, None]


def test_a_label_without_room_says_what_is_left():
    stubs = [Branch(comb, 0, [Port(0, 0, 20, False)], "left", 80) for comb in range(3)]
    solve(stubs, WIDTH, 14)
    assert any(stub.label_room is not None and stub.label_room < 80 for stub in stubs)


def test_no_branches_need_no_lanes():
    assert solve([], WIDTH, 14) == 0


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(lambda ends: tuple(sorted(ends))), max_size=12))
def test_intervals_of_one_level_do_not_meet(intervals):
    levels = colour_intervals(intervals, key=lambda number: intervals[number][1] - intervals[number][0])
    for one, other in combinations(range(len(intervals)), 2):
        if levels[one] == levels[other]:
            assert intervals[one][1] < intervals[other][0] or intervals[other][1] < intervals[one][0]


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_branch_with_a_rail_reaches_into_its_margin(side):
    branch = Branch(0, 0, [Port(0, 280, 320, False)], side, 50)
    solve([branch], WIDTH, 14)
    assert (branch.low, branch.high) == ((-OUTSIDE, 300) if side == "left" else (300, WIDTH + OUTSIDE))
