"""What setup.cfg asks pip for is what the package imports."""

import ast
import configparser
import re
import sys
from importlib.metadata import packages_distributions

from spacy_relext.extras import EXTRAS
from tests.conftest import ROOT


def config():
    found = configparser.ConfigParser(delimiters=("=",))
    found.read(ROOT / "setup.cfg", encoding="utf8")
    return found


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(lines):
    """The names of some requirements."""
    return {normal(re.match(r"[\w.-]+", line)[0]) for line in lines.strip().splitlines() if not line.startswith("#")}


def imported():
    """Top-level modules that the package imports, of others' packages, and where."""
    found = {}
    for path in sorted((ROOT / "spacy_relext").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for name in names:
                found.setdefault(name.partition(".")[0], path.relative_to(ROOT).as_posix())
    return {name: path for name, path in found.items() if name not in {*sys.stdlib_module_names, "spacy_relext"}}


def test_what_is_imported_is_required():
    """Directly: what another package happens to bring, its next version may not."""
    required = requirements(config()["options"]["install_requires"])
    distributions = packages_distributions()
    missing = {name: path for name, path in imported().items() if not required & set(map(normal, distributions.get(name, [name])))}
    # Formats are loaded when they are first used, as is the service: what they import may come with an extra.
    # IPython is there wherever there is a notebook to show something in.
    missing.pop("IPython", None)
    late = {"formats": "spacy_relext/formats/", "serve": "spacy_relext/service/"}
    assert {name for name, path in missing.items() if not path.startswith(late.get(EXTRAS.get(name, ""), "!"))} == set()


def test_what_is_required_is_imported():
    brings = {normal(distribution) for name in imported() for distribution in packages_distributions().get(name, [name])}
    assert requirements(config()["options"]["install_requires"]) - brings == set()


def test_extras_bring_what_the_messages_say():
    distributions = {"sklearn": "scikit-learn", "cassis": "dkpro-cassis"}
    extras = config()["options.extras_require"]
    for module, name in EXTRAS.items():
        assert distributions.get(module, module) in requirements(extras[name])
