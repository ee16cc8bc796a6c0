"""What a contrast set shares with a corpus that models are trained on: names, and the words of a sentence.

Both halves are looked at, and neither is shown.

python -m tests.contrasts.overlap assets/contrast assets/demo
"""

import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from spacy_relext.formats import jsonl
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import Document

# The most words in a row that may be those of a sentence of the corpus, and the greatest share of a sentence that they may be.
LONGEST, MOST = 7, 2 / 3
NAME, NUMBER = "@name", "@number"
WORD = re.compile(r"@name|@number|[^\W\d_]+(?:['’-][^\W\d_]+)*")

Words = tuple[str, ...]


def documents(path: Path) -> list[Document]:
    return list(jsonl.read(path, Reading()))


def names(found: Iterable[Document]) -> set[str]:
    return {document.text[m.start : m.end].lower() for document in found for m in document.mentions}


def sentences(document: Document) -> Iterator[Words]:
    """The words of each sentence, with something else in the place of names and numbers: a frame is the same whatever stands in it."""
    for start, end in document.sentences or [(0, len(document.text))]:
        text = re.sub(r"\d[\d.,]*", f" {NUMBER} ", masked_text(document, start, end))
        yield tuple(word.lower() for word in WORD.findall(text))


def masked_text(document: Document, start: int = 0, end: int | None = None) -> str:
    """A part of the text, with something else in the place of names."""
    text, last, end = "", start, len(document.text) if end is None else end
    for mention in sorted(document.mentions, key=lambda m: m.start):
        if last <= mention.start and mention.end <= end:
            text += f"{document.text[last : mention.start]} {NAME} "
            last = mention.end
    return text + document.text[last:end]


def runs(words: Words, n: int) -> set[Words]:
    return {words[i : i + n] for i in range(len(words) - n + 1)}


class Frames:
    """The sentences of a corpus, without their names and numbers."""

    def __init__(self, corpus: Iterable[Document]):
        self.sentences = {words: set(words) for document in corpus for words in sentences(document)}
        self.runs = {n: set[Words]().union(*(runs(words, n) for words in self.sentences)) for n in range(1, LONGEST + 2)}

    def shares(self, words: Words) -> str:
        """What is the same; empty where it is little."""
        too_long = min(LONGEST, int(MOST * len(words))) + 1
        if runs(words, too_long) & self.runs[too_long]:
            return f"{too_long} of {len(words)} words in a row"
        own = set(words)
        within = (own <= others and is_within(words, sentence) for sentence, others in self.sentences.items())
        return "all words, in their order" if any(within) else ""


def is_within(words: Words, sentence: Words) -> bool:
    rest = iter(sentence)
    return all(word in rest for word in words)


def shared_names(contrast: Iterable[Document], corpus: list[Document]) -> set[str]:
    """Names of the set that are names of the corpus, or stand as words in its texts."""
    known, text = names(corpus), " ".join(map(spaced, (document.text for document in corpus)))
    return {name for name in names(contrast) if name in known or spaced(name) in text}


def spaced(text: str) -> str:
    return f" {' '.join(re.findall('[a-z0-9-]+', text.lower()))} "


def shared_frames(contrast: Iterable[Document], corpus: list[Document]) -> dict[str, str]:
    """By id, what a line of the set shares with a sentence of the corpus: in every sentence of it, since one with new words is new."""
    frames, found = Frames(corpus), {}
    shares = cache(frames.shares)
    for document in contrast:
        shared = [shares(words) for words in sentences(document)]
        if all(shared):
            found[document.id] = "; ".join(shared)
    return found


if __name__ == "__main__":
    asked, corpus = (documents(Path(argument)) for argument in sys.argv[1:3])
    print(*sorted(shared_names(asked, corpus)), sep="\n")
    for name, what in shared_frames(asked, corpus).items():
        print(f"{name}: {what}")
