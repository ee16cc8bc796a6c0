"""Whether a training learns anything: its loss beside what the frequencies of the labels alone would give, and what it predicts."""

import numpy

from spacy_relext.notices import Notices, counted
from spacy_relext.types import Bools2d, Floats1d, Floats2d

# Updates that are looked at together; so many such windows, or evaluations, are no chance.
WINDOW, SEVERAL = 100, 3
# Fewer updates are early for any encoder, however often they are evaluated.
EARLY = 200
# The share of the entropy that a loss must fall below, and the relations that a window must have for it to say something.
LEARNED, FEW_RELATIONS = 0.98, 10

_CURES = (
    "Likely causes: a learning rate that does not fit the encoder (try a third of [training.optimizer.learn_rate] initial_rate, and three "
    "times it), a head that learns too slowly for it (learn_rate_scale of the model 10 or 20), or relations that do not follow from the "
    "text (`python -m spacy relext debug-data` looks at them). While the rate is still warming up, wait."
)


class Progress:
    """What a training has done so far. Not stored with a pipeline."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin with another training."""
        self.n_updates = self.n_bad_windows = self.n_empty_evaluations = self._updates_at_evaluation = 0
        self._begin_window()

    def _begin_window(self) -> None:
        self._n, self._loss = 0, 0.0
        # Of pairs that may have the same labels: their number, and the sums of their targets.
        self._targets: dict[bytes, tuple[float, Floats2d]] = {}

    def update(
        self,
        name: str,
        notices: Notices,
        loss: float,
        allowed: Bools2d,
        targets: Floats2d,
        weights: Floats1d | None = None,
        *,
        exclusive: bool,
    ) -> None:
        """An update.

        loss: The sum of the cross-entropies of its pairs. allowed, targets: `[n_pairs, n_columns]`. weights: `[n_pairs]`, of each pair in
            the loss. None: 1.
        """
        self.n_updates += 1
        if not notices.wants("no progress"):
            return
        self._n, self._loss = self._n + 1, self._loss + loss
        weights = numpy.ones(len(targets)) if weights is None else weights
        allowed, targets, weights = (given[weights > 0] for given in (allowed, targets, weights))
        if allowed.all():
            patterns, inverse = allowed[:1], numpy.zeros(len(allowed), dtype="int64")
        else:
            patterns, inverse = numpy.unique(allowed, axis=0, return_inverse=True)
        for row, pattern in enumerate(patterns):
            these = inverse.reshape(-1) == row
            n, total = self._targets.get(pattern.tobytes(), (0, numpy.zeros(len(pattern))))
            self._targets[pattern.tobytes()] = (n + weights[these].sum(), total + weights[these] @ targets[these])
        if self._n < WINDOW:
            return
        n_pairs = sum(n for n, _ in self._targets.values())
        expected = sum(entropy(n, total, exclusive=exclusive) for n, total in self._targets.values())
        n_relations = sum(total[int(exclusive) :].sum() for _, total in self._targets.values())
        bad = n_relations >= FEW_RELATIONS and self._loss >= LEARNED * expected
        self.n_bad_windows = self.n_bad_windows + 1 if bad else 0
        if self.n_bad_windows >= SEVERAL:
            notices.warn(
                "no progress",
                f"{name}: nothing is learned. After {self.n_updates:,} updates the loss of a pair is {self._loss / n_pairs:.3f}, and the "
                f"frequencies of the labels alone would give {expected / n_pairs:.3f}. {_CURES}",
            )
        self._begin_window()

    def evaluation(self, name: str, notices: Notices, n_annotated: int, *, found: bool) -> None:
        """An evaluation, and whether any relation was predicted in it. Those without an update before them do not count."""
        if self.n_updates == self._updates_at_evaluation or not n_annotated:
            return
        self._updates_at_evaluation = self.n_updates
        self.n_empty_evaluations = 0 if found else self.n_empty_evaluations + 1
        if self.n_empty_evaluations >= SEVERAL and self.n_updates >= EARLY:
            notices.warn(
                "no progress",
                f"{name}: nothing is learned. None of {counted(n_annotated, 'annotated relation', 'annotated relations')} was predicted in "
                f"{self.n_empty_evaluations} evaluations, after {self.n_updates:,} updates. A threshold that no probability reaches does "
                f"the same: try a lower one. {_CURES}",
            )


def entropy(n: float, totals: Floats1d, *, exclusive: bool) -> float:
    """The cross-entropy, in nats and summed over `n` pairs, of the best prediction that is the same for all of them.

    n: The number of pairs, or the sum of their weights. totals: `[n_columns]`, the sums of their targets.
    """
    share = numpy.asarray(totals, dtype="float64") / n
    if not exclusive:
        share = numpy.stack([share, 1 - share])
    logarithms = numpy.log(share, out=numpy.zeros_like(share), where=share > 0)
    return float(-n * (share * logarithms).sum())
