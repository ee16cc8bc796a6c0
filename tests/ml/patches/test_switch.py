"""SPACY_RELEXT_PATCHES=0 leaves all patches away, and results are the same."""

import os

import numpy
import pytest
from torch import nn

from spacy_relext.ml.patches import SWITCH, glibc
from spacy_relext.ml.patches.torch_bfloat16 import CACHES, PaddedLinear, limit_caches
from spacy_relext.ml.patches.torch_cpu import FastDropout, SparseEmbedding
from tests.pipeline.test_encodings import marked_pipeline, shared_pipeline
from tests.pipeline.test_with_transformer import initialize, scores_of, step, weights_of

PIPELINES = {
    "shared": lambda folder: shared_pipeline(folder, "attention"),
    "shared, bfloat16": lambda folder: shared_pipeline(folder, "attention", "bfloat16"),
    "marked": lambda folder: marked_pipeline(folder, "attention"),
}


def encoder_of(nlp):
    nodes = nlp.get_pipe("relation_extractor").model.walk()
    return next(shim._hfmodel.transformer for node in nodes for shim in node.shims if hasattr(shim, "_hfmodel"))


def trained(make, folder):
    """A pipeline after some updates: nothing is dropped in it."""
    nlp = make(folder)
    examples, optimizer = initialize(nlp)
    for _ in range(3):
        step(nlp, examples, optimizer)
    return nlp


@pytest.mark.parametrize("name", PIPELINES)
def test_scores_and_weights_are_the_same_without_patches(tiny_bert, monkeypatch, name):
    patched = trained(PIPELINES[name], tiny_bert)
    expected = scores_of(patched)
    monkeypatch.setenv(SWITCH, "0")
    plain = trained(PIPELINES[name], tiny_bert)
    kinds = [{type(module) for module in encoder_of(nlp).modules()} for nlp in (patched, plain)]
    assert {FastDropout, SparseEmbedding, PaddedLinear} <= kinds[0]
    assert {nn.Dropout, nn.Embedding, nn.Linear} <= kinds[1]
    tolerance = 0.02 if "bfloat16" in name else 1e-4
    numpy.testing.assert_allclose(scores_of(plain), expected, atol=tolerance)
    if "bfloat16" not in name:
        after = weights_of(encoder_of(plain))
        for weight_name, weight in weights_of(encoder_of(patched)).items():
            numpy.testing.assert_allclose(after[weight_name], weight, atol=1e-3, err_msg=weight_name)


def test_without_patches_everything_is_the_libraries_own(tiny_bert, monkeypatch):
    monkeypatch.setenv(SWITCH, "0")
    monkeypatch.setattr(glibc, "_trim", lambda _: pytest.fail("the heap was given back"))
    monkeypatch.setattr(glibc, "_set", lambda *_: pytest.fail("the heap was set"))
    for name in CACHES:
        monkeypatch.delenv(name, raising=False)
    glibc.set_trim_threshold.cache_clear()
    glibc.set_trim_threshold()
    glibc.set_trim_threshold.cache_clear()
    glibc.release_freed_memory()
    limit_caches()
    assert not any(name in os.environ for name in CACHES)
    nlp = trained(PIPELINES["shared"], tiny_bert)
    # Its training mode is thinc's again, so a second thread is to be told.
    scores_of(nlp)
    assert encoder_of(nlp).training
    assert nlp.get_pipe("relation_extractor").checks.one_thread.because_of == ["relation_extractor"]
