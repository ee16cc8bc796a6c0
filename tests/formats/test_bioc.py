"""BioC as it is in the wild: what BioRED, PubTator3 and PMC write, in XML and JSON."""

import json
import tracemalloc

import pytest

from spacy_relext.errors import DataError
from spacy_relext.formats import biocmodel, biocread, types
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.denials import without_denials
from spacy_relext.formats.identifiers import UNKNOWN
from spacy_relext.formats.offsets import BEYOND
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import DENIED_UNPAIRED, AnnotatedRelation, Document, Mention
from tests.formats.test_ddi import raise_it


def annotation(offset, text, name="0", **infons):
    return {"id": name, "infons": {"type": "X", **infons}, "text": text, "locations": [{"offset": offset, "length": len(text)}]}


def passage(offset, text, *annotations, **more):
    return {"offset": offset, "text": text, "annotations": list(annotations), **more}


def relation(*refs, name="R0", role="x", **infons):
    return {"id": name, "infons": infons, "nodes": [{"refid": ref, "role": role} for ref in refs]}


def document(*passages, relations=(), name="1"):
    return {"id": name, "passages": list(passages), "relations": list(relations)}


def read(value, folder):
    file = folder / "a.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf8")
    return list(get_format("biocjson").read(file, Reading(raise_it)))


def read_one(*passages, relations=(), folder):
    [found] = read(document(*passages, relations=relations), folder)
    return found


PUBTATOR3 = document(
    passage(0, "BRAF and melanoma.", annotation(0, "BRAF", identifier="673"), annotation(9, "melanoma", "2", identifier="MESH:D1")),
    passage(19, "BRAF again.", annotation(19, "BRAF", "3", identifier="673", normalized=[673], valid=True, accession=None)),
    relations=[
        {
            "id": "R1",
            "infons": {
                "score": "0.9995",
                "role1": {"identifier": "673", "type": "Gene", "normalized": ["673"]},
                "role2": {"identifier": "MESH:D1", "type": "Disease"},
                "type": "Association",
            },
            "nodes": [{"refid": "0", "role": "0,1"}],
        }
    ],
)


@pytest.mark.parametrize("shape", ["documents", "PubTator3", "lists", "lines", "document", "mark"])
def test_shapes_of_files(shape, tmp_path):
    other = PUBTATOR3 | {"id": 2}
    value = {
        "documents": {"source": "", "documents": [PUBTATOR3, other]},
        "PubTator3": {"PubTator3": [PUBTATOR3, other]},
        "lists": [{"documents": [PUBTATOR3]}, {"documents": [other]}],
        "lines": f"{json.dumps(PUBTATOR3)}\n\n{json.dumps(other)}\n",
        "document": PUBTATOR3,
        "mark": f"\ufeff{json.dumps([PUBTATOR3, other])}",
    }[shape]
    found = read(value, tmp_path)
    assert [d.id for d in found] == ["1", "2"][: 1 if shape == "document" else 2]
    for one in found:
        assert [m.kb_id for m in one.mentions] == ["673", "MESH:D1", "673"]
        assert one.concept_relations == [AnnotatedRelation("673", "MESH:D1", "Association", 0.9995)]


def test_roles_of_pubtator3_in_xml(tmp_path):
    file = tmp_path / "a.xml"
    file.write_text(
        "<collection><document><id>1</id><passage><offset>0</offset><text>A b</text>"
        '<annotation id="1"><infon key="type">Gene</infon><infon key="identifier">673</infon><location offset="0" length="1"/></annotation>'
        '<annotation id="1"><infon key="type">X</infon><infon key="identifier">MESH:D1</infon><location offset="2" length="1"/>'
        '</annotation></passage><relation id="R1"><infon key="role2">MESH:D1|Disease</infon>'
        '<infon key="role1">Gene|673</infon><infon key="type">R</infon></relation></document></collection>',
        encoding="utf8",
    )
    [found] = get_format("biocxml").read(file, Reading(raise_it))
    assert [m.id for m in found.mentions] == ["1", "1.2"]
    assert found.concept_relations == [AnnotatedRelation("673", "MESH:D1", "R")]


