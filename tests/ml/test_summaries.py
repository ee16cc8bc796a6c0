"""Summaries, against the formulas of their docstrings computed pair by pair in plain numpy."""

import math
from functools import partial

import numpy
import pytest
import torch

from spacy_relext.errors import RelextError
from spacy_relext.ml.summaries import Attention, Between, Cls, Contexts, Layers, Lstm, Mentions, Mlp, PairAttention, Piecewise
from spacy_relext.ml.summaries.base import linear_of_pair
from spacy_relext.ml.summaries.pairs import N_DISTANCES, between, distance_bounds, largest_values, pieces, readable, slots_of

WIDTH, N_TYPES, N_HEADS = 12, 4, 3


def built(summary):
    summary.build(WIDTH, N_TYPES)
    return summary


def make_attention(seed=0):
    """A PairAttention in float64, whose parameters are not zero, as those for distances are at first; but for *no mention*, as always."""
    torch.manual_seed(seed)
    attention = built(PairAttention(n_heads=N_HEADS)).double()
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.copy_(torch.randn_like(parameter) / 2)
        attention.token_type.weight[0].zero_()
    return attention


def make_contexts(seed=0, lengths=(9, 4, 50, 1), n_pairs=(3, 1, 5, 1)):
    """Random rows, padded; in each some pairs with mentions anywhere, also nested, that read a part of the row."""
    rng = numpy.random.default_rng(seed)
    longest = max(lengths)
    tokens = numpy.zeros((len(lengths), longest, WIDTH))
    mask = numpy.zeros((len(lengths), longest), dtype=bool)
    row, span, head, tail = [], [], [], []
    for i, (length, n) in enumerate(zip(lengths, n_pairs, strict=True)):
        tokens[i, :length] = rng.normal(size=(length, WIDTH))
        mask[i, :length] = True
        for _ in range(n):
            first = int(rng.integers(0, length))
            end = int(rng.integers(first + 1, length + 1))
            row.append(i)
            span.append((first, end))
            for mention in (head, tail):
                start = int(rng.integers(first, end))
                mention.append((start, int(rng.integers(start + 1, end + 1))))
    n = len(row)
    return Contexts(
        tokens=torch.tensor(tokens),
        mask=torch.tensor(mask),
        row=torch.tensor(row),
        span=torch.tensor(span),
        head=torch.tensor(head),
        tail=torch.tensor(tail),
        # Fewer mentions than pairs, as a rule.
        heads=torch.tensor(rng.normal(size=(4, WIDTH))),
        tails=torch.tensor(rng.normal(size=(5, WIDTH))),
        head_index=torch.tensor(rng.integers(0, 4, size=n)),
        tail_index=torch.tensor(rng.integers(0, 5, size=n)),
        head_types=torch.tensor(rng.integers(0, N_TYPES, size=4)),
        tail_types=torch.tensor(rng.integers(0, N_TYPES, size=5)),
        cls=torch.tensor(rng.normal(size=(len(lengths), 3, WIDTH))),
        pooled=torch.tensor(rng.normal(size=(len(lengths), WIDTH))),
    )


def types_of(contexts):
    """A mention type for each token, some of them none."""
    return torch.arange(contexts.mask.numel()).reshape(contexts.mask.shape) * 7 // 3 % N_TYPES


def summarise(module, contexts, types=None):
    """What the head does: every token is read once, then the pairs are summarised."""
    read = module.read(contexts.tokens.flatten(0, 1), (types_of(contexts) if types is None else types).flatten())
    return module(contexts._replace(tokens=read.unflatten(0, contexts.mask.shape)))


def bucket(token, start, end):
    """Signed distance bucket: 7 inside, then 1, 2, 3-4, 5-8, 9-16, 17-32, 33 and more to either side."""
    distance = start - token if token < start else token - end + 1 if token >= end else 0
    size = sum(distance >= step for step in (1, 2, 3, 5, 9, 17, 33))
    return 7 - size if token < start else 7 + size


# Every summary of a sequence, with what can stand beside it.
SEQUENCES = {
    "attention": Attention,
    "projected attention": partial(Attention, projections=True),
    "lstm": Lstm,
    "bilstm": partial(Lstm, bidirectional=True),
    "mlp": partial(Mlp, length=60),
}
BESIDE = ("cls", "mentions", "nothing")


