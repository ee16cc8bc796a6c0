"""What is written, and with which score and status: thresholds of labels, calibration, and how both are stored."""

import json
import pickle
from math import nextafter

import numpy
import pytest
import spacy
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.util import load_config

from spacy_relext.calibration.maps import ScoreMap, ScoreMaps
from spacy_relext.errors import RelextError
from spacy_relext.evaluation import set_threshold
from spacy_relext.pipeline.decoding import Decision, decode
from spacy_relext.pipeline.settings import GIVEN, NEVER, told_threshold, told_thresholds
from spacy_relext.values import UNCERTAIN
from tests.conftest import make_doc
from tests.explaining.kinds import KINDS, prepared
from tests.pipeline.test_relation_extractor import PAIR, constant, make_pipeline

PLATT = ScoreMap("sigmoid", (0.5, -1.0))
CALIBRATION = {"method": "sigmoid", **ScoreMaps({"A": PLATT}).to_dict()}
# Of [0, 2, 1], the scores of no relation, A and B: the exponentials of 0, 2, 1, of 11.107.
RAW = 0.6652


def written(nlp, doc):
    return [(r.label, round(r.score, 4), round(r.raw_score, 4), r.status) for r in nlp(doc.copy())._.relations]


def test_a_label_has_a_threshold_of_its_own():
    nlp, pipe, doc = constant([0, 2, 1], ["A", "B"], label_thresholds={"A": 0.7, "B": None})
    assert pipe.label_thresholds == {"A": 0.7}
    assert not written(nlp, doc)
    # There is no second choice: B is not the most probable label.
    pipe.label_thresholds = {"A": 0.7, "B": 0.1}
    assert not written(nlp, doc)
    pipe.label_thresholds = {"A": 0.6, "B": 0.9}
    assert written(nlp, doc) == [("A", RAW, RAW, "asserted")] * 2
    pipe.label_thresholds = None
    pipe.threshold = 0.7
    assert not pipe.label_thresholds
    assert not written(nlp, doc)


def test_labels_that_do_not_exclude_each_other_have_thresholds_of_their_own():
    nlp, pipe, doc = constant([2, -1], ["A", "B"], exclusive=False)
    pipe.label_thresholds = {"A": 0.9, "B": 0.25}
    assert {label for label, *_ in written(nlp, doc)} == {"B"}


def test_uncertain_below_a_score():
    nlp, pipe, doc = constant([0, 2, 1], ["A", "B"], uncertain_below=0.7)
    assert {status for *_, status in written(nlp, doc)} == {UNCERTAIN}
    pipe.uncertain_below = 0.66
    assert {status for *_, status in written(nlp, doc)} == {"asserted"}
    pipe.uncertain_below = None
    assert pipe.uncertain_below is None
    # What is chosen bounds what is asserted: a score that equals it is.
    decision = Decision(("A",), True, numpy.asarray([0.0]), uncertain_below=0.7)
    assert [decision.status(score) for score in (0.7, 0.6999)] == ["asserted", UNCERTAIN]


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan"), "0.5", True, [0.5]])
def test_thresholds_that_are_no_probabilities(value):
    _, pipe, _ = constant([0, 2, 1], ["A", "B"])
    with pytest.raises(RelextError, match=r"relation_extractor: the threshold of 'A' is .*; it is a probability, between 0 and 1\."):
        pipe.label_thresholds = {"A": value}
    with pytest.raises(RelextError, match=r"relation_extractor: uncertain_below is .*; it is a probability, between 0 and 1\."):
        pipe.uncertain_below = value
    if value == value:  # nothing but numbers can stand in a config
        with pytest.raises(RelextError, match="the threshold of 'A'"):
            make_pipeline(label_thresholds={"A": value})


