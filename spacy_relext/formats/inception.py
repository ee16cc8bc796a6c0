"""INCEpTION's UIMA CAS (Klie et al., COLING 2018): XMI with a TypeSystem.xml, zipped or not; to read, UIMA CAS JSON too.

    <custom:Span xmi:id="3" sofa="1" begin="0" end="10" label="CHEMICAL" identifier="D002927"/>
    <custom:Span xmi:id="4" sofa="1" begin="18" end="26" label="CHEMICAL"/>
    <custom:Relation xmi:id="5" sofa="1" begin="18" end="26" Governor="3" Dependent="4" label="MECHANISM"/>

Offsets of a CAS count UTF-16 units; the library dkpro-cassis makes code points of them. An offset inside a pair of units is an error.

Which layers are read follows from the type system, much as INCEpTION itself recognises layers in one. Your own are those outside the
packages of UIMA, DKPro and INCEpTION. Relations are those of your layers that have `Governor` (the head) and `Dependent` (the tail);
mentions are NamedEntity, and those of your other layers, unless these refer to a single other annotation. The type of a mention and the
label of a relation are the feature `value` or `label` (Label, …), else the only feature with a string, `identifier` apart. Without such a
feature it is the name of the layer: of webanno.custom.Chemical, Chemical. The same holds if several features could be meant (for relations
that is an error) and if the feature is empty (which is counted). `identifier` is the concept of a mention (identifiers.py), `score`
(a number) the score of a relation; features such as `negated` or `speculated` say so of it (denials.py). Annotations of other layers,
values of other features, among them the slots of events, and relations of relations, of what is no mention, or of what is not there are
counted, and not read.

The id of a document is its title, which INCEpTION sets to the name of the document, else its id, else the name of the file. Of a document
that several people annotated, one version is read: `--annotator`, or the curated one (projects.py). A document without mentions is one that
nobody has annotated, unless the project says that it is finished (projects.py). A document is annotated for relations if its type system
has a layer for them. JSON has only layers with annotations, so there every document is. Where a file has no sentences they are not known.
Ids of mentions are those of the file.

A folder is written: a TypeSystem.xml, to be imported under Layers, and one .xmi per document, to import as UIMA CAS XMI (XML 1.0). Layers
are custom.Span and custom.Relation, as in INCEpTION's basic projects; tokens and sentences are DKPro's. Relations between concepts, and
that relations were not annotated or a text has no mentions, are not held, which is counted; control characters, which XML cannot hold, are
an error.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cassis import Cas, TypeSystem
from cassis.typesystem import (
    TYPE_NAME_ANNOTATION,
    TYPE_NAME_DOCUMENT_ANNOTATION,
    TYPE_NAME_FLOAT,
    TYPE_NAME_STRING,
    Type,
    is_array,
    is_primitive,
)

from spacy_relext.concepts import join
from spacy_relext.errors import DataError
from spacy_relext.formats.cas import HEAD, TAIL, TYPES, Lines, load, unpack
from spacy_relext.formats.concepts import concepts_of
from spacy_relext.formats.denials import NEGATED, is_about_denial, said
from spacy_relext.formats.files import find_files, whole_folder
from spacy_relext.formats.identifiers import from_field, to_field
from spacy_relext.formats.ids import NewFiles, distinct, named
from spacy_relext.formats.projects import States, is_project, read_versions
from spacy_relext.formats.reading import OnError, Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import DETAILS, NO_MENTION, RELATED, UNKNOWN, UNLABELLED, AnnotatedRelation, Document, Mention
from spacy_relext.formats.words import Words

DKPRO = "de.tudarmstadt.ukp.dkpro.core.api"
SENTENCE, TOKEN = f"{DKPRO}.segmentation.type.Sentence", f"{DKPRO}.segmentation.type.Token"
NAMED_ENTITY, METADATA = f"{DKPRO}.ner.type.NamedEntity", f"{DKPRO}.metadata.type.DocumentMetaData"
SPAN, RELATION = "custom.Span", "custom.Relation"
LABEL, CONCEPT, SCORE, TITLE, ID = "label", "identifier", "score", "documentTitle", "documentId"
# The start of the names of types that are no layer of a user's own, and of those that annotate nothing.
FOREIGN = ("uima.", "de.tudarmstadt.", "org.dkpro.")
BOOKKEEPING = ("uima.", f"{DKPRO}.metadata.", "de.tudarmstadt.ukp.clarin.webanno.api.type.", "org.dkpro.core.api.", SENTENCE, TOKEN)
# What is written: the types, their supertypes, and their features.
WRITTEN: dict[str, tuple[str, dict[str, str]]] = {
    METADATA: (TYPE_NAME_DOCUMENT_ANNOTATION, {TITLE: TYPE_NAME_STRING, ID: TYPE_NAME_STRING}),
    SENTENCE: (TYPE_NAME_ANNOTATION, {}),
    TOKEN: (TYPE_NAME_ANNOTATION, {}),
    SPAN: (TYPE_NAME_ANNOTATION, {LABEL: TYPE_NAME_STRING, CONCEPT: TYPE_NAME_STRING}),
    RELATION: (TYPE_NAME_ANNOTATION, {HEAD: SPAN, TAIL: SPAN, LABEL: TYPE_NAME_STRING, SCORE: TYPE_NAME_FLOAT}),
}
# Names of the feature that is type or label.
LABEL_FEATURES = ("value", "label")


@dataclass(frozen=True)
class Layer:
    """What the annotations of a type are read as: "mention", "relation", "other" or "nothing"; and the feature that is type or label."""

    kind: str
    label: str | None = None


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a .zip, .xmi or .json file, or all of a folder and the folders in it."""
    states = States(reading.on_error)
    files = [file for file in find_files(path, (".zip", ".xmi", ".json")) if not is_project(file)]
    if not files:
        raise DataError("it describes a project, and there is no document. Name the folder of the exported project.", path=path)
    documents = read_versions(files, lambda file: _documents(file, states, reading.on_error), reading)
    yield from distinct(documents, reading.on_error)


