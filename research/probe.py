"""Probing classifiers: how well the relation of a pair can be read from each layer of an encoder, as it is.

Source: Alain & Bengio, arXiv:1610.01644; Tenney et al., arXiv:1905.05950.

For each layer a multinomial logistic regression of its own learns the labels of the training pairs from the layer's vectors and is scored
on the test pairs, each of which gets its most probable label. The encoder is one that encodes per pair, and stays as it is. Two reads:

- `cls`: the vector of [CLS]. After the embeddings it is the same for all pairs, so layers count from 1.
- `mentions`: [mean of the head; mean of the tail], which hold of the text around them what layers put there. Layer 0, the embeddings, is
  the control: the marks of the two, and their positions.

Vectors are standardised, and the strength of the penalty is chosen on held-out training documents: nothing is taken from the test data.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch, registry
from thinc.api import Model
from torch import Tensor, nn

from spacy_relext.corpus import read_docs
from spacy_relext.errors import DataError, RelextError
from spacy_relext.evaluation import gold_pairs, predict
from spacy_relext.experiments.training import silent
from spacy_relext.extras import extra
from spacy_relext.ml.head import mean_of_spans
from spacy_relext.ml.summaries import Contexts
from spacy_relext.notices import counted
from spacy_relext.pipeline.decoding import Decision, Predictions, decode_relations, symmetrize
from spacy_relext.pipeline.preparing import AnnotatedPairs, Extractor
from spacy_relext.relations import has_relations, set_relations
from spacy_relext.scorer import score_relations
from spacy_relext.types import Floats2d, Floats3d, Ints1d

# Inverse strengths of the L2 penalty that are tried (scikit-learn's C, for the summed loss), and the share of the training documents on
# which the one with the best micro F is chosen; the strongest of equally good ones.
STRENGTHS = (0.001, 0.01, 0.1)
HELD_OUT = 0.2
# scikit-learn's default is 0.0001. With DDI and MiniLM, F is within half a point of what it is with 0.00001, in half of the time or less.
TOLERANCE = 0.0003
MAX_STEPS = 1000
# Docs that are encoded at a time.
BATCH = 16


@dataclass(frozen=True)
class AnnotatedData:
    """Annotated Docs, and the pairs that the component makes of their annotated mentions."""

    references: list[Doc]
    pairs: list[AnnotatedPairs]

    @property
    def targets(self) -> Floats2d:
        """Of all pairs, `[n_pairs, n_columns]`."""
        return numpy.concatenate([p.targets for p in self.pairs])

    @property
    def documents(self) -> Ints1d:
        """The index of the Doc that each pair is in, `[n_pairs]`."""
        return numpy.repeat(numpy.arange(len(self.pairs)), [len(p.targets) for p in self.pairs])

    def sampled(self, n_pairs: int, *, seed: int) -> "AnnotatedData":
        """Some of the pairs, drawn from all of them, in their order."""
        documents = self.documents
        keep = numpy.zeros(len(documents), dtype=bool)
        keep[numpy.random.default_rng(seed).permutation(len(documents))[:n_pairs]] = True
        return replace(self, pairs=[_subset(p, keep[documents == i]) for i, p in enumerate(self.pairs)])


def _subset(pairs: AnnotatedPairs, keep: numpy.ndarray) -> AnnotatedPairs:
    candidates, allowed = pairs.prepared.candidates, pairs.prepared.allowed
    candidates = replace(candidates, pairs=candidates.pairs[keep], contexts=candidates.contexts[keep])
    prepared = replace(pairs.prepared, candidates=candidates, allowed=allowed[keep])
    return replace(pairs, prepared=prepared, targets=pairs.targets[keep])


def annotated_data(nlp: Language, pipe: Extractor, path: Path) -> AnnotatedData:
    """Annotated Docs and their candidate pairs. RAISES: DataError where no relations are annotated, or no pair is a candidate."""
    references = list(read_docs(path, nlp))
    if not any(has_relations(reference) for reference in references):
        raise DataError("the data has no relation annotation. Was it converted from documents with relations?", path=path)
    data = AnnotatedData(references, gold_pairs(pipe, predict(nlp, references, annotated=True)))
    if not len(data.documents):
        raise DataError(
            f"no candidate pair in {counted(len(references), 'document', 'documents')}. Check spans_key, which is "
            f"{pipe.cfg['spans_key']!r}, and candidates of {pipe.name}.",
            path=path,
        )
    return data


def require_per_pair_encoding(pipe: Extractor) -> None:
    """Raise where a pipeline cannot be probed."""
    if "apply_to_contexts" not in pipe.model.attrs:
        raise RelextError(
            f"{pipe.name} encodes a text once for all pairs, and a probe reads the vector of [CLS] of one pair. Give a pipeline whose "
            "architecture is spacy-relext.MarkedPairClassifier.v1, e.g. one trained with configs/ddi-per-pair.cfg."
        )
    if not pipe.cfg["exclusive"]:
        raise RelextError(f"{pipe.name} has exclusive = false, and a probe gives a pair one label. Give a pipeline with exclusive = true.")


def pretrained_model(nlp: Language, pipe: Extractor) -> Model:
    """The extractor's model, with the encoder that its config names, as it is before any training."""
    config = nlp.config.interpolate()["components"][pipe.name]["model"]
    model = registry.resolve({"model": config})["model"]
    try:
        model.get_ref("tok2vec").initialize()
    except (OSError, ValueError) as error:  # a path that is no folder is taken for a name of the hub, perhaps an impossible one
        raise RelextError(
            f"the encoder {config['name']!r}, from which {pipe.name} was trained, cannot be loaded: {error} A relative path is that of a "
            "folder below the one in which the command is run."
        ) from error
    return model


