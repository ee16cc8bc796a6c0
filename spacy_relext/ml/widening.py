"""Attention in bfloat16 on a CPU that gives a text the same vectors whatever is encoded with it.

torch's kernel takes the exponentials of 16 keys at a time, and of those that are left over by another function, which differs in the last
digits. Which keys these are depends on the padding. Everything else in an encoder computes a text as if it were alone: the rows of linear
layers (`products.py`) and sums with zeros.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from spacy_relext.ml.products import rounds

# The float32 numbers of the largest vector registers.
KEYS = 16

_attention = nn.functional.scaled_dot_product_attention


def widened(mask: Tensor) -> Tensor:
    """The attention mask of some texts, `[n_texts, length]`, as a `Mask` within `few_shapes`, else as it is."""
    return mask.as_subclass(Mask) if rounds() else mask


class Mask(Tensor):
    """An attention mask. Where `scaled_dot_product_attention` is given it, or what an encoder makes of it, the number of keys is a
    multiple of `KEYS`.

    So it works for every encoder that calls this function, and in its calls alone: a torch mode would cost every call of torch a call of
    Python, a sixth of the time of a single sentence.
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
