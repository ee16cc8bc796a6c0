"""Pipelines beside each other on the same texts."""

import json

import numpy
import spacy
from typer.testing import CliRunner

from benchmarks import pipelines
from benchmarks.__main__ import app
from tests.extraction.toy import write_input


def test_each_is_measured_in_turn_and_compared_with_the_first(model, tmp_path, monkeypatch):
    """By hand: a run of the second one takes half as long by the clock."""
    other = tmp_path / "other"
    nlp = spacy.load(model)
    nlp.remove_pipe("entity_ruler")
    nlp.to_disk(other)
    texts = write_input(tmp_path / "texts.jsonl", 3)
    clock, runs = [0.0], []

    def run(nlp, texts):
        runs.append("entity_ruler" in nlp.pipe_names)
        clock[0] += 3.0 if runs[-1] else 1.5
        return given(nlp, texts)

    given = pipelines._run
    monkeypatch.setattr(pipelines, "_run", run)
    monkeypatch.setattr(pipelines, "now", lambda: numpy.asarray([0.0, clock[0]]))
    result = CliRunner().invoke(app, ["pipelines", str(model), str(other), "--data", str(texts), "--repeats", "2"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    # Once each to see what is found, and then forwards and backwards.
    assert runs == [True, False, True, False, False, True]
    figures = json.loads(result.stdout)
    first, second = figures["pipelines"].values()
    assert (first["documents per second"], first["times the first"]) == (1.0, 1.0)
    assert (second["documents per second"], second["times the first"]) == (2.0, 2.0)
    assert (first["mentions"], second["mentions"]) == (4, 0)
    assert figures["documents"] == 3
