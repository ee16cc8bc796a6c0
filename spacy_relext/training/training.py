"""`spacy_relext.train`: `spacy train` that goes on where it was stopped.

The folder that is made:

| in it | what |
|---|---|
| `training.json` | which training it is, and whether it is finished (`record`) |
| `checkpoint.pt` | all that is needed to go on (`loop`), until it is finished |
| `model-best`, `model-last` | as `spacy train` stores them |
"""

import pickle
import shutil
import signal
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
from filelock import Timeout
from spacy.training.initialize import init_nlp
from spacy.training.loop import DIR_MODEL_BEST, DIR_MODEL_LAST
from spacy.util import import_file, load_config
from thinc.api import ConfigValidationError

from spacy_relext.configs import read_config
from spacy_relext.devices import use_gpu
from spacy_relext.encoders import require_encoders
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.files import TEMPORARY, whole_path
from spacy_relext.locks import lock
from spacy_relext.notices import counted, logger
from spacy_relext.training.loop import BEFORE, PARTS, Loop
from spacy_relext.training.record import CHECKPOINT, CURE, LOCKED, RECORD, Record, different_machine, new_record, read_record

# Between checkpoints, unless it is said otherwise.
MINUTES = 10.0
# Signals that end a process: Ctrl-C, batch systems, a terminal that is closed. Windows has no SIGHUP.
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
MODELS = (DIR_MODEL_BEST, DIR_MODEL_LAST)
# What a run that is killed may leave in a folder of its own.
OURS = {RECORD, CHECKPOINT, *MODELS, *(f"{name}{BEFORE}" for name in MODELS)}


@dataclass(frozen=True)
class Training:
    """What `train` made.

    model_best, model_last (Path): The trained pipelines. steps (int): Updates. seconds (Dict[str, float]): `wall` and `processor` time of
    all runs. went_on_at (int | None): The updates that were done before, where a training went on. trained (bool): False where it was
    finished before.
    """

    model_best: Path
    model_last: Path
    steps: int
    seconds: dict[str, float]
    went_on_at: int | None
    trained: bool


def train(
    config: str | Path,
    output: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    code: str | Path | None = None,
    checkpoint_minutes: float = MINUTES,
    checkpoint_steps: int | None = None,
    overwrite: bool = False,
    gpu_id: int = -1,
    stdout: IO[str] | None = None,
    stderr: IO[str] | None = None,
) -> Training:
    """Train a config as `spacy train` does, and go on where a run was stopped or killed, with the results of one that was not.

        train("config.cfg", "training", overrides={"paths.train": "train.spacy", "paths.dev": "dev.spacy"})

    config: One of spaCy's. overrides: Settings over it: {"training.max_steps": 1000}. code: A Python file with registered functions.
    output: A folder: model-best and model-last, and a checkpoint until it is finished. What is finished is not done again.
    checkpoint_minutes: How often a checkpoint is written. checkpoint_steps: After so many updates instead.
    overwrite: Begin anew, whatever the folder holds of a training. gpu_id: Where it is trained; -1: on the CPU.
    stdout, stderr: For the logger of the config; None: those of the process.
    RAISES: RelextError for a config that cannot be trained, a folder with another training, a checkpoint that cannot be read or written,
        and where another process trains there.
    """
    folder = Path(output)
    return train_into(
        folder,
        Path(config),
        dict(overrides or {}),
        code=None if code is None else Path(code),
        every=Every(checkpoint_minutes, checkpoint_steps),
        on_other=replace if overwrite else refuse,
        overwrite=overwrite,
        gpu_id=gpu_id,
        stdout=stdout,
        stderr=stderr,
    )


@dataclass(frozen=True)
class Every:
    """How often a checkpoint is written. RAISES: RelextError for what is no interval."""

    minutes: float = MINUTES
    steps: int | None = None

    def __post_init__(self) -> None:
        if self.minutes < 0 or (self.steps is not None and self.steps < 1):
            raise RelextError(
                f"checkpoint_minutes is {self.minutes} and checkpoint_steps {self.steps}; expected 0 minutes or more, or 1 step or more."
            )

    def is_due(self, step: int, last: float) -> bool:
        """Whether it is time. step: The last one that is done, from 0. last: When there was one, by `time.monotonic`."""
        return (step + 1) % self.steps == 0 if self.steps is not None else time.monotonic() - last >= 60 * self.minutes


