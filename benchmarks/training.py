"""What a training step costs, and what it costs without the economies of `spacy_relext.ml.economy`."""

import json
import random
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import typer
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from thinc.api import fix_random_seed

from benchmarks.measuring import in_turn, now, training_of

MODEL = "components.relation_extractor.model"
# Plain attention is a setting of the encoder as well, which holds in prediction too.
PLAIN = {"attn_implementation": "eager"}
WAYS = {"torch's": (False, {}), "torch's, plain attention": (False, PLAIN), "ours": (True, {}), "ours, plain attention": (True, PLAIN)}


def training(
    train: Path = typer.Argument(..., help="A .spacy file, e.g. corpus/ddi/train.spacy."),
    config_path: Path = typer.Option(Path("configs/ddi.cfg"), "--config", help="Whose extractor has an encoder of its own."),
    encoder: Path = typer.Option(Path("assets/encoder"), help="The encoder."),
    batches: int = typer.Option(10, help="Updates of a run, the same ones in all."),
    repeats: int = typer.Option(3, help="Runs of each way, taken in turn."),
    threads: int = typer.Option(1, help="Threads of torch."),
):
    """Processor time of a training step: torch's dropout, attention and gradients of embeddings, and ours.

    Both with encoders that are set to plain attention as well.
    """
    steps = {way: Steps(config_path, train, encoder, batches, *settings) for way, settings in WAYS.items()}
    torch.set_num_threads(threads)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for way in in_turn(WAYS, repeats):
        start = now()
        steps[way].run()
        seconds[way].append(float((now() - start)[1]) / batches)
    first = seconds["torch's"]
    figures = {
        way: {
            "seconds a step": round(statistics.median(of_way), 3),
            "of torch's": [round(a / b, 2) for a, b in zip(of_way, first, strict=True)],
        }
        for way, of_way in seconds.items()
    }
    print(json.dumps(figures, indent=2))


class Steps:
    """A pipeline, and some batches to update it with."""

    def __init__(self, config_path: Path, train: Path, encoder: Path, n_batches: int, economical: bool, attention: dict[str, Any]):
        overrides = {"paths.train": str(train), "paths.dev": str(train), "paths.encoder": str(encoder)}
        plain = load_config(config_path, overrides=overrides, interpolate=False)
        of_encoder = f"{MODEL}.tok2vec" if "tok2vec" in plain["components"]["relation_extractor"]["model"] else MODEL
        if attention:
            plain = load_config(config_path, overrides={**overrides, f"{of_encoder}.transformer_config": attention}, interpolate=False)
        self.economical = economical
        with self._economy():
            self.nlp = init_nlp(plain)
        settings, corpus = training_of(self.nlp)
        fix_random_seed(0)
        examples = list(islice(corpus(self.nlp), 100 * n_batches))
        random.shuffle(examples)
        # The first one is not timed.
        self.batches: list[list[Example]] = list(islice(settings["batcher"](examples), n_batches + 1))
        self.optimizer, self.dropout = settings["optimizer"], settings["dropout"]
        with self._economy():
            self._update(self.batches.pop(0))

    def run(self) -> None:
        """Update with all batches."""
        with self._economy():
            for batch in self.batches:
                self._update(batch)

    def _update(self, batch: list[Example]) -> None:
        self.nlp.update(batch, drop=self.dropout, sgd=False)
        for _, pipe in self.nlp.pipeline:
            if hasattr(pipe, "finish_update"):
                pipe.finish_update(self.optimizer)
        self.optimizer.step_schedules()

    @contextmanager
    def _economy(self) -> Iterator[None]:
        if self.economical:
            yield
            return
        with (
            patch("spacy_relext.ml.transformer.economise", lambda _: None),
            patch("spacy_relext.ml.economy.dropout", torch.nn.functional.dropout),
            patch("spacy_relext.ml.economy.attention", torch.nn.functional.scaled_dot_product_attention),
        ):
            yield
