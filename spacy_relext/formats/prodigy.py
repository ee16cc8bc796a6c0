"""Prodigy's tasks of the view `relations`, as `prodigy db-out` writes them: JSON lines, one task per line.

    {"text": "Cimetidine raised warfarin levels.", "meta": {"document_id": "case-7"}, "answer": "accept",
     "tokens": [{"text": "Cimetidine", "start": 0, "end": 10, "id": 0, "ws": true}, …],
     "spans": [{"start": 0, "end": 10, "token_start": 0, "token_end": 0, "label": "CHEMICAL"}, …],
     "relations": [{"head": 0, "child": 2, "label": "MECHANISM",
                    "head_span": {"start": 0, "end": 10, "token_start": 0, "token_end": 0, "label": "CHEMICAL"}, "child_span": {…}}]}

Offsets count characters, ends are exclusive. If the `text` of tokens and spans shows that they count in another way, they are read so, and
the document is counted (offsets.py). The last token of a span (`token_end`) is inclusive. The offsets of `spans`, `head_span` and
`child_span` are what counts. Tokens, `token_start`, `token_end`, `text`, `head` and `child`, where given, are checked against them: `head`
and `child` are a token of the mention, as a rule its last. Without `head_span` the mention is the one with that token. Head and tail must
be spans of the task: a relation between bare tokens is left out and counted, and so are those of tokens that are not there, and those
without a label (`--default-label`).

`answer`: accepted tasks are read. A task is in the file because somebody answered it, so one without spans was accepted as a text that has
no mentions. A rejected one says that its annotation is wrong, and an ignored one nothing: both are left out and counted. Where several
people answered, `--annotator` names one, by `_annotator_id` or `_session_id`. Relations labelled `No-rel`, `no_relation` or `None` are no
relations; they are counted, and the document is annotated. Without the key `relations` it is not annotated for relations.

The id of a document is `document_id` in its `meta`, else `_task_hash`, else file and line; two answers to one task are an error. The format
has no field for sentences and scores: `meta` carries `sentence_offsets`, and a relation `score`. Ids of mentions are not kept. Mentions may
overlap in the file, and Prodigy does not show such a task.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from spacy_relext.formats.files import whole_file
from spacy_relext.formats.offsets import OffsetError, Said, fit_offsets
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import ID, SENTENCES, Place, meta_beside, meta_of, read_lines, refuse_denials, with_distinct_ids
from spacy_relext.formats.types import NO_MENTION, UNKNOWN, AnnotatedRelation, Document, Mention
from spacy_relext.formats.words import Words

LEFT_OUT = ("reject", "ignore")
HINT = "If these are answers of several people, name one of them with `annotator`."

# First and last character of the tokens.
Offsets = list[tuple[int, int]]


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a JSONL file, or all of a folder and the folders in it."""
    return read_lines(path, (".jsonl",), parse, reading, hint=HINT)


