"""One process at a time, whatever others do meanwhile."""

import sys

import pytest
from filelock import FileLock, Timeout

from spacy_relext import locks
from spacy_relext.locks import claimed


def test_lock_is_held_and_leaves_nothing(tmp_path):
    output = tmp_path / "a folder" / "out.jsonl"
    with claimed(output):
        with pytest.raises(Timeout), claimed(output):
            pass
        assert (tmp_path / "a folder" / "out.jsonl.lock").exists()
    assert list(output.parent.iterdir()) == []
    with pytest.raises(ZeroDivisionError), claimed(output):
        raise ZeroDivisionError
    assert list(output.parent.iterdir()) == []


def test_lock_that_somebody_removed(tmp_path):
    with claimed(tmp_path / "out.jsonl"):
        (tmp_path / "out.jsonl.lock").unlink()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no file that is open can be removed there")
def test_file_that_was_removed_while_it_was_waited_for_is_no_lock(tmp_path, monkeypatch):
    """Another process ends between our opening of the file and our locking it, and a third one takes its place."""
    import fcntl

    output, lock = tmp_path / "out.jsonl", tmp_path / "out.jsonl.lock"
    flock, third = fcntl.flock, FileLock(lock)

    def slow(*args):
        monkeypatch.undo()
        lock.unlink()
        third.acquire()
        return flock(*args)

    monkeypatch.setattr(fcntl, "flock", slow)
    with pytest.raises(Timeout), claimed(output):
        pass
    assert third.is_locked
    third.release()


def test_open_files_are_not_removed_on_windows(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_WINDOWS", True)
    monkeypatch.setattr("pathlib.Path.unlink", None)
    with claimed(tmp_path / "out.jsonl"):
        pass
