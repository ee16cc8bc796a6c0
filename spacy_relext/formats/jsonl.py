"""Our own format: JSON lines, one document per line.

    {"id": "case-7", "text": "Cimetidine raised warfarin levels.",
     "sentences": [[0, 34]],
     "mentions": [{"id": "T1", "start": 0, "end": 10, "type": "CHEMICAL"}, {"id": "T2", "start": 18, "end": 26, "type": "CHEMICAL"}],
     "relations": [{"head": "T1", "tail": "T2", "label": "MECHANISM"}]}

A mention may carry a `kb_id`, the identifier of its concept ("D003000"; several are joined with "|"), and a `long_form`, what it
abbreviates; and the document `concept_relations`: relations of the same form whose head and tail are such identifiers. Without `relations`
beside them, the relations between mentions are made of them (concepts.py).

A document that is annotated for some labels only, whether they occur in it or not, may say so. An extractor of other labels passes it over,
since a pair without a relation may well have one of those:

    "annotated_labels": ["ADVISE", "MECHANISM"]

Offsets count characters of the text from 0, ends are exclusive. Only `text` is required. Without `id` the id is file and line ("my-1");
without `relations` the document counts as not annotated for relations, which is not the same as an empty list; without `mentions`,
`relext extract` looks for mentions, which it does not if the list is empty. A mention may carry its `text`, which is checked against the
offsets; a relation may carry a `score`. Further keys are refused: what else is to be known of a document, as its journal, is in an object
`meta`, which is kept with it.
`relext render --texts FILE` draws lines without `text`, too: FILE has the texts, under the same ids.

A relation may say more: `attributes`, what an annotation says of it; a `status` other than "asserted", what a pipeline says; a `raw_score`,
what the model says, where a calibrated pipeline has another score; and `sources`, where they are not the one extractor: the components that
found it, each with its score, the highest of which is that of the relation.

    {"head": "T1", "tail": "T2", "label": "MECHANISM", "score": 0.91, "sources": {"ddi": 0.91, "rules": 0.5}, "attributes": ["speculated"]}

Relations of which the annotation says that they do not hold are none of `relations`: to a model, such a pair has no relation.

    "denied_relations": [{"head": "T1", "tail": "T2", "label": "MECHANISM"}]

`relext extract --keep-all-scores` adds what the model says of each candidate pair. This is not read, which is counted:

    "pairs": [{"head": "T1", "tail": "T2", "scores": {"MECHANISM": 0.91, "ADVISE": 0.02}, "no_relation": 0.07}]

Where several extractors do, each of these has its `source`.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.cutting import LineCutter
from spacy_relext.formats.files import find_files, whole_file
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.limits import Line, is_blank, read_line, reported_lines
from spacy_relext.formats.reading import OnError, Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.notices import counted
from spacy_relext.values import ASSERTED, CALLER, Sources, checked_attributes, checked_sources, checked_status

PAIRS = "pairs"
ANNOTATED = "annotated_labels"
# By label.
Limits = Mapping[str, Collection[float]]
# Keys of relations, and what they are called in errors.
RELATIONS = {"relations": "relation", "concept_relations": "relation between concepts", "denied_relations": "denied relation"}
KEYS = {"id", "text", "sentences", "mentions", *RELATIONS, ANNOTATED, PAIRS, "meta"}
MENTION_KEYS = {"id", "start", "end", "type", "text", "kb_id", "long_form"}
RELATION_KEYS = {"head", "tail", "label", "score", "raw_score", "sources", "status", "attributes"}


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a JSONL file, or all JSONL files of a folder and the folders in it."""
    yield from distinct(_documents(path, reading.on_error, reading.texts), reading.on_error)


def _documents(path: Path, on_error: OnError, texts: Mapping[str, str] | None) -> Iterator[Document]:
    for name in find_files(path, (".jsonl",)):
        yield from _parse_lines(reported_lines(name, on_error), name, on_error, path, texts)


def _parse_lines(
    lines: Iterable[tuple[int, Line]], name: Path, on_error: OnError, root: Path, texts: Mapping[str, str] | None
) -> Iterator[Document]:
    for number, line in lines:
        if is_blank(line):
            continue
        try:
            yield parse(read_line(line), name, number, root, texts)
        except DataError as error:
            on_error(error)


