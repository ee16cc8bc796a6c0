"""What a corpus holds, as tables: the first row is the header, numbers are numbers, shares are text."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from spacy_relext.candidates import has_sentences, sentence_bounds
from spacy_relext.diagnosis.data import Data, Text, percent
from spacy_relext.diagnosis.suggestions import Suggestions, gap, possible_pairs

Cells = list[list[str | int]]

# Tokens between two mentions: lower ends of the rows.
GAPS = (0, 5, 10, 20, 50)


def part_table(data: Data) -> Cells:
    """A row per part."""
    rows: Cells = [["", "documents", "sentences", "tokens", "mentions", "pairs", "related", "relations"]]
    for name, texts in data.parts.items():
        n_sentences = sum(len(sentence_bounds(text.doc)[0]) for text in texts if len(text.doc) and has_sentences(text.doc))
        rows.append(
            [
                name,
                len(texts),
                n_sentences,
                sum(len(text.doc) for text in texts),
                sum(len(text.mentions) for text in texts),
                sum(len(text.pairs) for text in texts),
                sum(sum(text.related) for text in texts),
                sum(len(text.relations) for text in texts),
            ]
        )
    return rows


def label_table(data: Data) -> Cells:
    """A row per label: how many relations there are in each part, between which types, and in which direction, in the training data."""
    counts = data.label_counts
    types: dict[str, Counter[str]] = {}
    forward: Counter[str] = Counter()
    for text in data.train:
        for r in text.relations:
            types.setdefault(r.label, Counter())[f"{r.head.label_} → {r.tail.label_}"] += 1
            forward[r.label] += r.head.start_char < r.tail.start_char
    rows: Cells = [["", *data.parts, "head first", "types, head → tail"]]
    for label in sorted(set().union(*counts.values())):
        between = types.get(label, Counter())
        shown = [f"{pair} ({n:,})" for pair, n in between.most_common(3)] + [f"{len(between) - 3} more"] * (len(between) > 3)
        rows.append([label, *(count[label] for count in counts.values()), percent(forward[label], between.total()), ", ".join(shown)])
    return rows


def type_table(texts: Sequence[Text]) -> Cells:
    """A row per pair of types: the pairs of mentions in a sentence, and how many of them are related."""
    kinds = [" – ".join(sorted((text.mentions[i].label_, text.mentions[j].label_))) for text in texts for i, j in text.pairs.tolist()]
    return _pair_table("types", kinds, texts, Counter(kinds))


def gap_table(texts: Sequence[Text]) -> Cells:
    """One row per range of distances: the same by the number of tokens between the two mentions."""
    names = [f"{low}–{high - 1}" for low, high in pairwise(GAPS)] + [f"{GAPS[-1]} and more"]
    gaps = [gap(text.mentions[i], text.mentions[j]) for text in texts for i, j in text.pairs.tolist()]
    return _pair_table("tokens between", [names[bisect_right(GAPS, n) - 1] for n in gaps], texts, names)


def candidate_table(data: Data, suggested: Suggestions) -> Cells:
    """One row per candidate setting, the suggested one first and with its type rules: what it scores, and what it reaches."""
    rows: Cells = [["candidates", "pairs", "related", "relations reached"]]
    for block, r in suggested.tried:
        rows.append([describe(block), r.pairs, percent(r.related, r.pairs), percent(r.reached, r.relations)])
        if block == suggested.candidates and suggested.type_rules:
            n = possible_pairs(data.train, suggested)
            rows.append(["… with the suggested type_rules", n, percent(r.related, n), percent(r.reached, r.relations)])
    return rows


def describe(candidates: dict[str, Any]) -> str:
    """A block of a config as a call."""
    name = candidates["@misc"].split(".")[1]
    return f"{name}({', '.join(f'{key}={value}' for key, value in candidates.items() if key != '@misc')})"


def _pair_table(title: str, keys: Sequence[str], texts: Iterable[Text], order: Iterable[str]) -> Cells:
    """One row per key. keys: Of all pairs of all texts."""
    related = [is_related for text in texts for is_related in text.related]
    n_pairs = Counter(keys)
    n_related = Counter(key for key, is_related in zip(keys, related, strict=True) if is_related)
    rows: Cells = [[title, "pairs", "related", "share"]]
    rows += [[key, n_pairs[key], n_related[key], percent(n_related[key], n_pairs[key])] for key in order]
    return rows
