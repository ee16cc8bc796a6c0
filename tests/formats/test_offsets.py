"""Offsets as files count them: the texts beside them decide, and what does not decide is an error."""

import unicodedata

import pytest

from spacy_relext.formats.offsets import COMPOSED, DECOMPOSED, FORMS, SPACES, OffsetError, Said, fit_offsets, length_in

TEXT = "Ä \U0001f48a one.\r\nTea, two  teas.\n(\ufb01ve)"
NAMES = ("Tea", "two  teas", "\ufb01ve")


def counted(width, first=0):
    """What a file says that counts each character as `width` says."""

    def offset(index):
        return first + sum(width(TEXT, i) for i in range(index))

    places = [(TEXT.index(name), TEXT.index(name) + len(name)) for name in NAMES]
    return [Said(name, [(offset(a), offset(b))], name) for name, (a, b) in zip(NAMES, places, strict=True)], [[place] for place in places]


WAYS = {
    "": lambda text, i: 1,
    "UTF-16 units": lambda text, i: 2 if text[i] > "\uffff" else 1,
    "bytes": lambda text, i: len(text[i].encode()),
    "CR LF as one character": lambda text, i: int(text[i] != "\r"),
    "LF as two characters": lambda text, i: 2 if text[i] == "\n" and text[i - 1] != "\r" else 1,
    "bytes, CR LF as one character": lambda text, i: len(text[i].encode()) * (text[i] != "\r"),
}


@pytest.mark.parametrize("name", WAYS)
def test_the_texts_decide_how_offsets_count(name):
    said, expected = counted(WAYS[name])
    fit = fit_offsets(TEXT, said)
    assert fit.places == expected
    assert fit.counts == ({f"documents whose offsets count {name}": 1} if name else {})


# A Korean syllable of three parts, an accent, two marks on one letter.
LETTERS = "\u1112\u1161\u11ab Cafe\u0301 a\u0323\u0302 tea\r\n\ufb01n tea"


@pytest.mark.parametrize(("form", "other", "name"), [("NFD", "NFC", COMPOSED), ("NFC", "NFD", DECOMPOSED)])
def test_offsets_may_count_letters_of_another_normal_form(form, other, name):
    text, seen = unicodedata.normalize(form, LETTERS), unicodedata.normalize(other, LETTERS)
    said = [Said(word, [(seen.rindex(word), seen.rindex(word) + len(word))], word) for word in seen.split()[2:]]
    fit = fit_offsets(text, said)
    assert [unicodedata.normalize(other, text[a:b]) for [(a, b)] in fit.places] == [one.text for one in said]
    assert fit.counts[f"documents whose offsets count {name}"] == 1
    assert (length_in(text, name), length_in(text, "characters")) == (len(seen), len(text))
    # As one character, CR LF.
    shorter = [one._replace(parts=[(a - (a > seen.index("\r")), b - (a > seen.index("\r"))) for a, b in one.parts]) for one in said]
    assert fit_offsets(text, shorter).places == fit.places


def test_marks_without_end_take_no_time():
    assert length_in("a" + "\u0301" * 300_000, COMPOSED) == 300_000


def test_a_byte_order_mark_within_the_text_may_not_be_counted():
    text = "Tea.\ufeffTea \U0001f642 for \ufefftwo."
    fit = fit_offsets(text, [Said("T1", [(4, 7)], "Tea"), Said("T2", [(14, 17)], "two")])
    assert ([text[a:b] for [(a, b)] in fit.places], fit.places[0]) == (["Tea", "two"], [(5, 8)])
    assert fit.counts == {"documents whose offsets count no byte order mark within the text": 1}
    fit = fit_offsets(text, [Said("T1", [(4, 7)], "Tea"), Said("T2", [(15, 18)], "two")])
    assert fit.counts == {"documents whose offsets count UTF-16 units, no byte order mark within the text": 1}


def test_a_byte_order_mark_may_be_counted():
    for unit, first in (("", 1), ("bytes, ", 3)):
        fit = fit_offsets("Tea, tea", [Said("T1", [(first, first + 3)], "Tea"), Said("T2", [(first + 5, first + 8)], "tea")], had_mark=True)
        assert fit.places == [[(0, 3)], [(5, 8)]]
        assert fit.counts == {f"documents whose offsets count {unit}a byte order mark": 1}
    with pytest.raises(OffsetError, match="'T1'"):
        fit_offsets("Tea, tea", [Said("T1", [(1, 4)], "Tea")])


def test_texts_with_other_white_space_and_letters():
    said, expected = counted(WAYS["bytes"])
    other = [said[0], said[1]._replace(text="two teas"), said[2]._replace(text="FIVE")]
    fit = fit_offsets(TEXT, other)
    assert fit.places == expected
    assert fit.counts == {"documents whose offsets count bytes": 1, SPACES: 1, FORMS: 1}


def test_parts_of_a_mention_in_any_order():
    for parts in ([(0, 1), (4, 7)], [(4, 7), (0, 1)]):
        for said in ("A two", "A a two", None):
            assert fit_offsets("A a two", [Said("T1", parts, said)]).places == [parts]
    assert fit_offsets("A a two", [Said("T1", parts, "two A")]).places == [parts]


def test_what_does_not_fit_is_named():
    with pytest.raises(OffsetError, match="mention 'T2' is 'x', and the characters 2-3 of the text are 'b'") as caught:
        fit_offsets("a b", [Said("T1", [(0, 1)], "a"), Said("T2", [(2, 3)], "x")])
    assert caught.value.index == 1
    with pytest.raises(OffsetError, match="offsets 2-9; the text has 3"):
        fit_offsets("a b", [Said("T1", [(2, 9)], None)])
    # Bytes and UTF-16 units lead to different places, and both have the text.
    with pytest.raises(OffsetError, match="stands at 3-4 if offsets count UTF-16 units, and at 1-2 if they count bytes"):
        fit_offsets("\U0001f48abcb", [Said("T1", [(4, 5)], "b")])


def test_one_unit_can_be_asked_for():
    assert fit_offsets("ä b", [Said("T1", [(3, 4)], "b")], units=["bytes"]).places == [[(2, 3)]]
    with pytest.raises(OffsetError):
        fit_offsets("ä b", [Said("T1", [(2, 3)], "b")], units=["bytes"])
