"""The trainable component: mentions in, relations on the Doc out."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy
from spacy import util
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate

from spacy_relext.candidates import CandidateFunction
from spacy_relext.errors import RelextError
from spacy_relext.factories import make_relation_extractor
from spacy_relext.ml.attention import OnAttention
from spacy_relext.ml.listeners import listens_to
from spacy_relext.ml.losses import Teaching, cross_entropy, probabilities, training_loss
from spacy_relext.ml.patches.thinc import steady
from spacy_relext.ml.patches.torch_cpu import one_thread_in_forks
from spacy_relext.notices import Notices, counted
from spacy_relext.pipeline.checks import Checks, checked_doc, checked_docs
from spacy_relext.pipeline.coverage import count_annotated, warn_of_coverage
from spacy_relext.pipeline.decoding import Predictions
from spacy_relext.pipeline.initializing import take_settings
from spacy_relext.pipeline.pairs import AttendedPair, ScoredPair, attended_pairs, score_pairs
from spacy_relext.pipeline.preparing import (
    N_RESERVED_TYPES,
    AnnotatedPairs,
    Prepared,
    annotated_pairs,
    count_matches,
    n_columns,
    prepare,
    symmetric_columns,
    symmetrized,
)
from spacy_relext.pipeline.progress import Progress
from spacy_relext.pipeline.scoring import score
from spacy_relext.pipeline.settings import (
    GIVEN,
    as_meant,
    check_settings,
    checked_label_thresholds,
    checked_threshold,
    checked_uncertain,
    correct_beside,
    give_thresholds,
    given_settings,
    require_known_labels,
    restored,
    settings_beside,
    settle_config,
    settle_optimizer,
    settled,
    to_json,
    with_given,
)
from spacy_relext.pipeline.several import note_run
from spacy_relext.pipeline.teaching import SIDES, Matches, weighed
from spacy_relext.pipeline.thresholds import WithThresholds
from spacy_relext.relations import register_extensions, require_extensions, set_found
from spacy_relext.thresholds.seen import extended, new_record
from spacy_relext.types import Floats2d

if TYPE_CHECKING:
    from spacy_relext.explaining.explanations import Explanation


class RelationExtractor(WithThresholds, TrainablePipe):
    """Scores the candidate pairs of mentions of a Doc and writes `doc._.relations`.

    vocab (Vocab), model (Model), name (str): As in every spaCy component; the model maps (docs, candidates) to logits.
    candidates (Callable[[Doc, List[Span]], Ints2d]): Gives the pairs to score.
    scorer (Callable | None): Scores relations.
    threshold (float): A relation is written when its score is at least this. Tune it on development data.
    label_thresholds (Dict[str, float | None] | None): The same of single labels; others take `threshold`.
    uncertain_below (float | None): What is written with a lower score has the status "uncertain". None: all is "asserted".
    exclusive (bool): A pair has one label at most (softmax with no-relation); otherwise any number (a sigmoid per label). A pair that is
        annotated with several is trained towards each of them in equal parts; all but the one that is predicted count as misses.
    symmetric_labels (List[str] | None): Labels without a direction. Their two directions are averaged, and written once.
    type_rules (Dict[str, List[List[str]]] | None): For a label, the [head type, tail type] pairs that may have it. A label that is not
        listed may stand between any types. Forbidden labels are masked before the best one is chosen, and pairs that may have no label
        are not scored.
    learn_type_rules (bool): Take the rules of labels without one from the training data, that is, from the examples that initialisation
        sees: all of them, or spaCy's first 100 with max_epochs = -1.
    spans_key (str | None): Mentions are `doc.spans[spans_key]`, which may be nested and overlap; of a Doc without such a group, and with
        None, `doc.ents`. So annotation may overlap where the pipeline's own entities do not.
    reduction (str): The loss is the "sum" over the pairs of a batch, as in spaCy's other components, so that none of several that share an
        encoder is drowned; or the "mean", where it is alone and gradients are to be clipped whatever the number of pairs.
    rdrop_weight (float): R-Drop (Liang et al., arXiv:2106.14448): every text of a batch is run twice, with other units dropped, and the
        loss is the mean of the two cross-entropies and this many times the divergence of the two outputs. The paper has the sum of the
        two, so its α is twice this. It regularises well where training data is small, and doubles the time. 0: once. It needs an
        encoder of the component's own: a listener gets one output per batch.
    teacher_weight (float): Distillation: of a pair that is annotated and of which teachers say something, the share of the loss that is the
        divergence from the teachers; the rest is the cross-entropy with the annotation. A pair that has one of both alone learns from that.
    teacher_temperature (float): Both sides' logits are divided by it in this divergence, which is multiplied by its square. Above 1, what
        the teachers say of unlikely labels counts more.
    max_pairs (int | None): The most pairs of one Doc that are scored; those whose mentions are nearest. A warning counts the others.
    overwrite (bool): All relations of a Doc go before those that are found are written. False: those of other sources stay: of another
        extractor, a rule, an annotation. What this component found before goes in either case.
    use_gold_mentions (bool): Train and score on the annotated mentions. False: on the mentions that the pipeline predicts.
    score_prefix (str): What the names of its scores begin with: "rel" gives `rel_micro_f`. Each extractor of a pipeline needs one of its
        own, and a weight for its scores in [training.score_weights].

    Thresholds are on the scale of `relation.score`. This is the probability that the model gives, or what `calibration` makes of it.

    The attribute `on_predictions` (Callable[[Doc, Predictions], None] | None) is for the scores of all candidate pairs: it is called with
    them whenever relations were written into a Doc. It is not stored.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "relation_extractor",
        *,
        candidates: CandidateFunction,
        scorer: Callable[..., dict[str, Any]] | None = None,
        threshold: float = 0.5,
        label_thresholds: Mapping[str, float | None] | None = None,
        uncertain_below: float | None = None,
        exclusive: bool = True,
        symmetric_labels: Sequence[str] | None = None,
        type_rules: dict[str, list[list[str]]] | None = None,
        learn_type_rules: bool = False,
        spans_key: str | None = None,
        use_gold_mentions: bool = True,
        reduction: Literal["sum", "mean"] = "sum",
        rdrop_weight: float = 0.0,
        teacher_weight: float = 0.5,
        teacher_temperature: float = 1.0,
        max_pairs: int | None = None,
        overwrite: bool = False,
        score_prefix: str = "rel",
    ):
        if not score_prefix:
            raise RelextError(f"{name}: score_prefix is empty; the names of scores begin with it, as rel_micro_f does.")
        register_extensions()
        one_thread_in_forks()
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.get_pairs = candidates
        # Not in `cfg`: it changes no prediction, and whoever loads a pipeline may set another.
        self.score_prefix = score_prefix
        self.cfg: dict[str, Any] = {
            "labels": [],
            # Those of other extractors of the pipeline, whose relations in the data are not its own to learn.
            "other_labels": [],
            "mention_types": [],
            # What it has learned from (thresholds.seen); None: it is not known.
            "seen": None,
            "threshold": checked_threshold(name, threshold),
            "label_thresholds": checked_label_thresholds(name, label_thresholds),
            "uncertain_below": checked_uncertain(name, uncertain_below),
            "calibration": None,
            "exclusive": exclusive,
            "symmetric_labels": list(symmetric_labels or []),
            "type_rules": dict(type_rules or {}),
            "learn_type_rules": learn_type_rules,
            "spans_key": spans_key,
            "use_gold_mentions": use_gold_mentions,
            "reduction": reduction,
            "rdrop_weight": as_meant(rdrop_weight),
            "teacher_weight": as_meant(teacher_weight),
            "teacher_temperature": as_meant(teacher_temperature),
            "max_pairs": max_pairs,
            "overwrite": overwrite,
        }
        check_settings(name, self.cfg, listens=listens_to(model) is not None)
        self.cfg[GIVEN] = given_settings(self.cfg)
        self.notices = Notices()
        self.checks = Checks(self.notices)
        self.progress = Progress()
        self.matches = Matches(SIDES)
        self.on_predictions: Callable[[Doc, Predictions], None] | None = None
        steady(model)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, no-relation not among them."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> list[str]:
        """The labels, for `spacy init labels`."""
        return list(self.cfg["labels"])

    def add_label(self, label: str) -> int:
        """Add a label. An initialised model grows by it and keeps what it knows of the others; train it on examples of the new one.

        RETURNS: 1 if the label is new, 0 otherwise. RAISES: RelextError for what is no label.
        """
        if not isinstance(label, str) or not label:
            raise RelextError(f"{self.name}: a label must be a non-empty str, not {label!r}.")
        if label in self.cfg["labels"]:
            return 0
        self._drop_calibration(f"the label {label!r} is added")
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        if self.model.has_dim("nO"):
            self.model.attrs["resize_output"](self.model, n_columns(self))
        return 1

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
        mention_types: list[str] | None = None,
    ) -> None:
        """Take labels, mention types and type rules from the data, and make the model's layers.

        labels: The labels, e.g. from a file that `spacy init labels` wrote. None: those of the data.
        mention_types: The types of mentions that the model tells apart; it treats others alike. None: those of the data.
        RAISES: RelextError where there is nothing to learn from, a setting or the data names a label that is nobody's, or scores of
            several extractors would overwrite each other.
        """
        validate_get_examples(get_examples, "RelationExtractor.initialize")
        if nlp is not None:
            settle_config(nlp, self.name)
            # Before notices begin anew: there was a warning about a transformer that was there when the extractor was made.
            self.checks.models(self, nlp)
        self.checks.begin_training()
        self._drop_calibration("the component is initialised")
        self.progress.restart()
        self.matches = Matches(SIDES)
        pipes = {name: pipe for name, pipe in nlp.components if isinstance(pipe, RelationExtractor)} if nlp is not None else {}
        extractors = pipes if self in pipes.values() else {}
        take_settings(self, get_examples, nlp, extractors, labels=labels, mention_types=mention_types)
        self._thresholds_set()
        if nlp is not None:
            give_thresholds(nlp, self.name, self.cfg)
        sample = [annotated_pairs(self, example, initializing=True, learning=True) for example in islice(get_examples(), 10)]
        self.cfg["seen"] = new_record()
        self.model.set_dim("nT", len(self.cfg["mention_types"]) + N_RESERVED_TYPES, force=True)
        X = ([s.doc for s in sample], [s.prepared.candidates for s in sample])
        self.model.initialize(X=X, Y=self.model.ops.alloc2f(sum(len(s.targets) for s in sample), n_columns(self)))

    def predict(self, docs: Iterable[Doc]) -> list[Predictions]:
        """Score the candidate pairs of some Docs, without writing anything.

        docs: With mentions, and what else the candidates and the encoder need: sentences, the output of a component.
        RETURNS: for each Doc its mentions, its pairs `[n_pairs, 2]` and their probabilities `[n_pairs, n_columns]`.
        RAISES: RelextError for a component without a trained model, and for Docs without what it needs.
        """
        docs = list(checked_docs(self.name, docs, "predict"))
        prepared = [prepare(self, doc, self.mentions(doc)) for doc in docs]
        self.checks.mentions(self, docs, [p.spans for p in prepared])
        return self.predict_prepared(docs, prepared)

    def set_annotations(self, docs: Iterable[Doc], scores: list[Predictions]) -> None:
        """Write the relations that reach the threshold, with the name of this component as their source.

        RAISES: RelextError where `doc._.relations` is that of another library.
        """
        require_extensions()
        for doc, predictions in zip(docs, scores, strict=True):
            found = self.decode(predictions, predictions.spans)
            brought = set_found(doc, found, self.name, self.labels, overwrite=self.cfg["overwrite"])
            self.checks.brought(self.name, brought)
            note_run(doc, self.name, self)
            if self.on_predictions is not None:
                self.on_predictions(doc, predictions)

    def attention(self, docs: Iterable[Doc], *, batch_size: int = 32) -> Iterator[list[AttendedPair]]:
        """The attention weights of each candidate pair of a Doc: the words that the model reads, and the weight of each.

        docs: With mentions, and what else `predict` needs. batch_size: Docs whose weights are held at a time.
        YIELDS: for each Doc, its pairs.
        RAISES: RelextError where the summary has no such weights; `attention` has, and `pair_attention`, the mean of those of its heads.
        """
        return attended_pairs(self, checked_docs(self.name, docs, "attention"), batch_size)

    def explain(
        self,
        doc: Doc,
        pair: tuple[Span, Span],
        method: str = "occlusion",
        *,
        label: str | None = None,
        removal: Literal["delete", "mask"] = "delete",
        nlp: Language | None = None,
        progress: Callable[[Iterable[Any], int], Iterable[Any]] | None = None,
    ) -> "Explanation":
        """Why a candidate pair of a Doc gets the score that it gets: words, and the weight of each.

        doc: As the pipeline leaves it. The Doc itself is left alone. pair: Head and tail, mentions of the Doc.
        method: "attention": where the summary looked. "occlusion": by how much the score falls without each word. "phrases": without each
            phrase. "integrated_gradients": what each word adds to the log-odds of the score, by captum (extra `explain`).
        label: None: the most probable one. removal: Of occlusion and phrases: whether words are deleted, or masked.
        nlp: The pipeline; None: the one that the component was made for. A component that listens to another one needs it.
        progress: Is given what is run, and how much it is; a long text takes some minutes at the most.
        RETURNS: the explanation, with what was measured of the method for this pipeline (`spacy_relext.measure_explanations`).
        RAISES: RelextError for what is no candidate pair, and where the model has nothing for the method: no attention, no embeddings.
        """
        # Not before it is needed: it knows pipelines, which know the component.
        from spacy_relext.explaining.explaining import explain, known_of
        from spacy_relext.explaining.progress import silent

        home = self.checks.home.nlp if nlp is None else nlp
        checked = checked_doc(self.name, doc, "explain")
        measured = known_of(home, self.name)
        return explain(self, home, checked, pair, method, label=label, removal=removal, measured=measured, progress=progress or silent)

    def score_pairs(self, doc: Doc, pairs: Iterable[tuple[Span, Span]]) -> list[ScoredPair]:
        """What the model says of some pairs, whatever the candidates are: the whole distribution, also below the threshold.

        A pair of mentions of the Doc gets the probabilities that `predict` gives it, whichever other pairs are asked about. Other spans are
        mentions, too, for the pairs that they are in: where mentions are marked, those of the Doc are, and all spans of such pairs.

        doc: As the pipeline leaves it: with the encoder's output, where the model listens to a component, and sentences, where the
            candidates need them.
        pairs: Of head and tail, any two Spans of the Doc, which may overlap. One without a type (`doc[2:4]`) is the mention at its place.
        RETURNS: a pair for each, in their order. A label that type rules forbid has probability 0. That of a symmetric label is the mean
            over the directions that are candidates (both, where neither is), in which case the probabilities need not sum to 1.
        RAISES: RelextError for what is no such pair, and for a Doc without what the model needs.
        """
        self.require_model()
        return score_pairs(self, checked_doc(self.name, doc, "score_pairs"), pairs)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from a batch of examples: from annotation, and from what teachers say. Docs without either teach nothing.

        drop: The share of units that are dropped, in the place of the model's own. sgd: None: gradients are left in the model.
        losses: To its entry of this name the loss is added: cross-entropy in nats, summed over the pairs or their mean (`reduction`), the
            divergence from teachers, and the weighted loss of R-Drop.
        RETURNS: `losses`. RAISES: RelextError for a component without labels or model, a label that is nobody's, texts that differ, and
            teachers of other labels or pairs.
        """
        losses = losses if losses is not None else {}
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "RelationExtractor.update")
        self.require_model()
        if not any(len(example.predicted) for example in examples):
            return losses
        set_dropout_rate(self.model, drop)
        pairs = [annotated_pairs(self, example, learning=True) for example in examples]
        by_annotation = [example for example, p in zip(examples, pairs, strict=True) if p.annotated or p.taught is None]
        warn_of_coverage(self.notices, self.name, self.labels, count_annotated(by_annotation), "learned from")
        teaching = self._teaching(pairs)
        docs = [example.predicted for example in examples]
        candidates = [p.prepared.candidates for p in pairs]
        allowed = numpy.concatenate([p.prepared.allowed for p in pairs])
        targets = numpy.concatenate([p.targets for p in pairs])
        self.checks.in_training = True
        if not self.cfg["use_gold_mentions"]:
            n_found, n_annotated = sum(len(p.prepared.spans) for p in pairs), sum(len(self.mentions(eg.reference)) for eg in examples)
            self.checks.predicted_mentions(self, docs, n_found, n_annotated)
        if self.cfg["rdrop_weight"]:
            # Every text twice in one run of the encoder, which is cheaper than two. Copies, since spacy-transformers goes by the identity
            # of Docs.
            docs, candidates = docs + [doc.copy() for doc in docs], candidates * 2
        logits, backprop = self.model.begin_update((docs, candidates))
        settings = {name: self.cfg[name] for name in ("exclusive", "reduction", "rdrop_weight")}
        loss, entropy, gradient = training_loss(self.model.ops.to_numpy(logits), allowed, targets, **settings, teaching=teaching)
        n_summed = len(targets) if self.cfg["reduction"] == "mean" else 1
        weights = None if teaching is None else teaching.annotation
        self.progress.update(self.name, self.notices, entropy * n_summed, allowed, targets, weights, exclusive=self.cfg["exclusive"])
        backprop(self.model.ops.asarray2f(gradient))
        learned = (eg.reference.text for eg, p in zip(examples, pairs, strict=True) if p.annotated or p.taught is not None)
        self.cfg["seen"] = extended(self.cfg["seen"], learned)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def _teaching(self, pairs: Sequence[AnnotatedPairs]) -> Teaching | None:
        """What teachers say of the pairs of a batch, and the weights. Pairs that only one side has are counted."""
        if self.cfg["use_gold_mentions"]:
            count_matches(self.matches, pairs)
            self.matches.check(self.name, self.notices, final=False)
        return weighed([p.taught for p in pairs], [p.annotated for p in pairs], [len(p.targets) for p in pairs], self.cfg)

    def finish_update(self, sgd: Optimizer) -> None:
        """Change the model by the gradients that `update` left. A calibration, which is that of the model before, goes with a warning."""
        self._drop_calibration("the component is trained further")
        super().finish_update(sgd)

    def get_loss(self, examples: Iterable[Example], scores: list[Predictions]) -> tuple[float, Floats2d]:
        """Cross-entropy of predictions made on annotated mentions, and its gradient with respect to the logits of all pairs.

        RETURNS: the loss in nats, summed over the pairs or their mean (`reduction`), and the gradient, `[n_pairs, n_columns]`.
        """
        targets = [annotated_pairs(self, example).targets for example in examples]
        return cross_entropy(
            numpy.concatenate([p.scores for p in scores]),
            numpy.concatenate(targets),
            exclusive=self.cfg["exclusive"],
            reduction=self.cfg["reduction"],
        )

    def score(self, examples: Iterable[Example], *, gold_mentions: bool | None = None, **kwargs: Any) -> dict[str, Any]:
        """Score relations. Of the predicted ones, those that have this component among their sources: an annotation is no prediction.

        gold_mentions: Predict anew, between the annotated mentions, whatever the pipeline predicted. None: as `use_gold_mentions` says.
        kwargs: Are given to the scorer.
        RETURNS: what the scorer gives, shares between 0 and 1 (`score_relations`); nothing where there is no scorer.
        RAISES: RelextError where another extractor that ran has the same `score_prefix`.
        """
        examples = list(examples)
        validate_examples(examples, "RelationExtractor.score")
        return score(self, examples, gold_mentions=gold_mentions, **kwargs)

    def rehearse(
        self,
        examples: Iterable[Example],
        *,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
        **config: Any,
    ) -> dict[str, float]:
        """Do nothing, and say so: there is no rehearsal of relations."""
        self.notices.warn(
            "rehearse",
            f"{self.name}: rehearse does nothing for relations. So that the old ones are not forgotten, train on examples of them beside "
            "the new ones.",
        )
        return losses if losses is not None else {}

    # Storage

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Store in a folder. The config of the pipeline, where it stands beside, gets the thresholds, if it has others."""
        self._check_encoder()
        super().to_disk(path, exclude=exclude)
        if "cfg" not in exclude:
            (Path(path) / "cfg").write_text(to_json(with_given(self.cfg)), encoding="utf8")
            correct_beside(self.cfg, Path(path))

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "RelationExtractor":
        """Load from a folder.

        What the factory is given otherwise than when it was stored (by `spacy.load(…, config=…)`) goes before what is stored.
        RAISES: RelextError where the model cannot follow.
        """
        given = self.cfg.pop(GIVEN, {})
        super().from_disk(path, exclude=exclude)
        if "cfg" not in exclude:
            self.cfg.update(json.loads((Path(path) / "cfg").read_text(encoding="utf8")))
        return self._restored(given, lambda: settings_beside(Path(path)), overrides=True)

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Store in bytes."""
        self._check_encoder()
        parts: dict[str, Callable[[], bytes]] = {
            "cfg": lambda: to_json(with_given(self.cfg)).encode("utf8"),
            "vocab": lambda: self.vocab.to_bytes(exclude=exclude),
            "model": self.model.to_bytes,
        }
        stored: bytes = util.to_bytes(parts, exclude)
        return stored

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "RelationExtractor":
        """Load from bytes; see `from_disk`. A default that the factory is given does not go before what is stored."""
        given = self.cfg.pop(GIVEN, {})
        parts: dict[str, Callable[[bytes], Any]] = {
            "cfg": lambda stored: self.cfg.update(json.loads(stored)),
            "vocab": lambda stored: self.vocab.from_bytes(stored, exclude=exclude),
            "model": self.model.from_bytes,
        }
        util.from_bytes(bytes_data, parts, exclude)
        return self._restored(given, lambda: None, overrides=False)

    def _restored(self, given: dict[str, Any], beside: Callable[[], dict[str, Any] | None], *, overrides: bool) -> "RelationExtractor":
        """beside: Gives the settings of a component that was stored without those that its factory was given. overrides: See `restored`."""
        stored = self.cfg.pop(GIVEN, None) or beside()
        self.cfg, stored = settled(self.cfg), settled(stored) if stored is not None else None
        trained_rules = self.cfg["type_rules"]
        self.cfg.update(restored(self.name, self.cfg, given, stored, make_relation_extractor, overrides=overrides))
        self._check_thresholds()
        if self.labels:
            require_known_labels(self.name, self.cfg)
            if self.cfg["type_rules"] != trained_rules:
                self.checks.annotated_types(self.name, self.cfg, ())
        if self.checks.home.nlp is not None:
            settle_optimizer(self.checks.home.nlp)
            settle_config(self.checks.home.nlp, self.name)
            give_thresholds(self.checks.home.nlp, self.name, self.cfg)
        return self

    # Mentions and pairs

    def mentions(self, doc: Doc) -> list[Span]:
        """The mentions of a Doc: the spans under `spans_key`, or its entities."""
        key = self.cfg["spans_key"]
        if key is None or key not in doc.spans:
            return list(doc.ents)
        # A span of no token can hold nothing.
        return [span for span in doc.spans[key] if len(span)]

    # Prediction

    def require_model(self) -> None:
        """RAISES: RelextError where there is no model yet, or no label."""
        if not self.labels or not self.model.has_dim("nO"):
            raise RelextError(
                f"{self.name} has no trained model: it has {counted(len(self.labels), 'label', 'labels')} and was not initialised. Train "
                "it (python -m spacy train), load a trained pipeline, or call nlp.initialize() with examples."
            )

    def predict_prepared(self, docs: list[Doc], prepared: list[Prepared], on_attention: OnAttention | None = None) -> list[Predictions]:
        """The predictions of pairs that are prepared, by Doc. on_attention: Is given the attention weights of each pair."""
        n_excluded, n_possible = sum(p.n_excluded for p in prepared), sum(len(p.candidates.pairs) for p in prepared)
        self.checks.types(self, [p.candidates.labels for p in prepared], n_excluded, n_possible)
        scores = symmetrized(prepared, self.score_prepared(docs, prepared, on_attention), symmetric_columns(self))
        return [Predictions(p.spans, p.candidates.pairs, of_doc) for p, of_doc in zip(prepared, scores, strict=True)]

    def score_prepared(self, docs: list[Doc], prepared: list[Prepared], on_attention: OnAttention | None = None) -> list[Floats2d]:
        """The probabilities of the pairs of each Doc, `[n_pairs, n_columns]`, every direction by itself."""
        logits = self.logits_prepared(docs, prepared, on_attention)
        if not prepared:
            return []
        scores = probabilities(logits, numpy.concatenate([p.allowed for p in prepared]), exclusive=self.cfg["exclusive"])
        return numpy.split(scores, numpy.cumsum([len(p.candidates.pairs) for p in prepared])[:-1])

    def logits_prepared(self, docs: list[Doc], prepared: list[Prepared], on_attention: OnAttention | None = None) -> Floats2d:
        """The logits of the pairs of all Docs, `[n_pairs, n_columns]`, whatever type rules say."""
        self.require_model()
        self._check_encoder()
        upstream = listens_to(self.model)
        if any(len(p.candidates.pairs) for p in prepared):
            if upstream is not None:
                upstream.require_fed(self.name, docs)
            self.checks.thread(self.name)
            logits: Floats2d = self.model.ops.to_numpy(self.model.predict((docs, [p.candidates for p in prepared], on_attention)))
            return logits
        if upstream is not None and self.notices.wants("no encoder"):
            self.checks.no_encoder(self.name, upstream.name, len(upstream.unfed(docs)))
        return numpy.zeros((0, n_columns(self)), dtype="float32")

    def distribution(self, scores: list[float]) -> tuple[dict[str, float], float | None]:
        """The probabilities of one pair by label, and that of no-relation. scores: Its row, of `n_columns`."""
        exclusive = self.cfg["exclusive"]
        return dict(zip(self.labels, scores[int(exclusive) :], strict=True)), scores[0] if exclusive else None
