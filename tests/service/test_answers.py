"""What documents ask for: thresholds, scores, mentions of their own, in one batch; and what is wrong with one of them alone."""

import asyncio
import json
import logging
import time

import pytest

from spacy_relext import extract
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.jsonl import from_record
from spacy_relext.formats.records import Place
from spacy_relext.service.app import make_app
from spacy_relext.service.settings import Settings
from tests.service.asgi import Client
from tests.service.test_api import MENTIONS, TEXT

TEXTS = [
    TEXT,
    "Avoid ketamine with warfarin. Ketamine did not alter warfarin.",
    "Rifampicin increases digoxin levels. Nothing.",
    "",
    "Nothing.",
]


def many(client, requests):
    """The answers to requests that come at the same time."""

    async def ask():
        return await asyncio.gather(*(client.ask("POST", path, body) for path, body in requests))

    return asyncio.run(ask())


def body(said):
    return json.dumps(said).encode()


def test_requests_of_one_batch_get_what_each_asks_for(trained):
    app = make_app(trained, Settings(batch_wait=0.3))
    asked = [
        (
            {"text": text, **({"threshold": threshold} if threshold is not None else {}), **({"all_scores": True} if scores else {})},
            text,
            threshold,
            scores,
        )
        for text in TEXTS
        for threshold in (None, 0.0, 0.001, 1.0)
        for scores in (False, True)
    ]
    asked += [({"text": TEXT, "mentions": MENTIONS[:n]}, None, None, False) for n in range(3)]
    batches = []
    compute = app.state.service._batcher._compute
    app.state.service._batcher._compute = lambda documents: batches.append(len(documents)) or compute(documents)
    answers = many(Client(app), [("/extract", body(said)) for said, *_ in asked])
    app.state.service.stop()
    assert max(batches) > 10
    for (said, text, threshold, scores), answer in zip(asked, answers, strict=True):
        source = text if text is not None else from_record({"id": "document-0", **said}, Place(None))
        [found], [expected] = answer.json()["documents"], list(extract(source, trained, threshold=threshold, keep_all_scores=scores))
        # Of batches of other sizes, sums may differ in the last digit.
        for one, other in zip(found.pop("pairs", []), expected.pop("pairs", []), strict=True):
            assert one == {
                **other,
                "scores": pytest.approx(other["scores"], abs=1e-6),
                "no_relation": pytest.approx(other["no_relation"], abs=1e-6),
            }
        assert found == expected


def test_the_pipeline_gets_its_settings_back(trained):
    before = [(dict(pipe.cfg), pipe.on_predictions) for _, pipe in trained.components if hasattr(pipe, "cfg")][-1]
    app = make_app(trained, Settings(max_pairs=3))
    assert Client(app).post("/extract", {"text": TEXT}).status == 200
    app.state.service.stop()
    assert [(dict(pipe.cfg), pipe.on_predictions) for _, pipe in trained.components if hasattr(pipe, "cfg")][-1] == before
    assert Client(app).get("/health").status == 503
    app.state.service.start()
    assert Client(app).post("/extract", {"text": TEXT}).status == 200
    app.state.service.stop()


def test_a_document_with_too_many_pairs_is_refused(trained):
    app = make_app(trained, Settings(max_pairs=2))
    client = Client(app)
    assert client.post("/extract", {"text": TEXT}).status == 200
    answer = client.post("/extract", {"documents": [{"text": TEXT}, {"text": "Avoid ketamine with warfarin or aspirin."}]})
    app.state.service.stop()
    assert answer.status == 422
    assert answer.json()["error"]["where"] == "documents[1]"
    assert "more than 2 candidate pairs" in answer.json()["error"]["message"]


