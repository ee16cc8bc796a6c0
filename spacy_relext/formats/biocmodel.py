"""What BioC XML and BioC JSON share: documents of the library bioc to ours and back (Comeau et al., Database 2013:bat064).

A BioC document has passages with an offset and a text, or with sentences that have both; mentions ("annotations") with an id, locations
and a text; relations with nodes that refer to mentions. Mentions and relations may stand with a sentence, a passage or the document.
Offsets count characters from the start of the document. Files that count UTF-16 units, bytes, or from the start of the passage, or whose
passages overlap, are known by the texts of their mentions: one reading must fit all of a document (biocread.py), and is counted. Where a
passage begins after the end of the one before, spaces are put between them. Infons are free, so this is what we read and write:

    of a mention    type; identifier or MESH: its concepts (identifiers.py); long_form: what it abbreviates
    of a relation   relation or type: the label; score; novel (BioRED), speculation, attributes, negation: what is said of it
    of a document   relations: what is annotated, of "mentions" and "concepts", or "nothing", where its relations do not tell; others: its
                    metadata, of which strings stand as they are, and others as JSON

A relation has two nodes, whose roles say which is the head (roles.py). A relation without nodes that are mentions is one between concepts,
which two infons name: entity1 and entity2 (BioRED), role1 and role2 (PubTator3), others of which roles.py knows the direction, or the only
two that are left, as in BC5CDR (<infon key="Chemical">D003000</infon>). Without the infon `relations`, a document that has no relation is
annotated as having none between mentions, and one that has them between concepts alone is not annotated for others. Denied relations, also
between concepts, are `denied` ones between mentions.

A discontinuous mention is kept as ddi.py keeps it, and counted. A part of a composite mention (in BC5CDR, the infon CompositeRole is
IndividualMention) within a CompositeMention that has its concepts is left out, and counted: its characters and concepts are there, and
PubTator has no such parts. Left out and counted are also mentions without a type or beyond the text, relations of relations, those with
more or less than two nodes, or without a label, and those with mentions or concepts that are not there. Other infons are not held, which is
counted. A document without an id is called by the place of its file and its number, which is counted; an annotation needs none.

One passage is written, with one annotation per mention, in sentences where they are known. BioC's sentences hold their text alone, so white
space other than spaces between two sentences is given to the first, and what stands after the last is a passage of its own. Sentences that
leave out parts of the text are not held, which is counted. Everything else is held, but for control characters in XML, which are an error.
"""

import json
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from bioc import BioCAnnotation, BioCCollection, BioCDocument, BioCLocation, BioCNode, BioCPassage, BioCRelation, BioCSentence

from spacy_relext.formats.concepts import concepts_of
from spacy_relext.formats.denials import SPECULATED
from spacy_relext.formats.identifiers import to_field
from spacy_relext.formats.ids import named
from spacy_relext.formats.types import NOVEL, PIPELINE_DETAILS, AnnotatedRelation, Document
from spacy_relext.mentions import LONG_FORM

TYPE, LABELS, SCORE, STATE, ROLE = "type", ("relation", "type"), "score", "relations", "CompositeRole"
CONCEPTS = ("identifier", "MESH", "NCBI GENE", "NCBI Gene")
NOVELTY, SPECULATION, NEGATION, ATTRIBUTES = ("novel", "novelty"), "speculation", "negation", "attributes"
# More spaces than any file would put between passages: an offset that is wrong must not fill the memory.
MAX_GAP = 10_000
# Where a document stands (file, line), what it is called where it has no id, and its number in the file.
Origin = tuple[Path, int | None, str, int]


def levels_of(mentions: bool, concepts: bool) -> set[str]:
    """What is taken for annotated where a document does not say, by what it has relations between."""
    return {name for name, some in (("mentions", mentions), ("concepts", concepts)) if some} or {"mentions"}


def collection(documents: Iterable[Document]) -> BioCCollection:
    """A collection of the library's documents."""
    made = BioCCollection()
    made.source, made.date, made.key, made.encoding = "spacy-relext", "", "", "UTF-8"  # else the date of today
    for name, document in named(documents):
        made.add_document(to_bioc(document, name))
    return made


