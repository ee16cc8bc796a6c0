"""What BioC XML and BioC JSON share: documents of the library bioc to ours and back (Comeau et al., Database 2013:bat064).

A BioC document has passages with an offset and a text, or with sentences that have both; mentions ("annotations") with an id, locations
and a text; relations with nodes that refer to mentions. Mentions and relations may stand with a sentence, a passage or the document.
Offsets count characters from the start of the document, not of the passage. (BioC leaves open whether bytes or characters are counted, and
BC5CDR is ASCII; an annotation whose text is not found where it should be is an error.) Where a passage begins after the end of the one
before, spaces are put between them. Infons are free, so this is what we read and write:

    of a mention    type; identifier or MESH: its concepts, joined with | (-1: none); long_form: what it abbreviates
    of a relation   relation or type: the label; score
    of a document   relations: what is annotated, of "mentions" and "concepts", or "nothing", where its relations do not tell

A relation has two nodes, first head, then tail, unless their roles are tail and head. A relation without nodes is one between concepts, as
in BC5CDR: the two other infons are head and tail (<infon key="Chemical">D003000</infon>). Without the infon `relations`, a document that
has no relation is annotated as having none between mentions, and one that has them between concepts alone is not annotated for others.

A discontinuous mention is kept as ddi.py keeps it, and counted. A part of a composite mention (in BC5CDR, the infon CompositeRole is
IndividualMention) within a CompositeMention that has its concepts is left out, and counted: its characters and concepts are there, and
PubTator has no such parts. Other infons are not held, which is counted. Relations to relations, and with more or less than two nodes, are
errors.

Written is one passage with one annotation a mention, in sentences where they are known. BioC's sentences hold their text alone, so white
space other than spaces between two sentences is given to the first, and what stands after the last is a passage of its own. Sentences that
leave out parts of the text are not held, which is counted. Everything else is held, but for control characters in XML, which are an error.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from bioc import BioCAnnotation, BioCCollection, BioCDocument, BioCLocation, BioCNode, BioCPassage, BioCRelation, BioCSentence

from spacy_relext.errors import DataError
from spacy_relext.formats.concepts import NO_CONCEPT, concepts_of
from spacy_relext.formats.ids import named
from spacy_relext.formats.offsets import check_parts, stretch
from spacy_relext.formats.types import DETAILS, AnnotatedRelation, Document, Mention
from spacy_relext.mentions import LONG_FORM

TYPE, LABELS, CONCEPTS, SCORE, STATE, ROLE = "type", ("relation", "type"), ("identifier", "MESH"), "score", "relations", "CompositeRole"
# More spaces than any file would put between passages: an offset that is wrong must not fill the memory.
MAX_GAP = 10_000
Place = tuple[Path, int | None]


def read_all(documents: Iterable[tuple[Callable[[], BioCDocument], Place]], on_error: Callable[[DataError], None]) -> Iterator[Document]:
    """Ours of the documents of one file or several, each with its place.

    documents: Functions, so that what is wrong with one document is an error of it alone. The library raises these: it takes the form of
        its input for granted.
    """
    for make, (path, line) in documents:
        try:
            yield _made(make, path, line)
        except DataError as error:
            on_error(error)


def _made(make: Callable[[], BioCDocument], path: Path, line: int | None) -> Document:
    name = "a document"
    try:
        source = make()
        name = f"document {source.id!r}"
        return from_bioc(source, path, line)
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{name} is not as BioC has it ({reason}). Is something missing, or no number?", path=path, line=line) from error


def from_bioc(source: BioCDocument, path: Path, line: int | None) -> Document:
    """Our document of the library's.

    RAISES: DataError for annotation that cannot be right or held; what the library raises for other input.
    """
    document = Document(str(source.id), "", source=path, line=line)
    if source.id is None:
        raise document.error("it has no id.")
    _add_text(document, source)
    layers = [source, *source.passages, *(sentence for passage in source.passages for sentence in passage.sentences)]
    _add_mentions(document, [annotation for layer in layers for annotation in layer.annotations])
    _add_relations(document, [relation for layer in layers for relation in layer.relations], source.infons.get(STATE))
    document.not_held["infons of documents, passages and sentences"] += sum(len(layer.infons) for layer in layers) - (
        STATE in source.infons
    )
    return document


def _add_text(document: Document, source: BioCDocument) -> None:
    sentences: list[tuple[int, int]] = []

    def append(text: str, offset: int, what: str) -> None:
        gap = offset - len(document.text)
        if not 0 <= gap <= MAX_GAP:
            raise document.error(
                f"a {what} has the offset {offset}, and the text before it ends at {len(document.text)}. Offsets count characters "
                "(not bytes) from the start of the document."
            )
        text.encode("utf8")  # not so for half of a surrogate pair, which JSON can spell
        document.text += " " * gap + text

    for passage in source.passages:
        if passage.text:
            append(passage.text, passage.offset, "passage")
        for sentence in passage.sentences:
            start, text = sentence.offset, sentence.text or ""
            if not passage.text:
                append(text, start, "sentence")
            elif document.text[start : start + len(text)] != text:
                raise document.error(
                    f"the sentence at {start} is {text!r:.60}, and its passage has {document.text[start : start + len(text)]!r:.60}."
                )
            sentences.append((start, start + len(text)))
    if sentences and all(passage.sentences or not passage.text.strip() for passage in source.passages):
        document.sentences = sentences
    else:
        document.not_held["sentences of documents in which passages have none"] += len(sentences)


def _add_mentions(document: Document, annotations: list[BioCAnnotation]) -> None:
    composites: list[Mention] = []
    taken: set[tuple[int, int]] = set()
    # Composite mentions first: the parts of them are left out.
    for annotation in sorted(annotations, key=lambda a: a.infons.get(ROLE) == "IndividualMention"):
        infons = dict(annotation.infons)
        kind, role, long_form = infons.pop(TYPE, None), infons.pop(ROLE, None), infons.pop(LONG_FORM, "")
        concept = next((value for key in CONCEPTS if (value := infons.pop(key, None))), "")
        if not all(isinstance(infon, str) for infon in (kind, concept, long_form)) or not kind:
            raise document.error(f"mention {annotation.id!r} has no infon {TYPE!r}, or infons that are no strings.")
        parts = sorted((location.offset, location.offset + location.length) for location in annotation.locations)
        whole: tuple[int, int] = (parts[0][0], parts[-1][1]) if parts else (0, 0)
        kb_id = "" if concept == NO_CONCEPT else concept
        mention = Mention(str(annotation.id), *whole, kind, kb_id)
        if role == "IndividualMention" and any(_is_part(mention, composite) for composite in composites):
            document.not_held["parts of composite mentions"] += 1
            continue
        wrong = check_parts(document, mention.id, parts, annotation.text)
        if wrong:
            raise document.error(wrong)
        if role == "CompositeMention":
            composites.append(mention)
        place = stretch(parts, taken)
        taken.add(place)
        document.not_held["discontinuous mentions (kept as one stretch)"] += len(parts) > 1
        document.not_held["infons of mentions"] += len(infons)
        document.mentions.append(Mention(mention.id, *place, kind, kb_id, long_form))


def _is_part(mention: Mention, composite: Mention) -> bool:
    within = composite.start <= mention.start and mention.end <= composite.end
    return within and mention.type == composite.type and set(concepts_of(mention)) <= set(concepts_of(composite))


def _add_relations(document: Document, relations: list[BioCRelation], state: str | None) -> None:
    mentions, names = {mention.id for mention in document.mentions}, {relation.id for relation in relations}
    between: dict[str, list[AnnotatedRelation]] = {"mentions": [], "concepts": []}
    for relation in relations:
        infons = dict(relation.infons)
        key = next((key for key in LABELS if infons.get(key)), None)
        if key is None:
            raise document.error(f"relation {relation.id!r} has no infon {' or '.join(LABELS)}, which would be its label.")
        label, number = infons.pop(key), infons.pop(SCORE, "1")
        if not all(isinstance(value, str) for value in (label, *infons.values())):
            raise document.error(f"relation {relation.id!r} has infons that are no strings: {relation.infons}.")
        score = float(number)
        if not 0 <= score <= 1:
            raise document.error(f"relation {relation.id!r} has the score {number!r}; expected a number between 0 and 1.")
        if not relation.nodes and len(infons) == 2:
            head, tail = infons.values()
            between["concepts"].append(AnnotatedRelation(head, tail, label, score))
            continue
        if len(relation.nodes) != 2:
            raise document.error(
                f"relation {relation.id!r} ({label}) has {len(relation.nodes)} nodes and the further infons {sorted(infons)}; "
                "expected two nodes, or none and two infons with the concepts of head and tail."
            )
        for node in relation.nodes:
            if str(node.refid) not in mentions:
                what = "a relation, and relations to relations cannot be held" if node.refid in names else "no mention of the document"
                raise document.error(f"relation {relation.id!r} ({label}) refers to {node.refid!r}, which is {what}.")
        nodes = relation.nodes[::-1] if [node.role for node in relation.nodes] == ["tail", "head"] else relation.nodes
        document.not_held["infons of relations"] += len(infons)
        between["mentions"].append(AnnotatedRelation(str(nodes[0].refid), str(nodes[1].refid), label, score))
    levels = set(re.findall(r"\w+", state)) if state else _levels(between["mentions"], between["concepts"])
    if not levels <= {*between, "nothing"} or any(between[name] and name not in levels for name in between):
        raise document.error(
            f"its infon {STATE!r} is {state!r}, which does not fit its relations; expected mentions, concepts, or nothing."
        )
    document.relations = between["mentions"] if "mentions" in levels else None
    document.concept_relations = between["concepts"] if "concepts" in levels else None


def _levels(mentions: list[AnnotatedRelation], concepts: list[AnnotatedRelation]) -> set[str]:
    """What is taken for annotated where a document does not say."""
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
        if mention.kb_id:
            annotation.infons[CONCEPTS[0]] = mention.kb_id
        if mention.long_form:
            annotation.infons[LONG_FORM] = mention.long_form
        annotation.add_location(BioCLocation(mention.start, mention.end - mention.start))
        # In BioC a passage with sentences has no mentions of its own.
        layer = next((s for s, (start, end) in zip(passage.sentences, pieces, strict=True) if start <= mention.start < end), passage)
        layer.add_annotation(annotation)
    types = {concept: mention.type for mention in reversed(document.mentions) for concept in concepts_of(mention)}
    for i, relation in enumerate(document.relations or ()):
        made.add_relation(_relation(f"R{i}", relation, {}))
        for refid, role in ((relation.head, "head"), (relation.tail, "tail")):
            made.relations[-1].add_node(BioCNode(refid, role))
    for i, relation in enumerate(document.concept_relations or ()):
        # As in BC5CDR, the types are the keys where they differ and mean nothing else.
        keys = [types.get(relation.head, ""), types.get(relation.tail, "")]
        if len({"", *keys, *LABELS, SCORE}) != 6:
            keys = ["head", "tail"]
        made.add_relation(_relation(f"C{i}", relation, dict(zip(keys, (relation.head, relation.tail), strict=True))))
    levels = {name for name, some in (("mentions", document.relations), ("concepts", document.concept_relations)) if some is not None}
    if levels != _levels(document.relations or [], document.concept_relations or []):
        made.infons[STATE] = ", ".join(sorted(levels)) or "nothing"
    return made


def _relation(name: str, relation: AnnotatedRelation, infons: dict[str, str]) -> BioCRelation:
    made = BioCRelation()
    made.id = name
    made.infons = {LABELS[0]: relation.label, **infons} | ({} if relation.score == 1 else {SCORE: str(relation.score)})
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


def losses(document: Document) -> Counter[str]:
    """What BioC cannot hold of a document: sentences that leave out parts of its text, and the details of relations."""
    return Counter({"sentences": len(document.sentences or ()) if not _pieces(document) else 0}) + document.losses(*DETAILS)
