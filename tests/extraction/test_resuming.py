"""Runs that are killed and go on: every document once, whatever the moment. And runs that are not to be gone on with."""

import json
import os
import random
import re
import signal
import sys
import traceback
from dataclasses import replace

import pytest

from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.resuming import Output, Shard, Work
from spacy_relext.extraction.running import Runner, Settings
from spacy_relext.formats.catalogue import WRITABLE, get_format
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention

# By turns: a relation, another one, none, an error in the input.
TEXTS = ("Aspirin increases warfarin levels.", "Avoid ketamine with warfarin.", "Nothing.", None)


def write_input(path, n):
    """Documents, every fourth of them without text."""
    records = [{"id": f"d{i}"} | ({"text": TEXTS[i % 4]} if TEXTS[i % 4] else {}) for i in range(n)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")
    return path


@pytest.fixture(scope="module")
def runner(model):
    return Runner(Settings(str(model), batch_size=2))


@pytest.fixture
def source(tmp_path):
    return write_input(tmp_path / "in.jsonl", 15)


def skip(error):
    pass


def fail(error):
    raise error


def start(runner, source, output, on_error=skip, size=4, overwrite=False, **settings):
    """A run from beginning or stop to its end."""
    work = Work(Output(output, **settings), Inputs([str(source)]), runner, size=size, overwrite=overwrite)
    results = list(work.fill(on_error))
    return work.finish(), len(results)


def contents(path):
    """All bytes of a file, or of the files in a folder."""
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    return path.read_bytes()


# What changes files, by the names that Python audits it under; and opening them.
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir")


def in_a_process(action, before=lambda: None):
    """Do something in a fork, after `before`. RETURNS: the signal that killed it, or 0."""
    pid = os.fork()
    if pid:
        return os.WTERMSIG(os.waitpid(pid, 0)[1])
    try:
        before()
        action()
    except BaseException:
        traceback.print_exc()
        os.kill(os.getpid(), signal.SIGABRT)
    finally:
        os._exit(0)


def killed_before(is_now):
    """Kills the process that it is called in, as `kill -9` does, before it does what Python audits under some name and arguments."""

    def hook(event, arguments):
        if is_now(event, arguments):
            os.kill(os.getpid(), signal.SIGKILL)

    return lambda: sys.addaudithook(hook)


def killed_at(step, folder):
    """The same, before the n-th change of a file in a folder."""
    seen = 0

    def is_now(event, arguments):
        nonlocal seen
        if event == "open":
            changes = str(arguments[0]).startswith(str(folder)) and arguments[1] not in ("r", "rb")
        else:
            # rmtree gives names within a folder that it has opened.
            changes = event in CHANGES and (str(arguments[0]).startswith(str(folder)) or arguments[-1] != -1)
        seen += changes
        return changes and seen == step

    return killed_before(is_now)


OUTPUTS = [{"format": "jsonl"}, {"format": "brat"}, {"format": "doccano", "documents_per_file": 3}]


@pytest.mark.parametrize("settings", OUTPUTS, ids=lambda settings: settings["format"])
def test_killed_at_every_step(runner, tmp_path, settings):
    """Each run is killed one step later than the one before, until one comes through; all go on to the same output."""
    source = write_input(tmp_path / "in.jsonl", 5)
    report, n_results = start(runner, source, tmp_path / "whole", size=2, **settings)
    assert (report.documents, report.relations, report.errors, n_results) == (4, 3, 1, 4)
    for step in range(1, 200):
        output = tmp_path / f"killed-{step}" / "out"
        output.parent.mkdir()
        kill = killed_at(step, output.parent)
        was_killed = in_a_process(lambda output=output: start(runner, source, output, size=2, **settings), kill)
        assert was_killed in (0, signal.SIGKILL)
        if was_killed:
            assert start(runner, source, output, size=2, **settings)[0] == report
        assert os.listdir(output.parent) == ["out"]
        assert contents(output) == contents(tmp_path / "whole")
        if not was_killed:
            break
    assert 20 < step < 199


def test_killed_when_all_is_made_and_then_once_more(runner, source, tmp_path):
    """An output of an earlier run is not taken for the one of this run."""
    start(runner, source, tmp_path / "whole")
    (tmp_path / "out").write_text("earlier", encoding="utf8")

    def run():
        start(runner, source, tmp_path / "out", overwrite=True)

    assert in_a_process(run, killed_before(lambda event, arguments: event == "os.rename" and arguments[1] == str(tmp_path / "out")))
    assert (tmp_path / "out.done").exists()
    made = tmp_path / "out.work" / "result" / "out"
    assert made.exists()
    assert in_a_process(run, killed_before(lambda event, arguments: event == "os.rename" and arguments[1] == str(made)))
    assert contents(tmp_path / "out") == b"earlier"
    run()
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out", "whole"]


def test_killed_while_tidying_up(runner, source, tmp_path):
    """What is finished is not run again, and not taken for what another run would make."""

    def run(**settings):
        return start(runner, source, tmp_path / "out", overwrite=True, **settings)

    is_last = killed_before(lambda event, arguments: event == "os.remove" and arguments[0] == str(done) and not work.exists())
    done, work = tmp_path / "out.done", tmp_path / "out.work"
    assert in_a_process(run, is_last)
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out", "out.done"]
    with pytest.raises(
        DataError, match=r"out\.done: this unfinished run was asked for something else \(documents per shard: 4 then, 5 now\)"
    ):
        run(size=5)
    report, n_results = run()
    assert (report.documents, report.errors, n_results) == (12, 3, 0)
    # As long as there is an output and the input is the same.
    assert in_a_process(run, is_last)
    (tmp_path / "out").unlink()
    assert run() == (report, 12)
    assert in_a_process(run, is_last)
    with source.open("a", encoding="utf8") as file:
        file.write(json.dumps({"id": "new", "text": TEXTS[0]}) + "\n")
    with pytest.raises(DataError, match=r"out\.done: from document 13 on, the input is not what"):
        run()


def test_killed_again_and_again(runner, tmp_path):
    """One run, killed at random times until there is nothing left to do: what is finished is not run again."""
    source = write_input(tmp_path / "in.jsonl", 120)
    start(runner, source, tmp_path / "whole")
    rng, n_killed = random.Random(0), 0
    while in_a_process(lambda: start(runner, source, tmp_path / "out"), killed_at(rng.randint(2, 18), tmp_path)):
        n_killed += 1
    assert n_killed > 5
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out", "whole"]


def test_finished_documents_are_not_run_again(runner, source, tmp_path):
    work = Work(Output(tmp_path / "out"), Inputs([str(source)]), runner, size=4)
    results = work.fill(skip)
    for _ in range(9):
        next(results)
    results.close()
    again = Work(Output(tmp_path / "out"), Inputs([str(source)]), runner, size=4)
    assert (len(again.headers), again.n_read) == (2, 8)
    told = []
    assert len(list(again.fill(told.append))) == 4
    # Errors of finished shards were told before, and are counted all the same.
    assert [error.line for error in told] == [12]
    assert again.finish().errors == 3


def test_without_skipping_it_stops_and_goes_on_when_the_input_is_put_right(runner, source, tmp_path):
    lines = source.read_text(encoding="utf8").splitlines(keepends=True)
    good = [line for line in lines if "text" in line]
    source.write_text("".join(good[:9]) + lines[3] + "".join(good[9:]), encoding="utf8")
    work = Work(Output(tmp_path / "out"), Inputs([str(source)]), runner, size=4)
    with pytest.raises(DataError, match=r"in\.jsonl:10: expected the key 'text'"):
        list(work.fill(fail))
    assert work.n_read == 8
    source.write_text("".join(good), encoding="utf8")
    report, n_results = start(runner, source, tmp_path / "out", fail)
    assert (report.documents, report.errors, n_results) == (12, 0, 4)
    assert start(runner, source, tmp_path / "whole")[0] == report
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.fixture
def begun(runner, source, tmp_path):
    """An unfinished run with two finished shards."""
    work = Work(Output(tmp_path / "out"), Inputs([str(source)]), runner, size=4)
    results = work.fill(skip)
    for _ in range(8):
        next(results)
    next(results)
    results.close()
    return tmp_path / "out"


def go_on(output, source, runner, *, size=4, options=None, **settings):
    inputs = Inputs([str(source)])
    inputs.options = options or inputs.options
    return list(Work(Output(output, **settings), inputs, runner, size=size).fill(skip))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 5}, r"documents per shard: 4 then, 5 now"),
        ({"format": "brat"}, r"format of the output: 'jsonl' then, 'brat' now"),
        ({"documents_per_file": 2}, r"documents per file: None then, 2 now"),
        ({"options": Options("body", roles=("A,B",))}, r"options: {} then, {'roles': \['A,B'\], 'text_column': 'body'} now"),
    ],
)
def test_what_was_asked_for_has_changed(begun, source, runner, change, message):
    with pytest.raises(DataError, match=rf"out\.work: this unfinished run was asked for something else \({message}\)\. Ask for the same"):
        go_on(begun, source, runner, **change)