def refuse(error: DataError) -> None:
    """Leave alone what a folder holds of another training."""
    raise error


def replace(error: DataError) -> None:
    """Begin anew where a folder holds another training."""


def warn_and_replace(error: DataError) -> None:
    """Begin anew where a folder holds another training, and say so."""
    logger.warning("%s: %s The training begins anew.", error.path, error.message.removesuffix(CURE).strip())


def train_into(
    folder: Path,
    config: Path,
    overrides: dict[str, Any],
    *,
    code: Path | None = None,
    every: Every = Every(),
    on_other: Callable[[DataError], None] = refuse,
    overwrite: bool = False,
    gpu_id: int = -1,
    stdout: IO[str] | None = None,
    stderr: IO[str] | None = None,
) -> Training:
    """As `train`. on_other: What is done where the folder holds another training; where nothing is raised, it is replaced."""
    since = time.perf_counter(), time.process_time()
    out = stdout or sys.stdout
    settings = read_config(config, overrides)
    try:
        with _removed_if_empty(folder), lock(folder / LOCKED):
            if code is not None:
                import_file("python_code", code)
            use_gpu(gpu_id)
            record = new_record(settings, gpu_id=gpu_id, code=code)
            _clean(folder)
            found = None if overwrite else _same(folder, record, on_other)
            if found is not None and found.finished is not None:
                (folder / CHECKPOINT).unlink(missing_ok=True)
                return _made(folder, found, None, trained=False)
            state = _read(folder, on_other) if found is not None else None
            require_encoders(settings)
            nlp = init_nlp(load_config(config, overrides=overrides, interpolate=False), use_gpu=gpu_id)
            loop = Loop(nlp, folder, gpu_id=gpu_id, since=since, stdout=out, stderr=stderr or sys.stderr)
            n_done = None
            if state is None:
                _begin(folder, record)
            else:
                n_done = state["position"]["step"] + 1
                out.write(f"Goes on after {counted(n_done, 'update', 'updates')}, from {folder / CHECKPOINT}\n")
                loop.go_on(state)
                del state
            signals = _run(loop, folder, record, every)
    except Timeout:
        raise RelextError(f"another process trains into {folder}. Name another folder, or wait.") from None
    except ConfigValidationError as error:
        raise DataError(f"it is no config that can be trained: {error}", path=config) from error
    if signals:
        # By the handler that was there, which ends most processes.
        signal.raise_signal(signals[0])
        if record.finished is None:
            raise RelextError(f"{folder}: the training was stopped by a signal. The same call goes on from its checkpoint.")
    return _made(folder, record, n_done, trained=True)


@contextmanager
def _removed_if_empty(folder: Path) -> Iterator[None]:
    """Inside, the folder is there. A training that is refused leaves none that it has made."""
    was_there = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if not was_there:
            # Only an empty one can be removed so.
            with suppress(OSError):
                folder.rmdir()
        raise


def _run(loop: Loop, folder: Path, record: Record, every: Every) -> list[int]:
    """Train to the end, or to a signal. RETURNS: the signals that came."""
    last = time.monotonic()
    with _noticed_signals() as signals, closing(loop.run()) as steps:
        for _ in steps:
            if signals or every.is_due(loop.position.step, last):
                began = time.monotonic()
                _write(folder, loop)
                last = time.monotonic()
            if signals:
                n, megabytes = loop.position.step + 1, (folder / CHECKPOINT).stat().st_size / 1e6
                loop.stdout.write(
                    f"Stopped after {counted(n, 'update', 'updates')}, with a checkpoint ({megabytes:,.0f} MB, written in "
                    f"{last - began:.1f} seconds). The same command goes on from there.\n"
                )
                loop.stdout.flush()
                return signals
        position = loop.position
        record.finished = {"steps": position.step + 1, "wall": position.wall, "processor": position.processor}
        record.write(folder)
        (folder / CHECKPOINT).unlink(missing_ok=True)
    return signals


