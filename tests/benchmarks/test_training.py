"""The cost of a step: that both ways are what they say, on the same batches."""

import json

import pytest
from torch import nn

from benchmarks import training
from spacy_relext.ml import economy
from spacy_relext.ml.economy import Dropout, Embedding
from tests.cli.toy import SENTENCES
from tests.conftest import ROOT
from tests.experiments.toy import write_data


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "train.spacy", *SENTENCES * 8)


def encoder_of(steps):
    tok2vec = steps.nlp.get_pipe("relation_extractor").model.get_ref("tok2vec")
    return next(shim._hfmodel.transformer for node in tok2vec.walk() for shim in node.shims if hasattr(shim, "_hfmodel"))


@pytest.mark.parametrize("config", ["ddi.cfg", "ddi-marked.cfg"])
def test_ways_are_what_they_say(data, tiny_bert, config, tmp_path, monkeypatch):
    text = (ROOT / "configs" / config).read_text().replace('"advise","effect","int","mechanism"', '"ADVISE","MECHANISM"')
    (tmp_path / config).write_text(text.replace("max_length = 128", "max_length = 64").replace("size = 600", "size = 60"))
    batches = []
    plain: list[int] = []
    ours = economy.attention
    monkeypatch.setattr(economy, "attention", lambda *args, **settings: plain.append(1) or ours(*args, **settings))
    for economical, attention in training.WAYS.values():
        steps = training.Steps(tmp_path / config, data, tiny_bert, 2, economical, attention)
        plain.clear()
        steps.run()
        assert bool(plain) == (economical and not attention)
        encoder = encoder_of(steps)
        assert type(encoder.get_input_embeddings()) is (Embedding if economical else nn.Embedding)
        assert any(type(module) is Dropout for module in encoder.modules()) == economical
        assert encoder.config._attn_implementation == ("eager" if attention else "sdpa")
        batches.append([[example.reference.text for example in batch] for batch in steps.batches])
    assert len(batches[0]) == 2
    assert all(of_way == batches[0] for of_way in batches)


def test_figures(monkeypatch, capsys, tmp_path):
    """By hand: ways of torch take 6 seconds for two steps, and ours 9."""
    clock = [0.0]

    class Steps:
        def __init__(self, *args):
            self.seconds = float(len(args) + (3 if args[-2] else 0))

        def run(self):
            clock[0] += self.seconds

    monkeypatch.setattr(training, "Steps", Steps)
    monkeypatch.setattr(training, "now", lambda: training.torch.tensor([0.0, clock[0]], dtype=training.torch.float64))
    training.training(tmp_path, tmp_path, tmp_path, 2, 3, 1)
    figures = json.loads(capsys.readouterr().out)
    assert figures["torch's"] == {"seconds a step": 3.0, "of torch's": [1.0] * 3}
    assert figures["ours"] == {"seconds a step": 4.5, "of torch's": [1.5] * 3}