def make_sequence(name, beside="cls", seed=0):
    torch.manual_seed(seed)
    return built(SEQUENCES[name](beside=beside)).double()


def linear(layer, x):
    return layer.weight.detach().numpy() @ x + layer.bias.detach().numpy()


def slow_pair_attention(module, contexts):
    """The docstring of PairAttention, pair by pair, token by token: summaries and mean attention weights."""
    names = ("tokens", "mask", "row", "span", "head", "tail", "head_vector", "tail_vector", "head_type", "tail_type")
    x_, mask, row, span, head, tail, head_vector, tail_vector, head_type, tail_type = (getattr(contexts, n).numpy() for n in names)
    types = types_of(contexts).numpy()
    gelu = numpy.vectorize(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2)
    head_types, tail_types, token_types = (e.weight.detach().numpy() for e in (module.head_type, module.tail_type, module.token_type))
    u, w = module.distance_bias.detach().numpy()
    r, s = module.distance_value.detach().numpy()
    size = WIDTH // N_HEADS
    summaries, all_weights = [], []
    for p in range(len(row)):
        pair = linear(module.pair, numpy.concatenate([head_vector[p], tail_vector[p]]))
        query = linear(module.query, gelu(pair + head_types[head_type[p]] + tail_types[tail_type[p]]))
        attended = numpy.zeros(WIDTH)
        mean_weights = numpy.zeros(mask.shape[1])
        tokens = [t for t in range(mask.shape[1]) if mask[row[p], t] and span[p, 0] <= t < span[p, 1]]
        for h in range(N_HEADS):
            part = slice(h * size, (h + 1) * size)
            scores, values = [], []
            for t in tokens:
                x = x_[row[p], t] + token_types[types[row[p], t]]
                key_value = linear(module.key_value, x)
                key, value = key_value[:WIDTH][part], key_value[WIDTH:][part]
                to_head, to_tail = bucket(t, *head[p]), bucket(t, *tail[p])
                scores.append(query[part] @ key / math.sqrt(size) + u[to_head, h] + w[to_tail, h])
                values.append(value + r[h, to_head] + s[h, to_tail])
            weights = numpy.exp(scores) / numpy.exp(scores).sum()
            attended[part] = sum(a * v for a, v in zip(weights, values, strict=True))
            mean_weights[tokens] += weights / N_HEADS
        summaries.append(linear(module.output, attended))
        all_weights.append(mean_weights)
    return numpy.stack(summaries), numpy.stack(all_weights)


@pytest.mark.parametrize("seed", range(5))
def test_pair_attention_is_its_formula(seed):
    module, contexts = make_attention(seed), make_contexts(seed)
    summaries, weights = summarise(module, contexts)
    expected_summaries, expected_weights = slow_pair_attention(module, contexts)
    assert summaries.shape == (10, module.width)
    numpy.testing.assert_allclose(summaries.detach().numpy(), expected_summaries, rtol=1e-10, atol=1e-12)
    numpy.testing.assert_allclose(weights.detach().numpy(), expected_weights, rtol=1e-10, atol=1e-12)


def test_pair_attention_gives_no_weights_where_nobody_asks():
    module, contexts = make_attention(), make_contexts()
    expected, _ = summarise(module, contexts)
    summaries, weights = summarise(module, contexts._replace(wants_weights=False))
    assert weights is None
    assert torch.equal(summaries, expected)


def test_pair_attention_weights_sum_to_one_over_the_tokens_that_are_read():
    contexts = make_contexts()
    _, weights = summarise(make_attention(), contexts)
    numpy.testing.assert_allclose(weights.sum(dim=1).detach().numpy(), numpy.ones(10))
    position = torch.arange(contexts.mask.shape[1])
    outside = (position < contexts.span[:, :1]) | (position >= contexts.span[:, 1:])
    assert (weights[outside] == 0).all()
    assert (weights[~outside] > 0).all()