def test_novelty_denial_and_speculation(tmp_path):
    said = [
        {"type": "A", "entity1": "C1", "entity2": "D1", "novel": "Novel"},
        {"type": "B", "entity2": "C1", "entity1": "D1", "novel": "No"},
        {"type": "C", "entity1": "C1", "entity2": "D1", "negation": "true"},
    ]
    relations = [relation(name=f"C{i}", **infons) for i, infons in enumerate(said)]
    relations += [relation("0", "1", type="D", speculation="True"), relation("0", "1", type="E", negated="yes")]
    one = passage(0, "Tea, pain", annotation(0, "Tea", identifier="C1"), annotation(5, "pain", "1", identifier="D1"))
    found = read_one(one, relations=relations, folder=tmp_path)
    assert found.concept_relations == [AnnotatedRelation("C1", "D1", "A", attributes=("novel",)), AnnotatedRelation("D1", "C1", "B")]
    assert found.relations == [AnnotatedRelation("0", "1", "D", attributes=("speculated",))]
    found = without_denials(found)
    assert sorted((r.head, r.tail, r.label) for r in found.denied) == [("0", "1", "C"), ("0", "1", "E")]
    for name in ("biocxml", "biocjson"):
        assert not +get_format(name).write([found], tmp_path / "out")
        [back] = get_format(name).read(tmp_path / "out", Reading(raise_it))
        assert (back.concept_relations, back.relations) == (found.concept_relations, found.relations)
        assert sorted(r.label for r in back.denied) == ["C", "E"]


def test_what_cannot_be_held_is_left_out_and_the_document_stays(tmp_path):
    one = passage(
        0,
        "Tea, pain",
        annotation(0, "Tea", identifier="C1"),
        annotation(5, "pain", "1"),
        annotation(30, "gone", "2"),
        {"id": "3", "infons": {}, "text": "Tea", "locations": [{"offset": 0, "length": 3}]},
    )
    relations = [
        relation("0", "1", type="KEPT"),
        relation("0", "KEPT", type="R"),
        relation("0", "R0", type="R"),
        relation("0", "1", "0", type="R"),
        relation("0", "1"),
        relation("2", "1", type="R"),
        relation(entity1="C1", entity2="C9", type="R"),
    ]
    found = read_one(one, relations=relations, folder=tmp_path)
    assert found.relations == [AnnotatedRelation("0", "1", "KEPT")]
    assert +found.unsupported == {
        BEYOND: 1,
        biocread.UNTYPED: 1,
        biocread.RELATED: 1,
        biocread.UNKNOWN: 2,
        biocread.N_ARY: 1,
        biocread.UNNAMED: 1,
        UNKNOWN: 1,
    }


TEXTS = ("T\u00e9a \U0001f375 one.", "No milk.")


@pytest.mark.parametrize(
    ("offsets", "name"),
    [
        ((0, 11, 6, 14), ""),
        ((0, 12, 7, 15), "documents whose offsets count UTF-16 units"),
        ((0, 15, 10, 18), "documents whose offsets count bytes"),
        ((0, 11, 6, 3), biocread.FROM_PASSAGE),
        ((0, 0, 6, 3), biocread.FOLLOWING),
        ((0, 0, 6, 14), biocread.FOLLOWING),
    ],
)
def test_offsets_that_count_otherwise(offsets, name, tmp_path):
    first, second, one, milk = offsets
    found = read_one(passage(first, TEXTS[0], annotation(one, "one")), passage(second, TEXTS[1], annotation(milk, "milk")), folder=tmp_path)
    assert found.text == " ".join(TEXTS)
    assert [(m.start, m.end) for m in found.mentions] == [(6, 9), (14, 18)]
    assert +found.unsupported == ({name: 1} if name else {})


def test_two_readings_that_differ_are_an_error(tmp_path):
    text = "\U0001f375bcb"
    with pytest.raises(DataError, match=r"fit as those of 'documents whose offsets count UTF-16 units' and of .* bytes"):
        read_one(passage(0, text, annotation(4, "b")), folder=tmp_path)


def test_sentences_with_offsets_of_their_passage(tmp_path):
    sentences = [{"offset": 0, "text": "One."}, {"offset": 5, "text": "Two."}]
    first, second = (passage(offset, "One. Two.", sentences=sentences, annotations=[]) for offset in (0, 10))
    found = read_one(first, second, folder=tmp_path)
    assert found.sentences == [(0, 4), (5, 9), (10, 14), (15, 19)]


