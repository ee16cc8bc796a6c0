"""The XML of the corpora of protein interactions: ends of both kinds, pairs that do not interact, and what is left out."""

import re

import pytest

from spacy_relext.formats import ppi
from spacy_relext.formats.docs import SAME_PLACE, SELF
from spacy_relext.formats.limits import Limits, limited
from spacy_relext.formats.offsets import DISCONTINUOUS
from spacy_relext.formats.ppi import READINGS
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import MISPLACED, UNKNOWN
from tests.formats.given import read, write

PAIR = """<?xml version="1.0" encoding="UTF-8"?><corpus source="X"><document id="X.d0" origId="1">
<sentence id="X.d0.s0" text="AbcA binds AbcB."><entity charOffset="0-3" id="e0" text="AbcA" type="protein"/>
<entity charOffset="11-14" id="e1" text="AbcB" type="protein"/><pair e1="e0" e2="e1" id="p0" interaction="True"/></sentence>
<sentence id="X.d0.s1" text="AbcC and AbcD."><entity charOffset="0-3" id="e2" text="AbcC" type="protein"/>
<entity charOffset="9-12" id="e3" text="AbcD" type="protein"/><pair e1="e2" e2="e3" id="p1" interaction="False"/></sentence>
</document></corpus>"""
INTERACTION = """<?xml version="1.0" encoding="UTF-8"?><corpus source="X"><document id="X.d0" origId="1">
<sentence charOffset="0-16" id="X.d0.s0" origId="1-1" text="AbcA binds AbcB.">
<entity charOffset="0-4" id="e0" text="AbcA" type="protein"/>
<entity charOffset="11-15" id="e1" text="AbcB" type="protein"/>
<interaction e1="e0" e2="e1" id="i0" type="PPI"/></sentence></document></corpus>"""
# Of two entities, the first reads as its text says with inclusive ends, the second with exclusive ones.
MIXED = PAIR.replace("11-14", "11-15").split('<sentence id="X.d0.s1"')[0] + "</document></corpus>"


@pytest.mark.parametrize(("text", "ends"), [(PAIR, 1), (INTERACTION, 0)])
def test_text_beside_the_offsets_decides_the_ends(text, ends, tmp_path):
    found = read("ppi", write(tmp_path / "a.xml", text))
    assert found.errors == []
    [document] = found.documents
    assert [document.text[m.start : m.end] for m in document.mentions][:2] == ["AbcA", "AbcB"]
    assert found.relations == [("AbcA", "PPI", "AbcB")]
    assert found.left_out == {READINGS[ends]: 1}
    assert document.sentences == [(0, 16), (17, 31)][: len(document.sentences)]


@pytest.mark.parametrize(("old", "new"), [("0-3", "0:3"), ('"True"', '"perhaps"')])
def test_errors_name_the_number_of_the_document(old, new, tmp_path):
    text = PAIR.replace("</corpus>", PAIR[PAIR.index("<document") :].replace("X.d0", "X.d1").replace(old, new))
    found = read("ppi", write(tmp_path / "a.xml", text))
    assert len(found.documents) == len(found.errors) == 1
    assert "document 'X.d1' (number 2 of the file): " in str(found.errors[0])


def test_interactions_have_their_type_or_are_negative(tmp_path):
    text = INTERACTION.replace('<interaction e1="e0" e2="e1" id="i0" type="PPI"/>', "{}")
    for pair, relations in [
        ('<interaction e1="e1" e2="e0" type="Binding"/>', [("AbcB", "Binding", "AbcA")]),
        ('<interaction e1="e0" e2="e1" type="neg"/>', []),
        ('<pair e1="e0" e2="e1" interaction="false" type="Binding"/>', []),
    ]:
        found = read("ppi", write(tmp_path / "a.xml", text.format(pair)))
        assert (found.relations, found.errors, len(found.documents[0].mentions)) == (relations, [], 2)


