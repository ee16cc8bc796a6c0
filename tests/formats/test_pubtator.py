"""PubTator as it is in the wild: line by line."""

import pytest

from spacy_relext.errors import DataError
from spacy_relext.formats import pubtator
from spacy_relext.formats.denials import without_denials
from spacy_relext.formats.identifiers import UNKNOWN
from spacy_relext.formats.offsets import BEYOND, SPACES
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import OTHER_FILES
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from tests.formats.test_ddi import raise_it

BIORED = """1|t|Sample gene variant and illness.
1|a|The del of ABC was seen with illness or ailment.
1\t7\t11\tgene\tGene\t10
1\t44\t47\tABC\tGene\t10,11
1\t37\t40\tdel\tSequenceVariant\tc|DEL|12_14|
1\t62\t69\tillness\tDisease\tD01
1\t62\t80\tillness or ailment\tDisease\tD01,D02
1\tPositive_Correlation\tc|DEL|12_14|\tD01\tNovel
1\tAssociation\t11\tD02\tNo

"""


def read(text, folder, name="a.txt"):
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    reading = Reading(raise_it)
    return list(pubtator.read(file, reading)), reading


def related(document):
    return [(r.head, r.tail, r.label, r.attributes) for r in document.concept_relations]


def test_biored(tmp_path):
    [document], _ = read(BIORED, tmp_path)
    assert [m.kb_id for m in document.mentions] == ["10", "10|11", "c|DEL|12_14|", "D01", "D01|D02"]
    assert related(document) == [("c|DEL|12_14|", "D01", "Positive_Correlation", ("novel",)), ("11", "D02", "Association", ())]
    assert not +document.unsupported
    assert not +pubtator.write([document], tmp_path / "b.txt")
    [back], _ = read((tmp_path / "b.txt").read_bytes(), tmp_path)
    assert (back.mentions, back.concept_relations) == (document.mentions, document.concept_relations)


def test_relations_that_name_a_variant_otherwise(tmp_path):
    variant = "tmVar:c|DEL|12_14|;HGVS:c.12_14del;VariantGroup:0;CorrespondingGene:10;RS#:42"
    text = BIORED.replace("SequenceVariant\tc|DEL|12_14|", f"SequenceVariant\t{variant}").replace("\t11\tD02\tNo", "\trs42\tD02\tNo")
    [document], _ = read(text, tmp_path)
    assert [r[:2] for r in related(document)] == [("RS#:42", "D01"), ("RS#:42", "D02")]
    assert not +pubtator.write([document], tmp_path / "b.txt")
    [back], _ = read((tmp_path / "b.txt").read_bytes(), tmp_path)
    assert (back.mentions, back.concept_relations, +back.unsupported) == (document.mentions, document.concept_relations, {})


def test_files_of_a_folder_that_are_none_of_the_format(tmp_path):
    (tmp_path / "README.txt").write_text("Notes on the corpus:\n\n101\tdocuments\n", encoding="utf8")
    reading = Reading(raise_it)
    with pytest.raises(DataError, match="none of its files is of this format"):
        list(pubtator.read(tmp_path, reading))
    with pytest.raises(DataError, match=r"README\.txt:1: expected 101\|t\|title"):
        list(pubtator.read(tmp_path / "README.txt", reading))
    (tmp_path / "a.txt").write_text(BIORED, encoding="utf8")
    reading = Reading(raise_it)
    assert len(list(pubtator.read(tmp_path, reading))) == 1
    assert (reading.counts, reading.examples) == ({OTHER_FILES: 1}, {OTHER_FILES: str(tmp_path / "README.txt")})
    (tmp_path / "b.txt").write_text(BIORED, encoding="utf16")
    with pytest.raises(DataError, match=r"b\.txt:1: not UTF-8"):
        list(pubtator.read(tmp_path, reading))


