import numpy as np
import pytest

from spacy_relext.calibration.curves import log_losses
from spacy_relext.calibration.figures import calibration_figures
from spacy_relext.calibration.fitting import IDENTITY, OWN_MAP, SLOPES, Sample, choose, fit, fit_maps, folds_of
from spacy_relext.calibration.maps import METHODS, ScoreMap


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sample(n, truth=lambda p: p, *, seed=0, labels=("EFFECT",), per_document=5):
    """Relations whose scores p are right with probability truth(p)."""
    random = np.random.default_rng(seed)
    scores = random.uniform(0.3, 1, n)
    right = random.random(n) < truth(scores)
    return Sample(scores, right, np.resize(np.array(labels), n), np.arange(n) // per_document)


def too_sure(p):
    return sigmoid(0.5 * np.log(p / (1 - p)) - 0.4)


def test_the_numbers_of_the_truth_are_found():
    found = sample(20_000, lambda p: sigmoid(np.log(p / (1 - p)) / 1.7))
    assert fit("temperature", found.scores, found.right).numbers[0] == pytest.approx(1.7, abs=0.15)
    found = sample(20_000, too_sure)
    assert fit("sigmoid", found.scores, found.right).numbers == pytest.approx((0.5, -0.4), abs=0.05)
    found = sample(40_000, lambda p: sigmoid(1.5 * np.log(p) - 0.4 * np.log(1 - p) + 0.2))
    assert fit("beta", found.scores, found.right).numbers == pytest.approx((1.5, 0.4, 0.2), abs=0.15)
    grid = np.linspace(0.35, 0.95, 7)
    assert fit("isotonic", found.scores, found.right)(grid) == pytest.approx(
        sigmoid(1.5 * np.log(grid) - 0.4 * np.log(1 - grid) + 0.2), abs=0.05
    )


def test_scikit_learn_fits_the_same():
    isotonic = pytest.importorskip("sklearn.isotonic")
    linear = pytest.importorskip("sklearn.linear_model")
    found = sample(4000, too_sure)
    logits = np.log(found.scores / (1 - found.scores))[:, None]
    logistic = linear.LogisticRegression(C=1e6).fit(logits, found.right)
    grid = np.linspace(0.3, 0.99, 50)
    expected = logistic.predict_proba(np.log(grid / (1 - grid))[:, None])[:, 1]
    assert fit("sigmoid", found.scores, found.right)(grid) == pytest.approx(expected, abs=0.005)
    steps = isotonic.IsotonicRegression(out_of_bounds="clip").fit(found.scores, found.right).predict(grid)
    assert np.abs(fit("isotonic", found.scores, found.right)(grid) - steps).mean() < 0.02


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("scores", "right"),
    [
        (np.ones(60), np.arange(60) % 3 > 0),
        (np.full(60, 1e-3), np.arange(60) % 3 > 0),
        (np.repeat([1e-6, 1.0], 30), np.arange(60) % 2 > 0),
        (np.linspace(0.3, 1, 60), np.ones(60, dtype=bool)),
        (np.linspace(0.3, 1, 60), np.zeros(60, dtype=bool)),
        (np.linspace(0.3, 1, 60), np.linspace(0.3, 1, 60) < 0.6),
        (np.linspace(0.3, 1, 60), np.linspace(0.3, 1, 60) > 0.6),
        (np.array([0.7]), np.array([True])),
    ],
    ids=["all 1", "all 0", "0 or 1", "all right", "all wrong", "the lower ones are right", "separable", "one"],
)
def test_any_data_has_a_strictly_increasing_map(method, scores, right):
    found = fit(method, scores, right)
    mapped = found(np.linspace(0, 1, 1001))
    assert (np.diff(mapped) > 0).all()
    assert np.isfinite(found.numbers).all()
    assert abs(float(found(scores).mean()) - right.mean()) < 0.52


def test_scores_that_are_all_1_become_their_precision():
    right = np.arange(300) % 5 > 0
    for method in ("sigmoid", "beta", "isotonic"):
        assert float(fit(method, np.ones(300), right)(1.0)) == pytest.approx(0.8, abs=0.03)


