"""Trained pipelines on annotated data: predictions, figures with annotated and with predicted mentions, the choice of the threshold."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

import numpy
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_relext.corpus import predicted_doc
from spacy_relext.document_scorer import annotated_keys, candidate_keys, score_concept_relations
from spacy_relext.errors import RelextError
from spacy_relext.measures import MeasureFunction
from spacy_relext.pipeline.checks import mention_finders
from spacy_relext.pipeline.decoding import Predictions
from spacy_relext.pipeline.gold import align_mentions, gold_view
from spacy_relext.pipeline.pairs import AttendedPair, attended_pairs
from spacy_relext.pipeline.preparing import AnnotatedPairs, Extractor, annotated_pairs
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.pipeline.scoring import OnScored, with_gold_mentions
from spacy_relext.pipeline.settings import give_thresholds
from spacy_relext.pipeline.several import divide_labels, labels_of_others
from spacy_relext.relations import get_relations, set_relations
from spacy_relext.scorer import prf
from spacy_relext.storing import note_loaded, require_storable, settings_of

# Shows how documents come: given them, how many there will be, and what is done with them.
Progress = Callable[[Iterable[Example], int, str], Iterable[Example]]
# What helps where the name of an installed pipeline is given, and something is to be stored.
NO_FOLDER = "An installed pipeline is stored in a folder of yours by `spacy.load(NAME).to_disk(FOLDER)`."
# The thresholds that are tried on development data, ascending.
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 20))


def load_pipeline(model: str) -> Language:
    """Load a pipeline, with a message for the ways in which that commonly fails."""
    # Asked before, so that what is stored meanwhile is a change.
    settings = settings_of(Path(model))
    try:
        nlp = spacy.load(model)
    except OSError as error:
        raise RelextError(f"the pipeline {model!r} cannot be loaded: {error}") from error
    note_loaded(nlp, Path(model), settings)
    # Those that come from other pipelines may have been trained without each other.
    divide_labels((pipe for _, pipe in nlp.pipeline if isinstance(pipe, RelationExtractor)), set())
    return nlp


def extractors_of(nlp: Language, model: str) -> list[RelationExtractor]:
    """The relation extractors of a pipeline, of which there is one at least."""
    found = [pipe for _, pipe in nlp.pipeline if isinstance(pipe, RelationExtractor)]
    if not found:
        raise RelextError(f"the pipeline {model!r} has no relation extractor; it has {nlp.pipe_names}.")
    return found


def extractor_of(nlp: Language, model: str, name: str | None = None) -> RelationExtractor:
    """The relation extractor of a pipeline, or the one of this name."""
    found = {pipe.name: pipe for pipe in extractors_of(nlp, model)}
    if name is None and len(found) == 1:
        return next(iter(found.values()))
    if name not in found:
        saw = "none was named" if name is None else f"{name!r} is none of them"
        raise RelextError(f"the pipeline {model!r} has the relation extractors {', '.join(found)}, and {saw}. Name one (--component).")
    return found[name]


def opened(pipeline: str | Path | Language, component: str | None = None, *, stored: str = "") -> tuple[Language, RelationExtractor]:
    """A pipeline, which is loaded if it is a name or folder, and its relation extractor, or the one of this name.

    stored: What will be stored in its folder, so that it has to be one: "the thresholds are".
    RAISES: RelextError where there is none of it, or an extractor that is not trained.
    """
    if not isinstance(pipeline, Language):
        pipeline, name = _loaded(pipeline, stored), str(pipeline)
    else:
        name = pipeline.meta["name"]
    pipe = extractor_of(pipeline, name, component)
    pipe.require_model()
    return pipeline, pipe


def _loaded(pipeline: str | Path, stored: str) -> Language:
    if stored:
        if not Path(pipeline).is_dir():
            raise RelextError(f"{stored} stored in the pipeline's folder, and {str(pipeline)!r} is none. {NO_FOLDER}")
        require_storable(Path(pipeline))
    return load_pipeline(str(pipeline))


def predict(nlp: Language, references: Sequence[Doc], *, annotated: bool, disable: Sequence[str] = ()) -> Iterator[Example]:
    """Run a pipeline over the texts of annotated Docs.

    annotated: On the annotated tokens and sentences, without looking for mentions; otherwise from the raw text. disable: Components that
        do not run.
    """
    inputs = (predicted_doc(nlp, reference, gold_tokens=annotated) for reference in references)
    found = nlp.pipe(inputs, batch_size=32, disable=[*disable, *(mention_finders(nlp) if annotated else ())])
    for doc, reference in zip(found, references, strict=True):
        yield Example(doc, reference)


def told(pipe: RelationExtractor, examples: Iterable[Example], on_scored: OnScored | None) -> Iterator[Example]:
    """Examples as `predict` gives them; what the extractor says of their candidate pairs, when it runs, is told to `on_scored`."""
    if on_scored is None:
        yield from examples
        return
    before = pipe.on_predictions
    known: WeakKeyDictionary[Doc, Predictions] = WeakKeyDictionary()

    def keep(doc: Doc, predictions: Predictions) -> None:
        known[doc] = predictions
        if before is not None:
            before(doc, predictions)

    pipe.on_predictions = keep
    try:
        for example in examples:
            predictions = known.pop(example.predicted, None)
            if predictions is None:
                raise RelextError(f"a component after {pipe.name} made another Doc, so nobody knows what {pipe.name} says of its pairs.")
            on_scored(example, example.predicted, predictions.spans, predictions)
            yield example
    finally:
        pipe.on_predictions = before


def read_with_gold_mentions(pipe: Extractor, examples: Iterable[Example]) -> Iterator[list[AttendedPair]]:
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

    return attended_pairs(pipe, views())


def gold_pairs(pipe: Extractor, examples: Iterable[Example]) -> list[AnnotatedPairs]:
    """The candidate pairs of the annotated mentions, and their targets."""
    return [annotated_pairs(pipe, example, scoring=True, gold_mentions=True) for example in examples]


def score_gold(
    pipe: Extractor,
    examples: Iterable[Example],
    measures: Mapping[str, MeasureFunction] = MappingProxyType({}),
    on_scored: OnScored | None = None,
    *,
    release: bool = False,
) -> dict[str, Any]:
    """Figures with annotated mentions, and their candidate recall; of relations between concepts too, if annotated.

    measures: Further ones of relations between concepts; their figures are under their names. on_scored: As in `with_gold_mentions`.
    release: The predicted Docs lose the encoder's output when they are scored (`without_output`).
    """
    seen: list[Example] = []
    found: list[Example] = []
    for scored in with_gold_mentions(pipe, _noted(examples, seen), on_scored=on_scored):
        if release:
            without_output(seen[len(found)])
        found.append(scored)
    of_oracle = score_found(pipe, oracle(pipe, seen, gold_mentions=True))
    figures = _with_candidate_recall(score_found(pipe, found, intervals=True), of_oracle) | _score_concepts(pipe, found, measures)
    if "doc_rel_micro_f" in figures:
        figures["doc_rel_micro_candidate_recall"] = concept_candidate_recall(pipe, seen)
    return figures


def _noted(examples: Iterable[Example], seen: list[Example]) -> Iterator[Example]:
    for example in examples:
        seen.append(example)
        yield example


def without_output(example: Example) -> Example:
    """The same example, whose predicted Doc has lost what the encoder wrote into it: that of many texts is too much to keep."""
    doc = example.predicted
    doc.tensor = numpy.zeros((0,), dtype="float32")
    user_data: dict[Any, Any] = doc.user_data
    user_data.pop(("._.", "trf_data", None, None), None)
    return example


def concept_candidate_recall(pipe: Extractor, examples: Iterable[Example]) -> float | None:
    """The share of the annotated relations between concepts that have a pair of annotated mentions among the candidates, with their label.

    Recall cannot be higher. None where no such relations are annotated.
    """
    symmetric, exclusive = pipe.cfg["symmetric_labels"], pipe.cfg["exclusive"]
    n_reached = n_annotated = 0
    for example in examples:
        annotated = annotated_keys(example.reference, symmetric, pipe.labels)
        if not annotated:
            continue
        # Only the pairs are asked for: without its relations, labels that the component does not know are no error.
        reference = example.reference.copy()
        set_relations(reference, [])
        [pairs] = gold_pairs(pipe, [Example(example.predicted, reference)])
        reached = candidate_keys(pairs.prepared, pipe.mentions(reference), pipe.labels, symmetric, exclusive=exclusive)
        n_reached += len(annotated & reached)
        n_annotated += len(annotated)
    return n_reached / n_annotated if n_annotated else None


def score_predicted(
    pipe: Extractor, examples: Sequence[Example], *, strict: bool, measures: Mapping[str, MeasureFunction] = MappingProxyType({})
) -> dict[str, Any] | None:
    """The same with the mentions that the pipeline found; None where it found none at all. strict: their types must be right too."""
    if not any(pipe.mentions(example.predicted) for example in examples):
        return None
    of_oracle = score_found(pipe, oracle(pipe, examples, gold_mentions=False), strict=strict)
    figures = _with_candidate_recall(score_found(pipe, examples, strict=strict, intervals=True), of_oracle)
    if not strict and any(span.kb_id_ for example in examples for span in pipe.mentions(example.predicted)):
        figures |= _score_concepts(pipe, examples, measures)
    return figures


def score_mentions(pipe: Extractor, examples: Sequence[Example], *, strict: bool) -> dict[str, float]:
    """Precision, recall, F and support of the mentions that the pipeline found. strict: their types must be right too."""
    right = predicted = annotated = 0
    for example in examples:
        gold, guess = (
            {(span.start_char, span.end_char, span.label_ if strict else "") for span in pipe.mentions(doc)}
            for doc in (example.reference, example.predicted)
        )
        right, predicted, annotated = right + len(gold & guess), predicted + len(guess), annotated + len(gold)
    return {**prf(right, predicted, annotated), "support": annotated}


def oracle(pipe: Extractor, examples: Iterable[Example], *, gold_mentions: bool) -> list[Example]:
    """Examples whose predicted relations are all that are right among those that the candidate pairs can express.

    gold_mentions: Pairs of the annotated mentions; otherwise of those that the pipeline found.
    """
    perfect_examples = []
    for example in examples:
        pairs = annotated_pairs(pipe, example, scoring=True, gold_mentions=gold_mentions)
        if gold_mentions:
            found, spans = example.reference.copy(), pipe.mentions(example.reference)
        else:
            found, spans = gold_view(example), pairs.prepared.spans
        perfect = Predictions(spans, pairs.prepared.candidates.pairs, pairs.targets)
        set_relations(found, pipe.decode(perfect, spans, threshold=0.0))
        perfect_examples.append(Example(found, example.reference))
    return perfect_examples


def _score_concepts(pipe: Extractor, examples: Sequence[Example], measures: Mapping[str, MeasureFunction]) -> dict[str, Any]:
    others = labels_of_others(pipe, (example.predicted for example in examples))
    symmetric = pipe.cfg["symmetric_labels"]
    scores = score_concept_relations(examples, labels=pipe.labels, other_labels=others, symmetric_labels=symmetric, source=pipe.name)
    return scores | {name: measure(examples, source=pipe.name) for name, measure in measures.items()}


def _with_candidate_recall(scores: dict[str, Any], of_oracle: dict[str, Any]) -> dict[str, Any]:
    """The recall of the oracle beside the scores, as `candidate_recall`."""
    per_type = {
        label: {**s, "candidate_recall": of_oracle["rel_per_type"].get(label, {"r": 0.0})["r"]}
        for label, s in (scores["rel_per_type"] or {}).items()
    }
    return {**scores, "rel_micro_candidate_recall": of_oracle["rel_micro_r"], "rel_per_type": per_type or scores["rel_per_type"]}


def score_found(pipe: Extractor, examples: Iterable[Example], *, strict: bool = False, intervals: bool = False) -> dict[str, Any]:
    """Figures of the relations that the predicted Docs hold, under one name whatever the extractor's prefix."""
    return pipe.score(examples, gold_mentions=False, strict=strict, score_prefix="rel", intervals=intervals)


