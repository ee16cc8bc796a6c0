"""Per-pair encoding: the text that the encoder reads for a pair, where the pair stands in it, and what is cut."""

import logging

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc, Span
from transformers import AutoModel, AutoTokenizer

from spacy_relext.candidates import make_candidates, sentence_pairs
from spacy_relext.errors import RelextError
from spacy_relext.ml.head import PairScorer
from spacy_relext.ml.marking import MarkedText, pair_markers, pair_tags
from spacy_relext.ml.pair_texts import Pieces, cut, marked_pairs
from spacy_relext.ml.per_pair import PerPairEncoder, encode
from spacy_relext.ml.summaries import Attention, Cls, Mentions
from spacy_relext.notices import gathering

NLP = spacy.blank("en")


def marks(marked):
    """The characters that are said to be head and tail."""
    return marked.text[slice(*marked.head)], marked.text[slice(*marked.tail)]


def place(text, name, start=0):
    first = text.index(name, start)
    return first, first + len(name)


def mark(marking, text, head, tail, head_type="DRUG", tail_type="DRUG"):
    return marking(text, place(text, head), place(text, tail), head_type, tail_type)


def test_tags_are_those_that_the_paper_prints():
    text = "Nuclear protein p300 is a coactivator for the transcription factor STAT1 ."
    marked = mark(pair_tags(), text, "p300", "STAT1", "PROTEIN", "PROTEIN")
    assert marked.text == "Nuclear protein @PROTEIN$ is a coactivator for the transcription factor @PROTEIN$ ."
    assert marks(marked) == ("@PROTEIN$", "@PROTEIN$")
    assert marked.head < marked.tail


def test_other_mentions_and_all_other_text_stay():
    text = "  Aspirin,  not (S)-warfarin or\tketamine, helps. "
    marked = mark(pair_tags(), text, "ketamine", "Aspirin", "ANAESTHETIC", "DRUG")
    assert marked.text == "  @DRUG$,  not (S)-warfarin or\t@ANAESTHETIC$, helps. "
    assert marks(marked) == ("@ANAESTHETIC$", "@DRUG$")


def test_numbered_tags_tell_head_from_tail():
    text = "A raises B."
    assert mark(pair_tags(numbered=True), text, "A", "B").text == "@DRUG1$ raises @DRUG2$."
    assert mark(pair_tags(numbered=True), text, "B", "A").text == "@DRUG2$ raises @DRUG1$."


@pytest.mark.parametrize(
    ("head", "tail", "expected"),
    [
        ((0, 4), (5, 9), "@H$ @T$ x"),  # side by side
        ((0, 4), (4, 9), "@H$@T$ x"),
        ((0, 9), (5, 9), "@H$ @T$ x"),  # nested
        ((5, 9), (0, 9), "@T$ @H$ x"),
        ((0, 6), (3, 9), "@H$ @T$ x"),  # overlapping
    ],
)
def test_tags_of_mentions_that_touch_or_overlap(head, tail, expected):
    marked = pair_tags()("abcd efgh x", head, tail, "H", "T")
    assert marked.text == expected
    assert marks(marked) == ("@H$", "@T$")


@pytest.mark.parametrize(
    ("head", "tail", "expected"),
    [
        ((0, 4), (5, 9), "@ * h * abcd @ # ^ t ^ efgh # x"),
        ((5, 9), (0, 4), "# ^ t ^ abcd # @ * h * efgh @ x"),
        ((0, 4), (4, 9), "@ * h * abcd @# ^ t ^  efgh # x"),
        ((0, 9), (5, 9), "@ * h * abcd # ^ t ^ efgh # @ x"),
        ((0, 4), (0, 9), "# ^ t ^ @ * h * abcd @ efgh # x"),
        ((0, 6), (3, 9), "@ * h * abc# ^ t ^ d e @fgh # x"),
    ],
)
def test_markers_around_the_mentions(head, tail, expected):
    marked = pair_markers()("abcd efgh x", head, tail, "H", "T")
    assert marked.text == expected
    assert marks(marked)[0].startswith("@ * h * ")
    assert marks(marked)[0].endswith(" @")
    assert marks(marked)[1].startswith("# ^ t ^ ")
    assert marks(marked)[1].endswith(" #")


def annotated():
    """Two sentences, the second with three mentions."""
    words = ["Nothing", "here", ".", "Warfarin", "and", "aspirin", "or", "ketamine", "."]
    doc = Doc(NLP.vocab, words=words, sent_starts=[i in (0, 3) for i in range(len(words))])
    spans = [Span(doc, 3, 4, "DRUG"), Span(doc, 5, 6, "DRUG"), Span(doc, 7, 8, "GAS")]
    return doc, make_candidates(doc, spans, [2, 2, 3], sentence_pairs(ordered=False)(doc, spans))


