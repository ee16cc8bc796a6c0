"""Label Studio's JSON export of texts with labels and relations: a list of tasks. One task alone, and a task per line, are read too.

    [{"id": 7, "data": {"text": "Cimetidine raised warfarin levels."}, "meta": {"document_id": "case-7"},
      "annotations": [{"was_cancelled": false, "ground_truth": false, "completed_by": 3, "result": [
        {"id": "T1", "type": "labels", "from_name": "label", "to_name": "text",
         "value": {"start": 0, "end": 10, "text": "Cimetidine", "labels": ["CHEMICAL"]}},
        {"type": "relation", "from_id": "T1", "to_id": "T2", "direction": "right", "labels": ["MECHANISM"]}, …]}]}, …]

The text is the string of `data` that `--text-column` names, else the only one, else the only one with which the regions agree, else `text`.
Labels of HTML (`hypertextlabels`) are read by their `globalOffsets`, which count characters of what HTML says or of its source, as their
`text` decides; the text of the document is then what it says, or the source with a space for each character of a tag.

`direction` "right" (or none) is a relation from `from_id` to `to_id`, "left" the other way round, and "bi" one in each direction. A
relation with several labels is several relations; one without has that of `--default-label`, and without that is left out and counted. A
region with several labels, in one result or in several with its id, is several mentions; one without is left out and counted. Relations of
such regions, of regions that are no mention, and of regions that are not there, are left out and counted. Relations labelled `No-rel`,
`no_relation` or `None` are no relations; they are counted. Results of other types are counted, and not read.

Which annotation: cancelled (skipped) ones are left out and counted, as are those of others where `--annotator` names one (the id or mail
address of `completed_by`). Of the rest the one marked as ground truth is read; where several could be meant, and they do not say the same,
that is an error. Drafts are counted, and not read. Predictions are read where there is no annotation, with `--use-predictions` alone.

A task without annotation is one that nobody has annotated. An annotation is made by submitting it, so one with an empty result, and with
`completed_by`, says that the text has no mentions.

Offsets, with exclusive ends: Label Studio has counted code points since 2022, and before that UTF-16 units, in which an emoji is two. Older
versions counted CR LF as one. The `text` of the regions decides, for all regions of a task alike, as offsets.py says: white space may be
collapsed in it, and line ends be written as a backslash and an n. Regions that agree with no reading are an error. A task in other units is
counted, and so is one where nothing decides.

The id of a document is `document_id` in the task's `meta`, else the task's `id`, else file and number. The format has no field for
sentences and cannot tell a text without relations from one that was not annotated for them: `meta` carries `sentence_offsets`, and
`"relations_annotated": false`, which counts as long as there is no relation. A relation has its `score`. Ids of mentions are kept.
"""

import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy_relext.formats.files import whole_file
from spacy_relext.formats.offsets import UNCHECKED, Fit, OffsetError, Said, first_of_two, fit_offsets
from spacy_relext.formats.reading import OTHER_ANNOTATORS, SAME_ANNOTATIONS, Reading
from spacy_relext.formats.records import ID, SENTENCES, Place, meta_beside, meta_of, read_lists, refuse_denials, with_distinct_ids
from spacy_relext.formats.types import NO_MENTION, UNKNOWN, UNTYPED, AnnotatedRelation, Document, Mention

