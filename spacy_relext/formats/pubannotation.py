"""PubAnnotation's JSON, read and written (https://www.pubannotation.org/docs/annotation-format/).

    {"sourceid": "1", "text": "Ann left Rome.",
     "denotations": [{"id": "T1", "span": {"begin": 0, "end": 3}, "obj": "Person"},
                     {"id": "T2", "span": {"begin": 9, "end": 13}, "obj": "Place"}],
     "relations": [{"id": "R1", "pred": "left", "subj": "T1", "obj": "T2"}]}

A file is one document, a list of documents, or a document per line. subj is the head, obj the tail. Offsets count characters; nothing
stands beside them that would tell otherwise. The id of a document is sourcedb:sourceid-divid, as far as these are there.

`tracks` are the annotations of several projects, each with its denotations and relations. They are taken together with those of the
document: a mention that an earlier one has too (the same characters and type, and no other concept) is the same mention, which is counted.
`--annotator` names the project whose annotations alone are read; in a document that it has not annotated, there is nothing then.

Of attributes and modifications, we read and write `identifier` (concepts, see
identifiers.py) and `long_form` of denotations; `score`, Negation, Speculation and those that are true of relations. Others are not held,
which is counted, and so are `blocks` and `typesettings`. A document without `relations` is not annotated for them.

Left out and counted: mentions beyond the text, relations of relations, and relations with mentions that are not there. A discontinuous
mention (a list of spans) is kept as one stretch. Sentences and relations between concepts have no place in it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from spacy_relext.errors import DataError
from spacy_relext.formats.concepts import concepts_of
from spacy_relext.formats.denials import NEGATED, said
from spacy_relext.formats.files import find_files, whole_file
from spacy_relext.formats.identifiers import from_field, to_field
from spacy_relext.formats.ids import distinct, named
from spacy_relext.formats.jsonstream import JsonStream, read_values
from spacy_relext.formats.offsets import BEYOND, Said, Stretch, is_beyond, one_stretch
from spacy_relext.formats.reading import OTHER_ANNOTATORS, Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import METADATA, PIPELINE_DETAILS, RELATED, UNKNOWN, AnnotatedRelation, Document, Mention
from spacy_relext.mentions import LONG_FORM

EXPECTED = "a document of PubAnnotation, an object with a 'text', or a list of them"
IDENTIFIER, SCORE = "identifier", "score"
OF_MENTIONS, OF_RELATIONS = "attributes of mentions", "other attributes of relations"
SAME_MENTION = "mentions that another track has too (kept once)"
# What stands beside the annotations, and is not read; and the annotations.
OTHERS = {"blocks": "blocks of the text, not read", "typesettings": "typesettings of the text, not read"}
ANNOTATIONS = ("denotations", "relations", *OTHERS)
# Mentions of earlier layers, by their parts and type.
Known = dict[tuple[tuple[Stretch, ...], str], Mention]
# Names and values of attributes, by the id of what has them.
About = dict[str, list[tuple[str, Any]]]


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .json and .jsonl files of a folder and the folders in it."""
    yield from distinct(_documents(find_files(path, (".json", ".jsonl")), path, reading), reading.on_error)


def _documents(files: list[Path], path: Path, reading: Reading) -> Iterator[Document]:
    def values(stream: JsonStream) -> Iterator[tuple[Any, int, int | None]]:
        if stream.peek() != "[":
            line = stream.line
            yield stream.value()[0], line, None
            return
        for number, line in enumerate(stream.places(), start=1):
            yield stream.value()[0], line, number

    for file in files:
        for entry, line, number in read_values(file, EXPECTED, values, reading.on_error):
            try:
                yield parse(entry, Place(file, line, number, path), reading.options.annotator)
            except DataError as error:
                reading.on_error(error)


