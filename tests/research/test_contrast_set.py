"""The contrast set is what its frames make of it."""

import json
from collections import Counter

import pytest

from research import contrast_set
from research.contrast_set import HALVES, build, filled, read_frames, read_pools, read_version
from spacy_relext.errors import DataError
from tests.conftest import ROOT

LETTERS = {"A": "axitinib", "C": "nimodipine", "P": "p38α", "h": "bleeding"}


@pytest.mark.parametrize("half", HALVES)
def test_the_files_are_those_that_the_frames_make(half):
    with open(ROOT / "assets" / "contrast" / f"{half}.jsonl", encoding="utf8") as file:
        assert [json.loads(line) for line in file] == list(build(half))


def test_each_phenomenon_has_sixty_minimal_pairs_of_fifteen_frames_in_both_halves():
    groups, frames = Counter(), Counter()
    of_half = {half: {line["meta"]["contrast"]["group"]: line["meta"]["contrast"]["phenomenon"] for line in build(half)} for half in HALVES}
    for half in HALVES:
        groups.update(of_half[half].values())
        frames.update(frame.phenomenon for frame in read_frames(half))
    assert set(of_half["open"].values()) == set(of_half["held-out"].values()) == set(groups)
    assert min(groups.values()) >= 60
    assert min(frames.values()) >= 15


def test_a_frame_stands_in_one_half():
    templates = [{version.template for frame in read_frames(half) for version in frame.versions} for half in HALVES]
    assert not templates[0] & templates[1]


def test_slots_become_mentions():
    line = filled("{A} raised {C} and {h}. || {P} was spared.", LETTERS)
    assert line["text"] == "Axitinib raised nimodipine and bleeding. p38α was spared."
    assert line["sentences"] == [[0, 40], [41, 57]]
    assert [(m["text"], m["type"]) for m in line["mentions"]] == [("Axitinib", "CHEMICAL"), ("nimodipine", "CHEMICAL"), ("p38α", "PROTEIN")]
    assert all(line["text"][m["start"] : m["end"]] == m["text"] for m in line["mentions"])
    assert line["ids"] == {"A": "T1", "C": "T2", "P": "T3"}


def test_what_is_asked_about():
    assert read_version("M {A} raised {C}.", ["A", "C"], "here")[1:] == ("A", "C", "MECHANISM")
    assert read_version("<M {C} raised {A}.", ["A", "C"], "here")[1:] == ("C", "A", "MECHANISM")
    assert read_version("-:C,D {A} raised {C} and {D}.", ["A", "C"], "here")[1:] == ("C", "D", None)


@pytest.mark.parametrize("line", ["X {A} raised {C}.", "M {A} raised {D}.", "M {A} raised {C} and {A}."])
def test_a_line_that_is_wrong_is_named(line):
    with pytest.raises(DataError, match=r"open\.txt, line 7"):
        read_version(line, ["A", "C"], "open.txt, line 7")


def test_a_set_of_names_that_is_too_short_is_named(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("[raising] A B C\nboceprevir, telaprevir\n", encoding="utf8")
    with pytest.raises(DataError, match="line 2: 2 names for the 3 letters A B C"):
        read_pools(path)


def test_names_of_one_set_differ():
    for name, sets in read_pools().items():
        assert len(sets) >= contrast_set.FILLS, name
        for names in sets:
            assert len(set(names.values())) == len(names), names
