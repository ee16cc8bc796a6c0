"""The torch module that scores pairs."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy
import torch
from torch import Tensor, nn

from spacy_relext.errors import RelextError
from spacy_relext.ml.attention import OnWeights
from spacy_relext.ml.contexts import Chunk, PairBatch, make_chunks, portions, that_count
from spacy_relext.ml.patches import torch_cpu
from spacy_relext.ml.patches.glibc import release_freed_memory
from spacy_relext.ml.patches.torch_bfloat16 import PaddedLinear, use_padded_linear
from spacy_relext.ml.summaries.base import Contexts, Summary, linear_of_pair
from spacy_relext.types import Floats1d, Ints1d

_NO_FIELD = {
    "cls": "the summary {summary} reads the vector of [CLS], which only spacy-relext.MarkedPairClassifier.v1 gives. Use that architecture, "
    'or, for a summary that has the setting, beside = "mentions".',
    "pooled": "the summary {summary} reads the encoder's pooler, and this encoder has none, or is not read by "
    "spacy-relext.MarkedPairClassifier.v1. Set pooled = false.",
}

_NO_WEIGHTS = (
    "the summary {summary} has no weight for each word that it reads, so nobody can say where it looks. Train with "
    "spacy-relext.attention.v1 or spacy-relext.pair_attention.v1."
)

_NO_MENTIONS = (
    "text_order = true has the mentions of a pair read once more, and the summary {summary} is read without them. Leave text_order out, or "
    "take a summary that stands beside the mentions: spacy-relext.mentions.v1, spacy-relext.between.v1, spacy-relext.piecewise.v1, "
    'spacy-relext.pair_attention.v1, or one with beside = "mentions".'
)


# What the spread of token vectors is brought to, which is that of MiniLM's: 0.26 of its words in DDI's texts, 0.36 of word pieces.
SPREAD = 0.3
# Tokens whose keys, values and the like are held at a time in prediction: 25 MB an array of 384 numbers per token.
MAX_TOKENS = 2**14
# Cells, a pair that looks at a token each, after which prediction gives the holes in the heap back: some seconds of one core.
CELLS_KEPT = 2**28


class PairScorer(nn.Module):
    """Token vectors and candidate pairs in, one logit per label out: summary, dropout, and a linear or one-hidden-layer classifier.

    The module is made without sizes, since these are known only when the pipeline is initialised or loaded; `build` makes the layers.

    text_order: Whether the classifier reads the two mentions once more, in the order of the text.
    scale: What the encoder's vectors are multiplied by. Encoders differ in the size of their values, and a learning rate suits one size.
        The first training batch that says something sets it; None until then, which counts as 1.
    """

    def __init__(self, summary: Summary, *, hidden_width: int, max_cells: int, text_order: bool = False):
        super().__init__()
        if text_order and not summary.beside_mentions:
            raise RelextError(_NO_MENTIONS.format(summary=type(summary).__name__.lower()))
        self.summary = summary
        self.hidden_width = hidden_width
        self.max_cells = max_cells
        self.text_order = text_order
        self.sizes: dict[str, int] = {}
        self.scale: float | None = None

    def build(self, *, width: int, n_types: int, n_labels: int) -> None:
        """Make the layers.

        width: Length of a token vector. n_types: Mention types, *none* and *unknown* included. n_labels: Columns of the output.
        """
        self.sizes = {"width": width, "n_types": n_types, "n_labels": n_labels}
        self.scale = None
        self.summary.build(width, n_types)
        n_mentions = 0 if not self.summary.beside_mentions else 4 if self.text_order else 2
        n = self.summary.width + n_mentions * width
        self.hidden = nn.Linear(n, self.hidden_width) if self.hidden_width else None
        self.output = nn.Linear(self.hidden_width or n, n_labels)
        use_padded_linear(self)

    def resize(self, n_labels: int, *, bias: float = 0.0) -> None:
        """Append labels, all with the logit `bias`; the logits of those that are there stay what they were."""
        old = self.output
        self.output = PaddedLinear(old.in_features, n_labels).to(old.weight)
        with torch.no_grad():
            self.output.weight.zero_()
            self.output.weight[: old.out_features] = old.weight
            self.output.bias.fill_(bias)
            self.output.bias[: old.out_features] = old.bias
        self.sizes["n_labels"] = n_labels

    def set_scale(self, tokens: Tensor) -> None:
        """Set the scale, in training, where it is not set and the vectors are finite and differ.

        tokens: float [n_tokens, width]. Vectors of zeros do not count: they are padding, or tokens that nobody encoded.
        """
        if self.scale is not None or not self.training:
            return
        vectors = tokens.detach().float()
        vectors = vectors[vectors.any(dim=1)]
        # The spread around the mean: some encoders have a dimension that is large for every token, and says nothing.
        spread = float(vectors.var(dim=0).mean().sqrt()) if len(vectors) > 1 else 0.0
        if 0 < spread < math.inf:
            # A power of four: exact in every precision, and as coarse as batches differ. With powers of two, MiniLM's was 1 or 2.
            self.scale = 4.0 ** round(math.log(SPREAD / spread, 4))

    def scaled(self, vectors: Tensor) -> Tensor:
        """Vectors of the encoder as the summary reads them."""
        return vectors if self.scale in (None, 1.0) else vectors * self.scale

    def forward(self, tokens: Tensor, batch: PairBatch, dropout: float = 0.0, on_weights: OnWeights | None = None) -> Tensor:
        """Score the pairs of a batch.

        tokens: float [n_tokens, width], the Docs' token vectors end to end.
        dropout: Share of the summary (and hidden layer) that is dropped; heeded in training mode only.
        on_weights: Is called with the weights of the tokens that each pair reads.
        RETURNS: Logits, float [n_pairs, n_labels].
        """
        if not len(batch.pairs):
            return tokens.new_zeros((0, self.sizes["n_labels"]))
        logits, order = [], []
        # In training all is kept for the gradients anyway.
        for portion, stretch, pairs in portions(batch, math.inf if self.training else MAX_TOKENS):
            of_pairs = None if on_weights is None else partial(_with_numbers, on_weights, pairs)
            for scores, chunk in self._score(tokens[stretch], portion, dropout, of_pairs):
                logits.append(scores)
                order.append(pairs[chunk])
        return in_order(logits, order)

    def _score(self, tokens: Tensor, batch: PairBatch, dropout: float, on_weights: OnWeights | None) -> Iterator[tuple[Tensor, Ints1d]]:
        """Logits chunk by chunk, and the pairs that they are of."""
        device = tokens.device
        mentions = torch.as_tensor(batch.mentions, device=device)
        inside = batch.in_rows()
        types = torch.as_tensor(numpy.append(batch.token_types[inside], 0), device=device)
        # Padding is a last token, of zeros.
        in_rows = tokens.index_select(0, torch.as_tensor(numpy.append(numpy.flatnonzero(inside), 0), device=device))
        in_rows[-1] = 0
        self.set_scale(in_rows)
        vectors = self.scaled(mean_of_spans(tokens, mentions))
        read = self.summary.read(self.scaled(in_rows), types)
        counts = torch.as_tensor(numpy.append(that_count(batch, tokens.any(dim=1).cpu().numpy())[inside], False), device=device)
        place = numpy.append(inside.cumsum() - 1, 0)
        products: dict[nn.Linear, tuple[Tensor, Tensor, Tensor]] = {}
        n_cells = 0
        for chunk in make_chunks(batch, self.max_cells):
            contexts = gather(read, counts, mentions, vectors, batch, chunk, place)._replace(products=products)
            yield self.classify(contexts, dropout, None if on_weights is None else partial(on_weights, chunk.pairs)), chunk.pairs
            n_cells += len(chunk.pairs) * contexts.mask.shape[1]
            if n_cells > CELLS_KEPT:
                release_freed_memory()
                n_cells = 0

    def classify(self, contexts: Contexts, dropout: float = 0.0, on_weights: Callable[[list[Floats1d]], None] | None = None) -> Tensor:
        """Summarise the pairs of some contexts and score them.

        on_weights: Is called with the weights of the positions that each pair reads, from the first to the last.
        RETURNS: Logits, float [n_pairs, n_labels].
        """
        missing = [name for name in sorted(self.summary.needs) if getattr(contexts, name) is None]
        if missing:
            raise RelextError(_NO_FIELD[missing[0]].format(summary=type(self.summary).__name__.lower()))
        summary, weights = self.summary(contexts._replace(wants_weights=on_weights is not None))
        if on_weights is not None:
            if weights is None:
                raise RelextError(_NO_WEIGHTS.format(summary=type(self.summary).__name__.lower()))
            rows = weights.detach().float().cpu().numpy()
            on_weights([row[first:end].copy() for row, (first, end) in zip(rows, contexts.span.tolist(), strict=True)])
        if self.hidden is None:
            return self._read(self.output, contexts, summary, dropout)
        hidden = nn.functional.gelu(self._read(self.hidden, contexts, summary, dropout))
        return self.output(torch_cpu.dropout(hidden, dropout, self.training))

    def _read(self, layer: nn.Linear, contexts: Contexts, summary: Tensor, dropout: float) -> Tensor:
        """A linear layer over the summary and what stands beside it."""
        if self.summary.beside_mentions and not self.training:
            return linear_of_pair(layer, contexts, summary, text_order=self.text_order)
        if self.summary.beside_mentions:
            # What is dropped of a mention is dropped for one pair.
            head, tail = contexts.head_vector, contexts.tail_vector
            read = [head, tail]
            if self.text_order:
                tail_first = contexts.tail_first[:, None]
                read += [torch.where(tail_first, tail, head), torch.where(tail_first, head, tail)]
            summary = torch.cat([*read, summary], dim=-1)
        return layer(torch_cpu.dropout(summary, dropout, self.training))


def _with_numbers(on_weights: OnWeights, pairs: Ints1d, chunk: Ints1d, weights: list[Floats1d]) -> None:
    """Call it with the numbers of the pairs in the batch."""
    on_weights(pairs[chunk], weights)


def in_order(parts: Sequence[Tensor], order: Sequence[Ints1d]) -> Tensor:
    """Rows that were computed in parts, in one tensor.

    order: For each part, the places of its rows; together 0, 1, … in some order.
    """
    place = numpy.concatenate(order)
    position = numpy.empty_like(place)
    position[place] = numpy.arange(len(place))
    return torch.cat(list(parts))[torch.as_tensor(position, device=parts[0].device)]


def mean_of_spans(tokens: Tensor, spans: Tensor) -> Tensor:
    """Mean token vector of each span. Vectors of zeros do not count: white space has no others.

    tokens: [n_tokens, width]. spans: int [n_spans, >=2], start and (exclusive) end, none empty.
    RETURNS: [n_spans, width].
    """
    sizes = spans[:, 1] - spans[:, 0]
    span = torch.arange(len(spans), device=tokens.device).repeat_interleave(sizes)
    first = sizes.cumsum(0) - sizes
    token = torch.arange(len(span), device=tokens.device) - first[span] + spans[span, 0]
    vectors = tokens[token]
    sums = tokens.new_zeros((len(spans), tokens.shape[-1])).index_add(0, span, vectors)
    counts = torch.zeros_like(sizes).index_add(0, span, vectors.any(dim=1).to(sizes.dtype))
    return sums / counts.clamp_min(1)[:, None]


def gather(
    read: Tensor, counts: Tensor, mentions: Tensor, vectors: Tensor, batch: PairBatch, chunk: Chunk, place: numpy.ndarray
) -> Contexts:
    """Pad the rows of a chunk and say where its pairs stand in them.

    read: [n + 1, …], for the tokens that are in some row, and one for padding. counts: bool, which of them count.
    place: the index in `read` of every token.
    """
    device = read.device
    rows = torch.as_tensor(chunk.rows, device=device)
    row = torch.as_tensor(chunk.row, device=device)
    spans = torch.as_tensor(batch.spans[chunk.pairs], device=device)
    head_index, tail_index = (torch.as_tensor(batch.pairs[chunk.pairs, side], device=device) for side in (0, 1))
    head, tail = mentions[head_index, :2], mentions[tail_index, :2]
    size = (rows[:, 1] - rows[:, 0])[:, None]
    position = torch.arange(int(size.max()), device=device)
    # The tokens of a row are all in a row, so they stand together here too.
    index = (torch.as_tensor(place[chunk.rows[:, :1]], device=device) + position).masked_fill(position >= size, len(read) - 1)
    start = rows[row, :1]
    return Contexts(
        tokens=read.index_select(0, index.flatten()).unflatten(0, index.shape),
        mask=counts[index],
        row=row,
        span=spans - start,
        head=head - start,
        tail=tail - start,
        heads=vectors,
        tails=vectors,
        head_index=head_index,
        tail_index=tail_index,
        head_types=mentions[:, 2],
        tail_types=mentions[:, 2],
    )
