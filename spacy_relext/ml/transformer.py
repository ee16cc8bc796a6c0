"""A spacy-transformers model that can run in bfloat16 on the CPU, does not pad short texts to the longest, and reads long ones in parts.

spacy-transformers' `mixed_precision` reaches CUDA only (thinc's PyTorch shim autocasts "cuda"), and what a window has beyond the encoder's
limit gets no vectors. The model here is its `TransformerModel` with a forward pass of our own, and a layer of our own that calls the
Hugging Face module. Everything else (listeners, serialisation, `replace_listeners`) is spacy-transformers'.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy
import torch
from spacy.tokens import Doc, Span
from spacy_transformers.data_classes import FullTransformerBatch, WordpieceBatch
from spacy_transformers.layers import TransformerModel, split_trf_batch, trfs2arrays
from spacy_transformers.util import maybe_flush_pytorch_cache
from thinc.api import ArgsKwargs, Model, chain
from thinc.layers.pytorchwrapper import forward as run_module
from thinc.types import Ragged
from transformers.utils import ModelOutput

from spacy_relext.ml.patches.spacy_transformers import EncoderShim, load_encoder
from spacy_relext.ml.patches.thinc import TidyShim
from spacy_relext.ml.patches.tokenizers import settle
from spacy_relext.ml.patches.torch_bfloat16 import use_padded_linear, widened
from spacy_relext.ml.patches.torch_cpu import patch_training_kernels
from spacy_relext.ml.pieces import fitting
from spacy_relext.ml.precision import Precision, check_precision, compute_precision, computes_in_bfloat16
from spacy_relext.notices import Notices
from spacy_relext.types import Floats2d, Ints1d

# What a run of the encoder costs beside its texts (weights made bfloat16, their gradients, calls), in word pieces that take as long:
# about 100 for 22 M parameters on one core, in training as in prediction.
RUN_COST = 100
# A GPU waits for calls, not for pieces: a batch of texts of pairs in one run took half the time that it took in groups of like length.
GPU_RUN_COST = 4096
# Word pieces, padding included, that are run together: a transformer inside a component is given whole Docs, however long.
MAX_PIECES = 2**14


def create_transformer_model(
    name: str,
    get_spans: Callable,
    tokenizer_config: dict[str, Any] | None = None,
    transformer_config: dict[str, Any] | None = None,
    mixed_precision: bool = False,
    grad_scaler_config: dict[str, Any] | None = None,
    cpu_precision: Precision = "float32",
    freeze_embeddings: bool = False,
) -> Model[list[Doc], FullTransformerBatch]:
    """spacy-transformers' model with `cpu_precision`. Registered architecture `spacy-relext.TransformerModel.v1`.

    It is `spacy-transformers.TransformerModel.v3` otherwise. Windows that are too long are read in overlapping parts.

    name (str): Hugging Face name or folder of the encoder.
    get_spans (Callable[[List[Doc]], List[List[Span]]]): The windows that are encoded, e.g. `spacy-transformers.sent_spans.v1`. What is
        longer than the encoder reads is read in overlapping parts, of which a token takes the one in which it stands farthest from an edge.
    tokenizer_config, transformer_config (dict): Settings of the Hugging Face tokenizer and model.
    mixed_precision (bool), grad_scaler_config (dict): On a GPU, as in spacy-transformers.
    cpu_precision (str): On a CPU: "float32", "bfloat16" (matrix products in bfloat16, weights and results in float32), or "auto":
        bfloat16 where the CPU has instructions for it, float32 elsewhere.
    freeze_embeddings (bool): Do not train the word embeddings, which are half of the weights of a small encoder. Saves time, and keeps
        the words that a small corpus does not have what they were.
    """
    return PrecisionTransformer(
        name,
        get_spans,
        tokenizer_config or {},
        transformer_config or {},
        mixed_precision,
        grad_scaler_config or {},
        cpu_precision=cpu_precision,
        freeze_embeddings=freeze_embeddings,
    )


def create_tok2vec_transformer(
    name: str,
    get_spans: Callable,
    pooling: Model[Ragged, Floats2d],
    tokenizer_config: dict[str, Any] | None = None,
    grad_factor: float = 1.0,
    transformer_config: dict[str, Any] | None = None,
    mixed_precision: bool = False,
    grad_scaler_config: dict[str, Any] | None = None,
    cpu_precision: Precision = "float32",
    freeze_embeddings: bool = False,
) -> Model[list[Doc], list[Floats2d]]:
    """The same transformer inside one component: what `replace_listeners` makes. `spacy-relext.Tok2VecTransformer.v1`.

    pooling (Model[Ragged, Floats2d]): From word pieces to tokens.
    grad_factor (float): Weight of the component's gradient.
    name, get_spans, tokenizer_config, transformer_config, mixed_precision, grad_scaler_config, cpu_precision, freeze_embeddings: As in
        `spacy-relext.TransformerModel.v1`.
    """
    model = create_transformer_model(
        name,
        get_spans,
        tokenizer_config,
        transformer_config,
        mixed_precision,
        grad_scaler_config,
        cpu_precision,
        freeze_embeddings,
    )
    # A chain in a chain: the structure that a listener has after spacy-transformers replaced it.
    return chain(chain(model, split_trf_batch()), trfs2arrays(pooling, grad_factor))


class _TidyHFShim(TidyShim, EncoderShim):
    """What holds the encoder. It leaves nothing behind in training, and in prediction a text is encoded as if it were alone."""

    def predict(self, inputs: ArgsKwargs) -> Any:
        """What the encoder gives for some texts, without gradients, in evaluation mode."""
        return super().predict(ArgsKwargs(inputs.args, {**inputs.kwargs, "attention_mask": widened(inputs.kwargs["attention_mask"])}))


class PrecisionTransformer(TransformerModel):
    """spacy-transformers' `TransformerModel` with a setting for the precision on the CPU, which reads long windows in parts."""

    splits_windows = True

    def __init__(self, *args: Any, cpu_precision: Precision = "float32", freeze_embeddings: bool = False):
        super().__init__(*args)
        self.cpu_precision = check_precision(cpu_precision)
        self.freeze_embeddings = freeze_embeddings
        self.notices = Notices()
        self.init = _init
        self._func = _encode
        wrapper = self.layers[0]
        # The class is all there is to change: it has no state beside that of its base.
        wrapper.shims[0].__class__ = _TidyHFShim
        self.layers[0] = Model(
            wrapper.name,
            # Bound, not kept in `attrs`: these are stored with the weights, and would override the config of a loaded pipeline.
            partial(_forward, precision=cpu_precision, freeze_embeddings=freeze_embeddings),
            attrs=wrapper.attrs,
            shims=wrapper.shims,
            dims={"nI": None, "nO": None},
        )
        self.attrs["replace_listener_cfg"] = _replace_listener_cfg

    def copy(self) -> "PrecisionTransformer":
        """A deep copy with an id of its own."""
        copied = PrecisionTransformer(
            self.attrs["name"],
            self.attrs["get_spans"],
            dict(self._init_tokenizer_config),
            dict(self._init_transformer_config),
            cpu_precision=self.cpu_precision,
            freeze_embeddings=self.freeze_embeddings,
        )
        shim_id = copied.layers[0].shims[0].id
        copied.layers[0] = copy.deepcopy(self.layers[0])
        # An optimizer keeps its moments by this id: with the same one, two transformers would mix theirs.
        copied.layers[0].shims[0].id = shim_id
        copied.attrs["has_transformer"] = self.attrs["has_transformer"]
        if self.has_dim("nO"):
            copied.set_dim("nO", self.get_dim("nO"))
        return copied


