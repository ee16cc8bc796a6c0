"""Figures of relations between concepts, worked out by hand, and those of BC5CDR."""

import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import spacy
from spacy.training import Example

from spacy_relext.corpus import predicted_doc
from spacy_relext.document_scorer import score_concept_relations
from spacy_relext.evaluation import concept_candidate_recall
from spacy_relext.formats import pubtator
from spacy_relext.formats.concepts import NEAREST, UNPAIRED
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.relations import between_concepts

NLP = spacy.blank("en")
#       0         1         2
#       0123456789012345678901234567
TEXT = "tea hurts. milk soothes pain"
MENTIONS = [
    Mention("tea", 0, 3, "FOOD", "T"),
    Mention("hurts", 4, 9, "EFFECT", "P|Q"),
    Mention("milk", 11, 15, "FOOD", "M"),
    Mention("soothes", 16, 23, "EFFECT"),
    Mention("pain", 24, 28, "EFFECT", "P"),
]
SENTENCES = [(0, 10), (11, 28)]


def make_doc(between=None, concepts=None, mentions=MENTIONS):
    """A Doc; relations are (head, tail, label) or (head, tail, label, score), between words or between concepts."""
    between, concepts = ([AnnotatedRelation(*r) for r in some] if some is not None else None for some in (between, concepts))
    return to_doc(Document("d", TEXT, mentions, between, SENTENCES, concept_relations=concepts), NLP)


def score(*cases, **settings):
    """Figures of pairs of (annotated relations between concepts, predicted relations between mentions)."""
    return score_concept_relations([Example(make_doc(predicted), make_doc([], gold)) for gold, predicted in cases], **settings)


def figures(p, r, f, support):
    return {"p": pytest.approx(p), "r": pytest.approx(r), "f": pytest.approx(f), "support": support}


def test_figures_of_two_documents_and_two_labels():
    scores = score(
        (
            # tea-hurts says (T, P) and (T, Q), tea-pain (T, P) once more: of R, one right, one wrong, one missed.
            [("T", "P", "R"), ("M", "P", "R")],
            [("tea", "hurts", "R", 0.6), ("tea", "pain", "R", 0.9)],
        ),
        (
            # R in the wrong direction; S right.
            [("T", "P", "R"), ("M", "P", "S")],
            [("pain", "tea", "R"), ("milk", "pain", "S")],
        ),
        # Annotated with nothing: what is found is wrong.
        ([], [("milk", "pain", "S")]),
        # Not annotated for concepts: left out.
        (None, [("milk", "pain", "S")]),
    )
    # R: 1 of 3 right, of 3 annotated. S: 1 of 2, of 1. Together 2 of 5, of 4.
    assert scores.pop("doc_rel_per_type") == {"R": figures(1 / 3, 1 / 3, 1 / 3, 3), "S": figures(1 / 2, 1, 2 / 3, 1)}
    assert scores == {
        "doc_rel_micro_p": pytest.approx(2 / 5),
        "doc_rel_micro_r": pytest.approx(2 / 4),
        "doc_rel_micro_f": pytest.approx(4 / 9),
        "doc_rel_unlinked": 0,
    }


def test_mentions_without_concept_say_nothing_and_are_counted():
    scores = score(([("T", "P", "R")], [("tea", "soothes", "R"), ("soothes", "milk", "R"), ("tea", "pain", "R")]))
    assert (scores["doc_rel_micro_p"], scores["doc_rel_micro_r"], scores["doc_rel_unlinked"]) == (1.0, 1.0, 2)
    # -1 is how files say so, for a part of a mention too.
    mentions = [replace(mention, kb_id={"": "-1", "P": "P|-1"}.get(mention.kb_id, mention.kb_id)) for mention in MENTIONS]
    predicted = make_doc([("tea", "soothes", "R"), ("tea", "pain", "R")], mentions=mentions)
    scores = score_concept_relations([Example(predicted, make_doc([], [("T", "P", "R")]))])
    assert (scores["doc_rel_micro_p"], scores["doc_rel_micro_r"], scores["doc_rel_unlinked"]) == (1.0, 1.0, 1)


def test_symmetric_labels():
    case = ([("T", "P", "R"), ("M", "P", "S")], [("pain", "tea", "R"), ("pain", "milk", "S"), ("milk", "pain", "S")])
    assert score(case)["doc_rel_micro_r"] == 0.5
    scores = score(case, symmetric_labels=["R", "S"])
    assert scores["doc_rel_per_type"] == {"R": figures(1, 1, 1, 1), "S": figures(1, 1, 1, 1)}
    # Annotated in both directions, it is one.
    assert score(([("T", "P", "R"), ("P", "T", "R")], []), symmetric_labels=["R"])["doc_rel_per_type"]["R"]["support"] == 1


