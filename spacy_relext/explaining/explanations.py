"""What every method of explanation gives: words, their weights and kinds, with their characters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from spacy.tokens import Doc, Span

from spacy_relext.errors import RelextError
from spacy_relext.ml.attention import Kind

Method = Literal["attention", "occlusion", "phrases", "integrated_gradients"]
METHODS: tuple[Method, ...] = get_args(Method)
ABOUT: Mapping[Method, str] = {
    "attention": "share of the summary's attention",
    "occlusion": "by how much the score falls without the word",
    "phrases": "by how much the score falls without the phrase",
    "integrated_gradients": "what the word adds to the log-odds of the score, beside masked text",
}


@dataclass(frozen=True)
class Word:
    """A word of the text, or a phrase, and its weight.

    start, end (int): Its characters in the Doc. weight (float): In the unit of the method; below 0 it speaks against the label.
    kind (str): "head", "tail", "mention" (another one) or "text".
    """

    text: str
    start: int
    end: int
    weight: float
    kind: Kind


@dataclass(frozen=True)
class Explanation:
    """Why an extractor gives a pair the score that it gives, by one method.

    head, tail (Span), label (str): What is explained. score (float): Its probability, as the model says it, before any calibration.
    words (Tuple[Word]): In the order of the text. Weights are in the unit of the method: of attention, shares of sum 1 at the most (what a
        marking puts into the text has the rest); of occlusion and phrases, the part of the score that goes with them; of integrated
        gradients, log-odds.
    notes (Tuple[str]): What bounds it.
    measured (Mapping | None): What `spacy_relext.measure_explanations` found for this method with this pipeline; None where nobody did.
    difference (float | None): Of integrated gradients: the log-odds of the score less those of masked text, to which weights should sum.
    """

    method: Method
    head: Span
    tail: Span
    label: str
    score: float
    words: tuple[Word, ...]
    notes: tuple[str, ...] = ()
    measured: Mapping[str, Any] | None = field(default=None, compare=False)
    difference: float | None = None

    def top(self, n: int = 5) -> list[tuple[str, float]]:
        """The words with the largest weights, whatever their sign, and their weights."""
        return [(word.text, word.weight) for word in sorted(self.words, key=lambda word: -abs(word.weight))[:n]]

    @property
    def doc(self) -> Doc:
        """The Doc."""
        return self.head.doc

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data, characters in the place of Spans."""
        return {
            "method": self.method,
            "head": [self.head.start_char, self.head.end_char],
            "tail": [self.tail.start_char, self.tail.end_char],
            "label": self.label,
            "score": self.score,
            "words": [vars(word) for word in self.words],
            "notes": list(self.notes),
            "measured": None if self.measured is None else dict(self.measured),
            **({} if self.difference is None else {"difference": self.difference}),
        }


def checked_methods(methods: str | Sequence[str] | None) -> tuple[Method, ...]:
    """Methods by name, all if none is named. RAISES: RelextError for a name that is none."""
    named = METHODS if methods is None else (methods,) if isinstance(methods, str) else tuple(methods)
    for name in named:
        if name not in METHODS:
            raise RelextError(f"there is no method {name!r:.40} of explanation. There are: {', '.join(METHODS)}.")
    if not named:
        raise RelextError(f"no method of explanation is named. Name one of {', '.join(METHODS)}, or None for all.")
    return named  # type: ignore[return-value]  # which is checked above
