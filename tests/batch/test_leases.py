"""Leases of two owners on a clock that stands where the test puts it."""

import errno
import os
import shutil

import pytest

from spacy_relext.batch import leases as module
from spacy_relext.batch.leases import BEGUN, FREE, STILL, Leases, shard_name, signs


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module.time, "monotonic", clock)
    return clock


@pytest.fixture
def two(tmp_path):
    (tmp_path / "leases").mkdir()
    return Leases(tmp_path / "leases", 1.0, "one"), Leases(tmp_path / "leases", 1.0, "two")


def test_one_holds_what_another_waits_for(two, clock):
    one, other = two
    with one.holding("plan") as lease:
        for _ in range(3 * STILL):
            with other.holding("plan") as second:
                assert second is None
            clock.now += 1
            lease.beat()
        assert lease.is_held()


def test_who_stands_still_for_six_beats_loses(two, clock):
    one, other = two
    with one.holding("plan") as lease:
        for _ in range(STILL):
            with other.holding("plan") as second:
                assert second is None
            clock.now += 1
        with other.holding("plan") as second:
            assert second is not None
            assert second.n == 2
            # It wakes up: whatever its clock says, it finds the higher number.
            lease.beat()
            assert not lease.is_held()
            assert second.is_held()


def test_six_beats_are_counted_from_the_last_sign_of_life(two, clock):
    one, other = two
    with one.holding("plan") as lease:
        for beats in (STILL - 1, STILL - 1, 1):
            with other.holding("plan") as second:
                assert second is None
            clock.now += beats
            lease.beat()
        with other.holding("plan") as second:
            assert second is None


def test_no_wall_clock_is_asked(two, clock, monkeypatch):
    monkeypatch.setattr(module.time, "time", lambda: pytest.fail("the time of day was asked"))
    test_who_stands_still_for_six_beats_loses(two, clock)


def test_what_ends_by_an_error_is_free_at_once(two, clock):
    one, other = two
    with pytest.raises(KeyboardInterrupt), one.holding("plan"):
        raise KeyboardInterrupt
    with other.holding("plan") as lease:
        assert lease.n == 2
    assert other.times_begun("plan", 2) == 1  # what was given back is no attempt


def test_what_was_given_back_is_not_begun_again_by_a_late_beat(two, clock):
    one, other = two
    with one.holding("plan") as lease:
        lease.beat(FREE)
        lease.beat()
        with other.holding("plan") as second:
            assert second is not None


def test_what_ended_well_stays_taken(two, clock):
    one, other = two
    with one.holding("plan"):
        pass
    with other.holding("plan") as lease:
        assert lease is None


def test_of_two_that_claim_at_once_one_holds(two, clock, monkeypatch):
    one, other = two
    lexists = os.path.lexists
    # Neither sees the other's.
    monkeypatch.setattr(module.os.path, "lexists", lambda path: False)
    with one.holding("plan") as first, other.holding("plan") as second:
        monkeypatch.setattr(module.os.path, "lexists", lexists)
        assert first is not None
        assert second is None


def test_a_folder_that_is_deleted_is_not_made_again(two, clock, tmp_path):
    one, other = two
    with one.holding(shard_name(1234)) as lease:
        assert (tmp_path / "leases" / "00001" / "shard-1234.lease.1").exists()
        shutil.rmtree(tmp_path / "leases")
        lease.beat()
        assert not lease.is_held()
    with pytest.raises(FileNotFoundError), other.holding(shard_name(7)):
        pass
    assert not (tmp_path / "leases").exists()


def test_a_full_disk_costs_no_lease(two, clock, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    one, _ = two
    with one.holding("plan") as lease:
        monkeypatch.setattr(module.os, "pwrite", full)
        lease.beat()
        assert lease.is_held()


def test_a_thread_raises_the_counters(tmp_path):
    with Leases(tmp_path, 0.001, "one") as leases, leases.holding("plan") as lease:
        lease.note = "12 shards"
        path = tmp_path / "plan.lease.1"
        before = path.read_bytes()
        while path.read_bytes().split()[0] <= before.split()[0] or b"12 shards" not in path.read_bytes():
            pass
    assert [(sign.owner, sign.name, sign.note) for sign in signs(tmp_path)] == [("one", "plan", "12 shards")]
    lease.beat(FREE)
    assert list(signs(tmp_path)) == []
    assert BEGUN.encode() not in path.read_bytes()
