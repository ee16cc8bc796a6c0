"""F against time: which models are on the frontier, and that a page is written."""

import json
import re

from typer.testing import CliRunner

from benchmarks import frontier
from benchmarks.__main__ import app
from spacy_relext.experiments.cells import write_cell
from tests.benchmarks.toy import fake
from tests.cli.toy import SENTENCES
from tests.experiments.toy import make_cell, write_config, write_data


def test_frontier(tiny_bert, tmp_path, monkeypatch):
    config = str(write_config(tmp_path))
    data = write_data(tmp_path / "test.spacy", *SENTENCES)
    counts = {("a", "cls raw"): ((1, 1, 1),), ("a", "attention"): ((1, 0, 0),), ("b", "attention"): ((1, 0, 1),)}
    for i, ((view, summary), of_documents) in enumerate(counts.items()):
        cell = make_cell({"view": view, "summary": summary}, counts=of_documents, seconds=60 * i, config_path=config)
        write_cell(cell, tmp_path / "cells" / f"{i}.json")
    write_cell(make_cell({"corpus": "other"}, config_path="missing.cfg"), tmp_path / "cells" / "other.json")
    # Another library, which takes a tenth of a second per pair by its own account; its training on another corpus does not count.
    monkeypatch.setattr(frontier, "all_contenders", lambda *_: [fake("library", tmp_path), fake("idle", tmp_path, "loading")])
    figures = {"test": {"rel_micro_f": 0.9}, "curve": [{"epoch": 1, "processor": 30.0}, {"epoch": 2, "processor": 300.0}]}
    records = [{"name": "library", "corpus": corpus, **figures} for corpus in ("ddi", "other")]
    # Nor one that was stopped.
    records.append({"name": "slow", "corpus": "ddi", **figures, "curve": [{"epoch": 0.4, "processor": 300.0}]})
    (tmp_path / "peers.json").write_text(json.dumps(records), encoding="utf8")
    page, output = tmp_path / "page.md", tmp_path / "frontier.json"
    arguments = [data, "--cells", tmp_path / "cells", "--encoder", tiny_bert, "--repeats", 2, "--output", output, "--page", page]
    arguments += ["--peers", tmp_path / "peers.json"]
    result = CliRunner().invoke(app, ["frontier", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    models = json.loads(output.read_text())["models"]
    other = ("other libraries", "library")
    assert {(row["view"], row["summary"]) for row in models} == {*counts, other}
    row = next(row for row in models if (row["view"], row["summary"]) == other)
    assert (row["seeds"], row["f"], row["training minutes"]) == (1, 0.9, 5)
    assert row["seconds"] == row["from"] == row["to"] == json.loads(output.read_text())["pairs"] / 10
    assert [row["seconds"] for row in models] == sorted(row["seconds"] for row in models)
    for row in models:
        assert 0 < row["from"] <= row["seconds"] <= row["to"]
        better = [other for other in models if other["f"] > row["f"]]
        assert row["frontier"] == all(other["seconds"] > row["seconds"] for other in better)
    # The best of all is on it, whatever it costs, and so is the cheapest.
    assert next(row for row in models if row["f"] == 1.0)["frontier"]
    assert models[0]["frontier"]
    assert {row["training minutes"] for row in models} == {0, 1, 2, 5}
    text = page.read_text(encoding="utf8")
    assert re.search(r"\| a \| `cls raw` \| 1 \| 50\.0 \|", text)
    assert "page-frontier.svg" in text
    assert (tmp_path / "page-frontier.svg").exists()
