"""A cell: what one experiment was, and what came of it, as one JSON file with a field a line.

| field | what |
|---|---|
| `labels` | free names of the cell; the report reads `corpus`, `view`, `summary` and `encoder` |
| `seed` | `[training] seed` of the config |
| `fold` | the test fold, or null: of a cross-validation as a whole, or of no cross-validation |
| `config_path`, `overrides` | the config file, and the settings of the command line over it |
| `config` | the config with these, variables filled in; `paths.train` and `paths.dev` as they were before the cell's data was put there |
| `data` | for `train`, `dev` and `test` (of a whole cross-validation: `folds`) the files and their SHA-256 |
| `checkpoint` | which of spaCy's two pipelines was scored: `last`, or `best` on the development data |
| `threshold` | of the test figures; null in a whole cross-validation, where each fold has its own |
| `threshold_from` | `development`: chosen on the development data; `given`: by the command line |
| `versions` | of Python and the packages that matter |
| `device`, `torch_threads` | CPU or GPU, and torch's threads on the CPU |
| `training_seconds` | `wall` and `processor` time of spaCy's training: initialisation, updates, development scores, checkpoints |
| `development` | figures on the development data at the threshold, or null where there was none |
| `test` | figures on the test data with annotated mentions: `rel_micro_p`, `_r`, `_f`, `rel_macro_f`, `rel_per_type` |
| `documents` | for each test document its `id`, `fold` (0 without folds), and the relations right (`tp`), wrong (`fp`) and missed (`fn`) |

In the cell of a whole cross-validation the figures are means over the folds, `test.pooled` has P, R and F of the counts of all folds
together, and `training_seconds` is the sum; a run that was killed may have gone on elsewhere, so `device` and `versions` may name several
(`join`, `split`).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from spacy_relext.errors import DataError
from spacy_relext.formats.files import whole_file

# The end of the names of folders in which cells are being made; they may hold JSON of other kinds.
WORK = ".work"

# Between the devices, or the versions, that the folds of one cell were trained with.
_JOINT = ", "


@dataclass(frozen=True)
class Description:
    """What an experiment is, known before it is run; the fields are explained above."""

    labels: dict[str, str]
    seed: int
    fold: int | None
    config_path: str
    overrides: dict[str, Any]
    config: dict[str, Any]
    data: dict[str, dict[str, str]]
    checkpoint: str
    threshold: float | None
    threshold_from: str

    def differences(self, other: "Description") -> list[str]:
        """In which fields two experiments are not the same. Data may have moved, and a config too."""
        names = ["labels", "fold", "config", "checkpoint", "threshold_from"]
        if self.threshold_from == "given":
            names.append("threshold")
        different = [name for name in names if getattr(self, name) != getattr(other, name)]
        return different + ["data"] * (self.digests != other.digests)

    @property
    def digests(self) -> dict[str, list[str]]:
        """The checksums of each part of the data."""
        return {part: sorted(files.values()) for part, files in self.data.items()}


@dataclass(frozen=True)
class Cell(Description):
    """A finished experiment."""

    versions: dict[str, str]
    device: str
    torch_threads: int
    training_seconds: dict[str, float]
    development: dict[str, Any] | None
    test: dict[str, Any]
    documents: list[dict[str, Any]]


def write_cell(cell: Cell, path: Path) -> None:
    """Write a cell; a file that is there is complete."""
    lines = (f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in asdict(cell).items())
    with whole_file(path) as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


def read_cell(path: Path) -> Cell:
    """Read a cell. RAISES: DataError where the file is damaged, or something else."""
    cure = "Remove it, and the experiment will be run again."
    try:
        values = json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError) as error:
        raise DataError(f"this is no cell that can be read ({type(error).__name__}: {error}). {cure}", path=path) from error
    names = {field.name for field in fields(Cell)}
    found = values.keys() if isinstance(values, dict) else set()
    if found != names:
        raise DataError(f"this is no complete cell: missing {sorted(names - found)}, unknown {sorted(found - names)}. {cure}", path=path)
    cell = Cell(**values)
    if not _is_sound(cell):
        raise DataError(f"the figures of this cell are not what they should be: see spacy_relext/experiments/cells.py. {cure}", path=path)
    return cell


def find_cells(folder: Path) -> dict[Path, Cell]:
    """All cells below a folder, by path."""
    if not folder.is_dir():
        raise DataError("there is no such folder. `python -m research experiment` and `crossval` write cells.", path=folder)
    paths = sorted(path for path in folder.rglob("*.json") if not any(part.endswith(WORK) for part in path.relative_to(folder).parts))
    return {path: read_cell(path) for path in paths}


def join(names: Iterable[str]) -> str:
    """The different ones among the names of folds, as a whole cross-validation has them."""
    return _JOINT.join(dict.fromkeys(names))


def split(names: str) -> list[str]:
    """The names that were joined."""
    return names.split(_JOINT)


def _is_sound(cell: Cell) -> bool:
    counts = {"id", "fold", "tp", "fp", "fn"}
    objects = (cell.labels, cell.config, cell.data, cell.versions, cell.training_seconds, cell.test)
    return (
        all(isinstance(value, Mapping) for value in objects)
        and isinstance(cell.seed, int)
        and all(isinstance(cell.training_seconds.get(clock), int | float) for clock in ("wall", "processor"))
        and all(_has_figures(scores) for scores in (cell.test, cell.development) if scores is not None)
        and isinstance(cell.documents, list)
        and all(isinstance(document, dict) and document.keys() == counts for document in cell.documents)
    )


def _has_figures(scores: Any) -> bool:
    return isinstance(scores, Mapping) and all(isinstance(scores.get(f"rel_micro_{k}"), int | float) for k in "prf")
