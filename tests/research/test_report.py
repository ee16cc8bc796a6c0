"""The report of small invented runs, through the command."""

import json
import re
from pathlib import Path

import pytest

from research.grid import read_grid
from research.published import BASELINE_ENCODING, BASELINES, CORPORA, COUNTERPARTS, PUBLISHED
from research.report import BEGIN, END
from spacy_relext.experiments.runs import join, write_run
from tests.experiments.toy import make_run
from tests.research.toy import research

GRIDS = Path(__file__).parents[2] / "configs"
# F of the seeds: 4/5 and 1/2; P 1 and 1/2, R 2/3 and 1/2.
ATTENTION = [((2, 0, 0), (0, 0, 1)), ((1, 0, 1), (0, 1, 0))]
# 1/2 and 1/2.
RAW = [((1, 1, 0), (0, 0, 1)), ((1, 1, 0), (0, 0, 1))]


def write(folder, *runs):
    for i, run in enumerate(runs):
        write_run(run, folder / "runs" / f"{i}.json")
    return folder / "runs"


def section_of(folder, *runs):
    result = research("report", write(folder, *runs), "--output", folder / "results.md")
    assert result.exit_code == 0, result.output
    return (folder / "results.md").read_text(encoding="utf8")


def rows_under(text, heading, table=0):
    """The cells of the lines of a table under a heading."""
    tables = re.split(r"\n\n(?:[^|\n].*\n\n)*", text.split(f"### {heading}\n")[1].split("###")[0].strip())
    tables = [part for part in tables if part.startswith("|")]
    return [[cell.strip() for cell in line.strip("|\n").split("|")] for line in tables[table].splitlines()[2:] if line.startswith("|")]


def two_seeds():
    return [
        *(make_run(seed=seed, counts=counts, development=0.6 + seed / 10, seconds=60 + 60 * seed) for seed, counts in enumerate(ATTENTION)),
        *(make_run({"summary": "CLS raw"}, seed=seed, counts=counts) for seed, counts in enumerate(RAW)),
    ]


def test_figures_are_means_and_deviations_over_seeds(tmp_path):
    rows = rows_under(section_of(tmp_path, *two_seeds()), "DDI 2013, encoder tiny")
    by_name = {(row[0], row[1]): row[2:] for row in rows}
    # The deviation of two numbers a and b is |a - b| / √2.
    expected = ["2", "75.0 ± 35.4", "58.3 ± 11.8", "65.0 ± 21.2", "65.0 ± 7.1", "1.5 min"]
    assert by_name["per-pair", "`attention`"] == expected
    assert by_name["per-pair", "`CLS raw`"] == ["2", "50.0 ± 0.0", "50.0 ± 0.0", "50.0 ± 0.0", "50.0 ± 0.0", "1.0 min"]


def test_all_that_is_planned_has_a_row(tmp_path):
    grid = GRIDS / "minilm.yml"
    planned = [run.labels for run in read_grid(grid)]
    encoder = planned[0]["encoder"]
    result = research("report", write(tmp_path, make_run({"encoder": encoder})), "--grid", grid, "--output", tmp_path / "results.md")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "results.md").read_text(encoding="utf8")
    for corpus, title in CORPORA.items():
        rows = rows_under(text, f"{title}, encoder {encoder}")
        expected = dict.fromkeys((labels["encoding"], labels["summary"]) for labels in planned if labels["corpus"] == corpus)
        assert [(row[0], row[1].strip("`")) for row in rows] == list(expected)
        assert [row[:2] for row in rows if row[2]] == ([["per-pair", "`attention`"]] if corpus == "ddi" else [])
    # One seed has no deviation.
    row = ["per-pair", "`attention`", "1", "100.0", "100.0", "100.0", "50.0", "1.0 min"]
    assert row in rows_under(text, f"DDI 2013, encoder {encoder}")


@pytest.mark.parametrize("name", ["minilm.yml", "paper.yml"])
def test_grids_have_what_is_compared_with_what_was_published(name):
    summaries = {run.labels["summary"] for run in read_grid(GRIDS / name) if run.labels["encoding"] == BASELINE_ENCODING}
    assert {*BASELINES, *COUNTERPARTS.values()} <= summaries
    assert {run.labels["corpus"] for run in read_grid(GRIDS / name)} == CORPORA.keys()