def test_thresholds_of_labels_that_are_none():
    _, pipe, _ = constant([0, 2, 1], ["A", "B"])
    with pytest.raises(RelextError, match=r"label_thresholds names \['C'\], and the labels are \['A', 'B'\]"):
        pipe.label_thresholds = {"A": 0.1, "C": None}
    for value in ([0.5], 0.5, {1: 0.5}):
        with pytest.raises(RelextError, match=r"label_thresholds is .*; expected a dict of numbers by label"):
            pipe.label_thresholds = value
    with pytest.raises(RelextError, match=r"label_thresholds names \['C'\]"):
        constant([0, 2, 1], ["A", "B"], label_thresholds={"C": 0.5})
    with pytest.raises(TypeError, match="does not support item assignment"):
        pipe.label_thresholds["A"] = 0.3


# Calibration


def test_a_calibrated_score_has_the_raw_one_beside_it():
    nlp, pipe, doc = constant([0, 2, 1], ["A", "B"])
    raw = written(nlp, doc)
    distribution = pipe.predict([nlp(doc.copy())])[0].scores
    pipe.calibration = CALIBRATION
    score = round(float(PLATT(RAW)), 4)
    assert written(nlp, doc) == [("A", score, RAW, "asserted")] * 2
    assert pipe.label_thresholds["A"] <= score < pipe.threshold == 0.5
    # The distribution is that of the model.
    assert numpy.array_equal(pipe.predict([nlp(doc.copy())])[0].scores, distribution)
    assert pipe.score_pairs(doc, [tuple(doc.ents)])[0].scores["A"] == pytest.approx(RAW, abs=1e-4)
    # As is one threshold for all labels, which is on the scale of the scores.
    (prediction,) = pipe.predict([nlp(doc.copy())])
    assert len(list(pipe.decode(prediction, prediction.spans, threshold=score - 0.001))) == 2
    assert not list(pipe.decode(prediction, prediction.spans, threshold=score + 0.001))
    pipe.calibration = None
    assert written(nlp, doc) == raw
    assert (pipe.threshold, pipe.label_thresholds) == (0.5, {})


def test_the_label_is_chosen_on_raw_scores():
    """A is the most probable label, and its score is less than that of B."""
    nlp, pipe, doc = constant([0, 2, 1], ["A", "B"])
    low = ScoreMap("sigmoid", (0.5, -2.0))
    pipe.calibration = ScoreMaps({"A": low}).to_dict()
    score = float(low(RAW))
    assert score < pipe.score_pairs(doc, [tuple(doc.ents)])[0].scores["B"]
    assert written(nlp, doc) == [("A", round(score, 4), RAW, "asserted")] * 2
    pipe.label_thresholds = {"A": 0.9, "B": 0.1}
    assert not written(nlp, doc)


def test_the_mean_of_a_symmetric_label_is_calibrated(monkeypatch):
    """Not the mean of what is calibrated."""
    nlp, pipe, doc = constant([0, 2, 1], ["A", "B"], symmetric_labels=["A"])
    pipe.calibration = {**CALIBRATION, "labels": {"A": ScoreMap("sigmoid", (3.0, -1.0)).to_dict()}}
    directions = numpy.asarray([[0.05, 0.9, 0.05], [0.05, 0.6, 0.35]], dtype="float32")
    monkeypatch.setattr(pipe, "score_prepared", lambda docs, prepared, on_attention: [directions])
    expected = float(pipe.score_maps.of("A")(0.75))
    assert abs(expected - float(pipe.score_maps.of("A")([0.9, 0.6]).mean())) > 0.05
    assert written(nlp, doc) == [("A", round(expected, 4), 0.75, "asserted")]


def test_a_threshold_that_a_raw_score_equals_is_reached_calibrated_or_not():
    for maps in (None, ScoreMaps({"B": PLATT})):
        cfg = {"labels": ["A"], "threshold": 0.7, "label_thresholds": {}, "uncertain_below": None}
        cfg |= {"exclusive": True, "symmetric_labels": []}
        assert Decision.of(cfg, maps).reaches("A", numpy.float32(0.7))


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        ({"labels": {"C": PLATT.to_dict()}, "pooled": None}, r"calibration names \['C'\], and the labels are \['A', 'B'\]"),
        ({"labels": {}}, "The calibration is"),
        ({"labels": {"A": {"method": "sigmoid", "slope": -1.0, "intercept": 0.0}}, "pooled": None}, "no strictly increasing map"),
    ],
)
def test_a_calibration_that_is_none(calibration, message, tmp_path):
    nlp, pipe, _ = constant([0, 2, 1], ["A", "B"])
    with pytest.raises(RelextError, match=message):
        pipe.calibration = calibration
    assert pipe.calibration is None
    pipe.cfg["calibration"] = calibration
    nlp.to_disk(tmp_path / "model")
    with pytest.raises(RelextError, match=message):
        spacy.load(tmp_path / "model")


