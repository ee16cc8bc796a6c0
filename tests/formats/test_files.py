"""Outputs are there as a whole or not at all, wherever a path leads; only what is ours is touched."""

import errno
import os
import socket
import stat
import sys
import threading
from pathlib import Path

import pytest
import spacy

from spacy_relext.corpus import read_docs
from spacy_relext.errors import DataError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.formats.catalogue import READABLE, get_format
from spacy_relext.formats.files import find_files, put_in_place, whole_file, whole_folder, whole_path
from spacy_relext.formats.reading import Reading


def write(path, text="new"):
    with whole_file(path) as file:
        file.write(text)


def names(folder):
    return sorted(os.listdir(folder))


def test_a_file_is_replaced_when_it_is_whole_and_keeps_its_rights(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    write(path, "old")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    path.chmod(0o640)

    def fail_half_way():
        with whole_file(path) as file:
            file.write("half")
            assert path.read_text(encoding="utf8") == "old"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert (path.read_text(encoding="utf8"), names(path.parent)) == ("old", ["a.txt"])
    write(path)
    assert (path.read_text(encoding="utf8"), names(path.parent)) == ("new", ["a.txt"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_lies_beside_the_output_is_left_alone(tmp_path):
    for name in ("a.txt.part", "a.part", "a"):
        (tmp_path / name).mkdir() if name == "a" else (tmp_path / name).write_text("mine", encoding="utf8")
    write(tmp_path / "a.txt")
    with whole_folder(tmp_path / "a") as folder:
        (folder / "one").write_text("1", encoding="utf8")
    assert names(tmp_path) == ["a", "a.part", "a.txt", "a.txt.part"]
    assert (tmp_path / "a.part").read_text(encoding="utf8") == (tmp_path / "a.txt.part").read_text(encoding="utf8") == "mine"
    assert names(tmp_path / "a") == ["one"]


@pytest.mark.parametrize("there", [True, False])
def test_the_target_of_a_link_is_written(tmp_path, there):
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "target.txt"
    if there:
        target.write_text("old", encoding="utf8")
    (tmp_path / "middle").symlink_to("far/target.txt")
    (tmp_path / "link.txt").symlink_to(tmp_path / "middle")
    write(tmp_path / "link.txt")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "middle").is_symlink()
    assert (target.read_text(encoding="utf8"), target.is_symlink(), names(target.parent)) == ("new", False, ["target.txt"])


def test_the_target_of_a_link_to_a_folder(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to("far")
    with pytest.raises(DataError, match=r"link: it is a folder\. Name a file"):
        write(tmp_path / "link")
    with whole_folder(tmp_path / "link") as folder:
        (folder / "one").write_text("1", encoding="utf8")
    assert ((tmp_path / "link").is_symlink(), names(tmp_path / "far")) == (True, ["one"])
    with pytest.raises(DataError, match=r"link: it exists already, and is no empty folder"), whole_folder(tmp_path / "link"):
        pytest.fail("it is not to be entered")


def test_links_in_a_circle(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(DataError, match=r"/a: its links lead round in a circle"):
        write(tmp_path / "a")
    with pytest.raises(DataError, match=r"a/b\.txt: it cannot be written: "):
        write(tmp_path / "a" / "b.txt")


def test_a_device_stays_a_device():
    before = os.stat(os.devnull)
    with whole_path(Path(os.devnull)) as made:
        made.write_bytes(b"gone")
    after = os.stat(os.devnull)
    assert (before.st_mode, before.st_rdev, before.st_ino) == (after.st_mode, after.st_rdev, after.st_ino)
    assert stat.S_ISCHR(after.st_mode)


def test_a_named_pipe_is_written_through(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf8")))
    reader.start()
    write(tmp_path / "link", "x" * 200_000)
    reader.join()
    assert read == ["x" * 200_000]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names(tmp_path) == ["link", "pipe"]
    with pytest.raises(DataError, match="a folder is to be written, and it is none"), whole_folder(pipe):
        pytest.fail("it is not to be entered")


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("mode", ["w", "a"])
def test_standard_output_is_written_where_it_stands(tmp_path, name, mode):
    """Also where it is a file, which has something in it already, and gets more."""
    if not os.path.exists(name):
        pytest.skip(f"there is no {name}")
    (tmp_path / "out").write_text("before\n" if mode == "a" else "", encoding="utf8")
    pid = os.fork()
    if not pid:
        try:
            os.dup2(os.open(tmp_path / "out", os.O_WRONLY | {"w": os.O_TRUNC, "a": os.O_APPEND}[mode]), 1)
            sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
            print("first")
            write(Path(name), "second\n")
            print("third", flush=True)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    expected = ["before"] * (mode == "a") + ["first", "second", "third"]
    assert (tmp_path / "out").read_text(encoding="utf8").splitlines() == expected
    assert names(tmp_path) == ["out"]


def test_other_things_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(DataError, match=r"socket: it is a socket\. Name a file"):
            write(tmp_path / "socket")
        assert stat.S_ISSOCK(os.stat("socket").st_mode)
    (tmp_path / "file").write_text("", encoding="utf8")
    with pytest.raises(DataError, match=r"file/a: it cannot be written: (Not a directory|File exists)"):
        write(tmp_path / "file" / "a")
    with pytest.raises(DataError, match=r"it cannot be written: File name too long"):
        write(tmp_path / ("x" * 300))


def test_names_that_are_none(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    for name in (".", "..", "/"):
        with pytest.raises(DataError, match="it is a folder"):
            write(Path(name))


def test_a_folder_replaces_an_empty_one_and_a_file_a_file(tmp_path):
    for name in ("made", "place"):
        (tmp_path / name).mkdir()
    (tmp_path / "made" / "x").touch()
    put_in_place(tmp_path / "made", tmp_path / "place")
    assert (names(tmp_path), names(tmp_path / "place")) == (["place"], ["x"])


def test_links_that_lead_nowhere_are_found_to_be_errors(tmp_path):
    (tmp_path / "a.txt").symlink_to("nothing")
    (tmp_path / "b.txt").mkdir()
    (tmp_path / "b.txt" / "c.txt").touch()
    assert [path.relative_to(tmp_path).as_posix() for path in find_files(tmp_path, (".txt",))] == ["a.txt", "b.txt/c.txt"]


def test_a_folder_that_cannot_be_searched_is_an_error_of_it(tmp_path, monkeypatch):
    """Whatever searches folders: their files would be passed over in silence."""
    closed = tmp_path / "data" / "closed"
    closed.mkdir(parents=True)
    for name in ("a.txt", "a.jsonl", "test_0.json", "x_abstracts.tsv", "a.spacy"):
        (tmp_path / "data" / name).write_text("text", encoding="utf8")
    scandir = os.scandir

    def refuse(path):
        if str(path) == str(closed):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    reads = {name: lambda name=name: list(get_format(name).read(tmp_path / "data", Reading(list().append))) for name in READABLE}
    reads["extract"] = lambda: Inputs([str(tmp_path / "data")])
    reads["extract --format brat"] = lambda: Inputs([str(tmp_path / "data")], "brat")
    reads["train"] = lambda: list(read_docs(tmp_path / "data", spacy.blank("en")))
    for read in reads.values():
        with pytest.raises(DataError, match="the folder cannot be read: Permission denied") as caught:
            read()
        assert str(caught.value.path) == str(closed)
