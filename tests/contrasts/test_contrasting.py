"""A pipeline on a contrast set."""

import json

import pytest
import spacy
from spacy.training import Example

from spacy_relext import RelextError, contrast, evaluate
from spacy_relext.contrasts.asking import RIGHT
from spacy_relext.contrasts.sets import CONTRAST
from spacy_relext.formats.docs import to_doc
from tests.cli.toy import SENTENCES, document
from tests.contrasts.writing import line, pair, write


@pytest.fixture(scope="module")
def nlp(model):
    return spacy.load(model)


@pytest.fixture(scope="module")
def guideline(tmp_path_factory):
    path = tmp_path_factory.mktemp("guideline") / "toy.json"
    path.write_text(json.dumps({"labels": {"MECHANISM": ["MECHANISM"], "ADVISE": ["ADVISE"]}, "types": {"CHEMICAL": ["DRUG"]}}))
    return path


def answers(nlp, guideline, path, *lines, **settings):
    found = contrast(nlp, write(path / "set.jsonl", *lines), guideline=guideline, **settings)
    return found, {answer.question.id: answer for answer in found.answers}


def test_what_the_pipeline_has_learned_passes(nlp, guideline, tmp_path):
    found, by_id = answers(nlp, guideline, tmp_path, *pair())
    assert {name: (a.outcome, set(a.found)) for name, a in by_id.items()} == {
        "g1-a": (RIGHT, {("MECHANISM", True)}),
        "g1-b": (RIGHT, set()),
    }
    assert by_id["g1-a"].probability > 0.5 > by_id["g1-b"].probability
    assert (found.all.consistent.count, found.all.consistent.n) == (1, 1)
    assert (found.phenomena["negated"].false_positives.count, found.phenomena["negated"].failures.n) == (0, 1)
    assert found.failures() == []


def test_each_way_to_fail(nlp, guideline, tmp_path):
    text, shared = "[Aspirin] increases [warfarin] levels.", {"frame": "f", "group": "g"}
    found, by_id = answers(
        nlp, guideline, tmp_path,
        line("related", text, 0, 1, expected=[], **shared),
        line("backwards", text, 1, 0, expected=["MECHANISM"], **shared),
        line("label", text, 0, 1, expected=["ADVISE"], **shared),
        line("either", text, 0, 1, expected=["ADVISE", "MECHANISM"], **shared),
        line("missed", "[Ketamine] did not alter [warfarin].", 0, 1, expected=["MECHANISM"], **shared),
    )  # fmt: skip
    assert {name: answer.failure for name, answer in by_id.items()} == {
        "related": "false positive", "backwards": "other direction", "label": "other label", "either": "", "missed": "missed",
    }  # fmt: skip
    figures = found.phenomena["negated"]
    assert (figures.consistent.count, figures.false_positives.count, figures.failures.count, figures.failures.n) == (0, 1, 3, 4)
    assert figures.kinds == {"missed": 1, "other direction": 1, "other label": 1}


def test_lines_that_are_compared(nlp, guideline, tmp_path):
    shared = {"frame": "f", "group": "g"}
    related, denied = "[Aspirin] increases [warfarin] levels.", "[Ketamine] did not alter [warfarin]."
    found, by_id = answers(
        nlp, guideline, tmp_path,
        line("a", related, 0, 1, kind="INV", **shared),
        line("same", "[Rifampicin] increases [digoxin] levels.", 0, 1, kind="INV", same_as="a", **shared),
        line("not-same", denied, 0, 1, kind="INV", same_as="a", **shared),
        line("lower", denied, 0, 1, kind="DIR", lower_than="a", expected=[], **shared),
        line("higher", denied, 0, 1, kind="DIR", higher_than="a", **shared),
    )  # fmt: skip
    assert {name: answer.failure for name, answer in by_id.items()} == {
        "a": "", "same": "", "not-same": "not same as", "lower": "", "higher": "not higher than",
    }  # fmt: skip
    assert (found.all.changed.count, found.all.changed.n, found.all.false_positives.n) == (2, 4, 1)


