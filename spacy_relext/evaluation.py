"""Trained pipelines on annotated data: predictions, figures with annotated and with predicted mentions, the choice of the threshold."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_relext.corpus import predicted_doc
from spacy_relext.errors import RelextError
from spacy_relext.pipeline.gold import align_mentions, gold_view
from spacy_relext.pipeline.pairs import ReadPair
from spacy_relext.pipeline.relation_extractor import AnnotatedPairs, RelationExtractor
from spacy_relext.relations import get_relations, set_relations

# The thresholds that are tried on development data, ascending.
THRESHOLDS = tuple(round(0.1 + 0.05 * i, 2) for i in range(17))


def load_pipeline(model: str) -> Language:
    """Load a pipeline, with a message for the ways in which that commonly fails."""
    try:
        return spacy.load(model)
    except OSError as error:
        raise RelextError(f"the pipeline {model!r} cannot be loaded: {error}") from error


def extractor_of(nlp: Language, model: str) -> RelationExtractor:
    """The relation extractor of a pipeline."""
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, RelationExtractor):
            return pipe
    raise RelextError(f"the pipeline {model!r} has no relation extractor; it has {nlp.pipe_names}.")


def mention_finders(nlp: Language) -> list[str]:
    """The components that find mentions."""
    return [name for name in nlp.pipe_names if {"doc.ents", "doc.spans"} & set(nlp.get_pipe_meta(name).assigns)]


def predict(nlp: Language, references: Sequence[Doc], *, annotated: bool) -> Iterator[Example]:
    """Run a pipeline over the texts of annotated Docs.

    annotated: On the annotated tokens and sentences, without looking for mentions; otherwise from the raw text.
    """
    inputs = (predicted_doc(nlp, reference, gold_tokens=annotated) for reference in references)
    with nlp.select_pipes(disable=mention_finders(nlp) if annotated else []):
        for doc, reference in zip(nlp.pipe(inputs, batch_size=32), references, strict=True):
            yield Example(doc, reference)


def find_with_gold_mentions(pipe: RelationExtractor, examples: Iterable[Example], *, threshold: float) -> Iterator[Example]:
    """Examples whose predicted relations are those that reach the threshold between the annotated mentions."""
    with _changed(pipe, threshold=threshold):
        yield from pipe.with_gold_mentions(examples)


def read_with_gold_mentions(pipe: RelationExtractor, examples: Iterable[Example]) -> Iterator[list[ReadPair]]:
    """For each example, what the extractor reads for the pairs of annotated mentions, and where it looks."""

    def views() -> Iterator[Doc]:
        key = pipe.cfg["spans_key"]
        for example in examples:
            view = gold_view(example)
            mentions = align_mentions(view, pipe.mentions(example.reference))
            if key is None:
                view.set_ents(mentions)
            else:
                view.spans[key] = mentions
            yield view

    return pipe.attention(views())


def gold_pairs(pipe: RelationExtractor, examples: Iterable[Example]) -> list[AnnotatedPairs]:
    """The candidate pairs of the annotated mentions, and their targets."""
    with _changed(pipe, use_gold_mentions=True):
        return [pipe.annotated_pairs(example) for example in examples]


def score_gold(pipe: RelationExtractor, examples: Iterable[Example]) -> dict[str, Any]:
    """Figures with annotated mentions."""
    with _changed(pipe, use_gold_mentions=True):
        return pipe.score(examples)


def score_predicted(pipe: RelationExtractor, examples: Sequence[Example], *, strict: bool) -> dict[str, Any] | None:
    """Figures with the mentions that the pipeline found; None where it found none at all. strict: their types must be right too."""
    if not any(pipe.mentions(example.predicted) for example in examples):
        return None
    return score_found(pipe, examples, strict=strict)


def score_found(pipe: RelationExtractor, examples: Iterable[Example], *, strict: bool = False) -> dict[str, Any]:
    """Figures of the relations that the predicted Docs hold."""
    with _changed(pipe, use_gold_mentions=False):
        return pipe.score(examples, strict=strict)


def score_thresholds(pipe: RelationExtractor, found: Sequence[Example]) -> dict[float, dict[str, Any]]:
    """Figures at each of `THRESHOLDS`, from one prediction.

    found: What `find_with_gold_mentions` gives at the lowest threshold. What does not reach the others is removed from it.
    """
    results = {}
    for threshold in THRESHOLDS:
        # What a higher threshold finds is among what a lower one does: the model runs once.
        for example in found:
            set_relations(example.predicted, [r for r in get_relations(example.predicted) if r.score >= threshold])
        with _changed(pipe, threshold=threshold):
            results[threshold] = score_found(pipe, found)
    return results


def best_threshold(results: dict[float, dict[str, Any]]) -> float:
    """The threshold with the best micro F; of equally good ones the middle one: its neighbours are good too."""
    micro_f = {threshold: scores["rel_micro_f"] or 0.0 for threshold, scores in results.items()}
    best = [threshold for threshold, f in micro_f.items() if f == max(micro_f.values())]
    return best[len(best) // 2]


def set_threshold(nlp: Language, pipe: RelationExtractor, threshold: float) -> None:
    """Set the threshold, so that it is stored with the pipeline."""
    pipe.cfg["threshold"] = threshold
    # nlp.config is made anew from this at every access.
    nlp.get_pipe_config(pipe.name)["threshold"] = threshold


@contextmanager
def _changed(pipe: RelationExtractor, **settings: Any) -> Iterator[None]:
    """Other settings for a while."""
    before = {name: pipe.cfg[name] for name in settings}
    pipe.cfg.update(settings)
    try:
        yield
    finally:
        pipe.cfg.update(before)
