"""The training reader: which units it gives, what it leaves out, and mentions under other names."""

import logging
import random
from dataclasses import replace

import pytest
import spacy
from spacy import registry
from spacy.tokens import DocBin

from spacy_relext.candidates import sentence_pairs
from spacy_relext.corpus import create_corpus, names_by_type, predicted_doc, read_docs, sentence_docs, with_other_names
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.relations import annotated_labels, get_relations, has_relations

#                 0         1         2         3         4         5
#                 0123456789012345678901234567890123456789012345678901234567890
FIRST = Document(
    "first",
    "Aspirin raises 5-fluorouracil. Nothing here. Tea spares aspirin.",
    [
        Mention("a", 0, 7, "DRUG"),
        Mention("b", 15, 29, "DRUG"),
        Mention("c", 45, 48, "FOOD"),
        Mention("d", 56, 63, "DRUG"),
    ],
    [AnnotatedRelation("a", "b", "MECHANISM", 0.75), AnnotatedRelation("d", "c", "EFFECT")],
    [(0, 30), (31, 44), (45, 64)],
)
SECOND = Document("second", "Warfarin alone.", [Mention("a", 0, 8, "DRUG")], [], [(0, 15)])


def triples(doc):
    return [(r.head.text, r.label, r.tail.text) for r in get_relations(doc)]


@pytest.fixture
def corpus_file(nlp, tmp_path):
    """Two documents, with relations within their sentences."""
    DocBin(docs=[to_doc(FIRST, nlp), to_doc(SECOND, nlp)], store_user_data=True).to_disk(tmp_path / "a.spacy")
    return tmp_path / "a.spacy"


def read(nlp, path, **settings):
    return list(create_corpus(path, **settings)(nlp))


def test_unit_document(nlp, corpus_file):
    first, second = read(nlp, corpus_file)
    assert [eg.reference.text for eg in (first, second)] == [FIRST.text, SECOND.text]
    assert triples(first.reference) == [("Aspirin", "MECHANISM", "5-fluorouracil"), ("aspirin", "EFFECT", "Tea")]
    assert has_relations(second.reference)
    assert triples(second.reference) == []


def test_unit_sentence(nlp, corpus_file):
    references = [eg.reference for eg in read(nlp, corpus_file, unit="sentence")]
    assert [doc.text.strip() for doc in references] == [
        "Aspirin raises 5-fluorouracil.",
        "Nothing here.",
        "Tea spares aspirin.",
        "Warfarin alone.",
    ]
    assert [triples(doc) for doc in references] == [
        [("Aspirin", "MECHANISM", "5-fluorouracil")],
        [],
        [("aspirin", "EFFECT", "Tea")],
        [],
    ]
    # Sentences without relations are annotated, too: they teach what no relation looks like.
    assert all(has_relations(doc) for doc in references)
    names = [[(span.text, span.label_) for span in doc.spans["mentions"]] for doc in references]
    assert names == [
        [("Aspirin", "DRUG"), ("5-fluorouracil", "DRUG")],
        [],
        [("Tea", "FOOD"), ("aspirin", "DRUG")],
        [("Warfarin", "DRUG")],
    ]
    assert [[(span.text, span.label_) for span in doc.ents] for doc in references] == names
    assert get_relations(references[0])[0].score == 0.75
    assert [len(list(doc.sents)) for doc in references] == [1, 1, 1, 1]


def test_sentences_of_a_doc_without_relation_annotation_stay_unannotated(nlp):
    doc = to_doc(Document("a", "One. Two.", sentences=[(0, 4), (5, 9)]), nlp)
    assert [has_relations(unit) for unit in sentence_docs(doc)] == [False, False]


@pytest.mark.parametrize(
    ("unit", "min_mentions", "n"),
    [("document", 0, 2), ("document", 1, 2), ("document", 2, 1), ("document", 5, 0), ("sentence", 1, 3), ("sentence", 2, 2)],
)
def test_units_with_few_mentions_are_left_out(unit, min_mentions, n, nlp, corpus_file):
    # Without a group of that name: the entities, as in the extractor.
    for spans_key in (None, "mentions", "no such key"):
        assert len(read(nlp, corpus_file, unit=unit, min_mentions=min_mentions, spans_key=spans_key)) == n


