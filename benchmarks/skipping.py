"""What it saves that sentences without a pair are not encoded."""

import json
import statistics
from pathlib import Path
from unittest.mock import patch

import numpy
import spacy
import typer
from spacy.tokens import Doc
from spacy.training import Example

from benchmarks.measuring import given_mentions, in_turn, now, untrained
from spacy_relext.candidates import Candidates
from spacy_relext.corpus import read_docs
from spacy_relext.evaluation import extractor_of
from spacy_relext.ml import architectures
from spacy_relext.ml.contexts import covered
from spacy_relext.ml.windows import only_read


def skipping(
    data: Path = typer.Argument(..., help="Annotated texts: a .spacy file, e.g. corpus/chemprot/dev.spacy."),
    config_path: Path = typer.Option(Path("configs/chemprot.cfg"), "--config", help="Whose extractor has an encoder of its own."),
    encoder: Path = typer.Option(Path("assets/encoder"), help="The encoder; the head is untrained."),
    documents: int = typer.Option(200, help="So many of the documents."),
    repeats: int = typer.Option(5, help="Runs of each kind, taken in turn."),
    threads: int = typer.Option(1, help="Threads of torch."),
):
    """Time of a pipeline that encodes every sentence ÷ time where it skips those in which no pair of mentions stands."""
    architectures.torch.set_num_threads(threads)
    references = list(read_docs(data, spacy.blank("en")))[:documents]
    nlp = untrained(config_path, {"paths.encoder": str(encoder)}, references)
    pipe = extractor_of(nlp, str(config_path))

    shares = numpy.asarray([_shares(doc, pipe.annotated_pairs(Example(doc, doc)).prepared.candidates) for doc in references])
    n_sentences, n_with_pair, n_tokens, n_tokens_with_pair = shares.sum(axis=0).tolist()
    readings = {"all": lambda *args, skip: only_read(*args, skip=False), "skipping": only_read}
    seconds: dict[str, list[numpy.ndarray]] = {kind: [] for kind in readings}
    scores: dict[str, numpy.ndarray] = {}
    for kind in in_turn(readings, repeats):
        docs = given_mentions(nlp, references)
        with patch.object(architectures, "only_read", readings[kind]):
            start = now()
            predictions = [p for batch in spacy.util.minibatch(docs, nlp.batch_size) for p in pipe.predict(batch)]
            seconds[kind].append(now() - start)
        scores[kind] = numpy.concatenate([p.scores for p in predictions])
    figures = {
        "documents": len(references),
        "sentences": n_sentences,
        "share of sentences with a pair": round(n_with_pair / n_sentences, 3),
        "share of tokens": round(n_tokens_with_pair / n_tokens, 3),
        "pairs": len(scores["all"]),
        "largest difference of a score": float(numpy.abs(scores["all"] - scores["skipping"]).max()),
    }
    for i, clock in enumerate(("wall", "processor")):
        ratios = [float(a[i] / b[i]) for a, b in zip(seconds["all"], seconds["skipping"], strict=True)]
        figures[clock] = {"ratio": round(statistics.median(ratios), 2), "ratios": [round(ratio, 2) for ratio in ratios]}
        figures[clock] |= {kind: round(float(statistics.median(run[i] for run in runs)), 2) for kind, runs in seconds.items()}
    print(json.dumps(figures, indent=2))


def _shares(doc: Doc, candidates: Candidates) -> tuple[int, int, int, int]:
    """Sentences, those in which a pair reads something, and the tokens of both."""
    read = covered(len(doc), candidates.contexts)
    sentences = list(doc.sents)
    with_pair = [sentence for sentence in sentences if read[sentence.start : sentence.end].any()]
    return len(sentences), len(with_pair), len(doc), sum(map(len, with_pair))