def _documents(file: Path, states: States, on_error: OnError) -> Iterator[Document]:
    unpacked = unpack(file)
    while True:
        try:
            name, content = next(unpacked, (None, None))
            if name is None or content is None:
                break
            document = parse(*content(), name)
            document.mentions_given = not document.mentions and states.is_finished(document.id, name)
        except DataError as error:
            on_error(error)
        else:
            yield document


def parse(raw: bytes, types: bytes | None, path: Path) -> Document:
    """Make a document of a CAS.

    types: The TypeSystem.xml of an XMI file.
    RAISES: DataError with file, and line in XMI, for anything that is not as the module's description says.
    """
    return _document(*load(raw, types, path), path)


def _document(cas: Cas, lines: Lines, path: Path) -> Document:
    if cas.sofa_string is None:
        raise DataError("it has no text.", path=path)
    Place(path).check_characters(cas.sofa_string)
    document = Document(path.stem, cas.sofa_string, source=path)
    annotations: dict[str, list[Any]] = {}
    for annotation in sorted(cas.select_all_fs(), key=lambda annotation: annotation.xmiID):
        annotations.setdefault(annotation.type.name, []).append(annotation)
    for entry in annotations.get(METADATA, ()):
        document.id = entry.get(TITLE) or entry.get(ID) or document.id
    if SENTENCE in annotations:
        document.sentences = sorted((entry.begin, entry.end) for entry in annotations[SENTENCE])
    if path.suffix.lower() == ".json" or any(_kind(type_) == "relation" for type_ in cas.typesystem.get_types()):
        document.relations = []
    layers = {name: _layer(entries[0].type, path) for name, entries in annotations.items()}
    kinds = {entry.xmiID: layers[name].kind for name, entries in annotations.items() for entry in entries}
    for name, entries in annotations.items():
        for entry in entries:
            at = Place(path, lines.get(entry.xmiID))
            if layers[name].kind == "mention":
                document.mentions.append(_mention(entry, layers[name], document, at))
            elif layers[name].kind == "relation":
                _add_relation(entry, layers[name], kinds, document, at)
            elif layers[name].kind == "other":
                document.unsupported[f"annotations of the layer {name}, not read"] += 1
    document.unsupported["annotations of other views, not read"] += sum(
        len(view.get_all_fs()) for view in cas.views if view.sofa is not cas.get_sofa()
    )
    return document


