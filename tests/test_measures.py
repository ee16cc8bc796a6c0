"""The measures of BioRED and DocRED, worked out by hand."""

import pytest
import spacy
from spacy.training import Example

from spacy_relext.errors import RelextError
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.measures import Measure, make_measures, score_biored, score_docred, training_facts

NLP = spacy.blank("en")
WORDS = {"Ann": "A", "Bob": "B", "Robert": "B", "Cas": "C", "Dan": "D"}


def make_doc(between=(), concepts=None, words=tuple(WORDS), ids=WORDS):
    """A Doc of names; relations are (head, tail, label) or (head, tail, label, "novel"), between names or between concepts."""
    text, mentions = " ".join(words), []
    for word in words:
        mentions.append(Mention(word, text.index(word), text.index(word) + len(word), "NAME", ids[word]))
    made = [
        None if some is None else [AnnotatedRelation(*r[:3], attributes=tuple(r[3:])) for r in some] for some in (list(between), concepts)
    ]
    return to_doc(Document("d", text, mentions, made[0], concept_relations=made[1]), NLP)


def example(gold, predicted):
    return Example(make_doc(predicted), make_doc(concepts=gold))


def figures(p, r, support):
    return pytest.approx({"p": p, "r": r, "f": 2 * p * r / (p + r) if p + r else 0.0, "support": support})


ANNOTATED = [("A", "B", "Bind", "novel"), ("C", "A", "Bind"), ("C", "D", "Association", "novel")]


def test_biored_has_no_direction():
    """Found are A-B (turned, by two names), A-C with another type, B-D, which is not annotated; C-D is missed."""
    scores = score_biored(
        [
            example(ANNOTATED, [("Robert", "Ann", "Bind"), ("Ann", "Bob", "Bind"), ("Ann", "Cas", "Association"), ("Bob", "Dan", "Bind")]),
            # Not annotated for concepts: left out.
            example(None, [("Ann", "Bob", "Bind")]),
        ]
    )
    assert scores["pair"] == figures(2 / 3, 2 / 3, 3)
    assert scores["pair_and_type"] == figures(1 / 3, 1 / 3, 3)
    # Nothing says which are novel.
    assert (scores["pair_and_novelty"], scores["pair_type_and_novelty"]) == (None, None)
    assert (scores["novel"], scores["not_novel"]) == ({"r": 0.5, "support": 2}, {"r": 0.0, "support": 1})


def test_biored_with_novelty():
    """A-B is right in all; A-C is no novelty; D-C has the wrong type."""
    predicted = [("Ann", "Bob", "Bind", "novel"), ("Ann", "Cas", "Bind", "novel"), ("Dan", "Cas", "Bind", "novel")]
    scores = score_biored([example(ANNOTATED, predicted), example([], [("Ann", "Bob", "Bind")])])
    assert scores["pair"] == figures(3 / 4, 3 / 3, 3)
    assert scores["pair_and_type"] == figures(2 / 4, 2 / 3, 3)
    assert scores["pair_and_novelty"] == figures(2 / 4, 2 / 3, 3)
    assert scores["pair_type_and_novelty"] == figures(1 / 4, 1 / 3, 3)


def test_two_types_of_a_pair_are_one_pair():
    scores = score_biored([example([("A", "B", "X"), ("B", "A", "Y")], [("Ann", "Bob", "Y")])])
    assert (scores["pair"], scores["pair_and_type"]) == (figures(1, 1, 1), figures(1, 1 / 2, 2))


def test_docred_leaves_out_what_is_in_training():
    """Of 4 found, 3 are right, of 4 annotated. Ann knows Robert is known from training; Cas knows Dan is there the other way round."""
    training = make_doc(concepts=[("7", "8", "knows"), ("1", "0", "knows")], words=("Ann", "Robert", "Cas", "Dan"),
                        ids={"Ann": "7", "Robert": "8", "Cas": "0", "Dan": "1"})  # fmt: skip
    facts = training_facts([training, make_doc([("Bob", "Cas", "knows")])])
    assert facts == {("Ann", "knows", "Robert"), ("Dan", "knows", "Cas")}
    gold = [("A", "B", "knows"), ("C", "D", "knows"), ("A", "B", "likes"), ("A", "C", "likes")]
    found = [("Ann", "Bob", "knows"), ("Cas", "Dan", "knows"), ("Ann", "Robert", "likes"), ("Dan", "Cas", "knows")]
    scores = score_docred([example(gold, found), example(None, found)], facts=facts)
    assert scores["all"] == figures(3 / 4, 3 / 4, 4)
    # One of the right ones is known: 2 of 3. Recall stays, and D-C, wrong, is no fact that is left out.
    assert scores["ignoring_training"] == figures(2 / 3, 3 / 4, 4)
    assert scores["in_training"] == 1


def test_docred_where_all_that_is_found_is_known():
    facts = training_facts([make_doc(concepts=[("A", "B", "knows")])])
    scores = score_docred([example([("A", "B", "knows")], [("Ann", "Bob", "knows")])], facts=facts)
    assert (scores["all"], scores["ignoring_training"]) == (figures(1, 1, 1), figures(0, 1, 1))
    assert score_docred([example([("A", "B", "knows")], [])], facts=facts)["ignoring_training"] == figures(0, 0, 1)


def test_nothing_annotated():
    assert score_biored([example(None, [("Ann", "Bob", "Bind")])]) == {}
    assert score_docred([example(None, [])], facts={("Ann", "knows", "Bob")}) == {}
    with pytest.raises(RelextError, match="no relations between concepts"):
        training_facts([make_doc([("Ann", "Bob", "knows")])])


def test_training_part_is_that_of_docred():
    assert list(make_measures([Measure.biored], None)) == ["biored"]
    training = make_doc(concepts=[("A", "B", "knows")])
    assert list(make_measures([Measure.docred, Measure.biored], [training])) == ["biored", "docred"]
    for names, docs in (([Measure.docred], None), ([Measure.biored], [training])):
        with pytest.raises(RelextError, match="give both --measure docred and --train"):
            make_measures(names, docs)
