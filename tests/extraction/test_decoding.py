"""Records decoded again: at the threshold of the pipeline they are what it wrote, at another what it would have written."""

import json
from copy import deepcopy

import pytest
import spacy
import torch
from spacy.language import Language

from spacy_relext import Relation
from spacy_relext.calibration.maps import ScoreMap, ScoreMaps
from spacy_relext.errors import RelextError
from spacy_relext.extraction.decoding import decode_record
from spacy_relext.extraction.running import Runner, Settings
from spacy_relext.formats.jsonl import rounded
from spacy_relext.formats.types import Document

TEXT = "Aspirin increases warfarin levels. Avoid ketamine with warfarin, quinine or digoxin. Ketamine did not alter warfarin."
THRESHOLDS = (0.0, 0.05, 0.3, 0.5, 0.8, 0.99, 1.0)


@Language.component("adds_a_rule")
def add_rule(doc):
    first, *_, last = doc.ents
    doc._.relations += [Relation(last, first, "ADVISE", 0.75, sources="rule"), Relation(first, last, "OWN", 0.5)]
    return doc


@Language.component("doubts")
def doubt(doc):
    doc._.relations = [relation.replace(status="uncertain", attributes=["old"]) for relation in doc._.relations]
    return doc


def unchanged(nlp):
    pass


def independent(nlp):
    nlp.get_pipe("relation_extractor").cfg["exclusive"] = False
    nlp.get_pipe("relation_extractor").add_label("THIRD")


def symmetric(nlp):
    nlp.get_pipe("relation_extractor").cfg.update(symmetric_labels=["ADVISE", "MECHANISM"], threshold=0.2)


def with_rules(nlp):
    nlp.get_pipe("relation_extractor").cfg["type_rules"] = {"ADVISE": [["DRUG", "GENE"]]}


def several(nlp):
    second = nlp.add_pipe("relation_extractor", "second", source=spacy.load(nlp.path))
    second.cfg.update(threshold=0.9, symmetric_labels=["MECHANISM"])


def overwritten(nlp):
    several(nlp)
    nlp.get_pipe("second").cfg["overwrite"] = True


def beside_a_rule(nlp):
    nlp.add_pipe("adds_a_rule", before="relation_extractor")


def before_a_rule(nlp):
    nlp.add_pipe("adds_a_rule")


def beside_doubts(nlp):
    nlp.add_pipe("doubts")


# Of labels by themselves; uncertain are those that are written with less than 0.9.
CALIBRATION = ScoreMaps({"ADVISE": ScoreMap("sigmoid", (0.5, -1.0))}, ScoreMap("beta", (0.5, 2.0, 0.3))).to_dict()


def calibrated(nlp):
    pipe = nlp.get_pipe("relation_extractor")
    pipe.calibration, pipe.uncertain_below = CALIBRATION, 0.9
    pipe.label_thresholds = {"ADVISE": 0.2, "MECHANISM": 0.05}


def calibrated_beside_others(nlp):
    calibrated(nlp)
    several(nlp)
    nlp.add_pipe("adds_a_rule", before="relation_extractor")


CHANGES = [
    unchanged,
    calibrated,
    calibrated_beside_others,
    independent,
    symmetric,
    with_rules,
    several,
    overwritten,
    beside_a_rule,
    before_a_rule,
    beside_doubts,
]


def changed(model, change):
    nlp = spacy.load(model)
    # Less sure than it has learned to be: scores of all sizes.
    with torch.no_grad():
        for node in nlp.get_pipe("relation_extractor").model.walk():
            for shim in node.shims:
                for weights in shim._model.parameters():
                    weights *= 0.5
    change(nlp)
    return nlp


def runner_of(nlp, **settings):
    return Runner(Settings("toy", keep_all_scores=True, **settings), nlp)


@pytest.fixture(scope="module")
def kept(model):
    return runner_of(changed(model, unchanged))


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_what_the_pipeline_writes(model, change):
    nlp = changed(model, change)
    kept = runner_of(nlp)
    [own] = kept([Document("d", TEXT)])
    assert own["relations"]
    assert own["pairs"]
    # As it comes from a file or a client.
    record = json.loads(json.dumps(own))
    assert decode_record(record, kept.extractors) == own
    if change is beside_doubts:  # which looks at what is written
        return
    for threshold in THRESHOLDS:
        changing = runner_of(nlp, threshold=threshold)
        [expected] = changing([Document("d", TEXT)])
        changing.restore()
        assert decode_record(record, kept.extractors, threshold) == expected
        # From one threshold to the next, as a slider does.
        record = decode_record(record, kept.extractors, threshold)
    assert decode_record(record, kept.extractors) == own


