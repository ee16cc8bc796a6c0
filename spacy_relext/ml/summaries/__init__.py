"""Ways to summarise the last layer for a pair of mentions. Read `paper` first: what Su & Vijay-Shanker (arXiv:2011.00398) compared.

| module | summaries |
|---|---|
| `paper` | `Cls`, `Attention`, `Lstm`: [CLS], alone or beside a summary of the sequence |
| `pairs` | `Mentions`, `Between`, `Piecewise`, `PairAttention`: head and tail, alone or beside something |
| `probing` | `Mlp`, `Layers`: controls of the paper's analysis |
| `base` | `Summary`, `Contexts`, and what several summaries compute |

A summary is a torch module that turns `Contexts` (padded vectors of the last layer, and where each pair's mentions stand in them) into
one vector per pair, `[n_pairs, summary.width]`, and says which positions it looked at. Its constructor takes the settings of a config, and
`build` makes the layers when the sizes are known. A new way of reading the last layer is one class and one entry point: see
`docs/how-to/own-summary.md`.
"""

from spacy_relext.ml.summaries.base import Contexts, SequenceSummary, Summary, attend, last_state, sequences, stretches
from spacy_relext.ml.summaries.pairs import Between, Mentions, PairAttention, Piecewise
from spacy_relext.ml.summaries.paper import Attention, Cls, Lstm
from spacy_relext.ml.summaries.probing import Layers, Mlp

__all__ = [
    "Attention",
    "Between",
    "Cls",
    "Contexts",
    "Layers",
    "Lstm",
    "Mentions",
    "Mlp",
    "PairAttention",
    "Piecewise",
    "SequenceSummary",
    "Summary",
    "attend",
    "last_state",
    "sequences",
    "stretches",
]
