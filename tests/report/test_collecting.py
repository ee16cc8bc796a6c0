"""What is kept of predictions: every error once, and counts that are those of the scorer, on random texts."""

import random
from collections import Counter
from functools import partial

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.evaluation import oracle, score_found
from spacy_relext.pipeline.decoding import Predictions
from spacy_relext.pipeline.preparing import prepare
from spacy_relext.relations import Relation, set_annotated_labels, set_denied, set_relations
from spacy_relext.report import figures
from spacy_relext.report.analysis import GROUPS
from spacy_relext.report.bootstrap import draw_sums, share_interval
from spacy_relext.report.collecting import Collector
from spacy_relext.report.figures import confusion_of, curve_of, denied_of, group_counts, histogram_of, lines_of
from spacy_relext.scorer import relation_keys

NEAR = {"@misc": "spacy-relext.distance_pairs.v1", "max_distance": 4, "ordered": True, "overlapping": False, "max_sentences": None}
LABELS = ["ADVISE", "BINDS", "CAUSES"]
SENTENCES = {"@misc": "spacy-relext.sentence_pairs.v1", "ordered": True, "overlapping": False, "types": None}
SETTINGS = {
    "exclusive": {"candidates": SENTENCES, "exclusive": True, "threshold": 0.4},
    "several labels": {"candidates": SENTENCES, "exclusive": False, "threshold": 0.6},
    "no direction": {"candidates": SENTENCES, "symmetric_labels": ["ADVISE", "BINDS"], "threshold": 0.35},
    "several labels, no direction": {"candidates": SENTENCES, "exclusive": False, "symmetric_labels": ["BINDS"], "threshold": 0.7},
    "each pair once": {"candidates": {**SENTENCES, "ordered": False}, "symmetric_labels": ["ADVISE"], "threshold": 0.3},
    "type rules": {"candidates": SENTENCES, "type_rules": {"ADVISE": [["DRUG", "DRUG"]], "BINDS": [["DRUG", "GENE"]]}, "threshold": 0.3},
    "near": {"candidates": NEAR, "max_pairs": 6, "threshold": 0.3},
}


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """Nothing here looks at intervals."""
    monkeypatch.setattr(figures, "draw_sums", partial(draw_sums, n_draws=100))
    monkeypatch.setattr(figures, "share_interval", partial(share_interval, n_draws=100))


def make_pipe(settings):
    nlp = spacy.blank("en")
    config = {"model": {"tok2vec": {"width": 16, "depth": 1, "embed_size": 50}}, "spans_key": "mentions", **settings}
    pipe = nlp.add_pipe("relation_extractor", config=config)
    for label in LABELS:
        pipe.add_label(label)
    return nlp, pipe


def random_mentions(doc, draw):
    """Up to eight, some of which overlap, or have the same place and another type."""
    spans = []
    for _ in range(draw.randrange(9)):
        start = draw.randrange(len(doc))
        spans.append(Span(doc, start, min(len(doc), start + draw.choice([1, 1, 1, 2])), label=draw.choice(["DRUG", "GENE"])))
    return spans


def random_relations(spans, draw, labels):
    relations = []
    for _ in range(draw.randrange(7)):
        if len(spans) > 1:
            head, tail = draw.sample(spans, 2)
            if (head.start, head.end) != (tail.start, tail.end):
                attributes = ["speculated"] * (draw.random() < 0.3)
                relations.append(Relation(head, tail, draw.choice(labels), attributes=attributes))
    return relations


def random_reference(nlp, draw):
    n = draw.randrange(3, 30)
    starts = [i == 0 or draw.random() < 0.15 for i in range(n)]
    doc = Doc(nlp.vocab, words=[f"w{i}" for i in range(n)], sent_starts=starts)
    spans = random_mentions(doc, draw)
    doc.spans["mentions"] = spans
    kind = draw.random()
    if kind < 0.1:
        return doc  # nobody annotated it
    set_relations(doc, random_relations(spans, draw, [*LABELS, "OTHER"]))
    if kind < 0.2:
        set_annotated_labels(doc, ["OTHER"])
    if kind > 0.7:
        set_denied(doc, random_relations(spans, draw, LABELS))
    return doc


def predicted(pipe, reference, draw, *, annotated):
    """An example as it is scored, the Doc of the candidates, their mentions, and random predictions."""
    doc = reference.copy()
    if not annotated:
        kept = [span for span in doc.spans["mentions"] if draw.random() < 0.7]
        doc.spans["mentions"] = [*kept, *random_mentions(doc, draw)[:2]]
    set_relations(doc, [])
    spans = pipe.mentions(doc)
    prepared = prepare(pipe, doc, spans)
    scores = numpy.random.default_rng(draw.randrange(10**6)).dirichlet([0.3] * prepared.allowed.shape[1], len(prepared.allowed))
    scores = (scores * prepared.allowed).astype("float32").round(1)
    predictions = Predictions(spans, prepared.candidates.pairs, scores)
    set_relations(doc, pipe.decode(predictions, spans))
    return Example(doc, reference), doc, spans, predictions


