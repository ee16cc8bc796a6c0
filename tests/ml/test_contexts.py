"""Batches, rows and chunks: index arithmetic, checked pair by pair."""

from itertools import combinations

import numpy
import pytest

from spacy_relext.candidates import Candidates
from spacy_relext.ml.contexts import (
    MAX_BLOCK,
    MAX_OVERLAP,
    MAX_PADDING,
    MIN_BLOCK,
    SMALL_CHUNK,
    TOKEN_COST,
    make_batch,
    make_chunks,
    portions,
    shared_rows,
)


def candidates(mentions, pairs, contexts):
    """Candidates from plain lists."""
    return Candidates(
        numpy.asarray(mentions, dtype="int64").reshape(-1, 3),
        ["DRUG"] * len(mentions),
        numpy.asarray(pairs, dtype="int64").reshape(-1, 2),
        numpy.asarray(contexts, dtype="int64").reshape(-1, 2),
    )


def random_doc(rng, length, n_pairs, sentence=8, max_sentences=1):
    """One-token mentions, and pairs that read up to `max_sentences` whole sentences around their mentions."""
    mentions, pairs, contexts = [], [], []
    for _ in range(n_pairs):
        first = int(rng.integers(0, length))
        start = first // sentence * sentence
        end = min(start + sentence * int(rng.integers(1, max_sentences + 1)), length)
        second = int(rng.integers(start, end))
        mentions += [(first, first + 1, 1), (second, second + 1, 2)]
        pairs.append((len(mentions) - 2, len(mentions) - 1))
        contexts.append((start, end))
    return candidates(mentions, pairs, contexts)


def every_stretch(n_sentences, size, longest):
    """All runs of up to `longest` sentences: the contexts of pairs across sentences."""
    return numpy.asarray(
        [(first * size, last * size) for first in range(n_sentences) for last in range(first + 1, min(first + longest, n_sentences) + 1)]
    )


# Rows


def test_pairs_of_one_sentence_share_a_row():
    rows, row = shared_rows(numpy.asarray([[10, 20], [0, 10], [10, 20], [0, 10], [10, 20]]), 20)
    assert rows.tolist() == [[0, 10], [10, 20]]
    assert row.tolist() == [1, 0, 1, 0, 1]


def test_few_contexts_across_sentences_are_rows_of_their_own():
    """Together 30 + 20 tokens, less than MAX_OVERLAP times the Doc's 30: nothing is read that a pair does not need."""
    rows, row = shared_rows(numpy.asarray([[0, 30], [10, 30]]), 30)
    assert rows.tolist() == [[0, 30], [10, 30]]
    assert row.tolist() == [0, 1]


def test_many_contexts_share_windows():
    """By hand: the 11 contexts of 6 tokens in a Doc of 16 hold 66 > 4 * 16. Windows of 2 * 8 tokens begin at 0 and 8."""
    contexts = numpy.asarray([(start, start + 6) for start in range(11)])
    rows, row = shared_rows(contexts, 16)
    assert rows.tolist() == [[0, 16], [8, 16]]
    assert row.tolist() == [0] * 8 + [1] * 3


@pytest.mark.parametrize(("n_sentences", "size", "longest"), [(40, 7, 40), (100, 5, 9), (64, 8, 3), (300, 1, 20), (3, 11, 3)])
def test_every_context_lies_in_its_row(n_sentences, size, longest):
    contexts = every_stretch(n_sentences, size, longest)
    rows, row = shared_rows(contexts, n_sentences * size)
    assert row.shape == (len(contexts),)
    assert (rows[row, 0] <= contexts[:, 0]).all()
    assert (contexts[:, 1] <= rows[row, 1]).all()
    assert (rows[:, 0] >= 0).all()
    assert (rows[:, 1] <= n_sentences * size).all()
    # A row is less than four times as long as what a pair reads of it.
    assert (rows[row, 1] - rows[row, 0] < 4 * (contexts[:, 1] - contexts[:, 0])).all()