def test_unit_pair(nlp, tmp_path):
    names = [("a", "Tea", "FOOD"), ("b", "aspirin", "DRUG"), ("c", "gin", "FOOD"), ("d", "warfarin", "DRUG"), ("e", "Ale", "FOOD")]
    text = "Tea, aspirin or gin spares warfarin. Ale."
    mentions = [Mention(key, text.index(name), text.index(name) + len(name), kind) for key, name, kind in names]
    relations = [AnnotatedRelation("b", "d", "EFFECT"), AnnotatedRelation("d", "b", "MECHANISM"), AnnotatedRelation("c", "d", "EFFECT")]
    document = Document("first", text, mentions, relations, [(0, 36), (37, 41)])
    DocBin(docs=[to_doc(document, nlp)], store_user_data=True).to_disk(tmp_path / "a.spacy")
    for spans_key in (None, "mentions", "no such key"):
        units = [example.reference for example in read(nlp, tmp_path / "a.spacy", unit="pair", spans_key=spans_key)]
        assert {doc.text.strip() for doc in units} == {"Tea, aspirin or gin spares warfarin."}
        assert all(has_relations(doc) for doc in units)
        spans = [doc.ents if spans_key is None else doc.spans[spans_key] for doc in units]
        assert [([f"{s.text} {s.label_}" for s in two], sorted(triples(doc))) for two, doc in zip(spans, units, strict=True)] == [
            (["Tea FOOD", "aspirin DRUG"], []),
            (["Tea FOOD", "gin FOOD"], []),
            (["Tea FOOD", "warfarin DRUG"], []),
            (["aspirin DRUG", "gin FOOD"], []),
            (["aspirin DRUG", "warfarin DRUG"], [("aspirin", "EFFECT", "warfarin"), ("warfarin", "MECHANISM", "aspirin")]),
            (["gin FOOD", "warfarin DRUG"], [("gin", "EFFECT", "warfarin")]),
        ]
    few = read(nlp, tmp_path / "a.spacy", unit="pair", candidates=sentence_pairs(ordered=False, types=[["DRUG", "DRUG"]]))
    assert [[span.text for span in example.reference.ents] for example in few] == [["aspirin", "warfarin"]]


@pytest.mark.parametrize("unit", ["sentence", "pair"])
def test_relations_across_sentences_are_left_out_only_if_told_and_then_counted(unit, nlp, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("spacy"), "propagate", True)
    text = "Tea spares gin. Ale helps rum."
    mentions = [Mention(name, text.index(name), text.index(name) + 3, "FOOD") for name in ("Tea", "gin", "Ale", "rum")]
    relations = [AnnotatedRelation(a, b, "EFFECT") for a, b in (("Tea", "gin"), ("Tea", "rum"), ("rum", "Ale"))]
    DocBin(docs=[to_doc(Document("first", text, mentions, relations, [(0, 15), (16, 30)]), nlp)], store_user_data=True).to_disk(
        tmp_path / "a.spacy"
    )
    with pytest.raises(RelextError, match="runs across sentences"):
        read(nlp, tmp_path / "a.spacy", unit=unit)
    units = read(nlp, tmp_path / "a.spacy", unit=unit, cross_sentence="drop")
    assert [triples(example.reference) for example in units] == [[("Tea", "EFFECT", "gin")], [("rum", "EFFECT", "Ale")]]
    assert "1 relation across sentences is left out" in caplog.text


def test_gold_tokens(nlp, tmp_path):
    document = Document("a", "CYP3A4s  rise.", [Mention("1", 0, 6, "P")], [], [(0, 14)])
    DocBin(docs=[to_doc(document, nlp)], store_user_data=True).to_disk(tmp_path / "a.spacy")
    [gold] = read(nlp, tmp_path / "a.spacy")
    assert [token.text for token in gold.predicted] == ["CYP3A4", "s", " ", "rise", "."]
    assert gold.predicted.text == gold.reference.text == document.text
    assert [token.is_sent_start for token in gold.predicted] == [True, False, False, False, False]
    [own] = read(nlp, tmp_path / "a.spacy", gold_tokens=False)
    assert [token.text for token in own.predicted] == ["CYP3A4s", " ", "rise", "."]
    assert not own.predicted.has_annotation("SENT_START")


def test_predicted_docs_give_nothing_away(nlp, corpus_file):
    for unit in ("document", "sentence"):
        for example in read(nlp, corpus_file, unit=unit):
            assert example.predicted is not example.reference
            assert not example.predicted.ents
            assert not example.predicted.spans
            assert not has_relations(example.predicted)


def test_predicted_doc_of_a_reference_without_sentences_has_none(nlp):
    assert not predicted_doc(nlp, nlp.make_doc("One. Two."), True).has_annotation("SENT_START")


