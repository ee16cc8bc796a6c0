"""Per-pair encoding: one encoder pass per candidate pair, on text in which this pair is marked (Su & Vijay-Shanker, arXiv:2011.00398).

Marking → word pieces, cut around the pair → groups of like length → [CLS], pieces and pair as `Contexts`, for the same summaries as in
single-pass encoding. Encoder and head are one torch graph, so that a gradient reaches every layer that a summary reads.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy
import torch
from spacy.tokens import Doc, Span
from thinc.api import Model, torch2xp, xp2torch
from torch import Tensor

from spacy_relext.candidates import Candidates
from spacy_relext.errors import RelextError
from spacy_relext.ml.architectures import ModelInput, make_classifier, make_head
from spacy_relext.ml.attention import OnAttention, by_word
from spacy_relext.ml.gradients import Differentiable
from spacy_relext.ml.head import PairScorer, in_order, mean_of_spans
from spacy_relext.ml.limits import longest_text
from spacy_relext.ml.marking import MarkedText, PairMarking
from spacy_relext.ml.pair_texts import (
    EncodedPair,
    Pieces,
    attention_to_words,
    cut,
    marked_pairs,
    pieces_of,
    special_pieces,
    words_of,
)
from spacy_relext.ml.patches.thinc import set_mode
from spacy_relext.ml.patches.tokenizers import settle
from spacy_relext.ml.patches.torch_bfloat16 import widened
from spacy_relext.ml.patches.torch_cpu import densify
from spacy_relext.ml.precision import Precision, compute_precision, computes_in_bfloat16
from spacy_relext.ml.summaries.base import Contexts, Summary, within
from spacy_relext.ml.transformer import bucket_by_length, create_transformer_model, prepare
from spacy_relext.notices import Notices
from spacy_relext.types import Floats2d

# Pairs whose texts and pieces are held at a time in prediction.
BLOCK = 4096
# Word pieces that are encoded together in prediction on a CPU, which is as fast with few: more take half a gigabyte more.
CPU_PIECES = 2**11


# From the contexts of some pairs, and these pairs, to a tensor with a row for each.
ContextFunction = Callable[[Contexts, Sequence[EncodedPair]], Tensor]


class PerPairEncoder:
    """Reads marked texts with a Hugging Face encoder.

    max_length: The largest number of word pieces of a text, special ones among them. Longer texts are cut around the pair.
    """

    def __init__(self, marking: PairMarking, *, max_length: int):
        self.marking = marking
        self.max_length = max_length
        self.notices = Notices()

    def check(self, tokenizer: Any, config: Any, transformer: Any = None) -> None:
        """Raise where a tokenizer or encoder does not fit."""
        if not tokenizer.is_fast:
            raise RelextError(
                "one encoder pass per pair needs a fast tokenizer, which knows where in the text a piece stands, and "
                f"{type(tokenizer).__name__} is none. Set tokenizer_config.use_fast = true, or take another encoder."
            )
        longest = longest_text(tokenizer, config, transformer)
        if longest is not None and self.max_length > longest:
            raise RelextError(f"max_length is {self.max_length}, and the encoder reads at most {longest} word pieces.")

    def logits(
        self,
        docs: Sequence[Doc],
        candidates: Sequence[Candidates],
        hf: Any,
        scorer: PairScorer,
        *,
        on_attention: OnAttention | None = None,
        dropout: float,
        lower: bool,
    ) -> Tensor:
        """Score the pairs of some Docs.

        on_attention: Is called with the weights of each pair. dropout: Of the head. hf, lower: As in `apply`.
        RETURNS: float [n_pairs, n_labels].
        """
        on_weights = None if on_attention is None else attention_to_words(on_attention, docs, candidates)

        def score(contexts: Contexts, pairs: Sequence[EncodedPair]) -> Tensor:
            return scorer.classify(read(contexts, scorer), dropout, None if on_weights is None else partial(on_weights, pairs))

        blocks = list(self.apply(score, docs, candidates, hf, every_layer="cls" in scorer.summary.needs, lower=lower))
        return torch.cat(blocks) if blocks else torch.zeros((0, scorer.sizes["n_labels"]), device=hf.transformer.device)

    def apply(
        self,
        function: ContextFunction,
        docs: Sequence[Doc],
        candidates: Sequence[Candidates],
        hf: Any,
        *,
        every_layer: bool,
        lower: bool,
    ) -> Iterator[Tensor]:
        """Encode the pairs of some Docs and apply a function to their contexts, block by block.

        So the memory for text does not grow with the number of pairs.
        hf: The encoder's `tokenizer` and `transformer`. every_layer: As in `encode`. lower: Whether the encoder computes in bfloat16.
        YIELDS: What the function gives for the pairs of a block, in their order.
        """
        pairs = marked_pairs(docs, candidates, self.marking)
        n_pairs = 0
        while block := list(islice(pairs, BLOCK)):
            texts, head_types, tail_types = zip(*block, strict=True)
            pieces = self.tokenize(texts, hf.tokenizer)
            encoded = [EncodedPair(n_pairs + i, *of_pair) for i, of_pair in enumerate(zip(texts, pieces, strict=True))]
            n_pairs += len(block)
            types = torch.tensor([head_types, tail_types], device=hf.transformer.device)
            yield self._apply(function, encoded, types, hf, every_layer=every_layer, lower=lower)

    def tokenize(self, texts: Sequence[MarkedText], tokenizer: Any) -> list[Pieces]:
        """Word pieces of the texts; those of long texts are cut around the pair, and counted."""
        limit = self.max_length - sum(len(special) for special in special_pieces(tokenizer))
        encoded = tokenizer([t.text for t in texts], add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        result: list[Pieces] = []
        n_long = n_marks = 0
        for text, ids, offsets in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True):
            places = numpy.asarray(offsets, dtype="int64").reshape(-1, 2)
            pieces = Pieces(ids, pieces_of(text, text.head, places), pieces_of(text, text.tail, places), places)
            result.append(cut(pieces, limit))
            n_long += len(ids) > limit
            n_marks += sum(after[1] - after[0] < before[1] - before[0] for before, after in zip(pieces[1:3], result[-1][1:3], strict=True))
        self._tell(n_long, n_marks, len(texts))
        return result

    def _tell(self, n_long: int, n_marks: int, n_pairs: int) -> None:
        if n_long:
            text = (
                f"{{n}} of {{of}} {{of|pair|pairs}} {{n|stands in a text|stand in texts}} of more than {self.max_length} word pieces, "
                "which {n|is|are} cut around the pair."
            )
            self.notices.warn("long texts", text, n=n_long, of=n_pairs)
        if n_marks:
            text = f"Marked mentions of more word pieces than fit into {self.max_length}: {{n}}. The last pieces of each are left out."
            self.notices.warn("long mentions", text, n=n_marks)

    def _apply(
        self, function: ContextFunction, pairs: Sequence[EncodedPair], types: Tensor, hf: Any, *, every_layer: bool, lower: bool
    ) -> Tensor:
        """The same for some pairs at once; texts of like length are encoded together. types: int [2, n_pairs]."""
        results, order = [], []
        device = hf.transformer.device.type
        # The outer one keeps the weights that were made bfloat16 from group to group.
        is_train = torch.is_grad_enabled()
        max_pieces = CPU_PIECES if device == "cpu" and not is_train else None
        with compute_precision(device, lower=lower, is_train=is_train):
            lengths = numpy.asarray([len(pair.pieces.ids) for pair in pairs])
            for group, _ in bucket_by_length(lengths, max_pieces, device=device):
                members = [pairs[i] for i in group]
                contexts = encode([pair.pieces for pair in members], types[:, group], hf, every_layer=every_layer)
                with torch.autocast(device, enabled=False):
                    results.append(function(contexts, members))
                order.append(group)
        return in_order(results, order)


def encode(pieces: Sequence[Pieces], types: Tensor, hf: Any, *, every_layer: bool, embeddings: Tensor | None = None) -> Contexts:
    """Run the encoder over some marked texts, one row per pair.

    every_layer: Whether `cls` and `layers` are given: the vectors after every layer. embeddings: In the place of those of the pieces.
    """
    device = types.device
    before, _ = special_pieces(hf.tokenizer)
    input_ids, filled = padded_ids(pieces, hf, device)
    read = {"input_ids": input_ids} if embeddings is None else {"inputs_embeds": embeddings}
    output = hf.transformer(**read, attention_mask=widened(filled.long()), output_hidden_states=every_layer)
    counts = torch.tensor([len(p.ids) for p in pieces], device=device)
    mask = torch.arange(int(counts.max()), device=device) < counts[:, None]
    inside = slice(len(before), len(before) + mask.shape[1])
    hidden = output.last_hidden_state[:, inside].float() * mask[..., None]
    head = torch.tensor([p.head for p in pieces], device=device)
    tail = torch.tensor([p.tail for p in pieces], device=device)
    rows = torch.arange(len(pieces), device=device)
    first = (rows * mask.shape[1])[:, None]
    cls = None
    if every_layer and hf.tokenizer.cls_token_id is not None:
        # The first or the last piece: encoders differ.
        place = (input_ids == hf.tokenizer.cls_token_id).int().argmax(dim=1)
        cls = torch.stack([layer[rows, place] for layer in output.hidden_states[1:]], dim=1).float()
    pooled = getattr(output, "pooler_output", None)
    return Contexts(
        tokens=hidden,
        mask=mask,
        row=rows,
        span=torch.stack([torch.zeros_like(counts), counts], dim=1),
        head=head,
        tail=tail,
        heads=mean_of_spans(hidden.flatten(0, 1), head + first),
        tails=mean_of_spans(hidden.flatten(0, 1), tail + first),
        head_index=rows,
        tail_index=rows,
        head_types=types[0],
        tail_types=types[1],
        cls=cls,
        pooled=None if pooled is None else pooled.float(),
        layers=tuple(layer[:, inside] for layer in output.hidden_states) if every_layer else None,
    )


def padded_ids(pieces: Sequence[Pieces], hf: Any, device: Any) -> tuple[Tensor, Tensor]:
    """The ids of some texts with special pieces, `[n, longest]`, and where there are any."""
    before, after = special_pieces(hf.tokenizer)
    ids = [[*before, *p.ids, *after] for p in pieces]
    lengths = torch.tensor([len(i) for i in ids], device=device)
    filled = torch.arange(int(lengths.max()), device=device) < lengths[:, None]
    input_ids = torch.full(filled.shape, hf.tokenizer.pad_token_id or 0, device=device)
    input_ids[filled] = torch.tensor([i for row in ids for i in row], device=device)
    return input_ids, filled


def read(contexts: Contexts, scorer: PairScorer) -> Contexts:
    """The same contexts as the summary reads them; here every position is in one row alone."""
    scorer.set_scale(contexts.tokens.flatten(0, 1))
    contexts = contexts._replace(
        tokens=scorer.scaled(contexts.tokens),
        heads=scorer.scaled(contexts.heads),
        tails=scorer.scaled(contexts.tails),
        cls=None if contexts.cls is None else scorer.scaled(contexts.cls),
        layers=None if contexts.layers is None else tuple(scorer.scaled(layer) for layer in contexts.layers),
    )
    types = contexts.row.new_zeros(contexts.mask.shape)
    for places, kinds in ((contexts.head, contexts.head_type), (contexts.tail, contexts.tail_type)):
        types = torch.where(within(places, types.shape[1]), kinds[:, None], types)
    vectors = scorer.summary.read(contexts.tokens.flatten(0, 1), types.flatten()).unflatten(0, contexts.mask.shape)
    return contexts._replace(tokens=vectors)


def create_per_pair_classifier(
    name: str,
    marking: PairMarking,
    summary: Summary,
    max_length: int = 128,
    hidden_width: int = 0,
    dropout: float = 0.1,
    learn_rate_scale: float = 1.0,
    tokenizer_config: dict[str, Any] | None = None,
    transformer_config: dict[str, Any] | None = None,
    precision: Precision = "float32",
    freeze_embeddings: bool = False,
    nO: int | None = None,
) -> Model[ModelInput, Floats2d]:
    """Per-pair encoding, the paper's. Registered architecture `spacy-relext.MarkedPairClassifier.v1`.

    One encoder pass per pair, on text in which the pair is marked.

    name (str): Hugging Face name or folder of the encoder, which is the extractor's own.
    marking (Callable): How the pair is marked: `spacy-relext.pair_tags.v1` or `spacy-relext.pair_markers.v1`.
    summary (Summary): How the last layer is summarised.
    max_length (int): Word pieces, [CLS] and [SEP] among them; longer texts are cut around the pair.
    hidden_width, dropout, learn_rate_scale: As in `spacy-relext.PairClassifier.v1`. The paper has no hidden layer, and one rate.
    tokenizer_config, transformer_config (dict): Settings of the Hugging Face tokenizer and model.
    precision (str): "float32", "bfloat16" (matrix products of the encoder; weights and summary in float32), or "auto": bfloat16 where the
        device computes with it.
    freeze_embeddings (bool): Do not train the word embeddings.
    nO (int | None): Number of output columns, set at initialisation.
    RETURNS (Model[Tuple[List[Doc], List[Candidates]], Floats2d]): Logits, one row per pair.
    """
    if max_length < 8:
        raise RelextError(f"spacy-relext.MarkedPairClassifier.v1: max_length is {max_length}; a marked pair needs 8 word pieces at least.")
    transformer = create_transformer_model(
        name, _no_windows, tokenizer_config, transformer_config, cpu_precision=precision, freeze_embeddings=freeze_embeddings
    )
    encoder = PerPairEncoder(marking, max_length=max_length)
    head = make_head(summary, hidden_width, dropout, learn_rate_scale)
    model = make_classifier(partial(_forward, encoder=encoder), transformer, head, nO, sample=False)
    model.attrs["apply_to_contexts"] = partial(_apply_to_contexts, encoder=encoder)
    model.attrs["differentiable"] = partial(_differentiable, encoder=encoder)
    return model


def _no_windows(docs: list[Doc]) -> list[list[Span]]:
    """What spacy-transformers asks of every transformer; here each pair has a text of its own."""
    return [[] for _ in docs]


def _forward(model: Model, X: ModelInput, is_train: bool, *, encoder: PerPairEncoder) -> tuple[Floats2d, Callable]:
    docs, candidates, on_attention = ModelInput.of(X)
    head = model.get_ref("head")
    scorer = head.shims[0]._model
    set_mode(scorer, training=is_train)
    hf, lower = _ready(model, encoder, is_train)
    with torch.set_grad_enabled(is_train):
        logits = encoder.logits(docs, candidates, hf, scorer, on_attention=on_attention, dropout=head.attrs["dropout_rate"], lower=lower)

    def backprop(d_logits: Floats2d) -> list[Doc]:
        if logits.requires_grad:
            logits.backward(xp2torch(d_logits, device=logits.device))
            densify(hf.transformer.parameters())
        return docs

    return torch2xp(logits.detach()), backprop


def _apply_to_contexts(model: Model, X: ModelInput, function: Callable[[Contexts], Tensor], *, encoder: PerPairEncoder) -> list[Tensor]:
    """What a function makes of the contexts of some pairs, block by block: [CLS] and pieces after every layer are among them.

    The encoder is as it is in prediction: without dropout and gradients.
    """
    docs, candidates, _ = ModelInput.of(X)
    hf, lower = _ready(model, encoder, False)
    with torch.no_grad():
        return list(encoder.apply(lambda contexts, _: function(contexts), docs, candidates, hf, every_layer=True, lower=lower))


def _differentiable(model: Model, X: ModelInput, upstream: Model | None = None, *, encoder: PerPairEncoder) -> Differentiable:
    """The logits of the pairs of one Doc as a function of the embeddings of the word pieces of their texts: a row for each."""
    docs, candidates, _ = ModelInput.of(X)
    scorer = model.get_ref("head").shims[0]._model
    set_mode(scorer, training=False)
    hf, _ = _ready(model, encoder, False)
    texts, head_types, tail_types = zip(*marked_pairs(docs, candidates, encoder.marking), strict=True)
    pieces = encoder.tokenize(texts, hf.tokenizer)
    types = torch.tensor([head_types, tail_types], device=hf.transformer.device)
    ids, _ = padded_ids(pieces, hf, types.device)
    n_before = len(special_pieces(hf.tokenizer)[0])
    counts = torch.tensor([len(p.ids) for p in pieces], device=types.device)
    position = torch.arange(ids.shape[1], device=types.device) - n_before
    n_rows = len(pieces)

    def logits(embeddings: Tensor) -> Tensor:
        n_steps = len(embeddings)
        contexts = encode(
            pieces * n_steps, types.repeat(1, n_steps), hf, every_layer="cls" in scorer.summary.needs, embeddings=embeddings.flatten(0, 1)
        )
        return scorer.classify(read(contexts, scorer)).unflatten(0, (n_steps, n_rows))

    def to_places(weights: Floats2d) -> Iterator[tuple[int, int, float]]:
        for row, (text, of_row) in enumerate(zip(texts, pieces, strict=True)):
            words, _, places = words_of(text, docs[0], candidates[0], row)
            of_words, _ = by_word(weights[row, n_before : n_before + len(of_row.ids)], of_row.places, words)
            yield from ((start, end, float(w)) for (start, end), w in zip(places.tolist(), of_words, strict=True))

    return Differentiable.of(hf, ids, (position >= 0) & (position < counts[:, None]), logits, to_places)


def _ready(model: Model, encoder: PerPairEncoder, is_train: bool) -> tuple[Any, bool]:
    """The encoder's tokenizer and transformer in the mode wanted, and whether to compute in bfloat16."""
    transformer = model.get_ref("tok2vec")
    hf = transformer.layers[0].shims[0]._hfmodel
    encoder.check(hf.tokenizer, hf.transformer.config, hf.transformer)
    prepare(hf, is_train, train_embeddings=not transformer.freeze_embeddings)
    set_mode(hf.transformer, training=is_train)
    settle(hf.tokenizer, padding=False)
    return hf, computes_in_bfloat16(transformer.cpu_precision, hf.transformer.device.type)
