"""The JSON lines of DyGIE++ (Wadden et al., EMNLP 2019), SciERC and PURE: one document per line.

    {"doc_key": "case-7", "sentences": [["Cimetidine", "raised", "warfarin", "."], ["Tea", "did", "not", "."]],
     "ner": [[[0, 0, "CHEMICAL"], [2, 2, "CHEMICAL"]], [[4, 4, "FOOD"]]], "relations": [[[0, 0, 2, 2, "MECHANISM"]], []],
     "_text": "Cimetidine raised warfarin. Tea did not."}

Numbers count tokens of the document from 0, ends are inclusive; head and tail of a relation stand there as their tokens, and are entities.
The text is that of the tokens with a space between them. Files written here also have `_text`, the text as it was, between whose tokens is
white space alone: with it, texts come back character by character. Tokens are those of spaCy's English tokenizer, cut where a mention or a
sentence begins or ends, and no white space.

Without `relations` a document is not annotated for relations, which is not the same as empty lists; without `ner` it has no mentions.
Scores are in `_scores`, lists like `relations`. Other fields (`clusters`, `events`, predictions, …) are counted, and not read. A sentence
begins and ends with a token that is no white space. Ids of mentions are not kept.

A relation whose tokens are no entity, or entities of several types, is left out and counted.

An error, since the format cannot hold it: a document without sentences or id, a mention or a relation across sentences, and a relation of
a mention where another one, of another type, is at the same tokens.
"""

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from spacy_relext.formats.files import whole_file
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import Place, read_lines, with_distinct_ids
from spacy_relext.formats.types import METADATA, SEVERAL_TYPES, UNKNOWN, AnnotatedRelation, Document, Mention
from spacy_relext.formats.words import Words, check_words, find_words
from spacy_relext.notices import counted_name

KEYS = {"doc_key", "sentences", "ner", "relations", "_text", "_scores"}

# First token of the document, and last.
Tokens = tuple[int, int]


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .json and .jsonl files of a folder and the folders in it."""
    return read_lines(path, (".json", ".jsonl"), parse, reading)


def parse(record: dict[str, Any], at: Place, reading: Reading) -> Document:
    """Make a document of a line."""
    name = at.name(record, "doc_key", "document")
    lists = at.take(record, "sentences", list, "document")
    if not all(isinstance(sentence, list) for sentence in lists):
        raise at.fail("expected 'sentences' to be lists of tokens.")
    words = check_words([word for sentence in lists for word in sentence], at)
    text, offsets = find_words(words, at.text(record, "_text") if "_text" in record else None, at)
    bounds = [0]
    for sentence in lists:
        bounds.append(bounds[-1] + len(sentence))
    places: dict[Tokens, list[Mention]] = {}
    mentions: list[Mention] = []
    for (start, end, kind), _ in _entries(record, "ner", 3, bounds, at):
        mentions.append(Mention(f"T{len(mentions) + 1}", offsets[start][0], offsets[end][1], kind))
        places.setdefault((start, end), []).append(mentions[-1])
    relations = None
    if record.get("relations") is not None:
        relations = []
        for (*ends, label), score in _entries(record, "relations", 5, bounds, at):
            head, tail = (places.get((start, end), []) for start, end in (ends[:2], ends[2:]))
            if not head or not tail:
                reading.leave_out(UNKNOWN, str(at))
            elif len({mention.type for mention in head}) > 1 or len({mention.type for mention in tail}) > 1:
                reading.leave_out(SEVERAL_TYPES, str(at))
            else:
                relations.append(AnnotatedRelation(head[0].id, tail[0].id, label, score))
    for key in sorted(set(record) - KEYS):
        reading.counts[f"documents with {key!r}, not read"] += 1
    sentences = [(offsets[start][0], offsets[end - 1][1]) for start, end in pairwise(bounds) if start < end]
    return Document(name, text, mentions, relations, sentences, source=at.path, line=at.line)


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a file of JSON lines."""
    lost: Counter[str] = Counter()
    with whole_file(path) as file:
        for document in with_distinct_ids(documents, lost, METADATA):
            file.write(json.dumps(_record(document), ensure_ascii=False) + "\n")
    return lost


