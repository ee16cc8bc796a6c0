import errno
import json
import os
import shutil
import signal
import sys
from dataclasses import replace

import pytest

from spacy_relext.batch import asking, merging, results, working
from spacy_relext.batch.leases import LEASES, Leases, shard_name
from spacy_relext.batch.manifest import Plan
from spacy_relext.batch.processes import run_in_processes
from spacy_relext.batch.working import MOST_BEGUN, work
from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.extracting import extract
from spacy_relext.ml.precision import computes_in_bfloat16
from tests.batch import toy
from tests.batch.toy import BEAT, finished, left, planned
from tests.batch.toy import results as results_of
from tests.extraction.toy import in_a_process, write_input


@pytest.fixture
def whole(runner, source, tmp_path):
    """What a run of one worker, which was left alone, gives."""
    (tmp_path / "whole").mkdir()
    return finished(runner, [source], tmp_path / "whole" / "out.jsonl")


def test_a_run_gives_the_documents_of_plain_extraction_in_their_order(runner, model, source, whole, tmp_path):
    plain = extract(source, str(model), on_error="skip", batch_size=2)
    records = list(map(json.loads, whole["out.jsonl"].splitlines()))
    assert [record["id"] for record in records] == [f"d{i}" for i in range(15) if i % 4 != 3]
    for record, other in zip(records, plain, strict=True):
        for found in (record, other):
            for relation in found["relations"]:
                relation["score"] = round(relation.get("score", 1.0), 3)  # batches differ
        assert record == other
    assert whole.keys() == {"out.jsonl", "out.jsonl.manifest.json"}
    said = json.loads(whole["out.jsonl.manifest.json"])
    assert said["counts"] | {"first errors": []} == {
        **{"documents": 12, "relations": 8, "errors": 3, "lost": {}, "shards": 4, "left out": {}},
        "first errors": [],
    }
    assert [error.split(": ")[0] for error in said["counts"]["first errors"]] == [f"{source}:{line}" for line in (4, 8, 12)]
    assert said["packages"]["spacy-relext"] == said["settings"].get("version of spacy-relext", said["packages"]["spacy-relext"])


def test_the_order_of_files_and_the_number_of_workers_change_nothing(runner, source, tmp_path):
    other = tmp_path / "a.jsonl"
    other.write_text('{"id": "x", "text": "Aspirin increases warfarin levels."}\n' * 1, encoding="utf8")
    found = []
    for number, sources in enumerate(([source, other], [other, source])):
        path = tmp_path / str(number) / "out.jsonl"
        path.parent.mkdir()
        plan = planned(runner, sources, path)
        if number:
            run_in_processes(plan, runner, 3, skip_errors=True, tell=print)
        work(plan, runner, skip_errors=True)
        found.append(left(path))
    assert found[0] == found[1]


def test_a_shard_that_is_finished_is_not_run_again(plan, runner, monkeypatch):
    first = working.run_shard(plan, runner, 1, skip_errors=True)
    monkeypatch.setattr(working, "read_shard", lambda *_: pytest.fail("read again"))
    assert working.run_shard(plan, runner, 1, skip_errors=True) == replace(first, is_new=False)
    assert [path.name for path in plan.folder.glob("result-*")] == []


def test_without_skipping_a_shard_with_an_error_fails_and_the_others_go_on(plan, runner, source, whole):
    with pytest.raises(DataError, match=r"3 shards have no result") as told:
        work(plan, runner)
    for line in (4, 8, 12):
        assert f"{source}:{line}: " in str(told.value)
    assert "--skip-errors" in str(told.value)
    assert results_of(plan).finished(0) == {3}
    outcomes = []
    report = work(plan, runner, skip_errors=True, on_outcome=lambda outcome, n: outcomes.append((outcome.number, n)))
    assert {number for number, _ in outcomes} == {0, 1, 2}
    assert outcomes[-1][1] == 4
    assert (report.documents, report.errors) == (12, 3)
    assert left(source.parent / "out.jsonl")["out.jsonl"] == whole["out.jsonl"]


