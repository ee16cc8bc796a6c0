"""What finding mentions and relations takes beside the encoder that both read, on raw text."""

import json
import statistics
import time
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import spacy
import torch
import typer
from spacy.language import Language
from spacy.tokens import Doc

from benchmarks.measuring import in_turn
from spacy_relext.corpus import read_docs
from spacy_relext.ml.listeners import listens_to

TAP = "benchmarks_tap"


@Language.factory(TAP)
class Tap:
    """A component that does nothing but measure the processor's time of those before it."""

    def __init__(self, nlp: Language, name: str):
        self.seconds = 0.0

    def __call__(self, doc: Doc) -> Doc:
        """The Doc as it is."""
        return doc

    def pipe(self, stream: Iterable[Doc], **_: object) -> Iterator[Doc]:
        """The Docs as they are."""
        docs = iter(stream)
        while True:
            start = time.process_time()
            doc = next(docs, None)
            self.seconds += time.process_time() - start
            if doc is None:
                return
            yield doc


def joint(
    model: str = typer.Argument(..., help="A pipeline whose components read one shared encoder, e.g. en_relext_demo."),
    data: Path = typer.Argument(..., help="A .spacy file, of which only the texts are read, e.g. corpus/ddi/test.spacy."),
    repeats: int = typer.Option(8, help="Runs of each way, taken in turn."),
    threads: int = typer.Option(1, help="Threads of torch."),
):
    """Processor time of a pipeline on raw text ÷ that without the components that read the encoder's output.

    Tokenizer and sentences are in both. "within runs" is the time of a run ÷ its time outside these components, which heeds how the
    machine's speed changes least. The checksums, of mentions and relations without scores and with three digits of them, tell whether two
    versions find the same.
    """
    torch.set_num_threads(threads)
    nlp = spacy.load(model)
    texts = [doc.text for doc in read_docs(data, spacy.blank("en"))]
    listening = [name for name, pipe in nlp.pipeline if getattr(pipe, "model", None) is not None and listens_to(pipe.model)]
    docs = list(nlp.pipe(texts))
    # What each takes is what a tap behind it measures, less what the one before it does.
    names = [f"before {listening[0]}", *listening]
    taps = [nlp.add_pipe(TAP, names[0], before=listening[0])]
    taps += [nlp.add_pipe(TAP, f"after {name}", after=name) for name in listening]
    ways = {"encoder alone": listening, "all": []}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    parts: dict[str, list[float]] = {name: [] for name in listening}
    for way in in_turn(ways, repeats):
        for tap in taps:
            tap.seconds = 0.0
        seconds[way].append(_run(nlp, texts, ways[way]))
        if way == "all":
            for name, (before, after) in zip(listening, pairwise(tap.seconds for tap in taps), strict=True):
                parts[name].append(after - before)
    alone, whole = seconds["encoder alone"], seconds["all"]
    within = [run / (run - sum(inside)) for run, *inside in zip(whole, *parts.values(), strict=True)]
    figures = {
        "documents": len(texts),
        "tokens": sum(map(len, docs)),
        "threads": threads,
        "seconds": {way: round(statistics.median(times), 3) for way, times in seconds.items()},
        "of these": {name: round(statistics.median(times), 3) for name, times in parts.items()},
        "ratio of medians": round(statistics.median(whole) / statistics.median(alone), 4),
        "ratio of the least": round(min(whole) / min(alone), 4),
        "ratio within runs": round(statistics.median(within), 4),
        "within runs": [round(ratio, 3) for ratio in within],
        "documents per second": round(len(texts) / statistics.median(whole), 2),
        "checksums": _checksums(docs),
    }
    print(json.dumps(figures, indent=2))


def _run(nlp: Language, texts: list[str], disable: list[str]) -> float:
    """The processor's seconds of a run."""
    with nlp.select_pipes(disable=disable):
        start = time.process_time()
        for _ in nlp.pipe(texts):
            pass
        return time.process_time() - start


def _checksums(docs: list[Doc]) -> dict[str, str]:
    """Of what was found, without the scores of relations and with them, to three digits."""
    mentions = [[(span.start_char, span.end_char, span.label_) for span in doc.ents] for doc in docs]
    relations = [[(r.head.start, r.tail.start, r.label) for r in doc._.relations] for doc in docs]
    scores = [[f"{r.score:.3f}" for r in doc._.relations] for doc in docs]
    found = {"mentions": mentions, "relations": relations, "scores": scores}
    return {name: sha256(repr(value).encode()).hexdigest()[:12] for name, value in found.items()}
