"""What teachers say of pairs, as it is kept on Docs: it survives what relations survive."""

import random

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin

from spacy_relext.corpus import create_corpus, names_by_type, pair_doc, sentence_docs, with_other_names
from spacy_relext.errors import RelextError
from spacy_relext.formats.docs import to_doc
from spacy_relext.taught import Place, Taught, get_taught, in_columns, set_taught, taught_columns
from tests.test_corpus import FIRST

LABELS = ("EFFECT", "MECHANISM")
# Those of one sentence, of another, and of both.
PAIRS = [("Aspirin", "5-fluorouracil"), ("5-fluorouracil", "Aspirin"), ("Tea", "aspirin"), ("aspirin", "Tea"), ("Aspirin", "Tea")]


def places(doc):
    return {span.text: Place.of(span) for span in doc.spans["mentions"]}


def taught_doc(nlp, pairs=PAIRS):
    doc = to_doc(FIRST, nlp)
    of = places(doc)
    log_p = -numpy.random.default_rng(0).random((len(pairs), 3)).astype("float32")
    set_taught(doc, Taught(LABELS, True, [(of[head], of[tail]) for head, tail in pairs], log_p))
    return doc, log_p


def said(doc):
    """What is said of each pair, by the texts of its mentions."""
    taught = get_taught(doc)
    found = {}
    for (head, tail), row in zip(taught.pairs, taught.log_p, strict=True):
        found[doc.text[head.start : head.end], doc.text[tail.start : tail.end], head.type, tail.type] = row.tolist()
    return found


def expected(log_p, pairs=PAIRS):
    kinds = {"Tea": "FOOD"}
    return {
        (head, tail, kinds.get(head, "DRUG"), kinds.get(tail, "DRUG")): row.tolist() for (head, tail), row in zip(pairs, log_p, strict=True)
    }


def test_nothing_is_kept_where_nobody_was_asked(nlp):
    doc = to_doc(FIRST, nlp)
    assert get_taught(doc) is None
    assert taught_columns(doc) is None
    set_taught(doc, Taught(LABELS, True, [], numpy.zeros((0, 3))))
    assert get_taught(doc).pairs == []
    assert get_taught(doc).log_p.shape == (0, 3)
    set_taught(doc, None)
    assert get_taught(doc) is None


def test_four_bytes_per_column_survive_bytes_docbin_and_copies(nlp, tmp_path):
    doc, log_p = taught_doc(nlp)
    assert said(doc) == expected(log_p)
    assert sum(len(head["log_p"]) for key, heads in doc.user_data.items() if key[1] == "teacher_scores" for head in heads) == 5 * 3 * 4
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "a.spacy")
    [stored] = DocBin().from_disk(tmp_path / "a.spacy").get_docs(nlp.vocab)
    for other in (stored, Doc(nlp.vocab).from_bytes(doc.to_bytes()), doc.copy()):
        assert said(other) == expected(log_p)
        assert taught_columns(other) == (LABELS, True)


def test_a_sentence_keeps_its_pairs(nlp):
    doc, log_p = taught_doc(nlp)
    first, second, third = sentence_docs(doc)
    assert said(first) == expected(log_p[:2], PAIRS[:2])
    assert get_taught(second).pairs == []
    assert said(third) == expected(log_p[2:4], PAIRS[2:4])
    assert all(taught_columns(unit) == (LABELS, True) for unit in (first, second, third))
    assert [key[1] for key in third.user_data].count("teacher_scores") == 2


def test_what_was_cut_out_is_not_read_in_another_text(nlp):
    """Whoever cuts and joins with spaCy alone takes along what lies outside."""
    doc, log_p = taught_doc(nlp)
    third = list(doc.sents)[2].as_doc(copy_user_data=True)
    assert said(third) == expected(log_p[2:4], PAIRS[2:4])
    joined = Doc.from_docs([nlp.make_doc("Nothing of the kind is said in this text, and its words are other ones."), third, doc])
    assert said(joined) == expected(log_p)
    assert len(get_taught(joined).pairs) == 7


