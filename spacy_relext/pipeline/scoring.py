"""Scores of an extractor: of what its pipeline predicted, or of what it predicts anew between annotated mentions."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import minibatch

from spacy_relext.pipeline.coverage import count_annotated, warn_of_coverage
from spacy_relext.pipeline.decoding import Predictions
from spacy_relext.pipeline.gold import align_mentions, gold_view
from spacy_relext.pipeline.preparing import Extractor, learns_from, prepare
from spacy_relext.pipeline.several import labels_of_others, ran_beside, require_own_prefix
from spacy_relext.relations import annotated_labels, covers, get_relations, has_relations, set_relations, sources_of


def score(pipe: Extractor, examples: Sequence[Example], *, gold_mentions: bool | None = None, **kwargs: Any) -> dict[str, Any]:
    """What `RelationExtractor.score` gives."""
    if pipe.scorer is None:
        return {}
    if "score_prefix" not in kwargs:
        require_own_prefix(pipe.name, pipe.score_prefix, ran_beside((example.predicted for example in examples), pipe.name))
    warn_of_coverage(pipe.notices, pipe.name, pipe.labels, count_annotated(examples), "scored")
    other_labels = labels_of_others(pipe, (example.predicted for example in examples))
    if pipe.cfg["use_gold_mentions"] if gold_mentions is None else gold_mentions:
        examples = list(with_gold_mentions(pipe, examples))
    _check(pipe, examples)
    settings = {
        "labels": pipe.labels,
        "source": pipe.name,
        "other_labels": sorted(other_labels),
        "score_prefix": pipe.score_prefix,
        **kwargs,
    }
    scores = pipe.scorer(examples, **{**pipe.cfg, **settings})
    n_unknown = scores.get(f"{settings['score_prefix']}_unknown_labels")
    if n_unknown:
        known = {*pipe.labels, *other_labels}
        text = (
            f"{pipe.name}: {{n}} annotated {{n|relation has a label|relations have labels}} that no component of the pipeline has "
            "({values}): {n|it is|they are} in none of its scores, not even as {n|a miss|misses}. Score data with the labels "
            "that it was trained for, or train it for these."
        )
        values = (r.label for example in examples for r in get_relations(example.reference) if r.label not in known)
        pipe.notices.warn("unknown-labels", text, n=n_unknown, values=values)
    return scores


# Is given the predictions of a Doc: an example whose predicted relations are those that are scored, the Doc whose candidates they are of,
# and the mentions of these as they are compared with the annotated ones.
OnScored = Callable[[Example, Doc, Sequence[Span], Predictions], None]


def with_gold_mentions(
    pipe: Extractor, examples: Iterable[Example], *, threshold: float | None = None, on_scored: OnScored | None = None
) -> Iterator[Example]:
    """Examples whose predicted relations are those between the annotated mentions.

    threshold: What they must reach; None: that of the component. on_scored: Is called for each, in their order.
    """
    for batch in minibatch(examples, size=64):
        views = [gold_view(example) for example in batch]
        # The model need not read what is passed over.
        annotated = [pipe.mentions(eg.reference) if covers(annotated_labels(eg.reference), pipe.labels) else [] for eg in batch]
        prepared = [prepare(pipe, view, align_mentions(view, spans)) for view, spans in zip(views, annotated, strict=True)]
        predictions = pipe.predict_prepared(views, prepared)
        for prediction, spans, view, example in zip(predictions, annotated, views, batch, strict=True):
            # On the annotated tokens: a mention that had to be widened to the predicted ones would count as a wrong one.
            found = example.reference.copy()
            set_relations(found, pipe.decode(prediction, spans, threshold=threshold))
            scored = Example(found, example.reference)
            if on_scored is not None:
                on_scored(scored, view, spans, prediction)
            yield scored


def _check(pipe: Extractor, examples: Sequence[Example]) -> None:
    annotated = [example for example in examples if learns_from(pipe, example.reference)]
    if not annotated and any(has_relations(example.reference) for example in examples):
        return  # they are annotated for other labels, which gave a warning
    n_relations = sum(relation.label in pipe.labels for example in annotated for relation in get_relations(example.reference))
    sources = set[str]().union(*(sources_of(example.predicted) for example in annotated))
    sources -= ran_beside((example.predicted for example in annotated), pipe.name).keys()
    if sources and pipe.name not in sources:
        pipe.notices.warn(
            "sources",
            f"{pipe.name}: of the relations of the predicted Docs none is scored, since none comes from this component; they come from "
            "{values}. Score what the pipeline finds: nlp.evaluate(examples), or python -m spacy relext evaluate.",
            values=[name or "a caller, an annotation or an older file" for name in sorted(sources)],
        )
    pipe.checks.development(pipe.name, len(examples), len(annotated), n_relations)
    pipe.progress.evaluation(pipe.name, pipe.notices, n_relations, found=pipe.name in sources)
