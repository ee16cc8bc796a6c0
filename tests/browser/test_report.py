"""The report in a real browser: for those who see little or use the keyboard, on a telephone, and that nothing is fetched."""

import pytest

from spacy_relext.report.page import make_report
from tests.browser.chromium import Shown
from tests.report.made import analysis, error, errors_of
from tests.report.test_page import HOSTILE, comparison


@pytest.fixture(scope="module")
def page():
    return make_report(analysis(errors_of(n=7)), comparison([error("spurious")], [error("wrong_label")]), data="test.spacy")


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(chromium, axe, page, look, width):
    with Shown(chromium, page, width=width, color_scheme=look, bypass_csp=True) as shown:
        shown.page.evaluate("() => document.querySelectorAll('details').forEach(d => { d.open = true })")
        assert axe(shown) == []
        assert shown.noted == []


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_scrolls_sideways_but_tables(chromium, page, width):
    with Shown(chromium, page, width=width) as shown:
        wide, screen = shown.page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide == screen
        assert shown.noted == []


def test_a_link_to_an_error_opens_what_it_is_in(chromium, page):
    """The sixth error of a group is folded away."""
    with Shown(chromium, page) as shown:
        shown.page.evaluate("() => { location.hash = 'error-10' }")
        shown.page.wait_for_function("() => document.getElementById('error-10').checkVisibility({contentVisibilityAuto: false})")


def test_hostile_texts_run_nothing(chromium):
    hostile = HOSTILE[0] + HOSTILE[1]
    made = analysis(errors_of(label=hostile, kind=hostile, why=hostile), model=hostile, labels=(hostile, "B"), document=hostile)
    with Shown(chromium, make_report(made, data=hostile)) as shown:
        assert shown.noted == []
        assert hostile in shown.page.inner_text("h1")
