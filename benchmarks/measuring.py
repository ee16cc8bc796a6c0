"""What the measurements share: the clocks, and what is measured on."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy
import spacy
from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry, resolve_dot_names
from tqdm import tqdm

from spacy_relext.corpus import predicted_doc, read_docs
from spacy_relext.mentions import SPANS_KEY

Way = TypeVar("Way")


def now() -> numpy.ndarray:
    """Seconds by the clock, and of the processor: the second heeds no other process, but counts threads that wait."""
    return numpy.asarray([time.perf_counter(), time.process_time()])


def in_turn(ways: Iterable[Way], repeats: int) -> Iterator[Way]:
    """All ways in every repeat, forwards and backwards by turns, so that none is always the first; with a bar of progress."""
    order = list(ways)
    for repeat in tqdm(range(repeats), desc="Measuring"):
        yield from order if repeat % 2 == 0 else order[::-1]


def training_of(nlp: Language) -> tuple[dict[str, Any], Callable[[Language], Iterable[Example]]]:
    """What a pipeline is trained with: the settings of [training], and the training corpus."""
    config = nlp.config.interpolate()
    settings = registry.resolve(config["training"], schema=ConfigSchemaTraining)
    (corpus,) = resolve_dot_names(config, [settings["train_corpus"]])
    return settings, corpus


def evenly(path: Path, n_documents: int) -> list[Doc]:
    """About so many annotated Docs of a .spacy file, evenly from all of them."""
    docs = list(read_docs(path, spacy.blank("en")))
    return docs[:: max(1, len(docs) // n_documents)]


def given_mentions(nlp: Language, references: list[Doc]) -> list[Doc]:
    """Docs to predict, with the annotated mentions."""
    docs = []
    for reference in references:
        doc = predicted_doc(nlp, reference, gold_tokens=True)
        doc.spans[SPANS_KEY] = [Span(doc, span.start, span.end, label=span.label) for span in reference.spans[SPANS_KEY]]
        docs.append(doc)
    return docs
