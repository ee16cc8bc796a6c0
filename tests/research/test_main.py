"""`python -m research`: its commands, and that the package does without them."""

import ast

from tests.conftest import ROOT
from tests.research.toy import research


def test_commands_are_listed():
    result = research("--help")
    assert result.exit_code == 0
    for name in ("experiment", "grid", "report", "keywords", "probe"):
        assert f" {name} " in result.stdout


def test_the_package_does_not_import_it():
    for path in (ROOT / "spacy_relext").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", "")]
            assert not {"research", "benchmarks"} & {(module or "").partition(".")[0] for module in modules}, path
