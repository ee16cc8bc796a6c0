"""Several pipelines side by side on the same raw texts."""

import json
import statistics
from typing import Any

import torch
import typer
from spacy.language import Language

from benchmarks.measuring import in_turn, now
from spacy_relext.evaluation import load_pipeline
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.formats.reading import raise_error


def pipelines(
    models: list[str] = typer.Argument(..., help="Pipelines; the others are compared with the first."),
    data: str = typer.Option(..., help="Documents, of which the texts alone are taken: a file that `relext extract` reads."),
    repeats: int = typer.Option(8, help="Runs of each pipeline, in turn."),
    limit: int = typer.Option(None, help="So many of the documents."),
):
    """Documents per second of one torch thread, from raw text, and how many times as fast as the first each pipeline is."""
    torch.set_num_threads(1)
    texts = [document.text for document in list(Inputs([data]).read(raise_error))[:limit]]
    loaded = {model: load_pipeline(model) for model in models}
    found = {model: _run(nlp, texts) for model, nlp in loaded.items()}
    seconds: dict[str, list[float]] = {model: [] for model in models}
    for model in in_turn(models, repeats):
        start = now()
        _run(loaded[model], texts)
        seconds[model].append(float((now() - start)[1]))
    rows: dict[str, Any] = {}
    for model, times in seconds.items():
        ratios = [first / own for first, own in zip(seconds[models[0]], times, strict=True)]
        rows[model] = {
            "documents per second": round(len(texts) / statistics.median(times), 2),
            "times the first": round(statistics.median(ratios), 3),
            "of each turn": [round(ratio, 3) for ratio in ratios],
            **found[model],
        }
    print(json.dumps({"documents": len(texts), "characters": sum(map(len, texts)), "pipelines": rows}, indent=2))


def _run(nlp: Language, texts: list[str]) -> dict[str, int]:
    """How many mentions and relations a pipeline finds."""
    docs = list(nlp.pipe(texts))
    return {"mentions": sum(len(doc.ents) for doc in docs), "relations": sum(len(doc._.relations) for doc in docs)}
