"""Texts that are longer than the encoder reads."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spacy.tokens import Doc, Span

from spacy_relext.diagnosis.data import Data, Finding, found
from spacy_relext.encoders import require_encoder
from spacy_relext.errors import RelextError
from spacy_relext.ml.limits import UNLIMITED, longest_text
from spacy_relext.ml.windows import sentence_windows
from spacy_relext.relations import Relation

# Where no encoder is given: what BERT reads, and word pieces per token of biomedical text.
POSITIONS, PIECES_A_TOKEN = 512, 1.5

Windows = Callable[[list[Doc]], list[list[Span]]]


@dataclass(frozen=True)
class Encoder:
    """What is to be known of an encoder: its name, how many word pieces it reads, special ones included, and how many texts have."""

    name: str
    limit: int
    count_pieces: Callable[[Sequence[Span]], list[int]]


def load_encoder(name: str) -> Encoder:
    """The encoder of a Hugging Face name or folder; its weights are not read. RAISES: RelextError where it cannot be found."""
    require_encoder(name)
    from transformers import AutoConfig, AutoTokenizer

    try:
        tokenizer, config = AutoTokenizer.from_pretrained(name), AutoConfig.from_pretrained(name)
    except (OSError, ValueError, json.JSONDecodeError) as error:
        raise RelextError(
            f"the encoder {name!r} cannot be read: {error} Expected a Hugging Face name, or a folder such as `python -m spacy relext "
            "encoder assets/encoder` makes."
        ) from error
    limit = longest_text(tokenizer, config) or UNLIMITED

    def count_pieces(spans: Sequence[Span]) -> list[int]:
        return [len(pieces) for pieces in tokenizer([span.text for span in spans], verbose=False)["input_ids"]] if spans else []

    return Encoder(Path(name).name or name, limit, count_pieces)


def estimated_encoder() -> Encoder:
    """What is assumed where no encoder is given."""
    return Encoder(
        f"an encoder of {POSITIONS} positions, at {PIECES_A_TOKEN} word pieces per token,",
        POSITIONS,
        lambda spans: [round(len(span) * PIECES_A_TOKEN) + 2 for span in spans],
    )


def check_lengths(data: Data, encoder: Encoder, get_windows: Windows | None = None) -> Iterator[Finding]:
    """Texts that the encoder does not read at once, and relations of which it never sees both mentions at once.

    get_windows: The span getter of the config; None: the encoder reads sentences.
    """
    texts = [text for text in data.texts if len(text.mentions) > 1]
    windows = (get_windows or sentence_windows(UNLIMITED))([text.doc for text in texts])
    spans = [(text, span) for text, group in zip(texts, windows, strict=True) for span in group]
    counts = encoder.count_pieces([span for _, span in spans])
    long = [text.where(f"{n} pieces: {span.text}") for (text, span), n in zip(spans, counts, strict=True) if n > encoder.limit]
    what = "sentences" if get_windows is None else "windows"
    message = (
        f"{what} of more than {encoder.limit} word pieces, which is what {encoder.name} reads: {{n}} of {len(spans):,}. The transformers "
        "spacy-relext.TransformerModel.v1 and spacy-relext.Tok2VecTransformer.v1 read them in overlapping parts; those of "
        "spacy-transformers see nothing of the rest."
    )
    yield from found("warning", "long-sentences", message, long)
    if get_windows is not None:
        apart = [text.where(r) for text, group in zip(texts, windows, strict=True) for r in text.relations if not _in_one(r, group)]
        yield from found("info", "windows-apart", "relations whose head and tail are encoded in different windows: {n}.", apart)


def _in_one(relation: Relation, windows: Sequence[Span]) -> bool:
    return any(all(window.start <= end.start < window.end for end in (relation.head, relation.tail)) for window in windows)
