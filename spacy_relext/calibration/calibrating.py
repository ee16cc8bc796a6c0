"""`calibrate`: scores of a pipeline become the probability of being right, from its relations for annotated documents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc

from spacy_relext.calibration.curves import Reliability, reliability
from spacy_relext.calibration.figures import FIGURES
from spacy_relext.calibration.fitting import MIN_DOCUMENTS, MIN_RELATIONS, NONE, Choice, Fitted, Sample, fit_maps
from spacy_relext.calibration.maps import ScoreMaps
from spacy_relext.errors import RelextError
from spacy_relext.evaluating import annotated_docs
from spacy_relext.evaluation import Progress, opened
from spacy_relext.findings import keep
from spacy_relext.notices import counted, logger
from spacy_relext.pipeline.preparing import learns_from
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.pipeline.rescaling import rescaled
from spacy_relext.relations import get_relations, register_extensions
from spacy_relext.storing import store
from spacy_relext.thresholds.seen import extended, new_record, unseen
from spacy_relext.written import Written, written_relations


@dataclass(frozen=True)
class Calibration:
    """What became of the scores of an extractor.

    component: Its name. documents: How many are annotated for its labels.
    maps: From raw scores to scores, by label; None: none helps, and the scores are the raw ones.
    removed: None helps, and the pipeline was calibrated before: that calibration was taken off, and the thresholds are raw ones again.
    choices: What was tried for each label with 100 written relations or more, and, as the last one, for all.
    before: How far the raw scores are off. after: The same of the scores by what was chosen, each by a map that its document is no part of.
    thresholds, raw_thresholds: `threshold` and `label_thresholds` on the scale of the scores, and on that of the raw ones.
    notes: What a reader has to know.
    """

    component: str
    documents: int
    maps: ScoreMaps | None
    removed: bool
    choices: tuple[Choice, ...]
    before: Reliability
    after: Reliability
    thresholds: Mapping[str, Any]
    raw_thresholds: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        maps = None if self.maps is None else self.maps.to_dict()
        return {**asdict(self), "maps": maps}


def calibrate(
    pipeline: str | Path | Language,
    docs: str | Path | Iterable[Doc],
    *,
    component: str | None = None,
    predicted_mentions: bool = False,
    seed: int = 0,
    progress: Progress = lambda examples, total, task: examples,
) -> Calibration:
    """Make the scores of a pipeline the probability that a written relation is right: that the annotation has the same pair and label.

        calibration = calibrate("training/model-best", "dev.spacy")
        print(calibration.before.error, calibration.after.error)

    Maps from raw scores to scores are tried on documents that they were not fitted to: of each label with 100 written relations or more,
    and of all. Those that help become a setting of the component. Its thresholds move with the scores, so that the same relations are
    written as before. `component.calibration = None` puts both back. Where none helps, scores are the raw ones: an earlier calibration is
    taken off, with a warning. What was found is kept in the `meta.json` in either case.

    pipeline: A folder, which is stored over, or a pipeline that is loaded, which is changed.
    docs: Annotated ones that it was not trained on: a .spacy file, a folder of them, or Docs.
    component: Which relation extractor, where there are several.
    predicted_mentions: Of relations between the mentions that the pipeline finds, not the annotated ones. Those of a wrong one are wrong.
    seed: Of the parts into which documents are divided.
    RAISES: RelextError for what does not fit together, and for too few documents.
    """
    register_extensions()
    nlp, pipe = opened(pipeline, component, stored="the calibration is")
    references = annotated_docs(docs, nlp)
    references = unseen(pipe.name, references, {"trained": pipe.cfg["seen"]}, "a calibration")
    written = written_relations(nlp, pipe, references, predicted_mentions=predicted_mentions, progress=progress)
    sample = written.sample().mapped(pipe.score_maps, back=True)
    _require_enough(pipe, written, sample, references)
    fitted = fit_maps(sample, seed)
    raw_thresholds = rescaled(pipe.cfg, pipe.score_maps, None)
    removed = fitted.maps is None and pipe.calibration is not None
    if removed:
        pipe.calibration = None
        logger.warning(
            "%s: no map helps on this data, so the calibration that it had is taken off. Scores are the raw ones of the model again, and "
            "so are thresholds: the same relations are written.",
            pipe.name,
        )
    if fitted.maps is not None:
        pipe.calibration = {
            **fitted.maps.to_dict(),
            "documents": extended(new_record(), (doc.text for doc in references if learns_from(pipe, doc))),
        }
    found = _calibration(pipe, written, sample, fitted, raw_thresholds, removed=removed)
    keep(nlp, "calibration", _finding(found), component=pipe.name)
    if not isinstance(pipeline, Language):
        store(nlp, Path(pipeline))
    return found


def remove_calibration(pipeline: str | Path, component: str | None = None) -> bool:
    """Put the raw scores of a stored pipeline back, and its thresholds with them. RETURNS: whether it was calibrated."""
    nlp, pipe = opened(pipeline, component, stored="the calibration is")
    if pipe.calibration is None:
        return False
    pipe.calibration = None
    store(nlp, Path(pipeline))
    return True


def _require_enough(pipe: RelationExtractor, written: Written, sample: Sample, references: Sequence[Doc]) -> None:
    if not written.annotated:
        others = sorted({relation.label for doc in references for relation in get_relations(doc)})
        saw = f"its relations have the labels {', '.join(others[:10])}" if others else "it has none"
        raise RelextError(
            f"the data has no annotated relation of the labels of {pipe.name}, {', '.join(pipe.labels)}; {saw}. Calibrate with documents "
            "that are annotated for these labels."
        )
    documents = len(np.unique(sample.documents))
    if documents < MIN_DOCUMENTS or len(sample) < MIN_RELATIONS:
        raise RelextError(
            f"{pipe.name} writes {counted(len(sample), 'relation', 'relations')} in {counted(documents, 'document', 'documents')} of this "
            f"data (of {written.documents:,}). Calibration needs {MIN_RELATIONS} relations in {MIN_DOCUMENTS} documents at least, since a "
            "map is tried on documents that it was not fitted to. Take more documents, lower the threshold, or "
            "leave the scores as they are."
        )


def _thresholds(cfg: Mapping[str, Any]) -> dict[str, Any]:
    return {name: cfg[name] for name in ("threshold", "label_thresholds")}


def _calibration(
    pipe: RelationExtractor, written: Written, sample: Sample, fitted: Fitted, raw_thresholds: Mapping[str, Any], *, removed: bool
) -> Calibration:
    before, after = reliability(sample.scores, sample.right), reliability(fitted.scores, sample.right)
    if before is None or after is None:
        raise RelextError("no relation is written")  # which is refused before
    return Calibration(
        component=pipe.name,
        documents=written.documents,
        maps=fitted.maps,
        removed=removed,
        choices=fitted.choices,
        before=before,
        after=after,
        thresholds=_thresholds(pipe.cfg),
        raw_thresholds=_thresholds(raw_thresholds),
        notes=tuple(_notes(pipe, written, sample)),
    )


def _notes(pipe: RelationExtractor, written: Written, sample: Sample) -> list[str]:
    notes = []
    for label in pipe.labels:
        n = int((sample.labels == label).sum())
        if label not in written.annotated:
            wrong = f"; {counted(n, 'relation that is written counts', 'relations that are written count')} as wrong" if n else ""
            notes.append(f"{label} is annotated nowhere in this data{wrong}. Its scores are as good as the map of all labels.")
        elif not n:
            notes.append(f"{label} is written nowhere in this data. Its scores are as good as the map of all labels.")
    if len(np.unique(sample.scores)) == 1:
        notes.append(f"All raw scores are {sample.scores[0]:g}: they tell no relation from another.")
    return notes


def _finding(found: Calibration) -> dict[str, Any]:
    """What is kept of it with the pipeline."""
    before, after = ({name: getattr(of, name) for name in FIGURES} for of in (found.before, found.after))
    methods = {choice.label or "": choice.method or NONE for choice in found.choices}
    return {"documents": found.documents, "methods": methods, "before": before, "after": after}
