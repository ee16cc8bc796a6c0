"""Ways to summarise the encoder's last layer for a pair of mentions.

A summary is a torch module that turns `Contexts` (padded token vectors, and where each pair's mentions stand in them) into one
vector a pair, `[n_pairs, summary.width]`, and says which tokens it looked at. A new way of reading the last layer is one class
here and one entry point: see `spacy_relext.ml.architectures`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from spacy_relext.errors import RelextError

# Distances 0, 1, 2, 3-4, 5-8, 9-16, 17-32, 33 and more, to the left and to the right of a mention.
DISTANCE_STEPS = (1, 2, 3, 5, 9, 17, 33)
N_DISTANCES = 2 * len(DISTANCE_STEPS) + 1


class Contexts(NamedTuple):
    """Token vectors of some contexts, and the pairs that are read from them.

    A *row* is a stretch of a document, usually a sentence. Pairs are sorted by row.
    """

    tokens: Tensor  # float [n_rows, length, n], what `Summary.read` makes of the token vectors; of zeros where padded
    mask: Tensor  # bool [n_rows, length], true where there is a token
    row: Tensor  # int [n_pairs], ascending
    span: Tensor  # int [n_pairs, 2], the tokens of the row that the pair reads
    head: Tensor  # int [n_pairs, 2], tokens of the head, relative to the row
    tail: Tensor  # int [n_pairs, 2]
    head_vector: Tensor  # float [n_pairs, width], mean of the head's token vectors
    tail_vector: Tensor  # float [n_pairs, width]
    head_type: Tensor  # int [n_pairs], 1 + index of the mention type; 0 = unknown type
    tail_type: Tensor  # int [n_pairs]


class Summary(nn.Module):
    """What every summary offers: its output width, what it computes once a token, and a forward pass over `Contexts`."""

    width: int

    def read(self, tokens: Tensor, types: Tensor) -> Tensor:
        """What is computed once a token, however many rows it is in. As a rule nothing: the token vectors themselves.

        tokens: [n_tokens, width]. types: int [n_tokens], type of the mention that the token is in; 0 = in none.
        RETURNS: [n_tokens, n]; in `Contexts.tokens` these are put into rows.
        """
        return tokens

    def forward(self, contexts: Contexts) -> tuple[Tensor, Tensor | None]:
        """Summarise the pairs of `contexts`.

        RETURNS: vectors `[n_pairs, self.width]`, and the weight of each token, `[n_pairs, length]`, every row summing to 1,
            or None where the summary has no such weights.
        """
        raise NotImplementedError


# From the width of the token vectors and the number of mention types to a summary.
SummaryFactory = Callable[[int, int], Summary]


class Mentions(Summary):
    """Head and tail vectors side by side: what spaCy's relation tutorial reads, and the baseline to beat."""

    def __init__(self, width: int, n_types: int):
        super().__init__()
        self.width = 2 * width

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        return torch.cat([contexts.head_vector, contexts.tail_vector], dim=-1), None


class PairAttention(Summary):
    """Head, tail, and a multi-head attention over all tokens whose query comes from the two.

    With x_t the vector of token t plus a learned vector for the type of the mention it is in, and b_h(t), b_t(t) its
    bucketed signed distances to head and tail, each attention head computes

        a_t = softmax_t( q·K x_t / sqrt(d) + u[b_h(t)] + w[b_t(t)] )
        y   = sum_t a_t (V x_t + r[b_h(t)] + s[b_t(t)])

    where q = Q gelu(P [head; tail] + type vectors). The sums over r and s are taken bucket by bucket, from the attention mass
    that falls into each, so that nothing of size pairs x tokens x width is ever held: only pairs x tokens x heads.
    """

    def __init__(self, width: int, n_types: int, *, n_heads: int = 6):
        super().__init__()
        if not 0 < n_heads <= width:
            raise RelextError(f"pair_attention: n_heads is {n_heads}; it must lie between 1 and the token width, {width}.")
        self.width = 3 * width
        self.n_heads = n_heads
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
        return self.key_value(tokens + self.token_type(types))

    def forward(self, contexts: Contexts) -> tuple[Tensor, Tensor]:
        n_rows, length, _ = contexts.tokens.shape
        slot, n_slots = slots_of(contexts.row)
        where = (contexts.row, slot)

        def by_row(values: Tensor) -> Tensor:  # [n_pairs, ...] -> [n_rows, n_slots, ...]
            return values.new_zeros((n_rows, n_slots, *values.shape[1:])).index_put(where, values)

        types = self.head_type(contexts.head_type) + self.tail_type(contexts.tail_type)
        pair = self.pair(torch.cat([contexts.head_vector, contexts.tail_vector], dim=-1))
        query = by_row(self.query(nn.functional.gelu(pair + types)))
        key, value = contexts.tokens.chunk(2, dim=-1)

        def heads(x: Tensor) -> Tensor:  # [n_rows, n, width] -> [n_rows, n_heads, n, size]
            return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)

        query, key, value = heads(query), heads(key), heads(value)
        spans = torch.stack([by_row(contexts.head), by_row(contexts.tail)], dim=2)  # [n_rows, n_slots, 2, 2]
        # The tokens of a distance bucket stand together: a bias a bucket is a step function, a sum over a bucket a difference of
        # running sums. Both take one pass over the tokens, whatever the number of buckets.
        bounds = distance_bounds(spans, length)[:, None].expand(-1, self.n_heads, -1, -1, -1)  # [n_rows, n_heads, n_slots, 2, buckets + 1]
        steps = self.distance_bias.diff(dim=1, prepend=torch.zeros_like(self.distance_bias[:, :1]))
        steps = steps.permute(2, 0, 1).flatten(1)[:, None].expand(n_rows, -1, n_slots, -1)  # [n_rows, n_heads, n_slots, 2 * buckets]
        bias = steps.new_zeros((n_rows, self.n_heads, n_slots, length + 1))
        bias = bias.scatter_add(-1, bounds[..., :-1].flatten(-2), steps).cumsum(-1)[..., :length]
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]) + bias  # [n_rows, n_heads, n_slots, length]
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))  # half precision is too coarse for the softmax
        # Unused slots read nothing, and get equal weights that nobody looks at.
        scores = scores.masked_fill(~readable(contexts, by_row(contexts.span))[:, None], torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=-1)
        running = nn.functional.pad(weights.cumsum(dim=-1), (1, 0))
        mass = running.gather(-1, bounds.flatten(-2)).unflatten(-1, (2, -1)).diff(dim=-1).flatten(-2)
        attended = weights.to(value.dtype) @ value + mass.to(value.dtype) @ self.distance_value.transpose(0, 1).flatten(1, 2)
        attended = attended.transpose(1, 2).flatten(-2)[where]  # [n_pairs, width]
        summary = torch.cat([contexts.head_vector, contexts.tail_vector, self.output(attended)], dim=-1)
        return summary, weights.mean(dim=1)[where]


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
    position = torch.arange(contexts.mask.shape[1], device=span.device)
    inside = (position >= span[..., :1]) & (position < span[..., 1:])
    return inside & contexts.mask[:, None]