@pytest.mark.parametrize("name", ["biocxml", "biocjson", "pubtator"])
def test_identifiers_with_separators_survive(name, tmp_path):
    kb_ids = ["c|DEL|12_14|", "x\\|y|D1", "a,b;c", "p|SUB|R|12|H", "-", "c\\|DEL\\|1\\||D1"]
    mentions = [Mention(f"T{i}", 2 * i, 2 * i + 1, "X", kb_id) for i, kb_id in enumerate(kb_ids, start=1)]
    related = [AnnotatedRelation("x|y", "a,b;c", "R", attributes=("novel",)), AnnotatedRelation("D1", "p|SUB|R|12|H", "S")]
    given = Document("1", "- a b c d e f", mentions, concept_relations=related)
    assert not +get_format(name).write([given], tmp_path / "out")
    [back] = get_format(name).read(tmp_path / "out", Reading(raise_it))
    assert [m.kb_id for m in back.mentions] == [*kb_ids[:4], "", kb_ids[5]]
    assert back.concept_relations == related
    assert not +back.unsupported


def test_concepts_in_both_directions_of_one_label(tmp_path):
    mentions = [Mention("T1", 0, 1, "Gene", "1"), Mention("T2", 2, 3, "Disease", "2")]
    related = [AnnotatedRelation("1", "2", "R"), AnnotatedRelation("2", "1", "R")]
    get_format("biocjson").write([Document("1", "a b", mentions, concept_relations=related)], tmp_path / "out")
    [back] = get_format("biocjson").read(tmp_path / "out", Reading(raise_it))
    assert back.concept_relations == related
    assert not +biocmodel.count_unsupported(back)


def test_denied_relation_of_one_place_is_counted(tmp_path):
    one = passage(0, "BRAF again.", annotation(0, "BRAF", identifier="673|5290"))
    [found] = read(document(one, relations=[relation(type="B", entity1="673", entity2="5290", negation="true")]), tmp_path)
    found = without_denials(found)
    assert (found.concept_relations, found.denied, found.unsupported[DENIED_UNPAIRED]) == ([], [], 1)


def test_a_collection_is_not_held(tmp_path):
    one = document(passage(0, "BRAF " * 5_000, annotation(0, "BRAF")))
    file = tmp_path / "a.json"
    with file.open("w") as opened:
        opened.write('{"source": "x", "infons": {}, "PubTator3": {"documents": [')
        opened.writelines(json.dumps({**one, "id": str(i)}) + (",\n" if i < 399 else "]}}") for i in range(400))
    tracemalloc.start()
    try:
        found = [(d.id, d.line) for d in get_format("biocjson").read(file, Reading(raise_it))]
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == [(str(i), i + 1) for i in range(400)]
    assert most < file.stat().st_size


def test_a_line_that_is_no_json_is_an_error_of_it_alone(tmp_path):
    lines = [json.dumps(document(passage(0, "BRAF."), name=str(number))) for number in range(1, 6)]
    lines[0], lines[2] = lines[0][:-9], lines[2][:-1]
    (tmp_path / "a.json").write_text("\n".join(lines))
    errors = []
    found = list(get_format("biocjson").read(tmp_path / "a.json", Reading(errors.append)))
    assert [(d.id, d.line) for d in found] == [("2", 2), ("4", 4), ("5", 5)]
    assert [error.line for error in errors] == [1, 3]


@pytest.mark.parametrize("value", [[1, PUBTATOR3, {"x": []}], {"all": [PUBTATOR3, [], {"authors": ["A"]}]}])
def test_what_is_no_document_in_a_list_is_left_out_alone(value, tmp_path):
    file, errors = tmp_path / "a.json", []
    file.write_text(json.dumps(value, indent=1))
    assert [d.id for d in get_format("biocjson").read(file, Reading(errors.append))] == ["1"]
    assert len(errors) == 2
    assert all("in a list, and saw something else" in str(error) and error.line for error in errors)


@pytest.mark.parametrize("value", [3, [[]], {"authors": [{"name": "A"}]}, {"a": [PUBTATOR3], "b": [PUBTATOR3 | {"id": "2"}]}])
def test_what_has_no_documents_is_an_error(value, tmp_path):
    with pytest.raises(DataError, match="expected a collection"):
        read(value, tmp_path)


