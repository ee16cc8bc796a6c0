"""What was published, and how our runs are named that it is compared with: the data of the report."""

from typing import NamedTuple

# The label `corpus` of a run, and the name that the report prints.
CORPORA = {"ddi": "DDI 2013", "chemprot": "ChemProt", "aimed": "AIMed"}

# What the other summaries of the same encoding are compared with: [CLS] without BERT's pooler, which they drop as well, and the paper's
# baseline, with it.
BASELINE_ENCODING, BASELINES = "per-pair", ("cls raw", "cls pooled")
# What one pass per sentence is compared with: the paper's own system, one encoder pass per pair.
REFERENCE = "attention"


class Published(NamedTuple):
    """A published figure: model, encoder, P, R, F in percent; None where it was not given."""

    model: str
    encoder: str
    p: float | None
    r: float | None
    f: float


# Su & Vijay-Shanker, arXiv:2011.00398 and BMC Bioinformatics 23:120 (2022).
PUBLISHED = {
    "aimed": (
        Published("CLS", "BioBERT", 79.0, 83.3, 81.0),
        Published("CLS", "PubMedBERT", 80.1, 84.3, 82.1),
        Published("SLL_Att", "BioBERT", 80.7, 84.4, 82.5),
        Published("SLL_Att", "PubMedBERT", 81.3, 85.0, 83.1),
        Published("best", "with sub-domain pre-training", None, None, 84.0),
    ),
    "ddi": (
        Published("CLS", "BioBERT", 79.9, 78.1, 79.0),
        Published("CLS", "PubMedBERT", 82.6, 81.9, 82.3),
        Published("SLL_Att", "BioBERT", 81.3, 80.1, 80.7),
        Published("SLL_Att", "PubMedBERT", 84.3, 82.7, 83.5),
        Published("best", "with sub-domain pre-training", None, None, 84.0),
    ),
    "chemprot": (
        Published("CLS", "BioBERT", 74.3, 76.3, 75.3),
        Published("CLS", "PubMedBERT", 78.8, 75.9, 77.3),
        Published("SLL_Att", "BioBERT", 76.5, 77.1, 76.8),
        Published("SLL_Att", "PubMedBERT", 78.3, 77.6, 77.9),
        Published("best", "with sub-domain pre-training", None, None, 78.7),
    ),
}

# Table 8 of the 2022 paper: the word stems with the largest global attention weights, in its order, as far as we could read it.
PUBLISHED_KEYWORDS = {
    "aimed": ("activ", "complex", "associ", "interact", "human", "protein", "bind", "domain", "specif", "receptor"),
    "ddi": ("concomit", "combin", "increas", "use", "concurr", "decreas", "inhibit", "receiv", "administ"),
    "chemprot": ("phosphoryl", "attenu", "stimul", "deriv", "regul", "novel", "metabol", "reduc", "induc", "inhibit"),
}

# Which of our summaries, in the baseline's encoding, is the published model.
COUNTERPARTS = {"CLS": "cls pooled", "SLL_Att": "attention"}
