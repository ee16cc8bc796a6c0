"""Data sets that the library `datasets` itself has written."""

import json

import pytest

from spacy_relext.errors import DataError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.formats.reading import Options
from tests.formats.given import read


@pytest.mark.filterwarnings("ignore")
def test_what_the_library_writes(tmp_path):
    """Shards in their order, splits, other columns; and nothing of what `map` keeps beside them."""
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    rows = {"pmid": list(range(10)), "abstract": [f"Text {i}. 💊" for i in range(10)], "vector": [[0.5] * 3] * 10}
    whole = datasets.Dataset.from_dict(rows)
    # Selected rows, and lines in another order.
    splits = datasets.DatasetDict({"train": whole.select([7, 3, 5, 1, 0, 2]), "test": whole.select([9, 8])})
    splits.save_to_disk(tmp_path / "set", num_shards={"train": 3, "test": 1})
    datasets.load_from_disk(tmp_path / "set" / "train").map(lambda row: {"abstract": "changed"})
    found = read("datasets", tmp_path / "set", text_column="abstract", id_column="pmid")
    assert [document.id for document in found.documents] == ["9", "8", "7", "3", "5", "1", "0", "2"]
    assert all(document.text == f"Text {document.id}. 💊" for document in found.documents)
    assert found.left_out == {"documents with 'vector', not read": 8}
    options = Options(text_column="abstract", meta_columns=("pmid", "vector"))
    [*_, last] = Inputs([str(tmp_path / "set")], "datasets", options).read(lambda error: None)
    assert (last.id, last.meta) == ("train/data-00002-of-00003-2", {"pmid": 2, "vector": [0.5] * 3})


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("{", "not JSON"),
        ("[]", "expected the state of a data set, and saw list"),
        ('{"_data_files": [{"filename": "../x"}]}', "expected names of files in its folder"),
        ('{"_data_files": [{}]}', "expected names of files in its folder"),
        ('{"_indices_files": [{"filename": "i.arrow"}]}', "is a selection of the rows of its files"),
    ],
)
def test_states_that_are_damaged(state, message, tmp_path):
    (tmp_path / "a.arrow").write_bytes(b"")
    (tmp_path / "state.json").write_text(state, encoding="utf8")
    with pytest.raises(DataError) as raised:
        read("datasets", tmp_path)
    assert message in str(raised.value)
    assert "state.json" in str(raised.value)


def test_a_file_that_is_missing_and_one_of_a_cache(tmp_path):
    (tmp_path / "cache-1.arrow").write_bytes(b"")
    with pytest.raises(DataError, match=r"only what Dataset\.map has kept there"):
        read("datasets", tmp_path)
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-0.arrow"}]}), encoding="utf8")
    [error] = read("datasets", tmp_path).errors
    assert "data-0.arrow: it cannot be read: No such file" in str(error)
