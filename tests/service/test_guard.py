"""Who may ask, by which name, how much; and what every answer carries."""

import pytest

from spacy_relext.errors import RelextError
from spacy_relext.service.app import make_app
from spacy_relext.service.settings import LOOPBACK, Settings
from tests.service.asgi import Client

TEXT = "Aspirin increases warfarin levels."


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "[::1]", "127.0.0.1.", "::1"])
def test_the_loopback_address_is_asked_for(host):
    assert Settings().is_allowed(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", "[::2]", "localhost@a"]
)
def test_other_names_are_refused(host):
    assert not Settings().is_allowed(host)


def test_addresses_in_digits_and_given_names_are_allowed_where_the_service_is_open():
    settings = Settings((*LOOPBACK, "Relations.example.org"), any_address=True)
    for host in ("10.0.0.1:80", "[fe80::1]:80", "relations.example.org:8000"):
        assert settings.is_allowed(host)
    assert not settings.is_allowed("evil.example")
    assert Settings(("*",)).is_allowed("evil.example")


@pytest.mark.parametrize("wrong", [{"max_body": 0}, {"max_documents": 1.5}, {"timeout": float("nan")}, {"timeout": 0}, {"batch_wait": -1}])
def test_limits_that_are_none_are_refused(wrong):
    with pytest.raises(RelextError, match=next(iter(wrong))):
        Settings(**wrong)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, 200),
        ({"origin": "http://127.0.0.1:8000"}, 200),
        ({"origin": "http://127.0.0.1:9000"}, 403),
        ({"origin": "null"}, 403),
        ({"content-encoding": "gzip"}, 415),
        ({"content-encoding": "identity"}, 200),
        ({"content-type": "application/json; charset=utf-8"}, 200),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": None}, 415),
        ({"host": None}, 403),
    ],
)
def test_pages_of_others_are_kept_out(client, headers, status):
    answer = client.post("/extract", {"text": TEXT}, headers=headers)
    assert answer.status == status, answer.text


def test_every_answer_has_the_headers_that_keep_it_safe(client):
    answers = [client.get(path) for path in ("/health", "/api", "/nothing")]
    for answer in [*answers, client.post("/extract", 1), client.get("/", headers={"host": "x"})]:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.fixture
def small(trained):
    app = make_app(trained, Settings(max_body=1000, max_documents=2, max_characters=100, timeout=5, body_timeout=0.2))
    yield Client(app)
    app.state.service.stop()


def test_a_body_that_is_too_large_is_refused_whatever_is_said_of_its_size(small):
    for body in (b" " * 1001, [b" " * 600, b" " * 600]):
        answer = small.request("POST", "/extract", body)
        assert answer.status == 413
        assert "1,000" in answer.json()["error"]["message"]
        assert answer.headers["connection"] == "close"
    assert small.request("POST", "/extract", [b'{"text"', b': "a"}']).status == 200


def test_a_body_that_does_not_come_is_not_waited_for(small):
    assert small.request("POST", "/extract", [b'{"text"'], stalls=True).status == 408


def test_who_hangs_up_in_the_body_gets_no_answer(small):
    assert small.request("POST", "/extract", [b'{"text"'], stalls=True, gone_after=0.05).status == 0


def test_texts_and_documents_have_limits(small):
    answer = small.post("/extract", {"text": "a" * 101})
    assert answer.json()["error"] == {
        "status": 413,
        "message": "the text has 101 characters, and 100 are read at the most. Cut the text.",
        "where": "document.text",
    }
    answer = small.post("/extract", {"documents": [{"text": "a"}] * 3})
    assert answer.json()["error"]["message"] == "3 documents, and 2 are the most of a request. Send several requests."
