"""Libraries that only a part of the package needs: they come with an extra."""

from importlib import import_module
from types import ModuleType
from typing import Any

from spacy_relext.errors import RelextError

EXTRAS = {
    "bioc": "formats",
    "captum": "explain",
    "cassis": "formats",
    "fastapi": "serve",
    "lxml": "formats",
    "matplotlib": "analysis",
    "networkx": "formats",
    "pandas": "analysis",
    "pyarrow": "formats",
    "pydantic": "serve",
    "ray": "ray",
    "rdflib": "formats",
    "scipy": "analysis",
    "scispacy": "biomed",
    "sklearn": "analysis",
    "snowballstemmer": "analysis",
    "starlette": "serve",
    "uvicorn": "serve",
}


def extra(name: str) -> Any:
    """Import a module of one of these packages. RAISES: RelextError, which names the extra, where it is not installed."""
    try:
        return import_module(name)
    except ImportError as error:
        raise _missing(name, error) from error


def module(name: str) -> ModuleType:
    """Import a module of ours that imports such packages. RAISES: RelextError, as `extra` does."""
    try:
        return import_module(name)
    except ImportError as error:
        # That of the package that is missing, or of which something is: others are bugs.
        if (error.name or "").partition(".")[0] not in EXTRAS:
            raise
        raise _missing(error.name or "", error) from error


def _missing(name: str, error: ImportError) -> RelextError:
    package = name.partition(".")[0]
    return RelextError(f"{package} cannot be imported ({error}). {installation(EXTRAS[package])}")


def installation(extra: str) -> str:
    """How an extra is installed. Not by the bare name: the package is on no index."""
    return (
        f'Install the extra {extra}: in the clone, pip install -e ".[{extra}]"; from the wheel, pip install "spacy_relext-….whl[{extra}]".'
    )
