"""SemEval-2010 task 8: marked sentences to documents."""

import re

import pytest

from tests.formats.given import read, write

BLOCK = ['1\t"The <e1>wheel</e1> of the <e2>car</e2> is round."', "Component-Whole(e1,e2)", "Comment:", ""]
SECOND = ['2\t"The <e1>fire</e1> was caused by a <e2>spark</e2>."', "Cause-Effect(e2,e1)", "Comment: Plain, of sorts.", ""]
THIRD = ['3\t"A <e2>cup</e2> and a <e1>word</e1>."', "Other", "Comment:"]


def test_sentence_is_a_document(tmp_path):
    found = read("semeval", write(tmp_path / "TRAIN_FILE.TXT", *BLOCK, *SECOND, "", *THIRD))
    assert found.errors == []
    first, _, third = found.documents
    assert (first.id, first.text, first.sentences) == ("1", "The wheel of the car is round.", [(0, 30)])
    assert [(m.id, first.text[m.start : m.end], m.type) for m in first.mentions] == [("e1", "wheel", "NOMINAL"), ("e2", "car", "NOMINAL")]
    assert found.relations == [("wheel", "Component-Whole", "car"), ("spark", "Cause-Effect", "fire")]
    assert third.relations == []
    assert [third.text[m.start : m.end] for m in third.mentions] == ["cup", "word"]
    assert found.left_out == {"comments": 1}
    assert found.examples["comments"].endswith("TRAIN_FILE.TXT:7")


def test_lines_may_end_as_on_windows(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\r\n".join([*BLOCK, *SECOND]).encode())
    assert len(read("semeval", path).relations) == 2


def test_test_part_without_relations_and_with_keys(tmp_path):
    sentences = [SECOND[0], BLOCK[0]]
    found = read("semeval", write(tmp_path / "a" / "TEST_FILE.txt", *sentences))
    assert [document.relations for document in found.documents] == [None, None]
    write(tmp_path / "a" / "TEST_FILE_KEY.TXT", "1\tComponent-Whole(e1,e2)", "2\tOther")
    write(tmp_path / "a" / "README.txt", "What this is.")
    for path in (tmp_path / "a", tmp_path / "a" / "TEST_FILE.txt"):
        found = read("semeval", path)
        assert (found.errors, found.relations) == ([], [("wheel", "Component-Whole", "car")])
        assert [document.relations is None for document in found.documents] == [False, False]
        assert found.left_out == ({"files that are none of the format": 1} if path.is_dir() else {})


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        (['1\t"The <e1>wheel</e1>."', "Other"], 1, "expected one <e1>…</e1> and one <e2>…</e2>, and saw <e1> </e1>"),
        (['1\t"<e1>a</e2> <e2>b</e1>"', "Other"], 1, "and saw <e1> </e2> <e2> </e1>"),
        (['1\t"</e1>a<e1> <e2>b</e2>"', "Other"], 1, "and saw </e1> <e1>"),
        ([BLOCK[0], "Component-Whole"], 2, "saw 'Component-Whole'; expected one relation"),
        ([BLOCK[0], "Component-Whole(e1,e1)"], 2, "expected one relation"),
        ([BLOCK[0], "Other", "Other"], 2, "expected one relation"),
        (["Component-Whole(e1,e2)"], 1, "expected a number, a tab, and a sentence in quotes"),
    ],
)
def test_bad_block_is_left_out_alone(lines, line, message, tmp_path):
    found = read("semeval", write(tmp_path / "a.txt", *lines, "", *SECOND))
    assert [document.id for document in found.documents] == ["2"]
    [error] = found.errors
    assert error.line == line
    assert re.search(message, str(error)), str(error)
