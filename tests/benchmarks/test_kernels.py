"""The cost of kernels: figures by hand, and that both ways are what they say."""

import json
import subprocess
from types import SimpleNamespace

import pytest
from thinc.api import PyTorchShim

from benchmarks import kernels
from spacy_relext.ml import products
from spacy_relext.ml.memory import TidyShim
from tests.cli.toy import SENTENCES
from tests.experiments.toy import write_data


def test_figures_by_hand(tmp_path, monkeypatch, capsys):
    turns = []

    def run(command, env, **settings):
        way = command[4]
        turns.append(way)
        assert [env.get(name) == "1024" for name in products.CACHES] == [way == "torch's"] * 2
        seconds = {"torch's": 10, "ours": 8}[way] + len(turns)
        return SimpleNamespace(stdout=f'a line of a library\n{{"seconds": {seconds}, "mb": 500.4}}\n')

    for name in products.CACHES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(subprocess, "run", run)
    kernels.kernels(tmp_path, 0, tmp_path, tmp_path, 1, 2, 2)
    assert json.loads(capsys.readouterr().out) == {
        "torch's": {"seconds": 12.5, "of torch's": [1.0, 1.0], "mb": [500, 500]},
        "ours": {"seconds": 10.5, "of torch's": [round(10 / 11, 2), round(11 / 14, 2)], "mb": [500, 500]},
    }
    assert turns == ["torch's", "ours", "ours", "torch's"]


@pytest.mark.parametrize("way", kernels.WAYS)
def test_a_run(way, tiny_bert, tmp_path, monkeypatch, capsys):
    rounded: list[int] = []
    ours = products.rounded
    monkeypatch.setattr(products, "rounded", lambda n: rounded.append(n) or ours(n))
    monkeypatch.setattr("spacy_relext.ml.precision.cpu_has_bfloat16", lambda: True)
    kernels.one_of_kernels(way, write_data(tmp_path / "data.spacy", *SENTENCES), 0, tmp_path, tiny_bert, 1, 2)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["seconds"] > 0
    assert figures["mb"] > 100
    assert bool(rounded) == (way != "torch's")


@pytest.mark.parametrize("way", kernels.WAYS)
def test_updates_are_thincs_where_nothing_is_given_back(way, tmp_path, monkeypatch):
    updates = []
    monkeypatch.setattr(kernels, "Steps", lambda *args: SimpleNamespace(run=lambda: updates.append(TidyShim.finish_update)))
    ours = TidyShim.finish_update
    kernels.one_of_kernels(way, tmp_path, 5, tmp_path, tmp_path, 1, 2)
    assert updates == [PyTorchShim.finish_update if way == kernels.KEPT else ours]
