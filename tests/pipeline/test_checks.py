"""What makes results empty is told: each kind once, with what was seen and the cure."""

import copy
import gc
import logging
import pickle
import re

import pytest
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Linear, Model, PyTorchWrapper, chain

from spacy_relext.ml.architectures import reads_text_order
from spacy_relext.notices import gathering
from spacy_relext.pipeline.checks import MANY_PAIRS, MANY_UPDATES, Home
from tests.conftest import TRAIN_DATA, make_doc
from tests.pipeline.test_relation_extractor import NESTED, SMALL, constant, make_examples, make_pipeline
from tests.pipeline.test_with_transformer import tok2vec_pipeline

TEXT = "Ritonavir inhibits CYP3A4."
# Which types a relation may have in these tests, and one of a label of the training data that is not listed.
RULES = {"A": [["DRUG", "GENE"]]}


@pytest.fixture
def told(caplog):
    """What was told since it was last asked for."""
    caplog.set_level(logging.WARNING)

    def messages():
        found = [record.getMessage() for record in caplog.records if record.name == "spacy.relext"]
        caplog.clear()
        return found

    return messages


def doc_of(nlp, *types, text=TEXT):
    """A Doc of one sentence with a mention for each of its first and third words."""
    doc = nlp.make_doc(text)
    doc.ents = [Span(doc, 2 * i, 2 * i + 1, label=kind) for i, kind in enumerate(types)]
    return doc


def ruler(nlp, name="entity_ruler", **place):
    nlp.add_pipe(name, **place).add_patterns([{"label": "DRUG", "pattern": "Ritonavir"}, {"label": "GENE", "pattern": "CYP3A4"}])


# Types


def test_unknown_mention_types(told):
    nlp, _, _ = constant([0, 2], ["A"])
    told()
    nlp(doc_of(nlp, "DRUG", "GENE"))
    assert told() == []
    list(nlp.pipe([doc_of(nlp, "Drug", "GENE"), doc_of(nlp, "Drug", "Gene")]))
    [message] = told()
    assert message.startswith(
        "relation_extractor: 3 of 4 mentions have a type that was not in training: Drug, Gene. Known are DRUG, GENE. "
    )
    assert "Give the mentions the types of the training data." in message
    nlp(doc_of(nlp, "Drug", "GENE"))
    assert told() == []


def test_unknown_types_in_annotated_data_are_told_at_its_score(told):
    nlp, pipe, _ = constant([0, 2], ["A"])
    told()
    pipe.score(make_examples(nlp, [(TEXT, [("Ritonavir", "Drug"), ("CYP3A4", "Gene")], [(0, 1, "A")])]))
    [message] = told()
    assert "2 of 2 mentions have a type that was not in training: Drug, Gene." in message


def test_a_model_without_types_knows_them_all(told):
    nlp, pipe = make_pipeline()
    pipe.initialize(lambda: make_examples(nlp, TRAIN_DATA), mention_types=[])
    told()
    nlp(doc_of(nlp, "Drug", "Gene"))
    assert told() == []


def test_type_rules_that_no_mention_fits(told):
    nlp, pipe, _ = constant([0, 2], ["A"], type_rules=RULES)
    told()
    # A recogniser at the beginning of its training finds one type everywhere.
    list(nlp.pipe(doc_of(nlp, "GENE", "GENE") for _ in range(MANY_PAIRS)))
    assert told() == []
    pipe.checks.begin_training()
    pipe.checks.in_training = False
    list(nlp.pipe([doc_of(nlp, "GENE", "GENE")] * 2))
    # Two genes in a sentence are nothing strange: there may be drugs in the next one.
    assert told() == []
    list(nlp.pipe(doc_of(nlp, "GENE", "GENE") for _ in range(MANY_PAIRS)))
    [message] = told()
    assert message.startswith("relation_extractor: type_rules excludes all candidate pairs so far. The types of their mentions are GENE;")
    assert "allowed are relations between DRUG and GENE." in message


def test_type_rules_without_any_of_the_types(told):
    data = [("Ritonavir inhibits CYP3A4.", [("Ritonavir", "DRUG"), ("CYP3A4", "GENE")], [(0, 1, "A")])]
    data.append(("Fever causes pain.", [("Fever", "DISEASE"), ("pain", "DISEASE")], []))
    nlp, _ = make_pipeline(type_rules=RULES)
    nlp.initialize(lambda: make_examples(nlp, data))
    assert told() == []
    nlp(doc_of(nlp, "DISEASE", "DISEASE"))
    assert "type_rules excludes all candidate pairs so far. The types of their mentions are DISEASE;" in told()[0]


