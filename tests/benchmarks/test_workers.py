"""The workers: how they answer, and that this package's score the pairs of a workload."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.peers import protocol
from benchmarks.speed import ours
from tests.benchmarks.toy import make_writer

# Its documents are numbers; it says things while it runs.
CONTENDER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from protocol import serve

n_prepared = 0

def prepare(documents):
    global n_prepared
    n_prepared += 1
    return [1 / document for document in documents]

def run(prepared):
    print("running")
    start = time.process_time()
    while time.process_time() < start + 0.02:
        pass
    time.sleep(0.02)
    return n_prepared

print("imported", file=sys.stderr)
serve(lambda: (prepare, run, {"contender": "1"}))
"""


def test_the_protocol(tmp_path):
    (tmp_path / "contender.py").write_text(CONTENDER, encoding="utf8")
    (tmp_path / "good.jsonl").write_text("1\n2\n", encoding="utf8")
    (tmp_path / "bad.jsonl").write_text("1\n0\n", encoding="utf8")
    requests = [("good", 0), ("bad", 0), ("good", 0.05)]
    asked = "".join(json.dumps({"path": str(tmp_path / f"{name}.jsonl"), "seconds": seconds}) + "\n" for name, seconds in requests)
    command = [sys.executable, "-I", str(tmp_path / "contender.py"), str(Path(protocol.__file__).parent)]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=60, check=True)
    ready, once, failed, longer = map(json.loads, done.stdout.splitlines())
    assert ready["versions"] == {"contender": "1"}
    assert ready["load_seconds"] < 1 <= ready["memory_mb"] <= once["peak_mb"]
    assert (once["runs"], once["pairs"]) == (1, 1)
    # It works and waits.
    assert once["wall"] - 0.01 > once["processor"] >= 0.02
    assert failed == {"error": "ZeroDivisionError: division by zero"}
    # Of 0.02 s of the processor and a little more; what is run is made anew each time: the fourth time here, after one that failed.
    assert longer["runs"] in (2, 3)
    assert longer["pairs"] == 2 + longer["runs"]
    assert longer["wall"] >= 0.02
    # What libraries print goes elsewhere.
    assert "running" in done.stderr


# It has two epochs of a twentieth of a second, and predicts for twice as long.
LEARNER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from protocol import learn

def work(seconds):
    start = time.process_time()
    while time.process_time() < start + seconds:
        pass

def make_learner(labels):
    def fit(documents, after_epoch, *, epochs):
        for _ in range(epochs):
            work(0.05)
            after_epoch()
        after_epoch(epochs + 0.5)

    def predict(documents):
        work(0.1)
        print("predicting")
        return [[[0, 1, labels[document["n"]]]] for document in documents]

    return fit, predict, {"learner": "1"}

learn(make_learner)
"""


def test_learning(tmp_path):
    (tmp_path / "learner.py").write_text(LEARNER, encoding="utf8")
    job = {"epochs": 2}
    # Labels are those of the training data, in order.
    lines = {"train": {"relations": [[0, 1, "b"], [1, 2, "a"]]}, "development": {"n": 0}, "test": {"n": 1}}
    for part, document in lines.items():
        job[part] = str(tmp_path / f"{part}.jsonl")
        Path(job[part]).write_text(json.dumps(document) + "\n", encoding="utf8")
    command = [sys.executable, "-I", str(tmp_path / "learner.py"), str(Path(protocol.__file__).parent)]
    done = subprocess.run(command, input=json.dumps(job) + "\n", capture_output=True, text=True, timeout=60, check=True)
    first, second, last, end = map(json.loads, done.stdout.splitlines())
    assert [answer["epoch"] for answer in (first, second, last)] == [1, 2, 2.5]
    assert [answer["relations"] for answer in (first, second, last)] == [[[[0, 1, "a"]]]] * 3
    # What was predicted between the epochs is not counted: 0.2 s in all it would be.
    assert 0.05 <= first["processor"] < 0.1 <= second["processor"] < 0.15
    assert second["wall"] >= second["processor"] - 0.01
    assert (end["test"], end["versions"]) == ([[[0, 1, "b"]]], {"learner": "1"})
    assert end["peak_mb"] > 0
    assert "predicting" in done.stderr


@pytest.mark.parametrize("kind", ours.KINDS)
def test_ours_score_all_pairs(kind, tiny_bert, tmp_path, monkeypatch):
    # As many positions as the tiny encoder has.
    monkeypatch.setattr(ours, "MAX_TOKENS", 64)
    writer = make_writer(tmp_path)
    documents = [asdict(writer.document("a", [3, 0, 2], 8)), asdict(writer.document("b", [1], 8))]
    prepare, run, versions = ours.make_contender(kind, str(tiny_bert), 1)
    docs = prepare(documents)
    assert [len(doc.spans["mentions"]) for doc in docs] == [5, 1]
    # 3 + 1 pairs; the encoder alone scores none.
    expected = 0 if kind == "encoder" else 4
    assert run(docs) == run(prepare(documents)) == expected
    assert versions["spacy"]
    assert (docs[0]._.trf_data is not None) == (kind in ("encoder", "shared", "tutorial"))


def test_precisions(tiny_bert, monkeypatch):
    monkeypatch.setattr(ours, "MAX_TOKENS", 64)
    transformers = {kind: ours.make_pipeline(kind, str(tiny_bert)).config["components"] for kind in ("shared", "tutorial")}
    assert transformers["shared"]["transformer"]["model"]["cpu_precision"] == "auto"
    assert transformers["shared"]["relation_extractor"]["model"]["precision"] == "auto"
    assert transformers["tutorial"]["transformer"]["model"]["@architectures"] == "spacy-transformers.TransformerModel.v3"
    assert transformers["tutorial"]["relation_extractor"]["model"]["precision"] == "float32"
