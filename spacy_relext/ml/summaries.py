"""Ways to summarise the encoder's last layer for a pair of mentions: the room of the paper (Su & Vijay-Shanker, arXiv:2011.00398).

A summary is a torch module that turns `Contexts` (padded vectors of the last layer, and where each pair's mentions stand in them) into
one vector per pair, `[n_pairs, summary.width]`, and says which positions it looked at. Its constructor takes the settings of a config, and
`build` makes the layers when the sizes are known. A new way of reading the last layer is one class and one entry point: see
`docs/reference/summaries.md`.
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from spacy_relext.errors import RelextError
from spacy_relext.ml.patches.torch_bfloat16 import linear

# Distances 0, 1, 2, 3-4, 5-8, 9-16, 17-32, 33 and more, to the left and to the right of a mention.
DISTANCE_STEPS = (1, 2, 3, 5, 9, 17, 33)
N_DISTANCES = 2 * len(DISTANCE_STEPS) + 1


class Contexts(NamedTuple):
    """Vectors of the last layer for some contexts, and the pairs that are read from them.

    A *row* is a stretch of a document, usually a sentence; a *position* in it is a token, or in the marked view a word piece. Pairs are
    sorted by row.
    """

    tokens: Tensor  # float [n_rows, length, n], what `Summary.read` makes of the vectors; of zeros where padded
    mask: Tensor  # bool [n_rows, length], true where there is a token; [CLS] and [SEP] are none
    row: Tensor  # int [n_pairs], ascending
    span: Tensor  # int [n_pairs, 2], the positions of the row that the pair reads
    head: Tensor  # int [n_pairs, 2], positions of the head, relative to the row
    tail: Tensor  # int [n_pairs, 2]
    heads: Tensor  # float [n_heads, width], means of the vectors of mentions, among them the heads of all pairs
    tails: Tensor  # float [n_tails, width]
    head_index: Tensor  # int [n_pairs], the pair's head in `heads`
    tail_index: Tensor  # int [n_pairs]
    head_types: Tensor  # int [n_heads], 1 + index of the mention type; 0 = unknown type
    tail_types: Tensor  # int [n_tails]
    cls: Tensor | None = None  # float [n_rows, n_layers, width], the vector of [CLS] after each layer; None in the shared view
    pooled: Tensor | None = None  # float [n_rows, width], the encoder's own pooler; None where it has none
    # float [n_rows, length, width] each, the positions' vectors after the embeddings and after each layer; given where `cls` is asked for
    layers: tuple[Tensor, ...] | None = None
    # What `linear_of_pair` computed of `heads` and `tails`, for a layer: kept for other contexts that have the same ones.
    products: dict[nn.Linear, tuple[Tensor, Tensor, Tensor]] | None = None
    # Whether anybody asks for the weights of positions; a summary that has to compute more for them may else give None.
    watched: bool = True

    @property
    def head_vector(self) -> Tensor:
        """Mean of the head's vectors, float [n_pairs, width]."""
        return self.heads.index_select(0, self.head_index)

    @property
    def tail_vector(self) -> Tensor:
        """Mean of the tail's vectors, float [n_pairs, width]."""
        return self.tails.index_select(0, self.tail_index)

    @property
    def head_type(self) -> Tensor:
        """Type of the head, int [n_pairs]."""
        return self.head_types[self.head_index]

    @property
    def tail_type(self) -> Tensor:
        """Type of the tail, int [n_pairs]."""
        return self.tail_types[self.tail_index]


