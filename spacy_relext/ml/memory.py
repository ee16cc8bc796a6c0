"""The memory of a training: what every update would leave behind is given back.

thinc wraps the array of a weight that its optimizer has changed in place as a new tensor, and makes it the weight. The tensor holds the
array, and the array the tensor of the update before: an object a weight and update, for as long as the model lives.

The activations of a batch have other sizes than those of any batch before. glibc keeps what was freed in its heap, and puts small objects
that stay between the holes, so that the heap grows with every batch that fits into none of them.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from thinc.api import PyTorchShim

# The heap is given back after so many updates: seldom enough to cost nothing that can be measured.
EVERY = 32


class TidyShim(PyTorchShim):
    """A `PyTorchShim` whose weights stay the tensors that they are."""

    _n_updates = 0

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


def _find_trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None  # another C library than glibc, or no such libraries at all


_trim: Any = _find_trim()


def give_back() -> None:
    """Give the pages of the heap that nothing is in back to the system, where the C library is glibc."""
    if _trim is not None:
        _trim(0)