def test_a_threshold_that_is_a_score(kept):
    """Scores are kept exactly: none gets beyond a threshold by rounding."""
    [record] = kept([Document("d", TEXT)])
    for pair in record["pairs"]:
        best = max(pair["scores"].values())
        for threshold in (best, round(best, 4)):
            if threshold > best:
                assert not {(pair["head"], pair["tail"])} & ends(decode_record(record, kept.extractors, threshold))
            elif best > pair["no_relation"] or threshold == best:
                assert (pair["head"], pair["tail"]) in ends(decode_record(record, kept.extractors, threshold))


def test_scores_are_written_on_the_side_of_the_threshold_that_they_are_on(model):
    """Whoever filters the lines by the threshold that is shown has what was written: four decimals alone would lose some."""
    nlp = changed(model, unchanged)
    pipe = nlp.get_pipe("relation_extractor")
    scores = [score for pair in runner_of(nlp)([Document("d", TEXT)])[0]["pairs"] for score in pair["scores"].values()]
    rounded_down = next(score for score in sorted(scores, reverse=True) if round(score, 4) < score)
    pipe.threshold = rounded_down
    kept = runner_of(nlp)
    [record] = kept([Document("d", TEXT)])
    for written in (record, decode_record(record, kept.extractors)):
        found = [relation.get("score", 1.0) for relation in written["relations"]]
        assert min(found) >= rounded_down > round(rounded_down, 4)
    pipe.threshold, pipe.uncertain_below = 0.0, rounded_down
    [record] = runner_of(nlp)([Document("d", TEXT)])
    assert {(r.get("score", 1.0) >= rounded_down) == ("status" not in r) for r in record["relations"]} == {True}


@pytest.mark.parametrize(
    ("score", "limits", "found"),
    [
        (0.41344, (), 0.4134),
        (0.41344, (0.41343567,), 0.41344),
        (0.413432, (0.41343,), 0.41343),
        (0.4134321, (0.4134321,), 0.4134321),
        (0.89996, (0.5, 0.9), 0.89996),
        (0.9, (0.9,), 0.9),
        (0.99999, (0.4, 0.7), 1.0),
    ],
)
def test_as_few_decimals_as_it_takes(score, limits, found):
    assert rounded(score, limits) == found


def ends(record):
    return {(relation["head"], relation["tail"]) for relation in record["relations"]}


def test_what_others_said_of_a_relation_stays(model):
    kept = runner_of(changed(model, beside_doubts))
    [record] = kept([Document("d", TEXT)])
    found = decode_record(record, kept.extractors, 0.0)["relations"]
    assert {relation.get("status") for relation in found} == {"uncertain", None}
    assert decode_record(record, kept.extractors, 1.0)["relations"] == []


def test_a_relation_without_source_beside_none_that_is_found(model):
    """The record does not name sources; that the pair has another score tells whose it is."""
    kept = runner_of(changed(model, before_a_rule), threshold=1.0)
    [record] = kept([Document("d", TEXT)])
    assert [relation["label"] for relation in record["relations"]] == ["OWN", "ADVISE"]
    assert decode_record(record, kept.extractors) == record


def test_records_without_mentions(kept):
    [record] = kept([Document("d", "Nothing.")])
    assert decode_record(record, kept.extractors, 0.0) == record


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: record.pop("pairs"), r"no 'pairs', the scores of all candidate pairs\. Keep them"),
        (lambda record: record.update(pairs={}), "expected 'pairs' to be a list"),
        (lambda record: record["pairs"].append(1), r"pair \d+ is 1\."),
        (lambda record: record["pairs"][0].update(scores=[1]), "expected head, tail and scores by label, and pair 1 is"),
        (lambda record: record["pairs"][0].update(head="T99"), "a pair with the mention 'T99', and the record has"),
        (lambda record: record["pairs"][0].update(head=[1]), "expected head, tail and scores by label, and pair 1 is"),
        (lambda record: record["pairs"][0].update(source="x"), "the source of pair 1 is 'x'; expected"),
        (lambda record: record["pairs"][0].update(scores={"A": 1.0}), r"scores of the labels \['A'\], and relation_extractor has"),
        (lambda record: record["pairs"][0]["scores"].update(ADVISE="1"), r"the score is '1'; it is a probability"),
        (lambda record: record["pairs"][0]["scores"].update(ADVISE=float("nan")), r"the score is nan; it is a probability"),
        (lambda record: record["pairs"][0].pop("no_relation"), "a pair without no_relation is not of relation_extractor"),
        (lambda record: record["relations"][0].update(head="T99"), "a relation with the mention 'T99', and the record has"),
        (lambda record: record.update(text=1), "expected 'text' to be"),
    ],
)
def test_what_is_no_such_record(kept, change, message):
    [record] = deepcopy(kept([Document("d", TEXT)]))
    change(record)
    with pytest.raises(RelextError, match=message):
        decode_record(record, kept.extractors)


def test_a_threshold_that_is_none(kept):
    [record] = kept([Document("d", TEXT)])
    with pytest.raises(RelextError, match=r"threshold: the score is 1\.5; it is a probability"):
        decode_record(record, kept.extractors, 1.5)
