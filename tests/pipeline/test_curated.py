"""Behind a transformer of spacy-curated-transformers, where that is installed; its listeners are plain models."""

import importlib.util

import pytest
import spacy
from spacy.util import fix_random_seed

from spacy_relext.errors import RelextError
from tests.pipeline.test_with_transformer import add_extractor, found, make_examples, scores_of, with_entities

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("spacy_curated_transformers") is None, reason="spacy-curated-transformers is not installed"
)

LISTENER = {
    "@architectures": "spacy-curated-transformers.LastTransformerLayerListener.v1",
    "width": 32,
    "pooling": {"@layers": "reduce_mean.v1"},
    "upstream": "*",
}


@pytest.fixture(scope="module")
def trained(tiny_bert):
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    n_pieces = len((tiny_bert / "vocab.txt").read_text(encoding="utf8").splitlines())
    model = {
        "@architectures": "spacy-curated-transformers.BertTransformer.v2",
        "vocab_size": n_pieces,
        "hidden_width": 32,
        "intermediate_width": 64,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "max_position_embeddings": 64,
        "model_max_length": 64,
        "piece_encoder": {"@architectures": "spacy-curated-transformers.WordpieceEncoder.v1"},
        "with_spans": {"@architectures": "spacy-curated-transformers.WithStridedSpans.v1", "stride": 24, "window": 32},
    }
    transformer = nlp.add_pipe("curated_transformer", name="transformer", config={"model": model})
    add_extractor(nlp, LISTENER)
    loader = {"@model_loaders": "spacy-curated-transformers.WordpieceLoader.v1", "path": str(tiny_bert / "vocab.txt"), "lowercase": True}
    nlp.config["initialize"]["components"] = {"transformer": {"piecer_loader": loader}}
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    assert transformer.listeners
    optimizer.learn_rate = 0.003
    for _ in range(60):
        losses = nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    assert losses["relation_extractor"] < 1
    return nlp


def test_learns_and_survives_storage(trained, tmp_path):
    before = scores_of(trained)
    assert found(trained)
    trained.to_disk(tmp_path)
    assert scores_of(spacy.load(tmp_path)) == pytest.approx(before, abs=1e-5)


def test_missing_output_is_an_error(trained):
    [doc] = with_entities(trained)[:1]
    with trained.select_pipes(disable=["transformer"]), pytest.raises(RelextError, match="listens to a transformer component"):
        trained(doc)
