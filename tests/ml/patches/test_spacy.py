"""`ner` that decides for all tokens at once finds what spaCy's finds, in every state that it may be in."""

import pickle
import random

import numpy
import pytest
import spacy
from spacy.pipeline import EntityRecognizer
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.ml.patches import SWITCH
from spacy_relext.ml.patches import spacy as patch
from spacy_relext.ml.patches.spacy import AT_ONCE, QuickRecognizer, recognize_at_once
from spacy_relext.ml.patches.spacy_transformers import KEPT
from tests.pipeline.test_with_transformer import LISTENER, initialize, transformer_pipeline

WORDS = ["aspirin", "raises", "CYP2C9", "a", "level", "of", "warfarin", " ", "\n", "blood"]
CNN = {"@architectures": "spacy.HashEmbedCNN.v2", "pretrained_vectors": None, "width": 16, "depth": 1, "embed_size": 100}
CNN |= {"window_size": 1, "maxout_pieces": 2, "subword_features": False}
MODEL = {"@architectures": "spacy.TransitionBasedParser.v2", "state_type": "ner", "extra_state_tokens": False}
MODEL |= {"hidden_width": 8, "maxout_pieces": 2, "use_upper": False, "tok2vec": CNN}


def make_ner(seed=0, labels=("CHEMICAL", "GENE-PRODUCT", "DISEASE"), **model):
    """A pipeline whose recognizer has random weights that make long and short entities of all types."""
    nlp = spacy.blank("en")
    ner = nlp.add_pipe("ner", config={"model": MODEL | model})
    for label in labels:
        ner.add_label(label)
    nlp.initialize()
    rng = numpy.random.default_rng(seed)
    for node in ner.model.walk():
        for name in node.param_names:
            if node.has_param(name):
                node.set_param(name, rng.normal(size=node.get_param(name).shape).astype("f"))
    return nlp


def make_docs(nlp, seed=0):
    rng = random.Random(seed)
    docs = []
    for length in (0, 1, 2, 30, 7, 1, 60, 0):
        words = rng.choices(WORDS, k=length)
        starts = None if rng.random() < 0.3 else [rng.random() < 0.2 for _ in words]
        docs.append(Doc(nlp.vocab, words=words, sent_starts=starts))
    return docs


def annotated(ner, docs):
    for _ in ner.pipe(docs, batch_size=8):
        pass
    return [[*[(e.start, e.end, e.label_, e.kb_id_) for e in doc.ents], doc.to_array(["ENT_IOB", "ENT_TYPE"]).tolist()] for doc in docs]


def both(nlp, make=make_docs, **kwargs):
    """What spaCy's recognizer finds, and what the one in its place does."""
    stock = annotated(nlp.get_pipe("ner"), make(nlp, **kwargs))
    recognize_at_once(nlp)
    assert type(nlp.get_pipe("ner")) is QuickRecognizer
    return stock, annotated(nlp.get_pipe("ner"), make(nlp, **kwargs))


@pytest.mark.parametrize("seed", range(12))
def test_finds_the_same(seed):
    nlp = make_ner(seed, maxout_pieces=1 + seed % 3)
    stock, ours = both(nlp, seed=seed)
    assert ours == stock
    assert sum(len(found) - 1 for found in stock) > 5


def test_equal_scores_go_to_the_action_that_stands_first():
    nlp = make_ner()
    for name in ("W", "b", "pad"):
        param = nlp.get_pipe("ner").model.get_ref("lower").get_param(name)
        param[:] = numpy.round(param / 3)
    stock, ours = both(nlp)
    assert ours == stock


def favour(ner, kinds, by=500):
    """Let a recognizer take these actions wherever it may."""
    for i in range(ner.moves.n_moves):
        ner.model.get_ref("lower").get_param("b")[i] += by * (ner.moves.get_class_name(i)[0] in kinds)


@pytest.mark.parametrize("by", [8, 12, 500])
def test_follows_long_entities(by):
    nlp = make_ner()
    favour(nlp.get_pipe("ner"), "BI", by)
    stock, ours = both(nlp, lambda nlp: [Doc(nlp.vocab, words=WORDS[:7] * 40), *make_docs(nlp)])
    assert ours == stock
    assert any(end - start > AT_ONCE for found in ours for start, end, *_ in found[:-1])


def test_entities_that_begin_everywhere_are_not_all_followed(monkeypatch):
    nlp, asked = make_ner(), []
    favour(nlp.get_pipe("ner"), "BI")
    go_on = patch._go_on
    monkeypatch.setattr(patch, "_go_on", lambda first, label, at, *args: asked.append(len(at)) or go_on(first, label, at, *args))
    recognize_at_once(nlp)
    doc = Doc(nlp.vocab, words=["aspirin"] * 1000)
    annotated(nlp.get_pipe("ner"), [doc])
    assert [len(entity) for entity in doc.ents] == [1000]
    assert sum(asked) < (AT_ONCE + 2) * len(doc)


