"""The scorer of pairs: independent of how pairs are put together, right gradients."""

import math
from dataclasses import replace
from functools import partial

import numpy
import pytest
import torch
from torch import nn

from spacy_relext.candidates import Candidates
from spacy_relext.errors import RelextError
from spacy_relext.ml.contexts import make_batch, make_chunks
from spacy_relext.ml.head import PairScorer, gather, mean_of_spans
from spacy_relext.ml.patches.torch_bfloat16 import PaddedLinear
from spacy_relext.ml.summaries import Attention, Between, Lstm, Mentions, PairAttention, Piecewise

WIDTH, N_TYPES, N_LABELS = 6, 3, 4
IN_ORDER = "mentions, also in the order of the text"
SUMMARIES = {
    "pair_attention": partial(PairAttention, n_heads=2),
    "mentions": Mentions,
    IN_ORDER: Mentions,
    "between": Between,
    "piecewise": Piecewise,
}
# Those that say which positions they look at.
WITH_WEIGHTS = {"pair_attention", "attention"}
OTHERS = {"attention": partial(Attention, beside="mentions"), "bilstm": partial(Lstm, bidirectional=True, beside="mentions")}


def make_scorer(summary="pair_attention", hidden_width=5, max_cells=2**20, seed=0):
    """A scorer in float64 and evaluation mode, none of whose parameters is zero."""
    torch.manual_seed(seed)
    made = {**SUMMARIES, **OTHERS}[summary]()
    scorer = PairScorer(made, hidden_width=hidden_width, max_cells=max_cells, text_order=summary == IN_ORDER)
    scorer.build(width=WIDTH, n_types=N_TYPES, n_labels=N_LABELS)
    scorer = scorer.double().eval()
    scorer.scale = 1.0
    with torch.no_grad():
        for parameter in scorer.parameters():
            parameter.copy_(torch.randn_like(parameter) / 2)
    return scorer


