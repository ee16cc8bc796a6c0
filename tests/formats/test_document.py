"""Annotated documents into Docs and back."""

from collections import Counter

import pyarrow.parquet
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

from spacy_relext.errors import DataError
from spacy_relext.formats.catalogue import WRITABLE, get_format
from spacy_relext.formats.concepts import related_concepts
from spacy_relext.formats.docs import document_id, from_doc, metadata, to_doc
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.relations import Relation, has_relations, register_extensions, set_relations

register_extensions()


def on_error(error):
    raise error


def contents(document):
    return (document.id, document.text, document.mentions, document.relations, document.sentences)


def words(doc):
    return [token.text for token in doc]


def test_mentions_cut_tokens_into_whole_tokens(nlp):
    #       0         1         2
    #       0123456789012345678901234567
    text = "Pre-warfarinised CYP3A4s ok."
    assert words(nlp.make_doc(text)) == ["Pre", "-", "warfarinised", "CYP3A4s", "ok", "."]
    counts = Counter()
    doc = to_doc(Document("a", text, [Mention("1", 4, 12, "C"), Mention("2", 17, 23, "P"), Mention("3", 18, 20, "P")]), nlp, counts)
    assert doc.text == text
    assert words(doc) == ["Pre", "-", "warfarin", "ised", "C", "YP", "3A4", "s", "ok", "."]
    assert [span.text for span in doc.spans["mentions"]] == ["warfarin", "CYP3A4", "YP"]
    assert [span.label_ for span in doc.spans["mentions"]] == ["C", "P", "P"]
    assert [(span.start_char, span.end_char) for span in doc.spans["mentions"]] == [(4, 12), (17, 23), (18, 20)]
    # Two tokens of the tokenizer were cut, the second of them three times.
    assert counts["cut tokens"] == 2
    assert counts["mentions"] == 3


def test_whole_token_mentions_cut_nothing(nlp):
    counts = Counter()
    doc = to_doc(Document("a", "Give  warfarin now.", [Mention("1", 6, 14, "C")]), nlp, counts)
    assert words(doc) == words(nlp.make_doc("Give  warfarin now."))
    assert counts["cut tokens"] == 0


def test_white_space_around_a_mention_is_trimmed_and_counted(nlp):
    counts = Counter()
    text = "Give \twarfarin\u00a0 now."
    doc = to_doc(Document("a", text, [Mention("1", 4, 16, "C"), Mention("2", 16, 19, "C")]), nlp, counts)
    assert doc.text == text
    assert [span.text for span in doc.spans["mentions"]] == ["warfarin", "now"]
    assert counts["trimmed mentions"] == 1


def test_sentences(nlp):
    #       0         1         2
    #       012345678901234567890123
    text = "One here.Two there. Last."
    document = Document("a", text, sentences=[(0, 9), (9, 20), (20, 25)])
    counts = Counter()
    doc = to_doc(document, nlp, counts)
    # "here.Two" is one token to the tokenizer: sentences cut tokens as mentions do.
    assert [sentence.text for sentence in doc.sents] == ["One here.", "Two there.", "Last."]
    assert counts["sentences"] == 3
    # The space after a sentence belongs to no sentence's characters.
    assert from_doc(doc).sentences == [(0, 9), (9, 19), (20, 25)]


def test_empty_sentences_leave_no_trace(nlp):
    doc = to_doc(Document("a", "One. Two.", sentences=[(0, 4), (4, 4), (4, 5), (5, 9)]), nlp)
    assert [sentence.text for sentence in doc.sents] == ["One.", "Two."]


def test_without_sentences_the_doc_has_none(nlp):
    doc = to_doc(Document("a", "One. Two."), nlp)
    assert not doc.has_annotation("SENT_START")
    assert from_doc(doc).sentences is None


def test_overlapping_mentions_are_spans_and_the_longest_are_entities(nlp):
    counts = Counter()
    text = "calcium channel blockers"
    mentions = [Mention("1", 0, 7, "C"), Mention("2", 0, 24, "G"), Mention("3", 8, 15, "P")]
    doc = to_doc(Document("a", text, mentions, [AnnotatedRelation("1", "3", "L")]), nlp, counts)
    assert [(span.text, span.label_) for span in doc.spans["mentions"]] == [("calcium", "C"), (text, "G"), ("channel", "P")]
    assert [(span.text, span.label_) for span in doc.ents] == [(text, "G")]
    assert counts["overlapping mentions (in doc.spans only)"] == 2
    assert [(r.head.text, r.label, r.tail.text, r.score) for r in doc._.relations] == [("calcium", "L", "channel", 1.0)]


def test_unannotated_differs_from_no_relations(nlp):
    unknown, none = (to_doc(Document("a", "Text.", relations=relations), nlp) for relations in (None, []))
    assert not has_relations(unknown)
    assert has_relations(none)
    assert from_doc(unknown).relations is None
    assert from_doc(none).relations == []


