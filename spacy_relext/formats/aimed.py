"""AIMed as ten folds (Bunescu et al., Artif. Intell. Med. 33:139, 2005): JSON lines, a pair of proteins each, in test_0.json … test_9.json.

    {"id": "AIMed.d1.s2_AIMed.d1.s2.p0", "text": "Abc1 binds Xyz.", "text_with_entity_marker": "[E1]Abc1[/E1] binds [E2]Xyz[/E2].",
     "relation": [{"relation_type": "positive", "entity_1": "Abc1", "entity_1_idx": [[0, 4]], "entity_1_type": "protein",
                   "entity_2": "Xyz", "entity_2_idx": [[11, 14]], "entity_2_type": "protein", …}], …}

`id` names document, sentence and pair. `text` is the sentence as it is; offsets count its characters, ends are exclusive. A sentence
stands there once for each of its n(n-1)/2 pairs, so that its mentions are those of its pairs, and a missing pair is noticed. Markers of
the other mention may stand in the name of a mention (entity_1) that overlaps it.

A document is its sentences with pairs, in their order, a space between them: the source leaves out those with fewer than two mentions. A
positive pair is a relation without a direction, whose head is its first mention. The folds are by document. Upstream's train_0.json is
the nine other folds, and is not read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacy_relext.errors import DataError
from spacy_relext.formats.files import files_in
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.limits import is_blank, lines_of, read_line
from spacy_relext.formats.reading import OnError, Reading
from spacy_relext.formats.records import Place, load_json
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.notices import counted_name

LABEL = "interaction"
FILE = re.compile(r"test_(\d+)\.(?i:json)")
PAIR = re.compile(r"(?P<document>.+)\.s(?P<sentence>\d{1,18})_(?P=document)\.s(?P=sentence)\.p\d+")
MARKERS = re.compile(r"\[/?E[12]\]")

# First character, end, and type.
TypedStretch = tuple[int, int, str]


@dataclass
class Sentence:
    """A sentence, the line of its first pair, and its pairs: whether each is positive."""

    text: str
    line: int
    pairs: dict[tuple[TypedStretch, TypedStretch], bool] = field(default_factory=dict)


def parts(folder: Path) -> dict[str, Path]:
    """The files of the folds of a folder and the folders in it, by their names: fold-0, fold-1 and so on."""
    numbered = sorted((int(match[1]), file) for file in files_in(folder) if (match := FILE.fullmatch(file.name)))
    if not numbered:
        raise DataError("the folder holds no test_0.json, test_1.json, …", path=folder)
    found: dict[str, Path] = {}
    for number, file in numbered:
        other = found.setdefault(f"fold-{number}", file)
        if other != file:
            raise DataError(f"fold {number} is in {other} as well. Name the folder of one of them.", path=file)
    return found


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read the file of a fold, or all folds of a folder."""
    yield from distinct(_documents(path, reading.on_error), reading.on_error)


def _documents(path: Path, on_error: OnError) -> Iterator[Document]:
    for file in parts(path).values() if path.is_dir() else [path]:
        try:
            records = read_records(file)
        except DataError as error:
            on_error(error)
            continue
        for name, lines in records.items():
            try:
                yield parse(name, lines, file)
            except DataError as error:
                on_error(error)


def read_records(file: Path) -> dict[str, list[tuple[int, int, dict[str, Any]]]]:
    """The lines of a file by document: number of the line, number of the sentence, and what the line says."""
    records: dict[str, list[tuple[int, int, dict[str, Any]]]] = {}
    for number, line in lines_of(file):
        if is_blank(line):
            continue
        try:
            record, _ = load_json(read_line(line).decode("utf8"))
        except DataError:
            raise
        except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, or nested too deeply
            raise DataError(f"no line of JSON ({error}). Is the file truncated?", path=file, line=number) from error
        name = record.get("id") if isinstance(record, dict) else None
        match = PAIR.fullmatch(name) if isinstance(name, str) else None
        if match is None:
            raise DataError(
                f"expected an object with an id such as AIMed.d1.s2_AIMed.d1.s2.p0, and saw {str(name or record)!r:.60}. "
                "Is this a file of AIMed?",
                path=file,
                line=number,
            )
        records.setdefault(match["document"], []).append((number, int(match["sentence"]), record))
    return records


