"""What an annotated document is made of."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from spacy_relext.errors import DataError
from spacy_relext.values import ASSERTED, CALLER, Sources, details


@dataclass(frozen=True)
class Mention:
    """A mention: its id in the document, first character and (exclusive) end, and type.

    kb_id: The identifier of its concept, e.g. "D003000"; several are joined with "|" (identifiers.py). Empty where it has none.
    long_form: What it abbreviates. Empty where it is no abbreviation, or one that nobody resolved.
    """

    id: str
    start: int
    end: int
    type: str
    kb_id: str = ""
    long_form: str = ""


@dataclass(frozen=True)
class AnnotatedRelation:
    """A relation between the mentions with the ids `head` and `tail`, or between the concepts with these identifiers.

    sources: The components that found it, by name, with their scores. Empty: an annotation, or a file that does not say.
    status, attributes: What the pipeline, and an annotation, say of it. raw_score: What the model says, where a calibrated pipeline has
        another score; None: the score.
    """

    head: str
    tail: str
    label: str
    score: float = 1.0
    sources: Sources = ()
    status: str = ASSERTED
    attributes: tuple[str, ...] = ()
    raw_score: float | None = None

    @property
    def source_names(self) -> tuple[str, ...]:
        """The names of its sources; an empty one is an annotation."""
        return tuple(name for name, _ in self.sources) or (CALLER,)

    @property
    def details(self) -> dict[str, Any]:
        """What JSON says of it beyond its score: nothing of what it is taken for without."""
        raw_score = self.score if self.raw_score is None else self.raw_score
        return details(dict(self.sources) or {CALLER: self.score}, self.status, self.attributes, self.score, raw_score)


@dataclass
class Document:
    """A text with its annotation; `relations` is None where relations were not annotated, which is not the same as none.

    sentences: Character offsets (start, end) of the sentences, or None. source, line: Where it was read, for error messages.
    number: Which document of its file it is, counted from 1, where a line is not enough to find it.
    concept_relations: Relations whose head and tail are concept identifiers, annotated for the document as a whole, or None. Where
        `relations` is None beside them, the relations between mentions follow from them (concepts.py).
    denied: Relations between mentions that an annotator denied. They are none of `relations`: to a model, such a pair has no relation.
        Their label is what was denied, or that by which it was, as No-rel. Readers need not look for such labels: denials.py does.
    denied_concepts: The same between concepts. What follows from them for mentions, once the sentences are known, is denied.
    unsupported: What the file says beyond this, counted under the names that the report of `relext convert` gives; `leave_out` adds to it.
    examples: For names of `unsupported`, where the first of its kind stands.
    mentions_given: The file says that these are all mentions: that its annotation is finished. Otherwise, where there are none, nobody may
        have looked for them.
    annotated_labels: The labels that it is annotated for, also those that do not occur in it. None: it does not say.
    meta: What its source says of it beside the annotation, such as the journal of an article, in what JSON can hold.
    """

    id: str
    text: str
    mentions: list[Mention] = field(default_factory=list)
    relations: list[AnnotatedRelation] | None = None
    sentences: list[tuple[int, int]] | None = None
    source: Any = None
    line: int | None = None
    concept_relations: list[AnnotatedRelation] | None = None
    unsupported: Counter[str] = field(default_factory=Counter)
    mentions_given: bool = field(default=False, compare=False)
    annotated_labels: frozenset[str] | None = None
    denied: list[AnnotatedRelation] = field(default_factory=list)
    denied_concepts: list[AnnotatedRelation] = field(default_factory=list)
    examples: dict[str, str] = field(default_factory=dict, compare=False)
    number: int | None = field(default=None, compare=False)
    meta: dict[str, Any] = field(default_factory=dict)

    def error(self, message: str) -> DataError:
        """An error that says where the document stands."""
        number = "" if self.number is None else f" (number {self.number} of the file)"
        return DataError(f"document {self.id!r}{number}: {message}", path=self.source, line=self.line)

    def leave_out(self, what: str, line: int | None = None, source: Any = None) -> None:
        """Count something of the file that the document does not hold, in a line of its source, or of another one, where that is known."""
        self.unsupported[what] += 1
        self.examples.setdefault(what, self.place if line is None else f"{source or self.source}:{line}")

    @property
    def place(self) -> str:
        """Where it was read."""
        return str(self.source) if self.line is None else f"{self.source}:{self.line}"

    @property
    def labels(self) -> set[str]:
        """The labels of its relations."""
        return {relation.label for relation in self.all_relations}

    @property
    def all_relations(self) -> list[AnnotatedRelation]:
        """Its relations between mentions, and those between concepts."""
        return [*(self.relations or ()), *(self.concept_relations or ())]

    def count_unsupported(self, *names: str) -> Counter[str]:
        """How often it has what these names of UNSUPPORTED stand for."""
        return Counter({name: int(UNSUPPORTED[name](self)) for name in names})


METADATA = "metadata of documents"
# What most formats have no place for: its name in reports, and how often a document has it.
UNSUPPORTED: dict[str, Callable[[Document], int]] = {
    "sentences": lambda document: len(document.sentences or ()),
    "relations": lambda document: len(document.relations or ()),
    "scores of relations": lambda document: sum(r.score != 1 for r in document.all_relations),
    "raw scores of relations": lambda document: sum(r.raw_score not in (None, r.score) for r in document.all_relations),
    "sources of relations": lambda document: sum(bool(r.sources) for r in document.all_relations),
    "statuses of relations": lambda document: sum(r.status != ASSERTED for r in document.all_relations),
    "attributes of relations": lambda document: sum(bool(r.attributes) for r in document.all_relations),
    "denied relations": lambda document: len(document.denied),
    "concept identifiers": lambda document: sum(bool(mention.kb_id) for mention in document.mentions),
    "long forms of abbreviations": lambda document: sum(bool(mention.long_form) for mention in document.mentions),
    "relations between concepts": lambda document: len(document.concept_relations or ()),
    METADATA: lambda document: bool(document.meta),
    "documents not annotated for relations (now with none)": lambda document: (
        document.relations is None and document.concept_relations is None
    ),
    # What the format of an annotation tool leaves open.
    "documents without mentions (read as not annotated)": lambda document: not document.mentions and document.relations is not None,
    "documents without relations": lambda document: not (document.relations or document.concept_relations),
    "mentions in no relation": lambda document: len(
        {mention.id for mention in document.mentions} - {end for r in document.relations or () for end in (r.head, r.tail)}
    ),
    "whole texts": lambda document: bool(document.text),
}
# The attribute of a relation that its text is the first to report (BioRED).
NOVEL = "novel"
# Relations that are left out, for no Doc holds them: one is known by the characters of its mentions.
SAME_PLACE = "relations between mentions of the same characters"
SELF = "relations of a mention to itself"
# What the pipeline, and an annotation, say of a relation beyond its label and score; all of it is in JSONL alone.
RAW_SCORES = "raw scores of relations"
PIPELINE_DETAILS = (RAW_SCORES, "sources of relations", "statuses of relations")
DETAILS = (*PIPELINE_DETAILS, "attributes of relations", "denied relations")
# What readers leave out, by the names of the report.
RELATED, N_ARY = "relations of relations", "relations with more or less than two arguments"
NO_MENTION = "relations of what is no mention"
UNKNOWN, UNNAMED = "relations with mentions that the document does not have", "relations without a label"
UNTYPED, MISPLACED = "mentions without a type", "mentions whose text is not at their offsets"
UNLABELLED = "annotations without a label (named after their layer)"
DENIED_UNPAIRED = "denied relations between concepts without a pair of mentions"
SEVERAL_TYPES = "relations with tokens that are mentions of several types"
