"""BigBio's schema of knowledge bases (`bigbio_kb`; Fries et al., NeurIPS Datasets and Benchmarks, 2022): a record a document, as JSON.

    {"id": "0", "document_id": "1", "passages": [{"id": "p", "type": "abstract", "text": ["Ann lives in Rome."], "offsets": [[0, 18]]}],
     "entities": [{"id": "e1", "type": "Person", "text": ["Ann"], "offsets": [[0, 3]], "normalized": [{"db_name": "DB", "db_id": "1"}]}, …],
     "relations": [{"id": "r1", "type": "livesIn", "arg1_id": "e1", "arg2_id": "e2", "normalized": []}],
     "events": [{"id": "E1", "type": "Binding", "trigger": {"text": ["binds"], "offsets": [[9, 14]]},
                 "arguments": [{"role": "Theme", "ref_id": "e1"}, …]}], "coreferences": []}

The text is that of the passages at their offsets, with spaces between them where nothing else is. Offsets of entities count the
characters of the document; what else they may count, the texts beside them decide (offsets.py). The parts of a discontinuous entity are
kept as one stretch. Concepts are `db_name:db_id`, or `db_id` alone where there is no name. The head of a relation is `arg1_id`, and of an
event with exactly two entities as arguments it is told by their roles (roles.py); such an event is a relation between these, as in brat.
Other events, relations of what is no entity, coreferences and identifiers of relations are left out, and counted.

A file is a list of records, or has one per line; `relext convert datasets` reads such rows from disk.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spacy_relext.formats.corpora import DISCONTINUOUS, read_records, relate
from spacy_relext.formats.identifiers import join
from spacy_relext.formats.offsets import OffsetError, Said, Stretch, fit_offsets, stretch
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import Document, Mention

KEYS = {"passages", "entities", "relations"}
NO_ENTITY, NO_PAIR = "relations of relations, events or passages", "events without exactly two mentions"


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .json and .jsonl files of a folder and the folders in it."""
    return read_records(path, parse, reading)


def parse(record: dict[str, Any], at: Place, reading: Reading) -> Document:
    """Make a document of a record."""
    if not set(record) >= KEYS:
        raise at.fail(
            f"expected the keys {', '.join(sorted(KEYS))}, and saw {', '.join(sorted(record))[:100]}. Is it of the schema bigbio_kb?"
        )
    name = at.name(record, "document_id" if record.get("document_id") else "id", "document")
    document = Document(name, _text(record, at), relations=[], source=at.path, line=at.line, mentions_given=True)
    mentions = _mentions(record, document, at)
    document.mentions = list(mentions.values())
    for what, entry in at.entries(record, "relations", "relation"):
        ends = [mentions.get(at.name(entry, key, what)) for key in ("arg1_id", "arg2_id")]
        label = at.take(entry, "type", str, what)
        if ends[0] is None or ends[1] is None:
            document.leave_out(NO_ENTITY)
        else:
            relate(document, ends[0], ends[1], label)
        document.not_held["identifiers of relations"] += bool(entry.get("normalized"))
    for what, entry in at.entries({"events": record.get("events") or []}, "events", "event"):
        arguments = [
            (at.take(argument, "role", str, name), mentions.get(at.name(argument, "ref_id", name)))
            for name, argument in at.entries(entry, "arguments", f"{what}, argument")
        ]
        ends = [mention for _, mention in arguments if mention is not None]
        if len(arguments) != 2 or len(ends) != 2:
            document.leave_out(NO_PAIR)
            continue
        label = at.take(entry, "type", str, what)
        head, tail = reading.roles.direct(label, [(role, mention.id) for role, mention in arguments if mention], at.path, at.line)
        relate(document, mentions[head], mentions[tail], label)
        document.not_held["triggers of events"] += 1
    document.not_held["coreferences"] += len(record.get("coreferences") or [])
    return document


def _text(record: dict[str, Any], at: Place) -> str:
    """The text of a document, from its passages."""
    text = ""
    passages = []
    for what, entry in at.entries(record, "passages", "passage"):
        places, pieces = _places(entry, what, at), _pieces(entry, what, at)
        if len(places) != len(pieces):
            raise at.fail(f"{what}: {len(pieces)} texts and {len(places)} offsets; expected as many.")
        passages += [(*place, piece) for place, piece in zip(places, pieces, strict=True)]
    for start, _, piece in sorted(passages):
        at.check_characters(piece)
        if start < len(text):
            if text[start : start + len(piece)] != piece:
                raise at.fail(
                    f"a passage begins at {start}, and the one before it ends at {len(text)}. Expected passages that do not overlap."
                )
            continue
        # A number of spaces that no file has been written with would fill the memory.
        if start - len(text) > 10_000:
            raise at.fail(f"a passage begins at {start}, and the one before it ends at {len(text)}.")
        text += " " * (start - len(text)) + piece
    return text


def _mentions(record: dict[str, Any], document: Document, at: Place) -> dict[str, Mention]:
    """The mentions of the entities, by their ids."""
    entries = list(at.entries(record, "entities", "entity"))
    names = [at.name(entry, "id", what) for what, entry in entries]
    said = [
        Said(name, _places(entry, what, at), " ".join(_pieces(entry, what, at))) for name, (what, entry) in zip(names, entries, strict=True)
    ]
    try:
        fit = fit_offsets(document.text, said)
    except OffsetError as error:
        raise at.fail(str(error)) from error
    document.not_held.update(fit.counts)
    mentions: dict[str, Mention] = {}
    taken: set[Stretch] = set()
    for name, (what, entry), parts in zip(names, entries, fit.places, strict=True):
        if name in mentions:
            raise at.fail(f"{what}: an entity before it has the id {name!r}. Expected ids that differ.")
        start, end = stretch(sorted(parts), taken)
        taken.add((start, end))
        document.not_held[DISCONTINUOUS] += len(parts) > 1
        concepts = [
            ":".join(filter(None, (_said(concept, "db_name"), _said(concept, "db_id"))))
            for _, concept in at.entries({"normalized": entry.get("normalized") or []}, "normalized", f"{what}, identifier")
        ]
        mentions[name] = Mention(name, start, end, at.take(entry, "type", str, what), join(concepts))
    return mentions


def _said(concept: dict[str, Any], key: str) -> str:
    value = concept.get(key)
    return str(value) if isinstance(value, str | int) else ""


def _pieces(entry: dict[str, Any], what: str, at: Place) -> list[str]:
    pieces = at.take(entry, "text", list, what)
    if not all(isinstance(piece, str) for piece in pieces):
        raise at.fail(f"{what}: expected 'text' to be a list of strings, and saw {pieces!r:.60}.")
    return pieces


def _places(entry: dict[str, Any], what: str, at: Place) -> list[Stretch]:
    places = at.take(entry, "offsets", list, what)
    if not all(isinstance(place, list) and [type(number) for number in place] == [int, int] for place in places):
        raise at.fail(f"{what}: expected 'offsets' to be a list of [start, end], and saw {places!r:.60}.")
    return [(start, end) for start, end in places]
