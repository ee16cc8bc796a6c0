"""A pipeline on a contrast set, for Python and for `relext contrast`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.language import Language

import spacy_relext
from spacy_relext.contrasts.asking import Answer, ask
from spacy_relext.contrasts.figures import Figures, by_phenomenon, figures_of
from spacy_relext.contrasts.guidelines import Guideline, guideline_for
from spacy_relext.contrasts.sets import HALVES, Question, read_set
from spacy_relext.errors import RelextError
from spacy_relext.evaluation import Progress, opened
from spacy_relext.pipeline.settings import checked_threshold
from spacy_relext.relations import register_extensions

NEVER_RELATED = "nothing in it is related, and no pair is a candidate"


@dataclass(frozen=True)
class Contrast:
    """What a pipeline does on a contrast set.

    answers: What it says of each line that was asked. phenomena: The figures of each. halves: Those of each half that was asked.
    set, digest: What was asked, and which content it had. guideline: By which names.
    not_asked: Groups whose labels or types the pipeline does not have, and those in which nothing is related and no pair a candidate.
    left_out: The same by reason, as "unknown label INHIBITS": how many groups, and how many lines they have.
    half: The only one that was asked; None: both. component: The extractor. threshold: The one that was given; None: its own.
    """

    answers: Sequence[Answer]
    phenomena: dict[str, Figures]
    all: Figures
    halves: dict[str, Figures]
    set: str
    digest: str
    guideline: str
    not_asked: int
    left_out: Mapping[str, tuple[int, int]]
    half: str | None
    component: str
    threshold: float | None

    def failures(self, *, held_out: bool = False) -> list[Answer]:
        """The answers that are not as expected. held_out: Those of the held-out half, too; whoever reads them has seen it."""
        return [answer for answer in self.answers if not answer.passes and (held_out or answer.question.half == HALVES[0])]

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON."""
        return {
            "set": self.set,
            "digest": self.digest,
            "guideline": self.guideline,
            "component": self.component,
            "threshold": self.threshold,
            "half": self.half,
            "sentences": len(self.answers),
            "groups_not_asked": self.not_asked,
            "left_out": {why: {"groups": groups, "sentences": lines} for why, (groups, lines) in self.left_out.items()},
            "phenomena": {name: figures.to_dict() for name, figures in self.phenomena.items()},
            "all": self.all.to_dict(),
            "halves": {name: figures.to_dict() for name, figures in self.halves.items()},
            "versions": {"spacy-relext": spacy_relext.__version__},
        }


def contrast(
    pipeline: str | Path | Language,
    contrast_set: str | Path | None = None,
    *,
    half: str | None = None,
    guideline: str | Path | None = None,
    component: str | None = None,
    threshold: float | None = None,
    progress: Progress = lambda examples, total, task: examples,
) -> Contrast:
    """Ask a pipeline the questions of a contrast set: minimal pairs of sentences, each with the relation of two mentions that is expected.

        found = contrast("en_relext_demo")
        print(found.phenomena["co-occurring"].false_positives)

    The mentions of the set are given, and so are its sentences; the pipeline's extractor decides, at its threshold.

    pipeline: Its name or folder, or one that is loaded. contrast_set: A JSONL file or a folder of them; None: the one of the package.
    half: Only this one, "open" or "held-out". Whoever improves a model looks at the open one, and asks the other one once.
    guideline: "demo", "ddi", "chemprot", or a JSON file of one's own that says what the set's labels and types are called by the pipeline.
        None: the one by which most of them are its own.
    component: Which relation extractor, where there are several. threshold: In the place of the extractor's own.
    RAISES: DataError for what is no contrast set; RelextError for what does not fit together.
    """
    register_extensions()
    nlp, pipe = opened(pipeline, component)
    if threshold is not None:
        threshold = checked_threshold(pipe.name, threshold)
    questions = read_set(contrast_set).of_half(half)
    names = guideline_for(questions, pipe.labels, pipe.cfg["mention_types"], guideline)
    chosen = [question for group in questions.groups.values() if not _why_not(names, group) for question in group]
    answers = ask(nlp, pipe, names, chosen, threshold=threshold, progress=progress)
    if chosen and not (answers := _without_never_related(answers)):
        raise RelextError(
            f"{questions.name} has no group to ask about: nothing in it is related, and no pair of it is a candidate of {pipe.name}, so it "
            "cannot be found related. `candidates` in the config says which pairs are."
        )
    if not answers:
        reasons = ", ".join(_left_out(names, questions.groups.values(), ()))
        raise RelextError(
            f"{questions.name} has no group whose labels and types are those of the pipeline, by the guideline {names.name}: "
            f"{reasons or 'none of this half'}. The pipeline has the labels {', '.join(pipe.labels)}, and mentions of the types "
            f"{', '.join(pipe.cfg['mention_types'])}."
        )
    left_out = _left_out(names, questions.groups.values(), {answer.question.group for answer in answers})
    halves = {name: [answer for answer in answers if answer.question.half == name] for name in HALVES}
    return Contrast(
        answers=answers,
        phenomena=by_phenomenon(answers),
        all=figures_of(answers),
        halves={name: figures_of(of_half) for name, of_half in halves.items() if of_half},
        set=questions.name,
        digest=questions.digest,
        guideline=names.name,
        not_asked=sum(groups for groups, _ in left_out.values()),
        left_out=left_out,
        half=half,
        component=pipe.name,
        threshold=threshold,
    )


def _why_not(guideline: Guideline, group: Sequence[Question]) -> str:
    """Why a group is not asked: the labels and types that a pipeline does not have; empty where it is asked."""
    # Types come before labels, and each in the order of its names, so that one reason is not told in two ways.
    named = {why for question in group for why in guideline.lacks(question)}
    return "; ".join(sorted(named, key=lambda why: (why.startswith("unknown label"), why)))


def _left_out(guideline: Guideline, groups: Iterable[Sequence[Question]], asked: Collection[str]) -> dict[str, tuple[int, int]]:
    """The groups that were not asked, by reason: how many, and how many lines they have."""
    found: dict[str, tuple[int, int]] = {}
    for group in groups:
        if group[0].group not in asked:
            why = _why_not(guideline, group) or NEVER_RELATED
            n_groups, n_lines = found.get(why, (0, 0))
            found[why] = n_groups + 1, n_lines + len(group)
    return found


def _without_never_related(answers: Sequence[Answer]) -> list[Answer]:
    """The answers without groups of pairs that are expected not to be related, and are no candidates: nothing was asked of the model."""
    asked = {answer.question.group for answer in answers if answer.expected or answer.candidate}
    return [answer for answer in answers if answer.question.group in asked]
