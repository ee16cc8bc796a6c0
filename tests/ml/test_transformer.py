"""The transformer layer: the stock one's outputs and gradients without its padding, and bfloat16 on the CPU."""

import numpy
import pytest
import spacy
import torch
from spacy_transformers.data_classes import FullTransformerBatch
from spacy_transformers.layers import TransformerModel
from thinc.api import reduce_mean
from transformers.utils import ModelOutput

from spacy_relext.errors import RelextError
from spacy_relext.ml import precision
from spacy_relext.ml.precision import cpu_has_bfloat16
from spacy_relext.ml.transformer import bucket_by_length, create_tok2vec_transformer, create_transformer_model, lengths_of

# Dropout would make two runs differ.
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
# Word pieces, [CLS] and [SEP] included: 3, 27, 9 ("of" is two), 4, 30, 7.
TEXTS = ["warfarin", "a " * 25, "aspirin increases warfarin levels of ketamine", "quinine.", "b " * 28, "avoid warfarin or aspirin ."]
LENGTHS = [3, 27, 9, 4, 30, 7]


@pytest.fixture(autouse=True)
def cheap_runs(monkeypatch):
    """Another run of the encoder costs as much as nine pieces: the texts here would all be run together otherwise."""
    monkeypatch.setattr("spacy_relext.ml.transformer.RUN_COST", 9)


def whole_docs(docs):
    return [[doc[:]] if len(doc) else [] for doc in docs]


def make_docs(texts=TEXTS):
    nlp = spacy.blank("en")
    return [nlp.make_doc(text) for text in texts]


def make_model(folder, precision="float32", **transformer_config):
    model = create_transformer_model(
        str(folder), whole_docs, {"use_fast": True}, {**NO_DROPOUT, **transformer_config}, cpu_precision=precision
    )
    model.initialize(X=make_docs(["warfarin"]))
    return model


def make_stock_model(folder):
    model = TransformerModel(str(folder), whole_docs, {"use_fast": True}, dict(NO_DROPOUT))
    model.initialize(X=make_docs(["warfarin"]))
    return model


def hidden_of(output):
    return numpy.asarray(output.model_output.last_hidden_state)


def run_backwards(model, docs, d_hidden):
    """Gradients of the encoder's weights for a gradient of its output."""
    output, backprop = model.begin_update(docs)
    d_output = ModelOutput(last_hidden_state=torch.as_tensor(d_hidden))
    backprop(FullTransformerBatch(output.spans, output.wordpieces, d_output, output.align))
    return {name: p.grad.numpy() for name, p in model.transformer.named_parameters() if p.grad is not None}


def watch_shapes(model):
    shapes = []
    model.transformer.register_forward_pre_hook(lambda _, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True)
    return shapes


# Groups of like length


def groups_of(lengths, *, left=False):
    longest = max(lengths)
    mask = numpy.zeros((len(lengths), longest), dtype="float32")
    for row, length in zip(mask, lengths, strict=True):
        row[longest - length if left else 0 : longest if left else length] = 1
    return [(texts.tolist(), length) for texts, length in bucket_by_length(lengths_of(mask))]


def test_texts_are_grouped_by_length():
    # 3, 3 and 7: 8 pieces of padding; with 9 as well 14.
    assert groups_of([3, 10, 7, 9, 30, 3]) == [([0, 2, 5], 7), ([1, 3], 10), ([4], 30)]


@pytest.mark.parametrize("lengths", [[5], [5, 5, 5], [10, 14, 12]])
def test_texts_of_like_length_stay_together(lengths):
    assert groups_of(lengths) == [(list(range(len(lengths))), max(lengths))]


def test_group_ends_where_its_padding_costs_more_than_another_group():
    assert groups_of([10, 19]) == [([0, 1], 19)]
    assert groups_of([10, 20]) == [([0], 10), ([1], 20)]


def test_no_group_pads_more_than_another_group_costs():
    lengths = numpy.random.default_rng(0).integers(5, 120, size=500)
    groups = bucket_by_length(lengths)
    assert sorted(i for texts, _ in groups for i in texts) == list(range(500))
    assert all((longest - lengths[texts]).sum() <= 9 and longest == lengths[texts].max() for texts, longest in groups)


def test_a_group_is_bounded(monkeypatch):
    monkeypatch.setattr("spacy_relext.ml.transformer.MAX_PIECES", 25)
    expected = [([0, 1], 10), ([3], 10), ([2], 30), ([4], 31)]
    assert groups_of([10, 10, 30, 10, 31]) == expected
    monkeypatch.undo()
    assert [(texts.tolist(), length) for texts, length in bucket_by_length(numpy.asarray([10, 10, 30, 10, 31]), 25)] == expected


