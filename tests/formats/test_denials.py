"""Denied relations are none, are kept beside the others, and are scored; speculation is an attribute."""

import json
from collections import Counter

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_relext.conversion import convert, export, read
from spacy_relext.corpus import read_docs, sentence_docs
from spacy_relext.errors import DataError
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.denials import NEGATED, SPECULATED, is_denial, said, with_negated
from spacy_relext.formats.docs import GIVEN_TWICE, from_doc, to_doc
from spacy_relext.formats.types import SAME_PLACE, SELF, AnnotatedRelation, Document, Mention
from spacy_relext.relations import Relation, annotated_labels, get_denied, has_relations, set_denied, set_relations
from spacy_relext.scorer import score_relations
from tests.cli.toy import relext

MENTIONS = [Mention("T1", 0, 3, "X"), Mention("T2", 10, 13, "Y"), Mention("T3", 15, 18, "Y")]
HELPS, HURTS = AnnotatedRelation("T1", "T2", "HELPS"), AnnotatedRelation("T2", "T3", "HURTS", attributes=(SPECULATED,))
DOCUMENT = Document("a", "Tea helps Bob. Eve too.", MENTIONS, [HELPS], [(0, 14), (15, 23)], denied=[HURTS])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Negation", "", NEGATED),
        ("negated", "true", NEGATED),
        ("is_negated", True, NEGATED),
        ("Negation", "Negated", NEGATED),
        ("Polarity", "Negative", NEGATED),
        ("Negation", "false", ""),
        ("Polarity", "positive", ""),
        ("Speculation", "", SPECULATED),
        ("speculated", "1", SPECULATED),
        ("Speculation", "no", ""),
        ("Confidence", "High", None),
        ("Negation", "perhaps", None),
        ("Polarity", "", None),
    ],
)
def test_attributes_that_deny_or_doubt(name, value, expected):
    assert said(name, value) == expected


def test_labels_that_deny():
    assert [is_denial(label) for label in ("No-rel", "NO RELATION", "none", "NOTHING")] == [True, True, True, False]


def test_denied_relations_are_counted_kept_and_none(nlp):
    counts = Counter()
    doc = to_doc(DOCUMENT, nlp, counts)
    assert [r.label for r in doc._.relations] == ["HELPS"]
    assert [(r.head.text, r.tail.text, r.label, r.attributes) for r in get_denied(doc)] == [("Bob", "Eve", "HURTS", (SPECULATED,))]
    assert (counts["relations"], counts["denied relations (read as none)"]) == (1, 1)
    # What is set later is another thing.
    set_relations(doc, [])
    assert len(get_denied(doc)) == 1
    set_denied(doc, [])
    assert not get_denied(doc)


def test_they_survive_what_relations_survive(nlp, tmp_path):
    doc = to_doc(DOCUMENT, nlp)
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "a.spacy")
    [stored] = read_docs(tmp_path / "a.spacy", spacy.blank("en"))
    for again in (stored, doc.copy(), Doc(nlp.vocab).from_bytes(doc.to_bytes())):
        assert from_doc(again) == DOCUMENT
    joined = Doc.from_docs([nlp("Well, well."), doc])
    assert [(r.head.text, r.tail.text) for r in get_denied(joined)] == [("Bob", "Eve")]
    assert not any(get_denied(sentence) for sentence in sentence_docs(doc))


def test_a_document_with_denied_relations_alone_is_annotated(nlp):
    assert has_relations(to_doc(Document("a", DOCUMENT.text, MENTIONS, denied=[HURTS]), nlp))
    assert not has_relations(to_doc(Document("a", DOCUMENT.text, MENTIONS), nlp))


def test_what_is_asserted_as_well_is_no_denial(nlp):
    counts = Counter()
    doc = to_doc(Document("a", DOCUMENT.text, MENTIONS, [HELPS], denied=[HELPS, HURTS]), nlp, counts)
    assert [r.label for r in get_denied(doc)] == ["HURTS"]
    assert counts["relations denied and asserted (kept as asserted)"] == counts["denied relations (read as none)"] == 1