def make_doc(length, mentions, sentence=None, seed=0):
    """Token vectors, and all pairs of the mentions, each reading the sentences (of equal length) that it lies in."""
    sentence = sentence or length
    pairs = [(i, j) for i in range(len(mentions)) for j in range(len(mentions)) if i != j]
    contexts = []
    for i, j in pairs:
        first, end = min(mentions[i][0], mentions[j][0]), max(mentions[i][1], mentions[j][1])
        contexts.append((first // sentence * sentence, min(-(-end // sentence) * sentence, length)))
    candidates = Candidates(
        mentions=numpy.asarray(mentions, dtype="int64").reshape(-1, 3),
        labels=["DRUG"] * len(mentions),
        pairs=numpy.asarray(pairs, dtype="int64").reshape(-1, 2),
        contexts=numpy.asarray(contexts, dtype="int64").reshape(-1, 2),
    )
    vectors = torch.tensor(numpy.random.default_rng(seed).normal(size=(length, WIDTH)))
    return vectors, candidates


# Overlapping and nested mentions; one sentence; a single mention; no token; many pairs in rows of several lengths.
DOCS = [
    make_doc(7, [(0, 3, 1), (1, 2, 2), (2, 5, 1), (6, 7, 0)], seed=1),
    make_doc(4, [(1, 2, 1)], seed=2),
    make_doc(0, [], seed=3),
    make_doc(30, [(i, i + 1 + i % 3, i % 3) for i in range(0, 27, 3)], sentence=10, seed=4),
    make_doc(2, [(0, 1, 2), (1, 2, 2)], seed=5),
]


def score(scorer, docs, **settings):
    tokens = torch.cat([vectors for vectors, _ in docs])
    return scorer(tokens, make_batch([len(v) for v, _ in docs], [c for _, c in docs]), **settings)


@pytest.mark.parametrize("summary", SUMMARIES)
def test_scores_do_not_depend_on_the_batch(summary):
    scorer = make_scorer(summary)
    alone = [score(scorer, [doc]) for doc in DOCS]
    assert [tuple(logits.shape) for logits in alone] == [(12, N_LABELS), (0, N_LABELS), (0, N_LABELS), (72, N_LABELS), (2, N_LABELS)]
    torch.testing.assert_close(score(scorer, DOCS), torch.cat(alone), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(score(scorer, DOCS[::-1]), torch.cat(alone[::-1]), rtol=1e-10, atol=1e-12)
    # And no two pairs have the same scores, which would make any order right.
    assert len({tuple(logits.tolist()) for logits in torch.cat(alone)}) == 86


@pytest.mark.parametrize("summary", SUMMARIES)
def test_scores_and_gradients_do_not_depend_on_the_size_of_the_chunks(summary):
    scorer = make_scorer(summary)
    batch = make_batch([len(v) for v, _ in DOCS], [c for _, c in DOCS])
    results, n_chunks = [], []
    for max_cells in (1, 200, 1000, 2**20):
        scorer.max_cells = max_cells
        scorer.zero_grad()
        n_chunks.append(len(list(make_chunks(batch, max_cells))))
        tokens = torch.cat([vectors for vectors, _ in DOCS]).requires_grad_()
        logits = scorer(tokens, batch)
        (logits * torch.arange(1.0, 1 + logits.numel()).reshape(logits.shape)).sum().backward()
        results.append([logits.detach(), tokens.grad, *(p.grad.clone() for p in scorer.parameters())])
    assert len(set(n_chunks)) >= 3
    assert n_chunks == sorted(n_chunks, reverse=True)
    for result in results[:-1]:
        for found, expected in zip(result, results[-1], strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("max_tokens", [1, 12, 1000])
@pytest.mark.parametrize("summary", [*SUMMARIES, "attention"])
def test_scores_do_not_depend_on_the_size_of_the_portions(summary, max_tokens, monkeypatch):
    scorer = make_scorer(summary)
    expected = score(scorer, DOCS)
    widest = []
    read = scorer.summary.read

    def watched(tokens, types):
        widest.append(len(tokens) - 1)
        return read(tokens, types)

    monkeypatch.setattr(scorer.summary, "read", watched)
    monkeypatch.setattr("spacy_relext.ml.head.MAX_TOKENS", max_tokens)
    torch.testing.assert_close(score(scorer, DOCS), expected, rtol=1e-10, atol=1e-12)
    # 39 tokens are in rows, the longest of which has 30.
    assert len(widest) > 1 if max_tokens < 1000 else widest == [39]
    assert max(widest) <= max(max_tokens, 30)
    # It is called with the numbers of the pairs among all.
    if summary in WITH_WEIGHTS:
        told = {}
        score(scorer, DOCS, on_weights=lambda pairs, weights: told.update(zip(pairs.tolist(), weights, strict=True)))
        monkeypatch.setattr("spacy_relext.ml.head.MAX_TOKENS", 10**6)
        whole = {}
        score(scorer, DOCS, on_weights=lambda pairs, weights: whole.update(zip(pairs.tolist(), weights, strict=True)))
        assert sorted(told) == sorted(whole) == list(range(86))
        for pair, weights in whole.items():
            numpy.testing.assert_allclose(told[pair], weights, rtol=1e-5)


def test_holes_in_the_heap_are_given_back_after_so_many_cells(monkeypatch):
    given = []
    monkeypatch.setattr("spacy_relext.ml.head.release_freed_memory", lambda: given.append(True))
    scorer = make_scorer(max_cells=60)
    score(scorer, DOCS)
    assert not given
    monkeypatch.setattr("spacy_relext.ml.head.CELLS_KEPT", 0)
    score(scorer, DOCS)
    batch = make_batch([len(vectors) for vectors, _ in DOCS], [candidates for _, candidates in DOCS])
    assert len(given) == len(list(make_chunks(batch, 60))) > 2


@pytest.mark.parametrize("hidden_width", [0, 5])
@pytest.mark.parametrize("summary", [*SUMMARIES, "attention"])
def test_training_without_dropout_scores_as_prediction_does(summary, hidden_width):
    """Prediction multiplies head and tail once per mention, training once per pair."""
    scorer = make_scorer(summary, hidden_width)
    predicted = score(scorer, DOCS)
    torch.testing.assert_close(score(scorer.train(), DOCS), predicted, rtol=1e-10, atol=1e-12)


def test_what_is_dropped_of_a_mention_is_dropped_for_one_pair():
    """Two mentions, six times the same pair; with one drop a mention all scores would be the same, whatever is dropped."""
    torch.manual_seed(0)
    scorer = make_scorer("mentions", hidden_width=0).train()
    candidates = Candidates(numpy.asarray([(0, 1, 1), (1, 2, 1)]), ["DRUG"] * 2, numpy.asarray([(0, 1)] * 6), numpy.asarray([(0, 2)] * 6))
    assert len({tuple(logits.tolist()) for logits in score(scorer, [(DOCS[4][0], candidates)], dropout=0.5)}) > 1


def test_pairs_in_any_order_have_the_same_scores():
    scorer = make_scorer()
    vectors, candidates = DOCS[3]
    order = numpy.random.default_rng(0).permutation(len(candidates.pairs))
    shuffled = Candidates(candidates.mentions, candidates.labels, candidates.pairs[order], candidates.contexts[order])
    expected = score(scorer, [(vectors, candidates)])[torch.tensor(order)]
    torch.testing.assert_close(score(scorer, [(vectors, shuffled)]), expected, rtol=1e-10, atol=1e-12)


def test_pairs_that_share_a_window_score_as_if_alone():
    """Contexts across sentences, so many that rows are shared: what lies in the window beyond the context is not read."""
    vectors, candidates = make_doc(24, [(i, i + 1, 1) for i in range(24)], sentence=1, seed=6)
    batch = make_batch([24], [candidates])
    assert (batch.rows[batch.row] != batch.spans).any()
    scorer = make_scorer()
    together = score(scorer, [(vectors, candidates)])
    for pair in (0, 100, 333, 551):
        alone = Candidates(candidates.mentions, candidates.labels, candidates.pairs[[pair]], candidates.contexts[[pair]])
        torch.testing.assert_close(score(scorer, [(vectors, alone)]), together[[pair]], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("summary", ["mentions", IN_ORDER])
def test_mention_scores_by_hand(summary):
    """Without a hidden layer the logits are linear in the means of head and tail, and of the first and the second mention of the text."""
    scorer = make_scorer(summary, hidden_width=0)
    vectors, candidates = DOCS[0]
    logits = score(scorer, [DOCS[0]])
    weight, bias = (p.detach().numpy() for p in (scorer.output.weight, scorer.output.bias))
    for (head, tail), found in zip(candidates.pairs, logits, strict=True):
        spans = [tuple(candidates.mentions[mention, :2]) for mention in (head, tail)]
        # Of the mentions (0, 3) and (1, 2), the first is the one that begins before the other, though it ends later.
        spans += sorted(spans) if summary == IN_ORDER else []
        means = [vectors[start:end].numpy().mean(axis=0) for start, end in spans]
        numpy.testing.assert_allclose(found.detach().numpy(), weight @ numpy.concatenate(means) + bias)


def test_pairs_of_both_directions_have_what_is_read_in_the_order_of_the_text_in_common():
    scorer = make_scorer(IN_ORDER, hidden_width=0)
    _, candidates = DOCS[0]
    with torch.no_grad():
        scorer.output.weight[:, : 2 * WIDTH] = 0
    scores = {tuple(pair): logits for pair, logits in zip(candidates.pairs.tolist(), score(scorer, [DOCS[0]]), strict=True)}
    for (head, tail), logits in scores.items():
        torch.testing.assert_close(scores[tail, head], logits)
    assert len({tuple(numpy.round(logits.tolist(), 9)) for logits in scores.values()}) == len(scores) / 2


def test_mentions_in_the_order_of_the_text_need_a_summary_that_stands_beside_mentions():
    message = (
        r"text_order = true .* the summary attention is read without them\. .* spacy-relext\.mentions\.v1, spacy-relext\.between\.v1, "
        r"spacy-relext\.piecewise\.v1, "
    )
    with pytest.raises(RelextError, match=message):
        PairScorer(Attention(beside="nothing"), hidden_width=5, max_cells=100, text_order=True)


def test_a_hidden_layer_is_a_gelu_between_two_linear_layers():
    scorer = make_scorer("mentions")
    vectors, _ = DOCS[4]
    gelu = numpy.vectorize(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2)
    w1, b1, w2, b2 = (p.detach().numpy() for layer in (scorer.hidden, scorer.output) for p in (layer.weight, layer.bias))
    assert w1.shape == (5, 2 * WIDTH)
    expected = w2 @ gelu(w1 @ numpy.concatenate([vectors[0], vectors[1]]) + b1) + b2
    numpy.testing.assert_allclose(score(scorer, [DOCS[4]])[0].detach().numpy(), expected)


def test_nothing_to_score_has_the_columns_of_the_labels():
    scorer = make_scorer()
    assert score(scorer, [DOCS[1], DOCS[2]]).shape == (0, N_LABELS)
    assert scorer(torch.zeros(0, WIDTH, dtype=torch.float64), make_batch([], [])).shape == (0, N_LABELS)


# Gradients


def finite_difference(function, values, index, step=1e-6):
    """Derivative of a function of no arguments with respect to one entry of a tensor that it reads."""
    with torch.no_grad():
        flat = values.view(-1)
        old = flat[index].item()
        flat[index] = old + step
        above = function().item()
        flat[index] = old - step
        below = function().item()
        flat[index] = old
    return (above - below) / (2 * step)


@pytest.mark.parametrize("hidden_width", [0, 5])
@pytest.mark.parametrize("summary", SUMMARIES)
def test_gradients_of_tokens_and_weights_are_finite_differences(summary, hidden_width):
    """Mentions overlap and are in several pairs, tokens in several mentions: their gradients are sums."""
    docs = [DOCS[0], DOCS[4], make_doc(9, [(0, 2, 1), (1, 2, 2), (4, 6, 1), (8, 9, 2)], sentence=3, seed=7)]
    scorer = make_scorer(summary, hidden_width, max_cells=60)
    batch = make_batch([len(v) for v, _ in docs], [c for _, c in docs])
    assert len(list(make_chunks(batch, 60))) > 2
    tokens = torch.cat([vectors for vectors, _ in docs]).requires_grad_()
    factors = torch.tensor(numpy.random.default_rng(1).normal(size=(len(batch.pairs), N_LABELS)))

    def loss():
        return (scorer(tokens, batch) * factors).sum()

    loss().backward()
    rng = numpy.random.default_rng(2)
    for i in [*range(42), *rng.choice(range(42, tokens.numel()), size=20, replace=False).tolist()]:  # the first Doc, parts of the others
        assert tokens.grad.view(-1)[i].item() == pytest.approx(finite_difference(loss, tokens, i), rel=1e-5, abs=1e-7), i
    for name, parameter in scorer.named_parameters():
        gradient = parameter.grad.view(-1)
        assert (gradient != 0).any(), name
        for i in rng.choice(len(gradient), size=min(12, len(gradient)), replace=False).tolist():
            if name == "summary.token_type.weight" and i < WIDTH:  # the vector of "in no mention" stays zero
                assert gradient[i] == 0
                continue
            assert gradient[i].item() == pytest.approx(finite_difference(loss, parameter, i), rel=1e-5, abs=1e-7), (name, i)


def test_means_of_spans_by_hand():
    tokens = torch.tensor([[1.0, 10.0], [2.0, 20.0], [6.0, 0.0], [4.0, 8.0]])
    spans = torch.tensor([[1, 2, 9], [0, 3, 9], [2, 4, 9], [1, 2, 9]])
    assert mean_of_spans(tokens, spans).tolist() == [[2.0, 20.0], [3.0, 10.0], [5.0, 4.0], [2.0, 20.0]]
    assert mean_of_spans(tokens, torch.zeros((0, 3), dtype=torch.int64)).shape == (0, 2)


def test_padding_of_rows_is_masked_and_zero():
    # Rows of 3 and 5 tokens, put together: the shorter one has two places of padding.
    vectors, docs = zip(*(make_doc(n, [(0, 1, 1), (n - 1, n, 2)], seed=n) for n in (3, 5)), strict=True)
    tokens = torch.cat(vectors)
    batch = make_batch([3, 5], docs)
    (chunk,) = make_chunks(batch, 2**20)
    mentions = torch.as_tensor(batch.mentions)
    read = torch.cat([tokens, tokens.new_zeros((1, WIDTH))])
    counts = torch.tensor([True] * 8 + [False])
    contexts = gather(read, counts, mentions, mean_of_spans(tokens, mentions), batch, chunk, numpy.arange(9))
    sizes = (chunk.rows[:, 1] - chunk.rows[:, 0]).tolist()
    assert sorted(sizes) == [3, 5]
    assert contexts.mask.sum(dim=1).tolist() == sizes
    assert contexts.mask[:, 0].all()
    for row, size, (first, end) in zip(contexts.tokens, sizes, chunk.rows.tolist(), strict=True):
        assert torch.equal(row[:size], tokens[first:end])
        assert not row[size:].any()


def with_white_space(vectors, candidates, before):
    """The same with a token of zeros, as white space is, before each of some tokens, from the last to the first."""
    mentions, contexts = candidates.mentions.copy(), candidates.contexts.copy()
    for place in before:
        vectors = torch.cat([vectors[:place], vectors.new_zeros((1, WIDTH)), vectors[place:]])
        for spans in (mentions, contexts):
            spans[:, 0] += spans[:, 0] >= place
            spans[:, 1] += spans[:, 1] > place
    return vectors, replace(candidates, mentions=mentions, contexts=contexts)


@pytest.mark.parametrize("summary", [*SUMMARIES, *OTHERS])
def test_white_space_changes_nothing(summary):
    """Between the mentions, inside of them, around them."""
    scorer = make_scorer(summary)
    if summary == "pair_attention":
        # White space is a token, and counts for distances.
        with torch.no_grad():
            scorer.summary.distance_bias.zero_()
            scorer.summary.distance_value.zero_()
    docs = [with_white_space(*DOCS[0], (6, 4, 2, 1, 0)), with_white_space(*DOCS[3], (29, 20, 11, 11, 5))]
    assert [len(vectors) for vectors, _ in docs] == [12, 35]
    torch.testing.assert_close(score(scorer, docs), score(scorer, [DOCS[0], DOCS[3]]), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("summary", [*SUMMARIES, *OTHERS])
def test_a_text_that_nobody_encoded_has_scores_that_do_not_depend_on_the_batch(summary):
    scorer = make_scorer(summary)
    vectors, candidates = DOCS[0]
    empty = torch.zeros_like(vectors), candidates
    alone = score(scorer, [empty])
    assert alone.isfinite().all()
    torch.testing.assert_close(score(scorer, [DOCS[3], empty])[-len(alone) :], alone, rtol=1e-10, atol=1e-12)


def test_gradients_of_shared_tokens_are_summed():
    """Token 1 is in three of these spans: alone, as one of three, and alone again: 1 + 1/3 + 1."""
    tokens = torch.ones(4, 1, dtype=torch.float64, requires_grad=True)
    mean_of_spans(tokens, torch.tensor([[1, 2], [0, 3], [2, 4], [1, 2]])).sum().backward()
    numpy.testing.assert_allclose(tokens.grad.numpy()[:, 0], [1 / 3, 7 / 3, 1 / 3 + 1 / 2, 1 / 2])


# Dropout, sizes, further labels


@pytest.mark.parametrize("hidden_width", [0, 5])
def test_dropout_only_in_training(hidden_width):
    scorer = make_scorer(hidden_width=hidden_width)
    expected = score(scorer, DOCS)
    torch.testing.assert_close(score(scorer, DOCS, dropout=0.5), expected, rtol=0, atol=0)
    scorer.train()
    torch.testing.assert_close(score(scorer, DOCS, dropout=0.0), expected, rtol=1e-10, atol=1e-12)
    first, second = score(scorer, DOCS, dropout=0.5), score(scorer, DOCS, dropout=0.5)
    assert not torch.allclose(first, expected)
    assert not torch.allclose(first, second)


def test_dropout_takes_its_share_of_the_summary():
    """Ones through a layer of ones: the logit counts what was kept, twice as large. Expected 0.5 * 2 * 12, whatever is dropped."""
    scorer = make_scorer("mentions", hidden_width=0).train()
    with torch.no_grad():
        scorer.output.weight.fill_(1)
        scorer.output.bias.fill_(0)
    torch.manual_seed(0)
    vectors, candidates = DOCS[3]
    logits = score(scorer, [(torch.ones_like(vectors), candidates)], dropout=0.5)
    assert logits.mean().item() == pytest.approx(12, abs=1)
    assert {round(x, 6) for x in logits.flatten().tolist()} <= {2.0 * kept for kept in range(13)}
    assert logits.std() > 1


def test_resizing_keeps_what_is_said_of_the_old_labels():
    scorer = make_scorer()
    before = score(scorer, DOCS).detach()
    hidden = scorer.hidden.weight.clone()
    scorer.resize(N_LABELS + 2)
    after = score(scorer, DOCS).detach()
    assert after.shape == (86, N_LABELS + 2)
    torch.testing.assert_close(after[:, :N_LABELS], before, rtol=1e-12, atol=1e-12)
    assert (after[:, N_LABELS:] == 0).all()
    assert scorer.sizes == {"width": WIDTH, "n_types": N_TYPES, "n_labels": N_LABELS + 2}
    assert (scorer.hidden.weight == hidden).all()
    assert scorer.output.weight.requires_grad


def test_all_linear_layers_compute_with_few_shapes():
    scorer = make_scorer()
    scorer.resize(N_LABELS + 2)
    assert {type(layer) for layer in scorer.modules() if isinstance(layer, nn.Linear)} == {PaddedLinear}


def test_building_again_changes_the_sizes():
    scorer = make_scorer()
    scorer.build(width=4, n_types=2, n_labels=7)
    vectors, candidates = make_doc(2, [(0, 1, 1), (1, 2, 0)])
    assert scorer.sizes == {"width": 4, "n_types": 2, "n_labels": 7}
    assert scorer(vectors[:, :4].float(), make_batch([2], [candidates])).shape == (2, 7)


# The scale of the encoder


@pytest.mark.parametrize(("factor", "scale"), [(0.16, 1.0), (0.3, 1.0), (0.58, 1.0), (0.1, 4.0), (0.03, 16.0), (6.0, 1 / 16)])
def test_the_first_training_batch_sets_the_scale_of_the_encoder(factor, scale):
    scorer = make_scorer()
    scorer.scale = None
    doc, other = ((factor * vectors / vectors.std(), candidates) for vectors, candidates in (DOCS[3], DOCS[0]))
    before = score(scorer, [doc])
    assert scorer.scale is None  # prediction leaves the module as it is
    after = score(scorer.train(), [doc])
    assert scorer.scale == scale
    score(scorer, [(100 * other[0], other[1])])
    assert scorer.scale == scale
    # It is the vectors that are multiplied.
    torch.testing.assert_close(score(scorer.eval(), [(doc[0] / scale, doc[1])]), before)
    torch.testing.assert_close(score(scorer, [doc]), after)


def test_a_dimension_that_says_nothing_does_not_set_the_scale():
    scorer = make_scorer().train()
    scorer.scale = None
    vectors, candidates = DOCS[3]
    vectors = 0.3 * vectors / vectors.std()
    vectors[:, 0] += 40.0
    score(scorer, [(vectors, candidates)])
    assert scorer.scale == 1.0


@pytest.mark.parametrize("value", [0.0, 1.0, math.nan, math.inf, 1e200])
def test_a_batch_that_says_nothing_does_not_set_the_scale(value):
    scorer = make_scorer().train()
    scorer.scale = None
    score(scorer, [DOCS[1], DOCS[2]])  # no pair
    vectors, candidates = DOCS[3]
    score(scorer, [(torch.full_like(vectors, value), candidates)])
    assert scorer.scale is None


def test_tokens_that_nobody_encoded_do_not_count_for_the_scale():
    scorer = make_scorer().train()
    scorer.scale = None
    vectors, candidates = DOCS[3]
    vectors = 2.0 * vectors / vectors.std()
    vectors[12:] = 0
    score(scorer, [(vectors, candidates)])
    assert scorer.scale == 1 / 4


def test_new_labels_keep_the_scale_and_new_layers_do_not():
    scorer = make_scorer()
    scorer.scale = 4.0
    scorer.resize(N_LABELS + 1)
    assert scorer.scale == 4.0
    scorer.build(width=WIDTH, n_types=N_TYPES, n_labels=N_LABELS)
    assert scorer.scale is None
