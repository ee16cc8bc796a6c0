"""What pictures of relations cost: time and bytes, of real documents and of a text with thousands of relations."""

import json
import random
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import spacy
import typer

import spacy_relext
from spacy_relext import displacy
from spacy_relext.cli.errors import reported_errors

# One layout, as in a notebook, and two, as in a page.
LAYOUTS = {"one layout": 900, "two layouts": (900, 344)}
CORPORA = typer.Argument(
    ..., help="FORMAT=PATH of each corpus, such as ddi=DDICorpus/Test, chemprot=chemprot_test_gs/ or jsonl=assets/demo."
)
DOCUMENTS = typer.Option(200, "--documents", help="How many documents, the same number of each corpus.")
SEED = typer.Option(0, help="Of the choice of documents.")
WORDS = ("a", "the", "of", "binds", "affects", "level", "patients", "dose", "therapy", "interaction", "effect")


def pictures(
    corpora: list[str] = CORPORA,
    n_documents: int = DOCUMENTS,
    seed: int = SEED,
    repeats: int = typer.Option(3, help="Each document is drawn as often; its shortest time counts."),
    n_relations: int = typer.Option(10_000, "--relations", help="Of the crowded text of 2,000 words."),
):
    """Processor time and bytes of pictures: documents of corpora, an abstract of 1,700 characters with 30 relations, a crowded text."""
    with reported_errors():
        drawn = [picture for _, picture in choose(corpora, n_documents, seed)]
    drawn_once(drawn[0])
    figures: dict[str, Any] = {"documents": len(drawn), "relations": sum(len(picture["rels"]) for picture in drawn)}
    for name, width in LAYOUTS.items():
        times = [_milliseconds(lambda picture=picture, width=width: drawn_once(picture, width=width), repeats) for picture in drawn]
        figures[name] = {"ms, mean": round(statistics.mean(times), 2), "ms, median": round(statistics.median(times), 2)}
        figures[name] |= {"ms, slowest": round(max(times), 1), "slowest": _described(drawn[times.index(max(times))])}
        sizes = [len(drawn_once(picture, width=width).encode()) for picture in drawn]
        figures[name] |= {"kB, mean, style included": round(statistics.mean(sizes) / 1000, 1), "kB, most": round(max(sizes) / 1000, 1)}
    abstract = min(drawn, key=lambda picture: abs(len(picture["text"]) / 1700 - 1) + abs(len(picture["rels"]) / 30 - 1))
    figures["abstract"] = {"which": _described(abstract)}
    for name, width in LAYOUTS.items():
        figures["abstract"][f"kB, {name}"] = round(len(drawn_once(abstract, width=width).encode()) / 1000, 1)
    figures["crowded"] = _crowded_figures(n_relations, seed)
    print(json.dumps(figures, indent=2))


def drawn_once(picture: dict[str, Any], **options: Any) -> str:
    """The markup of a dictionary of `parse_rels`, its style included."""
    return displacy.render(picture, manual=True, jupyter=False, options=options)


def choose(corpora: Sequence[str], n: int, seed: int) -> list[tuple[str, dict[str, Any]]]:
    """Documents of corpora, each given as FORMAT=PATH, as `parse_rels` makes them, with the name of the corpus.

    The same number of each: half are those with the most relations, half are drawn from the others. RAISES: DataError, RelextError.
    """
    nlp, chosen = spacy.blank("en"), []
    for number, corpus in enumerate(corpora):
        name, _, path = corpus.partition("=")
        docs = list(spacy_relext.read(Path(path), name, nlp=nlp, sentences="sentencizer", on_error="skip", counts=Counter()))
        docs.sort(key=lambda doc: -len(doc._.relations))
        share = (n * (number + 1)) // len(corpora) - (n * number) // len(corpora)
        dense, others = docs[: share // 2], docs[share // 2 :]
        drawn = random.Random(seed).sample(others, min(len(others), share - len(dense)))
        chosen += [(name, displacy.parse_rels(doc)) for doc in dense + drawn]
    return chosen


def crowded(n_relations: int, seed: int, n_words: int = 2_000) -> dict[str, Any]:
    """A text of many words, of which every fifth is a mention, with relations between any two of them."""
    chance = random.Random(seed)
    words = [chance.choice(WORDS) for _ in range(n_words)]
    ents: list[dict[str, Any]] = []
    sents, text, begin = [], "", 0
    for i, word in enumerate(words):
        word = f"mention{i}" if i % 5 == 0 else word
        if i % 5 == 0:
            ents.append({"start": len(text), "end": len(text) + len(word), "label": chance.choice(["DRUG", "GENE"])})
        text += word + (". " if i % 20 == 19 else " ")
        if i % 20 == 19:
            sents.append([begin, len(text)])
            begin = len(text)
    pairs = [chance.sample(range(len(ents)), 2) for _ in range(n_relations)]
    rels = [{"head": h, "tail": t, "label": chance.choice("ABCD"), "score": round(chance.random(), 3)} for h, t in pairs]
    return {"text": text, "ents": ents, "rels": rels, "sents": sents, "title": None}


def _crowded_figures(n_relations: int, seed: int) -> dict[str, Any]:
    picture = crowded(n_relations, seed)
    figures: dict[str, Any] = {"which": _described(picture)}
    for name, width in LAYOUTS.items():
        start = time.process_time()
        markup = drawn_once(picture, width=width)
        figures[name] = {"seconds": round(time.process_time() - start, 2), "MB": round(len(markup.encode()) / 1e6, 2)}
        figures[name]["says"] = sorted(set(re.findall(r"[^<>]*\bmore\b[^<>]*", markup.partition("</style>")[2])))[:5]
    return figures


def _described(picture: dict[str, Any]) -> str:
    return f"{len(picture['text']):,} characters, {len(picture['ents']):,} mentions, {len(picture['rels']):,} relations"


def _milliseconds(function: Callable[[], Any], repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return 1000 * best
