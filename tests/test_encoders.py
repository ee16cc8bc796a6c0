"""Whether there is an encoder of a name, asked quickly; in these tests the hub is out of reach."""

from contextlib import nullcontext
from email.message import Message
from urllib.error import HTTPError

import huggingface_hub
import pytest

from spacy_relext.encoders import TIMEOUT, encoder_names, require_encoder
from spacy_relext.errors import RelextError
from tests.cli.toy import relext


@pytest.mark.parametrize("name", ["typo", "nobody/has-this", "a/b/c", "..", "", "no config"])
def test_what_is_no_encoder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no config").mkdir()
    with pytest.raises(RelextError, match=r"there is no encoder|so it is no encoder"):
        require_encoder(name)


def test_folder_and_what_was_downloaded(tiny_bert, monkeypatch):
    require_encoder(str(tiny_bert))
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda name, file: f"/cache/{name}/{file}")
    require_encoder("some/encoder")


def test_the_hub_is_asked_for_some_seconds(monkeypatch):
    asked = []

    def answer(request, timeout):
        asked.append((request.get_method(), request.full_url, timeout))
        if "other" in request.full_url:
            raise HTTPError(request.full_url, 404, "Not Found", Message(), None)
        return nullcontext()

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("spacy_relext.encoders.urlopen", answer)
    require_encoder("some/encoder")
    with pytest.raises(RelextError, match=r"does not give one \(HTTPError: HTTP Error 404: Not Found\)\. Correct the name"):
        require_encoder("some/other")
    hub = "https://huggingface.co/some/{}/resolve/main/config.json"
    assert asked == [("HEAD", hub.format("encoder"), TIMEOUT), ("HEAD", hub.format("other"), TIMEOUT)]


def test_encoders_of_a_config():
    own = {"@architectures": "spacy-relext.Tok2VecTransformer.v1", "name": "a"}
    stock = {"@architectures": "spacy-transformers.TransformerModel.v3", "name": "b"}
    config = {"components": {"transformer": {"model": stock}, "x": {"model": {"tok2vec": own, "name": "no encoder"}}, "list": [1]}}
    assert sorted(encoder_names(config)) == ["a", "b"]


def test_debug_data_with_a_typo(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "text": "Aspirin.", "mentions": [], "relations": []}\n')
    assert relext("convert", "jsonl", path, tmp_path / "a.spacy").exit_code == 0
    result = relext("debug-data", tmp_path / "a.spacy", "--encoder", "typo")
    assert result.exit_code == 1
    assert "there is no encoder 'typo'" in " ".join(result.output.split())