ANNOTATED = "relations_annotated"
SEVERAL = "relations of regions with several labels"
HTML = "hypertextlabels"
TAG = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)
WITHOUT_TAGS = "documents of HTML (read without its tags)"


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .json and .jsonl files of a folder and the folders in it."""
    return read_lists(path, (".json", ".jsonl"), parse, reading)


@dataclass(frozen=True)
class Region:
    """A labelled region: its place in the file and its id, its offsets there, what the file says of the text at them, and its types."""

    what: str
    name: str
    start: int
    end: int
    said: str | None
    types: list[str]


def parse(record: dict[str, Any], at: Place, reading: Reading) -> Document | None:
    """Make a document of a task, without mentions if nobody has annotated it; None where its text is not known then."""
    if "data" not in record and "annotations" not in record:
        raise at.fail(f"expected 'data' and 'annotations', and saw {sorted(record)}. JSON-MIN has no relations: export as JSON.")
    annotation, meta = _annotation(record, at, reading), at.meta(record)
    given = list(at.entries(annotation or {"result": []}, "result", "result"))
    entries = [(what, _as_plain(what, entry, at) if entry.get("type") == HTML else entry) for what, entry in given]
    regions = _regions([(what, entry) for what, entry in entries if entry.get("type") == "labels"], at, reading)
    arrows = [(what, entry) for what, entry in entries if entry.get("type") == "relation"]
    for _, entry in entries:
        if entry.get("type") not in ("labels", "relation"):
            reading.leave_out(f"results of the type {entry.get('type')!r:.40}, not read", str(at))
    column = _column(record, list(regions.values()), at, reading)
    if column is None:
        return None
    text = at.text(record["data"], column)
    if any(entry.get("type") == HTML for _, entry in given):
        text = _text_of_html(text, list(regions.values()), at)
        reading.counts[WITHOUT_TAGS] += 1
    names = [at.name(source, key, "document") for source, key in ((meta, ID), (record, "id")) if source.get(key) is not None]
    document = Document([*names, at.default_id][0], text, source=at.path, line=at.line)
    mentions = _mentions(regions, text, at, reading)
    document.mentions = [mention for made in mentions.values() for mention in made]
    known = {str(entry.get("id")) for _, entry in entries}
    found = [relation for what, entry in arrows for relation in _relations(what, entry, mentions, known, at, reading)]
    document.relations = found if annotation is not None and (found or meta.get(ANNOTATED) is not False) else None
    document.sentences, document.meta = at.sentences(meta, SENTENCES), meta_beside(meta)
    document.mentions_given = at.is_annotated(meta) or bool(annotation and not entries and annotation.get("completed_by"))
    return document


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
    if isinstance(record.get("drafts"), list):
        reading.counts["drafts, not read"] += len(record["drafts"])
    if reading.options.annotator is not None:
        own = [entry for entry in valid if reading.options.annotator in _names(entry)]
        reading.counts[OTHER_ANNOTATORS] += len(valid) - len(own)
        valid = own
    chosen = [entry for entry in valid if entry.get("ground_truth")] or valid
    if not chosen:
        return _prediction(record, at, reading)
    one = _only(chosen)
    if one is None:
        people = " and ".join(sorted({_names(entry)[0] for entry in chosen}))
        raise at.fail(
            f"{len(chosen)} annotations could be meant. Mark one as ground truth, delete the others, or name with `annotator` whose are "
            f"read; they are of {people}."
        )
    reading.counts["annotations beside the ground truth, left out"] += len(valid) - len(chosen)
    reading.counts[SAME_ANNOTATIONS] += len(chosen) - 1
    return one


def _prediction(record: dict[str, Any], at: Place, reading: Reading) -> dict[str, Any] | None:
    """What a model said of a task that nobody annotated, if that is to be read."""
    if not isinstance(record.get("predictions"), list):
        return None
    if not reading.options.use_predictions:
        reading.counts["predictions, not read (`use_predictions`)"] += len(record["predictions"])
        return None
    predictions = [entry for _, entry in at.entries(record, "predictions", "prediction")]
    one = _only(predictions)
    if predictions and one is None:
        raise at.fail(f"{len(predictions)} predictions could be meant. Export those of one model version.")
    reading.counts["predictions, read as annotation"] += one is not None
    return one


def _only(annotations: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one annotation that is there, or the first of several that say the same but for the ids of regions."""
    return annotations[0] if annotations and all(_said(entry) == _said(annotations[0]) for entry in annotations) else None


