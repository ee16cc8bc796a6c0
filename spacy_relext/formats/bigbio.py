"""BigBio's schema of knowledge bases (`bigbio_kb`; Fries et al., NeurIPS Datasets and Benchmarks, 2022): one record per document, as JSON.

    {"id": "0", "document_id": "1", "passages": [{"id": "p", "type": "abstract", "text": ["Ann lives in Rome."], "offsets": [[0, 18]]}],
     "entities": [{"id": "e1", "type": "Person", "text": ["Ann"], "offsets": [[0, 3]], "normalized": [{"db_name": "DB", "db_id": "1"}]}, …],
     "relations": [{"id": "r1", "type": "livesIn", "arg1_id": "e1", "arg2_id": "e2", "normalized": []}],
     "events": [{"id": "E1", "type": "Binding", "trigger": {"text": ["binds"], "offsets": [[9, 14]]},
                 "arguments": [{"role": "Theme", "ref_id": "e1"}, …]}], "coreferences": []}

The text is that of the passages at their offsets, with spaces between them where nothing else is. Offsets of entities count the
characters of the document; what else they may count, the texts beside them decide (offsets.py). The parts of a discontinuous entity are
kept as one stretch. Concepts are `db_name:db_id`, or `db_id` alone where there is no name. Head and tail of relations, events,
discontinuous entities: as standoff.py has them for brat. A relation or event of what is not there, or is none of them, such as a passage,
coreferences and identifiers of relations are left out, and counted.

A file is a list of records, or has one per line; `relext convert datasets` reads such rows from disk.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spacy_relext.errors import DataError
from spacy_relext.formats.corpora import read_records
from spacy_relext.formats.offsets import Stretch
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.standoff import EVENTS_OF_EVENTS, NO_TRIGGER, Standoff, StandoffLine
from spacy_relext.formats.types import UNKNOWN, Document

KEYS = {"passages", "entities", "relations"}


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .json and .jsonl files of a folder and the folders in it."""
    return read_records(path, parse, reading)


def parse(record: dict[str, Any], at: Place, reading: Reading) -> Document:
    """Make a document of a record."""
    if not set(record) >= KEYS:
        seen = ", ".join(sorted(record))
        raise at.fail(f"expected the keys {', '.join(sorted(KEYS))}, and saw {seen:.100}. Is it of the schema bigbio_kb?")
    name = at.name(record, "document_id" if record.get("document_id") else "id", "document")
    document = Document(name, _text(record, at), source=at.path, line=at.line, mentions_given=True)
    lines = _Lines(Standoff(document, reading), at)
    lines.add_entities(record)
    events = list(at.entries({"events": record.get("events") or []}, "events", "event"))
    relations = list(at.entries(record, "relations", "relation"))
    for kind, entries in (("E", events), ("R", relations)):
        for what, entry in entries:
            lines.name(kind, entry, what)
    for what, entry in relations:
        lines.add_relation(entry, what)
    for what, entry in events:
        lines.add_event(entry, what, with_trigger=reading.options.events is not None)
    try:
        lines.standoff.annotate()
    except DataError as error:
        raise at.fail(error.message) from error
    document.unsupported["coreferences"] += len(record.get("coreferences") or [])
    return document


