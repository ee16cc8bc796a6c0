"""Documents with very many pairs: that they have as many as was asked for, and that the fit is of what was measured."""

import json

import pytest

from benchmarks import memory


@pytest.mark.parametrize(("pairs_of", "expected"), [("sentence", 870), ("text", 992)])
@pytest.mark.parametrize("relations", [True, False])
def test_one_document(pairs_of, expected, relations, tiny_bert, capsys):
    memory.one_document(tiny_bert, memory.PairsOf(pairs_of), 1000, 1, relations)
    figures = json.loads(capsys.readouterr().out)
    assert figures["pairs"] == expected
    assert figures["tokens"] == (120 if pairs_of == "sentence" else 3000)
    assert 0 <= figures["of these, writing"] <= figures["seconds"]
    assert 0 <= figures["mb_above"] < figures["mb_encoder"]


def test_the_line_is_fitted_to_the_medians_of_what_was_measured(tiny_bert, monkeypatch, capsys):
    """By hand: medians of 2 s for 1,000,000 pairs and 4 s for 3,000,000: a microsecond per pair, and a perfect line through two points."""
    measured = {"1": iter([(2.0, 7), (90.0, 5), (1.5, 5)]), "3": iter([(4.0, 5), (0.5, 6), (60.0, 5)])}
    asked = []

    class Done:
        def __init__(self, size):
            asked.append(size)
            seconds, above = next(measured[size])
            self.stdout = "loading\n" + json.dumps({"pairs": int(size) * 10**6, "seconds": seconds, "mb_above": above})

    monkeypatch.setattr(memory.subprocess, "run", lambda command, **_: Done(command[-2]))
    memory.memory(tiny_bert, memory.PairsOf.sentence, "1,3", False, repeats=3, threads=1)
    assert asked == ["1", "3", "3", "1", "1", "3"]
    last = capsys.readouterr().out.splitlines()[-1]
    assert "1.0 µs" in last
    assert "1.0000" in last
    assert "7 MB" in last
