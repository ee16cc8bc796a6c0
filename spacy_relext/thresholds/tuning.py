"""`choose_threshold`: the thresholds of a pipeline for a purpose, from its relations for annotated documents."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from spacy_relext.errors import RelextError
from spacy_relext.evaluating import annotated_docs
from spacy_relext.evaluation import Progress, opened
from spacy_relext.findings import keep
from spacy_relext.notices import logger
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.pipeline.settings import THRESHOLDS, give_thresholds
from spacy_relext.relations import register_extensions
from spacy_relext.scorer import prf
from spacy_relext.storing import store
from spacy_relext.thresholds.choosing import guaranteed, review_threshold, short, thresholds_for_costs, thresholds_for_f, why_not
from spacy_relext.thresholds.scored import Scored, scored_relations
from spacy_relext.thresholds.seen import unseen
from spacy_relext.written import written_relations

Figures = dict[str, dict[str, float]]
# All labels together, in the figures.
MICRO = "micro"


@dataclass(frozen=True)
class ThresholdChoice:
    """The thresholds that were chosen, and what they do on the documents that they were chosen on.

    component: The name of the extractor. purpose: "best F", "cost ratio 3", "precision 0.9 with confidence 0.9".
    threshold, label_thresholds, uncertain_below: The settings of the component, as they are now.
    figures: By label, and of all as "micro": p, r, f and support of what is asserted. before: The same with the thresholds of before.
    bounds: By label, or as "micro": the lower bound of the precision. Without a target: empty.
    review: Where a share is to be reviewed: p of what is uncertain, r of all that is written, and the share of it that is uncertain.
    documents: How many of them are annotated for its labels. mentions: "annotated" or "predicted".
    """

    component: str
    purpose: str
    threshold: float
    label_thresholds: dict[str, float]
    uncertain_below: float | None
    figures: Figures
    before: Figures
    bounds: dict[str, float]
    review: dict[str, float] | None
    documents: int
    mentions: str

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Purpose:
    """What the thresholds are for; see `choose_threshold`."""

    cost_ratio: float | None = None
    target_precision: float | None = None
    confidence: float = 0.9
    per_label: bool = False
    labels: tuple[str, ...] = ()
    review_share: float | None = None

    def __str__(self) -> str:
        if self.cost_ratio is not None:
            return f"cost ratio {self.cost_ratio:g}"
        if self.target_precision is not None:
            return f"precision {short(self.target_precision)} with confidence {short(self.confidence)}"
        return "best F"

    def check(self) -> None:
        """RAISES: RelextError for what cannot be meant."""
        if self.cost_ratio is not None and self.target_precision is not None:
            raise RelextError("`cost_ratio` and `target_precision` exclude each other.")
        if self.cost_ratio is not None and not 0 < self.cost_ratio < float("inf"):
            raise RelextError(f"`cost_ratio` is {self.cost_ratio}; it is how many missed relations a wrong one costs, more than 0.")
        if self.target_precision is not None and not 0 < self.target_precision < 1:
            raise RelextError(
                f"`target_precision` is {self.target_precision}; it is a share between 0 and 1, and 1 is more than documents can show."
            )
        if not 0.5 < self.confidence < 1:
            raise RelextError(f"`confidence` is {self.confidence}; it is a share, more than 0.5 and less than 1.")
        if self.review_share is not None and not 0 < self.review_share < 1:
            raise RelextError(f"`review_share` is {self.review_share}; it is the share of what is written, between 0 and 1.")
        if self.review_share is not None and self.per_label:
            raise RelextError("`review_share` and `per_label` exclude each other: what is uncertain is told by one number for all labels.")
        if self.labels and not self.per_label:
            raise RelextError("`choose_threshold.labels` needs `per_label`: it names the labels that get thresholds of their own.")


def choose_threshold(
    pipeline: str | Path | Language,
    docs: str | Path | Iterable[Doc],
    *,
    component: str | None = None,
    cost_ratio: float | None = None,
    target_precision: float | None = None,
    confidence: float = 0.9,
    per_label: bool = False,
    labels: Collection[str] = (),
    review_share: float | None = None,
    predicted_mentions: bool = False,
    progress: Progress = lambda examples, total, task: examples,
) -> ThresholdChoice:
    """Choose the thresholds of a pipeline on annotated documents, and set them. Without a purpose: those with the best micro F.

        choice = choose_threshold("training/model-best", "dev.spacy", target_precision=0.9)
        print(choice.threshold, choice.bounds["micro"], choice.figures["micro"]["r"])

    pipeline: A folder, which is stored over, or a pipeline that is loaded, which is changed.
    docs: Annotated ones that it was not trained on, and for a target not calibrated on: a .spacy file, a folder of them, or Docs.
    component: Which relation extractor, where there are several.
    cost_ratio: The lowest costs, where a wrong relation costs so many missed ones.
    target_precision: The lowest threshold whose precision is at least this with the confidence: of ten samples of documents one may give a
        threshold whose precision is lower, where confidence is 0.9. Documents are taken to be a sample of those that it will be used on.
    per_label: A threshold for each label; each guaranteed, at its share of the confidence. labels: For these alone; others stay.
    review_share: What is chosen bounds what is asserted; below it so much more is written as uncertain, that it is this share of all.
    predicted_mentions: On the relations between the mentions that the pipeline finds, not the annotated ones.
    RAISES: RelextError where the target cannot be had, with the best that can; for documents that training used; and for what does not
        fit together.
    """
    purpose = Purpose(cost_ratio, target_precision, confidence, per_label, tuple(labels), review_share)
    purpose.check()
    register_extensions()
    nlp, pipe = opened(pipeline, component, stored="the thresholds are")
    unknown = sorted(set(labels) - set(pipe.labels))
    if unknown:
        raise RelextError(f"{pipe.name} has no labels {', '.join(unknown)}; it has {', '.join(pipe.labels)}.")
    references = annotated_docs(docs, nlp)
    records = {"trained": pipe.cfg["seen"]}
    if target_precision is not None and pipe.calibration is not None:
        records["calibrated"] = pipe.calibration.get("documents")
    references = unseen(pipe.name, references, records, "a threshold")
    scored = score_documents(nlp, pipe, references, predicted_mentions=predicted_mentions, progress=progress)
    if not scored.annotated.any():
        raise RelextError(
            f"the data has no annotated relation of the labels of {pipe.name}, {', '.join(pipe.labels)}. Was it converted from documents "
            "with relations, and is it of the corpus that the pipeline was trained on?"
        )
    choice = _set(pipe, scored, purpose, "predicted" if predicted_mentions else "annotated")
    give_thresholds(nlp, pipe.name, pipe.cfg)
    keep(nlp, "threshold", choice.to_dict(), component=pipe.name)
    if not isinstance(pipeline, Language):
        store(nlp, Path(pipeline))
    return choice


def score_documents(
    nlp: Language,
    pipe: RelationExtractor,
    references: Sequence[Doc],
    *,
    predicted_mentions: bool = False,
    progress: Progress = lambda examples, total, task: examples,
) -> Scored:
    """What an extractor would write of annotated Docs without a threshold."""
    before = {name: pipe.cfg[name] for name in THRESHOLDS}
    try:
        pipe.cfg.update(threshold=0.0, label_thresholds={}, uncertain_below=None)
        return scored_relations(written_relations(nlp, pipe, references, predicted_mentions=predicted_mentions, progress=progress))
    finally:
        pipe.cfg.update(before)


def _set(pipe: RelationExtractor, scored: Scored, purpose: Purpose, mentions: str) -> ThresholdChoice:
    """Set the thresholds of an extractor."""
    before = figures_at(scored, pipe.decision().compared.tolist())
    chosen, bounds = choose(scored, purpose)
    # Before anything is set: there may be none.
    lower = None if purpose.review_share is None else review_threshold(scored, chosen[MICRO], purpose.review_share)
    review = None
    if purpose.per_label:
        pipe.label_thresholds = {**_asserting(pipe), **chosen}
    else:
        pipe.threshold, pipe.label_thresholds = chosen[MICRO], {}
    if pipe.uncertain_below is not None and purpose.review_share is None:
        logger.warning(
            "%s: uncertain_below was %g and is taken away, so that all that is written is asserted. Give a share to review anew.",
            pipe.name,
            pipe.uncertain_below,
        )
    pipe.uncertain_below = None
    figures = figures_at(scored, pipe.decision().compared.tolist())
    if lower is not None:
        pipe.uncertain_below, pipe.threshold = pipe.threshold, lower
        review = _review(scored, pipe.threshold, pipe.uncertain_below)
    return ThresholdChoice(
        component=pipe.name,
        purpose=str(purpose),
        threshold=pipe.threshold,
        label_thresholds=dict(pipe.label_thresholds),
        uncertain_below=pipe.uncertain_below,
        figures=figures,
        before=before,
        bounds=bounds,
        review=review,
        documents=scored.n_documents,
        mentions=mentions,
    )


def _asserting(pipe: RelationExtractor) -> dict[str, float]:
    """Thresholds of labels with which all that is written is what is asserted now: where nothing is uncertain, those that there are."""
    limit = pipe.uncertain_below
    if limit is None:
        return dict(pipe.label_thresholds)
    return {label: max(pipe.label_thresholds.get(label, pipe.threshold), limit) for label in pipe.labels}


def choose(scored: Scored, purpose: Purpose) -> tuple[dict[str, float], dict[str, float]]:
    """The thresholds by label, or that of all as "micro", and with a target the lower bounds of their precision.

    RAISES: RelextError where the target cannot be had.
    """
    if not purpose.per_label:
        names, groups = [MICRO], [scored]
    else:
        names = list(purpose.labels or scored.names)
        if purpose.target_precision is None:
            absent = [name for name in names if not scored.of([name]).annotated.any()]
            if absent:
                logger.warning("%s: annotated nowhere in this data; the threshold stays as it is.", ", ".join(absent))
            names = [name for name in names if name not in absent]
        groups = [scored.of([name]) for name in names]
    if purpose.target_precision is not None:
        return _guaranteed(names, groups, purpose.target_precision, purpose.confidence)
    found = thresholds_for_f(groups) if purpose.cost_ratio is None else thresholds_for_costs(groups, purpose.cost_ratio)
    return dict(zip(names, found, strict=True)), {}


def _guaranteed(
    names: Sequence[str], groups: Sequence[Scored], target: float, confidence: float
) -> tuple[dict[str, float], dict[str, float]]:
    # All of them hold at once with this confidence (Bonferroni).
    share = 1 - (1 - confidence) / len(names)
    found = {name: guaranteed(scored, target, share) for name, scored in zip(names, groups, strict=True)}
    missing = [name for name, of_label in found.items() if of_label is None]
    if missing:
        by_name = dict(zip(names, groups, strict=True))
        lines = [why_not(by_name[name], "all labels" if name == MICRO else name, target, share) for name in missing]
        if len(names) > 1:
            labels = f"{len(missing)} of {len(names)} labels"
            said = f"the target cannot be had for {labels}. All have to hold at once, so each needs a confidence of {short(share, 100)} %:"
            lines = [said, *(f"- {line}" for line in lines)]
        others = [name for name in names if name not in missing]
        if others:
            lines.append(f"The others can be asked for alone: `choose_threshold.labels` {', '.join(others)}.")
        raise RelextError("\n".join(lines))
    kept = {name: of_label for name, of_label in found.items() if of_label is not None}
    return {name: of.threshold for name, of in kept.items()}, {name: of.bound for name, of in kept.items()}


def figures_at(scored: Scored, thresholds: Sequence[float]) -> Figures:
    """Precision, recall, F and support by label, and of all as "micro". thresholds: By label."""
    found = scored.reaching(thresholds)
    groups = {name: found.of([name]) for name in found.names} | {MICRO: found}
    counts = {name: (int(of.right.sum()), len(of.scores), int(of.annotated.sum())) for name, of in groups.items()}
    return {name: {**prf(*numbers), "support": numbers[2]} for name, numbers in counts.items()}


def _review(scored: Scored, threshold: float, limit: float) -> dict[str, float]:
    written, asserted = (scored.reaching([value] * len(scored.names)) for value in (threshold, limit))
    n = len(written.scores) - len(asserted.scores)
    right = int(written.right.sum())
    return {
        "p": (right - int(asserted.right.sum())) / n if n else 0.0,
        "r": right / max(int(scored.annotated.sum()), 1),
        "share": n / max(len(written.scores), 1),
    }