def test_relations_of_the_input_count_where_they_are_kept(model, tmp_path):
    source = tmp_path / "in.jsonl"
    record = {"text": "Aspirin, warfarin.", "mentions": [{"start": 0, "end": 7, "type": "X"}, {"start": 9, "end": 17, "type": "X"}]}
    digests = {}
    for keep in (False, True):
        for label in "AB":
            source.write_text(json.dumps({**record, "relations": [{"head": "T1", "tail": "T2", "label": label}]}) + "\n", encoding="utf8")
            work = Work(Output(tmp_path / f"{keep}{label}.jsonl"), Inputs([str(source)]), Runner(Settings(str(model), keep_relations=keep)))
            list(work.fill(pytest.fail))
            [header] = work.headers
            digests[keep, label] = header["digest"]
    assert digests[False, "A"] == digests[False, "B"]
    assert digests[True, "A"] != digests[True, "B"]


def test_another_pipeline_or_threshold(begun, source, runner, model, tmp_path):
    settings = Settings(str(model), threshold=0.25, labels=("ADVISE",), keep_all_scores=True)
    with pytest.raises(DataError, match=r"threshold: 0\.5 then, 0\.25 now, labels: None then, \['ADVISE'\] now, all scores: False then"):
        go_on(begun, source, Runner(settings))
    runner.nlp.to_disk(tmp_path / "moved")
    # The same one elsewhere is the same; spaCy writes a pipeline as it has read it.
    differs = any(
        (tmp_path / "moved" / path.relative_to(model)).read_bytes() != path.read_bytes() for path in model.rglob("*") if path.is_file()
    )
    moved = Runner(Settings(str(tmp_path / "moved"), batch_size=3))
    if not differs:
        assert len(go_on(begun, source, moved)) == 4
    (tmp_path / "moved" / "relation_extractor" / "cfg").write_text("{}", encoding="utf8")
    with pytest.raises(DataError, match=r"checksum of the pipeline: '\w+' then, '\w+' now"):
        go_on(begun, source, moved)


