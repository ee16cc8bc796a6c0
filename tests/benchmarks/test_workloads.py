"""The documents that are measured on."""

import random

import pytest
from spacy.tokens import Doc, Span

from benchmarks.speed.ours import make_docs
from benchmarks.speed.workloads import Document, by_density, by_length, by_mentions, crowded, from_docs
from spacy_relext.mentions import SPANS_KEY
from spacy_relext.relations import Relation, set_relations
from tests.benchmarks.toy import make_writer
from tests.conftest import TRAIN_DATA


def test_a_document_is_as_asked(tmp_path):
    writer = make_writer(tmp_path)
    document = writer.document("d", [2, 0, 3], length=6)
    names = {name for _, mentions, _ in TRAIN_DATA for name, _ in mentions}
    assert len(document.tokens) == 3 * 6
    assert [document.text[end - 1] for _, end in document.sentences] == [".", ".", "."]
    assert "".join(document.text[start:end] for start, end in document.tokens) == document.text.replace(" ", "")
    inside = [sum(start <= m[0] and m[1] <= end for m in document.mentions) for start, end in document.sentences]
    assert inside == [2, 0, 3]
    assert {(start, end) for start, end, _ in document.mentions} <= set(document.tokens)
    assert {document.text[start:end].lower() for start, end, _ in document.mentions} <= {name.lower() for name in names}
    others = {document.text[s:e] for s, e in document.tokens} - {document.text[s:e] for s, e, _ in document.mentions}
    assert not others & names
    # One pair, none, and three.
    assert document.n_pairs == 4


def test_a_seed_gives_the_same_documents(tmp_path):
    texts = [make_writer(tmp_path, seed).document("d", [2], length=20).text for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_pairs_are_those_that_begin_in_a_sentence():
    # The third mention runs over the end of its sentence.
    mentions = [(0, 1, "T"), (0, 3, "T"), (2, 5, "T"), (6, 7, "T")]
    document = Document("d", "a b c d", [(0, 1), (2, 3), (4, 5), (6, 7)], [(0, 3), (4, 7)], mentions)
    assert document.n_pairs == 3


def test_mentions_stand_together():
    assert sorted(crowded(10, 5, random.Random(0))) == [0, 0, 2, 4, 4]
    assert crowded(10, 5, random.Random(0)) != crowded(10, 5, random.Random(2))
    with pytest.raises(ValueError, match="9 mentions need 3 sentences of 4, and there are 2"):
        crowded(9, 2, random.Random(0))


def test_series(tmp_path):
    writer = make_writer(tmp_path)
    (workload,) = by_mentions(writer, [10], n_sentences=5, length=7)
    # Two sentences of 4 mentions, and one of 2.
    expected = {"documents": 1, "tokens": 35, "sentences": 5, "mentions": 10, "pairs": 13}
    assert workload.sizes() == {"name": "mentions-10", "series": "mentions", "value": 10, **expected}
    short, long = by_length(writer, [1, 4], length=10, total=9)
    assert [short.name, long.name] == ["length-10", "length-40"]
    assert [len(short.documents), len(long.documents)] == [9, 2]
    assert [short.n_pairs, long.n_pairs] == [54, 48]
    (dense,) = by_density(writer, [7], n_documents=2, length=9)
    assert (dense.name, dense.n_pairs, dense.sizes()["tokens"]) == ("density-7", 42, 18)


def test_documents_of_a_corpus_come_back_as_docs(nlp):
    docs = []
    for i in range(5):
        # Two spaces, and mentions that overlap.
        doc = Doc(nlp.vocab, words=["Old", f"aspirin{i}", "rose", " ", "twice", "."], spaces=[True, True, True, False, False, True])
        for token in doc:
            token.is_sent_start = token.i == 0
        mentions = doc.spans[SPANS_KEY] = [Span(doc, 0, 2, "DRUG"), Span(doc, 1, 2, "DRUG"), Span(doc, 4, 5, "DOSE")]
        # From the dose to the drug.
        set_relations(doc, [Relation(mentions[2], mentions[1], "of")])
        docs.append(doc)
    workload = from_docs(docs, 2)
    assert (workload.name, workload.n_pairs) == ("corpus-2", 6)
    assert [document.relations for document in workload.documents] == [[(1, 2, "of")]] * 2
    first, second = make_docs(nlp, [vars(document) for document in workload.documents])
    # Evenly over the corpus: the first and the third of five.
    assert [doc[1].text for doc in (first, second)] == ["aspirin0", "aspirin2"]
    assert [(span.text, span.label_) for span in second.spans[SPANS_KEY]] == [
        ("Old aspirin2", "DRUG"),
        ("aspirin2", "DRUG"),
        ("twice", "DOSE"),
    ]
    assert len(list(second.sents)) == 1
