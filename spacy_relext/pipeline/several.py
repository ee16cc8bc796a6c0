"""Several relation extractors in one pipeline: whose labels are whose, and scores that are told apart and weighed."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from weakref import WeakKeyDictionary

from spacy.language import Language
from spacy.tokens import Doc

from spacy_relext.errors import RelextError
from spacy_relext.notices import Notices
from spacy_relext.pipeline.preparing import Extractor, symmetric_labels

# What the scorer calls the figures that can be weighed in training, after the prefix; and the prefix that the factory's weights are for.
FIGURES = ("micro_f", "micro_p", "micro_r", "macro_f")
DEFAULT_PREFIX = "rel"
Weights = Mapping[str, float | None]


class Ran(NamedTuple):
    """What is known of an extractor that ran over a Doc."""

    prefix: str
    labels: tuple[str, ...]
    symmetric: frozenset[str]


# Which extractors ran over a Doc, by name, while it lives. A component does not know the others of its pipeline, which may have been
# sourced; and files should not store this.
_ran: WeakKeyDictionary[Doc, dict[str, Ran]] = WeakKeyDictionary()


def note_run(doc: Doc, name: str, pipe: Extractor) -> None:
    """Remember that an extractor ran over a Doc."""
    _ran[doc] = {**_ran.get(doc, {}), name: Ran(pipe.score_prefix, pipe.labels, symmetric_labels(pipe))}


def symmetric_labels_of(doc: Doc) -> frozenset[str]:
    """The labels without a direction of the extractors that ran over a Doc; none for one that was stored, or came from another process."""
    return frozenset[str]().union(*(ran.symmetric for ran in _ran.get(doc, {}).values()))


def ran_beside(docs: Iterable[Doc], name: str) -> dict[str, Ran]:
    """The other extractors that ran over the Docs, by name."""
    found: dict[str, Ran] = {}
    for doc in docs:
        found.update(_ran.get(doc, {}))
    found.pop(name, None)
    return found


def labels_of_others(pipe: Extractor, docs: Iterable[Doc]) -> set[str]:
    """The labels of other extractors: those with which one was trained, and those that ran over some Docs."""
    return {*pipe.cfg["other_labels"], *(label for ran in ran_beside(docs, pipe.name).values() for label in ran.labels)}


def divide_labels(extractors: Iterable[Extractor], in_data: set[str]) -> set[str]:
    """Tell each extractor the labels of the others, whose relations are not its own to learn.

    in_data: The labels of the training data. While an extractor has no labels yet, which it may take from the data, all are somebody's.
    RETURNS: The labels of the data that no extractor has.
    """
    extractors = list(extractors)
    known = {label for pipe in extractors for label in pipe.labels}
    if not all(pipe.labels for pipe in extractors):
        known |= in_data
    for pipe in extractors:
        pipe.cfg["other_labels"] = sorted(known - set(pipe.labels))
    return in_data - known


def require_own_prefix(name: str, prefix: str, others: Mapping[str, Ran]) -> None:
    """Refuse to score where other extractors that ran have the same prefix: their figures would overwrite each other."""
    same = sorted(other for other, ran in others.items() if ran.prefix == prefix)
    if same:
        raise RelextError(
            f"{name} and {', '.join(same)} have the same score_prefix, {prefix!r}: the scores of one would overwrite those of the other. "
            "Give each one of its own where its pipeline is loaded, and store that pipeline again, e.g. "
            f'nlp = spacy.load(…, config={{"components": {{"{name}": {{"score_prefix": "{name}"}}}}}}).'
        )


def check_scores(nlp: Language, extractors: Mapping[str, Extractor], notices: Notices | None) -> None:
    """Refuse to train where scores would overwrite each other, or where checkpoints would be judged by scores that nobody gives.

    notices: Warned of a weight that is nobody's. None: another extractor warns.
    RAISES: RelextError, with the lines of a config that mend it.
    """
    training = nlp.config["training"]
    weights: Weights = training["score_weights"]
    trained = [name for name in extractors if name not in training.get("frozen_components", [])]
    prefixes = {name: pipe.score_prefix for name, pipe in extractors.items()}
    of_others = {
        key: name for name in nlp.component_names if name not in extractors for key in nlp.get_pipe_meta(name).default_score_weights or {}
    }
    _refuse_shared(prefixes, of_others, weights, trained, enabled=set(nlp.pipe_names))
    weighed = {prefix for prefix in {*prefixes.values(), DEFAULT_PREFIX} if any(weights.get(key) for key in _keys(prefix))}
    if DEFAULT_PREFIX not in prefixes.values() and of_others.keys() & _keys(DEFAULT_PREFIX):
        weighed -= {DEFAULT_PREFIX}
    without = [name for name in trained if prefixes[name] not in weighed]
    if weighed and without:
        missing = ", ".join(_key(prefixes[name]) for name in without)
        raise RelextError(
            f"{' and '.join(without)}: [training.score_weights] has no weight for {missing}, and has one for "
            f"{', '.join(map(_key, sorted(weighed)))}. The best checkpoint would be chosen without regard to {' and '.join(without)}; "
            "where no component gives a score that has a weight, all checkpoints have 0.0. Set in the config:\n\n"
            f"{_weight_lines(weights, prefixes, trained)}\n\n"
            f'or in Python: nlp.config["training"]["score_weights"].update({_new_weights(weights, prefixes, trained)})'
        )
    if notices is not None and DEFAULT_PREFIX in weighed - set(prefixes.values()):
        notices.warn(
            "score-weights",
            f"[training.score_weights] has the factory's weight for {_key(DEFAULT_PREFIX)}, and no component gives this score: the score "
            f"of checkpoints is too low by its share. Set in the config:\n\n[training.score_weights]\n{_key(DEFAULT_PREFIX)} = null",
        )


def _refuse_shared(
    prefixes: Mapping[str, str], of_others: Mapping[str, str], weights: Weights, trained: list[str], enabled: set[str]
) -> None:
    """of_others: Names of scores of other components, and which gives them. enabled: Components that are in training, before the others."""
    found: dict[str, str] = {}
    clashes: dict[str, str] = {}
    for name in sorted(prefixes, key=lambda name: name in enabled):
        prefix = prefixes[name]
        other = next((other for other in found if prefixes[other] == prefix), None)
        other = other or next((of_others[key] for key in sorted(_keys(prefix)) if key in of_others), None)
        if other is not None:
            clashes[name] = other
            prefix = name if name not in prefixes.values() else f"{name}_2"
        found[name] = prefix
    if clashes:
        shared = "; ".join(f"{name} has the score_prefix {prefixes[name]!r}, as {other} has" for name, other in clashes.items())
        blocks = [f'[components.{name}]\nscore_prefix = "{found[name]}"' for name in clashes]
        lines = "\n\n".join([*blocks, _weight_lines(weights, {name: found[name] for name in prefixes}, trained)])
        raise RelextError(f"{shared}: the scores of one would overwrite those of the other. Set in the config:\n\n{lines}")


def _key(prefix: str) -> str:
    return f"{prefix}_{FIGURES[0]}"


def _keys(prefix: str) -> set[str]:
    return {f"{prefix}_{figure}" for figure in FIGURES}


def _new_weights(weights: Weights, prefixes: Mapping[str, str], trained: Iterable[str]) -> dict[str, float | None]:
    """What is to be set: the weight that relations have now, in equal parts for the extractors that are trained."""
    wanted = [_key(prefixes[name]) for name in trained]
    keys = (key for prefix in dict.fromkeys([DEFAULT_PREFIX, *prefixes.values()]) for key in sorted(_keys(prefix)))
    now = {key: weights[key] or 0.0 for key in keys if weights.get(key)}
    share = round((sum(now.values()) or 1.0) / len(wanted), 2)
    return {**dict.fromkeys(now), **dict.fromkeys(wanted, share)}


def _weight_lines(weights: Weights, prefixes: Mapping[str, str], trained: Iterable[str]) -> str:
    lines = [f"{key} = {'null' if value is None else value}" for key, value in _new_weights(weights, prefixes, trained).items()]
    return "\n".join(["[training.score_weights]", *lines])