def test_what_is_wrong_with_a_document_is_an_error_of_its_request_alone(trained):
    app = make_app(trained, Settings(batch_wait=0.3))
    runs = []
    pipe, trained.pipe = trained.pipe, lambda docs, **settings: runs.append(len(docs)) or pipe(docs, **settings)
    try:
        said = [{"text": TEXT}, {"text": TEXT, "mentions": [{"start": 30, "end": 99, "type": "DRUG"}]}, {"text": TEXT}]
        answers = many(Client(app), [("/extract", body(one)) for one in said])
    finally:
        trained.pipe = pipe
        app.state.service.stop()
    assert [answer.status for answer in answers] == [200, 422, 200]
    assert "mention 'T1' has the offsets 30-99; the text has 34 characters" in answers[1].json()["error"]["message"]
    # Nothing was run again for it.
    assert sum(runs) == 2


def test_a_component_that_fails_is_told_by_a_number(trained, caplog):
    app = make_app(trained, Settings(batch_wait=0.3))

    def fails(doc):
        if "digoxin" in doc.text:
            raise KeyError("/home/somebody/secret.py")
        return doc

    trained.add_pipe("merge_entities", name="fails", first=True)
    place = trained.component_names.index("fails")
    trained._components[place] = ("fails", fails)
    try:
        with caplog.at_level(logging.ERROR, "spacy.relext"):
            answers = many(
                Client(app), [("/extract", body({"text": text})) for text in (TEXT, "Rifampicin increases digoxin levels.", TEXT)]
            )
    finally:
        app.state.service.stop()
        trained.remove_pipe("fails")
    assert [answer.status for answer in answers] == [200, 500, 200]
    error = answers[1].json()["error"]
    assert error == {
        "status": 500,
        "where": "document",
        "id": error["id"],
        "message": "the pipeline fails on it, and the log of the service says why.",
    }
    assert error["id"] in caplog.text
    assert "secret" in caplog.text


def test_a_request_takes_no_longer_than_it_may(trained):
    app = make_app(trained, Settings(timeout=0.2))
    compute = app.state.service._batcher._compute
    app.state.service._batcher._compute = lambda documents: time.sleep(1) or compute(documents)
    answers = many(Client(app), [("/extract", body({"text": TEXT}))])
    # It computes longer than `stop` waits, and with the pipeline of the next test.
    assert app.state.service._batcher.close(20)
    app.state.service.stop()
    assert answers[0].status == 504
    assert answers[0].headers["retry-after"] == "2"


def test_a_full_queue_says_when_to_come_back(trained):
    app = make_app(trained, Settings(max_waiting=2, batch_wait=0.5))
    answers = many(Client(app), [("/extract", body({"text": TEXT}))] * 4)
    app.state.service.stop()
    assert sorted(answer.status for answer in answers) == [200, 200, 503, 503]
    refused = next(answer for answer in answers if answer.status == 503)
    assert refused.headers["retry-after"] == "2"
    assert "2 documents wait already" in refused.json()["error"]["message"]


def test_attention_is_of_the_mentions_that_the_record_has(client, trained):
    text = "Avoid ketamine with warfarin."
    mentions = [{"id": "x", "start": 6, "end": 14, "type": "DRUG"}, {"id": "y", "start": 20, "end": 28, "type": "DRUG"}]
    answer = client.post("/attention", {"document": {"text": text, "mentions": mentions}, "head": "y", "tail": "x"}).json()
    doc = to_doc(from_record({"text": text, "mentions": mentions, "id": "a"}, Place(None)), trained)
    for name, pipe in trained.pipeline:
        if name != "entity_ruler":
            doc = pipe(doc)
    extractor = trained.get_pipe("relation_extractor")
    (scored,) = extractor.score_pairs(doc, [(doc.spans["mentions"][1], doc.spans["mentions"][0])])
    assert answer["scores"] == pytest.approx(scored.scores, abs=1e-6)
    assert answer["no_relation"] == pytest.approx(scored.no_relation, abs=1e-6)
    [pair] = [pair for pair in next(extractor.attention([doc])) if pair.head.start_char == 20]
    assert answer["attention"] == [[start, end, pytest.approx(weight, abs=1e-3)] for start, end, weight in pair.places]
    assert "note" not in answer
