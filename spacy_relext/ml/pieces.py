"""From windows to the word pieces that an encoder reads: whatever the windows are, none is longer than the encoder allows."""

from functools import partial
from typing import Any

import numpy
from spacy.tokens import Span
from spacy_transformers.align import get_alignment, get_alignment_via_offset_mapping
from spacy_transformers.data_classes import WordpieceBatch
from spacy_transformers.layers.transformer_model import huggingface_tokenize

from spacy_relext.ml.limits import longest_text
from spacy_relext.ml.splitting import Windows, split_windows
from spacy_relext.notices import Notices

# What transformers calls the warning that a text leads to errors in the encoder, where it is none yet.
_TOO_LONG = "sequence-length-is-longer-than-the-specified-maximum"
_SPLIT = "Windows of more than the %d word pieces that the encoder reads: {n}. They are read in overlapping parts."
_CUT = (
    "Tokens of more word pieces than fit into the %d that the encoder reads, as long rules, sequences and addresses: {n}. The last pieces "
    "of such a token are left out."
)


def fitting(spans: list[list[Span]], hf: Any, notices: Notices) -> Windows:
    """The windows of some Docs in word pieces; overlapping parts of those that are too long.

    spans: For each Doc, none of them empty, and not all without any. hf: The encoder's `tokenizer` and `transformer`.
    notices: Are told of windows that are read in parts, and of tokens that lose word pieces.
    """
    flat = [span for of_doc in spans for span in of_doc]
    hf.tokenizer.deprecation_warnings[_TOO_LONG] = True
    encoding = huggingface_tokenize(hf.tokenizer, [span.text for span in flat])
    wordpieces = WordpieceBatch.from_batch_encoding(encoding)
    if "offset_mapping" in encoding:
        align = get_alignment_via_offset_mapping(flat, encoding["offset_mapping"])
    else:
        align = get_alignment(flat, wordpieces.strings, hf.tokenizer.all_special_tokens)
    windows = Windows(spans, wordpieces, align)
    limit = longest_text(hf.tokenizer, hf.transformer.config, hf.transformer)
    if limit is None or wordpieces.input_ids.shape[1] <= limit:
        return windows
    pad = hf.tokenizer.pad_token_id, hf.tokenizer.pad_token_type_id, hf.tokenizer.pad_token
    windows, n_split, n_cut = split_windows(windows, limit, partial(_special_around, encoding, hf.tokenizer), pad=pad)
    notices.warn("long windows", _SPLIT % limit, n=n_split)
    if n_cut:
        notices.warn("long tokens", _CUT % limit, n=n_cut)
    return windows


def _special_around(encoding: Any, tokenizer: Any, row: int) -> tuple[int, int]:
    """How many special pieces stand before and after the text of a row."""
    if tokenizer.is_fast:
        is_text = numpy.asarray(encoding.encodings[row].special_tokens_mask) == 0
        is_filled = encoding["attention_mask"][row] > 0
        places = numpy.flatnonzero(is_text[is_filled])
        return int(places[0]), int(is_filled.sum() - 1 - places[-1])
    # A piece that there is not stands for the text.
    built = tokenizer.build_inputs_with_special_tokens([-1])
    return built.index(-1), len(built) - 1 - built.index(-1)
