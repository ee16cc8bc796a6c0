"""Libraries that not everyone needs: those of the extras in setup.cfg."""

from importlib import import_module
from typing import Any

from spacy_relext.errors import RelextError


def extra(name: str, of: str = "analysis") -> Any:
    """Import a module of an extra. RAISES: RelextError where it is not installed."""
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise RelextError(f'{package} cannot be imported ({error}). Run: pip install "spacy-relext[{of}]"') from error
