"""The page as a form, which browsers without a script get; what the script does is tested in `test_page`."""

import json
from urllib.parse import urlencode

import pytest
import spacy
from lxml import html

from spacy_relext import extract
from spacy_relext.service.app import make_app
from spacy_relext.service.settings import Settings
from spacy_relext.service.trying import OURS, POLICY, examples_of
from tests.service.asgi import Client

TEXT = "Aspirin increases warfarin levels."
FORM = {"content-type": "application/x-www-form-urlencoded"}
HOSTILE = "</textarea></title><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}'\" --> &amp; Aspirin increases warfarin."
# What only a script can do.
OF_THE_SCRIPT = ("tuning", "pair", "correct", "mentions", "below", "copy")


def sent(client, headers=FORM, **fields):
    answer = client.request("POST", "/", urlencode(fields).encode(), headers=headers)
    assert answer.headers["content-security-policy"] == POLICY
    return answer.status, html.document_fromstring(answer.text)


def record_of(page):
    return json.loads(page.get_element_by_id("json").find("pre").text)


def test_the_page(client):
    answer = client.get("/")
    page = html.document_fromstring(answer.text)
    assert (answer.status, answer.headers["content-security-policy"]) == (200, POLICY)
    assert [(script.get("src"), script.text) for script in page.iter("script")] == [("/page.js", None)]
    assert not [name for element in page.iter() for name in element.attrib if name.startswith("on")]
    assert page.get_element_by_id("result").get("hidden") is not None
    assert [option.text for option in page.get_element_by_id("type")] == ["DRUG"]
    assert {"ADVISE", "MECHANISM"} <= {code.text for code in page.iter("code")}


@pytest.mark.parametrize(
    ("path", "kind"), [("/page.js", "text/javascript"), ("/page.css", "text/css; charset=utf-8"), ("/icon.svg", "image/svg+xml")]
)
def test_its_files(client, path, kind):
    answer = client.get(path)
    assert answer.status == 200
    assert answer.headers["content-type"].partition(";")[0] == kind.partition(";")[0]
    assert len(answer.text) > 100


def test_the_api_says_nothing_of_it(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert not {"/", "/page.js", "/page.css", "/icon.svg"} & set(paths)


def test_a_text_is_read(client, trained):
    status, page = sent(client, text=TEXT, threshold="")
    assert status == 200
    [expected] = extract(TEXT, trained)
    assert record_of(page) == expected
    assert page.get_element_by_id("status").text == "2 mentions, 1 relation."
    [figure] = page.find_class("rx")
    assert [cell.text for cell in figure.iter("td")][:3] == ["Aspirin", "MECHANISM", "warfarin"]
    assert page.get_element_by_id("result").get("hidden") is None
    assert all(page.get_element_by_id(name).get("hidden") is not None for name in OF_THE_SCRIPT)


def test_the_threshold_of_the_form(client, trained):
    _, page = sent(client, text="Ketamine did not alter warfarin.", threshold="0")
    [expected] = extract("Ketamine did not alter warfarin.", trained, threshold=0.0)
    assert record_of(page) == expected
    assert expected["relations"]
    assert page.get_element_by_id("least").get("value") == "0"


@pytest.mark.parametrize(
    "text", [HOSTILE, "\nAspirin\n\n increases warfarin levels.", "Aspirin\u2028 & \U0001f48a increases warfarin levels.", " "]
)
def test_text_stays_text(client, text):
    # As browsers send it.
    _, page = sent(client, text=text.replace("\n", "\r\n"))
    assert record_of(page)["text"] == text
    # A browser drops a newline at the begin.
    assert (page.get_element_by_id("text").text or "").removeprefix("\n") == text
    words = [word.text or "" for paragraph in page.find_class("T")[:1] for word in paragraph.iter("b")]
    assert "".join(words).split() == (text.split() if words else [])
    assert len(list(page.iter("script"))) == 1
    assert not list(page.iter("img"))


@pytest.mark.parametrize(
    ("fields", "headers", "status", "message"),
    [
        ({"text": TEXT, "threshold": "much"}, FORM, 422, "the threshold is 'much'; it is a probability, between 0 and 1."),
        ({"text": TEXT, "threshold": "nan"}, FORM, 422, "the threshold is 'nan'; it is a probability, between 0 and 1."),
        ({"text": TEXT, "threshold": "1.5"}, FORM, 422, "the threshold is '1.5'; it is a probability, between 0 and 1."),
        ({"text": TEXT * 10}, FORM, 413, "the text has 340 characters, and 100 are read at the most. Cut the text."),
        (
            {"text": TEXT},
            {"content-type": "text/plain"},
            415,
            "the form comes as 'text/plain'; expected application/x-www-form-urlencoded.",
        ),
        ({"text": "", "threshold": "0.5"}, FORM, 422, "there is no text. Write one, or choose an example."),
        ({"text": b"\xff"}, FORM, 400, "the form cannot be read: expected UTF-8, and few fields."),
        ({str(i): "" for i in range(99)}, FORM, 400, "the form cannot be read: expected UTF-8, and few fields."),
    ],
)
def test_what_is_wrong_is_said_on_the_page(trained, fields, headers, status, message):
    app = make_app(trained, Settings(max_characters=100))
    answered, page = sent(Client(app), headers, **fields)
    app.state.service.stop()
    error = page.get_element_by_id("error")
    assert (answered, error.text) == (status, message)
    assert error.get("hidden") is None
    if isinstance(fields.get("text"), str) and status != 415:
        assert page.get_element_by_id("text").text.strip() == fields["text"]


def test_an_example_is_read(trained):
    trained.meta["examples"] = ["Avoid ketamine with warfarin.", TEXT, "", 7]
    app = make_app(trained)
    client = Client(app)
    buttons = [element for element in html.document_fromstring(client.get("/").text).iter("button") if element.get("name") == "example"]
    _, page = sent(client, text="Nothing.", example=buttons[1].get("value"))
    _, unknown = sent(client, text="Nothing.", example="7")
    app.state.service.stop()
    del trained.meta["examples"]
    assert [button.get("data-text") for button in buttons] == ["Avoid ketamine with warfarin.", TEXT]
    assert record_of(page)["text"] == TEXT
    assert record_of(unknown)["text"] == "Nothing."


@pytest.mark.parametrize(
    ("language", "types", "expected"), [("en", ["CHEMICAL"], list(OURS)), ("en", ["PERSON"], []), ("de", ["CHEMICAL"], []), ("en", [], [])]
)
def test_our_examples_are_for_pipelines_of_their_kind(language, types, expected):
    assert examples_of(spacy.blank(language), {"extractors": [{"mention_types": types}]}) == expected


def test_examples_are_stored_with_a_pipeline(tmp_path):
    nlp = spacy.blank("en")
    nlp.meta["examples"] = [TEXT]
    nlp.to_disk(tmp_path)
    assert examples_of(spacy.load(tmp_path), {"extractors": []}) == [TEXT]
