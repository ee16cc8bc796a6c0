"""The reference holds every name, and every argument is described."""

import inspect
import sys

import pytest

import spacy_relext
from spacy_relext import displacy
from spacy_relext.cli import relext_cli  # noqa: F401
from spacy_relext.formats.catalogue import OURS
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "docs"))
import reference_pages

ENTRIES = [entry for group in reference_pages.GROUPS for entry in reference_pages.own_entry_points(group)]


def test_every_name_is_in_the_reference():
    page = reference_pages.registered_names()
    assert len(ENTRIES) > 25
    assert [entry.name for entry in ENTRIES if f"### `{entry.name}`" not in page] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.name for entry in ENTRIES])
def test_every_argument_is_described(entry):
    found = entry.load()
    described = reference_pages.described_arguments(entry)
    own = set(inspect.signature(found).parameters) - reference_pages.GIVEN
    assert not own - described


def test_every_format_and_command_has_its_section():
    page = reference_pages.formats()
    assert [name for name in OURS if f"## `{name}`" not in page] == []
    assert "## `relext extract`" in reference_pages.command_line()


def test_every_public_name_has_its_entry():
    page = reference_pages.python_names()
    assert [name for name in spacy_relext.__all__ if f"}} {name}" not in page] == []
    page = reference_pages.pictures()
    assert [name for name in displacy.__all__ if f"}} displacy.{name}" not in page] == []


def test_what_pages_ask_for_is_generated():
    assert reference_pages.all_marks(ROOT / "docs") == set(reference_pages.PAGES)
