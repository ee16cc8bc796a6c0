"""Candidate pairs and their contexts, against an obvious computation over random mentions."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_relext.candidates import (
    MARGIN,
    are_of_types,
    context_spans,
    distance_pairs,
    has_sentences,
    make_candidates,
    nearest,
    sentence_bounds,
    sentence_index,
    sentence_pairs,
)
from spacy_relext.errors import RelextError

VOCAB = spacy.blank("en").vocab
ALL = [(ordered, overlapping) for ordered in (True, False) for overlapping in (True, False)]


def make_doc(n_tokens, sent_starts=None):
    """A Doc of n tokens; without `sent_starts` it has no sentences."""
    doc = Doc(VOCAB, words=[f"w{i}" for i in range(n_tokens)])
    if sent_starts is not None:
        for token in doc:
            token.is_sent_start = token.i in sent_starts
    return doc


def random_case(seed):
    """A Doc with sentences, and mentions in random order: some nested, some overlapping, some twice in the list."""
    rng = numpy.random.default_rng(seed)
    n_tokens = int(rng.integers(2, 40))
    starts = {0, *rng.integers(0, n_tokens, size=int(rng.integers(0, 6))).tolist()}
    doc = make_doc(n_tokens, starts)
    mentions = []
    for _ in range(int(rng.integers(0, 15))):
        start = int(rng.integers(0, n_tokens))
        mentions.append(doc[start : min(start + int(rng.integers(1, 5)), n_tokens)])
    return doc, mentions, starts


def brute_force(mentions, near, ordered, overlapping):
    """All pairs of the indices, by definition: `near` says whether two mentions may be paired."""
    pairs = set()
    for i, head in enumerate(mentions):
        for j, tail in enumerate(mentions):
            same = (head.start, head.end) == (tail.start, tail.end)
            shared = set(range(head.start, head.end)) & set(range(tail.start, tail.end))
            if same or (shared and not overlapping) or not near(head, tail):
                continue
            if ordered or (head.start, head.end) < (tail.start, tail.end):
                pairs.add((i, j))
    return pairs


def as_set(pairs):
    """The pairs as a set of tuples; none may be there twice."""
    assert pairs.shape == (len(pairs), 2)
    assert pairs.dtype == numpy.int64
    found = {(int(head), int(tail)) for head, tail in pairs}
    assert len(found) == len(pairs)
    return found


def tokens_between(head, tail):
    return max(0, max(head.start, tail.start) - min(head.end, tail.end))


def test_the_random_cases_hold_what_they_should_test():
    """Nested, partly overlapping, equal and several-sentence mentions are among them."""
    seen = set()
    for seed in range(40):
        _, mentions, starts = random_case(seed)
        for a in mentions:
            seen.add("crossing" if any(a.start < s < a.end for s in starts) else "inside")
            for b in mentions:
                if a is b:
                    continue
                if (a.start, a.end) == (b.start, b.end):
                    seen.add("equal")
                elif a.start <= b.start and b.end <= a.end:
                    seen.add("nested")
                elif a.start < b.start < a.end < b.end:
                    seen.add("overlapping")
    assert seen == {"crossing", "inside", "equal", "nested", "overlapping"}


@pytest.mark.parametrize(("ordered", "overlapping"), ALL)
def test_sentence_pairs_are_all_pairs_whose_mentions_begin_in_one_sentence(ordered, overlapping):
    get_pairs = sentence_pairs(ordered=ordered, overlapping=overlapping)
    n_pairs = 0
    for seed in range(40):
        doc, mentions, starts = random_case(seed)

        def sentence(span, starts=starts):
            return sum(start <= span.start for start in starts)

        expected = brute_force(mentions, lambda a, b: sentence(a) == sentence(b), ordered, overlapping)
        assert as_set(get_pairs(doc, mentions)) == expected, seed
        n_pairs += len(expected)
    assert n_pairs > 100


@pytest.mark.parametrize(("ordered", "overlapping"), ALL)
@pytest.mark.parametrize("max_distance", [0, 1, 4, 100])
def test_distance_pairs_are_all_pairs_with_few_tokens_between(max_distance, ordered, overlapping):
    get_pairs = distance_pairs(max_distance=max_distance, ordered=ordered, overlapping=overlapping)
    for seed in range(40):
        doc, mentions, _ = random_case(seed)
        expected = brute_force(mentions, lambda a, b: tokens_between(a, b) <= max_distance, ordered, overlapping)
        assert as_set(get_pairs(doc, mentions)) == expected, seed


def test_at_most_fifty_tokens_between_unless_told():
    doc = spacy.blank("en")(" ".join("abc" for _ in range(53)))
    for n_between, n_pairs in ((50, 2), (51, 0)):
        mentions = [Span(doc, 0, 1, "A"), Span(doc, n_between + 1, n_between + 2, "A")]
        assert len(distance_pairs()(doc, mentions)) == n_pairs


@pytest.mark.parametrize("max_sentences", [0, 1, 2])
def test_distance_pairs_can_be_limited_by_sentence_boundaries(max_sentences):
    get_pairs = distance_pairs(max_distance=10, max_sentences=max_sentences)
    for seed in range(40):
        doc, mentions, starts = random_case(seed)

        def near(a, b, starts=starts):
            boundaries = sum(min(a.start, b.start) < start <= max(a.start, b.start) for start in starts)
            return tokens_between(a, b) <= 10 and boundaries <= max_sentences

        assert as_set(get_pairs(doc, mentions)) == brute_force(mentions, near, True, False), seed


def test_sentence_pairs_by_hand():
    """Mentions out of order, one of them alone in its sentence: a b . | c ."""
    doc = make_doc(5, {0, 3})
    mentions = [doc[3:4], doc[1:2], doc[0:1]]
    assert sentence_pairs()(doc, mentions).tolist() == [[2, 1], [1, 2]]
    assert sentence_pairs(ordered=False)(doc, mentions).tolist() == [[2, 1]]


def test_distance_is_the_number_of_tokens_between():
    doc = make_doc(10)
    mentions = [doc[0:2], doc[5:6]]
    assert len(distance_pairs(max_distance=3)(doc, mentions)) == 2
    assert len(distance_pairs(max_distance=2)(doc, mentions)) == 0


def test_only_pairs_of_the_types_asked_for():
    doc = make_doc(4, {0})
    a, b, c, d = (Span(doc, i, i + 1, label) for i, label in enumerate(["GENE", "CHEMICAL", "CHEMICAL", "FOOD"]))
    types = [["CHEMICAL", "GENE"]]
    assert as_set(sentence_pairs(ordered=False, types=types)(doc, [a, b, c, d])) == {(0, 1), (0, 2)}
    assert as_set(sentence_pairs(ordered=True, types=types)(doc, [a, b, c, d])) == {(1, 0), (2, 0)}
    assert len(sentence_pairs(types=[["FOOD", "FOOD"]])(doc, [a, b, c, d])) == 0
    assert len(sentence_pairs(types=types)(doc, [])) == 0


def test_touching_mentions_do_not_overlap():
    doc = make_doc(4, {0})
    mentions = [doc[0:2], doc[2:4]]
    assert len(sentence_pairs()(doc, mentions)) == 2
    assert len(distance_pairs(max_distance=0)(doc, mentions)) == 2


def test_nested_mentions_are_paired_only_if_asked_for_and_equal_ones_never():
    doc = make_doc(4, {0})
    mentions = [doc[0:3], doc[1:2], Span(doc, 1, 2, "OTHER")]
    for make in (sentence_pairs, distance_pairs):
        assert as_set(make()(doc, mentions)) == set()
        assert as_set(make(overlapping=True)(doc, mentions)) == {(0, 1), (1, 0), (0, 2), (2, 0)}


def test_a_mention_over_a_boundary_belongs_where_it_begins():
    doc = make_doc(6, {0, 3})
    mentions = [doc[0:1], doc[2:4], doc[5:6]]
    assert as_set(sentence_pairs(ordered=False)(doc, mentions)) == {(0, 1)}


@pytest.mark.parametrize("n_mentions", [0, 1])
def test_fewer_than_two_mentions_make_no_pair_and_need_no_sentences(n_mentions):
    doc = make_doc(3)
    for make in (sentence_pairs, distance_pairs):
        assert make()(doc, [doc[0:1]][:n_mentions]).shape == (0, 2)
    assert distance_pairs(max_sentences=1)(doc, [doc[0:1]][:n_mentions]).shape == (0, 2)


def test_missing_sentences_are_an_error_with_the_cure():
    doc = make_doc(3)
    mentions = [doc[0:1], doc[2:3]]
    with pytest.raises(RelextError, match=r"sentence_pairs needs sentence boundaries.*'w0 w1 w2.*add_pipe\(\"sentencizer\""):
        sentence_pairs()(doc, mentions)
    with pytest.raises(RelextError, match=r"max_sentences=1 needs sentence boundaries.*add_pipe\(\"sentencizer\""):
        distance_pairs(max_sentences=1)(doc, mentions)
    assert len(distance_pairs()(doc, mentions)) == 2


@pytest.mark.parametrize("settings", [{"max_distance": -1}, {"max_sentences": -1}])
def test_negative_limits_are_refused(settings):
    with pytest.raises(RelextError, match=r"-1.*neither may be negative"):
        distance_pairs(**settings)


# Sentences


def test_sentence_bounds_and_index_are_those_of_the_doc():
    for seed in range(20):
        doc, _, _ = random_case(seed)
        starts, ends = sentence_bounds(doc)
        assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == [(s.start, s.end) for s in doc.sents]
        index = sentence_index(starts, len(doc))
        assert index.tolist() == [i for i, s in enumerate(doc.sents) for _ in s]


def test_the_first_token_begins_a_sentence_also_where_nobody_said_so():
    doc = make_doc(4)
    doc[2].is_sent_start = True
    assert [bounds.tolist() for bounds in sentence_bounds(doc)] == [[0, 2], [2, 4]]
    assert [bounds.tolist() for bounds in sentence_bounds(make_doc(0))] == [[0], [0]]


def test_one_token_and_none_are_sentences_by_themselves():
    assert has_sentences(make_doc(0))
    assert has_sentences(make_doc(1))
    assert not has_sentences(make_doc(2))
    assert has_sentences(make_doc(2, {0}))


# Contexts


def test_a_context_runs_from_the_sentence_of_the_first_to_that_of_the_last_mention():
    for seed in range(40):
        doc, mentions, _ = random_case(seed)
        pairs = distance_pairs(overlapping=True)(doc, mentions)
        places = numpy.asarray([(m.start, m.end, 1) for m in mentions], dtype="int64").reshape(-1, 3)
        expected = []
        for head, tail in pairs:
            tokens = [*mentions[head], *mentions[tail]]
            expected.append([min(t.sent.start for t in tokens), max(t.sent.end for t in tokens)])
        assert context_spans(doc, places, pairs).tolist() == expected, seed


def test_without_sentences_a_context_is_a_margin_around_the_pair():
    doc = make_doc(3 * MARGIN)
    places = numpy.asarray([[MARGIN + 5, MARGIN + 7, 1], [MARGIN + 9, MARGIN + 10, 1], [1, 2, 1], [3 * MARGIN - 1, 3 * MARGIN, 1]])
    pairs = numpy.asarray([[0, 1], [1, 0], [2, 0], [1, 3]])
    assert context_spans(doc, places, pairs).tolist() == [
        [5, 2 * MARGIN + 10],
        [5, 2 * MARGIN + 10],
        [0, 2 * MARGIN + 7],  # no token before the first
        [9, 3 * MARGIN],  # none after the last
    ]


def test_candidates_are_arrays_for_the_model():
    doc = make_doc(6, {0, 3})
    candidates = make_candidates(doc, [doc[0:2], doc[4:5]], [2, 1], numpy.asarray([[1, 0]]))
    assert candidates.mentions.tolist() == [[0, 2, 2], [4, 5, 1]]
    assert candidates.pairs.tolist() == [[1, 0]]
    assert candidates.contexts.tolist() == [[0, 6]]


def test_candidates_of_nothing_have_the_right_shape():
    for doc in (make_doc(0), make_doc(3)):
        candidates = make_candidates(doc, [], [], [])
        assert (candidates.mentions.shape, candidates.pairs.shape, candidates.contexts.shape) == ((0, 3), (0, 2), (0, 2))


def test_the_nearest_pairs():
    #         0       1       2       3, nested in 2
    places = numpy.array([(0, 1), (2, 3), (9, 12), (10, 11)])
    pairs = numpy.array([(a, b) for a in range(4) for b in range(4) if a != b])
    # Distances: 2-3 none, 0-1 one, 1-2 six, 1-3 seven, 0-2 eight, 0-3 nine; both directions each.
    order = [(2, 3), (0, 1), (1, 2), (1, 3), (0, 2), (0, 3)]
    for most in range(13):
        kept = nearest(places, pairs, most)
        assert kept.tolist() == sorted(kept.tolist())
        assert {tuple(sorted(pair)) for pair in pairs[kept].tolist()} == set(order[: most // 2])
        assert len(kept) == most // 2 * 2
    once = numpy.array([(1, 0), (2, 1), (3, 2)])
    assert [nearest(places, once, most).tolist() for most in range(4)] == [[], [2], [0, 2], [0, 1, 2]]
    assert nearest(places, pairs[:0], 0).tolist() == []


def test_pairs_at_one_distance_come_first_in_the_text():
    places = numpy.array([(i, i + 1) for i in range(0, 20, 2)])
    pairs = numpy.array([(i, i + 1) for i in range(9)])[::-1]
    assert pairs[nearest(places, pairs, 3)].tolist() == [[2, 3], [1, 2], [0, 1]]


def test_more_pairs_than_any_memory_holds():
    doc = Doc(VOCAB, words=["x"] * 6_000, sent_starts=[True] + [False] * 5_999)
    mentions = [doc[i : i + 1] for i in range(len(doc))]
    with pytest.raises(RelextError, match=r"6,000 mentions make 17,997,000 pairs, and 10,000,000 are looked at in one Doc at the most"):
        sentence_pairs()(doc, mentions)


def test_pairs_of_types_in_either_order():
    pairs = numpy.asarray([(0, 1), (1, 0), (0, 0)])
    assert are_of_types(["DRUG", "GENE"], pairs, [["DRUG", "GENE"]], ordered=False).tolist() == [True, True, False]
    assert are_of_types(["DRUG", "GENE"], pairs, [["DRUG", "GENE"]], ordered=True).tolist() == [True, False, False]


def test_candidates_keep_the_names_of_types():
    doc = Doc(spacy.blank("en").vocab, words=["a", "b"])
    spans = [Span(doc, 0, 1, label="DRUG"), Span(doc, 1, 2, label="GENE")]
    assert make_candidates(doc, spans, [2, 3], numpy.asarray([(0, 1)])).labels == ["DRUG", "GENE"]
