"""What calibrated scores, thresholds of labels and statuses take of the time of a prediction."""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy
import spacy
import torch
import typer
from tqdm import tqdm

from benchmarks.measuring import given_mentions, in_turn
from spacy_relext.calibration.maps import ScoreMap, ScoreMaps
from spacy_relext.corpus import read_docs
from spacy_relext.evaluation import extractor_of
from spacy_relext.mentions import SPANS_KEY
from spacy_relext.pipeline.decoding import Predictions
from spacy_relext.pipeline.relation_extractor import RelationExtractor

# Of the isotonic map: as many as a label with many relations has.
KNOTS = 60


def decoding(
    model: str = typer.Argument(..., help="A pipeline with one relation extractor, e.g. en_relext_demo."),
    data: Path = typer.Argument(..., help="A .spacy file, e.g. corpus/ddi/test.spacy. A pipeline that finds no mentions gets these."),
    method: str = typer.Option("isotonic", help="The map that each label gets: isotonic, which takes longest, beta, sigmoid, temperature."),
    repeats: int = typer.Option(20, help="Runs of decoding of each way, taken in turn."),
    threads: int = typer.Option(1, help="Threads of torch."),
):
    """Processor time of decoding with a map and a threshold for each label, and statuses, less that without, ÷ that of the pipeline.

    The pipeline runs three times, the fastest counts. Thresholds are so that the same relations are written both ways.
    """
    torch.set_num_threads(threads)
    nlp = spacy.load(model)
    pipe = extractor_of(nlp, model)
    references = list(read_docs(data, nlp))
    finds = pipe.cfg["spans_key"] != SPANS_KEY and "ner" in nlp.pipe_names
    kept: list[Predictions] = []
    pipe.on_predictions = lambda doc, predictions: kept.append(predictions)
    runs = []
    for _ in tqdm(range(3), desc="Predicting"):
        docs = [doc.text for doc in references] if finds else given_mentions(nlp, references)
        kept.clear()
        runs.append(_seconds(lambda docs=docs: [None for _ in nlp.pipe(docs, batch_size=32)]))
    plain = _Way(pipe, kept)
    pipe.calibration = ScoreMaps({label: _map(method) for label in pipe.labels}).to_dict()
    pipe.uncertain_below = 0.7
    ways = {"raw": plain, "calibrated": _Way(pipe, kept)}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for way in in_turn(ways, repeats):
        seconds[way].append(_seconds(ways[way]))
    least = {way: min(times) for way, times in seconds.items()}
    medians = {way: statistics.median(times) for way, times in seconds.items()}
    figures = {
        "documents": len(references),
        "pairs": sum(len(predictions.pairs) for predictions in kept),
        "relations": {way: made.n_written for way, made in ways.items()},
        "map": method,
        "threads": threads,
        "seconds of the pipeline": round(min(runs), 3),
        "milliseconds of decoding": {way: round(1000 * value, 2) for way, value in medians.items()},
        "percent of the pipeline": round(100 * (medians["calibrated"] - medians["raw"]) / min(runs), 4),
        "percent of the pipeline, of the least": round(100 * (least["calibrated"] - least["raw"]) / min(runs), 4),
    }
    print(json.dumps(figures, indent=2))


class _Way:
    """Decodes all predictions as the component is set now."""

    def __init__(self, pipe: RelationExtractor, predictions: list[Predictions]):
        self.pipe, self.predictions, self.cfg = pipe, list(predictions), dict(pipe.cfg)
        self.n_written = 0

    def __call__(self) -> None:
        self.pipe.cfg.update(self.cfg)
        self.n_written = sum(len(list(self.pipe.decode(found, found.spans))) for found in self.predictions)


def _map(method: str) -> ScoreMap:
    knots = numpy.linspace(0, 1, KNOTS)
    numbers = {"temperature": (1.5,), "sigmoid": (0.8, -0.2), "beta": (0.8, 0.9, 0.1), "isotonic": (*knots, *(0.05 + 0.9 * knots**1.2))}
    return ScoreMap(method, numbers[method])


def _seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start
