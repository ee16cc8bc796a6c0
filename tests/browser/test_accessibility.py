"""Pictures for those who see little, use the keyboard, or print: axe-core, contrast, focus, and what lights up."""

import pytest

from tests.browser.checking import check, page_of
from tests.browser.chromium import Shown
from tests.browser.texts import hard_texts, marked

HARD = hard_texts()
CALM = [HARD[name] for name in ("nested", "annotation beside prediction", "uncertain, and what was read", "chinese and japanese", "hebrew")]
# A mention of each colour in another, and a label of each colour.
COLOURS = marked(
    " ".join(f"[outer{i} [middle{i} [inner{i}|TYPE{i + 2}] more|TYPE{i + 1}] words|TYPE{i}] and" for i in range(8)),
    [(3 * i, (3 * i + 4) % 24, f"LABEL {i}", 0.9, {"attention": [[0, 6, 0.9]]}) for i in range(8)],
)
LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "print on a dark desktop": {"color_scheme": "dark", "media": "print"},
    "forced colours": {"color_scheme": "dark", "forced_colors": "active"},
}


def shown_as(chromium, html, look, **more):
    shown = Shown(chromium, html, **more)
    shown.page.emulate_media(**LOOKS[look])
    return shown


def open_tables(shown):
    shown.page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")


@pytest.mark.parametrize(("look", "width"), [("light", 900), ("dark", 900), ("forced colours", 900), ("light", 360)])
def test_axe_finds_nothing(chromium, axe, look, width):
    with shown_as(chromium, page_of(CALM), look, width=width) as shown:
        open_tables(shown)
        assert axe(shown) == []


@pytest.mark.parametrize("look", ["light", "dark", "print on a dark desktop"])
def test_contrast(chromium, look):
    with shown_as(chromium, page_of([*CALM, COLOURS]), look) as shown:
        open_tables(shown)
        found = shown.run("contrast.js")
    assert len(found) > 8
    assert [pair for pair in found if pair[0] < 4.5] == []


@pytest.mark.parametrize("look", ["light", "dark"])
def test_contrast_of_what_is_lit_up(chromium, look):
    with shown_as(chromium, page_of([COLOURS]), look) as shown:
        open_tables(shown)
        rows = shown.page.locator("tr[tabindex]")
        assert rows.count() == len(COLOURS["rels"])
        for row in rows.all():
            row.focus()
            # What is not lit up fades: the words and the table stay.
            assert [pair for pair in shown.run("contrast.js") if pair[0] < 4.5 and not pair[1].startswith("LABEL")] == []


def test_dark_and_light_differ_and_print_is_light(chromium):
    backgrounds = []
    for look in ("light", "dark", "print on a dark desktop"):
        with shown_as(chromium, page_of([COLOURS]), look) as shown:
            backgrounds.append(shown.page.evaluate("getComputedStyle(document.querySelector('figure.rx')).backgroundColor"))
    assert backgrounds[0] == backgrounds[2] != backgrounds[1]


def test_the_keyboard_reaches_each_relation(chromium):
    picture = HARD["annotation beside prediction"]
    with Shown(chromium, page_of([picture])) as shown:
        shown.page.keyboard.press("Tab")
        assert shown.page.evaluate("document.activeElement.tagName") == "SUMMARY"
        shown.page.keyboard.press("Enter")
        reached = set()
        for _ in picture["rels"]:
            shown.page.keyboard.press("Tab")
            reached.add(shown.page.evaluate("document.activeElement.innerText"))
        assert len(reached) == len(picture["rels"])
        assert shown.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def strokes(shown, selector):
    return shown.page.evaluate(
        "name => [...document.querySelectorAll(name)].filter(e => e.getClientRects().length).map(e => getComputedStyle(e).stroke)", selector
    )


def test_a_mention_lights_up_its_relations(chromium):
    picture = HARD["annotation beside prediction"]
    with Shown(chromium, page_of([picture])) as shown:
        before = strokes(shown, ".P .e.a5"), strokes(shown, ".P .e:not(.a5)")
        shown.page.locator(".T .n5 >> visible=true").first.hover()
        after = strokes(shown, ".P .e.a5"), strokes(shown, ".P .e:not(.a5)")
    assert len(before[0]) == 2
    assert all(one != other for one, other in zip(before[0], after[0], strict=True))
    assert before[1] == after[1]


def test_an_arc_lights_up_itself_and_its_mentions(chromium):
    picture = HARD["both directions"]
    with Shown(chromium, page_of([picture])) as shown:
        for number in range(len(picture["rels"])):
            place = shown.page.evaluate(
                """number => {
                    const way = [...document.querySelectorAll(`.P .e${number}`)].find(e => e.getClientRects().length);
                    const matrix = way.getScreenCTM();
                    for (let at = 0; at < way.getTotalLength(); at += 2) {
                        const {x, y} = way.getPointAtLength(at).matrixTransform(matrix);
                        if (document.elementFromPoint(x, y) === way) return [x, y];
                    }
                }""",
                number,
            )
            assert place, f"the pointer finds no place of relation {number}"
            shown.page.mouse.move(*place)
            lit = strokes(shown, f".P .e{number}")
            assert all(stroke != "rgba(0, 0, 0, 0)" for stroke in lit)
            others = strokes(shown, f".P .e:not(.e{number})")
            assert all(stroke == "rgba(0, 0, 0, 0)" for stroke in others)


def test_in_forced_colours_nothing_overlaps_and_arcs_stay(chromium):
    assert check(chromium, CALM, forced_colors="active").found == []
