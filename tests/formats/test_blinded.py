"""Tables with blinded pairs: columns, labels, directions by types, and rows that have no pair."""

import re

import pytest

from spacy_relext.formats.blinded import NEAREST, NO_PAIR, RENAMED
from spacy_relext.formats.docs import SAME_PLACE
from tests.formats.given import read, write

ROWS = ["1\t@GENE$ causes @DISEASE$.\t1", "2\tIn @DISEASE$, @GENE$ is quiet.\t0", "3\tIn @DISEASE$, @GENE$ is not.\t1"]
RELATED = [("@GENE$", "related", "@DISEASE$")] * 2


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("a.tsv", ["index\tsentence\tlabel", *ROWS]),
        ("a.tsv", ROWS),
        ("a.tsv", [row[2:] for row in ROWS]),
        ("a.csv", ["index,sentence,label", *(re.sub(r"\t(.*)\t", r',"\1",', row) for row in ROWS)]),
    ],
    ids=["header", "none", "two columns", "commas"],
)  # fmt: skip
def test_rows_become_documents(name, lines, tmp_path):
    found = read("blinded", write(tmp_path / name, *lines))
    assert (found.errors, found.left_out) == ([], {})
    assert found.relations == RELATED
    first, second, _ = found.documents
    assert (first.text, first.sentences) == ("@GENE$ causes @DISEASE$.", [(0, 24)])
    assert [(m.start, m.end, m.type) for m in first.mentions] == [(0, 6, "GENE"), (14, 23, "DISEASE")]
    assert second.relations == []
    # Parts are numbered anew, so that a number is no id.
    assert first.id == f"a-{1 + (len(lines) == 4)}"


def test_files_of_a_folder_and_ids_that_are_names(tmp_path):
    for fold in ("1", "2"):
        write(tmp_path / fold / "train.tsv", "sentence\tlabel", ROWS[0][2:])
    write(tmp_path / "chemprot.tsv", "index\tsentence\tlabel", "23.T1.T2\t@CHEMICAL$ and @GENE$\tCPR:4")
    found = read("blinded", tmp_path)
    assert [document.id for document in found.documents] == ["1/train-2", "2/train-2", "23.T1.T2"] or found.errors == []
    assert {document.id for document in found.documents} == {"1/train-2", "2/train-2", "23.T1.T2"}


def test_labels_and_directions_of_blurb(tmp_path):
    rows = [
        "a.1\tThe @GENE$ meets @CHEMICAL$.\tCPR:4",
        "a.2\tThe @CHEMICAL$ meets @GENE$.\tfalse",
        "a.3\tBoth @DRUG$ and @DRUG$.\tDDI-effect",
        "a.4\tBoth @DRUG$ and @DRUG$.\tDDI-false",
        'a.5\t"The ""@GENE$"" meets @CHEMICAL$."\tCPR:4',
    ]
    found = read("blinded", write(tmp_path / "a.tsv", "index\tsentence\tlabel", *rows))
    assert found.errors == []
    assert found.relations == [
        ("@CHEMICAL$", "CPR:4", "@GENE$"),
        ("@DRUG$", "DDI-effect", "@DRUG$"),
        ("@CHEMICAL$", "CPR:4", "@GENE$"),
    ]
    assert found.documents[-1].text == 'The "@GENE$" meets @CHEMICAL$.'


def test_unknown_types_need_one_order_or_roles(tmp_path):
    rows = ["a\t@PLACE$ of @PERSON$\tin", "b\t@PERSON$ in @PLACE$\tin"]
    found = read("blinded", write(tmp_path / "a.tsv", *rows))
    assert [document.id for document in found.documents] == ["a"]
    assert "which argument is the head?" in str(found.errors[0])
    found = read("blinded", tmp_path / "a.tsv", roles=("PERSON,PLACE",))
    assert found.relations == [("@PERSON$", "in", "@PLACE$")] * 2
    # And go before ours.
    path = write(tmp_path / "b.tsv", ROWS[0])
    assert read("blinded", path, roles=("DISEASE,GENE",)).relations == [("@DISEASE$", "related", "@GENE$")]


def test_rows_without_a_pair_and_with_more_are_counted(tmp_path):
    rows = ["a\tNothing here.\t1", "b\tThe @CHEM-GENE$ is both.\tCPR:3", "c\t@GENE$, then @GENE$ and @DISEASE$\t1"]
    found = read("blinded", write(tmp_path / "a.tsv", "index\tsentence\tlabel", *rows))
    assert found.errors == []
    assert found.left_out == {NO_PAIR: 1, SAME_PLACE: 1, NEAREST: 1}
    assert found.examples[NO_PAIR].endswith("a.tsv:2")
    assert [[m.start for m in document.mentions] for document in found.documents] == [[4], [13, 24]]


def test_relation_may_be_called_otherwise(tmp_path):
    found = read("blinded", write(tmp_path / "a.tsv", ROWS[0]), default_label="ASSOCIATED")
    assert found.relations == [("@GENE$", "ASSOCIATED", "@DISEASE$")]


def test_rows_of_one_pair_with_two_labels(tmp_path):
    rows = ["a.T1\t@CHEMICAL$ and @GENE$\tCPR:3", "a.T1\t@CHEMICAL$ and @GENE$\tCPR:4"]
    found = read("blinded", write(tmp_path / "a.tsv", *rows))
    assert [document.id for document in found.documents] == ["a.T1", "a.T1-2"]
    assert found.left_out == {RENAMED: 1}


def test_columns_may_be_named(tmp_path):
    path = write(tmp_path / "a.tsv", "nr\ttokens\tlabel", ROWS[0])
    assert "expected one column sentence or text, and saw 'nr', 'tokens', 'label'" in str(read("blinded", path).errors[0])
    [document] = read("blinded", path, text_column="tokens", id_column="nr").documents
    assert document.id == "1"


@pytest.mark.parametrize(
    ("row", "message"),
    [("9\t@GENE$ and @DISEASE$", "a row of 2 fields, and the first has 3"), ("9\t@GENE$ and @DISEASE$\t ", "the label is empty")],
)
def test_bad_row_is_left_out_alone(row, message, tmp_path):
    found = read("blinded", write(tmp_path / "a.tsv", "index\tsentence\tlabel", row, ROWS[0]))
    assert len(found.documents) == 1
    [error] = found.errors
    assert error.line == 2
    assert re.search(message, str(error)), str(error)
