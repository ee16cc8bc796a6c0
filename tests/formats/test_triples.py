"""csv, parquet, graphml and rdf: what is written is read back with the libraries that users have."""

import csv
import sys
from collections import Counter

import networkx
import pytest
import rdflib
from pyarrow import parquet
from rdflib import RDF, RDFS, Literal, URIRef

from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats import graphml, rdf, rowgroups
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.delimited import COLUMNS
from spacy_relext.formats.triples import SAID
from spacy_relext.formats.types import RAW_SCORES, AnnotatedRelation, Document, Mention

#         0         1          2         3         4
#         0123456789012345678901 2345678901234567890123456
FIRST = 'Teal "acid", or\tT;A\r, \nhelps 💊 pain. TEAL "Acid" ends.'
DOCUMENTS = [
    Document(
        "a/1",
        FIRST,
        [
            Mention("T1", 0, 11, "ACID"),
            Mention("T2", 16, 20, "A&B <c>", "C1|C2"),
            Mention("T3", 31, 35, "PAIN", "https://kb.example/P?x=1#2"),
            Mention("T4", 37, 48, "ACID"),
            Mention("T5", 49, 53, "OTHER", "C3"),
        ],
        [
            AnnotatedRelation("T1", "T3", "CPR:3", 0.25),
            AnnotatedRelation("T2", "T3", "helps «it»"),
            AnnotatedRelation("T4", "T3", "CPR:3", 0.75, raw_score=0.875),
        ],
        [(0, 36), (37, 54)],
    ),
    # Its first relation between concepts is said of mentions too; of the second, C4 is called "x" first.
    Document(
        "b",
        "x, y, x y",
        [Mention("1", 0, 1, "X", "C4"), Mention("2", 3, 4, "Y", "C1"), Mention("3", 6, 9, "X", "C4")],
        [AnnotatedRelation("3", "2", "R")],
        concept_relations=[AnnotatedRelation("C4", "C1", "R"), AnnotatedRelation("C1", "C4", "S", 0.5)],
    ),
    Document("", "No relation.", [Mention("1", 3, 11, "X")], []),
    Document("not annotated", "x", [Mention("1", 0, 1, "X")]),
    Document("empty", ""),
]
T1, T4 = ('Teal "acid"', "ACID", 0, 11, None), ('TEAL "Acid"', "ACID", 37, 48, None)
T2 = ("T;A\r", "A&B <c>", 16, 20, "C1|C2")
T3 = ("pain", "PAIN", 31, 35, "https://kb.example/P?x=1#2")
ROWS = [
    ("a/1", *T1, "CPR:3", *T3, 0.25, 0.25, 0, FIRST[:36]),
    ("a/1", *T2, "helps «it»", *T3, 1.0, 1.0, 0, FIRST[:36]),
    ("a/1", *T4, "CPR:3", *T3, 0.75, 0.875, 0, FIRST),
    ("b", "x y", "X", 6, 9, "C4", "R", "y", "Y", 3, 4, "C1", 1.0, 1.0, None, None),
    ("b", "y", "Y", None, None, "C1", "S", "x", "X", None, None, "C4", 0.5, 0.5, None, None),
]
LOST = {"whole texts": 4, "documents without relations": 3, "mentions in no relation": 4, SAID: 1}


def check_offsets():
    """The invented offsets above are right."""
    for text, _, start, end, _ in (T1, T2, T3, T4):
        assert FIRST[start:end] == text


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t")])
def test_rows_of_text(name, delimiter, tmp_path):
    check_offsets()
    lost = get_format("csv").write(iter(DOCUMENTS), tmp_path / name)
    assert +lost == LOST
    with (tmp_path / name).open(encoding="utf8", newline="") as file:
        rows = list(csv.reader(file, delimiter=delimiter))
    assert rows[0] == list(COLUMNS)
    assert rows[1:] == [["" if value is None else str(value) for value in row] for row in ROWS]


