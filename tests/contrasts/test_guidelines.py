"""What a set's labels and types are called by a pipeline."""

import json

import pytest

from spacy_relext.contrasts.guidelines import SAME, guideline_for, read_guideline
from spacy_relext.contrasts.sets import CONTRAST, read_set
from spacy_relext.errors import DataError, RelextError
from tests.contrasts.writing import line, pair, write

DDI = ("advise", "effect", "int", "mechanism")
CHEMPROT = ("CPR:3", "CPR:4", "CPR:5", "CPR:6", "CPR:9")


@pytest.fixture
def asked(tmp_path):
    proteins = {"types": {1: "PROTEIN"}, "group": "g2", "frame": "blocks"}
    lines = [
        *pair(guidelines={"ddi": ["EFFECT"]}),
        line("g2-a", "[Statins], as [quinine], block [CYP2D6].", 0, 2, expected=["INHIBITS"], types={0: "CLASS", 2: "PROTEIN"}, group="g2",
             frame="blocks"),
        line("g2-b", "[Quinine] spares [CYP2D6].", 0, 1, expected=[], **proteins),
    ]  # fmt: skip
    return read_set(write(tmp_path / "set.jsonl", *lines))


@pytest.mark.parametrize(
    ("labels", "types", "name"),
    [
        (("ACTIVATES", "ADVISE", "EFFECT", "INHIBITS", "MECHANISM", "SUBSTRATE"), ("CHEMICAL", "PROTEIN"), "demo"),
        (DDI, ("brand", "drug", "drug_n", "group"), "ddi"),
        (CHEMPROT, ("CHEMICAL", "GENE"), "chemprot"),
    ],
)
def test_the_guideline_is_that_of_the_labels(asked, labels, types, name):
    assert guideline_for(asked, labels, types).name == name


def test_labels_and_types_of_ddi(asked):
    ddi = guideline_for(asked, DDI, ("brand", "drug", "drug_n", "group"))
    first, second, third, fourth = asked.questions
    assert [not ddi.lacks(question) for question in asked.questions] == [True, True, False, False]
    assert [ddi.lacks(question) for question in (third, fourth)] == [
        ["unknown type PROTEIN", "unknown label INHIBITS"],
        ["unknown type PROTEIN"],
    ]
    # What the guideline differs in.
    assert (ddi.expected(first), ddi.expected(second)) == ({"effect"}, {"effect"})
    # Proteins are no mentions of this corpus.
    assert [(m.id, m.type) for m in ddi.document(third.document).mentions] == [("T1", "group"), ("T2", "drug")]
    assert ddi.document(fourth.document).sentences == [(0, len(fourth.document.text))]


def test_several_labels_of_one(asked):
    chemprot = guideline_for(asked, CHEMPROT, ("CHEMICAL", "GENE"))
    assert [not chemprot.lacks(question) for question in asked.questions] == [False, True, True, True]
    assert [chemprot.expected(question) for question in asked.questions[2:]] == [{"CPR:4", "CPR:6"}, frozenset()]
    assert [m.type for m in chemprot.document(asked.questions[2].document).mentions] == ["CHEMICAL", "CHEMICAL", "GENE"]
    # Of those that the pipeline has.
    assert guideline_for(asked, ("CPR:4",), ("CHEMICAL", "GENE")).expected(asked.questions[2]) == {"CPR:4"}


def test_a_set_in_the_labels_of_the_pipeline_needs_no_guideline(tmp_path):
    lines = pair()
    for entry in lines:
        entry["meta"][CONTRAST]["expected"] = ["RAISES"]
    same = guideline_for(read_set(write(tmp_path / "a.jsonl", *lines)), ("RAISES", "LOWERS"), ("DRUG",))
    assert (same.name, same.labels, same.type_of("CHEMICAL")) == (SAME, {"RAISES": ("RAISES",)}, "CHEMICAL")


def test_one_of_ones_own(asked, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"labels": {"MECHANISM": ["PK"]}, "types": {"CHEMICAL": ["SUBSTANCE"]}}), encoding="utf8")
    mine = guideline_for(asked, ("PK",), ("SUBSTANCE",), path)
    assert (mine.name, mine.labels, mine.type_of("CHEMICAL"), mine.type_of("PROTEIN")) == (
        "mine",
        {"MECHANISM": ("PK",)},
        "SUBSTANCE",
        None,
    )
    assert guideline_for(asked, DDI, ("drug",), "ddi").type_of("CLASS") == "drug"


def test_no_guideline_is_an_error(asked, tmp_path):
    with pytest.raises(RelextError, match="expects the labels EFFECT, INHIBITS, MECHANISM, and the pipeline has treats: no guideline says"):
        guideline_for(asked, ("treats",), ())
    with pytest.raises(RelextError, match=r"there is no guideline 'dii'. There are chemprot, ddi, demo, or a JSON file"):
        guideline_for(asked, DDI, (), "dii")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "expected an object with labels and types, and saw list"),
        ('{"labels": {}}', r"and saw \['labels'\]"),
        ('{"labels": {"A": "b"}, "types": {}}', "expected labels to give a list of names"),
        ('{"labels": {"A": ["b"]}, "types": {"C": []}}', "expected types to give a list of names"),
    ],
)
def test_what_is_no_guideline_is_an_error(tmp_path, text, message):
    path = tmp_path / "mine.json"
    path.write_text(text, encoding="utf8")
    with pytest.raises(DataError, match=message):
        read_guideline(path)