def to_bioc(document: Document, name: str) -> BioCDocument:
    """The library's document of ours."""
    made, passage = BioCDocument(), BioCPassage()
    made.id = name
    if STATE in document.meta:
        raise document.error(f"its metadata has the key {STATE!r}, under which another infon is kept. Rename it, or export to jsonl.")
    made.infons.update({key: to_infon(value) for key, value in document.meta.items()})
    made.add_passage(passage)
    pieces = _pieces(document)
    for start, end in pieces:
        sentence = BioCSentence()
        sentence.offset, sentence.text = start, document.text[start:end]
        passage.add_sentence(sentence)
    if not pieces:
        passage.text = document.text
    elif pieces[-1][1] < len(document.text):
        rest = BioCPassage()
        rest.offset, rest.text = pieces[-1][1], document.text[pieces[-1][1] :]
        made.add_passage(rest)
    for mention in document.mentions:
        annotation = BioCAnnotation()
        annotation.id, annotation.text = mention.id, document.text[mention.start : mention.end]
        annotation.infons[TYPE] = mention.type
        if concepts_of(mention):
            annotation.infons[CONCEPTS[0]] = to_field(concepts_of(mention))
        if mention.long_form:
            annotation.infons[LONG_FORM] = mention.long_form
        annotation.add_location(BioCLocation(mention.start, mention.end - mention.start))
        # In BioC a passage with sentences has no mentions of its own.
        layer = next((s for s, (start, end) in zip(passage.sentences, pieces, strict=True) if start <= mention.start < end), passage)
        layer.add_annotation(annotation)
    tells = any(NOVEL in relation.attributes for relation in document.all_relations)
    for i, relation in enumerate([*(document.relations or ()), *document.denied]):
        made.add_relation(_relation(f"R{i}", relation, {}, tells))
        if i >= len(document.relations or ()):
            made.relations[-1].infons[NEGATION] = "true"
        for refid, role in ((relation.head, "head"), (relation.tail, "tail")):
            made.relations[-1].add_node(BioCNode(refid, role))
    for i, relation in enumerate(document.concept_relations or ()):
        ends = {"entity1": to_field([relation.head]), "entity2": to_field([relation.tail])}
        made.add_relation(_relation(f"C{i}", relation, ends, tells))
    levels = {name for name, some in (("mentions", document.relations), ("concepts", document.concept_relations)) if some is not None}
    if levels != levels_of(bool(document.relations), bool(document.concept_relations)):
        made.infons[STATE] = ", ".join(sorted(levels)) or "nothing"
    return made


def to_infon(value: Any) -> str:
    """The infon of a value that JSON can hold: a string as it is, unless it would be read as another value."""
    return value if isinstance(value, str) and from_infon(value) == value else json.dumps(value, ensure_ascii=False, allow_nan=False)


def from_infon(infon: str) -> Any:
    """The value of an infon: what its JSON says, if it is written as `to_infon` writes it; else the string that it is."""
    try:
        value = json.loads(infon)
        return value if to_infon(value) == infon else infon
    except (ValueError, RecursionError):
        return infon


def _relation(name: str, relation: AnnotatedRelation, infons: dict[str, str], tells_novelty: bool) -> BioCRelation:
    made = BioCRelation()
    made.id = name
    made.infons = {LABELS[0]: relation.label, **infons} | ({} if relation.score == 1 else {SCORE: str(relation.score)})
    if tells_novelty:
        made.infons[NOVELTY[0]] = "Novel" if NOVEL in relation.attributes else "No"
    if SPECULATED in relation.attributes:
        made.infons[SPECULATION] = "true"
    others = [attribute for attribute in relation.attributes if attribute not in (NOVEL, SPECULATED)]
    if others:
        made.infons[ATTRIBUTES] = "|".join(others)
    return made


def _pieces(document: Document) -> list[tuple[int, int]]:
    """Sentences, with the white space around them that reading would not put there. Empty where they leave out parts of the text."""
    sentences = list(document.sentences or ())
    if not sentences:
        return []
    bounds = [(0, 0), *sentences, (len(document.text), len(document.text))]
    gaps = [document.text[a[1] : b[0]] for a, b in pairwise(bounds)]
    if any(gap.strip() for gap in gaps):
        return []
    if gaps[0].strip(" ") or len(gaps[0]) > MAX_GAP:
        sentences[0] = (0, sentences[0][1])
    for i, gap in enumerate(gaps[1:-1]):
        # Reading puts spaces before a sentence.
        if gap.strip(" ") or len(gap) > MAX_GAP:
            sentences[i] = (sentences[i][0], sentences[i][1] + len(gap))
    return sentences


def count_unsupported(document: Document) -> Counter[str]:
    """What BioC cannot hold of a document: sentences that leave out parts of its text, and the details of relations."""
    n_sentences = len(document.sentences or ()) if not _pieces(document) else 0
    return Counter({"sentences": n_sentences}) + document.count_unsupported(*PIPELINE_DETAILS)
