"""Other libraries that learn: how they are scored, and that their figures are kept; with learners that make up what they find."""

import json
import re
import sys

import pytest
from spacy.tokens import Doc, Span
from typer.testing import CliRunner

from benchmarks import train_peers
from benchmarks.__main__ import app
from benchmarks.speed import contenders
from benchmarks.speed.contenders import Contender
from spacy_relext.mentions import SPANS_KEY
from spacy_relext.relations import Relation, set_relations
from tests.cli.toy import SENTENCES
from tests.experiments.toy import write_data

# Finds nothing on the development data after the first epoch, and then what is annotated; of the test data, nothing.
FAKE = """
import json, sys

if sys.argv[1] == "broken":
    sys.exit("no such encoder")
job = json.loads(sys.stdin.readline())
documents = [json.loads(line) for line in open(job["development"])]
epochs = range(1, job["epochs"] + 1) if job["minutes"] is None else [0.34]
for epoch in epochs:
    relations = [document["relations"] if epoch > 1 else [] for document in documents]
    print(json.dumps({"epoch": epoch, "wall": 90.0 * epoch, "processor": 60.0 * epoch, "relations": relations}), flush=True)
if sys.argv[1] != "short":
    nothing = [[] for _ in open(job["test"])]
    print(json.dumps({"test": nothing, "peak_mb": 1234, "versions": {"fake": "1"}}), flush=True)
"""


@pytest.fixture
def data(tmp_path):
    return [str(write_data(tmp_path / f"{part}.spacy", *SENTENCES)) for part in ("train", "dev", "test")]


@pytest.fixture
def learners(tmp_path, monkeypatch):
    script = tmp_path / "fake.py"
    script.write_text(FAKE, encoding="utf8")

    def learners(encoder, environments, threads):
        kinds = ("whole", "other", "broken", "short")
        known = [Contender(kind, "made-up", "none", "one", [sys.executable, "-I", str(script), kind]) for kind in kinds]
        return [*known, Contender("absent", "", "", "", missing="there is no environment")]

    monkeypatch.setattr(train_peers, "learners", learners)


def test_all_that_are_measured_learn_too(tmp_path):
    known = contenders.learners(tmp_path / "encoder", tmp_path, 1)
    assert {learner.name for learner in known} == set(contenders.PEER_LIBRARIES)
    assert {learner.command[-1] for learner in known} == {"learn"}


def test_scores_by_hand(nlp):
    doc = Doc(nlp.vocab, words=["Old", "aspirin", "raises", "warfarin", "levels"])
    # Two of them are the same tokens, and have the same type.
    mentions = doc.spans[SPANS_KEY] = [Span(doc, 0, 2, "drug"), Span(doc, 1, 2, "drug"), Span(doc, 1, 2, "drug"), Span(doc, 3, 4, "drug")]
    set_relations(doc, [Relation(mentions[3], mentions[1], "effect"), Relation(mentions[0], mentions[3], "advise")])
    # Right though the other way round; wrong; of a label that is not annotated.
    found = [(1, 3, "effect"), (0, 3, "effect"), (0, 1, "int")]
    assert train_peers.scores([doc], [found]) == {"rel_micro_p": 0.3333, "rel_micro_r": 0.5, "rel_micro_f": 0.4}
    assert train_peers.scores([doc], [[]]) == {"rel_micro_p": 0.0, "rel_micro_r": 0.0, "rel_micro_f": 0.0}


def test_figures_are_kept(data, learners, tmp_path):
    output, page = tmp_path / "peers.json", tmp_path / "page.md"
    for names, seed in ((["whole", "other"], 0), (["whole"], 1), (["whole"], 0)):
        options = ["--epochs", 2, "--seed", seed, "--output", output, "--page", page, *(f"--only={name}" for name in names)]
        result = CliRunner().invoke(app, ["train-peers", *data, *map(str, options)], catch_exceptions=False)
        assert result.exit_code == 0, result.output
    records = json.loads(output.read_text())
    # What was done again stands in the place of what it was before.
    assert [(record["name"], record["seed"]) for record in records] == [("other", 0), ("whole", 1), ("whole", 0)]
    record = records[-1]
    assert [(point["epoch"], point["processor"], point["f"]) for point in record["curve"]] == [(1, 60.0, 0.0), (2, 120.0, 1.0)]
    assert (record["development"]["rel_micro_f"], record["test"]["rel_micro_f"]) == (1.0, 0.0)
    assert record["corpus"] == tmp_path.name
    text = page.read_text(encoding="utf8")
    assert re.search(r"\| whole \| 2 \| 0\.0, 100\.0 \| 0\.0 \| 0\.0 \| 0\.0 \| 2\.0 \| 1,234 \|", text)
    assert "Versions: fake 1." in text


def test_a_training_that_stopped_in_an_epoch_says_so(data, learners, tmp_path):
    page = tmp_path / "page.md"
    options = ["--minutes", "0.3", "--only", "whole", "--output", str(tmp_path / "peers.json"), "--page", str(page)]
    result = CliRunner().invoke(app, ["train-peers", *data, *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    text = page.read_text(encoding="utf8")
    assert "| whole | 0.34 | 0.0 |" in text
    assert "learning rate 5e-05, batches of 4." in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "broken ended with status 1: no such encoder"),
        ("short", "short ended without figures of the test data"),
        ("absent", "absent: there is no environment"),
        ("unknown", "there is no unknown; there are whole, other"),
    ],
)
def test_faults(data, learners, tmp_path, name, message):
    output = tmp_path / "peers.json"
    result = CliRunner().invoke(app, ["train-peers", *data, "--epochs", "1", "--only", name, "--output", str(output)])
    assert result.exit_code != 0
    assert message in result.output
    assert not output.exists()
