"""Settings that the data suggests: which pairs to score, labels without a direction, types that a label stands between."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from spacy.tokens import Span
from spacy.util import registry

from spacy_relext.candidates import CandidateFunction, has_sentences
from spacy_relext.diagnosis.data import Data, Text, place
from spacy_relext.pipeline.decoding import allowed_by_types

TypePair = tuple[str, str]

# The share of the relations that a setting is to reach.
REACH = 0.95
DISTANCES = (10, 20, 50, 100, 200, 500, 1000)
# A label seems to have no direction if so many relations, and this share of them, run from left to right. Where that is wrong, as many
# directions are right all the same: those of a label without direction are written from left to right.
ONE_WAY, ONE_WAY_SHARE = 20, 0.95
# A type pair never seen with a label is forbidden if so many relations of it were to be expected: relations come in clusters.
EXPECTED = 20


@dataclass(frozen=True)
class Way:
    """How relations of a label run where the types of their mentions do not tell head from tail.

    n: These relations. forward: Those whose head stands first. mirrored: Those that are annotated in the other direction as well.
    """

    n: int
    forward: int
    mirrored: int


@dataclass(frozen=True)
class Reach:
    """What candidates make of some texts: pairs that are scored, annotated relations, and those of them that are between such a pair."""

    pairs: int
    relations: int
    reached: int


@dataclass(frozen=True)
class Suggestions:
    """Settings of the relation extractor that fit the data; `candidates` as a block of a config. tried: Candidates and their reach."""

    spans_key: str | None
    candidates: dict[str, Any]
    symmetric_labels: list[str]
    type_rules: dict[str, list[list[str]]]
    labels: list[str]
    mention_types: list[str]
    tried: list[tuple[dict[str, Any], Reach]]

    def to_config(self) -> dict[str, Any]:
        """The settings that are not the default's, as a part of a config."""
        extractor: dict[str, Any] = {"spans_key": self.spans_key, "symmetric_labels": self.symmetric_labels, "type_rules": self.type_rules}
        extractor = {key: value for key, value in extractor.items() if value}
        return {"components": {"relation_extractor": {**extractor, "candidates": self.candidates}}}


def suggest(data: Data) -> Suggestions:
    """Look for settings in the training data. It must have relations."""
    symmetric = directions(data.train)[0]
    labels = sorted({r.label for text in data.train for r in text.relations})
    tried = try_settings(data.train, labels, symmetric)
    best = max(r.reached for _, r in tried)
    return Suggestions(
        spans_key=data.spans_key,
        # The narrowest that reaches nearly what the widest does. Relations with something that is no mention are reached by none.
        candidates=next(block for block, r in tried if r.reached >= REACH * best),
        symmetric_labels=sorted(symmetric),
        type_rules=type_rules(data.train, symmetric),
        labels=labels,
        mention_types=sorted({span.label_ for text in data.train for span in text.mentions}),
        tried=tried,
    )


def directions(texts: Iterable[Text]) -> tuple[dict[str, Way], dict[str, Way]]:
    """The labels that seem to have no direction; and those that have one, but for some pairs that are annotated in both."""
    seen: dict[str, set[TypePair]] = {}
    for text in texts:
        for r in text.relations:
            seen.setdefault(r.label, set()).add((r.head.label_, r.tail.label_))
    counts: dict[str, Counter[str]] = {label: Counter() for label in seen}
    for text in texts:
        for r in text.relations:
            if (r.tail.label_, r.head.label_) in seen[r.label]:
                head, tail = place(r.head), place(r.tail)
                counts[r.label].update(n=1, forward=head < tail, mirrored=r.label in text.labels.get((tail, head), ()))
    ways = {label: Way(count["n"], count["forward"], count["mirrored"]) for label, count in counts.items()}
    symmetric = {label: way for label, way in ways.items() if way.n and (2 * way.mirrored >= way.n or _one_way(way))}
    # Rare labels are like the others, where these are all without direction.
    rare = {label: way for label, way in ways.items() if 0 < way.n == way.forward < ONE_WAY}
    if symmetric and not ways.keys() - symmetric.keys() - rare.keys():
        symmetric |= rare
    return symmetric, {label: way for label, way in ways.items() if label not in symmetric and way.mirrored}


def _one_way(way: Way) -> bool:
    return way.n >= ONE_WAY and way.forward >= ONE_WAY_SHARE * way.n and not way.mirrored