def test_a_calibration_is_stored(tmp_path):
    nlp, pipe, doc = constant([0, 2, 1], ["A", "B"])
    pipe.calibration = CALIBRATION
    pipe.uncertain_below = 0.5
    before = written(nlp, doc)
    nlp.to_disk(tmp_path / "model")
    config = load_config(tmp_path / "model" / "config.cfg")["components"]["relation_extractor"]
    assert config["label_thresholds"] == {"A": pipe.label_thresholds["A"], "B": None}
    for same in (spacy.load(tmp_path / "model"), pickle.loads(pickle.dumps(nlp))):
        assert written(same, doc) == before
        assert {**same.get_pipe("relation_extractor").cfg, GIVEN: {}} == {**pipe.cfg, GIVEN: {}}
    other = spacy.load(tmp_path / "model")
    other.from_bytes(nlp.to_bytes())
    assert written(other, doc) == before
    sourced = spacy.blank("en")
    sourced.add_pipe("relation_extractor", source=nlp)
    assert sourced.get_pipe("relation_extractor").calibration == CALIBRATION


def test_a_config_gives_thresholds_label_by_label(tmp_path):
    """Those of other labels may have been set since the config was written."""
    nlp, pipe, _ = constant([0, 2, 1, 1], ["A", "B", "CPR:3"], label_thresholds={"A": 0.7})
    pipe.label_thresholds = {"A": 0.6, "B": 0.3, "CPR:3": 0.2}
    nlp.to_disk(tmp_path / "model")
    name = "components.relation_extractor.label_thresholds"
    for given, expected in [
        ({f"{name}.B": 0.9}, {"A": 0.6, "B": 0.9, "CPR:3": 0.2}),
        ({f"{name}.A": 0.9}, {"A": 0.9, "B": 0.3, "CPR:3": 0.2}),
        ({f"{name}.A": None}, {"B": 0.3, "CPR:3": 0.2}),
    ]:
        loaded = spacy.load(tmp_path / "model", config=given)
        assert loaded.get_pipe("relation_extractor").label_thresholds == expected


def test_one_limit_for_labels_of_several_scales_is_told(caplog):
    _, pipe, _ = constant([0, 2, 1], ["A", "B"], uncertain_below=0.7)
    pipe.calibration = CALIBRATION
    assert pipe.uncertain_below == 0.7
    assert caplog.messages == ["relation_extractor: uncertain_below stays at 0.7, and scores are on another scale now. Check it."]
    pipe.calibration = None
    caplog.clear()
    pipe.calibration = ScoreMaps({}, PLATT).to_dict()
    assert pipe.uncertain_below == pytest.approx(float(PLATT(0.7)), abs=1e-6)
    assert not caplog.messages
    with pytest.raises(RelextError, match="calibration cannot be stored"):
        pipe.calibration = {"labels": {"A": PLATT}, "pooled": None}


@pytest.mark.parametrize("change", ["update", "add_label", "initialize"])
def test_a_calibration_goes_when_the_model_changes(change, caplog):
    nlp, pipe, doc = constant([0, 2, 1], ["A", "B"])
    pipe.calibration = CALIBRATION
    examples = [Example(nlp.make_doc(doc.text), make_doc(nlp, *PAIR, [(0, 1, "A"), (1, 0, "B")]))]
    optimizer = nlp.create_optimizer()
    pipe.update(examples)
    assert pipe.calibration == CALIBRATION
    caplog.clear()
    if change == "update":
        for _ in range(2):
            nlp.update(examples, sgd=optimizer)
    elif change == "add_label":
        assert (pipe.add_label("A"), pipe.calibration) == (0, CALIBRATION)
        pipe.add_label("C")
    else:
        nlp.initialize(lambda: examples)
    [message] = [message for message in caplog.messages if "calibration" in message]
    assert message.startswith("relation_extractor: the calibration is dropped, since ")
    assert (pipe.calibration, pipe.threshold, pipe.label_thresholds) == (None, 0.5, {})
    assert set(nlp.config["components"]["relation_extractor"]["label_thresholds"].values()) == {None}


