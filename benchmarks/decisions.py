"""Whether a pipeline decides the same in bfloat16 and in float32, and in batches of several sizes."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy
import spacy
import torch
import typer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_config, minibatch

from benchmarks.measuring import given_mentions
from spacy_relext.corpus import read_docs
from spacy_relext.evaluation import extractor_of
from spacy_relext.scorer import score_relations

# The settings of a precision, wherever they stand in the config of a component.
SETTINGS = ("precision", "cpu_precision")


def decisions(
    model: Path = typer.Argument(..., help="A trained pipeline whose mentions are given, e.g. of the workflow ddi."),
    data: Path = typer.Argument(..., help="A .spacy file, e.g. corpus/ddi/test.spacy."),
    threads: int = typer.Option(1, help="Threads of torch."),
):
    """The share of candidate pairs that a pipeline decides the same in bfloat16 and in float32, and F of both."""
    torch.set_num_threads(threads)
    best: list[numpy.ndarray] = []
    scores: list[numpy.ndarray] = []
    f: dict[str, float] = {}
    for precision in ("float32", "bfloat16"):
        nlp = spacy.load(model, config=dict.fromkeys(settings_of(load_config(model / "config.cfg")), precision))
        pipe = extractor_of(nlp, str(model))
        references = list(read_docs(data, nlp))
        with nlp.select_pipes(disable=[pipe.name]):
            docs = list(nlp.pipe(given_mentions(nlp, references)))
        predictions = []
        for batch in minibatch(docs, nlp.batch_size):
            found = pipe.predict(batch)
            pipe.set_annotations(batch, found)
            predictions += found
        examples = [Example(doc, reference) for doc, reference in zip(docs, references, strict=True)]
        f[precision] = round(100 * score_relations(examples, symmetric_labels=pipe.cfg["symmetric_labels"])["rel_micro_f"], 2)
        scores.append(numpy.concatenate([p.scores for p in predictions]))
        best.append(numpy.concatenate([_decisions(p.scores, pipe.cfg["threshold"], exclusive=pipe.cfg["exclusive"]) for p in predictions]))
    figures = {
        "pairs": len(best[0]),
        "same decision, %": round(100 * float((best[0] == best[1]).mean()), 3),
        "largest difference of a score": round(float(numpy.abs(scores[0] - scores[1]).max()), 4),
        "F": f,
    }
    print(json.dumps(figures, indent=2))


def batches(
    model: Path = typer.Argument(..., help="A trained pipeline."),
    data: Path = typer.Argument(..., help="A .spacy file, e.g. corpus/ddi/test.spacy, whose mentions are given."),
    sizes: list[int] = typer.Option([1, 4, 64], "--size", help="Documents in a batch; two sizes at least."),
    threads: int = typer.Option(1, help="Threads of torch."),
):
    """Relations that a pipeline finds in batches of one size and not of another, and how much their scores differ, in each precision."""
    torch.set_num_threads(threads)
    for precision in ("float32", "bfloat16"):
        nlp = spacy.load(model, config=dict.fromkeys(settings_of(load_config(model / "config.cfg")), precision))
        references = list(read_docs(data, nlp))
        found = [_relations(nlp.pipe(given_mentions(nlp, references), batch_size=size)) for size in sizes]
        several = set.union(*map(set, found))
        same = set.intersection(*map(set, found))
        scores = numpy.asarray([[relations[key] for key in sorted(same)] for relations in found])
        figures = {
            "precision": precision,
            "relations": len(several),
            "not in every batch size": len(several) - len(same),
            "with another score": int((scores != scores[0]).any(axis=0).sum()),
            "largest difference of a score": round(float(numpy.ptp(scores, axis=0).max()), 6) if same else 0.0,
        }
        print(json.dumps(figures), flush=True)


def _relations(docs: Iterable[Doc]) -> dict[tuple, float]:
    """The relations of some Docs, by the number of the Doc and what says which relation it is, and their scores."""
    return {(i, *relation.key): relation.score for i, doc in enumerate(docs) for relation in doc._.relations}


def _decisions(scores: numpy.ndarray, threshold: float, *, exclusive: bool) -> numpy.ndarray:
    """What is decided for each pair: its label, -1 for none; where it may have several, its labels as the bits of a number."""
    if not exclusive:
        return (scores >= threshold) @ (1 << numpy.arange(scores.shape[1]))
    best = scores[:, 1:].argmax(axis=1)
    return numpy.where(scores[numpy.arange(len(scores)), best + 1] >= threshold, best, -1)


def settings_of(config: dict[str, Any], path: str = "components") -> Iterator[str]:
    """The settings of a precision, as overrides name them."""
    section: Any = config
    for part in path.split("."):
        section = section[part]
    for name, value in section.items():
        if isinstance(value, dict):
            yield from settings_of(config, f"{path}.{name}")
        elif name in SETTINGS:
            yield f"{path}.{name}"
