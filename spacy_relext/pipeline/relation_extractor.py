"""The trainable component: mentions in, relations on the Doc out."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any, Literal

import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate

from spacy_relext.candidates import CandidateFunction
from spacy_relext.errors import RelextError
from spacy_relext.factories import make_relation_extractor
from spacy_relext.ml.attention import AttentionWeights, OnAttention
from spacy_relext.ml.listeners import listens_to
from spacy_relext.ml.losses import cross_entropy, probabilities, rdrop_loss
from spacy_relext.ml.patches.thinc import steady
from spacy_relext.ml.patches.torch_cpu import one_thread_in_forks
from spacy_relext.ml.threads import SECOND_THREAD, OneThread
from spacy_relext.ml.windows import loses_words
from spacy_relext.notices import Notice, Notices, counted, logger
from spacy_relext.pipeline.checks import Checks
from spacy_relext.pipeline.coverage import Annotated, Seen, count_annotated, covered, look_over, require_covered, warn_of_coverage
from spacy_relext.pipeline.decoding import Predictions, decode_relations, symmetrize
from spacy_relext.pipeline.gold import align_mentions, gold_view
from spacy_relext.pipeline.pairs import AttendedPair, ScoredPair, ask
from spacy_relext.pipeline.preparing import (
    N_RESERVED_TYPES,
    AnnotatedPairs,
    Prepared,
    candidate_pairs,
    join_gold,
    n_columns,
    prepare,
    symmetric_labels,
)
from spacy_relext.pipeline.progress import Progress
from spacy_relext.pipeline.settings import (
    GIVEN,
    as_meant,
    check_settings,
    checked_threshold,
    given_settings,
    require_known_labels,
    restored,
    settings_beside,
    settle_config,
    settle_optimizer,
    settled,
)
from spacy_relext.pipeline.several import check_scores, divide_labels, note_run, ran_beside, require_own_prefix
from spacy_relext.relations import (
    Relation,
    annotated_labels,
    covers,
    get_relations,
    has_relations,
    register_extensions,
    require_extensions,
    set_found,
    set_relations,
    sources_of,
)
from spacy_relext.types import Floats2d


class RelationExtractor(TrainablePipe):
    """Scores the candidate pairs of mentions of a Doc and writes `doc._.relations`.

    vocab (Vocab), model (Model), name (str): As in every spaCy component; the model maps (docs, candidates) to logits.
    candidates (Callable[[Doc, List[Span]], Ints2d]): Gives the pairs to score.
    scorer (Callable | None): Scores relations.
    threshold (float): A relation is written when its probability is at least this. Tune it on development data.
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
    max_pairs (int | None): The most pairs of one Doc that are scored; those whose mentions are nearest. A warning counts the others.
    overwrite (bool): All relations of a Doc go before those that are found are written. False: those of other sources stay: of another
        extractor, a rule, an annotation. What this component found before goes in either case.
    use_gold_mentions (bool): Train and score on the annotated mentions. False: on the mentions that the pipeline predicts.
    score_prefix (str): What the names of its scores begin with: "rel" gives `rel_micro_f`. Each extractor of a pipeline needs one of its
        own, and a weight for its scores in [training.score_weights].

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
        scorer: Callable | None = None,
        threshold: float = 0.5,
        exclusive: bool = True,
        symmetric_labels: Sequence[str] | None = None,
        type_rules: dict[str, list[list[str]]] | None = None,
        learn_type_rules: bool = False,
        spans_key: str | None = None,
        use_gold_mentions: bool = True,
        reduction: Literal["sum", "mean"] = "sum",
        rdrop_weight: float = 0.0,
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
            "threshold": checked_threshold(name, threshold),
            "exclusive": exclusive,
            "symmetric_labels": list(symmetric_labels or []),
            "type_rules": dict(type_rules or {}),
            "learn_type_rules": learn_type_rules,
            "spans_key": spans_key,
            "use_gold_mentions": use_gold_mentions,
            "reduction": reduction,
            "rdrop_weight": as_meant(rdrop_weight),
            "max_pairs": max_pairs,
            "overwrite": overwrite,
        }
        check_settings(name, self.cfg, listens=listens_to(model) is not None)
        self.cfg[GIVEN] = given_settings(self.cfg)
        self.notices = Notices()
        self.checks = Checks(self.notices)
        self.progress = Progress()
        # Whether it is no surprise that Docs bring relations.
        self.expects_relations = False
        self.on_predictions: Callable[[Doc, Predictions], None] | None = None
        steady(model)
        self._one_thread: OneThread | None = None

    def check_threads(self, nlp: Language) -> None:
        """Let the models of the other components predict in several threads; where one cannot, a second thread gets a warning."""
        models = [(name, getattr(pipe, "model", None)) for name, pipe in nlp.components]
        # Of all of them: what is read of a text are vectors of one, and mentions of others.
        unknown = [name for name, model in models if isinstance(model, Model) and not steady(model)]
        if listens_to(self.model) is not None and not any(hasattr(pipe, "find_listeners") for _, pipe in nlp.components):
            unknown.append("the component that it listens to")
        self._one_thread = OneThread(unknown) if unknown else None

    def check_windows(self, nlp: Language) -> None:
        """Warn of encoders that lose what a window has beyond their limit."""
        own = [(self.name, self.model, "Tok2VecTransformer")]
        others = [
            (name, getattr(pipe, "model", None), "TransformerModel") for name, pipe in nlp.components if hasattr(pipe, "find_listeners")
        ]
        for name, model, ours in own + others:
            if isinstance(model, Model) and loses_words(model):
                text = (
                    f"{name} has windows of spacy-relext.sentence_windows.v1 in a model of spacy-transformers': what stands behind as many "
                    f"word pieces as the encoder reads gets no vectors there. Use spacy-relext.{ours}.v1; a trained pipeline needs nothing "
                    "but this name in its config.cfg."
                )
                self.notices.warn(f"windows of {name}", text)

    @property
    def threshold(self) -> float:
        """The probability from which on a relation is written. RAISES: RelextError where it is set to what is no probability."""
        return self.cfg["threshold"]

    @threshold.setter
    def threshold(self, threshold: float) -> None:
        self.cfg["threshold"] = checked_threshold(self.name, threshold)

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

        RETURNS: 1 if the label is new, 0 otherwise.
        """
        if not isinstance(label, str) or not label:
            raise RelextError(f"{self.name}: a label must be a non-empty str, not {label!r}.")
        if label in self.cfg["labels"]:
            return 0
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
        """
        validate_get_examples(get_examples, "RelationExtractor.initialize")
        if nlp is not None:
            settle_config(nlp, self.name)
            # Before notices begin anew: there was a warning about a transformer that was there when the extractor was made.
            self.check_windows(nlp)
            self.check_threads(nlp)
        self.checks.begin_training()
        self.progress.restart()
        extractors = self._extractors(nlp)
        if nlp is not None and extractors:
            first = next(pipe for name, pipe in extractors.items() if name in nlp.pipe_names or pipe is self)
            check_scores(nlp, extractors, self.notices if first is self else None)
        seen = look_over(get_examples(), self.mentions)
        for label in sorted({label for part in seen.values() for label in part.rules}) if labels is None else labels:
            self.add_label(label)
        if not self.labels:
            raise RelextError(
                f"{self.name}: there are no labels: the training data has no relation, and none were given. Check that the corpus "
                "was converted with its relations (DocBin with store_user_data=True), or set [initialize.components."
                f"{self.name}.labels]."
            )
        require_known_labels(self.name, self.cfg)
        self._share_labels(seen, extractors, nlp)
        own = covered(seen, self.labels)
        self.cfg["mention_types"] = sorted(own.types) if mention_types is None else list(mention_types)
        if self.cfg["learn_type_rules"]:
            rules = {label: own.rules[label] for label in self.labels if label in own.rules}
            learned = {label: [list(pair) for pair in sorted(pairs)] for label, pairs in rules.items()}
            self.cfg["type_rules"] = {**learned, **self.cfg["type_rules"]}
        self.checks.annotated_types(self.name, self.cfg, own.types)
        self.checks.annotated_spans(self.name, self.cfg["spans_key"], own.references)
        self.checks.schedule(self.name, nlp)
        self._warn_of_misses(get_examples)
        sample = [self.annotated_pairs(example, initializing=True) for example in islice(get_examples(), 10)]
        self.model.set_dim("nT", len(self.cfg["mention_types"]) + N_RESERVED_TYPES, force=True)
        X = ([s.doc for s in sample], [s.prepared.candidates for s in sample])
        self.model.initialize(X=X, Y=self.model.ops.alloc2f(sum(len(s.targets) for s in sample), n_columns(self)))

    def _extractors(self, nlp: Language | None) -> dict[str, "RelationExtractor"]:
        """The extractors of a pipeline by name, in which this one is; none where it is not."""
        pipes = {name: pipe for name, pipe in nlp.components if isinstance(pipe, RelationExtractor)} if nlp is not None else {}
        return pipes if self in pipes.values() else {}

    def _share_labels(self, seen: Mapping[Annotated, Seen], extractors: dict[str, "RelationExtractor"], nlp: Language | None) -> None:
        """Tell all extractors whose labels are whose.

        RAISES: RelextError where there is nothing to learn from, or a label that nobody learns.
        """
        streamed = nlp is not None and nlp.config["training"].get("max_epochs") == -1
        require_covered(self.name, self.labels, seen, self.notices, streamed=streamed)
        pipes = list(extractors.values()) or [self]
        unknown = sorted(divide_labels(pipes, {label for pipe in pipes for label in covered(seen, pipe.labels).rules}))
        if unknown:
            raise RelextError(
                f"{self.name}: the training data has relations with labels that no component knows: {unknown}; it has {list(self.labels)}. "
                f"Add them to [initialize.components.{self.name}.labels], or take the relations out of the data."
            )
        self._warn_of_coverage(Counter({annotated: part.n for annotated, part in seen.items() if part.n}), "learned from")

    def _warn_of_coverage(self, counts: "Counter[Annotated]", done: Literal["learned from", "scored"]) -> None:
        warn_of_coverage(self.notices, self.name, self.labels, counts, done)

    def _warn_of_misses(self, get_examples: Callable[[], Iterable[Example]]) -> None:
        """Relations that cannot be found are no error, but nobody should learn of them only from the recall."""
        n_missed = n_gold = n_several = 0
        for example in get_examples():
            pairs = self.annotated_pairs(example, initializing=True)
            n_missed += pairs.n_missed
            n_gold += pairs.n_gold
            if self.cfg["exclusive"]:
                n_several += int(((pairs.targets[:, 1:] > 0).sum(axis=1) > 1).sum())
        if n_missed:
            text = (
                f"{self.name}: {{n}} of {{of}} annotated {{of|relation|relations}} {{n|is|are}} between no candidate pair: {{n|it|they}} "
                "cannot be learned or found, and {n|counts as a miss|count as misses}."
            )
            logger.warning("%s", Notice(n_missed, n_gold).fill(text))
        if n_several:
            text = (
                f"{self.name}: {{n}} {{n|candidate pair is|candidate pairs are}} annotated with several labels, and labels are exclusive: "
                "one of them can be found, and the others count as misses. Set exclusive = false to find all, or correct the data if a "
                "pair has one label at most."
            )
            logger.warning("%s", Notice(n_several).fill(text))

    def predict(self, docs: Iterable[Doc]) -> list[Predictions]:
        """Score the candidate pairs of some Docs, without writing anything."""
        docs = list(self._docs(docs, "predict"))
        prepared = [prepare(self, doc, self.mentions(doc)) for doc in docs]
        self.checks.mentions(self, docs, [p.spans for p in prepared])
        return self._predict(docs, prepared)

    def set_annotations(self, docs: Iterable[Doc], scores: list[Predictions]) -> None:
        """Write the relations that reach the threshold, with the name of this component as their source.

        RAISES: RelextError where `doc._.relations` is that of another library.
        """
        require_extensions()
        for doc, predictions in zip(docs, scores, strict=True):
            found = self.decode(predictions, predictions.spans)
            brought = set_found(doc, found, self.name, self.labels, overwrite=self.cfg["overwrite"])
            if brought and not self.expects_relations:
                self.notices.warn(
                    "brought",
                    f"{self.name}: documents bring {{n}} {{n|relation|relations}} that no component of this pipeline found: annotations, "
                    "what another pipeline found, or a rule of yours. They stay beside those found here. To be rid of them, set "
                    "doc._.relations = [] before, or overwrite = true for the component; a rule should name itself as their source: "
                    "Relation(…, "
                    'sources="my_rule").',
                    n=brought,
                )
            note_run(doc, self.name, self)
            if self.on_predictions is not None:
                self.on_predictions(doc, predictions)

    def attention(self, docs: Iterable[Doc], *, batch_size: int = 32) -> Iterator[list[AttendedPair]]:
        """The attention weights of each candidate pair of a Doc: the words that the model reads, and the weight of each.

        docs: With mentions, and what else `predict` needs. batch_size: Docs whose weights are held at a time.
        YIELDS: for each Doc, its pairs.
        RAISES: RelextError where the summary has no such weights; `attention` has, and `pair_attention`, the mean of those of its heads.
        """
        return self._read(self._docs(docs, "attention"), batch_size)

    def _read(self, docs: Iterable[Doc], batch_size: int) -> Iterator[list[AttendedPair]]:
        for batch in minibatch(docs, size=batch_size):
            prepared = [prepare(self, doc, self.mentions(doc)) for doc in batch]
            weights: dict[int, AttentionWeights] = {}
            predictions = self._predict(batch, prepared, weights.__setitem__)
            number = count()
            for doc, p, predicted in zip(batch, prepared, predictions, strict=True):
                yield [
                    AttendedPair(
                        p.spans[head],
                        p.spans[tail],
                        *self.distribution(scores),
                        context=doc[first:end],
                        attention=weights.pop(next(number)),
                    )
                    for (head, tail), (first, end), scores in zip(
                        p.candidates.pairs.tolist(), p.candidates.contexts.tolist(), predicted.scores.tolist(), strict=True
                    )
                ]

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
        self._require_model()
        doc = self._doc(doc, "score_pairs")
        found: dict[int, ScoredPair] = {}
        for asked in ask(doc, self.mentions(doc), pairs):
            mirrored = [(tail, head) for head, tail in asked.pairs.values()] if symmetric_labels(self) else []
            rows = {pair: row for row, pair in enumerate(dict.fromkeys([*asked.pairs.values(), *mirrored]))}
            candidates = set(map(tuple, candidate_pairs(self, doc, asked.mentions).tolist()))
            prepared = prepare(self, doc, asked.mentions, numpy.asarray(list(rows)))
            (scores,) = self._probabilities([doc], [prepared])
            counted = numpy.asarray([pair in candidates for pair in rows])
            scores = symmetrize(prepared.candidates.pairs, scores, self._symmetric_columns, counted)
            for number, (head, tail) in asked.pairs.items():
                distribution = self.distribution(scores[rows[head, tail]].tolist())
                found[number] = ScoredPair(asked.mentions[head], asked.mentions[tail], *distribution)
        return [found[number] for number in sorted(found)]

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from a batch of examples. Docs without relation annotation teach nothing."""
        losses = losses if losses is not None else {}
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "RelationExtractor.update")
        self._require_model()
        if not any(len(example.predicted) for example in examples):
            return losses
        set_dropout_rate(self.model, drop)
        self._warn_of_coverage(count_annotated(examples), "learned from")
        pairs = [self.annotated_pairs(example) for example in examples]
        docs = [example.predicted for example in examples]
        candidates = [p.prepared.candidates for p in pairs]
        settings: dict[str, Any] = {"exclusive": self.cfg["exclusive"], "reduction": self.cfg["reduction"]}
        allowed = numpy.concatenate([p.prepared.allowed for p in pairs])
        targets = numpy.concatenate([p.targets for p in pairs])
        self.checks.in_training = True
        if not self.cfg["use_gold_mentions"]:
            n_found, n_annotated = sum(len(p.prepared.spans) for p in pairs), sum(len(self.mentions(eg.reference)) for eg in examples)
            self.checks.predicted_mentions(self, docs, n_found, n_annotated)
        n_times = 1
        if self.cfg["rdrop_weight"]:
            # Every text twice in one run of the encoder, which is cheaper than two. Copies, since spacy-transformers goes by the identity
            # of Docs.
            n_times, docs, candidates = 2, docs + [doc.copy() for doc in docs], candidates * 2
        logits, backprop = self.model.begin_update((docs, candidates))
        times = numpy.split(self.model.ops.to_numpy(logits), n_times)
        scores = [probabilities(part, allowed, exclusive=self.cfg["exclusive"]) for part in times]
        entropies = [cross_entropy(s, targets, **settings) for s in scores]
        loss = sum(entropy for entropy, _ in entropies) / n_times
        n_summed = len(targets) if self.cfg["reduction"] == "mean" else 1
        self.progress.update(self.name, self.notices, loss * n_summed, allowed, targets, exclusive=self.cfg["exclusive"])
        gradients = [gradient / n_times for _, gradient in entropies]
        if n_times == 2:
            divergence, *more = rdrop_loss(*scores, **settings)
            loss += self.cfg["rdrop_weight"] * divergence
            gradients = [gradient + self.cfg["rdrop_weight"] * other for gradient, other in zip(gradients, more, strict=True)]
        backprop(self.model.ops.asarray2f(numpy.concatenate(gradients)))
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(self, examples: Iterable[Example], scores: list[Predictions]) -> tuple[float, Floats2d]:
        """Cross-entropy of predictions made on annotated mentions, and its gradient with respect to the logits of all pairs."""
        targets = [self.annotated_pairs(example).targets for example in examples]
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
        """
        if self.scorer is None:
            return {}
        examples = list(examples)
        validate_examples(examples, "RelationExtractor.score")
        if "score_prefix" not in kwargs:
            require_own_prefix(self.name, self.score_prefix, ran_beside((example.predicted for example in examples), self.name))
        self._warn_of_coverage(count_annotated(examples), "scored")
        other_labels = self.labels_of_others(example.predicted for example in examples)
        if self.cfg["use_gold_mentions"] if gold_mentions is None else gold_mentions:
            examples = list(self.with_gold_mentions(examples))
        self._check_scored(examples)
        settings = {
            "labels": self.labels,
            "source": self.name,
            "other_labels": sorted(other_labels),
            "score_prefix": self.score_prefix,
            **kwargs,
        }
        scores = self.scorer(examples, **{**self.cfg, **settings})
        n_unknown = scores.get(f"{settings['score_prefix']}_unknown_labels")
        if n_unknown:
            known = {*self.labels, *other_labels}
            values = (r.label for example in examples for r in get_relations(example.reference) if r.label not in known)
            text = (
                f"{self.name}: {{n}} annotated {{n|relation has a label|relations have labels}} that no component of the pipeline has "
                "({values}): {n|it is|they are} in none of its scores, not even as {n|a miss|misses}. Score data with the labels "
                "that it was trained for, or train it for these."
            )
            self.notices.warn("unknown-labels", text, n=n_unknown, values=values)
        return scores

    def _check_scored(self, examples: list[Example]) -> None:
        annotated = [example for example in examples if self.learns_from(example.reference)]
        if not annotated and any(has_relations(example.reference) for example in examples):
            return  # they are annotated for other labels, which gave a warning
        n_relations = sum(relation.label in self.labels for example in annotated for relation in get_relations(example.reference))
        sources = set[str]().union(*(sources_of(example.predicted) for example in annotated))
        sources -= ran_beside((example.predicted for example in annotated), self.name).keys()
        if sources and self.name not in sources:
            self.notices.warn(
                "sources",
                f"{self.name}: of the relations of the predicted Docs none is scored, since none comes from this component; they come from "
                "{values}. Score what the pipeline finds: nlp.evaluate(examples), or python -m spacy relext evaluate.",
                values=[name or "a caller, an annotation or an older file" for name in sorted(sources)],
            )
        self.checks.development(self.name, len(examples), len(annotated), n_relations)
        self.progress.evaluation(self.name, self.notices, n_relations, found=self.name in sources)

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

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "RelationExtractor":
        """Load from a folder. What the factory was given goes before what is stored where it differs from what it was given then: it comes
        from `spacy.load(…, config=…)`. RAISES: RelextError where the model cannot follow.
        """
        given = self.cfg.pop(GIVEN, {})
        super().from_disk(path, exclude=exclude)
        return self._restored(given, lambda: settings_beside(Path(path)))

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "RelationExtractor":
        """Load from bytes; see `from_disk`."""
        given = self.cfg.pop(GIVEN, {})
        super().from_bytes(bytes_data, exclude=exclude)
        return self._restored(given, lambda: None)

    def _restored(self, given: dict[str, Any], beside: Callable[[], dict[str, Any] | None]) -> "RelationExtractor":
        """beside: Gives the settings of a component that was stored without those that its factory was given."""
        stored = self.cfg.pop(GIVEN, None) or beside()
        self.cfg, stored = settled(self.cfg), settled(stored) if stored is not None else None
        trained_rules = self.cfg["type_rules"]
        self.cfg.update(restored(self.name, self.cfg, given, stored, make_relation_extractor))
        checked_threshold(self.name, self.cfg["threshold"])
        if self.labels:
            require_known_labels(self.name, self.cfg)
            if self.cfg["type_rules"] != trained_rules:
                self.checks.annotated_types(self.name, self.cfg, ())
        if self.checks.home.nlp is not None:
            settle_optimizer(self.checks.home.nlp)
            settle_config(self.checks.home.nlp, self.name)
        return self

    def labels_of_others(self, docs: Iterable[Doc]) -> set[str]:
        """The labels of other extractors: those with which it was trained, and those that ran over some Docs."""
        return {*self.cfg["other_labels"], *(label for _, labels in ran_beside(docs, self.name).values() for label in labels)}

    # Mentions and pairs

    def _docs(self, docs: Iterable[Doc], method: str) -> Iterator[Doc]:
        if isinstance(docs, (Doc, Span, str)) or not isinstance(docs, Iterable):
            raise RelextError(f"{self.name}: {method} takes several Docs, and saw one {type(docs).__name__}: {method}([doc]).")
        return (self._doc(doc, method) for doc in docs)

    def _doc(self, doc: Doc, method: str) -> Doc:
        if not isinstance(doc, Doc):
            cure = "Make a Doc of the text: nlp(text)." if isinstance(doc, str) else "Of a Span, span.as_doc() is one."
            raise RelextError(f"{self.name}: {method} takes Docs, and saw {type(doc).__name__}, {doc!r:.60}. {cure}")
        return doc

    def mentions(self, doc: Doc) -> list[Span]:
        """The mentions of a Doc: the spans under `spans_key`, or its entities."""
        key = self.cfg["spans_key"]
        if key is None or key not in doc.spans:
            return list(doc.ents)
        # A span of no token can hold nothing.
        return [span for span in doc.spans[key] if len(span)]

    @property
    def _symmetric_columns(self) -> list[int]:
        symmetric = symmetric_labels(self)
        return [i for i, label in enumerate(self.labels, start=int(self.cfg["exclusive"])) if label in symmetric]

    # Prediction

    def _require_model(self) -> None:
        if not self.labels or not self.model.has_dim("nO"):
            raise RelextError(
                f"{self.name} has no trained model: it has {counted(len(self.labels), 'label', 'labels')} and was not initialised. Train "
                "it (python -m spacy train), load a trained pipeline, or call nlp.initialize() with examples."
            )

    def _predict(self, docs: list[Doc], prepared: list[Prepared], on_attention: OnAttention | None = None) -> list[Predictions]:
        n_excluded, n_possible = sum(p.n_excluded for p in prepared), sum(len(p.candidates.pairs) for p in prepared)
        self.checks.types(self, [p.candidates.labels for p in prepared], n_excluded, n_possible)
        return [
            Predictions(p.spans, p.candidates.pairs, symmetrize(p.candidates.pairs, scores, self._symmetric_columns))
            for p, scores in zip(prepared, self._probabilities(docs, prepared, on_attention), strict=True)
        ]

    def _probabilities(self, docs: list[Doc], prepared: list[Prepared], on_attention: OnAttention | None = None) -> list[Floats2d]:
        """Of the pairs of each Doc, `[n_pairs, n_columns]`, every direction by itself."""
        self._require_model()
        if any(len(p.candidates.pairs) for p in prepared):
            self._require_upstream(docs)
            if self._one_thread is not None and self._one_thread.is_left():
                self.notices.warn("threads", SECOND_THREAD.format(name=self.name, others=", ".join(self._one_thread.because_of)))
            logits = self.model.ops.to_numpy(self.model.predict((docs, [p.candidates for p in prepared], on_attention)))
        else:
            upstream = listens_to(self.model)
            if upstream is not None and self.notices.wants("no encoder"):
                self.checks.no_encoder(self.name, upstream.name, len(upstream.unfed(docs)))
            logits = numpy.zeros((0, n_columns(self)), dtype="float32")
        if not prepared:
            return []
        scores = probabilities(logits, numpy.concatenate([p.allowed for p in prepared]), exclusive=self.cfg["exclusive"])
        return numpy.split(scores, numpy.cumsum([len(p.candidates.pairs) for p in prepared])[:-1])

    def distribution(self, scores: list[float]) -> tuple[dict[str, float], float | None]:
        """The probabilities of one pair by label, and that of no-relation."""
        exclusive = self.cfg["exclusive"]
        return dict(zip(self.labels, scores[int(exclusive) :], strict=True)), scores[0] if exclusive else None

    def decode(self, predictions: Predictions, spans: Sequence[Span], *, threshold: float | None = None) -> Iterator[Relation]:
        """The relations that reach the threshold, between `spans`, which correspond to the predictions' mentions.

        threshold: None: that of the component.
        """
        return decode_relations(
            predictions,
            spans,
            self.labels,
            symmetric_labels(self),
            threshold=self.cfg["threshold"] if threshold is None else threshold,
            exclusive=self.cfg["exclusive"],
            source=self.name,
        )

    def _require_upstream(self, docs: list[Doc]) -> None:
        """Listeners predict on zeros when nobody fed them: every pair would get the same score, and nobody would notice."""
        upstream = listens_to(self.model)
        missing = upstream.unfed(docs) if upstream is not None else []
        if upstream is not None and missing:
            raise RelextError(
                f"{self.name} listens to a {upstream.name} component, and the Doc {missing[0].text[:60]!r}… has no output of one. Run the "
                "whole pipeline over it: a Doc that was stored may have lost the output. "
                f"The pipeline needs the {upstream.name} that {self.name} was trained with, before it: source both, or call "
                f'nlp.replace_listeners("{upstream.name}", "{self.name}", ["model.tok2vec"]) in the pipeline it comes from.'
            )

    # Training and scoring on annotated mentions

    def learns_from(self, reference: Doc) -> bool:
        """Whether a Doc has relation annotation, and for the labels of this component."""
        return has_relations(reference) and covers(annotated_labels(reference), self.labels)

    def annotated_pairs(
        self, example: Example, *, initializing: bool = False, scoring: bool = False, gold_mentions: bool | None = None
    ) -> AnnotatedPairs:
        """The candidate pairs of an annotated Doc and their targets; none where relations are not annotated, or other labels are.

        initializing: No component has run yet. scoring: A label that no component knows is no error.
        gold_mentions: Pairs of the annotated mentions; otherwise of those that the pipeline found. None: as `use_gold_mentions` says.
        """
        others = None if scoring else self.cfg["other_labels"]
        return join_gold(self, example, initializing=initializing, others=others, gold_mentions=gold_mentions)

    def with_gold_mentions(self, examples: Iterable[Example], *, threshold: float | None = None) -> Iterator[Example]:
        """Examples whose predicted relations are those between the annotated mentions.

        threshold: What they must reach; None: that of the component.
        """
        for batch in minibatch(examples, size=64):
            views = [gold_view(example) for example in batch]
            # The model need not read what is passed over.
            annotated = [self.mentions(eg.reference) if covers(annotated_labels(eg.reference), self.labels) else [] for eg in batch]
            prepared = [prepare(self, view, align_mentions(view, spans)) for view, spans in zip(views, annotated, strict=True)]
            predictions = self._predict(views, prepared)
            for prediction, spans, example in zip(predictions, annotated, batch, strict=True):
                # On the annotated tokens: a mention that had to be widened to the predicted ones would count as a wrong one.
                found = example.reference.copy()
                set_relations(found, self.decode(prediction, spans, threshold=threshold))
                yield Example(found, example.reference)