def test_a_recognizer_without_some_of_the_actions_is_left_to_spacy():
    nlp = make_ner()
    ner = nlp.get_pipe("ner")
    ner.moves.initialize_actions({kind: of for kind, of in ner.moves.labels.items() if kind != 2} | {2: {"GENE-PRODUCT": 1}})
    ner.model = make_ner(labels=("A",), use_upper=False).get_pipe("ner").model
    ner.set_output(ner.moves.n_moves)
    ner.model.attrs["unseen_classes"].clear()
    stock, ours = both(nlp)
    assert ours == stock


def test_a_type_that_a_token_has_is_learned_as_spacy_learns_it():
    def make(nlp):
        docs = make_docs(nlp)
        docs[3][4].ent_type_ = "NEW"
        return docs

    nlp = make_ner()
    recognize_at_once(nlp)
    annotated(nlp.get_pipe("ner"), make(nlp))
    assert "NEW" in nlp.get_pipe("ner").labels


def test_vectors_that_are_no_numbers_are_left_to_spacy():
    nlp = make_ner()
    nlp.get_pipe("ner").model.get_ref("tok2vec").layers[-1].get_param("b")[0] = numpy.nan
    stock, ours = both(nlp)
    assert ours == stock


def test_what_was_kept_for_rehearsals_stays():
    nlp = make_ner()
    nlp.resume_training()
    kept = nlp.get_pipe("ner")._rehearsal_model
    recognize_at_once(nlp)
    assert nlp.get_pipe("ner")._rehearsal_model is kept is not None


def test_what_is_set_before_is_kept_as_spacy_keeps_it():
    def make(nlp):
        docs = make_docs(nlp)
        docs[3].ents = [Span(docs[3], 2, 5, label="GENE-PRODUCT")]
        docs[6].set_ents([], blocked=[Span(docs[6], 4, 9)], default="unmodified")
        return docs

    stock, ours = both(make_ner(), make)
    assert ours == stock
    assert (2, 5, "GENE-PRODUCT", "") in ours[3]


@pytest.mark.parametrize("model", [{"use_upper": True}, {"extra_state_tokens": True}])
def test_other_models_are_left_to_spacy(model):
    stock, ours = both(make_ner(**model))
    assert ours == stock


def test_a_label_that_is_not_taught_yet_is_left_to_spacy():
    nlp = make_ner()
    nlp.get_pipe("ner").add_label("NEW")
    assert nlp.get_pipe("ner").model.attrs["unseen_classes"]
    stock, ours = both(nlp)
    assert ours == stock


def test_is_stored_copied_and_trained_as_spacys(tmp_path):
    nlp = make_ner()
    stock = annotated(nlp.get_pipe("ner"), make_docs(nlp))
    before = nlp.to_bytes()
    recognize_at_once(nlp)
    nlp.to_disk(tmp_path / "pipeline")
    assert type(spacy.load(tmp_path / "pipeline").get_pipe("ner")) is EntityRecognizer
    assert nlp.to_bytes() == before
    for copied in (pickle.loads(pickle.dumps(nlp)), spacy.load(tmp_path / "pipeline")):
        assert annotated(copied.get_pipe("ner"), make_docs(copied)) == stock
    doc = nlp.make_doc("aspirin raises warfarin")
    losses = nlp.update([Example.from_dict(doc, {"entities": [(0, 7, "CHEMICAL")]})], sgd=nlp.create_optimizer())
    assert losses["ner"] > 0
    assert nlp.to_bytes() != before


def test_does_nothing_without_patches(monkeypatch):
    nlp = make_ner()
    monkeypatch.setenv(SWITCH, "0")
    recognize_at_once(nlp)
    assert type(nlp.get_pipe("ner")) is EntityRecognizer


def test_vectors_of_tokens_are_taken_once_for_recognizer_and_extractor(tiny_bert):
    nlp = transformer_pipeline(tiny_bert)
    ner = nlp.add_pipe("ner", before="relation_extractor", config={"model": MODEL | {"tok2vec": LISTENER}})
    ner.add_label("CHEMICAL")
    recognize_at_once(nlp)
    examples, _ = initialize(nlp)
    docs, kept = [example.predicted for example in examples], {}
    for name, pipe in nlp.pipeline:
        docs = list(pipe.pipe(docs))
        kept[name] = [KEPT in vars(doc._.trf_data) for doc in docs if doc._.trf_data]
    assert kept["ner"] == [True] * len(docs)
    assert not any(kept["transformer"] + kept["relation_extractor"])
