"""Training time until a given F: figures by hand, and trainings that are real."""

import json
import re

import numpy
import pytest
import srsly
from typer.testing import CliRunner

from benchmarks import learning
from benchmarks.__main__ import app
from research.grid import read_grid
from tests.cli.toy import SENTENCES
from tests.experiments.toy import write_config, write_data


@pytest.fixture
def grid(tmp_path):
    write_config(tmp_path)
    data = {part: str(write_data(tmp_path / f"{part}.spacy", *SENTENCES)) for part in ("train", "dev", "test")}
    group = {"corpus": "toy", "encoding": "one pass", "config": str(tmp_path / "toy.cfg"), "summaries": ["pair_attention"], "seeds": [0]}
    content = {
        "output": str(tmp_path / "runs"),
        "corpora": {"toy": data, "parts": {"folds": str(tmp_path)}},
        "summaries": {"pair_attention": {"n_heads": 2}},
        # As long as the other, but it learns nothing.
        "groups": [group, {**group, "encoding": "still", "settings": {"training.optimizer.learn_rate": 0.0}}, {**group, "corpus": "parts"}],
    }
    path = tmp_path / "grid.yml"
    srsly.write_yaml(path, content)
    return path


def test_a_training_ends_where_the_target_is_reached(grid, tmp_path, monkeypatch):
    """By hand: an evaluation takes ten seconds of a clock that nothing else moves, and none of them count."""
    clock = [0.0]
    monkeypatch.setattr(learning, "now", lambda: numpy.asarray([0.0, clock[0]]))
    given = iter([0.1, 0.4, 0.5, 0.3])

    def f(nlp, references):
        clock[0] += 10
        return next(given)

    monkeypatch.setattr(learning, "development_f", f)
    update = learning.train_while_improving

    def timed(*args, **settings):
        for step in update(*args, **settings):
            clock[0] += 1
            yield step

    monkeypatch.setattr(learning, "train_while_improving", timed)
    page, output = tmp_path / "page.md", tmp_path / "learning.json"
    options = ["--only", "encoding=one pass", "--only", "corpus=toy", "--target", 0.5, "--every", 4, "--output", output, "--page", page]
    result = CliRunner().invoke(app, ["learning", *map(str, [grid, *options])], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    (row,) = json.loads(output.read_text())["models"]
    # 40 updates in all: F is taken after the first, the 11th and the 21st, the clock moves after each.
    assert row["curve"] == [
        {"step": 1, "seconds": 0, "f": 0.1},
        {"step": 11, "seconds": 10, "f": 0.4},
        {"step": 21, "seconds": 20, "f": 0.5},
    ]
    assert re.search(r"\| one pass \| `pair_attention` \| 0\.3 \| 21 \| 50\.0 \|", page.read_text(encoding="utf8"))
    assert (tmp_path / "page-learning.svg").exists()


def test_what_was_measured_before_and_other_libraries_stand_beside(grid, tmp_path, monkeypatch):
    curves = {"one pass": [learning.Point(5, 60.0, 0.9)], "still": [learning.Point(3, 6.0, 0.2), learning.Point(7, 90.0, 0.1)]}
    monkeypatch.setattr(learning, "learn", lambda planned, references, every: iter(curves[planned.names["encoding"]]))
    monkeypatch.setattr(learning, "device_name", lambda gpu_id: "an abacus")
    points = [{"epoch": 1, "wall": 50.0, "processor": 30.0, "f": 0.1}, {"epoch": 2, "wall": 90.0, "processor": 72.0, "f": 0.75}]
    peers, page, output = tmp_path / "peers.json", tmp_path / "page.md", tmp_path / "learning.json"
    peers.write_text(json.dumps([{"name": "flute", "corpus": corpus, "curve": points[:n]} for corpus, n in (("toy", 2), ("ddi", 1))]))

    def run(*options):
        options = ["--peers", peers, "--output", output, "--page", page, "--only", "corpus=toy", *options]
        return CliRunner().invoke(app, ["learning", *map(str, [grid, *options])])

    for encoding in ("still", "one pass", "still"):
        result = run("--only", f"encoding={encoding}")
        assert result.exit_code == 0, result.output
    lines = [line for line in page.read_text(encoding="utf8").splitlines() if line.startswith("| ")]
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]] == [
        ["one pass", "`pair_attention`", "1.0", "5", "90.0"],
        ["still", "`pair_attention`", "not reached in 1.5", "–", "20.0"],
        ["other libraries", "`flute`", "1.2", "2 epochs", "75.0"],
    ]
    assert [row["encoding"] for row in json.loads(output.read_text())["models"]] == ["one pass", "still"]
    result = run("--target", "0.5")
    assert result.exit_code != 0
    assert "Give another --output" in result.output
    # Nor do times of another processor stand beside.
    assert "on an abacus\n" in page.read_text(encoding="utf8")
    monkeypatch.setattr(learning, "device_name", lambda gpu_id: "a quill")
    result = run()
    assert result.exit_code != 0
    assert re.search("an abacus.*a quill.*Give another --output", result.output, re.DOTALL)


def test_real_trainings(grid, tmp_path):
    """One knows the sentences by heart in the end, and stops before; the other never does."""
    output = tmp_path / "learning.json"
    options = ["--only", "corpus=toy", "--target", 1.0, "--every", 8, "--documents", 100, "--output", output]
    result = CliRunner().invoke(app, ["learning", *map(str, [grid, *options])], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    learned, still = json.loads(output.read_text())["models"]
    assert learned["curve"][-1]["f"] == 1.0
    assert all(point["f"] < 1.0 for point in learned["curve"][:-1])
    assert [point["step"] for point in still["curve"]] == [1, 6, 11, 16, 21, 26, 31, 36, 41]
    assert len({point["f"] for point in still["curve"]}) == 1
    assert "not reached" in result.output
    seconds = [point["seconds"] for point in still["curve"]]
    assert 0 < seconds[0] < seconds[-1]
    assert seconds == sorted(seconds)


def test_a_training_is_the_one_of_the_grid(grid):
    """The same seed gives the same figures."""
    planned = read_grid(grid)[0]
    references = learning.evenly(planned.data["dev"], 100)
    first, second = ([point.f for point in learning.learn(planned, references, 8)] for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "0"], "--target is 0.0"),
        (["--every", "0"], "--every is 0"),
        (["--only", "corpus=parts"], "cross-validation"),
    ],
)
def test_what_cannot_be_measured(grid, options, message):
    result = CliRunner().invoke(app, ["learning", str(grid), *options])
    assert result.exit_code != 0
    assert message in result.output
