"""Triples as RDF: Turtle, or by the file's ending N-Triples (`.nt`), Notation3 (`.n3`) or JSON-LD (`.jsonld`). Only written.

    <…/concept/D002927> <…/relation/MECHANISM> <…/entity/CHEMICAL/warfarin> .

    [] a rdf:Statement ;
        rdf:subject <…/concept/D002927> ; rdf:predicate <…/relation/MECHANISM> ; rdf:object <…/entity/CHEMICAL/warfarin> ;
        itsrdf:taConfidence 9.1e-01 ;
        dcterms:source <…/document/case-7> ;
        prov:wasDerivedFrom <…/document/case-7#char=0,10>, <…/document/case-7#char=18,26> .

    <…/document/case-7#char=0,10> a nif:Phrase ;
        nif:anchorOf "Cimetidine" ; nif:beginIndex 0 ; nif:endIndex 10 ;
        nif:referenceContext <…/document/case-7> ; itsrdf:taIdentRef <…/concept/D002927> .

    <…/concept/D002927> a <…/type/CHEMICAL> ; rdfs:label "Cimetidine" .

So the relation itself is one triple. Each time that it was found is a reified statement with score, document and mentions (NIF 2.1, offsets
in characters; ITS RDF; PROV-O). A relation between concepts (triples.py) has no mentions. Entities are those of graphml.py. Relations and
types have their names as rdfs:label, documents their ids as dcterms:identifier.

IRIs are made of a base, which is `BASE` unless `write` is given another (`relext export rdf --base-iri`), and of identifiers, types, names
and labels with all but letters, digits, and _.-~ percent-encoded. An identifier that is an http(s) IRI itself is taken as it is.

It needs rdflib (the extra `formats`). N-Triples are written document by document; the others need memory for the graph. Texts, sentences
and mentions in no relation are not held, which is counted. Ids of documents must differ.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from spacy_relext.concepts import keys
from spacy_relext.errors import RelextError
from spacy_relext.extras import extra
from spacy_relext.formats.files import whole_path
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.triples import End, Entity, entities, one_line, prepared, triples
from spacy_relext.formats.types import Document

SYNTAXES = {"": "turtle", ".ttl": "turtle", ".nt": "nt", ".n3": "n3", ".jsonld": "json-ld"}
BASE = "https://example.org/relext/"
WEB_IRI = re.compile(r"https?:[^\x00-\x20<>\"{}|\\^`]+")
IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`]+")
NIF = "http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#"
ITS = "http://www.w3.org/2005/11/its/rdf#"


def write(documents: Iterable[Document], path: Path, *, base_iri: str = BASE) -> Counter[str]:
    """Write a file.

    base_iri: What the IRIs begin with.
    RETURNS: What the format cannot hold, counted.
    RAISES: RelextError for a base that is no IRI, and another ending of the file; DataError where two documents have one id.
    """
    if not IRI.fullmatch(base_iri):
        raise RelextError(f"the base IRI is {base_iri!r}; expected one such as {BASE}, without spaces, quotes and brackets.")
    syntax = SYNTAXES.get(path.suffix.lower())
    if syntax is None:
        raise RelextError(f"the output is {path}; expected a file that ends in one of: {', '.join(filter(None, SYNTAXES))}.")
    rdflib = extra("rdflib")
    lost: Counter[str] = Counter()
    builder = _Builder(base_iri)

    unsupported = "whole texts", "sentences", "documents without relations", "mentions in no relation"

    def graphs() -> Iterator[Any]:
        for document in distinct(prepared(documents, lost, *unsupported)):
            graph = rdflib.Graph(bind_namespaces="none")
            for statement in builder.statements(document, lost):
                graph.add(statement)
            yield graph

    with whole_path(path) as partial, partial.open("wb") as file:
        if syntax == "nt":
            for graph in graphs():
                # Graphs are sets; sorted, the same documents make the same file.
                file.writelines(sorted(graph.serialize(format="nt", encoding="utf-8").splitlines(keepends=True)))
        else:
            whole = rdflib.Graph(bind_namespaces="none")
            for prefix, namespace in builder.prefixes.items():
                whole.bind(prefix, namespace)
            for graph in graphs():
                whole += graph
            whole.serialize(file, format=syntax, encoding="utf-8")
    return lost


class _Builder:
    """Makes RDF statements. base: What IRIs begin with."""

    def __init__(self, base: str):
        self.rdflib = extra("rdflib")
        self.base = base
        self.numbers = count()
        # Those of our own, where they are not empty, make Turtle shorter.
        self.prefixes = {name: f"{base}{name}/" for name in ("concept", "document", "entity", "relation", "type")}
        self.prefixes |= {"nif": NIF, "itsrdf": ITS, "prov": self.rdflib.PROV, "dcterms": self.rdflib.DCTERMS}
        self.prefixes |= {"rdf": self.rdflib.RDF, "rdfs": self.rdflib.RDFS, "xsd": self.rdflib.XSD}

    def iri(self, *parts: str) -> Any:
        """An IRI of ours: the base, and parts of a path."""
        return self.rdflib.URIRef(self.base + "/".join(quote(part, safe="") for part in parts))

    def of_entity(self, entity: Entity) -> Any:
        """The IRI of an entity."""
        if WEB_IRI.fullmatch(entity.concept):
            return self.rdflib.URIRef(entity.concept)
        return self.iri("concept", entity.concept) if entity.concept else self.iri("entity", entity.type, entity.name)

    def statements(self, document: Document, lost: Counter[str]) -> Iterator[tuple[Any, Any, Any]]:
        """What is said of the relations of a document."""
        r = self.rdflib
        place = self.iri("document", document.id)
        for triple in triples(document, lost):
            yield place, r.DCTERMS.identifier, r.Literal(document.id)
            relation = self.iri("relation", triple.label)
            yield relation, r.RDFS.label, r.Literal(triple.label)
            mentions = []
            for end in (triple.head, triple.tail):
                yield from self.of_entities(end)
                if end.start is not None:
                    mention = r.URIRef(f"{place}#char={end.start},{end.end}")
                    mentions.append(mention)
                    yield from self.of_mention(mention, end, place)
            for head, tail, _ in keys(entities(triple.head), entities(triple.tail), triple.label):
                ends = self.of_entity(head), self.of_entity(tail)
                yield ends[0], relation, ends[1]
                node = r.BNode(f"r{next(self.numbers)}")
                yield node, r.RDF.type, r.RDF.Statement
                yield node, r.RDF.subject, ends[0]
                yield node, r.RDF.predicate, relation
                yield node, r.RDF.object, ends[1]
                yield node, r.URIRef(ITS + "taConfidence"), r.Literal(triple.score)
                yield node, r.DCTERMS.source, place
                for mention in mentions:
                    yield node, r.PROV.wasDerivedFrom, mention

    def of_entities(self, end: End) -> Iterator[tuple[Any, Any, Any]]:
        """What the entities of a mention are called, and of which type they are."""
        r = self.rdflib
        for entity in entities(end):
            yield self.of_entity(entity), r.RDFS.label, r.Literal(one_line(end.text))
            if end.type:
                yield self.of_entity(entity), r.RDF.type, self.iri("type", end.type)
                yield self.iri("type", end.type), r.RDFS.label, r.Literal(end.type)

    def of_mention(self, mention: Any, end: End, document: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Where a mention stands."""
        r = self.rdflib
        nif = r.Namespace(NIF)
        yield mention, r.RDF.type, nif.Phrase
        yield mention, nif.referenceContext, document
        yield mention, nif.anchorOf, r.Literal(end.text)
        yield mention, nif.beginIndex, r.Literal(end.start, datatype=r.XSD.nonNegativeInteger)
        yield mention, nif.endIndex, r.Literal(end.end, datatype=r.XSD.nonNegativeInteger)
        for entity in entities(end):
            yield mention, r.URIRef(ITS + "taIdentRef"), self.of_entity(entity)