class _Lines:
    """What a record says, as the lines of a standoff file."""

    def __init__(self, standoff: Standoff, at: Place):
        self.standoff, self.at = standoff, at
        # From the ids of the record to the names of lines.
        self.names: dict[str, str] = {}
        self._n_triggers = 0

    def name(self, kind: str, entry: dict[str, Any], what: str) -> str:
        """A name for what has an id."""
        identifier = self.at.name(entry, "id", what)
        if identifier in self.names:
            raise self.at.fail(f"{what}: the id {identifier!r} is that of another. Expected ids that differ.")
        return self.names.setdefault(identifier, f"{kind}{len(self.names) + 1}")

    def add_entities(self, record: dict[str, Any]) -> None:
        """Add the mentions, and the identifiers of their concepts."""
        for what, entry in self.at.entries(record, "entities", "entity"):
            name = self.name("T", entry, what)
            self._add_mention(name, self.at.take(entry, "type", str, what), entry, what)
            for _, concept in self.at.entries({"normalized": entry.get("normalized") or []}, "normalized", f"{what}, identifier"):
                identifier = ":".join(filter(None, (_said(concept, "db_name"), _said(concept, "db_id"))))
                if identifier:
                    self._add("N", "", name, identifier, "")

    def add_relation(self, entry: dict[str, Any], what: str) -> None:
        """Add a relation."""
        ends = [(key.removesuffix("_id"), self.at.name(entry, key, what)) for key in ("arg1_id", "arg2_id")]
        label = self.at.take(entry, "type", str, what)
        self.standoff.document.unsupported["identifiers of relations"] += bool(entry.get("normalized"))
        if self._are_known(ends):
            self._add("R", self.names[self.at.name(entry, "id", what)], label, self._arguments(ends))

    def add_event(self, entry: dict[str, Any], what: str, *, with_trigger: bool) -> None:
        """Add an event. with_trigger: Its trigger may be a mention of a relation."""
        label = self.at.take(entry, "type", str, what)
        ends = [
            (self.at.take(argument, "role", str, name), self.at.name(argument, "ref_id", name))
            for name, argument in self.at.entries(entry, "arguments", f"{what}, argument")
        ]
        if not self._are_known(ends):
            return
        # Where it is in no relation, any mention is in the place of the trigger.
        trigger = next((name for name in self.names.values() if name[0] == "T"), None)
        said = entry.get("trigger")
        if with_trigger:
            trigger = None
            if isinstance(said, dict) and said.get("offsets"):
                self._n_triggers += 1
                trigger = f"Trigger{self._n_triggers}"
                self._add_mention(trigger, label, said, f"{what}, trigger")
        if trigger is None:
            self.standoff.document.leave_out(NO_TRIGGER if with_trigger else EVENTS_OF_EVENTS)
        else:
            self._add("E", self.names[self.at.name(entry, "id", what)], label, trigger, self._arguments(ends))

    def _add_mention(self, name: str, kind: str, entry: dict[str, Any], what: str) -> None:
        places = ";".join(f"{start} {end}" for start, end in _places(entry, what, self.at))
        if not places:
            raise self.at.fail(f"{what}: 'offsets' is empty; expected [[start, end]].")
        self._add("T", name, kind, places, " ".join(_pieces(entry, what, self.at)))

    def _are_known(self, ends: list[tuple[str, str]]) -> bool:
        is_known = all(identifier in self.names for _, identifier in ends)
        if not is_known:
            self.standoff.document.leave_out(UNKNOWN)
        return is_known

    def _arguments(self, ends: list[tuple[str, str]]) -> str:
        return " ".join(re.sub(r"[\s:]+", "_", role) + ":" + self.names[identifier] for role, identifier in ends)

    def _add(self, kind: str, *values: str) -> None:
        # The line is that of the record: errors and counts name it.
        row = StandoffLine(Path(str(self.at.path)), self.at.line, values)  # type: ignore[arg-type]
        self.standoff.rows[kind].append(row)
        if kind in "TRE":
            self.standoff.ids[values[0]] = row


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


def _said(concept: dict[str, Any], key: str) -> str:
    value = concept.get(key)
    return str(value) if isinstance(value, str | int) else ""


def _pieces(entry: dict[str, Any], what: str, at: Place) -> list[str]:
    pieces: list[str] = at.take(entry, "text", list, what)
    if not all(isinstance(piece, str) for piece in pieces):
        raise at.fail(f"{what}: expected 'text' to be a list of strings, and saw {pieces!r:.60}.")
    return pieces


def _places(entry: dict[str, Any], what: str, at: Place) -> list[Stretch]:
    places = at.take(entry, "offsets", list, what)
    if not all(isinstance(place, list) and [type(number) for number in place] == [int, int] for place in places):
        raise at.fail(f"{what}: expected 'offsets' to be a list of [start, end], and saw {places!r:.60}.")
    return [(start, end) for start, end in places]
