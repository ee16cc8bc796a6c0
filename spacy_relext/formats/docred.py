"""DocRED (Yao et al., ACL 2019) and Re-DocRED (Tan et al., EMNLP 2022): documents as JSON, whose relations hold between entities.

    [{"title": "Ann", "sents": [["Ann", "lives", "in", "Rome", "."], ["She", "likes", "it", "."]],
      "vertexSet": [[{"name": "Ann", "sent_id": 0, "pos": [0, 1], "type": "PER"}, {"name": "She", "sent_id": 1, "pos": [0, 1], …}],
                    [{"name": "Rome", "sent_id": 0, "pos": [3, 4], "type": "LOC"}]],
      "labels": [{"h": 0, "t": 1, "r": "P551", "evidence": [0]}]}]

`pos` counts tokens of the sentence, its end is exclusive. The text is that of the tokens with a space between them. An entity, a cluster
of mentions, becomes a concept, whose identifier is made of the document's title and the entity's number ("Ann#0"): what is one entity in
two documents is not known. `labels` are relations between these concepts, those between mentions follow from them (concepts.py). The
evidence of a relation, the numbers of the sentences that say it, counted from 0, are its attributes "evidence:0", "evidence:3".

A document without `labels`, as the test part is published, is not annotated for relations. Where a name is not what its tokens are (white
space aside), the tokens hold, which is counted. A relation with an entity that is not there is left out, and counted. Other keys are
counted, and not read. Relations are called by the properties of Wikidata; the file of their names, rel_info.json, is left out where a
folder is read. A title that another document has gets a number behind it, counted.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from spacy_relext.formats.corpora import read_records
from spacy_relext.formats.identifiers import UNKNOWN
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.formats.words import check_words, find_words
from spacy_relext.notices import counted_name

EVIDENCE = "evidence:"
WITH_ITSELF = "relations of a concept to itself"
NAMES = "rel_info.json"
RENAMED = "documents of a title that another has (numbered)"
OTHER_NAMES = "names of mentions that differ from their tokens (tokens kept)"
KEYS = {"title", "sents", "vertexSet", "labels"}


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .json and .jsonl files of a folder and the folders in it."""
    titles: dict[str, int] = {}

    def numbered(record: dict[str, Any], at: Place, reading: Reading) -> Document:
        title = at.name(record, "title", "document")
        number = titles.get(title, 0) + 1
        document = parse(record, at, reading, title if number == 1 else f"{title}-{number}")
        titles[title] = number
        reading.counts[RENAMED] += number > 1
        return document

    return read_records(path, numbered, reading, skipped=NAMES)


def parse(record: dict[str, Any], at: Place, reading: Reading, name: str) -> Document:
    """Make a document of a record."""
    lists = at.take(record, "sents", list, "document")
    if not all(isinstance(sentence, list) for sentence in lists):
        raise at.fail("expected 'sents' to be lists of tokens.")
    text, offsets = find_words(check_words([word for sentence in lists for word in sentence], at), None, at)
    bounds = [0]
    for sentence in lists:
        bounds.append(bounds[-1] + len(sentence))
    document = Document(name, text, source=at.path, line=at.line, mentions_given=True)
    document.sentences = [(offsets[start][0], offsets[end - 1][1]) for start, end in pairwise(bounds) if start < end]
    # What joins identifiers is in none.
    prefix = re.sub(r"[\s|\\]+", "_", name)
    entities = at.take(record, "vertexSet", list, "document")
    for number, entity in enumerate(entities):
        for what, entry in at.entries({"vertexSet": entity}, "vertexSet", f"entity {number}, mention"):
            start, end = _place(entry, what, bounds, at)
            mention = Mention(
                f"T{len(document.mentions) + 1}",
                offsets[start][0],
                offsets[end - 1][1],
                at.take(entry, "type", str, what),
                f"{prefix}#{number}",
            )
            document.mentions.append(mention)
            said = at.take(entry, "name", str, what)
            document.unsupported[OTHER_NAMES] += "".join(said.split()) != "".join(text[mention.start : mention.end].split())
    if record.get("labels") is not None:
        document.concept_relations = []
        for what, entry in at.entries(record, "labels", "relation"):
            head, tail = (at.take(entry, key, int, what) for key in ("h", "t"))
            if not all(0 <= end < len(entities) and entities[end] for end in (head, tail)):
                document.leave_out(UNKNOWN)
                continue
            if head == tail:
                document.leave_out(WITH_ITSELF)
                continue
            evidence = tuple(f"{EVIDENCE}{sentence}" for sentence in _evidence(entry, what, len(lists), at))
            label = at.take(entry, "r", str, what)
            document.concept_relations.append(AnnotatedRelation(f"{prefix}#{head}", f"{prefix}#{tail}", label, attributes=evidence))
    for key in sorted(set(record) - KEYS):
        reading.leave_out(f"documents with {key!r}, not read", str(at))
    return document


def _place(entry: dict[str, Any], what: str, bounds: list[int], at: Place) -> tuple[int, int]:
    """The first token of a mention, and the one after its last, counted in the document."""
    sentence, position = at.take(entry, "sent_id", int, what), at.take(entry, "pos", list, what)
    if not 0 <= sentence < len(bounds) - 1:
        raise at.fail(f"{what}: 'sent_id' is {sentence!r:.60}, and the document has {counted_name(len(bounds) - 1, 'sentences')}.")
    length = bounds[sentence + 1] - bounds[sentence]
    if not ([type(number) for number in position] == [int, int] and 0 <= position[0] < position[1] <= length):
        raise at.fail(
            f"{what}: 'pos' is {position!r:.60}; expected [first token, one after the last], and its sentence has "
            f"{counted_name(length, 'tokens')}."
        )
    return bounds[sentence] + position[0], bounds[sentence] + position[1]


def _evidence(entry: dict[str, Any], what: str, n_sentences: int, at: Place) -> list[int]:
    numbers = at.take(entry, "evidence", list, what) if entry.get("evidence") is not None else []
    if not all(type(number) is int and 0 <= number < n_sentences for number in numbers):
        raise at.fail(f"{what}: 'evidence' is {numbers!r:.60}; expected numbers of sentences, of which there are {n_sentences}, from 0.")
    return numbers
