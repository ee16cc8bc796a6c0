"""The figures of a contrast set: by phenomenon, of each half, and of all."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from spacy_relext.contrasts.asking import RIGHT, Answer
from spacy_relext.contrasts.intervals import Share, share_of

# The phenomena whose false positives are the headline: pairs that are said not to be related, or not said to be.
HEADLINE = ("co-occurring", "negated", "hedged")


@dataclass(frozen=True)
class Figures:
    """What came of some groups, as shares with intervals.

    consistent: Of the groups, those in which every line passes.
    false_positives: Of the pairs that are not related, those that are found related.
    failures: Of the pairs that are related, those that are missed, or found with another label or in the other direction.
    kinds: How many failures of each kind.
    changed: Of the lines that are compared with another one of their group, those that are not as expected: INV and DIR.
    """

    consistent: Share
    false_positives: Share
    failures: Share
    kinds: dict[str, int]
    changed: Share

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        shares = ("consistent", "false_positives", "failures", "changed")
        return {name: getattr(self, name).to_dict() for name in shares} | {"kinds": self.kinds}


def figures_of(answers: Iterable[Answer]) -> Figures:
    """The figures of some answers, of whole groups."""
    answers = list(answers)
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(answer.question.group, []).append(answer)
    related = [answer for answer in answers if answer.expected]
    return Figures(
        consistent=share_of((group[0].question.frame, all(answer.passes for answer in group)) for group in groups.values()),
        false_positives=_wrong(answer for answer in answers if answer.expected == frozenset()),
        failures=_wrong(related),
        kinds=dict(sorted(Counter(str(answer.outcome) for answer in related if answer.outcome != RIGHT).items())),
        changed=share_of((a.question.frame, not a.as_compared) for a in answers if a.as_compared is not None),
    )


def _wrong(answers: Iterable[Answer]) -> Share:
    """Those of some answers whose outcome is not right."""
    return share_of((answer.question.frame, answer.outcome != RIGHT) for answer in answers)


def by_phenomenon(answers: Sequence[Answer]) -> dict[str, Figures]:
    """The figures of each phenomenon: those of the headline first, then in the order of the set."""
    names = dict.fromkeys(answer.question.phenomenon for answer in answers)
    order = [*(name for name in HEADLINE if name in names), *(name for name in names if name not in HEADLINE)]
    return {name: figures_of(a for a in answers if a.question.phenomenon == name) for name in order}
