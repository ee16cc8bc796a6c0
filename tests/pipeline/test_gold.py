"""Annotation on predicted tokens: what is aligned with what, and the targets that follow. All expected values by hand."""

import numpy
import pytest
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.errors import RelextError
from spacy_relext.pipeline.gold import align_mentions, gold_keys, gold_view, make_targets
from spacy_relext.relations import Relation, set_relations
from tests.conftest import make_doc

# 0123456789012345678901234567890
TEXT = "Aspirin raises warfarin levels."
ASPIRIN, WARFARIN, LEVELS = (0, 7), (15, 23), (24, 30)


@pytest.fixture
def reference(nlp):
    """Three mentions; MECHANISM from aspirin to warfarin, EFFECT from levels to warfarin."""
    mentions = [("Aspirin", "DRUG"), ("warfarin", "DRUG"), ("levels", "LAB")]
    return make_doc(nlp, TEXT, mentions, [(0, 1, "MECHANISM"), (2, 1, "EFFECT")])


def doc_of(nlp, words, spaces, sent_starts=None):
    return Doc(nlp.vocab, words=words, spaces=[bool(s) for s in spaces], sent_starts=sent_starts)


# The view


def test_view_has_predicted_tokens_and_annotated_sentences(nlp):
    reference = doc_of(nlp, ["A", "-", "B", ".", "C", "."], [0, 0, 0, 1, 0, 0], [True, False, False, False, True, False])
    predicted = doc_of(nlp, ["A-B", ".", "C."], [0, 1, 0], [True, True, False])
    view = gold_view(Example(predicted, reference))
    assert [token.text for token in view] == ["A-B", ".", "C."]
    assert view.text == "A-B. C."
    assert [token.is_sent_start for token in view] == [True, False, True]
    assert [token.is_sent_start for token in predicted] == [True, True, False]


def test_view_takes_predicted_sentences_where_none_are_annotated(nlp):
    reference = nlp.make_doc("A b. C d.")
    predicted = doc_of(nlp, ["A", "b.", "C", "d."], [1, 1, 1, 0], [True, False, True, False])
    view = gold_view(Example(predicted, reference), one_sentence=True)
    assert [token.is_sent_start for token in view] == [True, False, True, False]


def test_view_has_one_sentence_only_where_asked(nlp):
    example = Example(nlp.make_doc("A b. C d."), nlp.make_doc("A b. C d."))
    assert not gold_view(example).has_annotation("SENT_START")
    assert len(list(gold_view(example, one_sentence=True).sents)) == 1


def test_view_shares_what_encoders_left_and_copies_token_attributes(nlp, reference):
    predicted = nlp.make_doc(TEXT)
    predicted.tensor = numpy.arange(len(predicted) * 2, dtype="float32").reshape(-1, 2)
    predicted.user_data["encoded"] = "by the transformer"
    predicted[1].tag_, predicted[1].pos_, predicted[1].lemma_, predicted[1].norm_ = "VBZ", "VERB", "raise", "elevates"
    view = gold_view(Example(predicted, reference))
    assert view.tensor is predicted.tensor
    assert view.user_data["encoded"] == "by the transformer"
    assert (view[1].tag_, view[1].pos_, view[1].lemma_, view[1].norm_) == ("VBZ", "VERB", "raise", "elevates")


def test_view_leaves_predicted_doc_alone(nlp, reference):
    predicted = nlp.make_doc(TEXT)
    predicted.ents = [Span(predicted, 1, 2, label="WRONG")]
    view = gold_view(Example(predicted, reference))
    set_relations(view, [Relation(view[0:1], view[2:3], "MECHANISM")])
    assert predicted._.relations == []
    assert [span.label_ for span in predicted.ents] == ["WRONG"]
    assert not predicted.has_annotation("SENT_START")


