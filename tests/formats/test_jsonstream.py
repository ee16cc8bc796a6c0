import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_relext.errors import DataError
from spacy_relext.formats import jsonstream, spert
from spacy_relext.formats.jsonstream import JsonStream, open_json, read_values
from spacy_relext.formats.limits import Limits, limited
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import Place

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab\"\\\n é🙂", max_size=3), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def stream_of(raw, size=1):
    """A stream that gets so many bytes at a time, whatever it asks for."""
    place = 0

    def read(_):
        nonlocal place
        place += size
        return raw[place - size : place]

    return JsonStream(read, "x", "one list", Place("x").fail)


def entries_of(raw, size=1):
    """What is read before an error, and the error."""
    found = []
    try:
        stream = stream_of(raw, size)
        for value, _ in stream.entries():
            found.append(value)
        stream.end()
    except DataError as error:
        return found, str(error)
    return found, ""


@given(st.lists(VALUES, max_size=5), st.integers(1, 40), st.booleans(), st.sampled_from([None, 1]))
def test_a_list_is_read_as_json_reads_it(values, size, ascii_only, indent):
    raw = json.dumps(values, ensure_ascii=ascii_only, indent=indent).encode()
    assert entries_of(raw, size) == (values, "")
    assert entries_of(b"\xef\xbb\xbf \n" + raw + b"\n ", size) == (values, "")


@given(st.lists(VALUES.map(lambda value: {"value": value}), max_size=5), st.data())
def test_a_list_that_is_cut_off_gives_what_is_whole_and_the_place(values, data):
    text = json.dumps(values, indent=0)
    cut = data.draw(st.integers(0, len(text) - 1))
    found, error = entries_of(text[:cut].encode(), data.draw(st.integers(1, 40)))
    assert found == values[: len(found)]
    assert "x: not JSON (" in error
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads(text[:cut])
    assert f"line {caught.value.lineno}, column {caught.value.colno})" in error


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("raw", "n_before", "message"),
    [
        (b"[1, 2,\n x, 3]", 2, "not JSON (Expecting value, line 2, column 2). Expected one list."),
        (b"[1, 2,]", 2, "not JSON (Expecting value, line 1, column 7)"),
        (b"[1, 2\n3]", 2, "not JSON (Expecting ',' delimiter, line 2, column 1)"),
        (b"[1] 2", 1, "not JSON (Extra data, line 1, column 5)"),
        (b'[1, "a\xff"]', 1, "not UTF-8 (byte 6 of the file)"),
        (b'[{"a": "b"}, \xc3', 1, "not UTF-8 (byte 13 of the file)"),
        (b"", 0, "not JSON (Expecting value, line 1, column 1)"),
        (b'{"a": [1]}', 0, "expected one list, and saw dict"),
        (b"12", 0, "expected one list, and saw int"),
        (b"[" * 100_000, 0, "JSON that cannot be read"),
    ],
)
def test_what_is_wrong_comes_after_what_is_right(raw, n_before, message, size):
    found, error = entries_of(raw, size)
    assert len(found) == n_before
    assert message in error


@pytest.mark.parametrize("size", [1, 1000])
def test_the_list_of_an_object_and_what_stands_around_it(size):
    stream = stream_of(b'{"a": {"b": [1]}, "documents": [1, {"x": 1, "x": 2}], "c": "]}"}\n', size)
    found = {}
    for key in stream.members():
        found[key] = list(stream.entries()) if key == "documents" else None
    stream.end()
    assert found == {"a": None, "documents": [(1, False), ({"x": 2}, True)], "c": None}


def test_the_line_of_a_value():
    stream = stream_of(b"[1,\n\n 2]", 1000)
    assert [(stream.line, value) for value, _ in stream.entries()] == [(1, 1), (3, 2)]


def test_a_value_that_is_too_large(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(["a", "b" * 5000, "c"]), encoding="utf8")
    found, errors = [], []
    with limited(Limits(record=4000)), open_json(path, "one list", Place(path).fail) as stream:
        try:
            found.extend(value for value, _ in stream.entries())
        except DataError as error:
            errors.append(str(error))
    assert found == ["a"]
    assert errors == [f"{path}:1: a value has more than 4,000 bytes, the most that is read at once. Cut it, or raise `Limits.record`."]


def test_a_list_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonstream, "CHUNK", 2**14)
    path = tmp_path / "a.json"
    path.write_text("[" + ",\n".join([json.dumps({"tokens": ["word"] * 100})] * 5000) + "]", encoding="utf8")
    assert path.stat().st_size > 4_000_000
    tracemalloc.start()
    with open_json(path, "one list", Place(path).fail) as stream:
        assert sum(1 for _ in stream.entries()) == 5000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300_000


def test_a_list_that_is_cut_off_gives_the_documents_before(tmp_path):
    path = tmp_path / "a.json"
    entry = '{"tokens": ["word"], "entities": []}'
    path.write_text(f"[{entry}, {entry}, {entry[:20]}", encoding="utf8")
    errors = []
    assert len(list(spert.read(path, Reading(errors.append)))) == 2
    assert [str(error).partition("(")[0] for error in errors] == [f"{path}: not JSON "]


def test_lines_that_are_longer_than_what_is_held(tmp_path):
    lines = [json.dumps([i, "x" * 1_500_000]) for i in range(4)]
    lines[2] = lines[2][:-1]
    (tmp_path / "a.json").write_text("\n\n".join(lines))
    errors = []
    found = read_values(tmp_path / "a.json", "x", lambda stream: iter([(stream.line, stream.value()[0][0])]), errors.append)
    assert list(found) == [(1, 0), (3, 1), (7, 3)]
    assert [error.line for error in errors] == [5]


def test_values_that_run_over_lines(tmp_path):
    (tmp_path / "a.json").write_text("[\n1\n]\n[2]\n[\n3]")
    assert [v for v in read_values(tmp_path / "a.json", "x", lambda stream: iter([stream.value()[0]]), print)] == [[1], [2], [3]]