def test_genes_that_are_joined(tmp_path):
    text = """102|t|Role of BRCA1 in cancer.
102|a|GJB2 and GJB6 cause deafness.
102\t25\t38\tGJB2 and GJB6\tGene\t2706;10804
102\t45\t53\tdeafness\tDisease\tMESH:D003638
102\tassociate\t2706\tMESH:D003638
"""
    [document], _ = read(text, tmp_path)
    assert [m.kb_id for m in document.mentions] == ["2706|10804", "MESH:D003638"]
    assert related(document) == [("2706", "MESH:D003638", "associate", ())]


def test_byte_order_marks_may_stand_before_each_document_and_in_titles(tmp_path):
    one = "\ufeff1|t|\ufeffTea.\n1|a|More tea.\n1\t0\t3\tTea\tX\tD1\n1\t10\t13\ttea\tX\tD1\n\n"
    documents, reading = read(one + one.replace("1|", "2|").replace("\n1\t", "\n2\t"), tmp_path)
    assert [document.id for document in documents] == ["1", "2"]
    assert [[document.text[m.start : m.end] for m in document.mentions] for document in documents] == [["Tea", "tea"]] * 2
    assert documents[0].unsupported["documents whose offsets count no byte order mark within the text"] == 1
    assert not reading.counts


def test_offsets_of_composed_letters(tmp_path):
    text = "1|t|Cafe\u0301 and the\u0301.\n1|a|\n1\t9\t12\tth\u00e9\tX\tD1\n"
    [document], _ = read(text, tmp_path)
    assert [document.text[m.start : m.end] for m in document.mentions] == ["the\u0301"]
    assert document.unsupported["documents whose offsets count characters of composed letters (NFC)"] == 1


def test_dash_is_no_concept(tmp_path):
    text = """107|t|Aspirin and headache and ibuprofen.
107|a|Text.
107\t0\t7\tAspirin\tChemical\t-
107\t12\t20\theadache\tDisease\tMESH:D006261
107\t25\t34\tibuprofen\tChemical\t-
107\tassociate\t-\tMESH:D006261
"""
    [document], _ = read(text, tmp_path)
    assert [m.kb_id for m in document.mentions] == ["", "MESH:D006261", ""]
    assert document.concept_relations == []
    assert (+document.unsupported, document.examples) == ({UNKNOWN: 1}, {UNKNOWN: f"{tmp_path / 'a.txt'}:6"})
    mentions = [Mention("T1", 0, 1, "C", "-"), Mention("T2", 2, 3, "C", "D1")]
    with pytest.raises(DataError, match="a mention that has no concept identifier"):
        pubtator.write([Document("9", "a b", mentions, [AnnotatedRelation("T1", "T2", "R")])], tmp_path / "b.txt")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("gap", ["", "\n", "\n\n\n"])
def test_documents_end_where_others_begin(gap, mark, end, tmp_path):
    documents = [
        "1|t|Tea.\n1|a|Or not.\n1\tR\tC1\tC1\n1\t0\t3\tTea\tX\tC1\n",
        "2|a|Or not.\n2|t|Tea.\n2\t0\t3\tTea\tX\n2\t5\t30\tOr not for me\tX\n3\t0\t3\tTea\tX\n",
        "4|t|Tea.\n4\t0\t3\tTea\tX\n",
        "5|t|Tea.\n\n5|a|Or not.\n\n5\t0\t3\tTea\tX\n",
    ]
    found, reading = read((mark + gap.join(documents)).replace("\n", end), tmp_path)
    assert [(d.id, d.text, len(d.mentions)) for d in found] == [
        ("1", "Tea. Or not.", 1),
        ("2", "Tea. Or not.", 1),
        ("4", "Tea.", 1),
        ("5", "Tea. Or not.", 1),
    ]
    assert related(found[0]) == [("C1", "C1", "R", ())]
    assert [+d.unsupported for d in found] == [{}, {BEYOND: 1}, {pubtator.TITLES: 1}, {}]
    assert +reading.counts == {pubtator.STRAY: 1}


