"""Matrix products in bfloat16 on a CPU, of few shapes.

torch leaves them to oneDNN, which compiles a kernel for every number of rows that it meets, and keeps it. For the layers of a small encoder
that takes as long as some hundred rows, and a kernel is about a megabyte. Texts have all lengths, so nearly every batch is a new number.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import local

import torch
from torch import Tensor, nn

# The rows of a register of AMX: a kernel computes so many at once.
MIN_ROWS = 16
# How many kernels oneDNN and torch keep, if the environment does not say it; both have 1,024 by default.
CACHES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "512", "LRU_CACHE_CAPACITY": "512"}


def limit_caches() -> None:
    """Bound the memory of compiled kernels, by variables of the environment. Both libraries ask when they first compute in bfloat16, and
    never again.
    """
    for name, capacity in CACHES.items():
        os.environ.setdefault(name, capacity)


def rounded(n_rows: int) -> int:
    """The next number of rows that kernels are compiled for: a multiple of `MIN_ROWS` with four binary digits that count, so that there are
    eight from a power of two to the next. At most an eighth more, or 15 rows more.
    """
    step = max(MIN_ROWS, 2 ** max(n_rows.bit_length() - 4, 0))
    return -(-n_rows // step) * step


class Linear(nn.Linear):
    """`torch.nn.Linear` by `linear`."""

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)


def round_rows(module: nn.Module) -> None:
    """Let the linear layers of a module compute as below. Does nothing the second time.

    They have no state of their own: parameters, names and hooks stay what they are.
    """
    for layer in module.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = Linear


class _State(local):
    """Of a thread: whether rows are rounded, and what the last product was of."""

    rounds = False
    # What several layers read one after another is made bfloat16 once: an input, its version, and the rows made of it.
    last: tuple[Tensor, int, Tensor] | None = None


_state = _State()


@contextmanager
def few_shapes() -> Iterator[None]:
    """Inside, where autocast on a CPU has products computed in bfloat16, `linear` rounds the number of rows.

    For prediction: kernels are 6 % of a step of training, and every product has two more backwards.
    """
    outside = _state.rounds
    _state.rounds = True
    try:
        yield
    finally:
        _state.rounds, _state.last = outside, None


def rounds() -> bool:
    """Whether this thread computes within `few_shapes`, in bfloat16."""
    return _state.rounds and torch.is_autocast_enabled("cpu")


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`torch.nn.functional.linear`; within `few_shapes` it is given rows of zeros up to a rounded number."""
    if input.dim() < 2 or not rounds():
        return nn.functional.linear(input, weight, bias)
    n = input.shape[:-1].numel()
    n_rows = rounded(n)
    if n_rows == n:
        return nn.functional.linear(input, weight, bias)
    if _state.last is None or _state.last[0] is not input or _state.last[1] != input._version:
        rows = input.new_empty((n_rows, input.shape[-1]), dtype=torch.bfloat16)
        rows[:n] = input.flatten(0, -2)
        rows[n:] = 0
        _state.last = input, input._version, rows
    return nn.functional.linear(_state.last[2], weight, bias)[:n].unflatten(0, input.shape[:-1])