@pytest.mark.parametrize(
    ("change", "first"),
    [
        (lambda text: text.replace("Avoid", "Never take"), 1),
        (lambda text: text.replace('"d6"', '"e6"'), 5),
        (lambda text: "\n".join(text.splitlines()[4:]), 1),
        (lambda text: "\n".join(text.splitlines()[:5]), 5),
        (lambda text: "\n".join(text.splitlines()[:5] + text.splitlines()[6:]), 5),
    ],
)
def test_the_input_has_changed(begun, source, runner, change, first):
    source.write_text(change(source.read_text(encoding="utf8")), encoding="utf8")
    with pytest.raises(DataError, match=rf"out\.work: from document {first} on, the input is not what .* or delete it to begin"):
        go_on(begun, source, runner)


def test_more_documents_after_a_stop_are_read_as_well(begun, source, runner):
    with source.open("a", encoding="utf8") as file:
        file.write(json.dumps({"id": "new", "text": TEXTS[0]}) + "\n")
    assert len(go_on(begun, source, runner)) == 5


def test_a_folder_that_is_not_ours_is_left_alone(runner, source, tmp_path):
    (tmp_path / "out.work").mkdir()
    (tmp_path / "out.work" / "thesis.doc").write_text("All of it.", encoding="utf8")
    with pytest.raises(DataError, match=r"out\.work: the unfinished run is kept there, and it holds 'thesis\.doc'\. Move it away"):
        start(runner, source, tmp_path / "out")
    assert os.listdir(tmp_path / "out.work") == ["thesis.doc"]


