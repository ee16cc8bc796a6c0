import json
import os
import shutil
import sys

import pytest

from spacy_relext.batch import merging
from spacy_relext.batch.merging import finish
from spacy_relext.batch.status import status
from spacy_relext.batch.working import run_shard, work
from spacy_relext.errors import DataError
from tests.batch.toy import finished, planned, results
from tests.extraction.toy import skip


def write(path, ids):
    path.write_text("".join(json.dumps({"id": name, "text": "Aspirin increases warfarin levels."}) + "\n" for name in ids), encoding="utf8")
    return path


def test_an_id_that_occurs_twice_in_all_shards_is_an_error_of_the_later_document(runner, tmp_path):
    one, other = write(tmp_path / "a.jsonl", ["x", "y"]), write(tmp_path / "b.jsonl", ["z", "x", "w"])
    plan = planned(runner, [one, other], tmp_path / "out.jsonl", size=2)
    expected = rf"{other}:2: document 'x': a document with this id is in {one}:1 already\. Expected ids that differ"
    with pytest.raises(DataError, match=expected):
        work(plan, runner)
    told = []
    report = work(plan, runner, skip_errors=True, on_error=told.append)
    assert (report.documents, report.relations, report.errors) == (4, 4, 1)
    assert len(told) == 1
    assert [json.loads(line)["id"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == ["x", "y", "z", "w"]


def test_without_all_results_nothing_is_made(plan, runner):
    with pytest.raises(DataError, match="4 shards have no result yet"):
        finish(plan)
    assert [path.name for path in plan.folder.parent.iterdir() if path.name.startswith("out")] == ["out.jsonl.work"]


def test_killed_when_the_output_is_in_its_place_it_is_not_made_again(plan, runner, monkeypatch, tmp_path):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(merging, "write_manifest", stop)
    with pytest.raises(KeyboardInterrupt):
        work(plan, runner, skip_errors=True)
    made = (tmp_path / "out.jsonl").stat()
    monkeypatch.undo()
    assert work(plan, runner, skip_errors=True).documents == 12
    assert (tmp_path / "out.jsonl").stat().st_mtime_ns == made.st_mtime_ns
    assert not plan.folder.exists()


def test_what_somebody_puts_in_the_place_of_the_output_is_not_replaced(plan, runner, tmp_path):
    (tmp_path / "out.jsonl").write_text("mine", encoding="utf8")
    with pytest.raises(DataError, match="this file exists already"):
        work(plan, runner, skip_errors=True)
    assert (tmp_path / "out.jsonl").read_text(encoding="utf8") == "mine"
    assert work(plan, runner, skip_errors=True, overwrite=True).documents == 12


def test_a_folder_of_files(runner, source, tmp_path):
    path = tmp_path / "out"
    work(planned(runner, [source], path, documents_per_file=5), runner, skip_errors=True)
    assert [file.name for file in sorted(path.iterdir())] == ["part-00000.jsonl", "part-00001.jsonl", "part-00002.jsonl"]
    said = json.loads((tmp_path / "out.manifest.json").read_text(encoding="utf8"))
    assert [*said["outputs"]] == [f"out/part-0000{i}.jsonl" for i in range(3)]


def test_who_sleeps_through_the_end_makes_nothing_anew(plan, runner, tmp_path):
    copied = tmp_path / "slept"
    shutil.copytree(plan.folder, copied)
    finished(runner, [tmp_path / "in.jsonl"], tmp_path / "out.jsonl")
    report = work(plan, runner, skip_errors=True)
    assert report.documents == 12
    assert not plan.folder.exists()


def test_what_is_left_of_the_folder_is_deleted_by_the_next_one(plan, runner, tmp_path):
    gone = tmp_path / "out.jsonl.work.done"
    shutil.copytree(plan.folder, gone)
    work(plan, runner, skip_errors=True)
    shutil.copytree(results(planned(runner, [tmp_path / "in.jsonl"], tmp_path / "other.jsonl")).folder, gone)
    assert merging.finished(plan.folder) is not None
    assert not gone.exists()


def test_a_merge_that_is_another_ones_is_given_up(plan, runner):
    for number in range(plan.shards):
        run_shard(plan, runner, number, skip_errors=True)
    with pytest.raises(merging.LostError):
        finish(plan, is_ours=lambda: False, on_error=skip)
    assert finish(plan).documents == 12


def test_a_plan_that_says_something_else_is_not_merged(plan, runner):
    """Though each of its lines can be read, and there is a result of each shard."""
    for number in range(plan.shards):
        run_shard(plan, runner, number, skip_errors=True)
    (lines,) = plan.folder.glob("shards-*.jsonl")
    content = lines.read_bytes()
    for damaged in (content.replace(b'"documents": 4', b'"documents": 1', 1), b"".join(content.splitlines(keepends=True)[:-1])):
        assert damaged != content
        lines.write_bytes(damaged)
        with pytest.raises(DataError, match=f"{lines.name}: it is not what was planned"):
            finish(plan, on_error=skip)
    with pytest.raises(DataError, match="it is not what was planned"):
        status(plan.folder)
    lines.write_bytes(content)
    assert finish(plan, on_error=skip).documents == 12


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes there")
def test_names_that_are_no_utf8(runner, tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9 \xff")
    folder.mkdir()
    source = write(folder / "in.jsonl", ["x", "y"])
    with source.open("a", encoding="utf8") as file:
        file.write('{"id": "no text"}\n')
    work(planned(runner, [folder], folder / "out.jsonl"), runner, skip_errors=True)
    assert json.loads((folder / "out.jsonl.manifest.json").read_bytes())["counts"]["first errors"][0].startswith(f"{source}:3: ")