def parse(name: str, lines: list[tuple[int, int, dict[str, Any]]], file: Path) -> Document:
    """Make a document of the lines of its pairs.

    RAISES: DataError with file and line for anything that is not as the module's description says.
    """
    sentences: dict[int, Sentence] = {}
    for line, number, record in lines:
        Place(file, line).check_keys(record)
        try:
            text, head, tail, positive = _pair(record)
        except ValueError as error:
            raise DataError(f"{record['id']}: {error}", path=file, line=line) from error
        sentence = sentences.setdefault(number, Sentence(text, line))
        if sentence.text != text:
            raise DataError(f"{record['id']}: the sentence has another text than in line {sentence.line}.", path=file, line=line)
        pair = (min(head, tail), max(head, tail))
        if pair in sentence.pairs:
            raise DataError(f"{record['id']}: the sentence has a pair of these mentions already.", path=file, line=line)
        sentence.pairs[pair] = positive
    document = Document(name, "", relations=[], sentences=[], source=file, line=lines[0][0])
    for number, sentence in sorted(sentences.items()):
        _append(document, number, sentence)
    return document


def _append(document: Document, number: int, sentence: Sentence) -> None:
    """Add a sentence with its mentions and positive pairs to a document."""
    places = sorted({place for pair in sentence.pairs for place in pair})
    expected = len(places) * (len(places) - 1) // 2
    if len(sentence.pairs) != expected:
        raise DataError(
            f"sentence {number} of {document.id} has "
            f"{counted_name(len(places), 'mentions')} and {len(sentence.pairs)} of their {expected} pairs. "
            "Is the file truncated?",
            path=document.source,
            line=sentence.line,
        )
    assert document.relations is not None
    assert document.sentences is not None
    if document.text:
        document.text += " "
    offset = len(document.text)
    document.text += sentence.text
    document.sentences.append((offset, len(document.text)))
    ids = {place: f"s{number}.e{i}" for i, place in enumerate(places)}
    document.mentions += [Mention(ids[place], offset + place[0], offset + place[1], place[2]) for place in places]
    document.relations += [AnnotatedRelation(ids[head], ids[tail], LABEL) for (head, tail), true in sorted(sentence.pairs.items()) if true]


def _pair(record: dict[str, Any]) -> tuple[str, TypedStretch, TypedStretch, bool]:
    """What a line says: text, the two mentions, whether they interact.

    RAISES: ValueError for what is missing or cannot be right.
    """
    text, relations = record.get("text"), record.get("relation")
    if not isinstance(text, str) or not text:
        raise ValueError(f"expected 'text' to be the sentence, and saw {text!r:.60}.")
    text.encode("utf8")  # not so for half of a surrogate pair, which JSON can spell
    if not (isinstance(relations, list) and len(relations) == 1 and isinstance(relations[0], dict)):
        raise ValueError(f"expected 'relation' to be a list of one object, and saw {relations!r:.60}.")
    [relation] = relations
    label = relation.get("relation_type")
    if label not in ("positive", "negative"):
        raise ValueError(f"expected 'relation_type' to be positive or negative, and saw {label!r:.60}.")
    head, tail = (_place(relation, key, text) for key in ("entity_1", "entity_2"))
    if head[:2] == tail[:2]:
        raise ValueError(f"both mentions are at {head[0]}-{head[1]}.")
    return text, head, tail, label == "positive"


def _place(relation: dict[str, Any], key: str, text: str) -> TypedStretch:
    stretches, name, kind = (relation.get(k) for k in (f"{key}_idx", key, f"{key}_type"))
    match stretches:
        case [[int(start), int(end)]] if 0 <= start < end <= len(text):
            pass
        case _:
            raise ValueError(
                f"expected '{key}_idx' to be one [[start, end]] in a text of "
                f"{counted_name(len(text), 'characters')}, and saw {stretches!r:.60}."
            )
    if not isinstance(name, str) or MARKERS.sub("", name) != text[start:end]:
        raise ValueError(f"{key} is {name!r:.60}, and the characters {start}-{end} of the sentence are {text[start:end]!r:.60}.")
    if not isinstance(kind, str) or not kind:
        raise ValueError(f"expected '{key}_type' to be the type of the mention, and saw {kind!r:.60}.")
    return start, end, kind
