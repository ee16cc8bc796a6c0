"""Triples as one graph, for Gephi, Cytoscape and networkx: nodes are entities, edges are relations, over all documents. Only written.

An entity is a concept: all mentions with its identifier, in whatever document. Mentions without one are the same entity where they are
called the same, whatever case and white space, and are of one type. A mention of several concepts stands for each of them.

Node: the identifier, with a backslash before |, or `CHEMICAL|aspirin`. label: what it is called most often; type: what most of its mentions
are; kb_id: the identifier, empty where there is none; documents: the number of documents in which it is related.

Edge, one for a head, a tail and a label: label; weight: how many relations were found (triples.py says what is one); max_score, mean_score
of these; documents: the number of documents; document_ids: their ids, joined with |.

It needs networkx (the extra `formats`), and memory for the graph. Texts, sentences, places and mentions in no relation are not held, which
is counted (but for the places).
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from spacy_relext.concepts import SEPARATOR, escape, keys
from spacy_relext.errors import RelextError
from spacy_relext.extras import extra
from spacy_relext.formats.files import whole_path
from spacy_relext.formats.triples import Entity, entities, one_line, prepared, triples
from spacy_relext.formats.types import Document

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass
class _Node:
    names: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    documents: set[str] = field(default_factory=set)


@dataclass
class _Edge:
    weight: int = 0
    total: float = 0.0
    most: float = 0.0
    # In their order.
    documents: dict[str, None] = field(default_factory=dict)


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a GraphML file.

    RETURNS: What the format cannot hold, counted.
    """
    networkx = extra("networkx")
    lost: Counter[str] = Counter()
    graph = to_networkx(documents, lost=lost)
    numbered = networkx.MultiDiGraph()
    for name, values in graph.nodes(data=True):
        _check([name, *values.values()], path)
        numbered.add_node(name, **values)
    for number, (head, tail, values) in enumerate(graph.edges(data=True)):
        _check(values.values(), path)
        # An edge's key becomes its id in the file, which must be its own; the label is that of many.
        numbered.add_edge(head, tail, f"e{number}", **values)
    with whole_path(path) as partial:
        networkx.write_graphml(numbered, partial)
    return lost


def to_networkx(documents: Iterable[Document], *, symmetric_labels: Collection[str] = (), lost: Counter[str] | None = None) -> Any:
    """The graph of the relations of some documents, as the module's description says.

    symmetric_labels: Labels without a direction: one edge for both, from the node whose name sorts first.
    lost: Is added to: what the graph does not hold.
    RETURNS: A `networkx.MultiDiGraph`, whose edges have their label as key.
    """
    lost = lost if lost is not None else Counter()
    nodes: dict[Entity, _Node] = {}
    edges: dict[tuple[Entity, Entity, str], _Edge] = {}
    for document in prepared(documents, lost, "whole texts", "sentences", "documents without relations", "mentions in no relation"):
        for triple in triples(document, lost):
            for end in (triple.head, triple.tail):
                for entity in entities(end):
                    node = nodes.setdefault(entity, _Node())
                    node.names[one_line(end.text)] += 1
                    node.types[end.type] += 1
                    node.documents.add(document.id)
            for key in keys(entities(triple.head), entities(triple.tail), triple.label, symmetric_labels):
                edge = edges.setdefault(key, _Edge())
                edge.weight += 1
                edge.total += triple.score
                edge.most = max(edge.most, triple.score)
                edge.documents[document.id] = None
    graph = extra("networkx").MultiDiGraph()
    for entity, node in nodes.items():
        [(name, _)], [(kind, _)] = node.names.most_common(1), node.types.most_common(1)
        graph.add_node(_name(entity), label=name, type=kind, kb_id=entity.concept, documents=len(node.documents))
    for (head, tail, label), edge in edges.items():
        graph.add_edge(
            _name(head),
            _name(tail),
            key=label,
            label=label,
            weight=edge.weight,
            max_score=edge.most,
            mean_score=edge.total / edge.weight,
            documents=len(edge.documents),
            document_ids=SEPARATOR.join(edge.documents),
        )
    return graph


def _name(entity: Entity) -> str:
    # The separator has a backslash in an identifier, and is in no quoted type: names differ where entities do.
    return escape(entity.concept, SEPARATOR) or SEPARATOR.join((quote(entity.type), entity.name))


def _check(values: Iterable[Any], path: Path) -> None:
    for value in values:
        if isinstance(value, str) and NOT_XML.search(value):
            raise RelextError(f"{path}: XML cannot hold control characters, and {value!r:.80} has some. Export to csv, or take them out.")
