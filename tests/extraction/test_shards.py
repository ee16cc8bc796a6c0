"""What is in the folder of an unfinished run is ours and whole, or an error that names the file."""

import json
import os
import re

import pytest

from spacy_relext.errors import DataError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.resuming import Work
from spacy_relext.extraction.storage import Output
from tests.extraction.toy import go_on, skip, start


def test_a_folder_that_is_not_ours_is_left_alone(runner, source, tmp_path):
    (tmp_path / "out.work").mkdir()
    (tmp_path / "out.work" / "thesis.doc").write_text("All of it.", encoding="utf8")
    with pytest.raises(DataError, match=r"out\.work: the unfinished run is kept there, and it holds 'thesis\.doc'\. Move it away"):
        start(runner, source, tmp_path / "out")
    assert os.listdir(tmp_path / "out.work") == ["thesis.doc"]


def test_shards_are_whole(begun):
    """The first line of a shard says what is in it."""
    for path in sorted((begun.parent / "out.work").glob("part-*.jsonl")):
        header, *lines = map(json.loads, path.read_text(encoding="utf8").splitlines())
        assert header["documents"] == len(lines) == header["read"] == 4
        assert header["relations"] == sum(len(line["relations"]) for line in lines)
        assert re.fullmatch(r"[0-9a-f]{64}", header["digest"])


# What a hand or a disk does to shards, by what the error says of it.
DAMAGES = {
    "it says that it has 4 documents, and has 3": lambda raw: raw[: raw[:-1].rindex(b"\n") + 1],
    "it says that it has 4 documents, and has 5": lambda raw: raw + raw[raw[:-1].rindex(b"\n") + 1 :],
    "its checksum is not the one that it was written with": lambda raw: raw.replace(b"Nothing.", b"Notning."),
    "its checksum is not the one": lambda raw: raw.replace(b'"read": 4', b'"read": 3', 1),
    "its checksum is": lambda raw: raw[:-1] + b" \n",
    "expected a shard of this run, and it is empty": lambda raw: b"",
    "expected a shard of this run, and it is something else": lambda raw: raw[raw.index(b"\n") + 1 :],
    "expected a shard of this run, and it is something": lambda raw: b"\xff\xfe" + raw,
    "it is a shard of another run, or of another place": lambda raw: raw.replace(b'"number": 1', b'"number": 0'),
    "it is a shard of another run": lambda raw: raw.replace(b'"asked": "', b'"asked": "0', 1),
}


@pytest.mark.parametrize("message", DAMAGES)
def test_a_shard_that_is_not_as_it_was_written(begun, source, runner, message):
    shard = begun.with_name("out.work") / "part-00001.jsonl"
    whole = shard.read_bytes()
    shard.write_bytes(DAMAGES[message](whole))
    assert shard.read_bytes() != whole
    with pytest.raises(DataError, match=rf"part-00001\.jsonl: {message}.*Delete it: its documents, and those after them, are run again\."):
        go_on(begun, source, runner)
    # As it says.
    shard.unlink()
    report, n_results = start(runner, source, begun)
    assert (report.documents, n_results) == (12, 8)


def test_a_shard_that_is_damaged_during_the_run(runner, source, tmp_path):
    work = Work(Output(tmp_path / "out"), Inputs([str(source)]), runner, size=4)
    list(work.fill(skip))
    shard = tmp_path / "out.work" / "part-00002.jsonl"
    shard.write_bytes(shard.read_bytes().replace(b"Nothing", b"Notning"))
    with pytest.raises(DataError, match=r"part-00002\.jsonl: its checksum is not"):
        work.finish()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["", "{}", "half {", '{"name": "my web page", "icons": []}'])
def test_a_manifest_that_is_empty_or_of_another(begun, source, runner, content):
    manifest = begun.with_name("out.work") / "manifest.json"
    manifest.write_text(content, encoding="utf8")
    with pytest.raises(DataError, match=r"manifest\.json: expected what an unfinished run was asked for, and it is (empty|something else)"):
        go_on(begun, source, runner)
    assert manifest.read_text(encoding="utf8") == content
    assert len(os.listdir(manifest.parent)) == 3


def test_shards_without_a_manifest_are_not_deleted(begun, source, runner):
    work = begun.with_name("out.work")
    (work / "manifest.json").unlink()
    with pytest.raises(DataError, match=r"out\.work: it holds 'part-00000\.jsonl', and no manifest\.json that says of which run"):
        go_on(begun, source, runner)
    assert sorted(os.listdir(work)) == ["part-00000.jsonl", "part-00001.jsonl"]


def test_other_things_in_the_folder_of_a_run(begun, source, runner):
    (begun.with_name("out.work") / "notes.txt").write_text("mine", encoding="utf8")
    with pytest.raises(DataError, match=r"out\.work: the unfinished run is kept there, and it holds 'notes\.txt'"):
        go_on(begun, source, runner)


def test_a_shard_that_cannot_be_read(begun, source, runner):
    """A folder in its place, as a careless copy makes it."""
    shard = begun.with_name("out.work") / "part-00001.jsonl"
    shard.unlink()
    shard.mkdir()
    message = r"part-00001\.jsonl: it cannot be read: .+ Expected a shard of this run\. Delete it: "
    with pytest.raises(DataError, match=message):
        go_on(begun, source, runner)


def test_a_shard_says_what_was_wrong_with_documents(runner, tmp_path):
    """Of one that the format of the output refuses, and one that cannot be read."""
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"id": "x" * 300, "text": "Tea."}) + "\n{\n", encoding="utf8")
    work = Work(Output(tmp_path / "out", "brat"), Inputs([str(source)]), runner, size=2)
    told = []
    list(work.fill(told.append))
    header = json.loads((tmp_path / "out.work" / "part-00000.jsonl").read_text(encoding="utf8").splitlines()[0])
    assert sorted(header["errors"]) == sorted(str(error) for error in told)
    assert len(told) == 2