def collect(settings, *, annotated, seed, n=12):
    draw = random.Random(seed)
    nlp, pipe = make_pipe(settings)
    collector = Collector(pipe)
    told = [predicted(pipe, random_reference(nlp, draw), draw, annotated=annotated) for _ in range(n)]
    for of_document in told:
        collector(*of_document)
    return pipe, collector, told


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("annotated", [True, False], ids=["annotated mentions", "found mentions"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_every_error_is_counted_once_and_sums_are_those_of_the_scorer(settings, annotated, seed):
    pipe, collector, told = collect(settings, annotated=annotated, seed=seed)
    examples = [example for example, *_ in told]
    scores = score_found(pipe, examples)
    micro, macro, lines, counts = lines_of(collector.documents, seed=0)
    assert [micro.p.value, micro.r.value, micro.f.value] == pytest.approx([scores[f"rel_micro_{k}"] for k in "prf"])
    assert macro.value == pytest.approx(scores["rel_macro_f"])
    assert {line.name: line.annotated for line in lines["label"]} == {name: s["support"] for name, s in scores["rel_per_type"].items()}
    for line in lines["label"]:
        assert line.f.value == pytest.approx(scores["rel_per_type"][line.name]["f"])
    assert counts.sum(axis=(0, 1)).tolist() == [micro.right, micro.predicted, micro.annotated]
    for division in lines.values():
        assert [sum(getattr(line, name) for line in division) for name in ("right", "predicted", "annotated")] == [
            micro.right,
            micro.predicted,
            micro.annotated,
        ]
    denied, denied_counts = denied_of(collector.documents, seed=0)
    assert (denied.pairs, denied.related) == (scores["rel_denied"], scores["rel_denied_related"])
    assert denied_counts.sum(axis=0).tolist() == [denied.related, denied.pairs]
    assert {line.label: {**vars(line)} for line in denied.lines} == {k: {"label": k, **v} for k, v in scores["rel_denied_per_type"].items()}
    of_groups = {line.name: (line.predicted, line.annotated) for line in lines["assertion"]}
    assert of_groups == {name: (s["predicted"], s["support"]) for name, s in scores["rel_per_group"].items()}
    assert group_counts(collector.documents).sum(axis=(0, 1)).tolist() == [micro.right, micro.predicted, micro.annotated]
    errors = [error for document in collector.documents for error in document.errors]
    n = Counter(error.match.group for error in errors)
    assert set(n) <= set(GROUPS)
    both = n["wrong_label"] + n["wrong_direction"]
    assert n["no_candidate"] + n["below_threshold"] + both == micro.annotated - micro.right
    assert n["spurious"] + both == micro.predicted - micro.right
    # Not the numbers alone: these relations, each of them once.
    keys = [relation_keys(example, pipe.cfg["symmetric_labels"]) for example in (examples[i] for i in collector.scored)]
    for number, (gold, guess) in enumerate(keys):
        of_document = [error.match for error in errors if error.document == number]
        missed = [key for match in of_document if (key := match.annotated) is not None]
        wrong = [key for match in of_document if (key := match.predicted) is not None]
        assert sorted(missed) == sorted(plain(key) for key in gold - guess if key[0] in LABELS)
        assert sorted(wrong) == sorted(plain(key) for key in guess - gold)
    assert {error.document for error in errors} <= set(range(len(collector.documents)))


def plain(key):
    label, head, tail = key
    return label, head[:2], tail[:2]


@pytest.mark.parametrize("annotated", [True, False], ids=["annotated mentions", "found mentions"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_candidate_recall_is_that_of_evaluate(settings, annotated):
    pipe, collector, told = collect(settings, annotated=annotated, seed=3, n=25)
    examples = [example for example, *_ in told]
    micro, _, lines, _ = lines_of(collector.documents, seed=0)
    of_oracle = score_found(pipe, oracle(pipe, examples, gold_mentions=annotated))
    assert micro.candidate_recall == pytest.approx(of_oracle["rel_micro_r"])
    for line in lines["label"]:
        if line.annotated:
            assert line.candidate_recall == pytest.approx(of_oracle["rel_per_type"][line.name]["r"])


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_rows_and_columns_of_the_confusion_matrix_sum_to_what_is_annotated_and_predicted(settings):
    _, collector, _ = collect(settings, annotated=True, seed=5, n=25)
    _, _, lines, _ = lines_of(collector.documents, seed=0)
    found = confusion_of(collector.documents, lines["label"])
    counts = numpy.asarray(found.counts)
    assert found.labels == tuple(line.name for line in lines["label"])
    for i, line in enumerate(lines["label"]):
        assert counts[i].sum() + found.direction[i] + found.unreachable[i] == line.annotated
        assert counts[:, i].sum() + found.direction[i] == line.predicted
        assert counts[i, i] == line.right
    assert (counts >= 0).all()


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_the_curve_passes_through_the_figures(settings):
    pipe, collector, told = collect(settings, annotated=True, seed=7, n=25)
    micro, *_ = lines_of(collector.documents, seed=0)
    curve = curve_of(collector.documents, micro, pipe.threshold)
    thresholds = [threshold for threshold, _, _ in curve.points]
    assert thresholds == sorted(thresholds, reverse=True)
    at = [(p, r) for threshold, p, r in curve.points if threshold >= numpy.float32(pipe.threshold)][-1]
    assert at == pytest.approx((micro.p.value, micro.r.value)) == (curve.p, curve.r)
    # Every point is what the scorer says at its threshold.
    for threshold, p, r in [point for point in curve.points if point[0] != pipe.threshold][:: max(1, len(curve.points) // 5)]:
        for example, _, spans, predictions in told:
            set_relations(example.predicted, pipe.decode(predictions, spans, threshold=threshold))
        scores = score_found(pipe, [example for example, *_ in told])
        assert (scores["rel_micro_p"], scores["rel_micro_r"]) == pytest.approx((p, r))
    n_right = sum(document.right.sum() for document in collector.documents)
    found = histogram_of(collector.documents)
    assert sum(found.right) == n_right
    assert sum(found.right) + sum(found.wrong) == sum(len(document.scores) for document in collector.documents)