def expected_types(texts: Iterable[Text], symmetric: Collection[str]) -> dict[str, tuple[Counter[TypePair], dict[TypePair, float]]]:
    """For each label: how often it stands between two types, head first (sorted for symmetric labels), and how often it would if the
    pairs of these types were no different from those of the types that it has.
    """
    pairs: Counter[TypePair] = Counter()
    seen: dict[str, Counter[TypePair]] = {}
    for text in texts:
        kinds = [span.label_ for span in text.mentions]
        pairs.update((min(kinds[i], kinds[j]), max(kinds[i], kinds[j])) for i, j in text.pairs.tolist())
        for r in text.relations:
            a, b = r.head.label_, r.tail.label_
            seen.setdefault(r.label, Counter())[(min(a, b), max(a, b)) if r.label in symmetric else (a, b)] += 1
    both = pairs + Counter({(b, a): n for (a, b), n in pairs.items() if a != b})
    result = {}
    for label, count in sorted(seen.items()):
        possible = pairs if label in symmetric else both
        # The type pair that it has most: slips in others do not blur it.
        usual = max(count, key=count.__getitem__)
        rate = count[usual] / max(possible[usual], count[usual])
        result[label] = count, {types: rate * n for types, n in (possible | count).items()}
    return result


def type_rules(texts: Iterable[Text], symmetric: Collection[str]) -> dict[str, list[list[str]]]:
    """For each label that some types never have, though they stand together often enough: the type pairs that it may have."""
    rules = {}
    for label, (seen, expected) in expected_types(texts, symmetric).items():
        allowed = [list(types) for types in sorted(expected) if not _is_forbidden(types, seen, expected, label in symmetric)]
        if len(allowed) < len(expected):
            rules[label] = allowed
    return rules


def _is_forbidden(types: TypePair, seen: Counter[TypePair], expected: dict[TypePair, float], symmetric: bool) -> bool:
    """Whether a type pair, or one of its types in its role, should have been seen, and was not."""
    roles = [[t for t in expected if (kind in t if symmetric else t[i] == kind)] for i, kind in enumerate(types)]
    return any(sum(expected[t] for t in group) >= EXPECTED and not any(t in seen for t in group) for group in ([types], *roles))


def reach(texts: Iterable[Text], get_pairs: CandidateFunction, symmetric: Collection[str]) -> Reach:
    """What a candidate function makes of some texts."""
    n_pairs = n_relations = n_reached = 0
    for text in texts:
        pairs = get_pairs(text.doc, text.mentions)
        n_pairs += len(pairs)
        if not text.labels:
            continue
        # Several mentions may stand at one place: they are one.
        number = {at: i for i, at in enumerate(dict.fromkeys(text.places))}
        numbers = numpy.asarray([number[at] for at in text.places], dtype="int64")[pairs]
        found = set((numbers[:, 0] * len(number) + numbers[:, 1]).tolist())
        for (head, tail), labels in text.labels.items():
            n_relations += len(labels)
            if head in number and tail in number:
                i, j = number[head], number[tail]
                forward, backward = i * len(number) + j in found, j * len(number) + i in found
                n_reached += sum(forward or (backward and label in symmetric) for label in labels)
    return Reach(n_pairs, n_relations, n_reached)


def possible_pairs(texts: Iterable[Text], suggested: Suggestions) -> int:
    """The number of pairs of the suggested candidates that the suggested type rules leave."""
    n, get_pairs = 0, resolve(suggested.candidates)
    for text in texts:
        kinds = [span.label_ for span in text.mentions]
        rules = (suggested.labels, suggested.type_rules, suggested.symmetric_labels)
        n += int(allowed_by_types(kinds, get_pairs(text.doc, text.mentions), *rules, exclusive=False).any(axis=1).sum())
    return n


def resolve(candidates: dict[str, Any]) -> CandidateFunction:
    """The function that a block of a config describes."""
    return registry.resolve({"candidates": candidates})["candidates"]


def gap(a: Span, b: Span) -> int:
    """The number of tokens between two mentions."""
    first, last = sorted((a, b), key=lambda span: span.start)
    return max(0, last.start - first.end)


def try_settings(texts: Sequence[Text], labels: Sequence[str], symmetric: Collection[str]) -> list[tuple[dict[str, Any], Reach]]:
    """Candidate settings from narrow to wide and what they reach, up to the first that reaches all that can be reached."""
    shared = any(r.head.start < r.tail.end and r.tail.start < r.head.end for text in texts for r in text.relations)
    settings: dict[str, Any] = {"ordered": bool(set(labels) - set(symmetric)), "overlapping": shared}
    tried = []
    if all(has_sentences(text.doc) for text in texts):
        block = {"@misc": "spacy-relext.sentence_pairs.v1", **settings}
        tried.append((block, reach(texts, resolve(block), symmetric)))
        if tried[0][1].reached == tried[0][1].relations:
            return tried
    longest = max(gap(r.head, r.tail) for text in texts for r in text.relations)
    for distance in DISTANCES:
        block = {"@misc": "spacy-relext.distance_pairs.v1", "max_distance": distance, **settings}
        tried.append((block, reach(texts, resolve(block), symmetric)))
        if longest <= distance:
            break
    return tried
