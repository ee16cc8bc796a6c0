"""Time and peak memory of documents with very many candidate pairs."""

import json
import random
import resource
import subprocess
import sys
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

import numpy
import typer
from spacy.tokens import Doc, Span

from benchmarks.measuring import in_turn, now
from benchmarks.speed.ours import EXTRACTOR, SENTENCE_PAIRS, make_pipeline
from spacy_relext.mentions import SPANS_KEY

WORDS = ("aspirin", "raises", "the", "level", "of", "warfarin", "in", "blood")
# Of the texts: tokens of a sentence; its mentions, where pairs are those of sentences; all tokens, where they are those of the text.
SENTENCE, MENTIONS, TEXT = 60, 30, 3000


class PairsOf(StrEnum):
    """Which mentions are pairs."""

    sentence = "sentence"
    text = "text"


def memory(
    encoder: Path = typer.Option(Path("assets/encoder"), help="The encoder; the head is untrained."),
    pairs_of: PairsOf = typer.Option(PairsOf.sentence, help="Pairs of a sentence, in longer texts; or of a text of 3,000 tokens."),
    pairs: str = typer.Option("50000,200000,400000,700000,1000000", help="About so many pairs."),
    relations: bool = typer.Option(False, help="Find a relation in every pair, so that all are written."),
    repeats: int = typer.Option(1, min=1, help="Measurements of each size, taken in turn; the median counts, and the highest peak."),
    threads: int = typer.Option(1, help="Threads of torch."),
):
    """Time of the extractor, and the peak of memory above that of the encoder, as the pairs of one document grow many."""
    rows = []
    for size in in_turn(map(int, pairs.split(",")), repeats):
        # Peak memory is that of a process: one process per size.
        options = ["--relations"] if relations else []
        command = [sys.executable, "-m", "benchmarks", "one-document", str(encoder), pairs_of, str(size), str(threads), *options]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rows.append(json.loads(output.splitlines()[-1]))
        print(json.dumps(rows[-1]), flush=True)
    measured: dict[int, list[float]] = {}
    for row in rows:
        measured.setdefault(row["pairs"], []).append(row["seconds"])
    x, y = numpy.asarray([(n, numpy.median(seconds)) for n, seconds in sorted(measured.items())], dtype=float).T
    slope, intercept = numpy.polyfit(x, y, 1)
    residual = ((y - slope * x - intercept) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    print(
        f"{1e6 * slope:.1f} µs of the processor a pair, R² of the straight line {1 - residual:.4f}; at most "
        f"{max(row['mb_above'] for row in rows):,} MB above the pipeline without the extractor"
    )


def one_document(encoder: Path, pairs_of: PairsOf, pairs: int, threads: int, relations: bool = False):
    """One measurement of `memory`."""
    if pairs_of is PairsOf.sentence:
        candidates = SENTENCE_PAIRS
        n_sentences = round(pairs / (MENTIONS * (MENTIONS - 1) / 2))
        n_mentions = n_sentences * [MENTIONS]
    else:
        candidates = {"@misc": "spacy-relext.distance_pairs.v1", "ordered": True, "max_distance": TEXT}
        n_sentences = TEXT // SENTENCE
        n_all = round(pairs**0.5)
        n_mentions = [n_all // n_sentences + (i < n_all % n_sentences) for i in range(n_sentences)]
    nlp = make_pipeline("shared", str(encoder), threads=threads, candidates=candidates)
    extractor = nlp.get_pipe(EXTRACTOR)
    extractor.cfg["threshold"] = 0.0 if relations else 1.0
    rng = random.Random(0)
    words, mentions = [], []
    for n in n_mentions:
        mentions += [len(words) + i for i in sorted(rng.sample(range(SENTENCE - 1), n))]
        words += [*rng.choices(WORDS, k=SENTENCE - 1), "."]
    doc = Doc(nlp.vocab, words=words, sent_starts=[i % SENTENCE == 0 for i in range(len(words))])
    doc.spans[SPANS_KEY] = [Span(doc, i, i + 1, label="drug") for i in mentions]
    doc = nlp.get_pipe("transformer")(doc)
    before = _peak()
    seconds = [now()]
    (predictions,) = extractor.predict([doc])
    seconds.append(now())
    extractor.set_annotations([doc], [predictions])
    seconds.append(now())
    predict, annotate = (float((b - a)[1]) for a, b in pairwise(seconds))
    figures = {
        "tokens": len(doc),
        "mentions": len(mentions),
        "pairs": len(predictions.pairs),
        "seconds": round(predict + annotate, 3),
        "of these, writing": round(annotate, 3),
        "mb_encoder": before,
        "mb_above": _peak() - before,
    }
    print(json.dumps(figures))


def _peak() -> int:
    """Of the process, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
