"""Every name under which readers and writers count something is explained in the documentation."""

import ast
import importlib
import re
from pathlib import Path

from spacy_relext.formats.types import UNSUPPORTED
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "reference" / "formats.md").read_text(encoding="utf8")
COUNTERS = {"counts", "own", "lost", "unsupported"}


def names_in(path: Path) -> set[str]:
    """The names of what a module counts; of those that say more at their end, the begin."""
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Call) and _name_of(node.func).endswith("leave_out"):
            found |= texts(node.args[0], module)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            found |= texts(node.slice, module) if _name_of(node.value) in COUNTERS else set()
    return found


def _name_of(node: ast.expr) -> str:
    return getattr(node, "attr", "") or getattr(node, "id", "")


def texts(node: ast.expr, module: object) -> set[str]:
    """The strings that an expression may be."""
    if isinstance(node, ast.JoinedStr):
        return texts(node.values[0], module)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return texts(node.body, module) | texts(node.orelse, module)
    value = getattr(module, node.id, None) if isinstance(node, ast.Name) else None
    return {value} if isinstance(value, str) else set()


def test_every_name_of_a_count_is_explained():
    explained = "\n".join(re.findall(r"^\| (.*?) \|", PAGE, flags=re.MULTILINE))
    modules = [path for folder in ("formats", "conversion") for path in (ROOT / "spacy_relext" / folder).glob("*.py")]
    names = set(UNSUPPORTED).union(*map(names_in, modules))
    assert {"cut tokens", "relations of relations", "drafts, not read"} <= names
    assert not sorted(name for name in names if name not in explained)