def test_slopes_stay_within_their_bounds():
    scores = np.linspace(0.01, 0.99, 4000)
    assert fit("sigmoid", scores, scores < 0.5).numbers[0] == SLOPES[0]
    assert fit("sigmoid", scores, scores > 0.5).numbers[0] == SLOPES[1]
    assert fit("temperature", scores, scores > 0.5).numbers[0] == pytest.approx(1 / SLOPES[1])
    a, b, _ = fit("beta", scores, scores < 0.5).numbers
    assert (a, b) == (SLOPES[0], SLOPES[0])


def test_folds_divide_documents_evenly():
    documents = np.repeat(np.arange(40), np.arange(40) % 7 + 1)
    folds = folds_of(documents)
    assert len(np.unique(folds)) == 10
    for document in range(40):
        assert len(set(folds[documents == document])) == 1
    assert np.ptp(np.bincount(folds)) <= 2
    assert len(np.unique(folds_of(np.array([4, 4, 9])))) == 2


def test_what_helps_is_chosen_on_documents_that_it_was_not_fitted_to():
    found = sample(800, too_sure)
    choice, scores = choose(found, "EFFECT")
    assert choice.method in METHODS
    assert (choice.label, choice.relations, choice.right) == ("EFFECT", 800, int(found.right.sum()))
    chosen, raw = choice.trials[choice.method], choice.trials["none"]
    assert chosen.nll < raw.nll
    assert chosen.brier < raw.brier
    assert chosen.gain == pytest.approx(raw.nll - chosen.nll)
    assert chosen.nll == pytest.approx(log_losses(scores, found.right).mean())
    assert min(trial.nll for trial in choice.trials.values()) == chosen.nll


def test_a_calibrated_model_is_nearly_always_left_alone():
    left = [choose(sample(200, seed=seed))[0].method is None for seed in range(20)]
    assert sum(left) >= 16


def test_a_gain_that_one_document_makes_is_none():
    found = sample(200)
    right = found.right.copy()
    right[found.documents == 7] = False
    scores = found.scores.copy()
    scores[found.documents == 7] = 0.9999
    choice, _ = choose(Sample(scores, right, found.labels, found.documents))
    assert choice.method is None


def test_labels_with_many_relations_have_maps_of_their_own():
    many, few = sample(4 * OWN_MAP, too_sure, labels=("EFFECT",)), sample(OWN_MAP - 1, too_sure, labels=("INT",), seed=1)
    both = Sample(*(np.concatenate([getattr(one, name) for one in (many, few)]) for name in ("scores", "right", "labels", "documents")))
    fitted = fit_maps(both)
    assert fitted.maps is not None
    assert list(fitted.maps.labels) == ["EFFECT"]
    assert fitted.maps.pooled is not None
    assert [choice.label for choice in fitted.choices] == ["EFFECT", None]
    assert fitted.choices[1].relations == len(both)
    assert len(fitted.scores) == len(both)


def test_a_label_whose_map_does_not_help_keeps_its_raw_scores():
    sure, fine = sample(600, too_sure, labels=("EFFECT",)), sample(300, labels=("ADVISE",), seed=5)
    both = Sample(*(np.concatenate([getattr(one, name) for one in (sure, fine)]) for name in ("scores", "right", "labels", "documents")))
    fitted = fit_maps(both)
    assert fitted.maps is not None
    assert fitted.maps.pooled is not None
    assert fitted.maps.of("ADVISE") == IDENTITY
    assert (fitted.scores[both.labels == "ADVISE"] == fine.scores).all()
    assert IDENTITY(fine.scores) == pytest.approx(fine.scores, abs=1e-15)


def test_where_none_helps_there_are_no_maps():
    fitted = fit_maps(sample(300, labels=("EFFECT", "INT", "ADVISE")))
    assert fitted.maps is None
    assert {choice.method for choice in fitted.choices} == {None}


def test_the_same_data_and_seed_give_the_same_maps():
    found = sample(500, too_sure)
    assert isinstance(fit_maps(found).maps.pooled, ScoreMap)
    assert fit_maps(found, seed=3).maps == fit_maps(found, seed=3).maps
    assert fit_maps(found, seed=3).choices == fit_maps(found, seed=3).choices


def test_figures_of_nothing_are_none():
    nothing = Sample(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0, dtype=str), np.zeros(0, dtype=int))
    assert calibration_figures(nothing) is None
