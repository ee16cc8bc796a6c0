"""Pictures of texts that are hard to draw, as a browser shows them: nothing overlaps, and nothing is lost."""

import pytest

from tests.browser.checking import check, page_of
from tests.browser.texts import hard_texts

HARD = hard_texts()
PAGE = list(HARD.values())


def told(checked):
    """The faults with the name of the text in the place of its number."""
    return [(list(HARD)[number], kind, what) for kind, number, what in checked.found]


@pytest.fixture(scope="module")
def page():
    return page_of(PAGE)


@pytest.mark.parametrize("width", [360, 900, 1600])
def test_nothing_overlaps_at_any_width(chromium, page, width):
    checked = check(chromium, PAGE, page, width=width)
    assert told(checked) == []
    assert checked.looked["labels"] > len(PAGE)


def test_sentences_that_are_folded_are_copied_and_nothing_moves(chromium):
    checked = check(chromium, PAGE, page_of(PAGE, compact=True), width=900)
    assert told(checked) == []
    # Opened by a click.
    with_all_open = check(
        chromium, PAGE, page_of(PAGE, compact=True).replace("<input type=checkbox", "<input checked type=checkbox"), width=900
    )
    assert told(with_all_open) == []


def test_dejavu_in_the_place_of_arial(chromium, page):
    """Where no font with Arial's widths is there, DejaVu is, at another size: words may touch, arcs and labels do not."""
    family = "relext-dejavu !important"
    checked = check(chromium, PAGE, page, width=900, style=f".rx .T, .rx text {{font-family: {family}}}")
    assert [found for found in told(checked) if found[1] != "ink overlaps"] == []
