"""What is stored of a shard's documents: in the order of the input, without those that the format of the output cannot hold."""

import errno
from collections import Counter

import pytest

from spacy_relext.errors import DataError
from spacy_relext.extraction import lines
from spacy_relext.extraction.lines import InBatches
from spacy_relext.extraction.running import Line
from spacy_relext.extraction.storage import Output
from spacy_relext.formats.jsonl import line_of, to_record
from spacy_relext.formats.types import Document


def documents(*lengths):
    return [Document(f"d{i}", "." * length, source="in.jsonl", line=i + 1) for i, length in enumerate(lengths)]


def run(given, size=2):
    """As of a pipeline that finds nothing, and fails on texts of 9 characters."""
    batches = InBatches(given, size)
    for batch in batches:
        assert not batches.is_run
        batches.add([d.error("fails") if len(d.text) == 9 else Line(line_of(to_record(d)), 2) for d in batch])
    assert batches.is_run
    return batches


def test_documents_of_a_length_share_a_batch_and_come_back_in_their_order(tmp_path):
    given = documents(3, 9, 1, 3, 7)
    assert [[d.id for d in batch] for batch in InBatches(given, 2)] == [["d1", "d4"], ["d0", "d3"], ["d2"]]
    stored = run(given).lines(Output(tmp_path / "out"), tmp_path)
    assert [d.id for d in stored.documents] == ["d0", "d2", "d3", "d4"]
    assert stored.lines == [line_of(to_record(d)) for d in stored.documents]
    assert stored.relations == 8
    assert [str(error) for error in stored.errors] == ["in.jsonl:2: document 'd1': fails"]


def test_a_batch_of_long_documents_has_fewer(monkeypatch):
    monkeypatch.setattr(lines, "MOST_CHARACTERS", 10)
    assert [[d.id for d in batch] for batch in InBatches(documents(4, 6, 4, 30, 1, 1, 1), 3)] == [
        ["d3"],
        ["d1", "d0"],
        ["d2", "d4", "d5"],
        ["d6"],
    ]


def test_no_documents(tmp_path):
    assert run([]).lines(Output(tmp_path / "out", "brat"), tmp_path).lines == []


@pytest.fixture
def written(monkeypatch):
    """The numbers of documents that are written at a time; one with six characters is refused."""
    found = []

    def write(self, lines, path):
        found.append(len(lines))
        if any('"......"' in line for line in lines):
            raise DataError("six", path=path)
        return Counter()

    monkeypatch.setattr(Output, "write", write)
    return found


@pytest.mark.parametrize(
    ("lengths", "expected", "n_written"),
    [((1, 2, 3, 4, 5, 7, 8, 10), [], [8]), ((1, 2, 9), [3], [2]), ((1, 2, 3, 4, 5, 6, 7, 8), [6], [8, 4, 4, 2, 1, 1, 2])],
)
def test_documents_are_looked_at_alone_where_together_they_cannot_be_written(tmp_path, written, lengths, expected, n_written):
    stored = run(documents(*lengths)).lines(Output(tmp_path / "out", "brat"), tmp_path)
    assert len(stored.lines) == len(lengths) - len(stored.errors)
    assert [error.line for error in stored.errors] == expected
    assert written == n_written
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_says_which_format_and_which_document(tmp_path, written):
    [error] = run(documents(6)).lines(Output(tmp_path / "out", "brat"), tmp_path).errors
    assert str(error) == "in.jsonl:1: brat cannot hold it: six"


def test_a_format_that_holds_everything_is_not_tried(tmp_path, written):
    run(documents(6)).lines(Output(tmp_path / "out", "csv"), tmp_path)
    assert written == []


def test_of_a_full_disk_no_document_is_the_cause(tmp_path, monkeypatch):
    def write(self, lines, path):
        raise DataError("it cannot be written: No space left on device.", path=path) from OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Output, "write", write)
    with pytest.raises(DataError, match="No space left on device"):
        run(documents(1, 2)).lines(Output(tmp_path / "out", "brat"), tmp_path)
