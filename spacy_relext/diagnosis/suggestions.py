"""Settings that the data suggests: which pairs to score, labels without a direction, types that a label stands between."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from spacy.tokens import Span
from spacy.util import registry

from spacy_relext.candidates import CandidateFunction, has_sentences, sentence_bounds, sentence_of
from spacy_relext.diagnosis.data import Data, Text, place
from spacy_relext.diagnosis.directions import TypePair, directions
from spacy_relext.formats.offsets import Stretch
from spacy_relext.pipeline.decoding import allowed_by_types
from spacy_relext.types import Ints2d

# The share of the relations that a setting is to reach.
REACH = 0.95
DISTANCES = (10, 20, 50, 100, 200, 500, 1000)
# Numbers of sentence boundaries between the two mentions of a pair.
BOUNDARIES = (1, 2, 3, 5, 10, 20)
# A type pair never seen with a label is forbidden if so many relations of it were to be expected: relations come in clusters.
EXPECTED = 20


@dataclass(frozen=True)
class Reach:
    """What candidates make of some texts: pairs that are scored, annotated relations, and those of them that such a pair can say.

    related: Pairs that have a relation between mentions, a label each.
    Where relations between concepts are annotated, these are counted: any mention of the one and any of the other can say that they hold.
    """

    pairs: int
    relations: int
    reached: int
    related: int


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


def expected_types(texts: Iterable[Text], symmetric: Collection[str]) -> dict[str, tuple[Counter[TypePair], dict[TypePair, float]]]:
    """For each label how often it stands between two types, head first (sorted for symmetric labels), and how often it would by chance.

    By chance: if the pairs of these types were no different from those of the types that the label has.
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
    n_pairs = n_relations = n_reached = n_related = 0
    for text in texts:
        pairs = get_pairs(text.doc, text.mentions)
        n_pairs += len(pairs)
        targets = _targets(text)
        n_relations += len(targets)
        if not targets:
            continue
        says = _among(text, pairs)
        n_reached += sum(any(says(place(head), place(tail), label in symmetric) for head, tail in ends) for label, ends in targets)
        n_related += sum(says(*ends, label in symmetric) for ends, labels in text.labels.items() for label in labels)
    return Reach(n_pairs, n_relations, n_reached, n_related)


def _among(text: Text, pairs: Ints2d) -> Callable[[Stretch, Stretch, bool], bool]:
    """Whether two places, head and tail, are among pairs of mentions, or with True the other way round."""
    # Several mentions may stand at one place: they are one.
    number = {at: i for i, at in enumerate(dict.fromkeys(text.places))}
    numbers = numpy.asarray([number[at] for at in text.places], dtype="int64")[pairs]
    found = set((numbers[:, 0] * len(number) + numbers[:, 1]).tolist())

    def among(head: Stretch, tail: Stretch, either: bool) -> bool:
        if head not in number or tail not in number:
            return False
        i, j = number[head], number[tail]
        return i * len(number) + j in found or (either and j * len(number) + i in found)

    return among


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
    function: CandidateFunction = registry.resolve({"candidates": candidates})["candidates"]
    return function


def gap(a: Span, b: Span) -> int:
    """The number of tokens between two mentions."""
    first, last = sorted((a, b), key=lambda span: span.start)
    return max(0, last.start - first.end)


def _targets(text: Text) -> list[tuple[str, list[tuple[Span, Span]]]]:
    """What candidate pairs have to reach in a text.

    For each relation between concepts, its label and the pairs of mentions that can say it, head first; and the relations between mentions
    that do not follow from those.
    """
    labels = {r.label for r in text.concept_relations}
    single = {(r.label, place(r.head), place(r.tail)): (r.head, r.tail) for r in text.relations if r.label not in labels}
    between = {(r.label, r.head, r.tail) for r in text.concept_relations}
    return [(label, [ends]) for (label, _, _), ends in single.items()] + [
        (label, [(a, b) for a in text.mentions_of.get(head, ()) for b in text.mentions_of.get(tail, ()) if place(a) != place(b)])
        for label, head, tail in sorted(between)
    ]


def try_settings(texts: Sequence[Text], labels: Sequence[str], symmetric: Collection[str]) -> list[tuple[dict[str, Any], Reach]]:
    """Candidate settings from narrow to wide and what they reach, up to the first that reaches all that can be reached.

    Where the texts have sentences: pairs within one, and with more and more boundaries between them; otherwise by tokens between them.
    """
    shared = any(r.head.start < r.tail.end and r.tail.start < r.head.end for text in texts for r in text.relations)
    shape: dict[str, Any] = {"ordered": bool(set(labels) - set(symmetric)), "overlapping": shared}
    distant: dict[str, Any] = {"@misc": "spacy-relext.distance_pairs.v1"}
    if all(has_sentences(text.doc) for text in texts):
        blocks = [{"@misc": "spacy-relext.sentence_pairs.v1", **shape}]
        blocks += [{**distant, "max_distance": DISTANCES[-1], "max_sentences": n, **shape} for n in BOUNDARIES]
        measure, steps = _boundaries_of, (0, *BOUNDARIES)
    else:
        blocks = [{**distant, "max_distance": n, **shape} for n in DISTANCES]
        measure, steps = _gaps_of, DISTANCES
    # What the nearest two mentions of a relation have between them; a relation without any is reached by nothing.
    longest = max((min(gaps) for text in texts for gaps in measure(text) if gaps), default=0)
    last = bisect_left(steps, longest) + 1
    return [(block, reach(texts, resolve(block), symmetric)) for block in blocks[:last]]


def _gaps_of(text: Text) -> Iterator[list[int]]:
    return ([gap(*ends) for ends in pairs] for _, pairs in _targets(text))


def _boundaries_of(text: Text) -> Iterator[list[int]]:
    starts, _ = sentence_bounds(text.doc)
    for _, pairs in _targets(text):
        tokens = numpy.asarray([(a.start, b.start) for a, b in pairs], dtype="int64").reshape(-1, 2)
        yield [abs(a - b) for a, b in sentence_of(starts, tokens).tolist()]
