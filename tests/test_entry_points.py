"""What setup.cfg promises: every name is found by spaCy or thinc, with no import of ours."""

import configparser
import importlib.metadata
import json
import subprocess
import sys

from tests.conftest import ROOT

# Group of entry points → the registry of spaCy in which its names are looked up.
REGISTRIES = {
    "spacy_factories": None,
    "spacy_architectures": "architectures",
    "spacy_misc": "misc",
    "spacy_span_getters": "span_getters",
    "spacy_scorers": "scorers",
    "spacy_readers": "readers",
    "spacy_cli": "cli",
    "spacy_callbacks": "callbacks",
    "spacy_batchers": "batchers",
    "spacy_augmenters": "augmenters",
    "spacy_tokenizers": "tokenizers",
    "spacy_displacy_colors": "displacy_colors",
    "thinc_layers": "layers",
    "spacy_relext_summaries": "relext_summaries",
}


def entry_points():
    """(group, name, target) as setup.cfg has them."""
    config = configparser.ConfigParser(delimiters=("=",))
    config.optionxform = str
    config.read(ROOT / "setup.cfg", encoding="utf8")
    found = []
    for group, lines in config["options.entry_points"].items():
        found += [(group, *(part.strip() for part in line.split("="))) for line in lines.strip().splitlines()]
    return found


# Looks each name up as a config would, and tells which object it got.
LOOK_UP = """
import json, sys
import spacy
assert "spacy_relext" not in sys.modules
answers = []
# spacy_transformers makes the registry of span getters, and is itself imported by the first pipeline.
spacy.blank("en")
for group, name, registry in json.loads(sys.argv[1]):
    try:
        if registry is None:
            found = spacy.registry.factories.get(name)
            assert spacy.language.Language.has_factory(name), "no factory"
        else:
            found = getattr(spacy.registry, registry).get(name)
        kind = found if hasattr(found, "__name__") else type(found)
        answers.append([group, name, kind.__module__, kind.__name__])
    except Exception as error:
        answers.append([group, name, type(error).__name__, str(error)])
print(json.dumps(answers))
"""


def run_python(code, *args, cwd):
    """The last line that a fresh interpreter prints, outside the source tree, read as JSON."""
    result = subprocess.run([sys.executable, "-c", code, *args], cwd=cwd, capture_output=True, encoding="utf8", timeout=300)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_setup_cfg_has_entry_points_of_groups_that_are_read():
    groups = {group for group, _, _ in entry_points()}
    assert {"spacy_factories", "spacy_architectures", "thinc_layers", "spacy_relext_summaries", "spacy_readers", "spacy_cli"} <= groups
    # A group that nobody reads, such as spacy_layers, is a promise not kept.
    assert groups <= REGISTRIES.keys()


def test_installed_metadata_are_those_of_setup_cfg():
    installed = importlib.metadata.distribution("spacy-relext").entry_points
    assert sorted((e.group, e.name, e.value.replace(" ", "")) for e in installed) == sorted(entry_points()), (
        "the installed package is not that of setup.cfg: run pip install -e . again"
    )


def test_every_name_is_found_with_a_plain_import_of_spacy(tmp_path):
    declared = entry_points()
    # A name that nobody has, and one of ours in the wrong registry: the look-up can fail.
    wrong = [("spacy_misc", "spacy-relext.no_such.v1"), ("thinc_layers", "spacy-relext.sentence_pairs.v1")]
    asked = [(group, name, REGISTRIES[group]) for group, name in [*((group, name) for group, name, _ in declared), *wrong]]
    answers = {(group, name): (module, found) for group, name, module, found in run_python(LOOK_UP, json.dumps(asked), cwd=tmp_path)}
    assert [answers.pop(key)[0] for key in wrong] == ["RegistryError", "RegistryError"]
    expected = {}
    for group, name, target in declared:
        module, attribute = target.split(":")
        # The command group is an object of typer's.
        expected[group, name] = ("typer.main", "Typer") if group == "spacy_cli" else (module, attribute)
    assert answers == expected


PLAIN = """
import json, sys
import spacy
before = "spacy_transformers" in sys.modules
nlp = spacy.blank("en")
after = "spacy_transformers" in sys.modules
nlp.add_pipe("relation_extractor")
print(json.dumps([nlp.pipe_names, before, after]))
"""


def test_component_is_added_with_no_import_of_ours(tmp_path):
    pipe_names, before, after = run_python(PLAIN, cwd=tmp_path)
    assert pipe_names == ["relation_extractor"]
    # spaCy imports spacy_transformers with the first pipeline. Should this change, the next test can do without its trick.
    assert (before, after) == (False, True)


WITHOUT_TRANSFORMERS = """
import json, sys
from importlib.metadata import EntryPoint
load = EntryPoint.load
EntryPoint.load = lambda point: None if point.value.startswith("spacy_transformers") else load(point)
import spacy
nlp = spacy.blank("en")
nlp.add_pipe("relation_extractor")
heavy = ("spacy_transformers", "transformers", "scispacy", "spacy_relext.ml.transformer", "spacy_relext.cli")
print(json.dumps([name for name in ("spacy_relext.ml.architectures", *heavy) if name in sys.modules]))
"""


def test_component_does_not_import_transformers(tmp_path):
    """With every pipeline, spaCy imports all that has an entry point among the factories: our component, and spacy_transformers.

    With the entry points of the latter made void, one sees that nothing of ours asks for it: neither the module that spaCy imports
    with every pipeline, nor the component with its default model.
    """
    assert run_python(WITHOUT_TRANSFORMERS, cwd=tmp_path) == ["spacy_relext.ml.architectures"]


INSTALLED = """
import json, os, sys
from importlib.metadata import EntryPoint
load = EntryPoint.load
EntryPoint.load = lambda point: load(point) if point.value.startswith("spacy_relext") else None
hooks = []
os.register_at_fork = lambda **given: hooks.append(given)
before = dict(os.environ)
import spacy
others = len(hooks)
spacy.blank("en")
ours = sorted(name for name in sys.modules if name.partition(".")[0] == "spacy_relext")
blank = [len(hooks) - others, spacy.tokens.Doc.has_extension("relations")]
import spacy_relext
# Not a module of ours asks for more than spaCy does, until a component is made.
nlp = spacy.blank("en")
nlp.add_pipe("relation_extractor")
nlp.add_pipe("relation_extractor", "another")
print(json.dumps([ours, blank, [len(hooks) - others, spacy.tokens.Doc.has_extension("relations")], dict(os.environ) == before]))
"""


def test_being_installed_has_no_effects(tmp_path):
    modules, before, after, same_environment = run_python(INSTALLED, cwd=tmp_path)
    assert modules == ["spacy_relext", "spacy_relext.biomed", "spacy_relext.errors", "spacy_relext.extras", "spacy_relext.factories"]
    assert before == [0, False]
    # The hook for forked processes is set once, however many components there are.
    assert after == [1, True]
    assert same_environment
