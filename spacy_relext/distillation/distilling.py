"""Teachers label documents, and a config is trained on what they say: `spacy_relext.distill`.

The folder that is made:

| in it | what |
|---|---|
| `distillation.json` | who was asked about what, the files that are finished, and what was trained on them |
| `train` | .spacy files, with what teachers say: the training documents, and the unlabelled ones without what they may be annotated for |
| `model-best`, `model-last` | as `spacy train` stores them |

What is finished is not done again: a file that was labelled, and a training with the same config and development data.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import spacy
from filelock import Timeout
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.util import import_file

from spacy_relext.configs import read_config
from spacy_relext.corpus import read_docs
from spacy_relext.distillation.asking import Teacher, ask, open_teachers
from spacy_relext.encoders import require_encoders
from spacy_relext.errors import DataError, RelextError
from spacy_relext.experiments.training import FACTORY, checksums, require_paths
from spacy_relext.findings import weights_checksum
from spacy_relext.formats.files import sha256, whole_file, whole_path
from spacy_relext.locks import lock
from spacy_relext.notices import counted, logger
from spacy_relext.relations import annotated_labels, covers, get_relations, register_extensions, remove_annotation
from spacy_relext.taught import get_taught
from spacy_relext.thresholds.seen import Record, extended, knows, new_record
from spacy_relext.training.training import refuse, replace, train_into
from spacy_relext.versions import versions

RECORD, CORPUS = "distillation.json", "train"
FILE = "{}-{:04}.spacy"
MATCHED = "Labels are matched by their names: take teachers that were trained on this data, or correct the name."
Progress = Callable[[Iterable[Doc], int, str], Iterable[Doc]]

# Names of counts.
DOCUMENTS, UNLABELLED, PAIRS = "documents", "unlabelled documents", "candidate pairs of which teachers say something"
STRIPPED, WITHOUT_PAIRS = "unlabelled documents whose annotation was not used", "unlabelled documents without a candidate pair"


@dataclass(frozen=True)
class Distillation:
    """What `distill` made.

    corpus (Path): The folder of labelled documents, for `paths.train`. model_best, model_last (Path): The trained pipelines.
    counts (Dict[str, int]): Of what was labelled, by name. trained (bool): False where the training was finished before, or not wanted.
    """

    corpus: Path
    model_best: Path
    model_last: Path
    counts: dict[str, int]
    trained: bool


@dataclass
class _Record:
    """What stands in `distillation.json`."""

    teachers: list[dict[str, str]]
    component: str | None
    data: dict[str, dict[str, str]]
    versions: dict[str, str]
    files: dict[str, dict[str, int]] = field(default_factory=dict)
    training: dict[str, Any] | None = None

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        with whole_file(folder / RECORD) as file:
            file.write(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")

    def resumed(self, folder: Path) -> "_Record":
        """The record of a folder, if it is one of the same teachers and data, or this one. RAISES: DataError for anything else."""
        path = folder / RECORD
        if not path.exists():
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise DataError(f"it is there, and no folder of a distillation: it has no {RECORD}. Name a new one.", path=folder)
            return self
        try:
            found = _Record(**json.loads(path.read_text(encoding="utf8")))
            different = [
                what
                for what, one, other in (
                    ("teachers", _weights(self.teachers), _weights(found.teachers)),
                    ("component", self.component, found.component),
                    ("data", _digests(self.data), _digests(found.data)),
                )
                if one != other
            ]
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise DataError(
                f"this is no record that can be read ({type(error).__name__}: {error}). Name a new folder.", path=path
            ) from error
        if different:
            raise DataError(
                f"the folder holds another distillation; not the same are: {', '.join(different)}. Name another one, or remove it.",
                path=folder,
            )
        return found


def _weights(teachers: Iterable[Mapping[str, str]]) -> list[str]:
    return sorted(teacher["weights"] for teacher in teachers)


def _digests(data: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """The checksums of each part: files may have moved."""
    return {part: list(files.values()) for part, files in data.items()}


def distill(
    teachers: Sequence[str | Path | Language],
    config: str | Path,
    train: str | Path,
    output: str | Path,
    *,
    unlabelled: Sequence[str | Path] = (),
    dev: str | Path | None = None,
    code: str | Path | None = None,
    component: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    label_only: bool = False,
    overwrite: bool = False,
    gpu_id: int = -1,
    progress: Progress = lambda docs, total, task: docs,
) -> Distillation:
    """Let trained pipelines label documents, and train a config on what they say of every candidate pair.

        distill(["large"], "small.cfg", "train.spacy", "student", unlabelled=["abstracts.spacy"], dev="dev.spacy")

    teachers: Names or folders of pipelines, or loaded ones; the mean of their probabilities is learned. They may have other encoders,
        encodings and orders of labels than the config, but need the same labels and candidates.
    config: One of spaCy's, whose corpora read ${paths.train} and ${paths.dev}. What it learns from whom: `teacher_weight` and
        `teacher_temperature` of its extractor.
    train: Annotated documents: a .spacy file or a folder of them. They teach by annotation and teachers.
    output: A folder: labelled documents, and the pipelines. What is finished in it is not done again.
    unlabelled: More documents, with mentions. What they are annotated for is not used: they teach by teachers alone.
    dev: Development data; None: that of the config. component: Which extractor of the teachers, where there are several.
    code: A Python file with functions that the config or the teachers name.
    overrides: Settings over those of the config: {"training.max_steps": 1000}. gpu_id: Where it is trained; -1: on the CPU.
    label_only: Train nothing: several trainings can share what teachers say, with paths.train = OUTPUT/train.
    overwrite: Train again, on the same labelled documents, where another training is finished.
    RAISES: RelextError for teachers, data and config that do not fit together, before anything is labelled.
    """
    register_extensions()
    folder, settings, code = Path(output), dict(overrides or {}), None if code is None else Path(code)
    if code is not None:
        import_file("python_code", code)
    train_settings = _training_settings(Path(config), settings, folder, dev)
    parts = {"annotated": [Path(train)], "unlabelled": [Path(path) for path in unlabelled]}
    data = {part: files for part, files in checksums(parts).items() if files}
    _check_files(data)
    opened = open_teachers(teachers, component)
    names = [{"name": teacher.name, "weights": weights_checksum(teacher.nlp)} for teacher in opened]
    try:
        with lock(folder):
            record = _Record(names, component, data, versions()).resumed(folder)
            wanted = {
                "config": dict(read_config(Path(config), train_settings)),
                "dev": _digests(checksums({"dev": [Path(train_settings["paths.dev"])]})),
                **({} if code is None else {"code": f"sha256:{sha256(code)}"}),
            }
            done = record.training is not None and (folder / "model-last").is_dir()
            same = done and record.training == json.loads(json.dumps(wanted))
            if done and not same and not overwrite and not label_only:
                raise DataError(
                    "it holds a pipeline that was trained with another config, other code or other development data. Train again, on the "
                    "same labelled documents, with `overwrite=True`, or name another folder.",
                    path=folder,
                )
            if not same:
                _check_documents(opened, data, Path(config), train_settings)
                _label(opened, record, folder, progress)
                # The memory of a large one is needed elsewhere.
                opened.clear()
                if not label_only:
                    record.training = None
                    record.write(folder)
                    train_into(folder, Path(config), train_settings, code=code, on_other=replace if overwrite else refuse, gpu_id=gpu_id)
                    record.training = wanted
                    record.write(folder)
    except Timeout:
        raise RelextError(f"another process distils into {folder}. Name another folder, or wait.") from None
    counts = sum((Counter(found) for found in record.files.values()), Counter[str]())
    return Distillation(folder / CORPUS, folder / "model-best", folder / "model-last", dict(counts), trained=not same and not label_only)


def _training_settings(config: Path, overrides: dict[str, Any], folder: Path, dev: str | Path | None) -> dict[str, Any]:
    """The settings over those of the config. RAISES: RelextError for a config that cannot be trained so."""
    if "paths.train" in overrides or (dev is not None and "paths.dev" in overrides):
        raise RelextError("--paths.train and --paths.dev are set by the data that are given. Leave them out.")
    require_paths(config, {name: value for name, value in overrides.items() if name != "paths.dev"})
    settings = {**overrides, "paths.train": str(folder / CORPUS), **({} if dev is None else {"paths.dev": str(dev)})}
    found = read_config(config, settings)
    components = found.get("components", {})
    if not any(block.get("factory") == FACTORY or "source" in block for block in components.values()):
        raise DataError(f"it has no component with the factory {FACTORY!r}; it has {', '.join(components) or 'none'}.", path=config)
    settings["paths.dev"] = settings.get("paths.dev", found.get("paths", {}).get("dev"))
    if settings["paths.dev"] is None:
        raise RelextError("there is no development data, which training needs: name it (`dev`), or in [paths] of the config.")
    require_encoders(found)
    return settings


def _check_files(data: Mapping[str, Mapping[str, str]]) -> None:
    seen: dict[str, str] = {}
    for files in data.values():
        for file, checksum in files.items():
            if Path(file).suffix != ".spacy":
                raise DataError(
                    "expected a .spacy file, of documents with mentions. `python -m spacy relext convert` makes one of any format; raw "
                    "text gets mentions from a pipeline that finds them: `relext extract`, whose output can be converted.",
                    path=Path(file),
                )
            if checksum in seen:
                raise DataError(f"it is the same file as {seen[checksum]}, and would count twice. Leave one out.", path=Path(file))
            seen[checksum] = file


def _check_documents(teachers: Sequence[Teacher], data: Mapping[str, Mapping[str, str]], config: Path, settings: dict[str, Any]) -> None:
    """What would be an error after hours of labelling is one before."""
    vocab, pipe = spacy.blank("xx"), teachers[0].pipe
    labels = set(pipe.labels)
    components = read_config(config, settings)["components"].values()
    if sum(block.get("factory") == FACTORY for block in components) == 1:
        # With several extractors, which know of each other's labels, only they can tell.
        _check_labels(labels, Path(next(iter(data["annotated"]))), _documents(data["annotated"], vocab))
    if "unlabelled" not in data:
        return
    if not any(len(pipe.mentions(doc)) > 1 for doc in _documents(data["unlabelled"], vocab)):
        where = f"doc.spans[{pipe.cfg['spans_key']!r}] and doc.ents" if pipe.cfg["spans_key"] else "doc.ents"
        raise DataError(
            f"no document has two mentions ({where}), so there is no pair to ask about. Let a pipeline find mentions first: "
            "`relext extract`, whose output can be converted, or nlp.pipe and DocBin.",
            path=Path(next(iter(data["unlabelled"]))),
        )
    record = extended(new_record(), (doc.text for doc in _documents(data["unlabelled"], vocab)))
    if n := _n_known(record, _documents(data["annotated"], vocab)):
        logger.warning(
            "%s among the unlabelled ones as well, and %s twice: with annotation and without.",
            counted(n, "document of the training data is", "documents of the training data are"),
            "teaches" if n == 1 else "teach",
        )
    if n := _n_known(record, read_docs(settings["paths.dev"], vocab)):
        raise DataError(
            f"{counted(n, 'document', 'documents')} of the development data {'is' if n == 1 else 'are'} among the unlabelled ones: what is "
            "chosen on it would promise too much. Take them out.",
            path=Path(settings["paths.dev"]),
        )


def _n_known(record: Record, docs: Iterable[Doc]) -> int:
    """How many documents are in a record of texts."""
    return sum(knows(record, doc.text) is True for doc in docs)


def _check_labels(labels: set[str], path: Path, docs: Iterable[Doc]) -> None:
    """Whether documents are annotated for the labels of the teachers. path: For messages."""
    others: Collection[str] = ()
    n_covered = 0
    for doc in docs:
        annotated = annotated_labels(doc)
        if not covers(annotated, labels):
            others = annotated or ()
            continue
        n_covered += 1
        if foreign := sorted({r.label for r in get_relations(doc)} - labels):
            raise DataError(
                f"relations have the label {foreign[0]!r}, and the teachers know {', '.join(sorted(labels))} alone. {MATCHED}", path=path
            )
    if others and not n_covered:
        one_side = ", ".join(sorted(labels.symmetric_difference(others)))
        raise DataError(
            f"its documents are annotated for {', '.join(sorted(others))}, and the teachers know {', '.join(sorted(labels))}: only one "
            f"side has {one_side}, and nothing would be learned from annotation. {MATCHED}",
            path=path,
        )


def _documents(files: Iterable[str], nlp: Language) -> Iterator[Doc]:
    return chain.from_iterable(read_docs(file, nlp) for file in files)


def _label(teachers: Sequence[Teacher], record: _Record, folder: Path, progress: Progress) -> None:
    """Label the files that are not finished."""
    place = folder / CORPUS
    place.mkdir(parents=True, exist_ok=True)
    for part, files in record.data.items():
        for i, file in enumerate(files):
            name = FILE.format(part, i)
            if name in record.files and (place / name).is_file():
                continue
            counts = Counter[str]()
            docs = list(read_docs(file, spacy.blank("xx")))
            if part == "unlabelled":
                counts[STRIPPED] = sum([remove_annotation(doc) for doc in docs])
                asked = [doc for doc in docs if len(teachers[0].pipe.mentions(doc)) > 1]
                counts[WITHOUT_PAIRS], docs = len(docs) - len(asked), asked
            taught = list(progress(ask(teachers, docs), len(docs), f"Asking about {Path(file).name}"))
            counts[UNLABELLED if part == "unlabelled" else DOCUMENTS] = len(taught)
            counts[PAIRS] = sum(len(found.pairs) for doc in taught if (found := get_taught(doc)) is not None)
            with whole_path(place / name) as made:
                DocBin(docs=taught, store_user_data=True).to_disk(made)
            record.files[name] = dict(+counts)
            record.write(folder)
