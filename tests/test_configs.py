"""Configs that are read before they are trained."""

import pytest

from spacy_relext.configs import read_config
from spacy_relext.errors import DataError
from tests.conftest import ROOT

CONFIG = ROOT / "configs" / "demo.cfg"


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("training.max_step", r"Is it max_steps\?"),
        ("nlp.batchsize", r"Is it batch_size\?"),
        ("initialize.befor_init", r"Is it before_init\?"),
        ("training.xyz", "There are dev_corpus, train_corpus, "),
    ],
)
def test_a_setting_that_nothing_would_read_is_refused(name, cure):
    section, _, setting = name.partition(".")
    with pytest.raises(DataError, match=rf"demo\.cfg: \[{section}\] has no setting '{setting}', which would have no effect\. {cure}"):
        read_config(CONFIG, {name: 1})


def test_our_configs_have_none():
    for path in sorted((ROOT / "configs").glob("*.cfg")):
        assert read_config(path, {})["training"]
