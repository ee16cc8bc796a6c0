"""Whether scores that were calibrated on development data are the probability of being right on test data.

Two things are asked of each model: is its calibration error within the band of a perfectly calibrated model that went through the same fit,
and is no loss higher than before. The band is simulated: calibrated scores are taken for the truth, so each written relation of the
development data is right with this probability; maps are fitted to that and chosen; each one of the test data is right with it, too.

- *independent*: each relation by itself.
- *by document*: relations of a document are right or wrong together as much as they are in the development data, since what is misread in a
  list of drugs is misread for all of them. They share a normal variable (a Gaussian copula), which leaves the probability of each as it is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from spacy_relext.calibration.curves import (
    Floats,
    calibration_error,
    coverage,
    drawn_by_document,
    half_of,
    log_losses,
    reliability,
    risks_of,
    squared_errors,
)
from spacy_relext.calibration.figures import FIGURES
from spacy_relext.calibration.fitting import OWN_MAP, Sample, fit_maps
from spacy_relext.evaluating import annotated_docs
from spacy_relext.evaluation import extractor_of, load_pipeline
from spacy_relext.written import written_relations

N_SIMULATED = 500
# What a document may share of the variance, and how often each is tried.
PARTS, N_MATCHED = tuple(i / 20 for i in range(13)), 100
# Of the bands: 95 % of perfectly calibrated models are below.
SHARE = 0.95
Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]


def samples_of(model: str, parts: Mapping[str, Path], component: str | None, progress: Progress) -> tuple[dict[str, Sample], float]:
    """What a pipeline writes for each part of the data, with its raw scores, and its threshold."""
    nlp = load_pipeline(model)
    pipe = extractor_of(nlp, model, component)
    pipe.calibration = None
    samples = {part: written_relations(nlp, pipe, annotated_docs(path, nlp), progress=progress).sample() for part, path in parts.items()}
    return samples, pipe.threshold


def figures_of(dev: Sample, test: Sample, *, n_simulated: int = N_SIMULATED, seed: int = 0, progress: Progress) -> dict[str, Any]:
    """All figures of one model. dev: What maps are fitted to. test: What they are tried on, once."""
    fitted = fit_maps(dev, seed)
    truth, calibrated = dev.mapped(fitted.maps), test.mapped(fitted.maps)
    scores = calibrated.scores
    shared = shared_part(replace(dev, scores=fitted.scores), seed)
    simulated = {
        name: _simulated(Outcomes(truth, part), Outcomes(calibrated, part), n_simulated, seed, progress)
        for name, part in (("independent", 0.0), ("by document", shared))
    }
    groups = {"": np.ones(len(test), dtype=bool), **{label: test.labels == label for label in labels_of(dev)}}
    return {
        "maps": None if fitted.maps is None else fitted.maps.to_dict(),
        "choices": [asdict(choice) for choice in fitted.choices],
        "n": {"dev": len(dev), "test": len(test)},
        "documents": {"dev": len(np.unique(dev.documents)), "test": len(np.unique(test.documents))},
        "simulated": n_simulated,
        "shared_by_document": shared,
        "seed": seed,
        "groups": {
            label or "all": _group(test, scores, rows, {name: errors[:, i] for name, errors in simulated.items()})
            for i, (label, rows) in enumerate(groups.items())
        },
        "coverage": {"raw": _coverage(test, test.scores, seed), "calibrated": _coverage(test, scores, seed)},
    }


def labels_of(dev: Sample) -> list[str]:
    """Those that have figures of their own: with maps of their own."""
    return [label for label in np.unique(dev.labels).tolist() if (dev.labels == label).sum() >= OWN_MAP]


class Outcomes:
    """Relations that are right with the probability that their scores say. shared: The part of the variance that a document shares."""

    def __init__(self, sample: Sample, shared: float):
        self.sample, self.shared = sample, shared
        self.limits = np.asarray([NormalDist().inv_cdf(min(max(p, 1e-9), 1 - 1e-9)) for p in sample.scores.tolist()])
        _, self.documents, self.sizes = np.unique(sample.documents, return_inverse=True, return_counts=True)

    def drawn(self, random: np.random.Generator) -> Any:
        """Which are right, bool `[n]`."""
        of_document, own = random.standard_normal(len(self.sizes)), random.standard_normal(len(self.limits))
        return self.shared**0.5 * of_document[self.documents] + (1 - self.shared) ** 0.5 * own < self.limits

    def correlation(self, right: Any) -> float:
        """The mean over pairs of a document of the product of their standardised differences from what scores say."""
        p = self.sample.scores.clip(0.01, 0.99)
        differences = (right - p) / np.sqrt(p * (1 - p))
        sums, squares = (np.bincount(self.documents, of) for of in (differences, differences**2))
        return float((sums**2 - squares).sum() / max((self.sizes * (self.sizes - 1)).sum(), 1))


def shared_part(sample: Sample, seed: int = 0) -> float:
    """The part of the variance with which simulated relations of a document are right together as much as these are, to 0.05."""
    random, found = np.random.default_rng(seed), {}
    wanted = Outcomes(sample, 0.0).correlation(sample.right)
    for part in PARTS:
        outcomes = Outcomes(sample, part)
        found[part] = float(np.mean([outcomes.correlation(outcomes.drawn(random)) for _ in range(N_MATCHED)]))
    return min(found, key=lambda part: abs(found[part] - wanted))


def _simulated(dev: Outcomes, test: Outcomes, n: int, seed: int, progress: Progress) -> Floats:
    """The calibration errors of perfectly calibrated models, `[n, 1 + n_labels]`: of all, and of each label."""
    random = np.random.default_rng(seed)
    groups = [test.sample.labels == label for label in labels_of(dev.sample)]
    found = np.empty((n, 1 + len(groups)))
    for draw in progress(range(n), n, "Simulating"):
        maps = fit_maps(replace(dev.sample, right=dev.drawn(random)), seed=draw).maps
        scores, right = test.sample.mapped(maps).scores, test.drawn(random)
        found[draw] = [calibration_error(scores[rows], right[rows]) for rows in (slice(None), *groups)]
    return found


def _group(test: Sample, scores: Floats, rows: Any, simulated: Mapping[str, Floats]) -> dict[str, Any]:
    """The figures of a label, or of all. RETURNS: also those of an empty one."""
    right = test.right[rows]
    before, after = test.scores[rows], scores[rows]
    found = {name: reliability(of, right) for name, of in (("raw", before), ("calibrated", after))}
    bands = {name: {"mean": float(errors.mean()), "band": float(np.quantile(errors, SHARE))} for name, errors in simulated.items()}
    error = calibration_error(after, right)
    return {
        **{name: None if of is None else {key: getattr(of, key) for key in FIGURES} for name, of in found.items()},
        "perfect": bands,
        "within": {name: error <= band["band"] for name, band in bands.items()},
        "nll_not_worse": bool(log_losses(after, right).sum() <= log_losses(before, right).sum() + 1e-9),
        "brier_not_worse": bool(squared_errors(after, right).sum() <= squared_errors(before, right).sum() + 1e-9),
    }


def _coverage(test: Sample, scores: Floats, seed: int) -> dict[str, Any] | None:
    """The risk at half of the coverage beside that of all, and the interval of their ratio: of draws of documents."""
    found = coverage(scores, test.right)
    if found is None:
        return None
    drawn = drawn_by_document(scores, test.right, test.documents, _ratio, seed=seed)
    low, high = np.quantile(drawn, (0.025, 0.975)).tolist()
    return {
        "area": found.area,
        "best": found.best,
        "risk": found.risk,
        "half": found.half,
        "ratio": _ratio(scores, test.right),
        "interval": [low, high],
    }


def _ratio(scores: Floats, right: Any) -> float:
    """The risk at half of the coverage over that at all of it; 1 where nothing is wrong."""
    risks = risks_of(scores, right)
    return float(risks[half_of(len(risks))] / risks[-1]) if risks[-1] else 1.0


COLUMNS = (
    *("run", "label", "n", "map", "mean, raw (%)", "mean (%)", "right (%)", "error, raw", "error", "perfect", "perfect, by document"),
    *("NLL, raw", "NLL", "Brier, raw", "Brier"),
)
RISKS = ("run", "wrong of all (%)", "of half, raw (%)", "of half (%)", "ratio", "AURC")


def table_of(figures: Sequence[Mapping[str, Any]]) -> str:
    """The figures of files that `research calibration` wrote, as tables in Markdown."""
    rows, kept, groups = [], [], []
    for of_file in figures:
        for name, run in of_file["runs"].items():
            title = f"{of_file['corpus']}, {name}"
            found = {label: group for label, group in run["groups"].items() if group["raw"] is not None}
            groups += [(label == "all", group) for label, group in found.items()]
            rows += [[title, label, *_row(group, _method(run, label))] for label, group in found.items()]
            if run["coverage"]["calibrated"] is not None:
                kept.append([title, *_risks(run["coverage"])])
    return "\n".join([*_markdown(COLUMNS, rows), "", *_counts(groups), "", *_markdown(RISKS, kept), ""])


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]


def _row(group: Mapping[str, Any], method: str) -> list[str]:
    raw, now = group["raw"], group["calibrated"]
    shares = [f"{100 * share:.1f}" for share in (raw["score"], now["score"], now["right"])]
    bands = [group["perfect"][name]["band"] for name in ("independent", "by document")]
    errors = [f"{error:.3f}" for error in (raw["error"], now["error"], *bands)]
    losses = [f"{of[loss]:.3f}" for loss in ("nll", "brier") for of in (raw, now)]
    return [f"{raw['n']:,}", method, *shares, *errors, *losses]


def _risks(of: Mapping[str, Any]) -> list[str]:
    raw, now = of["raw"], of["calibrated"]
    low, high = now["interval"]
    shares = [f"{100 * share:.1f}" for share in (now["risk"], raw["half"], now["half"])]
    return [*shares, f"**{now['ratio']:.2f}** ({low:.2f} to {high:.2f})", f"{now['area']:.3f}"]


def _method(run: Mapping[str, Any], label: str) -> str:
    return next(choice["method"] or "none" for choice in run["choices"] if (choice["label"] or "all") == label)


def _counts(groups: Sequence[tuple[bool, Mapping[str, Any]]]) -> list[str]:
    lines = []
    for name, is_all in (("runs", True), ("labels with 100 or more written development relations", False)):
        of = [group for whole, group in groups if whole == is_all]
        independent, by_document = (sum(group["within"][key] for group in of) for key in ("independent", "by document"))
        nll, brier = (sum(group[f"{loss}_not_worse"] for group in of) for loss in ("nll", "brier"))
        lines.append(
            f"- Of {len(of)} {name}, {independent} are within the band of a perfectly calibrated model whose relations are independent, "
            f"{by_document} within the one by document; NLL is not worse than that of the raw scores in {nll}, Brier in {brier}."
        )
    return lines
