"""Relations as text: wrapped lines, arcs that meet their mentions, and what has no room in a list."""

import random
import unicodedata
from itertools import pairwise

import pytest

from spacy_relext.displacy.columns import cells, columns_of, cut_to, lines_of
from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.terminal import ascii_lines


def picture(text, names, rels, **more):
    ents, place = [], 0
    for name, kind in names:
        place = text.index(name, place)
        ents.append({"start": place, "end": place + len(name), "label": kind})
    rels = [dict(zip(("head", "tail", "label", "score", "status"), rel, strict=False)) for rel in rels]
    return Picture.from_dict({"text": text, "ents": ents, "rels": rels, **more})


DRUGS = "Rifampicin lowers the levels of warfarin and ketoconazole."
MENTIONS = [("Rifampicin", "DRUG"), ("warfarin", "DRUG"), ("ketoconazole", "DRUG")]


def test_relations_of_one_head_and_label_are_one_comb():
    drawn = picture(DRUGS, MENTIONS, [(0, 1, "MECHANISM", 0.9), (0, 2, "MECHANISM", 0.8)])
    assert ascii_lines(drawn, 80) == [
        "    .----------------- MECHANISM --+--------------.",
        "    |                              v              v",
        "Rifampicin lowers the levels of warfarin and ketoconazole.",
        "~~~DRUG~~~                      ~~DRUG~~     ~~~~DRUG~~~~",
    ]


def test_a_status_and_a_score_are_said():
    drawn = picture("Aspirin and warfarin.", [("Aspirin", "DRUG"), ("warfarin", "DRUG")], [(1, 0, "INT", 0.41, "wrong")])
    assert ascii_lines(drawn, 80) == [
        "   .-----------. INT [wrong] 0.41",
        "   v           |",
        "Aspirin and warfarin.",
        "~DRUG~~     ~~DRUG~~",
    ]


def test_notes_and_names_move_nothing_in_a_terminal():
    hostile = "a\x1b[31m\nb\x9b1m\u202e"
    drawn = picture(DRUGS, [("Rifampicin", hostile), ("warfarin", hostile)], [(0, 1, hostile)], notes=[hostile], title=hostile)
    for width in (20, 80):
        lines = ascii_lines(drawn, width)
        assert "(a?[31m b?1m)" in lines
        assert not {unicodedata.category(character) for line in lines for character in line} & {"Cc", "Cf"}


def test_relations_between_lines_are_listed():
    drawn = picture(DRUGS, MENTIONS, [(0, 2, "MECHANISM", None), (0, 1, "EFFECT", 0.5)], notes=["3 not shown: below 0.5"])
    assert ascii_lines(drawn, 40) == [
        "    .--------- EFFECT 0.50 --------.",
        "    |                              v",
        "Rifampicin lowers the levels of warfarin",
        "~~~DRUG~~~                      ~~DRUG~~",
        "and ketoconazole.",
        "    ~~~~DRUG~~~~",
        "* Rifampicin --MECHANISM--> ketoconazole",
        "(3 not shown: below 0.5)",
    ]


def test_nothing_to_draw():
    assert ascii_lines(picture("", [], []), 80) == []
    assert ascii_lines(picture("Nothing\nhere.", [], [], title="Title"), 80) == ["Title", "Nothing", "here."]


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("阿司匹林", 8),
        ("cafe\u0301", 4),
        ("a\u200bb", 2),
        ("👩🏽\u200d⚕️", 2),
        ("🇩🇪🇫🇷", 4),
        ("❤️", 2),
        ("ﾊﾝ", 2),
        ("\x1b[31m", 5),
        ("a\tb", 3),
    ],
)
def test_columns(text, width):
    assert columns_of(text) == width


def test_nothing_that_a_terminal_obeys_is_shown():
    hostile = "\x1b[2Jone\x07 \u202etwo\x9b"
    drawn = picture(hostile, [("one", hostile), ("two", "X\x1b")], [(0, 1, f"L{hostile}", 0.5)], title=hostile)
    for width in (20, 90):
        for line in ascii_lines(drawn, width):
            assert not [character for character in line if unicodedata.category(character) in ("Cc", "Cs")]
            assert "\u202e" not in line


def test_a_line_is_cut_in_a_word_only_if_it_must_be():
    shown = ["".join(cell.shown for cell in line) for line in lines_of("one two three fourfive阿司匹林", 8, {4})]
    assert shown == ["one ", "two ", "three ", "fourfive", "阿司匹林"]
    assert ["".join(cell.shown for cell in line) for line in lines_of("abcdefgh", 3, ())] == ["abc", "def", "gh"]


def test_long_labels_are_cut():
    assert cut_to("阿司匹林抑制", 9) == "阿司匹..."
    assert cut_to("L" * 10_000, 9) == "LLLLLL..."
    drawn = picture("Aspirin and warfarin.", [("Aspirin", "DRUG"), ("warfarin", "DRUG")], [(1, 0, "L" * 10_000, 0.4)])
    assert max(map(len, ascii_lines(drawn, 40))) <= 60


@pytest.mark.parametrize("seed", range(20))
def test_every_relation_is_drawn_or_listed(seed):
    """Random relations: no line is wider than the terminal, and arrowheads stand above mentions."""
    chance = random.Random(seed)
    words = [chance.choice(["aspirin", "warfarin", "x", "药物", "e\u0301a", "and", "raises"]) for _ in range(60)]
    text = " ".join(words)
    starts = [sum(len(word) + 1 for word in words[:i]) for i in range(60)]
    ents = [{"start": starts[i], "end": starts[i] + len(words[i]), "label": chance.choice(["DRUG", ""])} for i in range(0, 60, 3)]
    pairs = {tuple(chance.sample(range(20), 2)) for _ in range(25)}
    rels = [{"head": h, "tail": t, "label": f"R{i}", "score": chance.random()} for i, (h, t) in enumerate(sorted(pairs))]
    width = chance.choice([30, 60, 100])
    lines = ascii_lines(Picture.from_dict({"text": text, "ents": ents, "rels": rels}), width)
    listed = [line for line in lines if line.startswith("* ")]
    for rel in rels:
        told = sum(f" {rel['label']} {rel['score']:.2f}" in line for line in lines if line not in listed)
        told += sum(f"--{rel['label']}-->" in line for line in listed)
        assert told == 1, rel
    assert max(columns_of(line) for line in lines if line not in listed) <= width
    above = [line for line in lines if line not in listed]
    for ends, line in pairwise(above):
        if "v" in ends and not ends.strip("v| "):
            columns = [shown for _, shown, own in cells(line) for shown in [shown] * own]
            assert all(columns[i].strip() for i, mark in enumerate(ends) if mark == "v")
