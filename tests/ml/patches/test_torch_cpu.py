"""Cheaper training steps: the same gradients, and as much dropout, as torch's own modules give."""

import copy
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoModel

from spacy_relext.ml.patches.torch_cpu import (
    FastDropout,
    PlainAttention,
    SparseEmbedding,
    attention,
    densify,
    dropout,
    patch_training_kernels,
)

# Dropout would make two runs differ.
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_its_share_and_scales_the_rest(p, dtype):
    torch.manual_seed(0)
    x = torch.full((501, 401), 2.0, dtype=dtype)  # no multiple of the four values that a random number gives
    y = dropout(x, p, True)
    assert y.dtype is dtype
    assert y.shape == x.shape
    # Six standard deviations of a share over 200,901 values.
    assert abs((y == 0).float().mean().item() - p) < 6 * (p * (1 - p) / x.numel()) ** 0.5
    assert torch.allclose(y[y != 0].float(), torch.tensor(2 / (1 - p)), rtol=0.01 if dtype is torch.bfloat16 else 1e-4)


def test_what_is_dropped_depends_on_no_place():
    torch.manual_seed(1)
    dropped = torch.stack([dropout(torch.ones(64, 4), 0.5, True) == 0 for _ in range(400)]).float()
    shares = dropped.mean(0)
    assert (shares - 0.5).abs().max() < 6 * 0.5 / 400**0.5
    # Neighbours come of one random number.
    neighbours = (dropped[..., :-1] * dropped[..., 1:]).mean()
    assert abs(neighbours.item() - 0.25) < 0.01


def test_the_gradient_of_dropout_is_that_of_what_was_kept():
    torch.manual_seed(0)
    x = torch.randn(30, 7, requires_grad=True)
    y = dropout(x, 0.3, True)
    upstream = torch.randn_like(y)
    y.backward(upstream)
    kept = (y != 0).float()
    scale = (y / x)[y != 0].mean()
    assert torch.allclose(x.grad, upstream * kept * scale)
    assert torch.allclose(scale, torch.tensor(1 / 0.7), rtol=1e-4)


def test_a_seed_of_torch_repeats_a_run():
    x = torch.ones(50, 50)
    torch.manual_seed(3)
    first, second = dropout(x, 0.2, True), dropout(x, 0.2, True)
    torch.manual_seed(3)
    assert torch.equal(dropout(x, 0.2, True), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize(("p", "training", "expected"), [(0.5, False, 1.0), (0.0, True, 1.0), (1.0, True, 0.0)])
def test_dropout_of_none_and_of_all(p, training, expected):
    assert torch.equal(dropout(torch.ones(5, 5), p, training), torch.full((5, 5), expected))
    module = FastDropout(p).train(training)
    assert torch.equal(module(torch.ones(5, 5)), torch.full((5, 5), expected))


def test_no_value_no_error():
    assert dropout(torch.ones(0, 8), 0.5, True).shape == (0, 8)


@pytest.mark.parametrize("padding", [None, 0])
def test_rows_of_embeddings_get_the_gradients_of_all_runs(padding):
    torch.manual_seed(0)
    plain = nn.Embedding(11, 5, padding_idx=padding)
    ours = copy.deepcopy(plain)
    ours.__class__ = SparseEmbedding
    for seed in (1, 2):  # two runs before an update, as of two groups of texts
        torch.manual_seed(seed)
        ids = torch.randint(0, 6, (3, 4))
        upstream = torch.randn(3, 4, 5)
        for module in (plain, ours):
            module(ids).backward(upstream)
    densify(ours.parameters())
    assert torch.allclose(ours.weight.grad, plain.weight.grad, atol=1e-6)
    assert not ours.weight.grad[6:].any()
    before = ours.weight.grad
    ours(ids).backward(upstream)
    assert ours.weight.grad is before  # added to what is there


def test_gradients_that_are_asked_for_are_given_and_not_kept():
    ours = SparseEmbedding(6, 3)
    ids = torch.tensor([[1, 1, 4]])
    upstream = torch.arange(9.0).view(1, 3, 3)
    for _ in range(2):
        (gradient,) = torch.autograd.grad(ours(ids), ours.weight, upstream)
        expected = torch.zeros(6, 3)
        expected[1], expected[4] = upstream[0, :2].sum(0), upstream[0, 2]
        assert torch.equal(gradient.to_dense(), expected)
        assert ours.weight.grad is None


def test_frozen_embeddings_stay_without_gradient():
    ours = SparseEmbedding(4, 3).requires_grad_(False)
    vectors = ours(torch.tensor([1, 2]))
    assert not vectors.requires_grad
    assert ours.weight.grad is None
    with torch.no_grad():
        assert not SparseEmbedding(4, 3)(torch.tensor([1])).requires_grad


def test_an_encoder_has_the_same_weights_outputs_and_gradients(tiny_bert):
    plain = AutoModel.from_pretrained(tiny_bert, **NO_DROPOUT).train()
    ours = copy.deepcopy(plain)
    for _ in range(2):
        patch_training_kernels(ours)
    assert list(ours.state_dict()) == list(plain.state_dict())
    assert isinstance(ours.get_input_embeddings(), SparseEmbedding)
    assert not any(type(module) is nn.Dropout for module in ours.modules())
    ids = torch.tensor([[2, 7, 9, 3], [2, 8, 3, 0]])
    outputs = []
    for model, way in ((plain, nullcontext()), (ours, PlainAttention())):
        with way:
            outputs.append(model(input_ids=ids, attention_mask=(ids > 0).long()).last_hidden_state)
    assert torch.allclose(*outputs, atol=1e-6)
    for output in outputs:
        output.square().sum().backward()
    densify(ours.parameters())
    gradients = [{name: p.grad for name, p in model.named_parameters() if p.grad is not None} for model in (plain, ours)]
    assert list(gradients[0]) == list(gradients[1])
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradients[1][name], gradient, atol=1e-5), name


