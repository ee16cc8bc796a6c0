"""doccano's export of relation extraction: JSON lines, one text per line, or one list of the same (its JSON).

    {"id": 7, "text": "Cimetidine raised warfarin levels.",
     "entities": [{"id": 1, "label": "CHEMICAL", "start_offset": 0, "end_offset": 10}, {"id": 2, …}],
     "relations": [{"id": 1, "from_id": 1, "to_id": 2, "type": "MECHANISM"}], "Comments": [], "meta": {"document_id": "case-7"}}

Sequence labelling, and older versions, have `"label": [[0, 10, "CHEMICAL"], …]` (or `labels`) in the place of both lists, and `data` in
that of `text`; `--text-column` and `--label-column` name other keys. Without `relations` a document is not annotated for relations, which
is not the same as an empty list. Relations of the types `No-rel`, `no_relation` or `None` are no relations; they are counted. Relations of
relations, of entities that are not there, and without a type (`--default-label`), are left out and counted. doccano puts metadata among
the keys: other keys are read only to find labels where there are none.

doccano also exports documents that nobody has annotated yet, unless it is set to export approved ones only. They have the same empty lists
as a text without entities. So a text without entities is taken as not annotated, unless `annotation_approver` names who approved it.

Offsets count code points, and ends are exclusive. A project with "count grapheme clusters as one character" gives other numbers where a
text has combining marks, emoji sequences or CRLF before a mention, and nothing in the file distinguishes the two: switch it off before
annotating. The report counts mentions with an offset inside such a sequence: if there are many, the setting was on. Offsets in UTF-16
units, in which an emoji is two, cannot be recognised either: read them with `--utf16-offsets`. Documents in which it matters are counted.

The id of a document is `document_id` in its `meta`, else `id`, else file and line. The format has no field for sentences and scores:
`meta` carries `sentence_offsets`, and a relation `score`, which doccano leaves out. Ids of mentions are not kept: those of a file differ.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from spacy_relext.formats.corpora import read_records
from spacy_relext.formats.files import whole_file
from spacy_relext.formats.offsets import UNCHECKED, first_of_two
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import ID, SENTENCES, Place, meta_beside, meta_of, refuse_denials, with_distinct_ids
from spacy_relext.formats.types import RELATED, UNKNOWN, AnnotatedRelation, Document, Mention

# Keys of labels.
LABELS = ("entities", "label", "labels")


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a .jsonl file, or a .json file of lines or of one list, or all of a folder and the folders in it."""
    return read_records(path, parse, reading, lines=".jsonl")