def test_rows_across_sentences_grow_with_the_text_and_not_with_its_pairs_of_sentences():
    """With contexts of all lengths up to the Doc's, n tokens have at most (4 + 2·log2 n)·n tokens of rows, not n·n."""
    for n_sentences in (50, 100, 200, 400):
        length = 5 * n_sentences
        contexts = every_stretch(n_sentences, 5, n_sentences)
        distinct = (contexts[:, 1] - contexts[:, 0]).sum()
        rows, _ = shared_rows(contexts, length)
        assert (rows[:, 1] - rows[:, 0]).sum() <= (4 + 2 * numpy.log2(length)) * length < distinct


def test_rows_of_near_pairs_across_sentences_are_linear():
    """Contexts of at most 10 sentences: twice the text has twice the tokens in rows, within the last window."""
    tokens = []
    for n_sentences in (200, 400, 800):
        rows, _ = shared_rows(every_stretch(n_sentences, 5, 10), 5 * n_sentences)
        tokens.append((rows[:, 1] - rows[:, 0]).sum())
    assert tokens[1] == pytest.approx(2 * tokens[0], rel=0.1)
    assert tokens[2] == pytest.approx(2 * tokens[1], rel=0.1)


def test_rows_are_shared_only_beyond_the_overlap_that_is_allowed():
    """Up to MAX_OVERLAP times the Doc's tokens, the rows are the contexts."""
    contexts = numpy.asarray([(0, 8 - i) for i in range(4)])  # 8 + 7 + 6 + 5 = 26 <= 32
    assert shared_rows(contexts, 8)[0].tolist() == sorted(contexts.tolist())
    assert (contexts[:, 1] - contexts[:, 0]).sum() <= MAX_OVERLAP * 8


# Batches


def test_docs_are_laid_end_to_end():
    batch = make_batch(
        [4, 0, 3, 6],
        [
            candidates([(0, 1, 1), (2, 4, 2)], [(0, 1), (1, 0)], [(0, 4), (0, 4)]),
            candidates([], [], []),
            candidates([(1, 2, 3)], [], []),  # a mention without a partner
            candidates([(0, 1, 1), (1, 3, 1), (4, 6, 2)], [(2, 0), (0, 1)], [(0, 6), (0, 3)]),
        ],
    )
    assert batch.mentions.tolist() == [[0, 1, 1], [2, 4, 2], [7, 8, 1], [8, 10, 1], [11, 13, 2]]
    assert batch.pairs.tolist() == [[0, 1], [1, 0], [4, 2], [2, 3]]
    assert batch.spans.tolist() == [[0, 4], [0, 4], [7, 13], [7, 10]]
    assert batch.rows[batch.row].tolist() == [[0, 4], [0, 4], [7, 13], [7, 10]]
    assert len(batch.rows) == 3
    assert batch.token_types.tolist() == [1, 0, 2, 2, 0, 0, 0, 1, 1, 1, 0, 2, 2]


def test_making_a_batch_leaves_the_candidates_as_they_were():
    doc = candidates([(0, 1, 1), (2, 4, 2)], [(0, 1)], [(0, 4)])
    make_batch([4, 4], [doc, doc])
    assert (doc.mentions.tolist(), doc.pairs.tolist(), doc.contexts.tolist()) == ([[0, 1, 1], [2, 4, 2]], [[0, 1]], [[0, 4]])


def test_docs_do_not_share_rows():
    doc = candidates([(0, 1, 1), (2, 4, 2)], [(0, 1)], [(0, 4)])
    batch = make_batch([4, 4], [doc, doc])
    assert batch.rows.tolist() == [[0, 4], [4, 8]]
    assert batch.row.tolist() == [0, 1]


