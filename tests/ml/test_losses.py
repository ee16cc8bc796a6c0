"""Probabilities, losses and their gradients."""

import math

import numpy
import pytest
import torch

from spacy_relext.ml.losses import (
    Teaching,
    cross_entropy,
    distillation_loss,
    log_probabilities,
    logits_of,
    probabilities,
    rdrop_loss,
    training_loss,
)

LOGITS = numpy.asarray([[1.0, 2.0, 0.5], [-1.0, 3.0, 2.0], [0.0, 0.0, 0.0]], dtype="float32")
ALLOWED = numpy.asarray([[1, 1, 1], [1, 0, 1], [1, 0, 0]], dtype=bool)


def test_exclusive_probabilities_by_hand():
    e = math.exp
    total = e(1) + e(2) + e(0.5)
    expected = [
        [e(1) / total, e(2) / total, e(0.5) / total],
        [e(-1) / (e(-1) + e(2)), 0, e(2) / (e(-1) + e(2))],  # the others share what the forbidden label would have had
        [1, 0, 0],
    ]
    found = probabilities(LOGITS, ALLOWED, exclusive=True)
    assert found.dtype == numpy.float32
    numpy.testing.assert_allclose(found, expected, rtol=1e-6)


def test_independent_probabilities_by_hand():
    def sigmoid(x):
        return 1 / (1 + math.exp(-x))

    expected = [[sigmoid(1), sigmoid(2), sigmoid(0.5)], [sigmoid(-1), 0, sigmoid(2)], [0.5, 0, 0]]
    found = probabilities(LOGITS, ALLOWED, exclusive=False)
    assert found.dtype == numpy.float32
    numpy.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("exclusive", [True, False])
def test_probabilities_of_huge_logits_do_not_overflow(exclusive):
    logits = numpy.asarray([[1e4, -1e4, 0.0]], dtype="float32")
    with numpy.errstate(all="raise", under="ignore"):
        found = probabilities(logits, numpy.ones((1, 3), dtype=bool), exclusive=exclusive)
    numpy.testing.assert_allclose(found, [[1, 0, 0 if exclusive else 0.5]], atol=1e-6)


@pytest.mark.parametrize("exclusive", [True, False])
def test_no_pairs_have_no_probabilities_and_no_loss(exclusive):
    nothing = numpy.zeros((0, 3), dtype="float32")
    found = probabilities(nothing, nothing.astype(bool), exclusive=exclusive)
    assert found.shape == (0, 3)
    loss, gradient = cross_entropy(found, nothing, exclusive=exclusive)
    assert loss == 0
    assert gradient.shape == (0, 3)


# Loss


def test_exclusive_loss_by_hand():
    scores = numpy.asarray([[0.5, 0.25, 0.25], [0.9, 0.0, 0.1]], dtype="float32")
    targets = numpy.asarray([[0, 1, 0], [1, 0, 0]], dtype="float32")
    loss, gradient = cross_entropy(scores, targets, exclusive=True)
    assert loss == pytest.approx((math.log(4) - math.log(0.9)) / 2, rel=1e-5)
    numpy.testing.assert_allclose(gradient, [[0.25, -0.375, 0.125], [-0.05, 0, 0.05]], rtol=1e-5, atol=1e-8)


def test_summed_loss_is_the_mean_times_the_pairs():
    scores = numpy.asarray([[0.5, 0.25, 0.25], [0.9, 0.0, 0.1]], dtype="float32")
    targets = numpy.asarray([[0, 1, 0], [1, 0, 0]], dtype="float32")
    loss, gradient = cross_entropy(scores, targets, exclusive=True, reduction="sum")
    assert loss == pytest.approx(math.log(4) - math.log(0.9), rel=1e-5)
    numpy.testing.assert_allclose(gradient, [[0.5, -0.75, 0.25], [-0.1, 0, 0.1]], rtol=1e-5, atol=1e-8)


