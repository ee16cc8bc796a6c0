"""What the report says in words: figures as text, the kinds of errors and what helps against them, and the outcome of a comparison."""

from collections.abc import Sequence
from typing import NamedTuple

from spacy_relext.notices import counted
from spacy_relext.report.analysis import Claim, Denied, Difference, Division, Error, Estimate, Group

LONGEST = 60
# Intervals are those of 95 %: a difference whose interval has no 0 in it is one.
MINUS = "−"


class Kind(NamedTuple):
    """A kind of errors. name: As a heading. what: What it is. helps: What to look at, or to do."""

    name: str
    what: str
    helps: str


KINDS: dict[Group, Kind] = {
    "no_candidate": Kind(
        "Missed: no candidate pair",
        "The model was never asked about these pairs, so no threshold and no training finds them.",
        "Look at the reason of each: a candidate function that reaches across sentences, wider type rules, or better sentences make "
        "candidates of them.",
    ),
    "below_threshold": Kind(
        "Missed: below the threshold",
        "The model read these pairs, and no label reached the threshold.",
        "The surest come first: the model has learned nothing like them, and more training examples of their kind help most. Those at the "
        "end are close calls, which a lower threshold finds, at the cost of precision.",
    ),
    "wrong_label": Kind(
        "Wrong label",
        "The pair is right, and another label is annotated.",
        "See which labels take each other's place. Where people would hesitate too, the guidelines of annotation need a clearer line.",
    ),
    "wrong_direction": Kind(
        "Wrong direction",
        "The label is right, and head and tail are exchanged.",
        "Where the direction means nothing, name the label in the setting symmetric_labels. Otherwise look at passive sentences and lists "
        "first.",
    ),
    "spurious": Kind(
        "Predicted, not annotated",
        "The model found a relation where none is annotated.",
        "The surest come first. Read some twenty: those that are right after all are gaps in the annotation. The unsure ones at the end go "
        "with a higher threshold, at the cost of recall.",
    ),
}

DIVISIONS: dict[Division, tuple[str, str]] = {
    "label": ("By label", "label"),
    "types": ("By types of head and tail", "types"),
    "distance": ("By distance", "tokens between the mentions"),
    "sentence_length": ("By length of the sentence", "tokens of the sentence"),
    "mentions": ("By mentions in the sentence", "annotated mentions"),
    "sentences": ("Within and across sentences", "sentences"),
    "assertion": ("By what the annotation says of the pair", "the annotation"),
}


def percent(share: float | None) -> str:
    """A share as a figure with one decimal, which is all that a table has room for."""
    return "" if share is None else f"{100 * share:.1f}"


def interval(estimate: Estimate) -> str:
    """The interval of a share."""
    return f"{percent(estimate.low)}–{percent(estimate.high)}"


def points(difference: float) -> str:
    """A difference of shares, with its sign."""
    rounded = f"{100 * abs(difference):.1f}"
    return rounded if rounded == "0.0" else f"{MINUS if difference < 0 else '+'}{rounded}"


def chance(p: float) -> str:
    """The p of a comparison: as small as it may be, it is not 0."""
    return "< 0.001" if p < 0.0005 else f"= {p:.3f}"


def score(value: float | None) -> str:
    """A probability."""
    return "" if value is None else f"{value:.2f}"


def shortened(text: str, longest: int = LONGEST) -> str:
    """A text of one line at most, cut in its middle where it is longer."""
    text = " ".join(text.split())
    half = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


def outcome(one: str, other: str, difference: Difference) -> str:
    """What a comparison says."""
    estimate = difference.difference
    figures = f"95 % interval of the difference {points(estimate.low)} to {points(estimate.high)} F, p {chance(difference.p)}"
    if estimate.low <= 0 <= estimate.high:
        return f"These documents do not tell the two apart: {one} has {points(estimate.value)} F beside {other} ({figures})."
    better, worse = (one, other) if estimate.value > 0 else (other, one)
    return f"{better} is better than {worse} by {100 * abs(estimate.value):.1f} F ({figures})."


def denied_in_words(denied: Denied) -> str:
    """What became of the pairs that the annotation denies."""
    share = f"{percent(denied.share.value)} %, 95 % interval {interval(denied.share)}"
    got = f"{denied.related:,} got a relation that is not annotated ({share})"
    return f"Of {counted(denied.pairs, 'pair', 'pairs')} that the annotation denies, {got}."


def outcome_of_denied(one: str, other: str, n_pairs: int, difference: Difference) -> str:
    """What a comparison says of denied pairs."""
    estimate = difference.difference
    figures = f"95 % interval {points(estimate.low)} to {points(estimate.high)}, p {chance(difference.p)}"
    found = f"{one} finds {percent(difference.one)} % related, {other} {percent(difference.other)} %"
    pairs = counted(n_pairs, "pair", "pairs")
    return f"Of {pairs} that the annotation denies, {found}: a difference of {points(estimate.value)} ({figures}). Less is better."


def commonest(errors: Sequence[Error], most: int = 3) -> str:
    """Of which labels the most errors are, and for what other labels they stand."""
    counts: dict[str, int] = {}
    for error in errors:
        if error.group == "no_candidate" and error.why:
            name = error.why
        elif error.annotated and error.predicted and error.annotated.label != error.predicted.label:
            name = f"{shortened(error.predicted.label)} in the place of {shortened(error.annotated.label)}"
        else:
            claim = error.annotated or error.predicted
            name = shortened(claim.label) if claim else ""
        counts[name] = counts.get(name, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    rest = f", {len(ranked) - most} more" if len(ranked) > most else ""
    return ", ".join(f"{name} ({count:,})" for name, count in ranked[:most]) + rest


def distribution(claim: Claim, most: int = 3) -> str:
    """What the model says of a pair: the labels with the highest probabilities, and no-relation."""
    if not claim.scores:
        return ""
    ranked = sorted(claim.scores.items(), key=lambda item: -item[1])[:most]
    if claim.no_relation is not None:
        ranked = sorted([*ranked, ("no relation", claim.no_relation)], key=lambda item: -item[1])
    return ", ".join(f"{shortened(name)} {score(value)}" for name, value in ranked if value >= 0.005)


def left_out(total: int, shown: int, max_errors: int) -> str:
    """Which pictures of a group are not there."""
    if shown == total:
        return ""
    which = f"the {shown:,} of which the model was surest are shown, and" if shown else "none is shown:"
    rest = counted(total - shown, "error is", "errors are")
    return f"Of {total:,}, {which} {rest} left out: --max-errors is {max_errors:,} pictures in all, divided evenly over the groups."