def test_predicted_docs_are_fresh_every_time_the_corpus_is_read(nlp, corpus_file):
    corpus = create_corpus(corpus_file)
    first, again = list(corpus(nlp)), list(corpus(nlp))
    assert first[0].predicted is not again[0].predicted


def test_relations_across_sentences_are_an_error_for_unit_sentence(nlp, tmp_path):
    document = Document(
        "a", "Aspirin. Tea.", [Mention("1", 0, 7, "D"), Mention("2", 9, 12, "F")], [AnnotatedRelation("2", "1", "LINK")], [(0, 8), (9, 13)]
    )
    DocBin(docs=[to_doc(document, nlp)], store_user_data=True).to_disk(tmp_path / "a.spacy")
    with pytest.raises(RelextError, match=r'Tea --LINK--> Aspirin .*runs across sentences.*Set unit = "document"'):
        read(nlp, tmp_path / "a.spacy", unit="sentence")
    assert triples(read(nlp, tmp_path / "a.spacy")[0].reference) == [("Tea", "LINK", "Aspirin")]


@pytest.mark.parametrize(("head", "tail"), [("1", "2"), ("2", "1")])
def test_relation_with_a_mention_that_runs_over_its_sentence_is_an_error_for_unit_sentence(head, tail, nlp):
    mentions = [Mention("1", 0, 7, "D"), Mention("2", 12, 20, "F")]
    document = Document("a", "Aspirin and St. John wort.", mentions, [AnnotatedRelation(head, tail, "L")], [(0, 15), (16, 26)])
    doc = to_doc(document, nlp)
    assert doc.spans["mentions"][1].text == "St. John"
    with pytest.raises(RelextError, match="runs across sentences"):
        list(sentence_docs(doc))


def test_unit_sentence_without_sentences_is_an_error(nlp):
    doc = to_doc(Document("a", "One. Two.", relations=[]), nlp)
    with pytest.raises(RelextError, match='has no sentences, and unit = "sentence" or "pair" needs them'):
        list(sentence_docs(doc))


# Other names

OTHERS = Document(
    "others",
    "Ketamine, St. John's wort, grapefruit juice",
    [Mention("1", 0, 8, "DRUG"), Mention("2", 10, 25, "DRUG"), Mention("3", 27, 43, "FOOD")],
)


@pytest.mark.parametrize("spans_key", [None, "mentions"])
def test_other_names_keep_relations_sentences_and_types(spans_key, nlp):
    """Names come from another Doc, so none of the old ones can remain."""

    def mentions_of(doc):
        return list(doc.spans[spans_key]) if spans_key else list(doc.ents)

    doc = to_doc(FIRST, nlp)
    names = names_by_type([to_doc(OTHERS, nlp)], mentions_of)
    assert {kind: [span.text for span in spans] for kind, spans in names.items()} == {
        "DRUG": ["Ketamine", "St. John's wort"],
        "FOOD": ["grapefruit juice"],
    }
    seen = set()
    for seed in range(8):
        random.seed(seed)
        copy = with_other_names(doc, mentions_of(doc), names, spans_key)
        a, b, c, d = mentions_of(copy)
        # "Aspirin" and "aspirin" are one name.
        assert a.text == d.text
        assert copy.text == f"{a.text} raises {b.text}. Nothing here. grapefruit juice spares {a.text}."
        assert {a.text, b.text} <= {"Ketamine", "St. John's wort"}
        assert [span.label_ for span in (a, b, c, d)] == ["DRUG", "DRUG", "FOOD", "DRUG"]
        assert [sentence.text for sentence in copy.sents] == [
            f"{a.text} raises {b.text}.",
            "Nothing here.",
            f"grapefruit juice spares {a.text}.",
        ]
        relations = get_relations(copy)
        assert [(r.head.start, r.label, r.tail.start, r.score) for r in relations] == [
            (a.start, "MECHANISM", b.start, 0.75),
            (d.start, "EFFECT", c.start, 1.0),
        ]
        assert [(r.head.label_, r.tail.label_) for r in relations] == [("DRUG", "DRUG"), ("DRUG", "FOOD")]
        assert [(r.head.text, r.tail.text) for r in relations] == [(a.text, b.text), (d.text, c.text)]
        seen.add((a.text, b.text))
    assert len(seen) > 1
    assert doc.text == FIRST.text


