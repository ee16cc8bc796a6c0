"""What is measured side by side."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.speed.environments import PEERS, interpreter
from benchmarks.speed.ours import BATCH_SIZE

OURS = f"{BATCH_SIZE} documents"
FLAIR = "32 sentences"


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
            ("marked", "a pass of the encoder a pair, `attention`: `configs/ddi-marked.cfg`", "auto"),
            (
                "tutorial",
                "spacy-transformers as in spaCy's quickstart, and a linear layer over the means of the mentions",
                "float32",
            ),
        )
    ]
    peers = []
    for name, environment, what, precision, batch, worker, arguments in (
        ("flair extractor", "flair", "`RelationExtractor`: a pass a sentence", "float32", FLAIR, "flair_worker", ["extractor"]),
        ("flair classifier", "flair", "`RelationClassifier`: a pass a pair", "float32", FLAIR, "flair_worker", ["classifier"]),
        ("Kindred", "kindred", "no encoder: a parser, and an SVM over words and paths", "float64", "all", "kindred_worker", None),
    ):
        python = interpreter(environments, environment)
        rest = [str(training)] if arguments is None else [*arguments, str(encoder), str(threads)]
        command = [str(python), str(PEERS / f"{worker}.py"), *rest]
        missing = "" if python.exists() else f"there is no environment: `python -m benchmarks peers {environment}`"
        peers.append(Contender(name, what, precision, batch, command, missing))
    return spacy + peers
