"""Several extractors in one pipeline, and data of corpora that have labels of their own."""

import logging
import random

import pytest
import spacy
from spacy.training import Example
from spacy.util import fix_random_seed, load_model_from_config
from thinc.api import Config

from spacy_relext.errors import RelextError
from spacy_relext.pipeline.preparing import annotated_pairs
from spacy_relext.relations import set_annotated_labels
from tests.conftest import make_doc
from tests.pipeline.test_relation_extractor import SMALL

DRUGS = ("aspirin", "warfarin", "ketamine", "rifampicin", "digoxin", "quinine")
# The sentences of both corpora are alike; what either annotates is in the texts of the other, too.
RAISES, LOWERS, BINDS, AVOID = "RAISES", "LOWERS", "BINDS", "AVOID"
INTERACTIONS, PROTEINS = frozenset({RAISES, LOWERS}), frozenset({BINDS, AVOID})
SENTENCES = {RAISES: "{} raises {} .", LOWERS: "{} lowers {} .", BINDS: "{} binds {} .", AVOID: "Avoid {} with {} .", None: "{} and {} ."}
BOTH = {"training": {"score_weights": {"rel_micro_f": None, "first_micro_f": 0.5, "second_micro_f": 0.5}}}


def entry(label, head, tail):
    text = SENTENCES[label].format(head, tail)
    return text, [(head, "DRUG"), (tail, "DRUG")], [(0, 1, label)] if label else []


def corpus(nlp, labels, pairs, given=...):
    """Sentences with all that either corpus annotates, of which the relations with some labels are annotated."""
    examples = []
    for label in SENTENCES:
        for head, tail in pairs:
            text, mentions, relations = entry(label, head, tail)
            doc = make_doc(nlp, text, mentions, [r for r in relations if r[2] in labels])
            set_annotated_labels(doc, labels if given is ... else given)
            examples.append(Example(nlp.make_doc(doc.text), doc))
    return examples


PAIRS = [(a, b) for i, a in enumerate(DRUGS) for b in DRUGS[i + 1 :]]


def make_two(config=BOTH, first="first", second="second", **settings):
    nlp = spacy.blank("en", config=config)
    nlp.add_pipe("sentencizer")
    for name, prefix in (("one", first), ("two", second)):
        nlp.add_pipe("relation_extractor", name=name, config={"model": SMALL, "score_prefix": prefix, **settings})
    nlp.config["initialize"]["components"] = {"one": {"labels": sorted(INTERACTIONS)}, "two": {"labels": sorted(PROTEINS)}}
    return nlp


def learn(nlp, examples, steps=30, **initialize):
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.005
    for _ in range(steps):
        random.shuffle(examples)
        losses = nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    return losses


@pytest.fixture(scope="module")
def both():
    """Two extractors that were trained together, on two corpora with the same texts, of which each annotates labels of its own."""
    nlp = make_two()
    examples = corpus(nlp, INTERACTIONS, PAIRS[::3]) + corpus(nlp, PROTEINS, PAIRS[::3])
    learn(nlp, examples)
    return nlp


def test_each_extractor_learns_its_corpus_and_no_false_negatives(both):
    """Each is right on the texts of the other corpus, where its relations stand without annotation."""
    assert [both.get_pipe(name).labels for name in ("one", "two")] == [(LOWERS, RAISES), (AVOID, BINDS)]
    scores = both.evaluate(corpus(both, INTERACTIONS | PROTEINS, PAIRS[::3]))
    assert {key: scores[f"{key}_micro_f"] for key in ("first", "second")} == {"first": 1.0, "second": 1.0}
    assert set(scores["first_per_type"]) == INTERACTIONS
    assert set(scores["second_per_type"]) == PROTEINS
    assert scores["first_unknown_labels"] == scores["second_unknown_labels"] == 0
    assert not [key for key in scores if key.startswith("rel_")]