@pytest.mark.parametrize(
    "make_module",
    [
        make_attention,
        *(lambda kind=kind: built(kind()) for kind in (Mentions, Between, Piecewise)),
        *(partial(make_sequence, name) for name in SEQUENCES),
    ],
)
def test_what_stands_in_padding_does_not_matter(make_module):
    """Longer padding, and anything in it, even where a pair's span reaches over the row's end."""
    module, contexts = make_module(), make_contexts()
    n_rows, length = contexts.mask.shape
    padding = 7
    tokens = torch.cat([contexts.tokens, torch.zeros(n_rows, padding, WIDTH)], dim=1)
    mask = torch.cat([contexts.mask, torch.zeros(n_rows, padding, dtype=torch.bool)], dim=1)
    types = torch.cat([types_of(contexts), torch.zeros(n_rows, padding, dtype=torch.int64)], dim=1)
    tokens[~mask] = 1e3
    types[~mask] = 3
    span = contexts.span.clone()
    row_end = contexts.mask.sum(dim=1)[contexts.row]
    reaches_end = span[:, 1] == row_end
    assert reaches_end.any()
    span[reaches_end, 1] = length + padding
    padded = contexts._replace(tokens=tokens, mask=mask, span=span)
    expected, expected_weights = summarise(module, contexts)
    found, found_weights = summarise(module, padded, types)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    if expected_weights is not None:
        torch.testing.assert_close(found_weights[:, :length], expected_weights, rtol=1e-12, atol=1e-12)
        assert (found_weights[:, length:] == 0).all()


def test_tokens_outside_the_span_of_a_pair_do_not_matter():
    """Neighbouring sentences in a shared row are not read."""
    module, contexts = make_attention(), make_contexts(lengths=(20,), n_pairs=(1,))
    contexts = contexts._replace(span=torch.tensor([[5, 12]]), head=torch.tensor([[6, 8]]), tail=torch.tensor([[7, 12]]))
    changed = contexts.tokens.clone()
    changed[:, :5] = 100
    changed[:, 12:] = -100
    torch.testing.assert_close(summarise(module, contexts._replace(tokens=changed))[0], summarise(module, contexts)[0], rtol=0, atol=0)
    changed[:, 11] += 1
    assert not torch.allclose(summarise(module, contexts._replace(tokens=changed))[0], summarise(module, contexts)[0])


def test_gradients_are_finite_where_rows_have_unequal_numbers_of_pairs():
    """Slots without a pair read nothing; the softmax over nothing must not poison the gradient."""
    module, contexts = make_attention(), make_contexts(n_pairs=(1, 6, 2, 3))
    tokens = contexts.tokens.clone().requires_grad_()
    summaries, _ = summarise(module, contexts._replace(tokens=tokens))
    summaries.sum().backward()
    for gradient in (tokens.grad, *(p.grad for p in module.parameters())):
        assert torch.isfinite(gradient).all()
    assert (tokens.grad[~contexts.mask] == 0).all()


def test_attention_weights_are_computed_in_float32_at_least():
    contexts = make_contexts()
    for dtype, expected in ((torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)):
        floats = {name: getattr(contexts, name).to(dtype) for name in ("tokens", "heads", "tails")}
        summaries, weights = summarise(make_attention().to(dtype), contexts._replace(**floats))
        assert (summaries.dtype, weights.dtype) == (dtype, expected)


def test_a_fresh_pair_attention_knows_no_distances_and_no_type_for_no_mention():
    module = built(PairAttention(n_heads=N_HEADS))
    assert (module.distance_bias == 0).all()
    assert (module.distance_value == 0).all()
    assert (module.token_type.weight[0] == 0).all()
    assert (module.token_type.weight[1:] != 0).all()


@pytest.mark.parametrize("n_heads", [0, -1, WIDTH + 1])
def test_impossible_number_of_heads(n_heads):
    with pytest.raises(RelextError, match=f"n_heads is {n_heads}; it must lie between 1 and the token width, {WIDTH}"):
        built(PairAttention(n_heads=n_heads))


def test_heads_need_not_divide_the_width():
    """An encoder of 1,024 dimensions works with the default of six heads."""
    n_heads = next(n for n in range(2, WIDTH) if WIDTH % n)
    summaries, weights = summarise(built(PairAttention(n_heads=n_heads)).double(), make_contexts())
    assert summaries.shape == (10, WIDTH)
    assert torch.isfinite(summaries).all()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(10, dtype=weights.dtype))