def test_view_keeps_whitespace_tokens(nlp):
    words, spaces = ["One", ".", " \n", "Two", "."], [0, 1, 0, 0, 0]
    reference = doc_of(nlp, words, spaces, [True, False, True, False, False])
    view = gold_view(Example(doc_of(nlp, ["One.", " \n", "Two", "."], [1, 0, 0, 0]), reference))
    assert [token.is_sent_start for token in view] == [True, True, False, False]


def test_view_refuses_another_text(nlp):
    with pytest.raises(RelextError, match=r"'Aspirin falls'.*'Warfarin falls'.*same text"):
        gold_view(Example(nlp.make_doc("Aspirin falls"), nlp.make_doc("Warfarin falls")))


# Mentions


def test_mentions_are_aligned_by_characters_and_widened_to_tokens(nlp):
    reference = doc_of(nlp, ["anti", "-", "TNF", "alpha", "drugs"], [0, 0, 1, 1, 0])
    mentions = [Span(reference, 2, 3, label="GENE"), Span(reference, 2, 4, label="PROTEIN"), Span(reference, 4, 5, label="X")]
    predicted = doc_of(nlp, ["anti-TNF", "alp", "ha", "drugs"], [1, 0, 1, 0])
    aligned = align_mentions(predicted, mentions)
    assert [(span.start, span.end, span.label_) for span in aligned] == [(0, 1, "GENE"), (0, 3, "PROTEIN"), (3, 4, "X")]
    assert all(span.doc is predicted for span in aligned)


# Keys


def test_keys_are_label_and_character_offsets(reference):
    keys = gold_keys(reference, ["EFFECT", "MECHANISM"], [])
    assert keys == {("MECHANISM", ASPIRIN, WARFARIN), ("EFFECT", LEVELS, WARFARIN)}


def test_keys_of_symmetric_labels_begin_with_the_first_mention(reference):
    keys = gold_keys(reference, ["EFFECT", "MECHANISM"], ["EFFECT"])
    assert keys == {("MECHANISM", ASPIRIN, WARFARIN), ("EFFECT", WARFARIN, LEVELS)}


def test_symmetric_relation_annotated_both_ways_is_one(nlp):
    doc = make_doc(nlp, TEXT, [("Aspirin", "DRUG"), ("warfarin", "DRUG")], [(0, 1, "ADVISE"), (1, 0, "ADVISE")])
    assert gold_keys(doc, ["ADVISE"], ["ADVISE"]) == {("ADVISE", ASPIRIN, WARFARIN)}
    assert len(gold_keys(doc, ["ADVISE"], [])) == 2


def test_unknown_label_is_an_error_that_names_it(reference):
    with pytest.raises(RelextError, match=r"EFFECT.*does not know.*\['MECHANISM'\].*add_label"):
        gold_keys(reference, ["MECHANISM"], [])


# Targets

LABELS = ["EFFECT", "MECHANISM"]


def targets_of(reference, pairs, *, exclusive, symmetric=(), forbidden=()):
    """Targets for pairs of the reference's entities; `forbidden` holds (row, column)."""
    gold = gold_keys(reference, LABELS, symmetric)
    allowed = numpy.ones((len(pairs), 2 + exclusive), dtype=bool)
    for row, column in forbidden:
        allowed[row, column] = False
    pairs = numpy.asarray(pairs).reshape(-1, 2)
    return make_targets(pairs, allowed, list(reference.ents), gold, LABELS, symmetric, exclusive=exclusive)


