"""Small corpora of each shape; `python -m tests.stress.shapes` makes larger ones."""

from random import Random

import pytest

from tests.stress.shapes import SHAPES, check


@pytest.mark.parametrize("name", SHAPES)
def test_no_document_is_lost_and_what_is_left_out_is_reported(name, tmp_path):
    shape = SHAPES[name](Random(name), 12)
    assert check(shape, tmp_path) == []
    assert shape.relations.total() > 0


def test_what_is_lost_is_seen(tmp_path):
    shape = SHAPES["TACRED"](Random(0), 3)
    shape.n_documents, shape.left_out["comments"] = 4, 1
    assert check(shape, tmp_path) == ["3 documents, and 4 were made", "0 comments, and 1 were made"]
