"""The page in a browser: what its script does with what the service answers."""

import json
from contextlib import contextmanager
from threading import Thread

import pytest
import spacy
import torch
import uvicorn

from spacy_relext import extract
from spacy_relext.service.app import make_app
from tests.browser.chromium import violations

TEXT = "Aspirin increases warfarin levels. Avoid ketamine with warfarin, quinine or digoxin."


@pytest.fixture(scope="module")
def doubtful(model):
    """The small pipeline, less sure than it has learned to be."""
    nlp = spacy.load(model)
    with torch.no_grad():
        for node in nlp.get_pipe("relation_extractor").model.walk():
            for shim in node.shims:
                for weights in shim._model.parameters():
                    weights *= 0.5
    return nlp


@pytest.fixture(scope="module")
def address(doubtful):
    """Where a service of this pipeline answers."""
    server = uvicorn.Server(uvicorn.Config(make_app(doubtful), port=0, ws="none", log_config=None))
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


class Opened:
    """The page in a browser. noted: What its console told. asked: The requests that it made."""

    def __init__(self, page):
        self.page, self.noted, self.asked = page, [], []
        page.on("console", lambda message: self.noted.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.noted.append(str(error)))
        page.on("request", lambda request: self.asked.append("/" + request.url.partition("//")[2].partition("/")[2]))

    def settle(self):
        """Wait until the answer to what was done is shown."""
        self.page.wait_for_function("() => document.getElementById('result').ariaBusy === 'false'")

    def read(self, text):
        self.page.fill("#text", text)
        self.page.click("button.first")
        self.page.wait_for_selector("#figure figure")
        self.settle()

    def record(self):
        return json.loads(self.page.text_content("#json pre"))

    def until_mentioned(self, text, is_there=True):
        """Wait until words are a mention, or none."""
        script = (
            "([text, isThere]) => document.querySelector('#json pre').textContent.includes(`\"text\": ${JSON.stringify(text)}`) === isThere"
        )
        self.page.wait_for_function(script, arg=[text, is_there])
        self.settle()

    def copied(self):
        """What is copied of the picture."""
        return self.page.evaluate(
            """() => {
                getSelection().selectAllChildren(document.querySelector("#figure figure"));
                const copied = getSelection().toString();
                getSelection().removeAllRanges();
                return copied;
            }"""
        )

    def found(self):
        """The relations that are shown, and the mentions between which they could be."""
        record = self.record()
        names = {mention["id"]: mention["text"] for mention in record["mentions"]}
        return [(names[r["head"]], r["label"], names[r["tail"]]) for r in record["relations"]], list(names.values())

    def select(self, words):
        """Select words in the picture as a pointer does."""
        self.page.evaluate(
            """words => {
                const text = Array.from(document.querySelectorAll("#figure .T")).find(t => t.getClientRects().length);
                const nodes = document.createTreeWalker(text, NodeFilter.SHOW_TEXT, {
                    acceptNode: node => node.parentElement.closest("svg") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT});
                const range = document.createRange(), whole = document.getElementById("text").value;
                const start = whole.indexOf(words), end = start + words.length;
                for (let at = 0, node; (node = nodes.nextNode()); at += node.length) {
                    if (at <= start && start < at + node.length) range.setStart(node, start - at);
                    if (at < end && end <= at + node.length) range.setEnd(node, end - at);
                }
                getSelection().removeAllRanges();
                getSelection().addRange(range);
            }""",
            words,
        )
        self.page.wait_for_function("words => document.getElementById('mention').value === words.trim()", arg=words)


@contextmanager
def opened(chromium, address, noted=(), **context):
    page = chromium.new_page(**context)
    shown = Opened(page)
    page.goto(address)
    try:
        yield shown
    finally:
        page.close()
    assert [note for note in shown.noted if not any(expected in note for expected in noted)] == []


@pytest.fixture
def page(chromium, address):
    with opened(chromium, address) as shown:
        yield shown


def test_a_text_becomes_a_picture(page, doubtful):
    page.read(TEXT)
    assert page.record() == {**next(iter(extract(TEXT, doubtful))), "id": page.record()["id"]}
    assert page.copied() == TEXT
    assert page.page.text_content("#status").startswith(
        f"{len(page.record()['mentions'])} mentions, {len(page.record()['relations'])} relations"
    )
    assert page.asked == ["/", "/page.css", "/page.js", "/icon.svg", "/extract", "/render"]


