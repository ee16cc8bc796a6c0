"""Many documents: figures by hand, from runs that make up their times, and one run that is real."""

import json
import os

import pytest

from benchmarks import bulk
from benchmarks.speed.ours import make_pipeline
from tests.cli.toy import SENTENCES
from tests.experiments.toy import write_data


def test_figures_by_hand(tiny_bert, tmp_path, monkeypatch, capsys):
    """7 documents, and 21 in all: 4 s to start; a second a document with one core, half of it with two processes."""
    turns = []

    def extract(folder, documents, way):
        lines = [json.loads(line) for line in documents.read_text(encoding="utf8").splitlines()]
        assert len({line["id"] for line in lines}) == len(lines)
        assert all(line["mentions"] for line in lines)
        turns.append(str(way))
        return 4 + len(lines) / way.processes, 100 * way.processes

    monkeypatch.setattr(bulk, "_run", extract)
    bulk.bulk(write_data(tmp_path / "data.spacy", *SENTENCES), tiny_bert, "shared", 2, 2, 2)
    figures = json.loads(capsys.readouterr().out)
    assert figures["documents"] == 21
    rows = figures["by, processes x threads"]
    ratio = "times those of extract, 1 x 1"
    assert rows["extract, 1 x 1"] == {"documents a second": 1.0, ratio: [1.0, 1.0], "seconds to start": 4.0, "mb": 100}
    for by in ("extract", "nlp.pipe"):
        assert rows[f"{by}, 2 x 1"] == {"documents a second": 2.0, ratio: [2.0, 2.0], "seconds to start": 4.0, "mb": 200}
    # In the second repeat the last one begins.
    assert turns[::2] == [*rows, *list(rows)[::-1]]


@pytest.mark.parametrize("by", ["extract", "nlp.pipe"])
def test_a_run(by, tiny_bert, tmp_path):
    make_pipeline("shared", str(tiny_bert)).to_disk(tmp_path / "model")
    documents = tmp_path / "documents.jsonl"
    bulk._write(documents, [{"id": "d", "text": "Aspirin increases warfarin levels.", "mentions": [], "relations": []}], 3)
    seconds, memory = bulk._run(tmp_path, documents, bulk.Way(2, 1, by))
    assert seconds > 0
    assert memory > 50
    if by == "extract":
        assert len((tmp_path / "out.jsonl").read_text(encoding="utf8").splitlines()) == 3


@pytest.mark.parametrize("by", ["extract", "nlp.pipe"])
def test_a_run_that_fails_says_why(by, tmp_path):
    (tmp_path / "documents.jsonl").write_text("{}", encoding="utf8")
    with pytest.raises(SystemExit, match="model"):
        bulk._run(tmp_path, tmp_path / "documents.jsonl", bulk.Way(1, 1, by))


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="memory is read as Linux gives it")
def test_memory_of_a_process_that_is_gone_is_none():
    assert bulk._memory(os.getpid()) > 20
    assert bulk._memory(2**22 + 1) == 0
