"""What documents are annotated for, and what of them an extractor learns from: two corpora in one pipeline have labels of their own.

An extractor learns from a document, and is scored on it, where it is annotated for all of its labels, or for some of them and for no others
(`relations.covers`). The latter is a part of a corpus in which a rare label does not occur: a development part that was converted alone.
One that has other labels in the place of some is of another corpus, where these were not looked for, and is passed over.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.errors import RelextError
from spacy_relext.notices import Notices
from spacy_relext.relations import annotated_labels, covers, get_relations, has_relations
from spacy_relext.taught import taught_columns

# The labels that documents are annotated for; None: all.
Annotated = frozenset[str] | None


@dataclass
class Seen:
    """What part of the data holds: documents, those with relation annotation, types of mentions, and of head and tail by label.

    taught: The labels of teachers.
    """

    references: list[Doc] = field(default_factory=list)
    n: int = 0
    types: set[str] = field(default_factory=set)
    rules: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    taught: set[str] = field(default_factory=set)

    def add(self, other: "Seen") -> None:
        """Add another part."""
        self.references += other.references
        self.n += other.n
        self.types |= other.types
        self.taught |= other.taught
        for label, pairs in other.rules.items():
            self.rules.setdefault(label, set()).update(pairs)


def look_over(examples: Iterable[Example], mentions_of: Callable[[Doc], Iterable[Span]]) -> dict[Annotated, Seen]:
    """What the data holds, by the labels that it is annotated for.

    A document that is not annotated, or for other labels than those of its teachers, is one of theirs: its annotation does not count.
    """
    found: dict[Annotated, Seen] = {}
    for example in examples:
        reference = example.reference
        annotated, columns = annotated_labels(reference), taught_columns(reference)
        by_teachers = columns is not None and not (has_relations(reference) and covers(annotated, columns[0]))
        part = found.setdefault(frozenset(columns[0]) if columns is not None and by_teachers else annotated, Seen())
        part.references.append(reference)
        part.types.update(span.label_ for span in mentions_of(reference))
        part.taught.update(() if columns is None else columns[0])
        if by_teachers:
            continue
        part.n += has_relations(reference)
        for relation in get_relations(reference):
            part.rules.setdefault(relation.label, set()).add((relation.head.label_, relation.tail.label_))
    return found


def covered(seen: Mapping[Annotated, Seen], labels: Collection[str]) -> Seen:
    """What of the data an extractor with these labels learns from."""
    whole = Seen()
    for annotated, part in seen.items():
        if covers(annotated, labels):
            whole.add(part)
    return whole


def require_covered(name: str, labels: Sequence[str], seen: Mapping[Annotated, Seen], notices: Notices, *, streamed: bool) -> None:
    """Refuse data of which no document teaches the labels. streamed: Only its beginning was seen: warn. RAISES: RelextError."""
    annotated = [labels for labels, part in seen.items() if part.n or part.taught]
    if annotated and not any(covers(of, labels) for of in annotated):
        found = f"is annotated for its labels, {_joined(labels)}; they are annotated for {' and '.join(map(_joined, annotated))}."
        if streamed:
            notices.warn(
                "beginning",
                f"{name}: none of the first documents of the training data {found} With max_epochs = -1 these alone are seen before "
                "training: set shuffle = true for the reader, so that both corpora are among them, or give mention_types in "
                f"[initialize.components.{name}].",
            )
            return
        raise RelextError(
            f"{name}: no document of the training data {found} Correct [initialize.components.{name}.labels], or add data with these "
            "labels. If they were looked for, name them when the data is converted: relext convert --labels."
        )


def count_annotated(examples: Iterable[Example]) -> "Counter[Annotated]":
    """The number of documents with relation annotation, by the labels that they are annotated for."""
    return Counter(annotated_labels(example.reference) for example in examples if has_relations(example.reference))


def warn_of_coverage(notices: Notices, name: str, labels: Collection[str], counts: "Counter[Annotated]", done: str) -> None:
    """Warn once how many documents are passed over, and how many are annotated for some of the labels only.

    counts: The number of documents by what they are annotated for. done: "learned from" or "scored".
    """
    named = {annotated: n for annotated, n in counts.items() if annotated is not None and not annotated.issuperset(labels)}
    passed = {annotated: n for annotated, n in named.items() if not covers(annotated, labels)}
    partly = {annotated: n for annotated, n in named.items() if annotated not in passed}
    for kind, part, text in (
        (
            "passed over",
            passed,
            f"{name}: {{n}} of {{of}} {{of|document|documents}} {{n|is|are}} not {done}: {{n|it is|they are}} annotated for {{values}}, "
            f"and not for all of its labels, {_joined(labels)}. This is right for those of another corpus. If they are of the same, "
            "convert it in one go, or name all of its labels with relext convert --labels.",
        ),
        (
            "partly annotated",
            partly,
            f"{name}: {{n}} of {{of}} {{of|document|documents}} {{n|is|are}} annotated for {{values}} alone, and {{n|is|are}} {done} as "
            f"having no relation with any other of its labels, {_joined(labels)}. This is right where the others were looked for and not "
            "found: name them with relext convert --labels, and it is not said again. If they were not looked for, give this corpus an "
            "extractor of its own, with its labels in [initialize.components.NAME.labels].",
        ),
    ):
        if part:
            values = Counter({_joined(annotated): n for annotated, n in part.items()})
            notices.warn(f"{kind}: {done}", text, n=values.total(), of=counts.total(), values=values.elements())


def _joined(labels: Iterable[str] | None) -> str:
    return "all labels" if labels is None else "/".join(sorted(labels)) or "no label"
