"""What every summary is, what it is given, and what several of them compute."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from spacy_relext.errors import RelextError
from spacy_relext.ml.patches.torch_bfloat16 import linear


class Contexts(NamedTuple):
    """Vectors of the last layer for some contexts, and the pairs that are read from them.

    A *row* is a stretch of a document, usually a sentence; a *position* in it is a token, or a word piece where each pair has an encoder
    pass of its own. Pairs are sorted by row.
    """

    tokens: Tensor  # float [n_rows, length, n], what `Summary.read` makes of the vectors; of zeros where padded
    mask: Tensor  # bool [n_rows, length], true where there is a token with a vector: [CLS], [SEP] and white space are none
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
    cls: Tensor | None = None  # float [n_rows, n_layers, width], the vector of [CLS] after each layer; None with single-pass encoding
    pooled: Tensor | None = None  # float [n_rows, width], the encoder's own pooler; None where it has none
    # float [n_rows, length, width] each, the positions' vectors after the embeddings and after each layer; given where `cls` is asked for
    layers: tuple[Tensor, ...] | None = None
    # What `linear_of_pair` computed of `heads` and `tails`, for a layer: kept for other contexts that have the same ones.
    products: dict[nn.Linear, tuple[Tensor, Tensor, Tensor]] | None = None
    # Whether anybody asks for the weights of positions; a summary that has to compute more for them may else give None.
    wants_weights: bool = True

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

    @property
    def tail_first(self) -> Tensor:
        """Whether the tail stands before the head in the text that the encoder reads, bool [n_pairs].

        Of two that begin together the shorter one is the first. The tags of nested mentions do not: the longer one's stands first.
        """
        (head, head_end), (tail, tail_end) = self.head.unbind(1), self.tail.unbind(1)
        return (tail < head) | ((tail == head) & (tail_end < head_end))


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
            or None where the summary has no such weights, or nobody asks (`Contexts.wants_weights`).
        """
        raise NotImplementedError


Beside = Literal["cls", "mentions", "nothing"]


class SequenceSummary(Summary):
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

    def set_width(self, width: int, own: int) -> None:
        self.width = own + width if self.beside_cls else own

    def with_cls(self, contexts: Contexts, summary: Tensor) -> Tensor:
        if not self.beside_cls:
            return summary
        assert contexts.cls is not None  # `needs`
        return torch.cat([contexts.cls[contexts.row, -1], summary], dim=-1)


def linear_of_pair(
    layer: nn.Linear,
    contexts: Contexts,
    rest: Tensor | None = None,
    types: tuple[nn.Embedding, nn.Embedding] | None = None,
    *,
    text_order: bool = False,
) -> Tensor:
    """`layer([head; tail; rest])`, with what is computed of head and tail taken once per mention: a sentence of 20 has 190 pairs.

    rest: float [n_pairs, n], or None. types: Vectors of the types of heads and of tails, to be added.
    text_order: `layer([head; tail; first; second; rest])` instead: the two once more, as they stand in the text. Without `types`.
    RETURNS: [n_pairs, layer.out_features].
    """
    known = {} if contexts.products is None else contexts.products
    if layer not in known:
        width = contexts.heads.shape[1]
        n = 4 if text_order else 2
        of_head, of_tail, *of_order, of_rest = layer.weight.split([width] * n + [layer.in_features - n * width], dim=1)
        of_heads, of_tails = [of_head], [of_tail]
        if text_order:
            # For pairs whose head stands first, and for those whose tail does.
            of_first, of_second = of_order
            of_heads, of_tails = [of_head + of_first, of_head + of_second], [of_tail + of_second, of_tail + of_first]
        heads = torch.cat([linear(contexts.heads, weight, layer.bias) for weight in of_heads])
        tails = torch.cat([linear(contexts.tails, weight) for weight in of_tails])
        if types is not None:
            heads = heads + types[0](contexts.head_types).to(heads.dtype)
            tails = tails + types[1](contexts.tail_types).to(tails.dtype)
        # Autocast casts a part of the weights anew whenever it is used.
        known[layer] = heads, tails, of_rest.to(heads.dtype)
    heads, tails, of_rest = known[layer]
    head, tail = contexts.head_index, contexts.tail_index
    if text_order:
        tail_first = contexts.tail_first
        head, tail = head + tail_first * len(contexts.heads), tail + tail_first * len(contexts.tails)
    both = heads.index_select(0, head) + tails.index_select(0, tail)
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


def within(spans: Tensor, length: int) -> Tensor:
    """Which positions are in a span.

    spans: int [..., 2], start and (exclusive) end. RETURNS: bool [..., length].
    """
    position = torch.arange(length, device=spans.device)
    return (position >= spans[..., :1]) & (position < spans[..., 1:])