def test_independent_loss_by_hand():
    """Two labels at once in the first pair, none in the second."""
    scores = numpy.asarray([[0.5, 0.25, 0.0], [0.2, 0.0, 0.0]], dtype="float32")
    targets = numpy.asarray([[1, 1, 0], [0, 0, 0]], dtype="float32")
    loss, gradient = cross_entropy(scores, targets, exclusive=False)
    assert loss == pytest.approx((math.log(2) + math.log(4) - math.log(0.8)) / 2, rel=1e-5)
    numpy.testing.assert_allclose(gradient, [[-0.25, -0.375, 0], [0.1, 0, 0]], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("exclusive", [True, False])
def test_gradient_of_the_loss_is_a_finite_difference(exclusive):
    """Through the probabilities, with forbidden labels; a forbidden label gets no gradient."""
    rng = numpy.random.default_rng(0)
    logits = rng.normal(size=(6, 4)) * 2
    allowed = rng.random((6, 4)) < 0.7
    allowed[:, 0] = True
    assert not allowed.all()
    if exclusive:
        targets = numpy.eye(4)[[rng.choice(numpy.flatnonzero(row)) for row in allowed]]
    else:
        targets = ((rng.random((6, 4)) < 0.5) & allowed).astype("float64")

    def float64_probabilities(logits):
        # The component's are float32, too coarse for small steps: the same by definition.
        if not exclusive:
            return allowed / (1 + numpy.exp(-logits))
        exponentials = numpy.exp(logits) * allowed
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    scores = probabilities(logits, allowed, exclusive=exclusive)
    numpy.testing.assert_allclose(scores, float64_probabilities(logits), rtol=1e-5)
    _, gradient = cross_entropy(scores, targets, exclusive=exclusive)
    assert gradient.dtype == numpy.float32
    assert (gradient[~allowed] == 0).all()
    for i, j in numpy.ndindex(6, 4):
        above, below = logits.copy(), logits.copy()
        above[i, j] += 1e-5
        below[i, j] -= 1e-5
        difference = cross_entropy(float64_probabilities(above), targets, exclusive=exclusive)[0]
        difference -= cross_entropy(float64_probabilities(below), targets, exclusive=exclusive)[0]
        assert gradient[i, j] == pytest.approx(difference / 2e-5, rel=1e-4, abs=1e-6), (i, j)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_loss_of_one_run_and_of_two(reduction):
    settings = {"exclusive": True, "reduction": reduction}
    targets = numpy.asarray([[0, 1, 0], [1, 0, 0], [1, 0, 0]], dtype="float32")
    p, q = (probabilities(logits, ALLOWED, exclusive=True) for logits in (LOGITS, LOGITS[:, ::-1]))
    (first, d_p), (second, d_q) = (cross_entropy(scores, targets, **settings) for scores in (p, q))
    loss, entropy, gradient = training_loss(LOGITS, ALLOWED, targets, **settings)
    assert (loss, entropy) == (first, first)
    numpy.testing.assert_array_equal(gradient, d_p)
    loss, entropy, gradient = training_loss(numpy.concatenate([LOGITS, LOGITS[:, ::-1]]), ALLOWED, targets, **settings, rdrop_weight=3.0)
    divergence, *more = rdrop_loss(p, q, **settings)
    assert entropy == pytest.approx((first + second) / 2)
    assert loss == pytest.approx(entropy + 3 * divergence)
    numpy.testing.assert_allclose(gradient, numpy.concatenate([d_p / 2 + 3 * more[0], d_q / 2 + 3 * more[1]]), rtol=1e-6)


def test_a_sure_mistake_has_a_finite_loss():
    scores = numpy.asarray([[1.0, 0.0]], dtype="float32")
    targets = numpy.asarray([[0, 1]], dtype="float32")
    for exclusive, wrong in ((True, 1), (False, 2)):
        loss, gradient = cross_entropy(scores, targets, exclusive=exclusive)
        assert loss == pytest.approx(wrong * -math.log(1e-12), rel=1e-3)
        assert gradient.tolist() == [[1, -1]]


def test_rdrop_loss_by_hand():
    p = numpy.asarray([[0.5, 0.5, 0.0], [0.2, 0.8, 0.0]], dtype="float32")
    q = numpy.asarray([[0.25, 0.75, 0.0], [0.2, 0.8, 0.0]], dtype="float32")
    # KL(p‖q) = ½ ln 2 + ½ ln ⅔, KL(q‖p) = ¼ ln ½ + ¾ ln 1½.
    both = 0.5 * math.log(2) + 0.5 * math.log(2 / 3) + 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert rdrop_loss(p, q, exclusive=True, reduction="sum")[0] == pytest.approx(both / 2, rel=1e-5)
    assert rdrop_loss(p, q, exclusive=True, reduction="mean")[0] == pytest.approx(both / 4, rel=1e-5)
    value, *gradients = rdrop_loss(p, p, exclusive=True)
    assert value == 0
    assert not numpy.any(gradients)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("exclusive", [True, False])
def test_gradient_of_the_rdrop_loss_is_that_of_autograd(exclusive, reduction):
    """The reference is written with torch's own distributions; forbidden columns are out of it."""
    rng = numpy.random.default_rng(0)
    allowed = rng.random((5, 4)) < 0.7
    allowed[:, 0] = True
    logits = [rng.normal(size=(5, 4)) * 2 for _ in range(2)]
    leaves = [torch.tensor(x, requires_grad=True) for x in logits]
    kl = torch.distributions.kl_divergence
    expected = torch.zeros((), dtype=torch.float64)
    for row, columns in enumerate(allowed):
        if exclusive:
            a, b = (torch.distributions.Categorical(logits=leaf[row][torch.tensor(columns)]) for leaf in leaves)
        else:
            a, b = (torch.distributions.Bernoulli(logits=leaf[row][torch.tensor(columns)]) for leaf in leaves)
        expected = expected + (kl(a, b) + kl(b, a)).sum() / 2
    if reduction == "mean":
        expected = expected / 5
    expected.backward()
    p, q = (probabilities(x, allowed, exclusive=exclusive) for x in logits)
    value, d_p, d_q = rdrop_loss(p, q, exclusive=exclusive, reduction=reduction)
    assert value == pytest.approx(expected.item(), rel=1e-4)
    for gradient, leaf in zip((d_p, d_q), leaves, strict=True):
        assert gradient.dtype == numpy.float32
        numpy.testing.assert_allclose(gradient, leaf.grad.numpy(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("exclusive", [True, False])
def test_rdrop_loss_of_no_pairs_is_zero(exclusive):
    nothing = numpy.zeros((0, 3), dtype="float32")
    value, *gradients = rdrop_loss(nothing, nothing, exclusive=exclusive)
    assert value == 0
    assert [gradient.shape for gradient in gradients] == [(0, 3), (0, 3)]


def test_log_probabilities_of_extreme_logits_are_finite_and_come_back():
    logits = numpy.asarray([[0.5, -1.0, 2.0], [40, -40, 0], [200, -200, 3]], dtype="float32")
    for exclusive in (True, False):
        log_p = log_probabilities(logits, exclusive=exclusive)
        assert numpy.isfinite(log_p).all()
        assert (log_p <= 0).all()
        again = logits_of(log_p.astype("float32"), exclusive=exclusive)
        before = logits.astype("float64").clip(max=-math.log(1e-22))
        if exclusive:
            before, again = (given - given[:, :1] for given in (logits.astype("float64"), again))
        numpy.testing.assert_allclose(again, before, rtol=1e-4, atol=1e-4)
    numpy.testing.assert_allclose(numpy.exp(log_probabilities(logits, exclusive=True)).sum(axis=1), 1)


def make_teaching(temperature=1.0, teachers=(1.0, 0.5, 0.0)):
    logits = numpy.asarray([[0.0, 1.0, -1.0], [2.0, 0.5, 0.0], [0, 0, 0]])
    return Teaching(logits, temperature, annotation=numpy.asarray([0, 0.5, 1.0]), teachers=numpy.asarray(teachers))


def test_distillation_loss_by_hand():
    p, q = numpy.log([[0.5, 0.25, 0.25]]), numpy.log([[0.25, 0.5, 0.25]]).astype("float32")
    everything = numpy.ones((1, 3), dtype=bool)
    teaching = Teaching(p, 1.0, annotation=numpy.zeros(1), teachers=numpy.ones(1))
    loss, gradient = distillation_loss(q, everything, teaching, exclusive=True)
    assert loss == pytest.approx(0.25 * math.log(2), rel=1e-6)
    numpy.testing.assert_allclose(gradient, [[-0.25, 0.25, 0]], atol=1e-6)
    # At the temperature 2, square roots: of 1/2, 1/4, 1/4, with the sum 0.5 + 0.5 + 0.7071.
    loss, gradient = distillation_loss(q, everything, Teaching(p, 2.0, teaching.annotation, teaching.teachers), exclusive=True)
    z = 1 + math.sqrt(0.5)
    by_hand = (math.sqrt(0.5) - 0.5) / z * math.log(math.sqrt(2))
    assert loss == pytest.approx(4 * by_hand, rel=1e-5)
    assert gradient[0, 1] == pytest.approx(2 * (math.sqrt(0.5) - 0.5) / z, rel=1e-5)
    # A label that the student's rules forbid leaves its part to the others, on both sides: 2/3, 1/3 and 1/2, 1/2.
    some = numpy.asarray([[True, False, True]])
    loss, gradient = distillation_loss(q, some, teaching, exclusive=True)
    assert loss == pytest.approx(2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3), rel=1e-5)
    assert gradient[0, 1] == 0


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_gradient_of_the_distillation_loss_is_that_of_finite_differences(exclusive, temperature):
    logits = numpy.random.default_rng(1).normal(size=(3, 3))
    settings = {"exclusive": exclusive, "reduction": "mean"}
    teaching = make_teaching(temperature)
    _, gradient = distillation_loss(logits, ALLOWED, teaching, **settings)
    assert (gradient[2] == 0).all()
    for i, j in numpy.ndindex(3, 3):
        above, below = logits.copy(), logits.copy()
        above[i, j] += 1e-3
        below[i, j] -= 1e-3
        difference = distillation_loss(above, ALLOWED, teaching, **settings)[0] - distillation_loss(below, ALLOWED, teaching, **settings)[0]
        assert gradient[i, j] == pytest.approx(difference / 2e-3, rel=1e-3, abs=1e-5), (i, j)


def test_loss_of_annotation_and_teachers_by_their_weights():
    settings = {"exclusive": True, "reduction": "sum"}
    targets = numpy.asarray([[0, 1, 0], [1, 0, 0], [1, 0, 0]], dtype="float32")
    teaching = make_teaching()
    scores = probabilities(LOGITS, ALLOWED, exclusive=True)
    loss, entropy, gradient = training_loss(LOGITS, ALLOWED, targets, **settings, teaching=teaching)
    second, third = (cross_entropy(scores[i : i + 1], targets[i : i + 1], **settings) for i in (1, 2))
    assert entropy == pytest.approx(0.5 * second[0] + third[0], rel=1e-6)
    divergence, d_teachers = distillation_loss(LOGITS, ALLOWED, teaching, **settings)
    assert loss == pytest.approx(entropy + divergence)
    by_hand = d_teachers + numpy.concatenate([numpy.zeros((1, 3)), 0.5 * second[1], third[1]])
    numpy.testing.assert_allclose(gradient, by_hand, rtol=1e-6)
    # Two runs: the mean of both, and R-Drop's loss.
    twice = numpy.concatenate([LOGITS, LOGITS])
    loss_of_two, _, gradient_of_two = training_loss(twice, ALLOWED, targets, **settings, rdrop_weight=1.0, teaching=teaching)
    assert loss_of_two == pytest.approx(loss)
    numpy.testing.assert_allclose(gradient_of_two, numpy.concatenate([gradient, gradient]) / 2, rtol=1e-6)
