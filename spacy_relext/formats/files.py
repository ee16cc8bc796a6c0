"""Files and folders: those that are there to read, and those that are there only when they are complete."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from spacy_relext.errors import DataError


def find_files(path: Path, suffixes: tuple[str, ...], hint: str = "") -> list[Path]:
    """The file itself, or those of a folder and the folders in it.

    hint: What to say of a folder that holds none.
    """
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in suffixes and file.is_file())
    if not files:
        raise DataError(f"the folder holds no {' or '.join(suffixes)} file. {hint}".strip(), path=path)
    return files


@contextmanager
def whole_file(path: Path, *, newline: str | None = None) -> Iterator[TextIO]:
    """Open a text file to write as `whole_path` does."""
    with whole_path(path) as partial, partial.open("w", encoding="utf8", newline=newline) as file:
        yield file


@contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """Give a place to write to, and put what is there to its own place when all went well: a file that is there is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to write into, beside its place, which is put there when all went well. RAISES: DataError where something is there."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise DataError("it exists already, and is no empty folder. Name a new one.", path=path)
    path = path.resolve()
    partial = path.with_name(path.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
    partial.mkdir(parents=True)
    try:
        yield partial
        if path.exists():
            path.rmdir()
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
