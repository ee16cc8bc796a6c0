"""The markup of a picture."""

from spacy_relext import displacy
from spacy_relext.displacy.drawing import draw
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


def test_a_page_is_for_wide_and_narrow_screens():
    picture = {"text": "aspirin raises warfarin", "ents": [], "rels": []}
    assert displacy.render(picture, manual=True, jupyter=False, page=True).count('class="T"') == 2
    assert displacy.render(picture, manual=True, jupyter=False, page=True, options={"width": 500}).count('class="T"') == 1
