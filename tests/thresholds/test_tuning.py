"""Thresholds of a small pipeline, chosen and stored by the command and in Python."""

import logging
import shutil

import pytest
import spacy
import srsly

from spacy_relext import RelextError, choose_threshold, evaluate
from spacy_relext.evaluation import load_pipeline
from spacy_relext.findings import kept
from spacy_relext.formats.docs import to_doc
from spacy_relext.thresholds.seen import extended, new_record
from tests.cli.test_evaluate import write_data
from tests.cli.toy import DRUGS, SENTENCES, document, relext

NAME = "relation_extractor"


def documents(n=60):
    """Sentences like those that it has learned, in documents that it has not seen, every ninth of them annotated otherwise."""
    found = []
    for i in range(n):
        text, relations = SENTENCES[i % 5][0].lower(), SENTENCES[i % 5][1]
        for old, new in zip(DRUGS, DRUGS[i % 3 :] + DRUGS[: i % 3], strict=True):
            text = text.replace(old, new.upper())
        relations = relations if i % 9 else [(0, 1, "ADVISE")]
        found.append(document(f"{text[:-1]} as was reported by {i} of the patients.", relations, name=f"d{i}"))
    return found


@pytest.fixture
def folder(model, tmp_path):
    return shutil.copytree(model, tmp_path / "model")


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data.spacy", *documents())


@pytest.fixture
def docs():
    nlp = spacy.blank("en")
    return [to_doc(d, nlp) for d in documents()]


def test_best_f(folder, data, tmp_path):
    output = tmp_path / "figures.json"
    result = relext("threshold", folder, data, "--output", output)
    assert result.exit_code == 0, result.output
    figures = srsly.read_json(output)
    nlp = spacy.load(folder)
    pipe = nlp.get_pipe(NAME)
    assert pipe.threshold == figures["threshold"]
    assert f"Threshold {pipe.threshold:g}, stored in" in result.output
    assert figures["purpose"] == "best F"
    assert list(figures["sha256"]) == [str(data)]
    scored = evaluate(nlp, data).gold_mentions
    assert scored["rel_micro_f"] == pytest.approx(figures["figures"]["micro"]["f"])
    assert scored["rel_micro_f"] >= max(evaluate(nlp, data, threshold=t).gold_mentions["rel_micro_f"] for t in (0.2, 0.5, 0.8))
    assert scored["rel_per_type"]["ADVISE"]["r"] == pytest.approx(figures["figures"]["ADVISE"]["r"])
    assert kept(nlp, "threshold")["purpose"] == "best F"
    assert spacy.load(folder, config={f"components.{NAME}.threshold": 0.9}).get_pipe(NAME).threshold == 0.9


def test_per_label(folder, docs):
    before = choose_threshold(folder, docs).figures["micro"]["f"]
    choice = choose_threshold(folder, docs, per_label=True)
    assert choice.figures["micro"]["f"] >= before
    pipe = spacy.load(folder).get_pipe(NAME)
    assert pipe.label_thresholds == choice.label_thresholds
    assert set(choice.label_thresholds) == {"ADVISE", "MECHANISM"}
    # One for all of them goes before those of labels.
    assert choose_threshold(folder, docs).label_thresholds == {}
    assert spacy.load(folder).get_pipe(NAME).label_thresholds == {}


def test_one_label(model, docs):
    nlp = spacy.load(model)
    choice = choose_threshold(nlp, docs, per_label=True, labels=["ADVISE"], cost_ratio=3)
    assert (set(choice.label_thresholds), choice.threshold) == ({"ADVISE"}, 0.5)
    assert choice.purpose == "cost ratio 3"


def test_a_label_that_is_annotated_nowhere_keeps_its_threshold(model, docs, caplog):
    caplog.set_level(logging.WARNING)
    docs = [doc for doc in docs if all(relation.label == "ADVISE" for relation in doc._.relations)]
    choice = choose_threshold(spacy.load(model), docs, per_label=True)
    assert set(choice.label_thresholds) == {"ADVISE"}
    assert "MECHANISM: annotated nowhere in this data; the threshold stays as it is" in caplog.text


