"""How the parts are wired into models: the registered architectures and layers."""

import io
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy
import torch
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from torch import Tensor

from spacy_relext.candidates import Candidates, make_candidates
from spacy_relext.errors import RelextError
from spacy_relext.ml.attention import OnAttention, OnWeights, attention_to_tokens, token_places
from spacy_relext.ml.contexts import PairBatch, make_batch
from spacy_relext.ml.gradients import Differentiable, of_windows
from spacy_relext.ml.head import PairScorer
from spacy_relext.ml.listeners import listens_to
from spacy_relext.ml.marking import MarkingFunction
from spacy_relext.ml.patches.thinc import TidyShim, set_mode
from spacy_relext.ml.precision import Precision, check_precision, compute_precision, computes_in_bfloat16
from spacy_relext.ml.summaries import Summary
from spacy_relext.ml.windows import skip_unused_windows
from spacy_relext.types import Floats2d, Ints2d

# Logit of a label that is added to a trained model: a probability of about 0.002. With 0, an untaught label would be found everywhere.
UNTAUGHT = -6.0

_NO_WIDTH = (
    "The tok2vec layer {name!r} of the relation extractor does not say how wide its vectors are. If it is a listener, the pipeline needs "
    "the transformer or tok2vec component that it listens to, before the relation extractor."
)


class ModelInput(NamedTuple):
    """What a model is given, as such or as a plain tuple; in prediction, `on_attention` is called with the weights of each pair."""

    docs: list[Doc]
    candidates: list[Candidates]
    on_attention: OnAttention | None = None

    @classmethod
    def of(cls, X: Any) -> "ModelInput":
        """What a model is given. Docs alone, as `spacy debug model` gives them, have no candidate pairs."""
        if isinstance(X, list):
            return cls(X, [make_candidates(doc, [], [], numpy.zeros((0, 2), dtype="int64")) for doc in X])
        return cls(*X)


def create_pair_classifier(
    tok2vec: Model[list[Doc], list[Floats2d]],
    summary: Summary,
    hidden_width: int = 384,
    dropout: float = 0.1,
    learn_rate_scale: float = 1.0,
    max_cells: int = 2**19,
    marking: MarkingFunction | None = None,
    precision: Precision = "float32",
    text_order: bool = False,
    nO: int | None = None,
) -> Model[ModelInput, Floats2d]:
    """One pass of the encoder per text, whatever the number of pairs. Registered architecture `spacy-relext.PairClassifier.v1`.

    tok2vec (Model[List[Doc], List[Floats2d]]): Token vectors: a transformer listener, a tok2vec listener, or an encoder of its own.
    summary (Summary): How the last layer is summarised for a pair.
    hidden_width (int): Width of the hidden layer between summary and labels; 0 for none.
    dropout (float): Used until training sets its own rate (`[training] dropout`).
    learn_rate_scale (float): The head's learning rate is the optimizer's times this. A fresh head wants more than a pretrained encoder.
    max_cells (int): Memory bound: the pair-token cells that are computed at once. In prediction the memory over the encoder's is
        about 200 bytes per cell, whatever the number of pairs; in training all cells of a batch are kept.
    marking (Callable[[Doc, Candidates], Tuple[Doc, Candidates]] | None): How the mentions are marked in the text that the encoder reads.
        The encoder must then be the extractor's own: other components read other text. None: the text as it is.
    precision (str): Of the head in prediction: "float32", "bfloat16" (matrix products), or "auto": bfloat16 where the device computes
        with it. Training is in float32, and the encoder has a setting of its own.
    text_order (bool): Whether the two mentions, which stand beside the summary as head and tail, stand there as first and second of the
        text as well. For relations with a direction, where either may come first.
    nO (int | None): Number of output columns, set at initialisation.
    RETURNS (Model[Tuple[List[Doc], List[Candidates]], Floats2d]): Logits, one row per pair.
    """
    if max_cells < 1:
        raise RelextError(f"spacy-relext.PairClassifier.v1: max_cells is {max_cells}; it must be positive.")
    if marking is not None and listens_to(tok2vec) is not None:
        raise RelextError(
            "spacy-relext.PairClassifier.v1: with a marking, the extractor encodes the marked text itself, and cannot listen to a "
            "component that encodes the plain one. Set tok2vec to an encoder of its own, e.g. spacy-relext.Tok2VecTransformer.v1, or "
            "leave marking out."
        )
    if any(node.name == "trfs2arrays" for node in tok2vec.walk()):
        # Not before it is needed: a pipeline without a transformer is to import none.
        from spacy_relext.ml.patches.spacy_transformers import pool_in_one_pass

        pool_in_one_pass(tok2vec)
    head = make_head(summary, hidden_width, dropout, learn_rate_scale, max_cells=max_cells, precision=precision, text_order=text_order)
    # Bound, not kept in `attrs`: these are stored with the weights, and would override the config of a loaded pipeline.
    model = make_classifier(partial(_forward, marking=marking), tok2vec, head, nO)
    # Functions are not stored.
    model.attrs["differentiable"] = partial(_differentiable, marking=marking)
    return model


