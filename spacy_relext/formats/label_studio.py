"""Label Studio's JSON export of texts with labels and relations: a list of tasks.

    [{"id": 7, "data": {"text": "Cimetidine raised warfarin levels."}, "meta": {"document_id": "case-7"},
      "annotations": [{"was_cancelled": false, "ground_truth": false, "result": [
        {"id": "T1", "type": "labels", "from_name": "label", "to_name": "text",
         "value": {"start": 0, "end": 10, "text": "Cimetidine", "labels": ["CHEMICAL"]}},
        {"type": "relation", "from_id": "T1", "to_id": "T2", "direction": "right", "labels": ["MECHANISM"]}, …]}]}, …]

The text is `text` of `data`, or its only string. `direction` "right" (or none) is a relation from `from_id` to `to_id`, "left" the other
way round, and "bi" one in each direction. A relation with several labels is several relations, a region with several labels several
mentions, which then can have no relation. Relations labelled `No-rel`, `no_relation` or `None` are no relations; they are counted. Results
of other types are counted, and not read.

Which annotation: cancelled (skipped) ones are left out and counted. Of the others the one marked as ground truth is read; if none or
several are marked and there is more than one, that is an error. A task without annotation is left out and counted: a text without mentions
would teach that there are none. Predictions are not read.

Offsets, with exclusive ends: Label Studio has counted code points since 2022, and before that UTF-16 units, in which an emoji is two. The
two agree up to a text's first character beyond U+FFFF. From there on the `text` of the regions decides, for all regions of a task alike;
regions that agree with neither are an error, as offsets inside a surrogate pair are. A task in UTF-16 units is counted, and so is one where
nothing decides, in which offsets are read as code points. Line breaks in a region's `text` may be written as a backslash and an n.

The id of a document is `document_id` in the task's `meta`, else the task's `id`, else file and number. The format has no field for
sentences and cannot tell a text without relations from one that was not annotated for them: `meta` carries `sentence_offsets`, and
`"relations_annotated": false`, which counts as long as there is no relation. A relation has its `score`. Ids of mentions are kept.
"""

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from spacy_relext.formats.files import whole_file
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import ID, SENTENCES, Place, meta_of, read_lists, refuse_denials, with_distinct_ids
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention

ANNOTATED = "relations_annotated"

# From an offset of the file to one of the text, or None where there is none.
Offset = Callable[[int], int | None]


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a JSON file, or all of a folder and the folders in it."""
    return read_lists(path, (".json",), parse, reading)


def parse(record: dict[str, Any], at: Place, reading: Reading) -> Document | None:
    """Make a document of a task; None of one without annotation."""
    annotation = _annotation(record, at, reading)
    if annotation is None:
        return None
    text, meta = _text(record, at), at.meta(record)
    results = list(at.entries(annotation, "result", "result"))
    labels = [(what, entry) for what, entry in results if entry.get("type") == "labels"]
    arrows = [(what, entry) for what, entry in results if entry.get("type") == "relation"]
    for _, entry in results:
        if entry.get("type") not in ("labels", "relation"):
            reading.counts[f"results of the type {entry.get('type')!r:.40}, not read"] += 1
    texts = {str(entry.get("to_name")) for _, entry in labels}
    if len(texts) > 1:
        raise at.fail(f"the labels are of several texts: {sorted(texts)}. Expected one text a task.")
    regions = _regions(labels, text, at, reading)
    found = [relation for what, entry in arrows for relation in _relations(what, entry, regions, at)]
    relations, denied = at.without_denied(found)
    names = [at.name(source, key, "document") for source, key in ((meta, ID), (record, "id")) if source.get(key) is not None]
    mentions = [mention for region in regions.values() for mention in region]
    annotated = relations if found or meta.get(ANNOTATED) is not False else None
    sentences = at.sentences(meta, SENTENCES)
    return Document([*names, at.default_id][0], text, mentions, annotated, sentences, source=at.path, line=at.line, denied=denied)


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a JSON file of tasks with one annotation each, the labels `label`, the text `text`, offsets in code points."""
    lost: Counter[str] = Counter()
    with whole_file(path) as file:
        file.write("[")
        for number, document in enumerate(with_distinct_ids(documents, lost), start=1):
            refuse_denials(document)
            meta = meta_of(document) | ({ANNOTATED: False} if document.relations is None else {})
            annotation = {"was_cancelled": False, "ground_truth": False, "result": _results(document)}
            task = {"id": number, "data": {"text": document.text}, "meta": meta, "annotations": [annotation], "predictions": []}
            file.write(("\n" if number == 1 else ",\n") + json.dumps(task, ensure_ascii=False))
        file.write("\n]\n")
    return lost


def _annotation(record: dict[str, Any], at: Place, reading: Reading) -> dict[str, Any] | None:
    """The annotation that is read, by the rule in the description of the module."""
    entries = [entry for _, entry in at.entries(record, "annotations", "annotation")]
    valid = [entry for entry in entries if not entry.get("was_cancelled")]
    reading.counts["cancelled annotations, left out"] += len(entries) - len(valid)
    chosen = [entry for entry in valid if entry.get("ground_truth")] or valid
    if not chosen:
        reading.counts["tasks without annotation, left out"] += 1
        return None
    if len(chosen) > 1:
        raise at.fail(f"{len(chosen)} annotations could be meant. Mark one as ground truth, or delete the others.")
    reading.counts["annotations beside the ground truth, left out"] += len(valid) - 1
    return chosen[0]


