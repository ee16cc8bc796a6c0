"""`relext explain`, run in process."""

import json
import re
import shutil
import sys

import pytest
import spacy

from spacy_relext.findings import kept
from tests.cli.toy import relext
from tests.explaining.test_faithfulness import annotated  # noqa: F401 - a fixture

TEXT = "Aspirin increases warfarin levels."


def test_a_text(model, tmp_path):
    page, data = tmp_path / "page.html", tmp_path / "explanations.json"
    result = relext("explain", model, TEXT, "--output", page)
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "Aspirin --MECHANISM--> warfarin" in result.output
    for method in ("attention", "occlusion", "phrases"):
        assert re.search(rf"{method}: [^:]*\(not measured\)", said)
    assert re.search(r"^Aspirin +head +\+0\.\d+ +\+{12}", result.output, re.MULTILINE)
    assert "integrated_gradients: left out. this encoder has no word pieces" in said
    assert "relext explain MODEL DATA does" in said
    html = page.read_text(encoding="utf8")
    assert html.count("<figure") == 3
    assert "occlusion: by how much the score falls without the word" in html
    result = relext("explain", model, TEXT, "--method", "occlusion", "--removal", "mask", "--top", 1, "--output", data)
    assert result.exit_code == 0, result.output
    [explanation] = json.loads(data.read_text())["explanations"]
    assert (explanation["method"], explanation["label"]) == ("occlusion", "MECHANISM")
    assert [word["text"] for word in explanation["words"]] == ["increases", "levels", "."]
    assert "And 2 words with less weight" in result.output


def test_a_pair_that_is_not_related_is_said_to_be_none(model, tmp_path):
    page = tmp_path / "why.html"
    pair = ("--pair", "ketamine", "warfarin", "--method", "occlusion", "--output", page)
    result = relext("explain", model, "Ketamine did not alter warfarin.", *pair)
    assert "This relation is not written" in result.output
    assert "Not written by the pipeline: Ketamine " in page.read_text(encoding="utf8")
    result = relext("explain", model, TEXT, "--method", "occlusion", "--output", page)
    assert "not written" not in result.output
    assert "Not written" not in page.read_text(encoding="utf8")


def test_scores_of_a_calibrated_pipeline_are_said_to_be_raw(model, tmp_path):
    nlp = spacy.load(model)
    nlp.get_pipe("relation_extractor").calibration = {"labels": {}, "pooled": {"method": "sigmoid", "slope": 0.5, "intercept": 0.1}}
    nlp.to_disk(tmp_path / "calibrated")
    for folder, is_said in ((model, False), (tmp_path / "calibrated", True)):
        result = relext("explain", folder, TEXT, "--method", "occlusion")
        assert result.exit_code == 0, result.output
        assert ("Scores here are raw ones, before calibration" in " ".join(result.output.split())) == is_said


def test_a_long_text_with_many_relations_takes_bounded_time(model, monkeypatch):
    monkeypatch.setattr(sys.modules["spacy_relext.cli.explain"], "BUDGET", 0)
    text = "Aspirin increases warfarin levels. Rifampicin increases digoxin levels."
    result = relext("explain", model, text, "--method", "attention")
    assert result.exit_code == 0, result.output
    assert "the first 1 of 2 relations are explained" in " ".join(result.output.split())
    assert "Rifampicin" not in result.output


def test_a_pair(model):
    result = relext("explain", model, "Ketamine did not alter warfarin.", "--method", "occlusion")
    assert result.exit_code == 0
    assert "No relation is found. Mentions: Ketamine, warfarin. To see why not, name a pair" in result.output
    result = relext("explain", model, "Ketamine did not alter warfarin.", "--pair", "ketamine", "warfarin", "--label", "ADVISE")
    assert result.exit_code == 0, result.output
    assert "Ketamine --ADVISE--> warfarin, 0." in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Ketamine did not alter warfarin.", "--pair", "Ketamine", "aspirin"], "'aspirin' is no mention of the text"),
        (
            ["Nothing is said here.", "--pair", "a", "b"],
            "a relation needs two mentions, and the pipeline finds these in the text: none. Give a text",
        ),
        (["Avoid ketamine. Take warfarin.", "--pair", "ketamine", "warfarin"], "no candidate pair"),
        ([TEXT, "--pair", "warfarin", "Warfarin"], "'Warfarin' is the head, and no other mention has this text"),
        ([TEXT, "--method", "lime"], "there is no method 'lime'"),
        ([TEXT, "--removal", "blank"], "--removal is 'blank'"),
        ([TEXT, "--output", "page.pdf"], "expected a name that ends in .html or .json"),
        ([TEXT, "--pair", "Aspirin", "warfarin", "--label", "CAUSES"], "has no label 'CAUSES'"),
        (["nowhere.spacy"], "nowhere.spacy"),
    ],
)
def test_what_is_refused(model, arguments, message):
    result = relext("explain", model, *arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


def test_a_pair_of_two_mentions_of_one_name(model):
    for text in ("Aspirin increases aspirin levels.", "Take aspirin, aspirin."):
        result = relext("explain", model, text, "--pair", "aspirin", "aspirin", "--method", "occlusion")
        assert result.exit_code == 0, result.output


def test_a_file_of_texts_is_refused(model, tmp_path):
    (tmp_path / "texts.txt").write_text(TEXT)
    result = relext("explain", model, tmp_path / "texts.txt")
    assert result.exit_code == 1
    assert "expected a text, or annotated Docs" in " ".join(result.output.split())
    # Longer than the name of a file may be.
    assert relext("explain", model, TEXT + " Nothing is said here." * 60, "--method", "attention").exit_code == 0


def test_data(model, annotated, tmp_path):  # noqa: F811 - a fixture
    folder, output = tmp_path / "model", tmp_path / "figures.json"
    shutil.copytree(model, folder)
    result = relext("explain", folder, annotated, "--random-orders", 1, "--output", output)
    assert result.exit_code == 0, result.output
    assert re.search(r"^deleted +occlusion +0\.\d{3} \(", result.output, re.MULTILINE)
    assert re.search(r"^masked +random +", result.output, re.MULTILINE)
    assert re.search(
        r"occlusion: of too few documents to be told from chance: \d\d?\.\d times random with words deleted, ",
        " ".join(result.output.split()),
    )
    assert "integrated_gradients: left out." in result.output
    figures = json.loads(output.read_text())
    assert (figures["data"], list(figures["sha256"])) == (str(annotated), [str(annotated)])
    nlp = spacy.load(folder)
    assert kept(nlp, "explanations")["relations"] == 5
    # It is said from now on.
    result = relext("explain", folder, TEXT, "--method", "occlusion")
    said = " ".join(result.output.split())
    assert re.search(
        r"occlusion: by how much the score falls without the word \(of too few documents .*: \d\d?\.\d times random with words deleted",
        said,
    )
    assert "Nobody has measured" not in result.output
    assert "relext explain MODEL DATA" not in result.output
