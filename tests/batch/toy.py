"""Small planned runs."""

from spacy_relext.batch import asking, beginning
from spacy_relext.batch.results import Results
from spacy_relext.batch.working import work
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.storage import Output

BEAT = 0.02


def planned(runner, sources, path, *, size=4, overwrite=False, **settings):
    """The plan of some files."""
    paths, output = list(map(str, sources)), Output(path, **settings)
    inputs = Inputs(paths)
    request = asking.request(runner.settings, paths, output, format=None, options=inputs.options, size=size, threads=1)
    return beginning.begin(request, runner, inputs, output, beat=BEAT, overwrite=overwrite)


def finished(runner, sources, path, **settings):
    """A run from its beginning to its end. RETURNS: its files by name."""
    work(planned(runner, sources, path, **settings), runner, skip_errors=True)
    return left(path)


def left(path):
    """What is there of a run, by name."""
    return {file.name: file.read_bytes() for file in path.parent.glob(f"{path.name}*")}


def results(plan, owner="me", told=None):
    found = Results(plan, owner, (told if told is not None else []).append)
    found.begin()
    return found
