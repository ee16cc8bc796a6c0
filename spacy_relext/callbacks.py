"""What a config can do before it trains."""

from collections.abc import Callable

import torch
from spacy.language import Language
from spacy.pipeline._parser_internals.ner import BiluoPushDown

from spacy_relext.errors import RelextError


def torch_threads(n_threads: int = 1) -> Callable[[Language], None]:
    """Let torch use so many threads while a pipeline is trained. Registered callback `spacy-relext.torch_threads.v1`, for
    [initialize.before_init], which runs before training and not when the pipeline is loaded.

    In the small batches of a small encoder, threads wait for each other longer than they compute: on two cores a second one gains
    little, and where something else runs as well it makes training several times slower.
    """
    if n_threads < 1:
        raise RelextError(f"spacy-relext.torch_threads.v1: n_threads is {n_threads}; it must be at least 1.")

    def set_threads(nlp: Language) -> None:
        torch.set_num_threads(n_threads)

    return set_threads


def entity_labels(types: list[str]) -> dict[int, dict[str, int]]:
    """The labels of an entity recogniser as its initialisation takes them. Registered reader `spacy-relext.entity_labels.v1`, for
    [initialize.components.ner.labels].

    A corpus that is read anew every epoch ([training] max_epochs = -1) shows only its first 100 units to initialisation, and a rare type
    is not among them.
    """
    if not types:
        raise RelextError("spacy-relext.entity_labels.v1: types is empty; give the types of the mentions that are to be found.")
    return BiluoPushDown.get_actions(entity_types=types)