def test_an_extractor_is_scored_on_documents_that_cover_its_labels(both, caplog):
    for name in ("one", "two"):
        both.get_pipe(name).notices.forget()
    mixed = corpus(both, INTERACTIONS, PAIRS[:3]) + corpus(both, PROTEINS, PAIRS[:2])
    for _ in range(2):
        scores = both.evaluate(mixed)
    assert [scores[f"{key}_micro_f"] for key in ("first", "second")] == [1.0, 1.0]
    assert [sum(s["support"] for s in scores[f"{key}_per_type"].values()) for key in ("first", "second")] == [6, 4]
    assert caplog.text.count("one: 10 of 25 documents are not scored: they are annotated for AVOID/BINDS, and not for all") == 1
    assert caplog.text.count("two: 15 of 25 documents are not scored: they are annotated for LOWERS/RAISES") == 1
    # All are of the other corpus.
    scores = both.evaluate(corpus(both, PROTEINS, PAIRS[:2]))
    assert (scores["first_micro_f"], scores["second_micro_f"]) == (None, 1.0)


def test_without_the_labels_a_corpus_is_all_negatives_for_the_other_extractor(caplog):
    """What happens where documents do not say what they are annotated for."""
    nlp = make_two()
    examples = corpus(nlp, INTERACTIONS, PAIRS[::3], None) + corpus(nlp, PROTEINS, PAIRS[::3], None)
    learn(nlp, examples, steps=1)
    assert "documents" not in caplog.text
    one = nlp.get_pipe("one")
    taught = [annotated_pairs(one, example) for example in examples]
    assert sum(len(pairs.targets) for pairs in taught) == 2 * len(examples)


def test_passed_over_documents_teach_nothing_and_are_told_once(caplog):
    nlp = make_two()
    examples = corpus(nlp, INTERACTIONS, PAIRS[:4]) + corpus(nlp, PROTEINS, PAIRS[:2])
    with caplog.at_level(logging.WARNING, logger="spacy"):
        nlp.initialize(lambda: examples)
        nlp.update(examples, annotates=["sentencizer"])
    assert caplog.text.count("one: 10 of 30 documents are not learned from: they are annotated for AVOID/BINDS") == 1
    assert caplog.text.count("two: 20 of 30 documents are not learned from") == 1
    for name, others in (("one", examples[20:]), ("two", examples[:20])):
        pairs = [annotated_pairs(nlp.get_pipe(name), example) for example in others]
        assert [len(p.targets) for p in pairs] == [0] * len(others)
        assert nlp.get_pipe(name).update(others) == {name: 0.0}
    assert nlp.get_pipe("one").cfg["mention_types"] == ["DRUG"]


