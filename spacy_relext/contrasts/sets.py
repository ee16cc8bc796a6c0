"""Contrast sets as files: what each line asks, and what is expected (docs/reference/contrast.md).

Gardner et al., "Evaluating Models' Local Decision Boundaries via Contrast Sets", Findings of EMNLP 2020; the kinds of tests are those of
Ribeiro et al., "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList", ACL 2020.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats import jsonl
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import Document

CONTRAST = "contrast"
OPEN, HELD_OUT = "open", "held-out"
HALVES = (OPEN, HELD_OUT)
MFT, INV, DIR = "MFT", "INV", "DIR"
REQUIRED = ("group", "phenomenon", "kind", "frame", "head", "tail")
# The keys by which a line refers to another one of its group, and the kind that each is of.
REFERENCES = {"same_as": INV, "lower_than": DIR, "higher_than": DIR}
KEYS = {*REQUIRED, "half", "expected", *REFERENCES, "guidelines"}
PAGE = "docs/reference/contrast.md has an example."


@dataclass(frozen=True)
class Question:
    """A line of a contrast set: a text, the two mentions that are asked about, and what is expected of them.

    group: The minimal pair that it belongs to. kind: CheckList's: MFT, INV, DIR. frame: The pattern of the sentence.
    head, tail: Ids of mentions of the document.
    expected: Labels, of which one is right from head to tail; empty: not related. None: nobody knows.
    same_as, lower_than, higher_than: The id of another line of the group, of which the same is said, or whose probability is compared.
    guidelines: What is expected in the place of `expected` by the guideline of a corpus; None: not asked of its pipelines.
    """

    document: Document
    group: str
    phenomenon: str
    kind: str
    frame: str
    head: str
    tail: str
    half: str = OPEN
    expected: tuple[str, ...] | None = None
    same_as: str | None = None
    lower_than: str | None = None
    higher_than: str | None = None
    guidelines: Mapping[str, tuple[str, ...] | None] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def id(self) -> str:
        """The id of its document."""
        return self.document.id

    @property
    def references(self) -> dict[str, str]:
        """The lines that it is compared with, by the key that names each."""
        return {key: value for key in REFERENCES if (value := getattr(self, key)) is not None}

    def expected_by(self, guideline: str) -> tuple[str, ...] | None:
        """What is expected by a guideline; None where nothing is."""
        return self.guidelines.get(guideline, self.expected)

    def is_asked_by(self, guideline: str) -> bool:
        """Whether it is asked of the pipelines of a guideline."""
        return self.guidelines.get(guideline, ()) is not None


@dataclass(frozen=True)
class ContrastSet:
    """The lines of a contrast set. name: Its file or folder. digest: Of the content, whatever it is called."""

    name: str
    # Whoever looks at a set is not shown the half that is held out.
    questions: tuple[Question, ...] = field(repr=False)
    digest: str

    @property
    def groups(self) -> dict[str, list[Question]]:
        """The lines of each minimal pair."""
        found: dict[str, list[Question]] = {}
        for question in self.questions:
            found.setdefault(question.group, []).append(question)
        return found

    @property
    def labels(self) -> set[str]:
        """The labels that its lines expect, of whatever guideline."""
        return {
            label for question in self.questions for labels in (question.expected, *question.guidelines.values()) for label in labels or ()
        }

    def of_half(self, half: str | None) -> "ContrastSet":
        """The lines of one half. RAISES: RelextError where it has none."""
        if half is None:
            return self
        if half not in HALVES:
            raise RelextError(f"`half` is {half!r}; expected {' or '.join(map(repr, HALVES))}, or None for both.")
        found = tuple(question for question in self.questions if question.half == half)
        if not found:
            raise RelextError(f"{self.name} has no line whose half is {half!r}. Leave `half` out to ask all of it.")
        return ContrastSet(self.name, found, self.digest)


def shipped_set() -> Path:
    """The folder of the set that comes with the package: in a wheel it is in the package, in a clone among the assets."""
    here = Path(__file__).parent
    for folder in (here / "shipped", here.parents[1] / "assets" / "contrast"):
        if folder.is_dir():
            return folder
    raise RelextError("the contrast set of the package is not there. Install it anew, or name a set of your own.")


def read_set(path: str | Path | None = None) -> ContrastSet:
    """Read a contrast set: a JSONL file, or all of a folder. None: the one that comes with the package.

    RAISES: DataError, with file and line, for what is no contrast set.
    """
    place = shipped_set() if path is None else Path(path)
    if not place.exists():
        raise DataError("there is no such file or folder; expected a contrast set, JSONL with questions under meta.contrast.", path=place)
    questions = tuple(_question(document) for document in jsonl.read(place, Reading()))
    if not questions:
        raise DataError(f"the file has no line, and a contrast set has two for each minimal pair. {PAGE}", path=place)
    _check_groups(questions)
    content = sorted(repr((q.id, q.document.text, q.document.meta[CONTRAST])) for q in questions)
    name = "the set of the package" if path is None else str(path)
    return ContrastSet(name, questions, hashlib.sha256("\n".join(content).encode("utf8")).hexdigest()[:16])


def _question(document: Document) -> Question:
    """What a line asks. RAISES: DataError for what is not as the module's page says."""
    said = document.meta.get(CONTRAST)
    if not isinstance(said, dict):
        saw = "has none" if said is None else f"has {said!r:.60}"
        raise document.error(f"expected what it asks, an object under meta.{CONTRAST}, and it {saw}. {PAGE}")
    unknown = sorted(set(said) - KEYS)
    if unknown:
        raise document.error(f"meta.{CONTRAST} has the unknown keys {unknown}; known are {sorted(KEYS)}.")
    names = {key: _text(document, said, key) for key in REQUIRED}
    _one_of(document, "kind", said["kind"], (MFT, INV, DIR))
    _one_of(document, "half", said.get("half", OPEN), HALVES)
    _check_mentions(document, said["head"], said["tail"])
    references = {key: said[key] for key in REFERENCES if key in said}
    for key, value in references.items():
        if not isinstance(value, str):
            raise document.error(f"expected {key!r} to be the id of another line of the group, and saw {value!r:.60}.")
    question = Question(
        document,
        **names,
        half=said.get("half", OPEN),
        expected=_labels(document, "expected", said["expected"]) if "expected" in said else None,
        **references,
        guidelines=_by_guideline(document, said.get("guidelines", {})),
    )
    _check_kind(question)
    return question


