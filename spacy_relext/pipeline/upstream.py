"""What encodes the text for an extractor: a model of its own, or of components that it listens to."""

from typing import Any

from spacy.language import Language
from spacy_transformers.data_classes import HFObjects

from spacy_relext.ml.listeners import listens_to
from spacy_relext.pipeline.preparing import Extractor


def feeders(pipe: Extractor, nlp: Language | None) -> list[Any]:
    """The components whose output the extractor reads."""
    if listens_to(pipe.model) is None or nlp is None:
        return []
    return [other for _, other in nlp.components if pipe.name in getattr(other, "listener_map", {})]


def encoder_models(pipe: Extractor, nlp: Language | None) -> list[Any]:
    """The models with what encodes the text."""
    return [other.model for other in feeders(pipe, nlp)] or [pipe.model]


def hugging_face(pipe: Extractor, nlp: Language | None) -> HFObjects | None:
    """The Hugging Face encoder that it reads, with its tokenizer; None where there is none."""
    shims = (shim for model in encoder_models(pipe, nlp) for node in model.walk() for shim in node.shims)
    return next((shim._hfmodel for shim in shims if getattr(shim, "_hfmodel", None) is not None), None)
