"""Encoders from Hugging Face's folders and from stored pipelines, where spacy-transformers would fail or lose something."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy_transformers.data_classes import HFObjects
from spacy_transformers.layers.hf_shim import HFShim
from spacy_transformers.layers.transformer_model import huggingface_from_pretrained
from srsly.msgpack import Unpacker
from transformers import AutoConfig, AutoTokenizer


class FastTokenizer:
    """`AutoTokenizer`, also for a folder that has a `tokenizer.json` and not the file that it was made of.

    spacy-transformers reads the file that `vocab_file` names, and stores it, wherever a tokenizer has such an attribute.
    """

    @staticmethod
    def from_pretrained(*args: Any, **kwargs: Any) -> Any:
        """The tokenizer of a name or a folder."""
        tokenizer = AutoTokenizer.from_pretrained(*args, **kwargs)
        if getattr(tokenizer, "vocab_file", "") is None:
            del tokenizer.vocab_file
        return tokenizer


@dataclass(frozen=True)
class ExactConfig:
    """`AutoConfig` for a file that spacy-transformers wrote.

    It writes ten decimals, which leaves 0 of an epsilon of 1e-12: vectors of zeros, such as those of padding, then become NaN.

    settings: What stands in the file, exactly.
    """

    settings: dict[str, Any]

    def from_pretrained(self, file: Path) -> Any:
        """The configuration of an encoder."""
        file.write_text(json.dumps(self.settings), encoding="utf8")
        return AutoConfig.from_pretrained(file)


class EncoderShim(HFShim):
    """An `HFShim` that loads what was stored."""

    def from_bytes(self, bytes_data: bytes) -> Any:
        """Load tokenizer, configuration and weights."""
        self.tokenizer_cls = FastTokenizer
        self.config_cls = ExactConfig(_stored_config(bytes_data))
        try:
            return super().from_bytes(bytes_data)
        finally:
            self.config_cls = AutoConfig


def load_encoder(name: str, tokenizer_config: dict[str, Any], transformer_config: dict[str, Any]) -> HFObjects:
    """An encoder and its tokenizer by a Hugging Face name, or from a folder."""
    return huggingface_from_pretrained(name, tokenizer_config, transformer_config, tokenizer_cls=FastTokenizer)


def _stored_config(data: bytes) -> dict[str, Any]:
    """The configuration among what a shim stores. The weights, which come after it, are not unpacked."""
    unpacker = Unpacker(io.BytesIO(data), raw=False, strict_map_key=False)
    for _ in range(unpacker.read_map_header()):
        if unpacker.unpack() == "config":
            return unpacker.unpack()
        unpacker.skip()
    return {}
