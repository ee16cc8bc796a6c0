"""Texts that stand in the data more than once: they flatter figures across parts, and contradict each other."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from spacy.tokens import Span

from spacy_relext.candidates import has_sentences
from spacy_relext.diagnosis.data import Data, Finding, Text, found, shorten
from spacy_relext.types import Ints1d

WORD = re.compile(r"\w+")
# Nearly the same: this share of all word trigrams of two texts is in both. One other word in a sentence of twenty leaves 0.71.
SIMILAR = 0.7
# Shorter texts are headings, and resemble each other by nature.
MIN_WORDS = 6


@dataclass(frozen=True)
class Unit:
    """A document or a sentence with a pair of mentions. words: Lower-cased, without punctuation."""

    text: Text
    span: Span
    words: tuple[str, ...]

    def where(self) -> str:
        """Where it stands."""
        return self.text.where(shorten(self.span.text, 60))


def check_repeats(data: Data) -> Iterator[Finding]:
    """Documents and sentences that are the same, or nearly, in two parts; and documents that are repeated in one."""
    documents = {name: [_unit(text, text.doc[:]) for text in texts if len(text.pairs)] for name, texts in data.parts.items()}
    repeated = []
    for units in documents.values():
        first: dict[tuple[str, ...], Unit] = {}
        repeated += [
            f"{unit.text.where()} and {other.text.name}" for unit in units if (other := first.setdefault(unit.words, unit)) is not unit
        ]
    yield from found(
        "warning", "repeated-documents", "documents with a pair of mentions that stand in their part twice, word by word: {n}.", repeated
    )
    same, near = doubles(documents)
    message = (
        f"documents with a pair of mentions that stand in two parts, word by word: {{n}}{_by_part(same)}. Scores are too good: leave "
        "them out of one."
    )
    yield from found("error", "shared-documents", message, _both(same))
    message = (
        f"documents with a pair of mentions that are nearly the same as one of another part: {{n}}{_by_part(near)}. Scores may be too good."
    )
    yield from found("warning", "near-documents", message, _both(near))
    known = {id(unit.text) for unit, _ in same + near}
    sentences = {
        name: [unit for text in texts if id(text) not in known for unit in sentence_units(text)] for name, texts in data.parts.items()
    }
    n_sentences = sum(map(len, sentences.values()))
    same, near = doubles(sentences)
    message = (
        f"sentences with a pair of mentions that stand in two parts, word by word: {{n}} of {n_sentences:,}{_by_part(same)}. They are "
        "known by heart when they are scored."
    )
    yield from found("warning", "shared-sentences", message, _both(same))
    message = (
        f"sentences with a pair of mentions that are nearly the same as one of another part: {{n}} of {n_sentences:,}{_by_part(near)}."
    )
    yield from found("warning", "near-sentences", message, _both(near))


def check_contradictions(data: Data) -> Iterator[Finding]:
    """Sentences that stand in the data several times, and whose relations differ."""
    seen: dict[tuple[Any, ...], tuple[frozenset[str], Unit]] = {}
    contradicting = []
    for text in data.texts:
        if not text.annotated:
            continue
        for unit in sentence_units(text):
            clashes = []
            for pair, labels in _labelled_pairs(unit):
                before, other = seen.setdefault((unit.span.text.strip(), *pair), (labels, unit))
                if before != labels:
                    clashes.append((pair, before, labels, other))
            if clashes:
                (a, b), before, labels, other = clashes[0]
                names = " and ".join(unit.span.text.strip()[slice(*at)] for at in (a, b))
                contradicting.append(
                    f"{unit.where()}: {names}: {_names(labels)}; in {other.text.part}: {other.text.name}: {_names(before)}"
                )
    message = "sentences that have other relations than the same sentence had before, between the same mentions: {n}."
    yield from found("warning", "contradictions", message, contradicting)


def sentence_units(text: Text) -> Iterator[Unit]:
    """The sentences of a text in which there is a pair of mentions; the text as a whole where it has no sentences."""
    spans = [text.doc[:]] if not has_sentences(text.doc) else list(text.doc.sents)
    ends = [span.end for span in spans]
    n_mentions = Counter(next(i for i, end in enumerate(ends) if span.start < end) for span in text.mentions)
    for i, span in enumerate(spans):
        if n_mentions[i] > 1:
            yield _unit(text, span)


def doubles(parts: dict[str, list[Unit]]) -> tuple[list[tuple[Unit, Unit]], list[tuple[Unit, Unit]]]:
    """The units that are the same as one of an earlier part, and those that are nearly the same, each with the first that was found."""
    same: list[tuple[Unit, Unit]] = []
    near: list[tuple[Unit, Unit]] = []
    first: dict[tuple[str, ...], Unit] = {}
    members = iter(_trigrams([unit.words for units in parts.values() for unit in units]))
    index = NearIndex()
    for units in parts.values():
        new = []
        for unit, own in zip(units, members, strict=False):
            if unit.words in first:
                same.append((unit, first[unit.words]))
            elif len(unit.words) >= MIN_WORDS:
                new.append((unit, own))
                if (other := index.find(own)) is not None:
                    near.append((unit, other))
        for unit, own in new:
            index.add(unit, own)
        for unit in units:
            first.setdefault(unit.words, unit)
    return same, near


class NearIndex:
    """Finds sets with a Jaccard similarity of at least `SIMILAR`: all of them, by comparing few.

    Two sets that are so similar share one of the rarest members of each: of n members, the n - ⌈0.7 n⌉ + 1 rarest (prefix filtering,
    Chaudhuri et al., ICDE 2006). A set is a sorted array of numbers, small ones for rare members.
    """

    def __init__(self) -> None:
        self._by_member: dict[int, list[tuple[Unit, Ints1d]]] = defaultdict(list)

    def add(self, unit: Unit, members: Ints1d) -> None:
        """Add the set of a unit."""
        for member in self._rarest(members):
            self._by_member[member].append((unit, members))

    def find(self, members: Ints1d) -> Unit | None:
        """A unit whose set is similar, if there is one."""
        tried = set()
        for member in self._rarest(members):
            for unit, others in self._by_member.get(member, ()):
                if id(unit) not in tried and SIMILAR <= len(others) / len(members) <= 1 / SIMILAR:
                    tried.add(id(unit))
                    shared = len(numpy.intersect1d(members, others, assume_unique=True))
                    if shared >= SIMILAR * (len(members) + len(others) - shared):
                        return unit
        return None

    def _rarest(self, members: Ints1d) -> list[int]:
        rarest: list[int] = members[: len(members) - math.ceil(SIMILAR * len(members)) + 1].tolist()
        return rarest


def _trigrams(texts: Sequence[tuple[str, ...]]) -> Iterator[Ints1d]:
    """The set of the word trigrams of each text: numbers from the rarest on, sorted."""
    ids: dict[str, int] = {}
    rows = [numpy.asarray([ids.setdefault(word, len(ids)) for word in words], dtype="int64") for words in texts]
    # Beyond two million words the codes wrap: two trigrams might then get the same one, and will not.
    codes = [(row[:-2] * len(ids) + row[1:-1]) * len(ids) + row[2:] for row in rows]
    _, inverse, counts = numpy.unique(numpy.concatenate([numpy.zeros(0, dtype="int64"), *codes]), return_inverse=True, return_counts=True)
    rank = numpy.empty_like(counts)
    rank[counts.argsort(kind="stable")] = numpy.arange(len(counts))
    ends = numpy.cumsum([len(code) for code in codes], dtype="int64")
    return (numpy.unique(part) for part in numpy.split(rank[inverse], ends[:-1]))


def _unit(text: Text, span: Span) -> Unit:
    return Unit(text, span, tuple(WORD.findall(span.text.casefold())))


def _labelled_pairs(unit: Unit) -> Iterator[tuple[tuple[Any, ...], frozenset[str]]]:
    """The pairs of mentions in a unit, by characters from its first, and their labels with the direction they have."""
    start = unit.span.start_char
    places = sorted({at for at in unit.text.places if start <= at[0] and at[1] <= unit.span.end_char})
    for i, a in enumerate(places):
        for b in places[i + 1 :]:
            labels = {f"{label} →" for label in unit.text.labels.get((a, b), ())} | {
                f"{label} ←" for label in unit.text.labels.get((b, a), ())
            }
            yield ((a[0] - start, a[1] - start), (b[0] - start, b[1] - start)), frozenset(labels)


def _names(labels: frozenset[str]) -> str:
    return ", ".join(sorted(labels)) or "no relation"


def _both(pairs: list[tuple[Unit, Unit]]) -> list[str]:
    return [f"{unit.where()} and {other.text.part}: {other.text.name}" for unit, other in pairs]


def _by_part(pairs: list[tuple[Unit, Unit]]) -> str:
    """How many there are in which two parts, the most frequent first."""
    counts = Counter((unit.text.part, other.text.part) for unit, other in pairs).most_common(4)
    names = [f"{n:,} of {part} in {other}" for (part, other), n in counts[:3]] + ["…"] * (len(counts) > 3)
    return f" ({', '.join(names)})" if names else ""