class Summary(nn.Module):
    """What every summary offers: its output width, what it computes once per token, and a forward pass over `Contexts`."""

    # Set by `build`.
    width: int
    # Fields of `Contexts` that it cannot do without, of those that only some encoders give: "cls", "pooled".
    needs: frozenset[str] = frozenset()
    # Whether the vectors of head and tail are to stand before what `forward` returns. The scorer puts them there.
    beside_mentions: bool = False

    # Its own signature: a config is checked against it, and torch's takes anything.
    def __init__(self) -> None:
        super().__init__()

    def build(self, width: int, n_types: int) -> None:
        """Make the layers, anew where there are some.

        width: Length of a token vector. n_types: Mention types, *none* and *unknown* included.
        """
        raise NotImplementedError

    def read(self, tokens: Tensor, types: Tensor) -> Tensor:
        """What is computed once per token, however many rows it is in. As a rule nothing: the vectors themselves.

        tokens: [n_tokens, width]. types: int [n_tokens], type of the mention that the token is in; 0 = in none.
        RETURNS: [n_tokens, n]; in `Contexts.tokens` these are put into rows.
        """
        return tokens

    def forward(self, contexts: Contexts) -> tuple[Tensor, Tensor | None]:
        """Summarise the pairs of `contexts`.

        RETURNS: vectors `[n_pairs, self.width]`, and the weight of each position, `[n_pairs, length]`, every row summing to 1,
            or None where the summary has no such weights, or nobody asks (`Contexts.watched`).
        """
        raise NotImplementedError


class Mentions(Summary):
    """Head and tail vectors side by side, and nothing else: what spaCy's relation tutorial reads, and the baseline to beat.
    `spacy-relext.mentions.v1`"""

    beside_mentions = True

    def build(self, width: int, n_types: int) -> None:
        self.width = 0

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        return contexts.heads.new_zeros((len(contexts.row), 0)), None


class Cls(Summary):
    """The vector of [CLS]: what most relation classifiers read. `spacy-relext.cls.v1`

    pooled (bool): Through the encoder's own pooler, tanh(W h + b): the paper's baseline. False: h itself, the control for summaries
        that stand beside h and drop the pooler.
    layer (int): After which layer: 1 is the first, -1 the last.
    """

    def __init__(self, pooled: bool = False, layer: int = -1):
        super().__init__()
        if layer == 0 or (pooled and layer != -1):
            raise RelextError(f"cls: layer is {layer}; layers count from 1, or from -1 at the end, and the pooler reads the last.")
        self.pooled = pooled
        self.layer = layer - 1 if layer > 0 else layer
        self.needs = frozenset({"pooled" if pooled else "cls"})

    def build(self, width: int, n_types: int) -> None:
        self.width = width

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        if self.pooled:
            assert contexts.pooled is not None  # `needs`
            return contexts.pooled[contexts.row], None
        assert contexts.cls is not None
        n_layers = contexts.cls.shape[1]
        if not -n_layers <= self.layer < n_layers:
            raise RelextError(f"cls: layer is {self.layer + 1}, and the encoder has {n_layers} layers.")
        return contexts.cls[contexts.row, self.layer], None


Beside = Literal["cls", "mentions", "nothing"]


class _Sequence(Summary):
    """A summary of the whole sequence, with something that knows the pair beside it.

    beside (str): "cls": the last layer's vector of [CLS], as in the paper; "mentions": head and tail vectors, where the text is encoded
        once for all pairs and [CLS] cannot know which is meant; "nothing".
    """

    def __init__(self, beside: Beside = "cls"):
        super().__init__()
        if beside not in ("cls", "mentions", "nothing"):
            raise RelextError(f'beside is {beside!r}; it can be "cls", "mentions" or "nothing".')
        self.beside_cls = beside == "cls"
        self.beside_mentions = beside == "mentions"
        self.needs = frozenset({"cls"} if self.beside_cls else ())

    def _set_width(self, width: int, own: int) -> None:
        self.width = own + width if self.beside_cls else own

    def _with_cls(self, contexts: Contexts, summary: Tensor) -> Tensor:
        if not self.beside_cls:
            return summary
        assert contexts.cls is not None  # `needs`
        return torch.cat([contexts.cls[contexts.row, -1], summary], dim=-1)