def probe_encoder(
    pipe: Extractor,
    model: Model,
    train: AnnotatedData,
    test: AnnotatedData,
    *,
    seed: int,
    progress: Callable[..., Iterable] = silent,
) -> list[dict[str, Any]]:
    """Read all pairs with the encoder of a model, once, and train and score a probe per layer: see `probe_layers`.

    model: The component's own, or `pretrained_model`. progress: Wraps what takes long, as tqdm does.
    """
    vectors = [read_vectors(model, data, progress=progress) for data in (train, test)]
    return probe_layers(pipe, train, test, *vectors, seed=seed, progress=progress)


# Reading the vectors


def read_vectors(model: Model, data: AnnotatedData, *, progress: Callable[..., Iterable] = silent) -> Floats3d:
    """The vectors of all pairs, from one pass of the encoder.

    RETURNS: float16 `[n_pairs, 1 + n_layers, 3 * width]`, as `vectors_by_layer` has them: 6 (1 + n_layers) width bytes per pair, which is
        16 kB for MiniLM (6 layers of 384) and 60 kB for BERT-base (12 of 768).
    """
    n_pairs = len(data.documents)
    vectors = numpy.zeros((n_pairs, 0, 0), dtype="float16")
    first = 0
    batches = list(minibatch(((p.doc, p.prepared.candidates) for p in data.pairs), BATCH))
    for batch in progress(batches, desc=f"Encoding {counted(n_pairs, 'pair', 'pairs')}", unit=" batches"):
        docs, candidates = zip(*batch, strict=True)
        for block in model.attrs["apply_to_contexts"](model, (docs, candidates), vectors_by_layer):
            if not first:
                vectors = numpy.zeros((n_pairs, *block.shape[1:]), dtype="float16")
            if not block.isfinite().all():
                raise RelextError(
                    "the encoder gives vectors that are not finite, or beyond float16 (65,504). Its training may have diverged."
                )
            vectors[first : first + len(block)] = block.cpu().numpy()
            first += len(block)
    return vectors


def vectors_by_layer(contexts: Contexts) -> Tensor:
    """[CLS] and the means of head and tail side by side, after the embeddings and after each layer; [CLS] after the embeddings is zeros.

    RETURNS: float16 [n_pairs, 1 + n_layers, 3 * width].
    """
    assert contexts.layers is not None
    if contexts.cls is None:
        raise RelextError("the encoder's tokenizer has no [CLS], which a probe reads. Take another encoder.")
    first = (contexts.row * contexts.mask.shape[1])[:, None]
    parts = [nn.functional.pad(contexts.cls[contexts.row], (0, 0, 1, 0))]
    for mention in (contexts.head, contexts.tail):
        parts.append(torch.stack([mean_of_spans(layer.flatten(0, 1).float(), mention + first) for layer in contexts.layers], dim=1))
    return torch.cat(parts, dim=-1).half()


def reads(vectors: Floats3d) -> Iterator[tuple[str, int, Floats2d]]:
    """The name of the read, the layer, and the vectors `[n_pairs, n]` of each probe."""
    width = vectors.shape[2] // 3
    for name, columns, first in (("cls", slice(0, width), 1), ("mentions", slice(width, None), 0)):
        for layer in range(first, vectors.shape[1]):
            yield name, layer, vectors[:, layer, columns]


# The probe


