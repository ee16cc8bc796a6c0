"""A run: what one experiment was, and what came of it, as one JSON file with a field a line.

| field | what |
|---|---|
| `labels` | free names of the run; the report reads `corpus`, `encoding`, `summary` and `encoder` |
| `seed` | `[training] seed` of the config |
| `fold` | the test fold, or null: of the aggregate of a cross-validation, or of no cross-validation |
| `config_path`, `overrides` | the config file, and the settings of the command line over it |
| `config` | the config with these, variables filled in; `paths.train` and `paths.dev` as they were before the run's data was put there |
| `data` | for `train`, `dev` and `test` (of an aggregate: `folds`) the files and their SHA-256 |
| `checkpoint` | which of spaCy's two pipelines was scored: `last`, or `best` on the development data |
| `threshold` | of the test figures; null in an aggregate, where each fold has its own |
| `threshold_from` | `development`: chosen on the development data; `given`: by the command line |
| `versions` | of Python and the packages that matter, and the commit where spacy-relext runs from a clone, with `+` for changed files |
| `device`, `torch_threads` | CPU or GPU, and torch's threads on the CPU |
| `training_seconds` | `wall` and `processor` time of spaCy's training: initialisation, updates, development scores, checkpoints |
| `development` | figures on the development data at the threshold, or null where there was none |
| `test` | figures on the test data with annotated mentions: `rel_micro_p`, `_r`, `_f`, `rel_macro_f`, `rel_per_type` |
| `documents` | for each test document its `id`, `fold` (0 without folds), and the relations right (`tp`), wrong (`fp`) and missed (`fn`) |

In the aggregate of a cross-validation the figures are means over the folds, `test.pooled` has P, R and F of the counts of all folds
together, and `training_seconds` is the sum; one that was killed may have gone on elsewhere, so `device` and `versions` may name several
(`join`, `split`).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from spacy_relext.errors import DataError
from spacy_relext.formats.files import whole_file

# The end of the names of folders in which runs are being made; they may hold JSON of other kinds.
WORK = ".work"

# Between the devices, or the versions, that the folds of one run were trained with.
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
class Run(Description):
    """A finished experiment."""

    versions: dict[str, str]
    device: str
    torch_threads: int
    training_seconds: dict[str, float]
    development: dict[str, Any] | None
    test: dict[str, Any]
    documents: list[dict[str, Any]]


def write_run(run: Run, path: Path) -> None:
    """Write a run; a file that is there is complete."""
    lines = (f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in asdict(run).items())
    with whole_file(path) as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


def read_run(path: Path) -> Run:
    """Read a run. RAISES: DataError where the file is damaged, or something else."""
    cure = "Remove it, and the experiment will be run again."
    try:
        values = json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError) as error:
        raise DataError(f"this is no run that can be read ({type(error).__name__}: {error}). {cure}", path=path) from error
    names = {field.name for field in fields(Run)}
    found = values.keys() if isinstance(values, dict) else set()
    if found != names:
        raise DataError(f"this is no complete run: missing {sorted(names - found)}, unknown {sorted(found - names)}. {cure}", path=path)
    run = Run(**values)
    if not _is_sound(run):
        raise DataError(f"the figures of this run are not what they should be: see spacy_relext/experiments/runs.py. {cure}", path=path)
    return run


def find_runs(folder: Path) -> dict[Path, Run]:
    """All runs below a folder, by path."""
    if not folder.is_dir():
        raise DataError("there is no such folder. `research experiment` and `relext crossval` write runs.", path=folder)
    paths = sorted(path for path in folder.rglob("*.json") if not any(part.endswith(WORK) for part in path.relative_to(folder).parts))
    return {path: read_run(path) for path in paths}


def join(names: Iterable[str]) -> str:
    """The different ones among the names of folds, as the aggregate has them."""
    return _JOINT.join(dict.fromkeys(names))


def split(names: str) -> list[str]:
    """The names that were joined."""
    return names.split(_JOINT)


def _is_sound(run: Run) -> bool:
    counts = {"id", "fold", "tp", "fp", "fn"}
    objects = (run.labels, run.config, run.data, run.versions, run.training_seconds, run.test)
    return (
        all(isinstance(value, Mapping) for value in objects)
        and isinstance(run.seed, int)
        and all(isinstance(run.training_seconds.get(clock), int | float) for clock in ("wall", "processor"))
        and all(_has_figures(scores) for scores in (run.test, run.development) if scores is not None)
        and isinstance(run.documents, list)
        and all(isinstance(document, dict) and document.keys() == counts for document in run.documents)
    )


def _has_figures(scores: Any) -> bool:
    return isinstance(scores, Mapping) and all(isinstance(scores.get(f"rel_micro_{k}"), int | float) for k in "prf")
