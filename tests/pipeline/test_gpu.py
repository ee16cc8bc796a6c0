"""On a GPU: it learns there, and what it says is what the same weights say on the CPU."""

import numpy
import pytest
import spacy
import torch
from spacy.util import load_model

from tests.pipeline.test_encodings import COMBINATIONS, marked_pipeline, overfit, shared_pipeline
from tests.pipeline.test_with_transformer import initialize, scores_of

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
    # thinc hands arrays over in a way that CuPy 14 calls deprecated.
    pytest.mark.filterwarnings("ignore:This function is deprecated and will be removed"),
]


@pytest.fixture(autouse=True)
def gpu():
    """spaCy on the GPU, and back."""
    spacy.require_gpu()
    yield
    spacy.require_cpu()


def assert_same_on_cpu(nlp, folder, tolerance=1e-3):
    """cuDNN's LSTM computes in TF32."""
    nlp.to_disk(folder)
    on_gpu = scores_of(nlp)
    spacy.require_cpu()
    numpy.testing.assert_allclose(scores_of(load_model(folder)), on_gpu, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("make", "summary"), COMBINATIONS, ids=[f"{make.__name__}-{name}" for make, name in COMBINATIONS])
def test_every_cell_trains_there_and_says_the_same_on_the_cpu(tiny_bert, tmp_path, make, summary):
    nlp = make(tiny_bert, summary)
    examples, optimizer = initialize(nlp)
    losses: list[float] = []
    for _ in range(5):
        losses.append(nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])["relation_extractor"])
    assert losses[-1] < losses[0]
    assert_same_on_cpu(nlp, tmp_path)


@pytest.mark.parametrize("make", [marked_pipeline, shared_pipeline])
def test_it_learns_all_relations_there(tiny_bert, tmp_path, make):
    nlp = make(tiny_bert, "attention")
    overfit(nlp)
    assert_same_on_cpu(nlp, tmp_path)


def test_in_bfloat16(tiny_bert, tmp_path):
    nlp = marked_pipeline(tiny_bert, "attention", precision="bfloat16")
    overfit(nlp)
    assert_same_on_cpu(nlp, tmp_path, tolerance=0.03)
