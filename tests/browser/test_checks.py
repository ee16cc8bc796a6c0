"""The checks find what they are there to find: each picture here is broken on purpose."""

import pytest

from tests.browser.checking import check
from tests.browser.texts import marked

PICTURE = marked(
    "[Ketoconazole|DRUG] raises [simvastatin|DRUG] levels, as do [itraconazole|DRUG] and [grapefruit juice|FOOD].",
    [(0, 1, "MECHANISM", 0.9), (2, 1, "EFFECT", 0.9), (3, 1, "ADVISE", 0.9)],
)
BROKEN = {
    "ink overlaps": ".rx .T {font-family: 'DejaVu Sans Mono', 'Courier New', monospace !important}",
    "labels overlap": ".rx .l {transform: scale(4, 8); transform-box: fill-box; transform-origin: center}",
    "label over text": ".rx .l {transform: translateY(40px)}",
    "arc through text": ".rx path.v {transform: translateY(25px)}",
    "mention beside its words": ".rx rect.m {transform: translateX(30px)}",
    "lines break otherwise": ".rx .T {padding-right: 600px}",
    "copied text differs": ".rx .T b {display: block !important}",
    "focus lights nothing up": ".rx path, .rx rect {stroke: red !important; fill-opacity: 1 !important}",
    "scrolls sideways": ".rx .P {margin-left: 700px !important}",
    "arc through label": ".rx .l {transform: translateX(60px)}",
    "label outside the picture": ".rx .l {transform: translateX(2000px)}",
}


def kinds(checked):
    return {kind for kind, _, _ in checked.found}


def test_nothing_is_found_where_nothing_is_broken(chromium):
    assert check(chromium, [PICTURE]).found == []


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_broken_is_found(chromium, kind):
    assert kind in kinds(check(chromium, [PICTURE], style=BROKEN[kind]))


def test_a_relation_that_is_not_drawn_is_found(chromium):
    from tests.browser.checking import page_of

    less = {**PICTURE, "rels": PICTURE["rels"][1:]}
    assert "relations missing" in kinds(check(chromium, [PICTURE], page_of([less])))
