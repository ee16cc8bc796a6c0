"""Planned runs from Parquet to Parquet: as plain runs write it, the same bytes whoever runs the shards, with what it was made with."""

import json

import pyarrow
import pytest
from pyarrow import parquet

from spacy_relext.extraction.provenance import manifest
from spacy_relext.formats.files import sha256
from tests.cli.toy import relext
from tests.extraction.toy import TEXTS, contents


@pytest.fixture
def source(tmp_path):
    for year in (2019, 2020):
        path = tmp_path / "in" / f"year={year}" / "part-00000.parquet"
        path.parent.mkdir(parents=True)
        table = pyarrow.table({"abstract": [*TEXTS[:3], None] * 3, "journal": ["a", "b"] * 6})
        parquet.write_table(table, path, row_group_size=5)
    return tmp_path / "in"


def run(model, source, output, *more):
    columns = ("--text-column", "abstract", "--meta-columns", "year,journal")
    settings = ("--to", "parquet", "--partition-by", "year,label", "--skip-errors", "--shard-size", "5")
    found = relext("extract", str(model), str(source), *columns, *settings, "-o", str(output), *more)
    assert found.exit_code == 0, found.output


def test_from_partitions_to_partitions(model, source, tmp_path):
    run(model, source, tmp_path / "plain", "--manifest")
    run(model, source, tmp_path / "one", "--worker", "--overwrite")
    for share in ("2/2", "1/2"):
        run(model, source, tmp_path / "two", "--shard", share)
    plain, made = contents(tmp_path / "plain"), contents(tmp_path / "one")
    assert contents(tmp_path / "two") == made
    assert made.keys() == plain.keys()
    assert {name.split("/")[1] for name in made if name.startswith("relations")} == {"year=2019", "year=2020"}
    for name in plain:
        tables = [parquet.ParquetFile(tmp_path / folder / name).read() for folder in ("plain", "one")]
        assert tables[0].equals(tables[1])
        said = [json.loads(table.schema.metadata[b"spacy_relext"]) for table in tables]
        assert said[0]["pipeline"] == said[1]["pipeline"]
        assert said[0]["pipeline"]["sha256"] == sha256(model)
        assert said[0]["settings"]["partitions"] == ["year", "label"]
        # Wherever and however often it is run.
        assert str(tmp_path) not in json.dumps(said)
        assert "overwrite" not in said[1]["computed"]
    documents = parquet.read_table(tmp_path / "one" / "documents").to_pylist()
    assert [row["document"] for row in documents] == [f"year={year}/part-00000-{i}" for year in (2019, 2020) for i in range(1, 13) if i % 4]
    assert json.loads(documents[0]["meta"]) == {"year": 2019, "journal": "a"}
    for folder in ("plain", "one"):
        record = json.loads((tmp_path / f"{folder}.manifest.json").read_text(encoding="utf8"))
        assert record["outputs"] == manifest({}, {}, tmp_path / folder)["outputs"]
        assert (record["counts"]["documents"], record["counts"]["errors"]) == (18, 6)
