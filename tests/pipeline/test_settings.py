"""What a loaded extractor goes by: what it was stored with, and what a config gives anew."""

import json

import numpy
import pytest
import spacy
from spacy.util import load_config
from thinc.api import Optimizer

from spacy_relext.errors import RelextError
from spacy_relext.evaluation import set_threshold
from spacy_relext.pipeline.settings import GIVEN
from tests.pipeline.test_relation_extractor import NESTED, SMALL, constant, make_pipeline


def load(folder, **settings):
    nlp = spacy.load(folder, config={"components": {"relation_extractor": settings}})
    return nlp, nlp.get_pipe("relation_extractor")


@pytest.fixture
def stored(tmp_path):
    """A folder with a pipeline that was tuned after its config was written, as `spacy find-threshold` does it."""
    nlp, pipe, _ = constant([0, 2, 1], ["A", "B"], threshold=0.6, spans_key="mentions", candidates=NESTED)
    pipe.cfg["threshold"] = 0.4
    nlp.to_disk(tmp_path / "model")
    return tmp_path / "model"


def without_given(folder):
    """The folder as versions wrote it that did not keep what the factory was given."""
    path = folder / "relation_extractor" / "cfg"
    cfg = json.loads(path.read_text())
    del cfg[GIVEN]
    path.write_text(json.dumps(cfg))
    config = folder / "config.cfg"
    assert "threshold = 0.4\n" in config.read_text()
    config.write_text(config.read_text().replace("threshold = 0.4\n", "threshold = 0.6\n"))


@pytest.mark.parametrize("value", [0, 1, 0.25, numpy.float32(0.25)])
def test_threshold_is_a_property(value):
    _, pipe = make_pipeline()
    assert pipe.threshold == 0.5
    pipe.threshold = value
    assert pipe.threshold == pipe.cfg["threshold"] == value
    json.dumps(pipe.cfg)


@pytest.mark.parametrize("value", [0.3, 3 * 0.1, numpy.float32(0.3), numpy.linspace(0, 1, 11)[3]])
def test_threshold_is_what_was_meant(value):
    _, pipe = make_pipeline()
    pipe.threshold = value
    assert (str(pipe.threshold), type(pipe.threshold)) == ("0.3", float)


def test_threshold_is_stored_as_it_was_meant(stored, tmp_path):
    nlp, pipe = load(stored, threshold=3 * 0.1)
    nlp.to_disk(tmp_path / "a")
    assert "threshold = 0.3\n" in (tmp_path / "a" / "config.cfg").read_text()
    # srsly reads 0.6 as 0.6000000000000001.
    set_threshold(nlp, pipe, 6 * 0.1)
    nlp.to_disk(tmp_path / "a")
    assert "threshold = 0.6\n" in (tmp_path / "a" / "config.cfg").read_text()
    again, pipe = load(tmp_path / "a")
    assert (str(pipe.threshold), str(again.get_pipe_config(pipe.name)["threshold"])) == ("0.6",) * 2


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan"), float("inf"), "0.5", None, True, False, numpy.bool_(True)])
def test_threshold_that_is_no_probability(value):
    _, pipe = make_pipeline()
    with pytest.raises(RelextError, match=r"relation_extractor: threshold is .*; it is a probability, between 0 and 1\."):
        pipe.threshold = value
    assert pipe.threshold == 0.5


def test_threshold_of_a_component_changes_what_is_found():
    nlp, pipe, doc = constant([0, 2, 1], ["A", "B"])
    pipe.threshold = 0.67
    assert nlp(doc.copy())._.relations == type(doc._.relations)()
    pipe.threshold = 0.66
    assert len(nlp(doc)._.relations) == 2


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("threshold", [0.9, 0.5, 0.0])
def test_threshold_of_a_config_goes_before_the_stored_one(stored, threshold, older):
    if older:
        without_given(stored)
    assert load(stored)[1].threshold == 0.4
    # Of older versions the config beside has this: nothing is given anew.
    assert load(stored, threshold=0.6)[1].threshold == (0.4 if older else 0.6)
    nlp, pipe = load(stored, threshold=threshold)
    assert pipe.threshold == threshold
    # And it stays, stored again.
    nlp.to_disk(stored)
    assert load(stored)[1].threshold == threshold
    assert load_config(stored / "config.cfg")["components"]["relation_extractor"]["threshold"] == threshold