def test_direction_does_not_count_where_the_pipeline_has_none(model, guideline, tmp_path):
    nlp = spacy.load(model, config={"components": {"relation_extractor": {"symmetric_labels": ["MECHANISM"]}}})
    lines = pair()
    lines[0]["meta"][CONTRAST].update(head="T2", tail="T1")
    _, by_id = answers(nlp, guideline, tmp_path, *lines)
    assert by_id["g1-a"].outcome == RIGHT


def test_the_mentions_of_the_set_are_those_that_are_asked_about(model, guideline, tmp_path):
    """Under whatever name the extractor has its mentions, and though the pipeline would find none of them."""
    nlp = spacy.load(model, config={"components": {"relation_extractor": {"spans_key": "drugs"}}})
    lines = [
        line("a", "[Axitinib] increases [riociguat] levels.", 0, 1, expected=["MECHANISM"]),
        line("b", "[Axitinib] did not alter [riociguat].", 0, 1, expected=[]),
    ]
    _, by_id = answers(nlp, guideline, tmp_path, *lines)
    assert all(answer.candidate for answer in by_id.values())


def test_threshold_in_the_place_of_that_of_the_pipeline(nlp, guideline, tmp_path):
    found, by_id = answers(nlp, guideline, tmp_path, *pair(), threshold=0.0)
    assert by_id["g1-b"].outcome == "false positive"
    assert found.to_dict()["threshold"] == 0.0
    assert nlp.get_pipe("relation_extractor").threshold == 0.5


def test_one_reason_is_told_once_in_whatever_order_labels_come(nlp, guideline, tmp_path):
    def group(name, *labels):
        shared = {"frame": "acts", "group": name}
        return [line(f"{name}-{at}", "[Quinine] acts on [digoxin].", 0, 1, expected=[label], **shared) for at, label in enumerate(labels)]

    others = [*group("g2", "INHIBITS", "ACTIVATES"), *group("g3", "ACTIVATES", "INHIBITS")]
    found, _ = answers(nlp, guideline, tmp_path, *pair(), *others)
    assert found.left_out == {"unknown label ACTIVATES; unknown label INHIBITS": (2, 4)}


def test_groups_are_asked_as_a_whole_or_not_at_all(nlp, guideline, tmp_path):
    shared = {"frame": "blocks", "group": "g2", "types": {1: "PROTEIN"}}
    others = [
        line("g2-a", "[Quinine] inhibits [CYP2D6].", 0, 1, expected=["INHIBITS"], **shared),
        line("g2-b", "[Quinine] spares [CYP2D6].", 0, 1, expected=[], **shared),
    ]
    found, by_id = answers(nlp, guideline, tmp_path, *pair(), *others)
    assert (set(by_id), found.not_asked) == ({"g1-a", "g1-b"}, 1)
    assert found.left_out == {"unknown type PROTEIN; unknown label INHIBITS": (1, 2)}
    assert found.to_dict()["left_out"] == {"unknown type PROTEIN; unknown label INHIBITS": {"groups": 1, "sentences": 2}}
    with pytest.raises(
        RelextError, match=r"by the guideline toy: unknown type PROTEIN; unknown label INHIBITS\. The pipeline has the labels"
    ):
        answers(nlp, guideline, tmp_path, *others)


def test_an_extractor_that_is_not_trained(guideline, tmp_path):
    untrained = spacy.blank("en")
    untrained.add_pipe("relation_extractor")
    for given in (guideline, None):
        with pytest.raises(RelextError, match="relation_extractor has no trained model: it has 0 labels"):
            answers(untrained, given, tmp_path, *pair())
    # As of every other command.
    with pytest.raises(RelextError, match="relation_extractor has no trained model: it has 0 labels"):
        evaluate(untrained, [])