def parse(record: dict[str, Any], at: Place, reading: Reading) -> Document | None:
    """Make a document of a task; None of one that was not accepted."""
    answer, annotator = record.get("answer"), reading.options.annotator
    if annotator is not None and annotator not in (record.get("_annotator_id"), record.get("_session_id")):
        reading.counts["tasks of other annotators, left out"] += 1
        return None
    if answer in LEFT_OUT:
        reading.counts[f"tasks left out, answer {answer!r}"] += 1
        return None
    if answer != "accept":
        raise at.fail(
            f"expected 'answer' to be 'accept', 'reject' or 'ignore', and saw {answer!r:.60}. Is this a file of `prodigy db-out`?"
        )
    text, meta = at.text(record), at.meta(record)
    claims: list[Said] = []
    tokens = _tokens(record, claims, at)
    n_tokens = len(claims)
    # With the offsets as the file counts them.
    mentions = [Mention(f"T{i}", *place) for i, place in enumerate(_spans(record, claims, tokens, at), start=1)]
    try:
        fit = fit_offsets(text, claims)
    except OffsetError as error:
        raise at.fail(str(error)) from error
    relations: list[AnnotatedRelation] | None = None
    if record.get("relations") is not None:
        relations = []
        for what, entry in at.entries(record, "relations", "relation"):
            head, tail = (_end(entry, end, what, mentions, tokens, at) for end in ("head", "child"))
            if head is None or tail is None:
                reading.leave_out(UNKNOWN if _is_beyond(entry, tokens) else NO_MENTION, str(at))
            elif label := at.label(entry, "label", what, reading):
                relations.append(AnnotatedRelation(head.id, tail.id, label, at.score(entry, what)))
    names = [at.name(source, key, "document") for source, key in ((meta, ID), (record, "_task_hash")) if source.get(key) is not None]
    document = Document([*names, at.default_id][0], text, [], relations, source=at.path, line=at.line)
    document.unsupported.update(fit.counts)
    for mention, [(start, end)] in zip(mentions, fit.places[n_tokens:], strict=True):
        document.mentions.append(replace(mention, start=start, end=end))
    document.sentences, document.mentions_given = at.sentences(meta, SENTENCES), True
    document.meta = meta_beside(meta)
    return document


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a JSONL file of accepted tasks."""
    lost: Counter[str] = Counter()
    with whole_file(path) as file:
        for document in with_distinct_ids(documents, lost):
            file.write(json.dumps(_record(document), ensure_ascii=False) + "\n")
    return lost


def _tokens(record: dict[str, Any], claims: list[Said], at: Place) -> Offsets | None:
    """The tokens; what the file says of them is added to `claims`."""
    if record.get("tokens") is None:
        return None
    tokens: Offsets = []
    for what, entry in at.entries(record, "tokens", "token"):
        start, end = at.take(entry, "start", int, what), at.take(entry, "end", int, what)
        if at.take(entry, "id", int, what) != len(tokens):
            raise at.fail(f"{what}: its id is {entry['id']}; expected {len(tokens)}, its place in the list.")
        claims.append(Said(what, [(start, end)], at.take(entry, "text", str, what)))
        tokens.append((start, end))
    return tokens


def _spans(record: dict[str, Any], claims: list[Said], tokens: Offsets | None, at: Place) -> Iterator[tuple[int, int, str]]:
    """Offsets and label of each span; what the file says of it is added to `claims`."""
    for what, entry in at.entries(record, "spans", "span"):
        start, end = at.take(entry, "start", int, what), at.take(entry, "end", int, what)
        claims.append(Said(what, [(start, end)], at.take(entry, "text", str, what) if "text" in entry else None))
        for key, offset, side in (("token_start", start, 0), ("token_end", end, 1)):
            if tokens is not None and entry.get(key) is not None:
                place = _token(tokens, at.take(entry, key, int, what), what, at)
                if place[side] != offset:
                    raise at.fail(f"{what}: characters {start}-{end}, and {key!r} is token {entry[key]} at {place[0]}-{place[1]}.")
        yield start, end, at.take(entry, "label", str, what)


def _end(entry: dict[str, Any], end: str, what: str, mentions: list[Mention], tokens: Offsets | None, at: Place) -> Mention | None:
    """The mention that is a relation's `head` or `child`; None if it is none of the spans."""
    token = None
    if tokens is not None and entry.get(end) is not None:
        if _is_beyond(entry, tokens, (end,)):
            return None
        token = tokens[at.take(entry, end, int, what)]
    if entry.get(f"{end}_span") is not None:
        span = at.take(entry, f"{end}_span", dict, what)
        start, stop = (at.take(span, side, int, f"{what}, {end}_span") for side in ("start", "end"))
        found = [m for m in mentions if (m.start, m.end) == (start, stop) and span.get("label") in (None, m.type)]
        if not found:
            return None
        if token is not None and not start <= token[0] < token[1] <= stop:
            raise at.fail(f"{what}: {end!r} is token {entry[end]} at {token[0]}-{token[1]}, and '{end}_span' is at {start}-{stop}.")
        return found[0]
    if token is None:
        raise at.fail(f"{what}: expected '{end}_span', or {end!r} and 'tokens', and saw {sorted(entry)}.")
    found = [m for m in mentions if m.end == token[1]] or [m for m in mentions if m.start <= token[0] and token[1] <= m.end]
    if len(found) > 1:
        raise at.fail(f"{what}: {end!r} is token {entry[end]} at {token[0]}-{token[1]}, where {len(found)} spans are; expected one.")
    return found[0] if found else None


def _is_beyond(entry: dict[str, Any], tokens: Offsets | None, ends: tuple[str, ...] = ("head", "child")) -> bool:
    """Whether an end of a relation is a token that is not there."""
    return any(isinstance(entry.get(end), int) and not 0 <= entry[end] < len(tokens or ()) for end in ends)


def _token(tokens: Offsets, index: int, what: str, at: Place) -> tuple[int, int]:
    if not 0 <= index < len(tokens):
        raise at.fail(f"{what}: refers to token {index}, and there are {len(tokens)}, counted from 0.")
    return tokens[index]


def _record(document: Document) -> dict[str, Any]:
    refuse_denials(document)
    words = Words(document)
    spans = {
        mention.id: {
            "text": span.text,
            "start": span.start_char,
            "end": span.end_char,
            "token_start": span.start,
            "token_end": span.end - 1,
            "label": mention.type,
        }
        for mention, span in zip(document.mentions, words.mentions, strict=True)
    }
    tokens = [{"text": t.text, "start": t.idx, "end": t.idx + len(t), "id": t.i, "ws": bool(t.whitespace_)} for t in words.doc]
    record = {"text": document.text, "meta": meta_of(document), "tokens": tokens, "spans": list(spans.values())}
    if document.relations is not None:
        record["relations"] = [
            {
                "head": spans[r.head]["token_end"],
                "child": spans[r.tail]["token_end"],
                "head_span": {key: value for key, value in spans[r.head].items() if key != "text"},
                "child_span": {key: value for key, value in spans[r.tail].items() if key != "text"},
                "label": r.label,
            }
            | ({} if r.score == 1.0 else {"score": r.score})
            for r in document.relations
        ]
    return record | {"_view_id": "relations", "answer": "accept"}
