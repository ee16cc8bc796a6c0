"""`relext evaluate`: what `spacy evaluate` says of relations, a label a line, with annotated and with predicted mentions."""

import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy
import spacy
import typer
from spacy.cli._util import setup_gpu
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from tqdm import tqdm
from wasabi import msg

import spacy_relext
from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.pipelines import extractor_of, load_pipeline, mention_finders
from spacy_relext.corpus import predicted_doc, read_docs
from spacy_relext.errors import RelextError
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.relations import get_relations, set_relations


def evaluate(
    model: str = typer.Argument(..., help="Name or folder of a pipeline."),
    data_path: Path = typer.Argument(..., help="A .spacy file or a folder of them."),
    output: Path = typer.Option(None, "--output", "-o", help="Write the figures to this JSON file."),
    tune_threshold: bool = typer.Option(
        False, help="Find the threshold with the best micro F on this data and store it in the model. Development data only!"
    ),
    own_sentences: bool = typer.Option(
        False, help="Score annotated mentions on the pipeline's own tokens and sentences, as `spacy evaluate` does, not the annotated ones."
    ),
    threshold: float = typer.Option(None, min=0.0, max=1.0, help="Score with this threshold instead of the pipeline's own."),
    gpu_id: int = typer.Option(-1, help="GPU to use; -1 for the CPU."),
):
    """Score a pipeline's relations: with annotated mentions (and tokens and sentences), and from the raw text with those that it finds."""
    with reported_errors():
        setup_gpu(gpu_id)
        nlp = load_pipeline(model)
        pipe = extractor_of(nlp, model)
        if threshold is not None:
            if tune_threshold:
                raise RelextError("--threshold and --tune-threshold exclude each other.")
            pipe.cfg["threshold"] = threshold
        references = list(read_docs(data_path, nlp))
        start = time.perf_counter()
        examples = predict(nlp, references, annotated=not own_sentences)
        seconds = time.perf_counter() - start
        if tune_threshold:
            _tune(nlp, pipe, examples, model)
        figures: dict[str, Any] = {"gold_mentions": score_gold(pipe, examples)}
        examples = predict(nlp, references, annotated=False) if mention_finders(nlp) else []
        figures["predicted_mentions"] = score_predicted(pipe, examples, strict=False)
        figures["predicted_mentions_strict"] = score_predicted(pipe, examples, strict=True)
        _print(figures, pipe)
        figures |= {
            "model": str(model),
            "data": str(data_path),
            "documents": len(references),
            "threshold": pipe.cfg["threshold"],
            "seconds": round(seconds, 2),
            "versions": {"spacy-relext": spacy_relext.__version__, "spacy": spacy.__version__, "python": platform.python_version()},
        }
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf8")
            msg.good(f"Figures in {output}")


def predict(nlp: Language, references: list[Doc], *, annotated: bool) -> list[Example]:
    """Run a pipeline over the texts of annotated Docs.

    annotated: On the annotated tokens and sentences, without looking for mentions; otherwise from the raw text.
    """
    inputs = (predicted_doc(nlp, reference, gold_tokens=annotated) for reference in references)
    with nlp.select_pipes(disable=mention_finders(nlp) if annotated else []):
        docs = list(tqdm(nlp.pipe(inputs, batch_size=32), total=len(references), desc="Predicting", unit=" documents"))
    return [Example(doc, reference) for doc, reference in zip(docs, references, strict=True)]


def score_gold(pipe: RelationExtractor, examples: list[Example]) -> dict[str, Any]:
    """Figures with annotated mentions."""
    return _score(pipe, examples, use_gold_mentions=True)


def score_predicted(pipe: RelationExtractor, examples: list[Example], *, strict: bool) -> dict[str, Any] | None:
    """Figures with the mentions that the pipeline found; None where it found none at all. strict: their types must be right too."""
    if not any(pipe.mentions(example.predicted) for example in examples):
        return None
    return _score(pipe, examples, use_gold_mentions=False, strict=strict)


def _score(pipe: RelationExtractor, examples: list[Example], *, use_gold_mentions: bool, **settings: Any) -> dict[str, Any]:
    before = pipe.cfg["use_gold_mentions"]
    pipe.cfg["use_gold_mentions"] = use_gold_mentions
    try:
        return pipe.score(examples, **settings)
    finally:
        pipe.cfg["use_gold_mentions"] = before


def _tune(nlp: Language, pipe: RelationExtractor, examples: list[Example], model: str) -> None:
    if not Path(model).is_dir():
        raise RelextError(f"--tune-threshold stores the threshold in the model's folder, and {model!r} is none.")
    thresholds = [round(float(threshold), 2) for threshold in numpy.arange(0.10, 0.91, 0.05)]
    pipe.cfg["threshold"] = thresholds[0]
    found = list(tqdm(pipe.with_gold_mentions(examples), total=len(examples), desc="Predicting on annotated mentions", unit=" documents"))
    results = {}
    for threshold in thresholds:
        pipe.cfg["threshold"] = threshold
        # What a higher threshold finds is among what a lower one does: the model runs once.
        for example in found:
            set_relations(example.predicted, [r for r in get_relations(example.predicted) if r.score >= threshold])
        results[threshold] = _score(pipe, found, use_gold_mentions=False)["rel_micro_f"] or 0.0
    # Of equally good thresholds the middle one: its neighbours are good too.
    best = [t for t, f in results.items() if f == max(results.values())]
    pipe.cfg["threshold"] = best[len(best) // 2]
    # nlp.config is made anew from this at every access.
    nlp.get_pipe_config(pipe.name)["threshold"] = pipe.cfg["threshold"]
    nlp.to_disk(model)
    msg.good(f"Threshold {pipe.cfg['threshold']} (micro F {100 * max(results.values()):.1f} on this data), stored in {model}")


def _print(figures: dict[str, Any], pipe: RelationExtractor) -> None:
    titles = {
        "gold_mentions": "Relations, annotated mentions",
        "predicted_mentions": "Relations, predicted mentions (boundaries and label right)",
        "predicted_mentions_strict": "Relations, predicted mentions (boundaries, mention types and label right)",
    }
    for key, title in titles.items():
        scores = figures[key]
        msg.divider(title)
        if scores is None:
            msg.info("Not measured: the pipeline predicts no mentions by itself.")
            continue
        if scores["rel_micro_f"] is None:
            raise RelextError("the data has no relation annotation. Was it converted from documents with relations?")
        rows = [(label, *_percent(s), f"{s['support']:,}") for label, s in scores["rel_per_type"].items()]
        micro = {k: scores[f"rel_micro_{k}"] for k in "prf"}
        support = sum(s["support"] for s in scores["rel_per_type"].values())
        rows.append(("micro", *_percent(micro), f"{support:,}"))
        rows.append(("macro", "", "", f"{100 * scores['rel_macro_f']:.1f}", ""))
        msg.table(rows, header=("label", "P", "R", "F", "n"), aligns=("l", "r", "r", "r", "r"), divider=True)


def _percent(scores: dict[str, float]) -> tuple[str, ...]:
    return tuple(f"{100 * scores[key]:.1f}" for key in "prf")
