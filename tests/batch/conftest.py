import pytest

from spacy_relext.extraction.running import Runner, Settings
from tests.batch.toy import planned
from tests.extraction.toy import write_input


@pytest.fixture(scope="module")
def runner(model):
    return Runner(Settings(str(model), batch_size=2))


@pytest.fixture
def source(tmp_path):
    """15 documents, of which every fourth is an error."""
    return write_input(tmp_path / "in.jsonl", 15)


@pytest.fixture
def plan(runner, source, tmp_path):
    """Four shards of them."""
    return planned(runner, [source], tmp_path / "out.jsonl")
