"""F against time: which models are on the frontier, and that a page is written."""

import json
import re

from typer.testing import CliRunner

from benchmarks.__main__ import app
from spacy_relext.experiments.cells import write_cell
from tests.cli.toy import SENTENCES
from tests.experiments.toy import make_cell, write_config, write_data


def test_frontier(tiny_bert, tmp_path):
    config = str(write_config(tmp_path))
    data = write_data(tmp_path / "test.spacy", *SENTENCES)
    counts = {("a", "cls raw"): ((1, 1, 1),), ("a", "attention"): ((1, 0, 0),), ("b", "attention"): ((1, 0, 1),)}
    for i, ((view, summary), of_documents) in enumerate(counts.items()):
        cell = make_cell({"view": view, "summary": summary}, counts=of_documents, seconds=60 * i, config_path=config)
        write_cell(cell, tmp_path / "cells" / f"{i}.json")
    write_cell(make_cell({"corpus": "other"}, config_path="missing.cfg"), tmp_path / "cells" / "other.json")
    page, output = tmp_path / "page.md", tmp_path / "frontier.json"
    arguments = [data, "--cells", tmp_path / "cells", "--encoder", tiny_bert, "--repeats", 2, "--output", output, "--page", page]
    result = CliRunner().invoke(app, ["frontier", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    models = json.loads(output.read_text())["models"]
    assert {(row["view"], row["summary"]) for row in models} == counts.keys()
    assert [row["seconds"] for row in models] == sorted(row["seconds"] for row in models)
    for row in models:
        assert 0 < row["from"] <= row["seconds"] <= row["to"]
        better = [other for other in models if other["f"] > row["f"]]
        assert row["frontier"] == all(other["seconds"] > row["seconds"] for other in better)
    # The best of all is on it, whatever it costs, and so is the cheapest.
    assert next(row for row in models if row["f"] == 1.0)["frontier"]
    assert models[0]["frontier"]
    assert {row["training minutes"] for row in models} == {0, 1, 2}
    text = page.read_text(encoding="utf8")
    assert re.search(r"\| a \| `cls raw` \| 1 \| 50\.0 \|", text)
    assert "page-frontier.svg" in text
    assert (tmp_path / "page-frontier.svg").exists()
