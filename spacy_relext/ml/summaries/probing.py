"""Controls of the paper's analysis: a summary that keeps all of the last layer, and summaries of [CLS] after every layer."""

from typing import Literal

from torch import Tensor, nn

from spacy_relext.errors import RelextError
from spacy_relext.ml.summaries.base import Beside, Contexts, SequenceSummary, Summary, sequences


class Mlp(SequenceSummary):
    """A linear map of the flattened layer, [h; W [x_1; …; x_n; 0; …]]. Registered as `spacy-relext.mlp.v1`.

    length (int): The largest number of positions; the map has length · width² weights. Longer contexts are an error: set the encoder's
        limit to it.
    beside (str): What stands beside it: "cls", the last layer's vector of [CLS], as in the paper; "mentions", head and tail; "nothing".
    """

    def __init__(self, length: int = 128, beside: Beside = "cls"):
        super().__init__(beside)
        self.length = length

    def build(self, width: int, n_types: int) -> None:
        self.set_width(width, width)
        self.map = nn.Linear(self.length * width, width)

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        tokens, _, pair = sequences(contexts)
        if tokens.shape[1] > self.length:
            raise RelextError(f"mlp: a context has {tokens.shape[1]} positions, and the map is for {self.length}. Set its length to more.")
        # Positions beyond the text are zeros: the weights of those that are there are all that counts.
        flat = tokens.flatten(1)
        summary = nn.functional.linear(flat, self.map.weight[:, : flat.shape[1]], self.map.bias)
        return self.with_cls(contexts, summary[pair]), None


class Layers(Summary):
    """Attention or an LSTM over the vectors of [CLS] after each of the encoder's layers: the paper's layer analysis.

    Registered as `spacy-relext.layers.v1`.

    by (str): "attention", with the formula of `Attention`, or "lstm", from the first layer to the last.
    """

    needs = frozenset({"cls"})

    def __init__(self, by: Literal["attention", "lstm"] = "attention"):
        super().__init__()
        if by not in ("attention", "lstm"):
            raise RelextError(f'layers: by is {by!r}; it can be "attention" or "lstm".')
        self.by = by

    def build(self, width: int, n_types: int) -> None:
        self.width = width
        self.over: nn.Module = nn.LSTM(width, width, batch_first=True) if self.by == "lstm" else nn.Linear(width, 1, bias=False)

    def forward(self, contexts: Contexts) -> tuple[Tensor, None]:
        assert contexts.cls is not None
        if self.by == "lstm":
            _, (last, _) = self.over(contexts.cls)
            return last[0][contexts.row], None
        weights = self.over(contexts.cls).softmax(dim=1)  # [n_rows, n_layers, 1]
        return (weights * contexts.cls).sum(dim=1)[contexts.row], None
