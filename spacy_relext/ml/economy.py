"""An encoder's training step on a CPU, without what costs time and teaches nothing: expensive random numbers, and gradients of zero.

The modules stay those of the Hugging Face encoder, with the same weights under the same names; only their way to compute is another.
"""

import math
from typing import Any

import numpy
import torch
from torch import Tensor, nn

# Dropout rates are rounded to multiples of one of so many: a number of 16 bits is drawn for each value.
STEPS = 2**16


def economise(transformer: Any) -> None:
    """Let the dropout layers and the word embeddings of an encoder compute as below. Does nothing the second time.

    A class without state of its own can be put in the place of that of a module: parameters, names and hooks stay what they are.
    """
    embeddings = transformer.get_input_embeddings()
    if type(embeddings) is nn.Embedding and not (embeddings.sparse or embeddings.scale_grad_by_freq or embeddings.max_norm):
        embeddings.__class__ = Embedding
    for module in transformer.modules():
        if type(module) is nn.Dropout:
            module.__class__ = Dropout


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """`torch.nn.functional.dropout`; on a CPU with random numbers that are drawn eight times faster, and half the passes over memory.

    torch draws a Mersenne twister's number a value, which is a sixth of a training step. Here a generator of numpy's (SFC64, which passes
    the same tests of randomness) gives four values a number. It is seeded by torch's, so that a run can be repeated by torch's seed.
    """
    share = round(p * STEPS)
    if not training or x.device.type != "cpu" or not 0 < share < STEPS:
        return nn.functional.dropout(x, p, training)
    return _Dropout.apply(x, share)


class Dropout(nn.Dropout):
    """`torch.nn.Dropout` by `dropout`."""

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p, self.training)


class Embedding(nn.Embedding):
    """`torch.nn.Embedding`, whose gradient on a CPU is added to the rows that were read.

    torch makes a matrix as large as the weights for every run of the encoder, of zeros but for some hundred rows, and adds it: half of the
    weights of a small encoder are word embeddings, and a batch is several runs.
    """

    def forward(self, ids: Tensor) -> Tensor:
        if ids.device.type != "cpu" or not self.weight.requires_grad or not torch.is_grad_enabled():
            return super().forward(ids)
        return _Rows.apply(self.weight, ids, self.padding_idx)


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


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, padding: int | None) -> Tensor:
        ctx.weight, ctx.padding = weight, padding
        ctx.save_for_backward(ids)
        return nn.functional.embedding(ids, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:
        (ids,) = ctx.saved_tensors
        weight = ctx.weight
        ids, rows = ids.flatten(), gradient.flatten(0, -2).to(weight.dtype)
        if ctx.padding is not None:
            read = ids != ctx.padding
            ids, rows = ids[read], rows[read]
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
        weight.grad.index_add_(0, ids, rows)
        return None, None, None
