"""Plain texts: files, lines, rows of tables, and all that can be wrong with them."""

import pytest

from spacy_relext.errors import DataError
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.texts import read_csv, read_lines, read_text, read_tsv


def read_all(read, path, **settings):
    errors = []
    return [(d.id, d.text, d.line) for d in read(path, Reading(errors.append, options=Options(**settings)))], [
        str(error).replace(str(path), "FILE") for error in errors
    ]


def table(tmp_path, content, read=read_csv, **settings):
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_all(read, path, **settings)


def test_a_file_is_one_document_with_all_its_characters(tmp_path):
    path = tmp_path / "case.v1.txt"
    path.write_bytes("Größe\r\n 👩🏽‍⚕️\n".encode())
    assert read_all(read_text, path) == ([("case.v1", "Größe\r\n 👩🏽‍⚕️\n", None)], [])
    path.write_bytes(b"one\ntwo \xff")
    assert read_all(read_text, path) == ([], ["FILE:2: not UTF-8 (byte 8 of the file). Convert the file to UTF-8."])


def test_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes('One.\r\n\n  \n{"id": "j", "text": "Two."}\nCaf\xe9.\n{"text": \n  Three. '.encode("latin-1"))
    documents, errors = read_all(read_lines, path)
    assert documents == [("a-1", "One.", 1), ("j", "Two.", 4), ("a-7", "  Three. ", 7)]
    assert errors[0] == "FILE:5: not UTF-8 (byte 3 of the line). Convert the file to UTF-8."
    assert errors[1].startswith("FILE:6: not JSON")
    assert len(errors) == 2


def test_table(tmp_path):
    rows = 'id,text,year\r\np1,"He said ""no"", then\r\nleft.",2001\r\n\r\np2,Größe,2002\r\n'
    expected = [("p1", 'He said "no", then\r\nleft.', 2), ("p2", "Größe", 5)]
    assert table(tmp_path, rows) == (expected, [])
    assert table(tmp_path, b"\xef\xbb\xbf" + rows.encode()) == (expected, [])
    assert table(tmp_path, 'id\ttext\np1\t"He said ""no"", then\r\nleft."\np2\tGröße\n', read=read_tsv) == (
        [*expected[:1], ("p2", "Größe", 4)],
        [],
    )


def test_ids_differ(tmp_path):
    documents, errors = table(tmp_path, "id,text\n1,Some.\n1,Other.\n2,More.\n")
    assert [name for name, _, _ in documents] == ["1", "2"]
    assert errors == ["FILE:3: document '1': a document with this id is in FILE:2 already. Expected ids that differ."]
    documents, errors = table(tmp_path, '{"id": "1", "text": "Some."}\n{"id": "1", "text": "Other."}\n', read=read_lines)
    assert ([name for name, _, _ in documents], len(errors)) == (["1"], 1)


def test_columns(tmp_path):
    content = "key,body,id\n7,Some.,x\n8,Other.,y\n"
    assert table(tmp_path, content, text_column="body") == ([("x", "Some.", 2), ("y", "Other.", 3)], [])
    assert table(tmp_path, content, text_column="body", id_column="key") == ([("7", "Some.", 2), ("8", "Other.", 3)], [])
    assert table(tmp_path, "text\nSome.\n") == ([("t-2", "Some.", 2)], [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("key,body\n1,x\n", "FILE:1: expected one column 'text', and saw 'key', 'body'. Name it with `text_column`."),
        ("text,text\n1,x\n", "FILE:1: expected one column 'text'"),
        ("text\nx\n".encode("utf-16"), "FILE:1: expected one column 'text'"),
    ],
)
def test_header_that_cannot_be_right(tmp_path, content, message):
    documents, [error] = table(tmp_path, content)
    assert documents == []
    assert error.startswith(message)


def test_wrong_rows_are_left_out_one_by_one(tmp_path):
    content = b'id,text\na,fine\nb\nc,x,y\nd,caf\xe9\n,nameless\ne,"shut" not\nf,fine too\ng,"never shut\nh,lost\n'
    documents, errors = table(tmp_path, content)
    assert [name for name, _, _ in documents] == ["a", "f"]
    assert [error[:45] for error in errors] == [
        "FILE:3: a row of 1 fields, and the header has",
        "FILE:4: a row of 3 fields, and the header has",
        "FILE:5: not UTF-8. Convert the file to UTF-8.",
        "FILE:6: the column 'id' is empty; it holds th",
        "FILE:7: no row of a table: ',' expected after",
        "FILE:9: no row of a table: unexpected end of ",
    ]


def test_long_fields(tmp_path):
    long = "x" * 300_000
    assert table(tmp_path, f'id,text\na,"{long}"\n') == ([("a", long, 2)], [])


def test_errors_may_be_raised(tmp_path):
    (tmp_path / "a.csv").write_text("text\nx,y\nz\n", encoding="utf8")

    def fail(error):
        raise error

    with pytest.raises(DataError, match=r"a\.csv:2: a row of 2 fields"):
        list(read_csv(tmp_path / "a.csv", Reading(fail)))
