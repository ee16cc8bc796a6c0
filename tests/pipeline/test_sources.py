"""Relations of several sources on one Doc: extractors, rules, annotation; what stays, what goes, and what is scored."""

import logging

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.errors import RelextError
from spacy_relext.evaluation import extractor_of
from spacy_relext.relations import Relation, between_concepts, get_relations, set_relations, sources_of
from spacy_relext.scorer import score_relations
from tests.conftest import make_doc
from tests.pipeline.test_relation_extractor import constant

RULE = "sets_relations_by_rule"


@Language.component(RULE)
def sets_relations_by_rule(doc):
    doc._.relations += [Relation(doc.ents[1], doc.ents[0], "REVERSE", 0.5, sources=RULE)]
    return doc


def extractor(*labels, biases=(0.0, 3.0), **settings):
    """A pipeline whose extractor gives every pair its first label; two entities, both orders."""
    return constant([*biases, *[-3.0] * (len(labels) - 1)], labels, **settings)[0]


def joined(**sources):
    """A pipeline of several extractors, by their name."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    for name, source in sources.items():
        source.rename_pipe("relation_extractor", name)
        nlp.add_pipe(name, source=source)
    return nlp


def annotated(nlp, *labels):
    """A Doc with its entities, and relations of these labels from the first to the second."""
    data = ("Ritonavir inhibits CYP3A4.", [("Ritonavir", "DRUG"), ("CYP3A4", "GENE")])
    return make_doc(nlp, *data, [(0, 1, label) for label in labels])


def bare(nlp):
    doc = annotated(nlp)
    doc.user_data.clear()
    return doc


def found(doc):
    return {(r.head.text[0], r.label): {name: round(score, 1) for name, score in r.source_scores.items()} for r in doc._.relations}


@pytest.fixture(scope="module")
def two():
    """Extractors with a label of their own each, and one that both have."""
    return joined(ddi=extractor("ALL", "X"), chemprot=extractor("ALL", "Y"))


def test_the_second_extractor_leaves_the_relations_of_the_first():
    first, second = extractor("A"), extractor("B", biases=(0.0, 2.0))
    nlp = joined(first=first, second=second)
    doc = nlp(bare(nlp))
    expected = {(head, label): {name: score} for head in "RC" for label, name, score in (("A", "first", 1.0), ("B", "second", 0.9))}
    assert found(doc) == expected
    # Twice is once, and in the other order the same.
    assert found(nlp(doc)) == expected
    assert found(second(first(bare(nlp)))) == expected


def test_what_both_find_is_one_relation_of_two_sources(two):
    doc = two(bare(two))
    assert [r.sources for r in doc._.relations] == [("chemprot", "ddi")] * 2
    (one, _) = doc._.relations
    assert one.score == max(one.source_scores.values())


@pytest.mark.parametrize("together", [True, False])
def test_annotation_is_no_prediction(two, together):
    """Relations that a Doc brings are neither scored, nor lost."""
    gold = annotated(two, "X", "ALL")
    docs = [annotated(two, "X", "ALL"), annotated(two)]
    docs = list(two.pipe(docs)) if together else [two(doc) for doc in docs]
    assert found(docs[0])["R", "X"] == {"": 1.0}
    assert set(found(docs[0])["R", "ALL"]) == {"", "ddi", "chemprot"}
    assert not any("" in r.sources for r in docs[1]._.relations)
    for name in ("ddi", "chemprot"):
        pipe = two.get_pipe(name)
        pipe.cfg["use_gold_mentions"] = False
        pipe.cfg["labels"] = ["ALL", "X"]
        try:
            scores = pipe.score([Example(docs[0], gold)], score_prefix="rel")
            del pipe.cfg["use_gold_mentions"]
        finally:
            pipe.cfg.update(use_gold_mentions=True, labels=["ALL", "X" if name == "ddi" else "Y"])
        # Found are ALL in both directions; X of the annotation is a miss.
        assert (scores["rel_micro_p"], scores["rel_micro_r"]) == (0.5, 0.5)
    assert score_relations([Example(docs[0], gold)])["rel_micro_r"] == 1.0  # whoever says so


def test_relations_between_concepts_are_those_of_the_component(two):
    doc = two(annotated(two, "X"))
    doc.set_ents([Span(doc, ent.start, ent.end, ent.label, kb_id=f"C{i}") for i, ent in enumerate(doc.ents)])
    assert {r.label for r in between_concepts(doc)[0]} == {"X", "ALL"}
    assert {r.label for r in between_concepts(doc, "ddi")[0]} == {"ALL"}
    assert between_concepts(doc, "nobody") == ([], [])


def test_docs_that_bring_relations_are_told_of_once(caplog):
    nlp = extractor("A")
    with caplog.at_level(logging.WARNING, "spacy"):
        nlp(nlp(bare(nlp)))
        assert not caplog.records
        for _ in range(2):
            nlp(annotated(nlp, "A", "B"))
    (record,) = caplog.records
    assert "documents bring 2 relations that no component of this pipeline found" in record.getMessage()
    assert "set doc._.relations = [] before, or overwrite = true" in record.getMessage()


def test_rules_name_themselves_and_stay(caplog):
    for place in ("first", "last"):
        nlp = extractor("A")
        nlp.add_pipe(RULE, **{place: True})
        doc = nlp(nlp(bare(nlp)))
        assert found(doc) == {
            ("R", "A"): {"relation_extractor": 1.0},
            ("C", "A"): {"relation_extractor": 1.0},
            ("C", "REVERSE"): {RULE: 0.5},
        }
    assert not caplog.records


def test_overwrite_begins_anew(caplog):
    nlp = extractor("A", overwrite=True)
    doc = nlp(annotated(nlp, "B"))
    assert {r.label for r in doc._.relations} == {"A"}
    assert sources_of(doc) == {"relation_extractor"}
    assert not caplog.records
    assert nlp.config["components"]["relation_extractor"]["overwrite"] is True


def test_a_pair_keeps_the_label_of_others_and_loses_what_is_found_no_more():
    nlp = extractor("A")
    doc = nlp(annotated(nlp, "B"))
    assert {r.label for r in doc._.relations} == {"A", "B"}
    nlp.get_pipe("relation_extractor").cfg["threshold"] = 1.0
    assert [r.label for r in nlp(doc)._.relations] == ["B"]


def test_relations_of_others_alone_are_told_of_instead_of_scored(caplog):
    nlp = extractor("A")
    pipe = nlp.get_pipe("relation_extractor")
    pipe.cfg["use_gold_mentions"] = False
    assert pipe.score([Example(annotated(nlp, "A"), annotated(nlp, "A"))])["rel_micro_f"] == 0.0
    assert "none is scored, since none comes from this component; they come from a caller, an annotation or an older file" in caplog.text


def test_stored_relations_without_sources_are_read(two):
    """As they were stored before there were any."""
    doc = bare(two)
    set_relations(doc, [Relation(*doc.ents, "ALL", 0.75)])
    entries = [entry for value in doc.user_data.values() for entry in value]
    assert [set(entry) for entry in entries] == [{"tail", "label", "score", "head_type", "tail_type", "texts"}]
    (relation,) = get_relations(Doc(two.vocab).from_bytes(doc.to_bytes()))
    assert relation.source_scores == {"": 0.75}


def test_one_of_several_extractors_is_asked_for_by_name(two):
    assert extractor_of(two, "m", "ddi").name == "ddi"
    with pytest.raises(RelextError, match=r"'m' has the relation extractors ddi, chemprot, and none was named. Name one"):
        extractor_of(two, "m")
    with pytest.raises(RelextError, match=r"and 'x' is none of them"):
        extractor_of(two, "m", "x")


def test_another_library_that_takes_the_name_is_an_error(two):
    before = Doc.get_extension("relations")
    Doc.set_extension("relations", default=[], force=True)
    try:
        with pytest.raises(RelextError, match=r"doc\._\.relations is registered with the default \[\] by another library"):
            two(bare(two))
    finally:
        Doc.set_extension("relations", getter=before[2], setter=before[3], force=True)


def test_one_doc_in_the_place_of_several_is_an_error(two):
    doc = bare(two)
    pipe = two.get_pipe("ddi")
    for method in ("attention", "predict"):
        with pytest.raises(RelextError, match=rf"ddi: {method} takes several Docs, and saw one Doc: {method}\(\[doc\]\)"):
            getattr(pipe, method)(doc)
        for wrong in (None, 5, doc[0], doc[0:2], "Aspirin."):
            with pytest.raises(RelextError, match=rf"ddi: {method} takes several Docs, and saw one {type(wrong).__name__}"):
                getattr(pipe, method)(wrong)
        for wrong, cure in ((doc[0], r"span\.as_doc\(\)"), (doc[0:2], r"span\.as_doc\(\)"), ("Aspirin.", r"nlp\(text\)"), (None, "")):
            with pytest.raises(RelextError, match=rf"{method} takes Docs, and saw {type(wrong).__name__}, .*{cure}"):
                list(getattr(pipe, method)([doc, wrong]))
