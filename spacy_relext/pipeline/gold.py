"""Annotation on predicted tokens: aligning mentions by characters, and the targets of candidate pairs."""

from collections.abc import Collection, Sequence

import numpy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.errors import RelextError
from spacy_relext.ml.marking import TOKEN_ATTRIBUTES
from spacy_relext.relations import get_relations, span_at
from spacy_relext.types import Bools2d, Floats2d, Ints2d

# (label, (start, end) of head, (start, end) of tail), in characters.
GoldKey = tuple[str, tuple[int, int], tuple[int, int]]

# The words are the same, and so is what the pipeline made of them.
VIEW_ATTRIBUTES = ["NORM", *TOKEN_ATTRIBUTES]


def require_same_text(example: Example) -> None:
    """Raise an error where annotation cannot be aligned."""
    predicted, reference = example.predicted, example.reference
    if predicted.text != reference.text:
        raise RelextError(
            f"The predicted Doc reads {predicted.text[:60]!r}… and the annotated one {reference.text[:60]!r}…. Annotation is aligned "
            "by characters, so both must have the same text."
        )


def gold_view(example: Example, *, one_sentence: bool = False) -> Doc:
    """A Doc with the tokens of the predicted Doc and, where they are annotated, the sentences of the reference.

    It shares the encoder's output with the predicted Doc, and leaves that Doc alone.
    one_sentence: Where neither of the two has sentences, make the text one: at initialisation no component has run.
    """
    require_same_text(example)
    predicted, reference = example.predicted, example.reference
    starts = None
    if reference.has_annotation("SENT_START"):
        starts = example.get_aligned_sent_starts()
    elif predicted.has_annotation("SENT_START"):
        starts = [bool(token.is_sent_start) for token in predicted]
    elif one_sentence:
        starts = [token.i == 0 for token in predicted]
    view = Doc(
        predicted.vocab,
        words=[token.text for token in predicted],
        spaces=[bool(token.whitespace_) for token in predicted],
        sent_starts=starts,
    )
    view.from_array(VIEW_ATTRIBUTES, predicted.to_array(VIEW_ATTRIBUTES))
    view.tensor = predicted.tensor
    view.user_data = dict(predicted.user_data)
    return view


def align_mentions(doc: Doc, annotated: Sequence[Span]) -> list[Span]:
    """The mentions of another Doc of the same text in the tokens of this one, widened to whole tokens where they end inside one."""
    return [span_at(doc, span.start_char, span.end_char, span.label_) for span in annotated]


def gold_keys(reference: Doc, labels: Sequence[str], symmetric: Collection[str], others: Collection[str] | None = ()) -> set[GoldKey]:
    """The annotated relations by character offsets, those of a symmetric label with the first mention as head.

    others: Labels of other components, whose relations are left out. None: all that are not among `labels`.
    RAISES: RelextError for a label that is neither among `labels` nor among `others`.
    """
    keys: set[GoldKey] = set()
    for relation in get_relations(reference):
        if relation.label not in labels:
            if others is None or relation.label in others:
                continue
            raise RelextError(
                f"{relation} in {reference.text[:60]!r}… has a label that the component does not know; it has {list(labels)}. Add the "
                "label, or take the relation out of the data. A new component gets its labels by [initialize.components.….labels], one "
                "that is trained further by the callback spacy-relext.add_labels.v1 as [initialize.before_init]; in code: "
                f"nlp.get_pipe(…).add_label({relation.label!r})."
            )
        ends = [(span.start_char, span.end_char) for span in (relation.head, relation.tail)]
        head, tail = sorted(ends) if relation.label in symmetric else ends
        keys.add((relation.label, head, tail))
    return keys


def make_targets(
    pairs: Ints2d,
    allowed: Bools2d,
    mentions: Sequence[Span],
    gold: set[GoldKey],
    labels: Sequence[str],
    symmetric: Collection[str],
    *,
    exclusive: bool,
) -> tuple[Floats2d, int]:
    """Targets of the candidate pairs.

    pairs (Ints2d): `[n_pairs, 2]`, indices of `mentions`, which are as they were annotated. allowed: `[n_pairs, n_columns]`.
    RETURNS: `[n_pairs, n_columns]`, and the number of annotated relations that no candidate pair can express. Targets are 0 or 1, but
        that exclusive labels of one pair share the 1: a pair with two labels has 0.5 of each, in whatever order they were annotated.
    """
    targets = numpy.zeros(allowed.shape, dtype="float32")
    column = {label: i for i, label in enumerate(labels, start=int(exclusive))}
    by_pair: dict[tuple[tuple[int, int], tuple[int, int]], list[GoldKey]] = {}
    for key in gold:
        label, head, tail = key
        by_pair.setdefault((head, tail), []).append(key)
        if label in symmetric:
            by_pair.setdefault((tail, head), []).append(key)
    place = [(span.start_char, span.end_char) for span in mentions]
    reached = set()
    for row, (i, j) in enumerate(pairs):
        for key in by_pair.get((place[i], place[j]), ()):
            if allowed[row, column[key[0]]]:
                targets[row, column[key[0]]] = 1.0
                reached.add(key)
    if exclusive:
        n_labels = targets[:, 1:].sum(axis=1, keepdims=True)
        targets[:, 1:] /= n_labels.clip(min=1)
        targets[:, :1] = n_labels == 0
    return targets, len(gold) - len(reached)
