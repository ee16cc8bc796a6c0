"""Texts that are nearly the same: all of them are found, and no others."""

import random

import pytest
import spacy
from spacy.tokens import Doc

from spacy_relext.diagnosis.data import Text
from spacy_relext.diagnosis.repeats import MIN_WORDS, SIMILAR, Unit, doubles


def unit(part: str, words: list[str]) -> Unit:
    doc = Doc(spacy.blank("xx").vocab, words=words)
    return Unit(Text(part, " ".join(words)[:20], doc, []), doc[:], tuple(words))


def trigrams(words):
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}


def similarity(a: Unit, b: Unit) -> float:
    first, second = trigrams(a.words), trigrams(b.words)
    return len(first & second) / len(first | second)


@pytest.fixture(scope="module")
def parts():
    """Texts of few words, so that many share trigrams, and copies of them in which words were changed, cut, or added."""
    draw = random.Random(0)
    vocabulary = [f"w{i}" for i in range(12)]
    texts = [draw.choices(vocabulary, k=draw.randint(5, 30)) for _ in range(60)]
    for words in texts[:40]:
        other = list(words)
        for _ in range(draw.randint(0, 3)):
            other[draw.randrange(len(other))] = draw.choice(vocabulary)
        texts.append(other[draw.randint(0, 2) :] + draw.choices(vocabulary, k=draw.randint(0, 2)))
    draw.shuffle(texts)
    return {name: [unit(name, words) for words in texts[i::3]] for i, name in enumerate(("train", "dev", "test"))}


def test_the_same_as_comparing_all_with_all(parts):
    same, near = doubles(parts)
    names = list(parts)
    expected_same, expected_near = set(), set()
    for i, name in enumerate(names):
        earlier = [other for part in names[:i] for other in parts[part]]
        for one in parts[name]:
            if any(one.words == other.words for other in earlier):
                expected_same.add(id(one))
            elif len(one.words) >= MIN_WORDS and any(len(o.words) >= MIN_WORDS and similarity(one, o) >= SIMILAR for o in earlier):
                expected_near.add(id(one))
    assert len(expected_same) >= 2
    assert len(expected_near) >= 5
    assert {id(one) for one, _ in same} == expected_same
    assert {id(one) for one, _ in near} == expected_near
    for one, other in near:
        assert similarity(one, other) >= SIMILAR
        assert names.index(other.text.part) < names.index(one.text.part)


def test_one_other_word_in_twenty():
    """Three of 18 trigrams are others: 15 of 21 are in both."""
    words = [f"w{i}" for i in range(20)]
    other = [*words[:10], "other", *words[11:]]
    assert similarity(unit("a", words), unit("b", other)) == pytest.approx(15 / 21)
    _, near = doubles({"a": [unit("a", words)], "b": [unit("b", other)]})
    assert len(near) == 1
    _, near = doubles({"a": [unit("a", words)], "b": [unit("b", [*other[:4], "another", *other[5:]])]})
    assert near == []


def test_short_texts_resemble_each_other_by_nature():
    five = ["w1", "w2", "w3", "w4", "w5"]
    same, near = doubles({"a": [unit("a", [*five, "w6"])], "b": [unit("b", five)]})
    assert (same, near) == ([], [])
    same, _ = doubles({"a": [unit("a", five)], "b": [unit("b", five)]})
    assert len(same) == 1