def test_the_slider_runs_nothing_again(page, doubtful):
    page.read(TEXT)
    before, shown = len(page.asked), [page.found()[0]]
    for threshold in ("0", "0.9", "1"):
        with page.page.expect_response("**/render"):
            page.page.fill("#threshold", threshold)
        page.settle()
        [expected] = extract(TEXT, doubtful, threshold=float(threshold))
        assert page.record()["relations"] == expected["relations"]
        shown.append(page.found()[0])
    assert set(page.asked[before:]) == {"/render"}
    assert len(shown[1]) > len(shown[0]) > len(shown[3]) == 0
    page.page.click("#own")
    page.page.wait_for_function("() => document.getElementById('own').disabled")
    page.settle()
    assert page.found()[0] == shown[0]
    assert page.page.text_content("#at") == "0.5"


def test_a_label_keeps_its_colour(page):
    page.read("Aspirin increases warfarin levels. Avoid ketamine with warfarin.")
    color = """() => Array.from(document.querySelectorAll("#figure .c"))
        .filter(comb => comb.getClientRects().length && comb.textContent.includes("MECHANISM"))
        .map(comb => getComputedStyle(comb).color)[0]"""
    both = page.page.evaluate(color)
    page.read("Aspirin increases warfarin levels.")
    assert page.found()[0] == [("Aspirin", "MECHANISM", "warfarin")]
    assert page.page.evaluate(color) == both


def test_a_relation_tells_what_is_behind_it(page, doubtful):
    page.read(TEXT)
    page.page.focus("#figure tr.e0")
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector("#words li")
    page.settle()
    assert page.page.text_content("#pair-name") == "Aspirin and warfarin"
    first = page.page.locator("#scores ol").first
    assert first.locator("li > span:first-child").all_text_contents() == ["MECHANISM", "ADVISE", "no relation"]
    assert sum(map(float, first.locator("data").all_text_contents())) == pytest.approx(1, abs=0.02)
    assert first.locator("li.reached").count() == 1
    words = page.page.locator("#words li > span:first-child").all_text_contents()
    assert set(words) == {"Aspirin", "increases", "warfarin", "levels", "."}
    assert page.page.locator("#figure .y >> visible=true").count() >= 5
    # At a threshold that it does not reach, it is still told.
    page.page.fill("#threshold", "1")
    page.page.wait_for_function("() => !document.querySelector('#scores .reached')")
    page.settle()
    page.page.press("#close", "Escape")
    page.settle()
    assert not page.page.is_visible("#pair")
    assert page.page.locator("#figure .y").count() == 0


def test_an_arc_is_clicked(page):
    page.read(TEXT)
    page.page.mouse.click(
        *page.page.evaluate(
            """() => {
                const way = Array.from(document.querySelectorAll("#figure path.e0")).find(way => way.getClientRects().length);
                way.scrollIntoView();
                const { x, y } = way.getPointAtLength(way.getTotalLength() / 2).matrixTransform(way.getScreenCTM());
                return [x, y];
            }"""
        )
    )
    page.page.wait_for_selector("#words li")
    assert page.page.text_content("#pair-name") == "Aspirin and warfarin"
    page.settle()


def test_a_pair_without_a_relation_is_told(page):
    page.read("Ketamine did not alter warfarin.")
    page.page.click("#below summary")
    page.page.locator("#below li button").first.click()
    page.page.wait_for_selector("#words li")
    assert page.page.locator("#scores ol").count() == 2
    assert page.page.locator("#scores .reached").count() == 0


