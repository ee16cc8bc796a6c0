"""What a training changes in a pipeline and its optimizer, as plain values and tensors, and back.

thinc's optimizer knows weights by numbers that differ from process to process. Here they are named after the component, the place of the
layer in its model, and the weight.
"""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy
import torch
from spacy.language import Language
from thinc.api import Model, Ops, Optimizer, PyTorchShim, get_current_ops
from thinc.backends import get_array_ops
from thinc.compat import cupy, has_cupy

from spacy_relext.training.batches import random_states, set_random_states

# What is no weight, and goes its own way.
LEFT_OUT = ("model", "vocab")
MOMENTS = ("mom1", "mom2", "averages")
COUNTS = ("nr_update", "last_seen")
RATES = ("grad_clip", "learn_rate", "b1", "b2", "eps", "L2")


class _Weight(NamedTuple):
    """How a weight is called in a checkpoint, and where it is computed with."""

    name: str
    ops: Ops


def trained(nlp: Language, frozen: Collection[str]) -> Iterator[tuple[str, Any]]:
    """The components that a training updates."""
    for name, pipe in nlp.pipeline:
        if name not in frozen and getattr(pipe, "is_trainable", False) and getattr(pipe, "model", None) not in (True, False, None):
            yield name, pipe


def _layers(nlp: Language, frozen: Collection[str]) -> Iterator[tuple[str, Model]]:
    for name, pipe in trained(nlp, frozen):
        for i, layer in enumerate(pipe.model.walk()):
            yield f"{name}/{i}", layer


def _weights(nlp: Language, frozen: Collection[str]) -> dict[tuple[int, str], _Weight]:
    """Names of weights by the keys of this process's optimizer."""
    found = {}
    for place, layer in _layers(nlp, frozen):
        found.update({(layer.id, name): _Weight(f"{place}/{name}", layer.ops) for name in layer.param_names})
        for i, shim in enumerate(layer.shims):
            if isinstance(shim, PyTorchShim):
                ops = get_current_ops()
                found.update({(shim.id, name): _Weight(f"{place}/{i}/{name}", ops) for name, _ in torch_module(shim).named_parameters()})
    return found


def torch_module(shim: PyTorchShim) -> torch.nn.Module:
    """The module that a shim holds."""
    module: torch.nn.Module = shim._model
    return module


def _as_tensor(array: Any) -> torch.Tensor:
    # Of numpy's arrays, torch takes those alone that may be written.
    found: torch.Tensor = torch.from_numpy(numpy.require(get_array_ops(array).to_numpy(array), requirements="W"))
    return found


