"""Guidelines: what the labels and types of a contrast set are called by a corpus, and so by the pipelines that are trained on it."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from spacy_relext.contrasts.sets import ContrastSet, Question
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.files import read_errors
from spacy_relext.formats.types import Document

FOLDER = Path(__file__).parent / "corpora"
# The names of a set as they are, for pipelines that have the same.
SAME = "same names"
EXAMPLE = '{"labels": {"MECHANISM": ["mechanism"]}, "types": {"CHEMICAL": ["drug"]}}'


@dataclass(frozen=True)
class Guideline:
    """The labels and types of a corpus by those of a set, each with the names that it may have.

    What is not among them is what the corpus does not annotate. types of None: The types of the set, as they are.
    """

    name: str
    labels: Mapping[str, tuple[str, ...]]
    types: Mapping[str, tuple[str, ...]] | None = None

    def of_pipeline(self, labels: Collection[str], mention_types: Collection[str]) -> "Guideline":
        """What of it a pipeline has: those of the labels; of the types of each, the one that it knows, or else the first."""
        own_labels = {name: tuple(label for label in given if label in labels) for name, given in self.labels.items()}
        types = self.types and {name: tuple(sorted(given, key=lambda t: t not in mention_types)[:1]) for name, given in self.types.items()}
        return Guideline(self.name, {name: given for name, given in own_labels.items() if given}, types)

    def type_of(self, name: str) -> str | None:
        """What it calls a type; None where it does not annotate it."""
        if self.types is None:
            return name
        return next(iter(self.types.get(name, ())), None)

    def document(self, document: Document) -> Document:
        """A document as the corpus would annotate it: with its mentions, of its types; one without sentences is one sentence."""
        mentions = [replace(mention, type=kind) for mention in document.mentions if (kind := self.type_of(mention.type)) is not None]
        sentences = document.sentences if document.sentences is not None else [(0, len(document.text))]
        return Document(document.id, document.text, mentions, [], sentences, source=document.source, line=document.line)

    def expected(self, question: Question) -> frozenset[str] | None:
        """The labels that are right for a question; an empty set: not related. None: nobody knows."""
        labels = question.expected_by(self.name)
        return None if labels is None else frozenset(name for label in labels for name in self.labels.get(label, ()))

    def lacks(self, question: Question) -> list[str]:
        """The types that a question asks about, and the labels that it expects, where it has none of them; nothing: it can be asked."""
        if not question.is_asked_by(self.name):
            return [f"not asked by the guideline {self.name}"]
        types = {mention.id: mention.type for mention in question.document.mentions}
        unknown = [f"unknown type {types[end]}" for end in (question.head, question.tail) if self.type_of(types[end]) is None]
        expected = question.expected_by(self.name)
        if expected and not self.expected(question):
            unknown += [f"unknown label {label}" for label in expected]
        return unknown


def stored_guidelines() -> dict[str, Guideline]:
    """Those that come with the package."""
    return {path.stem: read_guideline(path) for path in sorted(FOLDER.glob("*.json"))}


def read_guideline(path: Path) -> Guideline:
    """Read a guideline of one's own; its name is that of the file. RAISES: DataError for what is none."""
    with read_errors(path):
        text = path.read_text(encoding="utf8")
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"not JSON ({error.msg}, line {error.lineno}). Expected a guideline: {EXAMPLE}.", path=path) from error
    if not isinstance(given, dict) or set(given) != {"labels", "types"}:
        saw = sorted(given) if isinstance(given, dict) else type(given).__name__
        raise DataError(f"expected an object with labels and types, and saw {saw}. A guideline is {EXAMPLE}.", path=path)
    return Guideline(path.stem, _names(given["labels"], "labels", path), _names(given["types"], "types", path))


def _names(given: object, what: str, path: Path) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, dict) or not all(
        isinstance(n, list) and n and all(isinstance(name, str) for name in n) for n in given.values()
    ):
        raise DataError(
            f"expected {what} to give a list of names for each name of the set, and saw {given!r:.80}. As in {EXAMPLE}.", path=path
        )
    return {name: tuple(names) for name, names in given.items()}


def guideline_for(
    asked: ContrastSet, labels: Collection[str], mention_types: Collection[str], given: str | Path | None = None
) -> Guideline:
    """The guideline of a pipeline: the one that is given, by its name or file, or the one by which most labels of a set are its own.

    RAISES: RelextError where there is none.
    """
    known = stored_guidelines()
    if given is not None:
        if str(given) in known:
            return known[str(given)].of_pipeline(labels, mention_types)
        if not Path(given).exists():
            raise RelextError(f"there is no guideline {str(given)!r}. There are {', '.join(known)}, or a JSON file of your own: {EXAMPLE}.")
        return read_guideline(Path(given)).of_pipeline(labels, mention_types)
    same = Guideline(SAME, {label: (label,) for label in asked.labels})
    found = [guideline.of_pipeline(labels, mention_types) for guideline in (*known.values(), same)]
    if not asked.labels:
        # Nothing but pairs that are not related, or that are compared: then types tell.
        types = {mention.type for question in asked.questions for mention in question.document.mentions}
        return found[-1] if types <= set(mention_types) else max(found, key=lambda guideline: len(guideline.labels))
    best = max(found, key=lambda guideline: len(asked.labels & guideline.labels.keys()))
    if not asked.labels & best.labels.keys():
        raise RelextError(
            f"{asked.name} expects the labels {', '.join(sorted(asked.labels))}, and the pipeline has {', '.join(labels)}: no guideline "
            f"says which are which. Give one, a JSON file: `guideline`, with {EXAMPLE}."
        )
    return best
