"""Long windows in overlapping parts: which parts there are, and which of them a token takes."""

import numpy
import pytest

from spacy_relext.ml.splitting import OVERLAP, Part, best_parts, overlapping_parts, split_text


def extents(counts):
    stops = numpy.cumsum(counts)
    return stops - counts, stops


def parts_of(counts, size):
    starts, stops = extents(counts)
    return overlapping_parts(starts, stops, int(stops[-1]), size)


def split(counts, size):
    """Of tokens with so many pieces each."""
    tokens = numpy.arange(len(counts)).repeat(counts)
    return split_text(tokens, numpy.arange(sum(counts)), int(sum(counts)), size)


def test_parts_overlap_by_a_quarter():
    # Twenty tokens of a piece: eight at once, two of them a second time; the last part is as long as it can be.
    assert [part[:2] for part in parts_of([1] * 20, 8)] == [(0, 8), (6, 14), (12, 20)]
    assert [part[:2] for part in parts_of([1] * 15, 8)] == [(0, 8), (6, 14), (7, 15)]


def test_parts_end_between_tokens():
    parts = parts_of([3, 3, 3, 3, 3], 8)
    assert [part[:2] for part in parts] == [(0, 2), (2, 4), (3, 5)]
    assert [(part.start, part.stop) for part in parts] == [(0, 6), (6, 12), (9, 15)]


def test_a_token_as_long_as_a_part_has_one_of_its_own():
    assert [part[:2] for part in parts_of([2, 2, 8, 2, 2], 8)] == [(0, 2), (2, 3), (3, 5)]


def test_a_token_takes_the_part_in_which_it_stands_farthest_from_an_edge():
    starts, stops = extents([1] * 20)
    parts = parts_of([1] * 20, 8)
    # The seventh token has nothing after its neighbour in the first part, and nothing before it in the second: the first one counts.
    assert best_parts(parts, starts, stops).tolist() == [0] * 7 + [1] * 6 + [2] * 7


def test_the_first_of_parts_with_equal_edges():
    parts = [Part(0, 2, 0, 8), Part(1, 3, 6, 14)]
    assert best_parts(parts, numpy.asarray([0, 6, 8]), numpy.asarray([6, 8, 14])).tolist() == [0, 0, 1]


def test_all_tokens_of_the_overlap_are_in_the_next_part():
    # The second and third are in two parts, though the first one ends before it is full.
    assert [part[:2] for part in parts_of([5, 1, 1, 6, 7], 8)] == [(0, 3), (1, 4), (4, 5)]


def test_tokens_that_share_more_than_fits():
    # One of ten pieces, the first two of which are another's: nothing of it can be left out. Each part takes a token at least.
    parts = overlapping_parts(numpy.asarray([0, 0, 10]), numpy.asarray([10, 2, 12]), 12, 4)
    assert [part[:2] for part in parts] == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize("size", [4, 10, 61])
@pytest.mark.parametrize("seed", range(8))
def test_every_token_is_whole_in_the_part_that_it_takes(size, seed):
    rng = numpy.random.default_rng(seed)
    counts = rng.integers(1, size + 1, size=200) if seed % 2 else rng.integers(1, 4, size=200)
    starts, stops = extents(counts)
    parts = overlapping_parts(starts, stops, int(stops[-1]), size)
    best = best_parts(parts, starts, stops)
    assert (numpy.diff(best) >= 0).all()
    assert parts[0].start == 0
    assert parts[-1].stop == stops[-1]
    for part in parts:
        assert 0 < part.stop - part.start <= size
    for start, stop, chosen in zip(starts, stops, best, strict=True):
        assert parts[chosen].start <= start
        assert stop <= parts[chosen].stop
        edges = [min(start - p.start, p.stop - stop) for p in parts if p.start <= start and stop <= p.stop]
        assert min(start - parts[chosen].start, parts[chosen].stop - stop) == max(edges)
    if not seed % 2 and size > 10:
        # Words at a seam have some context on either side.
        inner = (starts > size) & (stops < stops[-1] - size)
        from_edge = [min(starts[i] - parts[best[i]].start, parts[best[i]].stop - stops[i]) for i in numpy.flatnonzero(inner)]
        assert min(from_edge) >= OVERLAP * size / 2 - 4


@pytest.mark.parametrize("counts", [[3, 50, 2], [50], [50, 50, 1], [1, 9, 50, 9, 1]])
def test_of_a_token_that_does_not_fit_the_last_pieces_are_left_out(counts):
    found = split(counts, 20)
    tokens = numpy.arange(len(counts)).repeat(counts)
    kept = numpy.bincount(tokens[found.part >= 0], minlength=len(counts))
    assert kept.tolist() == [min(n, 20) for n in counts]
    assert found.n_cut == counts.count(50)
    # A token of just as many pieces loses none.
    assert split([*counts, 20], 20).n_cut == counts.count(50)
    # The first ones, all of one part, and read in their order.
    for token, start in enumerate(extents(counts)[0]):
        of_token = slice(start, start + kept[token])
        (part,) = set(found.part[of_token].tolist())
        assert found.pieces[part][found.place[of_token]].tolist() == list(range(start, start + kept[token]))


def test_a_token_that_does_not_fit_is_read_by_itself():
    # What stands around it does not have to share the encoder's attention with it.
    assert [pieces.tolist() for pieces in split([1, 2, 50, 1], 20).pieces] == [[0, 1, 2], list(range(3, 23)), [53]]


def test_tokens_that_share_a_piece():
    # Tokens of a piece of Chinese often begin inside one: each of these has the last piece of the one before.
    tokens = numpy.asarray([0, 0, *(i for token in range(1, 30) for i in (token, token))])
    pieces = numpy.asarray([0, 1, *(i for token in range(1, 30) for i in (token, token + 1))])
    found = split_text(tokens, pieces, 31, 8)
    assert (found.part >= 0).all()
    assert found.n_cut == 0
    for token in range(30):
        of_token = tokens == token
        assert len(set(found.part[of_token])) == 1
        part = found.part[of_token][0]
        assert found.pieces[part][found.place[of_token]].tolist() == pieces[of_token].tolist()


def test_a_shared_piece_is_not_left_out():
    # The second token ends in a piece that is the third one's, too.
    tokens = numpy.asarray([0, *[1] * 30, 2, 2])
    pieces = numpy.asarray([*range(31), 30, 31])
    found = split_text(tokens, pieces, 32, 10)
    assert found.n_cut == 1
    assert (found.part[tokens == 2] >= 0).all()
    assert pieces[(tokens == 1) & (found.part >= 0)].tolist() == [*range(1, 11), 30][:10]


def test_pieces_of_no_token_are_read_where_there_is_room():
    # Three before the first token, three after the last.
    tokens, pieces = numpy.arange(20), numpy.arange(3, 23)
    found = split_text(tokens, pieces, 26, 10)
    assert (found.part >= 0).all()
    assert all(len(read) <= 10 for read in found.pieces)
    # The first part begins with the first three tokens' neighbours that belong to none.
    assert found.pieces[0][0] == 3


def test_text_without_a_piece_of_a_token():
    found = split_text(numpy.zeros(0, dtype="int64"), numpy.zeros(0, dtype="int64"), 30, 10)
    assert [read.tolist() for read in found.pieces] == [list(range(10))]
    # From its first token to the one before.
    assert found.tokens == [(0, -1)]
    assert (found.part.tolist(), found.place.tolist(), found.n_cut) == ([], [], 0)