def test_a_part_without_a_rare_label_is_learned_from_and_scored(caplog):
    """Converted alone, a development part names the labels that occur in it: it is of the same corpus all the same."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    pipe = nlp.add_pipe("relation_extractor", config={"model": SMALL})
    train = corpus(nlp, INTERACTIONS, PAIRS[:2])
    learn(nlp, train, steps=1)
    assert "documents" not in caplog.text
    dev = [example for example in corpus(nlp, {RAISES}, PAIRS[:3]) if LOWERS.lower() not in example.text]
    for _ in range(2):
        scores = nlp.evaluate(dev)
    assert sum(s["support"] for s in scores["rel_per_type"].values()) == 3
    assert caplog.text.count("12 of 12 documents are annotated for RAISES alone, and are scored as having no relation with any other") == 1
    assert "relext convert --labels" in caplog.text
    caplog.clear()
    pipe.update(dev)
    pipe.update(dev)
    assert caplog.text.count("12 of 12 documents are annotated for RAISES alone, and are learned from as having no") == 1
    # Named, it is not said.
    pipe.notices.forget()
    caplog.clear()
    nlp.evaluate(corpus(nlp, {RAISES}, PAIRS[:1], INTERACTIONS))
    assert caplog.text == ""


def test_data_of_which_nothing_is_annotated_for_the_labels_is_an_error():
    nlp = make_two()
    examples = corpus(nlp, PROTEINS, PAIRS[:2])
    with pytest.raises(
        RelextError, match=r"one: no document of .* annotated for its labels, LOWERS/RAISES; they .* for AVOID/BINDS.*initialize"
    ):
        nlp.initialize(lambda: examples)


def test_the_beginning_of_a_streamed_corpus_may_be_of_another_corpus(caplog):
    nlp = make_two()
    nlp.config["training"]["max_epochs"] = -1
    examples = corpus(nlp, PROTEINS, PAIRS[:2])
    nlp.initialize(lambda: examples)
    assert caplog.text.count("one: none of the first documents of the training data is annotated for its labels, LOWERS/RAISES") == 1
    losses = nlp.update(corpus(nlp, INTERACTIONS, PAIRS[:2]), sgd=nlp.create_optimizer(), annotates=["sentencizer"])
    assert losses["one"] > 0


def test_types_and_rules_are_those_of_the_own_corpus():
    nlp = make_two(learn_type_rules=True)
    genes = [
        Example(e.predicted, make_doc(nlp, e.text, [(m.text, "GENE") for m in e.reference.ents], [(0, 1, BINDS)]))
        for e in corpus(nlp, PROTEINS, PAIRS[:1])
    ]
    for example in genes:
        set_annotated_labels(example.reference, PROTEINS)
    nlp.initialize(lambda: corpus(nlp, INTERACTIONS, PAIRS[:1]) + genes)
    one, two = (nlp.get_pipe(name).cfg for name in ("one", "two"))
    assert (one["mention_types"], two["mention_types"]) == (["DRUG"], ["GENE"])
    assert one["type_rules"] == {RAISES: [["DRUG", "DRUG"]], LOWERS: [["DRUG", "DRUG"]]}
    assert two["type_rules"] == {BINDS: [["GENE", "GENE"]]}


# One corpus whose labels are divided


def test_documents_that_are_annotated_for_all_labels_teach_both():
    nlp = make_two()
    examples = corpus(nlp, INTERACTIONS | PROTEINS, PAIRS[:1])
    nlp.initialize(lambda: examples)
    assert [nlp.get_pipe(name).cfg["other_labels"] for name in ("one", "two")] == [sorted(PROTEINS), sorted(INTERACTIONS)]
    losses = nlp.update(examples, sgd=nlp.create_optimizer(), annotates=["sentencizer"])
    assert losses["one"] > 0 < losses["two"]
    # What they know of each other is stored: training goes on without initialisation.
    again = spacy.blank("en", config=nlp.config)
    again = load_model_from_config(nlp.config, auto_fill=True).from_bytes(nlp.to_bytes())
    again.update(examples, sgd=again.resume_training(), annotates=["sentencizer"])


@pytest.mark.parametrize("annotated", [None, {RAISES, LOWERS, BINDS, AVOID, "ODD"}])
def test_a_label_that_nobody_has_is_an_error_in_training(annotated):
    nlp = make_two()
    examples = corpus(nlp, INTERACTIONS | PROTEINS, PAIRS[:1])
    odd = make_doc(nlp, "Aspirin helps quinine .", [("Aspirin", "DRUG"), ("quinine", "DRUG")], [(0, 1, "ODD")])
    set_annotated_labels(odd, annotated)
    with pytest.raises(
        RelextError, match=r"labels that no component knows: \['ODD'\].*Add them to \[initialize\.components\.two\.labels\]"
    ):
        nlp.initialize(lambda: [*examples, Example(nlp.make_doc(odd.text), odd)])


def test_annotated_relations_of_labels_that_nobody_has_are_counted(both, caplog):
    odd = make_doc(both, "Aspirin helps quinine .", [("Aspirin", "DRUG"), ("quinine", "DRUG")], [(0, 1, "ODD")])
    set_annotated_labels(odd, INTERACTIONS | PROTEINS | {"ODD"})
    known = corpus(both, INTERACTIONS | PROTEINS, PAIRS[:1])
    for _ in range(2):
        scores = both.evaluate([*known, Example(both.make_doc(odd.text), odd)])
    assert scores["first_unknown_labels"] == scores["second_unknown_labels"] == 1
    assert caplog.text.count("one: 1 annotated relation has a label that no component of the pipeline has (ODD)") == 1


def test_sourced_extractors_know_the_labels_of_each_other(both):
    """They come from pipelines of their own, and were never initialised in this one."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    for name in ("one", "two"):
        own = spacy.blank("en", config={"training": {"score_weights": {"rel_micro_f": None, f"{name}_micro_f": 1.0}}})
        own.add_pipe("sentencizer")
        own.add_pipe("relation_extractor", config={"model": SMALL, "score_prefix": name})
        learn(own, corpus(own, INTERACTIONS if name == "one" else PROTEINS, PAIRS), steps=1)
        nlp.add_pipe("relation_extractor", name=name, source=own)
    scores = nlp.evaluate(corpus(nlp, INTERACTIONS | PROTEINS, PAIRS[:2]))
    assert scores["one_unknown_labels"] == scores["two_unknown_labels"] == 0
    assert set(scores["one_per_type"]) <= INTERACTIONS


