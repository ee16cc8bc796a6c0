"""A text in lines of any width."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_relext.displacy.lines import Words, cut, is_rtl, measure

ALPHABET = "ab W.-/(,)  \n\r\t\xa0药物。💊e\u0301\u200dβ–"


def words_of(text, mentions=(), starts=(), rtl=False):
    return Words(text, mentions, frozenset(starts), rtl)


def texts_of(lines, text):
    return ["".join(text[box.start : box.end] for box in lines.boxes(number)) for number in range(len(lines))]


def spans(text):
    bound = st.integers(0, len(text))
    return st.lists(st.tuples(bound, bound).filter(lambda span: span[0] < span[1]), max_size=4)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("one two-three", ["one ", "two-", "three"]),
        ("and/or 5 - 6", ["and/", "or ", "5 ", "- ", "6"]),
        ("CYP1A2–mediated", ["CYP1A2–", "mediated"]),
        ("a\xa0b c", ["a\xa0b ", "c"]),
        ("end\n\nnew", ["end\n", "\n", "new"]),
        ("药物。e\u0301a", ["药", "物。", "e\u0301a"]),
    ],
    ids=["blanks", "slash", "dash", "tied", "newlines", "wide"],
)
def test_words_end_where_a_line_may_be_broken(text, parts):
    ends = [end for end, _ in cut(text)]
    assert [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)] == parts


@settings(deadline=None, max_examples=60)
@given(st.data(), st.text(ALPHABET, min_size=1, max_size=60), st.integers(20, 200), st.booleans())
def test_lines_hold_the_text_and_are_no_wider_than_allowed(data, text, width, rtl):
    mentions = data.draw(spans(text))
    lines = words_of(text, mentions, data.draw(st.sets(st.integers(0, len(text)), max_size=3)), rtl).lines(width)
    assert "".join(texts_of(lines, text)) == text
    assert lines.firsts == [lines.boxes(number)[0].start for number in range(len(lines))]
    for number in range(len(lines)):
        boxes = lines.boxes(number)
        right = max(box.x + box.width for box in boxes)
        assert right <= width or len(boxes) == 1
        assert sum(box.width for box in boxes) == right
        for box in boxes[:-1]:
            assert (box.width, box.ink) == measure(text[box.start : box.end])


@settings(deadline=None, max_examples=60)
@given(st.data(), st.text(ALPHABET, min_size=1, max_size=60), st.integers(40, 200), st.booleans())
def test_a_mention_lies_within_its_words(data, text, width, rtl):
    mentions = data.draw(spans(text))
    lines = words_of(text, mentions, rtl=rtl).lines(width)
    for start, end in mentions:
        for line, left, right in lines.pieces(start, end):
            boxes = [box for box in lines.boxes(line) if box.start < end and start < box.end]
            assert boxes
            near, far = min(box.x for box in boxes), max(box.x + box.width for box in boxes)
            assert near - 0.51 <= (width - right if rtl else left) < (width - left if rtl else right) <= far + 0.51
        if text[start:end].strip() and measure(text[start:end].strip())[0]:
            assert lines.pieces(start, end)


def test_a_mention_is_broken_only_if_it_is_longer_than_a_line():
    text = "The epidermal growth factor receptor is inhibited."
    mention = (text.index("epidermal"), text.index(" is"))
    wide = words_of(text, [mention]).lines(230)
    assert texts_of(wide, text) == ["The ", "epidermal growth factor receptor ", "is inhibited."]
    assert len(wide.pieces(*mention)) == 1
    narrow = words_of(text, [mention]).lines(120)
    assert len(narrow.pieces(*mention)) > 1


def test_a_word_that_is_longer_than_a_line_is_broken_at_characters():
    text = "a " + "x" * 100
    lines = words_of(text).lines(100)
    assert all(box.width <= 100 for number in range(len(lines)) for box in lines.boxes(number))
    assert len(lines) > 5


def test_sentences_begin_lines_where_they_are_to():
    text = "One. Two. Three."
    assert texts_of(words_of(text, starts={5}).lines(500), text) == ["One. ", "Two. Three."]


def test_a_blank_at_the_end_of_a_line_takes_no_room():
    text = "Ketoconazole and aspirin"
    lines = words_of(text).lines(sum(measure(part)[1] for part in ("Ketoconazole ",)))
    last = lines.boxes(0)[-1]
    assert last.width == last.ink < measure("Ketoconazole ")[0]


def test_a_mention_within_a_word_begins_where_its_characters_do():
    text = "anti(warfarin), then"
    ((_, left, right),) = words_of(text).lines(500).pieces(5, 13)
    assert left == pytest.approx(measure("anti(")[0], abs=1)
    assert right - left == pytest.approx(measure("warfarin")[0], abs=1)


def test_texts_from_right_to_left():
    assert is_rtl("וורפרין מעכב את CYP2C9")
    assert not is_rtl("Warfarin")
    assert not is_rtl("")


def test_runs_in_the_other_direction_are_read_as_such():
    """From the right end: שלום, then CYP2C9 and liver, which is left of it in the text and right of it in the line."""
    text = "שלום CYP2C9 liver עולם"
    boxes = {text[box.start : box.end]: box for box in words_of(text, rtl=True).lines(500).boxes(0)}
    assert boxes["שלום"].x < boxes["liver"].x < boxes["CYP2C9"].x < boxes["עולם"].x
    assert boxes["liver"].run == boxes["CYP2C9"].run
    assert boxes["עולם"].run is None


def test_an_empty_text_has_no_lines():
    assert len(words_of("").lines(100)) == 0
