"""The markup of a picture."""

import re
from dataclasses import replace

from spacy_relext import displacy
from spacy_relext.displacy.drawing import draw, joined
from spacy_relext.displacy.lines import Box
from spacy_relext.displacy.options import Options
from spacy_relext.displacy.picture import Picture, PicturedMention, PicturedRelation

TEXT = "Rifampicin induces CYP3A4, but aspirin does not."
PICTURE = Picture(
    TEXT,
    (PicturedMention(0, 10, "drug"), PicturedMention(19, 25, "enzyme"), PicturedMention(31, 38, "drug")),
    (PicturedRelation(0, 1, "INDUCES", 0.93), PicturedRelation(0, 2, "INT", symmetric=True)),
    ((0, len(TEXT)),),
)


def test_a_picture_has_a_div_for_each_width_and_the_words_in_their_order():
    drawn = draw(PICTURE, Options(width=(900, 344)), labels={"INDUCES": 0, "INT": 1}, types={"drug": 0, "enzyme": 1})
    assert drawn.markup.count('<div class="P V"') == drawn.markup.count('<div class="P N"') == 1
    assert "Rifampicin → CYP3A4: INDUCES (0.93)" in drawn.markup
    assert drawn.folded == ()


def test_a_tail_is_told_from_a_head_but_for_symmetric_labels():
    directed, symmetric = (
        draw(replace(PICTURE, relations=(relation,)), Options(), labels={"INDUCES": 0, "INT": 1}, types={}).markup
        for relation in PICTURE.relations
    )
    marks = [re.search(r'class="x" d="([^"]*)"', markup)[1] for markup in (directed, symmetric)]
    # An arrowhead is a triangle, which is closed; a dot is two arcs.
    assert [(way.count("z"), way.count("a2.2") // 2) for way in marks] == [(1, 1), (0, 1)]
    # The hollow dot.
    assert [len(re.findall(r'class="v" d="M[^"]*a2 2', markup)) for markup in (directed, symmetric)] == [0, 1]


def test_what_was_read_is_a_bar_of_three_weights():
    read = ((0, 10, 0.6), (11, 18, 0.3), (27, 30, 0.1), (39, 43, 0.01))
    picture = replace(PICTURE, relations=(replace(PICTURE.relations[0], attention=read),))
    markup = draw(picture, Options(), labels={"INDUCES": 0}, types={}).markup
    assert sorted(re.findall(r'class="y (y\d)"', markup)) == ["y0", "y1", "y2"]  # and nothing below a tenth of the most


def test_a_page_is_for_wide_and_narrow_screens():
    picture = {"text": "aspirin raises warfarin", "ents": [], "rels": []}
    assert displacy.render(picture, manual=True, jupyter=False, page=True).count('class="T"') == 2
    assert displacy.render(picture, manual=True, jupyter=False, page=True, options={"width": 500}).count('class="T"') == 1


def test_no_rectangle_is_narrower_than_nothing():
    nested = tuple(PicturedMention(0, end, "part") for end in (5, 4, 1))
    markup = draw(Picture("'s I.", nested, (), ((0, 5),)), Options(), labels={}, types={"part": 0}).markup
    widths = [float(width) for width in re.findall(r'<rect class="m [^>]* width="([^"]*)"', markup)]
    assert len(widths) == 3
    assert min(widths) >= 1


def test_words_between_mentions_are_joined_into_as_much_room():
    boxes = [Box(0, 4, 0, 30, 26), Box(4, 9, 30, 40, 36), Box(9, 12, 70, 20, 20), Box(12, 15, 90, 25, 21), Box(15, 20, 115, 31, 31)]
    runs, marked = joined(boxes, {2: [7]})
    assert runs == [Box(0, 9, 0, 70, 66), boxes[2], Box(12, 20, 90, 56, 56)]
    assert marked == {1: [7]}


def test_a_very_long_text_is_written_in_little_more_than_its_characters():
    text = "Nothing is said of it here. " * 2_000
    picture = Picture(text, (), (), tuple((start, start + 28) for start in range(0, len(text), 28)))
    drawn = draw(picture, Options(width=900), labels={}, types={})
    assert len(drawn.markup) < 1.7 * len(text)
