import os

import pytest

from spacy_relext.batch.leases import LEASES, Leases, shard_name
from spacy_relext.batch.status import FINISHED, MERGES, NOTHING, PLANNED, PLANS, RUNS, STARTED, failures, status
from spacy_relext.batch.working import run_shard, work
from spacy_relext.cli.status import duration, lines
from spacy_relext.extraction.storage import Output
from tests.batch.toy import BEAT


@pytest.fixture
def printed(tmp_path):
    return lambda: "\n".join(lines(tmp_path / "out.jsonl.work", Output(tmp_path / "out.jsonl")))


def test_from_nothing_to_the_end(tmp_path, request, printed):
    folder = tmp_path / "out.jsonl.work"
    assert status(folder).state == NOTHING
    (folder / LEASES).mkdir(parents=True)
    with Leases(folder / LEASES, 1.0, "host-1-ab").holding("plan") as lease:
        lease.note = "12 shards"
        lease.beat()
        assert status(folder).state == PLANS
        assert "host-1-ab: plan, 12 shards" in printed()
        lease.beat("free")
    plan, runner = request.getfixturevalue("plan"), request.getfixturevalue("runner")
    assert status(folder).state == PLANNED
    run_shard(plan, runner, 1, skip_errors=True)
    run_shard(plan, runner, 0)
    found = status(folder)
    assert (found.state, found.shards, found.finished, found.failed) == (STARTED, 4, 1, 1)
    assert (found.documents, found.documents_finished, found.left_out) == (15, 4, 1)
    assert [(failure.number, stored) for failure, stored in failures(folder)] == [(0, False), (1, True)]
    with Leases(plan.folder / LEASES, BEAT, "host-2-cd").holding("merge") as lease:
        lease.note = "writing: 0 of 4 shards"
        lease.beat()
        assert status(folder).state == MERGES
        assert "host-2-cd: making the output, writing: 0 of 4 shards" in printed()
        lease.beat("free")
    work(plan, runner, skip_errors=True)
    assert status(folder).state == FINISHED
    assert "8 relations in 12 documents" in printed()
    assert "3 documents or files with errors were left out" in printed()


def test_rate_and_time_left_are_of_the_times_of_the_files(plan, runner, printed, tmp_path):
    for number in range(3):
        run_shard(plan, runner, number, skip_errors=True)
        # Of a machine whose clock is years ahead.
        os.utime(tmp_path / "out.jsonl.work" / "results" / f"{shard_name(number)}.jsonl", (4e9 + 2 * number, 4e9 + 2 * number))
    found = status(plan.folder)
    assert found.per_second == pytest.approx(2.0)  # four documents every two seconds
    assert found.seconds_left == pytest.approx(2.0)
    assert "rate       2.0 documents per second" in printed()
    assert "shards     3 of 4 (75%)" in printed()


def test_results_of_workers_that_began_together_are_no_rate(plan, runner, tmp_path):
    for number in range(2):
        run_shard(plan, runner, number, skip_errors=True)
        os.utime(tmp_path / "out.jsonl.work" / "results" / f"{shard_name(number)}.jsonl", (4e9 + number, 4e9 + number))
    with (
        Leases(plan.folder / LEASES, BEAT, "a").holding(shard_name(2)),
        Leases(plan.folder / LEASES, BEAT, "b").holding(shard_name(3)),
    ):
        assert status(plan.folder).per_second is None


def test_who_works_and_who_is_silent(plan, runner, printed):
    with (
        Leases(plan.folder / LEASES, BEAT, "a").holding(shard_name(2)) as one,
        Leases(plan.folder / LEASES, BEAT, "b").holding(shard_name(3)),
    ):
        assert one is not None
        os.utime(plan.folder / LEASES / f"{shard_name(2)}.lease.1", (1e9, 1e9))
        found = status(plan.folder)
        assert found.state == RUNS
        assert [sign.owner for sign in found.workers] == ["a", "b"]
        assert "a: shard 2, silent for" in printed()
        assert "b: shard 3\n" in printed() + "\n"


def test_errors_are_told_with_their_documents(plan, runner, printed, tmp_path):
    run_shard(plan, runner, 0)
    run_shard(plan, runner, 1, skip_errors=True)
    assert f"shard 0 (failed): {tmp_path / 'in.jsonl'}:4: " in printed()
    assert "--worker --skip-errors runs the shards that failed without such documents." in printed()
    assert f"shard 1 (left out): {tmp_path / 'in.jsonl'}:8: " in printed()


@pytest.mark.parametrize(
    ("seconds", "told"), [(1, "1 second"), (99, "99 seconds"), (600, "10 minutes"), (7500, "2 h 5 min"), (200_000, "2 days 7 h")]
)
def test_durations(seconds, told):
    assert duration(seconds) == told
