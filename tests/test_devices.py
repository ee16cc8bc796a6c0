"""A GPU that cannot be used is an error that says so, in Python and in commands."""

import pytest

from spacy_relext.devices import use_gpu
from spacy_relext.errors import RelextError
from tests.cli.toy import relext


def refuse(gpu_id):
    raise ValueError("no GPU here")


def test_a_gpu_that_cannot_be_used():
    with pytest.raises(RelextError, match=r"GPU 3 cannot be used: no GPU here\. Leave out `gpu_id` for the CPU"):
        use_gpu(3, refuse)
    use_gpu(-1, refuse)


TRAIN = ("train", "a.cfg", "--output", "{}")
DISTILL = ("distill", "a", "b.cfg", "c.spacy", "--output", "{}")


@pytest.mark.parametrize("arguments", [TRAIN, DISTILL, ("evaluate", "a", "b.spacy")])
def test_commands_say_so(arguments, tmp_path, monkeypatch):
    monkeypatch.setattr("spacy.cli._util.require_gpu", refuse)
    result = relext(*(argument.format(tmp_path / "made") for argument in arguments), "--gpu-id", 0)
    assert result.exit_code == 1
    assert "GPU 0 cannot be used: no GPU here. Leave out --gpu-id for the CPU." in " ".join(result.output.split())