def _replace_listener_cfg(transformer_cfg: dict[str, Any], listener_cfg: dict[str, Any]) -> dict[str, Any]:
    result = {**transformer_cfg, "@architectures": "spacy-relext.Tok2VecTransformer.v1"}
    for key in ("pooling", "grad_factor"):
        if key in listener_cfg:
            result[key] = listener_cfg[key]
    return result


def _init(model: PrecisionTransformer, X: Any = None, Y: Any = None) -> None:
    """Load the encoder. The stock model also runs it over the sample, however long its texts are, to learn a width that it knows."""
    if not model.attrs["has_transformer"]:
        encoder = load_encoder(model.attrs["name"], model._init_tokenizer_config, model._init_transformer_config)
        model.attrs["set_transformer"](model, encoder)


def _encode(model: PrecisionTransformer, docs: list[Doc], is_train: bool) -> tuple[FullTransformerBatch, Callable]:
    maybe_flush_pytorch_cache(chance=model.attrs.get("flush_cache_chance", 0))
    settle(model.tokenizer, padding="longest")
    # A Doc without tokens has no window, whatever the span getter says.
    spans = _of_different_docs([[span for span in of_doc if len(span)] for of_doc in model.attrs["get_spans"](docs)])
    if not any(spans):
        return FullTransformerBatch.empty(len(docs)), lambda _: docs
    windows = fitting(spans, model.layers[0].shims[0]._hfmodel, model.notices)
    output, backprop_output = model.layers[0](windows.wordpieces, is_train)

    def backprop(d_output: FullTransformerBatch) -> list[Doc]:
        backprop_output(d_output.model_output)
        return docs

    return FullTransformerBatch(windows.spans, windows.wordpieces, output, windows.align), backprop


def _of_different_docs(spans: list[list[Span]]) -> list[list[Span]]:
    """The windows of a batch, in which a Doc may stand twice: spacy-transformers would take both for one. Further ones are of copies."""
    seen: set[int] = set()
    different = []
    for of_doc in spans:
        doc = of_doc[0].doc if of_doc else None
        if doc is not None and id(doc) in seen:
            copied = doc.copy()
            of_doc = [copied[span.start : span.end] for span in of_doc]
        seen.add(id(doc))
        different.append(of_doc)
    return different


