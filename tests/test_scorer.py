"""Figures of the scorer, worked out by hand."""

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.relations import Relation, register_extensions, set_annotated_labels, set_relations
from spacy_relext.scorer import make_relation_scorer, relation_keys, score_relations

VOCAB = spacy.blank("en").vocab
WORDS = ["a", "b", "c", "d", "e", "f"]


@pytest.fixture(autouse=True)
def extensions():
    register_extensions()


def make_doc(relations, words=WORDS):
    """Relations are (label, head, tail), as words, or as (word, type); None: never annotated."""
    doc = Doc(VOCAB, words=words)

    def span(mention):
        word, kind = mention if isinstance(mention, tuple) else (mention, "T")
        return Span(doc, words.index(word), words.index(word) + 1, kind)

    if relations is not None:
        set_relations(doc, [Relation(span(head), span(tail), label) for label, head, tail in relations])
    return doc


def score(*gold_and_predicted, **settings):
    return score_relations([Example(make_doc(predicted), make_doc(gold)) for gold, predicted in gold_and_predicted], **settings)


def prf(p, r, f, support):
    return {"p": pytest.approx(p), "r": pytest.approx(r), "f": pytest.approx(f), "support": support}


def test_figures_of_two_docs_and_three_labels():
    scores = score(
        (
            # X: one right, one missed, one false. Y: one right.
            [("X", "a", "b"), ("X", "c", "d"), ("Y", "a", "c")],
            [("X", "a", "b"), ("X", "d", "c"), ("Y", "a", "c")],
        ),
        (
            # X: one right. Y: two missed. Z: never annotated, one false.
            [("X", "a", "b"), ("Y", "a", "b"), ("Y", "e", "f")],
            [("X", "a", "b"), ("Z", "a", "b")],
        ),
    )
    # X: 2 of 3 right, of 3 annotated. Y: 1 of 1, of 3. Z: 0 of 1, of 0. Together: 3 of 5, of 6.
    assert scores["rel_per_type"] == {"X": prf(2 / 3, 2 / 3, 2 / 3, 3), "Y": prf(1, 1 / 3, 1 / 2, 3), "Z": prf(0, 0, 0, 0)}
    assert scores["rel_micro_p"] == pytest.approx(3 / 5)
    assert scores["rel_micro_r"] == pytest.approx(3 / 6)
    assert scores["rel_micro_f"] == pytest.approx(6 / 11)
    assert scores["rel_macro_f"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)


def test_micro_figures_are_counted_over_docs_not_averaged():
    """1 of 1 in the first Doc, 0 of 3 in the second: recall 1/4, and not (1 + 0) / 2."""
    scores = score(([("X", "a", "b")], [("X", "a", "b")]), ([("X", "a", "b"), ("X", "c", "d"), ("X", "e", "f")], []))
    assert (scores["rel_micro_p"], scores["rel_micro_r"], scores["rel_micro_f"]) == (1.0, 0.25, pytest.approx(0.4))


def test_a_gold_relation_whose_mentions_were_not_found_is_a_miss():
    """The predicted Doc has no entities and hence no candidates; the annotated relation counts all the same."""
    reference = make_doc([("X", "a", "b"), ("X", "a", "f")])
    predicted = make_doc([("X", "a", "b")])
    predicted.set_ents([Span(predicted, 0, 1, "T"), Span(predicted, 1, 2, "T")])
    scores = score_relations([Example(predicted, reference)])
    assert (scores["rel_micro_p"], scores["rel_micro_r"]) == (1.0, 0.5)
    unpredicted = score_relations([Example(make_doc(None), reference)])
    assert unpredicted["rel_per_type"] == {"X": prf(0, 0, 0, 2)}


def test_the_same_relation_in_another_doc_is_not_the_same():
    scores = score(([("X", "a", "b")], []), ([], [("X", "a", "b")]))
    assert (scores["rel_micro_p"], scores["rel_micro_r"], scores["rel_micro_f"]) == (0.0, 0.0, 0.0)


def test_direction_counts_except_for_symmetric_labels():
    case = ([("X", "a", "b"), ("Y", "a", "b")], [("X", "b", "a"), ("Y", "b", "a")])
    assert score(case)["rel_micro_f"] == 0.0
    scores = score(case, symmetric_labels=["Y"])
    assert scores["rel_per_type"] == {"X": prf(0, 0, 0, 1), "Y": prf(1, 1, 1, 1)}


def test_a_symmetric_relation_in_both_directions_is_counted_once():
    both = [("Y", "a", "b"), ("Y", "b", "a")]
    assert score((both, [("Y", "b", "a")]), symmetric_labels=["Y"])["rel_per_type"]["Y"] == prf(1, 1, 1, 1)
    assert score(([("Y", "a", "b")], both), symmetric_labels=["Y"])["rel_per_type"]["Y"] == prf(1, 1, 1, 1)


def test_types_count_only_in_strict_scores():
    case = ([("X", ("a", "DRUG"), "b")], [("X", ("a", "GENE"), "b")])
    assert score(case)["rel_micro_f"] == 1.0
    assert score(case, strict=True)["rel_micro_f"] == 0.0
    assert score((case[0], case[0]), strict=True)["rel_micro_f"] == 1.0


