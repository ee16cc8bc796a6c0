"""`research calibration`: bands of perfectly calibrated models, and the command."""

import json
import shutil

import numpy as np
import pytest
import spacy

from research.calibration import Outcomes, figures_of, shared_part, table_of
from spacy_relext.calibration.fitting import Sample
from spacy_relext.errors import DataError
from spacy_relext.experiments.training import checksums
from tests.calibration.made import dev_docs, give_scores
from tests.calibration.test_calibrating import stored
from tests.research.toy import research


def told(items, total, task):
    return items


def sample(n=400, *, seed=0, per_document=8, together=0.0, truth=lambda p: p):
    random = np.random.default_rng(seed)
    scores = random.uniform(0.4, 1, n)
    made = Sample(scores, np.zeros(n, dtype=bool), np.resize(["EFFECT", "INT"], n), np.arange(n) // per_document)
    right = Outcomes(Sample(truth(scores), made.right, made.labels, made.documents), together).drawn(random)
    return Sample(scores, right, made.labels, made.documents)


def test_outcomes_have_the_probability_of_their_scores_however_much_documents_share():
    made = sample(40, per_document=4)
    random = np.random.default_rng(0)
    for shared in (0.0, 0.5):
        drawn = np.mean([Outcomes(made, shared).drawn(random) for _ in range(4000)], axis=0)
        assert drawn == pytest.approx(made.scores, abs=0.04)


def test_what_documents_share_is_found_again():
    assert shared_part(sample(2000)) <= 0.1
    assert shared_part(sample(4000, together=0.4)) == pytest.approx(0.4, abs=0.15)


def test_a_model_that_is_too_sure_is_within_the_band_once_it_is_calibrated():
    dev, test = (sample(600, seed=seed, truth=lambda p: p - 0.25) for seed in (0, 1))
    figures = figures_of(dev, test, n_simulated=20, progress=told)
    group = figures["groups"]["all"]
    assert set(figures["groups"]) == {"all", "EFFECT", "INT"}
    assert group["raw"]["error"] > group["perfect"]["independent"]["band"] >= group["perfect"]["independent"]["mean"]
    assert group["calibrated"]["error"] < group["raw"]["error"]
    assert group["nll_not_worse"]
    assert group["brier_not_worse"]
    low, high = figures["coverage"]["calibrated"]["interval"]
    assert low <= figures["coverage"]["calibrated"]["ratio"] <= high
    table = table_of([{"corpus": "DDI", "runs": {"seed0": figures}}])
    assert table.count("| DDI, seed0 |") == 4
    assert "- Of 1 runs, 1 are within the band" in table


def test_the_command(model, tmp_path, monkeypatch):
    give_scores(monkeypatch)
    nlp = spacy.load(model)
    run = shutil.copytree(model, tmp_path / "seed0" / "model-last")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    dev, test = (stored(dev_docs(nlp.vocab, 60, seed=seed), tmp_path / f"{seed}.spacy") for seed in (0, 1))
    options = ["--output", tmp_path / "calibration-toy.json", "--table", tmp_path / "table.md", "--simulated", 20]
    result = research("calibration", "Toy", run, "--dev", dev, "--test", test, *options)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "calibration-toy.json").read_text(encoding="utf8"))
    assert found["runs"]["seed0"]["n"] == {"dev": 120, "test": 120}
    assert "| Toy, seed0 | all | 120 |" in (tmp_path / "table.md").read_text(encoding="utf8")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    with pytest.raises(DataError, match="the test data is part of the dev data"):
        checksums({"dev": (dev,), "test": (dev,)})
