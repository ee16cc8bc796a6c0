"""Two pipelines on the same documents."""

from spacy_relext.report.analysis import Analysis, Comparison


def compare(one: Analysis, other: Analysis) -> Comparison:
    """What `one` does better or worse than `other`. RAISES: RelextError where the documents, or what is annotated in them, differ."""
    raise NotImplementedError
