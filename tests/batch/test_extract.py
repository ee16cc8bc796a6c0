"""`Extract`: batches in the shapes that engines have, rows in the same, and no document that fails in silence."""

import json
import logging
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import numpy
import pytest

import spacy_relext
from spacy_relext.batch import Extract
from spacy_relext.batch import extract as module
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.delimited import COLUMNS
from tests.conftest import ROOT
from tests.extraction.toy import TEXTS

LEVELS, AVOID, NOTHING, _ = TEXTS
# The last has no text.
GIVEN = {"id": [1, 2, 3, 4], "text": list(TEXTS)}
AS_JSON = '[{"start": 0, "end": 7, "type": "DRUG"}, {"start": 18, "end": 26, "type": "DRUG"}]'
NO_TEXT = "document '4': expected 'text' to be a string, and saw None."
FOUND = [("1", "Aspirin", "MECHANISM", None), ("2", "ketamine", "ADVISE", None), ("4", None, None, NO_TEXT)]


@pytest.fixture(scope="module")
def extract(model):
    return Extract(model)


def short(columns):
    """What tells the rows apart."""
    return list(zip(*(list(columns[name]) for name in ("document", "head", "label", "error")), strict=True))


def test_lists(extract):
    found = extract(GIVEN)
    assert list(found) == [*COLUMNS, "error"]
    assert short(found) == FOUND
    assert found["head_start"] == [0, 6, None]
    # Each has all columns, also where there is no row.
    assert extract({"id": [3], "text": [NOTHING]}) == extract({"id": [], "text": []}) == {name: [] for name in found}


def test_numpy_arrays(extract):
    found = extract({name: numpy.array(values, dtype=object) for name, values in GIVEN.items()})
    assert short(found) == FOUND
    assert all(isinstance(values, numpy.ndarray) for values in found.values())
    found = extract({"id": numpy.array([1]), "text": numpy.array([LEVELS])})
    assert (found["head_start"].dtype, found["score"].dtype) == (int, float)


def test_frames(extract):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(GIVEN)
    found = extract(frame)
    assert short(found.astype(object).where(found.notna(), None)) == FOUND
    assert found.dtypes[["document", "head_start", "score", "error"]].astype(str).tolist() == ["string", "Int64", "Float64", "string"]
    empty = extract(frame[2:3])
    assert len(empty) == 0
    assert empty.dtypes.equals(found.dtypes)
    # Spark gives an iterator, and takes one.
    twice = extract(iter([frame, frame]))
    assert next(twice).equals(found)
    assert next(twice).equals(found)
    assert next(twice, None) is None


def test_tables(extract):
    pyarrow = pytest.importorskip("pyarrow")
    found = extract(pyarrow.table({**GIVEN, "year": [2026] * 4}))
    assert short(found.to_pydict()) == FOUND
    assert found.schema == extract.schema
    assert extract(pyarrow.table({"id": ["3"], "text": [NOTHING]})).schema == extract.schema


def test_rows_of_documents(model, extract):
    found = Extract(model, rows="documents")(GIVEN)
    assert list(found) == ["document", "relations", "record", "error"]
    assert (found["document"], found["relations"]) == (["1", "2", "3", "4"], [1, 1, 0, None])
    assert found["error"] == [None] * 3 + [NO_TEXT]
    expected = spacy_relext.extract([LEVELS, AVOID, NOTHING], str(model))
    assert [json.loads(record) | {"id": ""} for record in found["record"][:3]] == [record | {"id": ""} for record in expected]


def test_mentions_that_are_given(model):
    class Row(tuple):
        """As Spark has them."""

        def asDict(self):  # noqa: N802
            return {"start": 0, "end": 7, "type": "DRUG", "kb_id": None}

    both = [{"start": 0, "end": 7, "type": "DRUG"}, {"start": numpy.int64(18), "end": 26, "type": "DRUG", "kb_id": float("nan")}]
    given = [None, float("nan"), both, numpy.array(both, dtype=object), AS_JSON, [], [Row()], '[{"start": 0]', [{"start": 0}], 7]
    extract = Extract(model, mentions_column="found", rows="documents")
    found = extract({"id": list(range(len(given))), "text": [LEVELS] * len(given), "found": given})
    assert found["relations"] == [1, 1, 1, 1, 1, 0, 0, None, None, None]
    errors = "\n".join(filter(None, found["error"]))
    for message in ("document '7': not JSON", "document '8': mention 1: expected 'end'", "document '9': expected 'mentions' to be a list"):
        assert message in errors
    # Mentions in a column that is not named are not looked at.
    assert Extract(model, rows="documents")({"id": ["a"], "text": [LEVELS], "mentions": [[]]})["relations"] == [1]