def test_strict_symmetric_relations_keep_types_with_their_mentions():
    gold = [("Y", ("a", "DRUG"), ("b", "GENE"))]
    swapped, wrong = [("Y", ("b", "GENE"), ("a", "DRUG"))], [("Y", ("b", "DRUG"), ("a", "GENE"))]
    assert score((gold, swapped), symmetric_labels=["Y"], strict=True)["rel_micro_f"] == 1.0
    assert score((gold, wrong), symmetric_labels=["Y"], strict=True)["rel_micro_f"] == 0.0


def test_docs_without_annotation_are_left_out():
    scored = ([("X", "a", "b")], [("X", "a", "b")])
    assert score(scored, (None, [("X", "a", "b"), ("Z", "c", "d")])) == score(scored)


def test_docs_annotated_with_nothing_are_scored():
    scores = score(([("X", "a", "b")], [("X", "a", "b")]), ([], [("X", "a", "b")]))
    assert (scores["rel_micro_p"], scores["rel_micro_r"]) == (0.5, 1.0)


@pytest.mark.parametrize("cases", [[], [(None, [("X", "a", "b")])]])
def test_without_any_annotation_all_figures_are_none(cases):
    keys = {"rel_micro_p", "rel_micro_r", "rel_micro_f", "rel_macro_f", "rel_per_type"}
    assert score(*cases) == dict.fromkeys(keys)


def test_nothing_annotated_and_nothing_predicted_is_zero():
    expected = {"rel_micro_p": 0.0, "rel_micro_r": 0.0, "rel_micro_f": 0.0, "rel_macro_f": 0.0, "rel_per_type": {}}
    assert score(([], [])) == expected


def test_mentions_are_compared_by_characters():
    """The predicted Doc has one token where the reference has two."""
    reference = Doc(VOCAB, words=["drug", "-", "x", "hits", "y"], spaces=[False, False, True, True, False])
    predicted = Doc(VOCAB, words=["drug-x", "hits", "y"], spaces=[True, True, False])
    set_relations(reference, [Relation(reference[0:3], reference[4:5], "X"), Relation(reference[2:3], reference[4:5], "X")])
    set_relations(predicted, [Relation(predicted[0:1], predicted[2:3], "X")])
    scores = score_relations([Example(predicted, reference)])
    assert (scores["rel_micro_p"], scores["rel_micro_r"]) == (1.0, 0.5)


def test_settings_of_the_component_are_accepted():
    """`Pipe.score` hands over every key of its cfg, and the labels."""
    scorer = make_relation_scorer()
    example = Example(make_doc([("X", "b", "a")]), make_doc([("X", "a", "b")]))
    scores = scorer([example], symmetric_labels=["X"], labels=("X",), threshold=0.5, exclusive=True)
    assert scores["rel_micro_f"] == 1.0


def test_keys_have_types_only_where_asked():
    vocab = spacy.blank("en").vocab
    docs = []
    for kind in ("DRUG", "GENE"):
        doc = Doc(vocab, words=["a", "b"])
        set_relations(doc, [Relation(Span(doc, 0, 1, label=kind), Span(doc, 1, 2, label=kind), "A")])
        docs.append(doc)
    gold, guess = relation_keys(Example(*docs))
    assert gold == guess
    gold, guess = relation_keys(Example(*docs), strict=True)
    assert gold.isdisjoint(guess)


def test_a_component_is_scored_by_its_own_labels_and_documents():
    """A and B are its own labels, C is another component's, D nobody's. The second document is for others, the third for none."""
    gold = [
        [("A", "a", "b"), ("C", "a", "b"), ("D", "a", "c"), ("D", "b", "c")],
        [("C", "a", "b"), ("D", "a", "b")],
        None,
        [("B", "a", "b")],
    ]
    guess = [[("A", "a", "b"), ("C", "a", "c")], [("A", "a", "b")], [("A", "a", "b")], [("B", "a", "b"), ("A", "a", "c")]]
    examples = [Example(make_doc(predicted), make_doc(annotated)) for annotated, predicted in zip(gold, guess, strict=True)]
    set_annotated_labels(examples[1].reference, ["C", "D"])
    scores = score_relations(examples, labels=["A", "B"], other_labels=["C"], score_prefix="mine")
    assert scores["mine_unknown_labels"] == 3
    assert scores["mine_per_type"] == {"A": prf(0.5, 1.0, 2 / 3, 1), "B": prf(1.0, 1.0, 1.0, 1)}
    assert "mine_unknown_labels" not in score_relations(examples, score_prefix="mine")


def test_only_the_relations_of_one_source_are_scored():
    doc = make_doc([])
    spans = [Span(doc, i, i + 1, "T") for i in range(3)]
    set_relations(doc, [Relation(*spans[:2], "A", sources="mine"), Relation(*spans[1:], "A", sources="other")])
    example = Example(doc, make_doc([("A", "a", "b")]))
    assert score_relations([example], source="mine")["rel_micro_p"] == 1.0
    assert score_relations([example], source="other")["rel_micro_p"] == 0.0
    assert score_relations([example])["rel_micro_p"] == 0.5