def probe_layers(
    pipe: Extractor,
    train: AnnotatedData,
    test: AnnotatedData,
    train_vectors: Floats3d,
    test_vectors: Floats3d,
    *,
    seed: int,
    progress: Callable[..., Iterable] = silent,
) -> list[dict[str, Any]]:
    """Train and score a probe per layer.

    RETURNS: for each `read` and `layer` the `C` that was chosen, and the figures of `score_relations` on the test data.
    """
    results = []
    both = list(zip(reads(train_vectors), reads(test_vectors), strict=True))
    for (name, layer, fitted), (_, _, scored) in progress(both, desc="Probing", unit=" layers"):
        probe = fit_probe(fitted, train.targets, train.documents, seed=seed)
        scores = probe_scores(probe, scored, train.targets.shape[1])
        chosen = probe.best_params_["logisticregression__C"]
        results.append({"read": name, "layer": layer, "C": chosen, **score_probe(pipe, test, scores)})
    return results


def fit_probe(vectors: Floats2d, targets: Floats2d, documents: Ints1d, *, seed: int) -> Any:
    """Train the probe of one layer on training pairs.

    vectors: [n_pairs, n]. targets: [n_pairs, n_columns], column 0 is no-relation; a pair with several labels is trained towards each of
        them in equal parts. documents: int [n_pairs].
    RETURNS: scikit-learn's `GridSearchCV`, refitted on all pairs.
    RAISES: RelextError where there are too few pairs.
    """
    selection, metrics = extra("sklearn.model_selection"), extra("sklearn.metrics")
    linear, preprocessing, pipeline = extra("sklearn.linear_model"), extra("sklearn.preprocessing"), extra("sklearn.pipeline")
    rows, labels = targets.nonzero()
    groups = documents[rows]
    n_documents = len(set(groups.tolist()))
    split = selection.GroupShuffleSplit(n_splits=1, test_size=HELD_OUT, random_state=seed)
    fit, held_out = next(split.split(rows, groups=groups)) if n_documents > 1 else (numpy.arange(len(rows)), numpy.arange(0))
    if len(set(labels[fit].tolist())) < 2 or not labels[held_out].any():
        raise RelextError(
            f"the training pairs are too few for a probe: {counted(len(targets), 'pair', 'pairs')} in "
            f"{counted(n_documents, 'document', 'documents')}, {int((labels > 0).sum()):,} of them related. {HELD_OUT:.0%} of the "
            "documents are held out; related pairs are needed in both parts, and pairs without a relation, or of another one, in the "
            "larger part. Give more training data, or a larger --sample."
        )
    positive = range(1, targets.shape[1])
    search = selection.GridSearchCV(
        pipeline.make_pipeline(preprocessing.StandardScaler(), linear.LogisticRegression(tol=TOLERANCE, max_iter=MAX_STEPS)),
        {"logisticregression__C": STRENGTHS},
        scoring=metrics.make_scorer(metrics.f1_score, labels=positive, average="micro", zero_division=0.0),
        cv=[(fit, held_out)],
        error_score="raise",
    )
    return search.fit(vectors[rows].astype("float32"), labels, logisticregression__sample_weight=targets[rows, labels])


def probe_scores(probe: Any, vectors: Floats2d, n_columns: int) -> Floats2d:
    """Probabilities `[n_pairs, n_columns]`; 0 for labels that the training pairs do not have."""
    scores = numpy.zeros((len(vectors), n_columns), dtype="float32")
    scores[:, probe.classes_] = probe.predict_proba(vectors.astype("float32"))
    return scores


def score_probe(pipe: Extractor, data: AnnotatedData, scores: Floats2d) -> dict[str, Any]:
    """Figures of the most probable labels, under the component's type rules and symmetric labels; what is no candidate is missed.

    scores: `[n_pairs, n_columns]`.
    """
    symmetric = frozenset(pipe.cfg["symmetric_labels"])
    columns = [i for i, label in enumerate(pipe.labels, start=1) if label in symmetric]
    decision = Decision(pipe.labels, exclusive=True, thresholds=numpy.ones(len(pipe.labels)), symmetric=symmetric)
    found, first = [], 0
    for reference, of_doc in zip(data.references, data.pairs, strict=True):
        pairs, allowed = of_doc.prepared.candidates.pairs, of_doc.prepared.allowed
        likely = symmetrize(pairs, scores[first : first + len(pairs)] * allowed, columns)
        first += len(pairs)
        best = numpy.eye(scores.shape[1], dtype="float32")[likely.argmax(axis=1)]
        spans = pipe.mentions(reference)
        doc = reference.copy()
        likeliest = Predictions(spans, pairs, best)
        set_relations(doc, decode_relations(likeliest, spans, decision, source=pipe.name))
        found.append(Example(doc, reference))
    return score_relations(found, symmetric_labels=symmetric)
