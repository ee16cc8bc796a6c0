"""`relext evaluate`: what `spacy evaluate` says of relations, a label per line, with annotated and with predicted mentions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer
from spacy.language import Language
from spacy.tokens import Doc
from wasabi import msg

from spacy_relext.calibration.figures import in_words
from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import GPU_ID, THRESHOLD, setup_gpu
from spacy_relext.cli.outputs import progress_bar, write_figures
from spacy_relext.cli.tables import print_table
from spacy_relext.corpus import read_docs
from spacy_relext.errors import RelextError
from spacy_relext.evaluating import Evaluation, require_annotated
from spacy_relext.evaluating import evaluate as evaluate_docs
from spacy_relext.evaluation import NO_FOLDER, extractor_of, load_pipeline, note_performance
from spacy_relext.findings import keep
from spacy_relext.formats.docs import concept_relations
from spacy_relext.formats.files import require_writable
from spacy_relext.formats.types import NOVEL
from spacy_relext.measures import Measure
from spacy_relext.notices import counted
from spacy_relext.report import Analysis, analyse, write_report
from spacy_relext.report import compare as compare_analyses
from spacy_relext.report.cases import MAX_ERRORS
from spacy_relext.report.words import outcome
from spacy_relext.storing import require_storable, store


def evaluate(
    model: str = typer.Argument(..., help="Name or folder of a pipeline."),
    data_path: Path = typer.Argument(..., help="A .spacy file or a folder of them."),
    output: Path = typer.Option(None, "--output", "-o", help="Write the figures to this JSON file."),
    report: Path = typer.Option(None, help="Write a page with these figures, plots, and every error as a picture to this HTML file."),
    compare: str = typer.Option(
        None, help="With --report: another pipeline on the same data; which is better, and the errors that are mended or new."
    ),
    max_errors: int = typer.Option(
        None, min=0, help=f"With --report: the most pictures of errors, divided evenly over their kinds; {MAX_ERRORS} if left out."
    ),
    tune_threshold: bool = typer.Option(
        False,
        help="Find the threshold with the best micro F (of relations between mentions) on this data and store it in the model. Development "
        "data only!",
    ),
    own_sentences: bool = typer.Option(
        False, help="Score annotated mentions on the pipeline's own tokens and sentences, as `spacy evaluate` does, not the annotated ones."
    ),
    component: str = typer.Option(None, help="Which relation extractor of the pipeline, where there are several."),
    measure: list[Measure] = typer.Option(
        [],
        help="Also the measure of a corpus of relations between concepts: biored (pair; and type; and novelty) or docred (F and Ign F). "
        "Repeatable.",
    ),
    train: Path = typer.Option(None, help="The training part, for docred: what it says already is left out of Ign F."),
    threshold: float = THRESHOLD,
    gpu_id: int = GPU_ID,
):
    """Score a pipeline's relations: with annotated mentions (and tokens and sentences), and from the raw text with those that it finds.

    `spacy evaluate` has scores of relations in its --output alone: the tables that it prints leave them out.
    """
    with reported_errors():
        if tune_threshold:
            if not Path(model).is_dir():
                raise RelextError(f"--tune-threshold stores the threshold in the model's folder, and {model!r} is none. {NO_FOLDER}")
            require_storable(Path(model))
        _check_report(report, compare, max_errors, tune_threshold=tune_threshold)
        setup_gpu(gpu_id)
        nlp = load_pipeline(model)
        # Before anything is computed: it may be misspelt, or have no extractor.
        other = None if compare is None else _load_other(compare, component)
        references = list(read_docs(data_path, nlp))
        settings = {
            "threshold": threshold,
            "tune_threshold": tune_threshold,
            "own_sentences": own_sentences,
            "measures": measure,
            "train": train,
            "progress": progress_bar(),
        }
        if report is None:
            found = evaluate_docs(nlp, references, component=component, **settings)
        else:
            analysis = _analyse(nlp, model, references, component, settings)
            found = analysis.evaluation
        require_annotated(found)
        figures = found.to_dict()
        if tune_threshold:
            _store(nlp, Path(model), found)
        _print(figures)
        _print_concepts(figures)
        for name in measure:
            _print_measure(figures, name)
        if "biored" not in measure and any(NOVEL in r.attributes for doc in references for r in concept_relations(doc) or ()):
            msg.info(f"Some of these relations are {NOVEL}: --measure biored counts them, as BioRED is scored.")
        write_figures(output, {**figures, "model": model}, data=data_path)
        if report is not None:
            comparison = None
            if compare is not None and other is not None:
                comparison = compare_analyses(analysis, _analyse(other[0], compare, references, other[1], settings))
                msg.divider("Comparison, annotated mentions")
                msg.text(outcome(comparison.one, comparison.other, comparison.gold_mentions.micro))
            write_report(report, analysis, comparison, data=str(data_path), max_errors=MAX_ERRORS if max_errors is None else max_errors)
            msg.good(f"Report in {report}")


def _check_report(report: Path | None, compare: str | None, max_errors: int | None, *, tune_threshold: bool) -> None:
    """Refuse before anything is computed what could not be written afterwards."""
    if report is None:
        for name, value in (("compare", compare), ("max-errors", max_errors)):
            if value is not None:
                raise RelextError(f"--{name} is for a report, and none is to be written. Name its file: --report report.html.")
        return
    if compare is not None and tune_threshold:
        raise RelextError(
            "--tune-threshold and --compare exclude each other: a threshold that is chosen on the data of a comparison favours its model. "
            "Tune first, then compare on other data."
        )
    require_writable(report)


def _load_other(model: str, component: str | None) -> tuple[Language, str]:
    """The pipeline to compare with, and its extractor: the one of the same name, or its only one."""
    nlp = load_pipeline(model)
    return nlp, extractor_of(nlp, model, component if component in nlp.pipe_names else None).name


def _analyse(nlp: Language, model: str, references: list[Doc], component: str | None, settings: dict[str, Any]) -> Analysis:
    """An analysis under the name that the pipeline was given on the command line."""
    analysis = analyse(nlp, references, attention=True, component=component, **settings)
    return replace(analysis, model=model) if Path(model).exists() else analysis


def _store(nlp: Language, folder: Path, found: Evaluation) -> None:
    """Store a pipeline whose threshold was tuned, with what was measured."""
    note_performance(nlp, found.gold_mentions)
    chosen = {"purpose": "best F", "documents": found.documents, "mentions": "annotated", "bounds": {}, "review": None}
    keep(nlp, "threshold", chosen, component=found.component)
    store(nlp, folder)
    best = 100 * (found.gold_mentions["rel_micro_f"] or 0.0)
    msg.good(f"Threshold {found.threshold} (micro F {best:.1f} on this data), stored in {folder}")


def _print(figures: dict[str, Any]) -> None:
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
        _print_scores(scores, "rel", ("macro", "", "", f"{100 * scores['rel_macro_f']:.1f}", "", ""))
        _print_assertions(scores)
        if "rel_calibration" in scores:
            for sentence in in_words(scores["rel_calibration"]):
                msg.text(sentence)
    if figures["mentions"] is not None:
        msg.divider("Mentions")
        found = {"boundaries right": figures["mentions"], "boundaries and type right": figures["mentions_strict"]}
        _table([(name, *_percent(scores), f"{scores['support']:,}") for name, scores in found.items()], "", "n")
    msg.text("Candidate recall: that of a model that decides every candidate pair rightly.")


def _print_assertions(scores: dict[str, Any]) -> None:
    """What became of what the annotation puts as possible only, and of what it denies."""
    groups = scores.get("rel_per_group", {})
    if "speculated" in groups:
        rows = [
            (name, *_between(s, "p"), *_between(s, "r"), _share(s["f"]), f"{s['predicted']:,}", f"{s['support']:,}")
            for name, s in groups.items()
            if name != "denied"
        ]
        print_table(("the annotation", "P", "95 %", "R", "95 %", "F", "predicted", "n"), rows, figures=1)
    if "rel_denied" in scores:
        denied, related = scores["rel_denied"], scores["rel_denied_related"]
        low, high = map(_share, scores["rel_denied_interval"])
        of = f"{counted(denied, 'pair', 'pairs')} that the annotation denies"
        msg.text(f"Found related, of {of}: {related:,} ({_share(related / denied)} %; 95 % interval {low} to {high}).")
        of_labels = scores["rel_denied_per_type"].items()
        rows = [(label, *(f"{counts[name]:,}" for name in ("pairs", "related", "found"))) for label, counts in of_labels]
        print_table(("label", "denied", "found related", "found with it"), rows, figures=1)


def _between(scores: dict[str, Any], key: str) -> tuple[str, str]:
    return _share(scores[key]), "–".join(map(_share, scores["intervals"][key]))


def _print_concepts(figures: dict[str, Any]) -> None:
    if "doc_rel_micro_f" not in figures["gold_mentions"]:
        return
    for key, mentions in (("gold_mentions", "annotated"), ("predicted_mentions", "predicted")):
        msg.divider(f"Relations between the concepts of a document, {mentions} mentions")
        scores = figures[key] or {}
        if "doc_rel_micro_f" not in scores:
            msg.info("Not measured: the pipeline predicts no mentions with concept identifiers (span.kb_id_) by itself.")
            continue
        _print_scores(scores, "doc_rel")
        if scores["doc_rel_unlinked"]:
            unlinked = counted(scores["doc_rel_unlinked"], "predicted relation is", "predicted relations are")
            msg.warn(f"{unlinked} with a mention that has no concept, and count{'s' * (scores['doc_rel_unlinked'] == 1)} for none.")


def _print_measure(figures: dict[str, Any], name: str) -> None:
    for key, mentions in (("gold_mentions", "annotated"), ("predicted_mentions", "predicted")):
        scores = (figures[key] or {}).get(name)
        if not scores:
            continue
        msg.divider(f"The measure {name}, {mentions} mentions")
        rows = [
            (title.replace("_", " "), *(_share(s.get(k)) for k in "prf"), f"{s['support']:,}")
            for title, s in scores.items()
            if isinstance(s, dict)
        ]
        _table(rows, "", "n")
        if name == Measure.biored and scores["pair_type_and_novelty"] is None:
            msg.info(f"Not measured: novelty. No predicted relation has the attribute {NOVEL!r}.")
        if name == Measure.docred:
            msg.info(f"Found and in the training part already: {scores['in_training']:,}. Ign F is the F of 'ignoring training'.")


def _print_scores(scores: dict[str, Any], name: str, *more: tuple[str, ...]) -> None:
    """The figures called `name` a label, and over all, with the candidate recall where it is known."""
    per_type = scores[f"{name}_per_type"]
    rows = [(label, *_percent(s), _share(s.get("candidate_recall")), f"{s['support']:,}") for label, s in per_type.items()]
    support = sum(s["support"] for s in per_type.values())
    micro = _percent({k: scores[f"{name}_micro_{k}"] for k in "prf"})
    rows.append(("micro", *micro, _share(scores.get(f"{name}_micro_candidate_recall")), f"{support:,}"))
    _table([*rows, *more], "label", "candidate recall", "n")


def _share(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


def _table(rows: Sequence[tuple[str, ...]], first: str, *last: str) -> None:
    print_table((first, "P", "R", "F", *last), rows, figures=1)


def _percent(scores: dict[str, float]) -> tuple[str, ...]:
    return tuple(_share(scores[key]) for key in "prf")