class Attention(_Sequence):
    """The paper's SLL_Att: [h; Σ α_t x_t] with α = softmax_t(x_t·w), over the positions that the pair reads. `spacy-relext.attention.v1`

    projections (bool): [h; Σ α_t V x_t] with α = softmax_t((K x_t)·w).
    beside (str): What stands beside it: "cls", the last layer's vector of [CLS], as in the paper; "mentions", head and tail; "nothing".
    """

    def __init__(self, projections: bool = False, beside: Beside = "cls"):
        super().__init__(beside)
        self.projections = projections

    def build(self, width: int, n_types: int) -> None:
        self._set_width(width, width)
        self.score = nn.Linear(width, 1, bias=False)
        self.key = nn.Linear(width, width, bias=False) if self.projections else nn.Identity()
        self.value = nn.Linear(width, width, bias=False) if self.projections else nn.Identity()

    def read(self, tokens: Tensor, types: Tensor) -> Tensor:
        return torch.cat([self.value(tokens), self.score(self.key(tokens))], dim=-1)

    def forward(self, contexts: Contexts) -> tuple[Tensor, Tensor]:
        row, inside, pair = stretches(contexts)
        value, score = contexts.tokens[row].split([contexts.tokens.shape[-1] - 1, 1], dim=-1)
        weights = attend(score[..., 0], inside)
        summary = (weights[:, None].to(value.dtype) @ value)[:, 0]
        return self._with_cls(contexts, summary[pair]), weights[pair]


