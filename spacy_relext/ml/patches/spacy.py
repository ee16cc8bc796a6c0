"""spaCy: `ner` on a CPU, which takes Python's lock for every token and asks of every action whether it may be taken."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy
import torch
from spacy.attrs import ENT_IOB, ENT_TYPE, IS_SPACE, SENT_START
from spacy.language import Language
from spacy.pipeline import EntityRecognizer
from spacy.tokens import Doc
from thinc.api import Model, NumpyOps, set_dropout_rate

from spacy_relext.ml.patches import enabled
from spacy_relext.types import Bools1d, Floats1d, Floats2d, Floats3d, Floats4d, Ints1d

# What an action does with a token; and the features of spaCy's state: the token, the first one of the open entity, the one before.
BEGIN, INSIDE, LAST, UNIT, OUTSIDE = "BILUO"
TOKEN, FIRST, PREVIOUS = range(3)
# So many tokens are all entities followed that begin anywhere; longer ones, which may overlap throughout a text, one by one.
AT_ONCE = 16


class QuickRecognizer(EntityRecognizer):
    """An `EntityRecognizer` that decides for all tokens at once, and then follows the entities that begin.

    It takes the place of spaCy's in one pipeline, with its model and its actions. Decisions are the same: the scores of a token in no
    entity depend on nothing before it. What it cannot do (a beam, a GPU, entities that are set before, other layers) spaCy's does.

    Seen in spaCy 3.8.18: of a `ner` that reads a transformer, half of the time is the lock. Upstream: none filed.
    """

    def predict(self, docs: Iterable[Doc]) -> list[Any]:
        """The final states of Docs, as spaCy's gives them."""
        docs = [docs] if isinstance(docs, Doc) else list(docs)
        names = [self.moves.get_class_name(i) for i in range(self.moves.n_moves)]
        read = _read(docs) if self._decides_at_once(names) else None
        if read is None:
            return super().predict(docs)
        set_dropout_rate(self.model, 0.0)  # is stored with the model, as spaCy leaves it
        vectors = _vectors(self.model.get_ref("tok2vec"), docs)
        if not numpy.isfinite(vectors).all():
            return super().predict(docs)
        features = _features(self.model.get_ref("lower"), vectors)
        states = self.moves.init_batch(docs)
        actions = Actions.of(names)
        _follow(states, found_entities(features, read, actions), [self.vocab.strings[label] for label in actions.labels])
        return states

    def _decides_at_once(self, names: list[str]) -> bool:
        model = self.model
        if not enabled() or model.name != "parser_model" or not isinstance(model.ops, NumpyOps) or self.cfg["beam_width"] != 1:
            return False
        lower = model.get_ref("lower")
        return (
            not (model.attrs["has_upper"] or model.attrs["unseen_classes"])
            and lower.name == "precomputable_affine"
            and lower.get_dim("nF") == len((TOKEN, FIRST, PREVIOUS))
            and lower.maybe_get_dim("nO") == len(names)
            and Actions.are_all(names)
        )


def recognize_at_once(nlp: Language) -> None:
    """Put a `QuickRecognizer` in the place of every `ner` that is in a pipeline by now. Nothing changes in what is stored of it."""
    if not enabled():
        return
    for i, (name, pipe) in enumerate(nlp._components):
        if type(pipe) is EntityRecognizer:
            nlp._components[i] = (name, _of(pipe))


def _of(pipe: EntityRecognizer) -> QuickRecognizer:
    # A pipeline without a `ner` asks for no transformers.
    from spacy_relext.ml.patches.spacy_transformers import pool_in_one_pass

    # A recognizer that is given actions makes the last layer of its model anew: it is made with none, and given it afterwards.
    nothing: Model = Model("nothing", _nothing, attrs={"resize_output": _nothing})
    quick = QuickRecognizer(pipe.vocab, nothing, pipe.name, pipe.moves, scorer=pipe.scorer)
    quick.model, quick.cfg = pipe.model, pipe.cfg
    quick._rehearsal_model, quick._multitasks = pipe._rehearsal_model, pipe._multitasks
    pool_in_one_pass(quick.model, keep=True)
    return quick


def _nothing(*_: Any) -> None:
    """Stands for functions of a model that is none."""