def make_head(
    summary: Summary,
    hidden_width: int,
    dropout: float,
    learn_rate_scale: float,
    *,
    max_cells: int = 1,
    precision: Precision = "float32",
    text_order: bool = False,
) -> Model:
    """The layer that holds the torch module; without sizes until `init_classifier`."""
    if hidden_width < 0 or not 0 <= dropout < 1 or learn_rate_scale < 0:
        raise RelextError(
            f"relation extractor: hidden_width={hidden_width} and learn_rate_scale={learn_rate_scale} may not be negative, and "
            f"dropout={dropout} must lie in [0, 1)."
        )
    scorer = PairScorer(summary, hidden_width=hidden_width, max_cells=max_cells, text_order=text_order)
    shim = HeadShim(scorer, learn_rate_scale=learn_rate_scale)
    forward = partial(_head_forward, precision=check_precision(precision))
    return Model("pair_scorer", forward, dims={"nO": None, "nI": None}, attrs={"dropout_rate": dropout}, shims=[shim])


def make_classifier(forward: Callable, encoder: Model, head: Model, nO: int | None, *, sample: bool = True) -> Model:
    """The model that the component knows: encoder and head, with all that it asks of them.

    sample: Whether the encoder is initialised with a sample of Docs.
    """
    return Model(
        "pair_classifier",
        forward,
        init=partial(init_classifier, sample=sample),
        layers=[encoder, head],
        refs={"tok2vec": encoder, "head": head},
        # nT: the number of mention types, set by the component before initialisation.
        dims={"nO": nO, "nT": None},
        attrs={"resize_output": resize_output},
    )


def reads_text_order(model: Model) -> bool:
    """Whether a model has a head of this package that reads the mentions of a pair in the order of the text as well."""
    shims = model.get_ref("head").shims if model.has_ref("head") else []
    return bool(shims) and getattr(shims[0]._model, "text_order", False)


class HeadShim(TidyShim):
    """Holds a `PairScorer`: its own learning rate, and its sizes and scale stored beside its weights."""

    def __init__(self, scorer: PairScorer, *, learn_rate_scale: float):
        super().__init__(scorer, serialize_model=_serialize, deserialize_model=_deserialize)
        self.learn_rate_scale = learn_rate_scale

    def finish_update(self, optimizer):
        super().finish_update(partial(optimizer, lr_scale=self.learn_rate_scale))


def _serialize(scorer: PairScorer) -> bytes:
    buffer = io.BytesIO()
    torch.save({"sizes": scorer.sizes, "scale": scorer.scale, "state": scorer.state_dict()}, buffer)
    return buffer.getvalue()


def _deserialize(scorer: PairScorer, data: bytes, device: torch.device) -> PairScorer:
    stored = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    if stored["sizes"]:
        scorer.build(**stored["sizes"])
        was, now = ({name: tuple(weights.shape) for name, weights in state.items()} for state in (stored["state"], scorer.state_dict()))
        if was != now:
            name = next(name for name in [*was, *now] if was.get(name) != now.get(name))
            raise RelextError(
                f"the weights that are stored do not fit the model's settings: {name} is stored as {was.get(name)}, and they ask for "
                f"{now.get(name)}. A trained model keeps its summary, hidden_width and text_order; to change them, train anew."
            )
        scorer.load_state_dict(stored["state"])
        # Without one, it was trained on the encoder's vectors as they are.
        scorer.scale = stored.get("scale", 1.0)
    return scorer.to(device)


def init_classifier(model: Model, X: ModelInput | None = None, Y: Floats2d | None = None, *, sample: bool) -> None:
    """Initialise the encoder, and make the head's layers now that the sizes are known."""
    tok2vec, head = model.get_ref("tok2vec"), model.get_ref("head")
    listener = tok2vec.maybe_get_ref("listener")
    if listener is not None and not listener.has_dim("nO"):
        raise RelextError(_NO_WIDTH.format(name=tok2vec.name))
    tok2vec.initialize(X=X[0] if X is not None and sample else None)
    if Y is not None and not model.has_dim("nO"):
        model.set_dim("nO", Y.shape[1])
    width = _width(tok2vec)
    n_labels, n_types = model.get_dim("nO"), model.get_dim("nT")
    head.set_dim("nI", width, force=True)
    head.set_dim("nO", n_labels, force=True)
    shim = head.shims[0]
    # Also where it was built before: whoever initialises again starts anew, perhaps with other mention types.
    device = shim.device  # asked now: new layers are on the CPU, and the shim goes by its first parameter
    shim._model.build(width=width, n_types=n_types, n_labels=n_labels)
    shim._model.to(device)


def _width(tok2vec: Model) -> int:
    for node in (tok2vec, tok2vec.maybe_get_ref("listener")):
        if node is not None and node.has_dim("nO"):
            return node.get_dim("nO")
    raise RelextError(_NO_WIDTH.format(name=tok2vec.name))


