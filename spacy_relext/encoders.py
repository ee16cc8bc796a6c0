"""Names of encoders that are given to a command: whether there is such an encoder, asked quickly."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from spacy_relext.errors import RelextError

# Seconds that the hub has for an answer. Its library asks six times, with pauses between.
TIMEOUT = 5


def require_encoder(name: str) -> None:
    """RAISES: RelextError where a name is neither a folder with an encoder, nor a model that was downloaded, nor one of the hub."""
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise RelextError(
                f"the folder {name} has no config.json, so it is no encoder. Expected one such as `python -m spacy relext encoder {name}` "
                "makes, or a Hugging Face name."
            )
        return
    from huggingface_hub import hf_hub_url, try_to_load_from_cache

    try:
        if not isinstance(try_to_load_from_cache(name, "config.json"), str):
            _ask(hf_hub_url(name, "config.json"))
    except (OSError, ValueError) as error:  # HTTP and network are OSErrors, and what is no name is a ValueError
        reason = next(iter(str(error).splitlines()), "")
        raise RelextError(
            f"there is no encoder {name!r}: no such folder, none of that name was downloaded, and the Hugging Face hub does not give one "
            f"({type(error).__name__}: {reason}). Correct the name; or where the hub is out of reach, give a folder, such as `python -m "
            "spacy relext encoder assets/encoder` makes."
        ) from error


def _ask(url: str) -> None:
    """Ask the hub once. RAISES: OSError where it does not answer, or does not have it."""
    from huggingface_hub import constants
    from huggingface_hub.utils import build_hf_headers

    if constants.HF_HUB_OFFLINE:
        raise OSError("HF_HUB_OFFLINE is set")
    with urlopen(Request(url, headers=build_hf_headers(), method="HEAD"), timeout=TIMEOUT):
        pass


def require_encoders(config: Any) -> None:
    """As `require_encoder`, for all that a config names."""
    for name in encoder_names(config):
        require_encoder(name)


def encoder_names(config: Any) -> Iterator[str]:
    """The encoders that a config names, of spacy-transformers' and our architectures."""
    if isinstance(config, Mapping):
        name = config.get("name")
        if isinstance(name, str) and str(config.get("@architectures", "")).startswith(("spacy-transformers.", "spacy-relext.")):
            yield name
        for value in config.values():
            yield from encoder_names(value)