# Prefixes and weights


def weights(**values):
    return {"training": {"score_weights": values}}


def two_examples(nlp):
    return lambda: corpus(nlp, INTERACTIONS, PAIRS[:1]) + corpus(nlp, PROTEINS, PAIRS[:1])


CURES = {
    "one prefix": (
        {},
        ("rel", "rel"),
        '[components.two]\nscore_prefix = "two"\n\n[training.score_weights]\nrel_micro_f = 0.25\ntwo_micro_f = 0.25',
    ),
    "the factory's weights": ({}, ("a", "b"), "[training.score_weights]\nrel_micro_f = null\na_micro_f = 0.25\nb_micro_f = 0.25"),
    "one without": ({}, ("rel", "b"), "[training.score_weights]\nrel_micro_f = 0.25\nb_micro_f = 0.25"),
    "the other without": (
        weights(rel_micro_f=0.0, b_macro_f=1.0),
        ("a", "b"),
        "[training.score_weights]\nb_macro_f = null\na_micro_f = 0.25\nb_micro_f = 0.25",
    ),
}


def lines_of(error):
    """The lines of a config in a message, as a config."""
    text = str(error.value).partition("Set in the config:\n\n")[2].partition("\n\nor in Python")[0]
    return text, Config().from_str(f"[training]\n\n[components]\n\n{text}")


@pytest.mark.parametrize(("config", "prefixes", "cure"), CURES.values(), ids=CURES)
def test_scores_that_would_not_count_are_an_error_with_the_lines_that_mend_it(config, prefixes, cure):
    nlp = make_two(config, *prefixes)
    with pytest.raises(RelextError) as error:
        nlp.initialize(two_examples(nlp))
    text, given = lines_of(error)
    assert text == cure
    mended = Config(nlp.config).merge(given)
    again = load_model_from_config(mended, auto_fill=True)
    again.initialize(two_examples(again))
    keys = {key for key, value in again.config["training"]["score_weights"].items() if value} - {"sents_f"}
    scores = again.evaluate(two_examples(again)())
    assert keys <= set(scores)
    assert len(keys) == 2


def test_the_cure_in_python(nlp):
    nlp.add_pipe("sentencizer")
    pipe = nlp.add_pipe("relation_extractor", config={"model": SMALL, "score_prefix": "ddi"})
    examples = corpus(nlp, INTERACTIONS, PAIRS[:1])
    with pytest.raises(RelextError, match=r"no weight for ddi_micro_f, and has one for rel_micro_f") as error:
        nlp.initialize(lambda: examples)
    line = str(error.value).partition("or in Python: ")[2]
    assert line == "nlp.config[\"training\"][\"score_weights\"].update({'rel_micro_f': None, 'ddi_micro_f': 0.5})"
    exec(line, {"nlp": nlp})
    nlp.initialize(lambda: examples)
    assert pipe.labels == (LOWERS, RAISES)
    assert nlp.config["training"]["score_weights"]["ddi_micro_f"] == 0.5


