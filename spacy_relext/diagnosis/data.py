"""A corpus as it is looked at before training: its parts, their texts, and what is found in them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from spacy.tokens import Doc, Span

from spacy_relext.candidates import distance_pairs, has_sentences, sentence_pairs
from spacy_relext.concepts import identifiers
from spacy_relext.formats.docs import concept_relations, document_id
from spacy_relext.formats.offsets import Stretch
from spacy_relext.formats.types import AnnotatedRelation
from spacy_relext.mentions import SPANS_KEY
from spacy_relext.relations import Relation, Relations, get_relations, has_relations
from spacy_relext.types import Ints2d

Severity = Literal["error", "warning", "info"]
# What is shown of the places of a finding.
N_EXAMPLES = 3
# Where there are no sentences, pairs are counted up to this many tokens apart.
NEAR = 50


@dataclass(frozen=True)
class Finding:
    """Something that is to be known before training.

    severity: "error": training fails, or its figures are wrong; "warning": probably a mistake, or a loss; "info": neither.
    name: Of the kind of finding, e.g. "shared-documents". examples: All places, each with its part and document.
    """

    severity: Severity
    name: str
    message: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Text:
    """An annotated text. mentions: Those that the extractor is to see. relations: Those that are annotated, None where none were."""

    part: str
    name: str
    doc: Doc
    mentions: list[Span]

    @cached_property
    def annotated(self) -> bool:
        """Whether relations were annotated, be it none."""
        return has_relations(self.doc)

    @cached_property
    def relations(self) -> Relations:
        """The annotated relations."""
        return get_relations(self.doc)

    @cached_property
    def labels(self) -> dict[tuple[Stretch, Stretch], set[str]]:
        """The labels of each related pair of places, head first."""
        found: dict[tuple[Stretch, Stretch], set[str]] = {}
        for relation in self.relations:
            found.setdefault((place(relation.head), place(relation.tail)), set()).add(relation.label)
        return found

    @cached_property
    def concept_relations(self) -> list[AnnotatedRelation]:
        """The annotated relations between concepts."""
        return concept_relations(self.doc) or []

    @cached_property
    def mentions_of(self) -> dict[str, list[Span]]:
        """The mentions of each concept, in the order of the text."""
        found: dict[str, list[Span]] = {}
        for span in sorted(self.mentions, key=place):
            for concept in identifiers(span.kb_id_):
                found.setdefault(concept, []).append(span)
        return found

    @cached_property
    def places(self) -> list[Stretch]:
        """Where the mentions are."""
        return [place(span) for span in self.mentions]

    @cached_property
    def pairs(self) -> Ints2d:
        """The pairs of mentions in a sentence, each once, overlapping ones too; without sentences those up to `NEAR` tokens apart."""
        if has_sentences(self.doc):
            return sentence_pairs(ordered=False, overlapping=True)(self.doc, self.mentions)
        return distance_pairs(NEAR, ordered=False, overlapping=True)(self.doc, self.mentions)

    @cached_property
    def related(self) -> list[bool]:
        """Which of the pairs are related, in whatever direction."""
        places = [(self.places[i], self.places[j]) for i, j in self.pairs.tolist()]
        return [(a, b) in self.labels or (b, a) in self.labels for a, b in places]

    def where(self, what: Span | Relation | str = "") -> str:
        """Where something stands, to be shown to people."""
        shown = what.text if isinstance(what, Span) else arrow(what) if isinstance(what, Relation) else what
        return f"{self.part}: {self.name}" + (f": {shorten(shown)}" if shown else "")


@dataclass(frozen=True)
class Data:
    """A corpus in parts.

    parts (Dict[str, List[Text]]): By name; what is trained on comes first.
    training (Tuple[str, …]): The names of the parts that are trained on.
    spans_key (str | None): Mentions are `doc.spans[spans_key]`; None: `doc.ents`.
    """

    parts: dict[str, list[Text]]
    training: tuple[str, ...]
    spans_key: str | None = field(default=None)

    @cached_property
    def texts(self) -> list[Text]:
        """The texts of all parts."""
        return [text for texts in self.parts.values() for text in texts]

    @cached_property
    def train(self) -> list[Text]:
        """The texts that are trained on."""
        return [text for name in self.training for text in self.parts[name]]

    @cached_property
    def label_counts(self) -> dict[str, Counter[str]]:
        """How many relations of each label there are in each part."""
        return {name: Counter(r.label for text in texts for r in text.relations) for name, texts in self.parts.items()}

    @cached_property
    def train_labels(self) -> Counter[str]:
        """The same in what is trained on."""
        return sum((self.label_counts[name] for name in self.training), Counter[str]())

    @property
    def held_out(self) -> dict[str, list[Text]]:
        """The other parts."""
        return {name: texts for name, texts in self.parts.items() if name not in self.training}

    @property
    def mentions_name(self) -> str:
        """Where the mentions are, in words."""
        return "doc.ents" if self.spans_key is None else f'doc.spans["{self.spans_key}"]'


def make_data(parts: Mapping[str, Iterable[Doc]], training: Sequence[str], *, spans_key: str | None) -> Data:
    """Bring Docs into the form that is checked. The names of texts are their ids, or their numbers."""

    def texts(part: str, docs: Iterable[Doc]) -> Iterator[Text]:
        for number, doc in enumerate(docs, start=1):
            spans = doc.ents if spans_key is None else doc.spans.get(spans_key, ())
            yield Text(part, document_id(doc) or f"document {number}", doc, [span for span in spans if len(span)])

    return Data({part: list(texts(part, docs)) for part, docs in parts.items()}, tuple(training), spans_key)


def find_spans_key(docs: Iterable[Doc]) -> str | None:
    """Where the mentions of a corpus are: where converters put all of them, or `doc.ents`."""
    return SPANS_KEY if any(len(doc.spans.get(SPANS_KEY, ())) for doc in docs) else None


def found(severity: Severity, name: str, message: str, places: Sequence[str]) -> Iterator[Finding]:
    """A finding if there is some place; "{n}" in the message is their number."""
    if places:
        yield Finding(severity, name, message.replace("{n}", f"{len(places):,}"), tuple(places))


def place(span: Span) -> Stretch:
    """The characters of a mention."""
    return span.start_char, span.end_char


def arrow(relation: Relation) -> str:
    """A relation without its score."""
    return f"{relation.head.text} --{relation.label}--> {relation.tail.text}"


def shorten(text: str, length: int = 100) -> str:
    """A text on one line, cut."""
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[:length].rstrip()}…"


def percent(part: float, whole: float) -> str:
    """A share for people: few and most never look like none and all."""
    if not whole:
        return "–"
    share = 100 * part / whole
    return f"{share:.1f} %" if 0 < share < 10 or 90 < share < 100 else f"{share:.0f} %"