@pytest.mark.parametrize("lengths", [[], [0], [3, 0, 2]])
def test_a_batch_without_pairs_has_no_rows_and_no_chunks(lengths):
    batch = make_batch(lengths, [candidates([], [], []) for _ in lengths])
    assert (batch.mentions.shape, batch.pairs.shape, batch.spans.shape, batch.rows.shape) == ((0, 3), (0, 2), (0, 2), (0, 2))
    assert batch.row.shape == (0,)
    assert batch.token_types.tolist() == [0] * sum(lengths)
    assert list(make_chunks(batch, 100)) == []


def test_numbers_of_docs_and_lengths_must_agree():
    with pytest.raises(ValueError, match="shorter"):
        make_batch([3, 2], [candidates([], [], [])])


# Chunks


def random_batch(seed):
    """A batch of several Docs: empty ones, crowded rows, long rows, contexts over several sentences."""
    rng = numpy.random.default_rng(seed)
    lengths = [int(n) for n in rng.integers(1, 80, size=int(rng.integers(1, 6)))]
    docs = [
        random_doc(rng, n, int(rng.integers(0, 90)), sentence=int(rng.integers(1, 30)), max_sentences=int(rng.integers(1, 4)))
        for n in lengths
    ]
    return make_batch(lengths, docs)


@pytest.mark.parametrize("max_cells", [1, 100, 1000, 2**20])
def test_every_pair_is_in_exactly_one_chunk_with_its_row(max_cells):
    seen_pairs = 0
    for seed in range(25):
        batch = random_batch(seed)
        chunks = list(make_chunks(batch, max_cells))
        pairs = numpy.concatenate([c.pairs for c in chunks]) if chunks else numpy.zeros(0, dtype="int64")
        assert sorted(pairs.tolist()) == list(range(len(batch.pairs)))
        for chunk in chunks:
            assert chunk.row.shape == chunk.pairs.shape
            assert (numpy.diff(chunk.row) >= 0).all()
            assert sorted(set(chunk.row.tolist())) == list(range(len(chunk.rows)))
            rows, spans = chunk.rows[chunk.row], batch.spans[chunk.pairs]
            assert (rows == batch.rows[batch.row[chunk.pairs]]).all()
            assert (rows[:, 0] <= spans[:, 0]).all()
            assert (spans[:, 1] <= rows[:, 1]).all()
        seen_pairs += len(pairs)
    assert seen_pairs > 500


@pytest.mark.parametrize("max_tokens", [1, 30, 100, 10**6])
def test_every_pair_is_in_exactly_one_portion_and_reads_what_it_read(max_tokens):
    for seed in range(10):
        batch = random_batch(seed)
        seen, found = [], list(portions(batch, max_tokens))
        assert len(found) <= (batch.rows[:, 1] - batch.rows[:, 0]).sum() // max_tokens + 1
        for portion, stretch, pairs in found:
            seen += pairs.tolist()
            shift = [stretch.start, stretch.start]
            assert (portion.spans + shift == batch.spans[pairs]).all()
            assert (portion.rows[portion.row] + shift == batch.rows[batch.row[pairs]]).all()
            for side in (0, 1):
                mentions, expected = portion.mentions[portion.pairs[:, side]], batch.mentions[batch.pairs[pairs, side]]
                assert (mentions[:, :2] + shift == expected[:, :2]).all()
                assert (mentions[:, 2] == expected[:, 2]).all()
                assert (mentions[:, 0] >= 0).all()
                assert (mentions[:, 1] <= stretch.stop - stretch.start).all()
            assert (portion.token_types == batch.token_types[stretch]).all()
            size = portion.rows[:, 1] - portion.rows[:, 0]
            assert len(size) == 1 or size.sum() <= 2 * max_tokens + size.max()
        assert sorted(seen) == list(range(len(batch.pairs)))


def test_a_batch_without_pairs_is_one_portion():
    ((portion, stretch, pairs),) = portions(make_batch([3, 2], [candidates([], [], [])] * 2), 1)
    assert len(portion.pairs) == len(pairs) == 0
    assert stretch == slice(0, 5)


