"""Cross-validation over fold-0.spacy, fold-1.spacy, …: an experiment per fold, and their aggregate.

No fold is looked at before it is scored. The threshold of a fold is chosen on the next one (of the last fold: on the first), which is then
not trained on. A given threshold needs no development data: all other folds are trained on, as the field does it where nothing is chosen.
"""

import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from spacy_relext.errors import DataError
from spacy_relext.experiments.runs import Run, join
from spacy_relext.experiments.training import Experiment
from spacy_relext.scorer import prf

# Of the folds' runs, and of their aggregate.
FOLD, AGGREGATE = "fold-{}.json", "crossval.json"


def find_folds(folder: Path) -> list[Path]:
    """The folds of a folder in order of their numbers."""
    numbered = {int(found[1]): path for path in folder.glob("fold-*.spacy") if (found := re.fullmatch(r"fold-(\d+)\.spacy", path.name))}
    if len(numbered) < 3 or sorted(numbered) != list(range(len(numbered))):
        seen = ", ".join(path.name for _, path in sorted(numbered.items())) or "no fold"
        raise DataError(f"expected at least three folds, fold-0.spacy, fold-1.spacy and so on, without a gap; saw {seen}.", path=folder)
    return [numbered[i] for i in range(len(numbered))]


def fold_experiments(
    config_path: Path,
    folds: Sequence[Path],
    *,
    labels: dict[str, str],
    overrides: dict[str, Any],
    threshold: float | None,
    checkpoint: Literal["last", "best"],
    gpu_id: int,
) -> list[Experiment]:
    """An experiment per fold: score it, train on the others, but for the one that the threshold is chosen on."""
    experiments = []
    for i, test in enumerate(folds):
        dev = folds[(i + 1) % len(folds)] if threshold is None else None
        experiments.append(
            Experiment(
                config_path=config_path,
                train=tuple(fold for fold in folds if fold not in (test, dev)),
                dev=dev,
                test=test,
                labels=labels,
                overrides=overrides,
                threshold=threshold,
                checkpoint=checkpoint,
                gpu_id=gpu_id,
                fold=i,
            )
        )
    return experiments


def aggregate(runs: Sequence[Run]) -> Run:
    """The aggregate of the runs of all folds: mean figures, and the counts of all documents."""
    first = runs[0]
    names = dict.fromkeys(name for run in runs for name in run.versions)
    documents = [document for run in runs for document in run.documents]
    tp, fp, fn = (sum(document[kind] for document in documents) for kind in ("tp", "fp", "fn"))
    development = [run.development for run in runs if run.development is not None]
    changed = {
        "fold": None,
        "data": {"folds": {path: digest for run in runs for path, digest in run.data["test"].items()}},
        "threshold": first.threshold if first.threshold_from == "given" else None,
        "device": join(run.device for run in runs),
        "versions": {name: join(run.versions.get(name, "?") for run in runs) for name in names},
        "training_seconds": {clock: round(sum(run.training_seconds[clock] for run in runs), 1) for clock in first.training_seconds},
        "development": _mean(development) if len(development) == len(runs) else None,
        "test": {**_mean([run.test for run in runs]), "pooled": prf(tp, tp + fp, tp + fn)},
        "documents": documents,
    }
    return Run(**{**{field.name: getattr(first, field.name) for field in fields(Run)}, **changed})


def _mean(scores: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over folds; those of a label over the folds in which it is annotated or was found."""
    names = ("rel_micro_p", "rel_micro_r", "rel_micro_f", "rel_macro_f")
    per_type = {}
    for label in sorted({label for s in scores for label in s["rel_per_type"]}):
        lines = [s["rel_per_type"][label] for s in scores if label in s["rel_per_type"]]
        per_type[label] = {k: fmean(line[k] for line in lines) for k in "prf"} | {"support": sum(line["support"] for line in lines)}
    return {**{name: fmean(s[name] for s in scores) for name in names}, "rel_per_type": per_type}
