"""`research grid`: the runs of a YAML file, run in order, chosen, shared by processes, and gone on with."""

import re
from pathlib import Path

import pytest
import srsly
from filelock import FileLock
from spacy.util import load_config

from research.grid import read_grid
from spacy_relext.configs import read_config
from spacy_relext.errors import DataError
from spacy_relext.experiments import training
from spacy_relext.experiments.runs import find_runs, read_run
from tests.experiments.toy import SENTENCES, write_config, write_data, write_folds
from tests.research.toy import research

ROOT = Path(__file__).parents[2]


def content(folder):
    return {
        "output": str(folder / "runs"),
        "settings": {"training.max_steps": 5},
        "corpora": {
            "whole": {part: str(folder / f"{part}.spacy") for part in ("train", "dev", "test")},
            "parts": {"folds": str(folder / "folds")},
        },
        "summaries": {
            "mentions": {"@relext_summaries": "spacy-relext.mentions.v1"},
            "attention": {"@relext_summaries": "spacy-relext.attention.v1", "beside": "mentions"},
        },
        "groups": [
            {
                "corpus": "whole",
                "encoding": "one pass",
                "config": str(folder / "toy.cfg"),
                "summaries": ["attention", "mentions"],
                "seeds": [0, 1],
            },
            {
                "corpus": "parts",
                "encoding": "one pass",
                "config": str(folder / "toy.cfg"),
                "summaries": ["mentions"],
                "seeds": [3],
                "settings": {"training.max_steps": 4},
            },
        ],
    }


def write_grid(folder, changed=None):
    path = folder / "grid.yml"
    srsly.write_yaml(path, {**content(folder), **(changed or {})})
    return path


@pytest.fixture
def workspace(tmp_path):
    # The summary's own section: a setting of the one before must not stay.
    write_config(tmp_path)
    config = (tmp_path / "toy.cfg").read_text(encoding="utf8").replace("n_heads = 2\n", "")
    (tmp_path / "toy.cfg").write_text(config, encoding="utf8")
    write_data(tmp_path / "train.spacy", *SENTENCES[:4])
    write_data(tmp_path / "dev.spacy", *SENTENCES[1:5])
    write_data(tmp_path / "test.spacy", *SENTENCES[2:6])
    write_folds(tmp_path / "folds")
    write_grid(tmp_path)
    return tmp_path


def test_runs_are_named_and_ordered(tmp_path):
    runs = read_grid(write_grid(tmp_path), {"paths.encoder": "some/encoder", "training.dropout": 0.3})
    assert [(c.labels["corpus"], c.labels["summary"], c.seed) for c in runs] == [
        ("whole", "attention", 0),
        ("whole", "mentions", 0),
        ("whole", "attention", 1),
        ("whole", "mentions", 1),
        ("parts", "mentions", 3),
    ]
    assert runs[0].labels == {"corpus": "whole", "encoding": "one pass", "summary": "attention", "encoder": "some/encoder"}
    assert runs[0].output.name == "whole-one_pass-attention-some_encoder-seed0.json"
    assert runs[-1].output.name == "parts-one_pass-mentions-some_encoder-seed3"
    summary = "components.relation_extractor.model.summary"
    assert runs[0].overrides == {
        "training.max_steps": 5,
        f"{summary}.@relext_summaries": "spacy-relext.attention.v1",
        f"{summary}.beside": "mentions",
        "system.seed": 0,
        "paths.encoder": "some/encoder",
        "training.dropout": 0.3,
    }
    # Settings of a run go before those of all runs.
    assert runs[-1].overrides["training.max_steps"] == 4


def test_encoders_have_names(tmp_path):
    path = write_grid(tmp_path, {"encoders": {"a/b": "B"}})
    assert {run.labels["encoder"] for run in read_grid(path, {"paths.encoder": "a/b"})} == {"B"}


def test_all_is_run_once_and_listed(workspace, monkeypatch):
    first = research("grid", workspace / "grid.yml", "--only", "summary=mentions", "--only", "corpus=whole", "--only", "seed=1")
    assert first.exit_code == 0, first.output
    (path,) = find_runs(workspace / "runs")
    before = path.stat().st_mtime_ns
    second = research("grid", workspace / "grid.yml")
    assert second.exit_code == 0, second.output
    assert path.stat().st_mtime_ns == before
    assert "5 of 5 runs" in " ".join(second.stdout.split())
    runs = find_runs(workspace / "runs")
    assert len([run for run in runs.values() if run.fold is None]) == 5
    assert read_run(path).seed == 1
    assert read_run(path).config["components"]["relation_extractor"]["model"]["summary"] == {
        "@relext_summaries": "spacy-relext.mentions.v1"
    }
    assert all(run.config["training"]["max_steps"] == (5 if run.labels["corpus"] == "whole" else 4) for run in runs.values())
    assert not list(workspace.glob("runs/**/*.lock"))
    monkeypatch.setattr(training, "train_into", lambda *args, **kwargs: pytest.fail("trained again"))
    assert research("grid", workspace / "grid.yml").exit_code == 0
    listed = research("grid", workspace / "grid.yml", "--list")
    assert len(re.findall(r"│ *\d+\.\d *│", listed.stdout)) == 5, listed.stdout


