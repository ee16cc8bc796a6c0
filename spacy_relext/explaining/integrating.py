"""Integrated gradients (Sundararajan et al., arXiv:1703.01365), by captum: what each word adds to the log-odds of the score."""

from collections.abc import Callable
from typing import Any

import numpy
import torch
from torch import Tensor

from spacy_relext.errors import RelextError
from spacy_relext.explaining.asking import Question, prepared_pair
from spacy_relext.explaining.progress import Progress
from spacy_relext.extras import extra
from spacy_relext.ml.gradients import NO_EMBEDDINGS
from spacy_relext.ml.precision import decided_precision
from spacy_relext.pipeline.upstream import encoder_models, feeders

# Steps between masked text and text: more where they do not sum to the difference, but for long texts, of whose pieces so many are run at
# the most, forwards and back: some minutes of a small encoder on one core.
STEPS = (16, 32, 64, 128, 256)
FEWEST_STEPS, MOST_PIECES = 8, 60_000
# Word pieces that are run together: gradients are kept.
PIECES = 2**12
# The part of the difference (of 1 where it is smaller) that weights may lack, or have too much.
GAP = 0.05
# Log-odds by which the torch function may differ from the model.
SAME = 0.05


def integrate(question: Question, progress: Progress, most_steps: int = STEPS[-1]) -> tuple[list[tuple[int, int, float]], list[str], float]:
    """Characters of the part and their weights, what is to be said of it, and the difference that they should sum to.

    RAISES: RelextError for a model without word embeddings of torch, and where captum is not installed.
    """
    captum = extra("captum.attr")
    pipe, part = question.pipe, question.part
    made = pipe.model.attrs.get("differentiable")
    if made is None:
        raise RelextError(NO_EMBEDDINGS)
    prepared = prepared_pair(pipe, part, mirrored=question.mirrored)
    upstream = encoder_models(pipe, question.nlp)[0] if feeders(pipe, question.nlp) else None
    with decided_precision("float32"):
        function = made(pipe.model, ([part.doc], [prepared.candidates]), upstream)
    allowed = torch.as_tensor(prepared.allowed, device=function.embeddings.device)

    def log_odds(embeddings: Tensor) -> Tensor:
        return log_odds_of(function.logits(embeddings), allowed, question.column, exclusive=pipe.cfg["exclusive"])

    text, baseline = function.embeddings[None], function.baseline[None]
    with torch.no_grad():
        high, low = float(log_odds(text)), float(log_odds(baseline))
    expected = float(numpy.log(question.base) - numpy.log1p(-question.base)) if 0 < question.base < 1 else high
    if abs(high - expected) > SAME * max(1.0, abs(expected)):
        raise RelextError(
            f"integrated gradients follow the encoder from its embeddings, and it says {high:.2f} (log-odds) that way, where the model "
            f"says {expected:.2f}: it reads more than embeddings. Take another method."
        )
    n_pieces = text.shape[1] * text.shape[2]
    at_a_time = max(1, PIECES // n_pieces)
    for n_steps in [n for n in STEPS if n <= most_steps and n * n_pieces <= MOST_PIECES] or [FEWEST_STEPS]:
        weights = _integrated(captum, log_odds, text, baseline, n_steps, at_a_time, progress)
        total = float(weights.sum())
        if abs(total - (high - low)) <= GAP * max(1.0, abs(high - low)):
            break
    notes = []
    if abs(total - (high - low)) > GAP * max(1.0, abs(high - low)):
        notes.append(f"The weights sum to {total:.2f}, and should to {high - low:.2f}: the steps were too few for this text.")
    return list(function.to_places(weights[0].sum(dim=-1).double().cpu().numpy())), notes, high - low


def _integrated(
    captum: Any, log_odds: Callable[[Tensor], Tensor], text: Tensor, baseline: Tensor, n_steps: int, at_a_time: int, progress: Progress
) -> Tensor:
    """The gradients of so many steps, each of which is told to `progress`."""
    steps = iter(progress(range(n_steps), n_steps))

    def told(embeddings: Tensor) -> Tensor:
        for _ in embeddings:
            next(steps, None)
        return log_odds(embeddings)

    found: Tensor = captum.IntegratedGradients(told).attribute(
        text, baseline, n_steps=n_steps, internal_batch_size=at_a_time, method="gausslegendre"
    )
    # It is told that the last one is done.
    next(steps, None)
    return found


def log_odds_of(logits: Tensor, allowed: Tensor, column: int, *, exclusive: bool) -> Tensor:
    """Of the mean of the probabilities of both directions. logits: [n, n_pairs, n_columns]. RETURNS: [n]."""
    logits = logits.double()
    if exclusive:
        logits = logits.masked_fill(~allowed, -torch.inf)
        others = torch.cat([logits[..., :column], logits[..., column + 1 :]], dim=-1).logsumexp(dim=-1)
        everything = logits.logsumexp(dim=-1)
        yes, no = logits[..., column] - everything, others - everything
    else:
        yes, no = (torch.nn.functional.logsigmoid(sign * logits[..., column]) for sign in (1, -1))
    return yes.logsumexp(dim=-1) - no.logsumexp(dim=-1)
