"""`render` and `serve`: displaCy's parameters, what is passed on to it, pages, notebooks, and a server."""

import inspect
import logging
import pickle
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from spacy import displacy as theirs

from spacy_relext import displacy
from spacy_relext.displacy import rendering
from spacy_relext.errors import RelextError
from tests.displacy.documents import NLP, example


@pytest.mark.parametrize("name", ["render", "serve"])
def test_parameters_are_those_of_displacy(name):
    own, others = (inspect.signature(getattr(of, name)).parameters for of in (displacy, theirs))
    differs = {
        parameter: (own[parameter].default, others[parameter].default)
        for parameter in others
        if own[parameter].default != others[parameter].default
    }
    assert list(own) == list(others)
    assert [parameter.kind for parameter in own.values()] == [parameter.kind for parameter in others.values()]
    wanted = {"style": ("rel", "dep"), **({"host": ("127.0.0.1", "0.0.0.0")} if name == "serve" else {})}
    assert differs == wanted


def test_what_parses_has_parameters_of_displacy():
    assert (
        str(inspect.signature(displacy.parse_rels)).replace("rels", "ents").split(" ->")[0].endswith("options: dict[str, typing.Any] = {})")
    )


def test_docs_spans_dictionaries_and_several_of_them():
    doc = example()
    one = displacy.render(doc)
    assert one.startswith("<style>")
    assert one.count("<figure") == 1
    assert displacy.render([doc, doc[:]]).count("<figure") == 2
    assert displacy.render(iter([doc])) == one
    assert displacy.render(displacy.parse_rels(doc), manual=True) == one
    assert displacy.render([displacy.parse_rels(doc)], manual=True) == one
    assert displacy.render([]).count("<figure") == 0
    # What is drawn can be drawn elsewhere.
    assert displacy.render(pickle.loads(pickle.dumps(displacy.parse_rels(doc))), manual=True) == one


@pytest.mark.parametrize(
    ("docs", "options", "message"),
    [
        ("text", {}, "expected a Doc, a Span or several, and saw str, 'text'"),
        (5, {}, "expected a Doc, a Span or several, and saw int, 5"),
        (["text"], {}, "expected a Doc or a Span, and saw str, 'text'"),
        ({"text": ""}, {}, "saw dict, .* Dictionaries need manual=True"),
        (example(), {"manual": True}, "the data of a picture: saw Rifampicin lowers"),
        (example(), {"style": "tree"}, "there is no style 'tree'. There are: 'rel', 'ascii', 'dep', 'ent', 'span'"),
        (example(), {"style": None}, "there is no style None"),
    ],
)
def test_what_is_refused(docs, options, message):
    with pytest.raises(RelextError, match=message):
        displacy.render(docs, **options)


@pytest.mark.parametrize("style", ["dep", "ent", "span"])
def test_other_styles_are_drawn_by_displacy(style):
    doc = example()
    for token in doc:
        token.dep_, token.head = "dep", doc[0]
    doc.spans["sc"] = list(doc.ents)
    options = {"compact": True} if style == "dep" else {}
    mine = displacy.render(doc, style=style, page=True, options=options)
    # displaCy's arcs have random names.
    assert re.sub(r"[0-9a-f]{32}", "", mine) == re.sub(r"[0-9a-f]{32}", "", theirs.render(doc, style=style, page=True, options=options))


def test_a_page():
    doc = example()
    doc.user_data["title"] = "A <title>"
    page = displacy.render(doc, page=True)
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert "<title>A &lt;title&gt;</title>" in page
    assert page.count("<h1>") == page.count("<main>") == 1
    assert 'content="default-src &#x27;none&#x27;; style-src &#x27;unsafe-inline&#x27;"' in page
    for forbidden in ("<script", "http://", "https://", "url(", "@import"):
        assert forbidden not in page
    # The title of one is the page's; what is not seen of many is not laid out.
    assert "content-visibility:auto" not in page
    many = displacy.render([doc] * 20, page=True)
    assert "content-visibility:auto" in many
    assert "<title>Relations</title>" in many
    assert displacy.render(doc, page=True, minify=True) == page
    assert displacy.render([doc] * 2, minify=True) == displacy.render([doc] * 2).replace("</figure>\n", "</figure>").replace(
        "</style>\n", "</style>"
    )


