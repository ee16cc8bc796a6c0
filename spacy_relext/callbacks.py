"""What a config can do before it trains."""

from collections.abc import Callable
from functools import partial

import torch
from spacy.language import Language

from spacy_relext.errors import RelextError
from spacy_relext.ml.patches.glibc import set_trim_threshold
from spacy_relext.ml.patches.torch_bfloat16 import limit_caches
from spacy_relext.pipeline.relation_extractor import RelationExtractor


def keep_to_itself() -> None:
    """Set up this process for nothing but training or extraction; to be called before anything is computed.

    What is freed at the end of the heap is kept for what comes next, and fewer kernels are kept than torch and oneDNN would (`ml/patches`).
    The commands of `relext` do. Scoring does not, since it may happen in anybody's process.
    """
    set_trim_threshold()
    limit_caches()


def training_process(
    n_threads: int | None = None, then: Callable[[Language], Language | None] | None = None
) -> Callable[[Language], Language | None]:
    """Set up the process of a training, as `keep_to_itself` does. Registered callback `spacy-relext.training_process.v1`.

    It is for [initialize.before_init], which runs before training, and not when the pipeline is loaded.

    n_threads (int | None): Torch's threads. In the small batches of a small encoder, threads wait for each other longer than they compute:
        on two cores a second one gains little, and where something else runs as well it makes training several times slower.
    then (Callable[[Language], None] | None): A callback that is called afterwards, since there is room for one.
    """
    if n_threads is not None and n_threads < 1:
        raise RelextError(f"spacy-relext.training_process.v1: n_threads is {n_threads}; it must be at least 1.")
    return partial(_set_up, n_threads=n_threads, then=then)


def _set_up(nlp: Language, *, n_threads: int | None, then: Callable[[Language], Language | None] | None) -> Language | None:
    keep_to_itself()
    if n_threads is not None:
        torch.set_num_threads(n_threads)
    return then(nlp) if then is not None else None


def torch_threads(n_threads: int = 1) -> Callable[[Language], None]:
    """Let torch use so many threads while a pipeline is trained. Registered callback `spacy-relext.torch_threads.v1`, likewise.

    n_threads (int): Torch's threads, as in `spacy-relext.training_process.v1`.
    RAISES: RelextError for no thread at all.
    """
    if n_threads < 1:
        raise RelextError(f"spacy-relext.torch_threads.v1: n_threads is {n_threads}; it must be at least 1.")
    return partial(_set_threads, n_threads=n_threads)


def _set_threads(nlp: Language, *, n_threads: int) -> None:
    torch.set_num_threads(n_threads)


def add_labels(labels: list[str], component: str = "relation_extractor") -> Callable[[Language], None]:
    """Add labels to an extractor that another pipeline has trained. Registered callback `spacy-relext.add_labels.v1`.

    It is for [initialize.before_init] or [initialize.after_init], where training goes on.
    spaCy does not initialise a sourced component that is trained further, so [initialize.components] does not reach it.

    labels (List[str]): The new labels; one that is there already stays as it is.
    component (str): The name of the extractor.
    RAISES: RelextError where the pipeline has no such extractor.
    """

    def add(nlp: Language) -> None:
        pipe = nlp.get_pipe(component) if component in nlp.component_names else None
        if not isinstance(pipe, RelationExtractor):
            raise RelextError(
                f"spacy-relext.add_labels.v1: {component!r} is no relation extractor of the pipeline, which has {nlp.component_names}. Set "
                "component to the name of one."
            )
        for label in labels:
            pipe.add_label(label)

    return add


def entity_labels(types: list[str]) -> dict[int, dict[str, int]]:
    """The labels of an entity recogniser as its initialisation takes them. Registered reader `spacy-relext.entity_labels.v1`.

    It is for [initialize.components.ner.labels].
    A corpus that is read anew every epoch ([training] max_epochs = -1) shows only its first 100 units to initialisation, and a rare type
    is not among them.

    types (List[str]): The types of the mentions that are to be found.
    """
    if not types:
        raise RelextError("spacy-relext.entity_labels.v1: types is empty; give the types of the mentions that are to be found.")
    each = dict.fromkeys(types, 1)
    # Its label_data, as `spacy init labels` writes it: for missing, begin, in, last, unit, out.
    return {0: {}, 1: dict(each), 2: dict(each), 3: dict(each), 4: {"": 1, **each}, 5: {"": 1}}
