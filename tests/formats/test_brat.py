"""brat: what a line cannot say to us is left out alone, by line; attributes deny and doubt; events become relations as told."""

from collections import Counter

import pytest

from spacy_relext.conversion import read as read_docs
from spacy_relext.errors import RelextError
from spacy_relext.formats import brat
from spacy_relext.formats.files import IN_CAPITALS
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.standoff import (
    ATTRIBUTES,
    EVENTS_OF_EVENTS,
    EVENTS_OF_RELATIONS,
    NO_MENTION_AS_TRIGGER,
    NO_TRIGGER,
    NOTES,
    UNKNOWN_CONCEPTS,
    UNREADABLE,
)
from spacy_relext.formats.types import N_ARY, UNKNOWN, AnnotatedRelation, Document, Mention
from tests.cli.toy import relext


def write(folder, text, *lines, name="a"):
    (folder / f"{name}.txt").write_text(text, encoding="utf8", newline="")
    (folder / f"{name}.ann").write_text("".join(f"{line}\n" for line in lines), encoding="utf8")


def read(folder, **options):
    [document] = brat.read(folder, Reading(options=Options(**options)))
    return document


def found(document, relations=None):
    texts = {m.id: document.text[m.start : m.end] for m in document.mentions}
    return [(texts[r.head], r.label, texts[r.tail]) for r in (document.relations if relations is None else relations)]


SYNTHESIS = "The salt was dissolved in water and then heated."
EVENTS = [
    "T1\tOperation 13 22\tdissolved",
    "T2\tMaterial 4 8\tsalt",
    "T3\tMaterial 26 31\twater",
    "T4\tOperation 41 47\theated",
    "E1\tOperation:T1 Precursor:T2 Solvent:T3",
    "E2\tOperation:T4 ",
    "R1\tNext_Operation Arg1:E1 Arg2:E2",
    "R2\tIn Arg1:T2 Arg2:T3",
]


@pytest.mark.parametrize(
    ("events", "expected", "left_out"),
    [
        (
            None,
            [("salt", "In", "water"), ("salt", "Operation", "water")],
            {"relations of events": 7, "events without arguments": 6, "triggers of events": 5},
        ),
        (
            "pairs",
            [("dissolved", "Next_Operation", "heated"), ("salt", "In", "water"), ("salt", "Operation", "water")],
            {"events without arguments": 6, "triggers of events": 5},
        ),
        (
            "roles",
            [
                ("dissolved", "Next_Operation", "heated"),
                ("salt", "In", "water"),
                ("dissolved", "Precursor", "salt"),
                ("dissolved", "Solvent", "water"),
            ],
            {"events without arguments": 6},
        ),
    ],
)
def test_events(events, expected, left_out, tmp_path):
    write(tmp_path, SYNTHESIS, *EVENTS)
    document = read(tmp_path, events=events)
    assert found(document) == expected
    assert +document.unsupported == dict.fromkeys(left_out, 1)
    assert document.examples == {what: f"{tmp_path / 'a.ann'}:{line}" for what, line in left_out.items()}


TEXT = "IL-4 and IL-2 raise STAT6 binding of Jak1."
CYTOKINES = [
    "T1\tProtein 0 4\tIL-4",
    "T2\tProtein 9 13\tIL-2",
    "T3\tPositive_regulation 14 19\traise",
    "T4\tProtein 20 25\tSTAT6",
    "T5\tBinding 26 33\tbinding",
    "T6\tProtein 37 41\tJak1",
    "E1\tBinding:T5 Theme2:T6 Theme:T4",
    "E2\tPositive_regulation:T3 Theme:E1 Cause:T1 Cause2:T2",
    "E3\tPositive_regulation:T3 Theme:T4",
    "E4\tPositive_regulation:T3 Theme:E1 Cause:T1",
    "E5\tBinding:T5 Theme:T4 Theme:T4",
]


