"""What lets several threads predict with one model, as in a web service: what a prediction changes of it is changed once, and stays.

thinc's shim puts its module in evaluation mode for every prediction, and back in training mode after it. Another thread may be inside, and
drops units at random from then on. A fast tokenizer of Hugging Face keeps padding and truncation as its state, which cannot change while
another thread reads a text.
"""

import os
from dataclasses import dataclass
from threading import Lock, get_ident
from typing import Any
from weakref import WeakKeyDictionary

import torch
from thinc.api import ArgsKwargs, Model, PyTorchShim
from torch import nn

SECOND_THREAD = (
    "{name} is called from several threads, and models of the pipeline may be in training mode for a moment ({others}): they give other "
    "vectors or mentions then, and so other relations, without an error. Use spacy-relext.TransformerModel.v1, or call the pipeline from "
    "one thread alone."
)


def set_mode(module: nn.Module, *, training: bool) -> None:
    """Put a module and all its parts in training or in evaluation mode, and change nothing where they are in it."""
    # All parts are asked: another thread sets the outermost module first, and may not have come to the others yet.
    if any(part.training != training for part in module.modules()):
        module.train(training)


class SteadyShim(PyTorchShim):
    """A `PyTorchShim` that stays in evaluation mode between predictions, until it is trained."""

    def predict(self, inputs: ArgsKwargs) -> Any:
        """What the module gives for some inputs, without gradients, in evaluation mode."""
        set_mode(self._model, training=False)
        with torch.no_grad(), torch.autocast("cuda", enabled=self._mixed_precision):
            return self._model(*inputs.args, **inputs.kwargs)


def steady(model: Model) -> bool:
    """Let the shims of a model stay in evaluation mode, also where the model is none of ours: thinc's, and those of spacy-transformers.

    The class is all that changes: nothing of what is stored, learned or predicted by one thread.
    RETURNS: whether all its shims do.
    """
    shims = [shim for node in model.walk() for shim in node.shims if isinstance(shim, PyTorchShim)]
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

        from spacy_relext.ml.transformer import SteadyHFShim

        return SteadyHFShim if kind is HFShim else kind
    return kind


@dataclass
class OneThread:
    """Where predictions are right from one thread alone: tells whether another one asks for them.

    because_of: The components whose models are the reason. first: Process and thread that asked first; other processes begin anew.
    """

    because_of: list[str]
    first: tuple[int, int] = (0, 0)

    def is_left(self) -> bool:
        """Asked at every prediction: whether this is another thread than the first."""
        here = os.getpid(), get_ident()
        if self.first[0] != here[0]:
            self.first = here
        return self.first != here


# The padding that fast tokenizers were brought to.
_settled: WeakKeyDictionary[Any, bool | str] = WeakKeyDictionary()
_settling = Lock()


def settle(tokenizer: Any, padding: bool | str) -> None:
    """Bring a tokenizer to the state in which calls with this padding, and without truncation, leave it. Does nothing the second time.

    All calls of a tokenizer should go by one padding: a change fails ("Already borrowed") while another thread reads a text.
    padding: As in a call of the tokenizer.
    """
    if not tokenizer.is_fast or _settled.get(tokenizer) == padding:
        return
    with _settling:
        tokenizer("a", padding=padding)
        _settled[tokenizer] = padding
