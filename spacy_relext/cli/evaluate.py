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
from spacy.training import Example
from tqdm import tqdm
from wasabi import msg

import spacy_relext
from spacy_relext.cli.errors import reported_errors
from spacy_relext.corpus import read_docs
from spacy_relext.errors import RelextError
from spacy_relext.pipeline.relation_extractor import RelationExtractor


def evaluate(
    model: str = typer.Argument(..., help="Name or folder of a pipeline."),
    data_path: Path = typer.Argument(..., help="A .spacy file or a folder of them."),
    output: Path = typer.Option(None, "--output", "-o", help="Write the figures to this JSON file."),
    tune_threshold: bool = typer.Option(
        False, help="Find the threshold with the best micro F on this data and store it in the model. Development data only!"
    ),
    gpu_id: int = typer.Option(-1, help="GPU to use; -1 for the CPU."),
):
    """Score a pipeline's relations: with the annotated mentions, and with the mentions that it finds itself."""
    with reported_errors():
        setup_gpu(gpu_id)
        nlp = load_pipeline(model)
        pipe = extractor_of(nlp, model)
        docs = list(read_docs(data_path, nlp))
        examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
        start = time.perf_counter()
        predicted = nlp.pipe((example.predicted for example in examples), batch_size=32)
        for example, doc in zip(examples, tqdm(predicted, total=len(examples), desc="Predicting", unit=" documents"), strict=True):
            example.predicted = doc
        seconds = time.perf_counter() - start
        if tune_threshold:
            _tune(nlp, pipe, examples, model)
            # The relations between predicted mentions were written under the old threshold.
            predictions = [example.predicted for example in examples]
            pipe.set_annotations(predictions, pipe.predict(predictions))
        figures = score(pipe, examples)
        _print(figures, pipe)
        figures |= {
            "model": str(model),
            "data": str(data_path),
            "documents": len(docs),
            "threshold": pipe.cfg["threshold"],
            "seconds": round(seconds, 2),
            "versions": {"spacy-relext": spacy_relext.__version__, "spacy": spacy.__version__, "python": platform.python_version()},
        }
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf8")
            msg.good(f"Figures in {output}")


def load_pipeline(model: str) -> Language:
    """Load a pipeline, with a message for the ways in which that commonly fails."""
    try:
        return spacy.load(model)
    except OSError as error:
        raise RelextError(f"the pipeline {model!r} cannot be loaded: {error}") from error


def extractor_of(nlp: Language, model: str) -> RelationExtractor:
    """The relation extractor of a pipeline."""
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, RelationExtractor):
            return pipe
    raise RelextError(f"the pipeline {model!r} has no relation extractor; it has {nlp.pipe_names}.")


def score(pipe: RelationExtractor, examples: list[Example]) -> dict[str, Any]:
    """Figures with annotated mentions, and with predicted ones: boundaries only, and strict (boundaries and types).

    The latter two are None where the pipeline predicts no mentions.
    """
    use_gold = pipe.cfg["use_gold_mentions"]
    try:
        pipe.cfg["use_gold_mentions"] = True
        figures: dict[str, Any] = {"gold_mentions": pipe.score(examples)}
        pipe.cfg["use_gold_mentions"] = False
        finds_mentions = any(pipe.mentions(example.predicted) for example in examples)
        for name, strict in (("predicted_mentions", False), ("predicted_mentions_strict", True)):
            figures[name] = pipe.score(examples, strict=strict) if finds_mentions else None
    finally:
        pipe.cfg["use_gold_mentions"] = use_gold
    return figures


def _tune(nlp: Language, pipe: RelationExtractor, examples: list[Example], model: str) -> None:
    if not Path(model).is_dir():
        raise RelextError(f"--tune-threshold stores the threshold in the model's folder, and {model!r} is none.")
    results = {}
    for threshold in tqdm(numpy.arange(0.10, 0.91, 0.05), desc="Trying thresholds"):
        pipe.cfg["threshold"] = round(float(threshold), 2)
        # The encoder's output is on the Docs: only the head runs again.
        results[pipe.cfg["threshold"]] = score(pipe, examples)["gold_mentions"]["rel_micro_f"] or 0.0
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
