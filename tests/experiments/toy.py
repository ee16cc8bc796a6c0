"""A config for a small pipeline and data that it learns by heart, and invented runs."""

from pathlib import Path

import spacy
from spacy.tokens import DocBin

from spacy_relext.experiments.runs import Run
from spacy_relext.formats.docs import to_doc
from tests.cli.toy import SENTENCES, document, relext

CONFIG = """
[paths]
train = null
dev = null

[system]
seed = 0

[nlp]
lang = "en"
pipeline = ["sentencizer","relation_extractor"]

[components]

[components.sentencizer]
factory = "sentencizer"

[components.relation_extractor]
factory = "relation_extractor"

[components.relation_extractor.model]
@architectures = "spacy-relext.PairClassifier.v1"
hidden_width = 32

[components.relation_extractor.model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 32
depth = 2
embed_size = 500
window_size = 1
maxout_pieces = 2
subword_features = false

[components.relation_extractor.model.summary]
@relext_summaries = "spacy-relext.pair_attention.v1"
n_heads = 2

[corpora]

[corpora.train]
@readers = "spacy-relext.Corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy-relext.Corpus.v1"
path = ${paths.dev}

[training]
seed = ${system.seed}
gpu_allocator = null
dropout = 0.0
patience = 0
max_steps = 40
eval_frequency = 1000

[training.optimizer]
@optimizers = "Adam.v1"
learn_rate = 0.01

[training.logger]
@loggers = "spacy.ConsoleLogger.v3"
progress_bar = null
"""

LABELS = {"corpus": "ddi", "encoding": "per-pair", "summary": "attention", "encoder": "tiny"}
LABEL_OPTIONS = [option for name, value in LABELS.items() for option in ("--label", f"{name}={value}")]


def write_config(folder: Path, text: str = CONFIG) -> Path:
    path = folder / "toy.cfg"
    path.write_text(text, encoding="utf8")
    return path


def write_data(path: Path, *sentences: tuple) -> Path:
    """One document per sentence, `d0`, `d1` …, as `tests.cli.toy.document` takes them."""
    nlp = spacy.blank("en")
    path.parent.mkdir(parents=True, exist_ok=True)
    docs = [to_doc(document(*sentence, name=f"d{i}"), nlp) for i, sentence in enumerate(sentences)]
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def write_folds(folder: Path) -> Path:
    """Three folds of like sentences."""
    for i in range(3):
        write_data(folder / f"fold-{i}.spacy", *SENTENCES[i : i + 4])
    return folder


def make_run(labels=None, *, seed=0, counts=((1, 0, 0),), development=0.5, folds=None, seconds=60.0, **changed) -> Run:
    """An invented run whose test figures are those of the counts (tp, fp, fn) of its documents."""
    tp, fp, fn = (sum(column) for column in zip(*counts, strict=True))
    figures = {"rel_micro_p": tp / (tp + fp), "rel_micro_r": tp / (tp + fn), "rel_micro_f": 2 * tp / (2 * tp + fp + fn)}
    fields = {
        "labels": {**LABELS, **(labels or {})},
        "seed": seed,
        "fold": None,
        "config_path": "toy.cfg",
        "overrides": {"system.seed": seed},
        "config": {"system": {"seed": seed}, "paths": {}, "training": {"seed": seed, "dropout": 0.1}},
        "data": {"train": {"train.spacy": "a"}, "dev": {"dev.spacy": "b"}, "test": {"test.spacy": "c"}},
        "checkpoint": "last",
        "threshold": 0.5,
        "threshold_from": "development",
        "versions": {"python": "3.11", "spacy": "3.8"},
        "device": "an abacus",
        "torch_threads": 1,
        "training_seconds": {"wall": 3 * seconds, "processor": seconds},
        "development": {f"rel_micro_{k}": development for k in "prf"},
        "test": figures,
        "documents": [
            {"id": f"d{i}", "fold": (folds or [0] * len(counts))[i], "tp": n[0], "fp": n[1], "fn": n[2]} for i, n in enumerate(counts)
        ],
    }
    return Run(**{**fields, **changed})


__all__ = ["LABELS", "LABEL_OPTIONS", "SENTENCES", "make_run", "relext", "write_config", "write_data", "write_folds"]
