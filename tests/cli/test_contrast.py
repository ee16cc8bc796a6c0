"""`relext contrast`."""

import json
import shutil

import pytest
import spacy

from spacy_relext.findings import kept
from tests.cli.toy import relext
from tests.contrasts.writing import pair, write

GUIDELINE = {"labels": {"MECHANISM": ["MECHANISM"]}, "types": {"CHEMICAL": ["DRUG"]}}


@pytest.fixture
def files(tmp_path):
    guideline = tmp_path / "toy.json"
    guideline.write_text(json.dumps(GUIDELINE), encoding="utf8")
    wrong = pair("g3", "list", "unmade", half="held-out")
    wrong[1]["meta"]["contrast"]["expected"] = ["MECHANISM"]
    path = write(tmp_path / "set.jsonl", *pair("g1", "co-occurring"), *pair("g2", "list", "made"), *wrong)
    return path, "--guideline", guideline


def test_the_table(model, files):
    result = relext("contrast", model, *files)
    assert result.exit_code == 0, result.output
    assert "3 minimal pairs, 6 sentences of" in result.output
    assert "0.0 (0.0–97.5) % of 1 pair that merely occur together are found related." in result.output.replace("\n", " ")
    rows = {line.split("  ")[0]: line.split() for line in result.output.splitlines()}
    assert rows["co-occurring"][1:] == ["1", "100.0", "(2.5–100.0)", "1", "0.0", "(0.0–97.5)", "1", "0.0", "(0.0–97.5)"]
    assert rows["all"][1:3] == ["3", "66.7"]
    assert rows["half: held-out"][2:4] == ["1", "0.0"]
    assert "Ketamine" not in result.output


def test_what_is_left_out_is_said_by_label(model, files, tmp_path):
    """An own set, of which the pipeline does not know all labels."""
    unknown = [*pair("g4", "list", "other"), *pair("g5", "list", "another")]
    for entry in unknown:
        entry["meta"]["contrast"]["expected"] = ["RAISES"]
    path = write(tmp_path / "own.jsonl", *pair("g1", "co-occurring"), *unknown)
    result = relext("contrast", model, path, *files[1:])
    assert result.exit_code == 0, result.output
    assert "Not asked, and in no figure: 2 minimal pairs, 4 sentences" in " ".join(result.output.split())
    [row] = [line.split() for line in result.output.splitlines() if line.startswith("unknown label RAISES")]
    assert row == ["unknown", "label", "RAISES", "2", "4"]


def test_errors_are_shown_and_those_held_out_only_where_asked_for(model, files):
    result = relext("contrast", model, *files, "--errors")
    assert "None of the half 'open'." in result.output
    assert "1 sentence of the half 'held-out' that fails not shown." in result.output
    assert "Ketamine" not in result.output
    result = relext("contrast", model, *files, "--errors", "--show-held-out")
    assert "g3-b (list): missed" in result.output
    assert "[Ketamine](head) did not alter [warfarin](tail)." in result.output


def test_figures_are_written(model, files, tmp_path):
    result = relext("contrast", model, *files, "--half", "held-out", "--output", tmp_path / "figures.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf8"))
    assert list(figures["phenomena"]) == ["list"]
    [failure] = figures["failures"]
    assert (failure["id"], failure["failure"], failure["expected"], failure["found"]) == ("g3-b", "missed", ["MECHANISM"], [])
    assert "text" not in failure


def test_figures_are_kept_with_the_pipeline(model, files, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    result = relext("contrast", folder, *files, "--store")
    assert result.exit_code == 0, result.output
    assert kept(spacy.load(folder), "contrast")["all"]["consistent"]["n"] == 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--store", "--threshold", "0.3"], "--store keeps what the pipeline does at its own threshold"),
        (["--show-held-out"], "Add --errors"),
        (["--half", "hidden"], "--half is 'hidden'; expected 'open' or 'held-out'"),
    ],
)
def test_what_does_not_fit_together(model, files, more, message):
    result = relext("contrast", model, *files, *more)
    assert result.exit_code == 1
    assert message in result.output.replace("\n", " ")


def test_figures_are_kept_in_a_folder_alone(files):
    result = relext("contrast", "en_no_such", *files, "--store")
    assert "--store keeps the figures in the model's folder, and 'en_no_such' is none." in result.output.replace("\n", " ")


def test_a_pipeline_of_other_labels(model, files):
    result = relext("contrast", model, files[0], "--guideline", "ddi")
    assert result.exit_code == 1
    assert "no group whose labels and types are those of the pipeline, by the guideline ddi" in result.output.replace("\n", " ")
