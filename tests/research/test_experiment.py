"""`research experiment`: trained for a few updates."""

import json
import platform
import re

import pytest
import spacy
import torch

from spacy_relext.experiments import training
from spacy_relext.experiments.runs import Run, read_run, write_run
from spacy_relext.versions import source_commit
from tests.experiments.toy import CONFIG, LABEL_OPTIONS, LABELS, SENTENCES, make_run, relext, write_config, write_data
from tests.research.toy import research

# Sentences that are learned by heart, annotated otherwise: see tests/cli/test_evaluate.py.
TEST = [
    ("Aspirin increases warfarin levels.", [(0, 1, "MECHANISM")]),
    ("Avoid ketamine with warfarin.", [(0, 1, "ADVISE")]),
    ("Rifampicin increases digoxin levels.", [(0, 1, "ADVISE")]),
    ("Ketamine did not alter warfarin.", [(0, 1, "MECHANISM")]),
    ("Avoid quinine with digoxin.", None),
]
DOCUMENTS = [("d0", 1, 0, 0), ("d1", 1, 0, 0), ("d2", 0, 1, 1), ("d3", 0, 0, 1)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder with config, data and a finished run whose pipeline is kept."""
    folder = tmp_path_factory.mktemp("experiment")
    write_config(folder)
    write_data(folder / "train.spacy", *SENTENCES)
    write_data(folder / "dev.spacy", *SENTENCES[:4])
    write_data(folder / "test.spacy", *TEST)
    result = experiment(folder, "run.json", "--keep", "--system.seed", "3")
    assert result.exit_code == 0, result.output
    return folder


def experiment(folder, output, *options):
    arguments = {"--train": "train.spacy", "--dev": "dev.spacy", "--test": "test.spacy", "--output": output}
    paths = [part for option, name in arguments.items() if option not in options for part in (option, folder / name)]
    return research("experiment", folder / "toy.cfg", *paths, *LABEL_OPTIONS, *options)


def assert_fails(result, message):
    assert result.exit_code == 1
    assert re.search(message, " ".join(result.stderr.split())), result.stderr


def test_run_says_what_was_run(workspace):
    run = read_run(workspace / "run.json")
    assert (run.labels, run.seed, run.fold, run.checkpoint, run.threshold_from) == (LABELS, 3, None, "last", "development")
    assert run.overrides == {"system.seed": 3}
    assert run.config["training"]["seed"] == run.config["system"]["seed"] == 3
    assert run.config["components"]["relation_extractor"]["model"]["hidden_width"] == 32
    assert {part: list(files) for part, files in run.data.items()} == {
        part: [str(workspace / f"{part}.spacy")] for part in ("train", "dev", "test")
    }
    assert all(len(digest) == 64 for files in run.data.values() for digest in files.values())
    assert (run.versions["python"], run.versions["spacy"]) == (platform.python_version(), spacy.__version__)
    assert {"spacy-relext", "torch", "transformers", "spacy-transformers"} <= run.versions.keys()
    # The tests run from a clone, or from a source distribution.
    assert run.versions.get("commit") == source_commit().get("commit")
    assert run.torch_threads == torch.get_num_threads()
    assert run.device
    assert 0 < run.training_seconds["wall"] < 300
    assert run.training_seconds["processor"] > 0


def test_figures_are_those_worked_out_by_hand(workspace):
    run = read_run(workspace / "run.json")
    assert [tuple(document[k] for k in ("id", "tp", "fp", "fn")) for document in run.documents] == DOCUMENTS
    assert {document["fold"] for document in run.documents} == {0}
    figures = [run.test[f"rel_{name}"] for name in ("micro_p", "micro_r", "micro_f", "macro_f")]
    assert figures == pytest.approx([2 / 3, 1 / 2, 4 / 7, 7 / 12])
    assert run.test["rel_per_type"]["ADVISE"] == pytest.approx({"p": 1.0, "r": 0.5, "f": 2 / 3, "support": 2})
    assert run.development["rel_micro_f"] == 1.0
    # All thresholds are equally good for what was learned by heart: the one in the middle.
    assert run.threshold == 0.5


def test_evaluate_gives_the_same_of_the_kept_pipeline(workspace):
    model = workspace / "run.work" / "model-last"
    assert relext("evaluate", model, workspace / "test.spacy", "--output", workspace / "figures.json").exit_code == 0
    figures = json.loads((workspace / "figures.json").read_text(encoding="utf8"))
    run = read_run(workspace / "run.json")
    scores = figures["gold_mentions"]
    # Only the command tells the candidate recall, and how far scores are off.
    del scores["rel_micro_candidate_recall"], scores["rel_calibration"]
    for label_scores in scores["rel_per_type"].values():
        del label_scores["candidate_recall"]
    assert scores == run.test
    assert figures["threshold"] == run.threshold


def test_finished_run_is_skipped(workspace, monkeypatch):
    monkeypatch.setattr(training, "train_into", lambda *args, **kwargs: pytest.fail("trained again"))
    before = (workspace / "run.json").read_bytes()
    result = experiment(workspace, "run.json", "--system.seed", "3")
    assert result.exit_code == 0, result.output
    assert "is finished: skipped" in " ".join(result.stdout.split())
    assert (workspace / "run.json").read_bytes() == before


def test_run_of_another_experiment_is_refused(workspace):
    before = (workspace / "run.json").read_bytes()
    assert_fails(experiment(workspace, "run.json"), r"run\.json: the file holds the run of another experiment; not the same are: config\.")
    result = experiment(workspace, "run.json", "--system.seed", "3", "--threshold", "0.5", "--dev", workspace / "train.spacy")
    assert_fails(result, "not the same are: threshold_from, data")
    assert (workspace / "run.json").read_bytes() == before


def test_broken_run_is_named_and_left_alone(workspace, tmp_path):
    (tmp_path / "half.json").write_bytes((workspace / "run.json").read_bytes()[:-30])
    result = experiment(workspace, "run.json", "--output", tmp_path / "half.json", "--system.seed", "3")
    assert_fails(result, r"half\.json: this is no run that can be read")
    assert [path.name for path in tmp_path.iterdir()] == ["half.json"]


def test_scores_the_test_data_once_with_the_threshold_of_the_development_data(workspace, monkeypatch):
    """With development data on which only the highest threshold is right, and a pipeline that is never sure."""
    read, real = [], training.read_docs
    monkeypatch.setattr(training, "read_docs", lambda path, nlp: read.append(path.name) or real(path, nlp))
    write_data(workspace / "none.spacy", *((text, [(0, 1, "ADVISE")]) for text, _ in SENTENCES[3:5]))
    options = ("--training.max_steps", "1", "--dev", workspace / "none.spacy")
    result = experiment(workspace, "short.json", *options)
    assert result.exit_code == 0, result.output
    assert read == ["none.spacy", "test.spacy"]
    run = read_run(workspace / "short.json")
    for name, threshold in (("given", run.threshold), ("other", 0.0)):
        result = experiment(workspace, f"{name}.json", *options, "--threshold", threshold)
        assert result.exit_code == 0, result.output
    given, other = (read_run(workspace / f"{name}.json") for name in ("given", "other"))
    assert (given.test, given.documents, given.development) == (run.test, run.documents, run.development)
    assert given.threshold_from == "given"
    # Everything is found at 0: two directions of a pair in each of the four annotated sentences.
    assert sum(document["tp"] + document["fp"] for document in other.documents) == 8
    assert other.documents != run.documents
    assert not list(workspace.glob("short.work"))


def test_without_development_data(workspace):
    paths = ("--train", workspace / "train.spacy", "--test", workspace / "test.spacy", "--output", workspace / "no-dev.json")
    assert_fails(research("experiment", workspace / "toy.cfg", *paths), "no development data to choose the threshold on")
    assert_fails(
        research("experiment", workspace / "toy.cfg", *paths, "--threshold", "0.5", "--checkpoint", "best"), "--checkpoint best is"
    )
    result = research("experiment", workspace / "toy.cfg", *paths, "--threshold", "0.4")
    assert result.exit_code == 0, result.output
    run = read_run(workspace / "no-dev.json")
    assert (run.development, run.data["dev"], run.threshold) == (None, {}, 0.4)
    assert [tuple(document[k] for k in ("id", "tp", "fp", "fn")) for document in run.documents] == DOCUMENTS


def test_what_cannot_be_run(workspace, tmp_path):
    def fails(message, *options):
        assert_fails(experiment(workspace, "new.json", *options), message)
        assert not (workspace / "new.json").exists()

    fails("the test data is part of the train data", "--train", workspace / "test.spacy")
    fails("the test data is part of the dev data", "--dev", workspace / "test.spacy")
    fails(r"none\.spacy: there is no such \.spacy file", "--test", tmp_path / "none.spacy")
    fails("--paths.train is set by the command", "--paths.train", "train.spacy")
    fails("--label is 'corpus'; expected name=value", "--label", "corpus")
    fails("--label names 'corpus' more than once: ddi, x", "--label", "corpus=x")
    fails(r"seed of .*toy\.cfg is None", "--training.seed", "null")
    fails(r"toy\.cfg: the config cannot be read with .*modell", "--components.modell.width", "3")
    fails("No such option '--sed'. Settings of the config are given with their section", "--sed", "3")
    assert_fails(experiment(workspace, "new.jsn"), r"expected a file that ends in \.json")


def test_config_that_reads_other_data(workspace, tmp_path):
    path = write_config(tmp_path, CONFIG.replace("path = ${paths.train}", 'path = "other.spacy"'))
    paths = [part for name in ("train", "dev", "test") for part in (f"--{name}", workspace / f"{name}.spacy")]
    result = research("experiment", path, *paths, "--output", tmp_path / "run.json")
    assert_fails(result, r"toy\.cfg: the train corpus does not read \$\{paths\.train\}")
    assert_fails(
        research("experiment", tmp_path / "none.cfg", *paths, "--output", tmp_path / "run.json"), r"none\.cfg: there is no such config"
    )


def test_data_without_relations(workspace, tmp_path):
    data = write_data(tmp_path / "plain.spacy", ("Aspirin increases warfarin levels.", None))
    result = experiment(workspace, "plain.json", "--test", data, "--training.max_steps", "1")
    assert_fails(result, r"plain\.spacy: the data has no relation annotation")
    assert not (workspace / "plain.json").exists()


def test_runs_survive_being_written(tmp_path):
    run = make_run(counts=((1, 0, 2), (3, 1, 0)))
    write_run(run, tmp_path / "new" / "run.json")
    assert read_run(tmp_path / "new" / "run.json") == run
    lines = (tmp_path / "new" / "run.json").read_text(encoding="utf8").splitlines()
    assert len(lines) == len(Run.__dataclass_fields__) + 2
    assert list(json.loads("\n".join(lines))) == list(Run.__dataclass_fields__)