def test_a_calibrated_component_of_another_pipeline_is_trained_further(tmp_path):
    """Whether the pipeline that it comes from is still there or not: thresholds are on the scale of the scores when it is loaded."""
    source, pipe, doc = constant([0, 2, 1], ["A", "B"])
    pipe.calibration = CALIBRATION
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor", source=source)
    examples = [Example(nlp.make_doc(doc.text), make_doc(nlp, *PAIR, [(0, 1, "A"), (1, 0, "B")]))]
    nlp.update(examples, sgd=nlp.resume_training())
    for one in (nlp, source):
        one.to_disk(tmp_path)
        stored = spacy.load(tmp_path).get_pipe("relation_extractor")
        assert (stored.calibration, stored.threshold, stored.label_thresholds) == (None, 0.5, {})


@pytest.mark.parametrize("kind", ["listener", "tok2vec listener"])
def test_a_frozen_component_whose_encoder_is_trained(tiny_bert, kind, caplog, tmp_path):
    """Nobody tells it; its listener has heard of a run in training, though."""
    nlp = KINDS[kind][0](tiny_bert)
    name = "relation_extractor"
    pipe, docs = prepared(nlp)
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    one = ScoreMaps({}, PLATT).to_dict()
    raw = pipe.threshold
    optimizer = nlp.resume_training()
    # Heard before: the calibration is of what came of it.
    nlp.update(examples, sgd=optimizer, exclude=[name])
    pipe.calibration = one
    list(nlp.pipe([doc.text for doc in docs]))
    assert pipe.calibration == one
    for look in (lambda: nlp.to_disk(tmp_path), lambda: pipe.predict(docs), nlp.to_bytes):
        pipe.calibration = one
        nlp.update(examples, sgd=optimizer, exclude=[name])
        look()
        assert (pipe.calibration, pipe.threshold) == (None, raw)
    [message] = [message for message in caplog.messages if "calibration" in message]
    assert "the calibration is dropped, since the " in message
    assert "that it listens to is trained further" in message
    stored = spacy.load(tmp_path).get_pipe(name)
    assert (stored.calibration, stored.threshold) == (None, raw)
    assert load_config(tmp_path / "config.cfg")["components"][name]["threshold"] == raw


def test_a_checkpoint_of_a_calibrated_component(caplog):
    nlp, pipe, doc = constant([0, 2, 1], ["A", "B"])
    pipe.calibration = CALIBRATION
    before, checkpoint, thresholds = written(nlp, doc), nlp.to_bytes(), dict(pipe.label_thresholds)
    pipe.calibration = None
    nlp.from_bytes(checkpoint)
    assert (written(nlp, doc), pipe.label_thresholds) == (before, thresholds)
    assert not caplog.messages


# What a config gives, and what is stored


def test_thresholds_of_a_config_go_before_the_stored_ones(tmp_path):
    nlp, _, _ = constant([0, 2, 1], ["A", "B"], label_thresholds={"A": 0.6})
    nlp.to_disk(tmp_path)

    def load(**settings):
        return spacy.load(tmp_path, config={"components": {"relation_extractor": settings}}).get_pipe("relation_extractor")

    assert load().label_thresholds == {"A": 0.6}
    assert load(label_thresholds={"B": 0.2}).label_thresholds == {"A": 0.6, "B": 0.2}
    assert load(label_thresholds={"A": None}).label_thresholds == {}
    assert load(uncertain_below=0.7).uncertain_below == 0.7
    with pytest.raises(RelextError, match="the threshold of 'A' is 2"):
        load(label_thresholds={"A": 2})