def test_other_names_of_a_doc_without_annotation_stay_unannotated(nlp):
    document = Document("a", "Aspirin alone", [Mention("1", 0, 7, "DRUG")])
    doc = to_doc(document, nlp)
    copy = with_other_names(doc, list(doc.ents), names_by_type([to_doc(OTHERS, nlp)], lambda d: list(d.ents)), None)
    assert copy is not doc
    assert not has_relations(copy)
    assert not copy.has_annotation("SENT_START")


def test_units_with_overlapping_mentions_keep_their_names(nlp):
    mentions = [Mention("1", 0, 7, "DRUG"), Mention("2", 0, 13, "DRUG")]
    doc = to_doc(Document("a", "calcium salts", mentions, []), nlp)
    spans = list(doc.spans["mentions"])
    assert with_other_names(doc, spans, {"DRUG": spans}, "mentions") is doc


def test_units_with_a_relation_of_an_unknown_mention_keep_their_names(nlp):
    """The nested mention is no entity, and its relation must not be lost."""
    mentions = [Mention("1", 0, 7, "DRUG"), Mention("2", 0, 13, "DRUG"), Mention("3", 18, 21, "FOOD")]
    doc = to_doc(Document("a", "calcium salts and tea", mentions, [AnnotatedRelation("1", "3", "L")], [(0, 21)]), nlp)
    assert len(doc.ents) == 2
    names = names_by_type([to_doc(OTHERS, nlp)], lambda d: list(d.ents))
    assert with_other_names(doc, list(doc.ents), names, None) is doc


def test_replace_mentions_draws_anew_and_from_the_corpus(nlp, corpus_file):
    corpus = create_corpus(corpus_file, unit="sentence", replace_mentions=1.0)
    random.seed(0)
    texts = {example.reference.text.strip() for _ in range(20) for example in corpus(nlp)}
    drugs = ("Aspirin", "5-fluorouracil", "aspirin", "Warfarin")
    assert {text for text in texts if text.endswith("alone.")} == {f"{drug} alone." for drug in drugs}
    # The one food there is stays; a frequent name comes in all its spellings.
    assert {text for text in texts if text.startswith("Tea")} == {f"Tea spares {drug}." for drug in drugs}
    assert "Nothing here." in texts


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.5, 10, 30), (1.0, 35, 40)])
def test_replace_mentions_is_a_share_of_the_units(share, low, high, nlp, tmp_path):
    """Forty names: now and then one is replaced by itself."""
    docs = [to_doc(Document("", f"drug{i} alone", [Mention("1", 0, len(f"drug{i}"), "DRUG")], []), nlp) for i in range(40)]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "a.spacy")
    random.seed(1)
    references = [example.reference for example in read(nlp, tmp_path / "a.spacy", replace_mentions=share)]
    changed = sum(reference.text != doc.text for reference, doc in zip(references, docs, strict=True))
    assert low <= changed <= high


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_replace_mentions_must_be_a_share(share, corpus_file):
    with pytest.raises(RelextError, match=f"replace_mentions is {share}; .*between 0 and 1"):
        create_corpus(corpus_file, replace_mentions=share)


@pytest.mark.parametrize(("old", "new", "value"), [("crossing", "cross_sentence", "drop"), ("swap_mentions", "replace_mentions", 0.5)])
def test_former_names_of_settings_are_an_error_with_the_new_one(old, new, value, corpus_file):
    with pytest.raises(RelextError, match=f"the setting {old} is now called {new}"):
        registry.resolve({"reader": {"@readers": "spacy-relext.Corpus.v1", "path": str(corpus_file), old: value}})


def test_replace_mentions_needs_gold_tokens(corpus_file):
    with pytest.raises(RelextError, match="replace_mentions needs gold_tokens = true"):
        create_corpus(corpus_file, replace_mentions=0.5, gold_tokens=False)


def test_shuffle_is_a_permutation_and_follows_the_seed(nlp, tmp_path):
    texts = [f"text {i}" for i in range(30)]
    DocBin(docs=[nlp.make_doc(text) for text in texts], store_user_data=True).to_disk(tmp_path / "a.spacy")

    def order(seed, corpus):
        random.seed(seed)
        return [example.reference.text for example in corpus(nlp)]

    corpus = create_corpus(tmp_path / "a.spacy", shuffle=True)
    first = order(0, corpus)
    assert first != texts
    assert sorted(first) == sorted(texts)
    assert order(0, corpus) == first
    assert order(0, create_corpus(tmp_path / "a.spacy", shuffle=True)) == first
    assert order(1, corpus) != first
    # Every epoch has an order of its own.
    random.seed(0)
    assert [[example.reference.text for example in corpus(nlp)] for _ in range(2)][1] != first
    assert order(0, create_corpus(tmp_path / "a.spacy")) == texts


