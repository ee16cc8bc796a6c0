"""Identifiers of concepts as files write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_relext.concepts import NO_CONCEPTS
from spacy_relext.formats.identifiers import FURTHER, OTHERWISE, SEVERAL, TOLD, UNKNOWN, Stated, parse_field, settle, to_field
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention

SOME = st.lists(st.text("|\\,;:#abcDEL1 ", min_size=1).map(str.strip).filter(lambda one: one not in NO_CONCEPTS), unique=True, max_size=4)


@given(SOME.filter(lambda found: not any(one.startswith(("HGVS:", "RS#:")) for one in found)))
def test_a_field_is_read_as_it_was_written(found):
    assert parse_field(to_field(found)) == [(one,) for one in found]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("10,11", ["10", "11"]),
        ("2706;10804", ["2706", "10804"]),
        ("D01|D02", ["D01", "D02"]),
        ("c|DEL|12_14|", ["c|DEL|12_14|"]),
        ("c|DEL|12_14|,D01", ["c|DEL|12_14|", "D01"]),
        ("c|SUB|A|1,2|G, rs1", ["c|SUB|A|1,2|G", "rs1"]),
        ("D01|p|SUB|R|12|H", ["D01", "p|SUB|R|12|H"]),
        ("MESH:D1; OMIM:1", ["MESH:D1", "OMIM:1"]),
        ("-", []),
        ("D1,-", ["D1"]),
        ("http://dbpedia.org/resource/Paris,_Texas", ["http://dbpedia.org/resource/Paris,_Texas"]),
        ("http://a.org/x,_y; https://b.org/1|http://a.org/z", ["http://a.org/x,_y", "https://b.org/1", "http://a.org/z"]),
    ],
)
def test_fields_of_files(field, expected):
    assert parse_field(field) == [(one,) for one in expected]


def settled(fields, ends):
    document = Document("d", "x" * 9, [Mention(f"T{i}", i, i + 1, "X") for i in range(len(fields))], source="a.txt")
    found, _ = settle(document, fields, [Stated(AnnotatedRelation(head, tail, "R"), i) for i, (head, tail) in enumerate(ends, start=1)])
    return [mention.kb_id for mention in document.mentions], [(r.head, r.tail) for r in found], +document.unsupported, document.examples


def test_relations_resolve_identifiers():
    assert settled(["1,2", "c|DEL|1_2|"], [("2", "c|DEL|1_2|")])[:3] == (["1|2", "c|DEL|1_2|"], [("2", "c|DEL|1_2|")], {})
    # What a relation names as a whole is one.
    assert settled(["x|y,z", "1"], [("x|y", "1"), ("z", "1")])[:3] == (["x\\|y|z", "1"], [("x|y", "1"), ("z", "1")], {TOLD: 1})
    # Where its parts are concepts by themselves, it is several.
    assert settled(["1;2", "1", "3"], [("1;2", "3")])[:3] == (["1|2", "1", "3"], [("1", "3"), ("2", "3")], {SEVERAL: 1})
    assert settled(["1", "-"], [("1", "1"), ("1", "5"), ("-", "1")])[1:] == ([("1", "1")], {UNKNOWN: 2}, {UNKNOWN: "a.txt:2"})


def test_concepts_are_found_however_relations_write_them():
    ends = [("Gene|673", "MESH:D1"), ("D1", "673|Gene"), ("MESH:D1|Disease", "OMIM:D1")]
    assert settled(["673", "MESH:D1"], ends)[1:3] == ([("673", "MESH:D1"), ("MESH:D1", "673")], {OTHERWISE: 3, UNKNOWN: 1})


def test_names_of_a_variant_are_one_concept():
    variant = "tmVar:c|DEL|35|G;HGVS:c.35delG;VariantGroup:0;CorrespondingGene:2706;RS#:80338939"
    kb_ids, found, counts, _ = settled(
        [variant, "HGVS:c.35delG;CorrespondingGene:2706", "D1", "2706"], [("RS#:80338939;HGVS:c.35delG;CorrespondingGene:2706", "D1")]
    )
    assert kb_ids == ["RS#:80338939", "RS#:80338939", "D1", "2706"]
    assert found == [("RS#:80338939", "D1")]
    assert counts == {FURTHER: 5, OTHERWISE: 1}


VARIANT = "tmVar:p|SUB|V|600|E;HGVS:p.V600E;VariantGroup:0;CorrespondingGene:673;RS#:113488022;CorrespondingSpecies:9606;CA#:CA123643"
BARE = ["p|SUB|V|600|E", "p.V600E", "113488022", "rs113488022", "CA123643", "123643"]
KEYED = ["tmVar:p|SUB|V|600|E", "HGVS:p.V600E", "RS#:113488022", "RS#:rs113488022", "CA#:CA123643", "CA#:123643"]


@pytest.mark.parametrize("name", [*BARE, *KEYED, "SequenceVariant|p.V600E", "rs113488022|SequenceVariant"])
def test_a_relation_finds_a_variant_by_each_of_its_names(name):
    kb_ids, found, counts, _ = settled([VARIANT, "D1", "673", "9606"], [(name, "D1")])
    assert kb_ids == ["RS#:113488022", "D1", "673", "9606"]
    assert found == [("RS#:113488022", "D1")]
    assert counts == {FURTHER: 6} | ({} if name == "RS#:113488022" else {OTHERWISE: 1})


def test_gene_species_and_group_are_no_names_of_a_variant():
    ends = [("673", "D1"), ("9606", "D1"), ("0", "D1"), ("CorrespondingGene:673", "D1")]
    assert settled([VARIANT, "D1", "673"], ends)[1:3] == ([("673", "D1")], {FURTHER: 6, UNKNOWN: 3})
    assert settled([VARIANT, "D1"], ends)[1] == []


def test_a_name_that_two_variants_have_finds_neither():
    other = "tmVar:p|SUB|V|600|E;HGVS:p.V600E;CorrespondingGene:1;RS#:5"
    fields, ends = [VARIANT, other, "D1"], [("p.V600E", "D1"), ("p|SUB|V|600|E", "D1"), ("rs5", "D1")]
    assert settled(fields, ends)[1:3] == ([("RS#:5", "D1")], {FURTHER: 9, OTHERWISE: 1, UNKNOWN: 2})


@pytest.mark.parametrize(("field", "name"), [("rs113488022", "RS#:113488022"), ("p|SUB|V|600|E", VARIANT), ("rs113488022", VARIANT)])
def test_a_mention_may_have_the_bare_name(field, name):
    assert settled([field, "D1"], [(name, "D1")])[:2] == ([field, "D1"], [(field, "D1")])


def test_the_number_of_a_gene_is_no_rs_number():
    ends = [("rs113488022", "D1"), ("RS#:113488022", "D1"), ("CA#:CA113488022", "D1")]
    assert settled(["113488022", "D1"], ends)[2] == {UNKNOWN: 3}
