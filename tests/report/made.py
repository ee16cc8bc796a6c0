"""Analyses made by hand, for the page: their figures are plain, their texts are what a test wants them to be."""

from dataclasses import replace

import numpy

from spacy_relext.evaluating import Evaluation
from spacy_relext.report.analysis import (
    GROUPS,
    AnalysedDocument,
    Analysis,
    Claim,
    Confusion,
    Curve,
    Error,
    Errors,
    Estimate,
    Histogram,
    Line,
    Place,
    Results,
)

TEXT = "Aspirin and quinine increase warfarin levels."
MENTIONS = [(0, 7), (12, 19), (29, 37)]


def estimate(value):
    return Estimate(value, max(0.0, value - 0.05), min(1.0, value + 0.05))


def line(name, right, predicted, annotated):
    p, r = right / predicted if predicted else 0.0, right / annotated if annotated else 0.0
    f = 2 * right / (predicted + annotated) if predicted + annotated else 0.0
    return Line(name, right, predicted, annotated, estimate(p), estimate(r), estimate(f), 0.9)


def error(group, *, label="EFFECT", other="INT", text=TEXT, mentions=MENTIONS, kind="DRUG", document=0, why="", certainty=0.7, pair=(0, 2)):
    """An error in a text between two of its mentions."""
    head, tail = (Place(*mentions[i], kind, text[slice(*mentions[i])]) for i in pair)
    of_pair = {"score": 0.7, "scores": {label: 0.7, other: 0.1}, "no_relation": 0.2} if group != "no_candidate" else {}
    annotated = None if group == "spurious" else Claim(label, head, tail, **of_pair)
    predicted = None
    if group in ("spurious", "wrong_label"):
        predicted = Claim(other, head, tail, **of_pair)
    if group == "wrong_direction":
        predicted = Claim(label, tail, head, **of_pair)
    rels = [
        {"head": pair[0], "tail": pair[1], "label": claim.label, "score": claim.score, "status": status, "attention": []}
        for claim, status in ((annotated, "missed"), (predicted, "wrong"))
        if claim is not None
    ]
    picture = {
        "text": text,
        "ents": [{"start": start, "end": end, "label": kind} for start, end in mentions],
        "rels": rels,
        "sents": [[0, len(text)]],
    }
    return Error(group, why, annotated, predicted, certainty, document, 0, len(text), picture)


def results(errors, labels=("EFFECT", "INT")):
    n = len(labels)
    counts = tuple(tuple(50 if i == j else 3 for j in range(n + 1)) for i in range(n + 1))
    return Results(
        micro=line("all", 60, 80, 100),
        macro_f=estimate(0.6),
        lines={
            "label": tuple(line(label, 30, 40, 50) for label in labels),
            "types": (line("DRUG, DRUG", 60, 80, 100),),
            "distance": (line("0 to 4", 40, 50, 60), line("5 and more", 20, 30, 40)),
        },
        confusion=Confusion(labels, counts, (1,) + (0,) * (n - 1), (2,) + (0,) * (n - 1)),
        curve=Curve(tuple((1 - i / 20, 1 - i / 25, i / 22) for i in range(1, 20)), 0.61, 0.5, 0.6, 0.45, 0.9),
        histogram=Histogram(tuple(i / 10 for i in range(11)), tuple(range(10)), (200, *range(9, 0, -1))),
        errors=errors,
        denied=None,
        counts=numpy.zeros((1, n, 3), int),
        group_counts=numpy.zeros((1, 3, 3), int),
        denied_counts=numpy.zeros((1, 2), int),
    )


def errors_of(groups=GROUPS, n=1, **settings):
    return Errors({group: tuple(error(group, **settings) for _ in range(n)) for group in groups})


def analysis(errors=None, *, found=None, model="toy-1.0", labels=("EFFECT", "INT"), document="d1"):
    gold = results(errors if errors is not None else errors_of(), labels)
    figures = Evaluation({}, None, None, None, None, "relation_extractor", 1, 0.5, 0.1)
    return Analysis(
        model=model,
        component="relation_extractor",
        evaluation=figures,
        labels=labels,
        symmetric_labels=(),
        exclusive=True,
        threshold=0.5,
        documents=(AnalysedDocument(document, len(TEXT), "digest"),),
        n_passed_over=0,
        gold_mentions=gold,
        predicted_mentions=None if found is None else replace(gold, errors=found),
    )
