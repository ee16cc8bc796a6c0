"""The errors of a report: which are drawn, and what stands beside each picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from spacy_relext.displacy.picture import Picture
from spacy_relext.report import words
from spacy_relext.report.analysis import GROUPS, Analysis, Comparison, Error, Errors, Group

# Pictures of a report: with these it stays below 5 MB.
MAX_ERRORS = 1000
# Of a group, those that are seen without a click.
OPEN = 5


@dataclass(frozen=True)
class _Chapter:
    """A group of errors as the page has it. what: What it is."""

    anchor: str
    name: str
    what: str
    errors: Sequence[Error]
    of_comparison: bool = False


def make_sections(analysis: Analysis, comparison: Comparison | None, max_errors: int) -> list[dict[str, Any]]:
    """The groups of errors, each with its pictures as far as they may be drawn; those of a comparison first, as the page has them."""
    chapters = [*(_of_comparison(comparison) if comparison is not None else ()), *_of_analysis(analysis)]
    numbers = count(1)
    sections = []
    for chapter, share in zip(chapters, shares([len(chapter.errors) for chapter in chapters], max_errors), strict=True):
        cases = [_case(error, next(numbers), analysis) for error in chapter.errors[:share]]
        sections.append(
            {
                "anchor": chapter.anchor,
                "name": chapter.name,
                "what": chapter.what,
                "total": len(chapter.errors),
                "first": cases[:OPEN],
                "rest": cases[OPEN:],
                "left_out": words.left_out(len(chapter.errors), share, max_errors),
                "of_comparison": chapter.of_comparison,
            }
        )
    return sections


def _of_comparison(comparison: Comparison) -> Iterator[_Chapter]:
    compared = comparison.gold_mentions
    mended = "Errors of the other pipeline that this one does not make."
    yield _Chapter("group-mended", "Mended", mended, _in_one(compared.mended), of_comparison=True)
    yield _Chapter("group-new", "New", "Errors that the other pipeline does not make.", _in_one(compared.new), of_comparison=True)


def _of_analysis(analysis: Analysis) -> Iterator[_Chapter]:
    groups = analysis.gold_mentions.errors.groups
    for group in GROUPS:
        if groups.get(group):
            kind = words.KINDS[group]
            yield _Chapter(anchor_of(group), kind.name, kind.what, groups[group])
    if analysis.predicted_mentions is not None:
        known = {_key(error) for errors in groups.values() for error in errors}
        further = [error for error in _in_one(analysis.predicted_mentions.errors) if _key(error) not in known]
        if further:
            what = "Errors between the mentions that the pipeline finds by itself, and not between annotated ones."
            yield _Chapter("group-further", "With predicted mentions only", what, further)


def anchor_of(group: Group) -> str:
    """Where the errors of a group stand in the page."""
    return f"group-{group.replace('_', '-')}"


def _in_one(errors: Errors) -> list[Error]:
    """Those of all groups, those first of which the model was surest."""
    found = [error for group in GROUPS for error in errors.groups.get(group, ())]
    return sorted(found, key=lambda error: -1.0 if error.certainty is None else error.certainty, reverse=True)


def _key(error: Error) -> tuple[Any, ...]:
    claims = (error.annotated, error.predicted)
    return (error.document, *((c.label, c.head.start, c.head.end, c.tail.start, c.tail.end) if c else None for c in claims))


def shares(sizes: Sequence[int], total: int) -> list[int]:
    """How many of each group there is room for, evenly: what a small group does not need goes to the others."""
    found = [0] * len(sizes)
    left = total
    for n_before, i in enumerate(sorted(range(len(sizes)), key=lambda i: sizes[i])):
        found[i] = min(sizes[i], left // (len(sizes) - n_before))
        left -= found[i]
    return found


def _case(error: Error, number: int, analysis: Analysis) -> dict[str, Any]:
    claim = error.predicted or error.annotated
    if claim is None:
        raise ValueError("an error without a relation")
    document = analysis.documents[error.document]
    return {
        "anchor": f"error-{number}",
        "number": number,
        "head": words.shortened(claim.head.text),
        "tail": words.shortened(claim.tail.text),
        "symmetric": claim.symmetric,
        "annotated": error.annotated,
        "predicted": error.predicted,
        "why": error.why,
        "distribution": words.distribution(claim),
        "document": words.shortened(document.id),
        "place": f"characters {error.start:,}–{error.end:,}",
        "picture": Picture.from_dict(error.picture),
    }