def test_comparison_with_the_baseline(tmp_path):
    text = section_of(tmp_path, *two_seeds(), make_run({"summary": "lstm"}, seed=7), make_run({"summary": "own"}, seed=1, counts=RAW[1]))
    rows = {row[0]: row[1:] for row in rows_under(text, "DDI 2013, encoder tiny", table=1)}
    assert "`CLS raw`" not in rows
    # Documents (d0, d0), (d0, d1) twice, (d1, d1). F of attention: (1 + 2/3) / 2, (4/5 + 1/2) / 2, 0; of cls raw 2/3, 1/2, 0.
    # The differences 1/6, 0.15 and 0 have 0 as their smallest, in a quarter of the draws.
    assert rows["`attention`"][:3] == ["0, 1", "+15.0", "+0.0 to +16.7"]
    assert float(rows["`attention`"][3]) == pytest.approx(0.5, abs=0.03)
    assert rows["`lstm`"] == ["", "", "", ""]
    # No difference at all.
    assert rows["`own`"] == ["1", "+0.0", "+0.0 to +0.0", "1.000"]


def test_comparison_with_the_baseline_of_the_paper(tmp_path):
    text = section_of(tmp_path, *two_seeds(), make_run({"summary": "cls pooled"}, seed=1, counts=RAW[1]))
    assert "difference of F to `cls pooled`" in text
    rows = {row[0]: row[1:] for row in rows_under(text, "DDI 2013, encoder tiny", table=2)}
    assert rows.keys() == {"`attention`", "`CLS raw`"}
    assert rows["`attention`"][0] == "1"
    assert rows["`CLS raw`"] == ["1", "+0.0", "+0.0 to +0.0", "1.000"]


def test_comparison_of_single_pass_with_per_pair_encoding(tmp_path):
    runs = [
        make_run({"encoding": "single-pass, blinded", "summary": name}, seed=seed, counts=RAW[1])
        for name, seed in (("own", 1), ("other", 7))
    ]
    text = section_of(tmp_path, *two_seeds(), *runs)
    assert "| encoding | summary | seeds of both | difference of F to per-pair, `attention` | 95 % interval | p |" in text
    rows = {(row[0], row[1]): row[2:] for row in rows_under(text, "DDI 2013, encoder tiny", table=2)}
    # Attention of seed 1 has F 1/2, "own" what `cls raw` has: 1/2 too, but other documents right.
    assert rows["single-pass, blinded", "`own`"][:2] == ["1", "+0.0"]
    assert rows["single-pass, blinded", "`other`"] == ["", "", "", ""]
    # And in the encoding itself nothing of other encodings is compared.
    assert [row[0] for row in rows_under(text, "DDI 2013, encoder tiny", table=1)] == ["`attention`"]


def test_published_figures_stand_beside_ours(tmp_path):
    rows = rows_under(section_of(tmp_path, *two_seeds()), "DDI 2013, published figures beside ours")
    assert ["SLL_Att", "published", "PubMedBERT", "", "84.3", "82.7", "83.5"] in rows
    assert ["SLL_Att", "ours, `attention`", "tiny", "2", "75.0 ± 35.4", "58.3 ± 11.8", "65.0 ± 21.2"] in rows
    assert ["CLS", "ours, `cls pooled`", "tiny", "", "", "", ""] in rows
    assert ["best", "published", "with sub-domain pre-training", "", "", "", "84.0"] in rows
    assert PUBLISHED.keys() == CORPORA.keys()


def test_what_nobody_planned_is_reported_too(tmp_path):
    runs = [make_run({"corpus": "mine"}), make_run({"encoder": "other", "encoding": "upside_down"}), make_run({"summary": "Attention"})]
    text = section_of(tmp_path, *runs)
    assert rows_under(text, "mine, encoder tiny") == [["per-pair", "`attention`", "1", "100.0", "100.0", "100.0", "50.0", "1.0 min"]]
    assert rows_under(text, "DDI 2013, encoder other")[-1][:3] == ["upside_down", "`attention`", "1"]
    assert rows_under(text, "DDI 2013, encoder tiny")[0][1:3] == ["`Attention`", "1"]


def test_circumstances(tmp_path):
    runs = [
        make_run(),
        make_run(seed=1),
        make_run(seed=2, seconds=30, versions={"python": "3.12", "spacy": "3.8", "commit": "0123456789abcdef"}, device="a quill"),
    ]
    text = section_of(tmp_path, *runs)
    told = "Trained on an abacus (torch threads: 1); a quill (torch threads: 1), with commit 0123456789 / ?, python 3.11 / 3.12, spacy 3.8."
    assert told in text
    assert rows_under(text, "DDI 2013, encoder tiny")[0][-1] == "1.0 min, 0.5 min (a quill)"
    (tmp_path / "changed").mkdir()
    text = section_of(tmp_path / "changed", make_run(versions={"commit": "0123456789abcdef+", "torch": "2.13.0+cu126"}))
    assert "with commit 0123456789+, torch 2.13.0+cu126." in text