def parse(record: Any, at: Place, annotator: str | None = None) -> Document:
    """Make a document of an object. annotator: The project whose annotations alone are read. RAISES: DataError for what is none."""
    if not isinstance(record, dict):
        raise at.fail(f"expected {EXPECTED}, and saw {type(record).__name__}.")
    at.check_keys(record)
    document = Document(_name(record, at), at.text(record), source=at.path, line=at.line, number=at.number)
    tracks = list(at.entries(record, "tracks", "track")) if record.get("tracks") is not None else []
    # A document that has tracks alone is no layer of its own.
    layers = [layer for layer in (record, *(track for _, track in tracks)) if any(layer.get(key) is not None for key in ANNOTATIONS)]
    chosen = [layer for layer in layers if annotator in (None, str(layer.get("project")))]
    document.unsupported[OTHER_ANNOTATORS] += len(layers) - len(chosen)
    known: Known = {}
    for number, layer in enumerate(chosen):
        # The names of the first layer are kept.
        _add_layer(document, layer, f"{number}." if number else "", known, at)
    return document


def _name(record: dict[str, Any], at: Place) -> str:
    parts = [str(record[key]) for key in ("sourcedb", "sourceid") if record.get(key) not in (None, "")]
    if record.get("sourceid") in (None, ""):
        return at.default_id
    return ":".join(parts) + (f"-{record['divid']}" if record.get("divid") is not None else "")


def _add_layer(document: Document, layer: dict[str, Any], prefix: str, known: Known, at: Place) -> None:
    """Add what a document, or a track of it, says. known: The mentions of the layers before; those of this one are added."""
    for key in OTHERS:
        document.unsupported[OTHERS[key]] += len(list(at.entries(layer, key, key[:-1]))) if layer.get(key) is not None else 0
    about: About = {}
    for key, subject, value in (("attributes", "subj", "obj"), ("modifications", "obj", None)):
        for what, entry in at.entries(layer, key, key[:-1]) if layer.get(key) is not None else ():
            about.setdefault(at.name(entry, subject, what), []).append((at.name(entry, "pred", what), entry.get(value) if value else True))
    held = _add_mentions(document, layer, prefix, known, about, at)
    if layer.get("relations") is not None:
        _add_relations(document, layer, held, about, at)


def _add_mentions(document: Document, layer: dict[str, Any], prefix: str, known: Known, about: About, at: Place) -> dict[str, str]:
    """Add the mentions of a layer. RETURNS: The ids that they have in the document, by those in the file."""
    held: dict[str, str] = {}
    own: Known = {}
    entries = list(at.entries(layer, "denotations", "denotation")) if layer.get("denotations") is not None else []
    parts = [_parts(entry, what, at) for what, entry in entries]
    taken = {(mention.start, mention.end) for mention in document.mentions} | {some[0] for some in parts if len(some) == 1}
    for number, ((what, entry), some) in enumerate(zip(entries, parts, strict=True), start=1):
        name = at.name(entry, "id", what) if "id" in entry else f"T{number}"
        if name in held:
            raise at.fail(f"{what}: another one has the id {name!r}.")
        kind = at.name(entry, "obj", what)
        if is_beyond(document.text, Said(name, some, None)):
            document.leave_out(BEYOND)
            continue
        if not some or not kind or not all(0 <= start < end for start, end in some):
            raise at.fail(f"{what}: expected characters, and a type 'obj', and saw {some} and {kind!r}.")
        concept, long_form = _about(document, about.get(name, []))
        key = (tuple(sorted(some)), kind)
        same = known.get(key)
        if (
            same is not None
            and (not same.kb_id or concept in ("", same.kb_id))
            and (not same.long_form or long_form in ("", same.long_form))
        ):
            made = replace(same, kb_id=same.kb_id or concept, long_form=same.long_form or long_form)
            if made != same:
                document.mentions[document.mentions.index(same)] = made
            document.leave_out(SAME_MENTION)
            known[key] = made
        else:
            made = Mention(prefix + name, *one_stretch(document, sorted(some), taken), kind, concept, long_form)
            document.mentions.append(made)
            own[key] = made
        held[name] = made.id
    known.update(own)
    return held