def _text(document: Document, said: dict[str, Any], key: str) -> str:
    value = said.get(key)
    if not isinstance(value, str) or not value:
        raise document.error(f"expected {key!r} of meta.{CONTRAST} to be a text, and saw {value!r:.60}. {PAGE}")
    return value


def _one_of(document: Document, key: str, value: Any, known: Iterable[str]) -> None:
    """RAISES: DataError where a value is none of those that there are."""
    if value not in known:
        raise document.error(f"expected {key!r} to be one of {', '.join(known)}, and saw {value!r:.60}.")


def _labels(document: Document, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(label, str) and label for label in value):
        raise document.error(
            f"expected {key!r} to be a list of labels, of which one is right, or [] for what is not related, and saw {value!r:.60}."
        )
    return tuple(value)


def _by_guideline(document: Document, given: Any) -> dict[str, tuple[str, ...] | None]:
    if not isinstance(given, dict):
        raise document.error(f'expected \'guidelines\' to be an object, as in {{"ddi": ["MECHANISM"]}}, and saw {given!r:.60}.')
    return {name: None if value is None else _labels(document, f"guidelines.{name}", value) for name, value in given.items()}


def _check_mentions(document: Document, head: str, tail: str) -> None:
    mentions = {mention.id: mention for mention in document.mentions}
    for key, name in (("head", head), ("tail", tail)):
        if name not in mentions:
            raise document.error(
                f"{key!r} is {name!r}, and the mentions are {', '.join(mentions) or 'none'}. Expected the id of one of them."
            )
    if (mentions[head].start, mentions[head].end) == (mentions[tail].start, mentions[tail].end):
        raise document.error(f"head and tail, {head!r} and {tail!r}, are the same characters. A relation needs two mentions.")


def _check_kind(question: Question) -> None:
    """RAISES: DataError where a line does not say what its kind needs, or what it has not."""
    error, references = question.document.error, question.references
    for key in references:
        if REFERENCES[key] != question.kind:
            raise error(f"{key!r} is for the kind {REFERENCES[key]}, and this line is {question.kind}. Change one of the two.")
    if len(references) > 1:
        raise error(f"it has {' and '.join(references)}, which exclude each other. Leave one out.")
    if question.kind == MFT and question.expected is None:
        raise error("a line of the kind MFT needs 'expected': a list of labels, of which one is right, or [] for what is not related.")


def _check_groups(questions: tuple[Question, ...]) -> None:
    """RAISES: DataError for groups that are none, references that lead nowhere, and frames in both halves."""
    by_id = {question.id: question for question in questions}
    size: dict[str, int] = {}
    first: dict[str, Question] = {}
    half_of: dict[str, Question] = {}
    for question in questions:
        size[question.group] = size.get(question.group, 0) + 1
        other = first.setdefault(question.group, question)
        for key in ("phenomenon", "frame", "half"):
            mine, its = getattr(question, key), getattr(other, key)
            if mine != its:
                raise question.document.error(
                    f"its {key} is {mine!r}, and that of {other.id!r}, of the same group {question.group!r}, is {its!r}. "
                    "The lines of a group share it."
                )
        same_frame = half_of.setdefault(question.frame, question)
        if same_frame.half != question.half:
            raise question.document.error(
                f"its frame {question.frame!r} stands in the half {question.half!r}, and in {same_frame.half!r}: {same_frame.id!r}. "
                "A frame stands in one half, so that what is held out is not seen."
            )
        for key, name in question.references.items():
            if name == question.id or name not in by_id or by_id[name].group != question.group:
                raise question.document.error(
                    f"{key!r} is {name!r}, and expected is the id of another line of its group {question.group!r}."
                )
    for group, n in size.items():
        if n < 2:
            raise first[group].document.error(f"it is the only line of the group {group!r}. A minimal pair has two at least.")