def test_a_target(folder, data):
    result = relext("threshold", folder, data, "--target-precision", 0.6, "--confidence", 0.8)
    assert result.exit_code == 0, result.output
    assert "P at least" in result.output
    found = kept(spacy.load(folder), "threshold")
    assert found["purpose"] == "precision 0.6 with confidence 0.8"
    assert 0.6 <= found["bounds"]["micro"] < found["figures"]["micro"]["p"]


def test_a_target_of_each_label(model, docs):
    choice = choose_threshold(spacy.load(model), docs, target_precision=0.1, per_label=True)
    alone = choose_threshold(spacy.load(model), docs, target_precision=0.1, per_label=True, labels=["ADVISE"])
    assert set(choice.bounds) == set(choice.label_thresholds) == {"ADVISE", "MECHANISM"}
    assert 0.1 <= choice.bounds["ADVISE"] < alone.bounds["ADVISE"] < choice.figures["ADVISE"]["p"]


def test_a_target_that_cannot_be_had(folder, data):
    before = (folder / NAME / "cfg").read_bytes()
    result = relext("threshold", folder, data, "--target-precision", 0.999)
    assert result.exit_code == 1
    output = " ".join(result.output.split())
    assert "all labels: no threshold has precision 0.999 with confidence 90 % on 60 documents (" in output
    assert "the best that can be had is 0." in output
    assert "a better model helps more than documents" in output or "more would be needed" in output
    result = relext("threshold", folder, data, "--target-precision", 0.999, "--per-label")
    said = " ".join(result.output.split())
    assert "the target cannot be had for 2 of 2 labels. All have to hold at once, so each needs a confidence of 95 %:" in said
    assert "- ADVISE: no threshold has precision 0.999 with confidence 95 % on" in said
    # Each on a line of its own.
    starts = [line.partition(" no ")[0] for line in result.output.splitlines() if line.startswith("- ")]
    assert starts == ["- ADVISE:", "- MECHANISM:"]
    assert (folder / NAME / "cfg").read_bytes() == before


def test_five_documents(model, docs):
    with pytest.raises(RelextError, match="on 5 documents"):
        choose_threshold(spacy.load(model), docs[:5], target_precision=0.9)


def test_review_share(model, docs, caplog):
    nlp = spacy.load(model)
    choice = choose_threshold(nlp, docs, cost_ratio=30, review_share=0.4)
    pipe = nlp.get_pipe(NAME)
    assert (pipe.threshold, pipe.uncertain_below) == (choice.threshold, choice.uncertain_below)
    assert choice.threshold < choice.uncertain_below
    assert 0 < choice.review["share"] <= 0.4
    assert choice.review["r"] >= choice.figures["micro"]["r"]
    found = [relation.status for doc in nlp.pipe(doc.text for doc in docs) for relation in doc._.relations]
    assert found.count("uncertain") / len(found) == pytest.approx(choice.review["share"], abs=0.15)
    limit = choice.uncertain_below
    caplog.set_level(logging.WARNING)
    assert choose_threshold(nlp, docs, per_label=True, labels=["ADVISE"]).uncertain_below is None
    assert f"uncertain_below was {limit:g} and is taken away" in caplog.text
    caplog.clear()
    assert choose_threshold(nlp, docs).uncertain_below is None
    assert not caplog.text


def test_a_share_that_is_none_changes_nothing(model, docs):
    nlp = load_pipeline(str(model))
    pipe = nlp.get_pipe(NAME)
    pipe.threshold, pipe.label_thresholds, pipe.uncertain_below = 0.3, {"ADVISE": 0.4}, 0.35
    with pytest.raises(RelextError, match="is less than one relation below the threshold"):
        choose_threshold(nlp, docs, review_share=0.0001)
    assert (pipe.threshold, dict(pipe.label_thresholds), pipe.uncertain_below) == (0.3, {"ADVISE": 0.4}, 0.35)


