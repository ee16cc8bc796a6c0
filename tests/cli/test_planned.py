"""`relext extract --plan`, --worker, --shard and --status, run in process."""

import json

import pytest

from spacy_relext.batch import beginning
from tests.cli.toy import relext
from tests.extraction.toy import write_input


@pytest.fixture(autouse=True)
def short_beats(monkeypatch):
    monkeypatch.setattr(beginning, "BEAT", 0.02)


@pytest.fixture
def source(tmp_path):
    return write_input(tmp_path / "in.jsonl", 15)


def run(*args, fails=False):
    result = relext("extract", *args)
    assert result.exit_code == int(fails), result.output
    assert "Traceback" not in result.output
    return " ".join((result.stderr + result.stdout).split())


def test_from_plan_to_output(model, source, tmp_path):
    output = ("--output", tmp_path / "out.jsonl")
    assert "there is no plan. Name the pipeline and the inputs" in run("--worker", *output, fails=True)
    assert "out.jsonl: not begun" in run("--status", *output)
    told = run(model, source, "--plan", *output, "--shard-size", 4, "--threshold", 0.6)
    assert "4 shards with 15 documents in" in told
    assert "--worker --output" in told
    assert "4 shards" in run(model, source, "--plan", *output, "--shard-size", 4, "--threshold", 0.6)
    assert "shards 0 of 4 (0%) documents 0 of 15 workers none" in run("--status", *output)
    # Of a whole command all is compared, otherwise what is given.
    assert "threshold: 0.6 planned, nothing here" in run(model, source, "--worker", *output, "--shard-size", 4, fails=True)
    assert "record: 500000000 planned, 7000000 here" in run("--worker", *output, "--max-record", 7, fails=True)
    assert "3 shards have no result" in run("--worker", *output, "--threshold", 0.6, fails=True)
    assert "(failed)" in run("--status", *output)
    assert "This share is finished. Others are not" in run("--shard", "1/2", *output, "--skip-errors")
    told = run("--worker", *output, "--skip-errors")
    assert "in 12 documents in" in told
    assert "3 documents or files had errors and were skipped" in told
    assert json.loads((tmp_path / "out.jsonl.manifest.json").read_text())["settings"]["threshold"] == 0.6
    whole = (tmp_path / "out.jsonl").read_bytes()
    assert "Finished already" in run("--worker", *output, "--skip-errors")
    told = run("--worker", *output, "--threshold", 0.7, fails=True)
    assert "threshold: 0.6 planned, 0.7 here" in told
    assert "make it anew with --plan --overwrite" in told
    assert "out.jsonl: finished" in run("--status", *output)
    run(model, source, "--plan", *output, "--shard-size", 4, "--threshold", 0.6, "--overwrite")
    run("--worker", *output, "--skip-errors", "-n", 2)
    assert (tmp_path / "out.jsonl").read_bytes() == whole


def test_one_command_plans_and_runs_and_makes_the_output(model, source, tmp_path):
    assert "in 12 documents" in run(model, source, "--worker", "--output", tmp_path / "out.csv", "--skip-errors")
    assert (tmp_path / "out.csv").read_text(encoding="utf8").count("MECHANISM")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--plan", "--worker", "-o", "out.jsonl"), "--plan and --worker: one at a time"),
        (("--worker",), "--worker needs --output"),
        (("--shard", "5/4", "-o", "out.jsonl"), "--shard 5/4: expected which of how many"),
        (("--shard", "0/4", "-o", "out.jsonl"), "--shard 0/4: expected which of how many"),
        (("--shard", "1/4", "-n", "2", "-o", "out.jsonl"), "--n-process: --shard is one process"),
        (("--worker", "--table", "-o", "out.jsonl"), "--table prints what one process reads"),
        (("--worker", "-o", "/dev/null"), "a plan is for files and folders"),
    ],
)
def test_what_does_not_go_together_is_refused(model, source, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    assert message in run(model, source, *options, fails=True)


def test_standard_input_cannot_be_planned(model, tmp_path):
    assert "standard input cannot be planned" in run(model, "-", "--plan", "-o", tmp_path / "out.jsonl", fails=True)


def test_a_folder_that_is_not_a_plan_is_left_alone(model, source, tmp_path):
    work = tmp_path / "out.jsonl.work"
    work.mkdir()
    (work / "mine.txt").write_text("mine", encoding="utf8")
    assert "it holds 'mine.txt'. Move it away" in run(model, source, "--worker", "-o", tmp_path / "out.jsonl", fails=True)
    assert (work / "mine.txt").read_text(encoding="utf8") == "mine"


def test_a_plan_is_no_unfinished_run_of_the_plain_command(model, source, tmp_path):
    run(model, source, "--plan", "-o", tmp_path / "out.jsonl")
    assert "a run with a plan is kept there. Finish it with --worker, or delete it" in run(
        model, source, "-o", tmp_path / "out.jsonl", fails=True
    )


def test_a_finished_output_that_was_changed_is_not_called_finished(model, source, tmp_path):
    folder, output = tmp_path / "out", ("--output", tmp_path / "out", "--documents-per-file", 5)
    run(model, source, "--worker", *output, "--skip-errors")
    assert "Finished already: " in (told := run("--worker", *output))
    assert "Delete it to make it anew" in told
    (folder / "part-00001.jsonl").unlink()
    for mode in ("--worker", "--status"):
        assert "out/part-00001.jsonl has been changed, added or deleted since" in run(mode, *output, fails=True)


def test_the_manifest_of_an_output_that_is_replaced_is_replaced(model, source, tmp_path):
    output = tmp_path / "out.jsonl"
    run(model, source, "--worker", "-o", output, "--skip-errors")
    run(model, source, "-o", output, "--skip-errors", "--overwrite", "--threshold", 0.7, "-n", 1)
    said = json.loads((tmp_path / "out.jsonl.manifest.json").read_bytes())
    assert (said["settings"]["threshold"], "plan" in said) == (0.7, False)
    assert "out.jsonl: not begun" in run("--status", "-o", output)


def test_what_is_not_read_of_the_input_is_told_at_the_end(model, tmp_path):
    article = "<Article><ArticleTitle>Version {0}.</ArticleTitle></Article>"
    record = f'<PubmedArticle><MedlineCitation><PMID Version="{{0}}">1</PMID>{article}</MedlineCitation></PubmedArticle>'
    content = f"<PubmedArticleSet>\n{record.format(1)}\n{record.format(2)}\n</PubmedArticleSet>\n"
    (tmp_path / "a.xml").write_text(content, encoding="utf8")
    told = run(model, tmp_path / "a.xml", "--format", "pubmed", "--worker", "--output", tmp_path / "out.jsonl")
    assert "1 document of which there is a later version, or that are deleted" in told
    assert "0 relations in 1 document" in told
    manifest = json.loads((tmp_path / "out.jsonl.manifest.json").read_text())
    assert "left_out" not in manifest["counts"]