def test_outputs_that_cannot_be_put_in_their_place(runner, source, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match=r"out: it is a folder\. Name a file \(jsonl\), or split it"):
        start(runner, source, tmp_path / "out")
    # An empty folder may become the output.
    assert start(runner, source, tmp_path / "out", format="brat")[0].documents == 12
    with pytest.raises(DataError, match=r"out: a new folder is to be written, and there is something already"):
        start(runner, source, tmp_path / "out", format="brat")
    with pytest.raises(RelextError, match=r"the format 'chemprot' is read, and not written\. One of: jsonl, "):
        Output(tmp_path / "new", "chemprot")
    with pytest.raises(RelextError, match="0 documents per file"):
        Output(tmp_path / "new", documents_per_file=0)


@pytest.mark.parametrize("name", WRITABLE)
def test_every_format(runner, source, tmp_path, name):
    report, _ = start(runner, source, tmp_path / "out", format=name)
    assert (tmp_path / "out").is_dir() == Output(tmp_path / "out", name).is_folder
    if name == "pubtator":
        # Relations between mentions without concepts cannot be held: an error of each such document.
        assert (report.documents, report.relations, report.errors) == (4, 0, 11)
        return
    assert (report.documents, report.relations, report.errors) == (12, 8, 3)
    if get_format(name).reads:
        documents = list(get_format(name).read(tmp_path / "out", Reading(fail)))
        # Folders are read by name.
        assert sorted(d.id for d in documents) == sorted(f"d{i}" for i in range(15) if i % 4 != 3)
        assert sum(len(d.relations or ()) for d in documents) == 8
    if name == "brat":
        assert report.lost["sentences"] == 12


def test_what_the_format_cannot_hold_is_known_at_once(runner, source, tmp_path):
    work = Work(Output(tmp_path / "out", "pubtator"), Inputs([str(source)]), runner, size=2)
    with pytest.raises(DataError, match=r"in\.jsonl:1: pubtator cannot hold it: document 'd0'"):
        list(work.fill(fail))
    work.give_up()
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_parts(runner, source, tmp_path):
    start(runner, source, tmp_path / "whole.jsonl")
    start(runner, source, tmp_path / "parts", documents_per_file=5)
    assert sorted(os.listdir(tmp_path / "parts")) == ["part-00000.jsonl", "part-00001.jsonl", "part-00002.jsonl"]
    parts = contents(tmp_path / "parts")
    assert b"".join(parts[name] for name in sorted(parts)) == contents(tmp_path / "whole.jsonl")
    assert [len(parts[name].splitlines()) for name in sorted(parts)] == [5, 5, 2]


def test_what_parts_cannot_hold_is_summed_up(runner, source, tmp_path):
    whole, _ = start(runner, source, tmp_path / "whole.csv", format="csv")
    parts, _ = start(runner, source, tmp_path / "parts", format="csv", documents_per_file=3)
    assert parts.lost == {what: n for what, n in whole.lost.items() if n}
    assert parts.lost["documents without relations"] == 4


