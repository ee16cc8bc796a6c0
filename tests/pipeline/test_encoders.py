"""Any encoder by its name: one scale for all of them, stored with the head."""

import io

import numpy
import pytest
import torch
from spacy.util import load_model
from torch import nn
from transformers import AutoModel, AutoTokenizer

from spacy_relext.ml.head import PairScorer
from spacy_relext.ml.summaries import Mentions
from tests.pipeline.test_views import shared_pipeline
from tests.pipeline.test_with_transformer import initialize, scores_of, step, transformer_pipeline


def rescaled(folder, target, scale):
    """The encoder of a folder, in another one, whose last layer's values are `scale` times as large."""
    model = AutoModel.from_pretrained(folder)
    last = [module for module in model.modules() if isinstance(module, nn.LayerNorm)][-1]
    with torch.no_grad():
        last.weight.mul_(scale)
        last.bias.mul_(scale)
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(folder).save_pretrained(target)
    return target


@pytest.fixture(scope="module")
def quiet(tiny_bert, tmp_path_factory):
    """The tiny BERT, with values a twentieth as large."""
    return rescaled(tiny_bert, tmp_path_factory.mktemp("quiet"), 0.05)


def scale_of(nlp):
    return nlp.get_pipe("relation_extractor").model.get_ref("head").shims[0]._model.scale


def test_the_scale_is_set_by_the_first_update_and_stored(quiet, tmp_path):
    nlp = transformer_pipeline(quiet)
    examples, optimizer = initialize(nlp)
    assert scale_of(nlp) is None
    assert scale_of(transformer_pipeline(quiet).from_bytes(nlp.to_bytes())) is None
    step(nlp, examples[-1:], optimizer)  # no pair
    assert scale_of(nlp) is None
    step(nlp, examples, optimizer)
    assert scale_of(nlp) == 8.0
    expected = scores_of(nlp)
    nlp.to_disk(tmp_path)
    loaded = load_model(tmp_path)
    again = transformer_pipeline(quiet).from_bytes(nlp.to_bytes())
    again.replace_listeners("transformer", "relation_extractor", ["model.tok2vec"])
    for other in (loaded, again):
        assert scale_of(other) == 8.0
        numpy.testing.assert_allclose(scores_of(other), expected, rtol=1e-5, atol=1e-7)
    with nlp.use_params({}):
        numpy.testing.assert_array_equal(scores_of(nlp), expected)
    # A new label, and more training, keep it; another initialisation does not.
    loaded.get_pipe("relation_extractor").add_label("NEW")
    step(loaded, examples, optimizer)
    assert scale_of(loaded) == 8.0
    initialize(nlp)
    assert scale_of(nlp) is None


def test_a_pipeline_that_was_stored_without_a_scale_reads_its_encoder_as_it_is(quiet):
    nlp = shared_pipeline(quiet, "mentions")
    examples, optimizer = initialize(nlp)
    shim = nlp.get_pipe("relation_extractor").model.get_ref("head").shims[0]
    nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    assert scale_of(nlp) == 8.0
    shim._model.scale = 1.0
    expected = scores_of(nlp)
    shim._model.scale = 8.0
    stored = torch.load(io.BytesIO(shim._serialize_model(shim._model)), weights_only=True)
    del stored["scale"]
    older = io.BytesIO()
    torch.save(stored, older)
    shim._model = shim._deserialize_model(PairScorer(Mentions(), hidden_width=32, max_cells=2**19), older.getvalue(), torch.device("cpu"))
    assert scale_of(nlp) == 1.0
    numpy.testing.assert_array_equal(scores_of(nlp), expected)
    nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    assert scale_of(nlp) == 1.0
