"""Type checkers find the package where it is installed, and what it says of its public names."""

import ast
import subprocess
import sys

import pytest

import spacy_relext
from tests.conftest import ROOT

SCRIPT = ROOT / "tests" / "user_script.py"
# What other libraries say of themselves is skipped where a public signature has nothing of it: a second instead of half a minute.
CONFIG = """
[mypy]
strict = true
ignore_missing_imports = true
[mypy-torch.*,transformers.*,thinc.*,huggingface_hub.*,numpy.*,spacy_transformers.*,typer.*,rich.*]
follow_imports = skip
"""


def test_the_script_uses_every_public_name():
    [block] = [node for node in ast.parse(SCRIPT.read_text()).body if isinstance(node, ast.ImportFrom) and node.module == "spacy_relext"]
    assert {alias.name for alias in block.names} == set(spacy_relext.__all__)


def test_a_script_of_a_user_is_checked_strictly(tmp_path):
    """Outside the source tree, so that the types are those of the installed package."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    (tmp_path / "mypy.ini").write_text(CONFIG)
    script = SCRIPT.read_text()
    # A type that is wrong, so that one sees that there are types.
    (tmp_path / "right.py").write_text(script)
    (tmp_path / "wrong.py").write_text(f'{script}\nconvert("a.ann", "a.spacy", format=1)\nnumber: str = evaluate("model", []).documents\n')
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "right.py", "wrong.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf8")
    assert "right.py" not in result.stdout, result.stdout
    assert [line.rpartition("[")[2] for line in result.stdout.splitlines()[:-1]] == ["arg-type]", "assignment]"], result.stdout
