"""The factory of the component, and the registry of its summaries.

spaCy imports this module with every pipeline that anybody makes. So it imports nothing but spaCy: the component, and torch with it, is
imported when one is made.
"""

from collections.abc import Callable
from typing import Any, Literal

import catalogue
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.util import registry
from thinc.api import Config, Model

# Of spaCy's own registries none is for torch modules. A new one is a name that a config can say, as spacy-transformers' `span_getters` is.
SUMMARIES = "relext_summaries"
if not hasattr(registry, SUMMARIES):
    setattr(registry, SUMMARIES, catalogue.create("spacy", SUMMARIES, entry_points=True))

DEFAULT_CONFIG = Config().from_str(
    """
[label_thresholds]

[candidates]
@misc = "spacy-relext.sentence_pairs.v1"
ordered = true

[scorer]
@scorers = "spacy-relext.relation_scorer.v1"

[model]
@architectures = "spacy-relext.PairClassifier.v1"
hidden_width = 96
dropout = 0.1

[model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 96
depth = 4
embed_size = 2000
window_size = 1
maxout_pieces = 3
subword_features = true

[model.summary]
@relext_summaries = "spacy-relext.pair_attention.v1"
n_heads = 6
"""
)


@Language.factory(
    "relation_extractor",
    assigns=["doc._.relations"],
    requires=["doc.ents", "token.is_sent_start"],
    default_config=DEFAULT_CONFIG,
    default_score_weights={
        "rel_micro_f": 1.0,
        "rel_micro_p": None,
        "rel_micro_r": None,
        "rel_macro_f": None,
        "rel_per_type": None,
    },
)
def make_relation_extractor(
    nlp: Language,
    name: str,
    model: Model,
    candidates: Callable[..., Any],
    scorer: Callable[..., Any] | None,
    threshold: float = 0.5,
    label_thresholds: dict[str, Any] | None = None,
    uncertain_below: Any = None,
    exclusive: bool = True,
    symmetric_labels: list[str] | None = None,
    type_rules: dict[str, list[list[str]]] | None = None,
    learn_type_rules: bool = False,
    spans_key: str | None = None,
    use_gold_mentions: bool = True,
    reduction: Literal["sum", "mean"] = "sum",
    rdrop_weight: float = 0.0,
    teacher_weight: float = 0.5,
    teacher_temperature: float = 1.0,
    max_pairs: int | None = None,
    overwrite: bool = False,
    score_prefix: str = "rel",
    consistency: float | None = None,
) -> Pipe:
    """Create the component `relation_extractor`. The settings are those of `RelationExtractor`.

    consistency: The name of `rdrop_weight` in pipelines that were stored before 0.1.0; until 0.2.
    """
    from spacy_relext.ml.patches.spacy import recognize_at_once
    from spacy_relext.pipeline.checks import Home
    from spacy_relext.pipeline.relation_extractor import RelationExtractor
    from spacy_relext.pipeline.settings import under_new_name

    rdrop_weight = under_new_name(name, "rdrop_weight", rdrop_weight, default=0.0, consistency=consistency)

    extractor = RelationExtractor(
        nlp.vocab,
        model,
        name,
        candidates=candidates,
        scorer=scorer,
        threshold=threshold,
        label_thresholds=label_thresholds,
        uncertain_below=uncertain_below,
        exclusive=exclusive,
        symmetric_labels=symmetric_labels,
        type_rules=type_rules,
        learn_type_rules=learn_type_rules,
        spans_key=spans_key,
        use_gold_mentions=use_gold_mentions,
        reduction=reduction,
        rdrop_weight=rdrop_weight,
        teacher_weight=teacher_weight,
        teacher_temperature=teacher_temperature,
        max_pairs=max_pairs,
        overwrite=overwrite,
        score_prefix=score_prefix,
    )
    extractor.checks.home = Home(nlp)
    extractor.checks.models(extractor, nlp)
    recognize_at_once(nlp)
    return extractor
