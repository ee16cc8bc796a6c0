"""Batches that are drawn again, whatever drew random numbers meanwhile."""

import random

import numpy
import pytest
import torch

from spacy_relext.errors import RelextError
from spacy_relext.training.batches import Batches, random_states, set_random_states


def draws(n=6, kinds=("python", "numpy", "torch")):
    """As batches of a reader that takes random numbers of all kinds, not for each of them."""
    for i in range(n):
        numbers = {"python": random.random, "numpy": numpy.random.rand, "torch": lambda: float(torch.rand(()))}
        yield i // 3, [numbers[kind]() for k, kind in enumerate(kinds) if i % (k + 1) == 0]


def use_others():
    """As a training between two batches does."""
    random.random()
    numpy.random.rand(3)
    torch.rand(2)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_the_same_batches_are_drawn_again(n):
    batches = Batches(draws())
    first = []
    for i, batch in enumerate(batches):
        first.append(batch)
        use_others()
        if i + 1 == n:
            states, kept = random_states(), dict(batches.kept)
    use_others()
    again = Batches(draws())
    if n:
        again.skip(n, kept)
        set_random_states(states)
        assert again.kept == kept
        rest = []
        for batch in again:
            rest.append(batch)
            use_others()
        assert rest == first[n:]


def test_nothing_is_kept_where_nobody_else_takes_random_numbers():
    batches = Batches(draws(kinds=("python",)))
    for _ in batches:
        torch.rand(2)
    assert list(batches.kept) == [0]


def test_a_reader_that_gives_less_is_an_error():
    with pytest.raises(RelextError, match="the training data gives 6 batches, and the checkpoint was made after 7"):
        Batches(draws()).skip(7, {})
