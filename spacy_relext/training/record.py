"""Which training a folder holds, and what is in a checkpoint: config, data, versions.

`training.json` of a folder has:

| field | what |
|---|---|
| `config` | the settings with variables filled in, by dotted name; a file or folder that is read is its SHA-256, wherever it lies |
| `versions` | of Python and the packages that matter |
| `machine` | what decides whether results are the same to the last bit, beside these |
| `finished` | null, or the number of updates, and the seconds that all of it took |
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from spacy_relext.devices import device_name
from spacy_relext.errors import DataError
from spacy_relext.formats.files import sha256, whole_file
from spacy_relext.ml.patches import SWITCH, enabled
from spacy_relext.versions import versions

RECORD, CHECKPOINT, LOCKED = "training.json", "checkpoint.pt", "training"
CURE = "Begin anew with `overwrite=True`, or name another folder."
# What reads files, and how settings are called that name a folder: others are no paths, whatever lies where the command runs.
_READING = ("corpora", "initialize", "components")
_FOLDERS = ("path", "folder", "dir", "directory", "name", "source", "vectors", "init_tok2vec")
# How many differences are told.
_MOST = 5


@dataclass
class Record:
    """What stands in `training.json`."""

    config: dict[str, Any]
    versions: dict[str, str]
    machine: dict[str, Any]
    finished: dict[str, float] | None = None

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        with whole_file(folder / RECORD, within=folder) as file:
            file.write(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")

    def differences(self, other: "Record") -> list[str]:
        """What is not the same in another one, told for a reader. Another machine is no other training."""
        found = _different(other.config, self.config) + _different(other.versions, self.versions)
        return found[:_MOST] + ([f"{len(found) - _MOST} more"] if len(found) > _MOST else [])


def _told(values: Mapping[str, Any], name: str) -> str:
    return json.dumps(values[name], ensure_ascii=False) if name in values else "not set"


def new_record(config: Mapping[str, Any], *, gpu_id: int, code: Path | None) -> Record:
    """The record of a training that is to be. config: As `read_config` gives it."""
    settings = {name: _with_digest(name, value) for name, value in _flat(config) if not name.startswith("paths.")}
    if code is not None:
        settings["code"] = f"sha256:{sha256(code)}"
    machine = {"device": device_name(gpu_id), "torch threads": torch.get_num_threads(), SWITCH: enabled()}
    # As JSON has them.
    return Record(json.loads(json.dumps(settings)), versions(), machine)


def different_machine(found: Record, record: Record) -> str:
    """What is not the same of two machines, told for a reader."""
    return "; ".join(_different(found.machine, record.machine))


def _different(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    names = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    return [f"{name} {_told(then, name)} then, {_told(now, name)} now" for name in names]


def read_record(folder: Path) -> Record | None:
    """The record of a folder; None where there is none. RAISES: DataError for what is no record."""
    path = folder / RECORD
    if not path.exists():
        return None
    try:
        found = Record(**json.loads(path.read_text(encoding="utf8")))
        for part in (found.config, found.versions, found.machine, found.finished or {}):
            part.keys()
        if found.finished is not None:
            found.finished = {name: float(found.finished[name]) for name in ("steps", "wall", "processor")}
        return found
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise DataError(
            f"this is no record of a training that can be read ({type(error).__name__}: {error}). {CURE}",
            path=path,
        ) from error


def _flat(section: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in section.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _with_digest(name: str, value: Any) -> Any:
    """A setting, or what the file or folder holds that it names."""
    section, last = name.partition(".")[0], name.rpartition(".")[2]
    if section not in _READING or last in ("factory", "lang") or last.startswith("@") or not isinstance(value, str):
        return value
    path = Path(value)
    try:
        return f"sha256:{sha256(path)}" if path.is_file() or (last.endswith(_FOLDERS) and value and path.is_dir()) else value
    except OSError:  # a name too long for a file
        return value
