"""`research keywords`: the word stems that a model pays the most attention to, beside those that were published."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from tqdm import tqdm
from wasabi import msg

import spacy_relext
from research.keywords import Keyword, english_stemmer, rank_keywords
from research.published import PUBLISHED_KEYWORDS
from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import GPU_ID, setup_gpu
from spacy_relext.corpus import read_docs
from spacy_relext.errors import RelextError
from spacy_relext.evaluation import extractor_of, load_pipeline, predict, read_with_gold_mentions
from spacy_relext.formats.files import whole_file
from spacy_relext.notices import counted
from spacy_relext.pipeline.pairs import AttendedPair


class Corpus(StrEnum):
    """The corpora of the paper, for the command line."""

    DDI = "ddi"
    CHEMPROT = "chemprot"
    AIMED = "aimed"


def keywords(
    model: str = typer.Argument(..., help="Name or folder of a pipeline whose summary is attention or pair_attention."),
    data_path: Path = typer.Argument(..., help="A .spacy file or a folder of them, with annotated mentions."),
    n: int = typer.Option(10, "--n", min=1, help="Stems that are listed."),
    min_count: int = typer.Option(5, min=1, help="The fewest sentences that a stem must occur in."),
    related_only: bool = typer.Option(False, help="Look only at pairs between which the model finds a relation."),
    corpus: Corpus = typer.Option(None, help="Show the paper's stems for this corpus beside them."),
    output: Path = typer.Option(None, "--output", "-o", help="Write the stems to this JSON file."),
    component: str = typer.Option(None, help="Which relation extractor of the pipeline, where there are several."),
    gpu_id: int = GPU_ID,
):
    """List the word stems with the largest attention weights: means over the sentences that have pairs of annotated mentions.

    A weight of 1 is that of any word where all weigh the same. Mentions, stop words, and words of other than letters are left out.
    """
    with reported_errors():
        stem = english_stemmer()
        setup_gpu(gpu_id)
        nlp = load_pipeline(model)
        pipe = extractor_of(nlp, model, component)
        references = list(read_docs(data_path, nlp))
        read = read_with_gold_mentions(pipe, predict(nlp, references, annotated=True))
        documents = tqdm(read, total=len(references), desc="Reading", unit=" documents")
        threshold = pipe.cfg["threshold"] if related_only else 0.0
        ranked = rank_keywords(_related(documents, threshold), stem, min_count=min_count)
        if not ranked:
            pairs = f"pairs with a relation (threshold {threshold})" if related_only else "pairs of annotated mentions"
            raise RelextError(
                f"{data_path}: no word stands in {min_count} or more sentences with {pairs}. Lower --min-count, give more data, or see "
                f"whether its mentions are where {pipe.name} looks for them (spans_key = {json.dumps(pipe.cfg['spans_key'])})."
            )
        top = ranked[:n]
        rank = {keyword.stem: i for i, keyword in enumerate(ranked, start=1)}
        published = {stem: rank.get(stem) for stem in PUBLISHED_KEYWORDS[corpus.value]} if corpus is not None else {}
        _print_table(top, published)
        shared = [keyword.stem for keyword in top if keyword.stem in published]
        if corpus is not None:
            msg.info(f"{len(shared)} of {len(top)} agree{': ' if shared else ''}{', '.join(shared)}")
        msg.info(f"{counted(len(ranked), 'stem stands', 'stems stand')} in {min_count} or more sentences with pairs.")
        if output is not None:
            figures = {
                "keywords": [keyword._asdict() for keyword in top],
                "stems": len(ranked),
                "agree": shared,
                "published": published,
                "corpus": corpus and corpus.value,
                "model": str(model),
                "data": str(data_path),
                "documents": len(references),
                "min_count": min_count,
                "related_only": related_only,
                "version": spacy_relext.__version__,
            }
            with whole_file(output) as file:
                file.write(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
            msg.good(f"Stems in {output}")


def _related(documents: Iterable[list[AttendedPair]], threshold: float) -> Iterator[list[AttendedPair]]:
    for pairs in documents:
        yield [pair for pair in pairs if max(pair.scores.values()) >= threshold]


def _print_table(top: Sequence[Keyword], published: Mapping[str, int | None]) -> None:
    """published: The paper's stems and their ranks in our list, None where they are not in it."""
    table = Table("", "stem", "weight", "sentences", "words", *(("in the paper", "our rank of it") if published else ()), title="Attention")
    ours = [(k.stem, f"{k.weight:.2f}", f"{k.sentences:,}", ", ".join(k.words[:4])) for k in top]
    theirs = [(stem, "–" if rank is None else f"{rank:,}") for stem, rank in published.items()]
    for i, (left, right) in enumerate(zip_longest(ours, theirs), start=1):
        table.add_row(str(i), *(left or ("",) * 4), *(right or ()))
    Console().print(table)
