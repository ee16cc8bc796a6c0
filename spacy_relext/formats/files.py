"""Files and folders: those that are there to read, and the one way in which outputs are written: complete, or not at all.

An output goes where its links lead. A regular file is replaced by one that was written in a folder of its own beside it, with a name that
nobody can foresee. Devices that are read by characters, pipes and open files (/dev/stdout) are written through, when all is made. Anything
else, a folder or a socket, is refused.
"""

import hashlib
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from spacy_relext.errors import DataError

IN_CAPITALS = "files whose names differ from another one by capitals alone"
# The folders in which outputs are made; a run that is killed leaves one.
TEMPORARY = ".relext-"
# As many links as Linux follows.
MOST_LINKS = 40
# The folders of the open files of a process.
DESCRIPTORS = re.compile(r"/dev/fd|/proc/(?P<process>\d+)(/task/\d+)?/fd")


def find_files(path: Path, suffixes: tuple[str, ...], hint: str = "") -> list[Path]:
    """The file itself, or those of a folder and the folders in it. Links that lead nowhere are among them, to be errors when they are read.

    hint: What to say of a folder that holds none.
    """
    files = [path]
    if path.is_dir():
        files = sorted(file for file in files_in(path) if file.suffix.lower() in suffixes)
    if not files:
        raise DataError(f"the folder holds no {' or '.join(suffixes)} file. {hint}".strip(), path=path)
    return files


def files_in(folder: Path) -> Iterator[Path]:
    """What is to be read of a folder and the folders in it, by name. RAISES: DataError for a folder that cannot be searched."""
    return (folder / name for name in names_in(folder))


def names_in(folder: Path | str) -> Iterator[str]:
    """The same as names that begin in the folder: "a/1.txt". The names of one folder are held at a time, and of those that it is in.

    Links to folders are not followed.
    """
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except NotADirectoryError:
        return
    except OSError as error:
        raise DataError(f"the folder cannot be read: {error.strerror or error}.", path=error.filename) from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from (f"{entry.name}/{name}" for name in names_in(entry.path))
        elif entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path)):
            yield entry.name


def files_by_document(path: Path, suffixes: tuple[str, ...], leave_out: Callable[[str, str], None]) -> dict[Path, dict[str, Path]]:
    """The files of documents that have one for each of several suffixes: those of a folder and the folders in it, or those beside a file.

    leave_out: Is told of those whose names differ from another one by the capitals of the suffix alone.
    RETURNS: For each place without a suffix, in order, the files by their suffixes in small letters.
    RAISES: DataError for a folder that cannot be searched, and where there is none.
    """
    if path.is_dir():
        found = list(files_in(path))
    else:
        with read_errors(path):
            found = [path, *(file for file in path.parent.iterdir() if file.stem == path.stem and file != path and is_to_be_read(file))]
    documents: dict[Path, dict[str, Path]] = {}
    # Small letters come before capitals, and the file that is named before all.
    for file in sorted(found, key=lambda file: (file != path, file.with_suffix(""), file.suffix.swapcase())):
        if file.suffix.lower() in suffixes:
            first = documents.setdefault(file.with_suffix(""), {}).setdefault(file.suffix.lower(), file)
            if first != file:
                leave_out(IN_CAPITALS, str(file))
    if not documents:
        *others, last = suffixes
        raise DataError(f"expected a folder with {', '.join(others)} and {last} files, or one of them; there is none.", path=path)
    return documents


def is_to_be_read(file: Path) -> bool:
    """Whether what a folder holds is a file, or a link that leads nowhere, which is better an error than left out in silence."""
    return file.is_file() or (file.is_symlink() and not file.exists())


def sha256(path: Path) -> str:
    """That of the bytes of a file, as `sha256sum` prints it, or of the names and bytes of all files in a folder.

    RAISES: DataError for what cannot be read.
    """
    if not path.is_dir():
        with read_errors(path), path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    found = hashlib.sha256()
    for file in files_in(path):
        found.update(os.fsencode(file.relative_to(path)) + b"\0" + bytes.fromhex(sha256(file)))
    return found.hexdigest()


@contextmanager
def read_errors(path: Path | str | None) -> Iterator[None]:
    """What the system says while a file is read, as an error of this file."""
    try:
        yield
    except OSError as error:
        raise DataError(f"it cannot be read: {error.strerror or error}.", path=path) from error


@dataclass(frozen=True)
class Target:
    """Where an output goes, its links followed.

    is_stream: It is written through. descriptor: The number of an open file of this process.
    """

    path: Path
    is_stream: bool = False
    descriptor: int | None = None

    @property
    def is_folder(self) -> bool:
        """Whether there is a folder."""
        return not self.is_stream and self.path.is_dir()

    @property
    def is_file(self) -> bool:
        """Whether there is a file."""
        return not self.is_stream and self.path.is_file()


