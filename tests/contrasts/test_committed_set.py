"""The contrast set of the package is what it says it is. Where a test fails, no sentence is shown: half of them are held out."""

from collections import Counter

import pytest

from spacy_relext.contrasts.guidelines import stored_guidelines
from spacy_relext.contrasts.sets import HALVES, MFT, read_set
from tests.conftest import DEMO, ROOT
from tests.contrasts import overlap
from tests.contrasts.writing import line, write

PLACE = ROOT / "assets" / "contrast"


@pytest.fixture(scope="module")
def committed():
    # Reading checks groups, references between lines, and that a frame stands in one half.
    return read_set(PLACE)


@pytest.fixture(scope="module")
def corpus():
    return overlap.documents(DEMO)


def test_it_is_the_set_of_the_package(committed):
    assert read_set().digest == committed.digest


def test_there_are_enough_minimal_pairs(committed):
    groups = Counter(questions[0].phenomenon for questions in committed.groups.values())
    phenomena = "co-occurring,negated,hedged,modal,swapped roles,passive,other names,other numbers,longer context,list,question"
    assert set(phenomena.split(",")) <= set(groups)
    assert {name: n for name, n in groups.items() if n < 60} == {}
    assert len({question.document.text for question in committed.questions}) >= 600


def test_halves_are_halves(committed):
    for phenomenon in {question.phenomenon for question in committed.questions}:
        frames = Counter(half for half, _ in {(q.half, q.frame) for q in committed.questions if q.phenomenon == phenomenon})
        assert set(frames) == set(HALVES)
        assert max(frames.values()) <= 2 * min(frames.values()), phenomenon


def test_mentions_stand_at_their_places(committed):
    """And at the ends of words, each of a type that guidelines know, without overlaps; reading checks that the text is the mention's."""
    wrong = []
    for question in committed.questions:
        document, end = question.document, 0
        for mention in sorted(document.mentions, key=lambda m: m.start):
            around = document.text[max(mention.start - 1, 0) : mention.start] + document.text[mention.end : mention.end + 1]
            if mention.start < end or any(c.isalnum() for c in around) or mention.type not in ("CHEMICAL", "CLASS", "PROTEIN"):
                wrong.append((document.id, mention.id))
            end = mention.end
    assert wrong == []


def test_every_name_of_a_mention_is_one_wherever_it_stands(committed):
    """A name that is a mention here and none there would be the annotation's fault, and none of a model."""
    wrong = []
    for question in committed.questions:
        document = question.document
        rest = overlap.masked_text(document)
        wrong += [(document.id, m.id) for m in document.mentions if overlap.spaced(document.text[m.start : m.end]) in overlap.spaced(rest)]
    assert wrong == []


def test_what_is_asked_about_is_in_one_sentence(committed):
    wrong = []
    for question in committed.questions:
        document = question.document
        ends = {m.id: m for m in document.mentions}
        head, tail = ends[question.head], ends[question.tail]
        sentences = document.sentences or [(0, len(document.text))]
        if not any(a <= min(head.start, tail.start) and max(head.end, tail.end) <= b for a, b in sentences):
            wrong.append(document.id)
    assert wrong == []


def test_labels_are_those_of_the_demonstration(committed):
    demo = stored_guidelines()["demo"]
    assert committed.labels <= demo.labels.keys()
    assert {name for question in committed.questions for name in question.guidelines} <= stored_guidelines().keys()
    drugs, proteins = {"MECHANISM", "EFFECT", "ADVISE"}, {"INHIBITS", "ACTIVATES", "SUBSTRATE"}
    wrong = []
    for question in committed.questions:
        types = {m.id: m.type for m in question.document.mentions}
        between = (types[question.head], types[question.tail])
        allowed = drugs if "PROTEIN" not in between else proteins if between[0] != "PROTEIN" == between[1] else set()
        if not set(question.expected or ()) <= allowed:
            wrong.append(question.id)
    assert wrong == []


def test_what_is_compared_is_also_known(committed):
    """The set says of every pair what is right, so that nothing passes by being wrong twice; and each group can fail."""
    assert [question.id for question in committed.questions if question.expected is None] == []
    assert [question.id for question in committed.questions if question.kind != MFT and not question.references] == []
    alike = []
    for group, questions in committed.groups.items():
        asked = {(q.document.text, q.head, q.tail) for q in questions}
        if len(asked) < len(questions):
            alike.append(group)
    assert alike == []


def asked_names(question):
    spans = {m.id: question.document.text[m.start : m.end].lower() for m in question.document.mentions}
    return spans[question.head], spans[question.tail]


def test_pairs_are_minimal(committed):
    """Every line shares a third of its words, or more, with another one of its group, or asks about the same names."""
    far = []
    for group, questions in committed.groups.items():
        words = [Counter(word for sentence in overlap.sentences(q.document) for word in sentence) for q in questions]
        closest = [max((a & b).total() / min(a.total(), b.total()) for j, b in enumerate(words) if j != i) for i, a in enumerate(words)]
        if min(closest) < 1 / 3 and len({frozenset(asked_names(question)) for question in questions}) > 1:
            far.append(group)
    assert far == []


@pytest.mark.parametrize("name", ["demo", "ddi", "chemprot"])
def test_pipelines_of_each_guideline_are_asked(committed, name):
    guideline = stored_guidelines()[name]
    asked = [group for group in committed.groups.values() if not any(guideline.lacks(question) for question in group)]
    kinds = Counter(group[0].phenomenon for group in asked)
    assert len(kinds) >= 10
    assert min(kinds.values()) >= 10


def test_no_name_of_it_stands_in_the_demonstration_corpus(corpus):
    assert overlap.shared_names(overlap.documents(PLACE), corpus) == set()


def test_no_frame_of_it_stands_in_the_demonstration_corpus(corpus):
    assert overlap.shared_frames(overlap.documents(PLACE), corpus) == {}


def test_no_sentence_of_it_shares_more_than_seven_words_in_a_row_with_the_demonstration_corpus(corpus):
    """Of lines of several sentences too, of which one may be known."""
    longer = overlap.LONGEST + 1
    known = overlap.Frames(corpus).runs[longer]
    assert longer == 8
    assert not {
        document.id for document in overlap.documents(PLACE) for words in overlap.sentences(document) if overlap.runs(words, longer) & known
    }


def test_what_overlap_is(tmp_path):
    known = line("c", "In 12 men, [aspirin] raised the trough levels of [warfarin] by 40%.", 0, 1)
    corpus = overlap.documents(write(tmp_path / "corpus.jsonl", known))
    same = "In 9 men, [digoxin] raised the trough levels of [quinine] by 5%, it was told to us in this long letter of theirs."
    lines = [
        line("same", same, 0, 1),
        line("within", "[Digoxin] raised levels by 5%.", 0, 1 - 1),
        line("other", "[Aspirin] was without any bearing on [digoxin].", 0, 1),
        line("more", "[Digoxin] raised levels. [Quinine] was without any bearing on [ketamine].", 1, 2),
    ]
    lines[3]["sentences"] = [[0, 23], [24, 71]]
    asked = overlap.documents(write(tmp_path / "set.jsonl", *lines))
    assert overlap.shared_names(asked, corpus) == {"aspirin"}
    assert overlap.shared_frames(asked, corpus) == {"same": "8 of 23 words in a row", "within": "all words, in their order"}