def test_what_can_only_pass_is_not_asked(model, guideline, tmp_path):
    """A pair without a candidate says nothing of the model, unless it is to be found."""
    nlp = spacy.load(model)
    nlp.get_pipe("relation_extractor").cfg["type_rules"] = {"MECHANISM": [["DRUG", "GENE"]], "ADVISE": [["DRUG", "GENE"]]}
    none = pair("g2")
    none[0]["meta"][CONTRAST]["expected"] = []
    found, by_id = answers(nlp, guideline, tmp_path, *pair(), *none)
    assert (set(by_id), found.not_asked) == ({"g1-a", "g1-b"}, 1)
    assert found.left_out == {"nothing in it is related, and no pair is a candidate": (1, 2)}
    assert (by_id["g1-a"].failure, by_id["g1-a"].candidate, by_id["g1-a"].probability) == ("missed", False, 0.0)
    with pytest.raises(RelextError, match="nothing in it is related, and no pair of it is a candidate of relation_extractor"):
        answers(nlp, guideline, tmp_path, *none)


@pytest.mark.parametrize("kind", ["DRUG", "CHEMICAL"])
def test_a_set_of_unrelated_pairs_alone(nlp, guideline, tmp_path, kind):
    """No label says which guideline fits: the types do, or else the labels of the pipeline."""
    lines = pair(types={0: kind, 1: kind})
    for entry in lines:
        entry["meta"][CONTRAST]["expected"] = []
    found = contrast(nlp, write(tmp_path / "set.jsonl", *lines), guideline=None if kind == "DRUG" else guideline)
    assert {answer.question.id: answer.outcome for answer in found.answers} == {"g1-a": "false positive", "g1-b": RIGHT}
    assert found.guideline == ("same names" if kind == "DRUG" else "toy")


@pytest.mark.parametrize("threshold", [2, float("nan"), "0.5"])
def test_a_threshold_is_a_probability(nlp, guideline, tmp_path, threshold):
    with pytest.raises(RelextError, match=r"threshold is .*; it is a probability"):
        answers(nlp, guideline, tmp_path, *pair(), threshold=threshold)


def test_halves_are_apart(nlp, guideline, tmp_path):
    lines = [*pair(), *pair("g2", frame="other", half="held-out")]
    for entry in lines:
        entry["meta"][CONTRAST]["expected"] = ["ADVISE"]
    found, _ = answers(nlp, guideline, tmp_path, *lines)
    assert {half: figures.consistent.n for half, figures in found.halves.items()} == {"open": 1, "held-out": 1}
    assert {answer.question.id for answer in found.failures()} == {"g1-a", "g1-b"}
    assert len(found.failures(held_out=True)) == 4
    found, by_id = answers(nlp, guideline, tmp_path, *lines, half="held-out")
    assert (set(by_id), list(found.halves)) == ({"g2-a", "g2-b"}, ["held-out"])


def test_figures_are_plain(nlp, guideline, tmp_path):
    found, by_id = answers(nlp, guideline, tmp_path, *pair("g1", "list"), *pair("g2", "co-occurring", "other"))
    figures = json.loads(json.dumps(found.to_dict()))
    # The phenomena of the headline come first.
    assert list(figures["phenomena"]) == ["co-occurring", "list"]
    assert figures["phenomena"]["list"]["consistent"] == {"count": 1, "n": 1, "share": 1.0, "low": 0.025, "high": 1.0}
    assert (figures["sentences"], figures["groups_not_asked"], figures["guideline"]) == (4, 0, "toy")
    assert by_id["g1-a"].to_dict()["found"][0]["from"] == "T1"


def test_labels_that_are_questions_of_their_own(guideline, tmp_path):
    """Without a probability of no-relation, a pair is as probable as its most probable label."""
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor", config={"exclusive": False, "threshold": 0.0})
    references = [to_doc(document(*sentence), nlp) for sentence in SENTENCES]
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc) for doc in references])
    _, by_id = answers(nlp, guideline, tmp_path, *pair())
    answer = by_id["g1-b"]
    assert {label for label, _ in answer.found} == set(pipe.labels)
    assert answer.probability == pytest.approx(max(answer.found.values()))
