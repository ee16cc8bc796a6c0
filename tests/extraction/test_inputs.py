"""Which files the inputs are, what is read of them, and that nothing is passed over in silence."""

import gzip
import io
import json
import sys

import pytest

from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.formats.catalogue import READABLE, WRITABLE, get_format
from spacy_relext.formats.reading import Options, raise_error
from tests.cli.toy import document

JSONL = '{"id": "j1", "text": "One."}\n{"text": "Two."}\n'


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def read(*paths, **settings):
    inputs = Inputs([str(path) for path in paths], **settings)
    errors = []
    documents = list(inputs.read(errors.append))
    return documents, errors


def ids(*paths, **settings):
    documents, errors = read(*paths, **settings)
    assert errors == []
    return [document.id for document in documents]


@pytest.fixture
def standard_input(monkeypatch):
    def give(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))

    return give


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "in" / "b.txt", "B.")
    write(tmp_path / "in" / "a.jsonl", JSONL)
    write(tmp_path / "in" / "sub" / "b.txt.gz", "Packed B.")
    write(tmp_path / "in" / "sub" / "c.TSV", "id\ttext\nc1\tC.\n")
    write(tmp_path / "in" / "sub" / "d.csv.gz", "text\nD.\n")
    write(tmp_path / "in" / "e.md", "Not read.")
    write(tmp_path / "in" / "e.md5", "Nor this.")
    return tmp_path / "in"


def test_folder(folder):
    inputs = Inputs([str(folder)])
    assert [d.id for d in inputs.read(pytest.fail)] == ["j1", "a-2", "b", "sub/b", "c1", "d-2"]
    assert inputs.count() == 6
    assert inputs.ignored == {".md": 1, ".md5": 1}


def test_places_are_those_of_the_files(folder):
    places = [(str(d.source), d.line, d.text) for d in read(folder)[0]]
    assert places[3:] == [
        (str(folder / "sub" / "b.txt.gz"), None, "Packed B."),
        (str(folder / "sub" / "c.TSV"), 2, "C."),
        (str(folder / "sub" / "d.csv.gz"), 2, "D."),
    ]


def test_several_inputs_and_patterns(folder, tmp_path):
    other = write(tmp_path / "other" / "b.txt", "Another B.")
    # Named by their place within what is common to all, so that files of one name are told apart.
    assert ids(folder / "b.txt", other) == ["in/b", "other/b"]
    assert ids(folder / "b.txt") == ["b"]
    assert ids(f"{folder}/*.txt", folder / "a.jsonl") == ["b", "j1", "a-2"]
    assert ids(f"{tmp_path}/*/b.txt") == ["in/b", "other/b"]
    assert ids(f"{folder}/**/*.txt*") == ["b", "sub/b"]


def test_a_file_whose_name_looks_like_a_pattern(tmp_path):
    assert ids(write(tmp_path / "a[1].txt", "A.")) == ["a[1]"]


def test_formats_by_name(folder, tmp_path):
    assert ids(folder / "e.md", format="txt") == ["e"]
    assert ids(write(tmp_path / "x.txt", "One.\n\nTwo.\n"), format="lines") == ["x-1", "x-3"]
    assert ids(folder, format="txt") == ["b", "sub/b"]
    assert ids(
        write(tmp_path / "x.dat", "key;body\n".replace(";", "\t") + "k\tX.\n"), format="texts-tsv", options=Options("body", "key")
    ) == ["k"]


@pytest.mark.parametrize("name", [name for name in READABLE if name in WRITABLE])
def test_corpus_formats_plain_and_packed(name, tmp_path):
    documents = [document("Aspirin increases warfarin levels.", [], "d1"), document("Avoid ketamine with warfarin.", [], "d2")]
    path = tmp_path / "corpus"
    get_format(name).write(documents, path)
    assert ids(path, format=name) == ["d1", "d2"]
    if path.is_file():
        packed = write(tmp_path / "corpus.gz", path.read_bytes())
        read_packed, errors = read(packed, format=name)
        assert not errors
        assert [(d.id, d.text, d.mentions) for d in read_packed] == [(d.id, d.text, d.mentions) for d in read(path, format=name)[0]]
        assert {str(d.source) for d in read_packed} == {str(packed)}


