"""Stretches of packed files are read forward, and a plan that is damaged is refused."""

import gzip

import pytest

from spacy_relext.batch import contents
from spacy_relext.batch.contents import stretch
from spacy_relext.batch.manifest import Plan, write_plan
from spacy_relext.batch.planning import plan_shards
from spacy_relext.errors import DataError
from spacy_relext.extraction.inputs import Inputs


def test_a_packed_file_is_unpacked_once(tmp_path, monkeypatch):
    source, content, opened = tmp_path / "a.gz", bytes(range(256)) * 100, []
    source.write_bytes(gzip.compress(content))
    unpacked = contents.Unpacked
    monkeypatch.setattr(contents, "Unpacked", lambda path: opened.append(path) or unpacked(path))
    for start in (0, 100, 5000, 20000):
        assert b"".join(stretch(source, start, start + 100, is_last=False)) == content[start : start + 100]
    assert opened == [source]
    assert b"".join(stretch(source, 50, 60, is_last=True)) == content[50:61]
    assert opened == [source] * 2
    source.write_bytes(gzip.compress(content[::-1]))
    assert b"".join(stretch(source, 70, 80, is_last=False)) == content[::-1][70:80]


def test_a_damaged_line_of_a_plan(tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "A."}\n' * 3)
    plan = write_plan(tmp_path / "work", plan_shards(Inputs([str(source)]), 1), {}, {}, {})
    assert Plan.read(tmp_path / "work").shard(2) == list(plan)[2]
    [lines] = (tmp_path / "work").glob("shards-*.jsonl")
    raw = lines.read_bytes()
    lines.write_bytes(raw.replace(b'"number": 1,', b'"number": x,'))
    with pytest.raises(DataError, match="shard 1 cannot be read: it is damaged"):
        plan.shard(1)
    lines.write_bytes(raw.replace(b'"number": 1,', b'"number": 7,'))
    with pytest.raises(DataError, match="expected shard 1, and saw 7"):
        plan.shard(1)
