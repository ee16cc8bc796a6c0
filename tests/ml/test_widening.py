"""Attention in bfloat16 that does not depend on padding: it is reached in every encoder, and says what torch's says."""

import pytest
import torch
from torch import nn
from transformers import AutoModel

from spacy_relext.ml import precision, widening
from spacy_relext.ml.precision import computing
from spacy_relext.ml.products import round_rows
from spacy_relext.ml.widening import KEYS, Mask, attention, widened
from tests.pipeline.test_encoders import FAMILIES, make_encoder

# Those of Hugging Face's that compute attention themselves.
PLAIN = ("MPNet", "DeBERTa-v2")


@pytest.fixture
def seen(monkeypatch):
    """The numbers of keys that attention was called with."""
    numbers = []

    def watched(query, key, *args, **kwargs):
        numbers.append(key.shape[-2])
        return attention(query, key, *args, **kwargs)

    monkeypatch.setattr(widening, "attention", watched)
    return numbers


def encode(model, n_texts, length, padding=0, lower=True):
    """Vectors of the same text, some times over, with padding behind it."""
    ids = torch.full((n_texts, length + padding), model.config.pad_token_id)
    ids[:, :length] = torch.arange(10, 10 + length)
    mask = (torch.arange(length + padding) < length).long().expand(n_texts, -1)
    with computing("cpu", lower=lower, is_train=False), torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=widened(mask)).last_hidden_state
    return hidden[:, :length]


def make_model(family, folder, **settings):
    model = AutoModel.from_pretrained(make_encoder(family, folder), **settings).eval()
    round_rows(model)
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


@pytest.mark.skipif("amx_bf16" in precision._cpu_capabilities() or not precision.cpu_has_bfloat16(), reason="another kernel")
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