def test_no_relation_denies_any_label_of_its_pair(nlp):
    counts = Counter()
    given = [HELPS, AnnotatedRelation("T1", "T2", "No-rel"), AnnotatedRelation("T2", "T1", "No-rel")]
    doc = to_doc(Document("a", DOCUMENT.text, MENTIONS, given), nlp, counts)
    assert [(r.head.text, r.tail.text) for r in get_denied(doc)] == [("Bob", "Tea")]
    assert counts["relations denied and asserted (kept as asserted)"] == 1
    made = with_negated(Document("a", DOCUMENT.text, MENTIONS, given))
    assert [(r.head, r.tail, r.label) for r in made.relations] == [("T1", "T2", "HELPS"), ("T2", "T1", "NOT_RELATED")]


@pytest.mark.parametrize("keep_negated", [False, True])
@pytest.mark.parametrize("name", ["pubtator", "biocjson", "jsonl"])
def test_denied_relations_of_concepts_hold_within_the_sentences_that_are_set(name, keep_negated, tmp_path):
    text = "Tea and pain. Bob has tea. Pain hurts."
    ends = [(0, 3, "X", "C1"), (8, 12, "Y", "C2"), (22, 25, "X", "C1"), (27, 31, "Y", "C2")]
    mentions = [Mention(f"T{i}", *values) for i, values in enumerate(ends)]
    raw = Document("a", text, mentions, concept_relations=[AnnotatedRelation("C1", "C2", "DENY")])
    path = tmp_path / "a.txt"
    get_format(name).write([raw], path)
    path.write_text(path.read_text(encoding="utf8").replace("DENY", "No-rel"), encoding="utf8")
    # The nearest are in two sentences.
    for sentences, places in (("sentencizer", [(0, 8)]), (None, [(22, 27)])):
        [doc] = read(path, name, sentences=sentences, keep_negated=keep_negated)
        found = doc._.relations if keep_negated else get_denied(doc)
        assert [(r.head.start_char, r.tail.start_char) for r in found] == places


def test_negated_labels():
    no_relation = AnnotatedRelation("T1", "T3", "No-rel")
    document = Document("a", "", [], None, annotated_labels=frozenset({"HURTS"}), denied=[HURTS, no_relation])
    made = with_negated(document)
    assert [(r.label, r.attributes) for r in made.relations] == [("NOT_HURTS", (SPECULATED,)), ("NOT_RELATED", ())]
    assert (made.denied, made.annotated_labels) == ([], {"HURTS", "NOT_HURTS", "NOT_RELATED"})


def test_convert_keeps_them_where_told_to(tmp_path):
    export([to_doc(DOCUMENT, spacy.blank("en"))], tmp_path / "a.jsonl")
    [doc] = read(tmp_path / "a.jsonl", keep_negated=True)
    assert [r.label for r in doc._.relations] == ["HELPS", "NOT_HURTS"]
    result = relext("convert", "jsonl", tmp_path / "a.jsonl", tmp_path / "a.spacy", "--keep-negated")
    assert result.exit_code == 0, result.output
    assert "relations: NOT_HURTS" in result.output
    report = convert(tmp_path / "a.jsonl", tmp_path / "b.spacy")
    assert report.total["denied relations (read as none)"] == 1


def test_jsonl_has_a_key_for_them(tmp_path):
    export([to_doc(DOCUMENT, spacy.blank("en"))], tmp_path / "a.jsonl")
    record = json.loads((tmp_path / "a.jsonl").read_text(encoding="utf8"))
    assert record["denied_relations"] == [{"head": "T2", "tail": "T3", "label": "HURTS", "attributes": ["speculated"]}]


