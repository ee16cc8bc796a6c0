"""The memory of trainings and of long predictions: what would be left behind is given back, and what is needed again at once is kept.

thinc wraps the array of a weight that its optimizer has changed in place as a new tensor, and makes it the weight. The tensor holds the
array, and the array the tensor of the update before: an object per weight and update, for as long as the model lives.

The activations of a batch have other sizes than those of any batch before. glibc keeps what was freed in its heap, and puts small objects
that stay between the holes, so that the heap grows with every batch that fits into none of them.

What is freed at the end of the heap, on the other hand, glibc gives back as soon as it is more than twice the largest block that was ever
mapped by itself. Where pairs read thousands of tokens, that is some arrays of one chunk, which the next chunk asks for again: asking the
system for the pages, and having them zeroed, took half of the time.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from typing import Any

from thinc.api import ArgsKwargs

from spacy_relext.ml.economy import densify
from spacy_relext.ml.threads import SteadyShim

# The heap is given back after so many updates: seldom enough to cost nothing that can be measured.
EVERY = 32
# Bytes: blocks up to the first are taken from the heap, as after a block of that size was freed; so much is kept free at the heap's end.
MAPPED_ABOVE, KEPT_FREE = 2**25, 2**27
# The numbers of these settings in glibc's malloc.h, and the variables that set them from outside.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_SET_OUTSIDE = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")


class TidyShim(SteadyShim):
    """A `SteadyShim` whose weights stay the tensors that they are."""

    _n_updates = 0

    def begin_update(self, inputs: ArgsKwargs) -> tuple[Any, Callable]:
        """Run the module for training, as thinc does it; gradients are dense."""
        output, backprop = super().begin_update(inputs)

        def backprop_densely(gradients: ArgsKwargs) -> Any:
            d_inputs = backprop(gradients)
            densify(self._model.parameters())
            return d_inputs

        return output, backprop_densely

    def finish_update(self, optimizer: Callable) -> None:
        """Update the weights, in place as thinc does it."""
        weights = [(weight, weight.data) for weight in self._model.parameters()]
        super().finish_update(optimizer)
        for weight, data in weights:
            # Elsewhere if an optimizer is none of thinc's, and makes new arrays.
            if weight.data_ptr() == data.data_ptr():
                weight.data = data
        self._n_updates += 1
        if self._n_updates % EVERY == 0:
            give_back()


def _find(name: str) -> Any:
    """A function of the C library, or None where it is another one than glibc, or there are no such libraries at all."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None


_trim = _find("malloc_trim")
_set = _find("mallopt")


def give_back() -> None:
    """Give the pages of the heap that nothing is in back to the system, where the C library is glibc."""
    if _trim is not None:
        _trim(0)


@cache
def keep_the_end() -> None:
    """Let glibc keep what is freed at the end of the heap, up to `KEPT_FREE`, unless the environment says what it is to keep."""
    outside = any(name in os.environ for name in _SET_OUTSIDE) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if _trim is not None and _set is not None and not outside:
        _set(_MMAP_THRESHOLD, MAPPED_ABOVE)
        _set(_TRIM_THRESHOLD, KEPT_FREE)
