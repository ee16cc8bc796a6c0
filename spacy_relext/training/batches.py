"""The batches of a training, and how to draw the same ones again."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy
import torch
from spacy.training import Example

from spacy_relext.errors import RelextError

# The states of Python's, numpy's and torch's random numbers, by name, as plain values.
States = dict[str, Any]


def random_states() -> States:
    """The states of the random numbers that a CPU draws."""
    kind, keys, *rest = numpy.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (kind, numpy.asarray(keys).tobytes(), *rest),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


def set_random_states(states: Mapping[str, Any]) -> None:
    """Draw random numbers as from these states on; kinds that are not named stay as they are."""
    if "python" in states:
        random.setstate(states["python"])
    if "numpy" in states:
        kind, keys, *rest = states["numpy"]
        numpy.random.set_state((kind, numpy.frombuffer(keys, dtype="uint32"), *rest))
    if "torch" in states:
        torch.set_rng_state(torch.frombuffer(bytearray(states["torch"]), dtype=torch.uint8))


class Batches:
    """Batches with their epochs, that know how often they were drawn, and which random numbers it took.

    To draw them again, a reader, a batcher or an augmenter needs the random numbers that it had, between which the training drew its own.
    So the states are kept in which a batch was drawn: of a kind of random numbers that it took, and that somebody else had taken, too.

    n_drawn (int): The batches that were drawn. kept (Dict[int, Dict[str, Any]]): States before batches, by the number of each.
    """

    def __init__(self, batches: Iterator[tuple[int, list[Example]]]):
        self._batches = batches
        self.n_drawn = 0
        self.kept: dict[int, States] = {}
        # As they would be if nobody else took random numbers, for the kinds that batches take.
        self._expected: States = {}

    def __iter__(self) -> Iterator[tuple[int, list[Example]]]:
        return self

    def __next__(self) -> tuple[int, list[Example]]:
        before = random_states()
        epoch, batch = next(self._batches)
        after = random_states()
        taken = {kind for kind in before if before[kind] != after[kind]}
        lost = {kind: before[kind] for kind in before if kind in taken and self._expected.get(kind) != before[kind]}
        if lost:
            self.kept[self.n_drawn] = lost
        self._expected.update({kind: after[kind] for kind in taken})
        self.n_drawn += 1
        return epoch, batch

    def skip(self, n: int, kept: Mapping[int, States]) -> None:
        """Draw the batches again that a training had. kept: Those of its batches. RAISES: RelextError where there are not as many."""
        for i in range(n):
            set_random_states(kept.get(i, {}))
            if next(self, None) is None:
                raise RelextError(
                    f"the training data gives {i} batches, and the checkpoint was made after {n}. A reader that gives other examples each "
                    "time cannot be gone on with: begin anew with `overwrite=True`."
                )
