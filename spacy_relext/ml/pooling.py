"""Token vectors from word pieces: in prediction on a CPU in one pass over the last layer.

spacy-transformers gathers the pieces of the tokens of every Doc, joins those of a batch, and takes means: each time an array as large as
the last layer is written.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy
import torch
from thinc.api import Model

from spacy_relext.types import Floats2d

if TYPE_CHECKING:
    from spacy_transformers.data_classes import TransformerData

# The layer of spacy-transformers, and the only pooling that is taken over; both as their libraries call them.
LAYER, MEAN = "trfs2arrays", "reduce_mean"


def pool_in_one_pass(model: Model) -> None:
    """Put a layer that computes as below in the place of every `trfs2arrays` in a model; what is stored of it stays the same."""
    places = [(node, i) for node in model.walk() for i, layer in enumerate(node.layers) if layer.name == LAYER]
    for node, i in places:
        # Not before it is needed: a pipeline without a transformer is to import none.
        from spacy_transformers.layers.trfs2arrays import forward

        layer = node.layers[i]
        node.layers[i] = Model(LAYER, partial(_forward, stock=forward), layers=layer.layers, attrs=layer.attrs)


def _forward(
    model: Model, batch: list["TransformerData"], is_train: bool, *, stock: Callable[..., tuple[list[Floats2d], Callable]]
) -> tuple[list[Floats2d], Callable]:
    if is_train or model.layers[0].name != MEAN or not all(map(_on_cpu, batch)):
        return stock(model, batch, is_train)
    return [_means(data) for data in batch], lambda gradients: stock(model, batch, True)[1](gradients)


def _on_cpu(data: "TransformerData") -> bool:
    """Whether a Doc's vectors are those of a CPU, or it has none."""
    hidden = data.model_output.get("last_hidden_state")
    return hidden is None or (isinstance(hidden, numpy.ndarray) and hidden.dtype == numpy.float32)


def _means(data: "TransformerData") -> Floats2d:
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