def test_a_gpu_takes_padding_before_another_run():
    lengths = numpy.asarray([10, 10, 128, 128])
    assert [texts.tolist() for texts, _ in bucket_by_length(lengths)] == [[0, 1], [2, 3]]
    assert [texts.tolist() for texts, _ in bucket_by_length(lengths, device="cuda")] == [[0, 1, 2, 3]]


def test_nothing_is_cut_off_where_padding_stands_on_the_left():
    assert groups_of([3, 30], left=True) == [([0, 1], 30)]


def test_every_text_is_in_one_group_that_holds_it():
    lengths = numpy.random.default_rng(0).integers(1, 60, size=200).tolist()
    groups = groups_of(lengths)
    assert sorted(i for texts, _ in groups for i in texts) == list(range(200))
    assert all(lengths[i] <= length for texts, length in groups for i in texts)
    assert all(max(lengths[i] for i in texts) == length for texts, length in groups)


# The same as the stock model


def test_outputs_are_those_of_the_stock_model(tiny_bert):
    stock, ours = make_stock_model(tiny_bert), make_model(tiny_bert)
    shapes = watch_shapes(ours)
    expected, output = stock.predict(make_docs()), ours.predict(make_docs())
    # Groups of 3, 4 and 7, of 9, of 27 and 30 pieces.
    assert shapes == [(3, 7), (1, 9), (2, 30)]
    assert hidden_of(output).shape == hidden_of(expected).shape == (6, 30, 32)
    for i, length in enumerate(LENGTHS):
        assert int(output.wordpieces.lengths[i]) == length
        numpy.testing.assert_allclose(hidden_of(output)[i, :length], hidden_of(expected)[i, :length], atol=1e-5)
    numpy.testing.assert_allclose(output.model_output.pooler_output.numpy(), expected.model_output.pooler_output.numpy(), atol=1e-5)
    assert numpy.array_equal(output.align.dataXd, expected.align.dataXd)


def test_outputs_in_training_are_those_of_the_stock_model(tiny_bert):
    expected, output = (m.begin_update(make_docs())[0] for m in (make_stock_model(tiny_bert), make_model(tiny_bert)))
    for i, length in enumerate(LENGTHS):
        numpy.testing.assert_allclose(
            hidden_of(output)[i, :length], expected.model_output.last_hidden_state.detach().numpy()[i, :length], atol=1e-5
        )


def test_gradients_are_those_of_the_stock_model(tiny_bert):
    d_hidden = numpy.random.default_rng(0).normal(size=(6, 30, 32)).astype("float32")
    for row, length in zip(d_hidden, LENGTHS, strict=True):
        row[length:] = 0
    expected = run_backwards(make_stock_model(tiny_bert), make_docs(), d_hidden)
    ours = run_backwards(make_model(tiny_bert), make_docs(), d_hidden)
    assert set(ours) == set(expected)
    assert len(expected) > 30
    for name, gradient in expected.items():
        numpy.testing.assert_allclose(ours[name], gradient, rtol=1e-3, atol=1e-4 * max(1, abs(gradient).max()), err_msg=name)


def test_one_group_is_passed_through(tiny_bert):
    stock, ours = make_stock_model(tiny_bert), make_model(tiny_bert)
    # Not sorted by length: no text may get the output of another.
    texts = ["aspirin increases warfarin", "warfarin", "avoid ketamine with", "quinine."]
    shapes = watch_shapes(ours)
    assert numpy.array_equal(hidden_of(ours.predict(make_docs(texts))), hidden_of(stock.predict(make_docs(texts))))
    assert shapes == [(4, 5)]


def test_gradients_of_one_group_reach_their_texts(tiny_bert):
    texts = ["aspirin increases warfarin", "warfarin", "avoid ketamine with", "quinine."]
    d_hidden = numpy.zeros((4, 5, 32), dtype="float32")
    d_hidden[1, 1] = numpy.arange(32)  # the token "warfarin" of the shortest text alone
    expected = run_backwards(make_stock_model(tiny_bert), make_docs(texts), d_hidden)
    ours = run_backwards(make_model(tiny_bert), make_docs(texts), d_hidden)
    name = "embeddings.word_embeddings.weight"
    assert abs(expected[name]).max() > 0.01
    numpy.testing.assert_allclose(ours[name], expected[name], rtol=1e-3, atol=1e-5)


def test_empty_docs_among_others(tiny_bert):
    output = make_model(tiny_bert).predict(make_docs(["", "warfarin", ""]))
    assert [len(data.align.lengths) for data in output.doc_data] == [0, 1, 0]


def test_hidden_states_of_all_layers_can_be_had(tiny_bert):
    model = make_model(tiny_bert, "bfloat16", output_hidden_states=True)
    states = model.predict(make_docs()).model_output.hidden_states
    assert [tuple(state.shape) for state in states] == [(6, 30, 32)] * 3
    assert all(state.dtype == torch.float32 for state in states)


