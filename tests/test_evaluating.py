"""`spacy_relext.evaluate`: what `relext evaluate` writes, for Python."""

import json

import pytest
import spacy

import spacy_relext
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
        same = {name: value for name, value in found.to_dict().items() if name != "seconds"}
        assert same == {name: value for name, value in written.items() if name in same}
        assert set(written) - set(same) == {"seconds", "model", "data"}


def test_a_loaded_pipeline_keeps_its_threshold(model, data):
    nlp = spacy.load(model)
    found = spacy_relext.evaluate(nlp, data, threshold=1.0)
    assert found.threshold == 1.0
    assert nlp.get_pipe("relation_extractor").threshold == 0.5
    with pytest.raises(RelextError, match="exclude each other"):
        spacy_relext.evaluate(nlp, data, threshold=0.5, tune_threshold=True)


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