def test_round_trip(nlp):
    text = "Azoles raise\nwarfarin levels. Not 5-FU!"
    document = Document(
        "d/1",
        text,
        [Mention("T1", 0, 6, "CLASS"), Mention("T2", 13, 21, "DRUG"), Mention("T3", 34, 38, "DRUG")],
        [AnnotatedRelation("T1", "T2", "MECHANISM"), AnnotatedRelation("T3", "T2", "NOT", 0.5)],
        [(0, 29), (30, 39)],
    )
    assert contents(from_doc(to_doc(document, nlp))) == contents(document)


def test_round_trip_through_a_file_keeps_everything(nlp, tmp_path):
    documents = [
        Document("first", "a b", [Mention("T1", 0, 1, "X"), Mention("T2", 2, 3, "Y")], [AnnotatedRelation("T2", "T1", "L")], [(0, 3)]),
        Document("second", "a b", [Mention("T1", 0, 3, "X")]),
        Document("empty", "", sentences=[]),
    ]
    DocBin(docs=[to_doc(d, nlp) for d in documents], store_user_data=True).to_disk(tmp_path / "a.spacy")
    other = spacy.blank("en")
    back = [from_doc(doc) for doc in DocBin().from_disk(tmp_path / "a.spacy").get_docs(other.vocab)]
    assert [contents(d) for d in back] == [contents(d) for d in documents]


def test_mentions_at_one_place_with_two_types_both_come_back(nlp):
    mentions = [Mention("T1", 0, 7, "CHEMICAL"), Mention("T2", 0, 7, "HORMONE"), Mention("T3", 12, 19, "CHEMICAL")]
    document = Document("a", "insulin and glucose", mentions, [AnnotatedRelation("T2", "T3", "L")])
    assert contents(from_doc(to_doc(document, nlp))) == contents(document)


def test_relations_between_the_same_characters_are_left_out_and_counted(nlp):
    mentions = [Mention("1", 0, 7, "CHEMICAL"), Mention("2", 0, 8, "HORMONE"), Mention("3", 8, 14, "DRUG")]
    relations = [AnnotatedRelation("1", "2", "L"), AnnotatedRelation("3", "3", "L"), AnnotatedRelation("2", "3", "L")]
    document = Document("a", "insulin raises", mentions, relations, source="a.json", line=7)
    counts = Counter()
    doc = to_doc(document, nlp, counts)
    assert [(r.head.text, r.tail.text) for r in doc._.relations] == [("insulin", "raises")]
    assert counts["relations between mentions of the same characters"] == counts["relations of a mention to itself"] == counts["relations"]
    assert document.examples["relations between mentions of the same characters"] == "a.json:7"


def test_from_doc_takes_entities_where_there_are_no_spans_and_adds_the_relations_mentions(nlp):
    doc = nlp.make_doc("Azoles raise warfarin.")
    doc.set_ents([doc.char_span(13, 21, label="DRUG")])
    set_relations(doc, [Relation(doc.char_span(0, 6, label="CLASS"), doc.ents[0], "L", 0.75)])
    document = from_doc(doc)
    assert document.mentions == [Mention("T1", 0, 6, "CLASS"), Mention("T2", 13, 21, "DRUG")]
    assert document.relations == [AnnotatedRelation("T1", "T2", "L", 0.75)]
    assert document.id == ""


def test_relation_that_types_its_mention_otherwise_makes_no_second_mention(nlp):
    doc = nlp.make_doc("Azoles raise warfarin.")
    doc.set_ents([doc.char_span(0, 6, label="CLASS"), doc.char_span(13, 21, label="DRUG")])
    set_relations(doc, [Relation(doc[0:1], doc[2:3], "L")])
    document = from_doc(doc)
    assert document.mentions == [Mention("T1", 0, 6, "CLASS"), Mention("T2", 13, 21, "DRUG")]
    assert document.relations == [AnnotatedRelation("T1", "T2", "L")]


def test_document_id_survives_bytes_and_copy(nlp):
    doc = to_doc(Document("pmid-1", "Some text."), nlp)
    assert document_id(doc) == "pmid-1"
    assert document_id(Doc(nlp.vocab).from_bytes(doc.to_bytes())) == "pmid-1"
    assert document_id(doc.copy()) == "pmid-1"


def test_empty_and_blank_texts(nlp):
    for text in ("", " ", "\n\n"):
        doc = to_doc(Document("e", text, sentences=[(0, len(text))]), nlp)
        assert doc.text == text
        assert (document_id(doc), len(doc.spans["mentions"]), doc.ents) == ("e", 0, ())


