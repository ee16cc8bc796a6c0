"""A pipeline on annotated Docs, for Python and for `relext evaluate`: all figures in one object."""

import platform
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

import spacy_relext
from spacy_relext.calibration.figures import calibration_figures
from spacy_relext.corpus import read_docs
from spacy_relext.errors import RelextError
from spacy_relext.evaluation import (
    THRESHOLDS,
    Progress,
    best_threshold,
    opened,
    predict,
    score_gold,
    score_mentions,
    score_predicted,
    score_thresholds,
    set_threshold,
    told,
    without_output,
)
from spacy_relext.formats.docs import concept_relations
from spacy_relext.measures import Measure, MeasureFunction, make_measures
from spacy_relext.pipeline.checks import mention_finders
from spacy_relext.pipeline.preparing import Extractor
from spacy_relext.pipeline.scoring import OnScored, with_gold_mentions
from spacy_relext.pipeline.settings import checked_threshold
from spacy_relext.relations import register_extensions
from spacy_relext.written import Written

Figures = dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """The figures of a relation extractor, shares between 0 and 1.

    gold_mentions: With annotated mentions: `rel_micro_p`, `rel_micro_r`, `rel_micro_f`, `rel_macro_f`, `rel_micro_candidate_recall`, and
        `rel_per_type`: p, r, f, candidate recall and support of each label; where relations between concepts are annotated, the same as
        `doc_rel_…`; and further measures by name. `rel_calibration`: how far the scores of what is written are from the probability of
        being right, the fields of `Reliability` and, under "coverage", of `Coverage` (calibration/curves.py); not there of nothing written.
    predicted_mentions, mentions: With those that the pipeline finds, and p, r, f and support of these; `strict`: their types must be
        right too. None where it finds none by itself.
    component: The name of the extractor. threshold, label_thresholds: Its thresholds, as they were used. documents: How many.
    seconds: What the first prediction took, without loading.
    """

    gold_mentions: Figures
    predicted_mentions: Figures | None
    mentions: Figures | None
    predicted_mentions_strict: Figures | None
    mentions_strict: Figures | None
    component: str
    documents: int
    threshold: float
    seconds: float
    label_thresholds: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> Figures:
        """All of it, and the versions of what computed it, for JSON."""
        versions = {"spacy-relext": spacy_relext.__version__, "spacy": version("spacy"), "python": platform.python_version()}
        return {**asdict(self), "versions": versions}


def evaluate(
    pipeline: str | Path | Language,
    docs: str | Path | Iterable[Doc],
    *,
    component: str | None = None,
    threshold: float | None = None,
    tune_threshold: bool = False,
    own_sentences: bool = False,
    measures: Collection[str] = (),
    train: str | Path | Iterable[Doc] | None = None,
    progress: Progress = lambda examples, total, task: examples,
    on_gold: OnScored | None = None,
    on_found: OnScored | None = None,
) -> Evaluation:
    """Score the relations of a pipeline: with annotated mentions (and tokens and sentences), and from the raw text with what it finds.

        figures = evaluate("en_relext_demo", "dev.spacy")
        print(figures.gold_mentions["rel_micro_f"])

    pipeline: Its name or folder, or one that is loaded. docs: Annotated ones: a .spacy file, a folder of them, or Docs.
    component: Which relation extractor, where there are several.
    threshold: In the place of the extractor's, those of labels too, which are put back. tune_threshold: The one of 0.05, 0.10, … 0.95 with
        the best micro F (of relations between annotated mentions) becomes that of the pipeline and all labels. On development data only!
    own_sentences: Annotated mentions on the pipeline's own tokens and sentences.
    measures: Those of corpora of relations between concepts: "biored", "docred". train: The training part, which docred needs.
    on_gold, on_found: Are given what the model says of the candidate pairs of each document, with annotated and with found mentions.
    RAISES: RelextError for what does not fit together.
    """
    register_extensions()
    if threshold is not None and tune_threshold:
        raise RelextError("`threshold` and `tune_threshold` exclude each other.")
    nlp, pipe = opened(pipeline, component)
    functions = _functions(measures, train, nlp)
    references = annotated_docs(docs, nlp)
    if functions and all(concept_relations(doc) is None for doc in references):
        of = docs if isinstance(docs, (str, Path)) else "the data"
        raise RelextError(f"{' and '.join(functions)}: a measure of relations between concepts, and {of} has none.")
    before = {name: pipe.cfg[name] for name in ("threshold", "label_thresholds")}
    try:
        if threshold is not None:
            pipe.cfg.update(threshold=checked_threshold(pipe.name, threshold), label_thresholds={})
        clock = _Clock()
        task = "Predicting, to score annotated mentions"
        predicted = clock.timed(progress(predict(nlp, references, annotated=not own_sentences), len(references), task))
        if tune_threshold:
            kept = list(predicted)
            set_threshold(nlp, pipe, _best(pipe, kept, progress))
            predicted = iter(kept)
        written = Written(pipe)
        gold = score_gold(pipe, predicted, functions, _both(written.told, on_gold), release=True)
        examples: list[Example] = []
        if mention_finders(nlp):
            task = "Predicting, to score found mentions"
            found_examples = told(pipe, predict(nlp, references, annotated=False), on_found)
            examples = [without_output(example) for example in progress(found_examples, len(references), task)]
        found, found_strict = (score_predicted(pipe, examples, strict=strict, measures=functions) for strict in (False, True))
        return Evaluation(
            gold_mentions=gold | _calibration(written),
            predicted_mentions=None if found is None else found | _calibration(Written.of(pipe, examples)),
            mentions=None if found is None else score_mentions(pipe, examples, strict=False),
            predicted_mentions_strict=found_strict,
            mentions_strict=None if found_strict is None else score_mentions(pipe, examples, strict=True),
            component=pipe.name,
            documents=len(references),
            threshold=pipe.threshold,
            label_thresholds=dict(pipe.label_thresholds),
            seconds=round(clock.seconds, 2),
        )
    finally:
        if threshold is not None:
            pipe.cfg.update(before)


