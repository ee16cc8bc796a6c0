"""Which relations an extractor writes, and with which score: its thresholds and its calibration."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from spacy.language import Language
from spacy.tokens import Span

from spacy_relext.calibration.maps import ScoreMaps
from spacy_relext.ml.listeners import listens_to
from spacy_relext.notices import Notices, logger
from spacy_relext.pipeline.checks import Checks
from spacy_relext.pipeline.decoding import Decision, Predictions, decode_relations
from spacy_relext.pipeline.rescaling import rescaled
from spacy_relext.pipeline.settings import (
    GIVEN,
    THRESHOLDS,
    checked_label_thresholds,
    checked_threshold,
    checked_uncertain,
    give_thresholds,
    plain,
    require_known_labels,
)
from spacy_relext.relations import Relation


class WithThresholds:
    """The part of `RelationExtractor` that knows the settings by which predictions are decoded."""

    name: str
    cfg: dict[str, Any]
    notices: Notices
    checks: Checks
    # The maps that were made, and what of.
    _maps: tuple[Any, ScoreMaps | None] = (None, None)
    # What the listener had heard when the calibration was set.
    _heard: int | None = None
    model: Any

    @property
    def threshold(self) -> float:
        """The score from which on a relation is written. RAISES: RelextError where it is set to what is no probability."""
        return float(self.cfg["threshold"])

    @threshold.setter
    def threshold(self, threshold: float) -> None:
        self.cfg["threshold"] = checked_threshold(self.name, threshold)
        self._thresholds_set()

    @property
    def label_thresholds(self) -> Mapping[str, float]:
        """The thresholds of labels that do not take `threshold`. They are set as a whole, None for none.

        RAISES: RelextError where they are set to what are no probabilities, or of labels that the component does not have.
        """
        return MappingProxyType(self.cfg["label_thresholds"])

    @label_thresholds.setter
    def label_thresholds(self, thresholds: Mapping[str, float | None] | None) -> None:
        self.cfg["label_thresholds"] = checked_label_thresholds(self.name, thresholds, self.cfg["labels"])
        self._thresholds_set()

    @property
    def uncertain_below(self) -> float | None:
        """The score below which a relation is uncertain; None: all are asserted. RAISES: RelextError where it is set to something else."""
        return None if self.cfg["uncertain_below"] is None else float(self.cfg["uncertain_below"])

    @uncertain_below.setter
    def uncertain_below(self, limit: float | None) -> None:
        self.cfg["uncertain_below"] = checked_uncertain(self.name, limit)
        self._thresholds_set()

    def _thresholds_set(self) -> None:
        """Thresholds were set since the factory gave some: the config of the pipeline gives these now."""
        for name in THRESHOLDS:
            self.cfg[GIVEN].pop(name, None)
        if (nlp := self._home()) is not None:
            give_thresholds(nlp, self.name, self.cfg)

    @property
    def calibration(self) -> dict[str, Any] | None:
        """What makes scores of the raw scores of the model, as `relext calibrate` finds it; None: they are the same.

        Where it is set, thresholds move with the scores, so that the same relations are written as before. `uncertain_below` stays where
        labels have maps of their own, since it is one number for all of them.
        RAISES: RelextError where it is set to what is none, or to one of labels that the component does not have.
        """
        found: dict[str, Any] | None = self.cfg["calibration"]
        return found

    @calibration.setter
    def calibration(self, calibration: Mapping[str, Any] | None) -> None:
        stored = plain(self.name, "calibration", calibration)
        maps = None if stored is None else ScoreMaps.from_dict(stored)
        require_known_labels(self.name, {**self.cfg, "calibration": stored})
        limit = self.uncertain_below
        self.cfg.update(rescaled(self.cfg, self.score_maps, maps))
        self.cfg["calibration"] = stored
        self._heard = self._hears()
        if limit is not None and limit == self.uncertain_below:
            logger.warning("%s: uncertain_below stays at %s, and scores are on another scale now. Check it.", self.name, limit)
        self._thresholds_set()

    @property
    def score_maps(self) -> ScoreMaps | None:
        """The maps of `calibration`. RAISES: RelextError for a calibration that is none."""
        stored = self.cfg["calibration"]
        # Made once of what is stored, which may be changed as a whole.
        if self._maps[0] is not stored:
            self._maps = (stored, None if stored is None else ScoreMaps.from_dict(stored))
        return self._maps[1]

    def _home(self) -> Language | None:
        """The pipeline that has the component among its own, disabled or not."""
        nlp, own = self.checks.home.nlp, id(self)
        return nlp if nlp is not None and any(id(pipe) == own for _, pipe in nlp.components) else None

    def _drop_calibration(self, why: str) -> None:
        if self.cfg["calibration"] is None:
            return
        self.calibration = None
        self.notices.warn(
            "calibration",
            f"{self.name}: the calibration is dropped, since {why}. Scores are the raw ones of the model again, and so are thresholds. "
            "Calibrate anew when it is trained: python -m spacy relext calibrate MODEL DEV.",
        )

    def _hears(self) -> int | None:
        upstream = listens_to(self.model)
        return None if upstream is None else upstream.heard

    def _check_encoder(self) -> None:
        """A frozen component is told nothing of a training, and its calibration is that of the encoder, too."""
        if self.cfg["calibration"] is not None and self._hears() not in (None, self._heard):
            upstream = listens_to(self.model)
            self._drop_calibration(f"the {upstream.name if upstream else 'encoder'} that it listens to is trained further")

    def _check_thresholds(self) -> None:
        """Take settings that were stored. RAISES: RelextError for those that are none."""
        self._maps, self._heard = (None, None), self._hears()
        checked_threshold(self.name, self.cfg["threshold"])
        checked_label_thresholds(self.name, self.cfg["label_thresholds"])
        checked_uncertain(self.name, self.cfg["uncertain_below"])
        _ = self.score_maps

    def decode(self, predictions: Predictions, spans: Sequence[Span], *, threshold: float | None = None) -> Iterator[Relation]:
        """The relations that reach their threshold, between `spans`, which correspond to the predictions' mentions.

        threshold: Of all labels. None: those of the component.
        """
        return decode_relations(predictions, spans, self.decision(threshold), source=self.name)

    def decision(self, threshold: float | None = None) -> Decision:
        """What is written, and with which score. threshold: Of all labels. None: those of the component."""
        return Decision.of(self.cfg, self.score_maps, threshold)
