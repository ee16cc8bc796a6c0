"""Why an annotated relation is no candidate."""

import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_relext.report import reasons
from spacy_relext.report.reasons import why_no_candidate

WORDS = ["aspirin", "raises", "warfarin", "levels", "and", "CYP3A4", "is", "spared", "by", "quinine"]
# aspirin, warfarin, warfarin levels, CYP3A4, and quinine in a sentence of its own.
PLACES = [(0, 1, "DRUG"), (2, 3, "DRUG"), (2, 4, "DRUG"), (5, 6, "GENE"), (9, 10, "DRUG")]


def sentence_pairs(**settings):
    return {"@misc": "spacy-relext.sentence_pairs.v1", "ordered": True, "overlapping": False, "types": None, **settings}


def distance_pairs(**settings):
    return {"@misc": "spacy-relext.distance_pairs.v1", "max_distance": 50, "ordered": True, "overlapping": False, **settings}


def setting(candidates, **settings):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor", config={"candidates": candidates, **settings})
    pipe.add_label("BINDS")
    doc = Doc(nlp.vocab, words=WORDS, sent_starts=[i in (0, 8) for i in range(len(WORDS))])
    spans = [Span(doc, *place) for place in PLACES]
    return pipe, doc, spans


@pytest.mark.parametrize(
    ("candidates", "pair", "settings", "reason"),
    [
        (sentence_pairs(), (None, 1), {}, reasons.NO_HEAD),
        (sentence_pairs(), (1, None), {}, reasons.NO_TAIL),
        (sentence_pairs(), (None, None), {}, reasons.NO_MENTION),
        (sentence_pairs(), (0, 4), {}, reasons.OTHER_SENTENCE),
        (sentence_pairs(), (1, 2), {}, reasons.OVERLAPPING),
        (sentence_pairs(types=[["DRUG", "GENE"]]), (3, 0), {}, reasons.DIRECTION),
        (sentence_pairs(types=[["DRUG", "GENE"]], ordered=False), (0, 1), {}, reasons.TYPES),
        (sentence_pairs(ordered=False), (1, 0), {}, reasons.DIRECTION),
        (sentence_pairs(), (0, 1), {"type_rules": {"BINDS": [["DRUG", "GENE"]]}}, reasons.TYPES),
        (sentence_pairs(), (0, 3), {"max_pairs": 1}, reasons.MAX_PAIRS),
        (distance_pairs(max_distance=3), (0, 4), {}, reasons.TOO_FAR),
        (distance_pairs(max_sentences=0), (0, 4), {}, reasons.OTHER_SENTENCE),
    ],
)
def test_reasons(candidates, pair, settings, reason):
    assert why_no_candidate(*setting(candidates, **settings), "BINDS", *([] if i is None else [i] for i in pair)) == reason


def test_a_function_of_somebody_else_need_not_say_why():
    pipe, doc, spans = setting(sentence_pairs())
    pipe.get_pairs = lambda doc, mentions: []
    assert why_no_candidate(pipe, doc, spans, "BINDS", [0], [1]) == reasons.FUNCTION
    assert why_no_candidate(pipe, doc, spans, "BINDS", [0], [4]) == reasons.OTHER_SENTENCE
