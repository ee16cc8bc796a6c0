"""torch and oneDNN on a CPU, in bfloat16: matrix products of few shapes, and attention that does not depend on the padding."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Any

import torch
from torch import Tensor, nn

from spacy_relext.ml.patches import enabled

# The rows of a register of AMX: a kernel computes so many at once.
MIN_ROWS = 16
# The float32 numbers of the largest vector registers: torch takes the exponentials of so many keys at a time.
KEYS = 16
# How many kernels oneDNN and torch keep, if the environment does not say it; both have 1,024 by default.
CACHES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "512", "LRU_CACHE_CAPACITY": "512"}


def limit_caches() -> None:
    """Bound the memory of compiled kernels, by variables of the environment.

    Both libraries ask for them when they first compute in bfloat16, and never again.
    """
    if not enabled():
        return
    for name, capacity in CACHES.items():
        os.environ.setdefault(name, capacity)


def padded_size(n_rows: int) -> int:
    """The next number of rows that kernels are compiled for: at most an eighth more, or 15 rows more.

    It is a multiple of `MIN_ROWS` with four significant binary digits: there are eight from a power of two to the next.
    """
    step = max(MIN_ROWS, 2 ** max(n_rows.bit_length() - 4, 0))
    return -(-n_rows // step) * step


class PaddedLinear(nn.Linear):
    """`torch.nn.Linear` by `linear`."""

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)


def use_padded_linear(module: nn.Module) -> None:
    """Let the linear layers of a module compute by `linear`. Does nothing the second time.

    They have no state of their own: parameters, names and hooks stay what they are.
    """
    if not enabled():
        return
    for layer in module.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = PaddedLinear


class _State(local):
    """Of a thread: whether rows are added, and what the last product was of."""

    pads = False
    # What several layers read one after another is made bfloat16 once: an input, its version, and the rows made of it.
    last: tuple[Tensor, int, Tensor] | None = None


_state = _State()


@contextmanager
def pad_to_few_shapes() -> Iterator[None]:
    """Inside, where autocast on a CPU has products computed in bfloat16, `linear` adds rows of zeros up to one of few numbers.

    torch leaves these products to oneDNN, which compiles a kernel for every number of rows that it meets, and keeps it. For the layers of a
    small encoder that takes as long as some hundred rows, and a kernel is about a megabyte. Texts have all lengths, so nearly every batch
    is a new number. For prediction: kernels are 6 % of a step of training, and every product has two more backwards.

    Seen in torch 2.13. Upstream: none filed; oneDNN has kernels for numbers of rows that it learns at run time, which torch does
    not ask for.
    """
    if not enabled():
        yield
        return
    outside = _state.pads
    _state.pads = True
    try:
        yield
    finally:
        _state.pads, _state.last = outside, None


def pads() -> bool:
    """Whether this thread computes within `pad_to_few_shapes`, in bfloat16."""
    return _state.pads and torch.is_autocast_enabled("cpu")


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`torch.nn.functional.linear`; within `pad_to_few_shapes` it is given rows of zeros up to a padded size."""
    if input.dim() < 2 or not pads():
        return nn.functional.linear(input, weight, bias)
    n = input.shape[:-1].numel()
    n_rows = padded_size(n)
    if n_rows == n:
        return nn.functional.linear(input, weight, bias)
    if _state.last is None or _state.last[0] is not input or _state.last[1] != input._version:
        rows = input.new_empty((n_rows, input.shape[-1]), dtype=torch.bfloat16)
        rows[:n] = input.flatten(0, -2)
        rows[n:] = 0
        _state.last = input, input._version, rows
    return nn.functional.linear(_state.last[2], weight, bias)[:n].unflatten(0, input.shape[:-1])


_attention = nn.functional.scaled_dot_product_attention


def widened(mask: Tensor) -> Tensor:
    """The attention mask of some texts, `[n_texts, length]`, as a `Mask` within `pad_to_few_shapes`, else as it is."""
    return mask.as_subclass(Mask) if pads() else mask


class Mask(Tensor):
    """An attention mask, under which the number of keys is a multiple of `KEYS`.

    It holds where `scaled_dot_product_attention` is given the mask, or what an encoder makes of it.
    torch's kernel takes the exponentials of so many keys at a time, and of those that are left over by another function, which differs in
    the last digits. Which keys these are depends on the padding. Everything else in an encoder computes a text as if it were alone: the
    rows of linear layers and sums with zeros. A mask works for every encoder that calls this function, and in its calls alone: a torch
    mode would cost every call of torch a call of Python, a sixth of the time of a single sentence.

    Seen in torch 2.13, where a CPU has no AMX. Upstream: none filed.
    """

    @classmethod
    def __torch_function__(cls, function: Callable, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None):
        kwargs = kwargs or {}
        if function in (torch.all, Tensor.all):
            # Encoders ask whether every key is read, and leave the mask out then.
            return torch.tensor(False)
        with torch._C.DisableTorchFunctionSubclass():
            result = (attention if function is _attention else function)(*args, **kwargs)
            tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor) and value.dim()]
            # What is made of a mask and numbers is a mask; what a mask is added to is none.
            is_mask = isinstance(result, Tensor) and all(isinstance(value, Mask) for value in tensors)
            return result.as_subclass(Mask) if is_mask else result


def attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, *args: Any, **kwargs: Any) -> Tensor:
    """`torch.nn.functional.scaled_dot_product_attention` with a multiple of `KEYS` keys, those that are added masked."""
    more = -key.shape[-2] % KEYS
    if attn_mask is not None:
        attn_mask = attn_mask.as_subclass(Tensor)
        if more:
            never = False if attn_mask.dtype is torch.bool else torch.finfo(attn_mask.dtype).min
            attn_mask = nn.functional.pad(attn_mask, (0, more), value=never)
            key, value = (nn.functional.pad(rows, (0, 0, 0, more)) for rows in (key, value))
    return _attention(query, key, value, attn_mask, *args, **kwargs)