def test_events_of_events_and_of_many_arguments(tmp_path):
    write(tmp_path, TEXT, *CYTOKINES)
    document = read(tmp_path)
    assert found(document) == [("STAT6", "Binding", "Jak1")]
    assert +document.unsupported == {
        "events whose arguments are events": 2,
        "events with one argument": 1,
        "triggers of events": 2,
        "relations of a mention to itself": 1,
    }
    pairs = {("IL-4", "Positive_regulation", "binding"), ("IL-2", "Positive_regulation", "binding"), ("STAT6", "Binding", "Jak1")}
    assert set(found(read(tmp_path, events="pairs"))) == {*pairs, ("IL-4", "Positive_regulation", "IL-2")}
    roles = read(tmp_path, events="roles")
    assert set(found(roles)) == {
        ("binding", "Theme", "STAT6"),
        ("binding", "Theme", "Jak1"),
        ("raise", "Theme", "binding"),
        ("raise", "Cause", "IL-4"),
        ("raise", "Cause", "IL-2"),
        ("raise", "Theme", "STAT6"),
    }
    assert not +roles.unsupported


def test_events_with_more_than_two_arguments(tmp_path):
    write(tmp_path, TEXT, *CYTOKINES[:6], "E1\tBinding:T5 A:T1 B:T2 C:T6")
    assert (found(read(tmp_path)), +read(tmp_path).unsupported) == ([], {"events with more than two arguments": 1})
    assert len(found(read(tmp_path, events="pairs"))) == 3


def test_events_whose_roles_come_in_any_order(tmp_path):
    write(tmp_path, SYNTHESIS, *EVENTS[:4], "E1\tOperation:T1 Precursor:T2 Solvent:T3", "E2\tOperation:T4 Solvent:T3 Precursor:T2")
    document = read(tmp_path)
    assert found(document) == [("salt", "Operation", "water")] * 2
    assert document.examples["events with other roles first (directed as the first with these roles)"].endswith("a.ann:6")


def test_only_the_formats_with_events_take_the_option(tmp_path):
    write(tmp_path, SYNTHESIS, *EVENTS)
    result = relext("convert", "brat", tmp_path, tmp_path / "out.spacy", "--events", "roles")
    assert result.exit_code == 0, result.output
    assert "relations: Precursor" in result.output
    with pytest.raises(RelextError, match="`events` is 'triggers'; expected roles or pairs"):
        list(read_docs(tmp_path, "brat", events="triggers"))
    with pytest.raises(RelextError, match=r"`events` is for brat, bionlp.* and the format is ddi"):
        list(read_docs(tmp_path, "ddi", events="roles"))


def test_relations_of_relations_and_of_three(tmp_path):
    lines = ["R1\tA Arg1:T1 Arg2:T2", "R2\tB Arg1:R1 Arg2:T2", "R3\tC Arg1:T1 Arg2:T2 Arg3:T3"]
    write(tmp_path, SYNTHESIS, *EVENTS[:4], *lines)
    document = read(tmp_path)
    assert found(document) == [("dissolved", "A", "salt")]
    assert document.unsupported == {"relations of relations": 1, "relations with more or less than two arguments": 1}
    assert [place.rpartition(":")[2] for place in document.examples.values()] == ["6", "7"]


def test_mentions_of_the_same_characters(tmp_path):
    write(
        tmp_path,
        "The Left Democrats met Ann.",
        "T1\tORGANIZATION 4 18\tLeft Democrats",
        "T2\tIDEOLOGY 4 18\tLeft Democrats",
        "T3\tPERSON 23 26\tAnn",
        "R1\tIDEOLOGY_OF Arg1:T1 Arg2:T2",
        "R2\tMET Arg1:T1 Arg2:T3",
    )
    document = read(tmp_path)
    assert found(document) == [("Left Democrats", "MET", "Ann")]
    assert document.examples == {"relations between mentions of the same characters": f"{tmp_path / 'a.ann'}:4"}


def test_fragments_in_the_order_of_the_file(tmp_path):
    text = "He left, as planned, on Monday the 11th of May with Ann."
    write(tmp_path, text, "T1\tDATE 35 46;24 30\t11th of May Monday", "T2\tPERSON 52 55\tAnn", "R1\tWHEN Arg1:T2 Arg2:T1")
    document = read(tmp_path)
    assert found(document) == [("Ann", "WHEN", "Monday the 11th of May")]
    assert document.unsupported == {"discontinuous mentions (kept as one stretch)": 1}