def test_what_fails_has_a_row(model, extract, monkeypatch):
    bad = {"id": [None, "", "long", "half", "fine"], "text": [LEVELS, LEVELS, LEVELS * 9, "\ud83d", LEVELS]}
    found = Extract(model, max_characters=100)(bad)
    assert found["document"] == [None, "", "long", "half", "fine"]
    assert [bool(error) for error in found["error"]] == [True, True, True, True, False]
    assert "row 0 of the batch: expected an id, and saw None" in found["error"][0]
    assert "the text has 306 characters" in found["error"][2]

    def fail(self, doc):
        raise RuntimeError("out of order")

    pipe = module._loaded(extract).runner.extractors[0]
    monkeypatch.setattr(type(pipe), "predict", fail)
    assert extract({"id": ["a"], "text": [LEVELS]})["error"] == ["document 'a': the pipeline fails on it: RuntimeError: out of order"]
    with pytest.raises(DataError, match="document 'a': the pipeline fails on it"):
        Extract(model, on_error="raise")({"id": ["a"], "text": [LEVELS]})


def test_settings(model):
    assert Extract(model, labels=["ADVISE"])(GIVEN)["label"] == ["ADVISE", None]
    assert Extract(model, threshold=1.0)({"id": [1], "text": [NOTHING]})["label"] == []
    with pytest.raises(RelextError, match="no labels"):
        Extract(model, labels=["ADVICE"])(GIVEN)
    with pytest.raises(RelextError, match=r"unknown settings \['treshold'\]; known are .*'threshold'"):
        Extract(model, treshold=1)
    with pytest.raises(RelextError, match="rows is 'pairs'; expected one of relations, documents"):
        Extract(model, rows="pairs")
    with pytest.raises(RelextError, match="on_error is 'skip'; expected 'row' or 'raise'"):
        Extract(model, on_error="skip")
    with pytest.raises(RelextError, match="the pipeline 'none' cannot be loaded"):
        Extract("none")(GIVEN)


def test_what_is_no_batch(extract):
    with pytest.raises(RelextError, match=r"expected the columns \['id', 'text'\], and saw \['pmid', 'text'\]"):
        extract({"pmid": [1], "text": [LEVELS]})
    with pytest.raises(RelextError, match="batched=True"):
        extract({"id": 1, "text": LEVELS})
    with pytest.raises(RelextError, match="an iterator of such, and saw list"):
        extract([LEVELS])
    assert short(Extract(extract.pipeline, id_column="pmid", text_column="abstract")({"pmid": [1], "abstract": [LEVELS]})) == FOUND[:1]


def test_it_travels_without_its_pipeline(extract):
    extract(GIVEN)
    for copy in (pickle.loads(pickle.dumps(extract)), deepcopy(extract)):
        assert len(pickle.dumps(copy)) < 3000
        assert short(copy(GIVEN)) == FOUND
        # Loaded once a process, not once an object.
        assert module._loaded(copy) is module._loaded(extract)


def test_a_pipeline_that_was_changed_is_loaded_anew(model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    before = Extract(folder)
    first = module._loaded(before)
    meta = folder / "meta.json"
    meta.write_text(meta.read_text(encoding="utf8") + "\n", encoding="utf8")
    assert module._loaded(before) is not first
    # Engines that keep results by the pickled function see that it is another.
    assert pickle.dumps(Extract(folder)) != pickle.dumps(before)
    assert len(next(iter(module._pipelines.values()))) <= module.MOST_LOADED


def test_threads(extract):
    batches = [{"id": [f"{i}"], "text": [text]} for i, text in enumerate([LEVELS, AVOID, NOTHING] * 10)]
    expected = [extract(batch) for batch in batches]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(extract, batches)) == expected


def test_what_makes_results_empty_is_told_once(model, caplog):
    extract = Extract(model, mentions_column="mentions")
    stars = [{"start": 0, "end": 7, "type": "PLANET"}, {"start": 18, "end": 26, "type": "STAR"}]
    with caplog.at_level(logging.WARNING, "spacy.relext"):
        for _ in range(2):
            extract({"id": ["a"], "text": [LEVELS], "mentions": [stars]})
    [message] = caplog.messages
    assert "PLANET" in message


def test_the_package_is_light():
    """Importing it loads no torch."""
    code = "import sys, spacy_relext.batch; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf8", check=True)
    assert result.stdout.strip() == "False"
    with pytest.raises(AttributeError, match="has no attribute 'Extracts'"):
        _ = spacy_relext.batch.Extracts
