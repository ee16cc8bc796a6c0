"""Pipelines that were stored by earlier code load, and give what they gave then."""

import json
import tarfile

import pytest
import spacy
from spacy.util import load_config

from spacy_relext.errors import RelextError
from spacy_relext.pipeline.settings import RENAMED
from tests.golden.make import HERE, PIPELINES, results

# The largest difference of a score; processors do not agree in the last places.
TOLERANCE = 1e-4


@pytest.fixture(params=list(PIPELINES))
def stored(request, tmp_path):
    """The folder of a pipeline, and what it gave when it was stored."""
    with tarfile.open(HERE / f"{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path)
    return tmp_path / request.param, json.loads((HERE / f"{request.param}.json").read_text(encoding="utf8"))["results"]


def test_stored_pipelines_give_what_they_gave(stored):
    folder, expected = stored
    nlp = spacy.load(folder)
    assert_same(results(nlp), expected)
    # And what is stored of them today, without the names of settings that will go.
    nlp.to_disk(folder.parent / "again")
    components = load_config(folder.parent / "again" / "config.cfg")["components"]
    assert not any(name in block for block in components.values() for name in RENAMED)
    assert_same(results(spacy.load(folder.parent / "again")), expected)


def test_settings_that_were_renamed_keep_their_values(tmp_path):
    with tarfile.open(HERE / "single_pass.tar.xz") as archive:
        archive.extractall(tmp_path)
    with pytest.warns(DeprecationWarning, match="the setting consistency is now called rdrop_weight"):
        nlp = spacy.load(tmp_path / "single_pass")
    pipe = nlp.get_pipe("relation_extractor")
    assert pipe.cfg["rdrop_weight"] == pipe.cfg["given"]["rdrop_weight"] == 1.0
    assert nlp.get_pipe_config("relation_extractor")["rdrop_weight"] == 1.0
    with pytest.raises(RelextError, match=r"consistency = 1\.0 is the old name of rdrop_weight, and rdrop_weight = 2\.0 is given, too"):
        spacy.load(tmp_path / "single_pass", config={"components.relation_extractor.rdrop_weight": 2.0})


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
