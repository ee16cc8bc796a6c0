import pytest

from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.resuming import Work
from spacy_relext.extraction.running import Runner, Settings
from spacy_relext.extraction.storage import Output
from tests.extraction.toy import skip, write_input


@pytest.fixture(scope="module")
def runner(model):
    return Runner(Settings(str(model), batch_size=2))


@pytest.fixture
def source(tmp_path):
    return write_input(tmp_path / "in.jsonl", 15)


@pytest.fixture
def begun(runner, source, tmp_path):
    """An unfinished run with two finished shards."""
    work = Work(Output(tmp_path / "out"), Inputs([str(source)]), runner, size=4)
    results = work.fill(skip)
    for _ in range(8):
        next(results)
    next(results)
    results.close()
    return tmp_path / "out"
