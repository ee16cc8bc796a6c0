"""`spacy_relext.measure_explanations`: how faithful the explanations of a pipeline are, over annotated relations that it finds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.errors import RelextError
from spacy_relext.evaluating import annotated_docs
from spacy_relext.evaluation import opened, predict, without_output
from spacy_relext.explaining.asking import Question, ask
from spacy_relext.explaining.explaining import answer
from spacy_relext.explaining.explanations import Method, checked_methods
from spacy_relext.explaining.faithfulness import RANDOM, aopc, figures, in_words, place_weights
from spacy_relext.explaining.progress import Progress, silent
from spacy_relext.findings import keep
from spacy_relext.notices import counted
from spacy_relext.pipeline.gold import align_mentions, gold_keys, gold_view
from spacy_relext.pipeline.preparing import learns_from, prepare, symmetric_labels
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.types import Floats2d

N_RELATIONS = 500
N_RANDOM = 3
# Of integrated gradients: over many texts the gap evens out, and more steps take longer than all the rest.
N_STEPS = 16


@dataclass(frozen=True)
class Faithfulness:
    """How faithful explanations are, by method.

    figures (Dict): By method, and for random orders as "random", then by removal ("delete", "mask"): comprehensiveness and sufficiency
        (mean, 95 % interval by document, p of no difference to random orders) and `times_random`, the ratio of comprehensiveness.
    left_out (Dict): Methods that the model has nothing for, and why.
    relations, documents (int): Those that were explained. without_words (int): Relations whose pair reads no other word.
    component (str): The extractor.
    """

    figures: Mapping[str, Any]
    left_out: Mapping[str, str]
    relations: int
    documents: int
    without_words: int
    seed: int
    component: str

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in vars(self).items()}

    def store(self, nlp: Language) -> None:
        """Keep it in the `meta.json` of a pipeline, so that `explain` can say it."""
        keep(nlp, "explanations", self.to_dict(), component=self.component)

    def sentences(self) -> dict[str, str]:
        """What is said of each method."""
        return {name: in_words(found) for name, found in self.figures.items() if name != RANDOM}


def measure_explanations(
    pipeline: str | Path | Language,
    docs: str | Path | Iterable[Doc],
    *,
    methods: str | Sequence[str] | None = None,
    relations: int = N_RELATIONS,
    random_orders: int = N_RANDOM,
    component: str | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Faithfulness:
    """Measure the explanations of annotated relations that a pipeline finds between annotated mentions.

    pipeline, docs: As in `spacy_relext.evaluate`. methods: None: all that the model has something for.
    relations (int): The most that are explained, drawn at random. random_orders (int): Of the words of each.
    RAISES: RelextError where the pipeline finds no annotated relation.
    """
    for name, value in (("relations", relations), ("random_orders", random_orders)):
        if not isinstance(value, int) or value < 1:
            raise RelextError(f"`{name}` is {value!r:.40}; expected a whole number from 1 on.")
    nlp, pipe = opened(pipeline, component)
    named = list(checked_methods(methods))
    references = annotated_docs(docs, nlp)
    found = list(found_relations(nlp, pipe, references))
    if not found:
        raise RelextError(
            f"{pipe.name} finds none of the annotated relations of {counted(len(references), 'document', 'documents')}, so there is "
            "nothing to explain. Give documents with relations of its labels."
        )
    random = numpy.random.default_rng(seed)
    chosen = sorted(random.permutation(len(found))[:relations].tolist())
    values, numbers, n_bare = [], [], 0
    left_out: dict[str, str] = {}
    for i in progress(chosen, len(chosen)):
        number, doc, pair, label = found[i]
        # As it predicts, in bfloat16 where it does: over many texts that evens out.
        question = replace(ask(pipe, nlp, doc, pair, label), precision=None)
        measured = _measure(question, named, left_out, random, random_orders)
        if measured is None:
            n_bare += 1
            continue
        values.append(measured)
        numbers.append(number)
    left = [method for method in named if method not in left_out]
    if not left or not values:
        reasons = " ".join(left_out.values()) or "no pair reads a word beside its two mentions."
        raise RelextError(f"{pipe.name}: there is nothing to measure. {reasons}")
    # A method that failed on one relation has figures for none.
    stacked = numpy.stack([numpy.stack([of_pair[name] for name in [*left, RANDOM]]) for of_pair in values])
    return Faithfulness(
        figures=figures(stacked, numbers, [*left, RANDOM], seed=seed),
        left_out=left_out,
        relations=len(values),
        documents=len(set(numbers)),
        without_words=n_bare,
        seed=seed,
        component=pipe.name,
    )


def _measure(
    question: Question, methods: Sequence[Method], left_out: dict[str, str], random: numpy.random.Generator, n_random: int
) -> dict[str, Floats2d] | None:
    """By method and for random orders, `aopc`. None where the pair reads no other word."""
    places = question.part.places()
    if not places:
        return None
    orders: dict[str, list[int]] = {}
    for method in methods:
        if method in left_out:
            continue
        try:
            explanation = answer(question, method, most_steps=N_STEPS)
        except RelextError as error:
            left_out[method] = str(error)
            continue
        weights = place_weights(question, places, explanation)
        orders[method] = (-weights).argsort(kind="stable").tolist()
    randomly = [random.permutation(len(places)).tolist() for _ in range(n_random)]
    found = aopc(question, places, [*orders.values(), *randomly])
    return {**dict(zip(orders, found, strict=False)), RANDOM: found[len(orders) :].mean(axis=0)}


def found_relations(nlp: Language, pipe: RelationExtractor, references: Sequence[Doc]) -> Iterator[tuple[int, Doc, tuple[Span, Span], str]]:
    """The annotated relations that are found between annotated mentions: number of the document, a Doc with these mentions, pair, label."""
    symmetric = symmetric_labels(pipe)
    for number, example in enumerate(predict(nlp, references, annotated=True, disable=[pipe.name])):
        if not learns_from(pipe, example.reference):
            continue
        gold = gold_keys(example.reference, pipe.labels, symmetric, None)
        if not gold:
            continue
        doc = gold_view(example)
        spans = align_mentions(doc, pipe.mentions(example.reference))
        if pipe.cfg["spans_key"] is None:
            doc.set_ents(spans)
        else:
            doc.spans[pipe.cfg["spans_key"]] = spans
        (predictions,) = pipe.predict_prepared([doc], [prepare(pipe, doc, spans)])
        candidates = {tuple(pair) for pair in predictions.pairs.tolist()}
        index = {(span.start, span.end, span.label): i for i, span in reversed(list(enumerate(spans)))}
        for relation in pipe.decode(predictions, spans):
            ends = [(span.start_char, span.end_char) for span in (relation.head, relation.tail)]
            key = (relation.label, *(sorted(ends) if relation.label in symmetric else ends))
            pair = (relation.head, relation.tail)
            numbers = tuple(index[span.start, span.end, span.label] for span in pair)
            if key in gold:
                yield number, doc, pair if numbers in candidates else pair[::-1], relation.label
        # It is run again: that of many texts is too much to keep.
        without_output(Example(doc, example.reference))
