"""Matrix products in bfloat16 on a CPU, of few shapes.

torch leaves them to oneDNN, which compiles a kernel for every number of rows that it meets, and keeps it. For the layers of a small encoder
that takes as long as some hundred rows, and a kernel is about a megabyte. Texts have all lengths, so nearly every batch is a new number.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

# The rows of a register of AMX: a kernel computes so many at once.
MIN_ROWS = 16
# How many kernels oneDNN and torch keep, if the environment does not say it; both have 1,024 by default.
CACHES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "512", "LRU_CACHE_CAPACITY": "512"}


def limit_caches() -> None:
    """Bound the memory of compiled kernels. Both libraries ask when they first compute in bfloat16, and never again."""
    for name, capacity in CACHES.items():
        os.environ.setdefault(name, capacity)


def rounded(n_rows: int) -> int:
    """The next number of rows that kernels are compiled for: a multiple of `MIN_ROWS` with four binary digits that count, so that there are
    eight from a power of two to the next. At most an eighth more, or 15 rows more.
    """
    step = max(MIN_ROWS, 2 ** max(n_rows.bit_length() - 4, 0))
    return -(-n_rows // step) * step


class FewShapes(TorchFunctionMode):
    """A context in which `torch.nn.functional.linear`, in prediction and where autocast on a CPU has it computed in bfloat16, is given rows
    of zeros up to a rounded number.

    Training is left alone: kernels are 6 % of a step there, and every product has two more backwards.
    """

    def __init__(self) -> None:
        super().__init__()
        # What several layers read one after another is made bfloat16 once: an input, its version, and the rows made of it.
        self._last: tuple[Tensor, int, Tensor] | None = None

    def __exit__(self, *error: Any) -> None:
        self._last = None
        super().__exit__(*error)

    def __torch_function__(self, function: Callable, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None):
        kwargs = kwargs or {}
        if function is nn.functional.linear and torch.is_autocast_enabled("cpu") and not torch.is_grad_enabled():
            return self._linear(*args, **kwargs)
        return function(*args, **kwargs)

    def _linear(self, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        n = input.shape[:-1].numel()
        if input.dim() < 2 or rounded(n) == n:
            return nn.functional.linear(input, weight, bias)
        if self._last is None or self._last[0] is not input or self._last[1] != input._version:
            rows = input.new_zeros((rounded(n), input.shape[-1]), dtype=torch.bfloat16)
            rows[:n] = input.flatten(0, -2)
            self._last = input, input._version, rows
        return nn.functional.linear(self._last[2], weight, bias)[:n].unflatten(0, input.shape[:-1])
