"""Whether the pictures of a page are right, as a browser shows them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from spacy_relext import displacy
from tests.browser.chromium import Shown

# As checks.js calls them.
CHECKS = (
    "labels overlap",
    "label over text",
    "label wider than its box",
    "label outside the picture",
    "arc through label",
    "arc through text",
    "ink overlaps",
    "lines break otherwise",
    "mention beside its words",
    "relations missing",
    "copied text differs",
    "focus lights nothing up",
    "scrolls sideways",
    "noted by the browser",
)

ADD_STYLE = "rules => { document.head.append(Object.assign(document.createElement('style'), {textContent: rules})) }"


@dataclass
class Checked:
    """found: Of each fault the check, the number of the picture, and what it is. looked: How many words, labels, arcs and relations."""

    found: list[tuple[str, int, str]] = field(default_factory=list)
    looked: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> dict[str, int]:
        """Faults of each check."""
        counts = Counter(check for check, _, _ in self.found)
        return {check: counts[check] for check in CHECKS}


def page_of(pictures: Sequence[dict[str, Any]], **options: Any) -> str:
    """A page with pictures of dictionaries, as `render(…, manual=True)` takes them."""
    return displacy.render(list(pictures), page=True, manual=True, options={"width": (900, 344), **options})


def check(
    browser: Any, pictures: Sequence[dict[str, Any]], html: str | None = None, *, width: int = 900, style: str = "", **context: Any
) -> Checked:
    """The faults of a page in a window of some width. html: The page, if it is made already. style: More rules, which come last."""
    expected = [_expected(picture) for picture in pictures]
    with Shown(browser, html or page_of(pictures), width=width, **context) as shown:
        if style:
            shown.page.evaluate(ADD_STYLE, style)
        told = shown.run("checks.js", expected)
        found = [(check, number, what) for check, number, what in told["found"]]
        found += [("noted by the browser", 0, what) for what in shown.noted]
    return Checked(found, Counter(told["looked"]))


def _expected(picture: dict[str, Any]) -> dict[str, Any]:
    """For JavaScript, which counts in units of UTF-16."""

    def units(at: int) -> int:
        return len(picture["text"][:at].encode("utf-16-le")) // 2

    mentions = [[units(ent["start"]), units(ent["end"])] for ent in picture["ents"]]
    return {"text": picture["text"], "mentions": mentions, "relations": len(picture["rels"])}
