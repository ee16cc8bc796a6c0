"""Bounds of what is read, and what is wrong with a record alone: what the system says, halves of characters, keys and digits too many."""

import gzip
import io
import json
import os
import zipfile

import pytest
import spacy

from spacy_relext.errors import DataError
from spacy_relext.extraction.finding import TEXTS
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.formats import inception
from spacy_relext.formats.catalogue import READABLE, WRITABLE, get_format
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.limits import Limits, bounded_lines, count_lines, limited, read_whole
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import Place, load_json
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention

DOCUMENT = Document(
    "good",
    "Tea helps pain.",
    [Mention("T1", 0, 3, "A", "C1"), Mention("T2", 10, 14, "B", "C2")],
    [AnnotatedRelation("T1", "T2", "R")],
    [(0, 15)],
)
READ = [name for name in READABLE if name not in TEXTS]
JSON_LINES = ("jsonl", "prodigy", "doccano", "dygie")
JSON_LISTS = ("label-studio", "spert", "biocjson")


def read(name, path):
    """Documents, as `relext convert` makes Docs of them, and errors."""
    nlp, errors, documents = spacy.blank("xx"), [], []
    for document in get_format(name).read(path, Reading(errors.append)):
        try:
            to_doc(document, nlp)
        except DataError as error:
            errors.append(error)
        else:
            documents.append(document.id)
    return documents, errors


def written(name, tmp_path):
    """A file of a format with one document."""
    path = tmp_path / "good"
    get_format(name).write([DOCUMENT], path)
    if not get_format(name).suffix:
        return path
    return path.rename(tmp_path / f"good{get_format(name).suffix}")


@pytest.mark.parametrize("name", [name for name in READ if name in WRITABLE])
def test_a_file_that_cannot_be_read_is_an_error_of_it_alone(name, tmp_path):
    (tmp_path / "in").mkdir()
    good = written(name, tmp_path / "in")
    suffix = {"brat": ".txt", "inception": ".xmi", "ddi": ".xml"}.get(name, get_format(name).suffix)
    (tmp_path / "in" / f"a{suffix}").symlink_to("nothing")
    documents, errors = read(name, tmp_path / "in")
    assert documents == ["good/good" if name == "brat" else "good"]
    assert [os.path.basename(error.path) for error in errors] == [f"a{suffix}"] or name == "brat"
    assert len(errors) == 1
    assert good.exists()


def test_a_folder_in_the_place_of_a_text(tmp_path):
    get_format("brat").write([DOCUMENT], tmp_path / "in")
    (tmp_path / "in" / "x.txt").mkdir()
    (tmp_path / "in" / "x.ann").touch()
    documents, errors = read("brat", tmp_path / "in")
    assert documents == ["good"]
    message = "there is no x.txt beside it, with the text that it annotates."
    assert [str(error) for error in errors] == [f"{tmp_path / 'in' / 'x.ann'}: {message}"]


@pytest.mark.parametrize("name", [name for name in WRITABLE if not get_format(name).suffix])
def test_an_id_that_is_too_long_for_a_file(name, tmp_path):
    long = Document("x" * 300, DOCUMENT.text, DOCUMENT.mentions, [], DOCUMENT.sentences)
    with pytest.raises(DataError, match=r"document 'x+': a file of this name cannot be made: File name too long\. The id has 300"):
        get_format(name).write([DOCUMENT, long], tmp_path / "out")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("where", ["id", "mention", "type", "kb_id", "head", "label", "annotated_labels"])