def test_thresholds_of_a_config_go_before_what_was_set_since(tmp_path):
    nlp, pipe, _ = constant([0, 2, 1], ["A", "B"])
    set_threshold(nlp, pipe, 0.4)
    nlp.to_disk(tmp_path)
    for threshold in (0.5, 0.4, 0.3):
        other = spacy.load(tmp_path, config={"components": {"relation_extractor": {"threshold": threshold}}})
        assert other.get_pipe("relation_extractor").threshold == threshold


VALUES = {"threshold": (0.5, 0.4), "label_thresholds": ({"A": None, "B": None}, {"A": 0.6}), "uncertain_below": (None, 0.9)}


@pytest.mark.parametrize("setting", list(VALUES))
@pytest.mark.parametrize("how", ["set", "cfg", "sourced"])
def test_the_factory_s_value_in_a_config_goes_before_what_was_set_since(setting, how, tmp_path):
    """And without it, what was set is what is loaded; the config that is stored says it."""
    default, value = VALUES[setting]
    nlp, pipe, _ = constant([0, 2, 1], ["A", "B"])
    source = nlp
    if how == "sourced":
        nlp = spacy.blank("en")
        nlp.add_pipe(pipe.name, source=source)
    if how == "cfg":
        pipe.cfg[setting] = value
    else:
        setattr(pipe, setting, value)
    nlp.to_disk(tmp_path)
    stored = load_config(tmp_path / "config.cfg")["components"][pipe.name][setting]
    assert stored == ({"A": 0.6, "B": None} if setting == "label_thresholds" else value)
    kept, other = spacy.load(tmp_path), spacy.load(tmp_path, config={"components": {pipe.name: {setting: default}}})
    assert getattr(kept.get_pipe(pipe.name), setting) == value
    assert getattr(other.get_pipe(pipe.name), setting) == ({} if setting == "label_thresholds" else default)


@pytest.mark.parametrize("setting", list(VALUES))
def test_bytes_bring_what_was_set_into_a_pipeline_made_with_the_defaults(setting):
    """As spaCy's own components do it: pipelines that are made again to load bytes have the defaults, and mean nothing by them."""
    default, value = VALUES[setting]
    nlp, pipe, _ = constant([0, 2, 1], ["A", "B"])
    setattr(pipe, setting, value)
    config, data = nlp.config, nlp.to_bytes()
    other = {"threshold": 0.7, "label_thresholds": {"A": 0.7, "B": None}, "uncertain_below": 0.7}[setting]
    for given, loaded in ((value, value), (default, value), (other, {"A": 0.7} if setting == "label_thresholds" else other)):
        changed = config.copy()
        changed["components"][pipe.name][setting] = given
        assert getattr(spacy.util.load_model_from_config(changed).from_bytes(data).get_pipe(pipe.name), setting) == loaded


def test_a_pipeline_takes_over_what_another_one_stored(tmp_path):
    """What a factory gave is past once a component was loaded or set: it is no setting of what is loaded later."""
    nlp, pipe, doc = constant([0, 2, 1], ["A", "B"], threshold=0.6)
    nlp.to_disk(tmp_path / "before")
    pipe.calibration = CALIBRATION
    pipe.uncertain_below = 0.9
    nlp.to_disk(tmp_path / "after")
    of_nlp = written(nlp, doc)
    for live in (spacy.load(tmp_path / "before"), nlp):
        live.get_pipe(pipe.name).threshold = 0.3
        live.from_disk(tmp_path / "after")
        same = live.get_pipe(pipe.name)
        assert (written(live, doc), dict(same.label_thresholds)) == (of_nlp, dict(pipe.label_thresholds))
        assert live.config["components"][pipe.name]["label_thresholds"]["A"] == same.label_thresholds["A"]