def test_a_stretch_that_is_another_mention(tmp_path):
    write(
        tmp_path,
        "Sodium and zinc salts help.",
        "T1\tX 0 6;16 21\tSodium salts",
        "T2\tX 0 21\tSodium and zinc salts",
        "T3\tX 0 6;11 21\tSodium zinc salts",
        "R1\tPART Arg1:T1 Arg2:T2",
    )
    document = read(tmp_path)
    # Whichever line comes first.
    assert [document.text[m.start : m.end] for m in document.mentions] == ["Sodium", "Sodium and zinc salts", "zinc salts"]
    assert found(document) == [("Sodium", "PART", "Sodium and zinc salts")]
    assert document.unsupported == {"discontinuous mentions (kept as their longest fragment)": 2}


def test_two_types_of_one_mention_that_a_line_end_cuts(tmp_path):
    write(tmp_path, "Left\nheart", "T1\tX 0 4;5 10\tLeft heart", "T2\tY 0 4;5 10\tLeft heart")
    document = read(tmp_path)
    assert [(m.start, m.end) for m in document.mentions] == [(0, 10), (0, 10)]
    assert not +document.unsupported


def test_offsets_that_count_otherwise(tmp_path):
    write(tmp_path, "Tea.\r\nIt helps Bob.", "T1\tX 0 3\tTea", "T2\tY 14 17\tBob", "R1\tR Arg1:T1 Arg2:T2")
    document = read(tmp_path)
    assert found(document) == [("Tea", "R", "Bob")]
    assert document.unsupported == {"documents whose offsets count CR LF as one character": 1}


def test_a_byte_order_mark_that_offsets_count(tmp_path):
    write(tmp_path, "\ufeffTea for two.", "T1\tX 1 4\tTea", "T2\tX 9 12\ttwo")
    document = read(tmp_path)
    assert (document.text, [m.start for m in document.mentions]) == ("Tea for two.", [0, 8])
    assert document.unsupported == {"documents whose offsets count a byte order mark": 1}


@pytest.mark.parametrize("mark_in", ["txt", "ann"])
def test_byte_order_marks(mark_in, tmp_path):
    write(tmp_path, "Tea for two.", "T1\tX 0 3\tTea", "T2\tX 8 11\ttwo")
    file = tmp_path / f"a.{mark_in}"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    document = read(tmp_path)
    assert (document.text, [m.start for m in document.mentions]) == ("Tea for two.", [0, 8])


def test_attributes_of_relations_and_events(tmp_path):
    write(
        tmp_path,
        TEXT,
        *CYTOKINES[:7],
        "R1\tA Arg1:T1 Arg2:T4",
        "R2\tB Arg1:T2 Arg2:T4",
        "A1\tNegation R1",
        "A2\tSpeculation R1",
        "M1\tSpeculation E1",
        "A3\tConfidence R2 High",
        "A4\tPolarity R2 Positive",
        "A5\tNegation T1",
        "A6\tNegation E2",
        "E2\tPositive_regulation:T3",
    )
    document = read(tmp_path)
    assert [(r.label, r.attributes) for r in document.relations] == [("B", ("Confidence=High",)), ("Binding", ("speculated",))]
    assert document.denied == [AnnotatedRelation("T1", "T4", "A", attributes=("speculated",))]
    assert document.unsupported["brat attributes (A, M)"] == 2
    [doc] = read_docs(tmp_path, "brat", keep_negated=True)
    assert sorted(r.label for r in doc._.relations) == ["B", "Binding", "NOT_A"]


def test_a_denied_event_is_denied_with_all_its_relations(tmp_path):
    write(tmp_path, TEXT, *CYTOKINES[:8], "M1\tNegation E2")
    document = read(tmp_path, events="roles")
    assert {r[1:] for r in found(document)} == {("Theme", "STAT6"), ("Theme", "Jak1")}
    assert {r[1:] for r in found(document, document.denied)} == {("Theme", "binding"), ("Cause", "IL-4"), ("Cause", "IL-2")}


