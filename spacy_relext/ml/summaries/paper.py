"""The summaries of the paper (Su & Vijay-Shanker, arXiv:2011.00398): [CLS], and beside it an attention or an LSTM over the last layer."""

import torch
from torch import Tensor, nn

from spacy_relext.errors import RelextError
from spacy_relext.ml.summaries.base import Beside, Contexts, SequenceSummary, Summary, attend, last_state, sequences, stretches


class Cls(Summary):
    """The vector of [CLS]: what most relation classifiers read. Registered as `spacy-relext.cls.v1`.

    pooled (bool): Through the encoder's own pooler, tanh(W h + b): the paper's baseline. False: h itself, the control for summaries
        that stand beside h and drop the pooler.
    layer (int): After which layer: 1 is the first, -1 the last.
    """

    def __init__(self, pooled: bool = False, layer: int = -1):
        super().__init__()
        if layer == 0 or (pooled and layer != -1):
            raise RelextError(f"cls: layer is {layer}; layers count from 1, or from -1 at the end, and the pooler reads the last.")
        self.pooled = pooled
        self.layer = layer - 1 if layer > 0 else layer
        self.needs = frozenset({"pooled" if pooled else "cls"})

    def build(self, width: int, n_types: int) -> None:
        self.width = width

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        if self.pooled:
            assert contexts.pooled is not None  # `needs`
            return contexts.pooled[contexts.row], None
        assert contexts.cls is not None
        n_layers = contexts.cls.shape[1]
        if not -n_layers <= self.layer < n_layers:
            raise RelextError(f"cls: layer is {self.layer + 1}, and the encoder has {n_layers} layers.")
        return contexts.cls[contexts.row, self.layer], None


class Attention(SequenceSummary):
    """The paper's SLL_Att: [h; Σ α_t x_t] with α = softmax_t(x_t·w), over the positions that the pair reads.

    Registered as `spacy-relext.attention.v1`.

    projections (bool): [h; Σ α_t V x_t] with α = softmax_t((K x_t)·w).
    beside (str): What stands beside it: "cls", the last layer's vector of [CLS], as in the paper; "mentions", head and tail; "nothing".
    """

    def __init__(self, projections: bool = False, beside: Beside = "cls"):
        super().__init__(beside)
        self.projections = projections

    def build(self, width: int, n_types: int) -> None:
        self.set_width(width, width)
        self.score = nn.Linear(width, 1, bias=False)
        self.key = nn.Linear(width, width, bias=False) if self.projections else nn.Identity()
        self.value = nn.Linear(width, width, bias=False) if self.projections else nn.Identity()

    def read(self, tokens: Tensor, types: Tensor) -> Tensor:
        return torch.cat([self.value(tokens), self.score(self.key(tokens))], dim=-1)

    def forward(self, contexts: Contexts) -> tuple[Tensor, Tensor]:
        row, inside, pair = stretches(contexts)
        value, score = contexts.tokens[row].split([contexts.tokens.shape[-1] - 1, 1], dim=-1)
        weights = attend(score[..., 0], inside)
        summary = (weights[:, None].to(value.dtype) @ value)[:, 0]
        return self.with_cls(contexts, summary[pair]), weights[pair]


class Lstm(SequenceSummary):
    """The paper's SLL_LSTM, [h; last state of an LSTM over x_1 … x_n]; both last states where it is bidirectional.

    Registered as `spacy-relext.lstm.v1`.

    bidirectional (bool): SLL_biLSTM: one reads from the left, the other from the right.
    beside (str): What stands beside it: "cls", the last layer's vector of [CLS], as in the paper; "mentions", head and tail; "nothing".
    """

    def __init__(self, bidirectional: bool = False, beside: Beside = "cls"):
        super().__init__(beside)
        self.bidirectional = bidirectional

    def build(self, width: int, n_types: int) -> None:
        self.set_width(width, 2 * width if self.bidirectional else width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.reverse = nn.LSTM(width, width, batch_first=True) if self.bidirectional else None

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        tokens, lengths, pair = sequences(contexts)
        # Padding comes after all that counts: so nothing need be packed, which takes twice as long to train on a CPU, or more.
        states = [last_state(self.lstm, tokens, lengths)]
        if self.reverse is not None:
            backwards = (lengths[:, None] - 1 - torch.arange(tokens.shape[1], device=tokens.device)).clamp_min(0)
            states.append(last_state(self.reverse, tokens.take_along_dim(backwards[..., None], dim=1), lengths))
        return self.with_cls(contexts, torch.cat(states, dim=-1)[pair]), None