def test_the_config_of_a_pipeline_that_takes_a_calibrated_component(tmp_path):
    source, pipe, _ = constant([0, 2, 1], ["A", "B"])
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor", source=source)
    pipe.calibration = CALIBRATION
    nlp.to_disk(tmp_path)
    block = load_config(tmp_path / "config.cfg")["components"]["relation_extractor"]
    assert block["label_thresholds"] == {"A": pipe.label_thresholds["A"], "B": None}


@pytest.mark.parametrize(
    "maps", [None, ScoreMaps({"A": PLATT}), ScoreMaps({}, ScoreMap("isotonic", (0.0, 0.66, 0.67, 1.0, 0.1, 0.3, 0.30000001, 0.9)))]
)
def test_a_relation_on_the_very_edge_is_written_before_and_after_storing(maps, tmp_path):
    """The threshold is the score, to the last bit."""
    nlp, pipe, doc = constant([0, 2, 1], ["A", "B"])
    pipe.calibration = None if maps is None else maps.to_dict()
    nlp.to_disk(tmp_path / "0")
    score = nlp(doc.copy())._.relations[0].score
    for limits in ({"threshold": score}, {"label_thresholds": {"A": score}}, {"uncertain_below": score}):
        pipe = (nlp := spacy.load(tmp_path / "0")).get_pipe(pipe.name)
        pipe.threshold, pipe.label_thresholds = 0.1, {}
        for name, value in limits.items():
            setattr(pipe, name, value)
        assert written(nlp, doc)
        nlp.to_disk(tmp_path / "1")
        other = spacy.load(tmp_path / "1")
        again = pickle.loads(pickle.dumps(nlp))
        of_bytes = spacy.load(tmp_path / "0").from_bytes(nlp.to_bytes())
        for same in (other, again, of_bytes):
            assert written(same, doc) == written(nlp, doc)
            assert {s for *_, s in written(same, doc)} == {"asserted"}
            assert getattr(same.get_pipe(pipe.name), name) == getattr(pipe, name)
        # One step higher, and it is not.
        higher = {name: {"A": nextafter(v["A"], 1)} if isinstance(v, dict) else nextafter(v, 1) for name, v in limits.items()}
        if maps is not None:
            for name, value in higher.items():
                pipe.cfg[name] = value
            nlp.to_disk(tmp_path / "1")
            assert written(spacy.load(tmp_path / "1"), doc) == written(nlp, doc)
            assert not [s for *_, s in written(nlp, doc) if s == "asserted"]


@pytest.mark.parametrize("threshold", [0.1, 0.7, 0.3, 0.9])
def test_nothing_is_written_below_the_threshold_that_is_shown(threshold):
    """In float32 some of these are less, and some are more."""
    decision = Decision(("A",), False, numpy.asarray([threshold]), uncertain_below=threshold)
    scores = numpy.asarray([[threshold], [numpy.nextafter(numpy.float32(threshold), numpy.float32(0))]], dtype="float32")
    [found] = decode(numpy.asarray([[0, 1], [1, 0]]), scores, [(0, 1), (2, 3)], decision)
    assert (found.score, found.raw_score, found.status) == (threshold, threshold, "asserted")
    # So it is with what bounds what is asserted, where more is written.
    lower = Decision(("A",), False, numpy.asarray([0.05]), uncertain_below=threshold)
    edge, below = decode(numpy.asarray([[0, 1], [1, 0]]), scores, [(0, 1), (2, 3)], lower)
    assert (edge.score, edge.status, below.status) == (threshold, "asserted", UNCERTAIN)
    assert decision.reaches("A", float(numpy.float32(threshold)))


