"""`analyse`: a pipeline on annotated Docs, from the predictions that `evaluate` makes."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from spacy_relext.errors import RelextError
from spacy_relext.evaluating import Evaluation, annotated_docs, evaluate, require_annotated
from spacy_relext.evaluation import opened
from spacy_relext.formats.denials import SPECULATED
from spacy_relext.formats.docs import concept_relations, document_id
from spacy_relext.notices import counted
from spacy_relext.relations import get_denied, get_relations, register_extensions
from spacy_relext.report.analysis import GROUPS, AnalysedDocument, Analysis, Claim, Error, Errors, Results
from spacy_relext.report.attending import Attention, Pair, attend
from spacy_relext.report.collecting import Collector, Found
from spacy_relext.report.figures import confusion_of, curve_of, denied_of, group_counts, histogram_of, lines_of
from spacy_relext.report.layout import Layout
from spacy_relext.report.pictures import picture


def analyse(
    pipeline: str | Path | Language, docs: str | Path | Iterable[Doc], *, attention: bool = False, seed: int = 0, **settings: Any
) -> Analysis:
    """Where the relations of a pipeline are right and wrong: figures with intervals, and every error.

        analysis = analyse("en_relext_demo", "dev.spacy")
        print(analysis.gold_mentions.micro.f)

    pipeline, docs, settings: As in `spacy_relext.evaluate`, whose figures are `Analysis.evaluation`. attention: Also what the model read
        for the pairs of errors: the encoder runs once more over these. seed: Of the documents that are drawn for the intervals.
    RAISES: RelextError as `evaluate` does, and where nothing is annotated for the labels of the pipeline.
    """
    register_extensions()
    nlp, pipe = opened(pipeline, settings.get("component"))
    references = annotated_docs(docs, nlp)
    gold = Collector(pipe)
    found = Collector(pipe, gold.layouts)
    evaluation = evaluate(nlp, references, on_gold=gold, on_found=found, **settings)
    require_annotated(evaluation)
    documents = {number: references[i] for number, i in enumerate(gold.scored)}
    read: list[Mapping[tuple[int, Pair], Attention]] = [{}, {}]
    notes = _notes(evaluation, references, len(references) - len(documents))
    if attention:
        own = bool(settings.get("own_sentences", False))
        try:
            read = [
                attend(nlp, pipe, documents, _pairs(of), annotated=of is gold, own_sentences=own) if of.documents else {}
                for of in (gold, found)
            ]
        except RelextError as error:  # all else was predicted before
            notes.append(f"What the model read is not shown: {error}")
    return Analysis(
        model=f"{nlp.lang}_{nlp.meta['name']}-{nlp.meta['version']}",
        component=pipe.name,
        evaluation=evaluation,
        labels=pipe.labels,
        symmetric_labels=tuple(pipe.cfg["symmetric_labels"]),
        exclusive=pipe.cfg["exclusive"],
        threshold=evaluation.threshold,
        documents=tuple(_document(doc, i) for i, doc in documents.items()),
        n_passed_over=len(references) - len(documents),
        gold_mentions=_results(gold, documents, evaluation.threshold, read[0], seed),
        predicted_mentions=None
        if evaluation.predicted_mentions is None
        else _results(found, documents, evaluation.threshold, read[1], seed),
        notes=tuple(notes),
        seed=seed,
    )


def _notes(evaluation: Evaluation, references: Sequence[Doc], n_passed_over: int) -> list[str]:
    notes = []
    if n_passed_over:
        passed = counted(n_passed_over, "document is", "documents are")
        notes.append(f"{passed} not scored: without relation annotation, or annotated for other labels.")
    if n_unknown := evaluation.gold_mentions.get("rel_unknown_labels"):
        unknown = counted(n_unknown, "annotated relation has a label", "annotated relations have labels")
        notes.append(f"{unknown} that no component of the pipeline has, and count for nothing.")
    if any(concept_relations(doc) is not None for doc in references):
        notes.append("The relations between concepts that are annotated are not looked at here: all is of relations between mentions.")
    if evaluation.predicted_mentions is None:
        notes.append("With predicted mentions nothing is known: the pipeline finds none by itself.")
    return notes


def _document(doc: Doc, number: int) -> AnalysedDocument:
    relations = sorted(
        [r.label, r.head.start_char, r.head.end_char, r.tail.start_char, r.tail.end_char, denied, SPECULATED in r.attributes]
        for denied, those in ((False, get_relations(doc)), (True, get_denied(doc)))
        for r in those
    )
    digest = hashlib.sha256(json.dumps([doc.text, relations]).encode("utf8")).hexdigest()
    return AnalysedDocument(document_id(doc) or str(number + 1), len(doc.text), digest)


def _pairs(collector: Collector) -> dict[int, list[Pair]]:
    """The pairs of errors that the model judged, by document."""
    return {
        number: pairs
        for number, document in enumerate(collector.documents)
        if (pairs := [pair for error in document.errors for pair in error.pairs if pair is not None])
    }


def _results(
    collector: Collector,
    references: Mapping[int, Doc],
    threshold: float,
    read: Mapping[tuple[int, Pair], Attention],
    seed: int,
) -> Results:
    documents = collector.documents
    micro, macro, lines, counts = lines_of(documents, seed)
    denied, denied_counts = denied_of(documents, seed)
    errors = [
        _error(found, references[found.document], collector.layouts[found.document], document.mentions, read)
        for document in documents
        for found in document.errors
    ]
    # Those of which it is not known how sure the model was stay in the order of the documents, and so do equal ones.
    errors.sort(key=lambda error: -(error.certainty or 0.0))
    return Results(
        micro=micro,
        macro_f=macro,
        lines=lines,
        confusion=confusion_of(documents, lines["label"]),
        curve=curve_of(documents, micro, threshold),
        histogram=histogram_of(documents),
        errors=Errors({group: tuple(error for error in errors if error.group == group) for group in GROUPS}),
        denied=denied,
        counts=counts,
        group_counts=group_counts(documents),
        denied_counts=denied_counts,
    )


def _error(found: Found, doc: Doc, layout: Layout, mentions: Any, read: Mapping[tuple[int, Pair], Attention]) -> Error:
    def with_attention(claim: Claim | None, pair: Pair | None) -> Claim | None:
        return claim if claim is None or pair is None else replace(claim, attention=read.get((found.document, pair), ()))

    annotated = with_attention(found.annotated, found.pairs[0])
    predicted = with_attention(found.predicted, found.pairs[1])
    title = document_id(doc) or str(found.document + 1)
    return Error(
        group=found.match.group,
        why=found.why,
        annotated=annotated,
        predicted=predicted,
        certainty=found.certainty,
        document=found.document,
        start=found.context[0],
        end=found.context[1],
        picture=picture(doc, title, layout, found.context, mentions, annotated, predicted),
    )
