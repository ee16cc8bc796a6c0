"""Some of the changed files; `python -m tests.stress.fuzz_formats` makes as many as are wanted."""

import time

import pytest
import spacy

from spacy_relext.formats.catalogue import READABLE, get_format
from spacy_relext.formats.reading import Options
from tests.stress.fuzz_formats import Hang, fuzz, make_input, read_input, time_limit
from tests.stress.samples import documents, samples

SAMPLES = samples()


def test_every_format_has_a_sample():
    """A new reader is attacked from the first day: put its sample into samples.py."""
    assert [name for name in READABLE if not SAMPLES[name]] == []


@pytest.mark.parametrize("name", READABLE)
def test_samples_are_valid(name, tmp_path):
    """Otherwise what is changed in them is never read."""
    for i, (files, target) in enumerate(SAMPLES[name]):
        for place, raw in files.items():
            path = tmp_path / str(i) / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)
        outcome = read_input(get_format(name), tmp_path / str(i) / target, Options(), spacy.blank("en"))
        assert outcome.errors == []
        assert outcome.n_docs == (len(documents()) if get_format(name).writes else outcome.n_docs) > 0


def test_changed_files():
    counts, failures = fuzz(range(6 * len(READABLE)))
    assert [failure.what for failure in failures] == []
    assert counts["errors"] > counts["files"] / 4
    assert counts["documents"] > counts["files"] / 4


def test_a_file_is_the_same_for_its_seed_and_number():
    assert make_input(3, 17, SAMPLES) == make_input(3, 17, SAMPLES)
    assert make_input(3, 17, SAMPLES) != make_input(4, 17, SAMPLES)


def test_what_hangs_is_stopped():
    with pytest.raises(Hang), time_limit(0.05):
        time.sleep(5)
