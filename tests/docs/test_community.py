"""What others read of the project: the object for spaCy's universe, the citation, the forms for issues."""

import json
import subprocess
import sys

import pytest
import spacy
import srsly

import spacy_relext
from tests.conftest import ROOT
from tests.docs.blocks import read

# Of `website/meta/universe.json` in spaCy's repository, with the type of each; `github` and `url` wait for a public address.
REQUIRED = {"id": str, "title": str, "slogan": str, "description": str, "code_example": list, "category": list, "author": str}
OPTIONAL = {"pip": str, "github": str, "url": str, "code_language": str, "tags": list, "author_links": dict, "thumb": str, "image": str}
CATEGORIES = {"pipeline", "training", "research", "scientific", "biomedical", "visualizers", "apis", "standalone", "models"}
UNIVERSE = json.loads(read(ROOT / "assets" / "universe.json"))


def test_the_object_for_the_universe_has_the_fields_of_spacy():
    kinds = REQUIRED | OPTIONAL
    assert REQUIRED.keys() <= UNIVERSE.keys() <= kinds.keys()
    assert [key for key, value in UNIVERSE.items() if not isinstance(value, kinds[key])] == []
    assert set(UNIVERSE["category"]) <= CATEGORIES
    assert UNIVERSE["pip"] == "spacy-relext"


def test_the_example_for_the_universe_runs(capsys):
    spacy.util.fix_random_seed(0)
    exec("\n".join(UNIVERSE["code_example"]), {})
    shown = UNIVERSE["code_example"][-1].removeprefix("# ")
    assert capsys.readouterr().out.startswith(shown)


def test_importing_a_relation_makes_the_extension_known():
    """As the example does, before there is a component; in a process of its own, for others have imported everything here."""
    code = "from spacy_relext import Relation; from spacy.tokens import Doc; assert Doc.has_extension('relations')"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_citation_is_of_this_version():
    citation = srsly.read_yaml(ROOT / "CITATION.cff")
    assert citation["version"] == spacy_relext.__version__
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()


@pytest.mark.parametrize("name", ["bug", "format", "idea"])
def test_forms_for_issues(name):
    form = srsly.read_yaml(ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml")
    assert {"name", "description", "body"} <= form.keys()
    assert all({"type", "id", "attributes"} <= field.keys() for field in form["body"])
