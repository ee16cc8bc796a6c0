"""Several threads that call one pipeline get what one thread gets: a short run of the command."""

import pytest

from tests.stress.threads import KINDS, WAYS, stress, texts, trained


@pytest.mark.parametrize("kind", KINDS)
def test_threads_get_what_one_thread_gets(tiny_bert, kind):
    nlp = trained(kind, tiny_bert, steps=12)
    for way in WAYS:
        fresh = KINDS[kind](tiny_bert, "float32").from_bytes(nlp.to_bytes())
        outcome = stress(nlp, fresh, texts(8), n_threads=4, n_calls=40 if way == "call" else 8, way=way)
        assert outcome.n_relations
        assert outcome.is_right, (way, str(outcome), *outcome.errors[:1])