def test_counts_are_optional_and_add_up(nlp):
    counts = Counter()
    for _ in range(2):
        to_doc(
            Document("a", "x y", [Mention("1", 0, 1, "T"), Mention("2", 2, 3, "T")], [AnnotatedRelation("1", "2", "L")]),
            nlp,
            counts,
        )
    assert +counts == {"documents": 2, "mentions": 4, "relations": 2, "relations: L": 2}


@pytest.mark.parametrize("name", WRITABLE)
def test_long_forms_come_back_or_are_counted(name, nlp, tmp_path):
    document = Document("a", "TA helps.", [Mention("T1", 0, 2, "DRUG", "C1", "Teal acid")], [], [(0, 9)])
    doc = to_doc(document, nlp)
    assert doc.user_data["._.", "long_form", 0, 2] == "Teal acid"
    path = tmp_path / {"brat": "folder", "ddi": "folder", "biocxml": "a.xml", "pubtator": "a.txt", "rdf": "a.ttl"}.get(name, "a.json")
    lost = get_format(name).write([from_doc(doc)], path)
    holds = name in ("jsonl", "biocxml", "biocjson", "pubannotation")
    assert lost["long forms of abbreviations"] == (not holds)
    if get_format(name).reads:
        [back] = get_format(name).read(path, Reading(on_error))
        assert [mention.long_form for mention in back.mentions] == ["Teal acid" if holds else ""]


@pytest.mark.parametrize("name", WRITABLE)
def test_what_is_said_of_relations_comes_back_or_is_counted(name, nlp, tmp_path):
    given = [Mention("1", 0, 3, "X", "C1"), Mention("2", 10, 13, "X", "C2")]
    doc = to_doc(Document("a", "Tea helps Bob.", given, [], [(0, 14)]), nlp)
    mentions = doc.spans["mentions"]
    sources = {"ddi": 0.5, "rules": 0.25}
    doc._.relations = [
        Relation(*mentions, "A", sources=sources, status="uncertain", attributes=["speculated", "novel"]),
        Relation(*mentions, "B", sources="ddi"),
        Relation(*mentions, "C"),
    ]
    path = tmp_path / {"brat": "folder", "ddi": "folder", "biocxml": "a.xml", "pubtator": "a.txt", "rdf": "a.ttl"}.get(name, "a.json")
    document = from_doc(doc)
    if name == "ddi":  # which has one relation per pair
        del document.relations[1:]
    document.denied = [AnnotatedRelation(document.mentions[1].id, document.mentions[0].id, "D", attributes=("novel",))]
    lost = get_format(name).write([document], path)
    counted = {kind: lost[f"{kind} of relations"] for kind in ("sources", "statuses", "attributes")} | {"denied": lost["denied relations"]}
    if name == "parquet":  # which is not read back
        assert counted == {"sources": 0, "statuses": 0, "attributes": 0, "denied": 1}
        row = pyarrow.parquet.read_table(path).to_pylist()[0]
        assert {source["source"]: source["score"] for source in row["sources"]} == sources
        assert (row["status"], set(row["attributes"])) == ("uncertain", {"speculated", "novel"})
        return
    if name != "jsonl":
        assert (counted["sources"], counted["statuses"]) == (1 if name == "ddi" else 2, 1)
        [back] = get_format(name).read(path, Reading(on_error)) if get_format(name).reads else [Document("", "")]
        assert counted["denied"] == (not back.denied)
        assert counted["attributes"] == (not any(r.attributes for r in back.relations or ()))
        return
    assert not any(counted.values())
    [back] = get_format(name).read(path, Reading(on_error))
    assert to_doc(back, nlp)._.relations.to_dicts() == doc._.relations.to_dicts()
    assert back.denied == document.denied


def test_sources_are_given_where_they_are_not_one_for_all(nlp):
    doc = nlp("Tea helps Bob.")
    pair = doc[0:1], doc[2:3]
    for sources, expected in (
        (["ddi", "ddi"], [(), ()]),
        (["", ""], [(), ()]),
        (["ddi", ""], [(("ddi", 1.0),), ()]),
        (["ddi", "rules"], [(("ddi", 1.0),), (("rules", 1.0),)]),
    ):
        doc._.relations = [Relation(*pair, label, sources=source) for label, source in zip("AB", sources, strict=True)]
        assert [r.sources for r in from_doc(doc).relations] == expected
    doc._.relations = [Relation(*pair, "A", sources="ddi")]
    assert [r.sources for r in from_doc(doc, sources=True).relations] == [(("ddi", 1.0),)]