def test_rows_of_parquet_have_types_and_nulls(tmp_path):
    assert +get_format("parquet").write(iter(DOCUMENTS), tmp_path / "a.parquet") == LOST
    table = parquet.read_table(tmp_path / "a.parquet")
    assert {name: str(table.schema.field(name).type) for name in ("head", "tail_start", "score")} == {
        "head": "string",
        "tail_start": "int64",
        "score": "double",
    }
    assert [tuple(row[column] for column in COLUMNS) for row in table.to_pylist()] == ROWS


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_tables_are_written_while_documents_come(name, tmp_path, monkeypatch):
    """Only so much is held: when the last group is asked for, the ones before it are in the file."""
    size = 2_000
    monkeypatch.setattr(rowgroups, "GROUP", size)
    mentions = [Mention("1", 0, 1, "X"), Mention("2", 2, 3, "X")]
    sizes = []

    def documents():
        for i in range(2 * size + 1):
            if i == 2 * size:
                sizes.append(next(tmp_path.glob(f".relext-*/a.{name}")).stat().st_size)
            yield Document(f"{i} {i * 7919 % 104729}", "a b", mentions, [AnnotatedRelation("1", "2", "R")])

    path = tmp_path / f"a.{name}"
    get_format(name).write(documents(), path)
    assert sizes[0] > path.stat().st_size / 3
    if name == "parquet":
        groups = parquet.ParquetFile(path).metadata
        assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [size, size, 1]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.graphml", "a.ttl", "a.nt", "a.jsonld"])