# bfloat16


def test_bfloat16_is_close_to_float32(tiny_bert):
    full = hidden_of(make_model(tiny_bert).predict(make_docs()))
    output = make_model(tiny_bert, "bfloat16").predict(make_docs())
    half = hidden_of(output)
    assert half.dtype == numpy.float32
    error = numpy.abs(half - full).mean() / numpy.abs(full).mean()
    assert 1e-5 < error < 0.05


def test_bfloat16_outputs_fit_into_numpy(tiny_bert):
    output = make_model(tiny_bert, "bfloat16").predict(make_docs())
    for data in output.doc_data:
        assert all(tensor.dtype == numpy.float32 for tensor in data.tensors)
        assert len(data.tensors) == 2


def test_bfloat16_gradients_are_close_and_weights_stay_float32(tiny_bert):
    d_hidden = numpy.random.default_rng(0).normal(size=(6, 30, 32)).astype("float32")
    model = make_model(tiny_bert, "bfloat16")
    expected, half = run_backwards(make_model(tiny_bert), make_docs(), d_hidden), run_backwards(model, make_docs(), d_hidden)
    assert {p.dtype for p in model.transformer.parameters()} == {torch.float32}
    for name in ("embeddings.word_embeddings.weight", "encoder.layer.1.output.dense.weight"):
        error = numpy.abs(half[name] - expected[name]).mean() / numpy.abs(expected[name]).mean()
        assert 1e-6 < error < 0.1, name


def test_autocast_ends_with_the_layer(tiny_bert):
    make_model(tiny_bert, "bfloat16").predict(make_docs())
    assert not torch.is_autocast_enabled("cpu")
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize("capable", [True, False])
def test_auto_asks_the_cpu(tiny_bert, monkeypatch, capable):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": capable, "avx2": True})
    assert cpu_has_bfloat16() is capable
    like = make_model(tiny_bert, "bfloat16" if capable else "float32").predict(make_docs())
    assert numpy.array_equal(hidden_of(make_model(tiny_bert, "auto").predict(make_docs())), hidden_of(like))


@pytest.mark.parametrize(("line", "capable"), [("flags\t: avx2 avx512_bf16", True), ("Features\t: fp bf16", True), ("flags: avx2", False)])
def test_an_older_torch_is_not_asked_for_bfloat16(monkeypatch, tmp_path, line, capable):
    """Before 2.11 it does not tell what the CPU can do; Linux does."""
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nmodel name\t: amx_bf16\n{line}\n", encoding="utf8")
    monkeypatch.setattr(precision, "CPUINFO", str(cpuinfo))
    assert cpu_has_bfloat16() is capable
    monkeypatch.setattr(precision, "CPUINFO", str(tmp_path / "none"))
    assert cpu_has_bfloat16() is False


def test_unknown_precision_is_an_error(tiny_bert):
    with pytest.raises(RelextError, match="the precision is 'float16'"):
        make_model(tiny_bert, "float16")


# Copies


def test_copy_computes_the_same_and_learns_alone(tiny_bert):
    model = make_model(tiny_bert, "bfloat16")
    copied = model.copy()
    expected = hidden_of(model.predict(make_docs()))
    assert numpy.array_equal(hidden_of(copied.predict(make_docs())), expected)
    assert copied.get_dim("nO") == 32
    assert copied.id != model.id
    # An optimizer keeps its moments under this id.
    assert copied.layers[0].shims[0].id != model.layers[0].shims[0].id
    with torch.no_grad():
        copied.transformer.embeddings.word_embeddings.weight.add_(1.0)
    assert numpy.array_equal(hidden_of(model.predict(make_docs())), expected)
    assert not numpy.allclose(hidden_of(copied.predict(make_docs())), expected)


def test_transformer_of_one_component_gives_token_vectors(tiny_bert):
    transformer = make_model(tiny_bert)
    model = create_tok2vec_transformer(str(tiny_bert), whole_docs, reduce_mean(), {"use_fast": True}, transformer_config=NO_DROPOUT)
    model.initialize(X=make_docs(["warfarin"]))
    vectors = model.predict(make_docs(["warfarin raises aspirin", "warfarin"]))
    hidden = hidden_of(transformer.predict(make_docs(["warfarin raises aspirin", "warfarin"])))
    assert [v.shape for v in vectors] == [(3, 32), (1, 32)]
    # "warfarin" is one piece, and [CLS] stands before it.
    numpy.testing.assert_allclose(vectors[0][0], hidden[0, 1], atol=1e-6)
    numpy.testing.assert_allclose(vectors[1][0], hidden[1, 1], atol=1e-6)
