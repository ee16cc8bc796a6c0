"""What is taken in of documents: units, labels, what is right."""

import pytest
import spacy
from spacy.training import Example

from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.relations import Relation
from spacy_relext.thresholds.scored import scored_relations
from spacy_relext.written import Written

NAME = "relation_extractor"
TEXT = "Aspirin raised warfarin."
MENTIONS = [Mention("T1", 0, 7, "DRUG"), Mention("T2", 15, 23, "DRUG")]


def example(nlp, name, annotated, found, more=""):
    """annotated: Labels of the pair. found: Label, score and sources of what is found, from the first mention to the second.

    more: What follows the text.
    """
    reference = to_doc(Document(name, TEXT + more, MENTIONS, [AnnotatedRelation("T1", "T2", label) for label in annotated]), nlp)
    predicted = nlp.make_doc(TEXT + more)
    predicted._.relations = [
        Relation(predicted[0:1], predicted[2:3], label, score, sources=sources or {NAME: score}) for label, score, sources in found
    ]
    return Example(predicted, reference)


def written(*given, texts=" {}"):
    """texts: What follows the text, with the number of the document."""
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe(NAME)
    for label in ("EFFECT", "ADVISE"):
        pipe.add_label(label)
    return Written.of(pipe, [example(nlp, *one, texts.format(i)) for i, one in enumerate(given)])


def test_sentences_of_a_document_count_as_one_document_for_calibration_and_for_thresholds():
    found = written(
        ("a", ["EFFECT"], [("EFFECT", 0.9, None)]),
        ("b", ["ADVISE"], []),
        ("a", [], [("EFFECT", 0.8, None)]),
        ("", [], [("ADVISE", 0.95, None)]),
        ("", [], [("ADVISE", 0.7, None)]),
    )
    assert found.documents == 4
    assert found.annotated == {"EFFECT": 1, "ADVISE": 1}
    sample = found.sample()
    assert sample.documents.tolist() == [0, 0, 2, 3]
    assert sample.right.tolist() == [True, False, False, False]
    scored = scored_relations(found)
    assert scored.scores.tolist() == [0.95, 0.9, 0.8, 0.7]
    assert scored.documents.tolist() == [2, 0, 0, 3]
    assert (scored.n_documents, scored.annotated.tolist()) == (4, [1, 1])


@pytest.mark.parametrize(("symmetric", "right"), [((), False), (("EFFECT",), True)])
def test_right_is_the_same_pair_in_the_same_direction(symmetric, right):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe(NAME, config={"symmetric_labels": list(symmetric)})
    pipe.add_label("EFFECT")
    there = example(nlp, "a", ["EFFECT"], [("EFFECT", 0.9, None)])
    back = example(nlp, "b", ["EFFECT"], [])
    doc = back.predicted
    doc._.relations = [Relation(doc[2:3], doc[0:1], "EFFECT", 0.8, sources={NAME: 0.8})]
    assert Written.of(pipe, [there, back]).sample().right.tolist() == [True, right]


def test_the_score_is_that_of_the_extractor_whoever_else_found_the_relation():
    found = written(("a", [], [("EFFECT", 0.9, {"rules": 0.9, NAME: 0.6}), ("ADVISE", 0.8, {"rules": 0.8})]))
    assert found.sample().scores.tolist() == [0.6]
    assert found.sample().labels.tolist() == ["EFFECT"]


def test_without_any_relation_there_is_an_empty_sample():
    found = written(("a", [], []))
    assert len(found.sample()) == 0
    assert len(scored_relations(found).scores) == 0


def test_the_same_text_is_one_document_whatever_its_id():
    given = [(name, ["EFFECT"], [("EFFECT", 0.9, None)]) for name in ("a", "b", "", "a")]
    found = written(*given, texts=" ")
    assert found.documents == 1
    assert set(found.sample().documents) == {0}