def _entries(record: dict[str, Any], key: str, size: int, bounds: list[int], at: Place) -> Iterator[tuple[list[Any], float]]:
    """The entries of `ner` or `relations`, each of tokens and a label, checked against the sentence in whose list they are; and a score."""
    if record.get(key) is None:
        return
    lists = at.take(record, key, list, "document")
    scores = record.get("_scores") if key == "relations" else None
    if len(lists) != len(bounds) - 1:
        raise at.fail(
            f"{key!r} has {counted_name(len(lists), 'lists')} for {counted_name(len(bounds) - 1, 'sentences')}; expected one for each."
        )
    if scores is not None and [len(s) if isinstance(s, list) else -1 for s in lists] != [
        len(s) if isinstance(s, list) else -2 for s in at.take(record, "_scores", list, "document")
    ]:
        raise at.fail("'_scores' has other lengths than 'relations'. Remove it after relations were changed.")
    for i, ((first, stop), entries) in enumerate(zip(pairwise(bounds), lists, strict=True)):
        if not isinstance(entries, list):
            raise at.fail(f"{key}, sentence {i}: expected a list, and saw {entries!r:.60}.")
        for j, entry in enumerate(entries):
            what = f"{key}, sentence {i}, entry {j}"
            kinds = [int] * (size - 1) + [str]
            if not (isinstance(entry, list) and [type(value) for value in entry] == kinds):
                raise at.fail(f"{what}: expected {size - 1} tokens and a label, and saw {entry!r:.60}.")
            for start, end in zip(entry[:-1:2], entry[1:-1:2], strict=True):
                if not first <= start <= end < stop:
                    raise at.fail(f"{what}: tokens {start}-{end} (inclusive) are not in its sentence, {first}-{stop - 1} of the document.")
            yield entry, 1.0 if scores is None else at.score({"score": scores[i][j]}, what)


def _record(document: Document) -> dict[str, Any]:
    if document.sentences is None and document.text:
        raise document.error("it has no sentences, and the DyGIE format is by sentence. Convert it with `sentences`, or add a sentencizer.")
    if not document.id:
        raise document.error("it has no id, and the DyGIE format needs one (doc_key).")
    words = Words(document)
    bounds = sorted({0, len(words.texts), *(words.place(sentence)[0] for sentence in (words.doc.sents if len(words.doc) else ()))})
    sentences = list(pairwise(bounds))
    starts = [start for start, _ in sentences]
    ner: list[list[Any]] = [[] for _ in sentences]
    places: dict[str, tuple[int, int, int]] = {}
    for mention, span in zip(document.mentions, words.mentions, strict=True):
        start, end = words.place(span)
        sentence = bisect_right(starts, start) - 1
        if end > sentences[sentence][1]:
            raise document.error(f"the mention {span.text!r} at {span.start_char} runs across sentences: the DyGIE format cannot hold it.")
        places[mention.id] = (sentence, start, end - 1)
        ner[sentence].append([start, end - 1, mention.type])
    record: dict[str, Any] = {"doc_key": document.id, "sentences": [words.texts[start:end] for start, end in sentences], "ner": ner}
    if document.relations is not None:
        record |= _relation_lists(document, places, len(sentences))
    return record | {"_text": document.text}


def _relation_lists(document: Document, places: dict[str, tuple[int, int, int]], n_sentences: int) -> dict[str, list[list[Any]]]:
    """Relations by sentence, and their scores where they are not 1."""
    relations: list[list[Any]] = [[] for _ in range(n_sentences)]
    scores: list[list[Any]] = [[] for _ in range(n_sentences)]
    types: dict[tuple[int, int, int], set[str]] = {}
    for mention in document.mentions:
        types.setdefault(places[mention.id], set()).add(mention.type)
    for relation in document.relations or ():
        head, tail = places[relation.head], places[relation.tail]
        if head[0] != tail[0]:
            raise document.error(
                f"a relation {relation.label!r} runs across sentences: the DyGIE format cannot hold it. Others do, e.g. spert or prodigy."
            )
        if len(types[head]) > 1 or len(types[tail]) > 1:
            raise document.error(
                f"a relation {relation.label!r} is of a mention at the place of another: the DyGIE format cannot tell them apart."
            )
        relations[head[0]].append([*head[1:], *tail[1:], relation.label])
        scores[head[0]].append(relation.score)
    return {"relations": relations} | ({"_scores": scores} if any(score != 1.0 for some in scores for score in some) else {})
