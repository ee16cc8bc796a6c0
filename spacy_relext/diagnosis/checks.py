"""All checks of a corpus, in order."""

from collections.abc import Callable, Iterator

from spacy.language import Language

from spacy_relext.diagnosis.data import Data, Finding
from spacy_relext.diagnosis.labels import (
    check_balance,
    check_directions,
    check_ends,
    check_labels,
    check_pairs,
    check_storage,
    check_types,
)
from spacy_relext.diagnosis.lengths import Encoder, check_lengths, estimated_encoder
from spacy_relext.diagnosis.repeats import check_contradictions, check_repeats
from spacy_relext.diagnosis.settings import Settings, check_settings
from spacy_relext.diagnosis.suggestions import Suggestions, suggest
from spacy_relext.diagnosis.texts import check_alignment, check_mentions, check_parts, check_sentences, check_texts

CHECKS: tuple[Callable[[Data], Iterator[Finding]], ...] = (
    check_parts,
    check_storage,
    check_texts,
    check_mentions,
    check_ends,
    check_pairs,
    check_directions,
    check_types,
    check_labels,
    check_sentences,
    check_balance,
    check_repeats,
    check_contradictions,
)
SEVERITIES = ("error", "warning", "info")


def run_checks(
    data: Data,
    nlp: Language,
    *,
    encoder: Encoder | None = None,
    settings: Settings | None = None,
    suggested: Suggestions | None = None,
) -> list[Finding]:
    """Run all checks; errors come first.

    nlp: Gives the tokenizer that predicts. encoder: Counts word pieces; None: estimated. settings: A config that the data is held against.
    suggested: What the data suggests, where it is known already.
    """
    findings = [finding for check in CHECKS for finding in check(data)]
    findings += check_alignment(data, nlp)
    if settings is None:
        findings += check_lengths(data, encoder or estimated_encoder())
    elif settings.get_windows is not None:
        findings += check_lengths(data, encoder or estimated_encoder(), settings.get_windows)
    if settings is not None and any(text.relations for text in data.train):
        findings += check_settings(data, settings, suggested or suggest(data))
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
