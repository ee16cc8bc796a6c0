"""thinc: shims of torch modules that stay in evaluation mode between predictions, and whose updates leave nothing behind."""

from collections.abc import Callable
from typing import Any

import torch
from thinc.api import ArgsKwargs, Model, PyTorchShim
from torch import nn

from spacy_relext.ml.patches import enabled
from spacy_relext.ml.patches.glibc import release_freed_memory
from spacy_relext.ml.patches.torch_cpu import densify

# The heap is given back after so many updates: seldom enough to cost nothing that can be measured.
EVERY = 32


def set_mode(module: nn.Module, *, training: bool) -> None:
    """Put a module and all its parts in training or in evaluation mode, and change nothing where they are in it."""
    # All parts are asked: another thread sets the outermost module first, and may not have come to the others yet.
    if any(part.training != training for part in module.modules()):
        module.train(training)


class SteadyShim(PyTorchShim):
    """A `PyTorchShim` that stays in evaluation mode between predictions, until it is trained.

    thinc's puts its module in evaluation mode for every prediction, and back in training mode after it. Another thread may be inside, and
    drops units at random from then on.

    Seen in thinc 8.3.14. Upstream: none filed.
    """

    def predict(self, inputs: ArgsKwargs) -> Any:
        """What the module gives for some inputs, without gradients, in evaluation mode."""
        if not enabled():
            return super().predict(inputs)
        set_mode(self._model, training=False)
        with torch.no_grad(), torch.autocast("cuda", enabled=self._mixed_precision):
            return self._model(*inputs.args, **inputs.kwargs)


class TidyShim(SteadyShim):
    """A `SteadyShim` whose weights stay the tensors that they are.

    thinc wraps the array of a weight that its optimizer has changed in place as a new tensor, and makes it the weight. The tensor holds
    the array, and the array the tensor of the update before: an object per weight and update, for as long as the model lives. And its
    optimizers read dense gradients alone, where `torch_cpu.SparseEmbedding` has sparse ones.

    Seen in thinc 8.3.14. Upstream: none filed.
    """

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
        if not enabled():
            return
        for weight, data in weights:
            # Elsewhere if an optimizer is none of thinc's, and makes new arrays.
            if weight.data_ptr() == data.data_ptr():
                weight.data = data
        self._n_updates += 1
        if self._n_updates % EVERY == 0:
            release_freed_memory()


def steady(model: Model) -> bool:
    """Let the shims of a model stay in evaluation mode, also where the model is none of ours: thinc's, and those of spacy-transformers.

    The class is all that changes: nothing of what is stored, learned or predicted by one thread.
    RETURNS: whether all its shims do.
    """
    shims = [shim for node in model.walk() for shim in node.shims if isinstance(shim, PyTorchShim)]
    if not enabled():
        return not shims
    for shim in shims:
        shim.__class__ = _steady_class(type(shim))
    return all(isinstance(shim, SteadyShim) for shim in shims)


def _steady_class(kind: type[PyTorchShim]) -> type[PyTorchShim]:
    """The class that stays in evaluation mode; the class itself where it is one, or we know too little of it."""
    if kind is PyTorchShim:
        return SteadyShim
    if kind.__module__.startswith("spacy_transformers."):
        # Not before it is needed: a pipeline without a transformer is to import none.
        from spacy_transformers.layers.hf_shim import HFShim

        from spacy_relext.ml.patches.spacy_transformers import SteadyHFShim

        return SteadyHFShim if kind is HFShim else kind
    return kind
