"""Libraries that only a part of the package needs: they come with an extra."""

from importlib import import_module
from typing import Any

from spacy_relext.errors import RelextError

EXTRAS = {
    "matplotlib": "analysis",
    "networkx": "formats",
    "pandas": "analysis",
    "pyarrow": "formats",
    "rdflib": "formats",
    "scispacy": "biomed",
    "sklearn": "analysis",
    "snowballstemmer": "analysis",
}


def extra(name: str) -> Any:
    """Import a module of one of these packages. RAISES: RelextError, which names the extra, where it is not installed."""
    package = name.partition(".")[0]
    try:
        return import_module(name)
    except ImportError as error:
        raise RelextError(f"{package} cannot be imported ({error}). {installation(EXTRAS[package])}") from error


def installation(extra: str) -> str:
    """How an extra is installed. Not by the bare name: the package is on no index."""
    return (
        f'Install the extra {extra}: in the clone, pip install -e ".[{extra}]"; from the wheel, pip install "spacy_relext-….whl[{extra}]".'
    )
