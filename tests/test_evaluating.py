"""`spacy_relext.evaluate`: what `relext evaluate` writes, for Python."""

import json
import weakref

import numpy
import pytest
import spacy
from spacy.language import Language

import spacy_relext
from spacy_relext.calibration.maps import ScoreMap, ScoreMaps
from spacy_relext.corpus import read_docs
from spacy_relext.errors import RelextError
from tests.cli.test_evaluate import ANNOTATED, MICRO, write_data
from tests.cli.toy import SENTENCES, document, relext


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data.spacy", *(document(*sentence) for sentence in ANNOTATED))


def test_figures_are_those_of_the_command(model, data, tmp_path):
    assert relext("evaluate", model, data, "--output", tmp_path / "figures.json").exit_code == 0
    written = json.loads((tmp_path / "figures.json").read_text(encoding="utf8"))
    nlp = spacy.load(model)
    for pipeline, docs in ((str(model), str(data)), (nlp, list(read_docs(data, nlp))), (nlp, iter(list(read_docs(data, nlp))))):
        found = spacy_relext.evaluate(pipeline, docs)
        assert {name: found.gold_mentions[name] for name in MICRO} == pytest.approx(MICRO)
        assert found.to_dict()["versions"].items() <= written["versions"].items()
        same = {name: value for name, value in found.to_dict().items() if name not in ("seconds", "versions")}
        assert same == {name: value for name, value in written.items() if name in same}
        assert set(written) - set(same) == {"seconds", "versions", "model", "data", "sha256"}


def test_a_loaded_pipeline_keeps_its_threshold(model, data):
    nlp = spacy.load(model)
    found = spacy_relext.evaluate(nlp, data, threshold=1.0)
    assert found.threshold == 1.0
    assert nlp.get_pipe("relation_extractor").threshold == 0.5
    with pytest.raises(RelextError, match="exclude each other"):
        spacy_relext.evaluate(nlp, data, threshold=0.5, tune_threshold=True)


def test_one_threshold_is_that_of_all_labels(model, tmp_path):
    nlp = spacy.load(model)
    pipe = nlp.get_pipe("relation_extractor")
    # What was learned by heart has the score 1.
    pipe.calibration = ScoreMaps({}, ScoreMap("sigmoid", (0.5, -1.0))).to_dict()
    pipe.label_thresholds = dict.fromkeys(pipe.labels, 1.0)
    dev = write_data(tmp_path / "dev.spacy", *(document(*some) for some in SENTENCES))
    own, one = spacy_relext.evaluate(nlp, dev), spacy_relext.evaluate(nlp, dev, threshold=0.5)
    assert (own.gold_mentions["rel_micro_r"], one.gold_mentions["rel_micro_r"]) == (0.0, 1.0)
    assert (own.label_thresholds, one.label_thresholds) == (dict(pipe.label_thresholds), {})
    assert own.to_dict()["label_thresholds"] == dict.fromkeys(pipe.labels, 1.0)
    assert spacy_relext.evaluate(nlp, dev, tune_threshold=True).gold_mentions["rel_micro_f"] == 1.0
    assert pipe.label_thresholds == {}


def test_a_tuned_threshold_is_that_of_the_pipeline(model, tmp_path):
    nlp = spacy.load(model)
    found = spacy_relext.evaluate(nlp, write_data(tmp_path / "dev.spacy", *(document(*some) for some in SENTENCES)), tune_threshold=True)
    assert found.gold_mentions["rel_micro_f"] == 1.0
    assert found.threshold == nlp.get_pipe("relation_extractor").threshold
    assert nlp.config["components"]["relation_extractor"]["threshold"] == found.threshold


def test_measures_by_name(model, data):
    nlp = spacy.load(model)
    with pytest.raises(RelextError, match=r"there are no measures f1\. There are: biored, docred"):
        spacy_relext.evaluate(nlp, data, measures=["f1"])
    with pytest.raises(RelextError, match="biored: a measure of relations between concepts, and the data has none"):
        spacy_relext.evaluate(nlp, read_docs(data, nlp), measures=["biored"])


def test_what_the_encoder_says_of_a_text_is_not_kept(model, data, monkeypatch):
    """That of all texts would fill the memory: it is there while a text is scored."""
    nlp = spacy.load(model)
    alive = []

    def encode(doc):
        doc.tensor = numpy.ones((len(doc), 4), dtype="float32")
        alive.append(weakref.ref(doc))
        return doc

    Language.component("tests_encoder", func=encode)
    nlp.add_pipe("tests_encoder", first=True)
    docs = [doc for doc in read_docs(data, nlp) for _ in range(60)]
    kept = []

    def count(*_):
        kept.append(sum(ref() is not None and ref().tensor.size > 0 for ref in alive))

    spacy_relext.evaluate(nlp, docs, on_gold=count, on_found=count)
    assert len(docs) > 200
    assert len(kept) == 2 * len(docs)
    # Two batches of nlp.pipe and one of the scorer.
    assert max(kept) <= 32 + 32 + 64


def test_how_far_scores_are_from_being_right(model, data):
    found = spacy_relext.evaluate(spacy.load(model), data)
    scores = found.gold_mentions["rel_calibration"]
    # Three are written, two of them right: MECHANISM of one and a wrong one, ADVISE of one.
    assert (scores["n"], scores["right"]) == (3, pytest.approx(2 / 3))
    assert sum(one["n"] for one in scores["bins"]) == 3
    assert scores["brier"] >= (scores["score"] - scores["right"]) ** 2
    assert scores["coverage"]["risk"] == pytest.approx(1 / 3)
    assert {label: (of["n"], of["right"]) for label, of in scores["per_type"].items()} == {"ADVISE": (1, 1.0), "MECHANISM": (2, 0.5)}
    assert found.predicted_mentions["rel_calibration"]["n"] == 3
