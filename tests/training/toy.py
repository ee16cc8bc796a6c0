"""Small trainings of every kind, by spaCy and by us, which can be killed at a step."""

import io
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as spacy_train
from spacy.util import load_config

from spacy_relext import Training, train
from spacy_relext.training.loop import Loop
from tests.experiments.toy import SENTENCES, write_data
from tests.pipeline.test_with_transformer import (
    CNN_INSIDE,
    TOK2VEC_LISTENER,
    WINDOWS,
    add_extractor,
    transformer_config,
    transformer_pipeline,
)

STEPS = 10
SETTINGS = {
    "seed": 1,
    "dropout": 0.2,
    "patience": 0,
    "max_steps": STEPS - 1,
    "eval_frequency": 3,
    "annotating_components": ["sentencizer"],
    "score_weights": {"rel_micro_f": 1.0},
    "logger": {"@loggers": "spacy.ConsoleLogger.v3", "progress_bar": None},
    "batcher": {
        "@batchers": "spacy.batch_by_words.v1",
        "size": {"@schedules": "compounding.v1", "start": 8, "stop": 16, "compound": 1.1},
        "tolerance": 0.2,
    },
    "optimizer": {
        "@optimizers": "Adam.v1",
        "learn_rate": {"@schedules": "warmup_linear.v1", "initial_rate": 0.01, "warmup_steps": 4, "total_steps": STEPS - 1},
    },
}


class KilledError(Exception):
    """In the place of a kill."""


def add_ner(nlp: Language, tok2vec: dict) -> None:
    """An entity recogniser, whose training takes random numbers of Python's, as readers do."""
    settings = {"state_type": "ner", "extra_state_tokens": False, "hidden_width": 16, "maxout_pieces": 2, "use_upper": True}
    model = {"@architectures": "spacy.TransitionBasedParser.v2", **settings, "tok2vec": tok2vec}
    nlp.add_pipe("ner", config={"model": model})


def write_training(folder: Path, nlp: Language, *, reader: dict | None = None, sourced: Path | None = None, **settings: Any) -> Path:
    """A config that trains a pipeline, with its data.

    reader: Settings of the training corpus. sourced: Where `ner` is from. settings: Of [training], over those above.
    """
    data = {"train": SENTENCES, "dev": SENTENCES[:4]}
    for part, sentences in data.items():
        write_data(folder / f"{part}.spacy", *sentences)
    config = nlp.config.copy()
    config["corpora"] = {part: {"@readers": "spacy-relext.Corpus.v1", "path": str(folder / f"{part}.spacy")} for part in data}
    config["corpora"]["train"].update(reader or {})
    if sourced is not None:
        config["components"]["ner"] = {"source": str(sourced)}
    config["training"].update({**SETTINGS, **settings})
    path = folder / "config.cfg"
    config.to_disk(path)
    return path


def train_by_spacy(config: Path, output: Path) -> Path:
    """As `spacy train` does it."""
    output.mkdir()
    spacy_train(init_nlp(load_config(config)), output, stdout=io.StringIO(), stderr=io.StringIO())
    return output


def train_here(config: Path, output: Path, **settings: Any) -> Training:
    """As `relext train` does it, with a checkpoint after every other update."""
    return train(config, output, stdout=io.StringIO(), stderr=io.StringIO(), **{"checkpoint_steps": 2, **settings})


@contextmanager
def before_step(step: int, call: Any):
    """Call something before a step of a training."""
    real = Loop._step

    def wrapped(self, epoch, batch):
        if self.position.step + 1 == step:
            call()
        return real(self, epoch, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "_step", wrapped)
        yield


def kill() -> None:
    """In the place of a kill."""
    raise KilledError


def train_with_kills(config: Path, output: Path, steps: Sequence[int], **settings: Any) -> Training:
    """Train, and be killed before some steps."""
    for step in steps:
        with before_step(step, kill), pytest.raises(KilledError):
            train_here(config, output, **settings)
    return train_here(config, output, **settings)


def differences(one: Path, other: Path) -> list[str]:
    """The files of both pipelines of two trainings that are not the same, byte for byte."""
    files = [{str(path.relative_to(folder)) for path in folder.glob("model-*/**/*") if path.is_file()} for folder in (one, other)]
    assert len(files[0]) > 10
    return sorted(
        name
        for name in files[0] | files[1]
        if not (name in files[0] & files[1] and (one / name).read_bytes() == (other / name).read_bytes())
    )


def own_encoder(folder: Path) -> Language:
    """Every text twice (R-Drop), by layers of thinc's alone but for the head."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    add_extractor(nlp, CNN_INSIDE, rdrop_weight=0.5)
    return nlp


def with_ner(folder: Path) -> Language:
    """Two that listen to one encoder of thinc's."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("tok2vec", config={"model": CNN_INSIDE})
    add_ner(nlp, TOK2VEC_LISTENER)
    add_extractor(nlp, TOK2VEC_LISTENER)
    return nlp


def shared_transformer(folder: Path) -> Language:
    """An encoder that the extractor listens to, and a recogniser to be sourced."""
    nlp = transformer_pipeline(folder)
    add_ner(nlp, CNN_INSIDE)
    return nlp


def write_ner(folder: Path) -> Path:
    """A recogniser that was initialised."""
    nlp = spacy.blank("en")
    add_ner(nlp, CNN_INSIDE)
    nlp.get_pipe("ner").add_label("DRUG")
    nlp.initialize()
    nlp.to_disk(folder)
    return folder


def blinded(folder: Path) -> Language:
    """An encoder of the extractor's own, which reads blinded mentions."""
    inside = {
        **transformer_config(folder),
        "@architectures": "spacy-relext.Tok2VecTransformer.v1",
        "get_spans": WINDOWS,
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
    }
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    add_extractor(nlp, inside, marking={"@misc": "spacy-relext.mention_tags.v1"})
    return nlp