def _add_relations(document: Document, layer: dict[str, Any], held: dict[str, str], about: About, at: Place) -> None:
    """Add the relations of a layer. held: The ids of mentions in the document, by those in the file."""
    document.relations = document.relations or []
    entries = list(at.entries(layer, "relations", "relation"))
    others = {str(entry.get("id")) for _, entry in entries}
    for what, entry in entries:
        ends = [at.name(entry, key, what) for key in ("subj", "obj")]
        missing = [end for end in ends if end not in held]
        if missing:
            document.leave_out(RELATED if others.intersection(missing) else UNKNOWN)
            continue
        label = at.name(entry, "pred", what)
        score, attributes, is_denied = _said(document, entry, about.get(str(entry.get("id")), []), what, at)
        relation = AnnotatedRelation(held[ends[0]], held[ends[1]], label, score, attributes=attributes)
        (document.denied if is_denied else document.relations).append(relation)


def _parts(entry: dict[str, Any], what: str, at: Place) -> list[Stretch]:
    """The parts of a mention."""
    spans = entry.get("span")
    parts = []
    for span in spans if isinstance(spans, list) else [spans]:
        if not isinstance(span, dict):
            raise at.fail(f"{what}: expected 'span' to be an object with 'begin' and 'end', and saw {spans!r:.60}.")
        parts.append((at.take(span, "begin", int, what), at.take(span, "end", int, what)))
    return parts


def _about(document: Document, attributes: list[tuple[str, Any]]) -> tuple[str, str]:
    """The concepts and the long form of a mention."""
    known = {key: value for key, value in attributes if key in (IDENTIFIER, LONG_FORM) and isinstance(value, str)}
    document.unsupported[OF_MENTIONS] += len(attributes) - len(known)
    return from_field(known.get(IDENTIFIER, "")), known.get(LONG_FORM, "")


def _said(
    document: Document, entry: dict[str, Any], attributes: list[tuple[str, Any]], what: str, at: Place
) -> tuple[float, tuple[str, ...], bool]:
    """The score and the attributes of a relation, and whether it is denied."""
    score, found, is_denied = 1.0, [], False
    for name, value in attributes:
        told = said(name, "" if value is None else value)
        if told is not None:
            is_denied = is_denied or told == NEGATED
            found += [told] if told not in ("", NEGATED) else []
        elif name == SCORE:
            score = at.score({SCORE: value}, what)
        elif value is True:
            found.append(name)
        else:
            document.unsupported[OF_RELATIONS] += 1
    return score, tuple(dict.fromkeys(found)), is_denied


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a file, a list of documents. RETURNS: What the format cannot hold, counted."""
    lost: Counter[str] = Counter()
    with whole_file(path) as file:
        before = "["
        for name, document in named(documents):
            file.write(f"{before}\n{json.dumps(_record(name, document), ensure_ascii=False)}")
            before = ","
            lost += document.count_unsupported("sentences", "relations between concepts", METADATA, *PIPELINE_DETAILS)
        file.write("\n]\n" if before == "," else "[]\n")
    return lost


def _record(name: str, document: Document) -> dict[str, Any]:
    attributes: list[dict[str, Any]] = []

    def add(subject: str, predicate: str, value: Any) -> None:
        attributes.append({"id": f"A{len(attributes) + 1}", "subj": subject, "pred": predicate, "obj": value})

    record: dict[str, Any] = {"sourceid": name, "text": document.text, "denotations": []}
    for mention in document.mentions:
        span = {"begin": mention.start, "end": mention.end}
        record["denotations"].append({"id": mention.id, "span": span, "obj": mention.type})
        if concepts_of(mention):
            add(mention.id, IDENTIFIER, to_field(concepts_of(mention)))
        if mention.long_form:
            add(mention.id, LONG_FORM, mention.long_form)
    taken = {mention.id for mention in document.mentions}
    if document.relations is not None or document.denied:
        record["relations"] = []
    for relation, is_denied in [*((r, False) for r in document.relations or ()), *((r, True) for r in document.denied)]:
        number = len(record["relations"]) + 1
        key = next(key for key in (f"R{number}", f"R{number}-relation", f"R{number}-relation-") if key not in taken)
        record["relations"].append({"id": key, "pred": relation.label, "subj": relation.head, "obj": relation.tail})
        if relation.score != 1:
            add(key, SCORE, relation.score)
        for attribute in [*relation.attributes, *(["negated"] if is_denied else [])]:
            add(key, attribute, True)
    return record | ({"attributes": attributes} if attributes else {})