@contextmanager
def _noticed_signals() -> Iterator[list[int]]:
    """Inside, signals that end a process are noticed instead: the first one. The second one ends it."""
    seen: list[int] = []
    before: dict[int, Any] = {}

    def notice(number: int, frame: Any) -> None:
        seen.append(number)
        signal.signal(number, before[number])

    # Only the main thread may ask for signals. Those that are ignored stay so (SIGHUP under nohup), and those of others than Python.
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, notice)
    try:
        yield seen
    finally:
        for noticed, handler in before.items():
            signal.signal(noticed, handler)


def _same(folder: Path, record: Record, on_other: Callable[[DataError], None]) -> Record | None:
    """The record of a folder, if it is that of the same training, and there is something of it."""
    try:
        found = read_record(folder)
    except DataError as error:
        on_other(error)
        return None
    if found is None:
        if any((folder / name).exists() for name in MODELS):
            on_other(DataError(f"it holds pipelines that were trained by another command. {CURE}", path=folder))
        return None
    # Pipelines of another training are not to be lost, even where they are not complete.
    if not any((folder / name).exists() for name in (CHECKPOINT, *MODELS)):
        return None
    if different := record.differences(found):
        what = "an unfinished training" if found.finished is None else "a training"
        on_other(DataError(f"it holds {what} that is another one: {'; '.join(different)}. {CURE}", path=folder))
        return None
    if not (folder / (CHECKPOINT if found.finished is None else DIR_MODEL_LAST)).exists():
        return None
    if found.finished is None and found.machine != record.machine:
        logger.warning(
            "%s: the checkpoint is of another machine: %s. Results may differ by rounding.", folder, different_machine(found, record)
        )
    return found


def _begin(folder: Path, record: Record) -> None:
    """Leave nothing of another training behind."""
    (folder / CHECKPOINT).unlink(missing_ok=True)
    record.write(folder)
    for name in MODELS:
        shutil.rmtree(folder / name, ignore_errors=True)


def _clean(folder: Path) -> None:
    """Remove what a run that was killed was writing, and put back what it was replacing."""
    for left in folder.glob(f"{TEMPORARY}*"):
        names = {path.name for path in left.glob("*")}
        if not left.is_dir() or names - OURS:
            continue
        for name in MODELS:
            if f"{name}{BEFORE}" in names and not (folder / name).exists():
                (left / f"{name}{BEFORE}").rename(folder / name)
        shutil.rmtree(left)


def _write(folder: Path, loop: Loop) -> None:
    """Write a checkpoint; one that is there is replaced when the new one is on the disk."""
    state = loop.state()
    try:
        with whole_path(folder / CHECKPOINT, within=folder) as made, made.open("wb") as file:
            torch.save(state, file)
    except (OSError, RuntimeError) as error:
        # torch hides what the system says.
        told = error.__context__ if isinstance(error.__context__, OSError) else error
        raise DataError(
            f"the checkpoint cannot be written: {told}. Is the disk full? The one before is left, and the same command goes on from it.",
            path=folder / CHECKPOINT,
        ) from error


def _read(folder: Path, on_other: Callable[[DataError], None]) -> dict[str, Any] | None:
    path = folder / CHECKPOINT
    try:
        # torch compares no checksums of what it reads.
        with zipfile.ZipFile(path) as archive:
            if (damaged := archive.testzip()) is not None:
                raise zipfile.BadZipFile(damaged)
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return {name: state[name] for name in PARTS}
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        on_other(DataError(f"the checkpoint cannot be read ({type(error).__name__}). {CURE}", path=path))
        return None


def _made(folder: Path, record: Record, went_on_at: int | None, *, trained: bool) -> Training:
    finished = record.finished or {}
    seconds = {clock: round(finished[clock], 1) for clock in ("wall", "processor")}
    return Training(folder / DIR_MODEL_BEST, folder / DIR_MODEL_LAST, int(finished["steps"]), seconds, went_on_at, trained)