def test_exclusive_targets_have_no_relation_in_front(reference):
    # Columns: no-relation, EFFECT, MECHANISM.
    targets, n_missed = targets_of(reference, [(0, 1), (1, 0), (0, 2), (2, 1)], exclusive=True)
    assert targets.tolist() == [[0, 0, 1], [1, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert targets.dtype == numpy.float32
    assert n_missed == 0


@pytest.mark.parametrize(
    ("relations", "symmetric", "expected"),
    [
        # Columns: no-relation, EFFECT, MECHANISM; rows: (0, 1), (1, 0).
        ([(0, 1, "EFFECT"), (0, 1, "MECHANISM")], [], [[0, 0.5, 0.5], [1, 0, 0]]),
        ([(0, 1, "MECHANISM"), (0, 1, "EFFECT")], [], [[0, 0.5, 0.5], [1, 0, 0]]),
        ([(0, 1, "EFFECT"), (1, 0, "MECHANISM")], [], [[0, 1, 0], [0, 0, 1]]),
        ([(0, 1, "EFFECT"), (1, 0, "MECHANISM")], ["EFFECT"], [[0, 1, 0], [0, 0.5, 0.5]]),
        ([(0, 1, "EFFECT"), (1, 0, "EFFECT")], [], [[0, 1, 0], [0, 1, 0]]),
    ],
)
def test_exclusive_labels_of_one_pair_share_its_target(nlp, relations, symmetric, expected):
    doc = make_doc(nlp, TEXT, [("Aspirin", "DRUG"), ("warfarin", "DRUG")], relations)
    targets, n_missed = targets_of(doc, [(0, 1), (1, 0)], exclusive=True, symmetric=symmetric)
    assert targets.tolist() == expected
    assert n_missed == 0


def test_forbidden_label_has_no_share(nlp):
    doc = make_doc(nlp, TEXT, [("Aspirin", "DRUG"), ("warfarin", "DRUG")], [(0, 1, "EFFECT"), (0, 1, "MECHANISM")])
    targets, n_missed = targets_of(doc, [(0, 1)], exclusive=True, forbidden=[(0, 1)])
    assert (targets.tolist(), n_missed) == ([[0, 0, 1]], 1)


def test_targets_of_several_labels_have_no_such_column(reference):
    targets, n_missed = targets_of(reference, [(0, 1), (1, 0), (0, 2), (2, 1)], exclusive=False)
    assert targets.tolist() == [[0, 1], [0, 0], [0, 0], [1, 0]]
    assert n_missed == 0


def test_symmetric_label_is_a_target_both_ways(reference):
    targets, n_missed = targets_of(reference, [(1, 2), (2, 1), (1, 0)], exclusive=False, symmetric=["EFFECT"])
    assert targets.tolist() == [[1, 0], [1, 0], [0, 0]]
    assert n_missed == 1  # MECHANISM, whose pair (0, 1) is no candidate


def test_symmetric_label_is_reached_through_one_direction_alone(reference):
    # Annotated as (2, 1); unordered candidates have (1, 2) only.
    assert targets_of(reference, [(1, 2), (0, 1)], exclusive=True, symmetric=["EFFECT"])[1] == 0
    assert targets_of(reference, [(1, 2), (0, 1)], exclusive=True)[1] == 1


def test_relations_between_no_candidates_are_missed(reference):
    targets, n_missed = targets_of(reference, [], exclusive=True)
    assert targets.shape == (0, 3)
    assert n_missed == 2


def test_forbidden_label_is_no_target_and_missed(reference):
    targets, n_missed = targets_of(reference, [(0, 1), (2, 1)], exclusive=True, forbidden=[(0, 2)])
    assert targets.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert n_missed == 1


def test_relations_of_other_components_are_left_out_and_those_behind_them_are_not(reference):
    keys = {("MECHANISM", ASPIRIN, WARFARIN), ("EFFECT", LEVELS, WARFARIN)}
    assert gold_keys(reference, ["MECHANISM", "EFFECT"], ()) == keys
    for label in ("MECHANISM", "EFFECT"):
        (other,) = {"MECHANISM", "EFFECT"} - {label}
        own = {key for key in keys if key[0] == label}
        assert gold_keys(reference, [label], (), [other]) == gold_keys(reference, [label], (), None) == own
        with pytest.raises(RelextError, match="a label that the component does not know"):
            gold_keys(reference, [label], (), ["SOMETHING"])
