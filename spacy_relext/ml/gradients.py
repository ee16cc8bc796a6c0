"""Models as torch functions of the embeddings of word pieces, for methods that follow gradients to words.

In training, thinc hands gradients from layer to layer, and those of word embeddings are sparse and go to the weights alone. Here encoder
and head are one graph of torch, which begins at the embeddings: no weight gets a gradient, nothing is hooked in, and other threads may
predict with the same model meanwhile.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from spacy.tokens import Doc
from thinc.api import Model
from torch import Tensor

from spacy_relext.errors import RelextError
from spacy_relext.ml.patches.thinc import set_mode
from spacy_relext.types import Floats2d, Ints2d

# The layer that makes vectors of tokens, and the only pooling that is known here; both as their libraries call them.
LAYER, MEAN = "trfs2arrays", "reduce_mean"

NO_EMBEDDINGS = (
    "this encoder has no word pieces to follow gradients to. Integrated gradients need an encoder of Hugging Face's, in the extractor or "
    "in the component that it listens to."
)


@dataclass(frozen=True)
class Differentiable:
    """What a model says of the pairs of one Doc, as a function of the embeddings of word pieces.

    embeddings, baseline: float [n_rows, length, width], those of the text, and of the same text with all word pieces masked.
    logits: From embeddings of several texts of this form, `[n, n_rows, length, width]`, to `[n, n_pairs, n_columns]`.
    to_places: From a weight for each piece, `[n_rows, length]`, to characters of the Doc with the weight of each.
    """

    embeddings: Tensor
    baseline: Tensor
    logits: Callable[[Tensor], Tensor]
    to_places: Callable[[Floats2d], Iterator[tuple[int, int, float]]]

    @classmethod
    def of(
        cls,
        hf: Any,
        ids: Tensor,
        of_text: Tensor,
        logits: Callable[[Tensor], Tensor],
        to_places: Callable[[Floats2d], Iterator[tuple[int, int, float]]],
    ) -> "Differentiable":
        """The same for pieces by their ids, `[n_rows, length]`. of_text: bool, those that are masked in the baseline."""
        tokenizer = hf.tokenizer
        named = (tokenizer.mask_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id)
        mask = next((number for number in named if number is not None), 0)
        embed = hf.transformer.get_input_embeddings()
        with torch.no_grad():
            return cls(embed(ids).detach(), embed(ids.masked_fill(of_text, mask)).detach(), logits, to_places)


def of_windows(tok2vec: Model, encoder: Model, docs: Sequence[Doc], places: Ints2d, logits: Callable[[Tensor], Tensor]) -> Differentiable:
    """The same for an encoder of windows of the text, and a function of vectors of tokens.

    tok2vec: What the extractor has of the encoder: itself, or a listener. encoder: With the transformer. places: The characters of the Doc
    that each token stands for. logits: From vectors of tokens, `[n, n_tokens, width]`, to `[n, n_pairs, n_columns]`.
    RAISES: RelextError for an encoder that is no transformer of Hugging Face's, or takes other means of word pieces.
    """
    node = next((node for node in encoder.walk() if "get_spans" in node.attrs and node.layers), None)
    hf = getattr(node.layers[0].shims[0], "_hfmodel", None) if node is not None and node.layers[0].shims else None
    pooling = next((layer.layers[0].name for layer in tok2vec.walk() if layer.name == LAYER), None)
    if node is None or hf is None or pooling is None:
        raise RelextError(NO_EMBEDDINGS)
    if pooling != MEAN:
        raise RelextError(f"integrated gradients know vectors of tokens that are means of word pieces, {MEAN}, and these are {pooling}.")
    batch = node.predict(list(docs))
    set_mode(hf.transformer, training=False)
    device, pieces, align = hf.transformer.device, batch.wordpieces, batch.align
    ids = torch.as_tensor(pieces.input_ids, device=device).long()
    attention_mask = torch.as_tensor(pieces.attention_mask, device=device)
    types = {} if pieces.token_type_ids is None else {"token_type_ids": torch.as_tensor(pieces.token_type_ids, device=device).long()}
    counts = torch.as_tensor(align.lengths.astype("int64"), device=device)
    piece = torch.as_tensor(align.dataXd.reshape(-1).astype("int64"), device=device)
    token = torch.arange(len(counts), device=device).repeat_interleave(counts)
    of_text = torch.zeros(ids.numel(), dtype=torch.bool, device=device)
    of_text[piece] = True

    def from_embeddings(embeddings: Tensor) -> Tensor:
        n = len(embeddings)
        repeated = {name: given.repeat(n, 1) for name, given in types.items()}
        output = hf.transformer(inputs_embeds=embeddings.flatten(0, 1), attention_mask=attention_mask.repeat(n, 1), **repeated)
        hidden = output.last_hidden_state.float().reshape(n, ids.numel(), -1)
        sums = hidden.new_zeros((n, len(counts), hidden.shape[-1])).index_add(1, token, hidden[:, piece])
        return logits(sums / counts.clamp(min=1)[:, None])

    def to_places(weights: Floats2d) -> Iterator[tuple[int, int, float]]:
        # A piece of several tokens, or one that is in several windows, counts for each of them in equal parts.
        share = torch.bincount(piece, minlength=ids.numel())[piece].cpu().numpy()
        values = weights.reshape(-1)[piece.cpu().numpy()] / share
        for number, value in zip(token.cpu().tolist(), values.tolist(), strict=True):
            yield (*places[number].tolist(), value)

    return Differentiable.of(hf, ids, of_text.reshape(ids.shape), from_embeddings, to_places)
