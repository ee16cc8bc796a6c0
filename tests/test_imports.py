"""What modules take from each other, and from other packages: no name that is private, and nothing that prints outside the commands."""

import ast
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

HERE = ("spacy_relext", "research", "benchmarks")
FILES = sorted(path for folder in HERE for path in (ROOT / folder).rglob("*.py"))
# What spaCy's own commands are made of has no public name.
ALLOWED = {("spacy.cli._util", "parse_config_overrides"), ("spacy.cli._util", "setup_gpu")}


def is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def private_imports(source: str) -> Iterator[tuple[str, str]]:
    """The module and the name of each import that is private, and of each private name of what is imported from modules here."""
    tree = ast.parse(source)
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found = {alias.name for alias in node.names}
            yield from ((node.module or "", name) for name in sorted(found) if is_private(node.module or "") or is_private(name))
            if (node.module or "").partition(".")[0] in HERE:
                modules |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if is_private(alias.name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules and is_private(node.attr):
            yield node.value.id, node.attr


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_modules_take_no_private_name(path):
    found = set(private_imports(path.read_text(encoding="utf8"))) - ALLOWED
    assert not found


def test_nothing_is_printed_but_by_commands():
    """Python's callers print what they are given, or show it in a notebook."""
    printing = {"typer", "wasabi", "rich", "tqdm", "click"}
    found = {}
    for path in (ROOT / "spacy_relext").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf8"))))
        imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        part = path.relative_to(ROOT / "spacy_relext").parts[0]
        found.setdefault(part, set()).update({name.partition(".")[0] for name in imported} & printing, called & {"print"})
    assert found.pop("cli") >= {"typer", "tqdm"}
    assert {name: what for name, what in found.items() if what} == {}


def test_what_is_found():
    source = "from a import _b\nfrom a._c import d\nimport a._e\nfrom research import f\nf._g()\nf.__name__\nself._h"
    assert list(private_imports(source)) == [("a", "_b"), ("a._c", "d"), ("a._e", ""), ("f", "_g")]
