"""Triples of strings beside a text, as NYT, WebNLG and their kin have them: a list in JSON, or a record per line.

    {"text": "Ann lives in Rome.", "triple_list": [["Ann", "livesIn", "Rome"]]}                                        CasRel, TPLinker
    {"sentText": "Ann lives in Rome.", "relationMentions": [{"em1Text": "Ann", "em2Text": "Rome", "label": "livesIn"}],
     "entityMentions": [{"text": "Ann", "label": "PERSON"}, …]}                                                        NYT (CoType, CopyRE)
    {"text": "Ann lives in Rome.", "spo_list": [{"subject": "Ann", "predicate": "livesIn", "object": "Rome", …}]}      DuIE
    {"text": "Ann lives in Rome.", "relation_list": [{"subject": "Ann", "predicate": "livesIn", "object": "Rome", …}]} TPLinker

(Zeng et al., ACL 2018; Wei et al., ACL 2020; Wang et al., COLING 2020.) Lists of triples are also called `triples` and `triplets`, and
triples [head, label, tail] or objects with subject or head, predicate, relation or label, object or tail. A record is a document.

No offsets are read: where a name stands is found in the text, as whole words; else anywhere; else in other letters, or with other white
space. Where a name, or both, stands several times, the two that are nearest to each other are taken, the first such pair of several,
which is counted, and two that overlap only if there are no others; the other places are no mentions. A triple whose name the text does
not have is left out, and counted. Mentions have the type that `entityMentions`, or `subject_type` and `object_type`, give the name, and
ENTITY where nothing does. The label None of NYT denies a relation, and makes the pair a negative. A record without a list of triples is
not annotated; it is an error where it has another list or object, which may be one.
"""

from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spacy_relext.formats.corpora import UNTYPED, occurrences, read_records, relate
from spacy_relext.formats.offsets import Stretch
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import Document, Mention

TEXTS = ("text", "sentText", "sentence")
LISTS = ("triple_list", "relationMentions", "spo_list", "relation_list", "triples", "triplets")
# What objects call head, label and tail.
KEYS = (("subject", "em1Text", "head"), ("predicate", "relation", "label"), ("object", "em2Text", "tail"))
SEVERAL = "triples of names that stand several times (the nearest pair taken)"
NOT_THERE, NAME_NOT_THERE = "triples of a name that is not in the text", "mentions of a name that is not in the text"


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .json and .jsonl files of a folder and the folders in it."""
    return read_records(path, lambda record, at, reading: parse(record, at), reading)


def parse(record: dict[str, Any], at: Place) -> Document:
    """Make a document of a record."""
    key = next((key for key in TEXTS if key in record), TEXTS[0])
    name = at.name(record, "id", "document") if record.get("id") is not None else at.default_id
    document = Document(name, at.text(record, key), source=at.path, line=at.line)
    names = _Names(document, _types(record, at))
    lists = [name for name in LISTS if record.get(name) is not None]
    if len(lists) > 1:
        raise at.fail(f"expected one list of triples, and saw {' and '.join(lists)}. Take out one.")
    others = [key for key, value in record.items() if isinstance(value, list | dict) and key not in (*LISTS, "entityMentions")]
    if not lists and others:
        raise at.fail(f"expected a list of triples, called {' or '.join(LISTS)}, and saw {', '.join(others)}. Is this another format?")
    if lists:
        document.relations = []
        for number, entry in enumerate(at.take(record, lists[0], list, "document"), start=1):
            head, label, tail, *types = _triple(entry, f"triple {number}", at)
            names.relate(head, label, tail, *types)
    names.add_others()
    document.mentions = sorted(names.mentions.values(), key=lambda mention: (mention.start, mention.end))
    return document


class _Names:
    """The names of a document, and the mentions that were made of them, by their places."""

    def __init__(self, document: Document, types: dict[str, str]):
        self.document, self.types = document, types
        self.mentions: dict[Stretch, Mention] = {}
        self._places: dict[str, list[Stretch]] = {}
        self._taken: set[str] = set()

    def relate(self, head: str, label: str, tail: str, head_type: str, tail_type: str) -> None:
        """Add the relation of a triple, or count why not."""
        heads, tails = self._find(head), self._find(tail)
        if not heads or not tails:
            self.document.leave_out(NOT_THERE)
            return
        a, b = _nearest(heads, tails)
        self._taken |= {head, tail}
        self.document.unsupported[SEVERAL] += len(heads) > 1 or len(tails) > 1
        relate(self.document, self._mention(a, head, head_type), self._mention(b, tail, tail_type), label)

    def add_others(self) -> None:
        """Add the mentions that are in no triple, where their name stands first."""
        for name in self.types:
            if name not in self._taken:
                places = self._find(name)
                if places:
                    self._mention(places[0], name, "")
                else:
                    self.document.leave_out(NAME_NOT_THERE)

    def _find(self, name: str) -> list[Stretch]:
        if name not in self._places:
            self._places[name] = occurrences(name, self.document.text)
        return self._places[name]

    def _mention(self, place: Stretch, name: str, kind: str) -> Mention:
        made = Mention(f"T{len(self.mentions) + 1}", *place, kind or self.types.get(name) or UNTYPED)
        return self.mentions.setdefault(place, made)


def _nearest(heads: list[Stretch], tails: list[Stretch]) -> tuple[Stretch, Stretch]:
    """The head and the tail with the fewest characters between them. Both are sorted, and places of one name do not overlap.

    If that can be, they do not overlap: the Aarhus of "Aarhus Airport serves Aarhus" is the second one.
    """
    starts = [start for start, _ in tails]
    pairs = []
    for head in heads:
        i, j = bisect_left(starts, head[0]), bisect_left(starts, head[1])
        pairs += [(head, tail) for tail in [*tails[max(0, i - 2) : i + 1], *tails[j : j + 1]]]
    return min(pairs, key=_distance)


def _distance(pair: tuple[Stretch, Stretch]) -> tuple[bool, bool, int]:
    """Whether the two are the same characters, whether they overlap, and how many characters are between them."""
    (_, end), (start, _) = sorted(pair)
    return pair[0] == pair[1], start < end, max(0, start - end)


def _types(record: dict[str, Any], at: Place) -> dict[str, str]:
    """The types of names that a record lists."""
    if record.get("entityMentions") is None:
        return {}
    entries = at.entries(record, "entityMentions", "mention")
    return {at.take(entry, "text", str, what): at.take(entry, "label", str, what) for what, entry in entries}


def _triple(entry: Any, what: str, at: Place) -> list[str]:
    """Head, label and tail, and the types of head and tail, which may be empty."""
    if isinstance(entry, dict):
        found = [next((key for key in keys if key in entry), keys[0]) for keys in KEYS]
        types = [at.take(entry, key, str, what) if entry.get(key) is not None else "" for key in ("subject_type", "object_type")]
        return [*(at.take(entry, key, str, what) for key in found), *types]
    if not (isinstance(entry, list) and len(entry) == 3 and all(isinstance(part, str) for part in entry)):
        raise at.fail(f"{what}: expected [head, label, tail], or an object with these, and saw {entry!r:.60}.")
    return [*entry, "", ""]
