"""`python -m benchmarks`: time and memory of the relation extractor beside the same pipeline without it, and beside other
libraries; round trips through formats."""

import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy
import spacy
import torch
import typer
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from tqdm import tqdm

from benchmarks import extraction, skipping
from benchmarks.measuring import given_mentions, now
from benchmarks.round_trips import BOTH_WAYS, read_corpus, round_trip
from benchmarks.speed.command import speed, speed_page
from benchmarks.speed.environments import peers
from spacy_relext.cli.errors import reported_errors
from spacy_relext.corpus import read_docs
from spacy_relext.formats.document import SPANS_KEY
from spacy_relext.ml.architectures import listens_to
from spacy_relext.relations import Relation, get_relations, register_extensions, set_relations

app = typer.Typer(no_args_is_help=True, help=__doc__)
EXTRACTOR = "relation_extractor"
N_TOKENS = 3000
for command in (extraction.kills, extraction.extraction_memory, skipping.skipping, peers, speed, speed_page):
    app.command()(command)
app.command(hidden=True)(extraction.one_extraction)


@app.command()
def overhead(
    model: Path = typer.Argument(..., help="A trained pipeline whose mentions are given, e.g. of the workflow ddi."),
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
    inside: list[numpy.ndarray] = []
    measured: dict[str, list[numpy.ndarray]] = {"with": [], "without": []}
    for _ in tqdm(range(repeats), desc="Measuring"):
        for kind, disabled in (("with", []), ("without", [EXTRACTOR])):
            docs = given_mentions(nlp, references)
            if kind == "with":
                for clock in (encoding, *own):
                    clock.seconds = numpy.zeros(2)
            with nlp.select_pipes(disable=disabled):
                start = now()
                for _ in nlp.pipe(docs, batch_size=nlp.batch_size):
                    pass
                measured[kind].append(now() - start)
        component = sum(clock.seconds for clock in own) - encoding.seconds
        inside.append(measured["with"][-1] / (measured["with"][-1] - component))
        measured["without"][-1] += encoding.seconds
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
def precision(
    encoder: Path = typer.Option(Path("assets/encoder"), help="The encoder."),
    texts: Path = typer.Option(Path("assets/demo/train.jsonl"), help="JSONL documents to encode."),
    repeats: int = typer.Option(5, help="Runs of each kind, taken in turn."),
    threads: int = typer.Option(2, help="Threads of torch."),
):
    """Time of the encoder in float32 ÷ time in bfloat16, on a CPU, for the texts of a corpus by sentence."""
    torch.set_num_threads(threads)
    documents = [json.loads(line)["text"] for line in texts.read_text(encoding="utf8").splitlines()]
    pipelines = {kind: _untrained(encoder, kind) for kind in ("float32", "bfloat16")}
    times: dict[str, list[float]] = {kind: [] for kind in pipelines}
    for _ in tqdm(range(repeats), desc="Measuring"):
        for kind, nlp in pipelines.items():
            with nlp.select_pipes(enable=["sentencizer", "transformer"]):
                start = time.perf_counter()
                for _ in nlp.pipe(documents, batch_size=32):
                    pass
                times[kind].append(time.perf_counter() - start)
    ratios = [a / b for a, b in zip(times["float32"], times["bfloat16"], strict=True)]
    print(json.dumps({"ratio": round(statistics.median(ratios), 2), "ratios": [round(ratio, 2) for ratio in ratios]}, indent=2))


@app.command()
def memory(
    encoder: Path = typer.Option(Path("assets/encoder"), help="The encoder; the head is untrained."),
    cpu_precision: str = typer.Option("auto", help="float32, bfloat16 or auto."),
):
    """Peak memory and time for up to 400 mentions in one text of 3,000 tokens, all ordered pairs, beside no extractor."""
    rows = []
    for n_mentions in (0, 100, 200, 300, 400):
        # Peak memory is that of a process: one process a size.
        command = [sys.executable, "-m", "benchmarks", "one-text", str(encoder), str(n_mentions), cpu_precision]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rows.append(json.loads(output.splitlines()[-1]))
        print(rows[-1], flush=True)
    pairs, seconds = (numpy.asarray([row[key] for row in rows[1:]], dtype=float) for key in ("pairs", "seconds"))
    slope, intercept = numpy.polyfit(pairs, seconds, 1)
    residual = ((seconds - slope * pairs - intercept) ** 2).sum() / ((seconds - seconds.mean()) ** 2).sum()
    print(
        f"at {int(pairs[-1]):,} pairs: {rows[-1]['peak_mb'] - rows[0]['peak_mb']:,} MB above the pipeline without it; "
        f"{1e6 * slope:.0f} µs a pair, R² of the straight line {1 - residual:.4f}"
    )


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


@app.command(hidden=True)
def one_text(encoder: Path, n_mentions: int, cpu_precision: str):
    """One measurement of `memory`; 0 mentions: without the extractor."""
    nlp = _untrained(encoder, cpu_precision)
    rng = random.Random(0)
    doc = Doc(
        nlp.vocab, words=[rng.choice(["aspirin", "raises", "the", "level", "of", "warfarin", "in", "blood", "."]) for _ in range(N_TOKENS)]
    )
    doc.spans[SPANS_KEY] = [Span(doc, i, i + 1, label="DRUG") for i in sorted(rng.sample(range(N_TOKENS), n_mentions))]
    doc = nlp.get_pipe("transformer")(doc)
    start = time.perf_counter()
    if n_mentions:
        nlp.get_pipe(EXTRACTOR)(doc)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"mentions": n_mentions, "pairs": n_mentions * (n_mentions - 1), "seconds": round(seconds, 3), "peak_mb": peak}))


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


def _untrained(encoder: Path, cpu_precision: str) -> Language:
    """A transformer, and an extractor that scores all ordered pairs of a text."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    transformer = {
        "@architectures": "spacy-relext.TransformerModel.v1",
        "name": str(encoder),
        "cpu_precision": cpu_precision,
        "get_spans": {"@span_getters": "spacy-relext.sentence_windows.v1", "max_tokens": 128},
    }
    nlp.add_pipe("transformer", config={"model": transformer})
    listener = {"@architectures": "spacy-transformers.TransformerListener.v1", "pooling": {"@layers": "reduce_mean.v1"}}
    nlp.add_pipe(
        EXTRACTOR,
        config={
            "spans_key": SPANS_KEY,
            "candidates": {"@misc": "spacy-relext.distance_pairs.v1", "max_distance": N_TOKENS},
            "model": {
                "@architectures": "spacy-relext.PairClassifier.v1",
                "hidden_width": 384,
                "tok2vec": listener,
                "summary": {"@layers": "spacy-relext.pair_attention.v1"},
            },
        },
    )
    doc = nlp.make_doc("aspirin raises warfarin")
    doc.spans[SPANS_KEY] = [Span(doc, 0, 1, label="DRUG"), Span(doc, 2, 3, label="DRUG")]
    set_relations(doc, [Relation(*doc.spans[SPANS_KEY], "RAISES")])
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc)])
    assert get_relations(doc)
    return nlp


if __name__ == "__main__":
    app()
