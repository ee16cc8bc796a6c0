"""Why an annotated relation is no candidate."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import numpy
from spacy.tokens import Doc, Span

from spacy_relext.candidates import are_of_types, has_sentences, sentence_bounds, sentence_of
from spacy_relext.pipeline.preparing import Extractor, candidate_pairs, symmetric_labels

NO_HEAD, NO_TAIL, NO_MENTION = "the head is not found", "the tail is not found", "neither mention is found"
OTHER_SENTENCE, TOO_FAR = "in another sentence", "too far away"
TYPES, DIRECTION, OVERLAPPING = "the types may not have this label", "only the other direction is a candidate", "the mentions overlap"
MAX_PAIRS, FUNCTION = "more pairs than max_pairs", "the candidate function leaves it out"


def why_no_candidate(pipe: Extractor, doc: Doc, spans: list[Span], label: str, heads: Sequence[int], tails: Sequence[int]) -> str:
    """Why no candidate pair of a Doc can have an annotated relation.

    spans: The mentions of the Doc. heads, tails: Those at the places of head and tail, as indices.
    """
    if not heads or not tails:
        return NO_MENTION if not heads and not tails else NO_HEAD if not heads else NO_TAIL
    proposed = set(map(tuple, candidate_pairs(pipe, doc, spans).tolist()))
    asked = list(product(heads, tails))
    mirrored = [(tail, head) for head, tail in asked]
    symmetric = label in symmetric_labels(pipe)
    there = [pair for pair in [*asked, *(mirrored if symmetric else ())] if pair in proposed]
    rules = pipe.cfg["type_rules"].get(label)
    if there:
        return TYPES if rules is not None and not _of_types(spans, there, rules, ordered=not symmetric) else MAX_PAIRS
    if not symmetric and any(pair in proposed for pair in mirrored):
        return DIRECTION
    return _why_not_proposed(getattr(pipe.get_pairs, "keywords", {}), doc, spans, asked)


def _why_not_proposed(settings: dict[str, Any], doc: Doc, spans: list[Span], asked: list[tuple[int, int]]) -> str:
    """settings: Those of the candidate function, as far as it is one of ours."""
    head, tail = sorted((spans[i] for i in asked[0]), key=lambda span: (span.start, span.end))
    if tail.start < head.end and not settings.get("overlapping", False):
        return OVERLAPPING
    if settings.get("types") is not None and not _of_types(spans, asked, settings["types"], ordered=settings.get("ordered", True)):
        return TYPES
    if "max_distance" in settings and tail.start - head.end > settings["max_distance"]:
        return TOO_FAR
    if has_sentences(doc):
        one, other = sentence_of(sentence_bounds(doc)[0], numpy.asarray([head.start, tail.start]))
        if one != other:
            return OTHER_SENTENCE
    return FUNCTION


def _of_types(spans: list[Span], pairs: Iterable[tuple[int, int]], types: list[list[str]], *, ordered: bool) -> bool:
    return bool(are_of_types([span.label_ for span in spans], numpy.asarray(list(pairs)), types, ordered=ordered).any())