def test_pairs_that_are_denied_and_found(nlp):
    reference = to_doc(Document("a", DOCUMENT.text, MENTIONS, [HELPS], denied=[HURTS, AnnotatedRelation("T1", "T3", "No-rel")]), nlp)
    set_relations(reference, [*reference._.relations, Relation(reference[2:3], reference[0:1], "SEES")])
    set_denied(reference, [*get_denied(reference), Relation(reference[0:1], reference[2:3], "SEES")])
    predicted = reference.copy()
    tea, bob, eve = (reference.spans["mentions"][i] for i in range(3))
    # Right though denied in the other direction; wrong, in the other direction; no denied pair.
    set_relations(predicted, [Relation(bob, tea, "SEES"), Relation(eve, bob, "HURTS")])
    scores = score_relations([Example(predicted, reference)])
    assert (scores["rel_denied"], scores["rel_denied_related"]) == (3, 1)
    assert scores["rel_denied_per_type"] == {
        "HURTS": {"pairs": 1, "related": 1, "found": 1},
        "No-rel": {"pairs": 1, "related": 0, "found": 0},
        "SEES": {"pairs": 1, "related": 0, "found": 0},
    }
    plain = to_doc(Document("a", DOCUMENT.text, MENTIONS, [HELPS]), nlp)
    assert "rel_denied" not in score_relations([Example(plain, plain)])


@pytest.mark.parametrize("name", ["jsonl", "brat", "pubtator", "biocjson", "spert", "dygie", "inception", "pubannotation"])
def test_labels_that_deny_do_so_in_every_format(name, tmp_path):
    mentions = [Mention("T1", 0, 3, "X", "C1"), Mention("T2", 10, 13, "Y", "C2")]
    given = [AnnotatedRelation("T1", "T2", "HELPS"), AnnotatedRelation("T2", "T1", "No-rel")]
    path = tmp_path / ("a" if name in ("brat", "inception") else "a.json")
    get_format(name).write([Document("a", "Tea helps Bob.", mentions, given, [(0, 14)])], path)
    counts = Counter()
    [doc] = read(path, name, counts=counts)
    assert [r.label for r in doc._.relations] == ["HELPS"]
    assert [(r.head.text, r.label, r.tail.text) for r in get_denied(doc)] == [("Bob", "No-rel", "Tea")]
    assert counts["denied relations (read as none)"] == 1
    [doc] = read(path, name, keep_negated=True)
    assert sorted(r.label for r in doc._.relations) == ["HELPS", "NOT_RELATED"]
    report = convert(path, tmp_path / "a.spacy", name)
    assert report.total["denied relations (read as none)"] == 1
    [doc] = read_docs(tmp_path / "a.spacy", spacy.blank("en"))
    assert annotated_labels(doc) == {"HELPS"}


def test_denied_relations_that_no_doc_holds_are_counted(nlp):
    mentions = [*MENTIONS, Mention("T4", 0, 3, "Y")]
    denied = [AnnotatedRelation("T1", "T4", "X"), AnnotatedRelation("T1", "T1", "X"), HURTS, HURTS]
    counts = Counter()
    doc = to_doc(Document("a", DOCUMENT.text, mentions, denied=denied), nlp, counts)
    assert len(get_denied(doc)) == counts["denied relations (read as none)"] == 1
    assert (counts[SAME_PLACE], counts[SELF], counts[GIVEN_TWICE]) == (1, 1, 1)


@pytest.mark.parametrize("format", ["jsonl", "brat", "spert", "inception", "biocjson"])
def test_a_label_that_would_be_read_as_a_denial_is_not_written(format, tmp_path):
    doc = to_doc(Document("a", "Tea helps Bob. Eve too.", MENTIONS, []), spacy.blank("en"))
    set_relations(doc, [Relation(doc[0:1], doc[2:3], "NA")])
    with pytest.raises(DataError, match=r"'NA', which would be read as no relation\. Rename the label"):
        export([doc], tmp_path / "out", format)