def test_an_input_that_was_changed_fails_its_shard_until_it_is_put_back(plan, runner, source, whole):
    content = source.read_bytes()
    source.write_bytes(content.replace(b"Avoid", b"avoid"))
    with pytest.raises(DataError, match=r"shard 0: it is not what it was .*(?s:.)*Put back inputs that were changed"):
        work(plan, runner, skip_errors=True)
    source.write_bytes(content)
    work(plan, runner, skip_errors=True)
    assert left(source.parent / "out.jsonl")["out.jsonl"] == whole["out.jsonl"]


def test_a_shard_that_ends_its_workers_is_given_up(plan, runner):
    with Leases(plan.folder / LEASES, BEAT) as leases:
        stem = leases.folder / shard_name(2)
        stem.parent.mkdir()
        for n in range(1, MOST_BEGUN + 1):
            (stem.parent / f"{stem.name}.lease.{n}").write_text("000000000001 begun\nsomebody\n\n", encoding="utf8")
    with pytest.raises(DataError, match=r"shard 2 was begun 10 times and never ended(?s:.)*Delete .*failed"):
        work(plan, runner, skip_errors=True)
    # As the error says: it is run again.
    shutil.rmtree(plan.folder / results.FAILED)
    assert work(plan, runner, skip_errors=True).documents == 12


def test_who_is_stopped_past_its_lease_gives_its_shard_up(plan, runner, monkeypatch, whole, source):
    """Another one takes it meanwhile: it is run twice, and stored once."""
    read, taken = working.read_shard, []

    def sleep_over(shard, *args):
        if shard.number == 2 and not taken:
            taken.append(shard.number)
            (plan.folder / LEASES / f"{shard_name(2)}.lease.2").write_text("000000000001 free\nanother\n\n", encoding="utf8")
        return read(shard, *args)

    monkeypatch.setattr(working, "read_shard", sleep_over)
    outcomes = []
    work(plan, runner, skip_errors=True, on_outcome=lambda outcome, n: outcomes.append(outcome.number))
    assert taken == [2]
    assert sorted(outcomes) == [0, 1, 2, 3]
    assert left(source.parent / "out.jsonl")["out.jsonl"] == whole["out.jsonl"]


def test_shares_are_run_without_leases_and_the_last_one_makes_the_output(plan, runner, whole, source):
    assert work(plan, runner, share=(2, 2), skip_errors=True) is None
    assert results_of(plan).finished(0) == {1, 3}
    assert not list((plan.folder / LEASES).glob("0*"))
    assert work(plan, runner, share=(1, 2), skip_errors=True).documents == 12
    assert left(source.parent / "out.jsonl")["out.jsonl"] == whole["out.jsonl"]


def test_a_share_with_errors_tells_of_its_own(plan, runner, source):
    with pytest.raises(DataError, match=r"2 shards have no result") as told:
        work(plan, runner, share=(1, 2))
    assert f"{source}:8:" not in str(told.value)


CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "open")


def changes(event, arguments, folder):
    """Whether something is about to be changed on the disk."""
    if event not in CHANGES or (event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR)):
        return False
    return str(folder) in str(arguments[0]) or event in ("os.remove", "os.rmdir")


def test_killed_before_any_change_on_the_disk_it_goes_on(runner, tmp_path, monkeypatch):
    """Planning, working and merging: whoever comes next finishes the run, with the same bytes, and leaves nothing else."""
    monkeypatch.setattr(toy, "BEAT", 0.005)
    source = write_input(tmp_path / "in.jsonl", 4)
    (tmp_path / "whole").mkdir()
    whole = finished(runner, [source], tmp_path / "whole" / "out.jsonl")
    n_killed = 0
    for n_changes in range(10_000):
        folder = tmp_path / str(n_changes)
        folder.mkdir()
        path = folder / "out.jsonl"

        def hook(event, arguments, folder=folder, left=iter(range(n_changes))):  # noqa: B008 (one for each run)
            if changes(event, arguments, folder) and next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        killed = in_a_process(lambda path=path: finished(runner, [source], path), lambda hook=hook: sys.addaudithook(hook))
        n_killed += killed == signal.SIGKILL
        if not path.with_name("out.jsonl.manifest.json").exists() or (folder / "out.jsonl.work").exists():
            finished(runner, [source], path)
        merged_already = merging.finished(folder / "out.jsonl.work")
        assert merged_already is not None
        assert left(path) == whole, n_changes
        if not killed:
            break
    assert n_killed > 30


