"""Holes in the heap are given back, and what the next chunk needs is kept."""

import os
import subprocess
import sys

import pytest

from spacy_relext.callbacks import keep_to_itself
from spacy_relext.ml.patches import glibc
from spacy_relext.ml.precision import compute_precision

GLIBC = pytest.mark.skipif(glibc._trim is None or sys.platform != "linux", reason="the C library is not glibc")


# Blocks that are freed, each before a small one that stays: the heap cannot shrink from its end.
HOLES = """
import ctypes
from resource import getpagesize
from spacy_relext.ml.patches.glibc import release_freed_memory
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
release_freed_memory()
print(before - resident())
"""


@GLIBC
def test_holes_in_the_heap_are_given_back():
    found = subprocess.run([sys.executable, "-c", HOLES], check=True, capture_output=True, text=True)
    # Of 381 MB: nothing else has given them back.
    assert int(found.stdout) > 300


# Three arrays of a chunk in which pairs read a long text, one chunk after the other.
CHUNKS = """
import ctypes, resource
from spacy_relext.ml.patches.glibc import set_trim_threshold
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
size = 13 << 20
def chunk():
    blocks = [libc.malloc(size) for _ in range(3)]
    for block in blocks:
        ctypes.memset(block, 1, size)
    for block in blocks:
        libc.free(block)
set_trim_threshold()
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
    [{"SPACY_RELEXT_PATCHES": "0"}, {"MALLOC_TRIM_THRESHOLD_": "1000000"}, {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=1000000"}],
    ids=["off", "variable", "tunable"],
)
def test_glibc_still_gives_it_back_where_the_environment_says_so(variable):
    assert asked_for_again(**variable) > 0.5


def test_the_heap_is_set_once_and_by_nobody_who_scores(monkeypatch):
    settings = []
    monkeypatch.setattr(glibc, "_set", lambda *setting: settings.append(setting))
    monkeypatch.setattr(glibc, "_trim", lambda _: None)
    for name in (*glibc._SET_OUTSIDE, "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    glibc.set_trim_threshold.cache_clear()
    for is_train in (True, False):
        with compute_precision("cpu", lower=False, is_train=is_train):
            pass
    assert settings == []
    keep_to_itself()
    keep_to_itself()
    assert sorted(settings) == [(-3, glibc.MAPPED_ABOVE), (-1, glibc.KEPT_FREE)]
    # Where the C library has no such thing.
    monkeypatch.setattr(glibc, "_set", None)
    glibc.set_trim_threshold.cache_clear()
    glibc.set_trim_threshold()