def test_what_is_said_of_relations_between_concepts_is_kept(nlp):
    mentions = [Mention("1", 0, 3, "X", "C1"), Mention("2", 10, 13, "X", "C2")]
    relation = AnnotatedRelation("C1", "C2", "A", 0.5, (("ddi", 0.5),), "uncertain", ("novel",))
    doc = to_doc(Document("a", "Tea helps Bob.", mentions, concept_relations=[relation]), nlp)
    for again in (doc, Doc(nlp.vocab).from_bytes(doc.to_bytes())):
        document = from_doc(again, sources=True)
        assert document.concept_relations == [relation]
        # The relations between mentions that follow from it are novel, too.
        assert [(r.score, r.sources, r.status, r.attributes) for r in document.relations] == [
            (0.5, (("ddi", 0.5),), "uncertain", ("novel",))
        ]
    [found], _ = related_concepts(document.mentions, document.relations, [])
    assert found == relation


def test_values_that_cannot_be_right_name_the_document(nlp):
    mentions = [Mention("1", 0, 3, "X"), Mention("2", 10, 13, "X")]
    for wrong in (AnnotatedRelation("1", "2", "A", float("nan")), AnnotatedRelation("1", "2", " "), AnnotatedRelation("1", "2", "A", 2.0)):
        with pytest.raises(DataError, match=r"a\.x:3: document 'a': .*(score is|has the label)"):
            to_doc(Document("a", "Tea helps Bob.", mentions, [wrong], source="a.x", line=3), nlp)


def test_mentions_of_relations_alone_are_given_with_what_is_known(nlp):
    doc = nlp("TA helps warfarin.")
    doc.ents = [Span(doc, 2, 3, "DRUG", span_id="D2")]
    head = Span(doc, 0, 1, "DRUG", kb_id="D1")
    set_relations(doc, [Relation(head, doc.ents[0], "HELPS", long_forms=("Teal acid", ""))])
    assert from_doc(doc).mentions == [Mention("T1", 0, 2, "DRUG", "D1", "Teal acid"), Mention("T2", 9, 17, "DRUG", "D2")]


META = {
    "journal": "J. Tea",
    "year": 1999,
    "kinds": ["a", ["b"]],
    "of": {"n": 2**70, "x": 0.5, "y": None, "z": True},
    "number": "12",
    "quoted": '"12"',
}


@pytest.mark.parametrize("name", sorted(WRITABLE))
def test_metadata_come_back_or_are_counted(name, nlp, tmp_path):
    path = tmp_path / f"a{get_format(name).suffix}"
    made = get_format(name)
    lost = made.write(
        [
            Document("1", "Tea.", [Mention("T1", 0, 3, "X")], [], [(0, 4)], meta=META),
            Document("2", "Tea.", relations=[], sentences=[(0, 4)]),
        ],
        path,
    )
    assert lost["metadata of documents"] == ("metadata of documents" in made.lacks)
    if made.reads:
        back = {document.id: document.meta for document in made.read(path, Reading(on_error))}
        assert back.get("2", {}) == {}
        assert back["1"] == ({} if "metadata of documents" in made.lacks else META)


def test_metadata_survive_what_a_doc_survives(nlp):
    doc = to_doc(Document("1", "Tea.", meta=META), nlp)
    [stored] = DocBin(docs=[doc], store_user_data=True).get_docs(nlp.vocab)
    for found in (doc, doc.copy(), stored, Doc(nlp.vocab).from_bytes(doc.to_bytes()), to_doc(Document("1", "", meta=META), nlp)):
        assert metadata(found) == from_doc(found).meta == META
    assert metadata(nlp.make_doc("Tea.")) == from_doc(nlp.make_doc("Tea.")).meta == {}


@pytest.mark.parametrize("value", [float("nan"), {1}, object(), "\ud83d"])
def test_metadata_that_no_file_can_hold(value, nlp):
    with pytest.raises(DataError, match=r"document '1': its metadata (cannot be written as JSON|hold '\\ud83d')"):
        to_doc(Document("1", "Tea.", meta={"x": value}), nlp)


@pytest.mark.parametrize(
    ("name", "key"), [("prodigy", "document_id"), ("doccano", "annotated"), ("biocjson", "relations"), ("biocxml", "relations")]
)
def test_metadata_under_a_name_that_is_taken(name, key, tmp_path):
    with pytest.raises(DataError, match=rf"document '1': its metadata has the key.*'{key}'.* Rename (it|them), or export to jsonl\."):
        get_format(name).write([Document("1", "Tea.", meta={key: "x"})], tmp_path / "a")


@pytest.mark.usefixtures("all_special_cases")
def test_a_text_without_annotation_has_the_tokens_of_the_pipeline():
    nlp, text = spacy.blank("en"), "It doesn't interact w/ warfarin."
    doc, expected = to_doc(Document("d", text), nlp), nlp.make_doc(text)
    assert [(token.text, token.norm_, token.whitespace_) for token in doc] == [(t.text, t.norm_, t.whitespace_) for t in expected]
    assert document_id(doc) == "d"
