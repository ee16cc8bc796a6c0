"""Numbers and paths of SVG."""

import pytest

from spacy_relext.displacy.paths import horizontal, number, rounded


@pytest.mark.parametrize(
    ("value", "written"), [(3, "3"), (3.0, "3"), (-3.5, "-3.5"), (12.04, "12"), (0.06, "0.1"), (-0.04, "0"), (123456.5, "123456.5")]
)
def test_numbers_have_one_decimal_at_the_most(value, written):
    assert number(value) == written


def test_corners_are_rounded():
    assert rounded([(0, 50), (0, 10), (100, 10), (100, 50)]) == "M0 50V15q0 -5 5 -5H95q5 0 5 5V50"


def test_corners_of_short_lines_are_as_round_as_there_is_room():
    assert rounded([(0, 10), (0, 4), (4, 4)]) == "M0 10V6q0 -2 2 -2H4"


def test_what_goes_straight_on_has_no_corner():
    assert rounded([(0, 0), (5, 0), (9, 0)]) == "M0 0H9"
    assert rounded([(2, 2), (2, 2)]) == "M2 2"


def test_no_horizontal_from_right_to_left():
    assert horizontal(5, 5, 1) == ""
    assert horizontal(1, 5, 2) == "M1 2H5"