def test_mentions_have_nothing_beside_head_and_tail():
    module, contexts = built(Mentions()), make_contexts()
    summaries, weights = summarise(module, contexts)
    assert weights is None
    assert summaries.shape == (10, module.width) == (10, 0)


def test_which_summaries_stand_beside_the_mentions():
    assert Mentions().beside_mentions
    assert PairAttention().beside_mentions
    assert not Cls().beside_mentions
    assert [[SEQUENCES[name](beside=beside).beside_mentions for beside in BESIDE] for name in SEQUENCES] == [[False, True, False]] * 5


def test_the_largest_values_between_are_those_of_the_tokens_between():
    contexts = make_contexts(n_pairs=(30, 20, 200, 1))
    assert built(Between()).width == WIDTH
    found, weights = Between()(contexts)
    assert weights is None
    sizes = set()
    for row, head, tail, values in zip(contexts.row.tolist(), contexts.head.tolist(), contexts.tail.tolist(), found, strict=True):
        (_, start), (end, _) = sorted((head, tail))
        # Mentions that are nested or overlap have nothing between them.
        tokens = contexts.tokens[row, start:end] if start < end else torch.zeros(1, WIDTH)
        sizes.add(max(0, end - start))
        assert values.tolist() == tokens.amax(dim=0).tolist()
    assert len(sizes) > 10


def test_the_largest_values_of_the_pieces_are_those_of_all_tokens_but_the_mentions():
    contexts = make_contexts(n_pairs=(30, 20, 200, 1))
    module = built(Piecewise())
    assert module.width == 3 * WIDTH
    found, weights = module(contexts)
    assert weights is None
    empty = set()
    pairs = zip(contexts.row.tolist(), contexts.span.tolist(), contexts.head.tolist(), contexts.tail.tolist(), found, strict=True)
    for row, span, head, tail, values in pairs:
        limits = [(span[0], min(head[0], tail[0])), (min(head[1], tail[1]), max(head[0], tail[0])), (max(head[1], tail[1]), span[1])]
        for i, (start, end) in enumerate(limits):
            tokens = [contexts.tokens[row, t] for t in range(start, end) if contexts.mask[row, t]]
            expected = torch.stack(tokens).amax(dim=0) if tokens else torch.zeros(WIDTH)
            assert values[i * WIDTH : (i + 1) * WIDTH].tolist() == expected.tolist()
            if not tokens:
                empty.add(i)
    assert empty == {0, 1, 2}


def test_the_pieces_by_hand():
    """Head first, tail first, mentions that touch, nested ones, at the ends of what is read."""
    spans = torch.tensor([[0, 9], [1, 9], [0, 9], [0, 9], [2, 8]])
    heads, tails = torch.tensor([[2, 3], [6, 8], [2, 3], [2, 6], [2, 3]]), torch.tensor([[5, 7], [3, 4], [3, 5], [3, 4], [7, 8]])
    assert pieces(spans, heads, tails).tolist() == [
        [[0, 2], [3, 5], [7, 9]],
        [[1, 3], [4, 6], [8, 9]],
        [[0, 2], [3, 3], [5, 9]],
        [[0, 2], [4, 3], [6, 9]],
        [[2, 2], [3, 7], [8, 8]],
    ]


def test_what_stands_between_by_hand():
    heads, tails = torch.tensor([[0, 2], [5, 6], [1, 2], [3, 7], [2, 3]]), torch.tensor([[4, 5], [1, 2], [2, 4], [4, 5], [2, 3]])
    assert between(heads, tails).tolist() == [[2, 4], [2, 5], [2, 2], [5, 4], [3, 2]]
    tokens = torch.tensor([[[1.0], [2.0], [-5.0], [-3.0], [-4.0], [9.0], [0.0]]])
    row = torch.zeros(5, dtype=torch.int64)
    mask = torch.ones(1, 7, dtype=torch.bool)
    assert largest_values(tokens, mask, row, between(heads, tails))[:, 0].tolist() == [-3.0, -3.0, 0.0, 0.0, 0.0]
    stretches = torch.tensor([[0, 7], [0, 4], [6, 7], [1, 3], [2, 5]])
    assert largest_values(tokens, mask, row, stretches)[:, 0].tolist() == [9.0, 2.0, 0.0, 2.0, -3.0]
    # Without the second and the seventh token.
    mask = torch.tensor([[True, False, True, True, True, True, False]])
    assert largest_values(tokens, mask, row, stretches)[:, 0].tolist() == [9.0, 1.0, 0.0, -5.0, -3.0]
    assert largest_values(tokens, mask, row[:0], torch.zeros((0, 2), dtype=torch.int64)).shape == (0, 1)