def test_offsets_that_count_otherwise(tmp_path):
    text = "1|t|\U0001f375 \u00e4 tea.\n1|a|No  milk.\n1\t{}\t{}\ttea\tX\n1\t{}\t{}\tNo milk\tX\n"
    for offsets, name in (((4, 7, 9, 17), ""), ((5, 8, 10, 18), "UTF-16 units"), ((8, 11, 13, 21), "bytes")):
        [document], _ = read(text.format(*offsets), tmp_path)
        assert [(m.start, m.end) for m in document.mentions] == [(4, 7), (9, 17)]
        assert +document.unsupported == {SPACES: 1} | ({f"documents whose offsets count {name}": 1} if name else {})
    [document], _ = read("1|t|Tea.\n1|a|No milk.\n1\t4\t6\tNo\tX\n", tmp_path)
    assert (document.text, +document.unsupported) == ("Tea.No milk.", {pubtator.CLOSE: 1})


def test_denied_relations_are_none(tmp_path):
    lines = ["1|t|BRAF and TP53.", "1|a|", "1\t0\t4\tBRAF\tGene\t673", "1\t9\t13\tTP53\tGene\t7157", "1\tNo-rel\t673\t7157"]
    [document], _ = read("\n".join(lines), tmp_path)
    document = without_denials(document)
    assert (document.concept_relations, document.denied) == ([], [AnnotatedRelation("T1", "T2", "No-rel")])


def test_lines_that_end_with_cr_alone(tmp_path):
    with pytest.raises(DataError, match=r"a\.txt:1: .*its lines end with CR alone, and not with LF\. Convert"):
        read("1|t|Tea helps.\r1|a|Pain.\r1\t0\t3\tTea\tChemical\tC1\r", tmp_path)


def test_relations_between_mentions_beside_those_between_concepts_are_counted(tmp_path):
    mentions = [Mention("T1", 0, 3, "A", "C1"), Mention("T2", 10, 14, "B", "C2")]
    given = [AnnotatedRelation("T2", "T1", "R")]
    document = Document("1", "Tea helps pain.", mentions, given, concept_relations=[AnnotatedRelation("C1", "C2", "R")])
    assert +pubtator.write([document], tmp_path / "a.txt") == {pubtator.BETWEEN_MENTIONS: 1, pubtator.FOLLOWING: 1}


def test_relations_of_both_kinds_are_written_as_those_between_concepts_and_counted(tmp_path):
    places = {"T1": (0, 3, "C1"), "T2": (8, 11, "C2"), "T3": (13, 16, "C1"), "T4": (21, 24, "C2"), "T5": (28, 31, "C3")}
    mentions = [Mention(name, start, end, "X", concept) for name, (start, end, concept) in places.items()]
    text = "Tea and two. Tea for two at six."

    def written(*pairs, concepts=(("C1", "C2"),)):
        relations = [AnnotatedRelation(head, tail, "A") for head, tail in pairs]
        one = Document(
            "1", text, mentions, relations, [(0, 12), (13, 32)], concept_relations=[AnnotatedRelation(*c, "A") for c in concepts]
        )
        lost = +pubtator.write([one], tmp_path / "b.txt")
        [back], _ = read((tmp_path / "b.txt").read_bytes(), tmp_path)
        return [(r.head, r.tail) for r in back.concept_relations], {name: lost[name] for name in lost if "mentions" in name}

    # What follows from the concepts, in both sentences.
    assert written(("T1", "T2"), ("T3", "T4")) == ([("C1", "C2")], {})
    assert written(("T1", "T2")) == ([("C1", "C2")], {pubtator.FOLLOWING: 1})
    assert written(("T1", "T4")) == ([("C1", "C2")], {pubtator.BETWEEN_MENTIONS: 1, pubtator.FOLLOWING: 2})
    assert written(("T1", "T2"), ("T3", "T4"), ("T3", "T5")) == ([("C1", "C2"), ("C1", "C3")], {pubtator.BETWEEN_MENTIONS: 1})
    assert written(concepts=()) == ([], {})
