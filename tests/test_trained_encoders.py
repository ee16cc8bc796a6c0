"""The encoder of a trained pipeline in a folder: what a training changed is in it, and another one begins with it."""

import numpy
import pytest
from transformers import AutoModel, AutoTokenizer

from spacy_relext.errors import RelextError
from spacy_relext.pipeline.upstream import hugging_face
from spacy_relext.trained_encoders import save_encoder
from tests.cli.toy import relext
from tests.pipeline.test_encodings import marked_pipeline
from tests.pipeline.test_with_transformer import changed, initialize, step, tok2vec_pipeline, transformer_pipeline, weights_of
from tests.training.toy import blinded

PIPELINES = {
    "behind a transformer": transformer_pipeline,
    "blinded": blinded,
    "per pair": lambda folder: marked_pipeline(folder, "attention"),
}


def encoder_weights(nlp):
    return weights_of(hugging_face(nlp.get_pipe("relation_extractor"), nlp).transformer)


@pytest.mark.parametrize("name", PIPELINES)
def test_another_training_begins_with_it(tiny_bert, tmp_path, name):
    nlp = PIPELINES[name](tiny_bert)
    examples, optimizer = initialize(nlp)
    before = encoder_weights(nlp)
    step(nlp, examples, optimizer)
    trained = encoder_weights(nlp)
    assert len(changed(before, trained)) > 20
    nlp.to_disk(tmp_path / "pipeline")
    result = relext("encoder", tmp_path / "encoder", "--from", tmp_path / "pipeline")
    assert result.exit_code == 0, result.output
    assert "the encoder of" in result.output
    assert changed(trained, weights_of(AutoModel.from_pretrained(tmp_path / "encoder"))) == set()
    texts = ["Aspirin increases warfarin levels."]
    stored, original = (AutoTokenizer.from_pretrained(folder)(texts)["input_ids"] for folder in (tmp_path / "encoder", tiny_bert))
    assert stored == original
    other = PIPELINES[name](tmp_path / "encoder")
    initialize(other)
    assert changed(trained, encoder_weights(other)) == set()


def test_weights_are_kept_in_full(tiny_bert, tmp_path):
    nlp = transformer_pipeline(tiny_bert, "bfloat16")
    initialize(nlp)
    save_encoder(nlp, tmp_path / "encoder")
    assert all(weight.dtype == numpy.float32 for weight in weights_of(AutoModel.from_pretrained(tmp_path / "encoder")).values())


def test_what_has_no_encoder_and_where_something_is(tiny_bert, tmp_path):
    nlp = tok2vec_pipeline()
    initialize(nlp)
    with pytest.raises(RelextError, match="relation_extractor reads no encoder of Hugging Face's"):
        save_encoder(nlp, tmp_path / "made")
    nlp = transformer_pipeline(tiny_bert)
    initialize(nlp)
    with pytest.raises(RelextError, match="has the relation extractors relation_extractor, and 'other' is none of them"):
        save_encoder(nlp, tmp_path / "made", "other")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine", encoding="utf8")
    with pytest.raises(RelextError, match="is no empty folder"):
        save_encoder(nlp, tmp_path / "mine")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from", "x", "--name", "all-MiniLM-L6-v2"], "--name and --parts are of encoders in packages"),
        (["--component", "x"], "--component is that of a trained pipeline"),
        (["--from", "no-such-pipeline"], "the pipeline 'no-such-pipeline' cannot be loaded"),
    ],
)
def test_options_that_do_not_fit_together(tmp_path, options, message):
    result = relext("encoder", tmp_path / "made", *options)
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "made").exists()
