"""Widths of texts, for which no font is needed."""

import pytest

from spacy_relext.displacy.widths import LABEL_SIZE, TABLE, is_wide, label_width, shortened, text_width
from tests.displacy.make_widths import font_file, make_table


def test_widths_are_those_of_arial():
    """From its font file: W 944, a 556, r 333, blank 278 thousandths."""
    assert text_width("War ", 1000) == pytest.approx(944 + 556 + 333 + 278)


@pytest.mark.parametrize(
    ("text", "ems"),
    [("药物", 2.0), ("💊", 1.3), ("e\u0301", 0.556), ("\u200d\ufe0f\U0001f3fd", 0.0), ("\t", 1.11), ("ก", 0.6)],
    ids=["wide", "emoji", "combining", "joiners", "tab", "unknown"],
)
def test_characters_outside_of_the_table_have_the_width_of_their_kind(text, ems):
    assert text_width(text, 1) == pytest.approx(ems)


def test_letters_of_arabic_have_the_width_that_they_have_within_a_word():
    """Isolated BEH is 941 thousandths of DejaVu Sans, medial 337."""
    assert text_width("ب", 1000) < 400


def test_wide_characters():
    assert is_wide("药")
    assert not is_wide("d")


def test_labels_are_shortened_to_what_fits():
    short = shortened("MECHANISM", 50)
    assert short.endswith("…")
    assert label_width(short) <= 50 < label_width("MECHANISM"[: len(short)] + "…")
    assert shortened("MECHANISM", 9) == ""


def test_a_label_is_as_wide_as_its_text_and_a_blank_beside_it():
    assert label_width("INT") > text_width("INT", LABEL_SIZE)


def test_the_table_is_made_of_the_fonts():
    pytest.importorskip("fontTools")
    files = font_file("Liberation Sans:style=Regular"), font_file("DejaVu Sans:style=Book")
    if not all(files):
        pytest.skip("Liberation Sans and DejaVu Sans are not installed")
    assert TABLE.split() == make_table(*files).split()