def test_formulas_of_spreadsheets(runner, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"id": "=1+1", "text": TEXTS[0]}) + "\n", encoding="utf8")
    for safe in (False, True):
        start(runner, source, tmp_path / f"{safe}.csv", format="csv", spreadsheet_safe=safe)
        assert (b"'=1+1" in contents(tmp_path / f"{safe}.csv")) == safe


@pytest.mark.parametrize("format", ["jsonl", "brat"])
def test_an_output_is_on_the_disk_before_it_is_in_its_place(runner, source, tmp_path, format, monkeypatch):
    synced, real = set(), os.fsync

    def noting(descriptor):
        synced.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    start(runner, source, tmp_path / "out", format=format)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()] if format == "brat" else [tmp_path / "out"]
    assert len(files) == (24 if format == "brat" else 1)
    assert synced.issuperset(path.stat().st_ino for path in files)


def test_errors_alone(runner, tmp_path):
    """At the end, after a full shard, and when there is nothing else."""
    source = tmp_path / "in.jsonl"
    source.write_text(f'{{"id": "a", "text": "{TEXTS[0]}"}}\n' * 1 + "{\n{\n", encoding="utf8")
    work = Work(Output(tmp_path / "out"), Inputs([str(source)]), runner, size=1)
    told = []
    assert len(list(work.fill(told.append))) == 1
    assert len(told) == 2
    again = Work(Output(tmp_path / "out"), Inputs([str(source)]), runner, size=1)
    assert (len(again.headers), again.n_read) == (2, 1)
    assert list(again.fill(fail)) == []
    assert again.finish().errors == 2
    source.write_text("{\n", encoding="utf8")
    assert start(runner, source, tmp_path / "none")[0].errors == 1
    assert contents(tmp_path / "none") == b""


def test_shards_are_whole(begun):
    """The first line of a shard says what is in it."""
    for path in sorted((begun.parent / "out.work").glob("part-*.jsonl")):
        header, *lines = map(json.loads, path.read_text(encoding="utf8").splitlines())
        assert header["documents"] == len(lines) == header["read"] == 4
        assert header["relations"] == sum(len(line["relations"]) for line in lines)
        assert re.fullmatch(r"[0-9a-f]{64}", header["digest"])


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "e"},
        {"text": "Tea hurts!"},
        {"mentions": [Mention("t", 0, 3, "FOOD", "T")]},
        {"mentions": []},
        {"mentions_given": False},
        {"sentences": [(0, 4), (4, 10)]},
        {"sentences": None},
        {"concept_relations": [AnnotatedRelation("T", "P", "R")]},
    ],
    ids=str,
)
def test_the_checksum_of_a_shard_is_that_of_all_that_a_result_depends_on(changed):
    document = Document("d", "Tea hurts.", [Mention("t", 0, 3, "FOOD")], sentences=[(0, 10)], mentions_given=True)
    assert Shard(0, [document]).digest == Shard(1, [replace(document)]).digest
    assert Shard(0, [document]).digest != Shard(0, [replace(document, **changed)]).digest


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


