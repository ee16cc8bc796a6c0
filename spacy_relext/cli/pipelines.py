"""Trained pipelines as the commands want them."""

import spacy
from spacy.language import Language

from spacy_relext.errors import RelextError
from spacy_relext.pipeline.relation_extractor import RelationExtractor


def load_pipeline(model: str) -> Language:
    """Load a pipeline, with a message for the ways in which that commonly fails."""
    try:
        return spacy.load(model)
    except OSError as error:
        raise RelextError(f"the pipeline {model!r} cannot be loaded: {error}") from error


def extractor_of(nlp: Language, model: str) -> RelationExtractor:
    """The relation extractor of a pipeline."""
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, RelationExtractor):
            return pipe
    raise RelextError(f"the pipeline {model!r} has no relation extractor; it has {nlp.pipe_names}.")


def mention_finders(nlp: Language) -> list[str]:
    """The components that find mentions."""
    return [name for name in nlp.pipe_names if {"doc.ents", "doc.spans"} & set(nlp.get_pipe_meta(name).assigns)]
