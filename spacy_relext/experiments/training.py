"""One experiment: trained, its threshold chosen on development data, scored once on test data."""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import spacy
import torch
from spacy.tokens import DocBin
from spacy.training import Example
from thinc.api import Config

from spacy_relext.configs import read_config
from spacy_relext.corpus import read_docs
from spacy_relext.devices import device_name
from spacy_relext.encoders import require_encoders
from spacy_relext.errors import DataError, RelextError
from spacy_relext.evaluation import (
    THRESHOLDS,
    best_threshold,
    extractor_of,
    load_pipeline,
    predict,
    score_found,
    score_thresholds,
    set_threshold,
)
from spacy_relext.experiments.runs import WORK, Description, Run, read_run, write_run
from spacy_relext.formats.docs import document_id
from spacy_relext.formats.files import TEMPORARY, files_in, sha256
from spacy_relext.pipeline.preparing import Extractor, learns_from
from spacy_relext.pipeline.scoring import with_gold_mentions
from spacy_relext.scorer import relation_keys
from spacy_relext.storing import store
from spacy_relext.training.record import CHECKPOINT, LOCKED, RECORD
from spacy_relext.training.training import train_into, warn_and_replace
from spacy_relext.versions import source_commit, versions

FACTORY = "relation_extractor"
# spaCy's training cannot do without development data. Where it decides nothing, a few documents do.
FEW_DOCUMENTS = 10
# What a folder holds in which pipelines are trained.
MADE = {"train", "dev.spacy", "model-last", "model-best", RECORD, CHECKPOINT, f"{LOCKED}.lock"}


def silent(iterable: Iterable, **settings: Any) -> Iterable:
    """No progress bar."""
    return iterable


@dataclass(frozen=True)
class Experiment:
    """What is to be run.

    config_path (Path): A config of spaCy's, in which the corpora read ${paths.train} and ${paths.dev}.
    train (Tuple[Path, ...]): .spacy files or folders of them. dev (Path | None): The threshold is chosen on it, unless it is given.
    test (Path): Scored once, with the threshold. labels, overrides, fold: See `runs`.
    threshold (float | None): Given, not chosen. Development data can be left out then.
    checkpoint (str): Which of the two pipelines that spaCy stores is scored, the "last", or the "best" on the development data.
    """

    config_path: Path
    train: tuple[Path, ...]
    dev: Path | None
    test: Path
    labels: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)
    threshold: float | None = None
    checkpoint: Literal["last", "best"] = "last"
    gpu_id: int = -1
    fold: int | None = None

    def describe(self) -> Description:
        """What its JSON file will say of the experiment before it is run. RAISES: RelextError for what cannot be run."""
        for name in ("paths.train", "paths.dev"):
            if name in self.overrides:
                raise RelextError(f"--{name} is set by the command itself; give the data as its own options or arguments.")
        if self.dev is None and self.threshold is None:
            raise RelextError("there is no development data to choose the threshold on: give it with --dev, or set --threshold.")
        if self.dev is None and self.checkpoint == "best":
            raise RelextError(
                "--checkpoint best is chosen on development data, and there is none: give it (--dev; crossval has it without --threshold), "
                "or take --checkpoint last."
            )
        config = read_config(self.config_path, self.overrides)
        self._check_component(config)
        require_paths(self.config_path, self.overrides)
        parts = {"train": self.train, "dev": (self.dev,) if self.dev is not None else (), "test": (self.test,)}
        data = checksums(parts)
        seed = config.get("training", {}).get("seed")
        if not isinstance(seed, int):
            raise RelextError(f"[training] seed of {self.config_path} is {seed!r}; experiments are compared seed by seed. Set a number.")
        return Description(
            labels=self.labels,
            seed=seed,
            fold=self.fold,
            config_path=str(self.config_path),
            overrides=self.overrides,
            config=dict(config),
            data=data,
            checkpoint=self.checkpoint,
            threshold=self.threshold,
            threshold_from="development" if self.threshold is None else "given",
        )

    def _check_component(self, config: Config) -> None:
        """What is scored is one extractor, which is to be known before hours of training."""
        components = config.get("components", {})
        names = [name for name in config.get("nlp", {}).get("pipeline", []) if components.get(name, {}).get("factory") == FACTORY]
        if len(names) > 1:
            raise DataError(
                f"the pipeline has several relation extractors: {', '.join(names)}. An experiment trains one: leave the others out of "
                "[nlp] pipeline, or train with `spacy train`, and score each with `relext evaluate --component`.",
                path=self.config_path,
            )


def require_paths(config_path: Path, overrides: dict[str, Any]) -> None:
    """Refuse a config with paths of its own: it would be trained on other data than it is given. RAISES: DataError."""
    paths = {part: f"<{part}>" for part in ("train", "dev")}
    config = read_config(config_path, {**overrides, **{f"paths.{part}": path for part, path in paths.items()}})
    for part, path in paths.items():
        section: Any = config
        for name in config.get("training", {}).get(f"{part}_corpus", f"corpora.{part}").split("."):
            section = section.get(name, {})
        if path not in section.values():
            raise DataError(f"the {part} corpus does not read ${{paths.{part}}}. Set path = ${{paths.{part}}} there.", path=config_path)


