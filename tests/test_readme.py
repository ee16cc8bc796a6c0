"""The Python blocks of the README run, and the names in it exist."""

import configparser
import re
import textwrap

import pytest
import spacy

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS, ids=[block.strip().splitlines()[0][:40] for block in BLOCKS])
def test_python_block_runs(block, capsys):
    if "en_relext_demo" in block and not spacy.util.is_package("en_relext_demo"):
        pytest.skip("en_relext_demo is not installed: `python -m spacy project run demo` makes it")
    exec(compile(block, "README.md", "exec"), {})


def test_the_example_of_a_summary_of_ones_own_trains(examples):
    """As an entry point would: the class under its name, and a config that names it."""
    page = (ROOT / "docs" / "summaries.md").read_text(encoding="utf8")
    code = re.search(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE).group(1)
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
