"""The browser tells what a page does that it should not."""

from tests.browser.chromium import Shown

PAGE = "<!doctype html><html lang=en><title>A page</title><main><h1>A page</h1>{}</main>"


def test_what_the_policy_forbids_is_noted(chromium):
    with Shown(chromium, PAGE.format("<img src=https://elsewhere.test/a.png alt='a picture'><script>alert(1)</script>")) as shown:
        assert len(shown.noted) >= 2
        assert all("policy" in noted.lower() for noted in shown.noted)


def test_dialogs_and_requests_are_noted(chromium):
    with Shown(chromium, PAGE.format("<script>alert(1)</script><img src=/b.png alt='a picture'>"), policy="") as shown:
        shown.page.wait_for_load_state("networkidle")
        assert "dialog: 1" in shown.noted
        assert "request: http://pictures.test/b.png" in shown.noted


def test_nothing_is_noted_of_a_page_that_is_well(chromium, axe):
    with Shown(chromium, PAGE.format("<p>Some text.</p>")) as shown:
        assert shown.noted == []
        assert axe(shown) == []


def test_violations_are_found(chromium, axe):
    with Shown(chromium, PAGE.format("<p style='color:#ccc;background:#fff'>Pale text.</p>")) as shown:
        assert [found.partition(":")[0] for found in axe(shown)] == ["color-contrast"]
