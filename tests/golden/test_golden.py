"""Pipelines that were stored by earlier code load, and give what they gave then."""

import json
import tarfile

import pytest
import spacy

from tests.golden.make import HERE, PIPELINES, results

# The largest difference of a score; processors do not agree in the last places.
TOLERANCE = 1e-4


@pytest.fixture(params=list(PIPELINES))
def stored(request, tmp_path):
    """The folder of a pipeline, and what it gave when it was stored."""
    with tarfile.open(HERE / f"{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / request.param, json.loads((HERE / f"{request.param}.json").read_text(encoding="utf8"))["results"]


def test_stored_pipelines_give_what_they_gave(stored):
    folder, expected = stored
    nlp = spacy.load(folder)
    assert_same(results(nlp), expected)
    # And what is stored of them today.
    nlp.to_disk(folder.parent / "again")
    assert_same(results(spacy.load(folder.parent / "again")), expected)


def assert_same(found, expected):
    for here, then in zip(found, expected, strict=True):
        assert here["text"] == then["text"]
        assert [r[:3] + r[4:] for r in here["relations"]] == [r[:3] + r[4:] for r in then["relations"]]
        assert [r[3] for r in here["relations"]] == pytest.approx([r[3] for r in then["relations"]], abs=TOLERANCE)
        assert here["scores"].keys() == then["scores"].keys()
        for name, pairs in then["scores"].items():
            for (*ends, scores, rest), (*wanted, others, other_rest) in zip(here["scores"][name], pairs, strict=True):
                assert ends == wanted
                assert scores == pytest.approx(others, abs=TOLERANCE)
                assert rest == pytest.approx(other_rest, abs=TOLERANCE)


def test_they_are_small():
    assert sum(path.stat().st_size for path in HERE.glob("*.*")) < 500_000
