"""The worker of spaCy's pipelines: those of this package, and the tutorial's. `python -m benchmarks.speed.ours KIND ENCODER THREADS`."""

import sys
from importlib.metadata import version
from typing import Any

import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from benchmarks.peers.protocol import serve
from spacy_relext.callbacks import keep_to_itself
from spacy_relext.mentions import SPANS_KEY
from spacy_relext.relations import Relation, register_extensions, set_relations

KINDS = ("encoder", "shared", "own", "per-pair", "tutorial")
LABELS = ["advise", "effect", "int", "mechanism", "monitor"]
# As in configs/ddi-shared.cfg.
BATCH_SIZE = 64
MAX_TOKENS = 128
EXTRACTOR = "relation_extractor"
LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "grad_factor": 1.0,
    "pooling": {"@layers": "reduce_mean.v1"},
}


SENTENCE_PAIRS = {"@misc": "spacy-relext.sentence_pairs.v1", "ordered": False, "overlapping": True}


def make_pipeline(
    kind: str, encoder: str, *, threads: int = 1, precision: str = "auto", candidates: dict[str, Any] = SENTENCE_PAIRS
) -> Language:
    """An untrained pipeline: what it costs does not depend on what it learned.

    precision: Of the encoders that are ours.
    """
    torch.set_num_threads(threads)
    nlp = spacy.blank("en", config={"nlp": {"batch_size": BATCH_SIZE}})
    windows = {"@span_getters": "spacy-relext.sentence_windows.v1", "max_tokens": MAX_TOKENS}
    if kind in ("encoder", "shared"):
        nlp.add_pipe("transformer", config={"model": _transformer("spacy-relext.TransformerModel.v1", encoder, windows, precision)})
    if kind == "tutorial":
        # What spaCy's quickstart has.
        strides = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 128, "stride": 96}
        model = _transformer("spacy-transformers.TransformerModel.v3", encoder, strides, precision)
        nlp.add_pipe("transformer", config={"model": model})
    if kind != "encoder":
        nlp.add_pipe(
            EXTRACTOR,
            config={
                "spans_key": SPANS_KEY,
                "symmetric_labels": LABELS,
                "candidates": candidates,
                "model": _classifier(kind, encoder, windows, precision),
            },
        )
        nlp.config["initialize"]["components"] = {EXTRACTOR: {"labels": LABELS}}
        nlp.initialize(lambda: [_example(nlp)])
    else:
        nlp.initialize()
    return nlp


def _transformer(architecture: str, encoder: str, windows: dict[str, Any], precision: str) -> dict[str, Any]:
    model = {"@architectures": architecture, "name": encoder, "tokenizer_config": {"use_fast": True}, "get_spans": windows}
    return model if architecture.startswith("spacy-transformers") else {**model, "cpu_precision": precision}


def _classifier(kind: str, encoder: str, windows: dict[str, Any], precision: str) -> dict[str, Any]:
    """The model of the relation extractor."""
    if kind == "per-pair":
        return {
            "@architectures": "spacy-relext.MarkedPairClassifier.v1",
            "name": encoder,
            "tokenizer_config": {"use_fast": True},
            "max_length": MAX_TOKENS,
            "hidden_width": 0,
            "precision": precision,
            "marking": {"@misc": "spacy-relext.pair_tags.v1", "numbered": False},
            "summary": {"@relext_summaries": "spacy-relext.attention.v1"},
        }
    if kind == "tutorial":
        # A linear layer over the means of the two mentions.
        head = {"hidden_width": 0, "precision": "float32", "summary": {"@relext_summaries": "spacy-relext.mentions.v1"}}
    else:
        head = {"hidden_width": 384, "precision": "auto", "summary": {"@relext_summaries": "spacy-relext.pair_attention.v1"}}
    tok2vec = LISTENER
    if kind == "own":
        pooling = {"@layers": "reduce_mean.v1"}
        tok2vec = {**_transformer("spacy-relext.Tok2VecTransformer.v1", encoder, windows, precision), "pooling": pooling}
    return {"@architectures": "spacy-relext.PairClassifier.v1", "tok2vec": tok2vec, **head}


def _example(nlp: Language) -> Example:
    """Two mentions, and a relation between them."""
    register_extensions()
    reference = nlp.make_doc("aspirin raises warfarin")
    reference[0].is_sent_start = True
    for token in reference[1:]:
        token.is_sent_start = False
    mentions = [Span(reference, 0, 1, label="drug"), Span(reference, 2, 3, label="drug")]
    reference.spans[SPANS_KEY] = mentions
    set_relations(reference, [Relation(*mentions, LABELS[0])])
    return Example(nlp.make_doc(reference.text), reference)


def make_docs(nlp: Language, documents: list[dict[str, Any]]) -> list[Doc]:
    """Docs with the tokens, sentences and mentions of documents."""
    return [_make_doc(nlp, **document) for document in documents]


def _make_doc(nlp: Language, id: str, text: str, tokens: list, sentences: list, mentions: list, relations: list) -> Doc:
    starts, ends = {start: i for i, (start, _) in enumerate(tokens)}, {end: i + 1 for i, (_, end) in enumerate(tokens)}
    first = {start for start, _ in sentences}
    doc = Doc(
        nlp.vocab,
        words=[text[start:end] for start, end in tokens],
        spaces=[text[end : end + 1].isspace() for _, end in tokens],
        sent_starts=[start in first for start, _ in tokens],
    )
    doc.spans[SPANS_KEY] = [Span(doc, starts[start], ends[end], label=kind) for start, end, kind in mentions]
    return doc


def make_contender(kind: str, encoder: str, threads: int):
    """What `serve` wants."""
    nlp = make_pipeline(kind, encoder, threads=threads)
    scored: list[int] = []
    if nlp.has_pipe(EXTRACTOR):
        nlp.get_pipe(EXTRACTOR).on_predictions = lambda _, predictions: scored.append(len(predictions.pairs))

    def run(docs: list[Doc]) -> int:
        scored.clear()
        for _ in nlp.pipe(docs):
            pass
        return sum(scored)

    versions = {name: version(name) for name in ("spacy", "spacy-transformers", "torch", "transformers")}
    return lambda documents: make_docs(nlp, documents), run, versions


if __name__ == "__main__":
    keep_to_itself()
    kind, encoder, threads = sys.argv[1:]
    serve(lambda: make_contender(kind, encoder, int(threads)))