def test_halves_of_characters_are_an_error_of_their_document(where, tmp_path):
    half = "x\\ud83d"
    mentions = [{"id": "T1", "start": 0, "end": 3, "type": "A", "kb_id": "C"}, {"start": 10, "end": 14, "type": "B"}]
    record = {"id": "bad", "text": DOCUMENT.text, "mentions": mentions, "relations": [{"head": "T1", "tail": "T2", "label": "R"}]}
    record["annotated_labels"] = ["R"]
    change = {"mention": '"id": "T1"', "type": '"type": "A"', "kb_id": '"kb_id": "C"', "head": '"head": "T1"', "label": '"label": "R"'}
    change |= {"id": '"id": "bad"', "annotated_labels": '"annotated_labels": ["R"'}
    line = json.dumps(record)
    assert change[where] in line
    bad = line.replace(change[where], change[where][:-1] + half + '"')
    path = tmp_path / "a.jsonl"
    path.write_text(f"{bad}\n{line.replace('bad', 'good')}\n", encoding="utf8")
    documents, errors = read("jsonl", path)
    assert documents == ["good"]
    assert [error.line for error in errors] == [1]
    assert "half of a surrogate pair" in str(errors[0]) or where in ("head", "label", "annotated_labels")


@pytest.mark.parametrize("name", [*JSON_LINES, *JSON_LISTS])
def test_halves_of_characters_in_every_json_format(name, tmp_path):
    path = written(name, tmp_path)
    text = path.read_text(encoding="utf8")
    assert '"B"' in text
    path.write_text(text.replace('"B"', '"B\\ud83d"'), encoding="utf8")
    documents, errors = read(name, path)
    assert documents == []
    assert "half of a surrogate pair" in str(errors[0])


@pytest.mark.parametrize("name", [*JSON_LINES, *JSON_LISTS])
def test_a_key_that_stands_twice_is_an_error_of_its_record(name, tmp_path):
    other = Document("other", DOCUMENT.text, DOCUMENT.mentions, [], DOCUMENT.sentences)
    get_format(name).write([DOCUMENT, other], tmp_path / f"a{get_format(name).suffix}")
    path = tmp_path / f"a{get_format(name).suffix}"
    text = path.read_text(encoding="utf8")
    path.write_text(text.replace('"text": "Tea', '"text": "x", "text": "Tea', 1).replace('"doc_key": ', '"doc_key": 1, "doc_key": ', 1))
    documents, errors = read(name, path)
    assert documents == ["other"]
    [error] = errors
    assert "stands twice in one object" in str(error)
    assert str(error).startswith(f"{path}:1: " if name in JSON_LINES else f"{path}: record 1: ")


def test_keys_that_stand_twice_within():
    with pytest.raises(DataError, match=r"a:3: the key 'start' stands twice in one object"):
        Place("a", 3).decode('{"mentions": [{"start": 1, "end": 2, "start": 5}]}')
    assert Place("a", 3).decode('{"a": {"x": 1}, "b": {"x": 1}}') == {"a": {"x": 1}, "b": {"x": 1}}


@pytest.mark.parametrize("score", ["1" * 400, "-" + "1" * 400, "1" * 5000, "1e999", "NaN", "-Infinity"])
def test_scores_that_are_none(score, tmp_path):
    line = '{"text": "Tea helps pain.", "mentions": [{"start": 0, "end": 3, "type": "A"}, {"start": 10, "end": 14, "type": "B"}],'
    path = tmp_path / "a.jsonl"
    path.write_text(f'{line} "relations": [{{"head": "T1", "tail": "T2", "label": "R", "score": {score}}}]}}\n', encoding="utf8")
    documents, [error] = read("jsonl", path)
    assert documents == []
    assert "it is a probability, between 0 and 1" in str(error)
    assert len(str(error)) < 400
    path = written("biocjson", tmp_path)
    path.write_text(path.read_text(encoding="utf8").replace('"relation": "R"', f'"relation": "R", "score": {score}'), encoding="utf8")
    documents, [error] = read("biocjson", path)
    assert documents == []
    assert "'good'" in str(error)


