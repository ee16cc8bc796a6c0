"""What products in bfloat16 of many shapes cost, time to compile kernels and memory to keep them; and what a training keeps besides."""

import json
import os
import random
import resource
import statistics
import subprocess
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import typer
from spacy.util import minibatch
from thinc.api import PyTorchShim

from benchmarks.measuring import given_mentions, in_turn, now
from benchmarks.speed.ours import make_pipeline
from benchmarks.training import Steps
from spacy_relext.corpus import read_docs
from spacy_relext.ml.products import CACHES

# What updates leave in memory makes no difference to prediction.
KEPT = "ours, nothing given back"
# The environment of the process, and what is patched in it: as many kernels as both libraries keep by default, and no rows of zeros.
WAYS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "torch's": (dict.fromkeys(CACHES, "1024"), {"spacy_relext.ml.precision.few_shapes": nullcontext}),
    "ours": ({}, {}),
    KEPT: ({}, {"spacy_relext.ml.memory.TidyShim.finish_update": PyTorchShim.finish_update}),
}


def kernels(
    data: Path = typer.Argument(..., help="A .spacy file, e.g. corpus/ddi/test.spacy."),
    updates: int = typer.Option(0, help="Train a config so many updates on them, instead of passing over them."),
    config_path: Path = typer.Option(Path("configs/ddi.cfg"), "--config", help="What is trained: an extractor with an encoder of its own."),
    encoder: Path = typer.Option(Path("assets/encoder"), help="The encoder; the head is untrained."),
    passes: int = typer.Option(4, help="Over the documents, in another order each time: no batch comes twice."),
    batch_size: int = typer.Option(32, help="Documents."),
    repeats: int = typer.Option(3, help="Runs of each way, taken in turn."),
):
    """Processor seconds and memory of prediction or training in bfloat16, as torch has its kernels and as we have them.

    Of training also where thinc's updates keep what they keep, and the heap is not given back.
    """
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS if updates or way != KEPT}
    for way in in_turn(runs, repeats):
        work = [str(x) for x in (way, data, updates, config_path, encoder, passes, batch_size)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks", "one-of-kernels", *work],
            env={**os.environ, "OMP_NUM_THREADS": "1", **WAYS[way][0]},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        runs[way].append(json.loads(done.stdout.splitlines()[-1]))
    first = runs["torch's"]
    figures = {
        way: {
            "seconds": round(statistics.median(run["seconds"] for run in of_way), 2),
            "of torch's": [round(a["seconds"] / b["seconds"], 2) for a, b in zip(of_way, first, strict=True)],
            "mb": [round(run["mb"]) for run in of_way],
        }
        for way, of_way in runs.items()
    }
    print(json.dumps(figures, indent=2))


def one_of_kernels(way: str, data: Path, updates: int, config_path: Path, encoder: Path, passes: int, batch_size: int):
    """One measurement of `kernels`: processor seconds, and the largest memory of the process in MB."""
    torch.set_num_threads(1)
    with ExitStack() as patches:
        for target, of_way in WAYS[way][1].items():
            patches.enter_context(patch(target, of_way))
        if updates:
            steps = Steps(config_path, data, encoder, updates, True, {})
            start = now()
            steps.run()
        else:
            nlp = make_pipeline("shared", str(encoder))
            references = list(read_docs(data, nlp))
            start = now()
            for seed in range(passes):
                random.Random(seed).shuffle(references)
                for batch in minibatch(references, batch_size):
                    list(nlp.pipe(given_mentions(nlp, batch)))
        seconds = now() - start
    print(json.dumps({"seconds": float(seconds[1]), "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