def finished(experiment: Experiment, output: Path) -> Run | None:
    """The run of an experiment that was run before; None if it was not. RAISES: RelextError where the file holds another one."""
    description = experiment.describe()
    if not output.exists():
        return None
    run = read_run(output)
    different = description.differences(run)
    if different:
        raise DataError(
            f"the file holds the run of another experiment; not the same are: {', '.join(different)}. Give another output, or remove it.",
            path=output,
        )
    return run


def train_and_score(experiment: Experiment, output: Path, *, keep: bool = False, progress: Callable[..., Iterable] = silent) -> Run:
    """Run an experiment and write its JSON file.

    keep: Keep the folder with the trained pipelines, which stands beside the run and is named like it, but for the suffix .work.
    progress: Wraps what takes long, as tqdm does.
    """
    description = experiment.describe()
    require_encoders(description.config)
    work = output.with_suffix(WORK)
    if work.exists():
        # Of a run that was killed, which goes on; what is not ours is left alone.
        left = [path.name for path in work.iterdir()] if work.is_dir() else [work.name]
        strange = sorted(name for name in left if name not in MADE and not name.startswith(TEMPORARY))
        if strange:
            raise DataError(f"the pipelines are trained there, and it holds {strange[0]!r}. Move it away.", path=work)
    seconds = _train(experiment, work)
    model = str(work / f"model-{experiment.checkpoint}")
    nlp = load_pipeline(model)
    pipe = extractor_of(nlp, model)

    def find(path: Path, threshold: float) -> list[Example]:
        references = list(read_docs(path, nlp))
        finding = with_gold_mentions(pipe, predict(nlp, references, annotated=True), threshold=threshold)
        found = list(progress(finding, total=len(references), desc=f"Predicting {path.name}", unit=" documents"))
        if not any(learns_from(pipe, example.reference) for example in found):
            raise DataError(
                "the data has no relation annotation for these labels. Was it converted from documents with relations?", path=path
            )
        return found

    threshold, development = experiment.threshold, None
    if threshold is None:
        assert experiment.dev is not None  # `describe` has seen to it
        results = score_thresholds(pipe, find(experiment.dev, THRESHOLDS[0]))
        threshold = best_threshold(results)
        development = results[threshold]
    elif experiment.dev is not None:
        development = score_found(pipe, find(experiment.dev, threshold))
    found = find(experiment.test, threshold)
    run = Run(
        **{**asdict(description), "threshold": threshold},
        versions={**versions(), **source_commit()},
        device=device_name(experiment.gpu_id),
        torch_threads=torch.get_num_threads(),
        training_seconds=seconds,
        development=development,
        test=score_found(pipe, found),
        documents=count_documents(pipe, found, fold=experiment.fold or 0),
    )
    if keep:
        set_threshold(nlp, pipe, threshold)
        store(nlp, Path(model))
    else:
        shutil.rmtree(work)
    write_run(run, output)
    return run


def count_documents(pipe: Extractor, found: Iterable[Example], *, fold: int) -> list[dict[str, Any]]:
    """How many relations of each annotated document are right, wrong and missed."""
    counts = []
    for example in found:
        if learns_from(pipe, example.reference):
            gold, guess = relation_keys(example, pipe.cfg["symmetric_labels"])
            gold = {key for key in gold if key[0] in pipe.labels}
            tp, fp, fn = len(gold & guess), len(guess - gold), len(gold - guess)
            counts.append({"id": document_id(example.reference), "fold": fold, "tp": tp, "fp": fp, "fn": fn})
    return counts


def _train(experiment: Experiment, work: Path) -> dict[str, float]:
    """Train into a folder, or go on where a run was killed; how long it took."""
    train = experiment.train[0]
    if len(experiment.train) > 1:
        train = work / "train"
        # A run that was killed may have left half of it.
        shutil.rmtree(train, ignore_errors=True)
        train.mkdir(parents=True)
        for path in experiment.train:
            shutil.copyfile(path, train / path.name)
    dev = experiment.dev
    if dev is None:
        dev = work / "dev.spacy"
        dev.parent.mkdir(parents=True, exist_ok=True)
        few = islice(read_docs(train, spacy.blank("xx")), FEW_DOCUMENTS)
        DocBin(docs=few, store_user_data=True).to_disk(dev)
    overrides = {**experiment.overrides, "paths.train": str(train), "paths.dev": str(dev)}
    made = train_into(work, experiment.config_path, overrides, on_other=warn_and_replace, gpu_id=experiment.gpu_id)
    return made.seconds


def checksums(parts: Mapping[str, Sequence[Path]]) -> dict[str, dict[str, str]]:
    """The .spacy files of each part of the data, and their SHA-256.

    RAISES: DataError where there is no file, or where one of "test" is in another part.
    """
    data = {part: {str(file): sha256(file) for path in paths for file in _files(path)} for part, paths in parts.items()}
    for part in data:
        if part != "test" and set(data[part].values()) & set(data.get("test", {}).values()):
            raise DataError(f"the test data is part of the {part} data, and its figures would mean nothing.", path=parts["test"][0])
    return data


def _files(path: Path) -> list[Path]:
    files = sorted(file for file in files_in(path) if file.suffix == ".spacy") if path.is_dir() else [path]
    if not files or not files[0].exists():
        raise DataError("there is no such .spacy file, or none in the folder. `python -m spacy relext convert` makes one.", path=path)
    return files