def _layer(type_: Type, path: Path) -> Layer:
    kind = _kind(type_)
    if kind not in ("mention", "relation"):
        return Layer(kind)
    names = [f.name for f in type_.all_features if TYPE_NAME_STRING in _lineage(f.rangeType) and f.name != CONCEPT]
    names = [name for name in names if not is_about_denial(name)]
    named = [name for name in names if name.lower() in LABEL_FEATURES]
    if len(named) != 1 and len(names) > 1 and kind == "relation":
        raise DataError(
            f"the layer {type_.name} has the features {', '.join(names)}: which of them is the label? Rename it to {LABEL} in the files.",
            path=path,
        )
    chosen = named if len(named) == 1 else names
    return Layer(kind, chosen[0] if len(chosen) == 1 else None)


def _kind(type_: Type) -> str:
    ranges = {feature.name: feature.rangeType for feature in type_.all_features if feature.name != "sofa"}
    lineage = _lineage(type_)
    own = not type_.name.startswith(FOREIGN)
    if type_.name.startswith(BOOKKEEPING):
        return "nothing"
    if own and {HEAD, TAIL} <= ranges.keys():
        return "relation"
    refers = any(not (is_primitive(range_) or is_array(range_)) for range_ in ranges.values())
    return "mention" if NAMED_ENTITY in lineage or (own and TYPE_NAME_ANNOTATION in lineage and not refers) else "other"


def _lineage(type_: Type | None) -> list[str]:
    """The names of a type and of those that it inherits from."""
    return [] if type_ is None else [type_.name, *_lineage(type_.supertype)]


def _mention(entry: Any, layer: Layer, document: Document, at: Place) -> Mention:
    _count_unread(entry, {layer.label, CONCEPT}, document)
    return Mention(str(entry.xmiID), entry.begin, entry.end, _label(entry, layer, document, at), _concepts(entry, at))


def _add_relation(entry: Any, layer: Layer, kinds: dict[int, str], document: Document, at: Place) -> None:
    """Add a relation; none, which is counted, where it is one of a relation, of what is no mention, or of what is not there."""
    for feature in (HEAD, TAIL):
        end = entry.get(feature)
        if end is None:
            return document.leave_out(UNKNOWN, at.line)
        if kinds.get(end.xmiID) != "mention":
            document.leave_out(RELATED if kinds.get(end.xmiID) == "relation" else NO_MENTION, at.line)
            return
    score = 1.0 if entry.get(SCORE) is None else entry.get(SCORE)
    if not isinstance(score, int | float) or not 0 <= score <= 1:
        raise at.fail(f"{_name(entry)}: its {SCORE} is {score!r:.60}; it is a probability, between 0 and 1.")
    told = {
        feature.name: said(feature.name, value) for feature in entry.type.all_features if (value := entry.get(feature.name)) is not None
    }
    known = {name: kind for name, kind in told.items() if kind is not None}
    _count_unread(entry, {layer.label, HEAD, TAIL, SCORE, *known}, document)
    head, tail = (str(entry.get(feature).xmiID) for feature in (HEAD, TAIL))
    attributes = tuple(kind for kind in known.values() if kind not in ("", NEGATED))
    relation = AnnotatedRelation(head, tail, _label(entry, layer, document, at), float(score), attributes=attributes)
    assert document.relations is not None
    (document.denied if NEGATED in known.values() else document.relations).append(relation)