def _functions(names: Collection[str], train: str | Path | Iterable[Doc] | None, nlp: Language) -> dict[str, MeasureFunction]:
    unknown = sorted(set(names) - set(Measure))
    if unknown:
        raise RelextError(f"there are no measures {', '.join(unknown)}. There are: {', '.join(Measure)}.")
    return make_measures([Measure(name) for name in names], None if train is None else annotated_docs(train, nlp))


def _calibration(written: Written) -> Figures:
    figures = calibration_figures(written.sample())
    return {} if figures is None else {"rel_calibration": figures}


def _both(one: OnScored, other: OnScored | None) -> OnScored:
    def tell(*told: Any) -> None:
        one(*told)
        if other is not None:
            other(*told)

    return tell


class _Clock:
    """The seconds that a stream takes, without those of what is done with its items."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, examples: Iterable[Example]) -> Iterator[Example]:
        """The same examples."""
        start = time.perf_counter()
        for example in examples:
            self.seconds += time.perf_counter() - start
            yield example
            start = time.perf_counter()


def require_annotated(evaluation: Evaluation) -> None:
    """RAISES: RelextError where nothing is annotated for the labels of the pipeline."""
    if evaluation.gold_mentions["rel_micro_f"] is None:
        raise RelextError(
            "the data has no relation annotation for the labels of this pipeline. Was it converted from documents with relations, and "
            "is it of the corpus that the pipeline was trained on?"
        )


def annotated_docs(given: str | Path | Iterable[Doc], nlp: Language) -> list[Doc]:
    """The Docs of a `.spacy` file or of a folder of them, or those that are given. RAISES: RelextError for what are none."""
    if isinstance(given, (str, Path)):
        if given == "":
            raise RelextError("the name of the data is empty; expected a .spacy file or a folder of them.")
        return list(read_docs(Path(given), nlp))
    if isinstance(given, (Doc, bytes)) or not isinstance(given, Iterable):
        raise RelextError(f"the data is one {type(given).__name__}; expected several annotated Docs, as in [doc], or a .spacy file.")
    docs = list(given)
    for i, doc in enumerate(docs):
        if not isinstance(doc, Doc):
            raise RelextError(
                f"the data has at place {i} a {type(doc).__name__}, {doc!r:.60}; expected annotated Docs, or the name of a .spacy "
                "file (relext convert writes them)."
            )
    return docs


def _best(pipe: Extractor, examples: Sequence[Example], progress: Progress) -> float:
    found = with_gold_mentions(pipe, examples, threshold=THRESHOLDS[0])
    return best_threshold(score_thresholds(pipe, list(progress(found, len(examples), "Trying thresholds"))))
