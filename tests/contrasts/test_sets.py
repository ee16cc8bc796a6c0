"""Contrast sets: what a line may say, and what is wrong with one that says otherwise."""

import pytest

from spacy_relext.contrasts.sets import CONTRAST, read_set
from spacy_relext.errors import DataError, RelextError
from tests.contrasts.writing import line, pair, write


def test_a_set_is_a_file_or_a_folder(tmp_path):
    write(tmp_path / "a.jsonl", *pair("g1"))
    write(tmp_path / "b.jsonl", *pair("g2", frame="other", half="held-out", guidelines={"ddi": ["EFFECT"], "chemprot": None}))
    found = read_set(tmp_path)
    assert {name: [q.id for q in group] for name, group in found.groups.items()} == {"g1": ["g1-a", "g1-b"], "g2": ["g2-a", "g2-b"]}
    assert found.labels == {"MECHANISM", "EFFECT"}
    [question, other] = found.groups["g2"]
    assert (question.head, question.tail, question.half, question.expected, other.expected) == ("T1", "T2", "held-out", ("MECHANISM",), ())
    assert question.expected_by("ddi") == ("EFFECT",)
    assert not question.is_asked_by("chemprot")
    assert [q.id for q in found.of_half("open").questions] == ["g1-a", "g1-b"]
    assert read_set(tmp_path / "a.jsonl").digest not in (found.digest, read_set(tmp_path / "b.jsonl").digest)


def test_a_half_that_is_not_there_is_an_error(tmp_path):
    found = read_set(write(tmp_path / "a.jsonl", *pair()))
    with pytest.raises(RelextError, match="no line whose half is 'held-out'"):
        found.of_half("held-out")
    with pytest.raises(RelextError, match="expected 'open' or 'held-out'"):
        found.of_half("hidden")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"group": None}, "expected 'group' of meta.contrast to be a text, and saw None"),
        ({"phenomenon": ""}, "expected 'phenomenon'"),
        ({"kind": "mft"}, "expected 'kind' to be one of MFT, INV, DIR, and saw 'mft'"),
        ({"half": "hidden"}, "expected 'half' to be one of open, held-out"),
        ({"head": "T9"}, "'head' is 'T9', and the mentions are T1, T2"),
        ({"tail": "T1"}, "are the same characters"),
        ({"expected": "MECHANISM"}, "expected 'expected' to be a list of labels"),
        ({"expected": None}, "expected 'expected' to be a list of labels"),
        ({"phenomenom": "negated"}, r"unknown keys \['phenomenom'\]"),
        ({"guidelines": ["ddi"]}, "expected 'guidelines' to be an object"),
        ({"guidelines": {"ddi": "effect"}}, "expected 'guidelines.ddi' to be a list"),
        ({"same_as": "g1-b"}, "'same_as' is for the kind INV, and this line is MFT"),
        ({"kind": "INV", "same_as": "g1-a"}, "expected is the id of another line of its group"),
        ({"kind": "INV", "same_as": "g2-a"}, "expected is the id of another line of its group"),
        ({"kind": "INV", "same_as": 3}, "expected 'same_as' to be the id"),
        ({"kind": "DIR", "lower_than": "g1-b", "higher_than": "g1-b"}, "exclude each other"),
        ({"phenomenon": "hedged"}, "its phenomenon is 'negated', and that of 'g1-a', of the same group 'g1', is 'hedged'"),
        ({"group": "g3"}, "the only line of the group 'g3'"),
    ],
)
def test_what_is_wrong_has_its_place(tmp_path, changes, message):
    lines = [*pair("g1"), *pair("g2")]
    lines[0]["meta"][CONTRAST].update(changes)
    with pytest.raises(DataError, match=message) as caught:
        read_set(write(tmp_path / "a.jsonl", *lines))
    assert str(caught.value).startswith(f"{tmp_path / 'a.jsonl'}:")


def test_a_frame_stands_in_one_half(tmp_path):
    with pytest.raises(DataError, match="'spares' stands in the half 'held-out', and in 'open': 'g1-a'"):
        read_set(write(tmp_path / "a.jsonl", *pair("g1"), *pair("g2", half="held-out")))


def test_what_is_expected_has_to_be_said(tmp_path):
    lines = pair()
    del lines[0]["meta"][CONTRAST]["expected"]
    with pytest.raises(DataError, match="a line of the kind MFT needs 'expected'"):
        read_set(write(tmp_path / "a.jsonl", *lines))


@pytest.mark.parametrize(("meta", "message"), [({}, "it has none"), ({CONTRAST: "x"}, "it has 'x'")])
def test_what_is_no_contrast_set_is_an_error(tmp_path, meta, message):
    with pytest.raises(DataError, match=f"expected what it asks, an object under meta.contrast, and {message}"):
        read_set(write(tmp_path / "a.jsonl", {"text": "Aspirin.", "mentions": [], "meta": meta}))


def test_a_set_that_is_not_there_or_empty_is_an_error(tmp_path):
    with pytest.raises(DataError, match="there is no such file or folder"):
        read_set(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="the file has no line"):
        read_set(write(tmp_path / "a.jsonl"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"holds no .jsonl file"):
        read_set(empty)


def test_the_original_of_an_invariance_may_be_unknown(tmp_path):
    lines = [
        line("a", "[Aspirin] increases [warfarin].", 0, 1, kind="INV"),
        line("b", "[Aspirin] increases [digoxin].", 0, 1, kind="INV", same_as="a"),
    ]
    original, other = read_set(write(tmp_path / "a.jsonl", *lines)).questions
    assert (original.expected, original.references, other.references) == (None, {}, {"same_as": "a"})