def padded_tokens(chunk):
    """Tokens of a chunk as they are computed: every row padded to the longest."""
    return len(chunk.rows) * (chunk.rows[:, 1] - chunk.rows[:, 0]).max()


def cells(chunk):
    """Cells of a chunk as they are computed: every row padded to the longest and to the most pairs."""
    return padded_tokens(chunk) * numpy.bincount(chunk.row).max()


@pytest.mark.parametrize("max_cells", [1, 100, 700, 3000])
def test_chunks_keep_the_budget_unless_they_are_one_small_block(max_cells):
    larger = 0
    for seed in range(25):
        for chunk in make_chunks(random_batch(seed), max_cells):
            if cells(chunk) > max_cells:
                larger += 1
                assert len(chunk.rows) == 1
                assert len(chunk.pairs) <= MIN_BLOCK
    assert larger or max_cells == 3000


def test_chunks_hold_little_padding_and_are_few():
    """Not one chunk a row or a pair, and a quarter more than what is no padding, unless a chunk is small."""
    for seed in range(25):
        batch = random_batch(seed)
        for max_cells in (3000, 2**24):
            chunks = list(make_chunks(batch, max_cells))
            padded = sum(cells(chunk) + TOKEN_COST * padded_tokens(chunk) for chunk in chunks)
            real = sum(
                int(size) * (int(n) + TOKEN_COST)
                for chunk in chunks
                for size, n in zip(chunk.rows[:, 1] - chunk.rows[:, 0], numpy.bincount(chunk.row), strict=True)
            )
            assert padded <= MAX_PADDING * real + SMALL_CHUNK * len(chunks)
            assert len(chunks) <= 2 + padded / min(max_cells, SMALL_CHUNK) * 4


def test_sentences_of_an_abstract_or_two_are_few_chunks():
    """200 sentences of 10 to 40 tokens with 1 to 15 pairs: a chunk costs as much as thousands of cells."""
    sizes = [10 + i % 31 for i in range(200)]
    mentions, pairs, contexts = [], [], []
    for i, start in enumerate(numpy.cumsum([0, *sizes[:-1]]).tolist()):
        sentence = list(combinations(range(len(mentions), len(mentions) + 6), 2))[: (1, 1, 1, 3, 3, 6, 10, 15)[i % 8]]
        mentions += [(start + j, start + j + 1, 1) for j in range(6)]
        pairs += sentence
        contexts += [(start, start + sizes[i])] * len(sentence)
    batch = make_batch([sum(sizes)], [candidates(mentions, pairs, contexts)])
    chunks = list(make_chunks(batch, 2**20))
    assert len(chunks) == 4
    assert sum(map(cells, chunks)) < 2 * (batch.spans[:, 1] - batch.spans[:, 0]).sum()


def test_rows_with_few_pairs_are_not_padded_to_the_number_of_a_crowded_one():
    """By hand: 300 pairs in one sentence of 20 tokens, one pair in each of 200 others: together they would be 1.2 million cells."""
    mentions = [(i, i + 1, 1) for i in range(20 * 201)]
    pairs = [(i % 20, (i + 1) % 20) for i in range(300)] + [(20 * i, 20 * i + 1) for i in range(1, 201)]
    contexts = [(0, 20)] * 300 + [(20 * i, 20 * i + 20) for i in range(1, 201)]
    batch = make_batch([20 * 201], [candidates(mentions, pairs, contexts)])
    chunks = list(make_chunks(batch, 2**24))
    assert [cells(chunk) for chunk in chunks] == [200 * 20, 300 * 20]


def test_tokens_that_are_in_no_row():
    batch = make_batch([3, 10], [candidates([(0, 1, 1)], [], []), candidates([(2, 3, 1), (4, 5, 1)], [(0, 1), (1, 0)], [(1, 6), (4, 8)])])
    assert batch.in_rows().tolist() == [False] * 4 + [True] * 7 + [False] * 2