def test_mentions_are_corrected(page, doubtful):
    page.read("\U0001f48a\U0001f48a Aspirin increases warfarin levels, not ibuprofen.")
    assert page.found()[1] == ["Aspirin", "warfarin"]
    page.select(" ibuprofen")
    assert page.page.text_content("#add") == "Add"
    page.page.click("#add")
    page.until_mentioned("ibuprofen")
    assert page.found()[1] == ["Aspirin", "warfarin", "ibuprofen"]
    [added] = [mention for mention in page.record()["mentions"] if mention["text"] == "ibuprofen"]
    assert (added["start"], added["end"], added["type"]) == (42, 51, "DRUG")
    # By the keyboard alone, in a part of a word.
    page.page.fill("#mention", "leve")
    page.page.press("#mention", "Enter")
    page.until_mentioned("leve")
    assert page.found()[1] == ["Aspirin", "warfarin", "leve", "ibuprofen"]
    # Those that are there are chosen by a click.
    page.page.click("#figure b.n0 >> visible=true")
    assert page.page.input_value("#mention") == "Aspirin"
    page.page.click("#remove")
    page.until_mentioned("Aspirin", False)
    assert page.found()[1] == ["warfarin", "leve", "ibuprofen"]
    page.page.click("#mentions summary")
    page.page.click("#mentions li button >> nth=0")
    page.until_mentioned("warfarin", False)
    page.page.click("#found")
    page.until_mentioned("Aspirin")
    assert page.found()[1] == ["Aspirin", "warfarin"]


def test_a_narrower_window_gets_a_narrower_picture(page):
    page.read(TEXT)
    wide = page.page.evaluate("document.querySelector('#figure .P').clientWidth")
    with page.page.expect_response("**/render"):
        page.page.set_viewport_size({"width": 400, "height": 800})
    page.settle()
    assert page.page.evaluate("document.querySelector('#figure .P').clientWidth") < wide / 2
    assert page.page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    assert page.copied() == TEXT
    assert "/extract" not in page.asked[page.asked.index("/extract") + 1 :]


def test_the_last_text_is_shown(page):
    for text in ("Aspirin increases digoxin levels.", "Avoid quinine.", TEXT):
        page.page.fill("#text", text)
        page.page.click("button.first")
    page.page.wait_for_selector("#figure figure")
    page.settle()
    assert page.record()["text"] == TEXT
    assert page.copied() == TEXT


def test_words_that_are_not_there(page):
    page.read(TEXT)
    page.page.fill("#mention", "ibuprofen")
    page.page.click("#add")
    assert page.page.text_content("#error") == "“ibuprofen” is not in the text, or is a mention already."


def test_a_mention_that_overlaps_is_told(page):
    page.read(TEXT)
    page.select("Aspirin increases")
    page.page.click("#add")
    page.until_mentioned("Aspirin increases")
    assert page.page.text_content("#error") == "In no pair, and overlapping with another mention: “Aspirin”."


def test_errors_are_shown_in_words(chromium, address):
    with opened(chromium, address, noted=["413"]) as page:
        page.read(TEXT)
        page.page.fill("#text", "a" * 200_000)
        page.page.click("button.first")
        page.page.wait_for_selector("#error:visible")
        assert "characters" in page.page.text_content("#error")
        # What was there stays, and works.
        page.page.click("#figure tr.e0")
        page.page.wait_for_selector("#words li")


def test_hostile_text_stays_text(page):
    text = "<img src=x onerror=alert(1)> Aspirin </p><script>alert(1)</script> increases warfarin levels. \r \u202e\u0000{{ 7 * 7 }}"
    page.read(text)
    assert page.record()["text"] == text.replace("\r", "\n")
    page.select("<img src=x onerror=alert(1)>")
    page.page.click("#add")
    page.until_mentioned("<img src=x onerror=alert(1)>")
    with page.page.expect_response("**/render"):
        page.page.fill("#threshold", "1")
    page.settle()
    page.page.click("#below summary")
    page.page.locator("#below li button").first.click()
    page.page.wait_for_selector("#words li")
    page.settle()
    assert page.page.locator("main :is(img, script)").count() == 0


@pytest.mark.parametrize("context", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 800}}])
def test_everybody_can_use_it(chromium, address, axe, context):
    with opened(chromium, address, **context) as page:
        assert axe(page) == []
        page.read(TEXT)
        page.page.click("#figure tr.e0")
        page.page.wait_for_selector("#words li")
        page.page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
        page.settle()
        assert violations(page) == []
        assert page.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_without_a_script_it_is_a_form(chromium, address, doubtful):
    with opened(chromium, address, java_script_enabled=False) as page:
        page.page.fill("#text", TEXT)
        page.page.fill("#least", "0.9")
        page.page.click("button.first")
        [expected] = extract(TEXT, doubtful, threshold=0.9)
        assert page.record()["relations"] == expected["relations"]
        assert page.page.is_visible("#figure figure")
        assert not page.page.is_visible("#tuning")