def score_thresholds(pipe: Extractor, found: Sequence[Example]) -> dict[float, dict[str, Any]]:
    """Figures at each of `THRESHOLDS`, from one prediction.

    found: What `with_gold_mentions` gives at the lowest threshold. What does not reach the others is removed from it.
    """
    results = {}
    for threshold in THRESHOLDS:
        # What a higher threshold finds is among what a lower one does: the model runs once.
        limits = dict(zip(pipe.labels, pipe.decision(threshold).compared.tolist(), strict=True))
        for example in found:
            kept = [r for r in get_relations(example.predicted) if r.score >= limits.get(r.label, threshold)]
            set_relations(example.predicted, kept)
        results[threshold] = score_found(pipe, found)
    return results


def best_threshold(results: dict[float, dict[str, Any]]) -> float:
    """The threshold with the best micro F; of equally good ones the middle one: its neighbours are good too."""
    micro_f = {threshold: scores["rel_micro_f"] or 0.0 for threshold, scores in results.items()}
    best = [threshold for threshold, f in micro_f.items() if f == max(micro_f.values())]
    return best[len(best) // 2]


def set_threshold(nlp: Language, pipe: RelationExtractor, threshold: float) -> None:
    """Set the threshold of all labels, so that it is stored with the pipeline."""
    pipe.threshold, pipe.label_thresholds = threshold, {}
    give_thresholds(nlp, pipe.name, pipe.cfg)


def note_performance(nlp: Language, figures: Mapping[str, Any]) -> None:
    """Put figures into the place of those of training in `meta.json`, which have the threshold that was set then.

    figures: Of relations between annotated mentions. Of several extractors, each has a prefix that only training knows: nothing is done.
    """
    performance = nlp.meta.setdefault("performance", {})
    if sum(isinstance(pipe, RelationExtractor) for _, pipe in nlp.pipeline) == 1 and "rel_micro_f" in performance:
        performance |= {name: figures[name] for name in performance if name in figures}