def target_of(path: Path) -> Target:
    """Where an output goes.

    RAISES: DataError for links that lead round in a circle, and for what is neither file, folder, device nor pipe.
    """
    with _write_errors(path):
        # An absolute path without .. in it, which the system takes after the links before it.
        seen = Path(os.path.realpath(path.parent)) / path.name if path.name not in ("", "..") else path.resolve()
        for _ in range(MOST_LINKS):
            folder = os.path.realpath(seen.parent)
            open_file = DESCRIPTORS.fullmatch(folder) if seen.name.isdecimal() else None
            if open_file and open_file["process"] in (None, str(os.getpid())):
                return Target(seen, is_stream=True, descriptor=int(seen.name))
            if not seen.is_symlink():
                return _target_without_links(seen, path)
            seen = Path(folder, os.readlink(seen))
    raise DataError("its links lead round in a circle. Name a file.", path=path)


def _target_without_links(seen: Path, path: Path) -> Target:
    try:
        mode = seen.stat().st_mode
    except FileNotFoundError:
        return Target(seen)
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return Target(seen)
    if stat.S_ISCHR(mode) or stat.S_ISFIFO(mode):
        return Target(seen, is_stream=True)
    kind = "a socket" if stat.S_ISSOCK(mode) else "a device of blocks" if stat.S_ISBLK(mode) else "no regular file"
    raise DataError(f"it is {kind}. Name a file to write.", path=path)


def _file_target(path: Path) -> Target:
    target = target_of(path)
    if target.is_folder:
        raise DataError("it is a folder. Name a file to write.", path=path)
    return target


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Refuse to replace a file that is there, and not empty, unless it is to be overwritten. RAISES: DataError."""
    target = target_of(path)
    if target.is_file and target.path.stat().st_size and not overwrite:
        raise DataError("this file exists already. Name another output, or replace it with `overwrite=True`.", path=path)


def require_writable(path: Path) -> None:
    """Whether a file can be written there, asked before its content is computed. RAISES: DataError, as `whole_path` does."""
    with _place_for(path, _file_target(path)):
        pass


@contextmanager
def whole_file(path: Path, *, within: Path | None = None) -> Iterator[TextIO]:
    """Open a text file to write as `whole_path` does: in UTF-8, and with the ends of lines as they are given, on every system."""
    with whole_path(path, within=within) as made, made.open("w", encoding="utf8", newline="") as file:
        yield file


@contextmanager
def whole_path(path: Path, *, within: Path | None = None) -> Iterator[Path]:
    """Give a place to write to, and put what is there to its own place when all went well: a file that is there is complete.

    within: The folder in which it is made, on the same file system, instead of beside its place. What is made there outlives a power cut,
        too: it is on the disk before it is in its place.
    RAISES: DataError for what cannot be written.
    """
    target = _file_target(path)
    with _place_for(path, target, within) as made:
        yield made
        with _write_errors(path):
            if target.is_stream:
                _pour(made, target)
                return
            if within is not None:
                sync(made)
            put_in_place(made, target.path)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to write into, beside its place, which is put there when all went well. RAISES: DataError where something is there."""
    target = target_of(path)
    if target.is_stream:
        raise DataError("a folder is to be written, and it is none. Name a new one.", path=path)
    if target.is_file or (target.is_folder and any(target.path.iterdir())):
        raise DataError("it exists already, and is no empty folder; folders are not replaced. Name a new one, or delete it.", path=path)
    with _place_for(path, target) as made:
        made.mkdir()
        yield made
        with _write_errors(path):
            put_in_place(made, target.path)


def sync(path: Path) -> None:
    """See to it that a file, or all in a folder, is on the disk."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())


def put_in_place(made: Path, place: Path) -> None:
    """Put a file, or a folder, in the place of the file, or the empty folder, that may be there, on the same file system."""
    if place.is_dir():
        place.rmdir()
    elif place.exists():
        shutil.copymode(place, made)
    os.replace(made, place)


@contextmanager
def _place_for(path: Path, target: Target, within: Path | None = None) -> Iterator[Path]:
    """A path in a new folder, of the same name: some libraries go by the suffix. Beside its target, which may be on any file system."""
    with _write_errors(path):
        if target.is_stream:
            folder = TemporaryDirectory(prefix=TEMPORARY)
        else:
            beside = within or target.path.parent
            beside.mkdir(parents=True, exist_ok=True)
            folder = TemporaryDirectory(prefix=TEMPORARY, dir=beside)
    with folder as name:
        yield Path(name) / (target.path.name if path.name in ("", "..") else path.name)


def _pour(made: Path, target: Target) -> None:
    """Write what is made through to a device, a pipe or an open file, behind what is there."""
    with made.open("rb") as source:
        if target.descriptor is None:
            with target.path.open("wb") as stream:
                shutil.copyfileobj(source, stream)
        else:
            sys.stdout.flush()
            # Not opened anew, which would begin at the start of a file again.
            with os.fdopen(os.dup(target.descriptor), "wb") as stream:
                shutil.copyfileobj(source, stream)


@contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    """What the system says of an output, as an error of it."""
    try:
        yield
    except BrokenPipeError:  # the next command of a pipe has ended, which is no error
        raise
    except OSError as error:
        raise DataError(f"it cannot be written: {error.strerror or error}.", path=path) from error