def test_shuffle_and_swap_together_follow_the_seed(nlp, corpus_file):
    def draw():
        random.seed(7)
        return [example.reference.text for example in read(nlp, corpus_file, unit="sentence", replace_mentions=0.5, shuffle=True)]

    assert draw() == draw()


# Files


def test_folder_is_read_recursively_in_order_of_names(nlp, tmp_path):
    for name, text in (("b.spacy", "B"), ("a/z.spacy", "A"), ("c.txt", "C")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        DocBin(docs=[nlp.make_doc(text)]).to_disk(tmp_path / name)
    assert [doc.text for doc in read_docs(tmp_path, nlp)] == ["A", "B"]
    assert [example.reference.text for example in read(nlp, str(tmp_path))] == ["A", "B"]


def test_missing_path(nlp, tmp_path):
    with pytest.raises(DataError, match=r"no such file or folder.*relext convert") as caught:
        read(nlp, tmp_path / "none.spacy")
    assert caught.value.path == tmp_path / "none.spacy"


def test_path_that_is_not_given(nlp):
    """A config without data can be filled and looked at; it cannot be trained on."""
    with pytest.raises(RelextError, match=r"path is null.*--paths\.train"):
        list(create_corpus(None)(nlp))


def test_folder_without_files(nlp, tmp_path):
    with pytest.raises(DataError, match=r"holds no \.spacy file"):
        read(nlp, tmp_path)


@pytest.mark.parametrize("content", [b"", b"Cimetidine raised warfarin levels.", b"\x78\x9c broken"])
def test_foreign_file(content, nlp, tmp_path):
    (tmp_path / "a.spacy").write_bytes(content)
    with pytest.raises(DataError, match=r"no \.spacy file that can be read") as caught:
        read(nlp, tmp_path / "a.spacy")
    assert caught.value.path == tmp_path / "a.spacy"


def test_a_file_of_another_format_is_to_be_converted(nlp, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "Cimetidine raised warfarin levels."}\n', encoding="utf8")
    with pytest.raises(DataError, match=r"a \.spacy file is expected.*relext convert FORMAT") as caught:
        read(nlp, tmp_path / "a.jsonl")
    assert "spacy convert file.json" not in str(caught.value)


def test_truncated_file(nlp, corpus_file):
    corpus_file.write_bytes(corpus_file.read_bytes()[:-50])
    with pytest.raises(DataError, match=r"no \.spacy file that can be read"):
        read(nlp, corpus_file)


def test_reader_is_found_by_name_and_takes_a_string_as_path(nlp, corpus_file):
    corpus = spacy.registry.readers.get("spacy-relext.Corpus.v1")(str(corpus_file), unit="sentence")
    assert len(list(corpus(nlp))) == 4


@pytest.mark.parametrize("unit", ["sentence", "pair"])
def test_units_keep_the_concepts_of_mentions(unit, nlp, tmp_path):
    mentions = [Mention("a", 0, 1, "X", "C1"), Mention("b", 2, 3, "X", "C2")]
    doc = to_doc(Document("d", "A B.", mentions, [AnnotatedRelation("a", "b", "R")], [(0, 4)]), nlp)
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "a.spacy")
    [example] = create_corpus(tmp_path / "a.spacy", unit=unit, spans_key="mentions")(nlp)
    assert [span.kb_id_ for span in example.reference.spans["mentions"]] == ["C1", "C2"]


@pytest.mark.parametrize("unit", ["document", "sentence", "pair"])
@pytest.mark.parametrize("replace_mentions", [0.0, 1.0])
def test_units_are_annotated_for_the_labels_of_their_document(unit, replace_mentions, nlp, tmp_path):
    labels = frozenset({"EFFECT", "MECHANISM", "OTHER"})
    docs = [to_doc(document, nlp) for document in (replace(FIRST, annotated_labels=labels), SECOND)]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "a.spacy")
    examples = read(nlp, tmp_path / "a.spacy", unit=unit, replace_mentions=replace_mentions)
    expected = {"document": [labels, None], "sentence": [labels] * 3 + [None], "pair": [labels] * 2}
    assert [annotated_labels(example.reference) for example in examples] == expected[unit]
    assert [annotated_labels(example.predicted) for example in examples] == [None] * len(examples)
