"""Summaries that know the pair: for texts that are encoded once for all their pairs."""

import math

import torch
from torch import Tensor, nn

from spacy_relext.errors import RelextError
from spacy_relext.ml.patches.torch_bfloat16 import linear
from spacy_relext.ml.summaries.base import Contexts, Summary, attend, linear_of_pair, within

# Distances 0, 1, 2, 3-4, 5-8, 9-16, 17-32, 33 and more, to the left and to the right of a mention.
DISTANCE_STEPS = (1, 2, 3, 5, 9, 17, 33)
N_DISTANCES = 2 * len(DISTANCE_STEPS) + 1


class Mentions(Summary):
    """The vectors of head and tail, as in spaCy's relation tutorial: the baseline to beat. Registered as `spacy-relext.mentions.v1`."""

    beside_mentions = True

    def build(self, width: int, n_types: int) -> None:
        self.width = 0

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        return contexts.heads.new_zeros((len(contexts.row), 0)), None


class Between(Summary):
    """The largest value of each dimension over the tokens between head and tail, beside these two; zeros where nothing stands between them.

    It is the local context of SpERT (Eberts & Ulges, arXiv:1909.07755). Registered as `spacy-relext.between.v1`.
    """

    beside_mentions = True

    def build(self, width: int, n_types: int) -> None:
        self.width = width

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        return largest_values(contexts.tokens, contexts.mask, contexts.row, between(contexts.head, contexts.tail)), None


class Piecewise(Summary):
    """The largest value of each dimension before, between and after the two mentions, beside these: every token that the pair reads.

    It is the piecewise max pooling of PCNN (Zeng et al., EMNLP 2015, D15-1203), on the encoder's last layer. Where nothing stands in a
    piece it is zeros. Registered as `spacy-relext.piecewise.v1`.
    """

    beside_mentions = True

    def build(self, width: int, n_types: int) -> None:
        self.width = 3 * width

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        spans = pieces(contexts.span, contexts.head, contexts.tail)
        row = contexts.row.repeat_interleave(spans.shape[1])
        return largest_values(contexts.tokens, contexts.mask, row, spans.flatten(0, 1)).view(-1, self.width), None