def test_texts_of_other_teachers_are_not_joined(nlp):
    doc, _ = taught_doc(nlp)
    other = nlp.make_doc("Tea.")
    set_taught(other, Taught(("ADVISE",), True, [], numpy.zeros((0, 2))))
    with pytest.raises(RelextError, match="joined of texts for which teachers of different labels were asked: ADVISE and EFFECT/MECHANISM"):
        get_taught(Doc.from_docs([doc, other]))


def test_merged_tokens_change_nothing(nlp):
    doc, log_p = taught_doc(nlp)
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[1:3])
    assert said(doc) == expected(log_p)


def test_other_names_have_what_was_said_of_the_old_ones(nlp):
    doc, log_p = taught_doc(nlp)
    random.seed(0)
    mentions = list(doc.spans["mentions"])
    names = {"DRUG": [nlp("Acetylsalicylic acid")[:]], "FOOD": [nlp("Milk")[:]]}
    copy = with_other_names(doc, mentions, names, "mentions")
    assert copy.text == "Acetylsalicylic acid raises Acetylsalicylic acid. Nothing here. Milk spares Acetylsalicylic acid."
    starts = {name: place.start for name, place in zip(places(doc), sorted(Place.of(span) for span in copy.spans["mentions"]), strict=True)}
    found = {
        (head.start, tail.start): row.tolist() for (head, tail), row in zip(get_taught(copy).pairs, get_taught(copy).log_p, strict=True)
    }
    assert found == {(starts[head], starts[tail]): row.tolist() for (head, tail), row in zip(PAIRS, log_p, strict=True)}
    # A pair with a mention that cannot be replaced: the text stays as it is.
    assert with_other_names(doc, mentions[1:], names_by_type([doc], lambda d: mentions), "mentions") is doc


def test_a_unit_of_one_pair_has_what_is_said_of_it(nlp):
    doc, log_p = taught_doc(nlp)
    mentions = list(doc.spans["mentions"])
    assert said(pair_doc(doc, mentions[:2], "mentions")) == expected(log_p[:2], PAIRS[:2])


def test_pairs_across_sentences_are_not_lost_in_silence(nlp, tmp_path, caplog):
    def read(pairs, **settings):
        DocBin(docs=[taught_doc(nlp, pairs)[0]], store_user_data=True).to_disk(tmp_path / "a.spacy")
        return list(create_corpus(tmp_path / "a.spacy", **settings)(spacy.blank("en")))

    assert len(read(PAIRS)) == 1
    with pytest.raises(RelextError, match="1 of 5 pairs of which teachers say something run across sentences, and unit"):
        read(PAIRS, unit="sentence")
    assert len(read(PAIRS, unit="sentence", cross_sentence="drop")) == 3
    assert "1 of 5 pairs of which teachers say something run across sentences, and are left out." in caplog.text
    caplog.clear()
    assert len(read(PAIRS[:4], unit="sentence")) == 3
    assert caplog.text == ""


def test_columns_in_another_order():
    log_p = numpy.asarray([[-1.0, -2, -3]])
    pairs = [(Place(0, 1, "A"), Place(2, 3, "A"))]
    assert in_columns(Taught(LABELS, True, pairs, log_p), ("MECHANISM", "EFFECT")).tolist() == [[-1, -3, -2]]
    assert in_columns(Taught(("A", "B", "C"), False, pairs, log_p), ("C", "A", "B")).tolist() == [[-3, -1, -2]]


def test_pairs_that_are_not_in_the_doc_are_refused(nlp):
    doc = nlp.make_doc("Tea.")
    with pytest.raises(RelextError, match=r"characters 2-9 is not in the Doc 'Tea\.'…, of 4 characters"):
        set_taught(doc, Taught(LABELS, True, [(Place(0, 3, "A"), Place(2, 9, "A"))], numpy.zeros((1, 3))))