def test_what_leads_to_the_table_leads_to_its_own():
    doc = example()
    assert " id=" not in displacy.render(doc)
    html = displacy.render([doc, doc], options={"max_lanes": 1})
    ids, links = re.findall(r' id="([^"]*)"', html), re.findall(r'href="#([^"]*)"', html)
    assert ids == links
    assert len(set(ids)) == 2


def test_a_wrapper_and_a_notebook(monkeypatch):
    doc = example()
    plain = displacy.render(doc)
    monkeypatch.setattr(theirs, "RENDER_WRAPPER", lambda html: f"<div>{html}</div>")
    assert displacy.render(doc) == f"<div>{plain}</div>"
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    assert displacy.render(doc, jupyter=True) is None
    assert shown[0].data == f'<span class="tex2jax_ignore mathjax_ignore"><div>{plain}</div></span>'
    monkeypatch.setattr(rendering, "is_in_jupyter", lambda: True)
    assert displacy.render(doc) is None
    assert displacy.render(doc, jupyter=False) == f"<div>{plain}</div>"


def test_text_for_a_terminal():
    text = displacy.render([example(), NLP("Nothing.")], style="ascii")
    assert "LOWERS" in text.splitlines()[0]
    assert text.endswith("\n\nNothing.")


def test_threads_draw_what_one_draws():
    docs = [example() for _ in range(8)]
    for i, doc in enumerate(docs):
        doc.user_data["title"] = f"Title {i}"
    alone = [displacy.render(doc, page=True) for doc in docs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda doc: displacy.render(doc, page=True), docs * 4)) == alone * 4


# Serving


def answered(url):
    try:
        with urlopen(url) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except HTTPError as error:
        return error.code, {}, ""


def test_a_server_answers_until_it_is_interrupted(monkeypatch, caplog, capsys):
    def serve_two(server):
        server.handle_request()
        server.handle_request()
        raise KeyboardInterrupt

    monkeypatch.setattr(rendering._Server, "serve_forever", serve_two)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with ThreadPoolExecutor() as pool:
        serving = pool.submit(displacy.serve, example(), port=port)
        while "Serving relations on" not in caplog.text:
            time.sleep(0.01)
        status, headers, body = answered(f"http://127.0.0.1:{port}/")
        assert answered(f"http://127.0.0.1:{port}/favicon.ico")[0] == 404
        serving.result()
    assert (status, body) == (200, displacy.render(example(), page=True))
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert f"http://127.0.0.1:{port} until it is interrupted" in caplog.text
    assert f"Shutting down the server on port {port}" in caplog.text
    assert capsys.readouterr().out == ""


def test_a_port_that_is_taken(caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ValueError, match="E1050"):
            displacy.serve(example(), port=taken.getsockname()[1])
    with pytest.raises(RelextError, match="no style"):
        displacy.serve(example(), style="tree")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_server_of_other_styles_is_displacys(monkeypatch):
    seen = []
    monkeypatch.setattr(theirs, "serve", lambda *given: seen.append(given))
    doc = example()
    displacy.serve(doc, style="ent", port=1)
    assert seen == [(doc, "ent", True, False, {}, False, 1, "127.0.0.1", False)]


@pytest.mark.parametrize(("lang", "wanted"), [("de", ' lang="de"'), ("pt-BR", ' lang="pt-BR"'), ("xx", ""), ("", ""), ('en" x="', "")])
def test_the_language_of_a_picture(lang, wanted):
    html = displacy.render(example(), options={"lang": lang, "direction": "rtl"})
    assert f'<figure class="rx"{wanted} dir="rtl">' in html
