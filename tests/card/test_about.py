"""What a person says of a pipeline."""

import json

import pytest

from spacy_relext.card.about import About, Source, read_about
from spacy_relext.errors import DataError
from tests.conftest import DEMO, ROOT
from tests.docs.blocks import blocks


def test_yaml_and_json_say_the_same(tmp_path):
    said = {"license": "MIT", "labels": {"A": "an a"}, "data": [{"name": "mine", "license": "CC0-1.0"}], "not_tested": ["This."]}
    (tmp_path / "a.json").write_text(json.dumps(said), encoding="utf8")
    yaml = "license: MIT\nlabels:\n  A: an a\ndata:\n  - name: mine\n    license: CC0-1.0\nnot_tested: [This.]\nauthor:\n"
    (tmp_path / "a.yaml").write_text(yaml, encoding="utf8")
    expected = About(license="MIT", labels={"A": "an a"}, data=(Source("mine", license="CC0-1.0"),), not_tested=("This.",))
    assert read_about(tmp_path / "a.json") == read_about(tmp_path / "a.yaml") == read_about(said) == expected
    assert read_about(None) == About()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("licence: MIT", "it names licence; known are name, version"),
        ("version: 0.10", "version is 0.1; expected text. Put it into quotes."),
        ("- MIT", r"it is \['MIT'\]; expected names and values"),
        ("data: {name: mine}", "data is .*; expected a list of sources, each with a name"),
        ("data: [{licence: MIT}]", r"data\[0\] names licence; known are name, url"),
        ("data: [{license: MIT}]", r"data\[0\] has no name"),
        ("labels: [A]", "labels is .*; expected a definition by name"),
        ("not_tested: This.", "not_tested is 'This.'; expected a list of sentences"),
        ("license: [", "it is no YAML: .*line 2"),
    ],
)
def test_what_cannot_be_meant_is_an_error_of_the_file(tmp_path, said, told):
    path = tmp_path / "about.yaml"
    path.write_text(f"{said}\n", encoding="utf8")
    with pytest.raises(DataError, match=f"about.yaml: {told}"):
        read_about(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"none.yaml: it cannot be read: No such file"):
        read_about(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", [DEMO / "card.yaml", *sorted((ROOT / "projects").glob("*/card.yaml"))], ids=lambda path: path.parent.name)
def test_those_of_the_project_can_be_read(path):
    said = read_about(path)
    assert said.labels
    assert all((source.license and source.url) or path.parent == DEMO for source in said.data)


def test_that_of_the_page_has_every_name(tmp_path):
    [block] = blocks(ROOT / "docs" / "how-to" / "share.md", "yaml")
    (tmp_path / "about.yaml").write_text(block.code, encoding="utf8")
    said = read_about(tmp_path / "about.yaml")
    assert {name for name, value in vars(said).items() if not value} == {"license_link", "files_url"}
