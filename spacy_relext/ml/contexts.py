"""From Docs and their candidate pairs to batches of padded contexts: index arithmetic only, no weights.

    Docs, end to end   | t0 t1 t2 t3 t4 | t5 t6 t7 t8 t9          | … | t20000 …
    row                | row 0          | row 1                   | … | row 900     what pairs read, as a rule a sentence; pairs that read
                                                                                    the same stretch share a row
    pairs of the rows  | p0 p1          | p2 … p41                | … | p99
    block              | [p0 p1]        | [p2…p17][p18…p33][p34…] | … | [p99]       pairs of one row; a row with very many is cut

    chunk              row 1: p2 … p17    blocks of like size, padded to one shape and computed together: at most `max_cells` cells, a
                       row 1: p18 … p33   cell being one pair that looks at one token
                       row 7: p60 … p74

    portion            | rows 0 … 800                             | … rows 801 …    rows of some thousand tokens, whose keys and values are
                                                                                    held at a time in prediction; a training batch is one

So what a summary computes per token is computed once per row, and neither padding nor memory grows with the number of pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy

from spacy_relext.candidates import Candidates
from spacy_relext.types import Bools1d, Ints1d, Ints2d

# When the distinct contexts of a Doc hold more than this many times its tokens, rows are shared between contexts.
MAX_OVERLAP = 4
# Largest number of pairs in one row of a chunk, and the fewest that a block is cut to.
MAX_BLOCK, MIN_BLOCK = 512, 16
# What a token of a row costs beside one of its pairs that looks at it: its key and value are copied into the row and multiplied.
TOKEN_COST = 20
# How much padding per chunk may cost for what is none, and what costs less than to begin another chunk.
MAX_PADDING, SMALL_CHUNK = 1.25, 2**14


@dataclass(frozen=True)
class PairBatch:
    """The candidate pairs of a batch of Docs, in terms of the Docs' token vectors laid end to end.

    mentions (Ints2d): `[n_mentions, 3]`: first token, end, type.
    pairs (Ints2d): `[n_pairs, 2]`: indices of head and tail in `mentions`.
    spans (Ints2d): `[n_pairs, 2]`: the tokens that the pair reads.
    row (Ints1d): `[n_pairs]`: the row that holds them.
    rows (Ints2d): `[n_rows, 2]`: first token and end of each row.
    token_types (Ints1d): `[n_tokens]`: the type of the mention that the token is in, 0 = in none.
    """

    mentions: Ints2d
    pairs: Ints2d
    spans: Ints2d
    row: Ints1d
    rows: Ints2d
    token_types: Ints1d

    def in_rows(self) -> Bools1d:
        """Which tokens are in some row: bool `[n_tokens]`."""
        return covered(len(self.token_types), self.rows)


@dataclass(frozen=True)
class Chunk:
    """Pairs that are computed together.

    pairs (Ints1d): `[n_chunk_pairs]`: their indices in the batch, sorted by row.
    row (Ints1d): `[n_chunk_pairs]`: their row in the chunk.
    rows (Ints2d): `[n_chunk_rows, 2]`: first token and end of the chunk's rows.
    """

    pairs: Ints1d
    row: Ints1d
    rows: Ints2d


def covered(n_tokens: int, spans: Ints2d) -> Bools1d:
    """Which tokens are in some span (first, end): bool `[n_tokens]`."""
    steps = numpy.zeros(n_tokens + 1, dtype="int64")
    numpy.add.at(steps, spans[:, 0], 1)
    numpy.add.at(steps, spans[:, 1], -1)
    return steps[:-1].cumsum() > 0


def that_count(batch: PairBatch, known: Bools1d) -> Bools1d:
    """Which tokens are read: those with a vector, which white space has not; all that a pair reads where none of them has one.

    known: `[n_tokens]`, those with a vector. RETURNS: `[n_tokens]`.
    """
    counts = numpy.append(0, known.cumsum())
    unknown = counts[batch.spans[:, 0]] == counts[batch.spans[:, 1]]
    return known | covered(len(known), batch.spans[unknown])


def make_batch(lengths: Sequence[int], candidates: Sequence[Candidates]) -> PairBatch:
    """Lay the candidates of several Docs end to end.

    lengths: The number of tokens of each Doc.
    """
    mentions, pairs, spans, row, rows = [], [], [], [], []
    n_mentions = n_rows = offset = 0
    for length, doc_candidates in zip(lengths, candidates, strict=True):
        if len(doc_candidates.pairs):
            doc_rows, doc_row = shared_rows(doc_candidates.contexts, length)
            mentions.append(doc_candidates.mentions + numpy.asarray([offset, offset, 0]))
            pairs.append(doc_candidates.pairs + n_mentions)
            spans.append(doc_candidates.contexts + offset)
            row.append(doc_row + n_rows)
            rows.append(doc_rows + offset)
            n_mentions += len(doc_candidates.mentions)
            n_rows += len(doc_rows)
        offset += length
    all_mentions = _stack(mentions, 3)
    sizes = all_mentions[:, 1] - all_mentions[:, 0]
    first = sizes.cumsum() - sizes
    token_types = numpy.zeros(offset, dtype="int64")
    # Where mentions overlap, the last one counts.
    token_types[numpy.arange(sizes.sum()) + (all_mentions[:, 0] - first).repeat(sizes)] = all_mentions[:, 2].repeat(sizes)
    return PairBatch(
        mentions=all_mentions,
        pairs=_stack(pairs, 2),
        spans=_stack(spans, 2),
        row=numpy.concatenate(row) if row else numpy.zeros(0, dtype="int64"),
        rows=_stack(rows, 2),
        token_types=token_types,
    )


def shared_rows(contexts: Ints2d, length: int) -> tuple[Ints2d, Ints1d]:
    """The rows of a Doc, and the row of each pair.

    As a rule the distinct contexts are the rows: they are sentences. Pairs across sentences can have about as many contexts as there
    are pairs of sentences; then a context of n tokens is read from the window of 2·2^k tokens, n <= 2^k, that begins at a multiple of
    2^k, of which there are at most 2·length / 2^k. So the rows of a Doc hold O(length · log length) tokens in all.
    """
    rows, row = _unique(contexts, length)
    if (rows[:, 1] - rows[:, 0]).sum() > MAX_OVERLAP * length:
        size = 2 ** numpy.ceil(numpy.log2(contexts[:, 1] - contexts[:, 0])).astype("int64")
        start = contexts[:, 0] // size * size
        windows = numpy.stack([start, (start + 2 * size).clip(max=length)], axis=1)
        rows, row = _unique(windows, length)
    return rows, row


def _unique(spans: Ints2d, length: int) -> tuple[Ints2d, Ints1d]:
    """The different spans of a Doc, sorted, and which of them each one is; numpy is slow where rows are to be compared."""
    codes, place = numpy.unique(spans[:, 0] * (length + 1) + spans[:, 1], return_inverse=True)
    return numpy.stack([codes // (length + 1), codes % (length + 1)], axis=1), place


def portions(batch: PairBatch, max_tokens: float) -> Iterator[tuple[PairBatch, slice, Ints1d]]:
    """A batch in parts whose rows hold about `max_tokens` tokens each, one row at least: what is computed per token is not held for all.

    YIELDS: the part, in terms of a stretch of the tokens; this stretch; and the indices of its pairs in the batch.
    """
    held = (batch.rows[:, 1] - batch.rows[:, 0]).cumsum()
    if not len(held) or held[-1] <= max_tokens:
        yield batch, slice(0, len(batch.token_types)), numpy.arange(len(batch.pairs))
        return
    part = held // max_tokens
    order = part[batch.row].argsort(kind="stable")
    first_rows = numpy.flatnonzero(numpy.diff(part, prepend=-1))
    first_pairs = numpy.searchsorted(part[batch.row[order]], part[first_rows])
    for first_row, end_row, first, end in zip(
        first_rows, [*first_rows[1:], len(part)], first_pairs, [*first_pairs[1:], len(order)], strict=True
    ):
        pairs, rows = order[first:end], batch.rows[first_row:end_row]
        start, stop = rows[:, 0].min(), rows[:, 1].max()
        mentions, place = numpy.unique(batch.pairs[pairs], return_inverse=True)
        yield (
            PairBatch(
                mentions=batch.mentions[mentions] - [start, start, 0],
                pairs=place.reshape(-1, 2),
                spans=batch.spans[pairs] - start,
                row=batch.row[pairs] - first_row,
                rows=rows - start,
                token_types=batch.token_types[start:stop],
            ),
            slice(start, stop),
            pairs,
        )


def make_chunks(batch: PairBatch, max_cells: int) -> Iterator[Chunk]:
    """Cut a batch into chunks of at most `max_cells` cells, a cell being one pair looking at one token, padding included.

    A single block larger than that is a chunk of its own. Blocks with like numbers of pairs and tokens are put together, so that about a
    fifth of what is computed is padding, unless a chunk is so small that it does not matter.
    """
    if not len(batch.pairs):
        return
    size = batch.rows[:, 1] - batch.rows[:, 0]
    order = numpy.argsort(batch.row, kind="stable")
    row = batch.row[order]
    block_size = (max_cells // size[row]).clip(min=MIN_BLOCK, max=MAX_BLOCK)
    new_row = numpy.append(True, row[1:] != row[:-1])
    first_of_row = numpy.flatnonzero(new_row)
    rank = numpy.arange(len(order)) - first_of_row[new_row.cumsum() - 1]
    first = numpy.flatnonzero(new_row | (rank % block_size == 0))
    counts = numpy.append(first[1:], len(order)) - first
    sizes = size[row[first]]
    blocks: list[int] = []
    longest = most = real = 0
    for i in numpy.lexsort((sizes, counts, numpy.ceil(numpy.log2(counts)))).tolist():
        size_i, count_i = int(sizes[i]), int(counts[i])
        cost_i = size_i * (count_i + TOKEN_COST)
        longest, most, real = max(longest, size_i), max(most, count_i), real + cost_i
        n_padded = (len(blocks) + 1) * longest
        if blocks and (n_padded * most > max_cells or n_padded * (most + TOKEN_COST) > MAX_PADDING * real + SMALL_CHUNK):
            yield _chunk(batch, order, first, counts, blocks)
            blocks, longest, most, real = [], size_i, count_i, cost_i
        blocks.append(i)
    yield _chunk(batch, order, first, counts, blocks)


def _chunk(batch: PairBatch, order: Ints1d, first: Ints1d, counts: Ints1d, blocks: list[int]) -> Chunk:
    return Chunk(
        pairs=numpy.concatenate([order[first[i] : first[i] + counts[i]] for i in blocks]),
        row=numpy.repeat(numpy.arange(len(blocks)), counts[blocks]),
        rows=batch.rows[batch.row[order[first[blocks]]]],
    )


def _stack(arrays: list[Ints2d], width: int) -> Ints2d:
    return numpy.concatenate(arrays) if arrays else numpy.zeros((0, width), dtype="int64")