def parse(record: dict[str, Any], at: Place, reading: Reading) -> Document:
    """Make a document of a line."""
    text, meta = _text(record, at, reading.options.text_column), at.meta(record)
    names = [at.name(source, key, "document") for source, key in ((meta, ID), (record, "id")) if source.get(key) is not None]
    document = Document([*names, at.default_id][0], text, _mentions(record, at, reading.options.label_column), source=at.path, line=at.line)
    if reading.options.utf16_offsets:
        document.mentions = [replace(m, start=_characters(m.start, text, at), end=_characters(m.end, text, at)) for m in document.mentions]
    else:
        reading.counts[UNCHECKED] += any(m.end > first_of_two(text) for m in document.mentions)
    document.relations = _relations(record, document, at, reading)
    document.sentences, document.meta = at.sentences(meta, SENTENCES), meta_beside(meta)
    document.mentions_given = at.is_annotated(meta) or bool(record.get("annotation_approver"))
    return document


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a JSONL file. Ids of entities and of relations differ over the file."""
    entity_ids, relation_ids = count(1), count(1)
    lost: Counter[str] = Counter()
    with whole_file(path) as file:
        for document in with_distinct_ids(documents, lost):
            refuse_denials(document)
            ids = {m.id: i for m, i in zip(document.mentions, entity_ids, strict=False)}
            record: dict[str, Any] = {"text": document.text, "meta": meta_of(document)}
            record["entities"] = [
                {"id": ids[m.id], "label": m.type, "start_offset": m.start, "end_offset": m.end} for m in document.mentions
            ]
            if document.relations is not None:
                record["relations"] = [
                    {"id": next(relation_ids), "from_id": ids[r.head], "to_id": ids[r.tail], "type": r.label}
                    | ({} if r.score == 1.0 else {"score": r.score})
                    for r in document.relations
                ]
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return lost


def _mentions(record: dict[str, Any], at: Place, column: str | None) -> list[Mention]:
    keys = [key for key in ([column] if column else LABELS) if key in record]
    others = [key for key, value in record.items() if key not in keys and _are_labels(value)]
    if len(keys) != 1:
        expected = f"{column!r}" if column else "one of 'entities' and, of older versions, 'label'"
        others = [key for key, value in record.items() if _are_labels(value)]
        raise at.fail(
            f"expected {expected}, and saw {sorted(record)}; with labels: "
            f"{', '.join(others) or 'none'}. Name one with `label_column`, or export the project as JSONL."
        )
    if others and not column and not _are_labels(record[keys[0]]):
        raise at.fail(f"{keys[0]!r} has no labels, and there are some in {', '.join(others)}. Name the one to read with `label_column`.")
    entries = at.take(record, keys[0], list, "document")
    if keys == ["entities"] or any(isinstance(entry, dict) and "start_offset" in entry for entry in entries):
        return [
            Mention(
                at.name(entry, "id", what),
                at.take(entry, "start_offset", int, what),
                at.take(entry, "end_offset", int, what),
                at.take(entry, "label", str, what),
            )
            for what, entry in at.entries(record, keys[0], "entity")
        ]
    mentions = []
    for i, entry in enumerate(entries, start=1):
        if not (isinstance(entry, list) and [type(value) for value in entry] == [int, int, str]):
            raise at.fail(f"entity {i}: expected [start, end, label], and saw {entry!r:.60}.")
        mentions.append(Mention(f"T{i}", *entry))
    return mentions


def _characters(offset: int, text: str, at: Place) -> int:
    """An offset in UTF-16 units as one in characters; one beyond the text as it is."""
    raw = text.encode("utf-16-le")
    if not 0 <= 2 * offset <= len(raw):
        return offset
    try:
        return len(raw[: 2 * offset].decode("utf-16-le"))
    except UnicodeDecodeError as error:
        raise at.fail(f"the offset {offset} is inside a character of two UTF-16 units. Leave `utf16_offsets` out.") from error


def _are_labels(value: Any) -> bool:
    """Whether the value of a key looks like labels of doccano."""
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, list):
        return [type(part) for part in first] == [int, int, str]
    return isinstance(first, dict) and {"start_offset", "end_offset"} <= first.keys()


def _text(record: dict[str, Any], at: Place, column: str | None) -> str:
    keys = [key for key in ([column] if column else ["text", "data"]) if key in record]
    if not keys:
        strings = ", ".join(repr(key) for key, value in record.items() if isinstance(value, str)) or "none"
        raise at.fail(f"document: expected {column or 'text'!r} to be a string; those that are: {strings}. Name one with `text_column`.")
    return at.text(record, keys[0])


def _relations(record: dict[str, Any], document: Document, at: Place, reading: Reading) -> list[AnnotatedRelation] | None:
    if record.get("relations") is None:
        return None
    entries = list(at.entries(record, "relations", "relation"))
    mentions, others = {m.id for m in document.mentions}, {str(entry.get("id")) for _, entry in entries}
    relations = []
    for what, entry in entries:
        head, tail = at.name(entry, "from_id", what), at.name(entry, "to_id", what)
        if not {head, tail} <= mentions:
            document.leave_out(RELATED if {head, tail} <= mentions | others else UNKNOWN)
        elif label := at.label(entry, "type", what, reading):
            relations.append(AnnotatedRelation(head, tail, label, at.score(entry, what)))
    return relations