def _forward(model: Model, X: ModelInput, is_train: bool, *, marking: MarkingFunction | None) -> tuple[Floats2d, Callable]:
    docs, candidates, on_attention = ModelInput.of(X)
    tok2vec, head = model.get_ref("tok2vec"), model.get_ref("head")
    given = docs, candidates
    if marking is not None:
        docs, candidates = _marked(marking, docs, candidates)
    # Attention weights are of words by their place in the Doc. And the encoder runs also where there is no pair: a listener that is
    # skipped would leave the transformer without its gradient.
    skip = on_attention is None and any(len(doc_candidates.pairs) for doc_candidates in candidates)
    to_read, sizes, candidates = skip_unused_windows(tok2vec, docs, candidates, skip=skip)
    vectors, backprop_vectors = tok2vec(to_read, is_train)
    batch = make_batch(sizes, candidates)
    ops = model.ops
    if not len(batch.pairs):

        def backprop_nothing(d_logits: Floats2d) -> list[Doc]:
            backprop_vectors([ops.alloc2f(*v.shape) for v in vectors])
            return docs

        return ops.alloc2f(0, model.get_dim("nO")), backprop_nothing
    filled = [v for v in vectors if len(v)]
    tokens = ops.xp.concatenate(filled) if len(filled) > 1 else filled[0]
    on_weights = None if on_attention is None else attention_to_tokens(on_attention, docs, batch, _places(given, (docs, candidates)))
    logits, backprop_head = head((tokens, batch, on_weights), is_train)

    def backprop(d_logits: Floats2d) -> list[Doc]:
        d_tokens = backprop_head(d_logits)
        d_vectors, start = [], 0
        for v, size in zip(vectors, sizes, strict=True):
            # An empty Doc has vectors of shape (0, 0).
            d_vectors.append(d_tokens[start : start + size].copy() if size else ops.alloc2f(*v.shape))
            start += size
        backprop_vectors(d_vectors)
        return docs

    return logits, backprop


def _differentiable(model: Model, X: ModelInput, upstream: Model | None = None, *, marking: MarkingFunction | None) -> Differentiable:
    """The logits of the pairs of one Doc as a function of the embeddings of its word pieces. upstream: The model that it listens to."""
    docs, candidates, _ = ModelInput.of(X)
    given = docs, candidates
    if marking is not None:
        docs, candidates = _marked(marking, docs, candidates)
    scorer = model.get_ref("head").shims[0]._model
    set_mode(scorer, training=False)
    batch = make_batch([len(doc) for doc in docs], candidates)
    tok2vec = model.get_ref("tok2vec")

    def logits(tokens: Tensor) -> Tensor:
        return torch.stack([scorer(of_step, batch) for of_step in tokens])

    return of_windows(tok2vec, tok2vec if upstream is None else upstream, docs, _places(given, (docs, candidates)), logits)


def _marked(marking: MarkingFunction, docs: list[Doc], candidates: list[Candidates]) -> tuple[list[Doc], list[Candidates]]:
    pairs = [marking(doc, doc_candidates) for doc, doc_candidates in zip(docs, candidates, strict=True)]
    return [doc for doc, _ in pairs], [doc_candidates for _, doc_candidates in pairs]


def _places(given: tuple[list[Doc], list[Candidates]], read: tuple[list[Doc], list[Candidates]]) -> Ints2d:
    """The characters of the Docs that each token stands for which the encoder reads, `[n_tokens, 2]`."""
    of_docs = zip(*given, *read, strict=True)
    return numpy.concatenate([token_places(doc, c.mentions, marked, marked_c.mentions) for doc, c, marked, marked_c in of_docs])


def _head_forward(
    model: Model, X: tuple[Floats2d, PairBatch, OnWeights | None], is_train: bool, *, precision: Precision
) -> tuple[Floats2d, Callable]:
    tokens, batch, on_weights = X
    shim = model.shims[0]
    torch_tokens = xp2torch(tokens, requires_grad=is_train, device=shim.device)
    inputs = ArgsKwargs(args=(torch_tokens, batch), kwargs={"dropout": model.attrs["dropout_rate"], "on_weights": on_weights})
    kind = shim.device.type
    with compute_precision(kind, lower=not is_train and computes_in_bfloat16(precision, kind), is_train=is_train):
        torch_logits, torch_backprop = shim(inputs, is_train)

    def backprop(d_logits: Floats2d) -> Floats2d:
        grads = ArgsKwargs(args=((torch_logits,),), kwargs={"grad_tensors": (xp2torch(d_logits, device=shim.device),)})
        torch_backprop(grads)
        return torch2xp(torch_tokens.grad)

    # numpy has no bfloat16.
    return torch2xp(torch_logits.detach().float()), backprop


def resize_output(model: Model, n_labels: int) -> Model:
    """Append labels to an initialised model; what it says of the labels it has stays the same."""
    head = model.get_ref("head")
    old = head.shims[0]
    old._model.resize(n_labels, bias=UNTAUGHT)
    # A new shim has a new id: an optimizer's moments for the smaller layer must not be applied to the larger one.
    head.shims[0] = HeadShim(old._model, learn_rate_scale=old.learn_rate_scale)
    for node in (head, model):
        node.set_dim("nO", n_labels, force=True)
    return model