def test_frozen_extractors_need_a_prefix_but_no_weight():
    first = spacy.blank("en")
    first.add_pipe("sentencizer")
    first.add_pipe("relation_extractor", config={"model": SMALL})
    learn(first, corpus(first, INTERACTIONS, PAIRS[:1]), steps=1)

    def start(prefix, **values):
        nlp = spacy.blank("en", config=weights(**values))
        nlp.add_pipe("sentencizer")
        # Before the frozen one: that is what keeps its prefix.
        nlp.add_pipe("relation_extractor", name="two", config={"model": SMALL, "score_prefix": prefix})
        nlp.add_pipe("relation_extractor", name="one", source=first)
        nlp.config["training"]["frozen_components"] = ["one"]
        with nlp.select_pipes(disable=["one"]):
            nlp.initialize(lambda: corpus(nlp, PROTEINS, PAIRS[:1]))
        return nlp

    with pytest.raises(
        RelextError,
        match=r'(?s)^two has the score_prefix \'rel\', as one .*"two"\n\n.*\nrel_micro_f = null\ntwo_micro_f = 0\.5$',
    ):
        start("rel")
    with pytest.raises(RelextError, match=r"two: \[training\.score_weights\] has no weight for b_micro_f, and has one for rel_micro_f"):
        start("b")
    assert start("b", rel_micro_f=None, b_micro_f=1.0).get_pipe("two").cfg["other_labels"] == sorted(INTERACTIONS)


def test_other_components_have_score_names_too(nlp):
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("morphologizer")
    nlp.add_pipe("relation_extractor", config={"model": SMALL, "score_prefix": "morph"})
    nlp.config["training"]["score_weights"] = {"rel_micro_f": None, "morph_micro_f": 1.0}
    nlp.add_pipe("textcat")
    nlp.get_pipe("relation_extractor").score_prefix = "cats"
    with pytest.raises(RelextError, match=r"relation_extractor has the score_prefix 'cats', as textcat has"):
        nlp.get_pipe("relation_extractor").initialize(lambda: corpus(nlp, INTERACTIONS, PAIRS[:1]), nlp=nlp)


def test_a_weight_that_nobody_has_scores_for_is_told(caplog):
    nlp = make_two(weights(first_micro_f=0.5, second_micro_f=0.5))
    nlp.initialize(two_examples(nlp))
    assert caplog.text.count("has the factory's weight for rel_micro_f, and no component gives this score") == 1
    # Relations do not decide: that is for the user to say.
    nlp = make_two(weights(rel_micro_f=None))
    nlp.initialize(two_examples(nlp))


def test_extractors_of_one_prefix_cannot_be_scored_together(both):
    """They may have been sourced, and initialised elsewhere."""
    one = both.get_pipe("one")
    one.score_prefix = "second"
    try:
        with pytest.raises(RelextError, match=r"one and two have the same score_prefix, 'second'.*spacy\.load\(…, config="):
            both.evaluate(corpus(both, INTERACTIONS, PAIRS[:1]))
    finally:
        one.score_prefix = "first"


def test_the_prefix_of_a_stored_pipeline_is_that_of_its_config(both, tmp_path):
    both.to_disk(tmp_path / "both")
    assert spacy.load(tmp_path / "both").get_pipe("two").score_prefix == "second"
    nlp = spacy.load(tmp_path / "both", config={"components": {"two": {"score_prefix": "new"}}})
    scores = nlp.evaluate(corpus(nlp, PROTEINS, PAIRS[:1]))
    assert scores["new_micro_f"] == 1.0


def test_an_empty_prefix_is_an_error(nlp):
    with pytest.raises(RelextError, match="score_prefix is empty"):
        nlp.add_pipe("relation_extractor", config={"model": SMALL, "score_prefix": ""})
