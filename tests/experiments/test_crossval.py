"""`relext crossval`: folds, what they are trained on, and a run that is killed and goes on."""

import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from filelock import FileLock

from spacy_relext.errors import DataError
from spacy_relext.experiments import training
from spacy_relext.experiments.crossval import aggregate, find_folds, fold_experiments
from spacy_relext.experiments.runs import read_run
from tests.experiments.toy import LABEL_OPTIONS, LABELS, make_run, relext, write_config, write_folds
from tests.research.toy import research
from tests.training.toy import before_step

RUNS = ("fold-0", "fold-1", "fold-2", "crossval")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder with config, folds, and a cross-validation that ran without a stop."""
    folder = tmp_path_factory.mktemp("crossval")
    write_config(folder)
    write_folds(folder / "folds")
    result = relext(*command(folder, "straight"))
    assert result.exit_code == 0, result.output
    return folder


def command(folder, output, *options):
    return ["crossval", folder / "toy.cfg", folder / "folds", folder / output, *LABEL_OPTIONS, "--training.max_steps", "15", *options]


def without_times(path):
    return replace(read_run(path), training_seconds={})


def test_killed_and_resumed_is_the_same_as_a_run_without_a_stop(workspace):
    arguments = [str(argument) for argument in command(workspace, "stopped")]
    first = workspace / "stopped" / "fold-0.json"
    process = subprocess.Popen([sys.executable, "-m", "spacy", "relext", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 240
    while not first.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    assert not (workspace / "stopped" / "crossval.json").exists()
    before = first.stat().st_mtime_ns
    result = relext(*arguments)
    assert result.exit_code == 0, result.output
    assert "fold-0.json is finished: skipped" in " ".join(result.stdout.split())
    assert first.stat().st_mtime_ns == before
    for name in RUNS:
        assert without_times(workspace / "stopped" / f"{name}.json") == without_times(workspace / "straight" / f"{name}.json")
    assert sorted(path.name for path in (workspace / "stopped").iterdir()) == sorted(f"{name}.json" for name in RUNS)


def test_folds_that_another_process_runs_are_left_to_it(workspace):
    """And the aggregate to the process that ends last."""
    output = workspace / "shared"
    output.mkdir()
    with FileLock(output / "fold-1.json.lock"):
        result = relext(*command(workspace, "shared"))
    assert result.exit_code == 0, result.output
    assert "fold-1.json is being run by another process: skipped" in " ".join(result.stdout.split())
    assert "2 of 3 folds finished" in " ".join(result.stdout.split())
    assert {path.name for path in output.glob("*.json")} == {"fold-0.json", "fold-2.json"}
    result = relext(*command(workspace, "shared"))
    assert result.exit_code == 0, result.output
    for name in RUNS:
        assert without_times(output / f"{name}.json") == without_times(workspace / "straight" / f"{name}.json")
    assert sorted(path.name for path in output.iterdir()) == sorted(f"{name}.json" for name in RUNS)


def test_leftovers_of_a_killed_fold_do_not_get_into_its_training(workspace):
    output = workspace / "leftovers"
    for place in ("train/other.spacy", "model-last/meta.json"):
        path = output / "fold-0.work" / place
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
    result = relext(*command(workspace, "leftovers"))
    assert result.exit_code == 0, result.output
    assert without_times(output / "fold-0.json") == without_times(workspace / "straight" / "fold-0.json")
    assert sorted(path.name for path in output.iterdir()) == sorted(f"{name}.json" for name in RUNS)


def test_a_fold_that_was_stopped_in_its_training_goes_on_there(workspace):
    output = workspace / "interrupted"
    with before_step(7, lambda: signal.raise_signal(signal.SIGINT)):
        result = relext(*command(workspace, "interrupted"))
    # Ended by the signal, as every command is.
    assert result.exit_code == 130
    assert re.search(r"Stopped after 8 updates, with a checkpoint \(\d+ MB, written in \d+\.\d seconds\)", result.stdout)
    result = relext(*command(workspace, "interrupted"))
    assert result.exit_code == 0, result.output
    assert "Goes on after 8 updates" in result.stdout
    for name in RUNS:
        assert without_times(output / f"{name}.json") == without_times(workspace / "straight" / f"{name}.json")
    assert sorted(path.name for path in output.iterdir()) == sorted(f"{name}.json" for name in RUNS)


def test_a_fold_whose_config_has_changed_begins_anew(workspace, caplog):
    with before_step(3, lambda: signal.raise_signal(signal.SIGINT)):
        relext(*command(workspace, "changed", "--training.dropout", "0.5"))
    result = relext(*command(workspace, "changed"))
    assert result.exit_code == 0, result.output
    assert (
        "it holds an unfinished training that is another one: training.dropout 0.5 then, 0.0 now. The training begins anew." in caplog.text
    )
    assert without_times(workspace / "changed" / "fold-0.json") == without_times(workspace / "straight" / "fold-0.json")


def test_runs_of_folds_and_their_aggregate(workspace):
    runs = [read_run(workspace / "straight" / f"{name}.json") for name in RUNS]
    *folds, combined = runs
    assert [run.fold for run in runs] == [0, 1, 2, None]
    assert all(run.labels == LABELS for run in runs)
    names = {part: [[path.rsplit("/")[-1] for path in run.data[part]] for run in folds] for part in ("train", "dev", "test")}
    assert names["test"] == [["fold-0.spacy"], ["fold-1.spacy"], ["fold-2.spacy"]]
    assert names["dev"] == [["fold-1.spacy"], ["fold-2.spacy"], ["fold-0.spacy"]]
    assert names["train"] == [["fold-2.spacy"], ["fold-0.spacy"], ["fold-1.spacy"]]
    for kind in ("micro_p", "micro_r", "micro_f", "macro_f"):
        assert combined.test[f"rel_{kind}"] == pytest.approx(sum(run.test[f"rel_{kind}"] for run in folds) / 3)
    assert combined.documents == [document for run in folds for document in run.documents]
    assert [document["fold"] for document in combined.documents] == [0] * 4 + [1] * 4 + [2] * 4
    assert combined.training_seconds["wall"] == pytest.approx(sum(run.training_seconds["wall"] for run in folds), abs=0.05)


def test_finished_run_trains_nothing_and_report_reads_it(workspace, monkeypatch):
    monkeypatch.setattr(training, "train_into", lambda *args, **kwargs: pytest.fail("trained again"))
    before = (workspace / "straight" / "crossval.json").read_bytes()
    assert relext(*command(workspace, "straight")).stdout.count("skipped") == 3
    assert (workspace / "straight" / "crossval.json").read_bytes() == before
    result = research("report", workspace / "straight", "--output", workspace / "results.md")
    assert result.exit_code == 0, result.output
    assert "### DDI 2013, encoder tiny" in (workspace / "results.md").read_text(encoding="utf8")


def test_other_settings_are_noticed_before_anything_is_trained(workspace, monkeypatch):
    monkeypatch.setattr(training, "train_into", lambda *args, **kwargs: pytest.fail("trained"))
    result = relext(*command(workspace, "straight", "--system.seed", "5"))
    assert result.exit_code == 1
    assert re.search(r"fold-0\.json: the file holds the run of another experiment", " ".join(result.stderr.split()))


def test_given_threshold_trains_on_all_other_folds(workspace):
    folds = find_folds(workspace / "folds")
    settings = {"labels": {}, "overrides": {}, "checkpoint": "last", "gpu_id": -1}
    first, second, third = fold_experiments(workspace / "toy.cfg", folds, threshold=0.5, **settings)
    assert (first.train, first.dev, first.test) == ((folds[1], folds[2]), None, folds[0])
    assert (second.train, third.train) == ((folds[0], folds[2]), (folds[0], folds[1]))
    run = training.train_and_score(first, workspace / "given" / "fold-0.json", keep=True)
    work = workspace / "given" / "fold-0.work"
    assert sorted(path.name for path in (work / "train").iterdir()) == ["fold-1.spacy", "fold-2.spacy"]
    assert (run.threshold, run.development) == (0.5, None)
    assert [document["id"] for document in run.documents] == ["d0", "d1", "d2", "d3"]


def test_means_and_pooled_figures_by_hand():
    def fold(i, counts, **labels):
        run = make_run(counts=counts, folds=[i] * len(counts), development=0.2 * i)
        per_type = {label: {"p": f, "r": f, "f": f, "support": 2} for label, f in labels.items()}
        for scores in (run.test, run.development):
            scores |= {"rel_macro_f": 0.5, "rel_per_type": per_type}
        return replace(run, fold=i, threshold=0.1 * i)

    combined = aggregate([fold(0, [(3, 1, 0)], A=0.5, B=1.0), fold(1, [(1, 0, 1), (0, 2, 1)], A=0.7)])
    # P 3/4 and 1/3, R 1 and 1/3, F 6/7 and 1/3; together 4 right, 3 wrong, 2 missed.
    assert combined.test["rel_micro_p"] == pytest.approx((3 / 4 + 1 / 3) / 2)
    assert combined.test["rel_micro_r"] == pytest.approx((1 + 1 / 3) / 2)
    assert combined.test["rel_micro_f"] == pytest.approx((6 / 7 + 1 / 3) / 2)
    assert combined.test["pooled"] == pytest.approx({"p": 4 / 7, "r": 4 / 6, "f": 8 / 13})
    assert combined.test["rel_per_type"]["A"] == pytest.approx({"p": 0.6, "r": 0.6, "f": 0.6, "support": 4})
    assert combined.test["rel_per_type"]["B"]["support"] == 2
    assert combined.development["rel_micro_f"] == pytest.approx(0.1)
    later = replace(fold(1, [(1, 0, 0)], A=1.0), versions={"python": "3.11", "spacy": "3.8", "commit": "abc"})
    assert aggregate([fold(0, [(1, 0, 0)], A=1.0), later]).versions == {"python": "3.11", "spacy": "3.8", "commit": "?, abc"}
    assert (combined.fold, combined.threshold, combined.training_seconds) == (None, None, {"wall": 360, "processor": 120})


def test_folders_without_folds(tmp_path):
    with pytest.raises(DataError, match=r"expected at least three folds.*saw no fold"):
        find_folds(tmp_path)
    for name in ("fold-0.spacy", "fold-1.spacy", "fold-3.spacy", "fold-x.spacy"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"without a gap; saw fold-0\.spacy, fold-1\.spacy, fold-3\.spacy"):
        find_folds(tmp_path)
    for i in (2, *range(4, 11)):
        (tmp_path / f"fold-{i}.spacy").touch()
    assert [path.name for path in find_folds(tmp_path)] == [f"fold-{i}.spacy" for i in range(11)]