def _said(annotation: dict[str, Any]) -> Any:
    results = annotation.get("result")
    entries = [entry for entry in results if isinstance(entry, dict)] if isinstance(results, list) else []
    # Several results may be of one region.
    said: dict[str, list[str]] = {}
    for entry in entries:
        if entry.get("type") != "relation":
            said.setdefault(str(entry.get("id")), []).append(json.dumps(entry.get("value"), sort_keys=True))
    values = {name: "\n".join(sorted(some)) for name, some in said.items()}
    arrows = (
        [values.get(str(entry.get(end))) for end in ("from_id", "to_id")] + [entry.get("direction"), entry.get("labels")]
        for entry in entries
        if entry.get("type") == "relation"
    )
    return sorted(values.values()), sorted(json.dumps(arrow) for arrow in arrows)


def _names(annotation: dict[str, Any]) -> list[str]:
    """What an annotator is called: id, mail address."""
    person = annotation.get("completed_by")
    names = [person.get(key) for key in ("id", "email")] if isinstance(person, dict) else [person]
    return [str(name) for name in names if name is not None] or ["nobody named"]


def _column(record: dict[str, Any], regions: list[Region], at: Place, reading: Reading) -> str | None:
    """The key of the text; None where it is not known, and there is nothing to read of it."""
    data: dict[str, Any] = at.take(record, "data", dict, "document")
    named, strings = reading.options.text_column, [key for key, value in data.items() if isinstance(value, str)]
    if named is not None or len(strings) == 1:
        if named not in (None, *strings):
            raise at.fail(f"expected 'data' to have the string {named!r}, and saw {strings}. Name another with `text_column`.")
        return named or strings[0]
    fitting = [key for key in strings if any(region.said for region in regions) and _fits(regions, data[key])]
    if len(fitting) == 1:
        reading.counts["documents whose text is the one that the regions agree with"] += fitting != ["text"]
        return fitting[0]
    if "text" in data:
        return "text"
    if not regions:
        reading.leave_out("tasks without annotation or a known text (`text_column`)", str(at))
        return None
    raise at.fail(f"expected 'data' to have 'text', or one string alone, and saw {sorted(data)}. Name the text with `text_column`.")


def _as_plain(what: str, entry: dict[str, Any], at: Place) -> dict[str, Any]:
    """A label of HTML as one of a text."""
    value = at.take(entry, "value", dict, what)
    if not isinstance(value.get("globalOffsets"), dict) or not isinstance(value.get("text"), str):
        raise at.fail(f"{what}: a label of HTML without 'globalOffsets' and 'text', which say where it stands. Annotate plain text.")
    return {**entry, "type": "labels", "value": {**value["globalOffsets"], "text": value["text"], "labels": value.get(HTML)}}


def _text_of_html(source: str, regions: list[Region], at: Place) -> str:
    """What HTML says, or its source without tags, whichever has the regions at their offsets."""
    for text in (html.unescape(TAG.sub("", source)), TAG.sub(lambda match: " " * len(match[0]), source)):
        if _fits(regions, text):
            return text
    raise at.fail("its text is HTML, in which the labels are at no offsets that their 'text' agrees with. Annotate plain text.")


def _fits(regions: list[Region], text: str) -> bool:
    try:
        _fit(regions, text)
    except OffsetError:
        return False
    return True