def test_what_another_process_runs_is_left_to_it(workspace, monkeypatch):
    trained = []
    monkeypatch.setattr(training, "train_into", lambda *args, **kwargs: trained.append(args) or pytest.fail("trained"))
    output = read_grid(workspace / "grid.yml")[0].output
    output.parent.mkdir()
    with FileLock(f"{output}.lock"):
        result = research("grid", workspace / "grid.yml", "--only", "seed=0", "--only", "summary=attention")
    assert result.exit_code == 0, result.output
    assert "0 of 1 run is finished, 1 is run by another process" in " ".join(result.stdout.split())
    assert not trained


def test_a_run_that_cannot_be_run_is_known_before_others_are_trained(workspace, monkeypatch):
    monkeypatch.setattr(training, "train_into", lambda *args, **kwargs: pytest.fail("trained"))
    (workspace / "folds" / "fold-1.spacy").unlink()
    result = research("grid", workspace / "grid.yml")
    assert result.exit_code == 1
    assert "expected at least three folds" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"groups": [{"corpus": "whole"}]},
            r"in group 1: missing \['config', 'encoding', 'seeds', 'summaries'\], unknown \[\]; expected corpus",
        ),
        ({"colour": 1}, r"in the file: missing \[\], unknown \['colour'\]"),
        ({"groups": {}}, "in the file: groups is .*; expected a list"),
        ({"corpora": {"parts": {}}}, "in group 1: there is no corpus 'whole'; there are parts"),
        ({"corpora": {"whole": {"train": "a"}}}, r"the corpus 'whole' is .*; expected train, dev and test, or folds"),
        ({"summaries": {"mentions": {}}}, "in group 1: there is no summary 'attention'; there are mentions"),
    ],
)
def test_files_that_are_no_grid(tmp_path, changed, message):
    with pytest.raises(DataError, match=message):
        read_grid(write_grid(tmp_path, changed))


def test_other_bad_input(tmp_path):
    groups = content(tmp_path)["groups"]
    with pytest.raises(DataError, match="two of its runs are the same"):
        read_grid(write_grid(tmp_path, {"groups": [groups[0], groups[0]]}))
    (tmp_path / "broken.yml").write_text("a: [", encoding="utf8")
    for name in ("broken.yml", "none.yml"):
        with pytest.raises(DataError, match="no grid that can be read"):
            read_grid(tmp_path / name)
    path = write_grid(tmp_path)
    for only, message in (
        ("colour=red", r"--only names \['colour'\]; runs are chosen by corpus, encoding"),
        ("seed=9", "no run is chosen by --only 'seed=9'"),
    ):
        result = research("grid", path, "--only", only)
        assert result.exit_code == 1
        assert re.search(message, " ".join(result.stderr.split()))


@pytest.mark.parametrize("name", ["minilm.yml", "mpnet.yml", "paper.yml"])
def test_settings_of_our_grids_fit_their_configs(name):
    for run in read_grid(ROOT / "configs" / name, {"paths.encoder": "a/b"}):
        config = load_config(ROOT / run.config_path, overrides=run.overrides, interpolate=True)
        assert config["training"]["seed"] == run.seed
        assert config["training"]["eval_frequency"] <= config["training"]["max_steps"]
        schedule = config["training"]["optimizer"]["learn_rate"]
        assert schedule["total_steps"] == config["training"]["max_steps"] > schedule["warmup_steps"]
        # The encoder is a component, a layer of the extractor, or the extractor's own.
        models = [component["model"] for component in config["components"].values() if "model" in component]
        assert [layer["name"] for model in models for layer in (model, model.get("tok2vec", {})) if "name" in layer] == ["a/b"]


@pytest.mark.parametrize(("name", "least"), [("minilm.yml", 77), ("mpnet.yml", 4)])
def test_stored_runs_are_those_of_our_grids(monkeypatch, name, least):
    """A config that is written in another way, or has another threshold, must not make what was trained look like something else."""
    monkeypatch.chdir(ROOT)
    n_runs = 0
    for planned in read_grid(ROOT / "configs" / name):
        outputs = sorted(planned.output.glob("*.json")) if "folds" in planned.data else [planned.output]
        for output in filter(Path.exists, outputs):
            assert read_run(output).config == dict(read_config(planned.config_path, planned.overrides)), output
            n_runs += 1
    assert n_runs >= least