def test_a_crowded_row_is_cut_into_blocks():
    """By hand: 40 pairs in a row of 10 tokens, 200 cells at once: blocks of 20, each a chunk."""
    batch = make_batch([10], [candidates([(i, i + 1, 1) for i in range(10)], [(i % 9, 9) for i in range(40)], [(0, 10)] * 40)])
    chunks = list(make_chunks(batch, 200))
    assert [len(c.pairs) for c in chunks] == [20, 20]
    chunks = list(make_chunks(batch, 400))
    assert [len(c.pairs) for c in chunks] == [40]
    # Fewer than MIN_BLOCK at once would waste time.
    chunks = list(make_chunks(batch, 20))
    assert [len(c.pairs) for c in chunks] == [8, 16, 16]


def test_a_row_is_cut_into_as_few_blocks_as_hold_its_pairs():
    """Also behind rows of other numbers of pairs."""
    mentions, pairs, contexts = [], [], []
    for sentence, n_pairs in enumerate((10, 2 * MIN_BLOCK, 7, 3 * MIN_BLOCK)):
        start = 10 * sentence
        for _ in range(n_pairs):
            mentions += [(start, start + 1, 1), (start + 5, start + 6, 2)]
            pairs.append((len(mentions) - 2, len(mentions) - 1))
            contexts.append((start, start + 10))
    batch = make_batch([40], [candidates(mentions, pairs, contexts)])
    # So few cells that every block has the smallest size.
    assert sorted(len(chunk.pairs) for chunk in make_chunks(batch, 1)) == [7, 10, *[MIN_BLOCK] * 5]


def test_rows_of_like_length_are_computed_together():
    """By hand: a long row of 50 tokens and three of 2 tokens, one pair each. Padding the short ones to 50 would be 200 cells."""
    contexts = [(0, 50), (50, 52), (52, 54), (54, 56)]
    mentions = [(start + i, start + i + 1, 1) for start, _ in contexts for i in (0, 1)]
    batch = make_batch([56], [candidates(mentions, [(2 * i, 2 * i + 1) for i in range(4)], contexts)])
    assert [c.pairs.tolist() for c in make_chunks(batch, 100)] == [[1, 2, 3], [0]]
    assert [c.pairs.tolist() for c in make_chunks(batch, 200)] == [[1, 2, 3, 0]]


def test_very_many_pairs_in_one_text():
    """400 mentions in 3,000 tokens, every ordered pair: each is computed once, and within the budget."""
    n, length, max_cells = 400, 3000, 2**20
    head, tail = (indices.reshape(-1) for indices in numpy.indices((n, n)))
    head, tail = head[head != tail], tail[head != tail]
    place = numpy.linspace(0, length - 1, n).astype("int64")
    sentence = place // 25 * 25
    contexts = numpy.stack([numpy.minimum(sentence[head], sentence[tail]), numpy.maximum(sentence[head], sentence[tail]) + 25], axis=1)
    mentions = numpy.stack([place, place + 1, numpy.ones(n, dtype="int64")], axis=1)
    batch = make_batch([length], [candidates(mentions, numpy.stack([head, tail], axis=1), contexts)])
    assert (batch.rows[:, 1] - batch.rows[:, 0]).sum() < 30 * length
    chunks = list(make_chunks(batch, max_cells))
    assert numpy.bincount(numpy.concatenate([c.pairs for c in chunks])).tolist() == [1] * 159_600
    assert max(map(cells, chunks)) <= max_cells
    assert max(numpy.bincount(c.row).max() for c in chunks) <= MAX_BLOCK
    # Linear in the pairs: no more than twice as many cells as pairs looking at their row, padding included.
    needed = (batch.rows[batch.row, 1] - batch.rows[batch.row, 0]).sum()
    assert sum(map(cells, chunks)) < 2 * needed