def _forward(
    model: Model, wordpieces: WordpieceBatch, is_train: bool, *, precision: Precision, freeze_embeddings: bool
) -> tuple[ModelOutput, Callable]:
    shim = model.shims[0]
    prepare(shim._hfmodel, is_train, train_embeddings=not freeze_embeddings)
    on_cpu = shim.device.type == "cpu"
    lower = on_cpu and computes_in_bfloat16(precision)
    config = shim._hfmodel.transformer.config
    whole_batch = not on_cpu or config.output_hidden_states or config.output_attentions
    n_texts, longest = wordpieces.input_ids.shape
    groups = [(numpy.arange(n_texts), longest)] if whole_batch else bucket_by_length(lengths_of(wordpieces.attention_mask))
    outputs, backprops = [], []
    with compute_precision(shim.device.type, lower=lower, is_train=is_train):
        for texts, length in groups:
            output, backprop_group = run_module(model, _select(wordpieces, texts, length), is_train)
            outputs.append(output)
            backprops.append(backprop_group)
    merged = _merge(outputs, groups, n_texts, longest)

    def backprop(d_output: ModelOutput) -> Any:
        # As in spacy-transformers, a gradient can be given for the last hidden state alone.
        d_hidden = next(iter(d_output.values()))
        d_inputs: list[Any] = []
        for (texts, length), output, backprop_group in zip(groups, outputs, backprops, strict=True):
            d_group = d_hidden[torch.as_tensor(texts, device=d_hidden.device), :length]
            d_inputs += backprop_group(ModelOutput(last_hidden_state=d_group.to(output.last_hidden_state.dtype)))
        return d_inputs

    return merged, backprop


def prepare(hf: Any, is_train: bool, *, train_embeddings: bool) -> None:
    """Set what a Hugging Face encoder trains, and how it computes.

    At every pass, since spacy-transformers makes the module anew when it loads a pipeline.
    """
    if is_train:
        patch_training_kernels(hf.transformer)
    else:
        use_padded_linear(hf.transformer)
    hf.transformer.get_input_embeddings().requires_grad_(train_embeddings)


def lengths_of(attention_mask: Floats2d) -> Ints1d:
    """The position after the last piece of each text, right as well where padding stands on the left.

    attention_mask: `[n_texts, longest]`.
    """
    return attention_mask.shape[1] - (attention_mask[:, ::-1] > 0).argmax(axis=1)


def bucket_by_length(lengths: Ints1d, max_pieces: int | None = None, *, device: str = "cpu") -> list[tuple[numpy.ndarray, int]]:
    """Group texts of like length, so that the padding of a group costs no more than another group would, and memory is bounded.

    lengths: The numbers of pieces, `[n_texts]`. max_pieces: Of a group, padding included; None: `MAX_PIECES`. device: "cpu" or "cuda".
    RETURNS: indices of the texts, and the length of the longest, of each group.
    """
    n_texts = len(lengths)
    most = MAX_PIECES if max_pieces is None else max_pieces
    run_cost = RUN_COST if device == "cpu" else GPU_RUN_COST
    order = lengths.argsort(kind="stable")
    sizes = lengths[order].tolist()
    groups, start, padding = [], 0, 0
    for i in range(1, n_texts + 1):
        n = i - start
        if i < n_texts:
            padding += n * (sizes[i] - sizes[i - 1])
        if i == n_texts or padding > run_cost or sizes[i] * (n + 1) > most:
            # Back in the order of the batch: a single group is the batch itself.
            groups.append((numpy.sort(order[start:i]), sizes[i - 1]))
            start, padding = i, 0
    return groups


def _select(wordpieces: WordpieceBatch, texts: numpy.ndarray, length: int) -> WordpieceBatch:
    types = wordpieces.token_type_ids
    return WordpieceBatch(
        strings=[wordpieces.strings[i][:length] for i in texts],
        input_ids=wordpieces.input_ids[texts, :length],
        attention_mask=wordpieces.attention_mask[texts, :length],
        lengths=[wordpieces.lengths[i] for i in texts],
        token_type_ids=None if types is None else types[texts, :length],
    )


def _merge(outputs: list[ModelOutput], groups: list[tuple[numpy.ndarray, int]], n_texts: int, longest: int) -> ModelOutput:
    """The outputs of the groups as those of one batch, in float32: numpy has no bfloat16."""
    if len(outputs) == 1 and groups[0][1] == longest:
        return ModelOutput({key: _to_float32(value) for key, value in outputs[0].items()})
    merged = ModelOutput()
    for key, value in outputs[0].items():
        shape = (n_texts, longest, *value.shape[2:]) if key == "last_hidden_state" else (n_texts, *value.shape[1:])
        merged[key] = value.new_zeros(shape, dtype=torch.float32)
        for output, (texts, length) in zip(outputs, groups, strict=True):
            index = torch.as_tensor(texts, device=value.device)
            if key == "last_hidden_state":
                merged[key][index, :length] = output[key].detach().float()
            else:
                merged[key][index] = output[key].detach().float()
    return merged


def _to_float32(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().float()
    return tuple(_to_float32(part) for part in value)
