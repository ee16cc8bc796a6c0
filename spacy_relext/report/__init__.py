"""A pipeline on annotated Docs, looked at closely.

    analysis = analyse(nlp, docs)
    analysis.gold_mentions.errors.groups["spurious"][0].picture

Where it is right and wrong, every error with its place, and two pipelines compared.
"""

from spacy_relext.report.analysing import analyse
from spacy_relext.report.analysis import Analysis, Comparison
from spacy_relext.report.comparing import compare
from spacy_relext.report.page import write_report

__all__ = ["Analysis", "Comparison", "analyse", "compare", "write_report"]
