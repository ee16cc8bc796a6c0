"""What may be wrong with relations and their labels."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from spacy_relext.diagnosis.data import Data, Finding, found, percent, place
from spacy_relext.diagnosis.directions import TypePair, directions, mirrored
from spacy_relext.diagnosis.suggestions import expected_types
from spacy_relext.relations import Relation, n_unreadable

# Fewer relations of a label in the training data are hardly learned; fewer in other data make its figures a matter of chance.
FEW_TO_LEARN, FEW_TO_SCORE = 20, 10
# Total variation between the labels of two parts, above which they are not draws from the same texts, and the least number to tell.
UNEVEN, ENOUGH = 0.25, 50
# The share of related pairs beyond which nobody can have annotated the others, and below which they are hard to learn.
ALL_RELATED, FEW_RELATED = 0.9, 0.01
# A type pair or direction that has less than this share of the relations that it would have by chance is taken for a slip.
SLIP, SLIP_EXPECTED = 0.1, 20
# What a label has as a rule is what more than this share of its relations have.
MOST = 0.5
NO_DIRECTION = {
    "left-to-right": "labels whose head stands before the tail (nearly) always, though the types do not say which is which",
    "sorted-concepts": "labels whose head is the concept with the lower identifier (nearly) always, though the types do not say which is "
    "which",
    "turned-concepts": "labels that relate the same two concepts in one direction in some documents and in the other in others (so many of "
    "the pairs that stand in several documents), and those with too few relations to tell",
}
DENIED = re.compile(
    r"(no|not|none|nil|null|na|n/a|other|false|negative|norel|unrelated)([\W_]*(relations?|rel|related|interactions?))?", re.IGNORECASE
)


def check_storage(data: Data) -> Iterator[Finding]:
    """Relations that are stored, and cannot be read."""
    lost = [text.where(f"{n} of {n + len(text.relations)}") for text in data.texts if (n := n_unreadable(text.doc))]
    message = "documents with relations whose mentions are no more what they were when they were set: {n}. These relations are lost."
    yield from found("error", "lost-relations", message, lost)


def check_ends(data: Data) -> Iterator[Finding]:
    """Relations whose ends are no mentions, or other ones."""
    n_relations = sum(len(text.relations) for text in data.texts)
    stray, other = [], []
    for text in data.texts:
        types: dict[Any, Any] = {}
        for span in text.mentions:
            types.setdefault(place(span), set()).add(span.label_)
        for relation in text.relations:
            ends = (relation.head, relation.tail)
            if any(place(span) not in types for span in ends):
                stray.append(text.where(relation))
            elif any(span.label_ not in types[place(span)] for span in ends):
                other.append(text.where(relation))
    message = (
        f"relations with a head or tail that is not in {data.mentions_name}: {{n}} of {n_relations:,}. They cannot be learned or "
        "found, and count as misses."
    )
    yield from found("warning", "stray-relations", message, stray)
    message = f"relations that give a mention another type than {data.mentions_name} does: {{n}} of {n_relations:,}."
    yield from found("warning", "other-types", message, other)
    scored = [text.where(str(r)) for text in data.texts for r in text.relations if r.score != 1]
    yield from found("warning", "scored-relations", "relations with a score other than 1: {n}. Are these predictions?", scored)


def check_pairs(data: Data) -> Iterator[Finding]:
    """Pairs that are annotated with several labels."""
    several = [
        text.where(f"{text.doc.text[slice(*a)]} and {text.doc.text[slice(*b)]}: {', '.join(sorted(labels))}")
        for text in data.texts
        for (a, b), labels in text.labels.items()
        if len(labels) > 1
    ]
    message = "pairs with several labels: {n}. One of them can be found unless exclusive = false, and the others count as misses."
    yield from found("warning", "several-labels", message, several)


def check_directions(data: Data) -> Iterator[Finding]:
    """Labels that are used in both directions between the same two mentions or concepts, or in an order that says nothing."""
    symmetric, doubtful = directions(data.texts)
    single: dict[str, list[str]] = {label: [] for label in symmetric}
    both: dict[str, list[str]] = {label: [] for label in doubtful}
    for text in data.texts if any(way.mirrored for way in symmetric.values()) or doubtful else ():
        for r, is_mirrored in mirrored(text):
            if r.label in (both if is_mirrored else single):
                (both if is_mirrored else single)[r.label].append(text.where(r.shown))
    for label, way in symmetric.items():
        if way.is_mirrored:
            message = (
                f"{label}: most relations are annotated in both directions, and in one only: {{n}} of {way.n:,}. Set symmetric_labels if "
                "the label has no direction; complete the relations if it has."
            )
            yield from found("warning", "one-direction", message, single[label])
    for label in doubtful:
        message = f"{label}: relations that are annotated in both directions, as most of the label are not: {{n}}. Which one is meant?"
        yield from found("warning", "both-directions", message, both[label])
    reasons: dict[str, list[str]] = {"left-to-right": [], "sorted-concepts": [], "turned-concepts": []}
    for label, way in symmetric.items():
        if way.is_turned:
            reasons["turned-concepts"].append(f"{label} ({way.turned:,} of {way.recurring:,})")
        elif way.is_by_id and not way.is_forward:
            reasons["sorted-concepts"].append(label)
        elif not way.is_mirrored:
            reasons["left-to-right" if way.is_forward or not reasons["turned-concepts"] else "turned-concepts"].append(label)
    for name, labels in reasons.items():
        if labels:
            yield Finding("info", name, f"{NO_DIRECTION[name]}: {', '.join(labels)}. They seem to have no direction: symmetric_labels.")


def check_types(data: Data) -> Iterator[Finding]:
    """Relations between types, or in a direction between them, that the label hardly ever has."""
    symmetric = directions(data.texts)[0]
    for label, (seen, expected) in expected_types(data.texts, symmetric).items():
        odd = {types for types, n in seen.items() if expected[types] >= SLIP_EXPECTED and n < SLIP * expected[types]}
        places = [text.where(r) for text in data.texts for r in text.relations if r.label == label and _types(r, label in symmetric) in odd]
        usual = max(seen, key=seen.__getitem__)
        if seen[usual] <= MOST * seen.total():
            continue
        message = (
            f"{label} is from {usual[0]} to {usual[1]} as a rule, and here it is not: {{n}} of {seen.total():,}. Are head and tail right?"
        )
        yield from found("warning", "odd-types", message, places)


def check_labels(data: Data) -> Iterator[Finding]:
    """Labels that mean no relation, that are written in two ways, and that are too rare."""
    counts, train = data.label_counts, data.train_labels
    all_labels = sorted(set().union(*counts.values()))
    denied = [f"{label}: {sum(count[label] for count in counts.values()):,}" for label in all_labels if DENIED.fullmatch(label.strip())]
    message = "labels that seem to say that there is no relation: {n}. They would be learned as relations: leave them out in conversion."
    yield from found("warning", "denied-relations", message, denied)
    types = sorted({span.label_ for text in data.texts for span in text.mentions})
    for what, names in (("labels", all_labels), ("types of mentions", types)):
        yield from found("warning", "spelling", f"{what} that differ in spelling alone: {{n}}.", _alike(names))
    rare = [f"{label}: {train[label]}" for label in sorted(train) if train[label] < FEW_TO_LEARN]
    message = f"labels with fewer than {FEW_TO_LEARN} relations in the training data: {{n}} of {len(train)}. They will hardly be learned."
    yield from found("warning", "rare-labels", message, rare)
    for name in data.held_out:
        unseen = [f"{label}: {counts[name][label]:,}" for label in sorted(counts[name].keys() - train.keys())]
        yield from found("warning", "unseen-labels", f"{name}: labels that the training data has not: {{n}}. They cannot be found.", unseen)
        few = [f"{label}: {counts[name][label]}" for label in sorted(train) if counts[name][label] < FEW_TO_SCORE]
        message = f"{name}: labels with fewer than {FEW_TO_SCORE} relations: {{n}}. Their own figures say little."
        yield from found("info", "few-to-score", message, few)
        known = {span.label_ for text in data.train for span in text.mentions}
        new = sorted({span.label_ for text in data.parts[name] for span in text.mentions} - known)
        yield from found("warning", "unseen-types", f"{name}: types of mentions that the training data has not: {{n}}.", new)


def check_balance(data: Data) -> Iterator[Finding]:
    """Too many or too few related pairs, and parts that do not resemble each other."""
    shares = {}
    for name, texts in data.parts.items():
        n_pairs = sum(len(text.pairs) for text in texts)
        n_related = sum(sum(text.related) for text in texts)
        shares[name] = n_related / n_pairs if n_pairs >= ENOUGH else None
        if n_pairs >= ENOUGH and n_related > ALL_RELATED * n_pairs:
            message = (
                f"{name}: {n_related:,} of {n_pairs:,} pairs of mentions in a sentence are related. A model of it will relate everything: "
                "mentions without relations must be annotated too."
            )
            yield Finding("warning", "all-related", message)
        elif n_pairs >= ENOUGH and 0 < n_related < FEW_RELATED * n_pairs:
            message = (
                f"{name}: {n_related:,} of {n_pairs:,} pairs of mentions in a sentence are related ({percent(n_related, n_pairs)}). Were "
                "all texts annotated in full? If so, limit the pairs by types or distance."
            )
            yield Finding("warning", "few-related", message)
    train_share = shares.get(data.training[0]) if len(data.training) == 1 else None
    counts, train = data.label_counts, data.train_labels
    for name in data.held_out:
        share, count = shares[name], counts[name]
        if share and train_share and not 0.5 <= share / train_share <= 2:
            message = (
                f"{name}: {100 * share:.1f} % of the pairs of mentions in a sentence are related, and {100 * train_share:.1f} % in the "
                "training data. Were both annotated alike?"
            )
            yield Finding("warning", "uneven-parts", message)
        if min(count.total(), train.total()) >= ENOUGH and _variation(count, train) > UNEVEN:
            differences = sorted(train | count, key=lambda label: -abs(count[label] / count.total() - train[label] / train.total()))
            label = differences[0]
            message = (
                f"{name}: its labels are distributed in another way than those of the training data: {label} has "
                f"{percent(count[label], count.total())} and {percent(train[label], train.total())}. Draw the parts at random."
            )
            yield Finding("warning", "uneven-parts", message)


def _types(relation: Relation, symmetric: bool) -> TypePair:
    a, b = relation.head.label_, relation.tail.label_
    return (min(a, b), max(a, b)) if symmetric else (a, b)


def _alike(names: list[str]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"[\W_]+", "", name).casefold(), []).append(repr(name))
    return [" and ".join(group) for group in groups.values() if len(group) > 1]


def _variation(a: Counter[str], b: Counter[str]) -> float:
    """Total variation of two distributions: 0 for the same, 1 for labels that are all different."""
    return sum(abs(a[label] / a.total() - b[label] / b.total()) for label in a | b) / 2