def test_every_pair_has_its_sentence_to_itself():
    doc, candidates = annotated()
    found = list(marked_pairs([doc, doc], [candidates, candidates], pair_tags()))
    assert [text.text for text, _, _ in found[:3]] == [
        "@DRUG$ and @DRUG$ or ketamine .",
        "@DRUG$ and aspirin or @GAS$ .",
        "Warfarin and @DRUG$ or @GAS$ .",
    ]
    assert [types for _, *types in found[:3]] == [[2, 2], [2, 3], [2, 3]]
    assert found[3:] == found[:3]


# Cutting


def pieces(n, head, tail):
    return Pieces(list(range(n)), head, tail, numpy.repeat(numpy.arange(n), 2).reshape(n, 2))


@pytest.mark.parametrize(
    ("n", "head", "tail", "expected"),
    [
        (10, (2, 3), (7, 9), range(10)),  # fits
        (40, (18, 19), (21, 22), range(15, 25)),  # in the middle
        (40, (21, 22), (18, 19), range(15, 25)),
        (40, (1, 2), (3, 4), range(10)),  # at the beginning
        (40, (35, 36), (38, 40), range(30, 40)),  # at the end
        (40, (10, 11), (19, 20), range(10, 20)),  # just
        (40, (10, 11), (30, 31), [*range(8, 13), *range(28, 33)]),  # what is between is left out
        (40, (0, 1), (39, 40), [*range(5), *range(35, 40)]),
        (40, (0, 8), (30, 38), [*range(5), *range(30, 35)]),  # marks longer than their half
    ],
)
def test_texts_are_cut_around_the_pair(n, head, tail, expected):
    result = cut(pieces(n, head, tail), 10)
    assert result.ids == list(expected)
    for old, new in ((head, result.head), (tail, result.tail)):
        kept = [i for i in range(*old) if i in expected]
        assert kept
        assert result.ids[slice(*new)] == kept


def test_no_pair_is_ever_lost():
    rng = numpy.random.default_rng(0)
    for _ in range(2000):
        n, limit = int(rng.integers(4, 60)), int(rng.integers(4, 20))
        head, tail = (sorted(rng.choice(n + 1, size=2, replace=False).tolist()) for _ in range(2))
        result = cut(pieces(n, tuple(head), tuple(tail)), limit)
        assert len(result.ids) <= max(limit, 0)
        for (first, end), new in ((head, result.head), (tail, result.tail)):
            assert result.ids[slice(*new)]
            assert set(result.ids[slice(*new)]) <= set(range(first, end))


# Reading


@pytest.fixture
def hf(tiny_bert):
    class Encoder:
        tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
        transformer = AutoModel.from_pretrained(tiny_bert).eval()

    return Encoder


def encoder(max_length=64):
    return PerPairEncoder(pair_tags(), max_length=max_length)


def test_pieces_of_the_pair(hf):
    text = "avoid warfarin or aspirin ."
    (found,) = encoder().tokenize([MarkedText(text, place(text, "warfarin"), place(text, "aspirin"))], hf.tokenizer)
    assert hf.tokenizer.convert_ids_to_tokens(found.ids) == ["avoid", "warfarin", "or", "aspirin", "."]
    assert (found.head, found.tail) == ((1, 2), (3, 4))


def test_a_mark_without_a_piece_is_an_error(hf):
    text = "avoid \u200b or aspirin ."
    with pytest.raises(RelextError, match="tokenizer has no piece for '\\\\u200b'"):
        encoder().tokenize([MarkedText(text, (6, 7), place(text, "aspirin"))], hf.tokenizer)


def test_texts_that_are_cut_are_counted(hf, caplog):
    logging.getLogger("spacy").propagate = True
    text = "warfarin " + "or " * 30 + "aspirin"
    long = MarkedText(text, place(text, "warfarin"), place(text, "aspirin"))
    short = MarkedText("warfarin or aspirin", (0, 8), (12, 19))
    reader = encoder(max_length=12)
    found = reader.tokenize([short, long, long, long], hf.tokenizer)
    assert [len(p.ids) for p in found] == [3, 10, 10, 10]
    assert caplog.messages == ["3 of 4 pairs stand in texts of more than 12 word pieces, which are cut around the pair."]
    with gathering() as gathered:
        for _ in range(2):
            reader.tokenize([short, long, long, long], hf.tokenizer)
    assert [line[:15] for line in gathered.lines()] == ["6 of 8 pairs st"]


def test_mentions_that_do_not_fit_are_counted(hf, caplog):
    """Head and tail keep their beginnings, and the words around them their place."""
    name = "quinazolinamine"
    text = f"avoid {name * 3} with {name * 4} or aspirin ."
    found = encoder(max_length=22).tokenize([MarkedText(text, place(text, name * 3), place(text, name * 4))], hf.tokenizer)[0]
    pieces = hf.tokenizer.convert_ids_to_tokens(found.ids)
    assert len(pieces) == 20
    assert (found.head, found.tail) == ((0, 10), (10, 20))
    assert "".join(piece.removeprefix("##") for piece in pieces) == "quinazolinquinazolin"
    assert caplog.messages[1] == "Marked mentions of more word pieces than fit into 22: 2. The last pieces of each are left out."


