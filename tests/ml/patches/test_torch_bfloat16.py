"""Products of few shapes: what autocast gives, whatever the number of rows. Attention in bfloat16 that does not depend on padding: it is
reached in every encoder, and says what torch's says."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from transformers import AutoModel

from spacy_relext.ml import precision
from spacy_relext.ml.patches import torch_bfloat16
from spacy_relext.ml.patches.torch_bfloat16 import (
    CACHES,
    KEYS,
    MIN_ROWS,
    Mask,
    PaddedLinear,
    attention,
    limit_caches,
    linear,
    pad_to_few_shapes,
    padded_size,
    use_padded_linear,
    widened,
)
from spacy_relext.ml.precision import compute_precision
from tests.pipeline.test_encoders import FAMILIES, make_encoder

# Those of Hugging Face's that compute attention themselves.
PLAIN = ("MPNet", "DeBERTa-v2")
# Where another kernel computes attention, or bfloat16 is emulated.
AVX = pytest.mark.skipif("amx_bf16" in precision._cpu_capabilities() or not precision.cpu_has_bfloat16(), reason="another kernel")


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
    return PaddedLinear(24, 10)


def lower():
    return torch.autocast("cpu", dtype=torch.bfloat16)


def test_rounded_numbers_are_few_and_near():
    numbers = {n: padded_size(n) for n in range(20_000)}
    assert numbers[0] == 0
    assert all(0 <= r - n <= max(MIN_ROWS - 1, n / 8) for n, r in numbers.items())
    assert all(padded_size(r) == r for r in numbers.values())
    assert len(set(numbers.values())) < 70
    assert [padded_size(n) for n in (1, 16, 17, 129, 255, 257, 1000, 1025)] == [16, 16, 32, 144, 256, 288, 1024, 1152]


@pytest.mark.parametrize("shape", [(1, 24), (15, 24), (16, 24), (300, 24), (7, 43, 24), (2, 3, 5, 24), (0, 24), (24,)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_layers_give_what_autocast_gives(shape, dtype, bias):
    torch.manual_seed(0)
    layer, x = PaddedLinear(24, 10, bias=bias), torch.randn(shape).to(dtype)
    with torch.no_grad(), lower():
        expected = layer(x)
        with pad_to_few_shapes():
            y = layer(x)
    assert y.dtype is expected.dtype is torch.bfloat16
    assert y.shape == expected.shape
    torch.testing.assert_close(y, expected)


def test_rows_that_kernels_see(layer):
    with torch.no_grad(), lower(), Spy() as spy, pad_to_few_shapes():
        for n in (100, 101, 110):
            layer(torch.randn(n, 24))
        layer(torch.randn(2, 61, 24))
    assert [len(x) for x in spy.inputs] == [112, 112, 112, 128]


def test_an_input_of_several_layers_is_cast_once(layer):
    x = torch.randn(20, 24)
    with torch.no_grad(), lower(), Spy() as spy, pad_to_few_shapes():
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
        with compute_precision("cpu", lower=True, is_train=True):
            layer(x).sum().backward()
        with torch.no_grad(), pad_to_few_shapes():
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
            use_padded_linear(module)
            assert torch.equal(module(x), expected)
        with compute_precision("cpu", lower=True, is_train=False), Spy() as spy:
            module(x)
    assert [type(layer) for layer in module.modules() if isinstance(layer, nn.Linear)] == [PaddedLinear, PaddedLinear, Special]
    assert {name: id(parameter) for name, parameter in module.named_parameters()} == before
    assert [len(seen) for seen in spy.inputs] == [32, 32, 20]


def test_threads_do_not_read_what_others_cast(layer):
    x = torch.randn(20, 24)
    with torch.no_grad(), lower(), pad_to_few_shapes():
        layer(x)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: (torch_bfloat16._state.pads, torch_bfloat16._state.last)).result() == (False, None)


def test_nothing_is_held_afterwards(layer):
    with torch.no_grad(), lower(), pad_to_few_shapes():
        with pad_to_few_shapes():
            linear(torch.randn(20, 24), layer.weight)
            assert torch_bfloat16._state.last is not None
        assert torch_bfloat16._state.pads
    assert (torch_bfloat16._state.pads, torch_bfloat16._state.last) == (False, None)


def test_caches_are_bounded_where_the_user_says_nothing_and_by_nobody_who_scores(monkeypatch):
    first, second = CACHES
    monkeypatch.delenv(first, raising=False)
    monkeypatch.setenv(second, "7")
    for lower in (False, True):
        with compute_precision("cpu", lower=lower, is_train=False):
            assert first not in os.environ
    limit_caches()
    assert os.environ[first] == CACHES[first]
    assert os.environ[second] == "7"


# Attention


@pytest.fixture
def seen(monkeypatch):
    """The numbers of keys that attention was called with."""
    numbers = []

    def watched(query, key, *args, **kwargs):
        numbers.append(key.shape[-2])
        return attention(query, key, *args, **kwargs)

    monkeypatch.setattr(torch_bfloat16, "attention", watched)
    return numbers


def encode(model, n_texts, length, padding=0, lower=True):
    """Vectors of the same text, some times over, with padding behind it."""
    ids = torch.full((n_texts, length + padding), model.config.pad_token_id)
    ids[:, :length] = torch.arange(10, 10 + length)
    mask = (torch.arange(length + padding) < length).long().expand(n_texts, -1)
    with compute_precision("cpu", lower=lower, is_train=False), torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=widened(mask)).last_hidden_state
    return hidden[:, :length]


def make_model(family, folder, **settings):
    model = AutoModel.from_pretrained(make_encoder(family, folder), **settings).eval()
    use_padded_linear(model)
    return model


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_that_calls_the_function_of_torch_is_reached(tmp_path, seen, family):
    model = make_model(family, tmp_path)
    for padding in (0, 3):
        # Not a Mask: whatever comes after it would be slow.
        assert type(encode(model, 2, 5, padding)) is torch.Tensor
        assert seen == [] if family in PLAIN else [5 + padding] * 2
        seen.clear()
    encode(model, 2, 5, lower=False)
    assert seen == []


@AVX
@pytest.mark.parametrize("length", [5, 12, 31])
def test_a_text_has_the_same_vectors_whatever_stands_beside_it(tmp_path, length):
    model = make_model("BERT", tmp_path)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    alone = encode(model, 1, length)
    for n_texts, padding in ((1, 1), (4, 3), (2, 17), (20, 30)):
        assert torch.equal(encode(model, n_texts, length, padding), alone.expand(n_texts, -1, -1))


@pytest.mark.parametrize("length", [3, KEYS, 21])
@pytest.mark.parametrize("kind", [torch.bool, torch.float32])
def test_added_keys_are_never_read(length, kind):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, length, 8)
    read = torch.rand(2, 1, 1, length) < 0.7
    read[..., 0] = True
    mask = read if kind is torch.bool else torch.zeros(read.shape).masked_fill(~read, torch.finfo(kind).min)
    expected = nn.functional.scaled_dot_product_attention(query, key, value, mask)
    torch.testing.assert_close(attention(query, key, value, mask), expected)
    found = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask.as_subclass(Mask))
    assert type(found) is torch.Tensor
    torch.testing.assert_close(found, expected)


# What torch does without us. Where one of these fails, its patch is not needed any more.


@pytest.mark.skipif(not precision.cpu_has_bfloat16(), reason="bfloat16 is emulated")
def test_onednn_still_compiles_a_kernel_for_every_number_of_rows(capfd):
    # Of a shape that no other test has.
    weight = torch.randn(72, 56, dtype=torch.bfloat16)
    with torch.no_grad(), torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON_CREATION):
        for n in (101, 102, 103, 103):
            nn.functional.linear(torch.randn(n, 56, dtype=torch.bfloat16), weight)
    compiled = [line for line in capfd.readouterr().out.splitlines() if "create:cache_miss" in line and "matmul" in line]
    assert len(compiled) >= 3


@AVX
def test_torchs_attention_still_depends_on_the_padding():
    torch.manual_seed(0)
    query, key, value = (3 * torch.randn(3, 4, 8, 31, 16)).bfloat16()
    with torch.no_grad():
        alone = nn.functional.scaled_dot_product_attention(query, key, value)
        more = [nn.functional.pad(rows, (0, 0, 0, 1)) for rows in (key, value)]
        read = (torch.arange(32) < 31).expand(4, 1, 31, 32)
        assert not torch.equal(nn.functional.scaled_dot_product_attention(query, *more, attn_mask=read), alone)