class Actions(NamedTuple):
    """The actions of a recognizer, as indices of the columns of its scores.

    begin, inside, last, unit: Of each label, `[n_labels]`. outside: The one of no entity.
    """

    labels: list[str]
    begin: Ints1d
    inside: Ints1d
    last: Ints1d
    unit: Ints1d
    outside: int

    @classmethod
    def of(cls, names: Sequence[str]) -> "Actions":
        """names: As spaCy writes them: B-CHEMICAL, O; and "U-", for tokens that must not be in an entity."""
        place = {name: i for i, name in enumerate(names)}
        labels = [name[2:] for name in names if name[:1] == BEGIN]

        def of(kind: str) -> Ints1d:
            return numpy.asarray([place[f"{kind}-{label}"] for label in labels], dtype="int64")

        return cls(labels, of(BEGIN), of(INSIDE), of(LAST), of(UNIT), place[OUTSIDE])

    @staticmethod
    def are_all(names: Sequence[str]) -> bool:
        """Whether each label has all its actions, once, and there is one of no entity: those of stored recognizers need not."""
        counts = Counter(names)
        labels = {name[2:] for name in names if name[1:2] == "-"} - {""}
        needed = {OUTSIDE, *(f"{kind}-{label}" for kind in (BEGIN, INSIDE, LAST, UNIT) for label in labels)}
        return counts.keys() - {f"{UNIT}-"} == needed and max(counts.values()) == 1


class Tokens(NamedTuple):
    """What decides which actions a token may have, of all Docs of a batch end to end, `[n_tokens]` each.

    is_space, ends: Whether it is white space; whether it is the last one of a sentence or of the Doc.
    """

    is_space: Bools1d
    ends: Bools1d


class Entities(NamedTuple):
    """The entities of a batch, in order: first and last token, counted over the batch, and the index of the label."""

    first: list[int]
    last: list[int]
    label: list[int]


def _read(docs: list[Doc]) -> Tokens | None:
    """What is asked of the tokens of some Docs; None where there are no tokens, or a token has an entity, or must have none."""
    sizes = [len(doc) for doc in docs]
    if not any(sizes):
        return None
    read = [doc.to_array([ENT_IOB, ENT_TYPE, SENT_START, IS_SPACE]).reshape(-1, 4) for doc in docs]
    iob, types, starts, is_space = numpy.concatenate(read).T
    if (iob & 1).any() or types.any():  # inside an entity, or the first token of one; spaCy learns labels that are new to it
        return None
    ends = numpy.append(starts[1:] == 1, True)
    ends[numpy.cumsum(sizes) - 1] = True
    return Tokens(is_space.astype(bool), ends)


def _vectors(tok2vec: Model, docs: list[Doc]) -> Floats2d:
    """What the model reads of each token."""
    *before, linear = tok2vec.layers or [tok2vec]
    if linear.name != "linear" or tok2vec.name != ">>".join(layer.name for layer in (*before, linear)):
        return tok2vec.predict(docs)
    vectors: Any = docs
    for layer in before:
        vectors = layer.predict(vectors)
    return _product(vectors, linear.get_param("W"), linear.get_param("b"))


def _product(vectors: Floats2d, weight: Floats2d, bias: Floats1d | None = None) -> Floats2d:
    """A linear layer of thinc by torch, which takes less than half of the time where thinc's BLIS does not know the CPU.

    The same but for the rounding of sums in float32.
    """
    of_bias = None if bias is None else torch.from_numpy(bias)
    product: Floats2d = torch.nn.functional.linear(torch.from_numpy(vectors), torch.from_numpy(weight), of_bias).numpy()
    return product


class Features(NamedTuple):
    """What each feature of a state adds to the scores of the actions.

    of_tokens: `[n_tokens, 3, n_actions, n_pieces]`. of_none: `[3, n_actions, n_pieces]`, where there is no such token.
    bias: `[n_actions, n_pieces]`.
    """

    of_tokens: Floats4d
    of_none: Floats3d
    bias: Floats2d


def _features(lower: Model, vectors: Floats2d) -> Features:
    weight = lower.get_param("W")
    products = _product(vectors, weight.reshape(-1, weight.shape[-1]))
    return Features(products.reshape(-1, *weight.shape[:-1]), lower.get_param("pad")[0], lower.get_param("b"))


