"""spacy-transformers: encoders that it does not load as they were stored, its shim in evaluation mode, means of word pieces in one pass."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from spacy_transformers.data_classes import HFObjects, TransformerData
from spacy_transformers.layers.hf_shim import HFShim
from spacy_transformers.layers.transformer_model import huggingface_from_pretrained
from spacy_transformers.layers.trfs2arrays import forward as stock_means
from srsly.msgpack import Unpacker
from thinc.api import Model
from transformers import AutoConfig, AutoTokenizer

from spacy_relext.ml.patches import enabled
from spacy_relext.ml.patches.thinc import SteadyShim
from spacy_relext.types import Floats2d

# The layer that makes vectors of tokens, and the only pooling that is taken over; both as their libraries call them.
LAYER, MEAN = "trfs2arrays", "reduce_mean"
# Where means are kept for the next listener, on the output that they are of.
KEPT = "_relext_means"


class SteadyHFShim(SteadyShim, HFShim):
    """What holds the encoder of a model of spacy-transformers' own, and stays in evaluation mode between predictions."""


class FastTokenizer:
    """`AutoTokenizer`, also for a folder that has a `tokenizer.json` and not the file that it was made of.

    spacy-transformers reads the file that `vocab_file` names, and stores it, wherever a tokenizer has such an attribute.

    Seen in spacy-transformers 1.4.0 with transformers 4.53. Upstream: none filed.
    """

    @staticmethod
    def from_pretrained(*args: Any, **kwargs: Any) -> Any:
        """The tokenizer of a name or a folder."""
        tokenizer = AutoTokenizer.from_pretrained(*args, **kwargs)
        if getattr(tokenizer, "vocab_file", "") is None:
            del tokenizer.vocab_file
        return tokenizer


@dataclass(frozen=True)
class ExactConfig:
    """`AutoConfig` for a file that spacy-transformers wrote.

    It writes ten decimals, which leaves 0 of an epsilon of 1e-12: vectors of zeros, such as those of padding, then become NaN.

    Seen in spacy-transformers 1.4.0. Upstream: none filed.
    settings: What stands in the file, exactly.
    """

    settings: dict[str, Any]

    def from_pretrained(self, file: Path) -> Any:
        """The configuration of an encoder."""
        file.write_text(json.dumps(self.settings), encoding="utf8")
        return AutoConfig.from_pretrained(file)


class EncoderShim(HFShim):
    """An `HFShim` that loads what was stored."""

    def from_bytes(self, bytes_data: bytes) -> Any:
        """Load tokenizer, configuration and weights."""
        if not enabled():
            return super().from_bytes(bytes_data)
        self.tokenizer_cls = FastTokenizer
        self.config_cls = ExactConfig(_stored_config(bytes_data))
        try:
            return super().from_bytes(bytes_data)
        finally:
            self.config_cls = AutoConfig


def load_encoder(name: str, tokenizer_config: dict[str, Any], transformer_config: dict[str, Any]) -> HFObjects:
    """An encoder and its tokenizer by a Hugging Face name, or from a folder."""
    tokenizer_cls = FastTokenizer if enabled() else AutoTokenizer
    return huggingface_from_pretrained(name, tokenizer_config, transformer_config, tokenizer_cls=tokenizer_cls)


def _stored_config(data: bytes) -> dict[str, Any]:
    """The configuration among what a shim stores. The weights, which come after it, are not unpacked."""
    unpacker = Unpacker(io.BytesIO(data), raw=False, strict_map_key=False)
    for _ in range(unpacker.read_map_header()):
        if unpacker.unpack() == "config":
            return unpacker.unpack()
        unpacker.skip()
    return {}


def pool_in_one_pass(model: Model, *, keep: bool = False) -> None:
    """Put a layer that takes means in one pass, in prediction on a CPU, in the place of every `trfs2arrays`.

    What is stored of the model stays the same.
    keep: Means are left beside the encoder's output for the next listener whose means are taken here, which takes them away.
    spacy-transformers gathers the pieces of the tokens of every Doc, joins those of a batch, and takes means: each time an array as large
    as the last layer is written.

    Seen in spacy-transformers 1.4.0. Upstream: none filed.
    """
    if not enabled():
        return
    places = [(node, i) for node in model.walk() for i, layer in enumerate(node.layers) if layer.name == LAYER]
    for node, i in places:
        layer = node.layers[i]
        node.layers[i] = Model(LAYER, _pool_and_keep if keep else _pool, layers=layer.layers, attrs=layer.attrs)


def _pool(model: Model, batch: list[TransformerData], is_train: bool, *, keep: bool = False) -> tuple[list[Floats2d], Callable]:
    if is_train or model.layers[0].name != MEAN or not all(map(_on_cpu, batch)):
        return stock_means(model, batch, is_train)
    means = []
    for data in batch:
        kept = data.__dict__.pop(KEPT, None)
        means.append(_means(data) if kept is None else kept)
        if keep:
            data.__dict__[KEPT] = means[-1]
    return means, lambda gradients: stock_means(model, batch, True)[1](gradients)


def _pool_and_keep(model: Model, batch: list[TransformerData], is_train: bool) -> tuple[list[Floats2d], Callable]:
    return _pool(model, batch, is_train, keep=True)


def _on_cpu(data: TransformerData) -> bool:
    """Whether a Doc's vectors are those of a CPU, or it has none."""
    hidden = data.model_output.get("last_hidden_state")
    return hidden is None or (isinstance(hidden, numpy.ndarray) and hidden.dtype == numpy.float32)


def _means(data: TransformerData) -> Floats2d:
    """The mean of the pieces of each token, float `[n_tokens, width]`; zeros for a token without pieces."""
    hidden = data.model_output.get("last_hidden_state")
    if hidden is None or not hidden.size:
        # As spacy-transformers has it for a Doc without tokens.
        return numpy.zeros((0, 0), dtype="float32")
    # A Doc that was stored and read again has arrays that torch must not be given.
    pieces = torch.from_numpy(numpy.require(hidden, requirements="W").reshape(-1, data.width))
    lengths = data.align.lengths.astype("int64")
    indices = torch.from_numpy(data.align.dataXd.reshape(-1).astype("int64"))
    means = torch.nn.functional.embedding_bag(indices, pieces, torch.from_numpy(lengths.cumsum() - lengths), mode="mean")
    return means.numpy()