def test_contexts_are_the_last_layer_without_special_pieces(hf):
    """Against the encoder run on each text alone."""
    texts = ["avoid warfarin or aspirin .", "ketamine increases warfarin levels with aspirin and quinine ."]
    names = [("warfarin", "aspirin"), ("quinine", "ketamine")]
    marked = [MarkedText(t, place(t, h), place(t, tail)) for t, (h, tail) in zip(texts, names, strict=True)]
    found = encoder().tokenize(marked, hf.tokenizer)
    with torch.no_grad():
        contexts = encode(found, torch.tensor([[2, 3], [4, 2]]), hf, every_layer=True)
        for i, text in enumerate(texts):
            alone = hf.transformer(**hf.tokenizer(text, return_tensors="pt"), output_hidden_states=True)
            n = alone.last_hidden_state.shape[1] - 2
            torch.testing.assert_close(contexts.tokens[i, :n], alone.last_hidden_state[0, 1:-1], rtol=1e-4, atol=1e-5)
            assert (contexts.tokens[i, n:] == 0).all()
            assert contexts.mask[i].tolist() == [True] * n + [False] * (contexts.mask.shape[1] - n)
            assert contexts.span[i].tolist() == [0, n]
            for layer in (1, 2):
                torch.testing.assert_close(contexts.cls[i, layer - 1], alone.hidden_states[layer][0, 0], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(contexts.pooled[i], alone.pooler_output[0], rtol=1e-4, atol=1e-5)
            first, end = contexts.head[i].tolist()
            torch.testing.assert_close(contexts.head_vector[i], contexts.tokens[i, first:end].mean(dim=0))
    assert (contexts.head_type.tolist(), contexts.tail_type.tolist()) == ([2, 3], [4, 2])


def test_scores_do_not_depend_on_what_is_scored_together(hf, monkeypatch):
    doc, candidates = annotated()
    scorer = PairScorer(Attention(), hidden_width=0, max_cells=1)
    scorer.build(width=32, n_types=4, n_labels=3)
    scorer.eval()
    with torch.no_grad():
        together = encoder().logits([doc, doc], [candidates, candidates], hf, scorer, dropout=0.0, lower=False)
        monkeypatch.setattr("spacy_relext.ml.per_pair.BLOCK", 2)
        in_blocks = encoder().logits([doc, doc], [candidates, candidates], hf, scorer, dropout=0.0, lower=False)
        # Another run for every length.
        monkeypatch.setattr("spacy_relext.ml.transformer.RUN_COST", -1)
        in_groups = encoder().logits([doc, doc], [candidates, candidates], hf, scorer, dropout=0.0, lower=False)
        none = encoder().logits([], [], hf, scorer, dropout=0.0, lower=False)
    assert together.shape == (6, 3)
    assert none.shape == (0, 3)
    torch.testing.assert_close(in_blocks, together, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(in_groups, together, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(together[3:], together[:3], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(together[0], together[1])


@pytest.mark.parametrize("is_train", [True, False])
def test_few_pieces_are_encoded_together_in_prediction(hf, monkeypatch, is_train):
    doc, candidates = annotated()
    scorer = PairScorer(Attention(), hidden_width=0, max_cells=1)
    scorer.build(width=32, n_types=4, n_labels=3)
    n_runs = 0

    def count(*_):
        nonlocal n_runs
        n_runs += 1

    monkeypatch.setattr("spacy_relext.ml.per_pair.CPU_PIECES", 1)
    hook = hf.transformer.register_forward_pre_hook(count)
    with torch.set_grad_enabled(is_train):
        encoder().logits([doc], [candidates], hf, scorer, dropout=0.0, lower=False)
    hook.remove()
    # Three pairs: every text by itself, or in training, where all is kept for the gradients, together.
    assert n_runs == (1 if is_train else 3)


def test_a_summary_that_needs_what_the_encoder_does_not_give(hf):
    hf.transformer.pooler = None
    doc, candidates = annotated()
    scorer = PairScorer(Cls(pooled=True), hidden_width=0, max_cells=1)
    scorer.build(width=32, n_types=4, n_labels=3)
    with pytest.raises(RelextError, match="reads the encoder's pooler, and this encoder has none"):
        encoder().logits([doc], [candidates], hf, scorer, dropout=0.0, lower=False)


def test_an_encoder_that_reads_less(hf):
    with pytest.raises(RelextError, match="max_length is 65, and the encoder reads at most 64 word pieces"):
        encoder(max_length=65).check(hf.tokenizer, hf.transformer.config)


def test_a_slow_tokenizer(hf):
    class Slow:
        is_fast = False

    with pytest.raises(RelextError, match=r"needs a fast tokenizer, .* and Slow is none"):
        encoder().check(Slow(), hf.transformer.config)


def test_mentions_stand_for_themselves_in_the_marked_view_too(hf):
    doc, candidates = annotated()
    scorer = PairScorer(Mentions(), hidden_width=0, max_cells=1)
    scorer.build(width=32, n_types=4, n_labels=3)
    with torch.no_grad():
        logits = encoder().logits([doc], [candidates], hf, scorer, dropout=0.0, lower=False)
    assert torch.isfinite(logits).all()