def test_once_a_pair_was_allowed_the_rules_are_right(told):
    nlp, _, _ = constant([0, 2], ["A"], type_rules=RULES)
    told()
    nlp(doc_of(nlp, "DRUG", "GENE"))
    list(nlp.pipe(doc_of(nlp, "GENE", "GENE") for _ in range(MANY_PAIRS)))
    assert told() == []


def test_types_in_rules_that_the_training_data_does_not_have(told):
    nlp, _ = make_pipeline(type_rules={"A": [["Drug", "GENE"]]})
    nlp.initialize(lambda: make_examples(nlp, [(TEXT, [("Ritonavir", "DRUG"), ("CYP3A4", "GENE")], [(0, 1, "A")])]))
    assert [m for m in told() if "type_rules names Drug, and no mention of the training data has such a type; they are DRUG, GENE." in m]


def test_rules_of_a_config_for_types_that_the_model_does_not_know(told, tmp_path):
    nlp, _, _ = constant([0, 2], ["A"], type_rules=RULES)
    nlp.to_disk(tmp_path)
    told()
    spacy.load(tmp_path)
    spacy.load(tmp_path, config={"components": {"relation_extractor": {"type_rules": {"A": [["GENE", "DRUG"]]}}}})
    assert told() == []
    spacy.load(tmp_path, config={"components": {"relation_extractor": {"type_rules": {"A": [["Drug", "GENE"]]}}}})
    [message] = told()
    assert "type_rules names Drug, and no mention of the training data has such a type; they are DRUG, GENE." in message


# Mentions


def test_extractor_before_its_ruler(told):
    nlp, _, _ = constant([0, 2], ["A"])
    ruler(nlp)
    told()
    doc = nlp(TEXT)
    assert (len(doc.ents), doc._.relations) == (2, [])
    [message] = told()
    assert message == (
        "relation_extractor: no document had a mention, and entity_ruler, which finds mentions, comes after relation_extractor. Add it "
        'before: nlp.add_pipe(…, before="relation_extractor").'
    )
    nlp(TEXT)
    assert told() == []


def test_ruler_before_its_extractor(told):
    nlp, _, _ = constant([0, 2], ["A"])
    ruler(nlp, before="relation_extractor")
    told()
    assert len(nlp(TEXT)._.relations) == 2
    nlp("There is no drug here.")
    assert told() == []


def test_nobody_finds_mentions(told, tmp_path):
    nlp, _, _ = constant([0, 2], ["A"])
    told()
    # In training, as between updates: the annotated mentions are scored.
    nlp.evaluate(make_examples(nlp))
    assert not [m for m in told() if "finds any" in m]
    nlp.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    # One that was asked for and has none is no fault, and neither is an empty text.
    doc = nlp.make_doc(TEXT)
    doc.ents = []
    nlp(doc)
    nlp("")
    assert told() == []
    nlp(TEXT)
    [message] = told()
    assert (
        "no document had a mention, and no component of the pipeline (sentencizer, relation_extractor) finds any. Put an entity" in message
    )


@pytest.mark.parametrize("kept", [True, False])
def test_a_sourced_extractor_in_a_pipeline_without_mentions(told, tmp_path, kept):
    nlp, _, _ = constant([0, 2], ["A"])
    ruler(nlp, before="relation_extractor")
    nlp.to_disk(tmp_path)
    source, other = spacy.load(tmp_path), spacy.blank("en")
    other.add_pipe("sentencizer")
    other.add_pipe("relation_extractor", "found", source=source)
    if not kept:
        del source
        gc.collect()
    told()
    # Where somebody has looked, or the text is empty, there is no fault.
    doc = other.make_doc(TEXT)
    doc.ents = []
    other(doc)
    other("")
    assert told() == []
    other(TEXT)
    other(TEXT)
    [message] = told()
    assert message.startswith("found: no document had a mention, and no component before found has looked for any.")
    ruler(other, before="found")
    assert len(other(TEXT)._.relations) == 2


@Language.component("says_nothing_of_itself")
def say_nothing(doc):
    return doc


def test_components_that_do_not_say_what_they_assign(told, tmp_path):
    nlp, _, _ = constant([0, 2], ["A"])
    nlp.add_pipe("says_nothing_of_itself", first=True)
    nlp.to_disk(tmp_path)
    told()
    spacy.load(tmp_path)(TEXT)
    assert told() == []


