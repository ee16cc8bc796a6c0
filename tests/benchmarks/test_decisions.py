"""bfloat16 against float32: which settings are changed, what counts as a decision, and that both pipelines are run."""

import json

import numpy
import pytest
import spacy
from spacy.tokens import DocBin

from benchmarks import decisions
from benchmarks.speed.ours import make_pipeline
from spacy_relext.formats.docs import to_doc
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from tests.cli.toy import SENTENCES, document


def test_settings_are_found_wherever_they_stand():
    config = {
        "components": {
            "transformer": {"model": {"cpu_precision": "auto", "name": "x"}},
            "relation_extractor": {"model": {"precision": "auto", "tok2vec": {"cpu_precision": "float32"}}, "threshold": 0.5},
        },
        "training": {"precision": "none of these"},
    }
    assert list(decisions.settings_of(config)) == [
        "components.transformer.model.cpu_precision",
        "components.relation_extractor.model.precision",
        "components.relation_extractor.model.tok2vec.cpu_precision",
    ]


def test_decisions_by_hand():
    scores = numpy.asarray([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.1, 0.4, 0.5]])
    assert decisions._decisions(scores, 0.4, exclusive=True).tolist() == [0, -1, 1]
    # Labels 1; 0; 1 and 2: the numbers 2, 1 and 2 + 4.
    assert decisions._decisions(scores, 0.4, exclusive=False).tolist() == [2, 1, 6]


def store(folder, encoder):
    """An untrained pipeline, and what it is to predict."""
    nlp = make_pipeline("own", str(encoder))
    docs = [to_doc(document(*sentence, name=f"d{i}"), nlp) for i, sentence in enumerate(SENTENCES)]
    nlp.to_disk(folder / "model")
    DocBin(docs=docs, store_user_data=True).to_disk(folder / "data.spacy")


def test_both_precisions_are_run(tiny_bert, tmp_path, capsys, monkeypatch):
    store(tmp_path, tiny_bert)
    seen = []
    load = spacy.load

    def watched(path, *, config):
        seen.append(config)
        return load(path, config=config)

    monkeypatch.setattr(decisions.spacy, "load", watched)
    decisions.decisions(tmp_path / "model", tmp_path / "data.spacy", 1)
    assert [set(config.values()) for config in seen] == [{"float32"}, {"bfloat16"}]
    assert len(seen[0]) == 2
    figures = json.loads(capsys.readouterr().out)
    assert figures["pairs"] == 7
    assert 0 < figures["largest difference of a score"] < 0.1
    assert figures["same decision, %"] <= 100


def test_batches_of_every_size_are_run(tiny_bert, tmp_path, capsys, monkeypatch):
    store(tmp_path, tiny_bert)
    predict = RelationExtractor.predict

    def made_up(pipe, docs):
        """A Doc that is alone has a less certain relation, or none."""
        found = predict(pipe, docs)
        alone = len(docs) == 1
        for p in found:
            p.scores[:, 1:] = 0
            p.scores[:, 1] = 0.8 if alone else 0.9
            if alone and p.spans[0].text == "Aspirin":
                p.scores[:, 1] = 0
        return found

    monkeypatch.setattr(RelationExtractor, "predict", made_up)
    decisions.batches(tmp_path / "model", tmp_path / "data.spacy", [len(SENTENCES), 1], 1)
    full, half = map(json.loads, capsys.readouterr().out.splitlines())
    assert (full.pop("precision"), half["precision"]) == ("float32", "bfloat16")
    assert full.pop("largest difference of a score") == pytest.approx(0.1, abs=1e-5)
    assert full == {"relations": 7, "not in every batch size": 1, "with another score": 6}
