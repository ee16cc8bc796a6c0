"""What is handed on: the source distribution and its metadata."""

import configparser
import shutil
import subprocess

import pytest

from tests.conftest import ROOT

# What setuptools takes by itself.
BY_ITSELF = {"LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.cfg"}


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
