"""The names that `spacy_relext` itself offers."""

import ast
import subprocess
import sys

import pytest

import spacy_relext
from tests.conftest import ROOT


def test_every_name_is_imported_when_it_is_first_used():
    assert spacy_relext.__all__ == sorted(spacy_relext._PLACES)
    assert set(spacy_relext.__all__) <= set(dir(spacy_relext))
    for name in spacy_relext.__all__:
        assert getattr(spacy_relext, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'extrct'"):
        _ = spacy_relext.extrct


def test_type_checkers_see_what_is_imported():
    [block] = [node for node in ast.parse((ROOT / "spacy_relext" / "__init__.py").read_text()).body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert seen == {name: f"spacy_relext.{place}" for name, place in spacy_relext._PLACES.items()}


def test_the_package_itself_is_light():
    """Whoever asks for the version waits for no other package."""
    code = "import sys; before = set(sys.modules); import spacy_relext; print(*sorted(set(sys.modules) - before))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf8", check=True)
    assert {name.partition(".")[0] for name in result.stdout.split()} - set(sys.stdlib_module_names) == {"spacy_relext"}
