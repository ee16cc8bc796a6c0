"""What is measured on: documents with given tokens, sentences and mentions, made with a seed or taken from a corpus."""

import json
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from spacy.tokens import Doc

from spacy_relext.mentions import SPANS_KEY
from spacy_relext.relations import get_relations

# Of a synthetic sentence in which mentions stand, as a rule: 6 pairs; those of DDI have 7 in the mean.
MENTIONS_A_SENTENCE = 4
MENTION_TYPE = "drug"
WORD = re.compile(r"[a-z]{2,}")
NAME = re.compile(r"[A-Za-z]{3,}")

Offsets = tuple[int, int]


@dataclass(frozen=True)
class Document:
    """A text for every contender alike. Offsets count characters from 0; ends are exclusive.

    tokens, sentences: Cover the text but for white space. mentions: Start, end, type; each is whole tokens.
    relations: Numbers of two mentions, the lower one first: without direction; and the label.
    """

    id: str
    text: str
    tokens: list[Offsets]
    sentences: list[Offsets]
    mentions: list[tuple[int, int, str]]
    relations: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def n_pairs(self) -> int:
        """The pairs of mentions that begin in the same sentence, each once."""
        inside = [sum(start <= mention[0] < end for mention in self.mentions) for start, end in self.sentences]
        return sum(n * (n - 1) // 2 for n in inside)


@dataclass(frozen=True)
class Workload:
    """Documents that are measured together.

    series: What varies from one workload to the next: "mentions", "length", "density" or "corpus". value: Of what varies.
    """

    series: str
    value: int
    documents: list[Document]

    @property
    def name(self) -> str:
        """A name that no other workload has."""
        return f"{self.series}-{self.value}"

    @property
    def n_pairs(self) -> int:
        """The pairs of all documents."""
        return sum(document.n_pairs for document in self.documents)

    def sizes(self) -> dict[str, int | str]:
        """What it holds."""
        return {
            "name": self.name,
            "series": self.series,
            "value": self.value,
            "documents": len(self.documents),
            "tokens": sum(len(document.tokens) for document in self.documents),
            "sentences": sum(len(document.sentences) for document in self.documents),
            "mentions": sum(len(document.mentions) for document in self.documents),
            "pairs": self.n_pairs,
        }

    def write(self, folder: Path) -> Path:
        """One JSON object per line, as the workers read it."""
        path = folder / f"{self.name}.jsonl"
        path.write_text("".join(json.dumps(asdict(document)) + "\n" for document in self.documents), encoding="utf8")
        return path


class Writer:
    """Makes documents of the words and names of annotated texts, drawn with a seed.

    The texts make no sense. What a sentence costs depends on its words and mentions, not on what they say.
    """

    def __init__(self, texts: Path, seed: int):
        records = [json.loads(line) for line in texts.read_text(encoding="utf8").splitlines()]
        # Letters alone: a tokenizer that is not told the tokens finds the same ones.
        self.names = sorted({m["text"] for record in records for m in record["mentions"] if NAME.fullmatch(m["text"])})
        words = [word for record in records for word in record["text"].split() if WORD.fullmatch(word)]
        self.words = [word for word in words if word not in self.names]
        self.random = random.Random(seed)

    def document(self, id: str, mentions: Sequence[int], length: int) -> Document:
        """Make a document.

        mentions: How many each sentence has. length: Tokens of a sentence, the full stop among them.
        """
        text = ""
        tokens: list[Offsets] = []
        sentences: list[Offsets] = []
        found: list[tuple[int, int, str]] = []
        for n_mentions in mentions:
            places = set(self.random.sample(range(length - 1), n_mentions))
            text += " " if text else ""
            first = len(text)
            for i in range(length - 1):
                word = self.random.choice(self.names if i in places else self.words)
                # A parser that cuts sentences itself sees where one begins.
                word = word.capitalize() if i == 0 else word
                text += " " if i else ""
                start, end = len(text), len(text) + len(word)
                text += word
                tokens.append((start, end))
                if i in places:
                    found.append((start, end, MENTION_TYPE))
            text += "."
            tokens.append((len(text) - 1, len(text)))
            sentences.append((first, len(text)))
        return Document(id, text, tokens, sentences, found)


def crowded(n_mentions: int, n_sentences: int, rng: random.Random) -> list[int]:
    """Mentions of each sentence: in most sentences of real texts stands none, in some of them several."""
    n_full, rest = divmod(n_mentions, MENTIONS_A_SENTENCE)
    mentions = [MENTIONS_A_SENTENCE] * n_full + [rest] * (rest > 0)
    mentions += [0] * (n_sentences - len(mentions))
    if len(mentions) > n_sentences:
        raise ValueError(f"{n_mentions} mentions need {len(mentions)} sentences of {MENTIONS_A_SENTENCE}, and there are {n_sentences}.")
    rng.shuffle(mentions)
    return mentions


def by_mentions(writer: Writer, numbers: Iterable[int], n_sentences: int = 100, length: int = 30) -> list[Workload]:
    """One document of 3,000 tokens, with more and more mentions."""
    return [Workload("mentions", n, [writer.document(f"mentions-{n}", crowded(n, n_sentences, writer.random), length)]) for n in numbers]


def by_length(writer: Writer, sentences: Iterable[int], length: int = 30, total: int = 40) -> list[Workload]:
    """Documents of more and more sentences that have 4 mentions each; about 40 sentences in all, or as many as one has."""
    return [
        Workload(
            "length",
            n * length,
            [writer.document(f"length-{n * length}-{i}", [MENTIONS_A_SENTENCE] * n, length) for i in range(max(1, total // n))],
        )
        for n in sentences
    ]


def by_density(writer: Writer, mentions: Iterable[int], n_documents: int = 3, length: int = 60) -> list[Workload]:
    """Documents of one long sentence with more and more mentions: what is won over one encoder pass per pair depends on it."""
    return [Workload("density", n, [writer.document(f"density-{n}-{i}", [n], length) for i in range(n_documents)]) for n in mentions]


def from_docs(docs: Sequence[Doc], n_documents: int) -> Workload:
    """So many annotated Docs, taken evenly over the corpus; all, if there are fewer."""
    step = max(1, len(docs) // n_documents)
    chosen = list(docs)[::step][:n_documents]
    return Workload("corpus", len(chosen), [from_doc(doc, f"corpus-{i}") for i, doc in enumerate(chosen)])


def from_doc(doc: Doc, id: str) -> Document:
    """A document with the annotated mentions and relations of a Doc."""
    mentions = [(span.start_char, span.end_char, span.label_) for span in doc.spans[SPANS_KEY]]
    relations = []
    for relation in get_relations(doc):
        ends = [mentions.index((span.start_char, span.end_char, span.label_)) for span in (relation.head, relation.tail)]
        relations.append((min(ends), max(ends), relation.label))
    return Document(
        id,
        doc.text,
        [(token.idx, token.idx + len(token)) for token in doc if not token.is_space],
        [(sentence.start_char, sentence.end_char) for sentence in doc.sents],
        mentions,
        relations,
    )