def test_packed_files_in_a_folder_of_a_corpus_format(tmp_path):
    write(tmp_path / "in" / "a.xml.gz", "<collection/>")
    with pytest.raises(DataError, match=r"a\.xml\.gz: it is packed, .* Name such files: '.*/in/\*\*/\*\.gz'"):
        Inputs([str(tmp_path / "in")], "biocxml")


def test_standard_input(standard_input):
    standard_input('One.\n\n{"id": "j", "text": "Two."}\n')
    documents, errors = read("-")
    assert [(d.id, d.text, d.line) for d in documents] == [("stdin-1", "One.", 1), ("j", "Two.", 3)]
    assert errors == []
    standard_input("id,text\na,x\nb\n")
    documents, errors = read("-", format="texts-csv")
    assert [(d.id, d.source) for d in documents] == [("a", "<stdin>")]
    assert [str(error)[:24] for error in errors] == ["<stdin>:3: a row of 1 fi"]
    standard_input("Some\ntext.\n")
    assert [(d.id, d.text) for d in read("-", format="txt")[0]] == [("stdin", "Some\ntext.\n")]
    # A command before this one may have found nothing.
    standard_input("")
    assert read("-") == ([], [])


def test_equal_ids(tmp_path):
    first = write(tmp_path / "a.jsonl", '{"id": "x", "text": "One."}\n')
    second = write(tmp_path / "b.jsonl", '{"id": "y", "text": "Two."}\n{"id": "x", "text": "Three."}\n')
    documents, [error] = read(first, second)
    assert [d.text for d in documents] == ["One.", "Two."]
    assert str(error) == f"{second}:2: document 'x': a document with this id is in {first}:1 already. Expected ids that differ."


def test_left_out_tasks_are_counted(tmp_path):
    tasks = [{"text": "One.", "spans": [], "answer": answer} for answer in ("accept", "reject")]
    inputs = Inputs([str(write(tmp_path / "t.jsonl", "\n".join(map(json.dumps, tasks))))], "prodigy")
    # Read twice, as a run that goes on does: counted once.
    for _ in range(2):
        assert len(list(inputs.read(pytest.fail))) == 1
    assert +inputs.left_out == {"tasks left out, answer 'reject'": 1}


@pytest.mark.parametrize("cut", [5, 20, -1])
def test_truncated_gzip(tmp_path, cut):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(JSONL.encode())[:cut])
    inputs = Inputs([str(path)])
    inputs.count()
    errors = []
    assert list(inputs.read(errors.append)) == []
    assert [str(error)[: len(str(path)) + 20] for error in errors] == [f"{path}: no whole gzip file"]


