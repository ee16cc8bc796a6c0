"""Several threads that call one pipeline get what one thread gets: a short run of the command."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from spacy_relext.evaluation import THRESHOLDS, predict, score_gold, score_predicted, score_thresholds
from spacy_relext.pipeline.scoring import with_gold_mentions
from tests.pipeline.test_with_transformer import make_examples
from tests.stress.threads import EXTRACTOR, KINDS, WAYS, stress, texts, trained


@pytest.mark.parametrize("kind", KINDS)
def test_threads_get_what_one_thread_gets(tiny_bert, kind):
    nlp = trained(kind, tiny_bert, steps=12 if kind == "demo" else 3)
    # Nobody has called it: the first calls of all are among those of the threads.
    fresh = KINDS[kind](tiny_bert, "float32").from_bytes(nlp.to_bytes())
    for way in WAYS:
        outcome = stress(nlp, fresh, texts(8), n_threads=4, n_calls=40 if way == "call" else 8, way=way)
        assert outcome.n_relations
        assert outcome.is_right, (way, str(outcome), *outcome.errors[:1])


def test_an_evaluation_leaves_what_other_threads_predict(tiny_bert):
    """Thresholds are tried, components that find mentions rest, and mentions are annotated ones: for the evaluation alone."""
    nlp = trained("demo", tiny_bert, steps=12)
    references = [example.reference for example in make_examples(nlp)]
    extractor = nlp.get_pipe(EXTRACTOR)

    def evaluated():
        found = list(with_gold_mentions(extractor, predict(nlp, references, annotated=True), threshold=THRESHOLDS[0]))
        whole = list(predict(nlp, references, annotated=False))
        return [score_thresholds(extractor, found), score_gold(extractor, whole), score_predicted(extractor, whole, strict=True)]

    right, done, outcomes = evaluated(), threading.Event(), []

    def evaluate():
        while not done.is_set():
            outcomes.append(evaluated())

    with ThreadPoolExecutor(1) as pool:
        evaluating = pool.submit(evaluate)
        outcome = stress(nlp, nlp, texts(8), n_threads=2, n_calls=60)
        done.set()
        evaluating.result()
    assert outcome.is_right, (str(outcome), *outcome.errors[:1])
    assert outcomes
    assert all(found == right for found in outcomes)
