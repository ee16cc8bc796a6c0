"""What is handed on: the source distribution and its metadata."""

import configparser
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

# What setuptools takes by itself.
BY_ITSELF = {"LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.cfg", "setup.py"}


def test_the_source_distribution_has_all_that_is_under_version_control():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no clone, or no git")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, encoding="utf8", check=True).stdout.splitlines()
    lines = [line.split() for line in (ROOT / "MANIFEST.in").read_text(encoding="utf8").splitlines() if not line.startswith("#")]
    taken = {name for command, *names in lines if command in ("include", "graft") for name in names}
    assert {path.partition("/")[0] for path in tracked} - BY_ITSELF == taken


def test_the_metadata_say_for_whom_it_is():
    config = configparser.ConfigParser(delimiters=("=",))
    config.read(ROOT / "setup.cfg", encoding="utf8")
    classifiers = config["metadata"]["classifiers"].split("\n")
    assert {"Typing :: Typed", "Operating System :: OS Independent", "Programming Language :: Python :: 3"} <= set(classifiers)
    assert (ROOT / "spacy_relext" / "py.typed").is_file()


def test_the_contrast_set_is_built_into_the_package(tmp_path):
    """`relext contrast MODEL` asks the same, whether from a clone or an installed wheel."""
    command = [sys.executable, "setup.py", "--quiet", "build_py", "--build-lib", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    built = {path.name: path.read_bytes() for path in (tmp_path / "spacy_relext" / "contrasts" / "shipped").glob("*")}
    assert built == {path.name: path.read_bytes() for path in (ROOT / "assets" / "contrast").glob("*.jsonl")}
    assert (tmp_path / "spacy_relext" / "contrasts" / "corpora" / "ddi.json").is_file()
