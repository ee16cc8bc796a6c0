"""What each address of the API answers: what `relext extract` says of the same documents, or one form of error."""

import json
import re
from html import unescape

import pytest
import spacy

from spacy_relext import extract
from spacy_relext.calibration.maps import ScoreMap, ScoreMaps
from spacy_relext.service.app import make_app
from tests.service.asgi import Client

TEXT = "Aspirin increases warfarin levels."
MENTIONS = [{"id": "a", "start": 0, "end": 7, "type": "DRUG"}, {"id": "b", "start": 18, "end": 26, "type": "DRUG"}]


def test_documents_get_what_extract_says(client, trained):
    texts = [TEXT, "Avoid ketamine with warfarin. Nothing.", "", "Nothing."]
    answer = client.post("/extract", {"documents": [{"text": text} for text in texts], "all_scores": True})
    assert answer.status == 200
    assert answer.json()["documents"] == list(extract(texts, trained, keep_all_scores=True))
    [record] = extract(TEXT, trained)
    assert client.post("/extract", {"text": TEXT}).json() == {"documents": [record]}


def test_attention_is_what_was_read(client):
    [record] = client.post("/extract", {"text": TEXT, "all_scores": True}).json()["documents"]
    answer = client.post("/attention", {"document": record, "head": "T1", "tail": "T2"}).json()
    assert answer["scores"] == pytest.approx(record["pairs"][0]["scores"])
    assert answer["context"] == [0, len(TEXT)]
    assert sum(weight for _, _, weight in answer["attention"]) == pytest.approx(1, abs=1e-3)
    assert [TEXT[start:end] for start, end, _ in answer["attention"]] == ["Aspirin", "increases", "warfarin", "levels", "."]


def test_a_picture_is_drawn_at_another_threshold(client):
    [record] = client.post("/extract", {"text": TEXT, "all_scores": True}).json()["documents"]
    answer = client.post("/render", {"document": record, "threshold": 0.5})
    assert answer.json()["document"] == record
    assert "Aspirin" in answer.json()["html"]


def test_the_model_is_described(client):
    answer = client.get("/model").json()
    assert answer["extractors"][0]["labels"] == ["ADVISE", "MECHANISM"]
    assert answer["extractors"][0]["mention_types"] == ["DRUG"]
    assert [answer["extractors"][0][name] for name in ("label_thresholds", "uncertain_below", "calibration")] == [{}, None, None]


def test_a_calibrated_pipeline_answers_with_both_scores(model):
    nlp = spacy.load(model)
    pipe = nlp.get_pipe("relation_extractor")
    scale = ScoreMap("sigmoid", (0.5, -1.0))
    pipe.calibration, pipe.uncertain_below = ScoreMaps({"MECHANISM": scale}).to_dict(), 1.0
    app = make_app(nlp)
    try:
        client = Client(app)
        [document] = client.post("/extract", {"text": TEXT, "all_scores": True}).json()["documents"]
        [relation] = document["relations"]
        assert relation["score"] == pytest.approx(float(scale(relation["raw_score"])), abs=1e-3)
        assert relation["score"] < relation["raw_score"]
        assert relation["status"] == "uncertain"
        answer = client.post("/render", {"document": document, "threshold": relation["score"] - 0.01})
        assert answer.json()["document"]["relations"] == [relation]
        extractor = client.get("/model").json()["extractors"][0]
        assert extractor["calibration"] == pipe.calibration
        # The page has the scores of pairs as the model gives them, and the raw thresholds of the labels.
        [thresholds] = re.findall(r'data-thresholds="([^"]*)"', client.get("/").text)
        raw = json.loads(unescape(thresholds))["relation_extractor"]
        assert raw["own"] == {"ADVISE": 0.5, "MECHANISM": 0.5}
        assert raw["steps"]["MECHANISM"][50] == pytest.approx(float(scale.inverse(0.5)), abs=1e-6)
        assert "ADVISE" not in raw["steps"]
    finally:
        app.state.service.stop()


@pytest.mark.parametrize("path", ["/model", "/health", "/openapi.json", "/api"])
def test_addresses_answer(client, path):
    assert client.get(path).status == 200


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_pages_that_load_from_elsewhere_are_not_there(client, path):
    assert client.get(path).status == 404