def _best_piece(values: numpy.ndarray) -> numpy.ndarray:
    """The highest of the last axis, which is short: numpy's own takes longer than all the rest."""
    best = values[..., 0]
    for piece in range(1, values.shape[-1]):
        best = numpy.maximum(best, values[..., piece])
    return best


def found_entities(features: Features, tokens: Tokens, actions: Actions) -> Entities:
    """The entities that greedy decoding finds. Sums are taken in spaCy's order, so that they are the same numbers."""
    none, n = features.of_none, len(actions.labels)
    # In no entity: what begins one, what is one, and what is in none. Of equal scores, spaCy takes the action that stands first.
    columns = numpy.concatenate([actions.begin, actions.unit, [actions.outside]])
    order = columns.argsort()
    kind = numpy.arange(len(columns))[order]
    read = features.of_tokens[:, TOKEN, columns[order]] + none[FIRST, columns[order]] + none[PREVIOUS, columns[order]]
    scores = _best_piece(read + features.bias[columns[order]])
    scores[numpy.ix_(tokens.is_space, kind < 2 * n)] = -numpy.inf
    scores[numpy.ix_(tokens.ends, kind < n)] = -numpy.inf
    chosen = kind[scores.argmax(axis=1)]
    first = numpy.flatnonzero(chosen < 2 * n)
    begins, label = chosen[first] < n, chosen[first] % n
    last = first.copy()
    last[begins] = _ends(first[begins], label[begins], features, tokens, actions)
    entities, end = Entities([], [], []), -1
    for begin, stop, of_label in zip(first.tolist(), last.tolist(), label.tolist(), strict=True):
        # What would begin in another entity was not asked.
        if begin > end:
            end = stop if stop >= 0 else _end(begin, of_label, features, tokens, actions)
            for values, value in zip(entities, (begin, end, of_label), strict=True):
                values.append(value)
    return entities


def _ends(first: Ints1d, label: Ints1d, features: Features, tokens: Tokens, actions: Actions) -> Ints1d:
    """The last tokens of the entities that begin, all of them followed at once; -1 for one of more than `AT_ONCE` tokens."""
    end, going, at = numpy.full_like(first, -1), numpy.arange(len(first)), first
    for _ in range(1, AT_ONCE):
        if not len(going):
            break
        at = at + 1
        goes_on = _go_on(first[going], label[going], at, features, tokens, actions)
        end[going[~goes_on]] = at[~goes_on]
        going, at = going[goes_on], at[goes_on]
    return end


def _end(first: int, label: int, features: Features, tokens: Tokens, actions: Actions) -> int:
    """The last token of one entity."""
    begin, size = first + 1, AT_ONCE
    while True:
        at = numpy.arange(begin, min(begin + size, len(tokens.ends)))
        stops = numpy.flatnonzero(~_go_on(numpy.full_like(at, first), numpy.full_like(at, label), at, features, tokens, actions))
        if len(stops):
            return int(at[stops[0]])
        begin, size = begin + size, 2 * size


def _go_on(first: Ints1d, label: Ints1d, at: Ints1d, features: Features, tokens: Tokens, actions: Actions) -> Bools1d:
    """Whether entities go on after a token of theirs. first, label, at: Of each its first token, its label, and this token."""
    inside, last = actions.inside[label], actions.last[label]

    def score(action: Ints1d) -> Floats1d:
        of = features.of_tokens
        read = of[at, TOKEN, action] + of[first, FIRST, action] + of[at - 1, PREVIOUS, action]
        return _best_piece(read + features.bias[action])

    goes_on, stops = score(inside), score(last)
    # Of equal scores, spaCy takes the action that stands first.
    decided: Bools1d = ~tokens.ends[at] & ((goes_on > stops) | ((goes_on == stops) & (inside < last)))
    return decided


def _follow(states: list[Any], entities: Entities, labels: list[int]) -> None:
    """Bring spaCy's states to their ends."""
    found = iter(zip(*entities, strict=True))
    first, last, label = next(found, (-1, -1, 0))
    offset = 0
    for state in states:
        push, pop = state.push, state.pop
        for at in range(offset, offset + state.length):
            if at == first:
                state.open_ent(labels[label])
            if at == last:
                state.close_ent()
                first, last, label = next(found, (-1, -1, 0))
            push()
            pop()
        offset += state.length
