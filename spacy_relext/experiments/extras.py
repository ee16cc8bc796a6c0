"""Libraries that only the analysis of experiments needs."""

from importlib import import_module
from typing import Any

from spacy_relext.errors import RelextError


def extra(name: str) -> Any:
    """Import a module of the extra `analysis`. RAISES: RelextError where it is not installed."""
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise RelextError(f'{package} cannot be imported ({error}). Run: pip install "spacy-relext[analysis]"') from error