@pytest.mark.parametrize("content", [b"", b"mine", b"{}", b'{"asked": 1}', b"\xff"])
def test_files_of_the_names_that_we_use(runner, source, tmp_path, content):
    for name in ("out.done", "out.part", "out.done.part"):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=r"out\.done: expected what this command keeps there for a moment, .*Move it away if it is yours"):
        start(runner, source, tmp_path / "out")
    (tmp_path / "out.done").unlink()
    (tmp_path / "out.work").write_bytes(content)
    with pytest.raises(DataError, match=r"out\.work: the unfinished run is kept in a folder of this name, and it is none\. Move it away"):
        start(runner, source, tmp_path / "out")
    (tmp_path / "out.work").unlink()
    start(runner, source, tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out", "out.done.part", "out.part"]
    assert (tmp_path / "out.part").read_bytes() == (tmp_path / "out.done.part").read_bytes() == content


def test_a_file_that_comes_while_the_run_is_on(runner, source, tmp_path):
    work = Work(Output(tmp_path / "out"), Inputs([str(source)]), runner, size=4)
    list(work.fill(skip))
    for name in ("out", "out.done"):
        (tmp_path / name).write_text("mine", encoding="utf8")
        with pytest.raises(DataError, match=rf"{name}: "):
            work.finish()
        assert (tmp_path / name).read_text(encoding="utf8") == "mine"
        (tmp_path / name).unlink()
    assert work.finish().documents == 12


def test_an_output_is_replaced_only_where_that_is_asked_for(runner, source, tmp_path):
    start(runner, source, tmp_path / "out")
    whole = contents(tmp_path / "out")
    (tmp_path / "out").write_bytes(whole.replace(b"Nothing", b"Corrected by hand"))
    with pytest.raises(DataError, match=r"/out: this file exists already\. Name another output, or replace it with --overwrite"):
        start(runner, source, tmp_path / "out")
    assert b"Corrected by hand" in contents(tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out"]
    start(runner, source, tmp_path / "out", overwrite=True)
    assert contents(tmp_path / "out") == whole
    # An empty file is nothing to lose.
    (tmp_path / "empty").touch()
    start(runner, source, tmp_path / "empty")
    assert contents(tmp_path / "empty") == whole


def test_an_output_that_is_changed_before_all_is_tidied_up(runner, source, tmp_path):
    done, work = tmp_path / "out.done", tmp_path / "out.work"
    is_last = killed_before(lambda event, arguments: event == "os.remove" and arguments[0] == str(done) and not work.exists())
    assert in_a_process(lambda: start(runner, source, tmp_path / "out"), is_last)
    whole = contents(tmp_path / "out")
    (tmp_path / "out").write_bytes(whole + b"by hand\n")
    with pytest.raises(DataError, match=r"/out: it was finished, and was changed before all was tidied up.*--overwrite"):
        start(runner, source, tmp_path / "out")
    assert contents(tmp_path / "out") == whole + b"by hand\n"
    assert start(runner, source, tmp_path / "out", overwrite=True)[0].documents == 12
    assert contents(tmp_path / "out") == whole
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out"]


def test_the_target_of_a_link_is_the_output(runner, source, tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "out").symlink_to("far/target.jsonl")
    start(runner, source, tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert os.listdir(tmp_path / "far") == ["target.jsonl"]
    assert len(contents(tmp_path / "out").splitlines()) == 12


def test_a_name_that_is_too_long_is_an_error_of_its_document(runner, tmp_path):
    source = tmp_path / "in.jsonl"
    records = [{"id": name, "text": TEXTS[0]} for name in ("a", "x" * 300, "b")]
    source.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")
    told = []
    report, _ = start(runner, source, tmp_path / "out", told.append, format="brat")
    assert (report.documents, report.errors, len(told)) == (2, 1, 1)
    assert "in.jsonl:2: brat cannot hold it: document 'xxx" in str(told[0])
    assert "File name too long" in str(told[0])
    assert sorted(contents(tmp_path / "out")) == ["a.ann", "a.txt", "b.ann", "b.txt"]


def test_control_characters_are_an_error_of_their_document(runner, tmp_path):
    """Of a format that is made of all documents at once, too."""
    source = tmp_path / "in.jsonl"
    records = [{"id": name, "text": TEXTS[0]} for name in ("a", "b\x01")]
    source.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")
    told = []
    report, _ = start(runner, source, tmp_path / "out.graphml", told.append, format="graphml")
    assert (report.documents, report.errors) == (1, 1)
    assert "in.jsonl:2: graphml cannot hold it: " in str(told[0])
