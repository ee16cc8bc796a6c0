"""`python -m benchmarks`: time and memory of the relation extractor, beside its pipeline and other libraries; round trips of formats."""

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy
import spacy
import torch
import typer

from benchmarks import (
    abstracts,
    bulk,
    decoding,
    extraction,
    joint,
    learning,
    memory,
    pair_folds,
    parquet,
    pictures,
    pipelines,
    planning,
    pubmed,
    ray_shards,
    serving,
    train_peers,
    worker_shards,
)
from benchmarks.measuring import given_mentions, in_turn, now
from benchmarks.report_page import report_page
from benchmarks.round_trips import BOTH_WAYS, read_corpus, round_trip
from benchmarks.speed.command import speed, speed_page
from benchmarks.speed.environments import peers
from benchmarks.speed.ours import EXTRACTOR
from spacy_relext.callbacks import keep_to_itself
from spacy_relext.cli.errors import reported_errors
from spacy_relext.corpus import read_docs
from spacy_relext.ml.listeners import listens_to
from spacy_relext.relations import register_extensions

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
# As the commands of relext do it.
app.callback()(keep_to_itself)
for command in (
    abstracts.abstracts,
    bulk.bulk,
    decoding.decoding,
    extraction.conversion_memory,
    extraction.kills,
    extraction.extraction_memory,
    joint.joint,
    learning.learning,
    memory.memory,
    pair_folds.pair_folds,
    parquet.parquet_files,
    peers,
    pubmed.pubmed,
    report_page,
    pictures.pictures,
    pipelines.pipelines,
    planning.plan,
    ray_shards.ray_shards,
    serving.serve,
    serving.serve_hostile,
    speed,
    speed_page,
    train_peers.train_peers,
    worker_shards.worker_shards,
):
    app.command()(command)
HIDDEN = (
    extraction.one_conversion,
    extraction.one_extraction,
    memory.one_document,
    parquet.one_parquet,
    planning.one_plan,
    pubmed.one_pubmed,
    ray_shards.one_handing_out,
    worker_shards.one_worker,
)
for command in HIDDEN:
    app.command(hidden=True)(command)


@app.command()
def overhead(
    model: Path = typer.Argument(..., help="A trained pipeline whose mentions are given, e.g. of projects/ddi."),
    data: Path = typer.Argument(..., help="A .spacy file, e.g. corpus/ddi/test.spacy."),
    repeats: int = typer.Option(5, help="Runs of each kind, taken in turn."),
    threads: int = typer.Option(2, help="Threads of torch."),
):
    """Time of the pipeline with the relation extractor ÷ time without it, on the documents of a corpus with annotated mentions.

    An encoder of the extractor's own counts as a part of the pipeline without it. "within runs" is the time of a run ÷ its time outside
    the extractor.
    """
    torch.set_num_threads(threads)
    nlp = spacy.load(model)
    extractor = nlp.get_pipe(EXTRACTOR)
    tok2vec = extractor.model.get_ref("tok2vec")
    encoding = _Clock(tok2vec._func)
    if listens_to(tok2vec) is None:
        tok2vec._func = encoding
    references = list(read_docs(data, nlp))
    n_pairs = sum(len(p.pairs) for p in extractor.predict(list(nlp.pipe(given_mentions(nlp, references)))))
    # What the extractor takes of the very runs that it is in: free of how the machine's speed changes from run to run.
    own = _Clock(extractor.predict), _Clock(extractor.set_annotations)
    extractor.predict, extractor.set_annotations = own
    encoded: list[numpy.ndarray] = []
    inside: list[numpy.ndarray] = []
    measured: dict[str, list[numpy.ndarray]] = {"with": [], "without": []}
    for kind in in_turn(measured, repeats):
        docs = given_mentions(nlp, references)
        for clock in (encoding, *own):
            clock.seconds = numpy.zeros(2)
        with nlp.select_pipes(disable=[EXTRACTOR] if kind == "without" else []):
            start = now()
            for _ in nlp.pipe(docs, batch_size=nlp.batch_size):
                pass
            measured[kind].append(now() - start)
        if kind == "with":
            component = sum(clock.seconds for clock in own) - encoding.seconds
            inside.append(measured[kind][-1] / (measured[kind][-1] - component))
            encoded.append(encoding.seconds)
    measured["without"] = [rest + encoder for rest, encoder in zip(measured["without"], encoded, strict=True)]
    figures: dict[str, Any] = {"documents": len(references), "pairs": n_pairs, "threads": threads}
    for i, clock in enumerate(("wall", "processor")):
        seconds = {kind: [float(times[i]) for times in measured[kind]] for kind in measured}
        ratios = [a / b for a, b in zip(seconds["with"], seconds["without"], strict=True)]
        figures[clock] = {f"seconds {kind}": round(statistics.median(times), 3) for kind, times in seconds.items()}
        figures[clock] |= {"ratio": round(statistics.median(ratios), 3), "ratios": [round(ratio, 3) for ratio in ratios]}
        within = [float(ratio[i]) for ratio in inside]
        figures[clock] |= {"ratio within runs": round(statistics.median(within), 3), "within runs": [round(ratio, 3) for ratio in within]}
    print(json.dumps(figures, indent=2))


@app.command()
def round_trips(
    corpora: list[str] = typer.Argument(..., help="FORMAT=PATH of each corpus, such as ddi=DDICorpus or chemprot=chemprot/."),
    formats: list[str] = typer.Option(BOTH_WAYS, "--format", help="A format to write and to read; without the option, each."),
):
    """Documents of annotated corpora that come back as they were from each format, and what those that do not cannot hold."""
    nlp = spacy.blank("en")
    register_extensions()
    changed = 0
    with reported_errors():
        for name, _, path in (corpus.partition("=") for corpus in corpora):
            documents = read_corpus(name, Path(path), nlp)
            for format in formats:
                with TemporaryDirectory() as folder:
                    outcome = round_trip(format, documents, Path(folder), nlp)
                changed += len(outcome.changed)
                figures = {"corpus": name, "format": format, "documents": len(documents), **vars(outcome)}
                print(json.dumps(figures, ensure_ascii=False), flush=True)
    if changed:
        raise SystemExit(f"{changed:,} documents came back changed.")


class _Clock:
    """A function, and the seconds spent in it."""

    def __init__(self, function: Callable):
        self.function = function
        self.seconds = numpy.zeros(2)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        start = now()
        try:
            return self.function(*args, **kwargs)
        finally:
            self.seconds += now() - start


if __name__ == "__main__":
    app()
