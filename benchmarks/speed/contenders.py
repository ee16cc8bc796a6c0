"""What is measured side by side."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.speed.environments import PEERS, interpreter
from benchmarks.speed.ours import BATCH_SIZE

OURS = f"{BATCH_SIZE} documents"
FLAIR = "32 sentences"
# Environment, worker, what it does, precision, and what it computes at once.
PEER_LIBRARIES = {
    "flair extractor": ("flair", "flair_worker", "`RelationExtractor`: a pass per sentence", "float32", FLAIR),
    "flair classifier": ("flair", "flair_worker", "`RelationClassifier`: one encoder pass per pair", "float32", FLAIR),
    "Kindred": ("kindred", "kindred_worker", "no encoder: a parser, and an SVM over words and paths", "float64", "all"),
}


@dataclass(frozen=True)
class Contender:
    """One way to find relations.

    what: Says what it does. precision: In which it computes. batch: What it computes at once. command: Starts its worker.
    missing: Why it cannot be run, if it cannot.
    """

    name: str
    what: str
    precision: str
    batch: str
    command: list[str] = field(default_factory=list)
    missing: str = ""


def all_contenders(encoder: Path, environments: Path, training: Path, threads: int) -> list[Contender]:
    """All of them, in the order of the tables.

    training: Documents as JSON lines for the one that has to learn before it can predict.
    """
    spacy = [
        Contender(name, what, precision, OURS, [sys.executable, "-m", "benchmarks.speed.ours", name, str(encoder), str(threads)])
        for name, what, precision in (
            ("encoder", "`spacy-relext.TransformerModel.v1` by sentence, nothing else", "auto"),
            ("shared", "that, and `pair_attention` listening to it: `configs/ddi-shared.cfg`", "auto"),
            ("own", "the same with an encoder inside the extractor, which skips sentences without a pair", "auto"),
            ("per-pair", "one encoder pass per pair, `attention`: `configs/ddi-per-pair.cfg`", "auto"),
            (
                "tutorial",
                "spacy-transformers as in spaCy's quickstart, and a linear layer over the means of the mentions",
                "float32",
            ),
        )
    ]
    return [
        *spacy,
        _peer("flair extractor", environments, ["extractor", str(encoder), str(threads)]),
        _peer("flair classifier", environments, ["classifier", str(encoder), str(threads)]),
        _peer("Kindred", environments, [str(training)]),
    ]


def learners(encoder: Path, environments: Path, threads: int) -> list[Contender]:
    """The other libraries, as they learn from a corpus."""
    return [
        _peer("flair extractor", environments, ["extractor", str(encoder), str(threads), "learn"]),
        _peer("flair classifier", environments, ["classifier", str(encoder), str(threads), "learn"]),
        _peer("Kindred", environments, ["learn"]),
    ]


def _peer(name: str, environments: Path, arguments: list[str]) -> Contender:
    environment, worker, what, precision, batch = PEER_LIBRARIES[name]
    python = interpreter(environments, environment)
    missing = "" if python.exists() else f"there is no environment: `python -m benchmarks peers {environment}`"
    return Contender(name, what, precision, batch, [str(python), str(PEERS / f"{worker}.py"), *arguments], missing)