def test_what_was_uncertain_is_not_asserted_where_another_label_is_chosen(model, docs, caplog):
    nlp = load_pipeline(str(model))
    pipe = nlp.get_pipe(NAME)
    pipe.threshold, pipe.label_thresholds, pipe.uncertain_below = 0.3, {}, 0.6
    with caplog.at_level(logging.WARNING):
        choice = choose_threshold(nlp, docs, per_label=True, labels=["ADVISE"])
    assert choice.label_thresholds.keys() == {"ADVISE", "MECHANISM"}
    assert choice.label_thresholds["MECHANISM"] == 0.6
    assert choice.uncertain_below is None
    assert "uncertain_below was 0.6 and is taken away" in caplog.text


def test_predicted_mentions(model, docs):
    nlp = spacy.load(model)
    choice = choose_threshold(nlp, docs, predicted_mentions=True)
    assert choice.mentions == "predicted"
    assert evaluate(nlp, docs).predicted_mentions["rel_micro_f"] == pytest.approx(choice.figures["micro"]["f"])
    nlp.remove_pipe("entity_ruler")
    with pytest.raises(RelextError, match="finds no mentions by itself"):
        choose_threshold(nlp, docs, predicted_mentions=True)


def test_documents_that_were_used_are_refused(model, docs, data):
    nlp = load_pipeline(str(model))
    references = [to_doc(document(*sentence), nlp) for sentence in SENTENCES]
    with pytest.raises(RelextError, match=r"was trained on 3 of 3 documents.*docs\[::2\]"):
        choose_threshold(nlp, references)
    pipe = nlp.get_pipe(NAME)
    pipe.calibration = {
        "method": "temperature",
        "labels": {},
        "pooled": {"method": "temperature", "temperature": 2.0},
        "documents": extended(new_record(), [doc.text for doc in docs[:30]]),
    }
    # Only a guarantee needs documents of its own.
    choose_threshold(nlp, docs)
    with pytest.raises(RelextError, match="was calibrated on 30 of 60 documents"):
        choose_threshold(nlp, docs, target_precision=0.5)


def test_calibrated_scores(model, docs):
    nlp = spacy.load(model)
    raw = choose_threshold(nlp, docs)
    pipe = nlp.get_pipe(NAME)
    pipe.calibration = {"method": "temperature", "labels": {}, "pooled": {"method": "temperature", "temperature": 2.0}}
    calibrated = choose_threshold(nlp, docs)
    assert calibrated.figures["micro"] == raw.figures["micro"]
    assert evaluate(nlp, docs).gold_mentions["rel_micro_f"] == pytest.approx(raw.figures["micro"]["f"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cost_ratio": 1, "target_precision": 0.9}, "exclude each other"),
        ({"cost_ratio": 0}, "`cost_ratio` is 0"),
        ({"target_precision": 1.0}, "`target_precision` is 1.0"),
        ({"target_precision": 0.9, "confidence": 1}, "`confidence` is 1"),
        ({"review_share": 1.2}, "`review_share` is 1.2"),
        ({"review_share": 0.1, "per_label": True}, "`review_share` and `per_label` exclude each other"),
        ({"labels": ["ADVISE"]}, "needs `per_label`: it names the labels"),
        ({"labels": ["ADVICE"], "per_label": True}, "has no labels ADVICE; it has ADVISE, MECHANISM"),
    ],
)
def test_what_cannot_be_meant(model, docs, settings, message):
    with pytest.raises(RelextError, match=message):
        choose_threshold(spacy.load(model), docs, **settings)


def test_options_that_cannot_be_meant(folder, data):
    for options, message in [
        (("--best-f", "--cost-ratio", 3), "--best-f and --cost-ratio exclude each other"),
        (("--confidence", 0.8), "give --target-precision"),
        (("--label", "ADVISE"), "--label needs --per-label"),
    ]:
        result = relext("threshold", folder, data, *options)
        assert (result.exit_code, message in result.output) == (1, True), result.output
    assert "is none" in relext("threshold", "no_such_model", data).output


def test_documents_without_annotation(model, docs):
    for doc in docs:
        doc._.relations = []
    with pytest.raises(RelextError, match="no annotated relation of the labels"):
        choose_threshold(spacy.load(model), docs)