def test_vectors_of_head_and_tail_by_hand():
    contexts = make_contexts()._replace(
        heads=torch.tensor([[1.0], [2.0]]),
        tails=torch.tensor([[3.0]]),
        head_index=torch.tensor([1, 0, 1]),
        tail_index=torch.tensor([0, 0, 0]),
    )
    assert contexts.head_vector.tolist() == [[2.0], [1.0], [2.0]]
    assert contexts.tail_vector.tolist() == [[3.0]] * 3


def test_which_mention_is_the_first():
    heads, tails = torch.tensor([[0, 1], [4, 5], [2, 3], [2, 6], [2, 3]]), torch.tensor([[3, 4], [1, 6], [2, 6], [2, 3], [2, 3]])
    assert make_contexts()._replace(head=heads, tail=tails).tail_first.tolist() == [False, True, False, True, False]


@pytest.mark.parametrize("text_order", [False, True])
@pytest.mark.parametrize("n_rest", [0, 5])
def test_linear_of_pair_is_the_layer_on_what_it_is_made_of(n_rest, text_order):
    torch.manual_seed(0)
    contexts = make_contexts()
    read = [contexts.head_vector, contexts.tail_vector]
    if text_order:
        spans = zip(contexts.head.tolist(), contexts.tail.tolist(), strict=True)
        both = [(h, t) if head <= tail else (t, h) for h, t, (head, tail) in zip(*read, spans, strict=True)]
        read += [torch.stack(side) for side in zip(*both, strict=True)]
    layer, rest = torch.nn.Linear(len(read) * WIDTH + n_rest, 7).double(), torch.randn(10, n_rest, dtype=torch.float64)
    expected = layer(torch.cat([*read, rest], dim=1))
    torch.testing.assert_close(linear_of_pair(layer, contexts, rest, text_order=text_order), expected)
    if not n_rest:
        torch.testing.assert_close(linear_of_pair(layer, contexts, text_order=text_order), expected)


def test_products_of_mentions_are_kept_for_contexts_that_share_them(monkeypatch):
    contexts = make_contexts()._replace(products={})
    others = contexts._replace(head_index=contexts.head_index.flip(0), tail_index=contexts.tail_index.flip(0))
    layers = [torch.nn.Linear(2 * WIDTH, 7).double() for _ in range(2)]
    expected = [linear_of_pair(layer, of._replace(products=None)) for layer in layers for of in (contexts, others)]
    taken = []
    linear = torch.nn.functional.linear
    monkeypatch.setattr(torch.nn.functional, "linear", lambda *args: taken.append(args) or linear(*args))
    found = [linear_of_pair(layer, of) for layer in layers for of in (contexts, others)]
    # Of heads and of tails, for each layer.
    assert len(taken) == 4
    torch.testing.assert_close(found, expected)


# The paper's summaries


def slow_attention(module, x):
    """SLL_Att, position by position: Σ α_t V x_t, α = softmax((K x_t)·w). Without projections, K = V = 1."""
    w = module.score.weight.detach().numpy()[0]
    key, value = (layer.weight.detach().numpy() if module.projections else numpy.eye(WIDTH) for layer in (module.key, module.value))
    scores = numpy.asarray([w @ (key @ x_t) for x_t in x])
    weights = numpy.exp(scores) / numpy.exp(scores).sum()
    return sum(a * (value @ x_t) for a, x_t in zip(weights, x, strict=True)), weights


