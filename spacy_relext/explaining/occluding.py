"""Occlusion: by how much the score falls without a word, or without a phrase."""

from collections.abc import Iterator, Sequence
from typing import Any

from spacy_relext.explaining.asking import Question
from spacy_relext.explaining.progress import Progress
from spacy_relext.explaining.removing import Place, Removal

# Tokens that are run for one explanation at the most: less than a minute of a small encoder on one core. And the fewest stretches that a
# text is cut into, however long it is.
MOST_TOKENS, FEWEST = 60_000, 12
# A phrase is cut before these, and after others: what binds it to the words before it, or begins a clause.
_BINDING = (
    "and or but nor than that which who whom whose when while where whereas if unless because since although though "
    "however of in on at by for with without from to into after before during between among via through under over "
    "about as"
)
BREAKS = frozenset(_BINDING.split())
LONGEST = 6


def occlude(question: Question, removal: Removal, progress: Progress) -> tuple[list[tuple[Place, float]], list[str]]:
    """The part of the score that goes with each place, and what is to be said of it."""
    places = question.part.places()
    n_runs = max(FEWEST, MOST_TOKENS // max(len(question.part.doc), 1))
    groups = list(stretches(places, n_runs))
    found = drops(question, groups, removal, progress)
    notes = []
    if len(groups) < len(places):
        notes.append(
            f"A text of {len(question.part.doc):,} tokens: {len(places):,} words were removed in {len(groups):,} stretches, and the words "
            "of one share its weight."
        )
    return [(place, weight / len(group)) for group, weight in zip(groups, found, strict=True) for place in group], notes


def occlude_phrases(question: Question, removal: Removal, progress: Progress) -> tuple[list[tuple[list[Place], float]], list[str]]:
    """The same by phrase."""
    groups = phrases(question)
    n_runs = max(FEWEST, MOST_TOKENS // max(len(question.part.doc), 1))
    notes = []
    if len(groups) > n_runs:
        merged = [[place for group in together for place in group] for together in stretches(groups, n_runs)]
        notes.append(f"A text of {len(question.part.doc):,} tokens: {len(groups):,} phrases were removed in {len(merged):,} stretches.")
        groups = merged
    return list(zip(groups, drops(question, groups, removal, progress), strict=True)), notes


def drops(question: Question, groups: Sequence[Sequence[Place]], removal: Removal, progress: Progress) -> list[float]:
    """By how much the score falls without each of some groups of places."""
    scores = progress(question.scored(groups, removal), len(groups))
    return [question.base - score for score in scores]


def stretches(things: Sequence[Any], n: int) -> Iterator[Sequence[Any]]:
    """The same in n stretches at the most, of about the same length."""
    n = min(n, len(things))
    for i in range(n):
        yield things[len(things) * i // n : len(things) * (i + 1) // n]


def phrases(question: Question) -> list[list[Place]]:
    """Places that stand together, cut at punctuation, before words such as prepositions and conjunctions, at head and tail, after six."""
    doc, groups, previous = question.part.doc, list[list[Place]](), None
    for place in question.part.places():
        token = doc[place.first]
        is_apart = previous is None or place.first != previous.end or token.is_punct or doc[previous.first].is_punct
        if is_apart or token.lower_ in BREAKS or len(groups[-1]) == LONGEST:
            groups.append([])
        groups[-1].append(place)
        previous = place
    return groups
