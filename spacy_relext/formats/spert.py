"""SpERT's JSON (Eberts & Ulges, ECAI 2020): a list of documents, as a rule a sentence each.

    [{"tokens": ["Cimetidine", "raised", "warfarin", "levels", "."], "orig_id": "case-7",
      "entities": [{"type": "CHEMICAL", "start": 0, "end": 1}, {"type": "CHEMICAL", "start": 2, "end": 3}],
      "relations": [{"type": "MECHANISM", "head": 0, "tail": 1}], "text": "Cimetidine raised warfarin levels."}, …]

`start` and `end` count tokens, the end is exclusive; `head` and `tail` count entities, all from 0. The text is that of the tokens with a
space between them. Files written here also have `text`, the text as it was, between whose tokens is white space alone: with it, texts come
back character by character. Tokens are those of spaCy's English tokenizer, cut where a mention begins or ends, and no white space.

Without `relations` a document is not annotated for relations, which is not the same as an empty list. Further fields that the format does
not have are written where they are needed, and ignored by others: `sentences` (character offsets), and `score` of a relation. The id of a
document is `orig_id`, else file and number. Ids of mentions are not kept. A
relation of an entity that is not there is left out and counted. Other keys (`pos`, `dep`, …) are counted, and not read.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from spacy_relext.formats.files import whole_file
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import Place, read_lists, with_distinct_ids
from spacy_relext.formats.types import METADATA, UNKNOWN, AnnotatedRelation, Document, Mention
from spacy_relext.formats.words import Words, check_words, find_words

KEYS = {"tokens", "entities", "relations", "orig_id", "text", "sentences"}


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a JSON file, or all of a folder and the folders in it."""
    return read_lists(path, (".json",), parse, reading)


def parse(record: dict[str, Any], at: Place, reading: Reading) -> Document:
    """Make a document of an entry of the list."""
    words = check_words(at.take(record, "tokens", list, "document"), at)
    text, offsets = find_words(words, at.text(record) if "text" in record else None, at)
    mentions: list[Mention] = []
    for what, entry in at.entries(record, "entities", "entity"):
        start, end = at.take(entry, "start", int, what), at.take(entry, "end", int, what)
        if not 0 <= start < end <= len(words):
            raise at.fail(f"{what}: tokens {start}-{end}; there are {len(words)}, an entity has at least one, and its end is exclusive.")
        mentions.append(Mention(f"T{len(mentions) + 1}", offsets[start][0], offsets[end - 1][1], at.take(entry, "type", str, what)))
    relations = None
    if record.get("relations") is not None:
        relations = []
        for what, entry in at.entries(record, "relations", "relation"):
            ends = [at.take(entry, key, int, what) for key in ("head", "tail")]
            label, score = at.take(entry, "type", str, what), at.score(entry, what)
            if not all(0 <= end < len(mentions) for end in ends):
                reading.leave_out(UNKNOWN, str(at))
                continue
            head, tail = (mentions[end].id for end in ends)
            relations.append(AnnotatedRelation(head, tail, label, score))
    for key in sorted(set(record) - KEYS):
        reading.counts[f"documents with {key!r}, not read"] += 1
    name = at.name(record, "orig_id", "document") if record.get("orig_id") is not None else at.default_id
    return Document(name, text, mentions, relations, at.sentences(record, "sentences"), source=at.path, line=at.line)


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a JSON file."""
    lost: Counter[str] = Counter()
    with whole_file(path) as file:
        file.write("[")
        for number, document in enumerate(with_distinct_ids(documents, lost, METADATA)):
            file.write((",\n" if number else "\n") + json.dumps(_record(document), ensure_ascii=False))
        file.write("\n]\n")
    return lost


def _record(document: Document) -> dict[str, Any]:
    words = Words(document)
    record: dict[str, Any] = {"tokens": words.texts, "entities": []}
    for mention, span in zip(document.mentions, words.mentions, strict=True):
        start, end = words.place(span)
        record["entities"].append({"type": mention.type, "start": start, "end": end})
    if document.relations is not None:
        index = {mention.id: i for i, mention in enumerate(document.mentions)}
        record["relations"] = [
            {"type": r.label, "head": index[r.head], "tail": index[r.tail]} | ({} if r.score == 1.0 else {"score": r.score})
            for r in document.relations
        ]
    if document.id:
        record["orig_id"] = document.id
    if document.sentences is not None:
        record["sentences"] = [list(sentence) for sentence in document.sentences]
    return record | {"text": document.text}