def test_score_is_the_highest_of_the_pairs_of_mentions():
    relations, unlinked = between_concepts(
        make_doc([("tea", "hurts", "R", 0.6), ("tea", "pain", "R", 0.9), ("milk", "pain", "R", 0.3), ("milk", "hurts", "R", 0.2)])
    )
    assert {(r.head, r.tail, r.label): r.score for r in relations} == {
        ("T", "P", "R"): 0.9,
        ("T", "Q", "R"): 0.6,
        ("M", "P", "R"): 0.3,
        ("M", "Q", "R"): 0.2,
    }
    assert unlinked == []


def test_nothing_annotated_for_documents():
    assert score((None, [("milk", "pain", "S")])) == {}
    assert score() == {}
    scores = score(([], []))
    assert (scores["doc_rel_micro_f"], scores["doc_rel_per_type"]) == (0.0, {})


def extractor(labels=("R",), candidates="sentence_pairs", pairs=None, **settings):
    """A component that knows labels, and was never trained."""
    nlp = spacy.blank("en")
    function = {"@misc": f"spacy-relext.{candidates}.v1", **(pairs or {})}
    pipe = nlp.add_pipe("relation_extractor", config={"candidates": function, "spans_key": "mentions", **settings})
    for label in labels:
        pipe.add_label(label)
    return pipe


@pytest.mark.parametrize(
    ("pipe", "reached"),
    [
        # In one sentence are T with P and Q, M with P. (P, T) has no pair in this direction where the first mention is the head.
        (extractor(), 3),
        (extractor(pairs={"ordered": False}), 2),
        (extractor(pairs={"ordered": False}, symmetric_labels=["R"]), 3),
        (extractor(candidates="distance_pairs"), 4),
        # Nothing may be R, or only what is between foods; S is not known, which is no error.
        (extractor(labels=("S",)), None),
        (extractor(type_rules={"R": [["FOOD", "FOOD"]]}), 0),
        (extractor(type_rules={"R": [["FOOD", "EFFECT"]]}), 2),
        # A label that is not exclusive has no column for no-relation beside it.
        (extractor(labels=("S", "R"), exclusive=False, type_rules={"S": [["FOOD", "FOOD"]]}), 3),
    ],
)
def test_candidate_recall(pipe, reached):
    # (M, Q) is across sentences.
    gold = [("T", "Q", "R"), ("M", "P", "R"), ("P", "T", "R"), ("M", "Q", "R")]
    reference = make_doc([("tea", "milk", "UNKNOWN")], gold)
    examples = [Example(NLP.make_doc(TEXT), reference), Example(NLP.make_doc(TEXT), make_doc([("tea", "hurts", "R")]))]
    assert concept_candidate_recall(pipe, examples) == (None if reached is None else pytest.approx(reached / 4))
    assert pipe.cfg["use_gold_mentions"] is True


def test_candidate_recall_without_annotation():
    assert concept_candidate_recall(extractor(), [Example(NLP.make_doc(TEXT), make_doc([]))]) is None
    assert concept_candidate_recall(extractor(), [Example(NLP.make_doc(TEXT), make_doc([], []))]) is None


# Relations between concepts; those of them in no common sentence; those that follow when they are mapped to mentions and back.
CDR = {"Training": (1038, 280, 1050), "Development": (1012, 246, 1019), "Test": (1066, 321, 1082)}


@pytest.mark.parametrize("part", CDR)
def test_bc5cdr(part, shared_data, tmp_path):
    with zipfile.ZipFile(shared_data / "bc5cdr" / "CDR_original.zip") as archive:
        file = archive.extract(f"CDR_{part}Set.PubTator.txt", tmp_path)
    n_annotated, n_nearest, n_back = CDR[part]
    counts, examples = Counter(), []
    split = NLP.create_pipe("sentencizer")
    for document in pubtator.read(Path(file), Reading(pytest.fail)):
        document.sentences = [(sent.start_char, sent.end_char) for sent in split(NLP.make_doc(document.text)).sents]
        doc = to_doc(document, NLP, counts)
        examples.append(Example(predicted_doc(NLP, doc, gold_tokens=True), doc))
    assert (len(examples), counts[NEAREST], counts[UNPAIRED]) == (500, n_nearest, 0)
    # All comes back, and with it what mentions of several concepts say beyond it.
    scores = score_concept_relations([Example(example.reference, example.reference) for example in examples])
    assert scores["doc_rel_per_type"]["CID"]["support"] == n_annotated
    assert scores["doc_rel_micro_r"] == 1.0
    assert scores["doc_rel_micro_p"] == pytest.approx(n_annotated / n_back)
    pipe = extractor(["CID"], pairs={"overlapping": True, "types": [["Chemical", "Disease"]]})
    assert concept_candidate_recall(pipe, examples) == pytest.approx(1 - n_nearest / n_annotated)
