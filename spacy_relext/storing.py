"""Pipelines that are stored over their folder: no run that is stopped, and no two at once, leave settings that do not belong together."""

import filecmp
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from weakref import WeakKeyDictionary

from filelock import Timeout
from spacy.language import Language

from spacy_relext.card import MARKER
from spacy_relext.errors import RelextError
from spacy_relext.formats.files import TEMPORARY, put_in_place
from spacy_relext.locks import lock
from spacy_relext.notices import logger
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.pipeline.settings import given_beside, to_json

# What is in the files of settings.
Settings = dict[Path, bytes]
# How long to wait for another run that stores in the same folder, in seconds.
PATIENCE = 60.0

_loaded: WeakKeyDictionary[Language, tuple[Path, Settings]] = WeakKeyDictionary()


def settings_of(folder: Path) -> Settings:
    """What commands change in the folder of a pipeline; nothing of what is no folder."""
    files = [folder / "config.cfg", folder / "meta.json", *sorted(folder.glob("*/cfg"))]
    return {file: file.read_bytes() for file in files if file.is_file()}


def note_loaded(nlp: Language, folder: Path, settings: Settings) -> None:
    """Keep what was in the folder of a pipeline before it was loaded, so that `store` takes nothing back that others store meanwhile."""
    _loaded[nlp] = (folder, settings)


def require_storable(folder: Path) -> None:
    """Whether a pipeline can be stored over its folder, asked before anything is computed. RAISES: RelextError."""
    try:
        with _place_beside(folder):
            pass
    except OSError as error:
        raise RelextError(f"{folder}: nothing can be stored in this folder: {error.strerror or error}. Copy the pipeline.") from error


def store(nlp: Language, folder: Path) -> None:
    """Store a pipeline over one that is there: what differs is written beside it, and takes its place file by file.

    A run that is stopped leaves each file as it was or as it is to be, and what is loaded then has the thresholds and the calibration from
    before, or those from after; other files of the folder stay.
    RAISES: RelextError where another run has stored in the folder since the pipeline was loaded from it, or still does.
    """
    try:
        with lock(_beside(folder) / f"{folder.resolve().name}.store", timeout=PATIENCE), _place_beside(folder) as beside:
            loaded_from, settings = _loaded.get(nlp, (None, {}))
            if loaded_from == folder and settings != settings_of(folder):
                raise RelextError(
                    f"{folder}: another run has stored in this folder since the pipeline was loaded, and what it stored would be lost. "
                    "Nothing is stored. Run this again."
                )
            made = beside / "model"
            nlp.to_disk(made)
            _put_settings_first(nlp, beside, folder)
            for file in sorted(file for file in made.rglob("*") if file.is_file()):
                _put(file, folder / file.relative_to(made))
            if loaded_from == folder:
                note_loaded(nlp, folder, settings_of(folder))
        _say_that_the_card_is_old(folder)
    except Timeout as error:
        raise RelextError(f"{folder}: another run stores in this folder, and does not end. Nothing is stored. Run this again.") from error


def _say_that_the_card_is_old(folder: Path) -> None:
    readme = folder / "README.md"
    if readme.is_file() and MARKER in readme.read_text(encoding="utf8", errors="replace"):
        logger.warning("%s: this card describes the pipeline as it was before. Write it again: relext card %s", readme, folder)


def _put_settings_first(nlp: Language, beside: Path, folder: Path) -> None:
    """Put the settings of extractors in their places, before the config of the pipeline, which would be taken for what a user gives anew.

    So they are stored as given by the config that is still there, and once more as by that which comes.
    """
    for name, pipe in nlp.components:
        place = folder / name / "cfg"
        if isinstance(pipe, RelationExtractor) and place.is_file():
            made = beside / "cfg"
            made.write_text(to_json(given_beside(pipe.cfg, folder / name)), encoding="utf8")
            _put(made, place)


def _put(file: Path, place: Path) -> None:
    if not place.is_file() or not filecmp.cmp(file, place, shallow=False):
        place.parent.mkdir(parents=True, exist_ok=True)
        put_in_place(file, place)


@contextmanager
def _place_beside(folder: Path) -> Iterator[Path]:
    """A new folder on the file system of another one."""
    with TemporaryDirectory(dir=_beside(folder), prefix=TEMPORARY) as name:
        yield Path(name)


def _beside(folder: Path) -> Path:
    """Where something can be made that is to be put into a folder: beside it, or in it where it is mounted, or nothing can be beside it."""
    real = folder.resolve()
    parent = real.parent
    return real if parent.stat().st_dev != real.stat().st_dev or not os.access(parent, os.W_OK | os.X_OK) else parent