def test_errors_name_the_number_of_the_document(tmp_path):
    with pytest.raises(DataError, match="Expected ids that differ") as caught:
        read([document(passage(0, "Tea."), name=name) for name in "121"], tmp_path)
    assert "document '1' (number 3 of the file): a document with this id" in str(caught.value)
    assert "a.json:1 (number 1 of the file) already" in str(caught.value)
    with pytest.raises(DataError, match=r"document '1' has .*, half of a surrogate pair"):
        read(document(passage(0, "Tea \ud83d")), tmp_path)


@pytest.mark.parametrize("value", [[], {"PubTator3": []}, {"answer": {"PubTator3": []}}])
def test_an_empty_answer_has_no_document(value, tmp_path):
    with pytest.raises(DataError, match=r"a\.json:1: there is no document in it, but an empty list"):
        read(value, tmp_path)


@pytest.mark.parametrize(("first", "second"), [(100, 120), (0, 30), (7, 18)])
def test_offsets_of_passages_that_stand_apart(first, second, tmp_path):
    passages = [passage(first, "Tea helps.", annotation(0, "Tea")), passage(second, "Pain and tea.", annotation(9, "tea", "1"))]
    found = read_one(*passages, folder=tmp_path)
    assert [found.text[m.start : m.end] for m in found.mentions] == ["Tea", "tea"]
    assert found.unsupported[biocread.FROM_PASSAGE] == 1


def test_what_has_no_id_gets_one(tmp_path):
    mentions = [annotation(0, "BRAF"), annotation(9, "melanoma", "1")]
    del mentions[0]["id"]
    one = document(passage(0, "BRAF and melanoma.", *mentions, dict(mentions[0])), relations=[relation("", "1", type="A")])
    two, three = document(passage(0, "Tea."), name=None), document(passage(0, "Tea."), name="")
    del one["id"]
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.json").write_text(json.dumps([one, two, three]))
    found = list(get_format("biocjson").read(tmp_path, Reading(raise_it)))
    assert [made.id for made in found] == ["sub/a-1", "sub/a-2", "sub/a-3"]
    assert [m.id for m in found[0].mentions] == ["unnamed", "1", "unnamed.2"]
    assert +found[0].unsupported == {biocread.WITHOUT_ID: 1, types.UNKNOWN: 1}
    mention = "<annotation><infon key='type'>X</infon><location offset='0' length='3'/><text>Tea</text></annotation>"
    text = f"<passage><offset>0</offset><text>Tea.</text>{mention}</passage>"
    relations = "<relation id='r'><infon key='type'>A</infon><node refid='9'/><node refid=''/></relation>"
    (tmp_path / "b.xml").write_text(f"<collection><document>{text}{relations}</document><document><id/>{text}</document></collection>")
    found = list(get_format("biocxml").read(tmp_path / "b.xml", Reading(raise_it)))
    assert [(made.id, len(made.mentions)) for made in found] == [("b-1", 1), ("b-2", 1)]
    assert +found[0].unsupported == {biocread.WITHOUT_ID: 1, types.UNKNOWN: 1}
    assert found[0].examples[biocread.WITHOUT_ID] == f"{tmp_path / 'b.xml'}:1"


def test_offsets_of_passages_may_count_composed_letters(tmp_path):
    [found] = read(document(passage(0, "Cafe\u0301."), passage(6, "The\u0301 and tea.", annotation(14, "tea"))), tmp_path)
    [mention] = found.mentions
    assert found.text[mention.start : mention.end] == "tea"
    assert found.unsupported["documents whose offsets count characters of composed letters (NFC)"] == 1


@pytest.mark.parametrize("infon", ["1999", "007", "1e5", "NaN", "[1, 2]", "[1,2]", '"x"', '"12"', "", "J. Tea", "null", "9" * 5000])
def test_infons_of_documents_are_metadata_and_come_back_as_they_were(infon, tmp_path):
    value = {**document(passage(0, "Tea")), "infons": {"a": infon}}
    [found] = read({"documents": [value]}, tmp_path)
    assert not +found.unsupported
    get_format("biocxml").write([found], tmp_path / "a.xml")
    [back] = get_format("biocxml").read(tmp_path / "a.xml", Reading(raise_it))
    assert back.meta == found.meta == {"a": {"1999": 1999, "[1, 2]": [1, 2], '"12"': "12", "null": None}.get(infon, infon)}