def test_parts_of_a_mention_are_one_stretch(tmp_path):
    text = """<corpus><document id="d"><sentence id="s" text="alpha and beta salts bind x">
    <entity id="a" charOffset="0-4,15-19" text="alpha salts" type="p"/><entity id="b" charOffset="10-19" text="beta salts" type="p"/>
    <entity id="x" charOffset="26-26" text="x" type="p"/><pair e1="a" e2="x" interaction="True"/></sentence></document></corpus>"""
    found = read("ppi", write(tmp_path / "a.xml", text))
    assert found.relations == [("alpha and beta salts", "PPI", "x")]
    assert found.counts[DISCONTINUOUS] == 1


def test_entities_that_are_not_at_their_offsets_are_left_out_by_one(tmp_path):
    text = PAIR.replace('"9-12" id="e3" text="AbcD"', '"9-12" id="e3" text="AbcE"').replace('"False"', '"True"')
    found = read("ppi", write(tmp_path / "a.xml", text))
    assert (found.errors, found.relations) == ([], [("AbcA", "PPI", "AbcB")])
    assert found.left_out == {READINGS[1]: 1, MISPLACED: 1, UNKNOWN: 1}
    assert found.examples[MISPLACED].endswith("a.xml")


def test_relations_that_cannot_be_held_are_counted(tmp_path):
    same = '<entity charOffset="0-3" id="e9" text="AbcA" type="gene"/><pair e1="e0" e2="e9" interaction="True"/>'
    itself = '<pair e1="e0" e2="e0" interaction="True"/>'
    found = read("ppi", write(tmp_path / "a.xml", PAIR.replace("</sentence>", same + itself + "</sentence>", 1)))
    assert found.relations == [("AbcA", "PPI", "AbcB")]
    assert (found.counts[SAME_PLACE], found.counts[SELF]) == (1, 1)


def test_pairs_of_entities_that_are_not_there_are_left_out_by_one(tmp_path):
    found = read("ppi", write(tmp_path / "a.xml", PAIR.replace('e2="e1"', 'e2="e7"')))
    assert (found.errors, found.relations, found.counts[UNKNOWN], len(found.documents)) == ([], [], 1, 1)


@pytest.mark.parametrize(
    ("text", "message", "n_documents"),
    [
        (MIXED, "inclusive or exclusive.*1 of 2.*'AbcA'.*'AbcA' or 'Abc'", 0),
        (PAIR.replace('charOffset="0-3"', 'charOffset="zero"', 1), "charOffset is 'zero'", 0),
        (PAIR.replace('id="e1"', 'id="e0"'), "two entities have the id 'e0'", 0),
        (PAIR.replace('interaction="True"', 'ddi="true"'), "interaction is ''; expected True or False.*format ddi", 0),
        (PAIR.replace(' text="AbcC and AbcD."', ""), "<sentence id='X.d0.s1'> has no attribute 'text'", 0),
        (PAIR.replace("</document></corpus>", "</document><document id='b'>"), "no well-formed XML", 1),
        (PAIR.replace("</corpus>", PAIR[PAIR.index("<document") :]), "'X.d0'.*already", 1),
        ("<html></html>", "expected <corpus> with <document> elements, and saw <html>", 0),
        ("", "no well-formed XML", 0),
    ],
)  # fmt: skip
def test_bad_input(text, message, n_documents, tmp_path):
    found = read("ppi", write(tmp_path / "a.xml", text))
    assert len(found.documents) == n_documents
    [error] = found.errors
    assert error.path == tmp_path / "a.xml"
    assert re.search(message, str(error)), str(error)


def test_file_is_read_a_document_at_a_time(tmp_path):
    one = INTERACTION[INTERACTION.index("<document") : INTERACTION.index("</corpus>")]
    documents = "".join(one.replace("X.d0", f"X.d{i}") for i in range(8_000))
    path = write(tmp_path / "a.xml", f"<corpus>{documents}</corpus>")
    # Less than the file has, and more than two parts of it that are read at once.
    with limited(Limits(record=1_500_000)):
        assert path.stat().st_size > 2_400_000
        assert sum(1 for _ in ppi.read(path, Reading())) == 8_000