def _regions(labels: list[tuple[str, dict[str, Any]]], at: Place, reading: Reading) -> dict[str, Region]:
    """The labelled regions by their ids. Results of one id are of one region, whose labels are of several sets."""
    texts = {str(entry.get("to_name")) for _, entry in labels}
    if len(texts) > 1:
        raise at.fail(f"the labels are of several texts: {sorted(texts)}. Expected one text per task.")
    regions: dict[str, Region] = {}
    for what, entry in labels:
        value = at.take(entry, "value", dict, what)
        name = at.name(entry, "id", what)
        start, end = at.take(value, "start", int, what), at.take(value, "end", int, what)
        types = at.take(value, "labels", list, what) if value.get("labels") is not None else []
        if not all(isinstance(kind, str) for kind in types):
            raise at.fail(f"{what}: expected 'labels' to be strings, and saw {types!r:.60}.")
        if not any(types):
            reading.leave_out(UNTYPED, str(at))
            continue
        said = at.take(value, "text", str, what) if value.get("text") is not None else None
        other = regions.get(name)
        if other is not None and (other.start, other.end, other.said) != (start, end, said):
            raise at.fail(f"{what}: {other.what} has the id {name!r} too, and other offsets or text. Expected one region for one id.")
        regions[name] = Region(what, name, start, end, said, list(dict.fromkeys([*(other.types if other else ()), *filter(None, types)])))
    return regions


def _mentions(regions: dict[str, Region], text: str, at: Place, reading: Reading) -> dict[str, list[Mention]]:
    """The mentions of each region by its id."""
    try:
        fit = _fit(list(regions.values()), text)
    except OffsetError as error:
        region = list(regions.values())[error.index]
        seen = text[max(region.start, 0) : max(region.end, 0)]
        if seen == region.said:  # several ways of counting fit
            raise at.fail(f"{region.what}: {error}") from error
        raise at.fail(
            f"{region.what}: characters {region.start}-{region.end} of the text are {seen!r:.60}, and its 'text' is {region.said!r:.60} "
            "(nor in UTF-16 units or bytes, or with CR LF as one)."
        ) from error
    reading.counts.update(fit.counts)
    late = [region for region in regions.values() if region.end > first_of_two(text)]
    reading.counts[UNCHECKED] += bool(late) and all(region.said is None for region in late)
    mentions: dict[str, list[Mention]] = {}
    for (name, region), [(start, end)] in zip(regions.items(), fit.places, strict=True):
        mentions[name] = [Mention(name if i == 0 else f"{name}.{i + 1}", start, end, kind) for i, kind in enumerate(region.types)]
    return mentions


def _fit(regions: list[Region], text: str) -> Fit:
    """RAISES: OffsetError where no way of counting fits all regions."""
    # Line ends may be written as a backslash and an n, which the text itself has not.
    said = [region.said if region.said is None or region.said in text else region.said.replace("\\n", "\n") for region in regions]
    claims = [Said(region.name, [(region.start, region.end)], text) for region, text in zip(regions, said, strict=True)]
    return fit_offsets(text, claims)


def _relations(
    what: str, entry: dict[str, Any], mentions: dict[str, list[Mention]], known: set[str], at: Place, reading: Reading
) -> Iterator[AnnotatedRelation]:
    names = [at.name(entry, key, what) for key in ("from_id", "to_id")]
    if not known.issuperset(names):
        reading.leave_out(UNKNOWN, str(at))
        return
    labels = entry.get("labels") or []
    if not (isinstance(labels, list) and all(isinstance(label, str) for label in labels)):
        raise at.fail(f"{what}: expected 'labels' to be strings, and saw {labels!r:.60}.")
    direction = "right" if entry.get("direction") is None else entry["direction"]
    if direction not in ("right", "left", "bi"):
        raise at.fail(f"{what}: expected 'direction' to be right, left or bi, and saw {direction!r:.60}.")
    ends = [mentions.get(name, []) for name in names]
    if any(len(found) != 1 for found in ends):
        reading.leave_out(SEVERAL if all(ends) else NO_MENTION, str(at))
        return
    # One of no label may have the default.
    labels = [label for label in labels if label] or [at.label({}, "labels", what, reading)]
    head, tail = (found[0].id for found in ends)
    orders = {"right": [(head, tail)], "left": [(tail, head)], "bi": [(head, tail), (tail, head)]}
    for label in filter(None, labels):
        for first, second in orders[direction]:
            yield AnnotatedRelation(first, second, label, at.score(entry, what))


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
