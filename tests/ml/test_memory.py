"""What a training leaves in memory: no object an update, no holes in the heap, and the same weights as thinc's own shim. What the heap
keeps for what comes next."""

import gc
import os
import subprocess
import sys

import numpy
import pytest
import torch
from spacy.util import fix_random_seed
from thinc.api import Adam, ArgsKwargs, PyTorchShim

from spacy_relext.callbacks import keep_to_itself
from spacy_relext.ml import memory
from spacy_relext.ml.memory import TidyShim
from spacy_relext.ml.precision import computing
from tests.pipeline.test_encodings import marked_pipeline, transformer_of
from tests.pipeline.test_with_transformer import initialize, step, transformer_pipeline, weights_of

GLIBC = pytest.mark.skipif(memory._trim is None or sys.platform != "linux", reason="the C library is not glibc")


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
    monkeypatch.setattr(memory, "_trim", trims.append)
    monkeypatch.setattr(memory, "EVERY", 3)
    shim = TidyShim(torch.nn.Linear(3, 2))
    for _ in range(7):
        shim.finish_update(Adam(0.001))
    assert len(trims) == 2
    # Where the C library has no such thing.
    monkeypatch.setattr(memory, "_trim", None)
    memory.give_back()


# Blocks that are freed, each before a small one that stays: the heap cannot shrink from its end.
HOLES = """
import ctypes
from resource import getpagesize
from spacy_relext.ml.memory import give_back
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * getpagesize() >> 20
blocks = []
for _ in range(4000):
    blocks.append(libc.malloc(100_000))
    ctypes.memset(blocks[-1], 1, 100_000)
    libc.malloc(100)
for block in blocks:
    libc.free(block)
before = resident()
give_back()
print(before - resident())
"""


@GLIBC
def test_holes_in_the_heap_are_given_back():
    found = subprocess.run([sys.executable, "-c", HOLES], check=True, capture_output=True, text=True)
    assert int(found.stdout) > 300  # of 381 MB


# Three arrays of a chunk in which pairs read a long text, one chunk after the other.
CHUNKS = """
import ctypes, resource
import torch
from spacy_relext.callbacks import keep_to_itself
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
size = 13 << 20
def chunk():
    blocks = [libc.malloc(size) for _ in range(3)]
    for block in blocks:
        ctypes.memset(block, 1, size)
    for block in blocks:
        libc.free(block)
keep_to_itself()
chunk()
chunk()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    chunk()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize() / (30 * size))
"""


def asked_for_again(**variables):
    """The share of the memory of later chunks that the system is asked for."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    found = subprocess.run([sys.executable, "-c", CHUNKS], check=True, capture_output=True, text=True, env=environment | variables)
    return float(found.stdout)


@GLIBC
def test_what_the_next_chunk_needs_is_kept():
    assert asked_for_again() < 0.1


@GLIBC
@pytest.mark.parametrize(
    "variable",
    [{"MALLOC_TRIM_THRESHOLD_": "1000000"}, {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=1000000"}],
    ids=["variable", "tunable"],
)
def test_what_the_environment_says_of_the_heap_counts(variable):
    assert asked_for_again(**variable) > 0.5


def test_the_heap_is_set_once_and_by_nobody_who_scores(monkeypatch):
    settings = []
    monkeypatch.setattr(memory, "_set", lambda *setting: settings.append(setting))
    monkeypatch.setattr(memory, "_trim", lambda _: None)
    for name in (*memory._SET_OUTSIDE, "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    memory.keep_the_end.cache_clear()
    for is_train in (True, False):
        with computing("cpu", lower=False, is_train=is_train):
            pass
    assert settings == []
    keep_to_itself()
    keep_to_itself()
    assert sorted(settings) == [(-3, memory.MAPPED_ABOVE), (-1, memory.KEPT_FREE)]
    # Where the C library has no such thing.
    monkeypatch.setattr(memory, "_set", None)
    memory.keep_the_end.cache_clear()
    memory.keep_the_end()
