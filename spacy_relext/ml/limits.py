"""How much text an encoder reads at once."""

from typing import Any

# Larger numbers are what tokenizers say where nobody told them what the encoder reads.
UNLIMITED = 10**6


def longest_text(tokenizer: Any, config: Any, transformer: Any = None) -> int | None:
    """How many word pieces an encoder reads at most, special ones among them; None: any number.

    tokenizer, config, transformer: Hugging Face's. Without the last one, nobody knows which of its positions it does not use.
    """
    n_positions = getattr(config, "max_position_embeddings", None) or 0
    # RoBERTa and its like count positions from the number of the padding piece: the first ones are never used.
    positions = getattr(getattr(transformer, "embeddings", None), "position_embeddings", None)
    padding = getattr(positions, "padding_idx", None)
    unused = 0 if padding is None else padding + 1
    # Encoders without such a number say None or -1.
    limit = min(tokenizer.model_max_length, n_positions - unused if n_positions > 0 else UNLIMITED)
    return limit if limit < UNLIMITED else None