def slow_lstm(lstm, x):
    """The last state of an LSTM with torch's weights: gates input, forget, cell, output."""
    w_x, w_h, b_x, b_h = (getattr(lstm, f"{name}_l0").detach().numpy() for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    sigmoid = lambda z: 1 / (1 + numpy.exp(-z))  # noqa: E731
    h = c = numpy.zeros(WIDTH)
    for x_t in x:
        i, f, g, o = numpy.split(w_x @ x_t + b_x + w_h @ h + b_h, 4)
        c = sigmoid(f) * c + sigmoid(i) * numpy.tanh(g)
        h = sigmoid(o) * numpy.tanh(c)
    return h


def slow_summary(module, x):
    if isinstance(module, Attention):
        return slow_attention(module, x)[0]
    if isinstance(module, Lstm):
        backward = [slow_lstm(module.reverse, x[::-1])] if module.bidirectional else []
        return numpy.concatenate([slow_lstm(module.lstm, x), *backward])
    flat = numpy.zeros(module.length * WIDTH)
    flat[: x.size] = x.flatten()
    return linear(module.map, flat)


def what_pairs_read(contexts):
    """The vectors of the positions of each pair."""
    for row, (first, end) in zip(contexts.row.tolist(), contexts.span.tolist(), strict=True):
        yield contexts.tokens[row, first:end][contexts.mask[row, first:end]].numpy()


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("name", SEQUENCES)
def test_summary_of_the_sequence_is_its_formula(name, beside):
    module, contexts = make_sequence(name, beside), make_contexts()
    summaries, _ = summarise(module, contexts)
    first = {
        "cls": contexts.cls[contexts.row, -1],
        # Put there by the scorer.
        "mentions": contexts.cls.new_zeros((10, 0)),
        "nothing": contexts.cls.new_zeros((10, 0)),
    }[beside].numpy()
    expected = numpy.stack([numpy.concatenate([b, slow_summary(module, x)]) for b, x in zip(first, what_pairs_read(contexts), strict=True)])
    assert summaries.shape == (10, module.width)
    numpy.testing.assert_allclose(summaries.detach().numpy(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["attention", "projected attention"])
def test_weights_of_the_papers_attention(name):
    module, contexts = make_sequence(name), make_contexts()
    _, weights = summarise(module, contexts)
    for (first, _), found, x in zip(contexts.span.tolist(), weights.detach().numpy(), what_pairs_read(contexts), strict=True):
        expected = numpy.zeros(len(found))
        expected[first : first + len(x)] = slow_attention(module, x)[1]
        numpy.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-15)


def test_cls_is_that_of_its_layer():
    contexts = make_contexts()
    for layer, place in ((-1, 2), (1, 0), (3, 2), (-3, 0)):
        summaries, weights = built(Cls(layer=layer))(contexts)
        assert weights is None
        assert torch.equal(summaries, contexts.cls[contexts.row, place])
    assert torch.equal(built(Cls(pooled=True))(contexts)[0], contexts.pooled[contexts.row])


def test_layers_are_the_formula_over_the_vectors_of_cls():
    contexts = make_contexts()
    for by in ("attention", "lstm"):
        torch.manual_seed(1)
        module = built(Layers(by)).double()
        summaries, _ = module(contexts)
        for row, found in zip(contexts.row.tolist(), summaries.detach().numpy(), strict=True):
            x = contexts.cls[row].numpy()
            if by == "lstm":
                expected = slow_lstm(module.over, x)
            else:
                weights = numpy.exp(x @ module.over.weight.detach().numpy()[0])
                expected = weights @ x / weights.sum()
            numpy.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["lstm", "bilstm"])