def test_concepts_notes_and_equivalences(tmp_path):
    write(
        tmp_path,
        "Tea for two.",
        "T1\tX 0 3\tTea",
        "T2\tX 8 11\ttwo",
        "R1\tR Arg1:T1 Arg2:T2",
        "*\tEquiv T1 T2",
        "N1\tReference T1 MESH:D013662\tTea",
        "N2\tReference T1 Wikipedia:30297\tTea",
        "N3\tReference R1 X:1\tR",
        "#1\tAnnotatorNotes T1\tHot.",
    )
    document = read(tmp_path)
    assert document.mentions[0].kb_id == "MESH:D013662|Wikipedia:30297"
    left_out = {"brat equivalences (*)": 4, "concept identifiers of events and relations": 7, "brat notes (#)": 8}
    assert {what: int(place.rpartition(":")[2]) for what, place in document.examples.items()} == left_out


def test_denied_relations_attributes_and_concepts_come_back(tmp_path):
    mentions = [Mention("T1", 0, 3, "X", "g|DEL|3_6|"), Mention("T2", 8, 11, "X", "C1|C2"), Mention("T3", 4, 7, "X", "a")]
    relations = [
        AnnotatedRelation("T1", "T2", "A", 0.5, attributes=("Confidence=High", "novel", "speculated")),
        AnnotatedRelation("T2", "T3", "B", attributes=("two words",)),
        AnnotatedRelation("T2", "T1", "C", attributes=("uncertain",)),
    ]
    denied = [AnnotatedRelation("T1", "T3", "D", attributes=("speculated",))]
    lost = brat.write([Document("a", "Tea for two.", mentions, relations, denied=denied)], tmp_path)
    assert +lost == {"attributes of relations": 2}
    back = read(tmp_path)
    assert [m.kb_id for m in back.mentions] == ["g|DEL|3_6|", "C1|C2", "a"]
    assert back.relations == [relations[0], *(AnnotatedRelation(r.head, r.tail, r.label) for r in relations[1:])]
    assert (back.denied, +back.unsupported) == (denied, Counter())


def test_suffixes_may_be_in_capitals(tmp_path):
    write(tmp_path, "Tea for two.", "T1\tX 0 3\tTea", name="a.b")
    for file in list(tmp_path.iterdir()):
        file.rename(file.with_suffix(file.suffix.upper()))
    for path in (tmp_path, tmp_path / "a.b.TXT", tmp_path / "a.b.ANN"):
        [document] = brat.read(path, Reading())
        assert (document.id, len(document.mentions), document.source) == ("a.b", 1, tmp_path / "a.b.ANN")


def test_of_files_that_differ_by_capitals_one_is_read(tmp_path):
    write(tmp_path, "Tea for two.", "T1\tX 0 3\tTea")
    (tmp_path / "a.TXT").write_text("Milk for two.")
    if not (tmp_path / "a.txt").samefile(tmp_path / "a.TXT"):
        reading = Reading()
        assert [document.text for document in brat.read(tmp_path, reading)] == ["Tea for two."]
        assert reading.examples == {IN_CAPITALS: str(tmp_path / "a.TXT")}


@pytest.mark.parametrize("events", [None, "pairs", "roles"])
def test_lines_that_refer_to_nothing_are_left_out_alone(events, tmp_path):
    write(
        tmp_path,
        "Tea for two.",
        "T1\tX 0 3\tTea",
        "T2\tX 8 11\ttwo",
        "R1\tR Arg1:T1 Arg2:T9",
        "R2\tR Arg1:T2 Arg2:T1",
        "R3\tR Arg1:R9 Arg2:T1",
        "E1\tX:T1 A:T9",
        "E2\tX:T9 A:T1 B:T2",
        "E3\tX:T1 A:E9",
        "N1\tReference T9 MESH:D1\ttea",
        "A1\tNegation R1",
        "A2\tNegation E7",
        "#1\tAnnotatorNotes T9\tWhat?",
    )
    document = read(tmp_path, events=events)
    assert [(r.head, r.tail) for r in document.relations] == [("T2", "T1")]
    assert +document.unsupported == {UNKNOWN: 5, UNKNOWN_CONCEPTS: 1, ATTRIBUTES: 2, NOTES: 1}
    place = tmp_path / "a.ann"
    assert [document.examples[what] for what in (UNKNOWN, UNKNOWN_CONCEPTS, ATTRIBUTES)] == [f"{place}:3", f"{place}:9", f"{place}:10"]


