"""Runs that are killed and go on: every document once, whatever the moment. And runs that are not to be gone on with."""

import json
import os
import random
import signal
from dataclasses import replace

import pytest
import spacy

from spacy_relext.errors import DataError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.resuming import Shard, Work
from spacy_relext.extraction.running import Runner, Settings
from spacy_relext.extraction.storage import Output
from spacy_relext.formats.reading import Options
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from tests.extraction.toy import CHANGES, TEXTS, contents, fail, go_on, in_a_process, killed_before, skip, start, write_input


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


# A folder of many files takes many steps of the same kind: of these, every third.
OUTPUTS = [({"format": "jsonl"}, 1), ({"format": "brat"}, 3), ({"format": "doccano", "documents_per_file": 3}, 3)]


@pytest.mark.parametrize(("settings", "stride"), OUTPUTS, ids=lambda value: value["format"] if isinstance(value, dict) else None)
def test_killed_at_every_step(runner, tmp_path, settings, stride):
    """Each run is killed later than the one before, until one comes through; all go on to the same output."""
    source = write_input(tmp_path / "in.jsonl", 5)
    report, n_results = start(runner, source, tmp_path / "whole", size=2, **settings)
    assert (report.documents, report.relations, report.errors, n_results) == (4, 3, 1, 4)
    for step in range(1, 200, stride):
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
    assert 20 < step < 196


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
    while in_a_process(lambda: start(runner, source, tmp_path / "out"), killed_at(rng.randint(4, 40), tmp_path)):
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


def test_another_threshold_of_the_second_extractor(source, model, tmp_path):
    """Each extractor has settings of its own, and each counts."""
    nlp = spacy.load(model)
    nlp.add_pipe("relation_extractor", "second", source=spacy.load(model))
    nlp.to_disk(tmp_path / "two")
    begun, again = (Runner(Settings(str(tmp_path / "two"))) for _ in range(2))
    next(Work(Output(tmp_path / "out"), Inputs([str(source)]), begun, size=1).fill(skip))
    again.extractors[1].threshold = 0.25
    with pytest.raises(DataError, match=r"threshold: \{'relation_extractor': 0\.5, 'second': 0\.5\} then, \{.*'second': 0\.25\} now"):
        go_on(tmp_path / "out", source, again, size=1)


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


def test_a_document_that_fails_is_told_at_once_and_counted_once(runner, source, tmp_path, monkeypatch):
    """Before the other documents of its shard are run."""
    monkeypatch.setattr(runner, "lines", lambda batch: [document.error("fails") for document in batch])
    work = Work(Output(tmp_path / "out"), Inputs([str(source)]), runner, size=12)
    told = []
    results = work.fill(told.append)
    next(results)
    assert sum(str(error).endswith(": fails") for error in told) == runner.settings.batch_size
    assert len(list(results)) == 11
    assert sum(str(error).endswith(": fails") for error in told) == 12
    assert work.finish().errors == len(told)


def test_what_the_format_cannot_hold_is_known_at_once(runner, source, tmp_path):
    work = Work(Output(tmp_path / "out", "pubtator"), Inputs([str(source)]), runner, size=2)
    with pytest.raises(DataError, match=r"in\.jsonl:1: pubtator cannot hold it: document 'd0'"):
        list(work.fill(fail))
    work.storage.give_up()
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_a_text_that_is_too_long_is_an_error_of_its_document(model, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps({"id": i, "text": TEXTS[0] * n}) + "\n" for i, n in enumerate((1, 9))), encoding="utf8")
    told = []
    runner = Runner(Settings(str(model)))
    runner.nlp.max_length = 100
    report, _ = start(runner, source, tmp_path / "out", told.append)
    assert (report.documents, report.errors) == (1, 1)
    assert "in.jsonl:2: document '1': the text has" in str(told[0])


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
        {"meta": {"year": 1998}},
    ],
    ids=str,
)
def test_the_checksum_of_a_shard_is_that_of_all_that_a_result_depends_on(changed):
    document = Document("d", "Tea hurts.", [Mention("t", 0, 3, "FOOD")], sentences=[(0, 10)], mentions_given=True)
    assert Shard(0, [document]).digest == Shard(1, [replace(document)]).digest
    assert Shard(0, [document]).digest != Shard(0, [replace(document, **changed)]).digest


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
