"""TACRED, its corrections Re-TACRED and TACRev, and what has their shape: a list of examples in JSON (Zhang et al., EMNLP 2017).

    [{"id": "e1", "token": ["Ann", "lives", "in", "Rome", "."], "subj_start": 0, "subj_end": 0, "subj_type": "PERSON",
      "obj_start": 3, "obj_end": 3, "obj_type": "CITY", "relation": "per:cities_of_residence"}, …]

An example is a document of one sentence with two mentions: it says nothing of other pairs. Numbers count tokens, ends are inclusive. The
head is the subject. `no_relation` denies one, and makes the pair a negative; an example without `relation` is not annotated. The text is
that of the tokens with a space between them; the tokens for brackets of the Penn Treebank (-LRB-, -RSB-, …) are written as brackets,
counted. What else an example has (`docid`, parts of speech, dependencies, other names) is not read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spacy_relext.formats.corpora import read_records, relate
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import Document, Mention
from spacy_relext.formats.words import check_words, find_words
from spacy_relext.notices import counted_name

BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .json and .jsonl files of a folder and the folders in it."""
    return read_records(path, parse, reading)


def parse(record: dict[str, Any], at: Place, reading: Reading) -> Document:
    """Make a document of an example."""
    words = check_words(at.take(record, "token", list, "document"), at)
    reading.counts["tokens for brackets (-LRB-, …), written as brackets"] += sum(word.upper() in BRACKETS for word in words)
    text, offsets = find_words([BRACKETS.get(word.upper(), word) for word in words], None, at)
    name = at.name(record, "id", "document") if "id" in record else at.default_id
    document = Document(name, text, sentences=[(0, len(text))], source=at.path, line=at.line, mentions_given=True)
    for end, key in (("subj", "T1"), ("obj", "T2")):
        first, last = (at.take(record, f"{end}_{place}", int, "document") for place in ("start", "end"))
        if not 0 <= first <= last < len(words):
            raise at.fail(f"tokens {first}-{last} (inclusive) are the {end}ect; the sentence has {counted_name(len(words), 'tokens')}.")
        document.mentions.append(Mention(key, offsets[first][0], offsets[last][1], at.take(record, f"{end}_type", str, "document")))
    if record.get("relation") is not None:
        head, tail = document.mentions
        relate(document, head, tail, at.take(record, "relation", str, "document"))
    return document