def test_what_is_no_gzip(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_text(JSONL, encoding="utf8")
    [error] = read(path)[1]
    assert "no whole gzip file: Not a gzipped file" in str(error)


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", ""), ("a.jsonl", "\n"), ("a.csv", ""), ("a.csv", "text\n"), ("a.csv.gz", "")])
def test_files_without_documents(tmp_path, name, content):
    path = write(tmp_path / name, content)
    assert [str(error) for error in read(path)[1]] == [f"{path}: there is no document in it."]


def test_an_empty_text_is_a_document(tmp_path):
    [found], errors = read(write(tmp_path / "a.txt", ""))
    assert (found.id, found.text, errors) == ("a", "", [])


def test_an_error_is_told_once(tmp_path):
    """Readers hand on errors, and raise them: what is raised for one that was handed on is not handed on again."""
    path = write(tmp_path / "a.jsonl", "{\n{\n")
    seen = []

    def fail(error):
        seen.append(error)
        raise DataError("stop")

    with pytest.raises(DataError, match=r"^stop$"):
        list(Inputs([str(path)]).read(fail))
    assert len(seen) == 1


def test_unreadable_file(tmp_path):
    path = write(tmp_path / "a.txt", "A.")
    inputs = Inputs([str(path)])
    path.unlink()
    errors = []
    assert list(inputs.read(errors.append)) == []
    assert [str(error) for error in errors] == [f"{path}: it cannot be read: No such file or directory."]


@pytest.mark.parametrize(
    ("name", "message"), [("x.txt", "holds no .txt file"), ("x.txt.gz", "Is a directory"), ("x.jsonl", "holds no .jsonl file")]
)
def test_a_folder_in_the_place_of_a_text(tmp_path, name, message):
    """As a pattern of the shell gives it: an error of it alone."""
    good, folder = write(tmp_path / "a.txt", "A."), tmp_path / name
    folder.mkdir()
    documents, errors = read(good, folder)
    assert [document.id for document in documents] == ["a"]
    assert [str(error.path) for error in errors] == [str(folder)]
    assert message in str(errors[0])


@pytest.mark.parametrize(
    ("name", "format", "message"),
    [
        ("none.txt", None, r"none\.txt: there is no such file or folder"),
        ("*.doc", None, r"the pattern fits no file"),
        (
            "a.xml",
            None,
            r"a\.xml: expected \.jsonl, .* and saw \.xml\. Name the format with `format`, one of: jsonl, .*biocxml, .*texts-csv",
        ),
        ("a.xml.gz", None, r"saw \.gz"),
        ("a.txt", "word", r"there is no format 'word'. One of: jsonl, "),
        ("empty", None, r"empty: the folder holds no \.jsonl or .* file"),
        ("empty", "texts-csv", r"empty: the folder holds no \.csv file"),
    ],
)
def test_inputs_that_are_not_there(tmp_path, name, format, message):
    (tmp_path / "empty").mkdir()
    write(tmp_path / "a.xml", "<collection/>")
    write(tmp_path / "a.xml.gz", "<collection/>")
    with pytest.raises(RelextError, match=message):
        Inputs([f"{tmp_path}/{name}"], format)


def test_counting_is_left_where_it_would_take_reading(tmp_path, standard_input):
    write(tmp_path / "a.jsonl", JSONL)
    assert Inputs([str(tmp_path / "a.jsonl")]).count() == 2
    assert Inputs([str(tmp_path / "a.jsonl"), "-"]).count() is None
    assert Inputs([str(tmp_path / "a.jsonl")], "prodigy").count() is None


def test_texts_that_nobody_annotated_are_read_to_find_something_in_them(tmp_path):
    empty = {"text": "Tea helps.", "entities": [], "relations": []}
    path = write(tmp_path / "a.jsonl", json.dumps(empty))
    assert [document.text for document in Inputs([str(path)], "doccano").read(raise_error)] == ["Tea helps."]
    path = write(tmp_path / "b.json", json.dumps([{"data": {"text": "Tea helps."}, "annotations": []}]))
    assert [document.text for document in Inputs([str(path)], "label-studio").read(raise_error)] == ["Tea helps."]
    path = write(tmp_path / "c.jsonl", json.dumps({"text": "Tea.", "spans": [], "answer": "reject"}))
    errors = []
    assert list(Inputs([str(path)], "prodigy").read(errors.append)) == []
    assert [error.message for error in errors] == ["there is no document in it. Left out: 1 task left out, answer 'reject'."]


def test_columns_of_tables_that_are_kept(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,year,journal\nOne.,2020,\n", encoding="utf8")
    [document] = Inputs([str(path)], options=Options(meta_columns=("year", "journal"))).read(raise_error)
    assert document.meta == {"year": "2020", "journal": ""}
    errors = []
    assert list(Inputs([str(path)], options=Options(meta_columns=("mesh",))).read(errors.append)) == []
    assert "expected one column 'mesh', and saw 'text', 'year', 'journal'. Name it with `meta_columns`" in str(errors[0])


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.tsv", "\t")])
def test_rows_with_line_ends_in_fields_are_counted_once(tmp_path, monkeypatch, name, separator):
    rows = [("id", "text"), ("1", '"one\n\n""two""\nthree"'), ("2", '"\n"'), ("3", "four")]
    write(tmp_path / name, "".join(f"{separator.join(row)}\n" for row in rows))
    for size in (1, 7, 1 << 20):
        monkeypatch.setattr("spacy_relext.formats.limits.CHUNK", size)
        assert Inputs([str(tmp_path / name)]).count() == 3


def test_formats_that_may_read_a_folder_are_named(tmp_path):
    write(tmp_path / "pubmed25n0001.xml.gz", "")
    with pytest.raises(RelextError, match=r"Other formats are named with `format`: .*\bpubmed\b.* may fit\."):
        Inputs([str(tmp_path)])