class Lstm(_Sequence):
    """The paper's SLL_LSTM, [h; last state of an LSTM over x_1 … x_n]; both last states where it is bidirectional.
    `spacy-relext.lstm.v1`

    bidirectional (bool): SLL_biLSTM: one reads from the left, the other from the right.
    beside (str): What stands beside it: "cls", the last layer's vector of [CLS], as in the paper; "mentions", head and tail; "nothing".
    """

    def __init__(self, bidirectional: bool = False, beside: Beside = "cls"):
        super().__init__(beside)
        self.bidirectional = bidirectional

    def build(self, width: int, n_types: int) -> None:
        self._set_width(width, 2 * width if self.bidirectional else width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.reverse = nn.LSTM(width, width, batch_first=True) if self.bidirectional else None

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        tokens, lengths, pair = sequences(contexts)
        # Padding comes after all that counts: so nothing need be packed, which takes twice as long to train on a CPU, or more.
        states = [last_state(self.lstm, tokens, lengths)]
        if self.reverse is not None:
            backwards = (lengths[:, None] - 1 - torch.arange(tokens.shape[1], device=tokens.device)).clamp_min(0)
            states.append(last_state(self.reverse, tokens.take_along_dim(backwards[..., None], dim=1), lengths))
        return self._with_cls(contexts, torch.cat(states, dim=-1)[pair]), None


class Mlp(_Sequence):
    """A linear map of the flattened layer, [h; W [x_1; …; x_n; 0; …]]. `spacy-relext.mlp.v1`

    length (int): The largest number of positions; the map has length · width² weights. Longer contexts are an error: set the encoder's
        limit to it.
    beside (str): What stands beside it: "cls", the last layer's vector of [CLS], as in the paper; "mentions", head and tail; "nothing".
    """

    def __init__(self, length: int = 128, beside: Beside = "cls"):
        super().__init__(beside)
        self.length = length

    def build(self, width: int, n_types: int) -> None:
        self._set_width(width, width)
        self.map = nn.Linear(self.length * width, width)

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        tokens, _, pair = sequences(contexts)
        if tokens.shape[1] > self.length:
            raise RelextError(f"mlp: a context has {tokens.shape[1]} positions, and the map is for {self.length}. Set its length to more.")
        # Positions beyond the text are zeros: the weights of those that are there are all that counts.
        flat = tokens.flatten(1)
        summary = nn.functional.linear(flat, self.map.weight[:, : flat.shape[1]], self.map.bias)
        return self._with_cls(contexts, summary[pair]), None


class Layers(Summary):
    """Attention or an LSTM over the vectors of [CLS] after each of the encoder's layers: the paper's layer analysis.
    `spacy-relext.layers.v1`

    by (str): "attention", with the formula of `Attention`, or "lstm", from the first layer to the last.
    """

    needs = frozenset({"cls"})

    def __init__(self, by: Literal["attention", "lstm"] = "attention"):
        super().__init__()
        if by not in ("attention", "lstm"):
            raise RelextError(f'layers: by is {by!r}; it can be "attention" or "lstm".')
        self.by = by

    def build(self, width: int, n_types: int) -> None:
        self.width = width
        self.over: nn.Module = nn.LSTM(width, width, batch_first=True) if self.by == "lstm" else nn.Linear(width, 1, bias=False)

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        assert contexts.cls is not None
        if self.by == "lstm":
            _, (last, _) = self.over(contexts.cls)
            return last[0][contexts.row], None
        weights = self.over(contexts.cls).softmax(dim=1)  # [n_rows, n_layers, 1]
        return (weights * contexts.cls).sum(dim=1)[contexts.row], None


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
        # The tokens of a distance bucket stand together: a bias a bucket is a step function, a sum over a bucket a difference of
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
        return self.output(attended), by_pair(weights.mean(dim=1)) if contexts.watched else None


def linear_of_pair(
    layer: nn.Linear, contexts: Contexts, rest: Tensor | None = None, types: tuple[nn.Embedding, nn.Embedding] | None = None
) -> Tensor:
    """`layer([head; tail; rest])`, with what is computed of head and tail taken once per mention: a sentence of 20 has 190 pairs.

    rest: float [n_pairs, n], or None. types: Vectors of the types of heads and of tails, to be added.
    RETURNS: [n_pairs, layer.out_features].
    """
    known = {} if contexts.products is None else contexts.products
    if layer not in known:
        width = contexts.heads.shape[1]
        of_head, of_tail, of_rest = layer.weight.split([width, width, layer.in_features - 2 * width], dim=1)
        heads = linear(contexts.heads, of_head, layer.bias)
        tails = linear(contexts.tails, of_tail)
        if types is not None:
            heads = heads + types[0](contexts.head_types).to(heads.dtype)
            tails = tails + types[1](contexts.tail_types).to(tails.dtype)
        # Autocast casts a part of the weights anew whenever it is used.
        known[layer] = heads, tails, of_rest.to(heads.dtype)
    heads, tails, of_rest = known[layer]
    both = heads.index_select(0, contexts.head_index) + tails.index_select(0, contexts.tail_index)
    return both if rest is None else both + linear(rest, of_rest)


def stretches(contexts: Contexts) -> tuple[Tensor, Tensor, Tensor]:
    """The different stretches that the pairs read; many pairs read the same sentence, and its summary is computed once.

    RETURNS: the row of each, int [n]; the positions that it holds, bool [n, length]; and the stretch of each pair, int [n_pairs].
    """
    keys, pair = torch.cat([contexts.row[:, None], contexts.span], dim=1).unique(dim=0, return_inverse=True)
    row = keys[:, 0]
    return row, within(keys[:, 1:], contexts.mask.shape[1]) & contexts.mask[row], pair


def sequences(contexts: Contexts) -> tuple[Tensor, Tensor, Tensor]:
    """The same stretches as sequences of their own, from position 0.

    RETURNS: [n, longest, width], of zeros where padded; their lengths, int [n]; and the sequence of each pair, int [n_pairs].
    """
    row, inside, pair = stretches(contexts)
    lengths = inside.sum(dim=1)
    position = torch.arange(int(lengths.max()), device=row.device)
    filled = position < lengths[:, None]
    tokens = contexts.tokens.new_zeros((*filled.shape, contexts.tokens.shape[-1]))
    tokens[filled] = contexts.tokens[row][inside]
    return tokens, lengths, pair


def last_state(lstm: nn.LSTM, tokens: Tensor, lengths: Tensor) -> Tensor:
    """The state of an LSTM after the last position of each sequence, [n, width]; `tokens` and `lengths` as `sequences` gives them."""
    return lstm(tokens)[0][torch.arange(len(tokens), device=tokens.device), lengths - 1]


def attend(scores: Tensor, inside: Tensor) -> Tensor:
    """Softmax over the positions that are `inside`, in float32 at least: half precision is too coarse for it.

    scores: [..., length]; inside: bool, of the same shape. Where nothing is inside, equal weights that nobody looks at.
    """
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    # Asked on a CPU alone: a GPU would have to be waited for.
    if inside.device.type != "cpu" or not inside.all():
        scores = scores.masked_fill(~inside, torch.finfo(scores.dtype).min)
    return scores.softmax(dim=-1)


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


def within(spans: Tensor, length: int) -> Tensor:
    """Which positions are in a span.

    spans: int [..., 2], start and (exclusive) end. RETURNS: bool [..., length].
    """
    position = torch.arange(length, device=spans.device)
    return (position >= spans[..., :1]) & (position < spans[..., 1:])
