"""What a pipeline reaches on annotated documents, as plain figures that are kept in its meta.json."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from spacy_relext.report.analysing import analyse
from spacy_relext.report.analysis import Line, Results
from spacy_relext.report.bootstrap import N_DRAWS

Figures = dict[str, Any]


def measure(nlp: Language, test: str | Path | Iterable[Doc], component: str, *, data: str, **settings: Any) -> Figures:
    """The figures of an extractor on annotated documents, with its own threshold, and the versions that computed them.

    data: What the documents are called. settings: As in `spacy_relext.evaluate`.
    RETURNS: What the documents are and how they were drawn for intervals; under `gold_mentions` and `predicted_mentions` the figures of
        relations between annotated mentions, and between those that are found: `{"micro": {"p": {"value", "low", "high"}, …}, "macro_f",
        "labels", "groups", "calibration", "denied"}`; under `mentions`, P, R and F of these.
    """
    analysis = analyse(nlp, test, component=component, **settings)
    evaluation = analysis.evaluation.to_dict()
    return {
        "data": data,
        "documents": len(analysis.documents),
        "notes": list(analysis.notes),
        "seed": analysis.seed,
        "draws": N_DRAWS,
        "gold_mentions": _results(analysis.gold_mentions, evaluation["gold_mentions"]),
        "predicted_mentions": None
        if analysis.predicted_mentions is None
        else _results(analysis.predicted_mentions, evaluation["predicted_mentions"]),
        "mentions": evaluation["mentions_strict"],
        "versions": evaluation["versions"],
    }


def _results(results: Results, evaluated: Figures) -> Figures:
    calibration = evaluated.get("rel_calibration")
    return {
        "micro": _line(results.micro),
        "macro_f": asdict(results.macro_f),
        "labels": [_line(line) for line in results.lines["label"]],
        "groups": [_line(line) for line in results.lines.get("assertion", ())],
        "calibration": None if calibration is None else _without_curves(calibration),
        "denied": None if results.denied is None else asdict(results.denied),
    }


def _without_curves(calibration: Figures) -> Figures:
    """What is said of scores in words, without what plots are drawn of."""
    plain = {name: value for name, value in calibration.items() if isinstance(value, int | float)}
    return {**plain, "coverage": {name: value for name, value in calibration["coverage"].items() if isinstance(value, int | float)}}


def _line(line: Line) -> Figures:
    return asdict(line)


def performance_of(figures: Figures, prefix: str = "rel") -> Figures:
    """The same as `meta.json` has scores: those of relations between annotated mentions, of relations between found ones, of mentions."""
    scores: Figures = {}
    for key, name in (("gold_mentions", prefix), ("predicted_mentions", f"{prefix}_found_mentions")):
        if (results := figures[key]) is None:
            continue
        scores |= {f"{name}_micro_{share}": results["micro"][share]["value"] for share in "prf"}
        scores[f"{name}_macro_f"] = results["macro_f"]["value"]
        scores[f"{name}_per_type"] = {line["name"]: {share: line[share]["value"] for share in "prf"} for line in results["labels"]}
    if figures["mentions"] is not None:
        scores |= {f"ents_{share}": figures["mentions"][share] for share in "prf"}
    return scores