def test_misspelt_spans_key_in_prediction(told):
    nlp, _, _ = constant([0, 2], ["A"], spans_key="mentions", candidates=NESTED)
    told()

    def given(key, with_entities):
        doc = doc_of(nlp, *(["DRUG", "GENE"] if with_entities else []))
        doc.spans[key] = [doc[:1], doc[2:3]]
        return doc

    # The fallback is meant: other groups are of other components.
    nlp(given("sc", with_entities=True))
    nlp(given("mentions", with_entities=False))
    assert not [m for m in told() if "spans_key" in m]
    with gathering() as found:
        nlp(given("mention", with_entities=True))
        nlp(given("sc", with_entities=False))
    [message] = found.lines()
    assert message == (
        "relation_extractor: spans_key is 'mentions', and 2 documents have other groups in doc.spans ('mention', 'sc') and none of this "
        "name. Their entities (doc.ents) are taken as mentions. Set spans_key to the name of the group with the mentions."
    )


def test_misspelt_spans_key_in_training(told):
    def examples(nlp):
        doc = make_doc(nlp, *TRAIN_DATA[0])
        doc.spans["mentions"] = list(doc.ents)
        return [Example(nlp.make_doc(doc.text), doc)]

    for key, n in (("mention", 1), ("mentions", 0)):
        nlp, _ = make_pipeline(spans_key=key)
        nlp.initialize(lambda nlp=nlp: examples(nlp))
        assert len([m for m in told() if "('mentions')" in m]) == n


def test_excluded_encoder_and_a_recogniser_that_finds_nothing(told, tmp_path):
    nlp = tok2vec_pipeline()
    nlp.initialize(lambda: make_examples(nlp))
    nlp.to_disk(tmp_path)
    told()
    doc = nlp.make_doc(TEXT)
    doc.ents = []
    for how in ({"exclude": ["tok2vec"]}, {"disable": ["tok2vec"]}):
        spacy.load(tmp_path, **how)(doc.copy())
        [message] = told()
        assert "no document had a candidate pair, nor the output of the tok2vec that relation_extractor listens to." in message
    spacy.load(tmp_path)(doc)
    assert told() == []


# Training


@pytest.mark.parametrize("looked", [True, False])
def test_training_on_predicted_mentions_without_any(told, looked):
    nlp, _ = make_pipeline(use_gold_mentions=False)
    ruler(nlp, before="relation_extractor")
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    told()
    if looked:
        # A recogniser that has not learned anything yet.
        for example in examples:
            example.predicted.ents = []
    for _ in range(MANY_UPDATES):
        assert not (looked and told())
        losses = nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    assert losses["relation_extractor"] == 0.0
    [message] = told()
    assert "use_gold_mentions = false, and the pipeline has predicted no mention so far, where 12 are annotated" in message
    assert '[training] annotating_components = ["sentencizer", "entity_ruler"]; or set use_gold_mentions = true.' in message


def test_training_on_predicted_mentions_that_are_there(told):
    nlp, _ = make_pipeline(use_gold_mentions=False)
    ruler(nlp, before="relation_extractor")
    optimizer = nlp.initialize(lambda: make_examples(nlp))
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "DRUG", "pattern": "warfarin"}])
    told()
    for _ in range(MANY_UPDATES + 1):
        nlp.update(make_examples(nlp), sgd=optimizer, annotates=["sentencizer", "entity_ruler"])
    assert told() == []


def test_development_data_without_relations(told):
    nlp, pipe, _ = constant([0, 2], ["A"])
    told()
    bare = nlp.make_doc(TEXT)
    assert pipe.score([Example(bare.copy(), bare)])["rel_micro_f"] is None
    assert "none of the documents that are scored (1) is annotated for relations" in told()[0]
    pipe.checks.begin_training()
    pipe.score(make_examples(nlp, [(TEXT, [("Ritonavir", "DRUG")], [])]))
    assert "none of the annotated documents that are scored (1) has a relation, so F is 0 whatever is found." in told()[0]
    pipe.checks.begin_training()
    pipe.score(make_examples(nlp, [(TEXT, [("Ritonavir", "DRUG"), ("CYP3A4", "GENE")], [(0, 1, "A")])]))
    pipe.score([])
    assert told() == []