def state_of(nlp: Language, optimizer: Optimizer, frozen: Collection[str], unchanged: dict[str, bytes]) -> dict[str, Any]:
    """All that a training has changed. unchanged: What `settings_of` gave before it began."""
    return {
        "layers": {place: _layer_state(layer) for place, layer in _layers(nlp, frozen)},
        "settings": {name: stored for name, stored in settings_of(nlp, frozen).items() if unchanged.get(name) != stored},
        "optimizer": _optimizer_state(optimizer, _weights(nlp, frozen)),
        "strings": list(nlp.vocab.strings),
        "performance": plain(nlp.meta.get("performance", {})),
        "random": {**random_states(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []},
    }


def restore(nlp: Language, optimizer: Optimizer, frozen: Collection[str], state: dict[str, Any], *, n_steps: int) -> None:
    """Put all that a training has changed into a pipeline that was initialised with the same config, and its optimizer."""
    for place, layer in _layers(nlp, frozen):
        _restore_layer(layer, state["layers"][place])
    for name, pipe in trained(nlp, frozen):
        if name in state["settings"]:
            pipe.from_bytes(state["settings"][name], exclude=LEFT_OUT)
    _restore_optimizer(optimizer, _weights(nlp, frozen), state["optimizer"], n_steps)
    for text in state["strings"]:
        nlp.vocab.strings.add(text)
    nlp.meta["performance"] = unplain(state["performance"])
    set_random_states(state["random"])
    if torch.cuda.is_available() and state["random"]["cuda"]:
        torch.cuda.set_rng_state_all(state["random"]["cuda"])
    if has_cupy:
        # Its generators cannot be stored.
        cupy.random.seed(n_steps)


def settings_of(nlp: Language, frozen: Collection[str]) -> dict[str, bytes]:
    """What the components keep beside their weights."""
    return {name: pipe.to_bytes(exclude=LEFT_OUT) for name, pipe in trained(nlp, frozen) if hasattr(pipe, "to_bytes")}


def _layer_state(layer: Model) -> dict[str, Any]:
    names = layer.param_names
    return {
        "weights": {name: _as_tensor(layer.get_param(name)) for name in names if layer.has_param(name)},
        # Gradients are zero between updates. But the optimizer moves weights that have one, and not those that never had.
        "moved": [name for name in names if layer.has_grad(name)],
        "shims": [_shim_state(shim) for shim in layer.shims],
    }


def _restore_layer(layer: Model, state: dict[str, Any]) -> None:
    for name, tensor in state["weights"].items():
        layer.set_param(name, layer.ops.asarray(tensor.numpy()))
    for name in state["moved"]:
        layer.set_grad(name, layer.ops.alloc(layer.get_param(name).shape))
    for shim, stored in zip(layer.shims, state["shims"], strict=True):
        _restore_shim(shim, stored)


def _shim_state(shim: Any) -> dict[str, Any]:
    if not isinstance(shim, PyTorchShim):
        return {"bytes": torch.frombuffer(bytearray(shim.to_bytes()), dtype=torch.uint8)}
    module, scaler = torch_module(shim), shim._grad_scaler
    state: dict[str, Any] = {
        "moved": [name for name, weight in module.named_parameters() if weight.grad is not None],
        "scaler": [scaler._scale, scaler._growth_tracker],
    }
    if _stores_more(shim):
        # An encoder's bytes hold its tokenizer and more, and to read them makes it anew.
        return {**state, "weights": module.state_dict()}
    return {**state, "bytes": torch.frombuffer(bytearray(shim.to_bytes()), dtype=torch.uint8)}


def _stores_more(shim: PyTorchShim) -> bool:
    return type(shim).to_bytes is not PyTorchShim.to_bytes


def _restore_shim(shim: Any, state: dict[str, Any]) -> None:
    if "weights" in state:
        torch_module(shim).load_state_dict(state["weights"])
    else:
        shim.from_bytes(state["bytes"].numpy().tobytes())
    if isinstance(shim, PyTorchShim):
        weights = dict(torch_module(shim).named_parameters())
        for name in state["moved"]:
            weights[name].grad = torch.zeros_like(weights[name])
        scaler = shim._grad_scaler
        scaler._scale, scaler._growth_tracker = state["scaler"]
        scaler.to_(shim.device)


def _optimizer_state(optimizer: Optimizer, weights: dict[tuple[int, str], _Weight]) -> dict[str, Any]:
    # Moments of layers that are gone, since they were replaced by larger ones, go too.
    tables = {table: getattr(optimizer, table) or {} for table in (*MOMENTS, *COUNTS)}
    state: dict[str, Any] = {
        table: {weights[key].name: value if table in COUNTS else _as_tensor(value) for key, value in values.items() if key in weights}
        for table, values in tables.items()
    }
    return {**state, "rates": {name: getattr(optimizer, name) for name in RATES}}


def _restore_optimizer(optimizer: Optimizer, weights: dict[tuple[int, str], _Weight], state: dict[str, Any], n_steps: int) -> None:
    for key, weight in weights.items():
        for table in (*MOMENTS, *COUNTS):
            if weight.name in state[table]:
                value = state[table][weight.name]
                getattr(optimizer, table)[key] = value if table in COUNTS else weight.ops.asarray(value.numpy())
    # Whatever the schedules are, they are where they were after as many steps.
    for _ in range(n_steps):
        optimizer.step_schedules()
    for name, value in state["rates"].items():
        setattr(optimizer, name, value)


def plain(value: Any) -> Any:
    """Values of scores and losses as a checkpoint can hold them: numpy's numbers as tensors, in their precision."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if type(value).__module__ == "builtins":
        return value
    return _as_tensor(value if hasattr(value, "get") else numpy.asarray(value))


def unplain(value: Any) -> Any:
    """Back from `plain`."""
    if isinstance(value, dict):
        return {name: unplain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [unplain(part) for part in value]
    return value.numpy()[()] if isinstance(value, torch.Tensor) else value
