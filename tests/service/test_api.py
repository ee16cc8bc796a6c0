"""What each address of the API answers: what `relext extract` says of the same documents, or one form of error."""

import pytest

from spacy_relext import extract

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


@pytest.mark.parametrize("path", ["/model", "/health", "/openapi.json", "/api"])
def test_addresses_answer(client, path):
    assert client.get(path).status == 200


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_pages_that_load_from_elsewhere_are_not_there(client, path):
    assert client.get(path).status == 404
