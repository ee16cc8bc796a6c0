"""Products of few shapes: what autocast gives, whatever the number of rows."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from spacy_relext.ml import products
from spacy_relext.ml.precision import computing
from spacy_relext.ml.products import CACHES, MIN_ROWS, Linear, few_shapes, limit_caches, linear, round_rows, rounded


class Spy(TorchFunctionMode):
    """Takes down what linear layers are given at last."""

    def __init__(self):
        super().__init__()
        self.inputs = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is nn.functional.linear:
            self.inputs.append(args[0])
        return function(*args, **(kwargs or {}))


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return Linear(24, 10)


def lower():
    return torch.autocast("cpu", dtype=torch.bfloat16)


def test_rounded_numbers_are_few_and_near():
    numbers = {n: rounded(n) for n in range(20_000)}
    assert numbers[0] == 0
    assert all(0 <= r - n <= max(MIN_ROWS - 1, n / 8) for n, r in numbers.items())
    assert all(rounded(r) == r for r in numbers.values())
    assert len(set(numbers.values())) < 70
    assert [rounded(n) for n in (1, 16, 17, 129, 255, 257, 1000, 1025)] == [16, 16, 32, 144, 256, 288, 1024, 1152]


@pytest.mark.parametrize("shape", [(1, 24), (15, 24), (16, 24), (300, 24), (7, 43, 24), (2, 3, 5, 24), (0, 24), (24,)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_layers_give_what_autocast_gives(shape, dtype, bias):
    torch.manual_seed(0)
    layer, x = Linear(24, 10, bias=bias), torch.randn(shape).to(dtype)
    with torch.no_grad(), lower():
        expected = layer(x)
        with few_shapes():
            y = layer(x)
    assert y.dtype is expected.dtype is torch.bfloat16
    assert y.shape == expected.shape
    torch.testing.assert_close(y, expected)


def test_rows_that_kernels_see(layer):
    with torch.no_grad(), lower(), Spy() as spy, few_shapes():
        for n in (100, 101, 110):
            layer(torch.randn(n, 24))
        layer(torch.randn(2, 61, 24))
    assert [len(x) for x in spy.inputs] == [112, 112, 112, 128]


def test_an_input_of_several_layers_is_cast_once(layer):
    x = torch.randn(20, 24)
    with torch.no_grad(), lower(), Spy() as spy, few_shapes():
        first, second = layer(x), layer(x)
        assert spy.inputs[0] is spy.inputs[1]
        assert torch.equal(first, second)
        # Changed in place, and another of the same shape: neither is taken for the first.
        x += 1
        torch.testing.assert_close(layer(x), layer(x.clone()))
        assert not torch.equal(layer(x), first)


def test_training_and_float32_are_left_alone(layer):
    x = torch.randn(20, 24)
    with Spy() as spy:
        with computing("cpu", lower=True, is_train=True):
            layer(x).sum().backward()
        with torch.no_grad(), few_shapes():
            assert torch.equal(layer(x), layer(x))
            with lower(), torch.autocast("cpu", enabled=False):
                assert layer(x).dtype is torch.float32
        with torch.no_grad(), lower():
            assert layer(x).dtype is torch.bfloat16
    assert len(spy.inputs) == 5
    assert all(seen is x for seen in spy.inputs)
    assert layer.weight.grad is not None


def test_layers_of_a_module_round_and_are_otherwise_what_they_were():
    class Special(nn.Linear):
        pass

    module = nn.Sequential(nn.Linear(24, 10), nn.Sequential(nn.Linear(10, 24, bias=False)), Special(24, 2))
    before = {name: id(parameter) for name, parameter in module.named_parameters()}
    x = torch.randn(20, 24)
    with torch.no_grad():
        expected = module(x)
        for _ in range(2):
            round_rows(module)
            assert torch.equal(module(x), expected)
        with computing("cpu", lower=True, is_train=False), Spy() as spy:
            module(x)
    assert [type(layer) for layer in module.modules() if isinstance(layer, nn.Linear)] == [Linear, Linear, Special]
    assert {name: id(parameter) for name, parameter in module.named_parameters()} == before
    assert [len(seen) for seen in spy.inputs] == [32, 32, 20]


def test_threads_do_not_read_what_others_cast(layer):
    x = torch.randn(20, 24)
    with torch.no_grad(), lower(), few_shapes():
        layer(x)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: (products._state.rounds, products._state.last)).result() == (False, None)


def test_nothing_is_held_afterwards(layer):
    with torch.no_grad(), lower(), few_shapes():
        with few_shapes():
            linear(torch.randn(20, 24), layer.weight)
            assert products._state.last is not None
        assert products._state.rounds
    assert (products._state.rounds, products._state.last) == (False, None)


def test_caches_are_bounded_where_the_user_says_nothing_and_by_nobody_who_scores(monkeypatch):
    first, second = CACHES
    monkeypatch.delenv(first, raising=False)
    monkeypatch.setenv(second, "7")
    for lower in (False, True):
        with computing("cpu", lower=lower, is_train=False):
            assert first not in os.environ
    limit_caches()
    assert os.environ[first] == CACHES[first]
    assert os.environ[second] == "7"