def test_what_folds_were_trained_on_is_named_once_each(tmp_path):
    """A cross-validation that went on elsewhere has several devices and versions in one aggregate."""
    versions = {"python": join(["3.11", "3.12", "3.11"]), "spacy": "3.8"}
    elsewhere = make_run(device=join(["an abacus", "a quill", "a quill"]), versions=versions)
    text = section_of(tmp_path, elsewhere, make_run(seed=1))
    assert "Trained on an abacus (torch threads: 1); a quill (torch threads: 1), with python 3.11 / 3.12, spacy 3.8." in text


def test_rest_of_the_file_stays_and_the_section_is_replaced(tmp_path):
    results = tmp_path / "results.md"
    results.write_bytes(b"# Ours\r\n\r\nBefore.\n")
    section = section_of(tmp_path, make_run())
    assert section_of(tmp_path, make_run()) == section
    assert results.read_bytes().startswith(b"# Ours\r\n\r\nBefore.\n\n" + BEGIN.encode())
    with results.open("ab") as file:
        file.write(b"\nAfter.\r\n")
    changed = section_of(tmp_path, make_run(counts=((1, 1, 0),)))
    assert results.read_bytes().startswith(b"# Ours\r\n\r\nBefore.\n\n" + BEGIN.encode())
    assert results.read_bytes().endswith(END.encode() + b"\n\nAfter.\r\n")
    assert changed.count(BEGIN) == changed.count(END) == 1
    assert changed.split(END)[0] != section.split(END)[0]


def assert_fails(folder, message, *runs, output="results.md"):
    write(folder, *runs)
    result = research("report", folder / "runs", "--output", folder / output)
    assert result.exit_code == 1
    assert re.search(message, " ".join(result.stderr.split())), result.stderr


def test_runs_that_do_not_fit_together(tmp_path):
    assert_fails(tmp_path, r"1\.json: the same .* seed as .*0\.json", make_run(), make_run())
    other = {"system": {}, "paths": {}, "training": {"seed": 1, "dropout": 0.2}}
    assert_fails(tmp_path, r"1\.json: the same labels as .*0\.json, but other settings", make_run(), make_run(seed=1, config=other))
    assert_fails(tmp_path, "but other settings or data", make_run(), make_run(seed=1, data={"test": {"test.spacy": "d"}}))
    raw = make_run({"summary": "cls raw"}, counts=((1, 0, 0), (1, 0, 0)))
    assert_fails(tmp_path, r"0\.json: its test documents are not those of .*1\.json", make_run(), raw)
    assert not (tmp_path / "results.md").exists()


def test_broken_files(tmp_path):
    assert_fails(tmp_path, r"0\.json: the run has no label 'encoding'", make_run({"encoding": ""}))
    path = write(tmp_path, make_run()) / "0.json"
    whole = path.read_text(encoding="utf8")
    path.write_text(whole[:-20], encoding="utf8")
    assert_fails(tmp_path, r"0\.json: this is no run that can be read")
    path.write_text(json.dumps({"labels": {}}), encoding="utf8")
    assert_fails(tmp_path, r"0\.json: this is no complete run: missing \['checkpoint'")
    path.write_text(whole.replace('"rel_micro_f"', '"f"'), encoding="utf8")
    assert_fails(tmp_path, r"0\.json: the figures of this run")
    path.write_text(whole, encoding="utf8")
    (tmp_path / "half.md").write_text(f"{BEGIN}\n", encoding="utf8")
    assert_fails(tmp_path, r"half\.md: expected the line", output="half.md")
    result = research("report", tmp_path / "none", "--output", tmp_path / "results.md")
    assert "none: there is no such folder" in " ".join(result.stderr.split())


def test_folds_count_once_and_work_folders_not_at_all(tmp_path):
    folder = write(tmp_path, make_run())
    write_run(make_run(fold=0, seed=0), folder / "cv" / "fold-0.json")
    (folder / "1.work").mkdir()
    (folder / "1.work" / "meta.json").write_text("{}", encoding="utf8")
    result = research("report", folder, "--output", tmp_path / "results.md")
    assert result.exit_code == 0, result.output
    assert "cv: a cross-validation that is not finished" in " ".join(result.output.split())
    write_run(make_run({"corpus": "aimed"}, counts=((1, 0, 0), (0, 1, 1)), folds=[0, 1]), folder / "cv" / "crossval.json")
    result = research("report", folder, "--output", tmp_path / "results.md")
    assert "not finished" not in result.output
    assert rows_under((tmp_path / "results.md").read_text(encoding="utf8"), "AIMed, encoder tiny")[0][2] == "1"