@pytest.mark.parametrize("again", [False, True])
def test_what_no_score_reaches_is_reached_by_none_without_calibration(again):
    """A threshold above all that a map gives. A raw score of exactly 1 is common where a model is sure."""
    nlp, pipe, doc = constant([0, 40, 1], ["A", "B"])
    assert {raw for _, _, raw, _ in written(nlp, doc)} == {1.0}
    pipe.calibration = CALIBRATION
    highest = float(PLATT(1.0))
    pipe.label_thresholds = {"A": highest}
    assert written(nlp, doc)
    pipe.label_thresholds = {"A": nextafter(highest, 1)}
    assert not written(nlp, doc)
    if again:
        pipe.calibration = ScoreMaps({"A": ScoreMap("isotonic", (0.0, 1.0, 0.0, 1.0))}).to_dict()
        assert not written(nlp, doc)
    pipe.calibration = None
    assert not written(nlp, doc)
    assert pipe.label_thresholds == {"A": NEVER}
    assert told_thresholds(pipe.threshold, pipe.label_thresholds) == "0.5 (A above 1)"
    pipe.calibration = CALIBRATION
    assert not written(nlp, doc)
    # Below all that it gives: everything is written, with it and without.
    pipe.label_thresholds = {"A": float(PLATT(0.0)) / 2}
    assert written(nlp, doc)
    pipe.calibration = None
    assert pipe.label_thresholds == {"A": 0.0}


@pytest.mark.parametrize(
    ("threshold", "told"), [(0.5, "0.5"), (0.41343567, "0.413435"), (1.0, "1"), (0.0, "0"), (1e-7, "1e-07"), (0.99999999, "0.999999")]
)
def test_a_threshold_is_never_rounded_up(threshold, told):
    assert told_threshold(threshold) == told


def test_labels_that_no_config_can_name(tmp_path):
    nlp, _, _ = constant([0, 2, 1], ["CPR:3", "B"], label_thresholds={"CPR:3": 0.6, "B": 0.3})
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("relation_extractor").label_thresholds == {"CPR:3": 0.6, "B": 0.3}
    other = spacy.load(tmp_path, config={"components": {"relation_extractor": {"label_thresholds": {"B": 0.4}}}})
    assert other.get_pipe("relation_extractor").label_thresholds == {"CPR:3": 0.6, "B": 0.4}


def test_one_threshold_for_all_takes_the_place_of_those_of_labels(tmp_path):
    nlp, pipe, _ = constant([0, 2, 1], ["A", "B"], label_thresholds={"A": 0.6})
    set_threshold(nlp, pipe, 0.3)
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("relation_extractor").label_thresholds == {}


def test_pipelines_of_earlier_versions(tmp_path):
    nlp, _, doc = constant([0, 2, 1], ["A", "B"])
    nlp.to_disk(tmp_path)
    path = tmp_path / "relation_extractor" / "cfg"
    cfg = json.loads(path.read_text())
    new = ("label_thresholds", "uncertain_below", "calibration")
    for name in new:
        del cfg[name]
        cfg[GIVEN].pop(name, None)
    path.write_text(json.dumps(cfg))
    config = tmp_path / "config.cfg"
    text = config.read_text().replace("[components.relation_extractor.label_thresholds]\nA = null\nB = null\n", "")
    config.write_text(text.replace("uncertain_below = null\n", ""))
    assert not any(name in config.read_text() for name in new)
    old = spacy.load(tmp_path)
    assert [old.get_pipe("relation_extractor").cfg[name] for name in new] == [{}, None, None]
    assert written(old, doc) == [("A", RAW, RAW, "asserted")] * 2
    # Stored again, it is as any other.
    old.to_disk(tmp_path)
    assert "[components.relation_extractor.label_thresholds]\nA = null\nB = null\n" in config.read_text()


def test_find_threshold_of_a_label(tmp_path):
    """The constant score of A is 0.6652, and one of the two pairs that get it has it; A and B are right where they are written."""
    nlp, _, _ = constant([0, 2, 1], ["A", "B"])
    nlp.to_disk(tmp_path / "model")
    doc = make_doc(nlp, *PAIR, [(0, 1, "A"), (1, 0, "A")])
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "dev.spacy")
    for label, expected in (("A", {0.0: 1.0, 0.5: 1.0, 1.0: 0.0}), ("B", dict.fromkeys((0.0, 0.5, 1.0), 1.0))):
        names = ("relation_extractor", f"label_thresholds.{label}", "rel_micro_f")
        _, _, scores = find_threshold(tmp_path / "model", tmp_path / "dev.spacy", *names, n_trials=3)
        assert scores == expected
