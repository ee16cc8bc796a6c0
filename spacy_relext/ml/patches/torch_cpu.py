"""torch on a CPU: a training step without what costs time and teaches nothing, and forked processes that do not hang.

The modules stay those of the Hugging Face encoder, with the same weights under the same names; only their way to compute is another.
"""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from spacy_relext.ml.patches import enabled

# Dropout rates are rounded to multiples of one of so many: a number of 16 bits is drawn for each value.
STEPS = 2**16


@cache
def one_thread_in_forks() -> None:
    """Give the processes that are forked from this one a single torch thread each. Does nothing the second time.

    A forked process inherits OpenMP's state, not its threads, and waits for them forever at the first parallel region: `nlp.pipe` with
    n_process > 1 would hang. torch's own DataLoader does the same in its workers.

    Seen in torch 2.13, with GNU's OpenMP. Upstream: none filed.
    """
    if hasattr(os, "register_at_fork") and enabled():
        os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))


def patch_training_kernels(transformer: Any) -> None:
    """Let the dropout layers and the word embeddings of an encoder compute as below. Does nothing the second time.

    A class without state of its own can be put in the place of that of a module: parameters, names and hooks stay what they are.
    """
    if not enabled():
        return
    embeddings = transformer.get_input_embeddings()
    if type(embeddings) is nn.Embedding and not (embeddings.sparse or embeddings.scale_grad_by_freq or embeddings.max_norm):
        embeddings.__class__ = SparseEmbedding
    for module in transformer.modules():
        if type(module) is nn.Dropout:
            module.__class__ = FastDropout


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """`torch.nn.functional.dropout`; on a CPU with random numbers that are drawn eight times faster, and half the passes over memory.

    torch draws a Mersenne twister's number per value, which is a sixth of a training step. Here a generator of numpy's (SFC64, which passes
    the same tests of randomness) gives four values per number. It is seeded by torch's, so that a run can be repeated by torch's seed.

    Seen in torch 2.13, on processors that are not Intel's (there MKL draws). Upstream: none filed.
    """
    share = round(p * STEPS)
    if not training or x.device.type != "cpu" or not 0 < share < STEPS or not enabled():
        return nn.functional.dropout(x, p, training)
    return _Dropout.apply(x, share)


class PlainAttention(TorchFunctionMode):
    """A context in which gradients through `torch.nn.functional.scaled_dot_product_attention` on a CPU are those of `attention`.

    Encoders call it by this name, whatever their modules are, unless they are configured not to (`attn_implementation`).
    """

    def __torch_function__(self, function: Callable, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None):
        kwargs = kwargs or {}
        if function is nn.functional.scaled_dot_product_attention:
            return attention(*args, **kwargs)
        return function(*args, **kwargs)


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    **others: Any,
) -> Tensor:
    """`torch.nn.functional.scaled_dot_product_attention`; where a CPU is to train through it, as two matrix products and a softmax.

    torch's own kernel has no dropout there, and is slow backwards: with dropout it falls back on something that is slower still.

    Seen in torch 2.13. Upstream: none filed.
    query, key, value: `[..., n_queries or n_keys, width]`. attn_mask: Added to the products, or True where a key is read.
    others: Settings that some versions of torch have alone, such as `enable_gqa`; with any that says something, torch computes.
    """
    trains = query.device.type == "cpu" and torch.is_grad_enabled() and (query.requires_grad or key.requires_grad or value.requires_grad)
    if not trains or is_causal or any(others.values()):
        return nn.functional.scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale=scale, **others)
    products = torch.matmul(query * (query.shape[-1] ** -0.5 if scale is None else scale), key.transpose(-2, -1))
    if attn_mask is not None:
        least = torch.finfo(products.dtype).min
        if attn_mask.dtype is torch.bool:
            products = products.masked_fill(~attn_mask, least)
        else:
            # In the precision of the products, which is all that is left of them; the lowest number of float32 is none of bfloat16.
            products = products + attn_mask.clamp_min(least).to(products.dtype)
    return torch.matmul(dropout(products.softmax(-1), dropout_p, True), value)


class FastDropout(nn.Dropout):
    """`torch.nn.Dropout` by `dropout`."""

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p, self.training)


class SparseEmbedding(nn.Embedding):
    """`torch.nn.Embedding`, whose gradient on a CPU is a sparse matrix of the rows that were read, which torch adds to what is there.

    torch makes a matrix as large as the weights for every run of the encoder, of zeros but for some hundred rows, and adds it: half of the
    weights of a small encoder are word embeddings, and a batch is several runs. Where there is no gradient yet, what is kept is sparse:
    who trains calls `densify` before an optimizer reads it.

    Seen in torch 2.13. Upstream: none filed; it is how `torch.nn.Embedding` is defined.
    """

    def forward(self, ids: Tensor) -> Tensor:
        if ids.device.type != "cpu" or not self.weight.requires_grad or not torch.is_grad_enabled():
            return super().forward(ids)
        return nn.functional.embedding(ids, self.weight, self.padding_idx, sparse=True)


def densify(weights: Iterable[Tensor]) -> None:
    """Make sparse gradients dense: thinc's optimizer knows no others. What comes later is added to the dense ones."""
    for weight in weights:
        if weight.grad is not None and weight.grad.is_sparse:
            weight.grad = weight.grad.to_dense()


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, share: int) -> Tensor:
        kept = _draw(x.shape, share)
        ctx.save_for_backward(kept)
        ctx.scale = STEPS / (STEPS - share)
        return (x * kept.to(x.dtype)).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return (gradient * kept.to(gradient.dtype)).mul_(ctx.scale), None


def _draw(shape: torch.Size, share: int) -> Tensor:
    """1 where a value is kept, 0 where it is dropped, uint8 of a shape: `share` of `STEPS` are dropped."""
    n = math.prod(shape)
    seed = int(torch.randint(2**63 - 1, ()))
    numbers = numpy.random.SFC64(seed).random_raw(-(-n // 4)).view("int16")[:n]
    # numpy compares, since torch takes six times as long for numbers of 16 bits.
    return torch.from_numpy((numbers >= share - STEPS // 2).view("uint8")).view(shape)
