"""What was said in the place of what, by hand."""

from spacy_relext.report.matching import Match, match

A, B, C = (0, 1), (2, 3), (4, 5)


def matched(missed, wrong, *, symmetric=(), reachable=None):
    return match(missed, wrong, set(missed) if reachable is None else reachable, symmetric)


def test_another_label_of_the_same_pair_is_one_error():
    assert matched([("X", A, B)], {("Y", A, B): 0.9}) == [Match("wrong_label", ("X", A, B), ("Y", A, B))]


def test_the_label_in_the_other_direction_is_one_error():
    assert matched([("X", A, B)], {("X", B, A): 0.9}) == [Match("wrong_direction", ("X", A, B), ("X", B, A), swapped=True)]


def test_another_label_in_the_other_direction_is_one_error():
    assert matched([("X", A, B)], {("Y", B, A): 0.9}) == [Match("wrong_label", ("X", A, B), ("Y", B, A), swapped=True)]


def test_a_label_without_a_direction_has_none_to_be_wrong():
    assert matched([("S", A, B)], {("Y", B, A): 0.9}, symmetric=["S"]) == [Match("wrong_label", ("S", A, B), ("Y", B, A))]


def test_the_nearest_is_taken_and_then_the_surest():
    wrong = {("X", B, A): 0.9, ("Y", A, B): 0.2, ("Z", A, B): 0.3}
    assert matched([("X", A, B)], wrong) == [
        Match("wrong_label", ("X", A, B), ("Z", A, B)),
        Match("spurious", None, ("X", B, A)),
        Match("spurious", None, ("Y", A, B)),
    ]


def test_each_is_in_one_error():
    found = matched([("X", A, B), ("Y", A, B)], {("Z", A, B): 0.5})
    assert found == [Match("wrong_label", ("X", A, B), ("Z", A, B)), Match("below_threshold", ("Y", A, B), None)]


def test_what_is_no_candidate_is_nothing_else():
    found = matched([("X", A, B)], {("Y", A, B): 0.9}, reachable=set())
    assert found == [Match("no_candidate", ("X", A, B), None), Match("spurious", None, ("Y", A, B))]


def test_other_pairs_are_errors_of_their_own():
    found = matched([("X", A, B)], {("X", A, C): 0.9})
    assert found == [Match("below_threshold", ("X", A, B), None), Match("spurious", None, ("X", A, C))]
    assert matched([], {}) == []