def test_a_disk_that_cannot_be_written_is_an_error_at_once(plan, runner, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(results.os, "link", refuse)
    with pytest.raises(OSError, match="Read-only"):
        work(plan, runner, skip_errors=True)


def test_a_killed_process_is_told_of_and_all_killed_are_an_error(plan, runner, monkeypatch):
    told = []
    monkeypatch.setattr(working, "read_shard", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(RelextError, match="all workers of this machine were killed"):
        run_in_processes(plan, runner, 2, tell=told.append)
    assert told == ["A worker ended with status -9, perhaps for want of memory. Others run its shard."] * 2


def test_an_error_of_a_process_ends_all(plan, runner):
    (plan.folder / results.STOPPED).write_text('{"one": "a", "other": "b"}', encoding="utf8")
    with pytest.raises(RelextError, match="a and b are results of one shard"):
        run_in_processes(plan, runner, 2, tell=print)


class TestAsPlanned:
    @pytest.mark.parametrize(("said", "decided"), [("auto", "bfloat16"), ("float32", None)])
    def test_what_auto_means_is_decided_by_the_plan(self, runner, monkeypatch, said, decided):
        monkeypatch.setattr(asking, "auto_precision", lambda device="cpu": "bfloat16")
        config = {"components": {"transformer": {"model": {"cpu_precision": said}}}}
        monkeypatch.setattr(type(runner.nlp), "config", config)
        assert asking.computed(runner, threads=1)[asking.PRECISION] == decided

    def test_auto_means_what_was_decided_while_a_shard_is_run(self, plan, runner, monkeypatch):
        seen = []
        for precision in ("float32", "bfloat16"):
            monkeypatch.setattr(working, "read_shard", lambda *_: seen.append(computes_in_bfloat16("auto")) or iter([]))
            # Documents that are planned and do not come are an error of the shard.
            assert working.run_shard(_with(plan, precision=precision), runner, 0, skip_errors=True).is_failed
        assert seen == [False, True]

    def test_a_machine_that_has_no_bfloat16_is_refused(self, plan, runner, monkeypatch):
        monkeypatch.setattr(asking, "auto_precision", lambda device="cpu": "float32")
        with pytest.raises(RelextError, match="bfloat16 is planned, and this machine does not compute with it"):
            asking.conform(_with(plan, precision="bfloat16"), runner)
        asking.conform(_with(plan, precision="float32"), runner)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"packages": {"torch": "1.0"}}, r"torch: '1\.0' planned, '"),
            ({"threads": 1, "documents per batch": 7}, r"documents per batch: 7 planned, 2 here"),
            ({"device": "cuda"}, r"device: 'cuda' planned, 'cpu' here"),
            ({"patches": False}, r"patches: False planned, True here"),
        ],
    )
    def test_another_way_to_compute_is_refused_and_told(self, plan, runner, changed, message):
        packages = {**plan.computed["packages"], **changed.pop("packages", {})}
        with pytest.raises(RelextError, match=message):
            asking.conform(_with(plan, packages=packages, **changed), runner)

    def test_another_pipeline_is_refused(self, plan, runner):
        other = replace(plan, asked={**plan.asked, "checksum of the pipeline": "0" * 64})
        with pytest.raises(RelextError, match=r"this worker is not the planned one .checksum of the pipeline: '000"):
            asking.conform(other, runner)

    def test_a_worker_needs_nothing_but_the_plan(self, plan, model):
        again = asking.prepared(Plan.read(plan.folder))
        assert again.settings.model == str(model)
        assert again.settings.batch_size == 2


def _with(plan, **computed):
    return replace(plan, computed={**plan.computed, **computed})


def test_what_differs_is_named_with_its_group(tmp_path):
    planned = {"threshold": {"a": 0.5, "b": 0.6}, "max_pairs": {"a": None, "b": None}, "thresholds of labels": {"ADVISE": 0.5}}
    here = {"threshold": {"a": 0.4, "b": 0.6}, "max_pairs": {"a": None, "b": None}}
    told = r"threshold \(a\): 0\.5 planned, 0\.4 here, thresholds of labels \(ADVISE\): 0\.5 planned, nothing here"
    with pytest.raises(RelextError, match=told):
        asking.refuse_differences(planned, here, tmp_path, "other settings")
