"""A small corpus with nothing wrong about it: sentences of invented words, drawn once, with three labels."""

import random

from spacy_relext.formats.types import AnnotatedRelation, Document, Mention

Parts = dict[str, list[Document]]

LABELS = {"RAISES": ("DRUG", "DRUG"), "LOWERS": ("DRUG", "DRUG"), "BLOCKS": ("DRUG", "GENE")}
# A cycle of five sentences: the last two types are not related.
KINDS = [
    ("RAISES", *LABELS["RAISES"]),
    ("LOWERS", *LABELS["LOWERS"]),
    ("BLOCKS", *LABELS["BLOCKS"]),
    ("", "DRUG", "DRUG"),
    ("", "DRUG", "GENE"),
]
SYLLABLES = ["ba", "do", "ki", "lu", "me", "na", "po", "ri", "su", "ta", "ve", "zo"]


def word(draw: random.Random) -> str:
    return "".join(draw.choice(SYLLABLES) for _ in range(3))


def append(document: Document, label: str, head_type: str, tail_type: str, draw: random.Random, *, n_words: int = 12) -> None:
    """Add a sentence with two mentions at any places, the head in front or behind, and a relation if there is a label."""
    words = [word(draw) for _ in range(n_words)]
    first, second = sorted(draw.sample(range(n_words), 2))
    head_first = draw.random() < 0.5
    start = len(document.text) + bool(document.text)
    text = " ".join(words) + " ."
    ids = []
    for position, kind in ((first, head_type if head_first else tail_type), (second, tail_type if head_first else head_type)):
        begin = start + sum(len(w) + 1 for w in words[:position])
        ids.append(f"T{len(document.mentions) + 1}")
        document.mentions.append(Mention(ids[-1], begin, begin + len(words[position]), kind))
    document.text += " " * bool(document.text) + text
    document.sentences.append((start, start + len(text)))
    if label:
        document.relations.append(AnnotatedRelation(*(ids if head_first else ids[::-1]), label))


def make_parts() -> Parts:
    """45 documents of four sentences to train on, and twice 30: 36 and 24 relations of a label."""
    draw = random.Random(0)
    parts: Parts = {}
    number = 0
    for name, size in (("train", 45), ("dev", 30), ("test", 30)):
        parts[name] = []
        for i in range(size):
            document = Document(f"{name}-{i}", "", [], [], [])
            for _ in range(4):
                append(document, *KINDS[number % len(KINDS)], draw)
                number += 1
            parts[name].append(document)
    return parts