CUTTER = LineCutter(lambda lines, path, reading: _parse_lines(lines, path, reading.on_error, path, reading.texts))


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a JSONL file, which holds everything."""
    with whole_file(path) as file:
        for document in documents:
            write_line(document, file)
    return Counter()


def write_line(document: Document, file: TextIO) -> None:
    """Write one document as one line."""
    file.write(line_of(to_record(document)))


def line_of(record: dict[str, Any]) -> str:
    """The line of one document."""
    return json.dumps(record, ensure_ascii=False) + "\n"


def to_record(document: Document, limits: Limits | None = None) -> dict[str, Any]:
    """What the line of a document says. limits: Of predicted relations, scores that they are compared with, by label."""
    record: dict[str, Any] = {"id": document.id, "text": document.text}
    if document.sentences is not None:
        record["sentences"] = [list(sentence) for sentence in document.sentences]
    record["mentions"] = [
        {"id": m.id, "start": m.start, "end": m.end, "type": m.type, "text": document.text[m.start : m.end]}
        | {key: value for key, value in (("kb_id", m.kb_id), ("long_form", m.long_form)) if value}
        for m in document.mentions
    ]
    for key, relations in zip(RELATIONS, (document.relations, document.concept_relations, document.denied or None), strict=True):
        if relations is not None:
            record[key] = [relation_record(relation, limits) for relation in relations]
    if document.annotated_labels is not None:
        # Labels that a component found are none that were annotated, but a document may not contradict itself.
        record[ANNOTATED] = sorted(document.annotated_labels | document.labels)
    if document.meta:
        record["meta"] = document.meta
    return record


def relation_record(relation: AnnotatedRelation, limits: Limits | None = None) -> dict[str, Any]:
    """What the line of a document says of a relation. limits: As in `to_record`."""
    own = (limits or {}).get(relation.label, ())
    return (
        {"head": relation.head, "tail": relation.tail, "label": relation.label}
        | ({} if relation.score == 1.0 else {"score": rounded(relation.score, own)})
        | _rounded(relation)
        | ({"sources": {name: rounded(score, own) for name, score in relation.sources}} if relation.sources else {})
    )


def rounded(score: float, limits: Collection[float] = ()) -> float:
    """A score with four decimals, or as many as it takes to be on the side of each limit that it is on."""
    for digits in range(4, 17):
        found = round(score, digits)
        if all((found >= limit) == (score >= limit) for limit in limits):
            return found
    return score


def _rounded(relation: AnnotatedRelation) -> dict[str, Any]:
    """Its details, with a raw score where it differs from the score as that is written."""
    found = relation.details
    raw_score = round(found.pop("raw_score", relation.score), 4)
    return ({} if raw_score == round(relation.score, 4) else {"raw_score": raw_score}) | found


def parse(
    raw: bytes | str, path: Path | str | None, line: int, root: Path | None = None, texts: Mapping[str, str] | None = None
) -> Document:
    """Make a document of one line.

    root: What is read: the file, or a folder that it is in. texts: Those of lines that have none, by their ids.
    RAISES: DataError with file and line for anything that is not as the module's description says.
    """
    at = Place(path, line, root=root)
    return from_record(at.decode(raw), at, texts)


def from_record(record: Any, at: Place, texts: Mapping[str, str] | None = None) -> Document:
    """Make a document of what its line says, or what `to_record` gives. RAISES: DataError, with the place of the line, as `parse` does."""
    take = at.take
    if not isinstance(record, dict):
        raise at.fail(f"expected a JSON object with the key 'text', and saw {type(record).__name__}.")
    if "text" not in record:
        record = {**record, "text": _text_elsewhere(record, texts, at)}
    _refuse_unknown(record, KEYS, at, "document", "Put what else there is under 'meta'.")
    text = at.text(record)
    identifier = str(take(record, "id", (str, int), "document")) if "id" in record else at.default_id
    mentions = _mentions(record, text, at)
    relations = _relations(record, at)
    scored = take(record, PAIRS, list, "document") if PAIRS in record else []
    document = Document(
        identifier,
        text,
        mentions,
        relations.get("relations"),
        at.sentences(record, "sentences"),
        source=at.path,
        line=at.line,
        concept_relations=relations.get("concept_relations"),
        unsupported=Counter({"scores of candidate pairs": len(scored)}),
        mentions_given="mentions" in record,
        denied=relations.get("denied_relations", []),
        meta=at.meta(record),
    )
    if record.get(ANNOTATED) is not None:
        document.annotated_labels = _annotated_labels(take(record, ANNOTATED, list, "document"), document)
    return document


def _refuse_unknown(record: dict[str, Any], known: set[str], at: Place, what: str, advice: str) -> None:
    unknown = sorted(set(record) - known)
    if unknown:
        raise at.fail(f"{what}: unknown keys {unknown}; known are {sorted(known)}. {advice}")


def _mentions(record: dict[str, Any], text: str, at: Place) -> list[Mention]:
    mentions, take = [], at.take
    for i, entry in enumerate(take(record, "mentions", list, "document") if "mentions" in record else []):
        what = f"mention {i + 1}"
        if not isinstance(entry, dict):
            raise at.fail(f"{what}: expected an object with start, end and type, and saw {entry!r:.60}.")
        _refuse_unknown(entry, MENTION_KEYS, at, what, "Put what else there is under the document's 'meta'.")
        start, end = take(entry, "start", int, what), take(entry, "end", int, what)
        name = str(take(entry, "id", (str, int), what)) if "id" in entry else f"T{i + 1}"
        known = {key: take(entry, key, str, what) for key in ("kb_id", "long_form") if key in entry}
        mentions.append(Mention(name, start, end, take(entry, "type", str, what), **known))
        if "text" in entry:
            at.check_stretch(text, start, end, entry["text"], what)
    return mentions


def _relations(record: dict[str, Any], at: Place) -> dict[str, list[AnnotatedRelation]]:
    """The relations under each key that the record has."""
    relations: dict[str, list[AnnotatedRelation]] = {}
    for key, prefix in RELATIONS.items():
        if record.get(key) is None:
            continue
        relations[key] = []
        for i, entry in enumerate(at.take(record, key, list, "document")):
            what = f"{prefix} {i + 1}"
            if not isinstance(entry, dict):
                raise at.fail(f"{what}: expected an object with head, tail and label, and saw {entry!r:.60}.")
            _refuse_unknown(entry, RELATION_KEYS, at, what, "Put what else there is under the document's 'meta'.")
            head, tail = (str(at.take(entry, end, (str, int), what)) for end in ("head", "tail"))
            relations[key].append(AnnotatedRelation(head, tail, at.take(entry, "label", str, what), *_said(entry, at, what)))
    return relations


def _text_elsewhere(record: dict[str, Any], texts: Mapping[str, str] | None, at: Place) -> str:
    """The text of a record that comes without. RAISES: DataError where there is none."""
    seen = f"expected the key 'text', and saw {sorted(record)}."
    if not record.keys() & KEYS:
        raise at.fail(f"{seen} This is not the JSONL of spacy-relext.")
    if texts is None:
        raise at.fail(f"{seen} Put the text there; `relext render` takes a file of texts with the same ids, too: --texts FILE.")
    name = str(record["id"]) if "id" in record else at.default_id
    if name not in texts:
        raise at.fail(f"{seen} The texts that are given beside it, {counted(len(texts), 'text', 'texts')}, have none of the id {name!r}.")
    return texts[name]


def _said(entry: dict[str, Any], at: Place, what: str) -> tuple[float, Sources, str, tuple[str, ...], float | None]:
    """Score, sources, status, attributes and raw score of a relation."""
    raw_score = at.score(entry, what, "raw_score") if "raw_score" in entry else None
    if not {"sources", "status", "attributes"} & set(entry):
        return at.score(entry, what), (), ASSERTED, (), raw_score
    score = at.score(entry, what) if "score" in entry else None
    try:
        sources = at.take(entry, "sources", dict, what) if "sources" in entry else None
        named: Sources = ()
        if sources is not None:
            score, named = checked_sources(sources, score, what)
            named = () if list(sources) == [CALLER] else named
        attributes = at.take(entry, "attributes", list, what) if "attributes" in entry else []
        status = checked_status(entry.get("status", ASSERTED), what)
        return 1.0 if score is None else score, named, status, checked_attributes(attributes, what), raw_score
    except DataError:
        raise
    except RelextError as error:
        raise at.fail(str(error)) from error


def _annotated_labels(labels: list[Any], document: Document) -> frozenset[str]:
    if not labels or not all(isinstance(label, str) and label for label in labels):
        raise document.error(
            f"expected {ANNOTATED!r} to be a list of one label or more, and saw {labels!r:.60}. Leave it out for all labels."
        )
    if document.relations is None and document.concept_relations is None:
        raise document.error(f"{ANNOTATED!r} says what it is annotated for, and it has no 'relations'. Give them, if only an empty list.")
    others = sorted(document.labels - set(labels))
    if others:
        raise document.error(f"relations have the labels {others}, and {ANNOTATED!r} names {labels}. Add them there, or take them out.")
    return frozenset(labels)
