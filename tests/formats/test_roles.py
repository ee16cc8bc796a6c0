"""Head and tail are found by the roles of the arguments, not by the accident of their order."""

import json

import pytest

from spacy_relext.conversion import read
from spacy_relext.conversion.converting import error_handler, make_options
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.roles import HEADS, TAILS, Roles
from spacy_relext.formats.standoff import OTHER_ORDER
from tests.cli.toy import relext


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ("Arg1", "Arg2"),
        ("ARG-1", "arg_2"),
        ("Cause", "Theme"),
        ("Cause2", "Theme"),
        ("Agent1", "Patient3"),
        ("Anaphora", "Antecedent"),
        ("entity_1", "ENTITY2"),
        ("from", "to"),
        # One name with numbers.
        ("Theme", "Theme2"),
        ("Arg0", "Arg1"),
        ("Participant9", "Participant10"),
        ("Source1", "Source2"),
    ],
)
def test_roles_that_are_known_decide_in_either_order(head, tail):
    roles = Roles()
    assert roles.direct("L", [(head, "h"), (tail, "t")]) == ("h", "t")
    assert roles.direct("L", [(tail, "t"), (head, "h")]) == ("h", "t")


def test_a_role_is_that_of_a_head_or_of_a_tail():
    assert not HEADS & TAILS


@pytest.mark.parametrize("pair", [("Location", "Bacterium"), ("Cause", "Site"), ("Cause", "Agent"), ("", "Theme"), ("7", "8")])
def test_other_roles_keep_the_order_of_the_file_if_it_is_one_for_all(pair):
    roles = Roles()
    a, b = pair
    for number in (1, 2):
        assert roles.direct("Lives_In", [(a, "T1"), (b, "T2")], "d.ann", number) == ("T1", "T2")
    # Another label is another thing.
    assert roles.direct("Contains", [(b, "T2"), (a, "T1")], "d.ann", 3) == ("T2", "T1")
    with pytest.raises(DataError) as caught:
        roles.direct("Lives_In", [(b, "T4"), (a, "T3")], "e.ann", 9)
    assert (caught.value.path, caught.value.line) == ("e.ann", 9)
    assert f"'Lives_In {b}:T4 {a}:T3' here" in str(caught.value)
    assert f"'Lives_In {a}:T1 {b}:T2 (d.ann:1)'" in str(caught.value)
    assert f"`roles=['{b},{a}']` or `roles=['{a},{b}']`" in str(caught.value)


def test_what_comes_in_any_order_is_directed_as_the_first():
    roles, seen = Roles(), []
    for first, second, turned in (("A", "B", 0), ("B", "A", 1), ("A", "B", 1), ("Theme", "Cause", 1)):
        head, tail = roles.direct("E", [(first, first), (second, second)], on_other_order=lambda: seen.append(1))
        assert (head, tail) == (("Cause", "Theme") if "Cause" in (first, second) else ("A", "B"))
        assert len(seen) == turned


def test_one_role_twice_keeps_the_order():
    roles = Roles()
    assert [roles.direct("Binds", [("Theme", a), ("Theme", b)]) for a, b in ("xy", "yx")] == [("x", "y"), ("y", "x")]


def test_the_users_word_goes_first():
    roles = Roles(["Bacterium,Location", "theme, cause", "Arg2,Arg1", "Theme2,Theme"])
    for head, tail in (("Bacterium", "Location"), ("Theme", "Cause"), ("Theme3", "Cause"), ("ARG_2", "Arg1"), ("Theme2", "Theme")):
        assert roles.direct("L", [(head, "h"), (tail, "t")]) == roles.direct("L", [(tail, "t"), (head, "h")]) == ("h", "t")


@pytest.mark.parametrize("given", [["A"], ["A,"], ["A,B,C"], ["A,a"], [""], [("A", "B")]])
def test_what_are_no_roles(given):
    with pytest.raises(RelextError, match=r"`roles` is .*expected the role of the head, a comma"):
        Roles(given)


def test_roles_that_contradict_each_other():
    with pytest.raises(RelextError, match=r"a,b and b,a\. Expected one of them"):
        Roles(["A,B", "b,a"])


def test_one_reading_has_one_memory():
    reading = Reading(options=Options(roles=("B,A",)))
    assert reading.attempt().roles is reading.roles
    assert reading.roles.direct("L", [("A", "a"), ("B", "b")]) == ("b", "a")
    assert Reading().roles is not Reading().roles


def test_only_formats_with_roles_take_the_option():
    assert make_options(get_format("brat"), roles=["A,B"]).roles == ("A,B",)
    assert make_options(get_format("jsonl"), roles=[]) == Options()
    with pytest.raises(RelextError, match=r"`roles` is for .*brat.*the format is jsonl"):
        make_options(get_format("jsonl"), roles=["A,B"])


TEXT = "Aspirin raised warfarin. Warfarin was raised by aspirin."
MENTIONS = [
    "T1\tDRUG 0 7\tAspirin",
    "T2\tDRUG 15 23\twarfarin",
    "T3\tUp 8 14\traised",
    "T4\tDRUG 25 33\tWarfarin",
    "T5\tDRUG 48 55\taspirin",
]
MENTIONS += ["T6\tUp 38 44\traised"]


