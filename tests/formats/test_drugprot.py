"""DrugProt's tables: rows to documents, and what is wrong with them by file and line."""

import codecs
import re

import pytest

from spacy_relext.formats.types import UNKNOWN
from tests.formats.given import read, write

#         0         1         2         3         4
#         01234567890123456789012345678901234567890123
#         Aspirin and PTGS2 Aspirin inhibits PTGS2.
FILES = {
    "abstracs": ["1\tAspirin and PTGS2\tAspirin inhibits PTGS2.", "2\tNothing.\tNothing at all."],
    "entities": ["1\tT1\tCHEMICAL\t18\t25\tAspirin", "1\tT2\tGENE-Y\t35\t40\tPTGS2", "1\tT3\tGENE-N\t12\t17\tPTGS2"],
    "relations": ["1\tINHIBITOR\tArg1:T1\tArg2:T2", "1\tSUBSTRATE\tArg2:T2\tArg1:T1"],
}


def given(folder, **changes):
    for kind, rows in {**FILES, **changes}.items():
        if rows is not None:
            write(folder / f"drugprot_training_{kind}.tsv", *rows)
    return folder


def test_rows_become_documents(tmp_path):
    found = read("drugprot", given(tmp_path))
    assert found.errors == []
    first, second = found.documents
    assert (first.id, first.text, first.sentences) == ("1", "Aspirin and PTGS2 Aspirin inhibits PTGS2.", None)
    assert [(m.id, first.text[m.start : m.end], m.type) for m in first.mentions] == [
        ("T1", "Aspirin", "CHEMICAL"),
        ("T2", "PTGS2", "GENE"),
        ("T3", "PTGS2", "GENE"),
    ]
    # By their roles, whatever their order.
    assert found.relations == [("Aspirin", "INHIBITOR", "PTGS2"), ("Aspirin", "SUBSTRATE", "PTGS2")]
    # Annotated, and without relations.
    assert second.relations == []


def test_spelling_of_abstracts_and_a_part_without_relations(tmp_path):
    found = read("drugprot", given(tmp_path, abstracs=None, abstracts=FILES["abstracs"], relations=None))
    assert [document.relations for document in found.documents] == [None, None]
    assert len(found.documents[0].mentions) == 3
    # The file of abstracts alone may be named.
    assert len(read("drugprot", tmp_path / "drugprot_training_abstracts.tsv").documents) == 2


def test_rows_of_a_document_need_not_stand_together(tmp_path):
    more = ["2\tT1\tCHEMICAL\t0\t7\tNothing", *FILES["entities"][2:]]
    found = read("drugprot", given(tmp_path, entities=[*FILES["entities"][:2], *more]))
    assert [len(document.mentions) for document in found.documents] == [3, 1]


def test_offsets_in_bytes_are_found(tmp_path):
    rows = ["1\tT1\tCHEMICAL\t20\t27\tAspirin", "1\tT2\tGENE-Y\t37\t42\tPTGS2"]
    found = read("drugprot", given(tmp_path, abstracs=["1\tÀspirin ànd PTGS2\tAspirin inhibits PTGS2."], entities=rows))
    assert found.relations[0] == ("Aspirin", "INHIBITOR", "PTGS2")
    assert found.counts["documents whose offsets count bytes"] == 1


def test_suffixes_may_be_in_capitals(tmp_path):
    for file in list(given(tmp_path).iterdir()):
        file.rename(file.with_suffix(".TSV"))
    assert len(read("drugprot", tmp_path).documents) == 2


def test_relation_with_a_mention_that_is_not_there_is_left_out(tmp_path):
    rows = ["1\tINHIBITOR\tArg1:T1\tArg2:T9", *FILES["relations"]]
    found, whole = read("drugprot", given(tmp_path / "a", relations=rows)), read("drugprot", given(tmp_path / "b"))
    assert (found.errors, found.relations, found.left_out) == ([], whole.relations, {**whole.left_out, UNKNOWN: 1})
    assert found.examples[UNKNOWN].endswith("relations.tsv:1")


@pytest.mark.parametrize(
    ("changes", "file", "line", "message"),
    [
        ({"entities": ["1\tT1\tCHEMICAL\t18\t25\tAspirine"]}, "entities", 1, "is 'Aspirine', and the characters 18-25"),
        ({"entities": ["1\tT1\tCHEMICAL\tx\t25\tAspirin"]}, "entities", 1, "offsets 'x' and '25'; expected whole numbers"),
        ({"entities": [*FILES["entities"], FILES["entities"][0]]}, "entities", 4, "has a mention 'T1' already"),
        ({"entities": ["1\tT1\tCHEMICAL"]}, "entities", 1, "saw 3 fields, and expected 6"),
        ({"relations": ["1\tINHIBITOR\tArg1:T1\tT2"]}, "relations", 1, "expected Arg1: or Arg2: .* saw 'T2'"),
        ({"abstracs": [*FILES["abstracs"], FILES["abstracs"][0]]}, "abstracs", 3, "'1' has 2 rows"),
        ({"abstracs": FILES["abstracs"][1:]}, "entities", 3, "'1' has 0 rows in drugprot_training_abstracs.tsv"),
    ],
)
def test_bad_document_is_left_out_alone(changes, file, line, message, tmp_path):
    found = read("drugprot", given(tmp_path, **changes))
    assert [document.id for document in found.documents] == ["2"]
    [error] = found.errors
    assert (error.path.name, error.line) == (f"drugprot_training_{file}.tsv", line)
    assert re.search(message, str(error)), str(error)


def test_bad_files(tmp_path):
    [error] = read("drugprot", given(tmp_path / "a", entities=None)).errors
    assert "there is no drugprot_training_entities.tsv beside it" in str(error)
    [error] = read("drugprot", given(tmp_path / "b", relations=["1"])).errors
    assert "saw 1 fields, and expected 4" in str(error)
    [error] = read("drugprot", write(tmp_path / "c.tsv", "1\ta\tb")).errors
    assert "expected a file called …_abstracs.tsv" in str(error)


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    """Rows of later documents are found by their place in the file, in which the mark is."""
    plain = read("drugprot", given(tmp_path / "plain"))
    marked = given(tmp_path / "marked")
    for file in marked.iterdir():
        file.write_bytes(codecs.BOM_UTF8 + file.read_bytes())
    found = read("drugprot", marked)
    assert found.errors == []
    assert [(d.text, d.mentions, d.relations) for d in found.documents] == [(d.text, d.mentions, d.relations) for d in plain.documents]