def test_lstms_in_float32_are_those_in_float64(name):
    """In float32 a CPU has another implementation: that of oneDNN, forwards and backwards."""
    found = []
    for dtype in (torch.float32, torch.float64):
        module, contexts = make_sequence(name).to(dtype), make_contexts()
        contexts = contexts._replace(tokens=contexts.tokens.to(dtype).requires_grad_(), cls=contexts.cls.to(dtype))
        summaries, _ = summarise(module, contexts)
        (summaries * torch.arange(summaries.shape[1])).sum().backward()
        found.append([summaries, contexts.tokens.grad, *(weight.grad for weight in module.parameters())])
    for single, double in zip(*found, strict=True):
        numpy.testing.assert_allclose(single.detach().numpy(), double.detach().numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "make_module",
    [*(partial(make_sequence, name) for name in SEQUENCES), *(lambda by=by: built(Layers(by)).double() for by in ("attention", "lstm"))],
)
def test_gradients_are_finite_differences(make_module):
    """With respect to the last layer, and to [CLS] after every layer."""
    module, contexts = make_module(), make_contexts(lengths=(4, 2), n_pairs=(2, 1))

    def run(tokens, cls):
        return summarise(module, contexts._replace(tokens=tokens * contexts.mask[..., None], cls=cls))[0]

    assert torch.autograd.gradcheck(run, (contexts.tokens.requires_grad_(), contexts.cls.requires_grad_()))


@pytest.mark.parametrize(
    ("make_module", "message"),
    [
        (lambda: Attention(beside="head"), "beside is 'head'"),
        (lambda: Layers(by="mlp"), "by is 'mlp'"),
        (lambda: Cls(layer=0), "layer is 0"),
        (lambda: Cls(pooled=True, layer=2), "the pooler reads the last"),
    ],
)
def test_impossible_settings(make_module, message):
    with pytest.raises(RelextError, match=message):
        make_module()


def test_a_layer_that_the_encoder_does_not_have():
    with pytest.raises(RelextError, match="layer is 4, and the encoder has 3 layers"):
        built(Cls(layer=4))(make_contexts())


def test_a_context_longer_than_the_map():
    with pytest.raises(RelextError, match=r"a context has \d+ positions, and the map is for 6"):
        summarise(built(Mlp(length=6)).double(), make_contexts(lengths=(20,), n_pairs=(30,)))


# Helpers


def buckets(spans, length):
    """The bucket of each token."""
    bounds = distance_bounds(torch.tensor(spans), length)
    assert (bounds.diff(dim=-1) >= 0).all()
    return torch.stack([(bounds[..., 1:] <= t).sum(dim=-1) for t in range(length)], dim=-1).tolist()


def test_distances_by_hand():
    """A mention at tokens 40 and 41 of 80."""
    expected = [0] * 8 + [1] * 16 + [2] * 8 + [3] * 4 + [4] * 2 + [5] + [6]  # 40-33, 32-17, 16-9, 8-5, 4-3, 2, 1 before
    expected += [7] * 2
    expected += [8] + [9] + [10] * 2 + [11] * 4 + [12] * 8 + [13] * 16 + [14] * 6  # 1, 2, 3-4, 5-8, 9-16, 17-32, 33-38 after
    assert buckets([40, 42], 80) == expected
    assert N_DISTANCES == 15


def test_distances_keep_the_leading_dimensions():
    spans = [[[0, 1], [2, 4]], [[1, 2], [0, 4]]]
    assert buckets(spans, 4) == [[[7, 8, 9, 10], [5, 6, 7, 7]], [[6, 7, 8, 9], [7, 7, 7, 7]]]


def test_distances_token_by_token():
    for length in (1, 5, 40, 120):
        for start in range(0, length, 7):
            for end in range(start + 1, length + 1, 11):
                assert buckets([start, end], length) == [bucket(t, start, end) for t in range(length)]


def test_slots_number_the_pairs_of_each_row():
    slots, n_slots = slots_of(torch.tensor([0, 0, 1, 3, 3, 3]))
    assert slots.tolist() == [0, 1, 0, 0, 1, 2]
    assert n_slots == 3
    slots, n_slots = slots_of(torch.zeros(0, dtype=torch.int64))
    assert (slots.tolist(), n_slots) == ([], 0)


def test_readable_is_inside_the_span_and_no_padding():
    contexts = make_contexts(lengths=(3, 4), n_pairs=(1, 1))
    assert contexts.mask.tolist() == [[True, True, True, False], [True] * 4]
    span = torch.tensor([[[0, 4], [1, 2]], [[1, 4], [0, 0]]])
    assert readable(contexts, span).int().tolist() == [[[1, 1, 1, 0], [0, 1, 0, 0]], [[0, 1, 1, 1], [0, 0, 0, 0]]]
