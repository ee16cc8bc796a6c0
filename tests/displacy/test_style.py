"""The style sheet: its size, what it refers to, and nothing from elsewhere."""

import re

import pytest

from spacy_relext.displacy.style import MOST_LIT, style_sheet


def test_size():
    assert len(style_sheet(40, 40)) < 11_500
    assert len(style_sheet(10**6, 10**6)) == len(style_sheet(MOST_LIT, MOST_LIT)) < 36_000
    assert len(style_sheet(0, 0)) < 6_500


@pytest.mark.parametrize("width", [600, (900, 344), (900, 600, 344)])
def test_rules_are_whole(width):
    style = style_sheet(3, 2, width)
    assert style.count("{") == style.count("}")
    assert "\n" not in style
    for forbidden in ("url(", "@import", "expression", "<"):
        assert forbidden not in style
    lit = {name for name in re.findall(r"\.([nmae]\d+)", style)}
    assert lit == {"n0", "n1", "n2", "m0", "m1", "m2", "a0", "a1", "a2", "e0", "e1"}


def test_what_is_missed_wrong_and_uncertain_has_dashes_of_its_own():
    dashes = dict(re.findall(r"\.rx \.([doq])\{stroke-dasharray:([^}]*)\}", style_sheet(0, 0)))
    assert dashes == {"d": "5 3", "o": "1.5 2.5", "q": "6 2 1.5 2"}


def test_the_layout_that_fits():
    style = style_sheet(0, 0, (900, 600, 344))
    assert "@container (max-width:719.99px){.rx .V{display:none}.rx .M{display:block}}" in style
    assert "@container (max-width:479.99px){.rx .M{display:none}.rx .N{display:block}}" in style
    assert "@container" not in style_sheet(0, 0, 900)