# What stands for the end of the second mention, and what it becomes.
ENDS = {
    "jsonl": '"end": 14',
    "prodigy": '"end": 14',
    "doccano": '"end_offset": 14',
    "label-studio": '"end": 14',
    "spert": '"end": 3',
    "dygie": "[2, 2,",
    "biocjson": '"offset": 10',
    "biocxml": 'offset="10"',
    "brat": "10 14\t",
    "inception": 'end="14" label',
    "ddi": "10-13",
}


@pytest.mark.parametrize("n_digits", [30, 400, 5000])
@pytest.mark.parametrize("name", ENDS)
def test_offsets_of_many_digits(name, n_digits, tmp_path):
    path = written(name, tmp_path)
    file = path if path.is_file() else next(path.glob("*.ann" if name == "brat" else "good*"))
    text = file.read_text(encoding="utf8")
    before = ENDS[name]
    number = [part for part in before.replace(",", " ").replace('"', " ").replace("-", " ").replace("\t", " ").split() if part.isdigit()][
        -1
    ]
    assert before in text
    start, _, end = before.rpartition(number)
    file.write_text(text.replace(before, f"{start}{'9' * n_digits}{end}"), encoding="utf8")
    documents, [error] = read(name, path)
    assert documents == []
    assert error.path


@pytest.mark.parametrize("name", ["jsonl", "pubtator", "biocjson", "biocxml", "brat", "doccano", "ddi"])
def test_packed_files_are_said_to_be_packed(name, tmp_path):
    suffix = get_format(name).suffixes[0]
    (tmp_path / f"a{suffix}").write_bytes(gzip.compress(b"1|t|Tea helps.\n" * 100))
    documents, [error] = read(name, tmp_path / f"a{suffix}")
    assert documents == []
    assert "it is packed by gzip. Unpack it first: gunzip" in str(error)


def test_offsets_of_many_digits_in_pubtator(tmp_path):
    path = tmp_path / "a.txt"
    many = "9" * 5000
    path.write_text(f"1|t|Tea.\n1|a|\n1\t0\t{many}\tTea\tA\tC1\n\n2|t|Tea.\n2|a|\n2\t0\t3\tTea\tA\tC1\n", encoding="utf8")
    documents, [error] = read("pubtator", path)
    assert documents == ["2"]
    assert "a.txt:3: document '1': saw a number of 5,000 digits" in str(error)


def test_identifiers_of_many_digits_in_bioc(tmp_path):
    path = written("biocjson", tmp_path)
    text = path.read_text(encoding="utf8")
    path.write_text(text.replace('"identifier": "C1"', f'"identifier": {"9" * 5000}'), encoding="utf8")
    documents, [error] = read("biocjson", path)
    assert documents == []
    assert "expected a text or a number, and saw a number of 5,000 digits" in str(error)


def test_whole_numbers_of_json_are_whole_numbers():
    assert load_json(f'[1, -2, {10**60}, "1"]') == ([1, -2, 10**60, "1"], [])


@pytest.mark.parametrize(
    "name", ["jsonl", "prodigy", "doccano", "dygie", "pubtator", "txt", "lines", "texts-csv", "biocxml", "spert", "ddi"]
)
def test_a_record_that_is_too_large(name, tmp_path):
    """It is an error of the line, where there are lines, and is not held in memory."""
    (tmp_path / "in").mkdir()
    long = {"texts-csv": "text\n" + "a" * 5000 + "\nb\n", "lines": "a" * 5000 + "\nb\n", "txt": "a" * 5000}
    if name in long:
        path = tmp_path / "in" / f"a.{name.removeprefix('texts-')}"
        path.write_text(long[name], encoding="utf8")
    elif name == "spert":
        path = tmp_path / "in" / "a.json"
        path.write_text(json.dumps([{"tokens": [word], "entities": []} for word in ("a" * 5000, "b")]), encoding="utf8")
    elif name in ("pubtator", "biocxml", "ddi"):
        path = tmp_path / "in" / "a.xml"
        path.write_text("1|t|Tea\n1|a|" + "a" * 5000 + "\n\n2|t|b\n2|a|\n", encoding="utf8")
    else:
        path = tmp_path / "in" / "a.jsonl"
        path.write_text('{"text": "' + "a" * 5000 + '"}\n{"text": "b"}\n', encoding="utf8")
    errors = []
    with limited(Limits(record=4000)):
        documents = [d.text for d in Inputs([str(path)], name).read(errors.append)]
    assert re_in(errors[0], "has more than 4,000 bytes, the most that is read at once. Cut it, or raise `Limits.record`")
    if name in ("jsonl", "lines", "prodigy", "doccano", "dygie"):
        assert errors[0].line == 1
    assert documents == (["b"] if name in ("jsonl", "lines", "pubtator") else [])


