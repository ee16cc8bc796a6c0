"""Scores and losses in a checkpoint are what they were, in their precision."""

import numpy
import torch

from spacy_relext.training.state import plain, unplain


def test_numbers_keep_their_types(tmp_path):
    values = {"a": 0.1, "b": numpy.float32(0.1), "c": [(numpy.float64(0.1), 3)], "d": {"e": None, "f": True, "g": "text"}}
    torch.save(plain(values), tmp_path / "values.pt")
    found = unplain(torch.load(tmp_path / "values.pt", weights_only=True))
    assert found == {**values, "c": [[numpy.float64(0.1), 3]]}
    assert [type(found["a"]), type(found["b"]), type(found["c"][0][0])] == [float, numpy.float32, numpy.float64]