@pytest.mark.parametrize("events", [None, "pairs", "roles"])
def test_lines_that_are_no_pair_of_mentions_are_left_out_alone(events, tmp_path):
    write(
        tmp_path,
        "Tea for two.",
        "T1\tX 0 3\tTea",
        "T2\tX 8 11\ttwo",
        "R1\tR Arg1:T1 Arg2:T2",
        "R2\tR Arg1:T1",
        "R3\tR",
        "E1\tX:T1 A:R1 B:T2",
        "E2\tX:R1 A:T1 B:T2",
        "E3\tX:E4 A:T1 B:T2",
        "E4\tX A:T1 B:T2",
        "E5\tX:E1 A:T1",
        "E6\tX:T1 A:E5 B:T2",
    )
    document = read(tmp_path, events=events)
    assert [(r.head, r.tail) for r in document.relations] == [("T1", "T2")]
    counts = {N_ARY: 2, EVENTS_OF_RELATIONS: 1, NO_MENTION_AS_TRIGGER: 3, NO_TRIGGER: 1, EVENTS_OF_EVENTS: 1}
    if events is not None:  # an event without a trigger is none that another one could be triggered by
        counts |= {NO_MENTION_AS_TRIGGER: 2, UNKNOWN: 1}
    assert +document.unsupported == counts
    assert document.examples[N_ARY] == f"{tmp_path / 'a.ann'}:4"


@pytest.mark.parametrize("events", ["pairs", "roles"])
def test_the_trigger_that_stands_for_an_event_may_be_missing(events, tmp_path):
    write(tmp_path, "Tea for two.", "T1\tX 0 3\tTea", "E1\tX:T1 A:E2", "E2\tX:T9", "R1\tR Arg1:T1 Arg2:E2")
    document = read(tmp_path, events=events)
    assert (document.relations, +document.unsupported) == ([], {UNKNOWN: 3})


def test_normalisations_to_nothing_are_no_concept(tmp_path):
    lines = ["T1\tPERSON 0 3\tAnn", "T2\tPERSON 8 11\tBob", "N1\tReference T1 Wikidata:NULL\tNULL", "N2\tReference T2 Wikidata:Q1\tBob"]
    write(tmp_path, "Ann met Bob.", *lines)
    document = read(tmp_path)
    assert [m.kb_id for m in document.mentions] == ["", "Wikidata:Q1"]
    assert document.unsupported == {"normalisations to no concept (N)": 1}


@pytest.mark.parametrize(
    "line",
    [
        "X1\tX 0 3\tTea",
        "The second line of a note.",
        "R2 R Arg1:T1 Arg2:T2",
        "R2\tR T1 T2",
        "E1\tX:T1 T2",
        "A1\tNegation",
        "M1",
        "N1\tReference T1",
        "#1\tAnnotatorNotes",
        "#1\tScore R1\thigh",
        "*Equiv T1 T2",
    ],
)
def test_lines_of_no_known_form_are_left_out_alone(line, tmp_path):
    write(tmp_path, "Tea for two.", "T1\tX 0 3\tTea", line, "T2\tX 8 11\ttwo", "R1\tR Arg1:T1 Arg2:T2")
    document = read(tmp_path)
    assert found(document) == [("Tea", "R", "two")]
    assert +document.unsupported == {UNREADABLE: 1}
    assert document.examples == {UNREADABLE: f"{tmp_path / 'a.ann'}:2"}