def re_in(error, text):
    return text in str(error)


def test_lines_are_bounded():
    lines = list(bounded_lines(io.BytesIO(b"ab\n" + b"c" * 3_000_000 + b"\nde\nfgh"), "x"))
    assert [line for _, line in lines] == [b"ab\n", b"c" * 3_000_000 + b"\n", b"de\n", b"fgh"]
    with limited(Limits(record=3)):
        lines = list(bounded_lines(io.BytesIO(b"ab\n" + b"c" * 3_000_000 + b"\nde\nfgh"), "x"))
    assert [(number, line) for number, line in lines if isinstance(line, bytes)] == [(1, b"ab\n"), (3, b"de\n"), (4, b"fgh")]
    assert str(lines[1][1]).startswith("x:2: the line has more than 3 bytes")


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"a", b"a\n", b"a\n\n b \n \nc", b"\r\n" * 5 + b"x" * 2_100_000 + b"\n" + b" " * 1_100_000 + b"y"]
)
def test_lines_are_counted_without_being_held(text):
    assert count_lines(io.BytesIO(text)) == sum(1 for line in io.BytesIO(text) if line.strip())


def test_a_file_that_is_too_large(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    with limited(Limits(record=5)):
        assert read_whole(tmp_path / "a") == b"12345"
    with limited(Limits(record=4)), pytest.raises(DataError, match=r"a: the file has more than 4 bytes"):
        read_whole(tmp_path / "a")


def test_a_packed_file_that_unpacks_to_too_much(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "' + b"a" * 3_000_000 + b'"}\n'))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"text": "b"}\n'))
    inputs = Inputs([str(tmp_path)])
    assert (tmp_path / "a.jsonl.gz").stat().st_size < 10_000
    assert inputs.count() == 2
    errors = []
    with limited(Limits(unpacked=1_000_000)):
        assert inputs.count() is None
        assert [document.text for document in inputs.read(errors.append)] == ["b"]
    assert [str(error) for error in errors] == [
        f"{tmp_path / 'a.jsonl.gz'}: it unpacks to more than 1,000,000 bytes. Is it what you expect? If so, raise `Limits.unpacked`."
    ]


def test_archives_that_unpack_to_too_much(tmp_path):
    inception.write([DOCUMENT, Document("large", "x" * 50_000, [], [], [])], tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((tmp_path / "in").iterdir()):
            archive.write(file, file.name)
    assert read("inception", tmp_path / "a.zip")[0] == ["good", "large"]
    with limited(Limits(record=20_000)):
        documents, [error] = read("inception", tmp_path / "a.zip")
    assert documents == ["good"]
    assert f"{tmp_path / 'a.zip' / 'large.xmi'}: the file has more than 20,000 bytes" in str(error)
    with limited(Limits(unpacked=20_000)):
        documents, [error] = read("inception", tmp_path / "a.zip")
    assert documents == []
    assert f"{tmp_path / 'a.zip'}: it unpacks to more than 20,000 bytes" in str(error)
    with limited(Limits(characters=1_000)):
        documents, [error] = read("inception", tmp_path / "in")
    assert documents == ["good"]
    assert "the text has 50,000 characters; 1,000 are read at the most. Cut the text, or raise `Limits.characters`" in str(error)