def test_variables_in_the_config_beside(stored):
    without_given(stored)
    path = stored / "config.cfg"
    path.write_text(path.read_text().replace("threshold = 0.6", "threshold = ${variables.t}") + "\n[variables]\nt = 0.6\n")
    assert load(stored)[1].threshold == 0.4
    assert spacy.load(stored, config={"variables": {"t": 0.7}}).get_pipe("relation_extractor").threshold == 0.7


def test_threshold_that_a_command_stores(stored):
    nlp, pipe = load(stored)
    set_threshold(nlp, pipe, 0.3)
    nlp.to_disk(stored)
    assert load(stored)[1].threshold == 0.3
    assert load(stored, threshold=0.6)[1].threshold == 0.6


def test_bytes_keep_what_was_tuned(stored):
    nlp, pipe = load(stored)
    data = nlp.to_bytes()
    other, same = load(stored)
    same.threshold = 0.1
    other.from_bytes(data)
    assert same.cfg == pipe.cfg
    other, given = load(stored, threshold=0.9)
    other.from_bytes(data)
    assert given.threshold == 0.9


def test_other_settings_of_a_config(stored, caplog):
    assert load(stored)[1].cfg["spans_key"] == "mentions"
    _, pipe = load(stored, spans_key="sc", symmetric_labels=["A"])
    assert (pipe.cfg["spans_key"], pipe.cfg["symmetric_labels"]) == ("sc", ["A"])
    assert not caplog.messages
    with pytest.raises(RelextError, match=r"symmetric_labels names \['C'\], and the labels are \['A', 'B'\]"):
        load(stored, symmetric_labels=["C"])
    with pytest.raises(RelextError, match="exclusive = False is given, and its model was trained with True"):
        load(stored, exclusive=False)


def test_defaults_that_may_not_be_meant_are_told(stored, caplog):
    """Code that says nothing of a setting gives its default, and so may a config."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    pipe = nlp.add_pipe("relation_extractor", config={"model": SMALL, "candidates": NESTED})
    pipe.from_disk(stored / "relation_extractor", exclude=["vocab"])
    assert (pipe.cfg["spans_key"], pipe.threshold) == ("mentions", 0.5)
    assert caplog.messages == [
        "relation_extractor: threshold is 0.5 where the component is made, and 0.4 where it is stored: 0.5 is taken.",
        "relation_extractor: spans_key is None where the component is made, and 'mentions' where it is stored: 'mentions' is taken.",
    ]


@pytest.mark.parametrize("wrong", ['threshold": 1.5', 'threshold": "high"'])
def test_stored_threshold_that_is_no_probability(stored, wrong):
    path = stored / "relation_extractor" / "cfg"
    path.write_text(path.read_text().replace('threshold":0.4', wrong, 1))
    with pytest.raises(RelextError, match="it is a probability"):
        spacy.load(stored)


def test_optimizer_of_a_stored_pipeline_with_variables(stored):
    """spaCy fills in no variables there."""
    path = stored / "config.cfg"
    rate = '[training.optimizer.learn_rate]\n@schedules = "warmup_linear.v1"\nwarmup_steps = 2\ninitial_rate = 0.01\ntotal_steps = ${v.n}\n'
    text = path.read_text().replace("learn_rate = 0.001\n", "") + "\n\n" + rate
    path.write_text(f"{text}\n[v]\nn = 7\n")
    for how in ({}, {"disable": ["relation_extractor"]}):
        nlp = spacy.load(stored, **how)
        assert isinstance(nlp.create_optimizer(), Optimizer)
        assert isinstance(nlp.resume_training(), Optimizer)
        assert nlp.config["training"]["optimizer"]["learn_rate"]["total_steps"] == 7
        assert nlp.config["v"]["n"] == 7
    # What has no value is left as it is.
    path.write_text(text)
    with pytest.raises(ValueError, match="total_steps"):
        spacy.load(stored, config={"v": {}}).create_optimizer()