class PairAttention(Summary):
    """A multi-head attention over all tokens whose query comes from head and tail, beside these two.

    With x_t the vector of token t plus a learned vector for the type of the mention it is in, and b_h(t), b_t(t) its
    bucketed signed distances to head and tail, each attention head computes

        a_t = softmax_t( q·K x_t / sqrt(d) + u[b_h(t)] + w[b_t(t)] )
        y   = sum_t a_t (V x_t + r[b_h(t)] + s[b_t(t)])

    where q = Q gelu(P [head; tail] + type vectors). The sums over r and s are taken bucket by bucket, from the attention mass
    that falls into each, so that nothing of size pairs x tokens x width is ever held: only pairs x tokens x heads.
    Registered as `spacy-relext.pair_attention.v1`.

    n_heads (int): Attention heads, each as wide as the token vectors divided by it.
    """

    beside_mentions = True

    def __init__(self, n_heads: int = 6):
        super().__init__()
        self.n_heads = n_heads

    def build(self, width: int, n_types: int) -> None:
        n_heads = self.n_heads
        if not 0 < n_heads <= width:
            raise RelextError(f"pair_attention: n_heads is {n_heads}; it must lie between 1 and the token width, {width}.")
        self.width = width
        # Where the heads do not divide the width, a few dimensions are left to the other vectors.
        size = width // n_heads
        inner = n_heads * size
        self.pair = nn.Linear(2 * width, width)
        self.head_type = nn.Embedding(n_types, width)
        self.tail_type = nn.Embedding(n_types, width)
        self.token_type = nn.Embedding(n_types, width, padding_idx=0)
        self.query = nn.Linear(width, inner)
        self.key_value = nn.Linear(width, 2 * inner)
        self.output = nn.Linear(inner, width)
        self.distance_bias = nn.Parameter(torch.zeros(2, N_DISTANCES, n_heads))
        self.distance_value = nn.Parameter(torch.zeros(2, n_heads, N_DISTANCES, size))
        for embedding in (self.head_type, self.tail_type, self.token_type):
            nn.init.normal_(embedding.weight, std=0.02)
        with torch.no_grad():
            self.token_type.weight[0].zero_()

    def read(self, tokens: Tensor, types: Tensor) -> Tensor:
        in_mention = types.nonzero()[:, 0]
        # The product is taken once per type, and added in place: tokens are many, and nearly all are in no mention. The bias is left
        # to `forward`: all keys have the same one, which softmax does not see, and a sum of values with weights of sum 1 has it once.
        of_types = linear(self.token_type.weight, self.key_value.weight)
        return linear(tokens, self.key_value.weight).index_add_(0, in_mention, of_types[types[in_mention]])

    def forward(self, contexts: Contexts) -> tuple[Tensor, Tensor | None]:
        n_rows, length, _ = contexts.tokens.shape
        slot, n_slots = slots_of(contexts.row)
        where = (contexts.row, slot)

        # A crowded sentence is cut into blocks of one size: nothing is to be padded.
        full = len(contexts.row) == n_rows * n_slots

        def by_row(values: Tensor) -> Tensor:  # [n_pairs, ...] -> [n_rows, n_slots, ...]
            shape = (n_rows, n_slots, *values.shape[1:])
            return values.reshape(shape) if full else values.new_zeros(shape).index_put(where, values)

        def by_pair(values: Tensor) -> Tensor:  # the way back
            return values.flatten(0, 1) if full else values[where]

        pair = linear_of_pair(self.pair, contexts, types=(self.head_type, self.tail_type))
        query = by_row(self.query(nn.functional.gelu(pair)))
        query = query / math.sqrt(query.shape[-1] // self.n_heads)
        key, value = contexts.tokens.chunk(2, dim=-1)

        def heads(x: Tensor) -> Tensor:  # [n_rows, n, width] -> [n_rows, n_heads, n, size]
            return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)

        query, key, value = heads(query), heads(key), heads(value)
        # Where head and tail stand, and what the pair reads: [n_rows, n_slots, 3, 2].
        places = by_row(torch.stack([contexts.head, contexts.tail, contexts.span], dim=1))
        # The tokens of a distance bucket stand together: one bias per bucket is a step function, a sum over a bucket a difference of
        # running sums. Both take one pass over the tokens, whatever the number of buckets.
        bounds = distance_bounds(places[:, :, :2], length)[:, None]  # [n_rows, 1, n_slots, 2, buckets + 1]
        begins = bounds[..., :-1].flatten(-2).expand(-1, self.n_heads, -1, -1)
        steps = self.distance_bias.diff(dim=1, prepend=torch.zeros_like(self.distance_bias[:, :1]))
        steps = steps.permute(2, 0, 1).flatten(1)[:, None].expand(n_rows, -1, n_slots, -1)  # [n_rows, n_heads, n_slots, 2 * buckets]
        bias = steps.new_zeros((n_rows, self.n_heads, n_slots, length + 1)).scatter_add_(-1, begins, steps).cumsum(-1)[..., :length]
        weights = attend(query @ key.contiguous().transpose(-1, -2) + bias, readable(contexts, places[:, :, 2])[:, None])
        ends = bounds.flatten(-2)
        running = weights.cumsum(dim=-1).gather(-1, (ends - 1).clamp_min(0).expand(-1, self.n_heads, -1, -1)) * (ends > 0)
        mass = running.unflatten(-1, (2, -1)).diff(dim=-1).flatten(-2)
        attended = weights.to(value.dtype) @ value + mass.to(value.dtype) @ self.distance_value.transpose(0, 1).flatten(1, 2)
        bias_of_values = self.key_value.bias[self.key_value.out_features // 2 :]
        attended = by_pair(attended.transpose(1, 2).flatten(-2)) + bias_of_values.to(attended.dtype)  # [n_pairs, width]
        return self.output(attended), by_pair(weights.mean(dim=1)) if contexts.wants_weights else None


def between(heads: Tensor, tails: Tensor) -> Tensor:
    """The positions from the end of the one mention to the start of the other, int [n_pairs, 2]: none where end <= start."""
    return torch.stack([torch.minimum(heads[:, 1], tails[:, 1]), torch.maximum(heads[:, 0], tails[:, 0])], dim=1)


def pieces(spans: Tensor, heads: Tensor, tails: Tensor) -> Tensor:
    """The positions before, between and after two mentions in what the pair reads, int [n_pairs, 3, 2]: none where end <= start."""
    before = torch.stack([spans[:, 0], torch.minimum(heads[:, 0], tails[:, 0])], dim=1)
    after = torch.stack([torch.maximum(heads[:, 1], tails[:, 1]), spans[:, 1]], dim=1)
    return torch.stack([before, between(heads, tails), after], dim=1)


def largest_values(tokens: Tensor, mask: Tensor, row: Tensor, spans: Tensor) -> Tensor:
    """The largest value of each dimension over a stretch of a row, and zeros where nothing that counts stands in it.

    After k rounds a position has the largest of the 2^k tokens from there on, and any stretch is covered by two such runs. So a pair costs
    two reads, however long its stretch is, and each round holds as much as the tokens.

    tokens: [n_rows, length, width]. mask: bool [n_rows, length], which of them count. row: int [n].
    spans: int [n, 2], start and (exclusive) end.
    RETURNS: [n, width].
    """
    counts = nn.functional.pad(mask.cumsum(dim=1), (1, 0))
    counted = counts[row].gather(1, spans).diff(dim=1)[:, 0] > 0
    # A size is at least 2^(exponent - 1) and less than 2^exponent; 0 has the exponent 0.
    exponents = torch.frexp(((spans[:, 1] - spans[:, 0]) * counted).float()).exponent
    largest = tokens.new_zeros((len(row), tokens.shape[-1]))
    runs, length = tokens.masked_fill(~mask[..., None], torch.finfo(tokens.dtype).min), 1
    for exponent in range(1, int(exponents.max()) + 1 if len(row) else 0):
        if exponent > 1:
            # The last ones of a row go on at its beginning; nobody reads them.
            runs = torch.maximum(runs, runs.roll(-length, dims=1))
            length *= 2
        chosen = (exponents == exponent).nonzero()[:, 0]
        of_row, (start, end) = row[chosen], spans[chosen].unbind(1)
        largest = largest.index_copy(0, chosen, torch.maximum(runs[of_row, start], runs[of_row, end - length]))
    return largest


def slots_of(row: Tensor) -> tuple[Tensor, int]:
    """Number the pairs within their row, 0, 1, …; `row` is ascending.

    RETURNS: slots, int [n_pairs], and the largest number of pairs in a row.
    """
    counts = torch.bincount(row)
    first = counts.cumsum(0) - counts
    return torch.arange(len(row), device=row.device) - first[row], int(counts.max()) if len(row) else 0


def distance_bounds(spans: Tensor, length: int) -> Tensor:
    """Where the buckets of the signed distance to a span begin and end; the middle bucket is inside the span.

    spans: int [..., 2], start and (exclusive) end.
    RETURNS: int [..., N_DISTANCES + 1]: bucket i holds the tokens from the i-th bound to the next, between 0 and `length`.
    """
    steps = torch.tensor(DISTANCE_STEPS, device=spans.device)
    start, end = spans[..., :1], spans[..., 1:]
    first, last = torch.zeros_like(start), torch.full_like(start, length)
    return torch.cat([first, start + 1 - steps.flip(0), end - 1 + steps, last], dim=-1).clamp(min=0, max=length)


def readable(contexts: Contexts, span: Tensor) -> Tensor:
    """Which tokens each pair may read: those of its span that are no padding.

    span: int [n_rows, n_slots, 2].
    RETURNS: bool [n_rows, n_slots, length].
    """
    return within(span, contexts.mask.shape[1]) & contexts.mask[:, None]