@pytest.mark.parametrize(("steps", "planned", "n"), [(100, 100, 0), (100, "${training.max_steps}", 0), (300, 2000, 1), (0, 2000, 0)])
def test_rate_that_is_planned_for_other_steps(told, steps, planned, n):
    nlp, pipe = make_pipeline()
    nlp.config["training"]["max_steps"] = steps
    nlp.config["training"]["optimizer"]["learn_rate"] = {"@schedules": "warmup_linear.v1", "warmup_steps": 9, "total_steps": planned}
    pipe.initialize(lambda: make_examples(nlp), nlp=nlp)
    found = [m for m in told() if "steps" in m]
    assert len(found) == n
    assert not n or "training ends after 300 steps, and the learning rate is planned for 2,000." in found[0]


GENE_LAST = [("Ritonavir inhibits CYP3A4.", [("Ritonavir", "DRUG"), ("CYP3A4", "GENE")], [(0, 1, "INHIBITS")])]


@pytest.mark.parametrize(
    ("data", "settings", "text_order", "said"),
    [
        (TRAIN_DATA, {"ordered": False}, True, r"the head is the first mention in \d\d? of \d\d? candidate pairs that were looked at"),
        (GENE_LAST, {"types": [["GENE", "DRUG"]]}, True, "the head is the second mention in 1 of 1 candidate pair that was looked at"),
        (TRAIN_DATA, {"ordered": True}, True, None),
        (TRAIN_DATA, {"types": [["NONE", "NONE"]]}, True, None),
        (TRAIN_DATA, {"ordered": False}, False, None),
    ],
    ids=["unordered", "tail first", "both ways", "no pairs", "not asked for"],
)
def test_text_order_where_the_head_is_always_the_first_or_the_second_mention(told, data, settings, text_order, said):
    candidates = {"@misc": "spacy-relext.sentence_pairs.v1", **settings}
    model = {**SMALL, "summary": {"@relext_summaries": "spacy-relext.mentions.v1"}, "text_order": text_order}
    nlp, pipe = make_pipeline(candidates=candidates, model=model)
    pipe.initialize(lambda: make_examples(nlp, data), nlp=nlp)
    found = [m for m in told() if "text_order" in m]
    assert len(found) == (said is not None)
    assert said is None or re.search(said, found[0])


def test_a_model_of_somebody_else_reads_nothing_in_the_order_of_the_text():
    """Without a head, with one that is no torch module, with one that is another module."""
    layer = chain(Linear(2, 2), Linear(2, 2))
    torch_layer = PyTorchWrapper(torch.nn.Linear(2, 2))
    heads = [{}, {"head": layer.layers[1]}, {"head": torch_layer}]
    assert [reads_text_order(Model("own", forward=layer._func, layers=[layer, torch_layer], refs=head)) for head in heads] == [False] * 3


def test_rehearsal_says_that_it_does_nothing(told):
    nlp, pipe, _ = constant([0, 2], ["A"])
    before = pipe.model.to_bytes()
    assert nlp.rehearse(make_examples(nlp), losses={"other": 1.0}) == {"other": 1.0}
    assert "rehearse does nothing for relations." in told()[-1]
    assert pipe.model.to_bytes() == before


# The pipeline that a component is in


def test_analysis_of_the_pipeline_finds_what_is_missing():
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor", config={"model": SMALL})
    assert nlp.analyze_pipes()["problems"]["relation_extractor"] == ["doc.ents", "token.is_sent_start"]
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("entity_ruler", first=True)
    assert nlp.analyze_pipes()["problems"]["relation_extractor"] == ["token.is_sent_start"]
    nlp.remove_pipe("sentencizer")
    nlp.add_pipe("sentencizer", first=True)
    assert nlp.analyze_pipes()["problems"]["relation_extractor"] == []


def test_home_is_held_by_nobody_and_by_no_copy():
    nlp, pipe = make_pipeline()
    assert pipe.checks.home.of(pipe) is nlp
    with nlp.select_pipes(disable=["relation_extractor"]):
        assert pipe.checks.home.of(pipe) is None
        assert pipe.checks.home.nlp is nlp
    assert Home().of(pipe) is None
    for same in (copy.deepcopy(pipe.checks), pickle.loads(pickle.dumps(pipe.checks))):
        assert same.home.nlp is None
    del nlp
    gc.collect()
    assert pipe.checks.home.nlp is None


def test_docs_are_not_looked_at_twice_for_nothing(told):
    """A batch with mentions and one without: neither is a fault."""
    nlp, _, _ = constant([0, 2], ["A"])
    ruler(nlp)
    told()
    list(nlp.pipe([doc_of(nlp, "DRUG", "GENE"), nlp.make_doc("Nothing."), Doc(nlp.vocab)]))
    assert told() == []
