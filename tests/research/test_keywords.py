"""The ranking of stems, worked out by hand; and the published stems."""

import sys

import numpy
import pytest
import spacy
from spacy.tokens import Doc

from research.keywords import Keyword, english_stemmer, rank_keywords
from research.published import CORPORA, PUBLISHED_KEYWORDS
from spacy_relext.errors import RelextError
from spacy_relext.ml.attention import AttentionWeights
from spacy_relext.pipeline.pairs import AttendedPair

NLP = spacy.blank("en")


def read(doc, first, end, weights, kinds=None, words=None):
    """A pair that reads some tokens of a Doc; whose mentions it has does not matter here."""
    words = words or [token.text for token in doc[first:end]]
    reading = AttentionWeights(words, kinds or ["text"] * len(words), numpy.asarray(weights), numpy.zeros((len(words), 2)))
    return AttendedPair(head=doc[:1], tail=doc[:1], scores={}, no_relation=None, context=doc[first:end], attention=reading)


def make_doc(text):
    return Doc(NLP.vocab, words=text.split())


def test_ranking_worked_out_by_hand():
    doc = make_doc("aspirin increases levels . increased levels")
    other = make_doc("Levels of warfarin")
    documents = [
        # The first sentence has two pairs, one of which comes after a pair of the second; each word has weight · 4 here, · 2 there.
        #   increas: (0.5 + 0.1)/2 · 4 = 1.2;  second sentence 0.75 · 2 = 1.5;  mean 1.35
        #   level:   (0.25 + 0.5)/2 · 4 = 1.5; 0.25 · 2 = 0.5;  other Doc: 0.8 · 3 = 2.4;  mean 4.4 / 3
        [
            read(doc, 0, 4, [0.15, 0.5, 0.25, 0.1], ["head", "text", "text", "text"]),
            read(doc, 4, 6, [0.75, 0.25]),
            read(doc, 0, 4, [0.3, 0.1, 0.5, 0.1], ["mention", "text", "text", "text"]),
        ],
        [],
        [read(other, 0, 3, [0.8, 0.1, 0.1], ["text", "text", "tail"])],
    ]
    found = rank_keywords(documents, english_stemmer())
    assert found == [
        Keyword("level", pytest.approx(4.4 / 3), 3, ("levels",)),
        Keyword("increas", pytest.approx(1.35), 2, ("increases", "increased")),
    ]
    assert [keyword.stem for keyword in rank_keywords(documents, english_stemmer(), min_count=3)] == ["level"]
    assert rank_keywords(documents, english_stemmer(), min_count=4) == []


def test_a_stem_twice_in_a_sentence_has_the_mean():
    doc = make_doc("inhibited inhibition")
    assert rank_keywords([[read(doc, 0, 2, [0.9, 0.1])]], english_stemmer()) == [
        Keyword("inhibit", pytest.approx(1.0), 1, ("inhibited", "inhibition"))
    ]


def test_mentions_stop_words_and_what_is_not_of_letters_are_no_keywords():
    words = ["@DRUG$", "aspirin", "ketamine", "the", "Not", ".", "20", "CYP3A4", "x", "β-blocker", "Raised"]
    kinds = ["head", "tail", "mention", *["text"] * 8]
    doc = make_doc("a")
    found = rank_keywords([[read(doc, 0, 1, [1 / 11] * 11, kinds, words)]], english_stemmer())
    assert found == [Keyword("rais", pytest.approx(1.0), 1, ("raised",))]


def test_equal_weights_are_in_the_order_of_the_alphabet():
    doc = make_doc("zinc copper iron")
    assert [k.stem for k in rank_keywords([[read(doc, 0, 3, [1 / 3] * 3)]], english_stemmer())] == ["copper", "iron", "zinc"]


@pytest.mark.parametrize(
    ("corpus", "words"),
    [
        ("aimed", "activates complexes association interacts human proteins binding domains specifically receptors"),
        ("ddi", "concomitantly combined increases used concurrent decreasing inhibited received administered"),
        ("chemprot", "phosphorylation attenuates stimulated derivatives regulates novel metabolism reduces induces inhibition"),
    ],
)
def test_published_stems_are_what_the_stemmer_makes(corpus, words):
    """So that ours can be compared with theirs as they are printed; to stem theirs again would not do, of *increas* it makes *increa*."""
    assert [english_stemmer()(word) for word in words.split()] == list(PUBLISHED_KEYWORDS[corpus])


def test_published_stems_are_of_the_corpora_of_the_paper():
    assert PUBLISHED_KEYWORDS.keys() == CORPORA.keys()
    assert [len(set(stems)) for stems in PUBLISHED_KEYWORDS.values()] == [10, 9, 10]


def test_missing_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "snowballstemmer", None)
    with pytest.raises(RelextError, match=r'pip install -e "\.\[analysis\]"'):
        english_stemmer()
