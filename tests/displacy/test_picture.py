"""Dictionaries that are drawn: what may be in them, and what is refused."""

import copy

import numpy
import pytest

from spacy_relext import displacy
from spacy_relext.displacy.picture import Picture
from spacy_relext.errors import RelextError

DATA = {
    "text": "Aspirin and warfarin.",
    "ents": [{"start": 12, "end": 20, "label": "DRUG"}, {"start": 0, "end": 7, "label": "DRUG"}],
    "rels": [{"head": 0, "tail": 1, "label": "EFFECT"}],
}


def changed(*path, to):
    data = copy.deepcopy(DATA)
    target = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = to
    return data


def test_mentions_stand_in_the_order_of_the_text():
    given = copy.deepcopy(DATA)
    picture = Picture.from_dict(given)
    assert [mention.start for mention in picture.mentions] == [0, 12]
    assert (picture.relations[0].head, picture.relations[0].tail) == (1, 0)
    assert given == DATA
    assert picture.sentences == ((0, 21),)


def test_sentences_cover_the_text():
    assert Picture.from_dict(changed("sents", to=[[8, 11], [2, 5]])).sentences == ((0, 2), (2, 8), (8, 21))


def test_numbers_of_numpy_are_scores():
    assert Picture.from_dict(changed("rels", 0, "score", to=numpy.float32(0.5))).relations[0].score == 0.5


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"text": ""}, "the data of a picture: saw the keys ['text']; expected ents, rels, text, and perhaps"),
        ("text", "the data of a picture: saw 'text'; expected a dict"),
        (changed("arcs", to=[]), "saw the keys ['arcs', 'ents', 'rels', 'text']"),
        (changed("text", to=b"x"), "text is b'x'; expected a str"),
        (changed("text", to="Aspirin \ud83d and warfarin."), "with half of a surrogate pair"),
        (changed("ents", to={}), "ents: saw {}; expected a list"),
        (changed("ents", 0, to=[0, 7]), "ents[0]: saw [0, 7]; expected a dict with start, end, label"),
        (changed("ents", 0, to={"start": 0, "end": 7}), "ents[0]: saw the keys ['end', 'start']"),
        (changed("ents", 1, "end", to=22), "ents[1]: start and end are 0 and 22; expected the end behind the start, in a text of 21"),
        (changed("ents", 1, "start", to=-1), "ents[1]: start and end are -1 and 7"),
        (changed("ents", 1, "end", to=0), "ents[1]: start and end are 0 and 0"),
        (changed("ents", 1, "end", to=7.0), "ents[1]: start and end are (0, 7.0); expected two whole numbers"),
        (changed("ents", 1, "label", to=None), "ents[1]: the label is None; expected a str"),
        (changed("ents", 1, "kb_url", to="javascript:alert(1)"), "ents[1]: the kb_url is 'javascript:alert(1)'; expected an address"),
        (changed("ents", 1, "kb_url", to="java\nscript:alert(1)"), "ents[1]: the kb_url is"),
        (changed("ents", 1, "kb_url", to=" data:text/html,x"), "ents[1]: the kb_url is"),
        (changed("rels", 0, "head", to=2), "rels[0]: the head is 2; expected the number of one of the 2 ents, from 0 on"),
        (changed("rels", 0, "tail", to=-1), "rels[0]: the tail is -1"),
        (changed("rels", 0, "tail", to=True), "rels[0]: the tail is True"),
        (changed("rels", 0, "tail", to=0), "rels[0]: head and tail are the same place, 12-20"),
        (changed("rels", 0, "lable", to=""), "rels[0]: saw the keys"),
        (changed("rels", 0, "score", to="0.5"), "rels[0]: the score is '0.5'; expected a number between 0 and 1"),
        (changed("rels", 0, "score", to=float("nan")), "rels[0]: the score is nan"),
        (changed("rels", 0, "score", to=1.5), "rels[0]: the score is 1.5"),
        (changed("rels", 0, "score", to=10**400), "rels[0]: the score is 1000"),
        (changed("rels", 0, "score", to=True), "rels[0]: the score is True"),
        (changed("rels", 0, "status", to="extra"), "rels[0]: the status is 'extra'; expected one of '', 'right', 'missed', 'wrong'"),
        (changed("rels", 0, "symmetric", to=1), "rels[0]: symmetric is 1; expected True or False"),
        (changed("rels", 0, "attention", to=[[0, 7]]), "rels[0]: attention has [0, 7]; expected [start, end, weight]"),
        (changed("rels", 0, "attention", to=[[0, 70, 0.5]]), "rels[0]: attention: start and end are 0 and 70"),
        (changed("rels", 0, "attention", to=[[0, 7, -1.5]]), "rels[0]: attention: the weight is -1.5"),
        (changed("rels", 0, "attributes", to="novel"), "rels[0]: attributes: saw 'novel'; expected a list"),
        (changed("sents", to=[[0, 99]]), "sents[0]: start and end are 0 and 99"),
        (changed("title", to=5), "title is 5; expected a str"),
        (changed("settings", to={"direction": "up"}), "settings: the direction is 'up'; expected \"ltr\" or \"rtl\""),
        (changed("settings", to={"theme": "up"}), "settings: saw the keys ['theme']"),
    ],
)  # fmt: skip
def test_what_is_refused(data, message):
    with pytest.raises(RelextError) as refused:
        displacy.render([data], manual=True, jupyter=False)
    assert message in str(refused.value)