def _name(entry: Any) -> str:
    """What an annotation is called in errors."""
    return f"{entry.type.short_name} {entry.xmiID}"


def _label(entry: Any, layer: Layer, document: Document, at: Place) -> str:
    label = _string(entry, layer.label, at) if layer.label else ""
    document.unsupported[UNLABELLED] += bool(layer.label) and not label
    return label or entry.type.short_name


def _string(entry: Any, feature: str, at: Place) -> str:
    value = entry.get(feature)
    if not isinstance(value, str | None):
        raise at.fail(f"{_name(entry)}: expected {feature!r} to be a string, and saw {value!r:.60}.")
    return value or ""


def _concepts(entry: Any, at: Place) -> str:
    """The identifiers of a mention: of one string, or of a feature with several values."""
    value = entry.get(CONCEPT)
    elements = getattr(value, "elements", None)
    if elements is not None and all(isinstance(one, str) for one in elements):
        return join(elements)
    return from_field(_string(entry, CONCEPT, at))


def _count_unread(entry: Any, read: set[str | None], document: Document) -> None:
    for feature in entry.type.all_features:
        if feature.name not in read | {"sofa", "begin", "end"}:
            value = entry.get(feature.name)
            # UIMA writes numbers and booleans that nobody set as 0 and false.
            number = len(value.elements or ()) if is_array(feature.rangeType) and value else int(bool(value))
            document.unsupported[f"values of {entry.type.short_name}.{feature.name}, not read"] += number


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a TypeSystem.xml, and an .xmi file per document, into a folder.

    RETURNS: What the format cannot hold, counted.
    """
    lost: Counter[str] = Counter()
    with whole_folder(path) as folder:
        _written_types().to_xml(folder / TYPES)
        files = NewFiles(folder, ".xmi")
        for name, document in named(documents):
            try:
                _to_cas(document, name).to_xmi(files.add(document, name), pretty_print=True)
            except DataError:
                raise
            except ValueError as error:
                raise document.error(f"XML cannot hold it: {error} Export to biocjson.") from error
            lost += document.count_unsupported(
                "long forms of abbreviations",
                "relations between concepts",
                "documents not annotated for relations (now with none)",
                "documents without mentions (read as not annotated)",
                "metadata of documents",
                *DETAILS,
            )
    return lost


def _to_cas(document: Document, name: str) -> Cas:
    types = _written_types()
    cas = Cas(types, sofa_string=document.text, sofa_mime="text/plain")

    def add(kind: str, start: int, end: int, **features: Any) -> Any:
        annotation = types.get_type(kind)(begin=start, end=end, **features)
        cas.add(annotation)
        return annotation

    add(METADATA, 0, len(document.text), **{TITLE: name, ID: name})
    for start, end in document.sentences or ():
        add(SENTENCE, start, end)
    for token in Words(document).doc:
        if not token.is_space:
            add(TOKEN, token.idx, token.idx + len(token))
    mentions = {
        m.id: add(SPAN, m.start, m.end, label=m.type, identifier=to_field(concepts_of(m)) if concepts_of(m) else None)
        for m in document.mentions
    }
    for r in document.relations or ():
        head, tail = mentions[r.head], mentions[r.tail]
        # In INCEpTION, a relation stands where its tail does.
        add(RELATION, tail.begin, tail.end, Governor=head, Dependent=tail, label=r.label, score=None if r.score == 1 else r.score)
    return cas


@lru_cache(maxsize=1)
def _written_types() -> TypeSystem:
    types = TypeSystem()
    for name, (supertype, features) in WRITTEN.items():
        made = types.create_type(name, supertype)
        for feature, range_ in features.items():
            types.create_feature(made, feature, range_)
    return types