def test_nothing_to_write_and_errors_on_the_way(name, tmp_path):
    module = get_format({"ttl": "rdf", "nt": "rdf", "jsonld": "rdf"}.get(name[2:], name[2:]))
    assert not +module.write([], tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    before = (tmp_path / name).read_bytes()
    broken = Document("broken", "x", [Mention("1", 0, 1, "X")], [AnnotatedRelation("1", "2", "R")])
    with pytest.raises(DataError, match="document 'broken': a relation 'R' refers to the mention '2'"):
        module.write([DOCUMENTS[0], broken], tmp_path / name)
    unknown = Document("unknown", "x", [Mention("1", 0, 1, "X", "C")], concept_relations=[AnnotatedRelation("C", "D", "R")])
    with pytest.raises(DataError, match="document 'unknown': a relation 'R' refers to the concept 'D'"):
        module.write([unknown], tmp_path / name)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {name: before}


@pytest.mark.parametrize("name", ["parquet", "graphml", "rdf"])
def test_missing_library_names_the_extra(name, tmp_path, monkeypatch):
    library = {"parquet": "pyarrow", "graphml": "networkx", "rdf": "rdflib"}[name]
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(RelextError, match=rf'{library} cannot be imported .* pip install -e "\.\[formats\]"'):
        get_format(name).write(DOCUMENTS, tmp_path / f"a.{'ttl' if name == 'rdf' else name}")
    assert not list(tmp_path.iterdir())


# The graph

NODES = {
    'ACID|teal "acid"': {"label": 'Teal "acid"', "type": "ACID", "kb_id": "", "documents": 1},
    "https://kb.example/P?x=1#2": {"label": "pain", "type": "PAIN", "kb_id": "https://kb.example/P?x=1#2", "documents": 1},
    "C1": {"label": "y", "type": "Y", "kb_id": "C1", "documents": 2},
    "C2": {"label": "T;A", "type": "A&B <c>", "kb_id": "C2", "documents": 1},
    "C4": {"label": "x y", "type": "X", "kb_id": "C4", "documents": 1},
}


def edge(label, weight, most, mean, *documents):
    values = {"label": label, "weight": weight, "max_score": most, "mean_score": mean}
    return {**values, "documents": len(documents), "document_ids": "|".join(documents)}


EDGES = {
    ('ACID|teal "acid"', "https://kb.example/P?x=1#2", "CPR:3"): edge("CPR:3", 2, 0.75, 0.5, "a/1"),
    ("C1", "https://kb.example/P?x=1#2", "helps «it»"): edge("helps «it»", 1, 1.0, 1.0, "a/1"),
    ("C2", "https://kb.example/P?x=1#2", "helps «it»"): edge("helps «it»", 1, 1.0, 1.0, "a/1"),
    ("C4", "C1", "R"): edge("R", 1, 1.0, 1.0, "b"),
    ("C1", "C4", "S"): edge("S", 1, 0.5, 0.5, "b"),
}


def test_graph_of_entities():
    lost = Counter()
    graph = graphml.to_networkx(iter(DOCUMENTS), lost=lost)
    assert isinstance(graph, networkx.MultiDiGraph)
    assert dict(graph.nodes(data=True)) == NODES
    assert {(head, tail, key): values for head, tail, key, values in graph.edges(keys=True, data=True)} == EDGES
    assert +lost == {**LOST, "sentences": 2, RAW_SCORES: 1}


def test_graphml_is_read_back_with_its_types(tmp_path):
    assert +graphml.write(iter(DOCUMENTS), tmp_path / "a.graphml") == {**LOST, "sentences": 2, RAW_SCORES: 1}
    graph = networkx.read_graphml(tmp_path / "a.graphml", force_multigraph=True)
    assert dict(graph.nodes(data=True)) == NODES
    assert {(head, tail, values["label"]): values for head, tail, values in graph.edges(data=True)} == EDGES
    # The keys are the ids of the file: edges of one id would be one edge elsewhere.
    assert {key for *_, key in graph.edges(keys=True)} == {"e0", "e1", "e2", "e3", "e4"}


def test_graph_over_documents_and_symmetric_labels():
    mentions = [Mention("1", 0, 1, "X"), Mention("2", 2, 3, "X")]
    documents = [
        Document("1", "a b", mentions, [AnnotatedRelation("1", "2", "R", 0.2)]),
        Document("2", "B A", mentions, [AnnotatedRelation("1", "2", "R", 0.4)]),
        Document("3", "b a", mentions, [AnnotatedRelation("1", "2", "R", 0.6), AnnotatedRelation("1", "2", "Q", 0.9)]),
    ]
    graph = graphml.to_networkx(documents)
    assert graph.nodes["X|b"] == {"label": "b", "type": "X", "kb_id": "", "documents": 3}
    assert graph.edges["X|b", "X|a", "R"] == edge("R", 2, 0.6, pytest.approx(0.5), "2", "3")
    assert graph.number_of_edges() == 3
    graph = graphml.to_networkx(documents, symmetric_labels=["R"])
    assert graph.edges["X|a", "X|b", "R"] == edge("R", 3, 0.6, pytest.approx(0.4), "1", "2", "3")
    assert graph.number_of_edges() == 2


def test_names_and_identifiers_are_never_taken_for_each_other():
    mentions = [Mention("1", 0, 3, "X", "X|a"), Mention("2", 4, 7, "X|a"), Mention("3", 4, 7, "X", "X")]
    graph = graphml.to_networkx([Document("1", "a|b a|b", mentions, [AnnotatedRelation("1", "2", "R"), AnnotatedRelation("3", "2", "R")])])
    assert set(graph) == {"X", "a", "X%7Ca|a|b"}


def test_graphml_refuses_what_xml_cannot_hold(tmp_path):
    mentions = [Mention("1", 0, 2, "X"), Mention("2", 3, 4, "X")]
    with pytest.raises(RelextError, match=r"XML cannot hold control characters, and 'X\|a\\x00' has some"):
        graphml.write([Document("1", "a\0 b", mentions, [AnnotatedRelation("1", "2", "R")])], tmp_path / "a.graphml")
    assert not list(tmp_path.iterdir())


# RDF


def concept(name):
    return URIRef(f"{rdf.BASE}concept/{name}")


ACID = URIRef(f"{rdf.BASE}entity/ACID/teal%20%22acid%22")
PAIN = URIRef("https://kb.example/P?x=1#2")
CPR3, HELPS = URIRef(f"{rdf.BASE}relation/CPR%3A3"), URIRef(f"{rdf.BASE}relation/helps%20%C2%ABit%C2%BB")
R, S = URIRef(f"{rdf.BASE}relation/R"), URIRef(f"{rdf.BASE}relation/S")
DIRECT = {(ACID, CPR3, PAIN), (concept("C1"), HELPS, PAIN), (concept("C2"), HELPS, PAIN), (concept("C4"), R, concept("C1")),
          (concept("C1"), S, concept("C4"))}  # fmt: skip


@pytest.mark.parametrize("name", ["a.ttl", "a.nt", "a.n3", "a.jsonld", "a"])
def test_rdf_in_every_syntax(name, tmp_path):
    assert +rdf.write(iter(DOCUMENTS), tmp_path / name) == {**LOST, "sentences": 2, RAW_SCORES: 1}
    graph = rdflib.Graph().parse(tmp_path / name, format=None if "." in name else "turtle")
    assert {triple for triple in graph if triple[1] in (CPR3, HELPS, R, S)} == DIRECT
    assert graph.value(CPR3, RDFS.label) == Literal("CPR:3")
    assert graph.value(HELPS, RDFS.label) == Literal("helps «it»")
    assert set(graph.objects(ACID, RDFS.label)) == {Literal('Teal "acid"'), Literal('TEAL "Acid"')}
    assert graph.value(graph.value(concept("C2"), RDF.type), RDFS.label) == Literal("A&B <c>")


def test_statements_have_score_document_and_mentions(tmp_path):
    rdf.write(DOCUMENTS, tmp_path / "a.ttl")
    found = rdflib.Graph().parse(tmp_path / "a.ttl").query(
        """PREFIX nif: <http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#>
        PREFIX itsrdf: <http://www.w3.org/2005/11/its/rdf#>
        SELECT ?head ?label ?tail ?score ?id (GROUP_CONCAT(?place; separator="§") AS ?places) WHERE {
          ?statement a rdf:Statement ; rdf:subject ?head ; rdf:predicate ?label ; rdf:object ?tail ; itsrdf:taConfidence ?score ;
            dcterms:source ?document . ?document dcterms:identifier ?id .
          OPTIONAL {
            ?statement prov:wasDerivedFrom ?mention . ?mention nif:referenceContext ?document ; nif:anchorOf ?text ;
              nif:beginIndex ?start ; nif:endIndex ?end ; itsrdf:taIdentRef ?entity . FILTER(?entity IN (?head, ?tail))
            BIND(CONCAT(STR(?start), "-", STR(?end), "=", ?text) AS ?place)
          }
        } GROUP BY ?statement ?head ?label ?tail ?score ?id""",
        initNs={"dcterms": rdflib.DCTERMS, "prov": rdflib.PROV},
    )  # fmt: skip
    statements = {(*row[:3], float(row.score), str(row.id), frozenset(filter(None, row.places.split("§")))) for row in found}
    pain = "31-35=pain"
    assert statements == {
        (ACID, CPR3, PAIN, 0.25, "a/1", frozenset({'0-11=Teal "acid"', pain})),
        (ACID, CPR3, PAIN, 0.75, "a/1", frozenset({'37-48=TEAL "Acid"', pain})),
        (concept("C1"), HELPS, PAIN, 1.0, "a/1", frozenset({"16-20=T;A\r", pain})),
        (concept("C2"), HELPS, PAIN, 1.0, "a/1", frozenset({"16-20=T;A\r", pain})),
        (concept("C4"), R, concept("C1"), 1.0, "b", frozenset({"6-9=x y", "3-4=y"})),
        (concept("C1"), S, concept("C4"), 0.5, "b", frozenset()),
    }


def test_ntriples_are_the_same_each_time_and_written_while_documents_come(tmp_path):
    sizes = []

    def documents():
        for document in DOCUMENTS:
            sizes.append(next(tmp_path.glob(".relext-*/a.nt")).stat().st_size)
            yield document

    mentions = [Mention("1", 0, 1, "X"), Mention("2", 2, 3, "X")]
    many = [Document(str(i), "a b", mentions, [AnnotatedRelation("1", "2", "R")]) for i in range(200)]
    rdf.write((document for part in (many, documents()) for document in part), tmp_path / "a.nt")
    assert sizes[0] > 100_000
    rdf.write([*many, *DOCUMENTS], tmp_path / "b.nt")
    assert (tmp_path / "a.nt").read_bytes() == (tmp_path / "b.nt").read_bytes()


def test_base_iri(tmp_path):
    rdf.write(DOCUMENTS[1:2], tmp_path / "a.nt", base_iri="http://my.example/kb#")
    text = (tmp_path / "a.nt").read_text(encoding="utf8")
    assert "<http://my.example/kb#concept/C4> <http://my.example/kb#relation/R> <http://my.example/kb#concept/C1> ." in text
    assert rdf.BASE not in text
    for wrong in ("", "no iri", "http://a b/", "relative/"):
        with pytest.raises(RelextError, match=r"the base IRI is .*; expected one such as https://example\.org/relext/"):
            rdf.write(DOCUMENTS, tmp_path / "b.nt", base_iri=wrong)


def test_rdf_refuses_ids_given_twice_and_unknown_endings(tmp_path):
    with pytest.raises(DataError, match="document 'b': a document before it has the same id"):
        rdf.write([DOCUMENTS[1], DOCUMENTS[1]], tmp_path / "a.ttl")
    with pytest.raises(RelextError, match=r"a\.owl; expected a file that ends in one of: \.ttl, \.nt, \.n3, \.jsonld"):
        rdf.write(DOCUMENTS, tmp_path / "a.owl")
    assert not list(tmp_path.iterdir())