def _text(record: dict[str, Any], at: Place) -> str:
    data = at.take(record, "data", dict, "document")
    keys = ["text"] if "text" in data else [key for key, value in data.items() if isinstance(value, str)]
    if len(keys) != 1:
        raise at.fail(f"expected 'data' to have 'text', or one string alone, and saw {sorted(data)}.")
    return at.text(data, keys[0])


def _regions(labels: list[tuple[str, dict]], text: str, at: Place, reading: Reading) -> dict[str, list[Mention]]:
    """The mentions of each region by its id."""
    values = {}
    for what, entry in labels:
        value = at.take(entry, "value", dict, what)
        name = at.name(entry, "id", what)
        if name in values:
            raise at.fail(f"{what}: another result has the id {name!r}.")
        start, end = at.take(value, "start", int, what), at.take(value, "end", int, what)
        types = at.take(value, "labels", list, what)
        if not types or not all(isinstance(kind, str) for kind in types):
            raise at.fail(f"{what}: expected 'labels' to be one or more strings, and saw {types!r:.60}.")
        values[name] = (what, start, end, value.get("text"), types)
    offset = _offsets([value[:4] for value in values.values()], text, at, reading)
    regions: dict[str, list[Mention]] = {}
    for name, (what, start, end, _, types) in values.items():
        first, last = offset(start), offset(end)
        if first is None or last is None:
            raise at.fail(f"{what}: the offsets {start}-{end} are inside a surrogate pair.")
        regions[name] = [Mention(name if i == 0 else f"{name}.{i + 1}", first, last, kind) for i, kind in enumerate(types)]
    return regions


def _offsets(values: list[tuple[str, int, int, Any]], text: str, at: Place, reading: Reading) -> Offset:
    """The reading of offsets, code points or UTF-16 units, with which all regions agree."""

    def wrong(offset: Offset) -> list[tuple[str, int, int, Any]]:
        return [value for value in values if value[3] is not None and not _agrees(text, offset(value[1]), offset(value[2]), value[3])]

    def code_points(offset: int) -> int | None:
        return offset

    astral = [match.start() for match in re.finditer("[\U00010000-\U0010ffff]", text)]
    utf16 = _from_utf16(astral)
    disagreeing = wrong(code_points)
    if not disagreeing:
        beyond = [value for value in values if astral and value[2] > astral[0]]
        reading.counts["tasks whose offsets nothing checks, read as code points"] += bool(beyond) and all(
            value[3] is None for value in beyond
        )
        return code_points
    if not astral or wrong(utf16):
        what, start, end, said = disagreeing[0]
        hint = " (nor in UTF-16 units)" if astral else ""
        raise at.fail(f"{what}: characters {start}-{end} of the text are {text[start:end]!r:.60}, and its 'text' is {said!r:.60}{hint}.")
    reading.counts["tasks with offsets in UTF-16 units"] += 1
    return utf16


def _from_utf16(astral: list[int]) -> Offset:
    """From UTF-16 units to code points, in a text with characters of two units at some offsets."""
    units = [offset + i for i, offset in enumerate(astral)]

    def offset(unit: int) -> int | None:
        before = bisect_left(units, unit)  # characters of two units that begin before it
        return None if before and unit == units[before - 1] + 1 else unit - before

    return offset


def _agrees(text: str, start: int | None, end: int | None, said: Any) -> bool:
    if start is None or end is None:
        return False
    stretch = text[max(start, 0) : max(end, 0)]
    return said in (stretch, stretch.replace("\n", "\\n").replace("\r", "\\n"))


def _relations(what: str, entry: dict[str, Any], regions: dict[str, list[Mention]], at: Place) -> Iterator[AnnotatedRelation]:
    ends = []
    for key in ("from_id", "to_id"):
        name = at.name(entry, key, what)
        if len(regions.get(name, ())) != 1:
            types = [mention.type for mention in regions.get(name, ())]
            kind = f"has the labels {types}; expected one" if types else "is no labelled region of the text"
            raise at.fail(f"{what}: {key!r} is {name!r}, which {kind}.")
        ends.append(regions[name][0].id)
    labels = entry.get("labels")
    if not (isinstance(labels, list) and labels and all(isinstance(label, str) for label in labels)):
        raise at.fail(f"{what}: expected 'labels' to be one or more strings, and saw {labels!r:.60}. Give the relation a label.")
    direction = entry.get("direction", "right")
    orders = {"right": [ends], "left": [ends[::-1]], "bi": [ends, ends[::-1]]}
    if not isinstance(direction, str) or direction not in orders:
        raise at.fail(f"{what}: expected 'direction' to be right, left or bi, and saw {direction!r:.60}.")
    for label in labels:
        for head, tail in orders[direction]:
            yield AnnotatedRelation(head, tail, label, at.score(entry, what))


def _results(document: Document) -> list[dict[str, Any]]:
    text = document.text
    results: list[dict[str, Any]] = [
        {
            "id": m.id,
            "type": "labels",
            "from_name": "label",
            "to_name": "text",
            "value": {"start": m.start, "end": m.end, "text": text[m.start : m.end], "labels": [m.type]},
        }
        for m in document.mentions
    ]
    for r in document.relations or ():
        arrow = {"type": "relation", "from_id": r.head, "to_id": r.tail, "direction": "right", "labels": [r.label]}
        results.append(arrow | ({} if r.score == 1.0 else {"score": r.score}))
    return results
