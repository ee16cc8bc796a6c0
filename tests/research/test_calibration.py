"""`research calibration`: bands of perfectly calibrated models, and the command."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import spacy

from research import calibration
from research.calibration import Outcomes, figures_of, shared_part, table_of
from spacy_relext.calibration.fitting import Fitted, Sample, fit_maps
from spacy_relext.calibration.maps import ScoreMap, ScoreMaps
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


def test_nothing_is_fitted_to_test_data(monkeypatch):
    monkeypatch.setattr(calibration, "N_MATCHED", 3)
    dev, test = (sample(600, seed=seed, truth=lambda p: p - 0.25) for seed in (0, 1))
    one, other = (figures_of(dev, of, n_simulated=2, progress=told) for of in (test, replace(test, right=~test.right)))
    assert (one["maps"], one["choices"]) == (other["maps"], other["choices"])
    assert one["maps"] == fit_maps(dev).maps.to_dict()
    assert one["groups"]["all"]["calibrated"]["right"] == pytest.approx(1 - other["groups"]["all"]["calibrated"]["right"])


def test_perfectly_calibrated_models_go_through_the_same_fit(monkeypatch):
    fitted = []

    def fit(of, seed=0):
        fitted.append(of)
        # What is fitted to simulated data makes all scores low.
        return fit_maps(of, seed) if len(fitted) == 1 else Fitted(ScoreMaps({}, ScoreMap("sigmoid", (0.1, -4.0))), (), of.scores)

    monkeypatch.setattr(calibration, "fit_maps", fit)
    monkeypatch.setattr(calibration, "N_MATCHED", 3)
    dev, test = (sample(n, seed=n) for n in (300, 200))
    figures = figures_of(dev, test, n_simulated=3, progress=told)
    assert len(fitted) == 1 + 2 * 3
    for of in fitted[1:]:
        assert same(of.documents, dev.documents)
        assert not same(of.right, dev.right)
    assert figures["groups"]["all"]["perfect"]["independent"]["mean"] > 0.5


def same(one, other):
    return len(one) == len(other) and bool((one == other).all())


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
