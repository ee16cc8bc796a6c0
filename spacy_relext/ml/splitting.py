"""Windows of more word pieces than an encoder reads, in overlapping parts that it can read.

How many pieces per token has is known once the text is cut into pieces: so this comes after the windows, and before the encoder. No text is
cut into pieces twice: a part is a stretch of the pieces of its window, with the special pieces of the window around it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy
from spacy.tokens import Doc, Span
from spacy_transformers.data_classes import WordpieceBatch
from thinc.types import Ragged

from spacy_relext.errors import RelextError
from spacy_relext.types import Ints1d, Ints2d

# Parts overlap by a quarter: words at a seam have at least an eighth of what the encoder reads on either side, for a third more to compute.
OVERLAP = 1 / 4


class Part(NamedTuple):
    """What is read at once: tokens (the first, and the end), and word pieces (likewise)."""

    first: int
    end: int
    start: int
    stop: int


def overlapping_parts(starts: Ints1d, stops: Ints1d, n_pieces: int, size: int) -> list[Part]:
    """Parts of at most `size` pieces, so that each token which is no longer than that is whole in one of them.

    starts, stops: The first piece of each token, and the piece after its last one, `[n_tokens]`. The former are sorted; tokens may share
        pieces. n_pieces: Of the text, which may have pieces of no token.
    RETURNS: The parts in the order of the text; the first and the last of several are as long as they can be.
    """
    reach = numpy.maximum.accumulate(stops)
    parts: list[Part] = []
    first = 0
    while True:
        start = int(starts[first])
        end = max(int(numpy.searchsorted(reach, start + size, side="right")), first + 1)
        if end == len(starts):
            break
        parts.append(Part(first, end, start, min(int(reach[end - 1]), start + size)))
        # The next part has the next token whole, and of the words before it what is to overlap.
        earliest = max(parts[-1].stop - int(OVERLAP * size), int(stops[end]) - size)
        first = min(max(int(numpy.searchsorted(starts, earliest)), first + 1), end)
    first = min(first, int(numpy.searchsorted(starts, int(reach[-1]) - size)))
    start = int(starts[first])
    parts.append(Part(first, len(starts), start, min(n_pieces, start + size)))
    parts[0] = parts[0]._replace(start=max(0, parts[0].stop - size))
    return parts


def best_parts(parts: Sequence[Part], starts: Ints1d, stops: Ints1d) -> Ints1d:
    """For each token the part in which it stands farthest from an edge, the first of several: `[n_tokens]`."""
    best = numpy.zeros(len(starts), dtype="int64")
    distance = numpy.full(len(starts), numpy.iinfo("int64").min)
    for i, part in enumerate(parts):
        inside = slice(part.first, part.end)
        from_edge = numpy.minimum(starts[inside] - part.start, part.stop - stops[inside])
        is_better = from_edge > distance[inside]
        best[inside][is_better] = i
        distance[inside][is_better] = from_edge[is_better]
    return best


class SplitText(NamedTuple):
    """The text of a window in parts.

    pieces: For each part, the pieces of the text that it reads. tokens: For each part, its first and its last token.
    part, place: For each piece of a token, `[n_entries]`: the part that the token takes, -1 where the piece is left out; and its place
        among the part's pieces. n_cut: Tokens that lose pieces.
    """

    pieces: list[Ints1d]
    tokens: list[tuple[int, int]]
    part: Ints1d
    place: Ints1d
    n_cut: int


def split_text(tokens: Ints1d, pieces: Ints1d, n_pieces: int, size: int) -> SplitText:
    """Split a text, and say which part each token takes.

    tokens, pieces: The alignment, `[n_entries]` each: a token, and a piece of it; tokens are sorted, and the pieces of each.
    n_pieces: Of the text. size: The largest number of pieces of a part.
    """
    keep, n_cut = _shortened(tokens, pieces, n_pieces, size)
    left = numpy.flatnonzero(keep)
    is_kept = keep[pieces]
    position = (keep.cumsum() - 1)[pieces[is_kept]]
    part = numpy.full(len(pieces), -1)
    place = numpy.zeros(len(pieces), dtype="int64")
    if not len(position):
        # Nothing of it belongs to a token: pieces that the tokenizer does not know, as some say. There is no vector to lose.
        return SplitText([left[:size]], [(0, -1)], part, place, n_cut)
    names, starts, stops = _extents(tokens[is_kept], position)
    order = starts.argsort(kind="stable")
    parts = overlapping_parts(starts[order], stops[order], len(left), size)
    taken = numpy.empty(len(names), dtype="int64")
    taken[order] = best_parts(parts, starts[order], stops[order])
    part_of = taken[numpy.searchsorted(names, tokens[is_kept])]
    place_of = position - numpy.asarray([p.start for p in parts])[part_of]
    # Of tokens that share so many pieces that they fit nowhere.
    is_outside = (place_of < 0) | (place_of >= numpy.asarray([p.stop - p.start for p in parts])[part_of])
    part[is_kept] = numpy.where(is_outside, -1, part_of)
    place[is_kept] = place_of
    named = [names[order[p.first : p.end]] for p in parts]
    ends = [(int(of_part.min()), int(of_part.max())) for of_part in named]
    return SplitText([left[p.start : p.stop] for p in parts], ends, part, place, n_cut)


def _shortened(tokens: Ints1d, pieces: Ints1d, n_pieces: int, size: int) -> tuple[numpy.ndarray, int]:
    """Which pieces are read, and how many tokens have more pieces than fit.

    All are read but the last ones of each such token, unless another token has them too.
    """
    keep = numpy.ones(n_pieces, dtype=bool)
    n_cut = 0
    if len(pieces):
        _, starts, stops = _extents(tokens, pieces)
        is_shared = numpy.bincount(pieces, minlength=n_pieces) > 1
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            if stop - start > size:
                keep[start + size : stop] = is_shared[start + size : stop]
                n_cut += 1
    return keep, n_cut


def _extents(tokens: Ints1d, pieces: Ints1d) -> tuple[Ints1d, Ints1d, Ints1d]:
    """The tokens that have pieces, the first piece of each, and the piece after its last one."""
    names, entries = numpy.unique(tokens, return_index=True)
    return names, numpy.minimum.reduceat(pieces, entries), numpy.maximum.reduceat(pieces, entries) + 1


class Windows(NamedTuple):
    """Windows, their word pieces, and which of these each token has: as spacy-transformers keeps them."""

    spans: list[list[Span]]
    wordpieces: WordpieceBatch
    align: Ragged


def split_windows(
    windows: Windows, limit: int, around: Callable[[int], tuple[int, int]], *, pad: tuple[int, int, str]
) -> tuple[Windows, int, int]:
    """Put overlapping parts in the place of each window that is too long. A token takes one part of every window that has it.

    limit: Word pieces that the encoder reads, special ones among them. around: Gives the numbers of special pieces before and after the
        text of a window, by its index. pad: The piece that fills rows up: its id, its type, its name.
    RETURNS: The windows, how many of them were split, and how many tokens lost pieces.
    """
    wordpieces, align = windows.wordpieces, windows.align
    filled = wordpieces.attention_mask > 0
    begin, lengths = filled.argmax(axis=1), filled.sum(axis=1)
    token_of = numpy.arange(len(align.lengths)).repeat(align.lengths)
    row_of, column_of = numpy.divmod(align.dataXd.reshape(-1).astype("int64"), filled.shape[1])
    by_row = row_of.argsort(kind="stable")
    row_ends = numpy.searchsorted(row_of[by_row], numpy.arange(len(filled) + 1))
    # Of each new row, the old one and the columns of it that are read. Of each piece of a token, the part of its row and its place there.
    sources: list[tuple[int, Ints1d]] = []
    part, place = numpy.zeros_like(row_of), column_of - begin[row_of]
    first_new = numpy.zeros(len(filled), dtype="int64")
    spans: list[list[Span]] = [[] for _ in windows.spans]
    offsets: dict[Doc, int] = {}
    n_cut = 0
    for row, (i, span) in enumerate((i, span) for i, of_doc in enumerate(windows.spans) for span in of_doc):
        offset = offsets.setdefault(span.doc, sum(map(len, offsets)))
        first_new[row] = len(sources)
        columns = numpy.arange(begin[row], begin[row] + lengths[row])
        if lengths[row] <= limit:
            sources.append((row, columns))
            spans[i].append(span)
            continue
        of_row = by_row[row_ends[row] : row_ends[row + 1]]
        text = _split_row(token_of[of_row], place[of_row], len(columns), limit, around(row))
        part[of_row], place[of_row] = text.part, text.place
        sources += [(row, columns[read]) for read in text.pieces]
        spans[i] += _stretches(span, [(first - offset, last - offset) for first, last in text.tokens])
        n_cut += text.n_cut
    taken, shift = _take(wordpieces, sources, pad, on_left=not filled[:, 0].all())
    is_read = part >= 0
    new_row = (first_new[row_of] + part)[is_read]
    indices = new_row * taken.input_ids.shape[1] + shift[new_row] + place[is_read]
    n_pieces = numpy.bincount(token_of[is_read], minlength=len(align.lengths))
    new_align = Ragged(indices.astype(align.dataXd.dtype), n_pieces.astype(align.lengths.dtype))
    return Windows(spans, taken, new_align), int((lengths > limit).sum()), n_cut


def _split_row(tokens: Ints1d, places: Ints1d, n_pieces: int, limit: int, around: tuple[int, int]) -> SplitText:
    """The same with special pieces among the others, `around` as the numbers before and after the text: each part has them."""
    before, after = around
    size, n_text = limit - before - after, n_pieces - before - after
    if size < 1:
        raise RelextError(
            f"the encoder is said to read {limit} word pieces, of which {before + after} are special ones: no place is left for text. "
            "Set tokenizer_config.model_max_length to what the encoder reads, or leave it out."
        )
    is_text = (places >= before) & (places < before + n_text)
    text = split_text(tokens[is_text], places[is_text] - before, n_text, size)
    part, place = numpy.full(len(places), -1), places.copy()
    part[is_text], place[is_text] = text.part, text.place + before
    first, last = numpy.arange(before), numpy.arange(before + n_text, n_pieces)
    return text._replace(pieces=[numpy.concatenate([first, read + before, last]) for read in text.pieces], part=part, place=place)


def _stretches(span: Span, tokens: list[tuple[int, int]]) -> list[Span]:
    """The parts of a window, from the first and the last token with a piece of each; together they have all tokens of the window."""
    firsts = [span.start, *(first for first, _ in tokens[1:])]
    # A token without pieces between two parts is in the first of them.
    ends = [*(max(last + 1, first) for (_, last), first in zip(tokens[:-1], firsts[1:], strict=True)), span.end]
    return [span.doc[first:end] for first, end in zip(firsts, ends, strict=True)]


def _take(
    wordpieces: WordpieceBatch, sources: list[tuple[int, Ints1d]], pad: tuple[int, int, str], *, on_left: bool
) -> tuple[WordpieceBatch, Ints1d]:
    """Rows of some columns of other rows, filled up, and the columns that they begin at."""
    lengths = [len(columns) for _, columns in sources]
    longest = max(lengths)
    shift = numpy.asarray([longest - length if on_left else 0 for length in lengths])
    pad_id, pad_type, pad_name = pad

    def take(array: Ints2d, fill: int) -> Ints2d:
        taken = numpy.full((len(sources), longest), fill, dtype=array.dtype)
        for into, start, (row, columns) in zip(taken, shift, sources, strict=True):
            into[start : start + len(columns)] = array[row, columns]
        return taken

    types = wordpieces.token_type_ids
    names = []
    for start, (row, columns) in zip(shift.tolist(), sources, strict=True):
        of_row = [pad_name] * start + [wordpieces.strings[row][column] for column in columns]
        names.append(of_row + [pad_name] * (longest - len(of_row)))
    return (
        WordpieceBatch(
            strings=names,
            input_ids=take(wordpieces.input_ids, pad_id),
            attention_mask=take(wordpieces.attention_mask, 0),
            lengths=lengths,
            token_type_ids=None if types is None else take(types, pad_type),
        ),
        shift,
    )
