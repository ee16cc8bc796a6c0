"""A short run of the command: workers that are killed and stopped, and a disk that is full for a while."""

import random

from benchmarks.extraction import write_documents
from tests.stress.cluster import run_round, split


def test_workers_that_are_killed_and_stopped_give_what_one_gives(model, tmp_path):
    write_documents(tmp_path / "in.jsonl", 120, random.Random(0))
    inputs = split(tmp_path / "in.jsonl", tmp_path)
    settings = {"model": str(model), "inputs": inputs, "shard_size": 10, "beat": 0.2, "seconds": 500, "mounts": False}
    whole, *_ = run_round(tmp_path, "whole", n_workers=1, n_events=0, seed=0, to_kill=set(), **settings)
    found, one, _ = run_round(tmp_path, "round", n_workers=3, n_events=4, seed=1, counts_again=False, **settings)
    assert found == whole
    assert whole.keys() == {"relations.jsonl", "relations.jsonl.manifest.json"}
    assert one.events.total() >= 2