@pytest.mark.parametrize("setting", [{"sparse": True}, {"scale_grad_by_freq": True}, {"max_norm": 1.0}])
def test_embeddings_with_settings_of_their_own_stay(setting, tiny_bert):
    model = AutoModel.from_pretrained(tiny_bert)
    model.set_input_embeddings(nn.Embedding(50, 32, **setting))
    patch_training_kernels(model)
    assert type(model.get_input_embeddings()) is nn.Embedding


def vectors(*shape: int) -> list[torch.Tensor]:
    return [torch.randn(*shape, requires_grad=True) for _ in range(3)]


def masks(n: int) -> dict[str, torch.Tensor | None]:
    read = torch.ones(2, 1, n, n, dtype=torch.bool)
    read[1, :, :, n // 2 :] = False
    added = torch.zeros(read.shape).masked_fill(~read, torch.finfo(torch.float32).min)
    return {"none": None, "true where read": read, "added": added, "added, infinite": added.masked_fill(~read, -torch.inf)}


@pytest.mark.parametrize("mask", list(masks(4)))
@pytest.mark.parametrize("scale", [None, 0.3])
def test_attention_and_its_gradients_are_those_of_torch(mask, scale):
    torch.manual_seed(0)
    inputs = vectors(2, 3, 6, 8)
    upstream = torch.randn(2, 3, 6, 8)
    results = []
    for function in (attention, nn.functional.scaled_dot_product_attention):
        output = function(*inputs, attn_mask=masks(6)[mask], scale=scale)
        results.append([output, *torch.autograd.grad(output, inputs, upstream)])
    for a, b in zip(*results, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("mask", list(masks(4)))
def test_attention_in_bfloat16_reads_no_padding(mask):
    torch.manual_seed(0)
    query, key, value = (v.bfloat16() for v in vectors(2, 3, 6, 8))
    output = attention(query, key, value, masks(6)[mask])
    exact = attention(query.float(), key.float(), value.float(), masks(6)[mask])
    assert output.dtype is torch.bfloat16
    assert torch.allclose(output.float(), exact, atol=0.03)
    if mask != "none":
        value = value.clone()
        value[1, :, 3:] = 1000.0
        assert torch.equal(attention(query, key, value, masks(6)[mask]), output)


def test_attention_drops_weights(monkeypatch):
    rates = []
    monkeypatch.setattr("spacy_relext.ml.patches.torch_cpu.dropout", lambda x, p, training: rates.append((p, training)) or x)
    with PlainAttention():
        nn.functional.scaled_dot_product_attention(*vectors(2, 3, 6, 8), dropout_p=0.2)
    assert rates == [(0.2, True)]


@pytest.mark.parametrize("settings", [{"is_causal": True}, {"enable_gqa": True}])
def test_attention_of_other_kinds_is_left_to_torch(settings):
    torch.manual_seed(0)
    inputs = vectors(2, 3, 6, 8)
    with PlainAttention():
        ours = nn.functional.scaled_dot_product_attention(*inputs, **settings)
    assert torch.equal(ours, nn.functional.scaled_dot_product_attention(*inputs, **settings))


def test_attention_of_an_older_and_of_a_newer_torch(monkeypatch):
    """2.4 has no `enable_gqa`; nobody knows what a newer one will have."""
    torchs, seen = nn.functional.scaled_dot_product_attention, []

    def older(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, **others):
        seen.append(others)
        return torchs(query, key, value, attn_mask, dropout_p, is_causal, scale=scale)

    monkeypatch.setattr(nn.functional, "scaled_dot_product_attention", older)
    inputs = vectors(2, 3, 6, 8)
    with torch.no_grad():
        attention(*inputs)
    attention(*inputs, is_causal=True)
    assert seen == [{}, {}]
    attention(*inputs, some_day="something")
    assert seen[2:] == [{"some_day": "something"}]


def test_prediction_keeps_torchs_attention(monkeypatch):
    monkeypatch.setattr("spacy_relext.ml.patches.torch_cpu.dropout", lambda *_: pytest.fail("the plain way was taken"))
    with torch.no_grad(), PlainAttention():
        nn.functional.scaled_dot_product_attention(*vectors(2, 3, 6, 8))
    with PlainAttention():
        nn.functional.scaled_dot_product_attention(*(v.detach() for v in vectors(2, 3, 6, 8)))


# What torch does without us. Where one of these fails, its patch is not needed any more.


def test_torch_still_draws_a_number_per_value():
    """A double for each; where MKL draws, on Intel's processors, it does so by itself."""
    torch.manual_seed(0)
    torch.rand(1000, dtype=torch.float64)
    later = torch.rand(1)
    torch.manual_seed(0)
    nn.functional.dropout(torch.ones(1000), 0.5, True)
    if "GenuineIntel" in Path("/proc/cpuinfo").read_text(encoding="utf8"):
        pytest.skip("MKL draws here")
    assert torch.equal(torch.rand(1), later)


class Operations(TorchDispatchMode):
    """Takes down what torch computes."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(str(function))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("dropout_p", [0.0, 0.1])
def test_torchs_attention_still_has_no_dropout(dropout_p):
    with Operations() as seen:
        nn.functional.scaled_dot_product_attention(*vectors(2, 3, 6, 8), dropout_p=dropout_p)
    assert any("attention_for_cpu" in name for name in seen.names) == (not dropout_p)


def test_torchs_embeddings_still_have_gradients_as_large_as_they_are():
    module = nn.Embedding(100, 4)
    module(torch.tensor([1])).sum().backward()
    assert not module.weight.grad.is_sparse
    assert module.weight.grad.shape == (100, 4)


# Threads of a fork's parent, which it waits for.
FORK = """
import os, time, torch
torch.set_num_threads(2)
x = torch.ones(2**22)
x.exp()
child = os.fork()
if not child:
    x.exp()
    os._exit(0)
time.sleep(2)
done, _ = os.waitpid(child, os.WNOHANG)
if not done:
    os.kill(child, 9)
print(bool(done))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no forks, or another OpenMP")
def test_forked_processes_still_wait_for_threads_that_they_do_not_have():
    found = subprocess.run([sys.executable, "-c", FORK], check=True, capture_output=True, text=True)
    assert found.stdout == "False\n"
