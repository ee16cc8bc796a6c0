"""Shims: they stay in evaluation mode between predictions, and updates leave no tensors, with the same weights as thinc's own."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
import torch
from spacy.util import fix_random_seed
from thinc.api import Adam, ArgsKwargs, Model, PyTorchShim, PyTorchWrapper

from spacy_relext.ml.patches import glibc, thinc
from spacy_relext.ml.patches.thinc import SteadyShim, TidyShim, set_mode, steady
from tests.pipeline.test_encodings import marked_pipeline, transformer_of
from tests.pipeline.test_with_transformer import initialize, step, transformer_pipeline, weights_of


def modes_of(module):
    return {part.training for part in module.modules()}


class Slow(torch.nn.Module):
    """Does something in the middle of its computation."""

    def __init__(self, meanwhile):
        super().__init__()
        self.dropout = torch.nn.Dropout(0.5)
        self.meanwhile = meanwhile

    def forward(self, x):
        self.meanwhile()
        return self.dropout(x)


def test_a_module_stays_in_evaluation_mode_while_another_thread_is_done():
    x = ArgsKwargs((torch.ones(100),), {})
    calls = []

    def meanwhile():
        calls.append(threading.get_ident())
        if len(calls) == 1:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(shim.predict, x).result()

    shim = SteadyShim(Slow(meanwhile))
    assert bool((shim.predict(x) == 1).all())
    assert len(set(calls)) == 2
    assert modes_of(shim._model) == {False}


def test_a_module_that_another_thread_has_put_in_mode_in_part_only():
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sequential(torch.nn.Dropout(0.5)))
    module.training = False  # the outermost is set first
    set_mode(module, training=False)
    assert modes_of(module) == {False}
    set_mode(module, training=True)
    assert modes_of(module) == {True}


def test_training_is_in_training_mode_and_prediction_without_gradients():
    shim = SteadyShim(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.5)))
    x = ArgsKwargs((torch.ones(1, 3),), {})
    assert not shim.predict(x).requires_grad
    output, backprop = shim.begin_update(x)
    assert modes_of(shim._model) == {True}
    backprop(ArgsKwargs((output,), {"grad_tensors": torch.ones_like(output)}))
    shim.predict(x)
    assert modes_of(shim._model) == {False}


def test_shims_of_thinc_stay_in_evaluation_mode():
    model = PyTorchWrapper(torch.nn.Linear(2, 2))
    assert steady(model)
    assert type(model.shims[0]) is SteadyShim
    assert steady(Model("none", lambda *_: None))


# Updates


def head_of(nlp):
    return nlp.get_pipe("relation_extractor").model.get_ref("head").shims[0]._model


def n_tensors():
    gc.collect()
    return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())


@pytest.mark.parametrize("make", [transformer_pipeline, lambda folder: marked_pipeline(folder, "attention")], ids=["shared", "marked"])
def test_updates_leave_no_tensors(tiny_bert, make):
    """With thinc's shim there is one more for each weight after each update, of the encoder and of the head."""
    nlp = make(tiny_bert)
    examples, optimizer = initialize(nlp)
    counts = []
    for _ in range(4):
        step(nlp, examples, optimizer)
        counts.append(n_tensors())
    assert counts[1:] == [counts[1]] * 3


def test_the_weights_are_those_of_thincs_updates(tiny_bert, monkeypatch):
    def trained():
        nlp = marked_pipeline(tiny_bert, "attention")
        examples, optimizer = initialize(nlp)
        fix_random_seed(1)
        for _ in range(3):
            step(nlp, examples, optimizer)
        return {**weights_of(transformer_of(nlp)), **weights_of(head_of(nlp))}

    tidy = trained()
    monkeypatch.setattr(TidyShim, "finish_update", PyTorchShim.finish_update)
    plain = trained()
    assert tidy.keys() == plain.keys()
    for name, weight in plain.items():
        numpy.testing.assert_array_equal(tidy[name], weight)


def test_an_optimizer_that_makes_new_arrays_is_heeded():
    shim = TidyShim(torch.nn.Linear(3, 2))
    output, backprop = shim.begin_update(ArgsKwargs((torch.ones(1, 3),), {}))
    backprop(ArgsKwargs((output,), {"grad_tensors": torch.ones_like(output)}))
    before = weights_of(shim._model)
    shim.finish_update(lambda key, weights, gradient: (weights + 1, gradient))
    for name, weight in weights_of(shim._model).items():
        numpy.testing.assert_array_equal(weight, before[name] + 1)


def test_the_heap_is_given_back_from_time_to_time(monkeypatch):
    trims = []
    monkeypatch.setattr(glibc, "_trim", trims.append)
    monkeypatch.setattr(thinc, "EVERY", 3)
    shim = TidyShim(torch.nn.Linear(3, 2))
    for _ in range(7):
        shim.finish_update(Adam(0.001))
    assert len(trims) == 2
    # Where the C library has no such thing.
    monkeypatch.setattr(glibc, "_trim", None)
    glibc.release_freed_memory()


# What thinc does without us. Where one of these fails, its patch is not needed any more.


def test_thincs_shim_still_enters_training_mode_after_a_prediction():
    shim = PyTorchShim(torch.nn.Linear(3, 2))
    shim.predict(ArgsKwargs((torch.ones(1, 3),), {}))
    assert modes_of(shim._model) == {True}


def test_thincs_updates_still_leave_a_tensor_each():
    shim, optimizer = PyTorchShim(torch.nn.Linear(3, 2)), Adam(0.001)
    counts = []
    for _ in range(4):
        output, backprop = shim.begin_update(ArgsKwargs((torch.ones(1, 3),), {}))
        backprop(ArgsKwargs((output,), {"grad_tensors": torch.ones_like(output)}))
        shim.finish_update(optimizer)
        counts.append(n_tensors())
    assert counts[3] - counts[2] == counts[2] - counts[1] == 2


def test_thincs_optimizers_still_read_no_sparse_gradients():
    shim = PyTorchShim(torch.nn.Embedding(5, 3, sparse=True))
    output, backprop = shim.begin_update(ArgsKwargs((torch.tensor([1]),), {}))
    backprop(ArgsKwargs((output,), {"grad_tensors": torch.ones_like(output)}))
    with pytest.raises(TypeError, match="Sparse"):
        shim.finish_update(Adam(0.001))
