"""One process at a time, whatever others do meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest
from filelock import Timeout

from spacy_relext import locks
from spacy_relext.locks import lock


def test_lock_is_held_and_leaves_nothing(tmp_path):
    output = tmp_path / "a folder" / "out.jsonl"
    with lock(output):
        with pytest.raises(Timeout), lock(output):
            pass
        assert (tmp_path / "a folder" / "out.jsonl.lock").exists()
    assert list(output.parent.iterdir()) == []
    with pytest.raises(ZeroDivisionError), lock(output):
        raise ZeroDivisionError
    assert list(output.parent.iterdir()) == []


def test_lock_that_somebody_removed(tmp_path):
    with lock(tmp_path / "out.jsonl"):
        (tmp_path / "out.jsonl.lock").unlink()
    assert list(tmp_path.iterdir()) == []


def test_only_one_has_it_where_many_come_and_go(tmp_path):
    """Each removes the file at its end, which another may have opened just before."""
    inside, most, times = [], [0], [0]

    def come_and_go(number):
        for _ in range(300):
            with suppress(Timeout), lock(tmp_path / "out.jsonl"):
                inside.append(number)
                most[0] = max(most[0], len(inside))
                times[0] += 1
                inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert most == [1]
    assert times[0] > 0
    assert list(tmp_path.iterdir()) == []


def test_open_files_are_not_removed_on_windows(tmp_path, monkeypatch):
    """They are left to filelock, which frees them first."""

    @contextmanager
    def held(path, timeout):
        path.touch()
        yield

    monkeypatch.setattr(locks, "_WINDOWS", True)
    monkeypatch.setattr(locks, "FileLock", held)
    with lock(tmp_path / "out.jsonl"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl.lock"]