def brat(folder, *lines, name="d"):
    (folder / f"{name}.txt").write_text(TEXT, encoding="utf8")
    (folder / f"{name}.ann").write_text("".join(f"{line}\n" for line in [*MENTIONS, *lines]), encoding="utf8")
    return folder


def pairs(folder, **options):
    docs = list(read(folder, "brat", **options))
    return [(r.head.text.lower(), r.label, r.tail.text.lower()) for doc in docs for r in doc._.relations]


def test_brat_by_arguments(tmp_path):
    assert pairs(brat(tmp_path, "R1\tRAISES Arg2:T2 Arg1:T1\t")) == [("aspirin", "RAISES", "warfarin")]


def test_brat_events_by_roles(tmp_path):
    brat(tmp_path, "E1\tUp:T3 Cause:T1 Theme:T2", "E2\tUp:T6 Theme:T4 Cause:T5")
    assert pairs(tmp_path) == [("aspirin", "Up", "warfarin")] * 2
    assert pairs(tmp_path, roles=["Theme,Cause"]) == [("warfarin", "Up", "aspirin")] * 2


def test_brat_with_two_orders_of_unknown_roles(tmp_path):
    brat(tmp_path, "R1\tL What:T1 Where:T2", name="a")
    brat(tmp_path, "R1\tL Where:T4 What:T5", name="b")
    with pytest.raises(DataError, match=r"b\.ann:7: .*'L Where:T4 What:T5' here.*'L What:T1 Where:T2 \(.*a\.ann:7\)'"):
        pairs(tmp_path)
    result = relext("convert", "brat", tmp_path, tmp_path / "out.spacy", "--roles", "What,Where", "--roles", "x,y")
    assert result.exit_code == 0, result.output
    assert pairs(tmp_path, roles=["What,Where"]) == [("aspirin", "L", "warfarin")] * 2


def test_events_of_unknown_roles_are_directed_as_the_first_of_the_input(tmp_path):
    brat(tmp_path, "E1\tUp:T3 Who:T1 What:T2", name="a")
    brat(tmp_path, "E1\tUp:T6 What:T4 Who:T5", name="b")
    for events in (None, "pairs"):
        reading = Reading(options=Options(events=events))
        documents = list(get_format("brat").read(tmp_path, reading))
        assert [(r.head, r.tail) for document in documents for r in document.relations] == [("T1", "T2"), ("T5", "T4")]
        assert documents[1].examples[OTHER_ORDER] == f"{tmp_path / 'b.ann'}:7"


def test_bionlp_with_two_orders_of_unknown_roles(tmp_path):
    for name, line in (("a", "R1\tL What:T1 Where:T2"), ("b", "R1\tL Where:T4 What:T5")):
        (tmp_path / f"{name}.txt").write_text(TEXT)
        (tmp_path / f"{name}.a1").write_text("\n".join(MENTIONS))
        (tmp_path / f"{name}.a2").write_text(line)
    with pytest.raises(DataError, match=r"b\.a2:1: .*'L Where:T4 What:T5' here.*'L What:T1 Where:T2 \(.*a\.a2:1\)'"):
        list(get_format("bionlp").read(tmp_path, Reading()))
    documents = get_format("bionlp").read(tmp_path, Reading(options=Options(roles=("Where,What",))))
    assert [(r.head, r.tail) for document in documents for r in document.relations] == [("T2", "T1"), ("T4", "T5")]


def test_bioc_with_two_orders_of_unknown_roles(tmp_path):
    mentions = [{"id": f"T{i}", "infons": {"type": "X"}, "text": "Tea", "locations": [{"offset": 4 * i, "length": 3}]} for i in range(2)]
    for name, ends in (("a", (("T0", "What"), ("T1", "Where"))), ("b", (("T0", "Where"), ("T1", "What")))):
        relation = {"id": "R", "infons": {"type": "L"}, "nodes": [{"refid": refid, "role": role} for refid, role in ends]}
        passage = {"offset": 0, "text": "Tea Tea", "annotations": mentions, "relations": [relation]}
        (tmp_path / f"{name}.json").write_text(json.dumps({"id": name, "passages": [passage]}))
    with pytest.raises(DataError, match=r"b\.json:1: .*'L Where:T0 What:T1' here.*'L What:T0 Where:T1 \(.*a\.json:1\)'"):
        list(get_format("biocjson").read(tmp_path, Reading()))
    documents = get_format("biocjson").read(tmp_path, Reading(options=Options(roles=("What,Where",))))
    assert [(r.head, r.tail) for document in documents for r in document.relations] == [("T0", "T1"), ("T1", "T0")]


def test_an_order_that_changes_is_an_error_where_errors_are_skipped(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("a\t@PLACE$ of @PERSON$\tin\nb\t@PERSON$ in @PLACE$\tin\n")
    with pytest.raises(DataError, match="which argument is the head"):
        list(get_format("blinded").read(path, Reading(error_handler("skip"))))
