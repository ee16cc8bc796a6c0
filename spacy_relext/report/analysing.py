"""`analyse`: a pipeline on annotated Docs, from the predictions that `evaluate` makes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from spacy_relext.report.analysis import Analysis


def analyse(pipeline: str | Path | Language, docs: str | Path | Iterable[Doc], *, attention: bool = False, **settings: Any) -> Analysis:
    """Where the relations of a pipeline are right and wrong.

    pipeline, docs, settings: As in `spacy_relext.evaluate`, whose figures are `Analysis.evaluation`. attention: Also what the model read
        for the pairs of errors: the encoder runs once more over these.
    RAISES: RelextError as `evaluate` does, and where nothing is annotated for the labels of the pipeline.
    """
    raise NotImplementedError
